# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A key that is to be present: created as a copy of a key in DSM or by Azure, and kept as requested."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from .._dsm.account import approvals
from .._dsm.account.approval_requests import ApprovalRequest, GuardedOperation
from .._dsm.groups import stored_groups
from .._dsm.keys import key_changes, key_reading, key_writes
from .._dsm.keys.key_endings import Deed, is_busy
from .._dsm.keys.key_records import DsmKey
from .._dsm.wire.errors import DsmError
from .._errors import InvalidInput, TaskError
from .._keys.attribute_changes import differs
from .._keys.attributes import ATTRIBUTES_OF_BOTH
from .._keys.desired_key import DesiredKey, check_can_be_created, check_for_vault, check_source
from .._keys.key_decisions import Decision, SeenKey, decide
from .._keys.key_endings import DESTROYED, SeenEnding, as_recovered, recoverable
from .._keys.key_requests import changed, created_since, new_key
from .._keys.key_results import planned_record
from .._keys.key_terms import DSM_CURVES
from .._rest.statuses import FORBIDDEN
from .._waiter import Patience
from . import all_versions, azure_attributes, consumers_check
from .differences import unlike
from .new_versions import VERSIONS, checked_versions
from .observed_key import ObservedKey
from .open_requests import refuse_added_version, refuse_creations, refuse_occupied
from .report import Report
from .steps import Steps

# What is not verified, and is no option.
MATERIAL = "material"
# Reads after a write until both sides show it, and seconds between two of them.
_MOST_READS, _PAUSE = 4, 1.0
# What may come before a key is created or changed.
_PREPARATIONS = ("sync", "recover", "remove")


def keep(key: ObservedKey, desired: DesiredKey) -> dict[str, Any]:
    """Create the key if it does not exist, and change what differs; the result of the task.

    Raises:
        InvalidInput: an option does not fit the vault, the source or the key.
        TaskError: the key cannot become as requested, or has not become so.
    """
    check_for_vault(desired, key.vault_type)
    report = Report(key.group, key.label)
    return _Work(key, desired, report, Steps(key, report)).carry_out()


