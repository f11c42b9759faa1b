# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants, subscriptions, resource groups and the list of all resources, as a caller sees them.

They are what Azure CLI and other tools ask for before they ask for a vault. Sources: the REST reference of
Microsoft.Resources on learn.microsoft.com (subscriptions, tenants, resource groups, resources).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from ....wire import json_response
from ...entra.tokens import Caller
from ...rights.admin import Subscription
from ...rights.values import is_within
from ...service import AzureError, Service, page_of
from ...vaults import KeyStore, ManagedHsm
from ..plane import ArmPlane

_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUPS = _SUBSCRIPTION + "/resourcegroups"
_READ_SUBSCRIPTION = "Microsoft.Resources/subscriptions/read"
_READ_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/read"
_CLAUSE = re.compile(r"(resourceType|name|resourceGroup|location)\s+eq\s+'([^']*)'", re.IGNORECASE)
_EXPANDABLE = {
    "createdTime": "2026-01-01T00:00:00.0000000Z",
    "changedTime": "2026-01-01T00:00:00.0000000Z",
    "provisioningState": "Succeeded",
}


def add_subscription_routes(app: web.Application, service: Service) -> None:
    plane = Subscriptions(service)
    app.router.add_get("/tenants", plane.tenants)
    app.router.add_get("/subscriptions", plane.subscriptions)
    app.router.add_get(_SUBSCRIPTION, plane.subscription)
    app.router.add_get(_GROUPS, plane.groups)
    app.router.add_get(_GROUPS + "/{group}", plane.group)
    app.router.add_get(_SUBSCRIPTION + "/resources", plane.resources)
    app.router.add_get(_GROUPS + "/{group}/resources", plane.resources)


class Subscriptions(ArmPlane):
    async def tenants(self, request: web.Request) -> web.Response:
        """The caller's tenant: an application has no other."""
        caller = self._caller(request)
        domain = self._state.directory.tenants[caller.tenant_id]
        shown = {
            "id": f"/tenants/{caller.tenant_id}",
            "tenantId": caller.tenant_id,
            "displayName": domain,
            "domains": [domain],
            "defaultDomain": domain,
            "tenantCategory": "Home",
            "tenantType": "AAD",
        }
        return json_response({"value": [shown]})

    async def subscriptions(self, request: web.Request) -> web.Response:
        """Those in which the caller holds any role, at whatever scope."""
        caller = self._caller(request)
        held = [
            entry.scope
            for entry in self._rights.readable_assignments()
            if entry.principal_id.lower() in self._rights.identities(caller.object_id)
        ]
        found = [
            one
            for one in self._state.subscriptions.values()
            if one.tenant_id == caller.tenant_id
            and any(is_within(scope, one.scope) or self._rights.within(one.scope, scope) for scope in held)
        ]
        return json_response(page_of(found, request, self._state.arm_page_size, _subscription_json, "$top"))

    async def subscription(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        found = self._subscription(request.match_info["subscription"], caller)
        self._require(caller, _READ_SUBSCRIPTION, found.scope)
        return json_response(_subscription_json(found))

    async def groups(self, request: web.Request) -> web.Response:
        """The resource groups that the caller may read."""
        caller = self._caller(request)
        subscription = self._subscription(request.match_info["subscription"], caller)
        there = subscription.resource_groups.values()
        found = [name for name in there if self._may(caller, _READ_GROUP, _group_scope(subscription, name))]
        render = self._group_json(subscription)
        return json_response(page_of(found, request, self._state.arm_page_size, render, "$top"))

    async def group(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        subscription = self._subscription(request.match_info["subscription"], caller)
        given = request.match_info["group"]
        self._require(caller, _READ_GROUP, _group_scope(subscription, given))
        return json_response(self._group_json(subscription)(self._require_group(subscription, given)))

    async def resources(self, request: web.Request) -> web.Response:
        """The vaults and pools that the caller may read; there are no other resources."""
        caller = self._caller(request)
        subscription = self._subscription(request.match_info["subscription"], caller)
        wanted, expanded = _wanted(request.query.get("$filter", "")), _expanded(request.query.get("$expand", ""))
        group = request.match_info.get("group")
        scope = subscription.scope
        if group is not None:
            scope = _group_scope(subscription, self._require_group(subscription, group))
        stores = (*self._state.vaults.values(), *self._state.managed_hsms.values())
        found = [
            shown
            for store in stores
            if is_within(store.resource_id, scope)
            and self._may(caller, f"Microsoft.KeyVault/{_segment(store)}/read", store.resource_id)
            and _fits(shown := _resource_json(store), store, wanted)
        ]
        return json_response(page_of(found, request, self._state.arm_page_size, lambda shown: shown | expanded, "$top"))

    def _may(self, caller: Caller, action: str, scope: str) -> bool:
        return self._rights.may(caller.object_id, action, scope)

    def _group_json(self, subscription: Subscription) -> Callable[[str], dict[str, Any]]:
        def render(name: str) -> dict[str, Any]:
            return {
                "id": _group_scope(subscription, name),
                "name": name,
                "type": "Microsoft.Resources/resourceGroups",
                "location": self._state.cloud.location,
                "properties": {"provisioningState": "Succeeded"},
            }

        return render


def _subscription_json(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.scope,
        "subscriptionId": subscription.subscription_id,
        "tenantId": subscription.tenant_id,
        "displayName": "sandbox",
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionPolicies": {"quotaId": "Sandbox_2026-01-01", "spendingLimit": "Off"},
    }


def _group_scope(subscription: Subscription, name: str) -> str:
    return f"{subscription.scope}/resourceGroups/{name}"


def _segment(store: KeyStore) -> str:
    return "managedHSMs" if isinstance(store, ManagedHsm) else "vaults"


def _resource_json(store: KeyStore) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": store.resource_id,
        "name": store.name,
        "type": f"Microsoft.KeyVault/{_segment(store)}",
        "location": store.location,
        "tags": store.tags,
    }
    # The SKU of a vault is one of its properties, and so not in this list.
    return {**shown, "sku": {"name": store.sku, "family": "B"}} if isinstance(store, ManagedHsm) else shown


def _wanted(text: str) -> dict[str, str]:
    """The clauses of a `$filter` by their lower-case names, with lower-case values. They are joined by `and`."""
    found: dict[str, str] = {}
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else []:
        clause = _CLAUSE.fullmatch(part.strip())
        if clause is None:
            raise AzureError(
                400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query string."
            )
        found[clause[1].lower()] = clause[2].lower()
    return found


def _expanded(text: str) -> dict[str, str]:
    """The members that a caller asks for besides. When a vault was created is not kept: it is the same for all."""
    asked = {name.strip() for name in text.split(",") if name.strip()}
    if unknown := sorted(asked - set(_EXPANDABLE)):
        raise AzureError(
            400, "InvalidExpandInQueryString", f"Invalid $expand '{unknown[0]}' specified in the query string."
        )
    return {name: _EXPANDABLE[name] for name in asked}


def _fits(shown: dict[str, Any], store: KeyStore, wanted: dict[str, str]) -> bool:
    has = {
        "resourcetype": shown["type"],
        "name": store.name,
        "resourcegroup": store.resource_group,
        "location": store.location,
    }
    return all(has[name].lower() == value for name, value in wanted.items())
