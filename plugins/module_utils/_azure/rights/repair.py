# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Plans the grants of missing permissions, only at the scope of the vault.

Names of created objects are derived from their content, so that later runs, and ``absent``, recognize them.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..._errors import TaskError
from ..._names import last_segment, name_key, path_key, same_name, same_path
from ..._plan import Change
from .evaluation import INEFFECTIVE, MISSING, UNKNOWN, RequiredRights, Verdict, grants
from .explanations import leading_note
from .facts import Access, PermissionSet, PolicyEntry, RoleAssignment, RoleDefinition
from .key_permissions import HSM_DATA_ACTIONS, VAULT_DATA_ACTIONS
from .notes import Note
from .roles import CRYPTO_OFFICER, HSM_CRYPTO_USER, HSMS_READ, KEY_VAULT_CONTRIBUTOR, VAULTS_READ
from .verdicts import CONTRIBUTOR

CUSTOM, OFFICER = "custom", "crypto_officer"
_NAMESPACE = uuid.UUID("6f0c2f4e-6a59-5d0e-9a43-6b5f1f6a7c11")
# Causes that a grant cannot remove.
_BEYOND_GRANTS: frozenset[Note] = frozenset(
    {"right-denied", "hsm-not-activated", "vault-in-foreign-tenant", "permission-model-differs"}
)


@dataclass(frozen=True)
class AddToPolicy:
    """Key permissions for the identity in the vault's access policies (`add`: the union; others stay unchanged)."""

    permissions: tuple[str, ...]


@dataclass(frozen=True)
class DefineRole:
    """A custom role. ``stored``: the existing definition with its ID, if it must be corrected."""

    definition: RoleDefinition
    scope: str
    stored: RoleDefinition | None = None
    local: bool = False


@dataclass(frozen=True)
class Assign:
    """A role for the identity. ``local``: of a Managed HSM. ``name``: GUID of the assignment."""

    definition: RoleDefinition
    scope: str
    name: str
    local: bool = False


Step: TypeAlias = "AddToPolicy | DefineRole | Assign"


@dataclass(frozen=True)
class Needs:
    """What must be granted.

    ``key_permissions``: the missing ones. ``profile``: all required ones; a custom role in Azure contains them all, so
    that each profile needs only one role. ``action``: the management action of the custom role. ``contributor``:
    whether Key Vault Contributor must be assigned.
    """

    key_permissions: tuple[str, ...] = ()
    profile: tuple[str, ...] = ()
    action: str | None = None
    contributor: bool = False


def assignment_name(scope: str, object_id: str, role_guid: str) -> str:
    """The GUID of the assignment that this collection creates for this scope, principal and role."""
    return str(uuid.uuid5(_NAMESPACE, name_key("|".join((scope.rstrip("/"), object_id, role_guid)))))


def custom_role(scope: str, actions: Sequence[str], data_actions: Sequence[str]) -> RoleDefinition:
    """The role with exactly these actions, to be defined at ``scope``. Same actions, same ID."""
    required = sorted({*actions, *data_actions}, key=name_key)
    guid = str(uuid.uuid5(_NAMESPACE, name_key("|".join((scope.rstrip("/"), *required)))))
    permissions = PermissionSet(actions=tuple(actions), data_actions=tuple(dict.fromkeys(data_actions)))
    # Names of custom roles are unique in a tenant, and the same set may be needed in several subscriptions.
    return RoleDefinition(guid, f"Fortanix DSM CDC {guid[:8]}", (permissions,), is_custom=True)


def is_granted_by_repair(verdict: Verdict) -> bool:
    """Whether the permission is to be granted: it is certainly not effective, or only a role that names it is certain.

    What another unknown fact decides is not granted.
    """
    if verdict.verdict == UNKNOWN:
        return leading_note(verdict.verdict, verdict.notes) == "wildcard-read-uncertain"
    return verdict.verdict in (MISSING, INEFFECTIVE)


