# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes of managed HSM pools in Resource Manager, and soft-deleted ones (Azure contract §1.6).

Creation is a long operation: it is answered with 202, and the pool is shown as it grows. A new pool is not activated,
since its security domain has not been downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ...wire import json_response
from ..firewall import Firewall
from ..rights.admin import KEY_VAULT_PROVIDER, Subscription
from ..rights.governance import POOLS
from ..service import Service, page_of
from ..vaults import ManagedHsm
from .governance import obeying_policy, refuse_locked
from .plane import ArmPlane, bad_request, is_guid, location_name, not_found, object_body, tags_of
from .shapes import deleted_pool_json, firewall_of, managed_hsm_json
from .vaults import VAULT_NAME, name_taken, refuse_flags, retention_of

_PROVIDER = "/subscriptions/{subscription}/providers/Microsoft.KeyVault"
_POOL = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/managedHSMs/{name}"


def add_pool_routes(app: web.Application, service: Service) -> None:
    pools = PoolWrites(service)
    app.router.add_put(_POOL, pools.put)
    app.router.add_patch(_POOL, pools.patch)
    app.router.add_delete(_POOL, pools.delete)
    app.router.add_get(_PROVIDER + "/deletedManagedHSMs", pools.list_deleted)
    app.router.add_post(_PROVIDER + "/checkMhsmNameAvailability", pools.check_name)


@dataclass(frozen=True)
class _Place:
    subscription: Subscription
    group: str
    name: str
    scope: str
    pool: ManagedHsm | None


class PoolWrites(ArmPlane):
    async def put(self, request: web.Request) -> web.Response:
        place = self._place(request, "write")
        body = self._obeying_policy(place, await object_body(request))
        if not VAULT_NAME.fullmatch(place.name):
            raise bad_request(f"The name '{place.name}' is invalid.", "VaultNameNotValid")
        properties = body.get("properties", {})
        if properties.get("createMode") == "recover":
            gone = self._state.deleted_managed_hsm(place.name)
            if gone is None or gone.pool.resource_id.lower() != place.scope.lower():
                raise not_found("managedHSMs", place.name, place.group)
            return json_response(managed_hsm_json(self._state.recover_managed_hsm(place.name)), 200)
        if place.pool is not None:
            self._update(place.pool, body)
            return json_response(managed_hsm_json(place.pool), 200)
        return json_response(managed_hsm_json(self._created(place, body)), 202)

    async def patch(self, request: web.Request) -> web.Response:
        place = self._place(request, "write")
        if place.pool is None:
            raise not_found("managedHSMs", place.name, place.group)
        self._update(place.pool, self._obeying_policy(place, await object_body(request)))
        return json_response(managed_hsm_json(place.pool), 202)

    async def delete(self, request: web.Request) -> web.Response:
        place = self._place(request, "delete")
        if place.pool is None:
            return web.Response(status=204)
        self._state.delete_managed_hsm(place.pool)
        return web.Response(status=202)

    async def list_deleted(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        subscription = self._subscription(request.match_info["subscription"], caller)
        self._require(caller, f"{KEY_VAULT_PROVIDER}/deletedManagedHsms/read", subscription.scope)
        names = list(self._state.deleted_managed_hsms)
        found = [gone for name in names if (gone := self._state.deleted_managed_hsm(name))]
        here = [gone for gone in found if gone.pool.subscription_id == subscription.subscription_id]
        return json_response(page_of(here, request, self._state.arm_page_size, deleted_pool_json, "$top"))

    async def check_name(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        subscription = self._subscription(request.match_info["subscription"], caller)
        self._require(caller, f"{KEY_VAULT_PROVIDER}/checkMhsmNameAvailability/read", subscription.scope)
        name = str((await object_body(request)).get("name", ""))
        known = self._service.profile.name_check == "knows"
        if known and (name.lower() in self._state.managed_hsms or self._state.deleted_managed_hsm(name)):
            message = f"'{name}' is already in use."
            return json_response({"nameAvailable": False, "reason": "AlreadyExists", "message": message})
        return json_response({"nameAvailable": True})

    # Helpers -------------------------------------------------------------------------------------------------------

    def _obeying_policy(self, place: _Place, body: dict[str, Any]) -> dict[str, Any]:
        stored = None if place.pool is None else managed_hsm_json(place.pool)
        return obeying_policy(self._state.policy_assignments, POOLS, place.scope, body, stored)

    def _place(self, request: web.Request, verb: str) -> _Place:
        caller = self._caller(request)
        names = request.match_info
        subscription = self._subscription(names["subscription"], caller)
        scope = (
            f"{subscription.scope}/resourceGroups/{names['group']}/providers/Microsoft.KeyVault/managedHSMs"
            f"/{names['name']}"
        )
        self._require(caller, f"{KEY_VAULT_PROVIDER}/managedHSMs/{verb}", scope)
        refuse_locked(self._state.locks, scope, deletes=verb == "delete")
        self._require_provider(subscription)
        group = self._require_group(subscription, names["group"])
        pool = self._state.managed_hsms.get(names["name"].lower())
        here = pool is not None and pool.resource_id.lower() == scope.lower()
        return _Place(subscription, group, names["name"], scope, pool if here else None)

    def _created(self, place: _Place, body: dict[str, Any]) -> ManagedHsm:
        properties, sku = body.get("properties", {}), body.get("sku")
        gone = self._state.deleted_managed_hsm(place.name)
        if place.name.lower() in self._state.managed_hsms or gone is not None:
            own = gone is not None and gone.pool.subscription_id == place.subscription.subscription_id
            raise name_taken(place.name, own and self._service.profile.deleted_name == "conflict_error", "KV MHSM")
        if not body.get("location"):
            raise bad_request("The location property is required for this definition.", "LocationRequired")
        if not isinstance(sku, dict) or not str(sku.get("name", "")).startswith(("Standard_", "Custom_")):
            raise bad_request("The parameter sku is required.")
        administrators = properties.get("initialAdminObjectIds")
        if not isinstance(administrators, list) or not administrators or not all(map(is_guid, administrators)):
            raise bad_request("The property initialAdminObjectIds is required, and holds object ids.")
        if str(properties.get("tenantId", "")).lower() != place.subscription.tenant_id:
            raise bad_request("The tenant of a managed HSM must be the tenant of its subscription.")
        refuse_flags(properties)
        days, firewall = retention_of(properties), firewall_of(properties, Firewall())
        pool = self._state.add_managed_hsm(
            place.name,
            place.group,
            location_name(body["location"]),
            place.subscription.subscription_id,
            activated=False,
            tags=tags_of(body),
        )
        pool.sku, pool.firewall = str(sku["name"]), firewall
        pool.retention_days = days or pool.retention_days
        pool.purge_protection = bool(properties.get("enablePurgeProtection"))
        pool.reads_until_ready = self._state.provisioning_reads
        for administrator in administrators:
            self._state.assign_local_role(pool, administrator, "Managed HSM Administrator")
        return pool

    @staticmethod
    def _update(pool: ManagedHsm, body: dict[str, Any]) -> None:
        properties = body.get("properties", {})
        refuse_flags(properties)
        if retention_of(properties) not in (None, pool.retention_days):
            raise bad_request("The property 'softDeleteRetentionInDays' has been set already and it can't be modified.")
        pool.firewall = firewall_of(properties, pool.firewall)
        pool.purge_protection = pool.purge_protection or bool(properties.get("enablePurgeProtection"))
        if body.get("tags") is not None:
            pool.tags = tags_of(body)
