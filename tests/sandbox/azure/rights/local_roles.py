# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local roles of a managed HSM: the only thing that grants rights on its keys (Azure contract §1.8).

Neither access policies nor Azure's own role assignments reach into a pool. The names of the data actions, and what the
built-in roles hold, are those of Microsoft's public table of local roles and of `KeyVaultDataAction` in
azure-keyvault-administration. They are exact names: a pool knows no wildcards.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from .values import is_within

ADMINISTRATOR = "Managed HSM Administrator"
CRYPTO_USER = "Managed HSM Crypto User"
CRYPTO_OFFICER = "Managed HSM Crypto Officer"
POLICY_ADMINISTRATOR = "Managed HSM Policy Administrator"
_HSM = "Microsoft.KeyVault/managedHsm/"

# Key permission in the words of access policies -> the data action of a managed HSM.
DATA_ACTIONS = {
    "get": f"{_HSM}keys/read/action",
    "list": f"{_HSM}keys/read/action",
    "update": f"{_HSM}keys/write/action",
    "create": f"{_HSM}keys/create",
    "import": f"{_HSM}keys/import/action",
    "delete": f"{_HSM}keys/delete",
    "backup": f"{_HSM}keys/backup/action",
    "restore": f"{_HSM}keys/restore/action",
    "read deleted": f"{_HSM}keys/deletedKeys/read/action",
    "recover": f"{_HSM}keys/deletedKeys/recover/action",
    "purge": f"{_HSM}keys/deletedKeys/delete",
}
FURTHER_ACTIONS = {
    "rotate": f"{_HSM}keys/rotate/action",
    "getrotationpolicy": f"{_HSM}keys/read/action",
    "setrotationpolicy": f"{_HSM}keys/write/action",
    "release": f"{_HSM}keys/release/action",
}
"""The same, beyond the guide's ten. A policy is written with "Key Write" (learn.microsoft.com, "Configure key
auto-rotation in Azure Managed HSM"); that it is read with the right to read is inferred."""

_ROLES = [
    f"{kind}/{verb}/action" for kind in ("roleAssignments", "roleDefinitions") for verb in ("read", "write", "delete")
]
_ROLE_READS = ["roleAssignments/read/action", "roleDefinitions/read/action"]
_CRYPTOGRAPHY = [
    f"keys/{verb}/action"
    for verb in ("rotate", "release", "encrypt", "decrypt", "wrap", "unwrap", "sign", "verify", "derive")
]
_KEYS = [DATA_ACTIONS[name].removeprefix(_HSM) for name in ("get", "update", "create", "import", "delete")]
_COPIES = ["keys/backup/action", "keys/restore/action"]
_DELETED = [DATA_ACTIONS[name].removeprefix(_HSM) for name in ("read deleted", "recover", "purge")]
_POOL = [
    "securitydomain/download/action",
    "securitydomain/download/read",
    "securitydomain/upload/action",
    "securitydomain/upload/read",
    "securitydomain/transferkey/read",
    "backup/start/action",
    "restore/start/action",
    "backup/status/action",
    "restore/status/action",
    "settings/read/action",
    "settings/write/action",
]

KNOWN_ACTIONS = frozenset(
    (_HSM + action).lower()
    for action in [
        *_ROLES,
        *_CRYPTOGRAPHY,
        *_KEYS,
        *_COPIES,
        *_DELETED,
        *_POOL,
        "keys/export/action",
        "rng/action",
    ]
)
"""All data actions of a pool, in lower case."""


@dataclass(frozen=True)
class PermissionSet:
    """One entry of a role's `permissions`; what it excludes, it excludes from itself only."""

    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        wanted = action.lower()
        excluded = (name.lower() for name in self.not_data_actions)
        return wanted in (name.lower() for name in self.data_actions) and wanted not in excluded


@dataclass(frozen=True)
class LocalRole:
    guid: str
    name: str
    permissions: tuple[PermissionSet, ...]
    description: str = ""
    custom: bool = False

    def allows(self, action: str) -> bool:
        return any(permissions.allows(action) for permissions in self.permissions)


def _role(guid: str, name: str, *actions: str) -> LocalRole:
    return LocalRole(guid, f"Managed HSM {name}", (PermissionSet(tuple(_HSM + action for action in actions)),))


_BUILT_IN = (
    _role("a290e904-7015-4bba-90c8-60543313cdb4", "Administrator", *_ROLES, *_POOL),
    _role("515eb02d-2335-4d2d-92f2-b1cbdf9c3778", "Crypto Officer", *_ROLES, *_DELETED, "keys/export/action"),
    _role(
        "21dbd100-6940-42c2-9190-5d6cb909625b",
        "Crypto User",
        *_ROLE_READS,
        *_KEYS,
        *_COPIES,
        *_CRYPTOGRAPHY,
        "rng/action",
    ),
    _role("4bd23610-cdcf-4971-bdee-bdc562cc28e4", "Policy Administrator", *_ROLES),
    _role(
        "2c18b078-7c48-4d3a-af88-5a3a1b3f82b3",
        "Crypto Auditor",
        *_ROLE_READS,
        "keys/read/action",
        "keys/deletedKeys/read/action",
    ),
    _role(
        "33413926-3206-4cdd-b39a-83574fe37a17",
        "Crypto Service Encryption User",
        "keys/read/action",
        "keys/wrap/action",
        "keys/unwrap/action",
    ),
    _role("21dbd100-6940-42c2-9190-5d6cb909625c", "Crypto Service Release User", "keys/release/action"),
    _role(
        "7b127d3c-77bd-4e3e-bbe0-dbb8971fa7f8",
        "Backup User",
        "backup/start/action",
        "backup/status/action",
        "keys/backup/action",
    ),
    _role(
        "6efe6056-5259-49d2-8b3d-d3d73544b20b",
        "Restore User",
        "restore/start/action",
        "restore/status/action",
        "keys/restore/action",
    ),
)
BUILT_IN: dict[str, LocalRole] = {role.guid: role for role in _BUILT_IN}
"""By guid. Each pool has them."""


@dataclass(frozen=True)
class LocalAssignment:
    """A role for a principal or a group at `/`, `/keys` or `/keys/<name>` of one pool."""

    scope: str
    principal_id: str
    role_guid: str
    name: str = field(default_factory=lambda: str(uuid.uuid4()))


def may(
    assignments: Iterable[LocalAssignment],
    roles: Mapping[str, LocalRole],
    identities: Collection[str],
    action: str,
    scope: str,
) -> bool:
    """Whether some assignment at the scope or above, to one of the caller's object ids, grants the data action."""
    return any(
        entry.principal_id.lower() in identities
        and is_within(scope, entry.scope)
        and entry.role_guid in roles
        and roles[entry.role_guid].allows(action)
        for entry in assignments
    )
