# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants, applications, their credentials and groups: the directory behind Entra ID and Microsoft Graph."""

from __future__ import annotations

import secrets
import string
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ..replicas import Replicas
from .app_policies import AppPolicy

_LETTERS = string.ascii_letters + string.digits
_TWO_YEARS = timedelta(days=730)
_RECYCLED_FOR = timedelta(days=30).total_seconds()


@dataclass
class Replicated:
    """A credential, which not every server of Entra knows at once."""

    misses: int = field(default=0, kw_only=True)
    """How many logins still come to a server that does not know it."""

    def is_missed(self) -> bool:
        """Whether one login finds it unknown. Each miss brings it closer."""
        self.misses -= 1
        return self.misses >= 0


@dataclass
class ClientSecret(Replicated):
    key_id: str
    value: str
    expires: datetime
    starts: datetime
    name: str | None = None

    @property
    def hint(self) -> str:
        return self.value[:3]


@dataclass
class RegisteredCertificate(Replicated):
    key_id: str
    certificate: x509.Certificate
    name: str | None = None

    @property
    def sha1(self) -> bytes:
        return self.certificate.fingerprint(hashes.SHA1())

    @property
    def sha256(self) -> bytes:
        return self.certificate.fingerprint(hashes.SHA256())


@dataclass
class TokenSigning:
    """What SAML sign-on puts on a service principal: a signing key, its public part, and the password of the key.

    The three share one identifier. Nobody logs in by them here.
    """

    sign_id: str
    """Key ID of the signing entry, and of the password."""
    verify_id: str
    certificate: x509.Certificate


@dataclass
class Application:
    """An app registration together with its service principal in the home tenant.

    The two are switched off apart from each other, have credentials of their own, and are deleted and restored apart.
    A registration may lack its service principal.
    """

    client_id: str
    object_id: str
    service_principal_id: str
    tenant_id: str
    """The home tenant."""
    name: str
    created: datetime
    enabled: bool = True
    has_service_principal: bool = True
    service_principal_enabled: bool = True
    microsoft_status: str | None = None
    """`disabledByMicrosoftStatus` of the registration."""
    principal_microsoft_status: str | None = None
    """The same of the service principal."""
    unique_name: str | None = None
    tags: list[str] = field(default_factory=list)
    sign_in_audience: str = "AzureADMyOrg"
    owners: set[str] = field(default_factory=set)
    """Object ids of the service principals that own the registration."""
    graph_permissions: set[str] = field(default_factory=set)
    """Application permissions of Microsoft Graph that have been consented to, such as `Application.Read.All`."""
    required_access: list[dict[str, Any]] = field(default_factory=list)
    """`requiredResourceAccess` as Graph shows it; a wish that grants nothing."""
    secrets: list[ClientSecret] = field(default_factory=list)
    certificates: list[RegisteredCertificate] = field(default_factory=list)
    principal_secrets: list[ClientSecret] = field(default_factory=list)
    """Those of the service principal, as `azuread_service_principal_password` of Terraform makes them."""
    principal_certificates: list[RegisteredCertificate] = field(default_factory=list)
    signing: list[TokenSigning] = field(default_factory=list)
    policy: AppPolicy | None = None
    """A management policy of its own, which stands in the place of the tenant's."""
    principal_deleted_at: float | None = None
    """When the service principal was put into the recycle bin, seconds since the epoch; None when it is not there."""

    @property
    def may_log_in(self) -> bool:
        """Whether neither of the two is switched off, by its owners or by Microsoft."""
        by_microsoft = (self.microsoft_status, self.principal_microsoft_status)
        return (
            self.enabled
            and self.service_principal_enabled
            and all(one in (None, "NotDisabled") for one in by_microsoft)
        )

    @property
    def login_secrets(self) -> list[ClientSecret]:
        """The client secrets that Entra takes, wherever they are."""
        return [*self.secrets, *self.principal_secrets]

    @property
    def login_certificates(self) -> list[RegisteredCertificate]:
        return [*self.certificates, *self.principal_certificates]


