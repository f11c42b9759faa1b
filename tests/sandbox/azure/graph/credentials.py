# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and certificates, which registrations and service principals have each for themselves (Azure contract §3)."""

from __future__ import annotations

import base64
import uuid
from datetime import datetime
from typing import Any

from cryptography import x509

from ..entra.app_policies import AppPolicy, Refusal
from ..entra.directory import Application, RegisteredCertificate, TokenSigning, new_secret
from ..state import CloudState
from .directory import GraphDirectory, Route
from .objects import secret_json
from .queries import Call, GraphError, Reply, bad_request, not_found

ALL = "Application.ReadWrite.All"
WRITE_APPLICATIONS = frozenset({ALL, "Application.ReadWrite.OwnedBy"})


class GraphCredentials:
    """The handlers, each for a registration and for a service principal."""

    def __init__(self, state: CloudState, reads: GraphDirectory) -> None:
        self._state = state
        self._reads = reads

    def routes(self) -> list[Route]:
        routes = []
        for path in ("/applications/{id}", "/applications(appId='{app_id}')"):
            routes += [
                Route("POST", f"{path}/addPassword", WRITE_APPLICATIONS, self.add_password),
                Route("POST", f"{path}/removePassword", WRITE_APPLICATIONS, self.remove_password),
            ]
        for path in ("/servicePrincipals/{id}", "/servicePrincipals(appId='{app_id}')"):
            routes += [
                Route("POST", f"{path}/addPassword", WRITE_APPLICATIONS, self.add_principal_password),
                Route("POST", f"{path}/removePassword", WRITE_APPLICATIONS, self.remove_principal_password),
            ]
        return routes

    # Secrets ---------------------------------------------------------------------------------------------------------

    def add_password(self, call: Call) -> Reply:
        """A further secret, which is shown in this answer and never again."""
        return self._add(call, self._reads.named_application(call), principal=False)

    def add_principal_password(self, call: Call) -> Reply:
        return self._add(call, self._reads.named_principal(call), principal=True)

    def remove_password(self, call: Call) -> Reply:
        return self._remove(call, self._reads.named_application(call), principal=False)

    def remove_principal_password(self, call: Call) -> Reply:
        return self._remove(call, self._reads.named_principal(call), principal=True)

    def _add(self, call: Call, app: Application, *, principal: bool) -> Reply:
        if self._state.fresh.is_unknown("secret", app.object_id):
            raise not_found(app.object_id)
        require_ownership(call, app)
        wanted = object_of(call).get("passwordCredential") or {}
        now = self._state.clock.utc()
        secret = new_secret(now, _moment(wanted.get("endDateTime")), wanted.get("displayName"))
        secret.starts = _moment(wanted.get("startDateTime")) or now
        if secret.expires <= max(now, secret.starts):
            raise bad_request("Password credential end date is invalid.")
        policy = self._policy_of(app)
        _restrict(policy, policy.refuses_secret(app.created, secret.expires - secret.starts))
        secret.misses = self._state.directory.credential_misses
        self._state.directory.remember(app)
        (app.principal_secrets if principal else app.secrets).append(secret)
        return Reply(200, {**secret_json(secret), "secretText": secret.value})

    def _remove(self, call: Call, app: Application, *, principal: bool) -> Reply:
        require_ownership(call, app)
        key_id = str(object_of(call).get("keyId") or "")
        listed = app.principal_secrets if principal else app.secrets
        signing = [entry for entry in app.signing if principal and entry.sign_id == key_id]
        if key_id not in {secret.key_id for secret in listed} and not signing:
            raise bad_request(f"No password credential found with keyId '{key_id}'.")
        self._state.directory.remember(app)
        if signing:
            # Without its password, the signing key is of no use any more.
            app.signing.remove(signing[0])
            return Reply(204)
        left = [secret for secret in listed if secret.key_id != key_id]
        if principal:
            app.principal_secrets = left
        else:
            app.secrets = left
        return Reply(204)

    # Certificates ----------------------------------------------------------------------------------------------------

    def certificates(
        self, app: Application, entries: Any, *, principal: bool
    ) -> tuple[list[RegisteredCertificate], list[TokenSigning]]:
        """The list that replaces the present one, and what is left of SAML sign-on, after all has been found good."""
        listed = app.principal_certificates if principal else app.certificates
        known = {entry.key_id for entry in listed}
        public = {entry.verify_id for entry in app.signing if principal}
        if not isinstance(entries, list):
            raise bad_request("Invalid value specified for property 'keyCredentials'.")
        found = []
        for entry in entries:
            if principal and isinstance(entry, dict) and entry.get("usage") == "Sign":
                raise bad_request("Key credential must have a value for property 'key'.")
            certificate = _certificate(entry)
            if certificate.key_id in public:
                continue
            if certificate.key_id not in known:
                # One that has expired since then stays in the list.
                _require_valid(entry, certificate.certificate, self._state.clock.utc())
                policy = self._policy_of(app)
                _restrict(policy, policy.refuses_certificate(app.created, certificate.certificate))
                certificate.misses = self._state.directory.credential_misses
            found.append(certificate)
        # A signing key cannot be sent again, as it is never shown: a list without it has lost it.
        return found, [] if principal else app.signing

    def _policy_of(self, app: Application) -> AppPolicy:
        return app.policy or self._state.app_policy(app.tenant_id)


