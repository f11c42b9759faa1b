# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Single steps that end a key or bring it back: sent once, through DSM or else by the operator, and waited for.

Azure answers before it is done, and a sync in between would show DSM a key that is gone. So the vault is read until it
is done; without operator credentials, the sync is repeated until DSM shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .._azure.keys import key_writes
from .._azure.wire.channel import Channel
from .._azure.wire.errors import AzureError, may_have_worked
from .._dsm.account import approvals
from .._dsm.account.approvals import WriteResult
from .._dsm.keys import key_endings, key_reading
from .._dsm.keys.key_endings import Deed, is_busy
from .._dsm.wire.errors import DsmError
from .._errors import TaskError
from .._keys.key_endings import DESTROYED, SeenEnding
from .._rest.statuses import NOT_FOUND
from .._waiter import Patience
from .observed_key import ObservedKey
from .report import Report

# Seconds before the first read after a step, and the longest ones between two reads.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
# Seconds for which the vault may be at work on a key: deletions of more than 18 were seen (Azure contract §1.11).
_AT_WORK = 30.0
# Seconds before the first sync if the vault is not read: an earlier one would show DSM that a key is gone, for ever.
_FIRST_SYNC: Mapping[str, float] = {"delete": _AT_WORK, "purge": _FIRST_PAUSE, "recover": _AT_WORK}
# Seconds between two attempts while Azure is at work on the key.
_BUSY_PAUSE = 5.0
# Seconds for a step whose response was lost.
_LOST = 15.0


@dataclass(frozen=True)
class _Kind:
    """``vault_before``, ``vault``: what the vault shows before and after. ``states``: what DSM shows after.

    ``is_done``: in words.
    """

    vault_before: str
    vault: str
    states: tuple[str, ...]
    state: str
    is_done: str
    permission: str
    in_azure: Callable[[Channel, str, str], None]


_KINDS: Mapping[str, _Kind] = {
    "delete": _Kind("live", "deleted", ("soft_deleted",), "soft_deleted", "deleted", "delete", key_writes.delete),
    "purge": _Kind("deleted", "gone", ("purged", DESTROYED, "none"), DESTROYED, "purged", "purge", key_writes.purge),
    "recover": _Kind("deleted", "live", ("live", "disabled"), "live", "recovered", "recover", key_writes.recover),
}


