# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Brings together what DSM and the vault show of each key: one value for each key name in the vault. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

from .._azure.keys.key_records import DeletedKey, KeyAttributes, KeyVersion, VaultKey
from .._dsm.keys.key_records import DsmKey, Sources
from .._names import name_key

State = Literal["live", "disabled", "foreign", "recovered", "soft_deleted", "ghost", "purged", "destroyed"]
# How well the newest version of the vault is known to be in DSM, or not to be.
Compared = Literal["by_version", "by_time", "unknown"]
# The clocks of DSM and Azure may differ by this without notice. Within it, times do not tell which came first.
CLOCKS_DIFFER = timedelta(minutes=5)
_NEVER = datetime.min.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class ObservedKeys:
    """What was read of one group and its vault. None for what was not read.

    ``in_dsm``: all records of the group, with deleted and destroyed ones. ``in_azure`` and ``deleted``: the keys of the
    vault, and its soft-deleted ones. ``clocks_apart``: by how much the clocks of DSM and Azure were seen to differ.
    """

    in_dsm: Sequence[DsmKey]
    sources: Sources | None = None
    in_azure: Sequence[VaultKey] | None = None
    deleted: Sequence[DeletedKey] | None = None
    clocks_apart: timedelta = timedelta(0)


@dataclass(frozen=True)
class ReconciledKey:
    """One key of the vault, with all of DSM's records of it.

    Attributes:
        name: in the vault, in the vault's spelling if it was read.
        state: see `docs/keys.md`.
        records: DSM's records, one for each version that it knows.
        newest: the record of the newest version in DSM; None if there is none, or it is not known which one that is.
        azure: the live key; None if there is none, or the vault was not read.
        deleted: the soft-deleted key; None as before.
        compared: how the newest versions of both sides were compared.
        lags: whether the newest version of the vault is missing in DSM; None if unknown.
    """

    name: str
    state: State
    records: tuple[DsmKey, ...]
    newest: DsmKey | None
    azure: VaultKey | None
    deleted: DeletedKey | None
    compared: Compared
    lags: bool | None

    @property
    def present(self) -> tuple[DsmKey, ...]:
        """The records that DSM does not show as deleted or destroyed."""
        return tuple(one for one in self.records if not one.key.gone)

    @property
    def in_use(self) -> bool:
        """Whether both sides, as far as they were read, have the key, and neither shows it as deleted."""
        return bool(self.present) and self.state in ("live", "disabled")

    @property
    def is_unclear(self) -> bool:
        """Whether DSM and the vault have the key, and it is not known whether DSM has its newest version."""
        return self.azure is not None and bool(self.present) and self.lags is None

    @property
    def copied_from(self) -> str | None:
        """The source of the newest copy; None if no record is a copy."""
        newest_first = sorted(self.records, key=lambda one: one.created or _NEVER, reverse=True)
        known = [self.newest, *newest_first] if self.newest is not None else newest_first
        return next((one.copied_from for one in known if one.copied_from is not None), None)

    @property
    def current(self) -> KeyVersion | None:
        """The vault's newest version; None if versions were not read, or two are equally new."""
        latest = self.azure.current if self.azure is not None else ()
        return latest[0] if len(latest) == 1 else None

    @property
    def azure_versions(self) -> tuple[KeyVersion, ...]:
        """The versions of the vault that were read."""
        return () if self.azure is None else self.azure.versions or ()

    @property
    def attributes(self) -> KeyAttributes | None:
        """The vault's attributes of the newest version, live or soft-deleted; None if they were not read."""
        if self.azure is not None:
            return self.azure.attributes
        return None if self.deleted is None else self.deleted.attributes

    def version_of(self, record: DsmKey) -> KeyVersion | None:
        """The vault's version that this record describes; None if it has none, or versions were not read."""
        if self.azure is None or self.azure.versions is None:
            return None
        if record.key.azure_version is None:
            return self.current
        return next((one for one in self.azure.versions if one.id == record.key.azure_version), None)


