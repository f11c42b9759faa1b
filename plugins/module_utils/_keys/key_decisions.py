# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What is to be done so that a key is as requested: one decision for each state of the key. Pure.

The same decision verifies a write: afterwards, nothing may be left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from .._azure.keys.key_records import KeyVersion
from .._dsm.keys.key_records import DsmKey, Sources
from .._timestamps import day, iso_or_none
from .attribute_changes import AttributeChanges, changes_of, differs
from .desired_key import COPY, GENERATED, HSM, MANAGED_HSM, SOFTWARE, STANDARD, DesiredKey
from .enabled_versions import FINAL, EnabledVersion, enabled_versions
from .key_endings import DESTROYED, as_recovered, is_strange, recoverable
from .key_results import digest_of, protection_of
from .key_terms import EC, OF_EC, RSA, form_of
from .reconciliation import ReconciledKey

Action = Literal["create", "sync", "recover", "remove", "update", "nothing", "refuse"]


@dataclass(frozen=True)
class SeenKey:
    """What was read of one name.

    Attributes:
        key: None if neither side has a key of this name, as far as they were read.
        source: the requested source; None if none is requested.
        sources: the chains of rotations of the source, and of the key that was copied.
        with_azure: whether the vault was read.
        synced: whether the task has synced the keys before it read them.
        known: DSM's records of the key before that sync.
        vault_type: of the link.
        versions: all versions of the vault; None if they were not to be read, or could not be.
    """

    key: ReconciledKey | None
    source: DsmKey | None = None
    sources: Sources = field(default_factory=lambda: Sources({}))
    with_azure: bool = True
    synced: bool = False
    known: tuple[DsmKey, ...] = ()
    vault_type: str | None = None
    versions: tuple[KeyVersion, ...] | None = None


@dataclass(frozen=True)
class Decision:
    """``reason``: why; of a refusal, its problem. ``changes``: what an update changes of the current version.

    ``versions``: those that an update disables, if all are to be disabled.

    ``unverified``: requested members that could not be compared with the vault.
    """

    action: Action
    reason: str = ""
    next_step: str = ""
    changes: AttributeChanges = field(default_factory=AttributeChanges)
    versions: tuple[EnabledVersion, ...] = ()
    unverified: tuple[str, ...] = ()

    @property
    def is_left_in_azure(self) -> bool:
        """Whether DSM has what is requested, and only the vault does not."""
        return bool(self.changes.in_azure) and not self.changes.in_dsm


def decide(desired: DesiredKey, seen: SeenKey) -> Decision:
    """The next step towards the requested key."""
    state = "none" if seen.key is None else seen.key.state
    return _BY_STATE[state](desired, seen)


# Keys that do not exist, or not on both sides -------------------------------------------------------------------------


def _of_none(_desired: DesiredKey, seen: SeenKey) -> Decision:
    if not seen.with_azure and not seen.synced:
        return Decision("sync", "the vault may have a key of this name that DSM does not have")
    return Decision("create", "there is no key of this name")


def _of_foreign(desired: DesiredKey, seen: SeenKey) -> Decision:
    key = _known(seen)
    if key.azure is not None and key.azure.managed:
        return _refuse(
            "the vault has a key of this name that belongs to a certificate",
            "choose another name: Azure manages such a key, and DSM must not change it",
        )
    expected, actual = _expected(desired, seen), digest_of(key)
    known = expected is not None and actual is not None
    if known and expected != actual and desired.adopt:
        return _other_material(str(expected), str(actual))
    if not desired.adopt and not (known and expected == actual):
        return _refuse(
            "the vault has a key of this name that DSM does not have: it was created by somebody else, or is not "
            "synced yet",
            "choose another name; or set adopt: true to manage that key as it is: a new version of it is never created",
        )
    for check in (_check_form, _check_protection):
        # Nothing is written for a key that cannot be as requested.
        found = check(desired, seen, None, [])
        if found is not None:
            return found
    return _sync_once(seen, "the vault has the key, and DSM has no record of it")


def _of_recovered(_desired: DesiredKey, seen: SeenKey) -> Decision:
    return _sync_once(seen, "the vault has the key, and DSM shows it as deleted")


def _of_ghost(_desired: DesiredKey, seen: SeenKey) -> Decision:
    return _sync_once(seen, "DSM has the key, and the vault does not")


