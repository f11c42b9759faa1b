# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A requested key in the terms of DSM and Azure: what is sent, and which records are the result. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from .._azure.keys.key_records import KeyVersion
from .._dsm.keys.key_records import DsmKey
from .._dsm.keys.key_writes import Attributes, NewKey
from .._dsm.keys.rotation_policies import RotationPolicy
from .attributes import ATTRIBUTES_OF_DSM, reserved_tags
from .desired_key import COPY, GENERATED, HSM, MANAGED_HSM, DesiredKey
from .key_terms import AZURE_OPERATIONS, DSM_OPERATIONS, operation_of

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
        attributes=_attributes(desired, ATTRIBUTES_OF_DSM, [_MANAGEABLE], None),
        valid_days=desired.valid_days,
    )


def changed(desired: DesiredKey, names: Collection[str], stored: DsmKey) -> Attributes:
    """What a change sends to DSM. ``names``: the attributes that differ there."""
    return _attributes(desired, names, stored.operations, stored.rotation_policy)


def changed_in_azure(desired: DesiredKey, names: Collection[str], current: KeyVersion) -> dict[str, Any]:
    """The same to Azure, for :func:`_azure.keys.attribute_writes.update`."""
    members = {name: getattr(desired, name) for name in names}
    if "operations" in members:
        stored = () if current.public is None else current.public.operations
        kept = [one for one in stored if operation_of(one) not in DSM_OPERATIONS]
        members["operations"] = sorted([*kept, *(AZURE_OPERATIONS[one] for one in members["operations"])])
    if "tags" in members:
        members["tags"] = {**members["tags"], **reserved_tags(current.attributes.tags)}
    return members


def _attributes(
    desired: DesiredKey, names: Collection[str], operations: Iterable[str], rotation: RotationPolicy | None
) -> Attributes:
    """Those of the attributes that are requested. ``operations``, ``rotation``: what DSM has stored of the key."""
    members = {name: value for name in names if (value := getattr(desired, name)) is not None}
    if "operations" in members:
        members["operations"] = _operations(operations, members["operations"])
    if "rotation_policy" in members:
        members["rotation_policy"] = members["rotation_policy"].over(rotation)
    return Attributes(**members)


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
