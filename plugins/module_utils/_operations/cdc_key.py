# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""One key of a CDC group: created as a copy of a key in DSM or by Azure, and kept as requested (guide 1.2, 5.0)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from .._argspec import ArgumentSpec
from .._azure.keys import vault_keys
from .._azure.keys.vault_reading import label_of, read_one
from .._azure.wire import channel
from .._azure.wire.channel import Channel
from .._azure.wire.cloud import is_hsm_uri
from .._azure.wire.credential import operator_of
from .._azure.wire.errors import AzureError
from .._dsm.account import approvals
from .._dsm.account.approval_requests import ApprovalRequest, GuardedOperation
from .._dsm.account.approvals import Approval, Asking, as_result
from .._dsm.account.guarded_keys import VaultKey, place_of
from .._dsm.groups import stored_groups
from .._dsm.groups.selection import Selection, resolve
from .._dsm.groups.stored_groups import Group
from .._dsm.keys import key_changes, key_reading, key_writes, virtual_keys
from .._dsm.keys.key_records import DsmKey, Sources
from .._dsm.wire.client import DsmClient, connect
from .._dsm.wire.errors import DsmError
from .._errors import InvalidInput, TaskError
from .._keys.desired_key import (
    COPY,
    GENERATED,
    HSM,
    MANAGED_HSM,
    SOFTWARE,
    DesiredKey,
    check_can_be_created,
    check_for_vault,
    check_source,
)
from .._keys.key_decisions import Decision, SeenKey, decide
from .._keys.key_requests import changed, created_since, new_key
from .._keys.key_results import key_record, planned_record
from .._keys.key_terms import DSM_CURVES, EC, RSA, SIZES
from .._keys.reconciliation import ObservedKeys, ReconciledKey, reconcile
from .._names import same_name
from .._options import APPROVAL, AZURE, DSM, ONE_GROUP
from .._plan import Change, Plan
from .._rest.statuses import FORBIDDEN
from .._task import Task

# What is not verified, and is no option.
MATERIAL, VERSIONS = "material", "versions"
# Reads after a write until both sides show it, and seconds between two of them.
_MOST_READS, _PAUSE = 4, 1.0

SPEC = AZURE.merge(
    DSM,
    ONE_GROUP,
    ArgumentSpec(
        argument_spec={
            "name": {"type": "str", "required": True},
            "dsm_name": {"type": "str"},
            "state": {"type": "str", "choices": ["present"], "default": "present"},
            "origin": {"type": "str", "choices": [COPY, GENERATED]},
            "source": {
                "type": "dict",
                "options": {"kid": {"type": "str"}, "name": {"type": "str"}},
                "mutually_exclusive": [("kid", "name")],
                "required_one_of": [("kid", "name")],
            },
            "type": {"type": "str", "choices": [RSA, EC]},
            "size": {"type": "int", "choices": list(SIZES)},
            "curve": {"type": "str", "choices": list(DSM_CURVES)},
            "protection": {"type": "str", "choices": [SOFTWARE, HSM]},
            "operations": {"type": "list", "elements": "str"},
            "enabled": {"type": "bool"},
            "expires": {"type": "str"},
            "not_before": {"type": "str"},
            "adopt": {"type": "bool", "default": False},
            "look_in_azure": {"type": "bool", "default": True},
            "sync_timeout": {"type": "int", "default": 600},
        },
    ),
    APPROVAL,
)


def run(task: Task) -> dict[str, Any]:
    desired = DesiredKey.from_params(task.params, task.clock.now())
    selection, asking = Selection.from_params(task.params), Asking.from_params(task.params)
    operator = operator_of(task) if task.params["look_in_azure"] else None
    with ExitStack() as stack:
        dsm = stack.enter_context(connect(task, read_only=task.check_mode))
        group = resolve(dsm, selection, check_mode=task.check_mode)
        vault_type = _vault_type(group)
        check_for_vault(desired, vault_type)
        vault = None
        if operator is not None and group.group_id is not None and group.azure_link.vault_uri:
            vault = stack.enter_context(channel.keys(operator, group.azure_link.vault_uri))
        return _Work(task, dsm, group, vault_type, vault, asking, desired).carry_out()


