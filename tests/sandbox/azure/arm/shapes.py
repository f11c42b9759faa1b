# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults and managed HSM pools as Resource Manager shows and takes them (Azure contract §1.2, §1.3, §1.6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any, Literal

from ..firewall import Firewall
from ..rights.values import AccessPolicy
from ..vaults import DeletedPool, DeletedVault, KeyStore, ManagedHsm, Vault
from .plane import bad_request, is_guid, stamp

# The permission names of each kind of object in a vault, in lower case.
_COMMON = {"all", "get", "list", "delete", "backup", "restore", "recover", "purge"}
_PERMISSIONS = {
    "keys": _COMMON
    | {"encrypt", "decrypt", "wrapkey", "unwrapkey", "sign", "verify", "create", "update", "import"}
    | {"release", "rotate", "getrotationpolicy", "setrotationpolicy"},
    "secrets": _COMMON | {"set"},
    "certificates": _COMMON
    | {"create", "import", "update", "managecontacts", "getissuers", "listissuers"}
    | {"setissuers", "deleteissuers", "manageissuers"},
    "storage": _COMMON | {"set", "update", "regeneratekey", "getsas", "listsas", "deletesas", "setsas"},
}
_MOST_POLICIES = 1024
_ACTIONS: dict[str, Literal["Allow", "Deny"]] = {"allow": "Allow", "deny": "Deny"}
_BYPASSES: dict[str, Literal["AzureServices", "None"]] = {"azureservices": "AzureServices", "none": "None"}


def vault_json(vault: Vault, policies: Iterable[AccessPolicy]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "tenantId": vault.tenant_id,
        "sku": {"family": "A", "name": vault.sku},
        "accessPolicies": [policy_json(policy) for policy in policies],
        "enableRbacAuthorization": vault.rbac,
        "enableSoftDelete": vault.soft_delete,
        "softDeleteRetentionInDays": vault.retention_days,
        "vaultUri": vault.uri,
        "provisioningState": "RegisteringDns" if vault.reads_until_ready else "Succeeded",
        **_network_json(vault),
    }
    if vault.purge_protection:
        properties["enablePurgeProtection"] = True
    return {
        "id": vault.resource_id,
        "name": vault.name,
        "type": "Microsoft.KeyVault/vaults",
        "location": vault.location,
        "tags": vault.tags,
        "properties": properties,
    }


def managed_hsm_json(pool: ManagedHsm) -> dict[str, Any]:
    status = "Active" if pool.activated else "NotActivated"
    return {
        "id": pool.resource_id,
        "name": pool.name,
        "type": "Microsoft.KeyVault/managedHSMs",
        "location": pool.location,
        "sku": {"family": "B", "name": pool.sku},
        "tags": pool.tags,
        "properties": {
            "tenantId": pool.tenant_id,
            "hsmUri": pool.uri,
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": pool.retention_days,
            "enablePurgeProtection": pool.purge_protection,
            "provisioningState": "Provisioning" if pool.reads_until_ready else "Succeeded",
            "statusMessage": "The Managed HSM is provisioned and ready to use."
            if pool.activated
            else "The Managed HSM is provisioned but has not been activated.",
            "securityDomainProperties": {"activationStatus": status, "activationStatusMessage": ""},
            **_network_json(pool),
        },
    }


def deleted_vault_json(gone: DeletedVault) -> dict[str, Any]:
    vault = gone.vault
    properties: dict[str, Any] = {
        "vaultId": vault.resource_id,
        "location": vault.location,
        "tags": vault.tags,
        "deletionDate": stamp(gone.deleted),
        "scheduledPurgeDate": stamp(gone.purge_due),
    }
    if vault.purge_protection:
        properties["purgeProtectionEnabled"] = True
    provider = f"/subscriptions/{vault.subscription_id}/providers/Microsoft.KeyVault"
    return {
        "id": f"{provider}/locations/{vault.location}/deletedVaults/{vault.name}",
        "name": vault.name,
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": properties,
    }


def deleted_pool_json(gone: DeletedPool) -> dict[str, Any]:
    pool = gone.pool
    provider = f"/subscriptions/{pool.subscription_id}/providers/Microsoft.KeyVault"
    return {
        "id": f"{provider}/locations/{pool.location}/deletedManagedHSMs/{pool.name}",
        "name": pool.name,
        "type": "Microsoft.KeyVault/deletedManagedHSMs",
        "properties": {
            "mhsmId": pool.resource_id,
            "location": pool.location,
            "tags": pool.tags,
            "deletionDate": stamp(gone.deleted),
            "scheduledPurgeDate": stamp(gone.purge_due),
            "purgeProtectionEnabled": pool.purge_protection,
        },
    }


