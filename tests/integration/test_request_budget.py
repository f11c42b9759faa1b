# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each module may cost. Counted in the sandbox's journal, not timed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    cdc_compliance_info,
    cdc_connection,
    cdc_group,
    cdc_group_info,
    cdc_sync,
    cdc_user_info,
    cdc_vault_select,
)
from sandbox import Sandbox
from support.azure_rights import AzureRights
from support.operate import Operator
from support.rotations import Rotations

from .conftest import link_options

BY_NAME = {
    "cdc_group": (cdc_group, {"name": "akv"}, 1),
    "cdc_vault_select": (cdc_vault_select, {"group_name": "akv", "vault": {"name": "akv-sandbox-prem"}}, 1),
    "cdc_group_info": (cdc_group_info, {"name": "akv"}, 1),
    "cdc_connection": (cdc_connection, {"group_name": "akv"}, 2),
    "cdc_sync": (cdc_sync, {"group_name": "akv", "only_when_empty": True}, 3),
}


@pytest.fixture(scope="module", params=[0, 3000], ids=["small account", "3000 groups"])
def account(request: pytest.FixtureRequest) -> Sandbox:
    with Sandbox.start(groups=request.param) as sandbox:
        operate = Operator(sandbox.environment())
        operate(cdc_group, name="akv", **link_options(sandbox), vault={"name": "akv-sandbox-prem"})
        operate(cdc_sync, group_name="akv")
        yield sandbox


@pytest.mark.parametrize("module", BY_NAME)
def test_reads_by_name_cost_the_same_in_an_account_of_any_size(account: Sandbox, module: str) -> None:
    operation, params, requests = BY_NAME[module]
    mark = account.journal.mark()
    result = Operator(account.environment())(operation, **params)
    assert not result["changed"]
    assert len(account.journal.requests(since=mark, plane="dsm")) == requests


def test_a_new_group_costs_the_same_in_an_account_of_any_size(account: Sandbox) -> None:
    """Searched, the filter tried with a group that is there; created, read back."""
    mark = account.journal.mark()

    Operator(account.environment())(cdc_group, name="new", **link_options(account))

    requests = account.journal.requests(since=mark, plane="dsm")
    assert [entry.method for entry in requests] == ["GET", "GET", "GET", "POST", "GET"]


def test_all_groups_cost_a_request_for_each_thousand(account: Sandbox) -> None:
    mark = account.journal.mark()

    Operator(account.environment())(cdc_group_info)

    number = account.do(lambda state: len(list(state.dsm.default_account.groups)))
    # A page that is not full need not be the last one (DSM contract §2.2): an empty one is.
    assert len(account.journal.requests(since=mark, plane="dsm")) == -(-number // 1000) + 1


def test_one_write_makes_the_whole_link(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    mark = sandbox.journal.mark()
    operate(cdc_group, name=name, **link, vault={"name": "akv-sandbox-prem"})
    writes = sandbox.journal.writes(since=mark)
    assert [(entry.method, entry.route) for entry in writes] == [("POST", "/sys/v1/groups")]


def test_one_connection_serves_all_requests_of_a_task(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    before = len(sandbox.proxy_log)
    operate(cdc_group, name=name, **link, vault={"name": "akv-sandbox-prem"})
    assert len(sandbox.proxy_log) - before == 1


def test_no_request_goes_anywhere_but_to_dsm(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    before = len(sandbox.proxy_log)
    operate(cdc_group, name=name, **link, vault={"name": "akv-sandbox-prem"})
    assert {entry.host for entry in sandbox.proxy_log[before:]} == {"dsm.sandbox.example"}


EDITS = {
    "a description": ({"description": "x"}, ["GET", "GET", "PATCH", "GET"]),
    "another vault": (
        {"vault": {"name": "akv-sandbox-std"}},
        ["GET", "POST", "GET", "GET", "POST", "GET", "PATCH", "GET"],
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_reads_before_it_writes_and_after(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str], edit: str
) -> None:
    """Found; vaults listed, keys counted twice and link tried where it changes; read again, written, read back."""
    options, methods = EDITS[edit]
    operate(cdc_group, name=name, **link, vault={"name": "akv-sandbox-prem"})
    mark = sandbox.journal.mark()

    operate(cdc_group, name=name, **link, **options)

    assert [entry.method for entry in sandbox.journal.requests(since=mark, plane="dsm")] == methods


# What works through many groups in one task: requests to all planes, for the task and for each group.
LISTS = {
    "groups made with a new credential": (9, 6),
    "the credential renewed": (15, 6),
    "nothing to renew": (5, 1),
    # Of the vault: one request without a token, which it answers with what to ask for; and the deleted keys.
    "compliance": (21, 2),
    "the user's view": (3, 0),
}


@pytest.mark.parametrize("number", [1, 2, 5])
def test_each_group_of_a_list_adds_the_same_few_requests(azure: AzureRights, number: int) -> None:
    rotations, operate = Rotations(azure), Operator(azure.sandbox.environment())
    runs: dict[str, Callable[[], object]] = {
        "groups made with a new credential": lambda: rotations.started(*map(str, range(number)), type="secret"),
        "the credential renewed": rotations.due,
        "nothing to renew": rotations.due,
        "compliance": lambda: operate(cdc_compliance_info, **azure.operator),
        "the user's view": lambda: operate(cdc_user_info),
    }
    counted = {}
    for title, run in runs.items():
        mark = azure.sandbox.journal.mark()
        run()
        counted[title] = len(rotations.requests(mark))

    assert counted == {title: task + each * number for title, (task, each) in LISTS.items()}
