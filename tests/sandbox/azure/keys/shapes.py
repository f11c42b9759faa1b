# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys as the data plane shows them, which depends on the api-version (Azure contract §1.9).

Sources: Azure/azure-rest-api-specs, specification/keyvault/data-plane/Keys/models.tsp (members, and since when). A
rotation policy, and the answer for a key that has none: recordings of Azure/azure-sdk-for-js,
sdk/keyvault/keyvault-keys, and the help of Get-AzKeyVaultKeyRotationPolicy in Azure/azure-powershell.
"""

from __future__ import annotations

import base64
from typing import Any

from ..vaults import KeyStore
from .values import DeletedKey, Key, KeyVersion, LifetimeAction, RotationPolicy

_OLDEST = ("2015-06-01", "2016-10-01", "7.0", "7.1")
POOL_VERSIONS = (
    *("7.2-preview", "7.2", "7.3-preview", "7.3", "7.4-preview.1", "7.4", "7.5-preview.1", "7.5", "7.6-preview.2"),
    *("7.6", "2025-06-01-preview", "2025-07-01", "2026-01-01-preview", "2026-03-01-preview", "2026-05-01-preview"),
)
"""The api-versions that managed HSMs know, the newest last (azure-keyvault-keys, and the specification's previews)."""
VAULT_VERSIONS = (*_OLDEST, *POOL_VERSIONS)

_ROTATION, _PLATFORM, _EXTERNAL, _LATTICE = "7.3-preview", "7.5-preview.1", "2026-01-01-preview", "2026-05-01-preview"
_RELEASE_POLICY = base64.urlsafe_b64encode(b'{"version":"1.0.0","anyOf":[]}').rstrip(b"=").decode()
_NO_POLICY = (LifetimeAction("Notify", before_expiry="P30D"),)


def latest_stable(served: tuple[str, ...]) -> str:
    return next(version for version in reversed(served) if "preview" not in version)


def knows_rotation(version: str) -> bool:
    return version.lower() not in VAULT_VERSIONS[: VAULT_VERSIONS.index(_ROTATION)]


def _since(version: str, first: str) -> bool:
    return VAULT_VERSIONS.index(version.lower()) >= VAULT_VERSIONS.index(first)


def attributes_json(store: KeyStore, found: KeyVersion, version: str) -> dict[str, Any]:
    """The attributes of one key version in the words of an api-version."""
    optional: dict[str, Any] = {"exp": found.expires, "nbf": found.not_before}
    if _since(version, _PLATFORM):
        optional["hsmPlatform"] = found.hsm_platform
    if _since(version, _EXTERNAL):
        optional["key_size"] = found.size
        optional["external_key"] = {"id": found.external_key} if found.external_key else None
    return {
        "enabled": found.enabled,
        "created": found.created,
        "updated": found.updated,
        "recoveryLevel": store.recovery_level,
        "recoverableDays": store.retention_days if store.soft_delete else 0,
        "exportable": found.exportable,
        **{name: value for name, value in optional.items() if value is not None},
    }


def key_id(store: KeyStore, key: Key, version: KeyVersion | None) -> str:
    base = f"{store.uri}keys/{key.name}"
    return f"{base}/{version.version}" if version else base


def item_json(store: KeyStore, key: Key, found: KeyVersion, version: str, with_version: bool) -> dict[str, Any]:
    item: dict[str, Any] = {
        "kid": key_id(store, key, found if with_version else None),
        "attributes": attributes_json(store, found, version),
        **_tags(found),
    }
    return {**item, "managed": True} if key.managed else item


def _tags(found: KeyVersion) -> dict[str, Any]:
    """A version without tags has no such member (recordings of Azure/azure-sdk-for-js)."""
    return {"tags": found.tags} if found.tags else {}


def bundle_json(store: KeyStore, key: Key, found: KeyVersion, version: str) -> dict[str, Any]:
    material = found.material
    if found.kty.startswith("AKP") and not _since(version, _LATTICE):
        material = {}
    jwk = {"kid": key_id(store, key, found), "kty": found.kty, "key_ops": found.key_ops, **material}
    bundle: dict[str, Any] = {"key": jwk, "attributes": attributes_json(store, found, version), **_tags(found)}
    if found.exportable:
        kind = "application/json; charset=utf-8"
        own = found.release_policy or {}
        bundle["release_policy"] = {"contentType": kind, "data": _RELEASE_POLICY, "immutable": False, **own}
    return {**bundle, "managed": True} if key.managed else bundle


def deleted_json(
    store: KeyStore, gone: DeletedKey, shown: KeyVersion, version: str, *, whole: bool = False
) -> dict[str, Any]:
    return {
        **(bundle_json if whole else _bare_item_json)(store, gone.key, shown, version),
        "recoveryId": f"{store.uri}deletedkeys/{gone.key.name}",
        "deletedDate": gone.deleted,
        "scheduledPurgeDate": gone.purge_due,
    }


def _bare_item_json(store: KeyStore, key: Key, found: KeyVersion, version: str) -> dict[str, Any]:
    return item_json(store, key, found, version, with_version=False)


def rotation_policy_json(store: KeyStore, key: Key, *, notifies: bool, unset: str) -> dict[str, Any]:
    """A key's rotation policy. ``unset``: what is said of a key that has none; managed HSMs notify nobody."""
    policy = key.rotation_policy
    if policy is None:
        if unset == "null":
            return {"lifetimeActions": None, "attributes": None}
        default = _NO_POLICY if notifies else ()
        return {"lifetimeActions": [_action_json(action) for action in default], "attributes": {"expiryTime": None}}
    return {
        "id": f"{store.uri}keys/{key.name}/rotationpolicy",
        "lifetimeActions": [_action_json(action) for action in policy.actions],
        "attributes": _policy_attributes(policy),
    }


def _policy_attributes(policy: RotationPolicy) -> dict[str, Any]:
    expiry = {"expiryTime": policy.expiry_time} if policy.expiry_time else {}
    return {**expiry, "created": policy.created, "updated": policy.updated}


def _action_json(action: LifetimeAction) -> dict[str, Any]:
    trigger = {"timeAfterCreate": action.after_create, "timeBeforeExpiry": action.before_expiry}
    return {
        "trigger": {name: value for name, value in trigger.items() if value},
        "action": {"type": action.action},
    }
