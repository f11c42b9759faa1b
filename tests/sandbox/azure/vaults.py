# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""State of the simulated key vaults, managed HSM pools and their keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from .firewall import Firewall
from .keys.values import DeletedKey, Key, Transition
from .rights.local_roles import BUILT_IN, LocalAssignment, LocalRole
from .rights.propagation import History
from .rights.values import AccessPolicy


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
    soft_delete: bool = True
    """Stores of old times may have none; what is deleted there is gone."""
    protected_subscription: bool = False
    """Whether the subscription cannot be cancelled, which a recovery level tells."""
    firewall: Firewall = field(default_factory=Firewall)
    keys: dict[str, Key] = field(default_factory=dict)
    deleted_keys: dict[str, DeletedKey] = field(default_factory=dict)
    transitions: dict[str, Transition] = field(default_factory=dict)
    """By lower-case name."""
    creations: list[tuple[float, float]] = field(default_factory=list)
    """When keys were made lately, and which share of the limit each took."""
    secrets: set[str] = field(default_factory=set)
    """Names. There is nothing in the sandbox that uses secrets in a vault."""
    reads_until_ready: int = 0
    """How many reads by Resource Manager still show that it is being made."""

    def key(self, name: str) -> Key | None:
        """Key names compare without case."""
        return self.keys.get(name.lower())

    def still_deleted(self, now: float) -> dict[str, DeletedKey]:
        """The soft-deleted keys by lower-case name, without those whose retention is over: these are purged."""
        for name in [name for name, gone in self.deleted_keys.items() if gone.purge_due <= now]:
            del self.deleted_keys[name]
        return self.deleted_keys

    def under_way(self, name: str, now: float) -> str | None:
        """What the store still does with a name: `deleting`, `recovering` or `purging`."""
        found = self.transitions.get(name.lower())
        if found is not None and found.until <= now:
            del self.transitions[name.lower()]
            return None
        return found.state if found else None

    def present(self, now: float) -> dict[str, Key]:
        """The keys by lower-case name, without those that are not back yet from being recovered."""
        hidden = self._hidden(now)
        return {name: key for name, key in self.keys.items() if name not in hidden} if hidden else self.keys

    def present_key(self, name: str, now: float) -> Key | None:
        """One of them."""
        return None if self._is_hidden(name.lower(), now) else self.key(name)

    def present_deleted(self, now: float) -> dict[str, DeletedKey]:
        """The soft-deleted keys by lower-case name, without those that are still being deleted."""
        deleted, hidden = self.still_deleted(now), self._hidden(now)
        return {name: gone for name, gone in deleted.items() if name not in hidden} if hidden else deleted

    def _hidden(self, now: float) -> set[str]:
        return {name for name in self.transitions if self._is_hidden(name, now)}

    def _is_hidden(self, name: str, now: float) -> bool:
        found = self.transitions.get(name)
        return found is not None and found.hidden_until > now

    def taken(self, name: str, now: float) -> str | None:
        """Why no new key can have that name: what is under way with it, or `deleted`."""
        deleted = "deleted" if name.lower() in self.still_deleted(now) else None
        return self.under_way(name, now) or deleted

    def platform_of(self, kty: str) -> str | None:
        """On which platform a new version is made: HSM keys on platform 2 (learn.microsoft.com, "About keys")."""
        return "2" if kty.endswith("-HSM") else "0"

    @property
    def recovery_level(self) -> str:
        """One of the seven levels: what a deletion of a key would mean here."""
        if not self.soft_delete:
            return "Purgeable"
        level = "Recoverable" if self.retention_days >= 90 else "CustomizedRecoverable"
        if self.protected_subscription:
            return f"{level}+ProtectedSubscription"
        return level if self.purge_protection else f"{level}+Purgeable"


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

    def platform_of(self, kty: str) -> str | None:
        """A pool has but one, and tells none (learn.microsoft.com, "About keys" of Managed HSM)."""
        return None

    @property
    def roles(self) -> dict[str, LocalRole]:
        """All local roles by guid, the built-in ones first."""
        return {**BUILT_IN, **self.custom_roles}

    def local_role(self, name: str) -> LocalRole:
        """A local role by its name or its guid."""
        return next(role for role in self.roles.values() if name.lower() in (role.name.lower(), role.guid))
