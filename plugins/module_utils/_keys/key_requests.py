# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A requested key in DSM's terms: what is sent to create or change it, and which records are the result. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from .._dsm.keys.key_records import DsmKey
from .._dsm.keys.key_writes import NewKey
from .desired_key import COPY, GENERATED, HSM, MANAGED_HSM, DesiredKey
from .key_terms import DSM_OPERATIONS

# Without it, an app with cryptographic permissions cannot change a key that it has created.
_MANAGEABLE = "APPMANAGEABLE"


def new_key(desired: DesiredKey, vault_type: str | None, *, group_id: str, label: str) -> NewKey:
    """The key to create.

    Args:
        vault_type: as in :func:`desired_key.check_for_vault`, which the key has passed.
        label: for messages.
    """
    return NewKey(
        name=desired.dsm_name,
        azure_name=desired.name,
        group_id=group_id,
        label=label,
        origin=str(desired.origin),
        # Only a Premium vault has both. For a Standard vault, protection by an HSM was refused before.
        hardware=desired.protection == HSM and vault_type != MANAGED_HSM,
        operations=None if desired.operations is None else _operations([_MANAGEABLE], desired.operations),
        enabled=desired.enabled,
        not_before=desired.not_before,
        expires=desired.expires,
    )


def changed(desired: DesiredKey, names: Iterable[str], stored: DsmKey) -> dict[str, Any]:
    """The members that a change sends, for :func:`key_writes.update`. ``names``: those of them that differ."""
    members = {name: getattr(desired, name) for name in names}
    if "operations" in members:
        members["operations"] = _operations(stored.operations, members["operations"])
    return members


def _operations(stored: Iterable[str], requested: Iterable[str]) -> tuple[str, ...]:
    """The requested operations with DSM's names, and those of the stored ones that Azure does not have."""
    kept = set(stored).difference(DSM_OPERATIONS.values())
    return tuple(sorted({*kept, *(DSM_OPERATIONS[one] for one in requested)}))


def created_since(known: Collection[str], records: Iterable[DsmKey], source: DsmKey | None) -> list[DsmKey]:
    """Those records of the key that a task like this one has created since, as opposed to a sync.

    Args:
        known: IDs of the records before.
        source: of a copy; None for a key that Azure generates.
    """
    new = [one for one in records if one.key.kid not in known]
    if source is None:
        return [one for one in new if one.recorded_origin == GENERATED]
    return [one for one in new if one.copied_from in (source.key.kid, None) and one.recorded_origin == COPY]
