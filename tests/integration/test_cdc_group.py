# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.3 and 4.7: the group and its link."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group
from sandbox import Fault, Profile, Sandbox
from support.operate import Operator
from support.playbook import Ansible

from .conftest import link_options

Given = Callable[..., dict[str, Any]]


def stored(sandbox: Sandbox, name: str) -> dict[str, Any] | None:
    """The group as DSM answers it, read without the collection."""
    return sandbox.do(lambda state: state.dsm.find_group(name))


@pytest.mark.every_core
def test_plan_of_a_new_group_writes_nothing_and_comes_true(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    task = {"cdc_group": {"name": name, **link, "description": "Keys", "custom_metadata": {"owner": "blue"}}}

    mark = sandbox.journal.mark()
    planned = ansible.tasks(task, check=True)
    assert planned[0].changed
    assert sandbox.journal.writes(since=mark) == []

    made = ansible.tasks(task)
    assert made[0].changed
    assert made[0]["diff"] == planned[0]["diff"]
    assert made[0]["plan"] == planned[0]["plan"]
    assert made[0]["group"].keys() == planned[0]["group"].keys()
    assert (planned[0]["group"]["planned"], planned[0]["group"]["exists"]) == (True, False)
    assert (made[0]["group"]["planned"], made[0]["group"]["exists"]) == (False, True)


def test_second_run_changes_nothing_and_takes_one_request(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str], given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    mark = sandbox.journal.mark()
    run = ansible.tasks({"cdc_group": {"name": name, **link, "vault": {"name": "akv-sandbox-prem"}}})
    assert not run[0].changed
    assert run[0]["plan"] == []
    assert run[0]["group"]["link"]["credential_match"] == "recorded"
    assert len(sandbox.journal.since(mark)) == 1


def test_a_run_with_nothing_to_change_needs_no_secret_and_no_ids(
    ansible: Ansible, name: str, given_group: Given
) -> None:
    given_group(description="Keys")
    run = ansible.tasks({"cdc_group": {"name": name, "description": "Keys"}})
    assert run.code == 0
    assert not run[0].changed


EDITS: list[tuple[str, dict[str, Any], str]] = [
    ("description", {"description": "New"}, "description"),
    ("description-removed", {"description": ""}, "description"),
    ("metadata", {"custom_metadata": {"owner": "red", "old": None}}, "custom_metadata.owner"),
    ("vault", {"vault": {"name": "akv-sandbox-std", "type": "standard"}}, "link.vault.uri"),
    ("secret", {"update_credential": "always"}, "link.credential"),
]


@pytest.mark.parametrize(("options", "field"), [edit[1:] for edit in EDITS], ids=[edit[0] for edit in EDITS])
def test_each_field_is_edited_as_planned_and_alone(
    ansible: Ansible,
    sandbox: Sandbox,
    name: str,
    link: Mapping[str, str],
    given_group: Given,
    options: Mapping[str, Any],
    field: str,
) -> None:
    before = given_group(
        description="Old",
        custom_metadata={"owner": "blue", "old": "1", "kept": "2"},
        vault={"name": "akv-sandbox-prem"},
    )
    secret = {"link_client_secret": link["link_client_secret"]} if field.startswith("link") else {}
    task = {"cdc_group": {"name": name, **secret, **options}}

    mark = sandbox.journal.mark()
    planned = ansible.tasks(task, check=True)
    assert sandbox.journal.writes(since=mark) == []
    made = ansible.tasks(task)

    assert field in made[0]["plan"][0]["after"] or field in made[0]["plan"][0]["before"]
    assert made[0]["diff"] == planned[0]["diff"]
    touched = {key.split(".")[0] for change in made[0]["plan"] for key in {**change["before"], **change["after"]}}
    for part in {"description", "custom_metadata", "link"} - touched:
        assert made[0]["group"][part] == before[part]
    again = ansible.tasks({"cdc_group": {"name": name, **secret, **options, "update_credential": "on_change"}})
    assert not again[0].changed


def test_link_ids_of_a_disconnected_group_are_edited(
    ansible: Ansible, name: str, link: Mapping[str, str], given_group: Given
) -> None:
    given_group(link_client_id=str(uuid.uuid4()))
    run = ansible.tasks({"cdc_group": {"name": name, **link}})
    assert run[0]["group"]["link"]["client_id"] == link["link_client_id"]
    assert set(run[0]["plan"][0]["after"]) == {"link.client_id", "link.credential"}


def test_renames_by_id(ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given) -> None:
    group_id = given_group()["group_id"]
    run = ansible.tasks({"cdc_group": {"group_id": group_id, "name": name + "-2"}})
    assert run[0]["group"]["name"] == name + "-2"
    assert run[0]["group"]["group_id"] == group_id
    assert stored(sandbox, name) is None


def test_a_new_client_secret_is_noticed_and_written_once(own_sandbox: Sandbox, tmp_path: Path) -> None:
    ansible = Ansible(own_sandbox.environment(), tmp_path)
    link = link_options(own_sandbox)
    ansible.tasks({"cdc_group": {"name": "rotated", **link}})
    client_id = link["link_client_id"]
    link["link_client_secret"] = own_sandbox.do(lambda state: state.azure.public.add_secret(client_id).value)

    run = ansible.tasks({"cdc_group": {"name": "rotated", **link}}, {"cdc_group": {"name": "rotated", **link}})
    assert [outcome.changed for outcome in run.outcomes] == [True, False]
    assert run[0]["plan"][0]["after"] == {"link.credential": "written by this task"}


def test_a_group_made_by_hand_keeps_what_is_not_named(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    """Design fact 1: the link never loses what was not named, fields that we do not know included."""
    config = {
        "kind": "AZUREKEYVAULT",
        "url": "https://AKV-sandbox-prem.vault.azure.net",
        "tls": {"mode": "required", "validate_hostname": False, "ca": {"ca_set": "global_roots"}},
        "auth_config": {"mode": "client_secret", "client_secret": link["link_client_secret"]},
        "tenant_id": link["link_tenant_id"].upper(),
        "client_id": link["link_client_id"],
        "subscription_id": link["link_subscription_id"],
        "key_vault_type": "Premium",
    }
    sandbox.do(lambda state: state.dsm.add_group(name, hmg=config))
    unchanged = ansible.tasks(
        {"cdc_group": {"name": name, "link_tenant_id": link["link_tenant_id"], "vault": {"name": "akv-sandbox-prem"}}}
    )
    assert not unchanged[0].changed
    assert "host validation is off" in unchanged.output

    # Which secret DSM holds is not known, but the link connects with it: nothing is to be done.
    secret = {"link_client_secret": link["link_client_secret"]}
    known = ansible.tasks({"cdc_group": {"name": name, **secret}})
    assert (known[0].changed, known[0]["group"]["link"]["credential_match"]) == (False, "unknown")

    run = ansible.tasks({"cdc_group": {"name": name, **secret, "update_credential": "always"}})
    assert run[0].changed
    assert run[0]["group"]["link"]["tls"]["validate_host"] is False
    assert run[0]["group"]["link"]["vault"]["uri"] == "https://akv-sandbox-prem.vault.azure.net/"


def test_removes_an_empty_group_and_finds_it_gone(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group()
    task = {"cdc_group": {"name": name, "state": "absent"}}
    planned = ansible.tasks(task, check=True)
    assert stored(sandbox, name) is not None
    run = ansible.tasks(task, task)
    assert [outcome.changed for outcome in run.outcomes] == [True, False]
    assert run[0]["diff"] == planned[0]["diff"]
    assert run[0]["group"].keys() == run[1]["group"].keys()
    assert stored(sandbox, name) is None


@pytest.mark.every_core
def test_does_not_remove_a_group_with_keys_and_tells_how_many(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    group_id = given_group()["group_id"]
    sandbox.do(lambda state: [state.dsm.add_key(group_id, name=f"{name}-{number}") for number in range(3)])
    run = ansible.tasks({"cdc_group": {"name": name, "state": "absent"}})
    assert "it holds 3 key(s)" in run.message
    assert stored(sandbox, name) is not None


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_local_group_of_that_name_is_an_error_and_stays(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str], state: str
) -> None:
    sandbox.do(lambda state: state.dsm.add_group(name))
    mark = sandbox.journal.mark()
    run = ansible.tasks({"cdc_group": {"name": name, "state": state, **link}})
    assert "it is a local group, not linked to Azure Key Vault" in run.message
    assert sandbox.journal.writes(since=mark) == []


def test_a_connected_link_is_not_replaced_by_one_that_fails(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str], given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    wrong = {"name": name, "link_client_secret": "wrong~Value.that_nobody-gave-out-0123456789"}
    mark = sandbox.journal.mark()
    planned = ansible.tasks({"cdc_group": wrong}, check=True)
    run = ansible.tasks({"cdc_group": wrong})
    assert "the link is connected, and with this change it would not be" in run.message
    assert "AADSTS7000215" in run.message
    assert planned.message.partition("Trace ID")[0] == run.message.partition("Trace ID")[0]
    assert sandbox.journal.writes(since=mark) == []

    forced = ansible.tasks({"cdc_group": {**wrong, "allow_disconnect": True}})
    assert forced[0].changed
    assert "does not connect as it is going to be" in forced.output


def test_a_group_with_keys_is_not_moved_away_from_them(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str], given_group: Given
) -> None:
    group_id = given_group(vault={"name": "akv-sandbox-prem"})["group_id"]
    sandbox.do(lambda state: state.dsm.add_key(group_id, name=name))
    task = {"name": name, **link, "vault": {"name": "akv-sandbox-std"}}
    mark = sandbox.journal.mark()
    run = ansible.tasks({"cdc_group": task})
    assert "a change of vault and vault type would move it away from its keys, and it holds 1 key" in run.message
    assert sandbox.journal.writes(since=mark) == []

    moved = ansible.tasks({"cdc_group": {**task, "allow_move": True}})
    assert moved[0]["group"]["link"]["vault"]["name"] == "akv-sandbox-std"


def test_a_new_group_is_saved_though_its_link_does_not_connect(
    ansible: Ansible, name: str, link: Mapping[str, str]
) -> None:
    """Guide 4.6."""
    task = {
        "name": name,
        **link,
        "link_client_secret": "wrong~Value.that_nobody-gave-out-0123456789",
        "vault": {"name": "akv-sandbox-prem", "type": "premium"},
    }
    run = ansible.tasks({"cdc_group": task}, {"cdc_group": task})
    assert [outcome.changed for outcome in run.outcomes] == [True, False]
    assert run[0]["group"]["link"]["vault"]["uri"] == "https://akv-sandbox-prem.vault.azure.net/"
    assert "is taken as given" in run.output


def test_several_groups_of_one_name_are_an_error_that_lists_their_ids(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    body = '[{"group_id": "%s", "name": "%s"}, {"group_id": "%s", "name": "%s"}]'
    ids = [str(uuid.uuid4()), str(uuid.uuid4())]
    sandbox.faults.add(
        Fault(
            plane="dsm",
            method="GET",
            route="/sys/v1/groups",
            times=None,
            status=200,
            body=body % (ids[0], name, ids[1], name),
            content_type="application/json",
        )
    )
    run = ansible.tasks({"cdc_group": {"name": name, **link}})
    assert "2 groups have this name" in run.message
    assert all(group_id in run.message for group_id in ids)


@pytest.mark.parametrize("filter_", ["honoured", "ignored"])
@pytest.mark.parametrize("paging", ["modern", "none"])
def test_old_servers_do_not_get_a_second_group(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str], filter_: str, paging: str
) -> None:
    sandbox.profile = Profile(group_filter=filter_, group_paging=paging)
    task = {"cdc_group": {"name": name, **link}}
    run = ansible.tasks(task, task)
    assert [outcome.changed for outcome in run.outcomes] == [True, False]


@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_group_that_its_name_does_not_find_is_not_taken_for_absent(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str], times: int | None, check_mode: bool
) -> None:
    """An index behind the list, or a server that cuts pages before it filters: only the list has it."""
    operate(cdc_group, name=name + "-other", **link)
    made = operate(cdc_group, name=name, **link)["group"]

    def without_it(body: bytes) -> bytes:
        found = json.loads(body)
        return b"[]" if [group["name"] for group in found] == [name] else body

    sandbox.faults.add(Fault("dsm", "GET", "/sys/v1/groups", times=times, rewrite=without_it))

    again = operate(cdc_group, check_mode=check_mode, name=name, **link)

    assert (again["changed"], again["group"]["group_id"]) == (False, made["group_id"])
    assert sandbox.do(lambda state: [one.name for one in state.dsm.default_account.groups].count(name)) == 1


def test_an_application_that_is_only_planned_is_planned_with_in_check_mode_alone(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    pending = {**link, "link_client_id": "00000000-0000-0000-0000-000000000000"}
    del pending["link_client_secret"]
    vault = {"uri": "https://akv-not-made-yet.vault.azure.net/", "type": "premium", "planned": True}
    planned = ansible.tasks(
        {"cdc_group": {"name": name, **pending, "vault": vault}, "register": "made"},
        {"cdc_connection": {"group": "{{ made.group }}"}},
        {"cdc_sync": {"group": "{{ made.group }}"}},
        check=True,
    )
    assert [outcome.changed for outcome in planned.outcomes] == [True, False, False]
    assert planned[0]["group"]["link"]["vault"]["uri"] == vault["uri"]
    assert planned[1]["status"] == "unknown"
    mark = sandbox.journal.mark()
    assert "an application that is not made yet" in ansible.tasks({"cdc_group": {"name": name, **pending}}).message
    assert sandbox.journal.since(mark) == []
