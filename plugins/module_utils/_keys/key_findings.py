# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Findings about keys: differences between DSM, the vault and the requirements. Pure: evaluates what was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .._azure.keys.key_records import KeyAttributes
from .._dsm.keys.key_records import WITHOUT_AUDIT, DsmKey, Sources
from .._findings import catalog
from .._findings.finding import FAILED, UNKNOWN, WARNING, Finding, Kind
from .._names import name_key
from .._timestamps import iso_or_none
from .reconciliation import ObservedKeys, ReconciledKey, reconcile, unidentified

# The evidence contains at most this many keys, and their number.
_MOST_IN_EVIDENCE = 50
_LAST_DAYS = timedelta(days=7)
# At most 100 in a Managed HSM (learn.microsoft.com, "Configure key auto-rotation in Azure Managed HSM"), and 500 in a
# backup of a key of a vault ("Azure Key Vault backup and restore").
_MANY_VERSIONS = {True: 80, False: 400}
# Names that this collection gives to keys which exist only for a transfer (DSM contract §4.5).
KEK_NAME = "fortanix-dsm-kek"
SCRATCH_NAME = "fortanix.dsm scratch "
_TRANSFER_TAKES = timedelta(hours=1)
_SYNC = "sync the keys with fortanix.dsm.cdc_sync"


@dataclass(frozen=True)
class KeyRequirements:
    """When a key is a finding.

    Attributes:
        now: by the services' clocks.
        renew_before: a key that expires within this time expires soon.
        max_age: of the newest version; None for any age.
        require_expiry: whether each key must expire.
        require_hsm: whether an HSM must protect each key.
        min_hsm_platform: the lowest `hsmPlatform`; None for any.
        in_managed_hsm: whether the keys are in a Managed HSM, which protects all of them, also without a platform.
        exact: whether versions must be compared; otherwise their times suffice.
    """

    now: datetime
    renew_before: timedelta = timedelta(days=30)
    max_age: timedelta | None = None
    require_expiry: bool = False
    require_hsm: bool = False
    min_hsm_platform: int | None = None
    in_managed_hsm: bool = False
    exact: bool = True


@dataclass(frozen=True)
class KeyFact:
    """A finding about one key. ``key``: in the vault, None for a record without a name. ``shown``: the evidence."""

    kind: Kind
    status: str
    key: str | None
    shown: str