def _of_soft_deleted(desired: DesiredKey, seen: SeenKey) -> Decision:
    key = _known(seen)
    due = None if key.deleted is None else key.deleted.purge_due
    until = "" if due is None else f"; the vault purges it on {day(due)}, and its name is taken until then"
    if not desired.recover:
        return _refuse(
            f"the key is soft-deleted{until}",
            "set on_soft_deleted: recover to recover it with its versions, or choose another name",
        )
    if not key.records or is_strange(key):
        return _refuse(
            f"the vault has a deleted key of this name that DSM does not have{until}",
            "find out whose key it is; if it is yours, recover it in Azure, and sync the keys",
        )
    if not recoverable(key):
        if not seen.synced:
            return Decision("sync", "the key is soft-deleted, and DSM does not show that")
        return _refuse(
            "DSM does not show the key as deleted, also after a sync of the keys: it may have synced them while the "
            "vault was deleting the key",
            "recover it in Azure, and sync the keys with fortanix.dsm.cdc_sync",
        )
    # Nothing is recovered that cannot become as requested.
    after = decide(desired, replace(seen, key=as_recovered(key)))
    return after if after.action == "refuse" else Decision("recover", "the key is soft-deleted")


def _of_purged(desired: DesiredKey, seen: SeenKey) -> Decision:
    if desired.allow_recreate and desired.origin == COPY:
        if _known(seen).state == DESTROYED and (seen.with_azure or seen.synced):
            return Decision("remove", "the key was purged, and its records have the name in DSM")
        return _sync_once(seen, "the key was purged, and DSM may not have destroyed its records yet")
    again = (
        "set allow_recreate: true to copy the source into the vault again"
        if desired.origin == COPY
        else "remove the records with state: absent, and create a new key"
    )
    return _refuse(
        "the key was purged: its material is gone from the vault; only a new key can take the name, and DSM's records "
        "of the old one remain",
        f"{again}; or choose another name",
    )


# Live keys ------------------------------------------------------------------------------------------------------------


def _of_live(desired: DesiredKey, seen: SeenKey) -> Decision:
    key = _known(seen)
    if key.azure is not None and key.azure.managed:
        return _of_foreign(desired, seen)
    if desired.only_disables:
        # In an emergency, nothing else may stand in the way: neither a sync nor which version is the current one.
        return _with_versions(Decision("nothing"), seen)
    if key.lags:
        return _sync_once(seen, "the vault has a newer version of the key than DSM")
    if key.newest is None:
        return _of_unclear(key)
    if key.newest.key.gone:
        return _sync_once(seen, "DSM shows the newest version of the key as deleted, and others not")
    if desired.origin is None and not desired.adopt and _is_replaced(seen):
        return _refuse(
            "the key that DSM had was purged, and somebody has created another one of this name, which is synced now",
            "find out whose key it is; choose another name, or set adopt: true to manage that key as it is",
        )
    unverified: list[str] = []
    for check in (_check_origin, _check_form, _check_protection, _check_rotation):
        found = check(desired, seen, key.newest, unverified)
        if found is not None:
            return found
    of_current = replace(desired, enabled=None) if desired.all_versions else desired
    changes = changes_of(of_current, key, key.newest, with_azure=seen.with_azure)
    in_dsm = ", ".join(changes.in_dsm)
    begin, end = desired.not_before or key.newest.activates, desired.expires or key.newest.expires
    if (
        begin is not None
        and end is not None
        and begin >= end
        and {"not_before", "expires"}.intersection(changes.values)
    ):
        return _refuse(
            f"not_before would be {iso_or_none(begin)}, and expires {iso_or_none(end)}, which is not later",
            "set both so that not_before is before expires",
        )
    if in_dsm and key.newest.key.state in FINAL:
        return _refuse(
            f"{in_dsm} would have to change, and DSM has the key in the state {key.newest.key.state}, in "
            "which it rejects every change",
            f"omit {in_dsm} and change the key in Azure; or choose another name and create a new key",
        )
    decision = Decision(
        "update" if changes.values else "nothing",
        differs(changes.values) if changes.values else "",
        changes=changes,
        unverified=(*unverified, *changes.unverified),
    )
    return _with_versions(decision, seen) if desired.all_versions else decision


def _is_replaced(seen: SeenKey) -> bool:
    """Whether the sync of this task has brought in another key than the one that DSM had."""
    known = {one.key.kid for one in seen.known} | {one.key.azure_version for one in seen.known}
    return bool(known) and all(
        one.key.kid not in known and one.key.azure_version not in known for one in _known(seen).present
    )


