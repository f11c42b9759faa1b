# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Which versions of a key are enabled, and how each can be disabled. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from .._azure.keys.key_records import KeyVersion
from .._dsm.keys.key_records import DsmKey
from .reconciliation import ReconciledKey

# States of DSM in which it refuses every change, for ever (DSM contract §4.7).
FINAL = ("deactivated", "compromised")
_NEVER = datetime.min.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class EnabledVersion:
    """A version that is to be disabled.

    Attributes:
        version: in Azure; None if DSM does not name it.
        record: DSM's, by which it is disabled; None if only the vault has it enabled.
        in_azure: whether the vault shows it as enabled.
        is_current: whether it is the current version, as far as that is known.
    """

    version: str | None
    record: DsmKey | None
    in_azure: bool
    is_current: bool

    @property
    def attribute(self) -> str:
        """Its name in plans and diffs."""
        return "enabled" if self.is_current else f"versions.{self.version}.enabled"


def enabled_versions(key: ReconciledKey, listed: Sequence[KeyVersion] | None) -> tuple[EnabledVersion, ...]:
    """The versions that a side has enabled, the newest last.

    Args:
        key: as it was read.
        listed: the versions of the vault; None if they were not read, except perhaps the current one.
    """
    known = {one.id: one for one in listed or key.azure_versions}
    current = (
        key.current.id if key.current is not None else None if key.newest is None else key.newest.key.azure_version
    )
    found: list[tuple[datetime, EnabledVersion]] = []
    for record in key.present:
        version = record.key.azure_version
        if record.key.enabled and record.key.state not in FINAL:
            shown = known.get(version or "")
            age = record.created if shown is None else shown.attributes.created
            in_azure = shown is not None and shown.attributes.enabled
            found.append((age or _NEVER, EnabledVersion(version, record, in_azure, version == current)))
    by_dsm = {one.version for _age, one in found}
    for one in known.values():
        if one.attributes.enabled and one.id not in by_dsm:
            found.append((one.attributes.created or _NEVER, EnabledVersion(one.id, None, True, one.id == current)))
    ordered = sorted(found, key=lambda pair: (pair[1].is_current, pair[0], pair[1].version or ""))
    return tuple(one for _age, one in ordered)


def stuck(key: ReconciledKey, listed: Sequence[KeyVersion] | None) -> tuple[str, ...]:
    """Versions that DSM shows as enabled and does not change any more, and whose state in the vault is not known."""
    known = {one.id for one in listed or key.azure_versions}
    return tuple(
        str(one.key.azure_version)
        for one in key.present
        if one.key.enabled and one.key.state in FINAL and one.key.azure_version not in known
    )
