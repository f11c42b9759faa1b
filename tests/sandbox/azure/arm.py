# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Resource Manager: reading vaults and managed HSM pools (Azure contract §1.2, §1.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ..wire import json_response
from .rights import HSM_READ, VAULT_READ
from .service import AzureError, Service, announce, application, page_of, require_api_version
from .state import CloudState, Subscription
from .tokens import Caller, TokenRefused
from .vaults import ManagedHsm, Vault

_REFUSALS = {
    "missing": ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."),
    "expired": ("ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time."),
    "audience": (
        "InvalidAuthenticationTokenAudience",
        "The access token has been obtained for wrong audience or resource.",
    ),
    "issuer": ("InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer."),
    "invalid": ("InvalidAuthenticationToken", "The access token is invalid."),
}


@dataclass(frozen=True)
class _Kind:
    """One resource type of Microsoft.KeyVault: how it is spelled, who may read it, how it is shown."""

    segment: str
    read: str
    stores: Callable[[CloudState], dict[str, Any]]
    render: Callable[[Any], dict[str, Any]]


def arm_application(service: Service) -> web.Application:
    app = application("arm", service)
    kinds = (
        _Kind("vaults", VAULT_READ, lambda state: state.vaults, vault_json),
        _Kind("managedHSMs", HSM_READ, lambda state: state.managed_hsms, managed_hsm_json),
    )
    for kind in kinds:
        arm = Arm(service, kind)
        group = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/" + kind.segment
        everywhere = "/subscriptions/{subscription}/providers/Microsoft.KeyVault/" + kind.segment
        app.router.add_get(everywhere, arm.list_by_subscription)
        app.router.add_get(group, arm.list_by_group)
        app.router.add_get(f"{group}/{{name}}", arm.get)
    return app


class Arm:
    """The reading of resources of one kind."""

    def __init__(self, service: Service, kind: _Kind) -> None:
        self._service = service
        self._kind = kind

    async def list_by_subscription(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        subscription = self._subscription(request, caller)
        scope = f"/subscriptions/{subscription.subscription_id}"
        return self._listed(request, caller, subscription, scope, None)

    async def list_by_group(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        subscription = self._subscription(request, caller)
        group = subscription.resource_groups.get(request.match_info["group"].lower())
        if group is None:
            name = request.match_info["group"]
            raise AzureError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
        scope = f"/subscriptions/{subscription.subscription_id}/resourceGroups/{group}"
        return self._listed(request, caller, subscription, scope, group)

    def _listed(
        self, request: web.Request, caller: Caller, subscription: Subscription, scope: str, group: str | None
    ) -> web.Response:
        """The resources that the caller may read; what a caller with few or no rights gets is the profile's (Q37)."""
        state = self._service.state
        there = [
            store
            for store in self._kind.stores(state).values()
            if store.subscription_id == subscription.subscription_id and group in (None, store.resource_group)
        ]
        readable = [store for store in there if state.rights.may(caller.object_id, self._kind.read, store.resource_id)]
        if self._denied(caller, scope, len(readable), len(there)):
            raise _forbidden(caller, scope, self._kind.read)
        return json_response(page_of(readable, request, state.arm_page_size, self._kind.render, "$top"))

    def _denied(self, caller: Caller, scope: str, readable: int, there: int) -> bool:
        """Whether the whole list is refused rather than filtered."""
        profile = self._service.profile
        if self._kind.read == HSM_READ:
            may = readable or self._service.state.rights.may(caller.object_id, HSM_READ, scope)
            return not may and profile.hsm_list_denied == "fails"
        setting = profile.partial_rights if readable else profile.no_rights
        return setting == "403" and readable < there

    async def get(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        subscription = self._subscription(request, caller)
        names, kind = request.match_info, self._kind
        scope = (
            f"/subscriptions/{subscription.subscription_id}/resourceGroups/{names['group']}"
            f"/providers/Microsoft.KeyVault/{kind.segment}/{names['name']}"
        )
        if not self._service.state.rights.may(caller.object_id, kind.read, scope):
            raise _forbidden(caller, scope, kind.read)
        found = kind.stores(self._service.state).get(names["name"].lower())
        if found is None or found.resource_id.lower() != scope.lower():
            raise AzureError(
                404,
                "ResourceNotFound",
                f"The Resource 'Microsoft.KeyVault/{kind.segment}/{names['name']}' under resource group "
                f"'{names['group']}' was not found. For more details please go to "
                "https://aka.ms/ARMResourceNotFoundFix",
            )
        return json_response(kind.render(found))

    def _caller(self, request: web.Request) -> Caller:
        tokens = self._service.state.tokens
        try:
            caller = tokens.verify(
                request.headers.get("Authorization", ""), self._service.state.cloud.management_audiences
            )
        except TokenRefused as refusal:
            code, message = _REFUSALS[refusal.reason]
            challenge = {"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{message}"'}
            raise AzureError(401, code, message, headers=challenge) from refusal
        announce(request, caller)
        require_api_version(request)
        return caller

    def _subscription(self, request: web.Request, caller: Caller) -> Subscription:
        given = request.match_info["subscription"]
        subscription = self._service.state.subscriptions.get(given.lower())
        if subscription is None:
            raise AzureError(404, "SubscriptionNotFound", f"The subscription '{given}' could not be found.")
        if subscription.tenant_id != caller.tenant_id:
            raise AzureError(
                401,
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer. It must match the tenant '{subscription.tenant_id}' "
                "associated with this subscription.",
            )
        return subscription


def _forbidden(caller: Caller, scope: str, action: str) -> AzureError:
    return AzureError(
        403,
        "AuthorizationFailed",
        f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have authorization to perform "
        f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.",
    )


def vault_json(vault: Vault) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "tenantId": vault.tenant_id,
        "sku": {"family": "A", "name": vault.sku},
        "accessPolicies": [
            {
                "tenantId": policy.tenant_id,
                "objectId": policy.object_id,
                **({"applicationId": policy.application_id} if policy.application_id else {}),
                "permissions": {"keys": list(policy.key_permissions), "secrets": [], "certificates": []},
            }
            for policy in vault.access_policies
        ],
        "enableRbacAuthorization": vault.rbac,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": vault.retention_days,
        "publicNetworkAccess": "Enabled",
        "vaultUri": vault.uri,
        "provisioningState": "Succeeded",
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
            "provisioningState": "Succeeded",
            "statusMessage": "The Managed HSM is provisioned and ready to use."
            if pool.activated
            else "The Managed HSM is provisioned but has not been activated.",
            "publicNetworkAccess": "Enabled",
            "securityDomainProperties": {"activationStatus": status, "activationStatusMessage": ""},
        },
    }
