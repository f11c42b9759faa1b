# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Common parts of the records in a result of cdc_groups, and the records that one host reports. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._errors import TaskError
from .._texts.messages import next_of, parted

Record = Mapping[str, Any]
_MOST_MESSAGES = 3
_SIDES = ("before", "after")


def failure_in(
    messages: Sequence[tuple[str, str]],
    count: int,
    state: str = "failed",
    *,
    planes: Iterable[str] = (),
    **details: Any,
) -> TaskError | None:
    """One failure for all groups that have failed; None if none has.

    Args:
        messages: label and message of each failed group.
        count: the number of all groups.
        state: the end of the sentence about the failed groups.
        planes: where they have failed.
    """
    if not messages:
        return None
    told = [f"{label}: {parted(message)[0]}." for label, message in messages[:_MOST_MESSAGES]]
    more = len(messages) - _MOST_MESSAGES
    steps = next_of([message for _label, message in messages[:_MOST_MESSAGES]])
    return TaskError(
        f"{len(messages)} of {count} groups {state}. {' '.join(told)}{f' And {more} more.' if more > 0 else ''}",
        plane=" and ".join(sorted(set(planes))) or "DSM",
        next_step="; ".join([*steps, "run the task again; completed work is not repeated"]),
        **details,
    )


def part(groups: Sequence[Record], shared: Sequence[Record], diff: Mapping[str, Any]) -> dict[str, Any]:
    """The result for some records, in the form of the complete result.

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
    """The part of the complete diff that concerns these records."""
    objects = [*(one["object"] for one in shared), *(group_object(one["name"]) for one in groups)]
    return {side: _some(diff.get(side) or {}, objects) for side in _SIDES}


def _problem(groups: Sequence[Record]) -> str:
    """Why these groups are not set up; empty if they are, or if they are only pending approval."""
    problems = [(group_object(one["name"]), problem) for one in groups if (problem := _problem_of(one))]
    planes = [str(one["failure"]["plane"]) for one in groups if one["failed"] and one.get("failure")]
    failure = failure_in(problems, len(groups), "are not set up", planes=planes)
    return "" if failure is None else str(failure)


def _problem_of(one: Record) -> str:
    if one["failed"]:
        return str(one["msg"])
    if one["status"] == "unfinished":
        return "it was not started because another group failed or the time budget was used up"
    # Only a creation by the credential step precedes the group's own steps.
    if one["pending"] and not one["steps"]:
        return "it is not created yet: a policy of the account requires approval. Next: have the creation approved"
    return ""


def group_object(name: str) -> str:
    """How a group is called in a diff over many objects."""
    return f'group "{name}"'


def waiting(groups: Iterable[Record]) -> dict[str, list[str]]:
    """The names of the groups that are pending approval, and of those that were not started."""
    listed = list(groups)
    return {
        "pending": [one["name"] for one in listed if one["pending"]],
        "unfinished": [one["name"] for one in listed if one["status"] == "unfinished"],
    }


def _some(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}
