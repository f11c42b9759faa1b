# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What is to be done so that a key is deleted, purged, or has no record in DSM: one decision for each state. Pure.

The same decision verifies a step: afterwards, the next one or nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from .._azure.keys.key_records import VaultKey, is_protected, is_without_soft_delete
from .._dsm.keys.key_records import DsmKey
from .._errors import InvalidInput, quoted
from .._names import same_name
from .._timestamps import day
from .reconciliation import ObservedKeys, ReconciledKey, reconcile

PRESENT, DELETED, PURGED, ABSENT = "present", "deleted", "purged", "absent"
DESTROYED = "destroyed"
Action = Literal["delete", "purge", "remove", "sync", "nothing", "refuse"]


def check_options(params: Mapping[str, Any]) -> None:
    """Refuse a purge that is not confirmed, and options of other states.

    Raises:
        InvalidInput: no request has been sent.
    """
    state, confirmed = params["state"], params["confirm_purge"]
    if state == PURGED and confirmed is None:
        raise InvalidInput(
            "confirm_purge",
            "it is not set, and nothing brings back the material of a purged key",
            "set it to the name of the key again",
        )
    if state == PURGED and not same_name(confirmed, params["name"]):
        raise InvalidInput(
            "confirm_purge",
            f"it is {quoted(confirmed)}, and name is {quoted(params['name'])}",
            "set both to the name of the key that is to be purged",
        )
    if state != PURGED and confirmed is not None:
        raise InvalidInput("confirm_purge", f"it is set with state: {state}", "omit it, or set state: purged")
    if state != PURGED and params["allow_skip"]:
        raise InvalidInput(
            "allow_skip", f"it is set with state: {state}, which skips no step", "omit it, or set state: purged"
        )


@dataclass(frozen=True)
class DesiredEnding:
    """``state``: ``deleted``, ``purged`` or ``absent``. ``allow_skip``: whether a live key may be purged."""

    name: str
    state: str
    allow_skip: bool = False


@dataclass(frozen=True)
class SeenEnding:
    """What was read of one name.

    Attributes:
        key: None if neither side has a key of this name, as far as they were read.
        with_azure: whether the vault was read.
        with_deleted: whether its deleted keys were, too.
        known: IDs of the records before the first sync of the task; None if it has not synced.
    """

    key: ReconciledKey | None
    with_azure: bool = True
    with_deleted: bool = True
    known: frozenset[str] | None = None

    @property
    def synced(self) -> bool:
        return self.known is not None

    @property
    def state(self) -> str:
        return "none" if self.key is None else self.key.state

    @property
    def is_read(self) -> bool:
        """Whether the state of the key in the vault was read, and is not only DSM's word."""
        return self.with_azure and (self.with_deleted or (self.key is not None and self.key.azure is not None))

    @property
    def in_vault(self) -> str | None:
        """``live``, ``deleted`` or ``gone``; None if the vault was not read."""
        if not self.is_read:
            return None
        if self.key is not None and self.key.azure is not None:
            return "live"
        return "deleted" if self.key is not None and self.key.deleted is not None else "gone"

    @property
    def is_unsettled(self) -> bool:
        """Whether the vault has no key, and DSM has not seen it purged: it may be at work on it."""
        if self.in_vault != "gone" or self.key is None:
            return False
        return any(one.key.state != DESTROYED and one.key.azure_state != PURGED for one in self.key.records)

    def after_sync(self) -> SeenEnding:
        """The same, if a sync changes nothing."""
        return self if self.synced else replace(self, known=frozenset(one.key.kid for one in self.records))

    @property
    def records(self) -> tuple[DsmKey, ...]:
        return () if self.key is None else self.key.records


@dataclass(frozen=True)
class Step:
    """``reason``: why; of a refusal, its problem. ``kids``: the records that a request is about.

    ``vanishes``: whether a deletion destroys the key.
    """

    action: Action
    reason: str = ""
    next_step: str = ""
    kids: tuple[str, ...] = ()
    vanishes: bool = False


def decide(wanted: DesiredEnding, seen: SeenEnding) -> Step:
    """The next step towards the requested state."""
    return _BY_STATE[seen.state](wanted, seen)


NOTHING = Step("nothing")
_NOT_READ = "the vault was not read, and DSM may not have its present state"


def _of_none(_wanted: DesiredEnding, _seen: SeenEnding) -> Step:
    return NOTHING


