# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Effective rights in the simulated Azure: role definitions as data, assignments with scopes, access policies.

Azure contract §1.3, §1.7 and §1.8. This is the sandbox's own evaluator.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .vaults import Vault

VAULT_READ = "Microsoft.KeyVault/vaults/read"
HSM_READ = "Microsoft.KeyVault/managedHSMs/read"
GUIDE_PERMISSIONS = ("get", "list", "update", "create", "import", "delete", "recover", "backup", "restore", "purge")
_VAULTS = "Microsoft.KeyVault/vaults/"
# Key permission of an access policy -> the data action that means the same in an RBAC vault.
DATA_ACTIONS = {
    "get": f"{_VAULTS}keys/read",
    "list": f"{_VAULTS}keys/read",
    "update": f"{_VAULTS}keys/update/action",
    "create": f"{_VAULTS}keys/create/action",
    "import": f"{_VAULTS}keys/import/action",
    "delete": f"{_VAULTS}keys/delete",
    "recover": f"{_VAULTS}keys/recover/action",
    "backup": f"{_VAULTS}keys/backup/action",
    "restore": f"{_VAULTS}keys/restore/action",
    "purge": f"{_VAULTS}keys/purge/action",
}


@dataclass(frozen=True)
class RoleDefinition:
    guid: str
    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        return _any_match(self.actions, action) and not _any_match(self.not_actions, action)

    def allows_data(self, action: str) -> bool:
        return _any_match(self.data_actions, action) and not _any_match(self.not_data_actions, action)


_COMMON = ("Microsoft.Authorization/*/read", "Microsoft.Resources/subscriptions/resourceGroups/read")
_BUILT_IN = (
    RoleDefinition(
        "f25e0fa2-a7c8-4377-a976-54943a77a395",
        "Key Vault Contributor",
        ("Microsoft.KeyVault/*", "Microsoft.Resources/deployments/*", *_COMMON),
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
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator", ("*/read", "Microsoft.Authorization/*")
    ),
    RoleDefinition(
        "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
        "Key Vault Crypto Officer",
        (*_COMMON, f"{_VAULTS}*/read"),
        (),
        (f"{_VAULTS}keys/*", f"{_VAULTS}keyrotationpolicies/*"),
    ),
    RoleDefinition(
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "Key Vault Administrator",
        (*_COMMON, f"{_VAULTS}*/read"),
        (),
        (f"{_VAULTS}*",),
    ),
    RoleDefinition(
        "12338af0-0e69-4776-bea7-57ae8d297424",
        "Key Vault Crypto User",
        (),
        (),
        (f"{_VAULTS}keys/read", f"{_VAULTS}keys/update/action", f"{_VAULTS}keys/backup/action"),
    ),
    RoleDefinition(
        "21090545-7ca7-4776-b22c-e363652d74d2",
        "Key Vault Reader",
        (*_COMMON, f"{_VAULTS}*/read"),
        (),
        (f"{_VAULTS}*/read",),
    ),
)


def built_in_roles() -> dict[str, RoleDefinition]:
    return {role.guid: role for role in _BUILT_IN}


@dataclass(frozen=True)
class RoleAssignment:
    scope: str
    principal_id: str
    role_guid: str
    name: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class AccessPolicy:
    """One entry of a vault's list. An entry with an application id is a compound identity."""

    tenant_id: str
    object_id: str
    key_permissions: list[str]
    application_id: str | None = None


class Rights:
    """Role definitions and assignments of one cloud."""

    def __init__(self) -> None:
        self.roles = built_in_roles()
        self.assignments: list[RoleAssignment] = []

    def role_named(self, name: str) -> RoleDefinition:
        """A role by its name or its guid."""
        return next(role for role in self.roles.values() if name.lower() in (role.name.lower(), role.guid))

    def may(self, principal_id: str, action: str, scope: str) -> bool:
        """Whether some single assignment at the scope or above grants the management action."""
        return any(role.allows(action) for role in self._effective(principal_id, scope))

    def may_with_data(self, principal_id: str, action: str, scope: str) -> bool:
        return any(role.allows_data(action) for role in self._effective(principal_id, scope))

    def _effective(self, principal_id: str, scope: str) -> Iterable[RoleDefinition]:
        for assignment in self.assignments:
            if assignment.principal_id == principal_id.lower() and is_within(scope, assignment.scope):
                yield self.roles[assignment.role_guid]

    def may_use_keys(self, principal_id: str, tenant_id: str, permission: str, vault: Vault) -> str | None:
        """None if the principal holds the key permission in the vault, else Key Vault's inner code for the refusal."""
        if vault.rbac:
            allowed = self.may_with_data(principal_id, DATA_ACTIONS[permission], vault.resource_id)
            return None if allowed else "ForbiddenByRbac"
        held = set[str]()
        for policy in vault.access_policies:
            if _applies(policy, principal_id, tenant_id, vault):
                held |= {name.lower() for name in policy.key_permissions}
        # `all` was defined before purge existed and does not include it.
        allowed = permission in held or ("all" in held and permission != "purge")
        return None if allowed else "AccessDenied"


def _applies(policy: AccessPolicy, principal_id: str, tenant_id: str, vault: Vault) -> bool:
    return (
        policy.application_id is None
        and policy.object_id.lower() == principal_id.lower()
        and policy.tenant_id.lower() == tenant_id.lower() == vault.tenant_id.lower()
    )


def is_within(scope: str, ancestor: str) -> bool:
    """Whether a resource scope is the ancestor itself or lies below it."""
    inner, outer = scope.lower().rstrip("/"), ancestor.lower().rstrip("/")
    return inner == outer or inner.startswith(f"{outer}/")


def _any_match(patterns: Iterable[str], action: str) -> bool:
    return any(_pattern(pattern).fullmatch(action) for pattern in patterns)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """`*` stands for any text, slashes included; actions compare without case."""
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE)