def _of_unclear(key: ReconciledKey) -> Decision:
    """Several records, none of which is known to be that of the current version."""
    current = None if key.current is None else key.current.id
    doubled = sorted(one.key.kid for one in key.records if current is not None and one.key.azure_version == current)
    if len(doubled) > 1:
        return _refuse(
            f"DSM has {len(doubled)} records of the current version {current} of this key: {', '.join(doubled)}",
            "delete one of them in DSM",
        )
    return _refuse(
        f"DSM has {len(key.records)} records of this key, and it is not known which one is current",
        "set the operator credentials and look_in_azure: true; if two records have the same version, delete one in DSM",
    )


def _with_versions(decision: Decision, seen: SeenKey) -> Decision:
    """The decision, and the versions that are still enabled."""
    found = enabled_versions(_known(seen), seen.versions)
    unread = () if seen.versions is not None else ("versions",)
    unread = unread if seen.with_azure else (*unread, "enabled")
    return replace(
        decision,
        action="update" if found else decision.action,
        versions=found,
        unverified=(*decision.unverified, *unread),
    )


def _check_origin(desired: DesiredKey, seen: SeenKey, newest: DsmKey, unverified: list[str]) -> Decision | None:
    if desired.origin is None:
        return None
    actual = COPY if newest.copied_from is not None else newest.recorded_origin
    if desired.origin == GENERATED:
        if actual is None and desired.adopt:
            unverified.append("origin")
        return _check_generated(desired, actual)
    if actual == GENERATED:
        return _refuse(
            "the key was generated in Azure, so it is no copy of a key in DSM",
            "set origin: azure, or choose another name: the origin of a key is never changed",
        )
    return _check_copy(seen, newest, unverified)


def _check_generated(desired: DesiredKey, actual: str | None) -> Decision | None:
    if actual == COPY:
        return _refuse(
            "the key is a copy of a key in DSM",
            "set origin: copy and its source, or choose another name: the origin of a key is never changed",
        )
    if actual is None and not desired.adopt:
        return _refuse(
            "the key was not created by this collection, so its origin is not known",
            "choose another name; or set adopt: true to manage that key as it is, or omit origin",
        )
    return None


def _check_copy(seen: SeenKey, newest: DsmKey, unverified: list[str]) -> Decision | None:
    source, origin = seen.source, newest.copied_from
    if source is None:
        raise AssertionError("a copy is requested, and its source was not read")
    if origin is not None and source.replaced != origin and not _same_chain(seen.sources, source.key.kid, origin):
        if origin in seen.sources.unread:
            return _refuse(
                f"the key is a copy of key {origin} in DSM, which does not exist any more, or which this DSM identity "
                "does not see: whether the source has replaced it is not known",
                "grant the DSM identity access to the group of that key; or omit origin and source, and only the "
                "attributes are kept",
            )
        return _refuse(
            f"the key is a copy of another key in DSM ({origin})",
            f"set source.kid: {origin}, or choose another name: the source of a key is never changed",
        )
    expected = source.public_sha256 if origin is None else _digest_of_source(seen.sources, source, origin)
    actual = digest_of(_known(seen))
    if expected is not None and actual is not None:
        if expected != actual:
            return _other_material(expected, actual)
        if not seen.with_azure:
            unverified.append("material")
        return None
    if origin is None and newest.recorded_origin != COPY:
        return _refuse(
            "the key is not known as a copy, and its public key cannot be compared with that of the source",
            "set the operator credentials and look_in_azure: true, or choose another name",
        )
    unverified.append("material")
    return None


def _other_material(expected: str, actual: str) -> Decision:
    return _refuse(
        f"the current version has another public key (SHA-256 {actual}) than its source in DSM ({expected}), so its "
        "material is not that of the source",
        "find out who created that version in Azure; or choose another name",
    )


def _check_form(desired: DesiredKey, seen: SeenKey, newest: DsmKey | None, unverified: list[str]) -> Decision | None:
    current = _known(seen).current
    public = None if current is None else current.public
    shown_by = newest if public is None else public
    if shown_by is None:
        return None
    actual = form_of(shown_by.type, shown_by.size, shown_by.curve)
    for name, found in actual.items():
        wanted = getattr(desired, name)
        if wanted is None:
            continue
        if wanted == found:
            if public is None:
                unverified.append(name)
            continue
        # A key of another type has none.
        if found is None and actual["type"] != {"size": EC, "curve": RSA}.get(name):
            unverified.append(name)
            continue
        shown = actual["type"] if found is None else found
        return _refuse(
            f"{name} {wanted} is requested, and the key is {shown}",
            f"correct {name}, or choose another name: it cannot be changed",
        )
    others = [one for one in desired.operations or () if one not in OF_EC]
    if others and actual["type"] == EC:
        return _refuse(
            f"operations {', '.join(others)} are requested, and the key is an EC key, which cannot have them",
            f"set operations to {' and '.join(OF_EC)}, or to one of them",
        )
    return None


