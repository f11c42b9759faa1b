# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading storage accounts, disk encryption sets and SQL servers through Resource Manager (Azure contract §1.10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from aiohttp import web

from ...wire import json_response
from ..arm.plane import ArmPlane
from ..entra.tokens import Caller
from ..service import AzureError, Service, page_of
from .shapes import consumer_json, protector_json, server_keys_json
from .values import DISKS, SQL_INSTANCE, SQL_SERVER, STORAGE, Consumer

_SUBSCRIPTION = "/subscriptions/{subscription}"


def add_consumer_routes(app: web.Application, service: Service) -> None:
    plane = Consumers(service)
    for kind in (STORAGE, DISKS, SQL_SERVER, SQL_INSTANCE):
        group = f"{_SUBSCRIPTION}/resourceGroups/{{group}}/providers/{kind}"
        app.router.add_get(f"{_SUBSCRIPTION}/providers/{kind}", partial(plane.listed, kind))
        app.router.add_get(group, partial(plane.listed, kind))
        app.router.add_get(f"{group}/{{name}}", partial(plane.one, kind))
        if kind == DISKS:
            app.router.add_get(f"{group}/{{name}}/associatedResources", plane.associated)
        elif kind != STORAGE:
            app.router.add_get(f"{group}/{{name}}/encryptionProtector/current", partial(plane.protector, kind))
            app.router.add_get(f"{group}/{{name}}/keys", partial(plane.server_keys, kind))


class Consumers(ArmPlane):
    async def listed(self, kind: str, request: web.Request) -> web.Response:
        """Those of a subscription or resource group that the caller may read."""
        caller = self._caller(request)
        subscription = self._subscription(request.match_info["subscription"], caller)
        group = None
        if "group" in request.match_info:
            group = self._require_group(subscription, request.match_info["group"])
        found = [
            one
            for one in self._state.consumers.values()
            if one.kind == kind
            and one.subscription_id == subscription.subscription_id
            and group in (None, one.resource_group)
            and self._rights.may(caller.object_id, f"{kind}/read", one.resource_id)
        ]
        return self._page(request, found, self._shown)

    async def one(self, kind: str, request: web.Request) -> web.Response:
        return json_response(self._shown(self._found(request, kind)))

    async def associated(self, request: web.Request) -> web.Response:
        return self._page(request, self._found(request, DISKS).associated, lambda resource_id: resource_id)

    async def protector(self, kind: str, request: web.Request) -> web.Response:
        return json_response(protector_json(self._found(request, kind, "/encryptionProtector")))

    async def server_keys(self, kind: str, request: web.Request) -> web.Response:
        found = self._found(request, kind, "/keys")
        return self._page(request, server_keys_json(found), lambda shown: shown)

    # Helpers -------------------------------------------------------------------------------------------------------

    def _found(self, request: web.Request, kind: str, part: str = "") -> Consumer:
        """The resource of the path as it is now, if the caller may read it, or a part of it."""
        caller: Caller = self._caller(request)
        names = request.match_info
        subscription = self._subscription(names["subscription"], caller)
        scope = f"{subscription.scope}/resourceGroups/{names['group']}/providers/{kind}/{names['name']}"
        self._require(caller, f"{kind}{part}/read", scope)
        self._require_group(subscription, names["group"])
        found = self._state.consumers.get(scope.lower())
        if found is None:
            message = (
                f"The Resource '{kind}/{names['name']}' under resource group '{names['group']}' was not found. For "
                "more details please go to https://aka.ms/ARMResourceNotFoundFix"
            )
            raise AzureError(404, "ResourceNotFound", message)
        return self._current(found)

    def _current(self, found: Consumer) -> Consumer:
        if found.use is not None:
            found.use.catch_up(self._state.clock.now())
        return found

    def _shown(self, found: Consumer) -> dict[str, Any]:
        return consumer_json(self._current(found), sql_key_id=self._service.profile.sql_key_id == "shown")

    def _page(self, request: web.Request, items: Sequence[Any], render: Callable[[Any], Any]) -> web.Response:
        return json_response(page_of(items, request, self._state.arm_page_size, render, "$top"))