# Kind -> what is expected of each key, and what to do otherwise.
_WORDS: Mapping[Kind, tuple[str, str]] = {
    catalog.KEYS_ONLY_IN_DSM: (
        "also in the vault",
        "find out who removed them; recover them while they are soft-deleted, or sync the keys",
    ),
    catalog.KEYS_ONLY_IN_AZURE: ("also in DSM", f"{_SYNC}, if these keys are meant for DSM"),
    catalog.KEY_VERSIONS_ONLY_IN_AZURE: ("also in DSM", _SYNC),
    catalog.KEYS_ENABLED_DIFFERS: (
        "enabled or disabled in both DSM and Azure",
        "set the same state in DSM and Azure, and sync the keys",
    ),
    catalog.KEYS_EXPIRED_IN_AZURE: ("valid", "rotate them, or disable them in DSM"),
    catalog.KEYS_NOT_IDENTIFIED: ("the name of the Azure key is known", "check these keys in DSM"),
    catalog.KEY_VERSIONS_NOT_READ: (
        "all versions are compared",
        "increase max_keys; with fortanix.dsm.cdc_key_info, set depth: versions",
    ),
    catalog.KEY_SOFT_DELETED: (
        "not deleted in the vault",
        "recover them in Azure and sync the keys, or let the vault purge them",
    ),
    catalog.KEY_PURGE_DUE_SOON: (
        "not deleted in the vault",
        "recover them in Azure now if they are still needed: the vault purges them within 7 days",
    ),
    catalog.KEY_PURGED_RECORD_LEFT: (
        "no record of a purged key",
        "delete the records in DSM when no audit needs them any more",
    ),
    catalog.KEY_SOURCE_ROTATED_COPY_NOT: (
        "a copy of the newest source key",
        "copy the newest source key to the group under the same name",
    ),
    catalog.KEY_SAME_MATERIAL: (
        "new key material in each version",
        "rotate the source key in DSM, and copy the new one",
    ),
    catalog.KEY_MATERIAL_DIFFERS: (
        "the key material of its source in DSM",
        "find out who created the newest version in Azure, and copy the source key again",
    ),
    catalog.KEY_MATERIAL_NOT_COMPARED: (
        "the public key is compared with that of its source in DSM",
        "set the operator credentials; with fortanix.dsm.cdc_key_info, set depth: versions",
    ),
    catalog.KEY_SOURCES_NOT_READ: (
        "the source key in DSM can be read",
        "grant the DSM identity access to the groups of the source keys",
    ),
    catalog.KEY_AZURE_ROTATES_BYOK: (
        "no rotation by Azure, which creates key material that DSM does not have",
        "remove the rotation policy of these keys in Azure",
    ),
    catalog.KEY_TWO_ROTATION_POLICIES: (
        "a rotation policy in DSM or in Azure",
        "remove one of the two policies",
    ),
    catalog.KEY_SOFTWARE: (
        "protected by an HSM",
        "create a new HSM-protected key: a version cannot be changed",
    ),
    catalog.KEY_OLD_PLATFORM: (
        "a newer HSM platform",
        "rotate the keys: new versions use the newest platform; replace software keys with new HSM-protected keys",
    ),
    catalog.KEY_NO_EXPIRY: ("an expiry date", "set an expiry date"),
    catalog.KEY_EXPIRES_SOON: ("valid for longer", "rotate the keys, or extend them"),
    catalog.KEY_EXPIRY_DIFFERS: (
        "the same expiry date in DSM and Azure",
        "set the same expiry date in DSM and Azure",
    ),
    catalog.KEY_TOO_OLD: ("a newer version", "rotate the keys"),
    catalog.KEY_AUDIT_OFF: (
        "audited by DSM",
        "remove the operation HIGHVOLUME from the keys in DSM: it switches their audit log off",
    ),
    catalog.KEY_EXPORTABLE: (
        "not exportable",
        "confirm that these keys are meant for secure key release; this cannot be changed",
    ),
    catalog.KEY_MANY_VERSIONS: (
        "fewer versions",
        "plan a new key: versions cannot be deleted, and their number is limited",
    ),
    catalog.KEY_DOUBLED: ("one record in DSM for each version", "delete one of the two records in DSM"),
    catalog.KEK_LEFT: ("an expiry date in the future", "delete the key exchange keys that are no longer used"),
    catalog.SCRATCH_LEFT: ("deleted after the transfer", "destroy and delete these keys in DSM"),
}


def findings_about_keys(
    label: str, observed: ObservedKeys, required: KeyRequirements
) -> tuple[tuple[Finding, ...], tuple[KeyFact, ...], tuple[ReconciledKey, ...]]:
    """All findings of one group, one for each kind and status; the facts behind them, and the keys.

    Args:
        label: of the group, such as ``group "akv-prod"``.
    """
    keys = reconcile(observed)
    facts = tuple(_facts(observed, keys, required))
    grouped: dict[tuple[Kind, str], list[str]] = {}
    for fact in facts:
        grouped.setdefault((fact.kind, fact.status), []).append(fact.shown)
    found = tuple(_finding(label, kind, status, shown) for (kind, status), shown in grouped.items())
    return found, facts, keys


def _finding(label: str, kind: Kind, status: str, shown: Sequence[str]) -> Finding:
    expected, remedy = _WORDS[kind]
    evidence = {"count": len(shown), "keys": sorted(shown)[:_MOST_IN_EVIDENCE]}
    actual = "1 key" if len(shown) == 1 else f"{len(shown)} keys"
    return Finding(kind, status, "DSM", f"keys of {label}", expected, actual, remedy, evidence)


def _facts(observed: ObservedKeys, keys: Sequence[ReconciledKey], required: KeyRequirements) -> Iterator[KeyFact]:
    without_name = unidentified(observed.in_dsm)
    yield from (KeyFact(catalog.KEYS_NOT_IDENTIFIED, UNKNOWN, None, one.key.kid) for one in without_name)
    yield from _of_both_sides(observed, keys, len(without_name), required)
    for key in keys:
        yield from _of_life_cycle(key, required)
        yield from _of_requirements(key, required)
        yield from _of_material(key, observed.sources)
        yield from _of_policies(key, observed.sources)
        yield from _of_records(key, required)
    yield from _of_transfers(observed, keys, required.now)