def _check_protection(
    desired: DesiredKey, seen: SeenKey, _newest: DsmKey | None, unverified: list[str]
) -> Decision | None:
    if desired.protection is None:
        return None
    only = {STANDARD: SOFTWARE, MANAGED_HSM: HSM}.get(seen.vault_type or "")
    actual = protection_of(_known(seen)) or only
    # DSM's record shows for what protection Azure was asked, not which one the key has.
    if actual is None or (only is None and not seen.with_azure):
        unverified.append("protection")
    if actual is not None and actual != desired.protection:
        return _refuse(
            f"the key is protected by {_PROTECTORS[actual]}, and protection: {desired.protection} is requested",
            "choose another name and create a new key: the protection of a version cannot be changed",
        )
    return None


_PROTECTORS = {SOFTWARE: "software", HSM: "an HSM"}


def _check_rotation(
    desired: DesiredKey, seen: SeenKey, newest: DsmKey | None, unverified: list[str]
) -> Decision | None:
    """DSM rotates a virtual key by having Azure generate material: only for a key whose material is Azure's own."""
    if desired.rotation_policy is None or newest is None:
        return None
    omit = "omit rotation_policy"
    if newest.copied_from is not None or newest.recorded_origin == COPY:
        return _refuse(
            "a rotation policy is requested, and the key is a copy of a key in DSM: DSM would have Azure generate the "
            "material of each new version",
            f"{omit}, and rotate the source key in DSM",
        )
    if newest.recorded_origin != GENERATED and not (desired.origin == GENERATED and desired.adopt):
        return _refuse(
            "a rotation policy is requested, and the origin of the key is not known: DSM would have Azure generate the "
            "material of each new version",
            f"{omit}; or set origin: azure and adopt: true, if its material was generated in Azure",
        )
    azure = _known(seen).azure
    if azure is not None and azure.azure_rotates:
        return _refuse(
            "a rotation policy is requested in DSM, and the key has one in Azure, by which Azure rotates it",
            f"remove the action rotate from the rotation policy in Azure, or {omit}",
        )
    if azure is None or azure.azure_rotates is None:
        unverified.append("rotation_policy")
    return None


# Helpers --------------------------------------------------------------------------------------------------------------


def _known(seen: SeenKey) -> ReconciledKey:
    if seen.key is None:
        raise AssertionError("there is no key")
    return seen.key


def _refuse(problem: str, next_step: str) -> Decision:
    return Decision("refuse", problem, next_step)


def _sync_once(seen: SeenKey, why: str) -> Decision:
    if not seen.synced:
        return Decision("sync", why)
    return _refuse(
        f"{why}, also after a sync of the keys",
        "compare both sides with fortanix.dsm.cdc_key_info; DSM may not sync a key that is disabled, expired, or of "
        "another type",
    )


def _expected(desired: DesiredKey, seen: SeenKey) -> str | None:
    """The public key of the requested source. A foreign key that has it is its copy, such as of an interrupted task."""
    return None if seen.source is None or desired.origin != COPY else seen.source.public_sha256


def _same_chain(sources: Sources, one: str, other: str) -> bool:
    """Whether two keys in DSM are the same one, or one has replaced the other by rotations."""
    if one == other:
        return True
    latest = [sources.latest_of(kid) for kid in (one, other)]
    return None not in latest and len({found.key.kid for found in latest if found is not None}) == 1


def _digest_of_source(sources: Sources, source: DsmKey, kid: str) -> str | None:
    found = source if source.key.kid == kid else sources.keys.get(kid)
    return None if found is None else found.public_sha256


_BY_STATE: Mapping[str, Callable[[DesiredKey, SeenKey], Decision]] = {
    "none": _of_none,
    "foreign": _of_foreign,
    "recovered": _of_recovered,
    "ghost": _of_ghost,
    "soft_deleted": _of_soft_deleted,
    "purged": _of_purged,
    "destroyed": _of_purged,
    "live": _of_live,
    "disabled": _of_live,
}