def _of_foreign(wanted: DesiredEnding, _seen: SeenEnding) -> Step:
    if wanted.state == ABSENT:
        return NOTHING
    return _refuse(
        "the vault has a key of this name that DSM does not have: it is somebody else's, or is not synced yet",
        "find out whose key it is. If it is yours, sync the keys with fortanix.dsm.cdc_sync and run the task again; or "
        "delete it in Azure",
    )


def _of_live(wanted: DesiredEnding, seen: SeenEnding) -> Step:
    key = _known(seen)
    if key.azure is not None and key.azure.managed:
        return _of_certificate()
    if wanted.state == ABSENT:
        return _refuse(
            f"the key is {seen.state}, and only the records of a purged key can be removed",
            "set state: deleted, then state: purged with confirm_purge, then state: absent, each in a task of its own",
        )
    if wanted.state == PURGED and not wanted.allow_skip:
        return _refuse(
            f"the key is {seen.state}, and only a deleted key is purged",
            "set state: deleted first; or set allow_skip: true to delete and purge it in one task",
        )
    if wanted.state == PURGED and key.attributes is not None and is_protected(key.attributes):
        return _refuse(
            "the vault has purge protection: nobody can purge the key before its retention ends after a deletion",
            "set state: deleted, and leave the purge to the vault",
        )
    vanishes = key.attributes is not None and is_without_soft_delete(key.attributes)
    if wanted.state == DELETED and vanishes:
        return _refuse(
            "the vault has no soft-delete: a deletion would destroy the key at once, for ever",
            "enable soft-delete for the vault; or set state: purged, confirm_purge and allow_skip: true to destroy it",
        )
    if not seen.synced and not seen.is_read:
        return Step("sync", _NOT_READ)
    if not seen.synced and key.lags is not False and seen.is_read:
        return Step("sync", "the vault has a newer version of the key than DSM")
    strange = _refuse_strange(seen)
    if strange is not None:
        return strange
    reason = f"state: {wanted.state} is requested, and the key is {seen.state}"
    return Step("delete", reason, kids=_one(key.present), vanishes=vanishes)


def _refuse_strange(seen: SeenEnding) -> Step | None:
    """A key that only the sync of this task has brought into DSM: somebody has created it again under this name."""
    present = {one.key.kid for one in _known(seen).present}
    if seen.known is None or present & seen.known:
        return None
    return _refuse(
        "the key that DSM had was purged, and somebody has created another one of this name, which is synced now",
        "find out whose key it is; to delete that one, run the task again",
    )


def _of_recovered(_wanted: DesiredEnding, seen: SeenEnding) -> Step:
    return _sync_once(seen, "the vault has the key, and DSM shows it as deleted")


def _of_ghost(_wanted: DesiredEnding, seen: SeenEnding) -> Step:
    return _sync_once(seen, "DSM has the key, and the vault does not")


def _of_soft_deleted(wanted: DesiredEnding, seen: SeenEnding) -> Step:
    key = _known(seen)
    if not key.records:
        if wanted.state != PURGED:
            return NOTHING
        return _refuse(
            "the vault has a deleted key of this name that DSM does not have",
            "find out whose key it is; if it is yours, purge it in Azure",
        )
    if wanted.state == ABSENT:
        return _refuse(
            f"only the records of a purged key can be removed; the key is soft-deleted{_until(key)}",
            "wait until the vault has purged it; or set state: purged with confirm_purge, then state: absent",
        )
    behind = Step("sync", "the key is soft-deleted, and DSM does not show that")
    if wanted.state == DELETED:
        return behind if key.present and not seen.synced else NOTHING
    return _purge(seen, key, behind)


def _purge(seen: SeenEnding, key: ReconciledKey, behind: Step) -> Step:
    gone = key.deleted
    if gone is not None and gone.managed:
        return _of_certificate()
    if gone is not None and gone.is_protected:
        until = "until its retention ends" if gone.purge_due is None else f"until {day(gone.purge_due)}"
        return _refuse(
            f"purge protection holds the key {until}; nobody can purge it earlier",
            "set state: deleted, and leave the purge to the vault",
        )
    deleted = tuple(one for one in key.records if one.key.azure_state == DELETED and one.key.state != DESTROYED)
    if not seen.synced and (not seen.is_read or not deleted):
        return behind if seen.is_read else Step("sync", _NOT_READ)
    if not deleted:
        return _refuse(
            "DSM does not show the key as deleted, also after a sync of the keys: it may have synced them while the "
            "vault was deleting the key",
            "purge it in Azure, and sync the keys with fortanix.dsm.cdc_sync",
        )
    if is_strange(key):
        return _refuse(
            "the deleted key has a current version that DSM does not have: it may be another key, which somebody has "
            "created under this name",
            "find out whose key it is; if it is yours, purge it in Azure, or recover it and sync the keys first",
        )
    return Step("purge", "state: purged is requested, and the key is soft-deleted", kids=_one(deleted))


