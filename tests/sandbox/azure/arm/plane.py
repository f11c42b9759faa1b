# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all parts of the simulated Azure Resource Manager share: who asks, where, and with what right."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from ..entra.tokens import Caller, TokenRefused
from ..rights.admin import KEY_VAULT_PROVIDER, Subscription
from ..rights.values import is_within
from ..service import AzureError, Service, announce, require_api_version
from .resources.versions import require_supported, type_of

_OPTIONS = {"$top", "$skiptoken"}

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


class ArmPlane:
    """The base of the handlers of one part of Resource Manager."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._state = service.state
        self._rights = service.state.rights

    def _caller(self, request: web.Request) -> Caller:
        tokens, audiences = self._state.tokens, self._state.cloud.management_audiences
        try:
            caller = tokens.verify(request.headers.get("Authorization", ""), audiences)
        except TokenRefused as refusal:
            code, message = _REFUSALS[refusal.reason]
            challenge = {"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{message}"'}
            raise AzureError(401, code, message, headers=challenge) from refusal
        announce(request, caller)
        version = require_api_version(request)
        require_supported(request.path, version, self._state.clock.utc(), lambda: self._location(request.path))
        _refuse_options(request)
        return caller

    def _location(self, path: str) -> str | None:
        """Where a resource of Microsoft.KeyVault is: a vault or pool, otherwise its resource group."""
        for store in (*self._state.vaults.values(), *self._state.managed_hsms.values()):
            if is_within(path, store.resource_id):
                return store.location
        parts = path.lower().strip("/").split("/")
        subscription = self._state.subscriptions.get(parts[1])
        in_group = subscription is not None and parts[2:3] == ["resourcegroups"] and parts[3] in subscription.resource_groups
        return self._state.cloud.location if in_group else None

    def _subscription(self, given: str, caller: Caller) -> Subscription:
        subscription = self._state.subscriptions.get(given.lower())
        if subscription is None:
            raise AzureError(404, "SubscriptionNotFound", f"The subscription '{given}' could not be found.")
        self._require_tenant(caller, subscription.tenant_id, "subscription")
        return subscription

    @staticmethod
    def _require_tenant(caller: Caller, tenant_id: str, what: str) -> None:
        if tenant_id != caller.tenant_id:
            raise AzureError(
                401,
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer. It must match the tenant '{tenant_id}' "
                f"associated with this {what}.",
            )

    def _require(self, caller: Caller, action: str, scope: str, *alternatives: str) -> None:
        """Refuse a caller who holds neither the action nor one of its alternatives at the scope."""
        if not any(self._rights.may(caller.object_id, found, scope) for found in (action, *alternatives)):
            raise forbidden(caller, scope, action)

    @staticmethod
    def _require_group(subscription: Subscription, given: str) -> str:
        """The name of a resource group as it was created."""
        group = subscription.resource_groups.get(given.lower())
        if group is None:
            raise AzureError(404, "ResourceGroupNotFound", f"Resource group '{given}' could not be found.")
        return group

    @staticmethod
    def _require_provider(subscription: Subscription) -> None:
        if KEY_VAULT_PROVIDER not in subscription.registered_providers:
            message = (
                f"The subscription is not registered to use namespace '{KEY_VAULT_PROVIDER}'. See "
                "https://aka.ms/rps-not-found for how to register subscriptions."
            )
            raise AzureError(409, "MissingSubscriptionRegistration", message)


def _refuse_options(request: web.Request) -> None:
    """Refuse OData's options that are not served. `$filter` is left to those who know it, which Key Vault does not."""
    served = _OPTIONS if type_of(request.path)[0] == "microsoft.keyvault" else {*_OPTIONS, "$filter"}
    asked = [name for name in request.query if name.startswith("$") and name.lower() not in served]
    if asked:
        raise bad_request(f"The query parameter '{asked[0]}' is not supported.", "InvalidQueryParameter")


def forbidden(caller: Caller, scope: str, action: str) -> AzureError:
    return AzureError(
        403,
        "AuthorizationFailed",
        f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have authorization to perform "
        f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.",
    )


def not_found(kind: str, name: str, group: str) -> AzureError:
    return AzureError(
        404,
        "ResourceNotFound",
        f"The Resource 'Microsoft.KeyVault/{kind}/{name}' under resource group '{group}' was not found. For more "
        "details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def bad_request(message: str, code: str = "BadRequest") -> AzureError:
    return AzureError(400, code, message)


async def object_body(request: web.Request) -> dict[str, Any]:
    """The request's body, which must be a JSON object whose `properties` and `tags`, if there, are ones too."""
    try:
        value = json.loads(await request.read())
    except ValueError as error:
        raise bad_request("The request content is not valid JSON.", "InvalidRequestContent") from error
    if not isinstance(value, dict) or not all(
        isinstance(part, dict) for part in (value.get("properties", {}), value.get("tags") or {})
    ):
        raise bad_request("The request content is not a valid object.", "InvalidRequestContent")
    return value


def is_guid(text: object) -> bool:
    return isinstance(text, str) and bool(re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text))


def tags_of(body: dict[str, Any]) -> dict[str, str]:
    """The tags of a body. Of names that differ in letter case only, one is stored, in the case that it was given.

    Sources: learn.microsoft.com, "Use tags to organize your Azure resources and management hierarchy"; that a request
    with both spellings is not refused, and leaves one tag, is reported in MicrosoftDocs/azure-docs issue 57888.
    """
    given = {name.lower(): (name, value) for name, value in (body.get("tags") or {}).items()}
    return dict(given.values())


def location_name(location: object) -> str:
    """The name of a location, which may be given by its display name, such as `West Europe`."""
    return str(location or "").replace(" ", "").lower()


def stamp(seconds: float) -> str:
    """Resource Manager's form of a time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