# Both sides -----------------------------------------------------------------------------------------------------------


def _of_both_sides(
    observed: ObservedKeys, keys: Sequence[ReconciledKey], without_name: int, required: KeyRequirements
) -> Iterator[KeyFact]:
    """Differences between DSM and the vault; nothing if the vault was not read.

    Whether DSM stores one key for each Azure key or for each version is not public (DSM contract §7, Q44). So only the
    current version of each key must be in DSM, and each version in DSM must be in the vault.
    """
    if observed.in_azure is None:
        return
    # Keys that back a certificate are managed by Azure and not counted (Azure contract §1.9).
    # A key exchange key that was left behind has a finding of its own: it is to be deleted, not synced.
    # Whether one does is not known of keys that were read through Resource Manager.
    missing = [
        KeyFact(catalog.KEYS_ONLY_IN_AZURE, UNKNOWN if key.azure.managed is None else FAILED, key.name, key.name)
        for key in keys
        if key.azure is not None and not key.present and not key.azure.managed and not _is_left_kek(key, required.now)
    ]
    lacking = [KeyFact(catalog.KEY_VERSIONS_ONLY_IN_AZURE, FAILED, key.name, _shown(key)) for key in keys if key.lags]
    for facts in (missing, lacking):
        # A record without a name may be one that seems to be missing.
        sure = len(facts) > without_name
        yield from (KeyFact(one.kind, one.status if sure else UNKNOWN, one.key, one.shown) for one in facts)
    for key in keys:
        unread = key.azure is not None and key.azure.versions is None and bool(key.present)
        if key.is_unclear or (unread and required.exact):
            yield KeyFact(catalog.KEY_VERSIONS_NOT_READ, UNKNOWN, key.name, key.name)
        for record in key.present:
            yield from _of_version(key, record, required.now)


def _of_version(key: ReconciledKey, record: DsmKey, now: datetime) -> Iterator[KeyFact]:
    shown = f"{key.name}/{record.key.azure_version or '-'}"
    if key.azure is None:
        # One that is soft-deleted has a finding of its own.
        if key.deleted is None:
            yield KeyFact(catalog.KEYS_ONLY_IN_DSM, FAILED, key.name, shown)
        return
    attributes = _attributes_of(key, record)
    if attributes is None:
        if key.azure.versions is not None:
            yield KeyFact(catalog.KEYS_ONLY_IN_DSM, FAILED, key.name, shown)
        return
    if attributes.enabled != record.key.enabled:
        yield KeyFact(catalog.KEYS_ENABLED_DIFFERS, WARNING, key.name, shown)
    if record.key.enabled and attributes.expires is not None and attributes.expires <= now:
        yield KeyFact(catalog.KEYS_EXPIRED_IN_AZURE, WARNING, key.name, shown)
    # Whether a sync brings the date of Azure to DSM is not public (DSM contract §7, Q53): a date that only Azure has
    # is no contradiction.
    if record.expires is not None and record.expires != attributes.expires:
        yield KeyFact(catalog.KEY_EXPIRY_DIFFERS, WARNING, key.name, shown)


def _attributes_of(key: ReconciledKey, record: DsmKey) -> KeyAttributes | None:
    """The vault's attributes of the version of a record; None if they are not known."""
    version = key.version_of(record)
    if version is not None:
        return version.attributes
    listed = key.azure is not None and key.azure.versions is None and key.lags is False and record is key.newest
    return key.attributes if listed else None


def _shown(key: ReconciledKey) -> str:
    latest = key.azure.current if key.azure is not None else ()
    return f"{key.name}/{latest[0].id}" if latest else key.name


# Life cycle -----------------------------------------------------------------------------------------------------------


def _of_life_cycle(key: ReconciledKey, required: KeyRequirements) -> Iterator[KeyFact]:
    if not key.records:
        return
    if key.state == "soft_deleted":
        due = key.deleted.purge_due if key.deleted is not None else None
        if due is not None and due <= required.now + _LAST_DAYS:
            yield KeyFact(catalog.KEY_PURGE_DUE_SOON, FAILED, key.name, f"{key.name} (purge: {iso_or_none(due)})")
        else:
            when = f" (purge: {iso_or_none(due)})" if due is not None else ""
            yield KeyFact(catalog.KEY_SOFT_DELETED, WARNING, key.name, f"{key.name}{when}")
    elif key.state in ("purged", "destroyed"):
        yield KeyFact(catalog.KEY_PURGED_RECORD_LEFT, WARNING, key.name, key.name)