def needs(access: Access, wanted: RequiredRights, verdicts: Sequence[Verdict]) -> Needs:
    """What must be granted.

    Raises:
        TaskError: a permission is missing that a grant cannot provide.
    """
    lacking = [verdict for verdict in verdicts if is_granted_by_repair(verdict)]
    beyond = [verdict for verdict in lacking if _BEYOND_GRANTS & set(verdict.notes)]
    if beyond:
        first = beyond[0]
        raise TaskError(
            f"these permissions cannot be provided by a grant: {', '.join(one.requirement for one in beyond)}: "
            f"{first.reason}",
            plane="Azure",
            obj=f"vault {access.store.name}",
            next_step=first.remedy,
            lacking=[verdict.as_result() for verdict in beyond],
        )
    keys = {f"keys/{name}": name for name in wanted.key_permissions}
    lacks_management = any(verdict.requirement not in keys for verdict in lacking)
    contributor = wanted.management == CONTRIBUTOR and not access.store.is_hsm
    return Needs(
        key_permissions=tuple(keys[verdict.requirement] for verdict in lacking if verdict.requirement in keys),
        profile=wanted.key_permissions,
        action=(HSMS_READ if access.store.is_hsm else VAULTS_READ) if lacks_management and not contributor else None,
        contributor=lacks_management and contributor,
    )


def custom_role_for(access: Access, need: Needs, data_role: str | RoleDefinition) -> RoleDefinition | None:
    """The custom Azure role that the plan needs, so that the caller can check whether it exists."""
    data_actions: list[str] = []
    if need.key_permissions and access.store.rbac and not access.store.is_hsm and data_role == CUSTOM:
        data_actions = [VAULT_DATA_ACTIONS[name] for name in need.profile]
    actions = [need.action] if need.action else []
    if isinstance(data_role, RoleDefinition) and need.key_permissions:
        # It will be assigned anyway.
        actions = [action for action in actions if not grants(data_role, action, data=False)]
    if not actions and not data_actions:
        return None
    return custom_role(subscription_of(access), actions, data_actions)


def plan(
    access: Access,
    need: Needs,
    data_role: str | RoleDefinition,
    stored_role: RoleDefinition | None,
) -> tuple[Step, ...]:
    """The steps in their order. ``stored_role``: the existing definition of :func:`custom_role_for`."""
    steps: list[Step] = []
    scope, identity = access.store.resource_id, access.identity.object_id

    def assign(definition: RoleDefinition) -> None:
        steps.append(Assign(definition, scope, assignment_name(scope, identity, definition.guid)))

    if need.contributor:
        assign(KEY_VAULT_CONTRIBUTOR)
    own = custom_role_for(access, need, data_role)
    if own is not None:
        if stored_role is None or not _same(stored_role, own):
            steps.append(DefineRole(own, subscription_of(access), stored=stored_role))
        assign(own)
    if access.store.is_hsm:
        steps += _local(access, need)
    elif need.key_permissions and not access.store.rbac:
        steps.append(AddToPolicy(need.key_permissions))
    elif need.key_permissions and data_role == OFFICER:
        assign(CRYPTO_OFFICER)
    elif need.key_permissions and isinstance(data_role, RoleDefinition):
        assign(_checked(data_role, need))
    return tuple(steps)


def _same(one: RoleDefinition, other: RoleDefinition) -> bool:
    """Whether two roles grant the same; ignores order and letter case."""

    def content(definition: RoleDefinition) -> list[list[list[str]]]:
        sets = [
            (entry.actions, entry.not_actions, entry.data_actions, entry.not_data_actions)
            for entry in definition.permissions
        ]
        return sorted([sorted(map(name_key, part)) for part in parts] for parts in sets)

    return content(one) == content(other)


def _checked(role: RoleDefinition, need: Needs) -> RoleDefinition:
    """The user's role, if it grants the missing permissions.

    Raises:
        TaskError: it does not.
    """
    short = [name for name in need.key_permissions if not grants(role, VAULT_DATA_ACTIONS[name], data=True)]
    if short:
        raise TaskError(
            f"it does not grant the missing permissions ({', '.join(short)})",
            plane="Azure",
            obj=f'role "{role.name}"',
            next_step="set data_role to a role that has these data actions, or to custom",
        )
    return role


