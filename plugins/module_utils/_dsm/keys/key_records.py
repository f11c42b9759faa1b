# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""DSM's records of keys as values: virtual keys of a group with a link, and the source keys that they are copies of.

Which members an answer has is in DSM contract §4.1; all but a few are optional there.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..._certificates.public_keys import sha256_of_der
from ..._names import name_key
from ..._timestamps import parse_compact
from .custom_metadata import is_reserved
from .rotation_policies import RotationPolicy
from .virtual_keys import VirtualKey

# An operation that switches the audit log off for the key (DSM contract §4.1).
WITHOUT_AUDIT = "HIGHVOLUME"
# The value of `azure-key-type` of a key that an HSM protects.
HARDWARE = "hardware"
# The kind of an export policy.
_WRAPPED = "Wrapped"
# What this collection records with a key that it creates: where its material is from. Hidden in results.
ORIGIN_ENTRY = "fortanix-dsm-ansible-key-origin"


@dataclass(frozen=True)
class DsmKey:
    """A key as DSM describes it.

    Attributes:
        key: its identity on both planes, and its state.
        type, size, curve: ``size`` in bits; None where DSM does not return them.
        created: when DSM created the record. For a key that a sync has found, this is the time of that sync.
        expires: its deactivation date.
        copied_from: the source key of a copy.
        replaced: the key that this one is the successor of.
        replacement: the key that has replaced this one.
        hardware: whether DSM asked Azure for protection by an HSM.
        rotates: whether DSM has a rotation policy for it.
        rotation: that policy as DSM returned it; empty if there is none.
        metadata: all entries of its custom metadata, with the reserved ones.
        public_sha256: see `_certificates/public_keys.py`; None if DSM does not return the public half.
        external: whether its material is outside DSM.
        public_only: whether DSM has only its public half.
        never_exportable: whether DSM has never had permission to export it.
        wrapped_only: whether it may be exported only wrapped by another key.
        recorded_origin: what this collection has recorded when it created the key.
    """

    key: VirtualKey
    group_id: str | None = None
    type: str | None = None
    size: int | None = None
    curve: str | None = None
    operations: tuple[str, ...] = ()
    created: datetime | None = None
    activates: datetime | None = None
    expires: datetime | None = None
    copied_from: str | None = None
    replaced: str | None = None
    replacement: str | None = None
    hardware: bool = False
    rotates: bool = False
    next_rotation: datetime | None = None
    public_sha256: str | None = None
    external: bool = False
    public_only: bool = False
    never_exportable: bool = False
    wrapped_only: bool = False
    recorded_origin: str | None = None
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    rotation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def own_metadata(self) -> dict[str, str]:
        """The entries of the metadata that are the user's."""
        return {name: value for name, value in self.metadata.items() if not is_reserved(name)}

    @property
    def rotation_policy(self) -> RotationPolicy | None:
        return RotationPolicy.from_stored(self.rotation) if self.rotation else None

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> DsmKey:
        links, metadata = stored.get("links") or {}, stored.get("custom_metadata") or {}
        return cls(
            key=VirtualKey.from_stored(stored),
            group_id=stored.get("group_id"),
            type=stored.get("obj_type"),
            size=stored.get("key_size"),
            curve=stored.get("elliptic_curve"),
            operations=tuple(stored.get("key_ops") or ()),
            created=parse_compact(stored.get("created_at")),
            activates=parse_compact(stored.get("activation_date")),
            expires=parse_compact(stored.get("deactivation_date")),
            copied_from=links.get("copiedFrom"),
            replaced=links.get("replaced"),
            replacement=links.get("replacement"),
            hardware=str(metadata.get("azure-key-type") or "").lower() == HARDWARE,
            rotates=bool(stored.get("rotation_policy")),
            next_rotation=parse_compact(stored.get("scheduled_rotation")),
            public_sha256=_digest(stored.get("pub_key")),
            external=bool(stored.get("external")),
            public_only=stored.get("public_only") is True,
            never_exportable=stored.get("never_exportable") is True,
            wrapped_only=(stored.get("export_policy") or {}).get("$type") == _WRAPPED,
            recorded_origin=metadata.get(ORIGIN_ENTRY),
            description=str(stored.get("description") or ""),
            metadata={str(name): str(value) for name, value in metadata.items()},
            rotation=dict(stored.get("rotation_policy") or {}),
        )


def _digest(encoded: str | None) -> str | None:
    """The digest of a public key in base64; None if there is none, or it cannot be read."""
    if not encoded:
        return None
    try:
        der = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return sha256_of_der(der)


def copies_in(keys: Iterable[DsmKey]) -> frozenset[str]:
    """The comparison keys of the vault's names of keys whose material comes from DSM."""
    return frozenset(name_key(one.key.azure_name) for one in keys if one.copied_from is not None)


def rotating_in(keys: Iterable[DsmKey]) -> frozenset[str]:
    """The same, of keys that DSM rotates by a policy."""
    return frozenset(name_key(one.key.azure_name) for one in keys if one.rotates)


@dataclass(frozen=True)
class Sources:
    """The source keys that were read, by their ID.

    ``unread``: IDs of sources that the DSM identity cannot read.
    """

    keys: Mapping[str, DsmKey]
    unread: frozenset[str] = frozenset()

    def latest_of(self, kid: str) -> DsmKey | None:
        """The newest key of the chain that begins with this source; None if a part of the chain was not read."""
        found = self.keys.get(kid)
        seen = {kid}
        while found is not None and found.replacement is not None and found.replacement not in seen:
            seen.add(found.replacement)
            found = self.keys.get(found.replacement)
        return found
