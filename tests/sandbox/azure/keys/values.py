# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of vaults and pools with their versions. Attributes and tags belong to one version (Azure contract §1.9)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ...custody.public_keys import public_number
from .material import exchange_pair, public_material

RSA_OPERATIONS = ("encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey")
EC_OPERATIONS = ("sign", "verify")
OCT_OPERATIONS = ("encrypt", "decrypt", "wrapKey", "unwrapKey")
_OPERATIONS = {"RSA": RSA_OPERATIONS, "oct": OCT_OPERATIONS}


@dataclass
class KeyVersion:
    version: str
    kty: str
    material: dict[str, str]
    key_ops: list[str]
    created: int
    updated: int
    enabled: bool = True
    expires: int | None = None
    not_before: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    exportable: bool = False
    release_policy: dict[str, Any] | None = None
    """As it was set; an exportable key without one has a policy that lets nobody in."""
    hsm_platform: str | None = None
    """`0` software, `1` FIPS 140-2, `2` FIPS 140-3. Old versions have no answer, and no key of a pool has one here."""
    external_key: str | None = None
    """The id of the key in an outside key manager that this one stands for (previews of 2026)."""
    size: int | None = None
    """Of symmetric keys, in bits."""
    private: bytes | None = field(default=None, repr=False)
    """In PKCS #8; key exchange keys alone have it, for they alone compute."""

    def make_exchangeable(self) -> None:
        """Give a key of which `import` is the only operation a pair of its own."""
        self.material, self.private = exchange_pair(self.bits)

    @property
    def bits(self) -> int:
        """The size of a key that has one."""
        return public_number(self.material["n"]).bit_length() if "n" in self.material else self.size or 0


@dataclass(frozen=True)
class LifetimeAction:
    """`Rotate` or `Notify`, at a time after creation or before expiry (ISO 8601 durations)."""

    action: str
    after_create: str | None = None
    before_expiry: str | None = None


@dataclass(frozen=True)
class RotationPolicy:
    actions: tuple[LifetimeAction, ...]
    created: int
    updated: int
    expiry_time: str | None = None


@dataclass
class Key:
    """A key with its versions, the newest last."""

    name: str
    versions: list[KeyVersion] = field(default_factory=list)
    managed: bool = False
    rotation_policy: RotationPolicy | None = None

    @property
    def current(self) -> KeyVersion:
        return self.versions[-1]

    def version(self, version: str) -> KeyVersion | None:
        if not version:
            return self.current
        return next((found for found in self.versions if found.version == version.lower()), None)


@dataclass
class DeletedKey:
    """`deleted` and `purge_due` are in seconds since the epoch."""

    key: Key
    deleted: int
    purge_due: int


@dataclass(frozen=True)
class Transition:
    """What the store still does with a name after it has answered. Times are in seconds since the epoch."""

    state: Literal["deleting", "recovering", "purging"]
    until: float
    hidden_until: float
    """A key that is being recovered can be read before its name is free for anything else."""


def new_version(now: datetime, kty: str = "RSA", size: int = 2048, curve: str = "P-256") -> KeyVersion:
    """A fresh key version with material of its own."""
    return version_of(now, kty, public_material(kty, size, curve), size if kty.startswith("oct") else None)


def version_of(now: datetime, kty: str, material: dict[str, str], size: int | None = None) -> KeyVersion:
    """A fresh key version with the given public material."""
    stamp = int(now.timestamp())
    operations = _OPERATIONS.get(kty.removesuffix("-HSM"), EC_OPERATIONS)
    return KeyVersion(uuid.uuid4().hex, kty, material, list(operations), stamp, stamp, size=size)
