# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.3 and 4.7: the group and its link."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    cdc_connection,
    cdc_group,
    cdc_group_info,
    cdc_sync,
)
from sandbox import Fault, Profile, Sandbox
from support.operate import Operator
from support.playbook import Ansible

from .conftest import link_options

Given = Callable[..., dict[str, Any]]


def stored(sandbox: Sandbox, name: str) -> dict[str, Any] | None:
    """The group as DSM answers it, read without the collection."""
    return sandbox.do(lambda state: state.dsm.find_group(name))


@pytest.mark.every_core
def test_a_play_plans_and_makes_a_group_and_does_not_remove_one_with_keys(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str], given_group: Given
) -> None:
    full = given_group(name=name + "-full")["group_id"]
    sandbox.do(lambda state: [state.dsm.add_key(full, name=f"{name}-{number}") for number in range(3)])
    task = {"cdc_group": {"name": name, **link, "description": "Keys", "custom_metadata": {"owner": "blue"}}}

    mark = sandbox.journal.mark()
    run = ansible.tasks({**task, "check_mode": True}, task, {"cdc_group": {"name": name + "-full", "state": "absent"}})

    planned, made, refused = run.outcomes
    assert (planned.changed, made.changed) == (True, True)
    assert made["diff"] == planned["diff"]
    assert made["plan"] == planned["plan"]
    assert made["group"].keys() == planned["group"].keys()
    assert (planned["group"]["planned"], planned["group"]["exists"]) == (True, False)
    assert (made["group"]["planned"], made["group"]["exists"]) == (False, True)
    assert refused.status == "failed"
    assert "it contains 3 keys;" in run.message
    assert stored(sandbox, name + "-full") is not None
    # Neither the plan nor the refusal has written anything.
    assert [entry.method for entry in sandbox.journal.writes(since=mark)] == ["POST"]


def test_second_run_changes_nothing_and_takes_one_request(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str], given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    mark = sandbox.journal.mark()
    again = operate(cdc_group, name=name, **link, vault={"name": "akv-sandbox-prem"})
    assert not again["changed"]
    assert again["plan"] == []
    assert again["group"]["link"]["credential_match"] == "recorded"
    assert len(sandbox.journal.since(mark)) == 1


def test_a_run_with_nothing_to_change_needs_no_secret_and_no_ids(
    operate: Operator, name: str, given_group: Given
) -> None:
    given_group(description="Keys")
    assert not operate(cdc_group, name=name, description="Keys")["changed"]


EDITS: list[tuple[str, dict[str, Any], str]] = [
    ("description", {"description": "New"}, "description"),
    ("description-removed", {"description": ""}, "description"),
    ("metadata", {"custom_metadata": {"owner": "red", "old": None}}, "custom_metadata.owner"),
    ("vault", {"vault": {"name": "akv-sandbox-std", "type": "standard"}}, "link.vault.uri"),
    ("secret", {"update_credential": "always"}, "link.credential"),
]


