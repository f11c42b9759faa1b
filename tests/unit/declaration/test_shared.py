# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts share: who makes what, which declarations contradict each other, and whom a failure concerns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._declaration.shared import declarations, failures, shared

APPLICATION = {
    "unique_name": "app",
    "generate_certificate": {"certificate_path": "/pki/a.crt", "key_path": "/pki/a.key"},
}
VAULT = {"name": "akv-1", "resource_group": "rg", "location": "westeurope"}


def host(**changes: Any) -> list[dict[str, Any]]:
    own = {"application": APPLICATION, "azure_vault": VAULT, "repair_prerequisites": True, **changes}
    return declarations([], own)


def work(hosts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """For each host the tasks that it runs."""
    return {name: {task: of for task, of in tasks.items() if of} for name, tasks in shared(hosts)["work"].items()}


def conflict(**hosts: Sequence[Any]) -> str:
    (one,) = shared(hosts)["conflicts"]
    return str(one)


def test_an_object_is_made_once_by_the_first_host_that_declares_it() -> None:
    second = {**VAULT, "name": "akv-2"}

    assert work({"a": host(), "b": host(), "c": host(azure_vault=second)}) == {
        "a": {"applications": [0], "vaults": [0], "granted_first": [0]},
        "b": {},
        "c": {"vaults": [0], "granted": [0]},
    }


def test_the_groups_of_one_host_share_as_well() -> None:
    groups = [{"name": "one"}, {"name": "two", "azure_vault": {**VAULT, "name": "akv-2"}}, {"name": "three"}]
    declared = declarations(groups, {"application": APPLICATION, "azure_vault": VAULT, "check_prerequisites": True})

    assert work({"a": declared}) == {"a": {"applications": [0], "vaults": [0, 1], "judged": [0, 1]}}


def test_rights_are_repaired_where_one_host_wants_it_and_not_judged_apart() -> None:
    hosts = {"a": host(repair_prerequisites=False, check_prerequisites=True), "b": host()}

    assert work(hosts)["b"] == {"granted_first": [0]}
    assert "judged" not in work(hosts)["a"]
    assert shared(hosts)["groups"]["a"][0]["rights"]["host"] == "b"


def test_a_group_that_wants_neither_does_not_depend_on_the_rights() -> None:
    assert shared({"a": host(repair_prerequisites="no"), "b": host()})["groups"]["a"][0]["rights"] is None


@pytest.mark.parametrize(
    ("vaults", "serial"), [(("akv-1", "akv-1", "akv-1"), True), (("akv-1", "akv-2", "akv-3"), False)]
)
def test_a_vault_is_given_rights_by_one_at_a_time(vaults: Sequence[str], serial: bool) -> None:
    hosts = {
        f"h{number}": host(
            azure_vault={**VAULT, "name": name}, application={"unique_name": f"app-{number}"}, name=f"group-{number}"
        )
        for number, name in enumerate(vaults)
    }

    assert shared(hosts)["serial_grants"] is serial
    assert shared(hosts)["conflicts"] == []


def test_the_same_said_in_other_words_is_no_contradiction() -> None:
    other = {"name": "AKV-1", "resource_group": "RG", "location": "West Europe", "tags": None}

    assert shared({"a": host(), "b": host(azure_vault=other)})["conflicts"] == []
    assert "vaults" not in work({"a": host(), "b": host(azure_vault=other)})["b"]


def selecting(**changes: Any) -> list[dict[str, Any]]:
    """A host whose vault is there."""
    own = {
        "application": {"client_id": "AAAAAAAA-1111-4111-8111-aaaaaaaaaaaa"},
        "vault": {"tags": {"Env": "prod"}},
        "link_subscription_id": "99999999-1111-4111-8111-99999999999a",
        "repair_prerequisites": True,
    }
    return declarations([], {**own, **changes})


RESOURCE_ID = "/subscriptions/one/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/akv"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"application": {"client_id": "aaaaaaaa-1111-4111-8111-AAAAAAAAAAAA"}}),
        ({}, {"link_subscription_id": "99999999-1111-4111-8111-99999999999A"}),
        ({}, {"vault": {"tags": {"env": "prod"}}}),
        ({"vault": {"name": "akv-1"}}, {"vault": {"name": "AKV-1"}}),
        ({"vault": {"resource_id": RESOURCE_ID}}, {"vault": {"resource_id": f"{RESOURCE_ID.lower()}/"}}),
        ({"vault": {"uri": "https://akv.vault.azure.net"}}, {"vault": {"uri": "https://AKV.vault.azure.net/"}}),
        ({"application": {"unique_name": "app"}}, {"application": {"unique_name": "App"}}),
        ({"application": {"display_name": "App"}}, {"application": {"display_name": "app"}}),
        (
            {"application": {}, "link_client_id": "aaaaaaaa-1111-4111-8111-aaaaaaaaaaaa"},
            {"application": {}, "link_client_id": "AAAAAAAA-1111-4111-8111-aaaaaaaaaaaa"},
        ),
        (
            {"rights_profile": "explicit", "key_permissions": ["get", "wrapKey"]},
            {"rights_profile": "explicit", "key_permissions": ["Get", "wrapkey"]},
        ),
    ],
)
def test_rights_are_granted_once_however_application_and_vault_are_spelled(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    hosts = {"a": selecting(**one), "b": selecting(**{**one, **other})}

    assert shared(hosts)["conflicts"] == []
    assert work(hosts)["b"] == {}


@pytest.mark.parametrize("other", [{"vault": {"tags": {"env": "Prod"}}}, {"vault": {"tags": {"team": "prod"}}}])
def test_other_tags_may_name_another_vault(other: dict[str, Any]) -> None:
    assert "granted" in work({"a": selecting(), "b": selecting(**other)})["b"]


def test_tags_of_a_vault_are_the_same_in_another_letter_case() -> None:
    one, other = {**VAULT, "tags": {"Env": "prod"}}, {**VAULT, "tags": {"env": "prod"}}

    assert shared({"a": host(azure_vault=one), "b": host(azure_vault=other)})["conflicts"] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"azure_vault": {**VAULT, "location": "northeurope"}},
            'vault "akv-1" differently: location (westeurope, northeurope)',
        ),
        ({"azure_vault": {**VAULT, "permission_model": "rbac"}}, "permission_model (not set, rbac)"),
        ({"link_subscription_id": "other"}, "link_subscription_id (not set, other)"),
        ({"application": {"unique_name": "app"}}, 'application "app" differently: generate_certificate'),
        ({"rights_profile": "least_privilege"}, "rights_profile (not set, least_privilege)"),
        ({"application": {**APPLICATION, "unique_name": "other"}}, "use separate files"),
    ],
)
def test_hosts_that_contradict_each_other_are_named(changes: dict[str, Any], words: str) -> None:
    found = shared({"a": host(), "b": host(**changes)})["conflicts"]

    assert words in " ".join(found)
    assert all(sentence.startswith("a and b ") for sentence in found)


