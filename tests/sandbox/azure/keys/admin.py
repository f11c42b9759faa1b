# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deeds of others on the keys of a vault or pool: portal users, applications, Azure's own rotation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ...clock import Clock
from ..vaults import KeyStore, ManagedHsm
from .values import DeletedKey, Key, KeyVersion, LifetimeAction, RotationPolicy, new_version, version_of

_DAY = 86400


class KeyAdmin:
    """What a cloud's state offers for keys. A store is a vault, a pool, or the name of one."""

    clock: Clock

    def store(self, store: KeyStore | str) -> KeyStore:
        raise NotImplementedError

    def key(self, store: KeyStore | str, name: str) -> Key:
        return self.store(store).keys[name.lower()]

    # New versions --------------------------------------------------------------------------------------------------

    def add_key(
        self,
        store: KeyStore | str,
        name: str,
        kty: str = "RSA",
        size: int = 2048,
        curve: str = "P-256",
        *,
        days_ago: float = 0.0,
        **attributes: Any,
    ) -> KeyVersion:
        """A key, or a new version of the key of that name. `attributes` are members of KeyVersion."""
        return self._add_version(store, name, new_version(self._then(days_ago), kty, size, curve), attributes)

    def import_key(
        self,
        store: KeyStore | str,
        name: str,
        material: Mapping[str, str],
        kty: str,
        *,
        days_ago: float = 0.0,
        **attributes: Any,
    ) -> KeyVersion:
        """A key, or a new version of it, with the public members (`n` and `e`, or `crv`, `x` and `y`) of its JWK."""
        return self._add_version(store, name, version_of(self._then(days_ago), kty, dict(material)), attributes)

    def rotate_key(self, store: KeyStore | str, name: str, *, days_ago: float = 0.0, **attributes: Any) -> KeyVersion:
        """A new version with other material of the same kind; operations and tags are those of the version before."""
        before = self.key(store, name).current
        kept = {"key_ops": list(before.key_ops), "tags": dict(before.tags), "exportable": before.exportable}
        curve = before.material.get("crv", "P-256")
        return self.add_key(store, name, before.kty, before.bits, curve, days_ago=days_ago, **kept | attributes)

    def _then(self, days_ago: float) -> datetime:
        return datetime.fromtimestamp(self.clock.now() - days_ago * _DAY, UTC)

    def _add_version(
        self, store: KeyStore | str, name: str, version: KeyVersion, attributes: Mapping[str, Any]
    ) -> KeyVersion:
        target = self._settled(store, name)
        version.hsm_platform = target.platform_of(version.kty)
        _set(version, attributes)
        if version.key_ops == ["import"]:
            version.make_exchangeable()
        key = target.keys.setdefault(name.lower(), Key(name))
        key.versions.append(version)
        return version

    # Attributes ----------------------------------------------------------------------------------------------------

    def update_key(
        self, store: KeyStore | str, name: str, version: KeyVersion | str = "", **attributes: Any
    ) -> KeyVersion:
        """Change members of one version, the current one unless another is given."""
        key = self.key(store, name)
        changed = version if isinstance(version, KeyVersion) else key.version(version)
        if changed is None:
            raise KeyError(version)
        _set(changed, attributes)
        changed.updated = int(self.clock.now())
        return changed

    def disable_key(self, store: KeyStore | str, name: str, version: KeyVersion | str = "") -> None:
        self.update_key(store, name, version, enabled=False)

    def set_rotation_policy(
        self,
        store: KeyStore | str,
        name: str,
        *,
        rotate_after: str | None = None,
        rotate_before_expiry: str | None = None,
        expiry: str | None = None,
        spelling: str = "Rotate",
    ) -> RotationPolicy:
        """Azure's own rotation of a key, by ISO 8601 durations. A vault notifies 30 days before expiry, too."""
        now = int(self.clock.now())
        actions: list[LifetimeAction] = []
        if rotate_after or rotate_before_expiry:
            actions.append(LifetimeAction(spelling, rotate_after, rotate_before_expiry))
        if not isinstance(self.store(store), ManagedHsm):
            actions.append(LifetimeAction("Notify", before_expiry="P30D"))
        key = self.key(store, name)
        key.rotation_policy = RotationPolicy(tuple(actions), now, now, expiry)
        return key.rotation_policy

    # Deletion ------------------------------------------------------------------------------------------------------

    def delete_key(self, store: KeyStore | str, name: str, *, days_ago: float = 0.0) -> None:
        """Soft-delete, or delete for good where the store has no soft-delete."""
        target = self._settled(store, name)
        gone = target.keys.pop(name.lower())
        if target.soft_delete:
            deleted = int(self.clock.now() - days_ago * _DAY)
            target.deleted_keys[name.lower()] = DeletedKey(gone, deleted, deleted + target.retention_days * _DAY)

    def recover_key(self, store: KeyStore | str, name: str) -> None:
        target = self._settled(store, name)
        target.keys[name.lower()] = target.still_deleted(self.clock.now()).pop(name.lower()).key

    def purge_key(self, store: KeyStore | str, name: str) -> None:
        """Remove a soft-deleted key for good."""
        del self._settled(store, name).still_deleted(self.clock.now())[name.lower()]

    def _settled(self, store: KeyStore | str, name: str) -> KeyStore:
        """The store. What it is still doing with that name is done: a stranger's deed is one of some time ago."""
        target = self.store(store)
        target.transitions.pop(name.lower(), None)
        return target


def _set(version: KeyVersion, attributes: Mapping[str, Any]) -> None:
    unknown = set(attributes) - set(vars(version))
    if unknown:
        raise TypeError(f"a key version has no {sorted(unknown)}")
    for name, value in attributes.items():
        setattr(version, name, value)
