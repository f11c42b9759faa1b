# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Microsoft Graph changes in a tenant: applications and their credentials, service principals, consent (§3)."""

from __future__ import annotations

import base64
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

from cryptography import x509

from .app_policies import AppPolicy, Refusal
from .directory import Application, Grant, RegisteredCertificate, new_secret
from .graph_directory import GraphDirectory, Route
from .graph_objects import grant_json, principal_json, secret_json
from .graph_queries import GUID, Call, GraphError, Reply, bad_request, not_found
from .state import CloudState

_ALL = "Application.ReadWrite.All"
_WRITE_APPLICATIONS = frozenset({_ALL, "Application.ReadWrite.OwnedBy"})
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

    def routes(self) -> list[Route]:
        applications = ("/applications/{id}", "/applications(appId='{app_id}')")
        routes = [
            Route("POST", "/applications", _WRITE_APPLICATIONS, self.create_application),
            Route("PATCH", "/applications(uniqueName='{unique_name}')", _WRITE_APPLICATIONS, self.upsert_application),
            Route("POST", "/servicePrincipals", _WRITE_APPLICATIONS, self.create_principal),
            Route("PATCH", "/servicePrincipals/{id}", _WRITE_APPLICATIONS, self.change_principal),
            Route("POST", "/oauth2PermissionGrants", _WRITE_GRANTS, self.create_grant),
            Route("PATCH", "/oauth2PermissionGrants/{id}", _WRITE_GRANTS, self.change_grant),
            Route("DELETE", "/oauth2PermissionGrants/{id}", _WRITE_GRANTS, self.delete_grant),
        ]
        for path in applications:
            routes += [
                Route("PATCH", path, _WRITE_APPLICATIONS, self.change_application),
                Route("DELETE", path, _WRITE_APPLICATIONS, self.delete_application),
                Route("POST", f"{path}/addPassword", _WRITE_APPLICATIONS, self.add_password),
                Route("POST", f"{path}/removePassword", _WRITE_APPLICATIONS, self.remove_password),
            ]
        return routes

    # Applications ----------------------------------------------------------------------------------------------------

    def create_application(self, call: Call) -> Reply:
        """A registration without service principal: unlike the portal, Graph makes none by itself."""
        body = _object(call)
        if not body.get("displayName"):
            raise bad_request("A value is required for property 'displayName' of resource 'Application'.")
        if any(app.unique_name == body["uniqueName"] for app in self._tenants(call) if body.get("uniqueName")):
            raise bad_request("Another object with the same value for property uniqueName already exists.")
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
        if any(app.unique_name == wanted for app in self._tenants(call)):
            return self.change_application(call)
        if call.headers.get("prefer", "").lower() != "create-if-missing":
            raise not_found(wanted)
        return self.create_application(replace(call, body={**_object(call), "uniqueName": wanted}))

    def change_application(self, call: Call) -> Reply:
        self._change(self._mine(call), _object(call))
        return Reply(204)

    def delete_application(self, call: Call) -> Reply:
        self._state.remove_application(self._mine(call))
        return Reply(204)

    def _tenants(self, call: Call) -> list[Application]:
        everybody = self._state.directory.applications.values()
        return [app for app in everybody if app.tenant_id == call.caller.tenant_id]

    def _mine(self, call: Call) -> Application:
        """The application of the path, if the caller may change it."""
        found = self._reads.named_application(call)
        _require_ownership(call, found)
        return found

    def _change(self, app: Application, body: dict[str, Any]) -> None:
        """Set the members that the body has, after all of them have been found good."""
        unknown = set(body) - set(_MEMBERS) - {"keyCredentials"}
        if unknown:
            raise bad_request(f"Property '{min(unknown)}' of resource 'Application' cannot be set.")
        certificates: list[RegisteredCertificate] | None = None
        if "keyCredentials" in body:
            certificates = [_certificate(entry) for entry in body["keyCredentials"]]
            known = {entry.key_id for entry in app.certificates}
            for entry in certificates:
                if entry.key_id not in known:
                    policy = self._policy_of(app)
                    _restrict(policy, policy.refuses_certificate(app.created, entry.certificate))
                    entry.misses = self._state.directory.credential_misses
        self._state.directory.remember(app)
        if certificates is not None:
            app.certificates = certificates
        for name, member in _MEMBERS.items():
            if name in body:
                setattr(app, member, body[name])

    def _policy_of(self, app: Application) -> AppPolicy:
        return app.policy or self._state.app_policy(app.tenant_id)

    # Secrets ---------------------------------------------------------------------------------------------------------

    def add_password(self, call: Call) -> Reply:
        """A further secret, which is shown in this answer and never again."""
        app = self._mine(call)
        wanted = _object(call).get("passwordCredential") or {}
        now = self._state.clock.utc()
        secret = new_secret(now, _moment(wanted.get("endDateTime")), wanted.get("displayName"))
        secret.starts = _moment(wanted.get("startDateTime")) or now
        policy = self._policy_of(app)
        _restrict(policy, policy.refuses_secret(app.created, secret.expires - secret.starts))
        secret.misses = self._state.directory.credential_misses
        self._state.directory.remember(app)
        app.secrets.append(secret)
        return Reply(200, {**secret_json(secret), "secretText": secret.value})

    def remove_password(self, call: Call) -> Reply:
        app = self._mine(call)
        key_id = str(_object(call).get("keyId") or "")
        if key_id not in {secret.key_id for secret in app.secrets}:
            raise bad_request(f"No password credential found with keyId '{key_id}'.")
        self._state.directory.remember(app)
        self._state.remove_secret(app, key_id)
        return Reply(204)

    # Service principals ----------------------------------------------------------------------------------------------

    def create_principal(self, call: Call) -> Reply:
        wanted = str(_object(call).get("appId") or "")
        app = self._state.directory.application(call.caller.tenant_id, wanted)
        if app is None:
            raise bad_request(f"The appId '{wanted}' of the service principal does not reference a valid application.")
        _require_ownership(call, app)
        if app.has_service_principal:
            message = f"The service principal cannot be created because the service principal name {wanted} is in use."
            raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", message)
        app.has_service_principal = True
        return Reply(201, principal_json(app))

    def change_principal(self, call: Call) -> Reply:
        """Of a service principal only `accountEnabled` can be changed here."""
        wanted = call.params["id"].lower()
        for app in self._tenants(call):
            if app.has_service_principal and app.service_principal_id == wanted:
                _require_ownership(call, app)
                self._state.directory.remember(app)
                app.service_principal_enabled = bool(_object(call).get("accountEnabled", app.service_principal_enabled))
                return Reply(204)
        raise not_found(wanted)

    # Consent ---------------------------------------------------------------------------------------------------------

    def create_grant(self, call: Call) -> Reply:
        """Consent for everybody. A second grant for the same client and resource is refused: its scope is to change."""
        body, tenant = _object(call), call.caller.tenant_id
        client, resource = str(body.get("clientId") or ""), str(body.get("resourceId") or "")
        if not (GUID.fullmatch(client) and GUID.fullmatch(resource)) or body.get("consentType") != "AllPrincipals":
            raise bad_request("Invalid value specified for a property of resource 'OAuth2PermissionGrant'.")
        grants = self._state.directory.grants
        if any((one.client_principal_id, one.resource_principal_id) == (client, resource) for one in grants.values()):
            raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
        grant = Grant(uuid.uuid4().hex, tenant, client, resource, str(body.get("scope") or ""))
        grants[grant.grant_id] = grant
        return Reply(201, grant_json(grant))

    def change_grant(self, call: Call) -> Reply:
        grant = self._grant(call)
        self._state.directory.grants[grant.grant_id] = replace(grant, scope=str(_object(call).get("scope") or ""))
        return Reply(204)

    def delete_grant(self, call: Call) -> Reply:
        del self._state.directory.grants[self._grant(call).grant_id]
        return Reply(204)

    def _grant(self, call: Call) -> Grant:
        found = self._state.directory.grants.get(call.params["id"])
        if found is None or found.tenant_id != call.caller.tenant_id:
            raise not_found(call.params["id"])
        return found


