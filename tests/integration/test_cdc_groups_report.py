# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a result of cdc_groups that is about some groups, as the result of a task of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_groups_report
from support.operate import Operator
from support.playbook import Ansible

CHANGE = {"plane": "DSM", "object": 'group "akv-1"', "action": "create", "before": {}, "after": {}, "reason": ""}


def record(name: str, **more: Any) -> dict[str, Any]:
    group = {"name": name, "host": None, "group_id": None, "vault": None, "key_count": 0}
    unchanged = {"status": "connected", "changed": False, "planned": False, "pending": False}
    success = {"failed": False, "msg": None, "failure": None}
    return {**group, **unchanged, **success, "steps": {"group": {"changed": False, "plan": []}}, **more}


CHANGED = record("akv-1", steps={"group": {"changed": True, "plan": [CHANGE]}})
FAILED = record(
    "akv-2",
    status="failed",
    failed=True,
    msg='DSM, group "akv-2": the account has no licence. Next: ask for one.',
    steps={},
)


@pytest.mark.every_core
def test_a_play_reports_what_was_changed_and_why_a_group_is_not_set_up(ansible: Ansible) -> None:
    diff = {side: {f'group "akv-{number}"': {"side": side} for number in (1, 2)} for side in ("before", "after")}

    run = ansible.tasks(
        {"cdc_groups_report": {"groups": [record("akv-0")]}},
        {"cdc_groups_report": {"groups": [record("akv-0"), CHANGED], "diff": diff}},
        {"cdc_groups_report": {"groups": [CHANGED], "diff": diff}, "check_mode": True},
        {"cdc_groups_report": {"groups": [CHANGED, FAILED], "diff": diff}},
    )

    unchanged, changed, predicted, failed = run.outcomes
    assert [one.changed for one in (unchanged, changed, predicted)] == [False, True, True]
    assert changed["plan"] == predicted["plan"] == [CHANGE]
    assert changed["diff"] == {side: {'group "akv-1"': {"side": side}} for side in ("before", "after")}
    assert [one["problem"] for one in (unchanged, changed, predicted)] == ["", "", ""]
    # A task that fails shows no diff, so this one does not.
    assert (failed.status, failed.changed, failed["diff"]["after"]) == ("ok", True, diff["after"])
    assert failed["problem"] == (
        'DSM: 1 of 2 groups are not set up. group "akv-2": DSM, group "akv-2": the account has no licence. '
        "Next: ask for one; run the task again; completed work is not repeated."
    )


def reported(operate: Operator, *groups: Mapping[str, Any]) -> dict[str, Any]:
    return operate(cdc_groups_report, groups=list(groups))


def test_groups_that_wait_or_were_not_begun_are_named(operate: Operator) -> None:
    waits, unbegun = record("akv-0", pending=True), record("akv-1", status="unfinished", steps={})

    result = reported(operate, waits, unbegun)

    assert (result["changed"], result["pending"], result["unfinished"]) == (False, ["akv-0"], ["akv-1"])
    assert result["problem"].startswith('DSM: 1 of 2 groups are not set up. group "akv-1": it was not started')


def test_a_group_that_is_not_created_yet_is_a_problem_and_one_that_waits_with_a_change_is_none(
    operate: Operator,
) -> None:
    uncreated = record("akv-0", status="pending approval", pending=True, steps={})
    changing = record("akv-1", status="pending approval", pending=True)

    result = reported(operate, uncreated, changing)

    problem = 'group "akv-0": it is not created yet: a policy of the account requires approval'
    assert f"{problem}. Next: have the creation approved" in result["problem"]
    assert "akv-1" not in result["problem"]


def test_what_is_no_record_is_refused_by_its_index(operate: Operator) -> None:
    with pytest.raises(InvalidInput, match=r"Option groups\[1\].*msg, pending, status, steps is missing"):
        reported(operate, record("akv-0"), {"name": "akv-1", "failed": False})