def reconcile(observed: ObservedKeys) -> tuple[ReconciledKey, ...]:
    """One value for each name, sorted by name. Records without a name of the vault are in :func:`unidentified`."""
    records: dict[str, list[DsmKey]] = {}
    for one in observed.in_dsm:
        if one.key.azure_name:
            records.setdefault(name_key(one.key.azure_name), []).append(one)
    live = {name_key(key.name): key for key in observed.in_azure or ()}
    deleted = {name_key(key.name): key for key in observed.deleted or ()}
    found = [
        _reconciled(observed, tuple(records.get(name, ())), live.get(name), deleted.get(name))
        for name in sorted({*records, *live, *deleted})
    ]
    return tuple(found)


def unidentified(in_dsm: Iterable[DsmKey]) -> tuple[DsmKey, ...]:
    """Records that do not name a key of the vault, and are not deleted."""
    return tuple(one for one in in_dsm if not one.key.azure_name and not one.key.gone)


def _reconciled(
    observed: ObservedKeys, records: tuple[DsmKey, ...], live: VaultKey | None, deleted: DeletedKey | None
) -> ReconciledKey:
    newest = _newest(records, live)
    # Since when they differ is not known: each time may be right or wrong by this.
    lags, compared = _lag(records, newest, live, CLOCKS_DIFFER + observed.clocks_apart)
    name = live.name if live else deleted.name if deleted else str(records[0].key.azure_name)
    state = _state(observed, records, newest, live, deleted)
    return ReconciledKey(name, state, records, newest, live, deleted, compared, lags)


def _newest(records: Sequence[DsmKey], live: VaultKey | None) -> DsmKey | None:
    """The record of the newest version that DSM knows.

    By the order of the vault's versions, if they were read; otherwise the only record that nothing has replaced, or the
    one that DSM created last.
    """
    if len(records) == 1:
        return records[0]
    if live is not None and live.versions is not None:
        created = {version.id: version.attributes.created or _NEVER for version in live.versions}
        known = [one for one in records if one.key.azure_version in created]
        return _last(known, {one.key.kid: created[str(one.key.azure_version)] for one in known})
    open_ones = [one for one in records if one.replacement is None]
    if len(open_ones) == 1:
        return open_ones[0]
    return _last(open_ones, {one.key.kid: one.created or _NEVER for one in open_ones})


def _last(records: Sequence[DsmKey], times: Mapping[str, datetime]) -> DsmKey | None:
    """The record with the latest time; None if two have it."""
    last = max(times.values(), default=_NEVER)
    found = [one for one in records if times[one.key.kid] == last]
    return found[0] if len(found) == 1 else None


def _lag(
    records: Sequence[DsmKey], newest: DsmKey | None, live: VaultKey | None, tolerance: timedelta
) -> tuple[bool | None, Compared]:
    """Whether DSM lacks the newest version of a live key, and how that is known."""
    present = [one for one in records if not one.key.gone]
    if live is None or not present:
        return None, "unknown"
    if live.versions is not None:
        wanted = {None, *(version.id for version in live.current)}
        return not any(one.key.azure_version in wanted for one in present), "by_version"
    created = live.listed.created
    if newest is None or newest.created is None or created is None or abs(newest.created - created) <= tolerance:
        return None, "unknown"
    return newest.created < created, "by_time"


def _state(
    observed: ObservedKeys,
    records: Sequence[DsmKey],
    newest: DsmKey | None,
    live: VaultKey | None,
    deleted: DeletedKey | None,
) -> State:
    present = [one for one in records if not one.key.gone]
    if live is not None:
        if not records:
            return "foreign"
        if not present:
            return "recovered"
        enabled = live.attributes.enabled and (newest is None or newest.key.enabled)
        return "live" if enabled else "disabled"
    if deleted is not None:
        return "soft_deleted"
    if present and observed.in_azure is not None:
        return "ghost"
    if present:
        enabled = any(one.key.enabled for one in present) if newest is None else newest.key.enabled
        return "live" if enabled else "disabled"
    # A record is destroyed for ever, also by a sync during which the vault was deleting the key.
    is_kept = observed.deleted is None and any(one.key.azure_state == "deleted" for one in records)
    if all(one.key.state == "destroyed" for one in records) and not is_kept:
        return "destroyed"
    if any(one.key.azure_state == "purged" for one in records) or observed.deleted is not None:
        return "purged"
    return "soft_deleted"
