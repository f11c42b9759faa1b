# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Soft-deleted vaults, and vault names that are taken (Azure contract §1.2)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ...wire import json_response
from ..rights.admin import KEY_VAULT_PROVIDER
from ..service import AzureError, Service, page_of
from ..vaults import DeletedVault
from .plane import ArmPlane, location_name, object_body
from .shapes import deleted_vault_json
from .vaults import VAULT_NAME

_BASE = "/subscriptions/{subscription}/providers/Microsoft.KeyVault"
_ONE = _BASE + "/locations/{location}/deletedVaults/{name}"


def add_deleted_vault_routes(app: web.Application, service: Service) -> None:
    deleted = DeletedVaults(service)
    app.router.add_get(_BASE + "/deletedVaults", deleted.list_all)
    app.router.add_get(_ONE, deleted.get)
    app.router.add_post(_ONE + "/purge", deleted.purge)
    app.router.add_post(_BASE + "/checkNameAvailability", deleted.check_name)


class DeletedVaults(ArmPlane):
    async def list_all(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        subscription = self._subscription(request.match_info["subscription"], caller)
        self._require(caller, f"{KEY_VAULT_PROVIDER}/deletedVaults/read", subscription.scope)
        found = [gone for name in list(self._state.deleted_vaults) if (gone := self._state.deleted_vault(name))]
        here = [gone for gone in found if gone.vault.subscription_id == subscription.subscription_id]
        return json_response(page_of(here, request, self._state.arm_page_size, deleted_vault_json, "$top"))

    async def get(self, request: web.Request) -> web.Response:
        return json_response(deleted_vault_json(self._allowed(request, "read")))

    async def purge(self, request: web.Request) -> web.Response:
        gone = self._allowed(request, "purge/action")
        if gone.vault.purge_protection:
            raise AzureError(405, "MethodNotAllowed", "Operation 'DeletedVaultPurge' is not allowed.")
        self._state.purge_vault(gone.vault.name)
        return web.Response(status=200)

    async def check_name(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        subscription = self._subscription(request.match_info["subscription"], caller)
        self._require(caller, f"{KEY_VAULT_PROVIDER}/checkNameAvailability/read", subscription.scope)
        name = str((await object_body(request)).get("name", ""))
        answer: dict[str, Any] = {"nameAvailable": True}
        if not VAULT_NAME.fullmatch(name):
            answer = {"nameAvailable": False, "reason": "AccountNameInvalid", "message": f"'{name}' is no vault name."}
        elif self._service.profile.name_check == "all_free":
            pass
        elif name.lower() in self._state.vaults or self._state.deleted_vault(name):
            answer = {"nameAvailable": False, "reason": "AlreadyExists", "message": f"'{name}' is already in use."}
        return json_response(answer)

    def _allowed(self, request: web.Request, verb: str) -> DeletedVault:
        caller = self._caller(request)
        names = request.match_info
        subscription = self._subscription(names["subscription"], caller)
        self._require(caller, f"{KEY_VAULT_PROVIDER}/locations/deletedVaults/{verb}", subscription.scope)
        gone = self._state.deleted_vault(names["name"])
        where = (subscription.subscription_id, location_name(names["location"]))
        if gone is None or (gone.vault.subscription_id, location_name(gone.vault.location)) != where:
            message = f"The specified deleted vault '{names['name']}' does not exist."
            raise AzureError(404, "DeletedVaultNotFound", message)
        return gone
