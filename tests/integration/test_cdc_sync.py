# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.7: SYNC KEYS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_sync
from sandbox import Fault, Sandbox
from support.operate import Operator
from support.playbook import Ansible

from .conftest import link_options

Given = Callable[..., dict[str, Any]]
SCAN = "/sys/v1/groups/{group_id}/hmg/scan"


def test_syncs_new_keys_and_then_finds_nothing_new(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    run = ansible.tasks({"cdc_sync": {"group_name": name}}, {"cdc_sync": {"group_name": name}})
    assert [outcome.changed for outcome in run.outcomes] == [True, False]
    assert run[0]["key_count"] == len(run[0]["new"]) == run[1]["key_count"] > 0
    assert all(len(key["azure_key_version"]) == 32 for key in run[0]["new"])
    assert (run[0]["updated"], run[0]["vanished"]) == ([], [])


@pytest.mark.every_core
def test_check_mode_sends_no_sync_and_says_that_it_does_not_know(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    mark = sandbox.journal.mark()
    run = ansible.tasks({"cdc_sync": {"group_name": name}}, check=True)
    assert run[0]["prediction"] == "unknown"
    assert not run[0].changed
    assert run[0]["plan"][0]["action"] == "sync"
    assert sandbox.journal.writes(since=mark) == []


def test_only_when_empty_makes_up_for_a_first_sync_and_no_more(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-std"})
    task = {"cdc_sync": {"group_name": name, "only_when_empty": True}}
    first = ansible.tasks(task)
    mark = sandbox.journal.mark()
    second = ansible.tasks(task)
    assert first[0].changed
    assert (second[0].changed, second[0]["prediction"], second[0]["plan"]) == (False, "no_sync", [])
    assert sandbox.journal.writes(since=mark) == []


def test_a_planned_group_is_waited_for(ansible: Ansible, name: str, link: dict[str, str]) -> None:
    run = ansible.tasks(
        {"cdc_group": {"name": name, **link}, "register": "made"},
        {"cdc_sync": {"group": "{{ made.group }}"}},
        check=True,
    )
    assert f'group "{name}", which a previous step has only planned' in run[1]["waits_for"]


def test_a_slow_sync_has_a_timeout_of_its_own(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    sandbox.faults.add(Fault(plane="dsm", method="POST", route=SCAN, delay=2.5))
    run = ansible.tasks({"cdc_sync": {"group_name": name, "dsm_timeout": 1}})
    assert run[0].changed


def disable(key: Any) -> None:
    key.current.enabled = False


@pytest.fixture
def own(own_sandbox: Sandbox) -> tuple[Sandbox, Operator]:
    operate = Operator(own_sandbox.environment())
    operate(cdc_group, name="synced", **link_options(own_sandbox), vault={"name": "akv-sandbox-prem"})
    operate(cdc_sync, group_name="synced")
    return own_sandbox, operate


def test_reports_new_updated_and_vanished_keys(own: tuple[Sandbox, Operator]) -> None:
    sandbox, operate = own
    names = sorted(sandbox.do(lambda state: list(state.azure.public.vault("akv-sandbox-prem").keys)))
    sandbox.do(lambda state: state.azure.public.add_key("akv-sandbox-prem", "brand-new"))
    sandbox.do(lambda state: disable(state.azure.public.vault("akv-sandbox-prem").keys[names[0]]))
    sandbox.do(lambda state: state.azure.public.delete_key("akv-sandbox-prem", names[1]))

    result = operate(cdc_sync, group_name="synced")

    assert [key["azure_key_name"] for key in result["new"]] == ["brand-new"]
    assert [key["azure_key_name"] for key in result["updated"]] == [names[0]]
    assert [key["azure_key_name"] for key in result["vanished"]] == [names[1]]


def test_a_right_that_was_taken_away_fails_the_sync_with_azures_words(
    own: tuple[Sandbox, Operator], tmp_path: Any
) -> None:
    sandbox, _operate = own
    client_id = sandbox.world.public.client_id
    sandbox.do(lambda state: state.azure.public.set_access_policy("akv-sandbox-prem", client_id, ["get"]))
    run = Ansible(sandbox.environment(), tmp_path).tasks({"cdc_sync": {"group_name": "synced"}})
    assert run.code != 0
    assert "Forbidden" in run.message or "AccessDenied" in run.message
    assert "Next: " in run.message
