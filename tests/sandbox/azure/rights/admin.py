# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deeds of an administrator of rights: roles, access policies, management groups, providers, network rules."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ..entra.directory import Application, Group
from ..entra.directory_admin import DirectoryAdmin
from ..vaults import KeyStore, Vault
from .effective import Rights
from .roles import PermissionSet, RoleDefinition
from .values import AccessPolicy, DenyAssignment, RoleAssignment

KEY_VAULT_CONTRIBUTOR = "Key Vault Contributor"
KEY_VAULT_PROVIDER = "Microsoft.KeyVault"
Holder = Application | Group | str
"""Who can hold a right: an application (or its client id), a group, or the object id of anything."""


@dataclass
class Subscription:
    subscription_id: str
    tenant_id: str
    resource_groups: dict[str, str] = field(default_factory=dict)
    """Lower-case name -> name."""
    registered_providers: set[str] = field(default_factory=lambda: {KEY_VAULT_PROVIDER})

    @property
    def scope(self) -> str:
        return f"/subscriptions/{self.subscription_id}"


class RightsAdmin(DirectoryAdmin):
    """What a cloud's state offers for its rights. A scope is a vault, a pool, its name, or an id with a slash."""

    rights: Rights
    subscriptions: dict[str, Subscription]
    management_groups: dict[str, str]
    vaults: dict[str, Vault]

    def store(self, store: KeyStore | str) -> KeyStore:
        raise NotImplementedError

    def vault(self, vault: Vault | str) -> Vault:
        raise NotImplementedError

    def _scope(self, scope: KeyStore | str) -> str:
        return scope if isinstance(scope, str) and scope.startswith("/") else self.store(scope).resource_id

    def principal_type(self, principal_id: str) -> str | None:
        """`ServicePrincipal` or `Group`; None for what the directory does not hold."""
        if principal_id in self.directory.groups:
            return "Group"
        everyone = self.directory.applications.values()
        return "ServicePrincipal" if principal_id in {app.service_principal_id for app in everyone} else None

    def _tenant_of(self, holder: Holder) -> str | None:
        if isinstance(holder, str):
            known = self.directory.applications.get(holder.lower()) or self.directory.groups.get(holder.lower())
            return known.tenant_id if known else None
        return holder.tenant_id

    # Propagation ---------------------------------------------------------------------------------------------------

    def slow_rights(self, delay: float = 0.0, uses: int = 0, read_lag: float = 0.0, reads: int = 0) -> None:
        """From now on changes take effect after `delay` seconds and `uses` uses of keys, and are seen by Resource
        Manager's reads after `read_lag` seconds and `reads` reads. What was changed before is settled at once."""
        lag = self.rights.propagation
        lag.delay, lag.uses, lag.read_lag, lag.reads = delay, uses, read_lag, reads
        self.rights.settle()
        for vault in self.vaults.values():
            vault.policy_history.forget()

    # Roles ---------------------------------------------------------------------------------------------------------

    def assign_role(
        self,
        holder: Holder,
        scope: KeyStore | str,
        role: str = KEY_VAULT_CONTRIBUTOR,
        *,
        condition: str | None = None,
        ends_in: timedelta | None = None,
    ) -> RoleAssignment:
        """Give a role (by name or guid) at a scope; `ends_in` makes it an active assignment of PIM."""
        return self.rights.grant(self._assignment(holder, scope, role, condition, ends_in))

    def make_eligible(
        self, holder: Holder, scope: KeyStore | str, role: str = KEY_VAULT_CONTRIBUTOR, ends_in: timedelta | None = None
    ) -> RoleAssignment:
        """A role that the holder would first have to activate: it grants nothing."""
        eligible = self._assignment(holder, scope, role, None, ends_in)
        self.rights.eligible.append(eligible)
        return eligible

    def _assignment(
        self, holder: Holder, scope: KeyStore | str, role: str, condition: str | None, ends_in: timedelta | None
    ) -> RoleAssignment:
        principal = self._member_id(holder)
        now = self.clock.now()
        return RoleAssignment(
            self._scope(scope),
            principal,
            self.rights.role_named(role).guid,
            principal_type=self.principal_type(principal) or "ServicePrincipal",
            condition=condition,
            created=now,
            ends=now + ends_in.total_seconds() if ends_in is not None else None,
        )

    def revoke_role(self, holder: Holder, scope: KeyStore | str, role: str = KEY_VAULT_CONTRIBUTOR) -> None:
        """Take a role away at exactly this scope; an error if it was not assigned there."""
        wanted = (self._scope(scope).lower(), self._member_id(holder), self.rights.role_named(role).guid)
        gone = [
            entry
            for entry in self.rights.assignments
            if (entry.scope.lower(), entry.principal_id, entry.role_guid) == wanted
        ]
        if not gone:
            raise KeyError(f"{role} is not assigned at {wanted[0]}")
        self.rights.revoke(gone)

    def add_custom_role(self, tenant_id: str, name: str, *permissions: PermissionSet, scopes: Iterable[str]) -> str:
        """A custom role of a tenant with one or more permission sets; its guid."""
        first, *further = permissions
        role = RoleDefinition(
            str(uuid.uuid4()),
            name,
            first.actions,
            first.not_actions,
            first.data_actions,
            first.not_data_actions,
            tuple(further),
            tenant_id=tenant_id,
            assignable_scopes=tuple(scopes),
        )
        self.rights.roles[role.guid] = role
        return role.guid

    def add_deny_assignment(self, scope: KeyStore | str, *permissions: PermissionSet, **members: Any) -> DenyAssignment:
        """A deny assignment, of everyone unless `principals` are given. `members` are those of DenyAssignment."""
        deny = DenyAssignment(self._scope(scope), permissions, **members)
        self.rights.deny_assignments.append(deny)
        return deny

    # Access policies -----------------------------------------------------------------------------------------------

    def set_access_policy(self, vault: Vault | str, holder: Holder, permissions: Iterable[str]) -> None:
        """Make the holder's entry exactly these key permissions; none removes the entry."""
        target, principal = self.vault(vault), self._member_id(holder)
        kept = [entry for entry in target.access_policies if entry.object_id.lower() != principal]
        wanted = list(permissions)
        if wanted:
            kept.append(AccessPolicy(self._tenant_of(holder) or target.tenant_id, principal, wanted))
        self.rights.set_policies(target, kept)

    def add_access_policy(
        self,
        vault: Vault | str,
        object_id: str,
        permissions: Iterable[str],
        tenant_id: str | None = None,
        application_id: str | None = None,
    ) -> AccessPolicy:
        """A further entry exactly as given, sensible or not. An application id makes it a compound identity."""
        target = self.vault(vault)
        entry = AccessPolicy(tenant_id or target.tenant_id, object_id, list(permissions), application_id)
        self.rights.set_policies(target, [*target.access_policies, entry])
        return entry

    # Scopes above a vault, providers, network -----------------------------------------------------------------------

    def add_management_group(self, tenant_id: str, name: str, parent: str | None = None) -> str:
        """A management group below another one, or below none; its scope."""
        scope = f"/providers/Microsoft.Management/managementGroups/{name}"
        self.management_groups[scope.lower()] = tenant_id
        if parent is not None:
            self.rights.parents[scope.lower()] = parent
        return scope

    def place_subscription(self, subscription_id: str, management_group: str) -> None:
        """Put a subscription below a management group, which is named by its scope."""
        self.rights.parents[self.subscriptions[subscription_id].scope.lower()] = management_group

    def register_provider(self, subscription_id: str, provider: str = KEY_VAULT_PROVIDER) -> None:
        self.subscriptions[subscription_id].registered_providers.add(provider)

    def unregister_provider(self, subscription_id: str, provider: str = KEY_VAULT_PROVIDER) -> None:
        self.subscriptions[subscription_id].registered_providers.discard(provider)

    def set_firewall(self, store: KeyStore | str, **members: Any) -> None:
        """Change network rules of a vault or pool. `members` are those of Firewall."""
        target = self.store(store)
        target.firewall = replace(target.firewall, **members)
