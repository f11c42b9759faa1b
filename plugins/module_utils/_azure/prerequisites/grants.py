# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Grants and removes permissions: the steps of a repair, one request each (Azure contract §1.3, §1.7, §1.8).

Each request can be repeated, and is if Azure throttles it or its response is lost: adding to a policy is a union, and
the names of roles and assignments are derived from their content.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from ... import _deps
from ..._names import name_key
from ..._rest.statuses import NOT_FOUND
from ..._waiter import Patience
from ..authorization import locks, role_assignments
from ..authorization.operator import refuse_lacking, warning_about
from ..authorization.role_assignments import PROVIDER
from ..rights.facts import Access, KeyStore, PermissionSet, RoleAssignment, RoleDefinition
from ..rights.repair import AddToPolicy, Assign, DefineRole, RightsRemoval, Step, own_entries
from ..vaults import vault_lookup
from ..wire import writes
from ..wire.channel import Channel
from ..wire.errors import AzureError
from ..wire.meanings import ROLE_ASSIGNMENT_EXISTS
from ..wire.not_known_yet import Reference, until_known
from ..wire.optional_reads import Unread, optional
from ..wire.session import Azure

_POLICIES_WRITE = "Microsoft.KeyVault/vaults/accessPolicies/write"
_ASSIGN = "Microsoft.Authorization/roleAssignments/write"
_UNASSIGN = "Microsoft.Authorization/roleAssignments/delete"
_DEFINE = "Microsoft.Authorization/roleDefinitions/write"


def apply(azure: Azure, access: Access, step: Step, patience: Patience) -> None:
    """Carry out one step.

    Raises:
        AzureError: Azure rejects it.
    """
    if isinstance(step, AddToPolicy):
        send, reference = partial(_change_policy, azure, access, "add", step.permissions), Reference.ACCESS_POLICY
    elif isinstance(step, DefineRole):
        define = _define_local if step.local else _define
        writes.repeated(lambda: define(azure, access, step), patience)
        return
    else:
        assign = _assign_local if step.local else _assign
        send, reference = partial(assign, azure, access, step), Reference.ROLE_ASSIGNMENT
    until_known(
        lambda: writes.repeated(send, patience),
        patience,
        reference,
        Reference.VAULT,
        is_gone=partial(_is_gone, azure, access.store),
    )


def _is_gone(azure: Azure, store: KeyStore) -> bool:
    found = optional(partial(vault_lookup.read, azure.arm, store.resource_id))
    return isinstance(found, Unread) and found.absent


def take_back(azure: Azure, access: Access, removal: RightsRemoval) -> None:
    """Remove our assignments and key permissions. What no longer exists counts as removed."""
    for entry in removal.assignments:
        _unless_gone(partial(role_assignments.unassign, azure.arm, entry.id))
    if removal.local:
        with azure.pool(access.store.uri) as pool:
            for entry in removal.local:
                _unless_gone(partial(_unassign_local, pool, entry))
    if removal.permissions:
        permissions = _as_stored(access, removal.permissions)
        _unless_gone(lambda: _change_policy(azure, access, "remove", permissions))


def _unless_gone(send: Callable[[], None]) -> None:
    try:
        writes.repeated(send)
    except AzureError as error:
        # The vault or the assignment has been removed since it was read.
        if error.status != NOT_FOUND:
            raise


def actions_of(access: Access, steps: Sequence[Step]) -> list[tuple[str, str]]:
    """The actions of Azure roles that the operator needs, with their scopes."""
    needed: dict[tuple[str, str], None] = {}
    for step in steps:
        if isinstance(step, AddToPolicy):
            needed[_POLICIES_WRITE, access.store.scope] = None
        elif isinstance(step, DefineRole) and not step.local:
            needed[_DEFINE, step.scope] = None
        elif isinstance(step, Assign) and not step.local:
            needed[_ASSIGN, access.store.scope] = None
    return list(needed)


def actions_of_removal(access: Access, removal: RightsRemoval) -> list[tuple[str, str]]:
    """The actions that the operator needs for the removal."""
    policies = [(_POLICIES_WRITE, access.store.resource_id)] if removal.permissions else []
    return [*policies, *([(_UNASSIGN, access.store.resource_id)] if removal.assignments else [])]


def permitted_part(removal: RightsRemoval, forbidden: Collection[str]) -> RightsRemoval:
    """The part of the removal that needs no forbidden action. Local roles need none of these actions."""
    return RightsRemoval(
        () if _UNASSIGN in forbidden else removal.assignments,
        removal.local,
        () if _POLICIES_WRITE in forbidden else removal.permissions,
    )


