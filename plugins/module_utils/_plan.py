# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The planned changes of a task, as data. Check mode, ``--diff`` and the tests use the same plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ._errors import InvalidInput

View = Mapping[str, Any]

# Placeholder for an ID that Azure assigns on creation. Records that check mode planned contain it, and only check mode
# accepts it.
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
    """The changes, in order."""

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
            # For a reader of a plan, an empty value and a missing one are the same.
            flat[prefix + key] = value
    return flat


def refuse_planned(option: str, is_planned: object, what: str, step: str) -> None:
    """Reject an option which states that something is only planned. For runs without check mode.

    Args:
        option: its name.
        is_planned: its value.
        what: the planned object, such as "the vault".
        step: what the required earlier task does, such as "creates the vault".

    Raises:
        InvalidInput: it is set.
    """
    if is_planned:
        problem = f"{what} is only planned, which is only valid in check mode"
        raise InvalidInput(option, problem, f"run the task that {step} first, or omit {option}")
