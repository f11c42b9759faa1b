# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What a task on one key has done, or would do, as its result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._dsm.account.approvals import Approval, as_result
from .._dsm.groups.stored_groups import Group
from .._dsm.keys.virtual_keys import KeyChanges
from .._plan import Change, Plan


@dataclass
class Report:
    """What is to be reported so far.

    ``plan``: in its order. ``wrote``: whether a write was carried out, or is to be. ``approval``: of the last write.
    ``consumers``: what a search for the users of the key has found; None if it was not made.
    """

    group: Group
    label: str
    plan: list[Change] = field(default_factory=list)
    wrote: bool = False
    approval: Approval | None = None
    consumers: Mapping[str, Any] | None = None

    def add(
        self, action: str, before: Mapping[str, Any], after: Mapping[str, Any], reason: str, plane: str = "DSM"
    ) -> None:
        """Plan a step on the key."""
        self.plan.append(Change(plane, self.label, action, before, after, reason))

    def add_sync(self, reason: str, changes: KeyChanges | None) -> None:
        """Plan a sync of the group. ``changes``: None if it was not carried out."""
        after: dict[str, Any] = {"keys": "unknown"}
        if changes is not None:
            after = {"new": len(changes.new), "updated": len(changes.updated), "vanished": len(changes.vanished)}
        self.plan.append(Change("DSM", self.group.label, "sync", {}, after, reason))

    def result(
        self, key: Mapping[str, Any] | None, *, unverified: Iterable[str] = (), prediction: str | None = None
    ) -> dict[str, Any]:
        filed = self.approval is not None and self.approval.filed
        pending = self.approval is not None and self.approval.is_pending
        written = self.plan if self.wrote or filed or not pending else []
        return {
            "changed": self.wrote or filed,
            "prediction": prediction,
            "key": key,
            "unverified": sorted(unverified),
            "consumers": self.consumers,
            "waits_for": None if self.group.group_id else f"{self.group.label}, which a previous step has only planned",
            "group": self.group.record(exists=self.group.group_id is not None),
            "plan": Plan(tuple(self.plan)).as_result(),
            "diff": {"before_header": self.label, "after_header": self.label, **_diff(written)},
            **as_result(self.approval),
        }


def _diff(plan: Iterable[Change]) -> dict[str, Any]:
    """The key before and after. A sync is of the group, and shown only if nothing else is done."""
    changes = list(plan)
    sides: dict[str, Any] = {"before": {}, "after": {}}
    for change in [one for one in changes if one.action != "sync"] or changes:
        # What an earlier step has changed, or has created, was not so before the task.
        earlier = set(sides["after"])
        sides["before"].update({name: value for name, value in change.before.items() if name not in earlier})
        sides["after"].update(change.after)
        if change.action == "create" and "state" in sides["after"]:
            # Its records were removed before.
            sides["after"]["state"] = "live"
    return sides
