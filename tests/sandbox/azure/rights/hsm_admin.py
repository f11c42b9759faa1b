# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deeds of an administrator of managed HSM pools: local roles and who has them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from ..entra.directory import Application, Group
from ..entra.directory_admin import DirectoryAdmin
from ..vaults import ManagedHsm
from .local_roles import CRYPTO_USER, LocalAssignment, LocalRole, PermissionSet


class HsmAdmin(DirectoryAdmin):
    """What a cloud's state offers for its pools. Pools are named, holders are applications, groups or object ids."""

    managed_hsms: dict[str, ManagedHsm]

    def managed_hsm(self, pool: ManagedHsm | str) -> ManagedHsm:
        return pool if isinstance(pool, ManagedHsm) else self.managed_hsms[pool.lower()]

    def add_local_role(
        self, pool: ManagedHsm | str, name: str, data_actions: Iterable[str], not_data_actions: Iterable[str] = ()
    ) -> LocalRole:
        """A custom local role with one permission set."""
        permissions = PermissionSet(tuple(data_actions), tuple(not_data_actions))
        role = LocalRole(str(uuid.uuid4()), name, (permissions,), custom=True)
        self.managed_hsm(pool).custom_roles[role.guid] = role
        return role

    def assign_local_role(
        self, pool: ManagedHsm | str, holder: Application | Group | str, role: str = CRYPTO_USER, scope: str = "/"
    ) -> LocalAssignment:
        """Give a local role of a managed HSM, by its name or guid, at `/`, `/keys` or `/keys/<name>`."""
        target = self.managed_hsm(pool)
        assignment = LocalAssignment(scope, self._member_id(holder), target.local_role(role).guid)
        target.local_roles.append(assignment)
        return assignment

    def revoke_local_roles(self, pool: ManagedHsm | str, holder: Application | Group | str) -> None:
        """Take all local roles of a managed HSM from a holder."""
        target, principal = self.managed_hsm(pool), self._member_id(holder)
        target.local_roles = [entry for entry in target.local_roles if entry.principal_id != principal]