def policy_json(policy: AccessPolicy) -> dict[str, Any]:
    permissions = {
        "keys": list(policy.key_permissions),
        "secrets": list(policy.secret_permissions),
        "certificates": list(policy.certificate_permissions),
    }
    if policy.storage_permissions:
        permissions["storage"] = list(policy.storage_permissions)
    return {
        "tenantId": policy.tenant_id,
        "objectId": policy.object_id,
        **({"applicationId": policy.application_id} if policy.application_id else {}),
        "permissions": permissions,
    }


def policies_of(properties: dict[str, Any]) -> list[AccessPolicy]:
    """The entries of `accessPolicies` in a request; an error for what Key Vault would not store."""
    given = properties.get("accessPolicies")
    if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
        raise bad_request("The parameter accessPolicies is not specified or not a list.")
    if len(given) > _MOST_POLICIES:
        raise bad_request(f"No more than {_MOST_POLICIES} access policies are allowed.")
    return [_policy(entry) for entry in given]


def _policy(entry: dict[str, Any]) -> AccessPolicy:
    tenant_id, object_id, application_id = (entry.get(name) for name in ("tenantId", "objectId", "applicationId"))
    if not is_guid(tenant_id) or not is_guid(object_id) or not (application_id is None or is_guid(application_id)):
        raise bad_request("An access policy needs tenantId and objectId, and its ids must be GUIDs.")
    permissions = entry.get("permissions")
    if not isinstance(permissions, dict):
        raise bad_request("An access policy needs permissions.")
    keys, secrets, certificates, storage = (_names(kind, permissions.get(kind)) for kind in _PERMISSIONS)
    return AccessPolicy(str(tenant_id), str(object_id), keys, application_id, secrets, certificates, storage)


def _names(kind: str, given: object) -> list[str]:
    names = given or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise bad_request(f"The permissions to {kind} are not a list of names.")
    unknown = [name for name in names if name.lower() not in _PERMISSIONS[kind]]
    if unknown:
        raise bad_request(f"Invalid value found for permissions to {kind}: '{unknown[0]}'.")
    return list(names)


def _network_json(store: KeyStore) -> dict[str, Any]:
    rules = store.firewall
    shown: dict[str, Any] = {
        "publicNetworkAccess": "Enabled" if rules.public_access else "Disabled",
        "networkAcls": {
            "bypass": rules.bypass,
            "defaultAction": rules.default_action,
            "ipRules": [{"value": value} for value in rules.ip_rules],
            "virtualNetworkRules": [{"id": value} for value in rules.virtual_network_rules],
        },
    }
    if rules.private_endpoints:
        shown["privateEndpointConnections"] = [
            {
                "id": f"{store.resource_id}/privateEndpointConnections/endpoint-{number}",
                "properties": {
                    "provisioningState": "Succeeded",
                    "privateLinkServiceConnectionState": {"status": "Approved", "actionsRequired": "None"},
                },
            }
            for number in range(1, rules.private_endpoints + 1)
        ]
    return shown


def firewall_of(properties: dict[str, Any], old: Firewall) -> Firewall:
    """The network rules after a write: what it does not speak of stays as it is in `old`."""
    access = str(properties.get("publicNetworkAccess") or ("enabled" if old.public_access else "disabled")).lower()
    acls = properties.get("networkAcls")
    if access not in ("enabled", "disabled") or not isinstance(acls or {}, dict):
        raise bad_request("The network rules are not valid.")
    rules = replace(old, public_access=access == "enabled")
    if acls:
        try:
            rules.default_action = _ACTIONS[acls.get("defaultAction", "Allow").lower()]
            rules.bypass = _BYPASSES[acls.get("bypass", "None").lower()]
            rules.ip_rules = [rule["value"] for rule in acls.get("ipRules") or []]
            for value in rules.ip_rules:
                IPv4Network(value, strict=False)
            rules.virtual_network_rules = [rule["id"] for rule in acls.get("virtualNetworkRules") or []]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise bad_request("The parameter networkAcls is not valid.") from error
    return rules