def _of_purged(wanted: DesiredEnding, seen: SeenEnding) -> Step:
    if seen.is_unsettled and not seen.synced:
        return Step("sync", "the vault does not have the key any more, and DSM does not show that")
    behind = "the key was purged, and DSM has not destroyed its records yet"
    if wanted.state == ABSENT:
        return _sync_once(seen, behind)
    if wanted.state == PURGED and not seen.synced:
        # What an interrupted task has left to do.
        return Step("sync", behind)
    return NOTHING


def _of_destroyed(wanted: DesiredEnding, seen: SeenEnding) -> Step:
    if wanted.state != ABSENT:
        return NOTHING
    return Step(
        "remove",
        "state: absent is requested, and the key was purged",
        kids=tuple(sorted(one.key.kid for one in seen.records)),
    )


# Recovery -------------------------------------------------------------------------------------------------------------


def as_recovered(key: ReconciledKey) -> ReconciledKey:
    """What a soft-deleted key is after its recovery, as far as that can be predicted: both sides as before."""
    records = [replace(one, key=replace(one.key, azure_state="created")) for one in key.records]
    gone = key.deleted
    if gone is None:
        return reconcile(ObservedKeys([_with_enabled(one, True) for one in records]))[0]
    versions = None if gone.version is None else (gone.version,)
    live = VaultKey(gone.name, managed=gone.managed, listed=gone.attributes, versions=versions)
    back = [_with_enabled(one, gone.attributes.enabled) for one in records]
    return reconcile(ObservedKeys(back, None, [live], []))[0]


def _with_enabled(record: DsmKey, enabled: bool) -> DsmKey:
    return replace(record, key=replace(record.key, enabled=enabled))


def is_strange(key: ReconciledKey) -> bool:
    """Whether the current version of a soft-deleted key is none that DSM has; False if that is not known."""
    version = None if key.deleted is None else key.deleted.version
    return version is not None and all(one.key.azure_version not in (None, version.id) for one in key.records)


def recoverable(key: ReconciledKey) -> tuple[str, ...]:
    """The record with which DSM is asked to recover the key; none if it shows the key as deleted in none of them."""
    return _one(tuple(one for one in key.records if one.key.azure_state == DELETED and one.key.state != DESTROYED))


# Helpers --------------------------------------------------------------------------------------------------------------


def _of_certificate() -> Step:
    return _refuse(
        "the key belongs to a certificate of the vault, and ends with it",
        "delete the certificate in Azure; DSM must not change its key",
    )


def _until(key: ReconciledKey) -> str:
    due = None if key.deleted is None else key.deleted.purge_due
    return "" if due is None else f", and the vault purges it on {day(due)}"


def _one(records: tuple[DsmKey, ...]) -> tuple[str, ...]:
    """The record that DSM has created last: each of them stands for the whole key."""
    ordered = sorted(records, key=lambda one: ("" if one.created is None else one.created.isoformat(), one.key.kid))
    return tuple(one.key.kid for one in ordered[-1:])


def _known(seen: SeenEnding) -> ReconciledKey:
    if seen.key is None:
        raise AssertionError("there is no key")
    return seen.key


def _refuse(problem: str, next_step: str) -> Step:
    return Step("refuse", problem, next_step)


def _sync_once(seen: SeenEnding, why: str) -> Step:
    if not seen.synced:
        return Step("sync", why)
    return _refuse(
        f"{why}, also after a sync of the keys",
        "compare both sides with fortanix.dsm.cdc_key_info, and run the task again later",
    )


_BY_STATE: Mapping[str, Callable[[DesiredEnding, SeenEnding], Step]] = {
    "none": _of_none,
    "foreign": _of_foreign,
    "recovered": _of_recovered,
    "ghost": _of_ghost,
    "soft_deleted": _of_soft_deleted,
    "purged": _of_purged,
    "destroyed": _of_destroyed,
    "live": _of_live,
    "disabled": _of_live,
}
