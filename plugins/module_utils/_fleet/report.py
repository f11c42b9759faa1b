# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The result of a task over a list: records of groups and shared objects, one plan, one diff, one message. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._declaration.decisions import summary
from .._errors import TaskError
from .group import GroupResult
from .listed_groups import Fleet, ListedGroup
from .records import failure_in, group_object, waiting
from .shared import SharedObjects
from .steps import StepResult

_SHARED_TASKS = (
    ("applications", "application"),
    ("vaults", "vault"),
    ("granted_first", "rights"),
    ("granted", "rights"),
    ("judged", "rights"),
)
# The members of a step's result that are returned. All others are dropped.
_SHOWN = ("changed", "plan", "status", "verdict", "effect", "credential_match", "key_count", "prediction", "reason")


def result_of(shared: SharedObjects, outcomes: Sequence[GroupResult]) -> dict[str, Any]:
    """The result of the module."""
    of_shared = _shared_steps(shared)
    steps = [(obj, step) for _kind, obj, _member, step in of_shared]
    steps += [(group_object(one.member.name), step) for one in outcomes for step in one.steps.values()]
    records = [_record(shared, one) for one in outcomes]
    return {
        "changed": any(_has_changed(step) for _obj, step in steps),
        "groups": records,
        "shared": [_shared_record(*one) for one in of_shared],
        "plan": [change for _obj, step in steps for change in step.result.get("plan") or ()],
        "diff": _diff(steps),
        **waiting(records),
    }


def failure_of(outcomes: Sequence[GroupResult], result: Mapping[str, Any]) -> TaskError | None:
    """One failure for all groups that have failed; None if none has. It contains the complete result."""
    failed = [(one.member, one.failure) for one in outcomes if one.failure is not None]
    failure = failure_in(
        [(member.label, str(error)) for member, error in failed],
        len(outcomes),
        planes=[error.plane for _member, error in failed],
        failed=[member.name for member, _error in failed],
    )
    if failure is not None:
        failure.returned = {name: value for name, value in result.items() if name != "changed"}
        # With -vvv the task prints the traceback of the first unexpected error.
        failure.__cause__ = next((error.__cause__ for _member, error in failed if error.__cause__ is not None), None)
    return failure


# Groups ---------------------------------------------------------------------------------------------------------------


def _record(shared: SharedObjects, one: GroupResult) -> dict[str, Any]:
    member, failure = one.member, one.failure
    found = _summary(shared, one)
    error = None if failure is None else failure.to_fail_json()
    return {
        "name": member.name,
        "host": member.host,
        **found,
        "failed": failure is not None,
        "msg": None if error is None else error["msg"],
        "failure": None if error is None else {**error["failure"], **_written_for(one, error["failure"])},
        "steps": {name: _step(step) for name, step in one.steps.items()},
    }


def _written_for(one: GroupResult, failure: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What was written for a failed group, including the writes of its earlier steps."""
    before = [step.journal for step in one.steps.values() if step.failure is None]
    return {
        "done": [*(write.record() for journal in before for write in journal.done), *failure["done"]],
        "unknown": [*(write.record() for journal in before for write in journal.unknown), *failure["unknown"]],
    }


def _summary(shared: SharedObjects, one: GroupResult) -> dict[str, Any]:
    earlier = shared.earlier(one.member)
    credential = earlier.credential
    basis = any(part.get("changed") for part in (earlier.application, earlier.vault, earlier.rights))
    of_shared = {"shared": {"changed": basis}, "credential": credential}
    if one.is_complete:
        found = summary({"tls": {}, "connection": {}, "vault": {}, **one.results, **of_shared})
        return {name: value for name, value in found.items() if name != "name"}
    record = one.results.get("group", {}).get("group") or {}
    link = record.get("link") or {}
    changed = any(_has_changed(step) for step in one.steps.values())
    return {
        "group_id": record.get("group_id"),
        "status": "failed" if one.failure is not None else "pending approval" if one.waits else "unfinished",
        "pending": one.is_pending,
        "vault": (link.get("vault") or {}).get("name"),
        "key_count": "unknown",
        "changed": changed or basis or bool(credential.get("changed")) or shared.has_written(one.member),
        "planned": bool(record.get("planned")),
    }


def _has_changed(step: StepResult) -> bool:
    """A step reports its own changes: a sync is a write even if it finds nothing new."""
    return bool(step.journal.writes if step.failure is not None else step.result.get("changed"))


def _step(step: StepResult) -> dict[str, Any]:
    if step.failure is not None:
        return {"changed": bool(step.journal.writes), "failed": True}
    return {name: step.result[name] for name in _SHOWN if name in step.result}


# What they share ------------------------------------------------------------------------------------------------------


def _shared_steps(shared: SharedObjects) -> list[tuple[str, str, ListedGroup, StepResult]]:
    """Kind, object, the group whose declaration was used, and the result, in the order of the steps."""
    by_label = {member.label: member for member in shared.fleet.members}
    found = [
        (kind, _place(shared.fleet, by_label[label], kind), by_label[label], step)
        for name, kind in _SHARED_TASKS
        for label, step in shared.done[name].items()
    ]
    return found + [
        (
            "credential",
            f"credential of {_place(shared.fleet, by_label[label], 'application')}",
            by_label[label],
            step,
        )
        for label, step in shared.done["credentials"].items()
    ]


def _place(fleet: Fleet, member: ListedGroup, kind: str) -> str:
    return str(fleet.place(member)[kind]["label"])


def _shared_record(kind: str, obj: str, member: ListedGroup, step: StepResult) -> dict[str, Any]:
    return {
        "kind": kind,
        "object": obj,
        # Several groups use one credential.
        "declared_by": None if kind == "credential" else member.label,
        "host": member.host,
        "failed": step.failure is not None,
        "msg": None if step.failure is None else str(step.failure),
        "failure": None if step.failure is None else step.failure.to_fail_json()["failure"],
        "skipped": bool(step.result.get("skipped")),
        **_step(step),
    }


def _diff(steps: Iterable[tuple[str, StepResult]]) -> dict[str, Any]:
    """Before and after of each changed object."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for obj, step in steps:
        diff = step.result.get("diff")
        if not diff or not step.result.get("changed"):
            continue
        # A group and its sync are about one object.
        before[obj] = {**diff["before"], **before.get(obj, {})}
        after[obj] = {**after.get(obj, {}), **diff["after"]}
    return {"before": before, "after": after}
