# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local roles of a managed HSM: the only thing that grants rights on its keys (Azure contract §1.8).

Neither access policies nor Azure's own role assignments reach into a pool.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from .rights import RoleDefinition, is_within

CRYPTO_USER = "Managed HSM Crypto User"
CRYPTO_OFFICER = "Managed HSM Crypto Officer"
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
    "read deleted": f"{_HSM}deletedKeys/read/action",
    "recover": f"{_HSM}deletedKeys/recover/action",
    "purge": f"{_HSM}deletedKeys/delete",
}


def _role(guid: str, name: str, *actions: str) -> RoleDefinition:
    return RoleDefinition(guid, f"Managed HSM {name}", data_actions=tuple(_HSM + action for action in actions))


LOCAL_ROLES = (
    _role("a290e904-7015-4bba-90c8-60543313cdb4", "Administrator", "roleAssignments/*", "roleDefinitions/*"),
    _role("515eb02d-2335-4d2d-92f2-b1cbdf9c3778", "Crypto Officer", "deletedKeys/*", "roleAssignments/*"),
    _role("21dbd100-6940-42c2-9190-5d6cb909625b", "Crypto User", "keys/*"),
    _role("4bd23610-cdcf-4971-bdee-bdc562cc28e4", "Policy Administrator", "roleAssignments/*"),
    _role("2c18b078-7c48-4d3a-af88-5a3a1b3f82b3", "Crypto Auditor", "keys/read/action"),
    _role("33413926-3206-4cdd-b39a-83574fe37a17", "Crypto Service Encryption User", "keys/read/action"),
    _role("21dbd100-6940-42c2-9190-5d6cb909625c", "Crypto Service Release User", "keys/release/action"),
    _role("7b127d3c-77bd-4e3e-bbe0-dbb8971fa7f8", "Backup", "backup/*"),
    _role("6efe6056-5259-49d2-8b3d-d3d73544b20b", "Restore", "restore/*"),
)


@dataclass(frozen=True)
class LocalAssignment:
    """A role for a principal at `/`, `/keys` or `/keys/<name>` of one pool."""

    scope: str
    principal_id: str
    role: RoleDefinition
    name: str = field(default_factory=lambda: str(uuid.uuid4()))


def local_role(name: str) -> RoleDefinition:
    """A local role by its name or its guid."""
    return next(role for role in LOCAL_ROLES if name.lower() in (role.name.lower(), role.guid))


def may(assignments: Iterable[LocalAssignment], principal_id: str, permission: str, scope: str) -> bool:
    """Whether some assignment at the scope or above grants the key permission."""
    return any(
        entry.principal_id == principal_id.lower()
        and is_within(scope, entry.scope)
        and entry.role.allows_data(DATA_ACTIONS[permission])
        for entry in assignments
    )