def _local(access: Access, need: Needs) -> list[Step]:
    """Crypto User for what it covers, a custom role for the rest; never Crypto Officer (Azure contract, T38)."""
    steps: list[Step] = []
    user = access.local_roles.get(HSM_CRYPTO_USER.guid, HSM_CRYPTO_USER)
    covered = [name for name in need.key_permissions if grants(user, HSM_DATA_ACTIONS[name], data=True)]
    rest = [name for name in need.key_permissions if name not in covered]
    if covered:
        steps.append(_local_assignment(access, user))
    if rest:
        own = custom_role(access.store.resource_id, (), [HSM_DATA_ACTIONS[name] for name in rest])
        stored = access.local_roles.get(own.guid)
        if stored is None or not _same(stored, own):
            steps.append(DefineRole(own, "/", stored=stored, local=True))
        steps.append(_local_assignment(access, own))
    return steps


def _local_assignment(access: Access, definition: RoleDefinition) -> Assign:
    name = assignment_name(f"{access.store.resource_id}/keys", access.identity.object_id, definition.guid)
    return Assign(definition, "/keys", name, local=True)


def subscription_of(access: Access) -> str:
    """The scope of custom roles: Azure cannot define them at a single resource."""
    return access.store.subscription


def change_of(step: Step, access: Access) -> Change:
    """The step as the plan shows it."""
    vault = _label(access)
    if isinstance(step, AddToPolicy):
        held = sorted({name_key(name) for entry in own_entries(access) for name in entry.keys})
        after = sorted({*held, *step.permissions})
        shown = {"access_policy.keys": held}, {"access_policy.keys": after}
        return Change("Azure", vault, "add to access policy", *shown, reason="key permissions are missing")
    if isinstance(step, DefineRole):
        name, wanted = f'role "{step.definition.name}"', _actions(step.definition)
        if step.stored is not None:
            shown = {"role.actions": _actions(step.stored)}, {"role.actions": wanted}
            return Change("Azure", name, "correct role definition", *shown, reason="the stored definition differs")
        made = {"role.name": step.definition.name, "role.assignable_scope": step.scope, "role.actions": wanted}
        reason = "no built-in role has exactly the required permissions"
        return Change("Azure", name, "create role definition", {}, made, reason=reason)
    return Change(
        "Azure",
        vault,
        "assign role",
        {},
        {
            f"assignments.{step.name}": {
                "role": step.definition.name,
                "scope": step.scope,
                "principal_id": access.identity.object_id,
            }
        },
        reason="permissions are missing",
    )


def _actions(definition: RoleDefinition) -> list[str]:
    """The actions of a role, for display; excluded ones have a minus."""
    allowed = [action for one in definition.permissions for action in (*one.actions, *one.data_actions)]
    excluded = [f"-{action}" for one in definition.permissions for action in (*one.not_actions, *one.not_data_actions)]
    return sorted([*allowed, *excluded])


def predicted(access: Access, steps: Sequence[Step]) -> Access:
    """The observation as it will be after the steps have taken effect."""
    for step in steps:
        if isinstance(step, AddToPolicy):
            entry = PolicyEntry(access.store.tenant_id, access.identity.object_id, step.permissions)
            access = replace(access, store=replace(access.store, policies=(*access.store.policies, entry)))
        elif isinstance(step, Assign):
            # A Managed HSM does not return when a role was assigned.
            created = None if step.local else access.now
            name, guid = step.name, step.definition.guid
            made = RoleAssignment(name, step.scope, guid, access.identity.object_id, created=created)
            roles = {step.definition.guid: step.definition}
            if step.local:
                local = (*(access.local or ()), made)
                access = replace(access, local=local, local_roles={**access.local_roles, **roles})
            else:
                given = (*(access.assignments or ()), made)
                access = replace(access, assignments=given, roles={**access.roles, **roles})
    return access


