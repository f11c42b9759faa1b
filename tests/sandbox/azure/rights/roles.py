# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure's role definitions as data, with their wildcards (Azure contract §1.7, §1.8)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

ASSIGNMENT_WRITE = "Microsoft.Authorization/roleAssignments/write"
_VAULTS = "Microsoft.KeyVault/vaults/"


@dataclass(frozen=True)
class PermissionSet:
    """What one member of a role's `permissions` grants. What it takes away, it takes away from itself only."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def allows(self, *spellings: str) -> bool:
        """Whether it grants an action, which wildcards may find under more than one spelling."""
        return _any_match(self.actions, *spellings) and not _any_match(self.not_actions, *spellings)

    def allows_data(self, action: str) -> bool:
        return _any_match(self.data_actions, action) and not _any_match(self.not_data_actions, action)


@dataclass(frozen=True)
class RoleDefinition:
    """A role. Most have one set of permissions, which is spelled out in the members; `further` holds others."""

    guid: str
    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    further: tuple[PermissionSet, ...] = ()
    description: str = ""
    tenant_id: str | None = None
    """The tenant of a custom role; built-in roles have none."""
    assignable_scopes: tuple[str, ...] = ("/",)
    may_assign: frozenset[str] | None = None
    """The roles (GUIDs) that its right to write role assignments is limited to by a built-in condition."""
    retired: bool = False
    """Deleted, and visible to nobody."""

    @property
    def permissions(self) -> tuple[PermissionSet, ...]:
        first = PermissionSet(self.actions, self.not_actions, self.data_actions, self.not_data_actions)
        return (first, *self.further)

    @property
    def custom(self) -> bool:
        return self.tenant_id is not None

    def allows(self, *spellings: str) -> bool:
        return any(entry.allows(*spellings) for entry in self.permissions)

    def allows_data(self, action: str) -> bool:
        return any(entry.allows_data(action) for entry in self.permissions)


_AUTHORIZATION_READ = "Microsoft.Authorization/*/read"
_GROUPS_READ = "Microsoft.Resources/subscriptions/resourceGroups/read"
_DEPLOYMENTS = "Microsoft.Resources/deployments/*"
_ALERTS, _SUPPORT = "Microsoft.Insights/alertRules/*", "Microsoft.Support/*"
_COMMON = (_AUTHORIZATION_READ, _GROUPS_READ)
_DATA_READER = (*_COMMON, f"{_VAULTS}*/read", "Microsoft.KeyVault/checkNameAvailability/read")

CRYPTO_OFFICER = RoleDefinition(
    "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
    "Key Vault Crypto Officer",
    _DATA_READER,
    (),
    (f"{_VAULTS}keys/*", f"{_VAULTS}keyrotationpolicies/*"),
)
ADMINISTRATOR = RoleDefinition(
    "00482a5a-887f-4fb3-b363-3b7fe8e74483", "Key Vault Administrator", _DATA_READER, (), (f"{_VAULTS}*",)
)
CRYPTO_USER = RoleDefinition(
    "12338af0-0e69-4776-bea7-57ae8d297424",
    "Key Vault Crypto User",
    (),
    (),
    (
        f"{_VAULTS}keys/read",
        f"{_VAULTS}keys/update/action",
        f"{_VAULTS}keys/backup/action",
        *(f"{_VAULTS}keys/{verb}/action" for verb in ("encrypt", "decrypt", "wrap", "unwrap", "sign", "verify")),
    ),
)
DATA_READER = RoleDefinition(
    "21090545-7ca7-4776-b22c-e363652d74d2", "Key Vault Reader", _DATA_READER, (), (f"{_VAULTS}*/read",)
)
ENCRYPTION_USER = RoleDefinition(
    "e147488a-f6f5-4113-8e2d-b22465e65bf6",
    "Key Vault Crypto Service Encryption User",
    (),
    (),
    (f"{_VAULTS}keys/read", f"{_VAULTS}keys/wrap/action", f"{_VAULTS}keys/unwrap/action"),
)
_DATA_ROLES = (CRYPTO_OFFICER, ADMINISTRATOR, CRYPTO_USER, DATA_READER, ENCRYPTION_USER)

_MANAGEMENT_ROLES = (
    RoleDefinition(
        "f25e0fa2-a7c8-4377-a976-54943a77a395",
        "Key Vault Contributor",
        ("Microsoft.KeyVault/*", _DEPLOYMENTS, _ALERTS, _SUPPORT, *_COMMON),
        (
            "Microsoft.KeyVault/locations/deletedVaults/purge/action",
            "Microsoft.KeyVault/hsmPools/*",
            "Microsoft.KeyVault/managedHsms/*",
        ),
    ),
    RoleDefinition("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", ("*",)),
    RoleDefinition(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        ("*",),
        (
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ),
    ),
    RoleDefinition("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", ("*/read",)),
    RoleDefinition(
        "18500a29-7fe2-46b2-a342-b16a415e101d",
        "Managed HSM contributor",
        ("Microsoft.KeyVault/managedHSMs/*", "Microsoft.KeyVault/deletedManagedHsms/read"),
    ),
    RoleDefinition(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        ("*/read", "Microsoft.Authorization/*", _SUPPORT),
    ),
    RoleDefinition(
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        "Role Based Access Control Administrator",
        (ASSIGNMENT_WRITE, "Microsoft.Authorization/roleAssignments/delete", "*/read", _SUPPORT),
    ),
    RoleDefinition(
        "8b54135c-b56d-4d72-a534-26097cfdc8d8",
        "Key Vault Data Access Administrator",
        (
            ASSIGNMENT_WRITE,
            "Microsoft.Authorization/roleAssignments/delete",
            "Microsoft.Resources/subscriptions/read",
            "Microsoft.Management/managementGroups/read",
            f"{_VAULTS}*/read",
            _DEPLOYMENTS,
            _SUPPORT,
            *_COMMON,
        ),
        may_assign=frozenset(role.guid for role in _DATA_ROLES),
    ),
    RoleDefinition(
        "a68e7c17-0ab2-4c09-9a58-125dae29748c",
        "Key Vault Purge Operator",
        (
            "Microsoft.KeyVault/deletedVaults/read",
            "Microsoft.KeyVault/locations/deletedVaults/read",
            "Microsoft.KeyVault/locations/deletedVaults/purge/action",
            "Microsoft.KeyVault/locations/operationResults/read",
        ),
    ),
)


def built_in_roles() -> dict[str, RoleDefinition]:
    """GUID -> role."""
    return {role.guid: role for role in (*_MANAGEMENT_ROLES, *_DATA_ROLES)}


def _any_match(patterns: Iterable[str], *spellings: str) -> bool:
    return any(_pattern(pattern).fullmatch(spelling) for pattern in patterns for spelling in spellings)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """`*` stands for any text, slashes included; actions compare without case."""
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE)
