# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What the records of a result of cdc_groups have in common, and the part of them that one host reports. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._errors import TaskError
from .._texts.messages import next_of, parted

Record = Mapping[str, Any]
_MOST_MESSAGES = 3
_SIDES = ("before", "after")


def failure_in(
    messages: Sequence[tuple[str, str]], count: int, state: str = "failed", **details: Any
) -> TaskError | None:
    """One failure for all groups that have failed; None when none has.

    Args:
        messages: label and message of each that has failed.
        count: how many groups there are.
        state: what they all are.
    """
    if not messages:
        return None
    told = [f"{label}: {parted(message)[0]}." for label, message in messages[:_MOST_MESSAGES]]
    more = len(messages) - _MOST_MESSAGES
    steps = next_of([message for _label, message in messages[:_MOST_MESSAGES]])
    return TaskError(
        f"{len(messages)} of {count} {state}. {' '.join(told)}{f' And {more} more.' if more > 0 else ''}",
        plane="Groups",
        next_step="; ".join([*steps, "run the task again; what is done stays, and is not done again"]),
        **details,
    )


def part(groups: Sequence[Record], shared: Sequence[Record], diff: Mapping[str, Any]) -> dict[str, Any]:
    """The result for some records, in the form of that for all of them.

    Args:
        groups, shared: the records to report.
        diff: of the complete result, by object.
    """
    steps = [*shared, *(step for one in groups for step in one["steps"].values())]
    return {
        "changed": any(step.get("changed") for step in steps),
        "groups": list(groups),
        "plan": [change for step in steps for change in step.get("plan") or ()],
        "diff": diff_of(groups, shared, diff),
        **waiting(groups),
        "problem": _problem(groups),
    }


def diff_of(groups: Iterable[Record], shared: Iterable[Record], diff: Mapping[str, Any]) -> dict[str, Any]:
    """Of the diff of the complete result what is about these."""
    objects = [*(one["object"] for one in shared), *(group_object(one["name"]) for one in groups)]
    return {side: _some(diff.get(side) or {}, objects) for side in _SIDES}


def _problem(groups: Sequence[Record]) -> str:
    """Why these groups are not set up; empty when they are, or wait for an approval only."""
    problems = [(group_object(one["name"]), problem) for one in groups if (problem := _problem_of(one))]
    failure = failure_in(problems, len(groups), "are not set up")
    return "" if failure is None else str(failure)


def _problem_of(one: Record) -> str:
    if one["failed"]:
        return str(one["msg"])
    if one["status"] == "unfinished":
        return "it was not begun, as another group had failed or the time was over"
    # Only a creation by the step of the credential comes before the group's own steps.
    if one["pending"] and not one["steps"]:
        return "it is not created yet. Next: have its creation approved, as a policy of the account requires"
    return ""


def group_object(name: str) -> str:
    """How a group is called in a diff over many objects."""
    return f'group "{name}"'


def waiting(groups: Iterable[Record]) -> dict[str, list[str]]:
    """The names of those that wait for an approval, and of those that were not begun."""
    listed = list(groups)
    return {
        "pending": [one["name"] for one in listed if one["pending"]],
        "unfinished": [one["name"] for one in listed if one["status"] == "unfinished"],
    }


def _some(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}