@dataclass
class Steps:
    """``known``: as in :class:`SeenEnding`. ``lost``: why it is unknown whether DSM has removed a record."""

    key: ObservedKey
    report: Report
    known: frozenset[str] | None = None
    lost: TaskError | None = None

    @property
    def wait(self) -> float:
        """Seconds that each wait may take."""
        return float(self.key.task.params["wait"])

    # Reading ----------------------------------------------------------------------------------------------------------

    def look(self) -> SeenEnding:
        """Both sides. The records of DSM were read before."""
        seen = self.key.look()
        return SeenEnding(seen.key, seen.with_azure, self.key.with_deleted, self.known)

    def sync(self, reason: str) -> bool:
        """Sync the keys; whether that is pending approval."""
        outcome, changes = self._synced()
        self.report.wrote = self.report.wrote or bool(changes)
        self.report.add_sync(reason, changes)
        return outcome.is_pending

    def _synced(self) -> tuple[WriteResult, Any]:
        if self.known is None:
            self.known = frozenset(one.key.kid for one in self.key.records)
        outcome, changes = self.key.sync()
        self.report.approval = outcome.approval or self.report.approval
        return outcome, changes

    def at_work(self, seen: SeenEnding) -> SeenEnding:
        """What the vault shows of a key that it may be at work on, after a while."""
        pause, patience = _FIRST_PAUSE, Patience.of(min(self.wait, _AT_WORK), 0)
        while seen.is_unsettled and self._paused(pause, patience):
            pause = min(pause * 2, _LONGEST_PAUSE)
            seen = self.look()
        return seen

    def _paused(self, seconds: float, patience: Patience) -> bool:
        """Wait; False if there is no time left."""
        left = patience.left
        if left <= 0:
            return False
        self.key.dsm.pause(min(seconds, left))
        return True

    def again(self, error: TaskError, patience: Patience) -> None:
        """Wait for another operation on the key to complete, and read DSM's records again.

        Raises:
            TaskError: there is no time left.
        """
        if not self._paused(_BUSY_PAUSE, patience):
            raise error.reworded(
                f"another operation on the key in Azure was not complete after {self.wait:g} seconds",
                next_step="run the task again, or increase wait",
                retryable=True,
            )
        self.key.read_records()

    # Writing ----------------------------------------------------------------------------------------------------------

    def plan(self, deed: Deed, before: str, reason: str, plane: str = "DSM") -> None:
        after = "absent" if deed == "remove" else _KINDS[deed].state
        self.report.add(deed, {"state": before}, {"state": after}, reason, plane)
        if deed != "remove":
            self.report.add_sync("DSM shows what the vault has after a sync", None)

    def predict(self, deed: Deed, kids: tuple[str, ...]) -> None:
        """The approval that the step would need."""
        self.report.wrote = True
        if not self.key.group.guards_keys:
            return
        for kid in kids:
            operation = key_endings.operation(deed, kid, self.key.label, self.key.guarded_key)
            self.report.approval = approvals.predict(self.key.dsm, operation, self.key.asking)
        self.report.wrote = self.report.approval is None or not self.report.approval.is_pending

    def remove(self, kids: tuple[str, ...], reason: str) -> bool:
        """Remove records; whether that is pending approval for one of them."""
        pending, sent = False, 0
        self.plan("remove", DESTROYED, reason)
        for kid in kids:
            try:
                result, lost = self._sent("remove", kid)
            except TaskError as error:
                if not self._is_removed(error, kid):
                    raise
                continue
            sent += 1
            # Records that are still there are found when they are read again.
            self.lost = self.lost or lost
            pending = pending or result.is_pending
            self._note(result)
        if not sent:
            self.report.plan.pop()
        self.key.read_records()
        return pending

    def carry_out(self, deed: Deed, kid: str, before: str, reason: str, *, vanishes: bool = False) -> bool:
        """Delete, purge or recover the key, wait until it is done, and sync; whether it is pending approval.

        Args:
            deed: what is done.
            kid: of the record that the request is about.
            before: the state of the key, for the plan.
            reason: for the plan.
            vanishes: whether a deletion destroys the key, because the vault has no soft-delete.

        Raises:
            TaskError: it was refused, or is not done in time. :func:`is_busy` tells whether to repeat it later.
        """
        plane, lost = "DSM", None
        try:
            result, lost = self._sent(deed, kid)
        except TaskError as error:
            if self._is_done_already(error, deed):
                return False
            if not self._is_missing(error, kid):
                raise
            result, lost = self._in_azure(deed, error)
            plane = "Azure"
        self._note(result)
        self.plan(deed, before, reason, plane)
        if result.is_pending:
            return True
        return self._completed(deed, lost, vanishes)

    def _note(self, result: WriteResult) -> None:
        self.report.approval = result.approval or self.report.approval
        self.report.wrote = self.report.wrote or not result.is_pending

    def _sent(self, deed: Deed, kid: str) -> tuple[WriteResult, TaskError | None]:
        key = self.key
        asked = key_endings.operation(deed, kid, key.label, key.guarded_key)

        def is_undone() -> bool:
            key.read_records()
            if deed == "remove":
                return any(one.key.kid == kid for one in key.records)
            return self.look().in_vault == _KINDS[deed].vault_before

        return key_endings.carry_out(
            key.dsm,
            deed,
            asked,
            key.asking,
            key.group.azure_link,
            guarded=key.group.guarded,
            undone=is_undone,
        )

    def _is_done_already(self, refused: TaskError, deed: Deed) -> bool:
        """Whether DSM has refused the step because somebody else has done it since the key was read."""
        if not isinstance(refused, DsmError) or not refused.proves_refusal or is_busy(refused):
            return False
        kind = _KINDS[deed]
        self.key.read_records()
        seen = self.look()
        return seen.state in kind.states and seen.in_vault in (None, kind.vault)

    def _is_removed(self, refused: TaskError, kid: str) -> bool:
        """The same for a record."""
        if not isinstance(refused, DsmError) or refused.status != NOT_FOUND:
            return False
        self.key.read_records()
        return all(one.key.kid != kid for one in self.key.records)

    def _is_missing(self, error: TaskError, kid: str) -> bool:
        """Whether the server does not have the request: the record exists."""
        if not key_endings.is_not_offered(error):
            return False
        return key_reading.read_one(self.key.dsm, {"kid": kid}, self.key.label) is not None

    def _in_azure(self, deed: Deed, refused: TaskError) -> tuple[WriteResult, TaskError | None]:
        kind = _KINDS[deed]
        if self.key.group.guarded:
            raise refused.reworded(
                f"this DSM cannot {deed} a key in Azure: it does not have the request for that ({refused.problem}). "
                "The group has an approval policy, and the operator would act without the approvers",
                next_step=f"have somebody {deed} the key in Azure who may do so, and sync the keys with "
                "fortanix.dsm.cdc_sync",
            )
        if self.key.vault is None:
            raise refused.reworded(
                f"this DSM cannot {deed} a key in Azure: it does not have the request for that ({refused.problem})",
                next_step=f"set the operator credentials with the permission keys/{kind.permission} and "
                "look_in_azure: true: the task then uses these; or do it in Azure, and sync the keys with "
                "fortanix.dsm.cdc_sync",
            )
        try:
            kind.in_azure(self.key.vault, self.key.name, self.key.vault_label)
        except AzureError as error:
            if is_busy(error) or not may_have_worked(error):
                raise
            return WriteResult(), error
        return WriteResult(), None

    # Waiting ----------------------------------------------------------------------------------------------------------

    def _completed(self, deed: Deed, lost: TaskError | None, vanishes: bool) -> bool:
        """Wait until the step is done on both sides; whether a sync is pending approval."""
        kind = _KINDS[deed]
        patience = Patience.of(self.wait if lost is None else min(self.wait, _LOST), 0)
        seen = self.look()
        if seen.is_read:
            goal, pause = "gone" if vanishes else kind.vault, _FIRST_PAUSE
            while seen.in_vault != goal and self._paused(pause, patience):
                pause = min(pause * 2, _LONGEST_PAUSE)
                seen = self.look()
            if seen.in_vault != goal:
                raise lost or self._not_done(kind, f"the vault has it {seen.in_vault}")
            return self._is_sync_pending(kind, goal, patience)
        pause = _FIRST_SYNC[deed]
        while True:
            self._paused(pause, patience)
            if self._synced()[0].is_pending:
                return True
            seen = self.look()
            if seen.state in kind.states:
                return False
            if patience.left <= 0:
                break
            pause = _LONGEST_PAUSE
        if deed == "delete" and seen.state in ("purged", DESTROYED):
            return False
        raise lost or self._not_done(kind, f"DSM shows it as {seen.state}")

    def _is_sync_pending(self, kind: _Kind, goal: str, patience: Patience) -> bool:
        """Sync until DSM shows what the vault has, whose replicas may differ; whether a sync is pending approval.

        What DSM shows in the end is for the caller to evaluate.
        """
        pause = _FIRST_PAUSE
        while True:
            if self._synced()[0].is_pending:
                return True
            seen = self.look()
            behind = seen.in_vault == goal and seen.state not in kind.states
            if not behind or not self._paused(pause, patience):
                return False
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _not_done(self, kind: _Kind, found: str) -> TaskError:
        return TaskError(
            f"the key is not {kind.is_done} after {self.wait:g} seconds: {found}",
            plane="Azure" if self.key.vault is not None else "DSM",
            obj=self.key.label,
            next_step="run the task again, or increase wait; the request was accepted and is not repeated before the "
            "key was read",
            retryable=True,
        )