@dataclass(frozen=True)
class RightsRemoval:
    """What ``absent`` removes: our assignments at the vault, and key permissions in its policies."""

    assignments: tuple[RoleAssignment, ...]
    local: tuple[RoleAssignment, ...]
    permissions: tuple[str, ...]


def removal(access: Access, wanted: RequiredRights) -> RightsRemoval:
    """What this collection granted at this vault. Inherited assignments and those of others stay.

    Raises:
        TaskError: the role assignments could not be read, so ours are unknown.
    """
    unread = [name for name in ("assignments", "local") if getattr(access, name) is None]
    if unread:
        raise TaskError(
            "the role assignments of the application could not be read, so nothing can be removed",
            plane="Azure",
            obj=_label(access),
            server_words=access.unreadable.get(unread[0], ""),
            next_step="grant the operator permission to read role assignments at this vault",
        )
    scope, identity = access.store.resource_id, access.identity.object_id
    ours = tuple(
        entry
        for entry in access.assignments or ()
        if same_path(entry.scope, scope) and _is_ours(entry, scope, identity)
    )
    local = tuple(entry for entry in access.local or () if _is_ours(entry, f"{scope}{entry.scope}", identity))
    held = {name_key(name) for entry in own_entries(access) for name in entry.keys}
    return RightsRemoval(ours, local, tuple(name for name in wanted.key_permissions if name in held))


def changes_of_removal(access: Access, removal: RightsRemoval) -> tuple[Change, ...]:
    """The removal as the plan shows it."""
    vault = _label(access)
    changes = []
    for entry in (*removal.assignments, *removal.local):
        known = {**access.roles, **access.local_roles}.get(entry.role_guid)
        shown = {
            "role": known.name if known else entry.role_guid,
            "scope": entry.scope,
            "principal_id": entry.principal_id,
        }
        before = {last_segment(entry.id): shown}
        changes.append(Change("Azure", vault, "remove role assignment", before, {}, reason="state: absent"))
    if removal.permissions:
        held = sorted({name_key(name) for entry in own_entries(access) for name in entry.keys})
        kept = [name for name in held if name not in removal.permissions]
        change = {"access_policy.keys": held}, {"access_policy.keys": kept}
        changes.append(Change("Azure", vault, "remove from access policy", *change, reason="state: absent"))
    return tuple(changes)


def without(access: Access, removal: RightsRemoval) -> Access:
    """The observation as it will be after the removal has taken effect."""
    gone = {path_key(entry.id) for entry in (*removal.assignments, *removal.local)}
    ours = own_entries(access)
    policies = tuple(
        replace(entry, keys=tuple(name for name in entry.keys if name_key(name) not in removal.permissions))
        if entry in ours
        else entry
        for entry in access.store.policies
    )
    return replace(
        access,
        store=replace(access.store, policies=policies),
        assignments=None if access.assignments is None else _remaining(access.assignments, gone),
        local=None if access.local is None else _remaining(access.local, gone),
    )


def _remaining(entries: Sequence[RoleAssignment], gone: set[str]) -> tuple[RoleAssignment, ...]:
    return tuple(entry for entry in entries if path_key(entry.id) not in gone)


def _label(access: Access) -> str:
    return f"{'managed HSM' if access.store.is_hsm else 'vault'} {access.store.name}"


def _is_ours(entry: RoleAssignment, scope: str, identity: str) -> bool:
    ours = assignment_name(scope, identity, entry.role_guid)
    return same_name(entry.principal_id, identity) and last_segment(entry.id) == ours


def own_entries(access: Access) -> list[PolicyEntry]:
    """The plain entries of the identity.

    A compound one is another identity (Azure contract, T4), and so is one of another tenant.
    """
    identity, tenant = access.identity.object_id, access.store.tenant_id
    return [
        entry
        for entry in access.store.policies
        if same_name(entry.object_id, identity) and same_name(entry.tenant_id, tenant) and entry.application_id is None
    ]
