# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A key that is to be present: created as a copy of a key in DSM or by Azure, and kept as requested."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from .._azure.keys import vault_keys
from .._azure.wire.errors import AzureError
from .._dsm.account import approvals
from .._dsm.account.approval_requests import GuardedOperation
from .._dsm.groups import stored_groups
from .._dsm.keys import key_changes, key_reading, key_writes
from .._dsm.keys.key_records import DsmKey
from .._dsm.wire.errors import DsmError
from .._errors import InvalidInput, TaskError
from .._keys.attributes import ATTRIBUTES_OF_BOTH
from .._keys.desired_key import DesiredKey, check_can_be_created, check_for_vault, check_source
from .._keys.enabled_versions import enabled_versions
from .._keys.key_decisions import Decision, SeenKey, decide
from .._keys.key_requests import changed, created_since, new_key
from .._keys.key_results import planned_record
from .._keys.key_terms import DSM_CURVES
from .._rest.statuses import FORBIDDEN
from . import azure_attributes
from .all_versions import Shutdown
from .observed_key import ObservedKey
from .report import Report

# What is not verified, and is no option.
MATERIAL, VERSIONS = "material", "versions"
# Reads after a write until both sides show it, and seconds between two of them.
_MOST_READS, _PAUSE = 4, 1.0


def keep(key: ObservedKey, desired: DesiredKey) -> dict[str, Any]:
    """Create the key if it does not exist, and change what differs; the result of the task.

    Raises:
        InvalidInput: an option does not fit the vault, the source or the key.
        TaskError: the key cannot become as requested, or has not become so.
    """
    check_for_vault(desired, key.vault_type)
    return _Work(key, desired, Report(key.group, key.label)).carry_out()