def _require_ownership(call: Call, app: Application) -> None:
    if _ALL not in call.caller.roles and call.caller.object_id not in app.owners:
        raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def _restrict(policy: AppPolicy, refusal: Refusal | None) -> None:
    """Turn what a management policy has against a credential into the server's answer."""
    if refusal == "type":
        message = f"Credential type not allowed as per assigned policy '{policy.policy_id}'."
        raise GraphError(400, "CredentialTypeNotAllowedAsPerAppPolicy", message)
    if refusal == "lifetime":
        message = f"Credential lifetime exceeds the max value allowed as per assigned policy '{policy.policy_id}'."
        raise GraphError(400, "CredentialInvalidLifetimeAsPerAppPolicy", message)


def _object(call: Call) -> dict[str, Any]:
    if not isinstance(call.body, dict):
        raise bad_request("The request body must be an object.")
    return call.body


def _moment(text: Any) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise bad_request(f"'{text}' is no point in time.") from error
    if moment.tzinfo is None:
        raise bad_request(f"'{text}' has no time zone.")
    return moment


def _certificate(entry: Any) -> RegisteredCertificate:
    """A certificate of a replacing list. One without its public key is lost, also if the application had it before."""
    if not isinstance(entry, dict) or not entry.get("key"):
        raise bad_request("Key credential must have a value for property 'key'.")
    if (entry.get("type"), entry.get("usage")) != ("AsymmetricX509Cert", "Verify"):
        raise bad_request("Key credential type and usage do not fit together.")
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(entry["key"], validate=True))
    except ValueError as error:
        raise bad_request("Key credential end date or key is invalid.") from error
    return RegisteredCertificate(str(entry.get("keyId") or uuid.uuid4()), certificate, entry.get("displayName"))
