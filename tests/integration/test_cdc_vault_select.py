# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.5: the choice of a vault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_vault_select
from sandbox import Sandbox
from support.operate import Operator
from support.playbook import Ansible

Given = Callable[..., dict[str, Any]]
PREMIUM = "https://akv-sandbox-prem.vault.azure.net/"


@pytest.fixture
def select(link: Mapping[str, str]) -> Callable[..., dict[str, Any]]:
    def options(group: str, **vault: Any) -> dict[str, Any]:
        return {"group_name": group, "link_client_secret": link["link_client_secret"], "vault": vault}

    return options


@pytest.mark.every_core
def test_a_play_chooses_as_planned_and_then_needs_no_secret(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given, select: Callable[..., dict[str, Any]]
) -> None:
    given_group()
    task = {"cdc_vault_select": select(name, name="akv-sandbox-prem", type="premium")}
    missing = {"cdc_vault_select": select(name, name="akv-missing"), "ignore_errors": True}
    known = {"cdc_vault_select": {"group_name": name, "vault": {"name": "akv-sandbox-prem"}}}
    mark = sandbox.journal.mark()

    run = ansible.tasks(missing, {**task, "check_mode": True}, task, known)

    refused, planned, made, again = run.outcomes
    assert "no vault matches (name akv-missing)" in refused["msg"]
    assert "akv-sandbox-std (standard" in refused["msg"]
    assert made["group"]["link"]["vault"] == {"name": "akv-sandbox-prem", "uri": PREMIUM, "type": "premium"}
    assert made["diff"] == planned["diff"]
    assert set(made["plan"][0]["after"]) == {
        "link.credential",
        "link.vault.name",
        "link.vault.type",
        "link.vault.uri",
    }
    assert not again.changed
    # Of all four, one has written anything.
    assert len(sandbox.journal.writes(since=mark)) == 1


def test_a_choice_that_is_made_needs_one_request(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    mark = sandbox.journal.mark()
    assert not operate(cdc_vault_select, group_name=name, vault={"name": "akv-sandbox-prem"})["changed"]
    assert len(sandbox.journal.since(mark)) == 1


@pytest.mark.parametrize("way", ["name", "resource_id", "uri", "tags"])
def test_a_vault_is_found_in_each_way_of_naming_it(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given, select: Callable[..., dict[str, Any]], way: str
) -> None:
    given_group()
    vault = sandbox.world.public.vaults["akv-sandbox-prem"]
    named = {
        "name": vault.name,
        "resource_id": vault.resource_id,
        "uri": vault.uri.rstrip("/"),
        "tags": {"tier": "premium"},
    }
    first, second = (operate(cdc_vault_select, **select(name, **{way: named[way]})) for _again in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert second["group"]["link"]["vault"]["uri"] == PREMIUM


@pytest.mark.parametrize(
    ("vault", "words"),
    [
        ({"name": "akv-missing"}, "no vault matches (name akv-missing)"),
        ({"name": "akv-sandbox-std", "type": "premium"}, "the type of the vault is not premium"),
        ({"name": "akv-sandbox-other"}, "no vault matches"),
    ],
    ids=["unknown", "wrong type", "not readable"],
)
def test_none_that_fits_is_an_error_that_lists_the_candidates(
    operate: Operator,
    sandbox: Sandbox,
    name: str,
    given_group: Given,
    select: Callable[..., dict[str, Any]],
    vault: dict[str, str],
    words: str,
) -> None:
    given_group()
    mark = sandbox.journal.mark()
    with pytest.raises(TaskError) as failed:
        operate(cdc_vault_select, **select(name, **vault))
    assert words in str(failed.value)
    assert "akv-sandbox-std (standard" in str(failed.value)
    assert sandbox.journal.writes(since=mark) == []


def test_several_that_fit_are_an_error_that_lists_them(
    operate: Operator, name: str, given_group: Given, select: Callable[..., dict[str, Any]]
) -> None:
    given_group()
    with pytest.raises(TaskError, match="several vaults match") as failed:
        operate(cdc_vault_select, **select(name, tags={"env": "sandbox"}))
    assert "akv-sandbox-prem" in str(failed.value)
    assert "akv-sandbox-std" in str(failed.value)


def test_a_change_without_the_secret_is_refused_and_says_why(operate: Operator, name: str, given_group: Given) -> None:
    given_group()
    with pytest.raises(TaskError, match="Option link_client_secret: it is missing"):
        operate(cdc_vault_select, group_name=name, vault={"name": "akv-sandbox-prem"})


def test_a_vault_of_another_cloud_is_refused(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given, select: Callable[..., dict[str, Any]]
) -> None:
    given_group()
    mark = sandbox.journal.mark()
    with pytest.raises(TaskError, match="does not belong to azure_service global"):
        operate(cdc_vault_select, **select(name, uri="https://akv-sandbox-prem.vault.usgovcloudapi.net/"))
    assert sandbox.journal.writes(since=mark) == []


def test_a_group_with_keys_is_not_moved(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given, select: Callable[..., dict[str, Any]]
) -> None:
    group_id = given_group(vault={"name": "akv-sandbox-prem"})["group_id"]
    sandbox.do(lambda state: state.dsm.add_key(group_id, name=name))
    with pytest.raises(TaskError, match="would separate the group from its keys"):
        operate(cdc_vault_select, **select(name, name="akv-sandbox-std"))


def test_a_planned_group_gets_its_vault_in_the_plan(
    operate: Operator, name: str, link: Mapping[str, str], select: Callable[..., dict[str, Any]]
) -> None:
    options = select(name, name="akv-sandbox-prem")
    del options["group_name"]
    planned = operate(cdc_group, check_mode=True, name=name, **link)
    chosen = operate(cdc_vault_select, check_mode=True, **options, group=planned["group"])
    assert chosen["changed"]
    assert chosen["group"]["planned"]
    assert chosen["group"]["link"]["vault"]["uri"] == PREMIUM


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_vault_that_the_previous_step_has_set_is_not_set_twice(
    operate: Operator, name: str, link: Mapping[str, str], given_group: Given, check_mode: bool
) -> None:
    given_group(vault={"name": "akv-sandbox-std"})
    premium = {"name": "akv-sandbox-prem"}
    made = operate(cdc_group, check_mode=check_mode, name=name, **link, vault=premium)
    chosen = operate(cdc_vault_select, check_mode=check_mode, group=made["group"], vault=premium)
    assert (made["changed"], chosen["changed"]) == (True, False)


@pytest.mark.parametrize(
    "orders",
    [[(0, 1, 2, 3), (3, 2, 1, 0)], pytest.param([*permutations(range(4))], marks=pytest.mark.long)],
    ids=["two", "all"],
)
def test_editing_modules_end_in_the_same_state_in_every_order(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str], orders: list[tuple[int, ...]]
) -> None:
    """Ownership: each edits its own part only, so order does not matter and a second pass changes nothing."""
    secret = {"link_client_secret": link["link_client_secret"]}
    ends = []
    for number, order in enumerate(orders):
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
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given, select: Callable[..., dict[str, Any]]
) -> None:
    given_group()
    uri = "https://akv-not-made-yet.vault.azure.net/"
    options = select(name, uri=uri, type="premium", planned=True)
    planned = operate(cdc_vault_select, check_mode=True, **options)
    assert planned["group"]["link"]["vault"]["uri"] == uri
    mark = sandbox.journal.mark()
    with pytest.raises(TaskError, match=r"Option vault\.planned: the vault is only planned"):
        operate(cdc_vault_select, **options)
    assert sandbox.journal.since(mark) == []