def stored_role(azure: Azure, scope: str, guid: str) -> RoleDefinition | None:
    """The definition with this ID; None if it does not exist."""
    try:
        return role_assignments.role(azure.arm, scope, guid)
    except AzureError as error:
        if error.status != NOT_FOUND:
            raise
        return None


def _change_policy(azure: Azure, access: Access, kind: str, permissions: Sequence[str]) -> None:
    """Sends one entry for one identity: `add` and `remove` leave all other entries unchanged."""
    store = access.store
    entry = {
        "tenantId": store.tenant_id,
        "objectId": access.identity.object_id,
        "permissions": {"keys": list(permissions)},
    }
    azure.arm.send(
        "PUT",
        f"{store.resource_id}/accessPolicies/{kind}",
        obj=f"access policies of vault {store.name}",
        query=vault_lookup.API,
        body={"properties": {"accessPolicies": [entry]}},
    )


def _unassign_local(pool: Channel, entry: RoleAssignment) -> None:
    with pool.explained(f"local role assignment {entry.id}", writes=True):
        pool.sdk.delete_role_assignment(entry.scope, entry.id)


def _as_stored(access: Access, permissions: Sequence[str]) -> list[str]:
    """The permissions in the vault's spelling, which `remove` requires."""
    held = [name for entry in own_entries(access) for name in entry.keys]
    return [name for name in dict.fromkeys(held) if name_key(name) in permissions]


def _define(azure: Azure, _access: Access, step: DefineRole) -> None:
    definition = {
        "role_name": step.definition.name,
        "description": "Permissions of Fortanix DSM at a key vault. Managed by Ansible (fortanix.dsm).",
    }
    one = step.definition.permissions[0]
    permissions = PermissionSet(actions=one.actions, data_actions=one.data_actions)
    role_assignments.define(azure.arm, step.scope, step.definition.guid, definition, permissions)


def _assign(azure: Azure, access: Access, step: Assign) -> None:
    definition = f"{access.store.subscription}/{PROVIDER}/roleDefinitions/{step.definition.guid}"
    properties = {
        "role_definition_id": definition,
        "principal_id": access.identity.object_id,
        # Without it, the service looks up the principal, which may not be replicated yet (Azure contract §1.7).
        "principal_type": "ServicePrincipal",
    }
    obj = f'assignment of "{step.definition.name}" at {access.store.name}'
    role_assignments.assign(azure.arm, step.scope, step.name, properties, obj=obj)


def _define_local(azure: Azure, access: Access, step: DefineRole) -> None:
    permission = _deps.load("azure.keyvault.administration").KeyVaultPermission
    allowed = permission(data_actions=list(step.definition.permissions[0].data_actions))
    with azure.pool(access.store.uri) as pool, pool.explained(f'local role "{step.definition.name}"', writes=True):
        pool.sdk.set_role_definition(
            "/",
            name=step.definition.guid,
            role_name=step.definition.name,
            permissions=[allowed],
            assignable_scopes=["/"],
        )


def _assign_local(azure: Azure, access: Access, step: Assign) -> None:
    obj = f'assignment of "{step.definition.name}" at {access.store.name}'
    definition = f"Microsoft.KeyVault/{PROVIDER}/roleDefinitions/{step.definition.guid}"
    try:
        with azure.pool(access.store.uri) as pool, pool.explained(obj, writes=True):
            pool.sdk.create_role_assignment(step.scope, definition, access.identity.object_id, name=step.name)
    except AzureError as error:
        if error.code != ROLE_ASSIGNMENT_EXISTS:
            raise


def preflight(
    azure: Azure, access: Access, needed: Sequence[tuple[str, str]], warn: Callable[[str], None]
) -> locks.Locks:
    """Fail before the first write if the operator lacks permissions or a lock forbids a change; returns the locks.

    Raises:
        TaskError: names the actions and the scopes, or the locks.
    """
    require_permitted(azure, access, needed, warn)
    there = locks.in_the_way_of(azure.arm, needed) if needed else locks.NONE_READ
    locks.refuse_forbidden(there, needed, obj=f"vault {access.store.name}")
    return there


def require_permitted(
    azure: Azure, access: Access, needed: Sequence[tuple[str, str]], warn: Callable[[str], None]
) -> None:
    """Fail before the first write if the operator lacks permissions; warn if they cannot be read.

    Raises:
        TaskError: names the actions and the scopes.
    """
    unread = refuse_lacking(
        azure,
        needed,
        obj=f"vault {access.store.name}",
        remedy="assign the operator a role with these actions (Owner or User Access Administrator to assign roles, Key "
        "Vault Contributor to edit access policies; docs/permissions.md has narrower roles), or run the task with an "
        "operator that has such a role",
    )
    warning = warning_about(unread)
    if warning is not None:
        warn(warning)
