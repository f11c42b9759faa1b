# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Resource Manager: reading vaults (Azure contract §1.2)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..wire import json_response
from .rights import VAULT_READ
from .service import AzureError, Service, announce, application, page_of, require_api_version
from .state import Subscription
from .tokens import Caller, TokenRefused
from .vaults import Vault

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


def arm_application(service: Service) -> web.Application:
    arm = Arm(service)
    app = application("arm", service)
    group = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults"
    app.router.add_get("/subscriptions/{subscription}/providers/Microsoft.KeyVault/vaults", arm.list_by_subscription)
    app.router.add_get(group, arm.list_by_group)
    app.router.add_get(f"{group}/{{vault}}", arm.get)
    return app


class Arm:
    def __init__(self, service: Service) -> None:
        self._service = service

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
        """The vaults that the caller may read; what a caller with few or no rights gets is the profile's (Q37)."""
        state = self._service.state
        there = [
            vault
            for vault in state.vaults.values()
            if vault.subscription_id == subscription.subscription_id and group in (None, vault.resource_group)
        ]
        readable = [vault for vault in there if state.rights.may(caller.object_id, VAULT_READ, vault.resource_id)]
        profile = self._service.profile
        denied = profile.no_rights == "403" if not readable else profile.partial_rights == "403"
        if denied and len(readable) < len(there):
            raise _forbidden(caller, scope)
        return json_response(page_of(readable, request, state.arm_page_size, vault_json, "$top"))

    async def get(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        subscription = self._subscription(request, caller)
        names = request.match_info
        scope = (
            f"/subscriptions/{subscription.subscription_id}/resourceGroups/{names['group']}"
            f"/providers/Microsoft.KeyVault/vaults/{names['vault']}"
        )
        if not self._service.state.rights.may(caller.object_id, VAULT_READ, scope):
            raise _forbidden(caller, scope)
        vault = self._service.state.vaults.get(names["vault"].lower())
        if vault is None or vault.resource_id.lower() != scope.lower():
            raise AzureError(
                404,
                "ResourceNotFound",
                f"The Resource 'Microsoft.KeyVault/vaults/{names['vault']}' under resource group '{names['group']}' "
                "was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
            )
        return json_response(vault_json(vault))

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


def _forbidden(caller: Caller, scope: str) -> AzureError:
    return AzureError(
        403,
        "AuthorizationFailed",
        f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have authorization to perform "
        f"action '{VAULT_READ}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
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
