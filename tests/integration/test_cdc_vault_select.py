# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.5: the choice of a vault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_vault_select
from sandbox import Sandbox
from support.operate import Operator
from support.playbook import Ansible

Given = Callable[..., dict[str, Any]]
PREMIUM = "https://akv-sandbox-prem.vault.azure.net/"


@pytest.fixture
def select(link: Mapping[str, str]) -> Callable[..., dict[str, Any]]:
    def task(group: str, **vault: Any) -> dict[str, Any]:
        secret = link["link_client_secret"]
        return {"cdc_vault_select": {"group_name": group, "link_client_secret": secret, "vault": vault}}

    return task


@pytest.mark.every_core
def test_chooses_as_planned_and_then_needs_one_request_and_no_secret(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given, select: Callable[..., dict[str, Any]]
) -> None:
    given_group()
    task = select(name, name="akv-sandbox-prem", type="premium")
    mark = sandbox.journal.mark()
    planned = ansible.tasks(task, check=True)
    assert sandbox.journal.writes(since=mark) == []
    made = ansible.tasks(task)
    assert made[0]["group"]["link"]["vault"] == {"name": "akv-sandbox-prem", "uri": PREMIUM, "type": "premium"}
    assert made[0]["diff"] == planned[0]["diff"]
    assert set(made[0]["plan"][0]["after"]) == {
        "link.credential",
        "link.vault.name",
        "link.vault.type",
        "link.vault.uri",
    }

    mark = sandbox.journal.mark()
    again = ansible.tasks({"cdc_vault_select": {"group_name": name, "vault": {"name": "akv-sandbox-prem"}}})
    assert not again[0].changed
    assert len(sandbox.journal.since(mark)) == 1


@pytest.mark.parametrize("way", ["name", "resource_id", "uri", "tags"])
def test_a_vault_is_found_in_each_way_of_naming_it(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given, select: Callable[..., dict[str, Any]], way: str
) -> None:
    given_group()
    vault = sandbox.world.public.vaults["akv-sandbox-prem"]
    named = {
        "name": vault.name,
        "resource_id": vault.resource_id,
        "uri": vault.uri.rstrip("/"),
        "tags": {"tier": "premium"},
    }
    task = select(name, **{way: named[way]})
    run = ansible.tasks(task, task)
    assert [outcome.changed for outcome in run.outcomes] == [True, False]
    assert run[1]["group"]["link"]["vault"]["uri"] == PREMIUM


@pytest.mark.every_core
@pytest.mark.parametrize(
    ("vault", "words"),
    [
        ({"name": "akv-missing"}, "no vault fits (name akv-missing)"),
        ({"name": "akv-sandbox-std", "type": "premium"}, "the type of the vault is not premium"),
        ({"name": "akv-sandbox-other"}, "no vault fits"),
    ],
    ids=["unknown", "wrong type", "not readable"],
)
def test_none_that_fits_is_an_error_that_lists_the_candidates(
    ansible: Ansible,
    sandbox: Sandbox,
    name: str,
    given_group: Given,
    select: Callable[..., dict[str, Any]],
    vault: dict[str, str],
    words: str,
) -> None:
    given_group()
    mark = sandbox.journal.mark()
    run = ansible.tasks(select(name, **vault))
    assert words in run.message
    assert "akv-sandbox-std (standard" in run.message
    assert sandbox.journal.writes(since=mark) == []


def test_several_that_fit_are_an_error_that_lists_them(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given, select: Callable[..., dict[str, Any]]
) -> None:
    given_group()
    run = ansible.tasks(select(name, tags={"env": "sandbox"}))
    assert "several vaults fit" in run.message
    assert "akv-sandbox-prem" in run.message
    assert "akv-sandbox-std" in run.message


def test_a_change_without_the_secret_is_refused_and_says_why(ansible: Ansible, name: str, given_group: Given) -> None:
    given_group()
    run = ansible.tasks({"cdc_vault_select": {"group_name": name, "vault": {"name": "akv-sandbox-prem"}}})
    assert "Option link_client_secret: it is missing" in run.message


def test_a_vault_of_another_cloud_is_refused(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given, select: Callable[..., dict[str, Any]]
) -> None:
    given_group()
    mark = sandbox.journal.mark()
    run = ansible.tasks(select(name, uri="https://akv-sandbox-prem.vault.usgovcloudapi.net/"))
    assert "does not belong to azure_service global" in run.message
    assert sandbox.journal.writes(since=mark) == []


def test_a_group_with_keys_is_not_moved(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given, select: Callable[..., dict[str, Any]]
) -> None:
    group_id = given_group(vault={"name": "akv-sandbox-prem"})["group_id"]
    sandbox.do(lambda state: state.dsm.add_key(group_id, name=name))
    run = ansible.tasks(select(name, name="akv-sandbox-std"))
    assert "would move it away from its keys" in run.message


def test_a_planned_group_gets_its_vault_in_the_plan(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str], select: Callable[..., dict[str, Any]]
) -> None:
    task = select(name, name="akv-sandbox-prem")["cdc_vault_select"]
    del task["group_name"]
    run = ansible.tasks(
        {"cdc_group": {"name": name, **link}, "register": "made"},
        {"cdc_vault_select": {**task, "group": "{{ made.group }}"}},
        check=True,
    )
    assert run[1].changed
    assert run[1]["group"]["planned"]
    assert run[1]["group"]["link"]["vault"]["uri"] == PREMIUM


def test_a_vault_that_the_previous_step_planned_is_not_planned_twice(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str], given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-std"})
    premium = {"name": "akv-sandbox-prem"}
    tasks = (
        {"cdc_group": {"name": name, **link, "vault": premium}, "register": "made"},
        {"cdc_vault_select": {"group": "{{ made.group }}", "vault": premium}},
    )
    assert [outcome.changed for outcome in ansible.tasks(*tasks, check=True).outcomes] == [True, False]
    assert [outcome.changed for outcome in ansible.tasks(*tasks).outcomes] == [True, False]


def test_editing_modules_end_in_the_same_state_in_every_order(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    """Ownership: each edits its own part only, so order does not matter and a second pass changes nothing."""
    secret = {"link_client_secret": link["link_client_secret"]}
    ends = []
    for number, order in enumerate(permutations(range(4))):
        group = f"{name}-{number}"
        operate(cdc_group, name=group, **link)
        edits = (
            lambda group=group: operate(cdc_group, name=group, description="Keys"),
            lambda group=group: operate(
                cdc_vault_select, group_name=group, vault={"name": "akv-sandbox-prem"}, **secret
            ),
            lambda group=group: operate(cdc_group, name=group, custom_metadata={"owner": "blue"}),
            lambda group=group: operate(cdc_group, name=group, update_credential="always", **secret),
        )
        for index in order:
            edits[index]()
        second = [edits[index]()["changed"] for index in order if index != 3]
        assert second == [False] * 3
        view = operate(cdc_group, name=group)["diff"]["after"]
        ends.append({**view, "name": ""})
    assert all(end == ends[0] for end in ends)


def test_a_vault_that_is_only_planned_is_taken_as_given_in_check_mode_alone(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given, select: Callable[..., dict[str, Any]]
) -> None:
    given_group()
    uri = "https://akv-not-made-yet.vault.azure.net/"
    task = select(name, uri=uri, type="premium", planned=True)
    assert ansible.tasks(task, check=True)[0]["group"]["link"]["vault"]["uri"] == uri
    mark = sandbox.journal.mark()
    assert "Option vault.planned: the vault is only planned" in ansible.tasks(task).message
    assert sandbox.journal.since(mark) == []