@dataclass
class _Work:
    """``known``: IDs of the records before a key was created.

    ``lost``: why it is unknown whether DSM has carried out the last change. ``done``: preparations that were carried
    out. ``removed``: IDs of records that are to be removed, in check mode. ``prediction``: of the result.
    """

    key: ObservedKey
    desired: DesiredKey
    report: Report
    steps: Steps
    known: frozenset[str] = frozenset()
    lost: TaskError | None = None
    done: set[str] = field(default_factory=set)
    removed: frozenset[str] = frozenset()
    prediction: str | None = None

    def carry_out(self) -> dict[str, Any]:
        """Read, decide, write, and read again: afterwards, nothing may be left to do."""
        self._read_source()
        self.key.read_records()
        seen = self.key.look()
        decision = self._decision(seen)
        while decision.action in _PREPARATIONS:
            found = self._predicted(seen, decision) if self.key.task.check_mode else self._prepared(seen, decision)
            if found is None:
                return self._result(seen, decision)
            seen = found
            decision = self._decision(seen)
        all_versions.warn_of_older(self.key, self.desired, seen, decision)
        if decision.action not in ("create", "update"):
            return self._result(seen, decision)
        self._check_consumers(decision)
        if self.desired.all_versions and decision.action == "update":
            goes_on = all_versions.disable(self.key, self.report, seen, decision.versions)
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
            azure_attributes.predict(self.report, self.desired, decision)
            return self._result(seen, decision)
        seen, left = self._verified(decision, seen)
        return self._result(seen, left)

    def _predict(self, decision: Decision, operation: GuardedOperation) -> None:
        guarded = self.key.group.guards_keys or (decision.action == "create" and self._is_source_guarded())
        self.report.approval = approvals.predict(self.key.dsm, operation, self.key.asking) if guarded else None

    # Preparing --------------------------------------------------------------------------------------------------------

    def _prepared(self, seen: SeenKey, decision: Decision) -> SeenKey | None:
        """Sync, recover the key, or remove its records; what is there then. None if that is pending approval."""
        if decision.action in self.done:
            # The second one would not help where the first one did not.
            raise self.steps.lost or self._still(seen, decision)
        if decision.action == "sync":
            settled = self._at_work(seen)
            if settled is not seen:
                return settled
            if self._is_left_after_sync(seen, decision):
                self.prediction = "unknown"
                return None
            return self.key.look()
        patience = Patience.of(self.steps.wait, 0)
        kids = _ended(seen)
        while True:
            try:
                if decision.action == "remove":
                    pending = self.steps.remove(kids, decision.reason)
                else:
                    pending = self.steps.carry_out("recover", kids[0], "soft_deleted", decision.reason)
                break
            except TaskError as error:
                if not is_busy(error):
                    raise
                self.steps.again(error, patience)
        self.done.add(decision.action)
        return None if pending else self.key.look()

    def _predicted(self, seen: SeenKey, decision: Decision) -> SeenKey | None:
        """The same in check mode: what would be there then; None if that is not known, or is pending approval."""
        if decision.action == "sync":
            self._is_left_after_sync(seen, decision)
            self.prediction = "unknown"
            return None
        deed: Deed = "remove" if decision.action == "remove" else "recover"
        self.steps.plan(deed, _state(seen), decision.reason)
        self.steps.predict(deed, _ended(seen))
        if self.report.approval is not None and self.report.approval.is_pending:
            return None
        if deed == "remove" or seen.key is None:
            self.removed = frozenset(_ended(seen))
            return replace(seen, key=None)
        self.prediction = None if seen.with_azure else "unknown"
        return replace(seen, key=as_recovered(seen.key))

    def _at_work(self, seen: SeenKey) -> SeenKey:
        """What is there after a while, if the vault is at work on the key; the same otherwise."""
        before = SeenEnding(seen.key, seen.with_azure, self.key.with_deleted)
        if self.steps.at_work(before).state == before.state:
            return seen
        return self.key.look()

    def _still(self, seen: SeenKey, decision: Decision) -> TaskError:
        return self.key.failure(
            seen.key,
            f"DSM accepted to {decision.action} the key, but it is {_state(seen)} afterwards",
            "run the task again; if that does not help, compare both sides with fortanix.dsm.cdc_key_info",
        )

    def _check_consumers(self, decision: Decision) -> None:
        """Before the current version is disabled."""
        if decision.versions or decision.changes.values.get("enabled") == (True, False):
            consumers_check.check(self.key, self.report, "disabled")

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
        found = decide(self.desired, seen)
        if seen.key is None or found.action == "remove":
            check_can_be_created(self.desired, self.key.vault_type)
            if self.key.source is not None:
                check_source(self.desired, self.key.source)
            self._refuse_taken_name(self.removed.union(_ended(seen)))
        self._refuse_open_creation(seen)
        if found.action == "refuse":
            raise self.key.failure(seen.key, found.reason, found.next_step, unchanged=True)
        return found

    def _refuse_open_creation(self, seen: SeenKey) -> None:
        """Refuse a key of somebody else that would get a version by an approval, or has got one."""
        if seen.key is None or self.desired.origin is None:
            return
        if any(one.recorded_origin is not None for one in self.key.records):
            # Without a look at the policy of the source: that would cost a request for each key that is as requested.
            if self.key.group.guards_keys:
                refuse_added_version(self.key, seen, self.desired.dsm_name)
        elif self.key.group.guards_keys or self._is_source_guarded():
            refuse_creations(self.key, seen, self.desired.dsm_name)

    def _refuse_occupied(self, request: ApprovalRequest) -> None:
        # If DSM has carried it out on the approval, the versions are checked afterwards.
        if not self._new():
            refuse_occupied(self.key, request)

    def _refuse_taken_name(self, removed: frozenset[str]) -> None:
        """Refuse a name in DSM that another object has. DSM may take a copy with the name of a key as its rotation.

        Args:
            removed: IDs of records that are removed before.
        """
        name = self.desired.dsm_name
        holder = key_reading.read_one(self.key.dsm, {"name": name}, f'key "{name}"')
        if holder is not None and holder.key.state != "deleted" and holder.key.kid not in removed:
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
            attributes = changed(desired, decision.changes.in_dsm, newest)
            return key_writes.update(newest, self.key.label, attributes, records=self.key.records)
        new = new_key(
            desired.as_new(), self.key.vault_type, group_id=str(self.key.group.group_id), label=self.key.label
        )
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
        """Send the write once; whether it waits for an approval.

        Azure refuses it while another operation on the key is not complete, such as its recovery: nothing has happened
        then, and it is sent again.
        """
        patience = Patience.of(self.steps.wait, 0)
        while True:
            try:
                pending = self._is_pending_once(decision, operation)
                refused = self.lost
            except TaskError as error:
                if not is_busy(error):
                    raise
                refused = error
            if refused is None or not is_busy(refused):
                return pending
            self.lost = None
            self.steps.again(refused, patience)

    def _is_pending_once(self, decision: Decision, operation: GuardedOperation) -> bool:
        link, guarded = self.key.group.azure_link, self.key.group.guarded
        if decision.action == "create":
            self.known = frozenset(one.key.kid for one in self.key.in_dsm)
            outcome = key_changes.create(
                self.key.dsm,
                operation,
                self.key.asking,
                link,
                guarded=guarded,
                looked_up=self._new,
                still_free=self._refuse_occupied,
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
            lost = self.lost if left.changes.in_dsm else None
            raise lost or unlike(self.key, self.report, written, seen, left)
        return seen, checked_versions(self.key, seen, left) if written.action == "create" else left

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
            reason = decision.reason
        else:
            values = {name: decision.changes.values[name] for name in decision.changes.in_dsm}
            before = {name: value[0] for name, value in values.items()}
            after = {name: value[1] for name, value in values.items()}
            reason = differs(values)
        self.report.add(decision.action, before, after, reason)

    def _result(self, seen: SeenKey, decision: Decision) -> dict[str, Any]:
        key = self.key.shown(seen.key) or planned_record(self._complete(), self.key.group.azure_link.vault_uri)
        if self.key.task.check_mode and decision.action == "update":
            key.update({name: wanted for name, (_found, wanted) in _values(decision)})
            if decision.versions:
                key["enabled"] = False
            if key["state"] in ("live", "disabled"):
                key["state"] = "disabled" if key["enabled"] is False else "live"
        # A copy is compared with the form of its source too, which is no option.
        requested = {MATERIAL, VERSIONS, "expires", *self.desired.view()}
        return self.report.result(
            key, unverified=requested.intersection(decision.unverified), prediction=self.prediction
        )


def _state(seen: SeenKey) -> str:
    return "none" if seen.key is None else seen.key.state


def _ended(seen: SeenKey) -> tuple[str, ...]:
    """The records that are removed of a purged key, or the one with which a deleted key is recovered."""
    if seen.key is None:
        return ()
    if seen.key.state == DESTROYED:
        return tuple(sorted(one.key.kid for one in seen.key.records))
    return recoverable(seen.key)


def _newest(seen: SeenKey) -> DsmKey:
    newest = None if seen.key is None else seen.key.newest
    if newest is None:
        raise AssertionError("a key without a record is not updated")
    return newest


def _values(decision: Decision) -> Iterable[tuple[str, tuple[Any, Any]]]:
    return decision.changes.values.items()
