# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deeds of an administrator of the directory: tenants, applications, credentials, groups, consent."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Literal

from cryptography import x509

from ...clock import Clock
from .app_policies import NOTHING_RESTRICTED, AppPolicy, Restriction
from .directory import (
    Application,
    ClientSecret,
    DeletedApplication,
    Directory,
    Grant,
    Group,
    RegisteredCertificate,
    TokenSigning,
    new_application,
    new_secret,
)


class DirectoryAdmin:
    """What a cloud's state offers for its directory. Applications may be named by client id, groups by object id."""

    clock: Clock
    directory: Directory
    graph_knows_is_disabled: Callable[[], bool]
    """Whether applications have `isDisabled` in this Graph (Profile.graph_is_disabled)."""

    def __init__(self) -> None:
        self.graph_page_size = 100
        self.graph_lag_reads = 0
        """How many reads by Graph miss an application or group that is made from now on (Azure contract §3)."""
        self.graph_thumbprints: Literal["hex", "base64"] = "hex"
        """The form of `customKeyIdentifier` of certificates, of which both are found in the wild."""

    # Tenants ---------------------------------------------------------------------------------------------------------

    def add_tenant(self, name: str) -> str:
        tenant_id = str(uuid.uuid4())
        self.directory.tenants[tenant_id] = name
        return tenant_id

    def remove_tenant(self, tenant_id: str) -> None:
        """A tenant with all that is in it. Its subscriptions stay, unreachable."""
        directory = self.directory
        del directory.tenants[tenant_id]
        directory.applications = {key: app for key, app in directory.applications.items() if app.tenant_id != tenant_id}
        directory.groups = {key: group for key, group in directory.groups.items() if group.tenant_id != tenant_id}
        directory.grants = {key: grant for key, grant in directory.grants.items() if grant.tenant_id != tenant_id}

    def block_client_addresses(self, tenant_id: str, addresses: Iterable[str]) -> None:
        """Conditional access: let a tenant issue no token to these addresses (exactly these; none lifts the block)."""
        self.directory.blocked_addresses[tenant_id] = set(addresses)

    # Applications ----------------------------------------------------------------------------------------------------

    def add_application(
        self, tenant_id: str, name: str, service_principal: bool = True, unique_name: str | None = None
    ) -> Application:
        application = new_application(tenant_id, name, self.clock.utc())
        application.has_service_principal = service_principal
        application.unique_name = unique_name
        self.directory.applications[application.client_id] = application
        self._lag(application.object_id, application.service_principal_id)
        return application

    def _lag(self, *object_ids: str) -> None:
        """Hold fresh objects back from Graph."""
        if self.graph_lag_reads:
            self.directory.unseen |= dict.fromkeys(object_ids, self.graph_lag_reads)

    def application(self, app: Application | str) -> Application:
        return app if isinstance(app, Application) else self.directory.applications[app.lower()]

    def remove_application(self, app: Application | str) -> None:
        """The app registration and its service principal are gone for good; its role assignments are orphans."""
        gone = self.application(app)
        del self.directory.applications[gone.client_id]
        for group in self.directory.groups.values():
            group.members.discard(gone.service_principal_id)

    def delete_application(self, app: Application | str) -> None:
        """Put the registration and its service principal into the recycle bin, from which both can be restored."""
        gone = self.application(app)
        del self.directory.applications[gone.client_id]
        self.directory.deleted[gone.object_id] = DeletedApplication(gone, self.clock.now())
        if gone.has_service_principal:
            self.delete_service_principal(gone)

    def delete_service_principal(self, app: Application | str) -> None:
        """Put the service principal alone into the recycle bin."""
        application = self.application(app)
        application.has_service_principal = False
        application.principal_deleted_at = self.clock.now()

    def restore_application(self, object_id: str) -> Application:
        """Bring a registration back, without its service principal, which is restored apart."""
        found = self.directory.deleted.pop(object_id).application
        self.directory.applications[found.client_id] = found
        return found

    def restore_service_principal(self, app: Application | str) -> None:
        application = self.application(app)
        application.has_service_principal = True
        application.principal_deleted_at = None

    def remove_service_principal(self, app: Application | str) -> None:
        """The registration stays, without a service principal nobody can log in with it."""
        application = self.application(app)
        application.has_service_principal = False
        for group in self.directory.groups.values():
            group.members.discard(application.service_principal_id)

    def disable_application(self, app: Application | str) -> None:
        self.application(app).enabled = False

    def enable_application(self, app: Application | str) -> None:
        self.application(app).enabled = True

    def disable_service_principal(self, app: Application | str) -> None:
        """Switch the enterprise application off (`accountEnabled`); the registration stays as it is."""
        self.application(app).service_principal_enabled = False

    def enable_service_principal(self, app: Application | str) -> None:
        self.application(app).service_principal_enabled = True

    def disable_by_microsoft(self, app: Application | str, *, principal: bool = False) -> None:
        """What Microsoft does to an application that it takes for abused; nobody in the tenant can undo it."""
        status = "DisabledDueToViolationOfServicesAgreement"
        if principal:
            self.application(app).principal_microsoft_status = status
        else:
            self.application(app).microsoft_status = status

    def allow_graph(self, app: Application | str, *permissions: str) -> None:
        """Consent to application permissions of Microsoft Graph; tokens issued from now on carry them."""
        self.application(app).graph_permissions |= set(permissions)

    def wish_access(self, app: Application | str, resource_app_id: str, *scope_ids: str) -> None:
        """Add delegated permissions of a resource to the registration's list. It is a wish, and grants nothing."""
        wishes: list[dict[str, Any]] = [{"id": scope_id, "type": "Scope"} for scope_id in scope_ids]
        self.application(app).required_access.append({"resourceAppId": resource_app_id, "resourceAccess": wishes})

    def add_grant(self, app: Application | str, resource_principal_id: str, scope: str) -> Grant:
        """Consent on behalf of everybody in the tenant to delegated permissions, several words in one `scope`."""
        client = self.application(app)
        grant = Grant(uuid.uuid4().hex, client.tenant_id, client.service_principal_id, resource_principal_id, scope)
        self.directory.grants[grant.grant_id] = grant
        return grant

    # Management policies ---------------------------------------------------------------------------------------------

    def app_policy(self, tenant_id: str) -> AppPolicy:
        """What the tenant restricts for applications that have no policy of their own."""
        return self.directory.app_policies.get(tenant_id, NOTHING_RESTRICTED)

    def restrict_credentials(
        self, tenant_id: str, *restrictions: Restriction, only_for: Application | str | None = None
    ) -> None:
        """Switch a management policy on, for the tenant or for one application (Azure contract §2 T37)."""
        policy = AppPolicy(str(uuid.uuid4()), True, restrictions)
        if only_for is None:
            self.directory.app_policies[tenant_id] = policy
        else:
            self.application(only_for).policy = policy

    # Credentials -----------------------------------------------------------------------------------------------------

    def add_secret(
        self,
        app: Application | str,
        valid_for: timedelta | None = None,
        name: str | None = None,
        *,
        principal: bool = False,
    ) -> ClientSecret:
        """A further client secret; `value` is what the portal shows once. ``principal``: on the service principal."""
        now = self.clock.utc()
        secret = new_secret(now, now + valid_for if valid_for is not None else None, name)
        application = self.application(app)
        (application.principal_secrets if principal else application.secrets).append(secret)
        return secret

    def expire_secret(self, app: Application | str, key_id: str | None = None) -> None:
        """Let one secret, or all of the application, have ended a moment ago."""
        for secret in self.application(app).login_secrets:
            if key_id in (None, secret.key_id):
                secret.expires = self.clock.utc() - timedelta(seconds=1)

    def remove_secret(self, app: Application | str, key_id: str | None = None) -> None:
        """From registration and service principal alike."""
        application = self.application(app)
        for member in ("secrets", "principal_secrets"):
            left = [one for one in getattr(application, member) if key_id not in (None, one.key_id)]
            setattr(application, member, left)

    def add_certificate(
        self,
        app: Application | str,
        certificate: x509.Certificate,
        name: str | None = None,
        *,
        principal: bool = False,
    ) -> RegisteredCertificate:
        registered = RegisteredCertificate(str(uuid.uuid4()), certificate, name)
        application = self.application(app)
        (application.principal_certificates if principal else application.certificates).append(registered)
        return registered

    def add_token_signing(self, app: Application | str, certificate: x509.Certificate) -> TokenSigning:
        """What SAML sign-on needs, on the service principal."""
        made = TokenSigning(str(uuid.uuid4()), str(uuid.uuid4()), certificate)
        self.application(app).signing.append(made)
        return made

    def remove_certificates(self, app: Application | str) -> None:
        self.application(app).certificates.clear()

    # Groups ----------------------------------------------------------------------------------------------------------

    def add_group(self, tenant_id: str, name: str, members: Iterable[Application | Group | str] = ()) -> Group:
        """A security group. Members are applications (objects or client ids), groups, or bare object ids."""
        group = Group(str(uuid.uuid4()), tenant_id, name)
        self.directory.groups[group.group_id] = group
        self._lag(group.group_id)
        self.add_members(group, *members)
        return group

    def add_members(self, group: Group | str, *members: Application | Group | str) -> None:
        self._group(group).members |= {self._member_id(member) for member in members}

    def remove_members(self, group: Group | str, *members: Application | Group | str) -> None:
        self._group(group).members -= {self._member_id(member) for member in members}

    def remove_group(self, group: Group | str) -> None:
        gone = self._group(group)
        del self.directory.groups[gone.group_id]
        for other in self.directory.groups.values():
            other.members.discard(gone.group_id)

    def _group(self, group: Group | str) -> Group:
        return group if isinstance(group, Group) else self.directory.groups[group.lower()]

    def _member_id(self, member: Application | Group | str) -> str:
        """The object id under which a group holds a member: of an application, its service principal's."""
        if isinstance(member, Group):
            return member.group_id
        if isinstance(member, Application):
            return member.service_principal_id
        known = self.directory.applications.get(member.lower())
        return known.service_principal_id if known else member.lower()