def _vault_type(group: Group) -> str | None:
    """The type of the vault of the link; None if it is not known, such as that of a group that is only planned.

    Raises:
        TaskError: the link has no vault.
    """
    link = group.azure_link
    if not link.vault_uri and not group.planned:
        raise TaskError(
            "no vault is selected",
            plane="DSM",
            obj=f"link of {group.label}",
            next_step="select one with fortanix.dsm.cdc_vault_select",
            unchanged=True,
        )
    return MANAGED_HSM if is_hsm_uri(link.vault_uri) else link.vault_type


@dataclass
class _Work:
    """The work on one key.

    Attributes:
        source: the key that is copied, once it was read.
        in_dsm: all records of the group, as they were read last.
        plan: so far, in its order.
        wrote: whether a write was carried out, or is to be in check mode.
        approval: of the last write.
        known: IDs of the records before a key was created.
        lost: why it is unknown whether DSM has carried out the last change.
    """

    task: Task
    dsm: DsmClient
    group: Group
    vault_type: str | None
    vault: Channel | None
    asking: Asking
    desired: DesiredKey
    source: DsmKey | None = None
    in_dsm: tuple[DsmKey, ...] = ()
    plan: list[Change] = field(default_factory=list)
    wrote: bool = False
    synced: bool = False
    approval: Approval | None = None
    known: frozenset[str] = frozenset()
    lost: TaskError | None = None

    @property
    def label(self) -> str:
        return f'key "{self.desired.name}" of {self.group.label}'

    def carry_out(self) -> dict[str, Any]:
        """Read, decide, write, and read again: afterwards, nothing may be left to do."""
        self._read_source()
        self._read_records()
        seen = self._look()
        decision = self._decision(seen)
        if decision.action == "sync":
            if self._is_left_after_sync(seen, decision):
                return self._result(seen, decision, prediction="unknown")
            seen = self._look()
            decision = self._decision(seen)
        if decision.action not in ("create", "update"):
            return self._result(seen, decision)
        operation = self._operation(seen, decision)
        self._plan_write(decision)
        if self.task.check_mode:
            predicted = self.group.guards_keys or (decision.action == "create" and self._is_source_guarded())
            self.approval = approvals.predict(self.dsm, operation, self.asking) if predicted else None
            self.wrote = self.approval is None or not self.approval.is_pending
            return self._result(seen, decision)
        if self._is_pending_after(decision, operation):
            return self._result(seen, decision)
        seen, left = self._verified(decision)
        return self._result(seen, left)

    # Reading ----------------------------------------------------------------------------------------------------------

    def _read_source(self) -> None:
        chosen = self.desired.source
        if chosen is None:
            return
        which = {"kid": chosen.kid} if chosen.kid else {"name": str(chosen.name)}
        self.source = key_reading.read_one(self.dsm, which, str(chosen))
        if self.source is None:
            raise InvalidInput(
                "source",
                f"{chosen} does not exist, or this DSM identity does not see it",
                "correct it, or grant the DSM identity access to the group of that key",
            )

    def _read_records(self) -> None:
        if self.group.group_id is not None:
            self.in_dsm = tuple(key_reading.list_keys(self.dsm, self.group.group_id, self.group.label))

    @property
    def records(self) -> list[DsmKey]:
        """DSM's records of the key, as they were read last."""
        return [one for one in self.in_dsm if same_name(one.key.azure_name, self.desired.name)]

    def _look(self) -> SeenKey:
        """Both sides of the key, as far as they are to be read. The records of DSM were read before."""
        contents = None
        if self.vault is not None:
            contents = read_one(self.vault, self.desired.name, label_of(self.group.azure_link.vault_uri))
        in_azure, deleted = (None, None) if contents is None else (contents.keys, contents.deleted)
        found = reconcile(ObservedKeys(self.records, None, in_azure, deleted))
        key = found[0] if found else None
        return SeenKey(
            key,
            self.source,
            self._chains(key),
            with_azure=self.vault is not None,
            synced=self.synced,
            vault_type=self.vault_type,
        )

    def _chains(self, key: ReconciledKey | None) -> Sources:
        """The rotations of the source and of the key that was copied, where these are two keys."""
        newest = None if key is None else key.newest
        if self.source is None:
            return Sources({})
        kid, copied = self.source.key.kid, None if newest is None else newest.copied_from
        if copied is None or copied == kid:
            return Sources({kid: self.source})
        return key_reading.read_chains(self.dsm, (kid, copied), self.source)

    # Deciding ---------------------------------------------------------------------------------------------------------

    def _decision(self, seen: SeenKey) -> Decision:
        """Raises TaskError: the key cannot become as requested, or an option for its creation is missing."""
        if seen.key is None:
            check_can_be_created(self.desired, self.vault_type)
            if self.source is not None:
                check_source(self.desired, self.source)
            self._refuse_taken_name()
        found = decide(self.desired, seen)
        self._refuse_open_creation(seen)
        if found.action == "refuse":
            raise TaskError(
                found.reason,
                plane="Azure" if seen.with_azure else "DSM",
                obj=self.label,
                next_step=found.next_step,
                unchanged=True,
                key=self._shown(seen),
            )
        return found

    def _refuse_open_creation(self, seen: SeenKey) -> None:
        """Refuse a key that is not from such a task while a request to create it is open: it would get a version."""
        newest = None if seen.key is None else seen.key.newest
        is_ours = newest is not None and newest.recorded_origin is not None
        if seen.key is None or is_ours or self.desired.origin is None:
            return
        if not (self.group.guards_keys or self._is_source_guarded()):
            return
        kids = frozenset(one.key.kid for one in self.records)
        key = VaultKey(place_of(self.group.group_id, self.desired.name), kids, self.desired.dsm_name)
        found = approvals.open_creations(self.dsm, key, self.label)
        if found:
            raise self._occupied(found[0], seen)

    def _refuse_occupied(self, request: ApprovalRequest) -> None:
        """Refuse to go on with an approved creation if somebody else has created a key of this name meanwhile."""
        if self.vault is None:
            # As before the request was filed: only a sync shows such a key.
            virtual_keys.scan(self.dsm, self.group.synced, self.task.params["sync_timeout"], self.asking)
        if self._new():
            # DSM has carried it out on the approval.
            return
        seen = self._look()
        if seen.key is not None:
            raise self._occupied(request, seen)

    def _occupied(self, request: ApprovalRequest, seen: SeenKey) -> TaskError:
        return TaskError(
            f"there is a key of this name by now that this task has not created, and {request.label} would add a "
            "version to it",
            plane="Azure" if seen.with_azure else "DSM",
            obj=self.label,
            next_step="have that request denied, or withdraw it in DSM; then choose another name, or run the task "
            "again to manage the key that exists",
            unchanged=True,
            key=self._shown(seen),
            approval={"id": request.request_id, "requester": request.requester},
        )

    def _refuse_taken_name(self) -> None:
        """Refuse a name in DSM that another object has. DSM may take a copy with the name of a key as its rotation."""
        name = self.desired.dsm_name
        holder = key_reading.read_one(self.dsm, {"name": name}, f'key "{name}"')
        if holder is not None and holder.key.state != "deleted":
            raise InvalidInput(
                "dsm_name",
                f'DSM has another object with the name "{name}" ({holder.key.kid}, in the group {holder.group_id})',
                "set dsm_name to another name: names are unique in an account",
            )

    def _complete(self) -> DesiredKey:
        """The requested key with what a copy has from its source."""
        return self.desired if self.source is None else self.desired.with_form_of(self.source)

    # Writing ----------------------------------------------------------------------------------------------------------

    def _is_left_after_sync(self, seen: SeenKey, decision: Decision) -> bool:
        """Sync the keys of the group; whether the rest is left to another run, because the sync is not carried out."""
        if self.task.check_mode or self.group.group_id is None:
            self._plan_sync(decision, {"keys": "unknown"})
            self.wrote = True
            if seen.key is None:
                # If the sync finds none, either.
                self._plan_write(decide(self.desired, replace(seen, synced=True)))
            return True
        before = [one.key for one in self.in_dsm]
        outcome = virtual_keys.scan(self.dsm, self.group.synced, self.task.params["sync_timeout"], self.asking)
        self.synced, self.approval = True, outcome.approval
        if outcome.is_pending:
            self._plan_sync(decision, {"keys": "unknown"})
            return True
        self._read_records()
        changes = virtual_keys.compare(before, [one.key for one in self.in_dsm])
        self.wrote = bool(changes)
        counts = {"new": len(changes.new), "updated": len(changes.updated), "vanished": len(changes.vanished)}
        self._plan_sync(decision, counts)
        return False

    def _operation(self, seen: SeenKey, decision: Decision) -> GuardedOperation:
        desired = self.desired
        if decision.action == "update":
            newest = _newest(seen)
            members = changed(desired, decision.changes, newest)
            return key_writes.update(newest, self.label, records=self.records, **members)
        new = new_key(desired, self.vault_type, group_id=str(self.group.group_id), label=self.label)
        if self.source is not None:
            if self.source.wrapped_only:
                self.task.warn(
                    f"{desired.source} may be exported only wrapped by another key. DSM may refuse to copy it into a "
                    "vault."
                )
            return key_writes.copy_of(new, self.source.key.kid)
        return key_writes.generation(new, str(desired.type), desired.size, DSM_CURVES.get(desired.curve or ""))

    def _is_source_guarded(self) -> bool:
        """Whether the group of the source has a policy for copies; False if the DSM identity cannot read it."""
        if self.source is None or self.source.group_id is None:
            return False
        try:
            found = stored_groups.get(self.dsm, self.source.group_id)
        except DsmError as error:
            if error.status != FORBIDDEN:
                raise
            return False
        return found is not None and stored_groups.guards_copies(found)

    def _is_pending_after(self, decision: Decision, operation: GuardedOperation) -> bool:
        """Send the write once; whether it waits for an approval."""
        link, guarded = self.group.azure_link, self.group.guarded
        if decision.action == "create":
            self.known = frozenset(one.key.kid for one in self.in_dsm)
            outcome = key_changes.create(
                self.dsm,
                operation,
                self.asking,
                link,
                guarded=guarded,
                looked_up=self._new,
                still_free=self._refuse_occupied,
            )
        else:
            outcome, self.lost = key_changes.change(self.dsm, operation, self.asking, link, guarded=guarded)
        self.approval = outcome.approval or self.approval
        self.wrote = self.wrote or not outcome.is_pending
        return outcome.is_pending

    def _new(self) -> list[DsmKey]:
        """As :meth:`_mine`, read again."""
        self._read_records()
        return self._mine()

    def _mine(self) -> list[DsmKey]:
        """Records of the key that were not there before, and are from such a task, not from a sync."""
        return created_since(self.known, self.records, self.source)

    def _verified(self, written: Decision) -> tuple[SeenKey, Decision]:
        """What both sides have after a write.

        Raises:
            TaskError: they do not have what was requested.
        """
        desired = self._complete() if written.action == "create" else self.desired
        for reads in range(1, _MOST_READS + 1):
            self._read_records()
            seen = self._look()
            left = decide(desired, seen)
            if written.action == "create":
                self._refuse_twice()
            if left.action == "nothing":
                return seen, self._checked_versions(seen, left) if written.action == "create" else left
            if reads < _MOST_READS:
                self.dsm.pause(_PAUSE)
        if self.lost is not None:
            raise self.lost
        if self.approval is not None and self.approval.status == "approved":
            again = (
                "run the task again, which files a new request: DSM may have carried out the approved one earlier, and "
                "somebody has changed the key since"
            )
        else:
            again = (
                "run the task again; if the difference remains, DSM does not transfer this to Azure: change it in "
                "Azure and sync the keys, or omit the option"
            )
        raise TaskError(
            f"DSM accepted the {'new key' if written.action == 'create' else 'change'}, but {_remainder(left)}",
            plane="Azure" if seen.with_azure else "DSM",
            obj=self.label,
            next_step=left.next_step or again,
            key=self._shown(seen),
            differs={name: {"found": found, "requested": wanted} for name, (found, wanted) in left.changes.items()},
        )

    def _checked_versions(self, seen: SeenKey, left: Decision) -> Decision:
        """Azure adds a version to a key of this name that somebody has created meanwhile.

        Raises:
            TaskError: the new key has older versions.
        """
        unread = replace(left, unverified=(*left.unverified, VERSIONS))
        if self.vault is None or seen.key is None or seen.key.azure is None or seen.key.current is None:
            return unread
        label = label_of(self.group.azure_link.vault_uri)
        try:
            found = vault_keys.with_versions(self.vault, seen.key.azure, label)
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
            obj=self.label,
            next_step="find out who uses that key: whoever names no version now uses the new one, and can name an "
            "older version instead; then choose another name for the new key",
            key=self._shown(seen),
            older_versions=older,
        )

    def _refuse_twice(self) -> None:
        made = sorted(one.key.kid for one in self._mine())
        if len(made) > 1:
            raise TaskError(
                f"the key was created {len(made)} times at the same time: DSM has the new records {', '.join(made)}",
                plane="DSM",
                obj=self.label,
                next_step="find out which other task creates this key; disable the version that is not needed",
                created=made,
            )

    # Results ----------------------------------------------------------------------------------------------------------

    def _plan_sync(self, decision: Decision, after: Mapping[str, Any]) -> None:
        self.plan.append(Change("DSM", self.group.label, "sync", {}, after, decision.reason))

    def _plan_write(self, decision: Decision) -> None:
        if decision.action == "create":
            before, after = {}, self._complete().view()
        else:
            before = {name: values[0] for name, values in decision.changes.items()}
            after = {name: values[1] for name, values in decision.changes.items()}
        self.plan.append(Change("DSM", self.label, decision.action, before, after, decision.reason))

    def _shown(self, seen: SeenKey) -> dict[str, Any] | None:
        return None if seen.key is None else key_record(seen.key, self.group.azure_link.vault_uri)

    def _result(self, seen: SeenKey, decision: Decision, prediction: str | None = None) -> dict[str, Any]:
        key = self._shown(seen) or planned_record(self._complete(), self.group.azure_link.vault_uri)
        if self.task.check_mode and decision.action == "update":
            key.update({name: wanted for name, (_found, wanted) in decision.changes.items()})
        filed = self.approval is not None and self.approval.filed
        pending = self.approval is not None and self.approval.is_pending
        written = self.plan if self.wrote or filed or not pending else []
        # A copy is compared with the form of its source too, which is no option.
        requested = {MATERIAL, VERSIONS, *self.desired.view()}
        return {
            "changed": self.wrote or filed,
            "prediction": prediction,
            "key": key,
            "unverified": sorted(requested.intersection(decision.unverified)),
            "waits_for": None if self.group.group_id else f"{self.group.label}, which a previous step has only planned",
            "group": self.group.record(exists=self.group.group_id is not None),
            "plan": Plan(tuple(self.plan)).as_result(),
            "diff": _diff(written),
            **as_result(self.approval),
        }


def _newest(seen: SeenKey) -> DsmKey:
    newest = None if seen.key is None else seen.key.newest
    if newest is None:
        raise AssertionError("a key without a record is not updated")
    return newest


def _remainder(left: Decision) -> str:
    """What a write has not reached, for a message."""
    if left.action != "update":
        return left.reason or "the key was not found afterwards"
    return "; ".join(f"{name} is {found}, and not {wanted}" for name, (found, wanted) in left.changes.items())


def _diff(plan: Iterable[Change]) -> dict[str, Any]:
    sides: dict[str, Any] = {"before": {}, "after": {}}
    for change in plan:
        sides["before"].update(change.before)
        sides["after"].update(change.after)
    return sides