# Requirements ---------------------------------------------------------------------------------------------------------


def _of_requirements(key: ReconciledKey, required: KeyRequirements) -> Iterator[KeyFact]:
    """Expiry, age and protection of the newest version of a key that is in use."""
    if not key.in_use or (key.azure is not None and key.azure.managed) or _is_left_kek(key, required.now):
        return
    attributes = key.attributes
    yield from _of_expiry(key, attributes, required)
    if required.max_age is not None:
        created = None if attributes is None else attributes.created
        if created is None or required.now - created > required.max_age:
            yield KeyFact(catalog.KEY_TOO_OLD, UNKNOWN if created is None else WARNING, key.name, key.name)
    if required.in_managed_hsm:
        return
    software = None if attributes is None else attributes.is_software
    if required.require_hsm and software is not False:
        yield KeyFact(catalog.KEY_SOFTWARE, UNKNOWN if software is None else FAILED, key.name, key.name)
    elif required.min_hsm_platform is not None:
        platform = None if attributes is None else attributes.platform
        if platform is None or platform < required.min_hsm_platform:
            yield KeyFact(catalog.KEY_OLD_PLATFORM, UNKNOWN if platform is None else WARNING, key.name, key.name)


def _of_expiry(key: ReconciledKey, attributes: KeyAttributes | None, required: KeyRequirements) -> Iterator[KeyFact]:
    in_dsm = None if key.newest is None else key.newest.expires
    expires = in_dsm if attributes is None else attributes.expires
    if expires is None:
        if required.require_expiry:
            # Without the vault, a date that only Azure has is not known.
            yield KeyFact(catalog.KEY_NO_EXPIRY, UNKNOWN if attributes is None else WARNING, key.name, key.name)
    elif expires <= required.now + required.renew_before and (expires > required.now or attributes is None):
        yield KeyFact(catalog.KEY_EXPIRES_SOON, FAILED, key.name, f"{key.name} ({iso_or_none(expires)})")


# Material -------------------------------------------------------------------------------------------------------------


def _of_material(key: ReconciledKey, sources: Sources | None) -> Iterator[KeyFact]:
    """Compares public keys: those of the vault's versions with each other, and the newest with its source in DSM."""
    digests = _digests(key)
    repeated = [digest for digest, count in Counter(digests.values()).items() if count > 1]
    if repeated:
        versions = sorted(version for version, digest in digests.items() if digest in repeated)
        yield KeyFact(catalog.KEY_SAME_MATERIAL, FAILED, key.name, f"{key.name} ({', '.join(versions)})")
    origin = key.copied_from
    if origin is None or not key.in_use:
        return
    chain = _chain(origin, sources)
    latest = None if sources is None else sources.latest_of(origin)
    if latest is None:
        yield KeyFact(catalog.KEY_SOURCES_NOT_READ, UNKNOWN, key.name, key.name)
    elif latest.key.kid != origin and not latest.key.gone:
        yield KeyFact(catalog.KEY_SOURCE_ROTATED_COPY_NOT, WARNING, key.name, key.name)
    current = _current_digest(key, digests)
    known = {one.public_sha256 for one in chain}
    if current is None or None in known or latest is None:
        # A source that was not read has a finding of its own.
        if latest is not None:
            yield KeyFact(catalog.KEY_MATERIAL_NOT_COMPARED, UNKNOWN, key.name, key.name)
    elif current not in known:
        yield KeyFact(catalog.KEY_MATERIAL_DIFFERS, FAILED, key.name, _shown(key))


def _digests(key: ReconciledKey) -> dict[str, str]:
    """Version -> digest of its public key: as Azure returns it where that was read, otherwise as DSM returns it."""
    in_dsm = {
        one.key.azure_version: one.public_sha256 for one in key.records if one.key.azure_version and one.public_sha256
    }
    versions = (key.azure.versions if key.azure is not None else None) or ()
    in_azure = {one.id: one.public.sha256 for one in versions if one.public is not None and one.public.sha256}
    return {str(version): str(digest) for version, digest in {**in_dsm, **in_azure}.items()}


