# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What a task is going to do, as data. The same plan feeds check mode, ``--diff`` and the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ._errors import InvalidInput

View = Mapping[str, Any]

# Stands for an ID that Azure gives when the object is made. Records of what check mode has only planned carry it, and
# nothing but check mode takes it.
NOT_YET_KNOWN = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Change:
    """An intended change of one object on one plane. ``before`` and ``after``: the parts that differ, no secret."""

    plane: str
    obj: str
    action: str
    before: View
    after: View
    reason: str

    def as_result(self) -> dict[str, Any]:
        return {
            "plane": self.plane,
            "object": self.obj,
            "action": self.action,
            "before": dict(self.before),
            "after": dict(self.after),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Plan:
    """The changes in the order in which they are made."""

    changes: tuple[Change, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.changes)

    def as_result(self) -> list[dict[str, Any]]:
        return [change.as_result() for change in self.changes]


def difference(before: View, after: View) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parts of two nested views that differ, with dotted names (``link.vault.uri``) as keys."""
    old, new = _flatten(before), _flatten(after)
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return {key: old.get(key) for key in changed}, {key: new.get(key) for key in changed}


def _flatten(view: View, prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in view.items():
        if isinstance(value, Mapping) and value:
            flat.update(_flatten(value, f"{prefix}{key}."))
        elif value not in (None, "", [], {}):
            # A value that is empty and one that is not there are the same to a reader of a plan.
            flat[prefix + key] = value
    return flat


def refuse_planned(option: str, is_planned: object, what: str, step: str) -> None:
    """Refuse an option that says that something is only planned. For runs that are no check.

    Args:
        option: its name.
        is_planned: its value.
        what: is only planned, as in "the vault".
        step: what the task does that has to run first, as in "makes the vault".

    Raises:
        InvalidInput: it is set.
    """
    if is_planned:
        problem = f"{what} is only planned, which nothing but check mode goes on with"
        raise InvalidInput(option, problem, f"run the task that {step} first, or leave it out")