def require_ownership(call: Call, app: Application) -> None:
    if ALL not in call.caller.roles and call.caller.object_id not in app.owners:
        raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def object_of(call: Call) -> dict[str, Any]:
    if not isinstance(call.body, dict):
        raise bad_request("The request body must be an object.")
    return call.body


def _restrict(policy: AppPolicy, refusal: Refusal | None) -> None:
    """Turn what a management policy has against a credential into the server's answer."""
    if refusal == "type":
        message = f"Credential type not allowed as per assigned policy '{policy.policy_id}'."
        raise GraphError(400, "CredentialTypeNotAllowedAsPerAppPolicy", message)
    if refusal == "lifetime":
        message = f"Credential lifetime exceeds the max value allowed as per assigned policy '{policy.policy_id}'."
        raise GraphError(400, "CredentialInvalidLifetimeAsPerAppPolicy", message)


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


def _require_valid(entry: dict[str, Any], certificate: x509.Certificate, now: datetime) -> None:
    """Refuse a new certificate that has expired, and dates outside of its own.

    The texts: hashicorp/terraform-provider-azuread issue 201, Azure/azure-cli issue 11146.
    """
    ends = _moment(entry.get("endDateTime")) or certificate.not_valid_after_utc
    if not now < ends <= certificate.not_valid_after_utc:
        raise bad_request("Key credential end date is invalid.")
    starts = _moment(entry.get("startDateTime")) or certificate.not_valid_before_utc
    if not certificate.not_valid_before_utc <= starts < ends:
        raise bad_request("Key credential start date is invalid.")


def _certificate(entry: Any) -> RegisteredCertificate:
    """A certificate of a replacing list. One without its public key is lost, also if the application had it before."""
    if not isinstance(entry, dict) or not entry.get("key"):
        raise bad_request("Key credential must have a value for property 'key'.")
    if (entry.get("type"), entry.get("usage")) != ("AsymmetricX509Cert", "Verify"):
        raise bad_request("Key credential type and usage do not fit together.")
    try:
        # Line breaks are no part of the value: Azure CLI sends the lines of a PEM file.
        encoded = "".join(str(entry["key"]).split())
        certificate = x509.load_der_x509_certificate(base64.b64decode(encoded, validate=True))
    except ValueError as error:
        raise bad_request("Key credential end date or key is invalid.") from error
    return RegisteredCertificate(str(entry.get("keyId") or uuid.uuid4()), certificate, entry.get("displayName"))
