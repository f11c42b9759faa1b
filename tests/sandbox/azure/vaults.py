# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""State of the simulated key vaults, managed HSM pools and their keys."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from .firewall import Firewall
from .keys.material import public_material
from .rights.local_roles import BUILT_IN, LocalAssignment, LocalRole
from .rights.propagation import History
from .rights.values import AccessPolicy

RSA_OPERATIONS = ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
EC_OPERATIONS = ["sign", "verify"]


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


@dataclass
class Key:
    """A key with its versions, the newest last."""

    name: str
    versions: list[KeyVersion] = field(default_factory=list)
    managed: bool = False

    @property
    def current(self) -> KeyVersion:
        return self.versions[-1]

    def version(self, version: str) -> KeyVersion | None:
        if not version:
            return self.current
        return next((found for found in self.versions if found.version == version.lower()), None)


@dataclass
class DeletedKey:
    key: Key
    deleted: int


@dataclass(kw_only=True)
class KeyStore:
    """What vaults and managed HSM pools have in common."""

    name: str
    uri: str
    resource_id: str
    subscription_id: str
    resource_group: str
    tenant_id: str
    location: str
    sku: str
    tags: dict[str, str] = field(default_factory=dict)
    retention_days: int = 90
    purge_protection: bool = False
    firewall: Firewall = field(default_factory=Firewall)
    keys: dict[str, Key] = field(default_factory=dict)
    deleted_keys: dict[str, DeletedKey] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    """Names. There is nothing in the sandbox that uses secrets in a vault."""
    reads_until_ready: int = 0
    """How many reads by Resource Manager still show that it is being made."""

    def key(self, name: str) -> Key | None:
        """Key names compare without case."""
        return self.keys.get(name.lower())


@dataclass(kw_only=True)
class Vault(KeyStore):
    rbac: bool | None = False
    """None counts as False: vaults of old times have no answer (Azure contract §1.4)."""
    access_policies: list[AccessPolicy] = field(default_factory=list)
    policy_history: History[AccessPolicy] = field(default_factory=History)


@dataclass
class DeletedVault:
    """A soft-deleted vault. `deleted` is in seconds since the epoch."""

    vault: Vault
    deleted: float

    @property
    def purge_due(self) -> float:
        return self.deleted + self.vault.retention_days * 86400


@dataclass
class DeletedPool:
    """A soft-deleted managed HSM. `deleted` is in seconds since the epoch."""

    pool: ManagedHsm
    deleted: float

    @property
    def purge_due(self) -> float:
        return self.deleted + self.pool.retention_days * 86400


@dataclass(kw_only=True)
class ManagedHsm(KeyStore):
    """A managed HSM pool. It is of no use before its security domain has been downloaded (Azure contract §1.6)."""

    activated: bool = True
    local_roles: list[LocalAssignment] = field(default_factory=list)
    """Who has which local role, and where."""
    custom_roles: dict[str, LocalRole] = field(default_factory=dict)
    """By guid."""

    @property
    def roles(self) -> dict[str, LocalRole]:
        """All local roles by guid, the built-in ones first."""
        return {**BUILT_IN, **self.custom_roles}

    def local_role(self, name: str) -> LocalRole:
        """A local role by its name or its guid."""
        return next(role for role in self.roles.values() if name.lower() in (role.name.lower(), role.guid))


def new_version(now: datetime, kty: str = "RSA", size: int = 2048, curve: str = "P-256") -> KeyVersion:
    """A fresh key version with material of its own."""
    stamp = int(now.timestamp())
    operations = EC_OPERATIONS if kty.startswith("EC") else RSA_OPERATIONS
    return KeyVersion(uuid.uuid4().hex, kty, public_material(kty, size, curve), list(operations), stamp, stamp)