def _current_digest(key: ReconciledKey, digests: Mapping[str, str]) -> str | None:
    """The digest of the vault's newest version; None if that version, or its public key, is not known."""
    if key.current is not None:
        return digests.get(key.current.id)
    if key.azure is not None and key.lags is not False:
        return None
    return None if key.newest is None else digests.get(str(key.newest.key.azure_version))


def _chain(origin: str, sources: Sources | None) -> tuple[DsmKey, ...]:
    """The source and the keys that have replaced it, as far as they were read."""
    found: dict[str, DsmKey] = {}
    kid: str | None = origin
    while sources is not None and kid is not None and kid in sources.keys and kid not in found:
        found[kid] = sources.keys[kid]
        kid = found[kid].replacement
    return tuple(found.values())


# Policies, records, transfers -----------------------------------------------------------------------------------------


def _of_policies(key: ReconciledKey, sources: Sources | None) -> Iterator[KeyFact]:
    if key.azure is None or not key.azure.azure_rotates:
        return
    if key.copied_from is not None:
        yield KeyFact(catalog.KEY_AZURE_ROTATES_BYOK, FAILED, key.name, key.name)
    chain = () if key.copied_from is None else _chain(key.copied_from, sources)
    if any(one.rotates for one in (*key.present, *chain)):
        yield KeyFact(catalog.KEY_TWO_ROTATION_POLICIES, WARNING, key.name, key.name)


def _of_records(key: ReconciledKey, required: KeyRequirements) -> Iterator[KeyFact]:
    if any(WITHOUT_AUDIT in one.operations for one in key.present):
        yield KeyFact(catalog.KEY_AUDIT_OFF, WARNING, key.name, key.name)
    if key.attributes is not None and key.attributes.exportable and key.present:
        yield KeyFact(catalog.KEY_EXPORTABLE, WARNING, key.name, key.name)
    versions = Counter(one.key.azure_version for one in key.present if one.key.azure_version is not None)
    doubled = sorted(version for version, count in versions.items() if count > 1)
    yield from (KeyFact(catalog.KEY_DOUBLED, WARNING, key.name, f"{key.name}/{version}") for version in doubled)
    count = len(key.azure.versions) if key.azure is not None and key.azure.versions is not None else 0
    if count >= _MANY_VERSIONS[required.in_managed_hsm]:
        yield KeyFact(catalog.KEY_MANY_VERSIONS, WARNING, key.name, f"{key.name} ({count} versions)")


def _of_transfers(observed: ObservedKeys, keys: Sequence[ReconciledKey], now: datetime) -> Iterator[KeyFact]:
    """What a transfer of key material has left behind: key exchange keys, scratch keys."""
    yield from (KeyFact(catalog.KEK_LEFT, WARNING, key.name, key.name) for key in keys if _is_left_kek(key, now))
    of_sources = () if observed.sources is None else observed.sources.keys.values()
    candidates = {one.key.kid: one for one in (*observed.in_dsm, *of_sources)}
    for one in candidates.values():
        old = one.created is None or now - one.created > _TRANSFER_TAKES
        if one.key.name.startswith(SCRATCH_NAME) and not one.key.gone and old:
            yield KeyFact(catalog.SCRATCH_LEFT, WARNING, None, one.key.name)


def _is_left_kek(key: ReconciledKey, now: datetime) -> bool:
    """Whether this is a live key exchange key that no transfer uses any more: expired, or without an expiry date."""
    if key.azure is None or not name_key(key.name).startswith(KEK_NAME):
        return False
    expires = None if key.attributes is None else key.attributes.expires
    return expires is None or expires <= now


def counts_of(keys: Sequence[ReconciledKey]) -> dict[str, Any]:
    """Numbers for the evidence of a check: keys in DSM and in the vault, and their platforms."""
    in_azure = [key for key in keys if key.azure is not None]
    return {
        "in_dsm": sum(len(key.present) for key in keys),
        "in_azure": sum(1 for key in in_azure if key.azure is not None and not key.azure.managed),
        "hsm_platforms": _platforms(in_azure),
    }


def _platforms(keys: Collection[ReconciledKey]) -> dict[str, int]:
    """Number of keys on each platform, as Azure reports it for the newest version; the SKU implies no level."""
    told = [_told_platform(key) for key in keys]
    return {name: told.count(name) for name in sorted(set(told))}


def _told_platform(key: ReconciledKey) -> str:
    return (key.attributes.hsm_platform if key.attributes is not None else None) or "not reported"