@dataclass
class _Work:
    """``known``: IDs of the records before a key was created.

    ``lost``: why it is unknown whether DSM has carried out the last change.
    """

    key: ObservedKey
    desired: DesiredKey
    report: Report
    known: frozenset[str] = frozenset()
    lost: TaskError | None = None

    def carry_out(self) -> dict[str, Any]:
        """Read, decide, write, and read again: afterwards, nothing may be left to do."""
        self._read_source()
        self.key.read_records()
        seen = self.key.look()
        decision = self._decision(seen)
        if decision.action == "sync":
            if self._is_left_after_sync(seen, decision):
                return self._result(seen, decision, prediction="unknown")
            seen = self.key.look()
            decision = self._decision(seen)
        if decision.action not in ("create", "update"):
            self._warn_of_older(seen, decision)
            return self._result(seen, decision)
        self._warn_of_older(seen, decision)
        if self.desired.all_versions and decision.action == "update":
            goes_on = self._is_shut_down(seen, decision)
            if not self.key.task.check_mode:
                seen = self.key.look()
                decision = self._decision(seen)
            if not goes_on or not decision.changes.values:
                return self._result(seen, decision)
        if not decision.is_left_in_azure:
            operation = self._operation(seen, decision)
            self._plan_write(decision)
            if self.key.task.check_mode:
                self._predict(decision, operation)
            elif self._is_pending_after(decision, operation):
                return self._result(seen, decision)
        if self.key.task.check_mode:
            self._predict_in_azure(decision)
            return self._result(seen, decision)
        seen, left = self._verified(decision, seen)
        return self._result(seen, left)

    def _is_shut_down(self, seen: SeenKey, decision: Decision) -> bool:
        """Disable all versions; whether the task can go on, and does not wait for an approval."""
        shutdown = Shutdown(self.key, self.report)
        shutdown.warn_of_stuck(seen)
        if self.key.task.check_mode:
            shutdown.predict(decision.versions)
            return not shutdown.waiting
        return shutdown.carry_out(decision.versions)

    def _warn_of_older(self, seen: SeenKey, decision: Decision) -> None:
        """Warn of older versions that stay enabled while the current one is disabled."""
        if self.desired.enabled is not False or self.desired.all_versions or seen.key is None:
            return
        # The list of the vault costs a request: only when the version is disabled, not in each run.
        listed = self.key.read_versions(seen.key) if "enabled" in decision.changes.values else None
        older = [one for one in enabled_versions(seen.key, listed) if not one.is_current]
        if older:
            self.key.task.warn(
                f"Older versions of {self.key.label} stay enabled ({', '.join(str(one.version) for one in older)}). To "
                "disable them as well, set enabled_versions: all."
            )

    def _predict(self, decision: Decision, operation: GuardedOperation) -> None:
        guarded = self.key.group.guards_keys or (decision.action == "create" and self._is_source_guarded())
        self.report.approval = approvals.predict(self.key.dsm, operation, self.key.asking) if guarded else None

    def _predict_in_azure(self, decision: Decision) -> None:
        """What follows in the vault, as far as it does not depend on what DSM passes on."""
        if self.report.approval is not None and self.report.approval.is_pending:
            return
        self.report.wrote = True
        if decision.action == "create":
            tags = self.desired.tags
            values: dict[str, Any] = {"tags": ({}, dict(tags))} if tags else {}
        else:
            values = {name: decision.changes.values[name] for name in azure_attributes.certain(decision.changes)}
        if values:
            azure_attributes.plan(self.report, values, values)

    # Reading ----------------------------------------------------------------------------------------------------------

    def _read_source(self) -> None:
        chosen = self.desired.source
        if chosen is None:
            return
        which = {"kid": chosen.kid} if chosen.kid else {"name": str(chosen.name)}
        self.key.source = key_reading.read_one(self.key.dsm, which, str(chosen))
        if self.key.source is None:
            raise InvalidInput(
                "source",
                f"{chosen} does not exist, or this DSM identity does not see it",
                "correct it, or grant the DSM identity access to the group of that key",
            )

    # Deciding ---------------------------------------------------------------------------------------------------------

    def _decision(self, seen: SeenKey) -> Decision:
        """Raises TaskError: the key cannot become as requested, or an option for its creation is missing."""
        if seen.key is None:
            check_can_be_created(self.desired, self.key.vault_type)
            if self.key.source is not None:
                check_source(self.desired, self.key.source)
            self._refuse_taken_name()
        found = decide(self.desired, seen)
        if found.action == "refuse":
            raise TaskError(
                found.reason,
                plane="Azure" if seen.with_azure else "DSM",
                obj=self.key.label,
                next_step=found.next_step,
                unchanged=True,
                key=self.key.shown(seen),
            )
        return found

    def _refuse_taken_name(self) -> None:
        """Refuse a name in DSM that another object has. DSM may take a copy with the name of a key as its rotation."""
        name = self.desired.dsm_name
        holder = key_reading.read_one(self.key.dsm, {"name": name}, f'key "{name}"')
        if holder is not None and holder.key.state != "deleted":
            raise InvalidInput(
                "dsm_name",
                f'DSM has another object with the name "{name}" ({holder.key.kid}, in the group {holder.group_id})',
                "set dsm_name to another name: names are unique in an account",
            )

    def _complete(self) -> DesiredKey:
        """The requested key as it is created: also with what a copy has from its source."""
        desired = self.desired.as_new()
        return desired if self.key.source is None else desired.with_form_of(self.key.source)

    # Writing ----------------------------------------------------------------------------------------------------------

    def _is_left_after_sync(self, seen: SeenKey, decision: Decision) -> bool:
        """Sync the keys of the group; whether the rest is left to another run, because the sync is not carried out."""
        if self.key.task.check_mode or self.key.group.group_id is None:
            self.report.add_sync(decision.reason, None)
            self.report.wrote = True
            if seen.key is None:
                # If the sync finds none, either.
                self._plan_write(decide(self.desired, replace(seen, synced=True)))
            return True
        outcome, changes = self.key.sync()
        self.report.approval = outcome.approval
        self.report.wrote = bool(changes)
        self.report.add_sync(decision.reason, changes)
        return changes is None

    def _operation(self, seen: SeenKey, decision: Decision) -> GuardedOperation:
        desired = self.desired
        if decision.action == "update":
            newest = _newest(seen)
            return key_writes.update(newest, self.key.label, changed(desired, decision.changes.in_dsm, newest))
        new = new_key(desired.as_new(), self.key.vault_type, group_id=str(self.key.group.group_id), label=self.key.label)
        if self.key.source is not None:
            if self.key.source.wrapped_only:
                self.key.task.warn(
                    f"{desired.source} may be exported only wrapped by another key. DSM may refuse to copy it into a "
                    "vault."
                )
            return key_writes.copy_of(new, self.key.source.key.kid)
        return key_writes.generation(new, str(desired.type), desired.size, DSM_CURVES.get(desired.curve or ""))

    def _is_source_guarded(self) -> bool:
        """Whether the group of the source has a policy for copies; False if the DSM identity cannot read it."""
        if self.key.source is None or self.key.source.group_id is None:
            return False
        try:
            found = stored_groups.get(self.key.dsm, self.key.source.group_id)
        except DsmError as error:
            if error.status != FORBIDDEN:
                raise
            return False
        return found is not None and stored_groups.guards_copies(found)

    def _is_pending_after(self, decision: Decision, operation: GuardedOperation) -> bool:
        """Send the write once; whether it waits for an approval."""
        link, guarded = self.key.group.azure_link, self.key.group.guarded
        if decision.action == "create":
            self.known = frozenset(one.key.kid for one in self.key.in_dsm)
            outcome = key_changes.create(
                self.key.dsm, operation, self.key.asking, link, guarded=guarded, looked_up=self._new
            )
        else:
            outcome, self.lost = key_changes.change(self.key.dsm, operation, self.key.asking, link, guarded=guarded)
        self.report.approval = outcome.approval or self.report.approval
        self.report.wrote = self.report.wrote or not outcome.is_pending
        return outcome.is_pending

    def _new(self) -> list[DsmKey]:
        """As :meth:`_mine`, read again."""
        self.key.read_records()
        return self._mine()

    def _mine(self) -> list[DsmKey]:
        """Records of the key that were not there before, and are from such a task, not from a sync."""
        return created_since(self.known, self.key.records, self.key.source)

    def _verified(self, written: Decision, seen: SeenKey) -> tuple[SeenKey, Decision]:
        """What both sides have after a write to DSM, and after one to the vault of what has not arrived there.

        Args:
            written: what was decided.
            seen: what was read before, and is still so if DSM had nothing to change.

        Raises:
            TaskError: they do not have what was requested.
        """
        left = written
        if not written.is_left_in_azure:
            arriving = ATTRIBUTES_OF_BOTH if written.action == "create" else written.changes.in_dsm
            seen, left = self._reread(written, arriving)
        if left.is_left_in_azure and seen.with_azure:
            names = left.changes.in_azure
            azure_attributes.plan(self.report, left.changes.values, names)
            azure_attributes.write(self.key, self._verifiable(written, seen), seen, names)
            self.report.wrote = True
            seen, left = self._reread(written, names)
        if left.action != "nothing":
            raise self._unlike(written, seen, left)
        return seen, self._checked_versions(seen, left) if written.action == "create" else left

    def _reread(self, written: Decision, arriving: Collection[str]) -> tuple[SeenKey, Decision]:
        """Both sides, read until they have what was requested, or often enough; and what is left to do.

        Args:
            written: what was decided.
            arriving: attributes that the vault may show late. For others, waiting is of no use.
        """
        for reads in range(1, _MOST_READS + 1):
            self.key.read_records()
            seen = self.key.look()
            left = decide(self._verifiable(written, seen), seen)
            if written.action == "create":
                self._refuse_twice()
            is_all = left.is_left_in_azure and not set(arriving).intersection(left.changes.in_azure)
            if left.action == "nothing" or is_all or reads == _MOST_READS:
                break
            self.key.dsm.pause(_PAUSE)
        return seen, left

    def _verifiable(self, written: Decision, seen: SeenKey) -> DesiredKey:
        """What both sides must have now. An expiry that is counted may be that of an earlier request for approval."""
        if written.action != "create":
            return self.desired
        # A new key has one version.
        desired, newest = replace(self._complete(), all_versions=False), None if seen.key is None else seen.key.newest
        approved = self.report.approval is not None and desired.expires == desired.new_expires
        return replace(desired, expires=newest.expires) if approved and newest is not None else desired

    def _unlike(self, written: Decision, seen: SeenKey, left: Decision) -> TaskError:
        """The failure of a write after which a side does not have what was requested."""
        if self.lost is not None:
            return self.lost
        if self.report.approval is not None and self.report.approval.status == "approved":
            again = (
                "run the task again, which files a new request: DSM may have carried out the approved one earlier, and "
                "somebody has changed the key since"
            )
        elif left.is_left_in_azure and self.report.wrote and any(one.plane == "Azure" for one in self.report.plan):
            again = "run the task again; if the difference remains, find out who changes the key in Azure"
        else:
            again = (
                "run the task again; if the difference remains, DSM does not store this as requested: change it in "
                "DSM, or omit the option"
            )
        accepted = "new key" if written.action == "create" else "change"
        return TaskError(
            f"{'Azure' if left.is_left_in_azure else 'DSM'} accepted the {accepted}, but {_remainder(left)}",
            plane="Azure" if seen.with_azure else "DSM",
            obj=self.key.label,
            next_step=left.next_step or _kept_entries(left) or again,
            key=self.key.shown(seen),
            differs={name: {"found": found, "requested": wanted} for name, (found, wanted) in _values(left)},
        )

    def _checked_versions(self, seen: SeenKey, left: Decision) -> Decision:
        """Azure adds a version to a key of this name that somebody has created meanwhile.

        Raises:
            TaskError: the new key has older versions.
        """
        unread = replace(left, unverified=(*left.unverified, VERSIONS))
        if self.key.vault is None or seen.key is None or seen.key.azure is None or seen.key.current is None:
            return unread
        try:
            found = vault_keys.with_versions(self.key.vault, seen.key.azure, self.key.vault_label)
        except AzureError as error:
            if error.status != FORBIDDEN:
                raise
            return unread
        listed = {one.id for one in found.versions or ()}
        # Of a list that lags, nothing is known; nor without one.
        if seen.key.current.id not in listed:
            return unread
        older = sorted(listed - {seen.key.current.id})
        if not older:
            return left
        raise TaskError(
            f"somebody else has created a key of this name in the vault at the same time: the new key is a version "
            f"of it ({seen.key.current.id}), and the older versions are not from this task ({', '.join(older)})",
            plane="Azure",
            obj=self.key.label,
            next_step="find out who uses that key: whoever names no version now uses the new one, and can name an "
            "older version instead; then choose another name for the new key",
            key=self.key.shown(seen),
            older_versions=older,
        )

    def _refuse_twice(self) -> None:
        made = sorted(one.key.kid for one in self._mine())
        if len(made) > 1:
            raise TaskError(
                f"the key was created {len(made)} times at the same time: DSM has the new records {', '.join(made)}",
                plane="DSM",
                obj=self.key.label,
                next_step="find out which other task creates this key; disable the version that is not needed",
                created=made,
            )

    # Results ----------------------------------------------------------------------------------------------------------

    def _plan_write(self, decision: Decision) -> None:
        if decision.action == "create":
            view = self._complete().view()
            # DSM has no tags: they follow in the vault.
            before, after = {}, {name: value for name, value in view.items() if name != "tags"}
        else:
            values = {name: decision.changes.values[name] for name in decision.changes.in_dsm}
            before = {name: value[0] for name, value in values.items()}
            after = {name: value[1] for name, value in values.items()}
        self.report.add(decision.action, before, after, decision.reason)

    def _result(self, seen: SeenKey, decision: Decision, prediction: str | None = None) -> dict[str, Any]:
        key = self.key.shown(seen) or planned_record(self._complete(), self.key.group.azure_link.vault_uri)
        if self.key.task.check_mode and decision.action == "update":
            key.update({name: wanted for name, (_found, wanted) in _values(decision)})
            if decision.versions:
                key["enabled"] = False
        # A copy is compared with the form of its source too, which is no option.
        requested = {MATERIAL, VERSIONS, "expires", *self.desired.view()}
        return self.report.result(key, unverified=requested.intersection(decision.unverified), prediction=prediction)


def _newest(seen: SeenKey) -> DsmKey:
    newest = None if seen.key is None else seen.key.newest
    if newest is None:
        raise AssertionError("a key without a record is not updated")
    return newest


def _values(decision: Decision) -> Iterable[tuple[str, tuple[Any, Any]]]:
    return decision.changes.values.items()


def _remainder(left: Decision) -> str:
    """What a write has not reached, for a message."""
    if left.action != "update":
        return left.reason or "the key was not found afterwards"
    return "; ".join(f"{name} is {found}, and not {wanted}" for name, (found, wanted) in _values(left))


def _kept_entries(left: Decision) -> str:
    """The remedy for entries of the metadata that a change was to remove, and that DSM has kept (DSM contract §7, Q58)."""
    found, wanted = left.changes.values.get("metadata", ({}, {}))
    kept = sorted(found.keys() - wanted.keys())
    if not kept:
        return ""
    return (
        f"remove {', '.join(kept)} in DSM, or list them in metadata: this DSM keeps the entries that a change does not "
        "name"
    )
