# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Disables all versions of a key, such as after its material has leaked: as many of them as possible."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .._azure.keys import attribute_writes
from .._dsm.account import approvals
from .._dsm.account.approval_requests import GuardedOperation
from .._dsm.account.approvals import Approval
from .._dsm.keys import key_changes, key_writes
from .._errors import TaskError
from .._keys.desired_key import DesiredKey
from .._keys.enabled_versions import EnabledVersion, enabled_versions, stuck
from .._keys.key_decisions import Decision, SeenKey
from .observed_key import ObservedKey
from .report import Report

# Reads after the writes until both sides show them, and seconds between two of them.
_MOST_READS, _PAUSE = 4, 1.0


def disable(key: ObservedKey, report: Report, seen: SeenKey, versions: tuple[EnabledVersion, ...]) -> bool:
    """Disable all versions, or plan that in check mode; whether the task can go on, and does not wait for an approval.

    Raises:
        TaskError: versions are still enabled, and DSM was not asked to approve that.
    """
    found = () if seen.key is None else stuck(seen.key, seen.versions)
    if found:
        key.task.warn(
            f"DSM shows {key.label} as enabled in the versions {', '.join(found)}, rejects changes of them, and their "
            "state in the vault was not read. Set the operator credentials and look_in_azure: true."
        )
    shutdown = _Shutdown(key, report)
    if not key.task.check_mode:
        return shutdown.carry_out(versions)
    shutdown.predict(versions)
    return not shutdown.waiting


def warn_of_older(key: ObservedKey, desired: DesiredKey, seen: SeenKey, decision: Decision) -> None:
    """Warn of older versions that stay enabled while the current one is disabled."""
    if desired.enabled is not False or desired.all_versions or seen.key is None:
        return
    # The list of the vault costs a request: only when the version is disabled, not in each run.
    listed = key.read_versions(seen.key) if "enabled" in decision.changes.values else None
    older = [str(one.version) for one in enabled_versions(seen.key, listed) if not one.is_current]
    if older:
        key.task.warn(
            f"Older versions of {key.label} stay enabled ({', '.join(older)}). To disable them as well, set "
            "enabled_versions: all."
        )


@dataclass
class _Shutdown:
    """``failures``: of single versions. ``waiting``: the approvals that DSM requires.

    ``is_listed``: whether the vault has listed all versions the last time.
    """

    key: ObservedKey
    report: Report
    failures: list[TaskError] = field(default_factory=list)
    waiting: list[Approval] = field(default_factory=list)
    is_listed: bool = False

    def predict(self, versions: Iterable[EnabledVersion]) -> None:
        """Plan the writes without any."""
        for one in versions:
            self._plan(one, in_azure=one.record is None)
            if one.record is None:
                self.report.wrote = True
            else:
                guarded = self.key.group.guards_keys
                found = approvals.predict(self.key.dsm, self._operation(one), self.key.asking) if guarded else None
                self._note(found)

    def carry_out(self, versions: Iterable[EnabledVersion]) -> bool:
        """Disable them, the newest last; whether that is complete, and does not wait for an approval.

        A failure for one version does not keep the others enabled: it is raised at the end.
        """
        for one in versions:
            self._disable(one, in_azure=one.record is None)
        left = self._left()
        asked = {one.version for one in versions if one.record is not None} if self.waiting else set()
        for one in left:
            if one.in_azure and self.key.vault is not None and one.version not in asked:
                self._disable(one, in_azure=True)
        if self.waiting:
            self.report.approval = self.waiting[0]
            return False
        left = self._left() if left else left
        if left:
            raise self._failure(left)
        return True

    def _left(self) -> tuple[EnabledVersion, ...]:
        """What is still enabled, read until it is nothing, or often enough."""
        left: tuple[EnabledVersion, ...] = ()
        for reads in range(1, _MOST_READS + 1):
            self.key.read_records()
            seen = self.key.look()
            left = () if seen.key is None else enabled_versions(seen.key, seen.versions)
            self.is_listed = seen.versions is not None
            if not left or self.waiting or reads == _MOST_READS:
                break
            self.key.dsm.pause(_PAUSE)
        return left

    def _disable(self, one: EnabledVersion, *, in_azure: bool) -> None:
        self._plan(one, in_azure=in_azure)
        try:
            if not in_azure:
                self._disable_in_dsm(one)
            elif self.key.vault is not None and one.version is not None:
                label = self.key.vault_label
                attribute_writes.update(self.key.vault, self.key.name, one.version, label, enabled=False)
                self.report.wrote = True
        except TaskError as error:
            self.failures.append(error)

    def _disable_in_dsm(self, one: EnabledVersion) -> None:
        link, guarded = self.key.group.azure_link, self.key.group.guarded
        outcome, lost = key_changes.change(self.key.dsm, self._operation(one), self.key.asking, link, guarded=guarded)
        self.failures += [] if lost is None else [lost]
        if not outcome.is_pending:
            self.report.wrote = True
        self._note(outcome.approval)

    def _note(self, approval: Approval | None) -> None:
        if approval is None or not approval.is_pending:
            self.report.wrote = True
        else:
            self.waiting.append(approval)
        self.report.approval = approval or self.report.approval

    def _operation(self, one: EnabledVersion) -> GuardedOperation:
        if one.record is None:
            raise AssertionError("DSM has no record of this version")
        return key_writes.disabling(one.record, self.key.label)

    def _plan(self, one: EnabledVersion, *, in_azure: bool) -> None:
        before, after, reason = {one.attribute: True}, {one.attribute: False}, "all versions are to be disabled"
        self.report.add("update", before, after, reason, plane="Azure" if in_azure else "DSM")

    def _failure(self, left: Iterable[EnabledVersion]) -> TaskError:
        left = tuple(left)
        names = ", ".join(str(one.version) for one in left)
        where = " in DSM, and disabled in the vault" if self.is_listed and not any(one.in_azure for one in left) else ""
        problem = f"these versions are still enabled{where}: {names}"
        if self.failures:
            first = self.failures[0]
            return first.reworded(f"{first.problem}; {problem}", versions=names.split(", "))
        return TaskError(
            problem,
            plane="DSM" if self.key.vault is None else "Azure",
            obj=self.key.label,
            next_step="run the task again; if they remain enabled, disable them in Azure",
            versions=names.split(", "),
        )