@pytest.mark.parametrize(("options", "field"), [edit[1:] for edit in EDITS], ids=[edit[0] for edit in EDITS])
def test_each_field_is_edited_as_planned_and_alone(
    operate: Operator,
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
    wanted = {"name": name, **secret, **options}

    mark = sandbox.journal.mark()
    planned = operate(cdc_group, check_mode=True, **wanted)
    assert sandbox.journal.writes(since=mark) == []
    made = operate(cdc_group, **wanted)

    assert field in made["plan"][0]["after"] or field in made["plan"][0]["before"]
    assert made["diff"] == planned["diff"]
    touched = {key.split(".")[0] for change in made["plan"] for key in {**change["before"], **change["after"]}}
    for part in {"description", "custom_metadata", "link"} - touched:
        assert made["group"][part] == before[part]
    assert not operate(cdc_group, **{**wanted, "update_credential": "on_change"})["changed"]


def test_link_ids_of_a_disconnected_group_are_edited(
    operate: Operator, name: str, link: Mapping[str, str], given_group: Given
) -> None:
    given_group(link_client_id=str(uuid.uuid4()))
    made = operate(cdc_group, name=name, **link)
    assert made["group"]["link"]["client_id"] == link["link_client_id"]
    assert set(made["plan"][0]["after"]) == {"link.client_id", "link.credential"}


def test_renames_by_id(operate: Operator, sandbox: Sandbox, name: str, given_group: Given) -> None:
    group_id = given_group()["group_id"]
    renamed = operate(cdc_group, group_id=group_id, name=name + "-2")["group"]
    assert (renamed["name"], renamed["group_id"]) == (name + "-2", group_id)
    assert stored(sandbox, name) is None


def test_a_new_client_secret_is_noticed_and_written_once(own_sandbox: Sandbox) -> None:
    operate = Operator(own_sandbox.environment())
    link = link_options(own_sandbox)
    operate(cdc_group, name="rotated", **link)
    client_id = link["link_client_id"]
    link["link_client_secret"] = own_sandbox.do(lambda state: state.azure.public.add_secret(client_id).value)

    first, second = (operate(cdc_group, name="rotated", **link) for _again in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["plan"][0]["after"] == {"link.credential": "written by this task"}


def test_a_group_made_by_hand_keeps_what_is_not_named(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str]
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
    vault = {"name": "akv-sandbox-prem"}
    assert not operate(cdc_group, name=name, link_tenant_id=link["link_tenant_id"], vault=vault)["changed"]
    assert any("host validation is off" in warning for warning in operate.warnings)

    # Which secret DSM holds is not known, but the link connects with it: nothing is to be done.
    secret = {"link_client_secret": link["link_client_secret"]}
    known = operate(cdc_group, name=name, **secret)
    assert (known["changed"], known["group"]["link"]["credential_match"]) == (False, "unknown")

    written = operate(cdc_group, name=name, **secret, update_credential="always")
    assert written["changed"]
    assert written["group"]["link"]["tls"]["validate_host"] is False
    assert written["group"]["link"]["vault"]["uri"] == "https://akv-sandbox-prem.vault.azure.net/"


def test_removes_an_empty_group_and_finds_it_gone(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group()
    planned = operate(cdc_group, check_mode=True, name=name, state="absent")
    assert stored(sandbox, name) is not None
    first, second = (operate(cdc_group, name=name, state="absent") for _again in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["diff"] == planned["diff"]
    assert first["group"].keys() == second["group"].keys()
    assert stored(sandbox, name) is None


@pytest.mark.parametrize("status", [400, 409])
def test_keys_that_appear_before_the_deletion_are_named_as_the_reason_of_its_refusal(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given, status: int
) -> None:
    group = given_group()["group_id"]
    refused = Fault(
        "dsm",
        "DELETE",
        "/sys/v1/groups/{group_id}",
        status=status,
        body="the group is not empty",
        then=lambda: sandbox.do(lambda state: state.dsm.add_key(group, name=f"{name}-late")) and None,
    )
    sandbox.faults.add(refused)

    with pytest.raises(TaskError, match=r"not deleted, because it contains 1 key.*the group is not empty"):
        operate(cdc_group, name=name, state="absent")


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_local_group_of_that_name_is_an_error_and_stays(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str], state: str
) -> None:
    sandbox.do(lambda state: state.dsm.add_group(name))
    mark = sandbox.journal.mark()
    with pytest.raises(TaskError, match="the group is a local group, not linked to Azure Key Vault"):
        operate(cdc_group, name=name, state=state, **link)
    assert sandbox.journal.writes(since=mark) == []


def test_a_connected_link_is_not_replaced_by_one_that_fails(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str], given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    wrong = {"name": name, "link_client_secret": "wrong~Value.that_nobody-gave-out-0123456789"}
    mark = sandbox.journal.mark()
    with pytest.raises(TaskError) as planned:
        operate(cdc_group, check_mode=True, **wrong)
    with pytest.raises(TaskError) as refused:
        operate(cdc_group, **wrong)
    message = str(refused.value)
    assert "the link connects now, but would not connect with this change" in message
    assert "AADSTS7000215" in message
    assert str(planned.value).partition("Trace ID")[0] == message.partition("Trace ID")[0]
    assert sandbox.journal.writes(since=mark) == []

    assert operate(cdc_group, **wrong, allow_disconnect=True)["changed"]
    assert any("does not connect with this change" in warning for warning in operate.warnings)


def test_a_group_with_keys_is_not_moved_away_from_them(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str], given_group: Given
) -> None:
    group_id = given_group(vault={"name": "akv-sandbox-prem"})["group_id"]
    sandbox.do(lambda state: state.dsm.add_key(group_id, name=name))
    task = {"name": name, **link, "vault": {"name": "akv-sandbox-std"}}
    mark = sandbox.journal.mark()
    words = "changing vault and vault type would separate the group from its keys, and it contains 1 key"
    with pytest.raises(TaskError, match=words):
        operate(cdc_group, **task)
    assert sandbox.journal.writes(since=mark) == []

    moved = operate(cdc_group, **task, allow_move=True)
    assert moved["group"]["link"]["vault"]["name"] == "akv-sandbox-std"


def test_a_new_group_is_saved_though_its_link_does_not_connect(
    operate: Operator, name: str, link: Mapping[str, str]
) -> None:
    """Guide 4.6."""
    task = {
        "name": name,
        **link,
        "link_client_secret": "wrong~Value.that_nobody-gave-out-0123456789",
        "vault": {"name": "akv-sandbox-prem", "type": "premium"},
    }
    first, second = (operate(cdc_group, **task) for _again in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["group"]["link"]["vault"]["uri"] == "https://akv-sandbox-prem.vault.azure.net/"
    assert any("was not checked, because the link does not connect" in warning for warning in operate.warnings)


def test_several_groups_of_one_name_are_an_error_that_lists_their_ids(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str]
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
    with pytest.raises(TaskError, match="2 groups have this name") as failed:
        operate(cdc_group, name=name, **link)
    assert all(group_id in str(failed.value) for group_id in ids)


@pytest.mark.parametrize("filter_", ["honoured", "ignored"])
@pytest.mark.parametrize("paging", ["modern", "none"])
def test_old_servers_do_not_get_a_second_group(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str], filter_: Any, paging: Any
) -> None:
    sandbox.profile = Profile(group_filter=filter_, group_paging=paging)
    assert [operate(cdc_group, name=name, **link)["changed"] for _again in range(2)] == [True, False]


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
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    pending = {**link, "link_client_id": "00000000-0000-0000-0000-000000000000"}
    del pending["link_client_secret"]
    vault = {"uri": "https://akv-not-made-yet.vault.azure.net/", "type": "premium", "planned": True}
    planned = operate(cdc_group, check_mode=True, name=name, **pending, vault=vault)
    tested = operate(cdc_connection, check_mode=True, group=planned["group"])
    synced = operate(cdc_sync, check_mode=True, group=planned["group"])
    assert (planned["changed"], tested["changed"], synced["changed"]) == (True, False, False)
    assert planned["group"]["link"]["vault"]["uri"] == vault["uri"]
    assert tested["status"] == "unknown"
    mark = sandbox.journal.mark()
    with pytest.raises(TaskError, match="an application that does not exist yet"):
        operate(cdc_group, name=name, **pending)
    assert sandbox.journal.since(mark) == []


def test_a_group_is_created_and_read_by_group_name_as_in_other_modules(
    operate: Operator, name: str, link: Mapping[str, str]
) -> None:
    created = operate(cdc_group, group_name=name, **link)["group"]

    assert created["name"] == name
    assert operate(cdc_group_info, group_name=name)["groups"] == [created]
    assert operate(cdc_group, name=name, group_name=name, **link)["changed"] is False


@pytest.mark.parametrize("in_process", [True, False], ids=["in_process", "module"])
def test_a_name_given_as_group_is_answered_with_the_right_option(ansible: Ansible, in_process: bool) -> None:
    run = ansible.tasks(
        {"cdc_sync": {"group": "akv-production"}, "vars": {"ansible_fortanix_dsm_in_process": in_process}}
    )

    assert "Option group: it is not a dictionary." in run.message
    assert "set group_name to the name of the group" in run.message
