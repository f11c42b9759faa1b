# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Effective rights in the simulated Azure: assignments with scopes, deny assignments, access policies.

Azure contract §1.3, §1.7 and §1.8. This is the sandbox's own evaluator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ..vaults import Vault
from .propagation import History, Propagation
from .roles import ASSIGNMENT_WRITE, PermissionSet, RoleDefinition, built_in_roles
from .values import EVERYONE, AccessPolicy, DenyAssignment, RoleAssignment, is_within

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
FURTHER_ACTIONS = {
    "rotate": f"{_VAULTS}keys/rotate/action",
    "getrotationpolicy": f"{_VAULTS}keyrotationpolicies/read",
    "setrotationpolicy": f"{_VAULTS}keyrotationpolicies/write",
    "release": f"{_VAULTS}keys/release/action",
}
"""The same, beyond the guide's ten and what `all` was defined to mean."""


def _no_groups(principal_id: str) -> set[str]:
    del principal_id
    return set()


class Rights:
    """Role definitions and assignments of one cloud."""

    def __init__(
        self,
        propagation: Propagation | None = None,
        groups_of: Callable[[str], set[str]] = _no_groups,
        condition_holds: Callable[[], bool] = lambda: True,
        wildcard_read: Callable[[], str] = lambda: "below",
    ) -> None:
        self.propagation = propagation or Propagation()
        self.roles = built_in_roles()
        self.assignments: list[RoleAssignment] = []
        self.eligible: list[RoleAssignment] = []
        self.deny_assignments: list[DenyAssignment] = []
        self.parents: dict[str, str] = {}
        """Scope of a subscription or management group, in lower case -> scope of the management group above it."""
        self._groups_of = groups_of
        self._condition_holds = condition_holds
        self._wildcard_read = wildcard_read
        self._history = History[RoleAssignment]()

    def role_named(self, name: str) -> RoleDefinition:
        """A role by its name or its guid."""
        return next(role for role in self.roles.values() if name.lower() in (role.name.lower(), role.guid))

    # Changes -------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let all changes of assignments so far be in force, and readable."""
        self._history.forget()

    def grant(self, assignment: RoleAssignment) -> RoleAssignment:
        self._history.remember(self.assignments, self.propagation)
        self.assignments.append(assignment)
        return assignment

    def revoke(self, gone: Iterable[RoleAssignment]) -> None:
        self._history.remember(self.assignments, self.propagation)
        names = {entry.name for entry in gone}
        self.assignments = [entry for entry in self.assignments if entry.name not in names]

    def retire(self, role_guid: str) -> None:
        """Delete a custom role. It is kept out of sight, for a delayed revocation may still refer to it."""
        self.roles[role_guid] = replace(self.roles[role_guid], retired=True)

    def set_policies(self, vault: Vault, policies: list[AccessPolicy]) -> None:
        """Give a vault another list of access policies."""
        vault.policy_history.remember(vault.access_policies, self.propagation)
        vault.access_policies = policies

    # What reads show -----------------------------------------------------------------------------------------------

    def readable_assignments(self) -> list[RoleAssignment]:
        return self.unexpired(self._history.readable(self.assignments, self.propagation))

    def readable_policies(self, vault: Vault) -> Sequence[AccessPolicy]:
        return vault.policy_history.readable(vault.access_policies, self.propagation)

    # Decisions -----------------------------------------------------------------------------------------------------

    def identities(self, principal_id: str) -> set[str]:
        """The object ids under which a principal holds rights: its own, and those of all its groups."""
        return {principal_id.lower(), *self._groups_of(principal_id)}

    def within(self, scope: str, ancestor: str) -> bool:
        """Whether a scope is the ancestor or lies below it, management groups included."""
        current: str | None = scope
        while current is not None:
            if is_within(current, ancestor):
                return True
            current = self.parents.get(_root(current))
        return False

    def may(self, principal_id: str, action: str, scope: str) -> bool:
        """Whether the management action is granted at the scope or above, and not denied."""
        spellings = self._spellings(action)
        granted = any(role.allows(*spellings) for role in self.held(principal_id, scope))
        return granted and not self._denied(principal_id, scope, lambda denied: denied.allows(*spellings))

    def _spellings(self, action: str) -> tuple[str, ...]:
        """What patterns find an action by. `vaults/*/read` finds `vaults//read`: that is `vaults/read` to some."""
        before, verb = action.rpartition("/")[::2]
        return (action, f"{before}//read") if verb == "read" and self._wildcard_read() == "itself" else (action,)

    def may_with_data(self, principal_id: str, action: str, scope: str, use: bool = False) -> bool:
        granted = any(role.allows_data(action) for role in self.held(principal_id, scope, use))
        return granted and not self._denied(principal_id, scope, lambda denied: denied.allows_data(action))

    def may_assign(self, principal_id: str, role_guid: str | None, scope: str, action: str = ASSIGNMENT_WRITE) -> bool:
        """Whether assignments of the role may be written; with no role, whether of any role whatever."""
        free = [
            role
            for entry, role in self._effective(principal_id, scope)
            if role.allows(action)
            and (role.may_assign is None or role_guid in role.may_assign)
            and (entry.condition is None or role_guid is not None)
        ]
        return bool(free) and not self._denied(principal_id, scope, lambda denied: denied.allows(action))

    def held(self, principal_id: str, scope: str, use: bool = False) -> Iterable[RoleDefinition]:
        """The roles that count for a principal at a scope."""
        return [role for _entry, role in self._effective(principal_id, scope, use)]

    def unconditional_permissions(self, principal_id: str, scope: str) -> list[PermissionSet]:
        """What Azure tells a caller of its own rights at a scope: the answer has no place for a condition."""
        effective = self._effective(principal_id, scope)
        return [found for entry, role in effective if entry.condition is None for found in role.permissions]

    def _effective(
        self, principal_id: str, scope: str, use: bool = False
    ) -> Iterable[tuple[RoleAssignment, RoleDefinition]]:
        identities = self.identities(principal_id)
        return [
            (entry, self.roles[entry.role_guid])
            for entry in self.unexpired(self._history.in_force(self.assignments, self.propagation, use))
            if entry.principal_id.lower() in identities
            and self.within(scope, entry.scope)
            and (entry.condition is None or self._condition_holds())
        ]

    def unexpired(self, entries: Iterable[RoleAssignment]) -> list[RoleAssignment]:
        now = self.propagation.clock.now()
        return [entry for entry in entries if entry.ends is None or entry.ends > now]

    def _denied(self, principal_id: str, scope: str, covers: Callable[[PermissionSet], bool]) -> bool:
        identities = self.identities(principal_id)
        return any(
            deny.effect == "enforced"
            and self._reaches(deny, scope)
            and any(entry == EVERYONE or entry.lower() in identities for entry in deny.principals)
            and not any(entry.lower() in identities for entry in deny.exclude_principals)
            and any(covers(entry) for entry in deny.permissions)
            for deny in self.deny_assignments
        )

    def _reaches(self, deny: DenyAssignment, scope: str) -> bool:
        if deny.do_not_apply_to_child_scopes:
            return scope.lower().rstrip("/") == deny.scope.lower().rstrip("/")
        return self.within(scope, deny.scope)

    def may_use_keys(
        self, principal_id: str, tenant_id: str, permission: str, vault: Vault, name: str | None = None
    ) -> str | None:
        """None if the principal holds the key permission in the vault, else Key Vault's inner code for the refusal.

        Roles count that are assigned at the key of that name, too; access policies are for all keys.
        """
        if vault.rbac:
            action = (DATA_ACTIONS | FURTHER_ACTIONS)[permission]
            scope = f"{vault.resource_id}/keys/{name}" if name else vault.resource_id
            allowed = self.may_with_data(principal_id, action, scope, use=True)
            return None if allowed else "ForbiddenByRbac"
        identities = self.identities(principal_id)
        held = set[str]()
        for policy in vault.policy_history.in_force(vault.access_policies, self.propagation, use=True):
            if _applies(policy, identities, tenant_id, vault):
                held |= {name.lower() for name in policy.key_permissions}
        # `all` was defined before purge, rotation and release existed and does not include them.
        allowed = permission in held or ("all" in held and permission in DATA_ACTIONS and permission != "purge")
        # The newer code is reported for rotation policies: hashicorp/terraform-provider-azurerm pull request 21031.
        refusal = "ForbiddenByPolicy" if permission in FURTHER_ACTIONS else "AccessDenied"
        return None if allowed else refusal


def _applies(policy: AccessPolicy, identities: set[str], tenant_id: str, vault: Vault) -> bool:
    return (
        policy.application_id is None
        and policy.object_id.lower() in identities
        and policy.tenant_id.lower() == tenant_id.lower() == vault.tenant_id.lower()
    )


def _root(scope: str) -> str:
    """The subscription or management group of a scope, in lower case."""
    parts = scope.lower().strip("/").split("/")
    length = 4 if parts[0] == "providers" else 2
    return "/" + "/".join(parts[:length])
