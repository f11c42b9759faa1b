# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The result of a task over a list: for each group and each shared object, one plan, one diff, one message. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._declaration.steps import summary
from .._errors import TaskError
from .group import Outcome
from .members import Fleet, Member
from .shared import Shared
from .steps import Done

_SHARED_TASKS = (
    ("applications", "application"),
    ("vaults", "vault"),
    ("granted_first", "rights"),
    ("granted", "rights"),
    ("judged", "rights"),
)
# Of the result of a step, what a reader of the whole list needs. Nothing else is returned.
_SHOWN = ("changed", "plan", "status", "verdict", "effect", "credential_match", "key_count", "prediction", "reason")
_MOST_MESSAGES = 3


def result_of(shared: Shared, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The result of the module."""
    steps = [*_shared_steps(shared), *((one.member.label, step) for one in outcomes for step in one.steps.values())]
    plan = [change for _label, step in steps for change in step.result.get("plan") or ()]
    records = [_record(shared, one) for one in outcomes]
    return {
        "changed": any(_has_changed(step) for _label, step in steps),
        "groups": records,
        "shared": _shared_records(shared),
        "plan": plan,
        "diff": _diff(step.result for _label, step in steps),
        "pending": [one["name"] for one in records if one["pending"]],
        "unfinished": [one["name"] for one in records if one["status"] == "unfinished"],
    }


def failure_of(outcomes: Sequence[Outcome], result: Mapping[str, Any]) -> TaskError | None:
    """One failure for all groups that have failed; None when none has. It returns the complete result."""
    failed = [one for one in outcomes if one.failure is not None]
    if not failed:
        return None
    told = [f"{one.member.label}: {one.failure}" for one in failed[:_MOST_MESSAGES]]
    more = len(failed) - len(told)
    failure = TaskError(
        f"{len(failed)} of {len(outcomes)} failed. {' '.join(told)}{f' And {more} more.' if more else ''}",
        plane="Groups",
        next_step="correct what is named and run the task again; what is done stays, and is not done again",
        failed=[one.member.name for one in failed],
    )
    failure.returned = {name: value for name, value in result.items() if name != "changed"}
    return failure


# Groups ---------------------------------------------------------------------------------------------------------------


def _record(shared: Shared, one: Outcome) -> dict[str, Any]:
    member, failure = one.member, one.failure
    found = _summary(shared, one)
    error = None if failure is None else failure.to_fail_json()
    return {
        "name": member.name,
        "host": member.host,
        **found,
        "failed": failure is not None,
        "msg": None if error is None else error["msg"],
        "failure": None if error is None else error["failure"],
        "steps": {name: _step(step) for name, step in one.steps.items()},
    }


def _summary(shared: Shared, one: Outcome) -> dict[str, Any]:
    credential = shared.earlier(one.member).credential
    if one.is_complete:
        found = summary({"tls": {}, "connection": {}, "vault": {}, **one.results, "credential": credential})
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
        "changed": changed or bool(credential.get("changed")) or shared.has_written(one.member),
        "planned": bool(record.get("planned")),
    }


def _has_changed(step: Done) -> bool:
    """A step says itself what it has changed: a sync is a write also when it finds nothing new."""
    return bool(step.journal.writes if step.failure is not None else step.result.get("changed"))


def _step(step: Done) -> dict[str, Any]:
    if step.failure is not None:
        return {"changed": bool(step.journal.writes), "failed": True}
    return {name: step.result[name] for name in _SHOWN if name in step.result}


# What they share ------------------------------------------------------------------------------------------------------


def _shared_steps(shared: Shared) -> list[tuple[str, Done]]:
    order = [name for name, _kind in _SHARED_TASKS] + ["credentials"]
    return [(label, step) for name in order for label, step in shared.done[name].items()]


def _shared_records(shared: Shared) -> list[dict[str, Any]]:
    records = []
    by_label = {member.label: member for member in shared.fleet.members}
    for name, kind in _SHARED_TASKS:
        for label, step in shared.done[name].items():
            records.append(_shared_record(kind, _place(shared.fleet, by_label[label], kind), label, step))
    records += [
        _shared_record(
            "credential", f"credential of {_place(shared.fleet, by_label[label], 'application')}", None, step
        )
        for label, step in shared.done["credentials"].items()
    ]
    return records


def _place(fleet: Fleet, member: Member, kind: str) -> str:
    return str(fleet.place(member)[kind]["label"])


def _shared_record(kind: str, label: str, made_for: str | None, step: Done) -> dict[str, Any]:
    return {
        "kind": kind,
        "object": label,
        "declared_by": made_for,
        "failed": step.failure is not None,
        "msg": None if step.failure is None else str(step.failure),
        "skipped": bool(step.result.get("skipped")),
        **_step(step),
    }


def _diff(results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Before and after by object, of what changes."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for result in results:
        diff, plan = result.get("diff"), result.get("plan")
        if not diff or not plan or not result.get("changed"):
            continue
        label = plan[0]["object"]
        # A group and its sync are about one object.
        before[label] = {**diff["before"], **before.get(label, {})}
        after[label] = {**after.get(label, {}), **diff["after"]}
    return {"before": before, "after": after}
