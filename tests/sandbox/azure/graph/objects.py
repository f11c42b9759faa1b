# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of the directory as Microsoft Graph shows them (Azure contract §3). Secrets never appear."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from cryptography.hazmat.primitives.serialization import Encoding

from ..clouds import Cloud
from ..entra.directory import Application, ClientSecret, Grant, Group, RegisteredCertificate, TokenSigning

Thumbprints = Literal["hex", "base64"]
# The tenant in which Microsoft's own services are registered.
_MICROSOFT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"


def application_json(
    app: Application, thumbprints: Thumbprints, with_keys: bool, *, knows_is_disabled: bool = True
) -> dict[str, Any]:
    """An app registration. The public keys of its certificates are shown only where they have been selected.

    ``knows_is_disabled``: whether this Graph has the member `isDisabled` at all.
    """
    return {
        "id": app.object_id,
        "appId": app.client_id,
        "displayName": app.name,
        "uniqueName": app.unique_name,
        "tags": app.tags,
        "signInAudience": app.sign_in_audience,
        "createdDateTime": _stamp(app.created),
        **({"isDisabled": None if app.enabled else True} if knows_is_disabled else {}),
        "disabledByMicrosoftStatus": app.microsoft_status,
        "requiredResourceAccess": app.required_access,
        "passwordCredentials": [secret_json(secret) for secret in app.secrets],
        "keyCredentials": [_certificate_json(entry, thumbprints, with_keys) for entry in app.certificates],
    }


def secret_json(secret: ClientSecret) -> dict[str, Any]:
    """A client secret without its value."""
    return {
        "keyId": secret.key_id,
        "displayName": secret.name,
        "hint": secret.hint,
        "startDateTime": _stamp(secret.starts),
        "endDateTime": _stamp(secret.expires),
        "secretText": None,
        "customKeyIdentifier": None,
    }


def _certificate_json(entry: RegisteredCertificate, thumbprints: Thumbprints, with_key: bool) -> dict[str, Any]:
    certificate = entry.certificate
    return {
        "keyId": entry.key_id,
        "displayName": entry.name or certificate.subject.rfc4514_string(),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "customKeyIdentifier": _identifier(entry, thumbprints),
        "startDateTime": _stamp(certificate.not_valid_before_utc),
        "endDateTime": _stamp(certificate.not_valid_after_utc),
        "key": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode() if with_key else None,
    }


def _identifier(entry: RegisteredCertificate, thumbprints: Thumbprints) -> str:
    return base64.b64encode(entry.sha1).decode() if thumbprints == "base64" else entry.sha1.hex().upper()


def _signing_json(entry: TokenSigning, thumbprints: Thumbprints, with_keys: bool) -> list[dict[str, Any]]:
    """Signing key and public part of SAML sign-on. The signing key itself is never shown."""
    public = RegisteredCertificate(entry.verify_id, entry.certificate)
    verify = _certificate_json(public, thumbprints, with_keys)
    sign = {**verify, "keyId": entry.sign_id, "type": "X509CertAndPassword", "usage": "Sign", "key": None}
    return [sign, verify]


def _signing_password_json(entry: TokenSigning, thumbprints: Thumbprints) -> dict[str, Any]:
    certificate = entry.certificate
    return {
        "keyId": entry.sign_id,
        "displayName": None,
        "hint": None,
        "startDateTime": _stamp(certificate.not_valid_before_utc),
        "endDateTime": _stamp(certificate.not_valid_after_utc),
        "secretText": None,
        "customKeyIdentifier": _identifier(RegisteredCertificate("", certificate), thumbprints),
    }


def principal_json(app: Application, thumbprints: Thumbprints = "hex", with_keys: bool = False) -> dict[str, Any]:
    """The service principal of an application, with credentials of its own, shown as those of a registration are."""
    signing = [shown for entry in app.signing for shown in _signing_json(entry, thumbprints, with_keys)]
    return {
        "id": app.service_principal_id,
        "appId": app.client_id,
        "displayName": app.name,
        "appDisplayName": app.name,
        "accountEnabled": app.service_principal_enabled,
        "appOwnerOrganizationId": app.tenant_id,
        "servicePrincipalType": "Application",
        "servicePrincipalNames": [app.client_id],
        "oauth2PermissionScopes": [],
        "disabledByMicrosoftStatus": app.principal_microsoft_status,
        "preferredTokenSigningKeyThumbprint": _preferred(app),
        "passwordCredentials": [
            *map(secret_json, app.principal_secrets),
            *(_signing_password_json(entry, thumbprints) for entry in app.signing),
        ],
        "keyCredentials": [
            *(_certificate_json(entry, thumbprints, with_keys) for entry in app.principal_certificates),
            *signing,
        ],
    }


def _preferred(app: Application) -> str | None:
    if not app.signing:
        return None
    return RegisteredCertificate("", app.signing[0].certificate).sha1.hex().upper()


def key_vault_principal_json(cloud: Cloud, tenant_id: str) -> dict[str, Any]:
    """The service principal of Azure Key Vault, of which each tenant has one with an object id of its own."""
    scope = {
        "id": cloud.user_impersonation_id,
        "value": "user_impersonation",
        "type": "User",
        "isEnabled": True,
        "adminConsentDisplayName": "Have full access to the Azure Key Vault service",
    }
    return {
        "id": str(uuid.uuid5(uuid.UUID(tenant_id), cloud.key_vault_app_id)),
        "appId": cloud.key_vault_app_id,
        "displayName": "Azure Key Vault",
        "appDisplayName": "Azure Key Vault",
        "accountEnabled": True,
        "appOwnerOrganizationId": _MICROSOFT,
        "servicePrincipalType": "Application",
        "servicePrincipalNames": [cloud.vault_audience, cloud.key_vault_app_id],
        "oauth2PermissionScopes": [scope],
        "disabledByMicrosoftStatus": None,
        "preferredTokenSigningKeyThumbprint": None,
        "passwordCredentials": [],
        "keyCredentials": [],
    }


def group_json(group: Group, readable: bool) -> dict[str, Any]:
    """A group; to who may not read groups, it is an id and nothing else."""
    shown: dict[str, Any] = {"displayName": group.name, "securityEnabled": True, "mailEnabled": False}
    return {
        "@odata.type": "#microsoft.graph.group",
        "id": group.group_id,
        **(shown if readable else dict.fromkeys(shown)),
    }


def grant_json(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.grant_id,
        "clientId": grant.client_principal_id,
        "consentType": grant.consent_type,
        "principalId": grant.principal_id,
        "resourceId": grant.resource_principal_id,
        "scope": grant.scope,
    }


def selected(item: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The item with the selected members only; without a selection, as it is."""
    if not names:
        return dict(item)
    return {name: value for name, value in item.items() if name in names or name == "@odata.type"}


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
