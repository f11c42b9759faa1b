# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What was observed in Entra and Azure, as values. Readers create them from responses; the evaluator assesses them.

IDs, scopes and names keep the spelling of the service; every comparison ignores letter case. ``None`` in place of a
list means that it could not be read, which is not the same as empty; :attr:`Access.unreadable` has the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..._timestamps import iso_or_none

VAULT = "vault"
MANAGED_HSM = "managed_hsm"
# Where a credential of an application is.
REGISTRATION = "application"
PRINCIPAL = "service_principal"


@dataclass(frozen=True)
class PermissionSet:
    """One permission set of a role: ``not_*`` subtract only within this set (Azure contract §1.8)."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class RoleDefinition:
    """An Azure role or a local role of a Managed HSM. ``guid``: the last segment of its resource ID."""

    guid: str
    name: str
    permissions: tuple[PermissionSet, ...]
    is_custom: bool = False


@dataclass(frozen=True)
class RoleAssignment:
    """An active assignment, direct, inherited or through a group (Azure contract §1.7, §1.8).

    ``scope``: a resource ID, or ``/``, ``/keys``, ``/keys/<name>`` in a Managed HSM. ``principal_id``: the assignee,
    which is a group if the application inherits the role from one. ``ends``: the end of a temporary activation (PIM).
    """

    id: str
    scope: str
    role_guid: str
    principal_id: str
    principal_type: str = "ServicePrincipal"
    condition: str | None = None
    created: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True)
class DenyAssignment:
    """``principals`` and ``excluded``: object IDs; the all-zero ID means everyone (Azure contract §1.7)."""

    id: str
    name: str
    scope: str
    permissions: tuple[PermissionSet, ...]
    principals: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    spares_child_scopes: bool = False
    condition: str | None = None


@dataclass(frozen=True)
class PolicyEntry:
    """One entry of a vault's access policies; with ``application_id`` it is a compound identity (T4)."""

    tenant_id: str
    object_id: str
    keys: tuple[str, ...]
    application_id: str | None = None


@dataclass(frozen=True)
class Firewall:
    """Network rules of the data plane (Azure contract §1.5). ``ip_rules``: IPv4 addresses and CIDR blocks.

    ``private_endpoints`` and ``subnet_rules`` (virtual networks): their number.
    """

    public_access: bool = True
    default_allow: bool = True
    ip_rules: tuple[str, ...] = ()
    private_endpoints: int = 0
    has_perimeter: bool = False
    subnet_rules: int = 0


@dataclass(frozen=True)
class KeyStore:
    """A vault or a Managed HSM as Resource Manager returns it (Azure contract §1.2, §1.6).

    ``kind``: :data:`VAULT` or :data:`MANAGED_HSM`. ``sku``: ``standard``, ``premium`` or the size of a Managed HSM, in
    lower case. ``rbac``: by the read rule of Azure contract §1.4 (missing means access policies); always true for a
    Managed HSM, whose roles are local. ``states_model``: whether Azure returns the model (Azure contract §1.4).
    ``activation``: of a Managed HSM, as Azure spells it. ``planned``: by an earlier task in check mode, so it cannot be
    read yet.
    """

    resource_id: str
    name: str
    uri: str
    kind: str
    tenant_id: str
    location: str
    sku: str
    rbac: bool
    states_model: bool = True
    policies: tuple[PolicyEntry, ...] = ()
    soft_delete: bool = True
    retention_days: int | None = None
    purge_protection: bool = False
    firewall: Firewall = Firewall()
    activation: str | None = None
    provisioning: str = ""
    planned: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_hsm(self) -> bool:
        return self.kind == MANAGED_HSM

    @property
    def subscription(self) -> str:
        """Resource ID of its subscription."""
        return "/".join(self.resource_id.split("/")[:3])

    @property
    def scope(self) -> str:
        """The scope at which its roles are read: its own, or its resource group if the vault is only planned."""
        return self.resource_id.partition("/providers/")[0] if self.planned else self.resource_id


@dataclass(frozen=True)
class EntraCredential:
    """A secret or certificate of an application, as Graph returns it. ``thumbprint``: SHA-1, upper-case hex.

    ``place``: :data:`REGISTRATION` or :data:`PRINCIPAL`; each has its own credentials.
    """

    kind: str
    key_id: str
    name: str
    starts: datetime | None
    ends: datetime | None
    thumbprint: str | None = None
    sha256: str | None = None
    # The public part, base64 of DER, if Graph returns it.
    encoded: str | None = field(default=None, repr=False)
    place: str = REGISTRATION

    def record(self) -> dict[str, Any]:
        """As results show it; never a value."""
        return {
            "type": self.kind,
            "key_id": self.key_id,
            "name": self.name,
            "starts": iso_or_none(self.starts),
            "ends": iso_or_none(self.ends),
            "thumbprint": self.thumbprint,
            "place": self.place,
        }


@dataclass(frozen=True)
class ApplicationIdentity:
    """The application that DSM authenticates as.

    ``object_id``: of the service principal, to which permissions are granted. ``application_object_id``: of the
    registration, often confused with it (T5). ``groups``: object IDs of all its groups, including nested ones; None if
    unknown (T7). ``home_tenant_id``: None if unknown (T31). ``enabled``: whether it can authenticate; None if not all
    reasons against it could be read. ``disabled``: the reasons, as text. ``credentials``: of registration and service
    principal; None if one of the two could not be read. ``signing``: SAML signing credentials, which are not used to
    authenticate.
    """

    client_id: str
    object_id: str
    application_object_id: str | None = None
    home_tenant_id: str | None = None
    display_name: str = ""
    enabled: bool | None = None
    groups: frozenset[str] | None = None
    credentials: tuple[EntraCredential, ...] | None = None
    disabled: tuple[str, ...] = ()
    signing: tuple[EntraCredential, ...] = ()


@dataclass(frozen=True)
class Access:
    """Everything that affects the permissions of one identity at one vault or Managed HSM.

    ``assignments``: at the vault's scope and above, groups included; inherited ones carry their own scope.
    ``eligible``: PIM assignments that are not activated. ``local``: assignments of a Managed HSM. ``roles``: Azure role
    definitions by lower-case GUID; ``local_roles``: those of the Managed HSM. ``unreadable``: name of a member that is
    None, or ``activations``, -> the server's reason. ``refused``: those that the operator has no permission to read.
    ``now``: time of the reading, UTC.
    """

    store: KeyStore
    identity: ApplicationIdentity
    now: datetime
    assignments: tuple[RoleAssignment, ...] | None = ()
    roles: Mapping[str, RoleDefinition] = field(default_factory=dict)
    denies: tuple[DenyAssignment, ...] | None = ()
    eligible: tuple[RoleAssignment, ...] | None = ()
    local: tuple[RoleAssignment, ...] | None = ()
    local_roles: Mapping[str, RoleDefinition] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