@dataclass
class DeletedApplication:
    """A registration in the recycle bin. ``deleted_at``: seconds since the epoch."""

    application: Application
    deleted_at: float

    def is_over(self, now: float) -> bool:
        return now - self.deleted_at >= _RECYCLED_FOR


@dataclass
class Group:
    """A security group. Members are object ids: of service principals, or of other groups."""

    group_id: str
    tenant_id: str
    name: str
    members: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Grant:
    """Consent of an administrator to delegated permissions (`oauth2PermissionGrant`)."""

    grant_id: str
    tenant_id: str
    client_principal_id: str
    resource_principal_id: str
    scope: str
    consent_type: str = "AllPrincipals"
    principal_id: str | None = None


@dataclass
class Directory:
    """All tenants of one cloud."""

    tenants: dict[str, str] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    deleted: dict[str, DeletedApplication] = field(default_factory=dict)
    """The recycle bin of registrations, by object id."""
    groups: dict[str, Group] = field(default_factory=dict)
    """By object id."""
    grants: dict[str, Grant] = field(default_factory=dict)
    app_policies: dict[str, AppPolicy] = field(default_factory=dict)
    """Tenant -> its default app management policy. Without one, nothing is restricted (Azure contract §2 T37)."""
    blocked_addresses: dict[str, set[str]] = field(default_factory=dict)
    """Tenant -> the addresses to which its conditional access issues no tokens (Azure contract §2 T35)."""
    credential_misses: int = 0
    """How many logins with a credential that was just added through Graph still fail, as Entra is many servers."""
    unseen: dict[str, int] = field(default_factory=dict)
    """Object id -> how many reads by Graph still miss the object, because it has not been replicated."""
    read_lag: int = 0
    """How many reads by Graph of an application, or of its service principal, still show what it was before a write."""
    replicas: Replicas[Application] = field(default_factory=Replicas)
    """By object id, of the registration and of the service principal apart."""

    def application(self, tenant_id: str, client_id: str) -> Application | None:
        found = self.applications.get(client_id.lower())
        return found if found and found.tenant_id == tenant_id.lower() else None

    def empty_bin(self, now: float) -> None:
        """Forget what has been in the recycle bin for thirty days."""
        for object_id, gone in list(self.deleted.items()):
            if gone.is_over(now):
                del self.deleted[object_id]
        for app in (*self.applications.values(), *(gone.application for gone in self.deleted.values())):
            if app.principal_deleted_at is not None and now - app.principal_deleted_at >= _RECYCLED_FOR:
                app.principal_deleted_at = None

    def groups_of(self, principal_id: str) -> set[str]:
        """The object ids of all groups that the object belongs to, directly or through other groups."""
        found = set[str]()
        waiting = [principal_id.lower()]
        while waiting:
            member = waiting.pop()
            direct = {group.group_id for group in self.groups.values() if member in group.members} - found
            found |= direct
            waiting += direct
        return found

    def remember(self, app: Application) -> None:
        """To be called before each write of an application by Graph."""
        for object_id in (app.object_id, app.service_principal_id):
            self.replicas.remember(object_id, app, self.read_lag)

    def replicated(self, object_id: str) -> bool:
        """Whether a read finds the object. Each miss brings it closer."""
        left = self.unseen.get(object_id, 0)
        if left > 1:
            self.unseen[object_id] = left - 1
        else:
            self.unseen.pop(object_id, None)
        return left == 0


def new_application(tenant_id: str, name: str, now: datetime | None = None) -> Application:
    client_id, object_id, principal_id = (str(uuid.uuid4()) for _index in range(3))
    return Application(client_id, object_id, principal_id, tenant_id, name, now or datetime.now(UTC))


def new_secret(now: datetime, expires: datetime | None = None, name: str | None = None) -> ClientSecret:
    """A client secret of the look of Entra's: forty characters, the fourth a digit and the fifth `Q~`."""
    head = "".join(secrets.choice(_LETTERS) for _index in range(3)) + secrets.choice("78") + "Q~"
    tail = "".join(secrets.choice(_LETTERS + "._-~") for _index in range(34))
    return ClientSecret(str(uuid.uuid4()), head + tail, expires or now + _TWO_YEARS, now, name)
