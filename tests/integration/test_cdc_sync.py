# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.7: SYNC KEYS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_sync
from sandbox import Fault, Sandbox
from support.operate import Operator
from support.playbook import Ansible

from .conftest import link_options

Given = Callable[..., dict[str, Any]]
SCAN = "/sys/v1/groups/{group_id}/hmg/scan"


@pytest.mark.every_core
def test_a_play_syncs_new_keys_and_does_not_know_in_check_mode_whether_there_are_any(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    task = {"cdc_sync": {"group_name": name}}
    mark = sandbox.journal.mark()

    run = ansible.tasks({**task, "check_mode": True}, task, task)

    planned, first, second = run.outcomes
    assert [planned.changed, first.changed, second.changed] == [False, True, False]
    assert planned["prediction"] == "unknown"
    assert planned["plan"][0]["action"] == "sync"
    # Each of the two others has sent one.
    assert [entry.route for entry in sandbox.journal.writes(since=mark)] == [SCAN, SCAN]
    assert first["key_count"] == len(first["new"]) == second["key_count"] > 0
    assert all(len(key["azure_key_version"]) == 32 for key in first["new"])
    assert (first["updated"], first["vanished"]) == ([], [])


def test_only_when_empty_makes_up_for_a_first_sync_and_no_more(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-std"})
    first = operate(cdc_sync, group_name=name, only_when_empty=True)
    mark = sandbox.journal.mark()
    second = operate(cdc_sync, group_name=name, only_when_empty=True)
    assert first["changed"]
    assert (second["changed"], second["prediction"], second["plan"]) == (False, "no_sync", [])
    assert sandbox.journal.writes(since=mark) == []


def test_a_planned_group_is_waited_for(operate: Operator, name: str, link: dict[str, str]) -> None:
    planned = operate(cdc_group, check_mode=True, name=name, **link)
    result = operate(cdc_sync, check_mode=True, group=planned["group"])
    assert f'group "{name}", which a previous step has only planned' in result["waits_for"]


def test_a_slow_sync_has_a_timeout_of_its_own(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    sandbox.faults.add(Fault(plane="dsm", method="POST", route=SCAN, delay=2.5))
    assert operate(cdc_sync, group_name=name, dsm_timeout=1)["changed"]


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


def test_a_right_that_was_taken_away_fails_the_sync_with_azures_words(own: tuple[Sandbox, Operator]) -> None:
    sandbox, operate = own
    client_id = sandbox.world.public.client_id
    sandbox.do(lambda state: state.azure.public.set_access_policy("akv-sandbox-prem", client_id, ["get"]))
    with pytest.raises(TaskError, match=r"Forbidden|AccessDenied") as failed:
        operate(cdc_sync, group_name="synced")
    assert "Next: " in str(failed.value)