def test_two_hosts_cannot_set_up_one_group() -> None:
    assert conflict(a=host(name="akv"), b=host(name=" akv ")) == 'a and b both declare the group "akv".'


def test_a_list_that_contradicts_itself_is_told_by_position() -> None:
    declared = declarations([{"azure_vault": VAULT}, {"azure_vault": {**VAULT, "type": "premium"}}], {})

    assert conflict(a=declared).startswith("a (group 1) and a (group 2) declare")


def test_a_declaration_holds_no_credential() -> None:
    secrets = {
        "link_client_secret": "canary-1",
        "link_private_key": "canary-2",
        "tls": {"client_key": "canary-3"},
        "application": {"unique_name": "app", "secret": "canary-4", "certificates": ["canary-5"]},
        "vault": {"name": "akv", "secret": "canary-6"},
    }

    assert "canary" not in str(declarations([secrets], secrets))


PLACES = shared({"a": host(), "b": host()})["groups"]["b"]


def test_a_failure_concerns_the_hosts_that_need_what_failed() -> None:
    other = host(azure_vault={**VAULT, "name": "akv-2"})
    groups = shared({"a": host(), "b": host(), "c": other})["groups"]
    failed = {"cdc_setup_vaults": {"results": [{"failed": True, "msg": "No such resource group."}]}}
    results = {"a": failed, "b": {}, "c": {"cdc_setup_vaults": {"results": [{"changed": True}]}}}

    words = 'The task for the vault "akv-1" failed on host a: No such resource group.'
    assert {name: failures(places, results) for name, places in groups.items()} == {"a": [words], "b": [words], "c": []}


def test_a_task_that_failed_before_its_first_object_concerns_all_of_them() -> None:
    results = {"a": {"cdc_setup_applications": {"failed": True, "msg": "Wrong."}}}

    assert failures(PLACES, results) == ['The task for the application "app" failed on host a: Wrong.']


def test_in_one_task_a_failure_names_the_element_of_the_list() -> None:
    places = shared({'groups[0] "akv-0"': host()})["groups"]['groups[0] "akv-0"']
    results = {'groups[0] "akv-0"': {"applications": {"failed": True, "msg": "Wrong."}}}

    assert failures(places, results, prefix="") == [
        'The task for the application "app" failed for groups[0] "akv-0": Wrong.'
    ]


def test_rights_that_are_not_there_are_told_with_their_remedy() -> None:
    finding = {"id": "keys/get", "expected": "get", "actual": "missing.", "remedy": "grant it.", "status": "failed"}
    results = {"a": {"cdc_setup_granted_first": {"results": [{"verdict": "failed", "findings": [finding]}]}}}

    (told,) = failures(PLACES, results)
    assert "keys/get (get): missing. Next: grant it." in told


def test_what_was_left_out_by_its_tag_has_not_failed() -> None:
    assert failures(PLACES, {"a": {}}) == []
