# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A key that is to be deleted, purged, or without a record in DSM: step by step, each one verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._dsm.keys.key_endings import Deed, is_busy
from .._errors import TaskError
from .._keys.key_endings import DELETED, PURGED, DesiredEnding, SeenEnding, Step, decide
from .._waiter import Patience
from . import consumers_check
from .consumers_check import Ends
from .observed_key import ObservedKey
from .report import Report
from .steps import Steps

# What is not verified if the vault was not read.
STATE = "state"
# Requests for steps, and what ends the use of the key, in words.
_DEEDS: Mapping[str, Deed] = {"delete": "delete", "purge": "purge", "remove": "remove"}
_ENDS: Mapping[str, Ends] = {DELETED: "deleted", PURGED: "purged"}


def end(key: ObservedKey, wanted: DesiredEnding) -> dict[str, Any]:
    """Take the key to the requested state; the result of the task.

    Raises:
        TaskError: the key cannot be taken there, or has not arrived there.
    """
    report = Report(key.group, key.label)
    return _Work(key, wanted, report, Steps(key, report)).carry_out()


@dataclass
class _Work:
    """``done``: the steps that were carried out."""

    key: ObservedKey
    wanted: DesiredEnding
    report: Report
    steps: Steps
    done: set[str] = field(default_factory=set)

    def carry_out(self) -> dict[str, Any]:
        """Read, decide, write, wait, sync, and read again, until nothing is left to do."""
        self.key.read_records()
        seen = self.steps.look()
        patience = Patience.of(self.steps.wait, 0)
        while True:
            step = decide(self.wanted, seen)
            if step.action == "refuse":
                raise self._refusal(step, seen)
            if step.action == "nothing":
                return self._result(seen)
            if self.key.task.check_mode:
                return self._predicted(seen, step)
            if step.action in self.done:
                raise self.steps.lost or self._left(step, seen)
            if step.action == "sync":
                settled = self.steps.at_work(seen)
                if settled.state != seen.state:
                    seen = settled
                    continue
                if self.steps.sync(step.reason):
                    return self._result(seen, prediction="unknown")
            else:
                self._check_consumers(step)
                try:
                    if self._is_pending(step, seen):
                        return self._result(seen)
                    self.done.add(step.action)
                except TaskError as error:
                    if not is_busy(error):
                        raise
                    self.steps.again(error, patience)
            seen = self.steps.look()

    def _is_pending(self, step: Step, seen: SeenEnding) -> bool:
        if step.action == "remove":
            return self.steps.remove(step.kids, step.reason)
        return self.steps.carry_out(_DEEDS[step.action], step.kids[0], seen.state, step.reason, vanishes=step.vanishes)

    def _check_consumers(self, step: Step) -> None:
        """Before the first of two steps, for the second one, too."""
        if step.action in ("delete", "purge"):
            consumers_check.check(self.key, self.report, _ENDS[self.wanted.state])

    def _predicted(self, seen: SeenEnding, step: Step) -> dict[str, Any]:
        """The result in check mode."""
        prediction = None
        if step.action == "sync":
            self.report.add_sync(step.reason, None)
            self.report.wrote = True
            prediction = "unknown"
            step = decide(self.wanted, seen.after_sync())
        if step.action not in ("delete", "purge", "remove"):
            return self._result(seen, prediction=prediction)
        self._check_consumers(step)
        deed = _DEEDS[step.action]
        self.steps.plan(deed, seen.state, step.reason)
        self.steps.predict(deed, step.kids)
        if deed == "delete" and self.wanted.state == PURGED and not step.vanishes:
            self.steps.plan("purge", "soft_deleted", _THEN_PURGED)
        return self._result(seen, prediction=prediction)

    # Failures and results ---------------------------------------------------------------------------------------------

    def _refusal(self, step: Step, seen: SeenEnding) -> TaskError:
        return self.key.failure(seen.key, step.reason, step.next_step, unchanged=True)

    def _left(self, step: Step, seen: SeenEnding) -> TaskError:
        return self.key.failure(
            seen.key,
            f"the request was accepted, but the key is {seen.state} afterwards ({step.reason})",
            "run the task again; if that does not help, compare both sides with fortanix.dsm.cdc_key_info",
        )

    def _result(self, seen: SeenEnding, prediction: str | None = None) -> dict[str, Any]:
        key = self.key.shown(seen.key)
        if self.key.task.check_mode and key is not None:
            for change in self.report.plan:
                key["state"] = change.after.get("state", key["state"])
            key = None if key["state"] == "absent" else key
        verified = seen.is_read or (seen.key is None and self.wanted.state == "absent")
        unverified = () if verified else (STATE,)
        return self.report.result(key, unverified=unverified, prediction=prediction)


_THEN_PURGED = "state: purged is requested, and the key is soft-deleted"
