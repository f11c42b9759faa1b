# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entra ID's token endpoint and its discovery documents (Azure contract §2 T20, T36 and §4.4)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from aiohttp import web

from ...wire import json_response, name_principal, source_address
from ..clouds import Cloud
from ..service import Service, application
from . import client_assertions
from .directory import Application
from .errors import EntraError
from .tokens import LIFETIME

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def entra_application(service: Service) -> web.Application:
    entra = Entra(service)
    app = application("entra", service)
    app.router.add_get("/common/discovery/instance", entra.instance_discovery)
    app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", entra.configuration)
    app.router.add_get("/{tenant}/.well-known/openid-configuration", entra.configuration)
    app.router.add_get("/{tenant}/discovery/v2.0/keys", entra.keys)
    app.router.add_post("/{tenant}/oauth2/v2.0/token", entra.token)
    return app


@dataclass(frozen=True)
class _Form:
    """The members of a token request that count."""

    grant_type: str
    client_id: str
    scope: str
    secret: str
    assertion_type: str
    assertion: str


class Entra:
    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def _cloud(self) -> Cloud:
        return self._service.state.cloud

    async def instance_discovery(self, request: web.Request) -> web.Response:
        host = self._cloud.login_host
        return json_response(
            {
                "tenant_discovery_endpoint": f"https://{host}/common/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            }
        )

    async def configuration(self, request: web.Request) -> web.Response:
        try:
            tenant_id = self._tenant(request)
        except EntraError as error:
            return error.response(self._cloud.login_host, self._service.runtime.clock)
        base = f"https://{self._cloud.login_host}/{tenant_id}"
        return json_response(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
                "cloud_instance_name": self._cloud.login_host.removeprefix("login."),
            }
        )

    async def keys(self, request: web.Request) -> web.Response:
        return json_response(self._service.state.tokens.key_set())

    async def token(self, request: web.Request) -> web.Response:
        """The client credentials grant, with a secret or a signed assertion."""
        posted = await request.post()
        values = {name: str(value) for name, value in posted.items()}
        form = _Form(
            values.get("grant_type", ""),
            values.get("client_id", ""),
            values.get("scope", ""),
            values.get("client_secret", ""),
            values.get("client_assertion_type", ""),
            values.get("client_assertion", ""),
        )
        try:
            found = self._authenticated(request, form)
            audience = self._audience(form)
            self._admit(request, found)
        except EntraError as error:
            return error.response(self._cloud.login_host, self._service.runtime.clock)
        for_graph = self._cloud.audiences[audience.rstrip("/")] == "graph"
        token = self._service.state.tokens.issue(found, audience, found.graph_permissions if for_graph else ())
        return json_response(
            {"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token}
        )

    def _tenant(self, request: web.Request) -> str:
        """The tenant id of the path; a tenant's name (its domain) is accepted too."""
        given = request.match_info["tenant"].lower()
        tenants = self._service.state.directory.tenants
        for tenant_id, name in tenants.items():
            if given in (tenant_id, name.lower()):
                return tenant_id
        raise EntraError(
            90002,
            "invalid_request",
            f"Tenant '{given}' not found. Check to make sure you have the correct tenant ID and are signing into the "
            "correct cloud. Check with your subscription administrator, this may happen if there are no active "
            "subscriptions for the tenant.",
        )

    def _authenticated(self, request: web.Request, form: _Form) -> Application:
        tenant_id = self._tenant(request)
        if form.grant_type != "client_credentials":
            raise EntraError(70003, "unsupported_grant_type", "The app requested an unsupported grant type.")
        found = self._service.state.directory.application(tenant_id, form.client_id)
        if found is None or not found.has_service_principal:
            raise EntraError(
                700016,
                "unauthorized_client",
                f"Application with identifier '{form.client_id}' was not found in the directory "
                f"'{self._service.state.directory.tenants[tenant_id]}'. This can happen if the application has not "
                "been installed by the administrator of the tenant or consented to by any user in the tenant.",
            )
        name_principal(request, f"app:{found.name}")
        if not found.may_log_in:
            raise EntraError(
                7000112, "unauthorized_client", f"Application '{found.client_id}'({found.name}) is disabled."
            )
        self._prove(found, form)
        return found

    def _admit(self, request: web.Request, found: Application) -> None:
        """Conditional access has its say last, when the credential has been found good (Azure contract §2 T35)."""
        blocked = self._service.state.directory.blocked_addresses.get(found.tenant_id, set())
        if source_address(request, self._service.runtime) in blocked:
            raise EntraError(
                53003,
                "invalid_grant",
                "Access has been blocked by Conditional Access policies. The access policy does not allow token "
                "issuance.",
            )

    def _prove(self, found: Application, form: _Form) -> None:
        now = self._service.runtime.clock.utc()
        if form.assertion:
            if form.assertion_type != _ASSERTION_TYPE:
                raise EntraError(900144, "invalid_request", "The request body must contain 'client_assertion_type'.")
            expired = int(self._service.runtime.profile.expired_certificate)
            client_assertions.verify(found, form.assertion, self._cloud, now.timestamp(), expired)
            return
        if not form.secret:
            raise EntraError(
                7000218,
                "invalid_client",
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            )
        for secret in found.login_secrets:
            if hmac.compare_digest(secret.value.encode(), form.secret.encode()) and not secret.is_missed():
                if secret.expires <= now:
                    raise EntraError(
                        7000222,
                        "invalid_client",
                        f"The provided client secret keys for app '{found.client_id}' are expired. Create new keys for "
                        "your app, or consider using certificate credentials for added security.",
                    )
                return
        raise EntraError(
            7000215,
            "invalid_client",
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{found.client_id}'.",
        )

    def _audience(self, form: _Form) -> str:
        """The resource of a `<resource>/.default` scope, if there is such a service in this cloud."""
        resource, found, _rest = form.scope.partition("/.default")
        if not found:
            raise EntraError(
                1002012,
                "invalid_scope",
                f"The provided value for scope {form.scope} is not valid. Client credential flows must have a scope "
                "value with /.default suffixed to the resource identifier (application ID URI).",
            )
        if resource.rstrip("/") not in self._cloud.audiences:
            raise EntraError(
                500011,
                "invalid_resource",
                f"The resource principal named {resource} was not found in the tenant. This can happen if the "
                "application has not been installed by the administrator of the tenant or consented to by any user in "
                "it. You might have sent your authentication request to the wrong tenant.",
            )
        return resource
