# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registration of the resource provider Microsoft.KeyVault in a subscription (Azure contract §1.2)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ....wire import json_response
from ...rights.admin import KEY_VAULT_PROVIDER, Subscription
from ...service import AzureError, Service
from ..plane import ArmPlane

_PROVIDER = "/subscriptions/{subscription}/providers/{namespace}"


def add_provider_routes(app: web.Application, service: Service) -> None:
    providers = Providers(service)
    app.router.add_get(_PROVIDER, providers.get)
    app.router.add_post(_PROVIDER + "/register", providers.register)


class Providers(ArmPlane):
    async def get(self, request: web.Request) -> web.Response:
        subscription = self._allowed(request, "Microsoft.Resources/subscriptions/providers/read")
        return json_response(_provider_json(subscription))

    async def register(self, request: web.Request) -> web.Response:
        subscription = self._allowed(request, f"{KEY_VAULT_PROVIDER}/register/action")
        subscription.registered_providers.add(KEY_VAULT_PROVIDER)
        return json_response(_provider_json(subscription))

    def _allowed(self, request: web.Request, action: str) -> Subscription:
        caller = self._caller(request)
        subscription = self._subscription(request.match_info["subscription"], caller)
        namespace = request.match_info["namespace"]
        if namespace.lower() != KEY_VAULT_PROVIDER.lower():
            raise AzureError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
        self._require(caller, action, subscription.scope)
        return subscription


def _provider_json(subscription: Subscription) -> dict[str, Any]:
    registered = KEY_VAULT_PROVIDER in subscription.registered_providers
    return {
        "id": f"{subscription.scope}/providers/{KEY_VAULT_PROVIDER}",
        "namespace": KEY_VAULT_PROVIDER,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": "Registered" if registered else "NotRegistered",
        "resourceTypes": [],
    }
