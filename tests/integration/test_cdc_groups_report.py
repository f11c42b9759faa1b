# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a result of cdc_groups that is about some groups, as the result of a task of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_groups_report
from support.operate import Operator
from support.playbook import Ansible

CHANGE = {"plane": "dsm", "object": 'group "akv-1"', "action": "create", "before": {}, "after": {}, "reason": ""}
WRITE = {"plane": "DSM", "object": 'group "akv-0"', "action": "POST /sys/v1/groups", "outcome": "done"}
MAYBE = {**WRITE, "outcome": "unknown"}


def record(name: str, **more: Any) -> dict[str, Any]:
    unchanged = {"name": name, "status": "connected", "pending": False, "failed": False, "msg": None, "failure": None}
    return {**unchanged, "steps": {"group": {"changed": False, "plan": []}}, **more}


CHANGED = record("akv-1", steps={"group": {"changed": True, "plan": [CHANGE]}})
FAILED = record(
    "akv-2",
    status="failed",
    failed=True,
    msg='DSM, group "akv-2": the account has no licence. Next: ask for one.',
    failure={"done": [WRITE], "unknown": [MAYBE]},
    steps={},
)


@pytest.mark.every_core
def test_a_play_reports_what_was_changed_and_what_failed(ansible: Ansible) -> None:
    diff = {side: {f'group "akv-{number}"': {"side": side} for number in (1, 2)} for side in ("before", "after")}

    run = ansible.tasks(
        {"cdc_groups_report": {"groups": [record("akv-0")]}},
        {"cdc_groups_report": {"groups": [record("akv-0"), CHANGED], "diff": diff}},
        {"cdc_groups_report": {"groups": [CHANGED], "diff": diff}, "check_mode": True},
        {"cdc_groups_report": {"groups": [FAILED]}},
    )

    unchanged, changed, predicted, failed = run.outcomes
    assert [one.changed for one in (unchanged, changed, predicted)] == [False, True, True]
    assert changed["plan"] == predicted["plan"] == [CHANGE]
    assert changed["diff"] == {side: {'group "akv-1"': {"side": side}} for side in ("before", "after")}
    assert failed["msg"] == (
        'Groups: 1 of 1 failed. group "akv-2": DSM, group "akv-2": the account has no licence. '
        "Next: ask for one; run the task again; what is done stays, and is not done again."
    )


def reported(operate: Operator, *groups: Mapping[str, Any]) -> dict[str, Any]:
    return operate(cdc_groups_report, groups=list(groups))


def test_a_failed_group_returns_what_was_written_for_it_and_counts_as_a_change(operate: Operator) -> None:
    with pytest.raises(TaskError) as caught:
        reported(operate, record("akv-0"), FAILED)

    result = caught.value.to_fail_json()
    assert result["changed"]
    assert result["failure"]["done"] == [WRITE]
    assert result["failure"]["unknown"] == [MAYBE]
    assert result["failure"]["failed"] == ["akv-2"]
    assert [one["name"] for one in result["groups"]] == ["akv-0", "akv-2"]


def test_groups_that_wait_or_were_not_begun_are_named(operate: Operator) -> None:
    waits, unbegun = record("akv-0", pending=True), record("akv-1", status="unfinished", steps={})

    result = reported(operate, waits, unbegun)

    assert (result["changed"], result["pending"], result["unfinished"]) == (False, ["akv-0"], ["akv-1"])


def test_what_is_no_record_is_refused_by_its_index(operate: Operator) -> None:
    with pytest.raises(InvalidInput, match=r"Option groups\[1\].*msg, pending, status, steps is missing"):
        reported(operate, record("akv-0"), {"name": "akv-1", "failed": False})
