# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Microsoft Graph changes in a tenant: applications, service principals, consent (Azure contract §3)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..entra.directory import Application, Grant, RegisteredCertificate, TokenSigning
from ..state import CloudState
from .credentials import WRITE_APPLICATIONS, GraphCredentials, object_of, require_ownership
from .directory import GraphDirectory, Route
from .objects import grant_json
from .queries import GUID, Call, GraphError, Reply, bad_request, not_found

_WRITE_GRANTS = frozenset({"DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"})
_MEMBERS = {
    "displayName": "name",
    "signInAudience": "sign_in_audience",
    "requiredResourceAccess": "required_access",
    "uniqueName": "unique_name",
    "tags": "tags",
}
"""Members of an application that can be set -> what holds them. Lists are replaced as a whole."""


class GraphWrites:
    """The handlers. A permission that ends in OwnedBy reaches what the caller has made, or owns otherwise."""

    def __init__(self, state: CloudState, reads: GraphDirectory) -> None:
        self._state = state
        self._reads = reads
        self._credentials = GraphCredentials(state, reads)

    def routes(self) -> list[Route]:
        applications = ("/applications/{id}", "/applications(appId='{app_id}')")
        routes = [
            Route("POST", "/applications", WRITE_APPLICATIONS, self.create_application),
            Route("PATCH", "/applications(uniqueName='{unique_name}')", WRITE_APPLICATIONS, self.upsert_application),
            Route("POST", "/servicePrincipals", WRITE_APPLICATIONS, self.create_principal),
            Route("PATCH", "/servicePrincipals/{id}", WRITE_APPLICATIONS, self.change_principal),
            Route("DELETE", "/servicePrincipals/{id}", WRITE_APPLICATIONS, self.delete_principal),
            Route("POST", "/oauth2PermissionGrants", _WRITE_GRANTS, self.create_grant),
            Route("PATCH", "/oauth2PermissionGrants/{id}", _WRITE_GRANTS, self.change_grant),
            Route("DELETE", "/oauth2PermissionGrants/{id}", _WRITE_GRANTS, self.delete_grant),
        ]
        for path in applications:
            routes += [
                Route("PATCH", path, WRITE_APPLICATIONS, self.change_application),
                Route("DELETE", path, WRITE_APPLICATIONS, self.delete_application),
            ]
        return routes

    # Applications ----------------------------------------------------------------------------------------------------

    def create_application(self, call: Call) -> Reply:
        """A registration without service principal: unlike the portal, Graph makes none by itself."""
        body = object_of(call)
        if not body.get("displayName"):
            raise bad_request("A value is required for property 'displayName' of resource 'Application'.")
        self._refuse_taken_name(call, body, None)
        made = self._state.add_application(call.caller.tenant_id, str(body["displayName"]), service_principal=False)
        made.owners.add(call.caller.object_id)
        try:
            self._change(made, body)
        except GraphError:
            self._state.remove_application(made)
            raise
        return Reply(201, self._reads.application_json(made, False))

    def upsert_application(self, call: Call) -> Reply:
        """By its unique name: 204 for a change, 201 for a creation, which has to be preferred by header."""
        wanted = call.params["unique_name"].replace("''", "'")
        if any(_is_named(app, wanted) for app in self._tenants(call)):
            return self.change_application(call)
        if call.headers.get("prefer", "").lower() != "create-if-missing":
            raise not_found(wanted)
        return self.create_application(replace(call, body={**object_of(call), "uniqueName": wanted}))

    def change_application(self, call: Call) -> Reply:
        app, body = self._mine(call), object_of(call)
        self._refuse_taken_name(call, body, app)
        self._change(app, body)
        return Reply(204)

    def delete_application(self, call: Call) -> Reply:
        """Into the recycle bin, where it keeps its unique name."""
        self._state.delete_application(self._mine(call))
        return Reply(204)

    def _refuse_taken_name(self, call: Call, body: dict[str, Any], app: Application | None) -> None:
        wanted = body.get("uniqueName")
        if wanted and any(_is_named(one, str(wanted)) for one in self._with_deleted(call) if one is not app):
            raise bad_request("Another object with the same value for property uniqueName already exists.")

    def _with_deleted(self, call: Call) -> Iterator[Application]:
        yield from self._tenants(call)
        self._state.directory.empty_bin(self._state.clock.now())
        for gone in self._state.directory.deleted.values():
            if gone.application.tenant_id == call.caller.tenant_id:
                yield gone.application

    def _tenants(self, call: Call) -> list[Application]:
        everybody = self._state.directory.applications.values()
        return [app for app in everybody if app.tenant_id == call.caller.tenant_id]

    def _mine(self, call: Call) -> Application:
        """The application of the path, if the caller may change it."""
        found = self._reads.named_application(call)
        require_ownership(call, found)
        return found

    def _change(self, app: Application, body: dict[str, Any]) -> None:
        """Set the members that the body has, after all of them have been found good."""
        unknown = set(body) - set(_MEMBERS) - {"keyCredentials"}
        if unknown:
            raise bad_request(f"Property '{min(unknown)}' of resource 'Application' cannot be set.")
        certificates: list[RegisteredCertificate] | None = None
        if "keyCredentials" in body:
            certificates, _signing = self._credentials.certificates(app, body["keyCredentials"], principal=False)
        self._state.directory.remember(app)
        if certificates is not None:
            app.certificates = certificates
        for name, member in _MEMBERS.items():
            if name in body:
                setattr(app, member, body[name])

    # Service principals ----------------------------------------------------------------------------------------------

    def create_principal(self, call: Call) -> Reply:
        wanted = str(object_of(call).get("appId") or "")
        app = self._state.directory.application(call.caller.tenant_id, wanted)
        if app is None:
            raise _no_backing_application(wanted)
        if self._state.fresh.is_unknown("service_principal", app.client_id):
            raise self._application_unknown(wanted)
        require_ownership(call, app)
        if app.has_service_principal:
            message = f"The service principal cannot be created because the service principal name {wanted} is in use."
            raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", message)
        app.has_service_principal = True
        if app.principal_deleted_at is not None:
            # A new one: what the deleted one had is not its own.
            app.service_principal_id, app.principal_deleted_at = str(uuid.uuid4()), None
            app.principal_secrets, app.principal_certificates, app.signing = [], [], []
        return Reply(201, self._reads.principal_json(app))

    def _application_unknown(self, client_id: str) -> GraphError:
        """What a server says that does not know the application yet: three answers are reported."""
        said = self._state.fresh.profile().new_application
        if said == "local_tenant":
            message = (
                "When using this permission, the backing application of the service principal being created must in "
                "the local tenant"
            )
            return GraphError(403, "Authorization_RequestDenied", message)
        return not_found(client_id) if said == "not_found" else _no_backing_application(client_id)

    def change_principal(self, call: Call) -> Reply:
        """Of a service principal `accountEnabled` and `keyCredentials` can be changed here."""
        app, body = self._my_principal(call), object_of(call)
        unknown = set(body) - {"accountEnabled", "keyCredentials"}
        if unknown:
            raise bad_request(f"Property '{min(unknown)}' of resource 'ServicePrincipal' cannot be set.")
        certificates: tuple[list[RegisteredCertificate], list[TokenSigning]] | None = None
        if "keyCredentials" in body:
            certificates = self._credentials.certificates(app, body["keyCredentials"], principal=True)
        self._state.directory.remember(app)
        if certificates is not None:
            app.principal_certificates, app.signing = certificates
        app.service_principal_enabled = bool(body.get("accountEnabled", app.service_principal_enabled))
        return Reply(204)

    def delete_principal(self, call: Call) -> Reply:
        """Into the recycle bin."""
        self._state.delete_service_principal(self._my_principal(call))
        return Reply(204)

    def _my_principal(self, call: Call) -> Application:
        found = self._reads.named_principal(call)
        require_ownership(call, found)
        return found

    # Consent ---------------------------------------------------------------------------------------------------------

    def create_grant(self, call: Call) -> Reply:
        """Consent for everybody. A second grant for the same client and resource is refused: its scope is to change."""
        body, tenant = object_of(call), call.caller.tenant_id
        client, resource = str(body.get("clientId") or ""), str(body.get("resourceId") or "")
        if not (GUID.fullmatch(client) and GUID.fullmatch(resource)) or body.get("consentType") != "AllPrincipals":
            raise bad_request("Invalid value specified for a property of resource 'OAuth2PermissionGrant'.")
        if self._state.fresh.is_unknown("consent", client):
            missing = not_found(client)
            said = self._state.fresh.profile().new_principal_consent
            raise missing if said == "not_found" else bad_request(missing.message)
        grants = self._state.directory.grants
        pair = (client.lower(), resource.lower())
        if any((one.client_principal_id.lower(), one.resource_principal_id.lower()) == pair for one in grants.values()):
            raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
        grant = Grant(uuid.uuid4().hex, tenant, client, resource, str(body.get("scope") or ""))
        grants[grant.grant_id] = grant
        return Reply(201, grant_json(grant))

    def change_grant(self, call: Call) -> Reply:
        grant = self._grant(call)
        self._state.directory.grants[grant.grant_id] = replace(grant, scope=str(object_of(call).get("scope") or ""))
        return Reply(204)

    def delete_grant(self, call: Call) -> Reply:
        del self._state.directory.grants[self._grant(call).grant_id]
        return Reply(204)

    def _grant(self, call: Call) -> Grant:
        found = self._state.directory.grants.get(call.params["id"])
        if found is None or found.tenant_id != call.caller.tenant_id:
            raise not_found(call.params["id"])
        return found


def _no_backing_application(client_id: str) -> GraphError:
    return bad_request(
        f"The appId '{client_id}' of the service principal does not reference a valid application object."
    )


def _is_named(app: Application, unique_name: str) -> bool:
    """Whether it is found by this unique name, as reads find it: without regard to letter case."""
    return app.unique_name is not None and app.unique_name.lower() == unique_name.lower()
