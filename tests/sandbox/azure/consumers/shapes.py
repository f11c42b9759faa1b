# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that use keys as Resource Manager shows them (Azure contract §1.10).

Sources of the members: the models of azure-mgmt-storage, azure-mgmt-compute and azure-mgmt-sql. A storage account's
`keyversion` is empty where it follows new versions (Azure/azure-sdk-for-go, armstorage, examples of accounts).
"""

from __future__ import annotations

import hashlib
from typing import Any

from ..arm.plane import stamp
from .values import DISKS, SQL_INSTANCE, SQL_SERVER, STORAGE, Consumer, KeyUse


def consumer_json(found: Consumer, *, sql_key_id: bool = True) -> dict[str, Any]:
    """A resource. ``sql_key_id``: whether an SQL server itself names the key of its protector."""
    kinds = {STORAGE: _storage, DISKS: _disks}
    if found.kind in (SQL_SERVER, SQL_INSTANCE):
        specific = _sql(found, sql_key_id)
    else:
        specific = kinds.get(found.kind, _other)(found)
    return {
        "id": found.resource_id,
        "name": found.name,
        "type": found.kind,
        "location": found.location,
        "tags": found.tags,
        **specific,
    }


def _other(found: Consumer) -> dict[str, Any]:
    return {"properties": found.properties}


def _storage(found: Consumer) -> dict[str, Any]:
    created = stamp(found.created)
    service = {"enabled": True, "keyType": "Account", "lastEnabledTime": created}
    encryption: dict[str, Any] = {
        "services": {"blob": service, "file": service},
        "keySource": "Microsoft.Storage",
    }
    if use := found.use:
        named: dict[str, Any] = {
            "keyvaulturi": use.store.uri.rstrip("/"),
            "keyname": use.name,
            "keyversion": "" if use.follows else use.version,
            "currentVersionedKeyIdentifier": use.url(),
            "lastKeyRotationTimestamp": stamp(use.since),
        }
        if use.expires is not None:
            named["currentVersionedKeyExpirationTimestamp"] = stamp(use.expires)
        encryption |= {"keySource": "Microsoft.Keyvault", "keyvaultproperties": named}
    return {
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "kind": "StorageV2",
        "properties": {
            "creationTime": created,
            "primaryLocation": found.location,
            "provisioningState": "Succeeded",
            "statusOfPrimary": "available",
            "encryption": encryption,
        },
    }


def _disks(found: Consumer) -> dict[str, Any]:
    use = found.use
    assert use is not None
    properties: dict[str, Any] = {
        "activeKey": _disk_key(use, use.version),
        "previousKeys": [_disk_key(use, version) for version in use.previous],
        "encryptionType": "EncryptionAtRestWithCustomerKey",
        "rotationToLatestKeyVersionEnabled": use.follows,
        "lastKeyRotationTimestamp": stamp(use.since),
        "provisioningState": "Succeeded",
    }
    if use.problem:
        message = f"The key '{use.name}' could not be read in the vault '{use.store.name}'."
        properties["autoKeyRotationError"] = {"code": use.problem, "message": message}
    identity = {"type": "SystemAssigned", "principalId": _guid(found, "identity"), "tenantId": found.tenant_id}
    return {"identity": identity, "properties": properties}


def _disk_key(use: KeyUse, version: str) -> dict[str, Any]:
    source = {} if "/managedHSMs/" in use.store.resource_id else {"sourceVault": {"id": use.store.resource_id}}
    return {**source, "keyUrl": use.url(version)}


def _sql(found: Consumer, with_key_id: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "fullyQualifiedDomainName": f"{found.name}.database.windows.net",
        "state": "Ready",
        "publicNetworkAccess": "Enabled",
    }
    if with_key_id and found.use is not None:
        properties["keyId"] = found.use.url()
    return {"kind": "v12.0", "properties": properties} if found.kind == SQL_SERVER else {"properties": properties}


# Children of SQL servers ---------------------------------------------------------------------------------------------

_SERVICE_MANAGED = "ServiceManaged"


def protector_json(found: Consumer) -> dict[str, Any]:
    """`encryptionProtector/current`: the key that protects the databases' keys now."""
    return _child(found, "encryptionProtector", "current", found.use, found.use.version if found.use else None)


def server_keys_json(found: Consumer) -> list[dict[str, Any]]:
    """All keys that a server has been given; Microsoft's own is always among them."""
    versions = [found.use.version, *found.use.previous] if found.use else []
    own = _child(found, "keys", _SERVICE_MANAGED, None, None)
    return [own, *(_child(found, "keys", key_name(found.use, one), found.use, one) for one in versions)]


def key_name(use: KeyUse | None, version: str) -> str:
    assert use is not None
    return f"{use.store.name}_{use.name}_{version}"


def _child(found: Consumer, kind: str, name: str, use: KeyUse | None, version: str | None) -> dict[str, Any]:
    properties: dict[str, Any] = {"serverKeyType": _SERVICE_MANAGED}
    if use is not None and version is not None:
        properties = {
            "serverKeyType": "AzureKeyVault",
            "uri": use.url(version),
            "thumbprint": hashlib.sha1(use.url(version).encode(), usedforsecurity=False).hexdigest().upper(),
            "autoRotationEnabled": use.follows,
        }
    if kind == "keys":
        properties["creationDate"] = stamp(found.created)
    else:
        properties["serverKeyName"] = key_name(use, version) if use and version else _SERVICE_MANAGED
    return {
        "id": f"{found.resource_id}/{kind}/{name}",
        "name": name,
        "type": f"{found.kind}/{kind}",
        "kind": "azurekeyvault" if use is not None else "servicemanaged",
        "location": found.location,
        "properties": properties,
    }


def _guid(found: Consumer, what: str) -> str:
    digits = hashlib.sha256(f"{found.resource_id}:{what}".encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
