# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Resource Manager: its routes, and reading vaults and managed HSM pools (Azure contract §1.2, §1.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from ...wire import json_response
from ..consumers.graph import add_graph_routes
from ..consumers.reads import add_consumer_routes
from ..entra.tokens import Caller
from ..rights.admin import KEY_VAULT_PROVIDER, Subscription
from ..rights.effective import HSM_READ, VAULT_READ
from ..service import Service, application, ignore_case_of_paths, page_of
from ..state import CloudState
from ..vaults import ManagedHsm, Vault
from .contents import add_contents_routes
from .deleted_vaults import add_deleted_vault_routes
from .governance import add_lock_routes
from .insight import add_insight_routes
from .plane import ArmPlane, forbidden, not_found
from .pools import add_pool_routes
from .resources.providers import add_provider_routes
from .resources.versions import unserved
from .role_definitions import add_role_definition_routes
from .roles import add_role_routes
from .shapes import managed_hsm_json, vault_json
from .vaults import add_vault_routes


@dataclass(frozen=True)
class _Kind:
    """One resource type of Microsoft.KeyVault: how it is spelled, who may read it, how it is shown."""

    segment: str
    read: str
    stores: Callable[[CloudState], dict[str, Any]]
    render: Callable[[CloudState, Any], dict[str, Any]]


def arm_application(service: Service) -> web.Application:
    app = application("arm", service, unserved)
    kinds = (
        _Kind("vaults", VAULT_READ, lambda state: state.vaults, readable_vault_json),
        _Kind("managedHSMs", HSM_READ, lambda state: state.managed_hsms, _readable_hsm_json),
    )
    for kind in kinds:
        arm = Arm(service, kind)
        group = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/" + kind.segment
        everywhere = "/subscriptions/{subscription}/providers/Microsoft.KeyVault/" + kind.segment
        app.router.add_get(everywhere, arm.list_by_subscription)
        app.router.add_get(group, arm.list_by_group)
        app.router.add_get(f"{group}/{{name}}", arm.get)
    add_vault_routes(app, service)
    add_deleted_vault_routes(app, service)
    add_pool_routes(app, service)
    add_contents_routes(app, service)
    add_provider_routes(app, service)
    add_role_routes(app, service)
    add_role_definition_routes(app, service)
    add_insight_routes(app, service)
    add_lock_routes(app, service)
    add_consumer_routes(app, service)
    add_graph_routes(app, service)
    ignore_case_of_paths(app)
    return app


class Arm(ArmPlane):
    """The reading of resources of one kind."""

    def __init__(self, service: Service, kind: _Kind) -> None:
        super().__init__(service)
        self._kind = kind

    async def list_by_subscription(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        subscription = self._subscription(request.match_info["subscription"], caller)
        scope = subscription.scope
        return self._listed(request, caller, subscription, scope, None)

    async def list_by_group(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        subscription = self._subscription(request.match_info["subscription"], caller)
        group = self._require_group(subscription, request.match_info["group"])
        scope = f"{subscription.scope}/resourceGroups/{group}"
        return self._listed(request, caller, subscription, scope, group)

    def _listed(
        self, request: web.Request, caller: Caller, subscription: Subscription, scope: str, group: str | None
    ) -> web.Response:
        """The resources that the caller may read; what a caller with few or no rights gets is the profile's (Q37)."""
        state = self._state
        # A provider that is not registered has no resources to list.
        registered = KEY_VAULT_PROVIDER in subscription.registered_providers
        there = [
            store
            for store in (self._kind.stores(state).values() if registered else ())
            if store.subscription_id == subscription.subscription_id and group in (None, store.resource_group)
        ]
        readable = [store for store in there if state.rights.may(caller.object_id, self._kind.read, store.resource_id)]
        if self._denied(caller, scope, len(readable), len(there)):
            raise forbidden(caller, scope, self._kind.read)
        render = partial(self._kind.render, state)
        return json_response(page_of(readable, request, state.arm_page_size, render, "$top"))

    def _denied(self, caller: Caller, scope: str, readable: int, there: int) -> bool:
        """Whether the whole list is refused rather than filtered."""
        profile = self._service.profile
        if self._kind.read == HSM_READ:
            may = readable or self._state.rights.may(caller.object_id, HSM_READ, scope)
            return not may and profile.hsm_list_denied == "fails"
        setting = profile.partial_rights if readable else profile.no_rights
        return setting == "403" and readable < there

    async def get(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        subscription = self._subscription(request.match_info["subscription"], caller)
        names, kind = request.match_info, self._kind
        scope = (
            f"{subscription.scope}/resourceGroups/{names['group']}"
            f"/providers/Microsoft.KeyVault/{kind.segment}/{names['name']}"
        )
        self._require(caller, kind.read, scope)
        self._require_group(subscription, names["group"])
        found = kind.stores(self._state).get(names["name"].lower())
        if found is None or found.resource_id.lower() != scope.lower():
            raise not_found(kind.segment, names["name"], names["group"])
        answer = kind.render(self._state, found)
        found.reads_until_ready = max(0, found.reads_until_ready - 1)
        return json_response(answer)


def readable_vault_json(state: CloudState, vault: Vault) -> dict[str, Any]:
    """A vault as a read shows it, which may lag behind its changes; behind those of its access policies, apart."""
    return vault_json(state.vault_replicas.shown(vault.name.lower(), vault), state.rights.readable_policies(vault))


def _readable_hsm_json(state: CloudState, pool: ManagedHsm) -> dict[str, Any]:
    del state
    return managed_hsm_json(pool)
