# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Role assignments and definitions of Microsoft.Authorization (Azure contract §1.7): reading, and single writes.

azure-mgmt-authorization sends the requests, except two that it has no operation for (docs/dependencies.md).
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from ..._names import last_segment, path_key, same_name
from ..._timestamps import parse_iso
from ..rights.facts import DenyAssignment, PermissionSet, RoleAssignment, RoleDefinition
from ..wire.channel import Channel
from ..wire.errors import AzureError
from ..wire.meanings import ROLE_ASSIGNMENT_EXISTS
from ..wire.optional_reads import Unread, optional

# Clients of the SDK: for roles and deny assignments, and for temporary roles (PIM). Each requests one version only; the
# client for all of them would request one version for the further pages of all lists.
_ROLES, _PIM = "v2022_04_01", "v2020_10_01"
_API = {"api-version": "2022-04-01"}
# The first version whose deny assignments have an effect.
_EFFECT_API = {"api-version": "2024-07-01-preview"}
PROVIDER = "providers/Microsoft.Authorization"
# The type of a role definition that is not built in.
CUSTOM_ROLE = "CustomRole"
_AT_SCOPE = "atScope()"
# The effect of a deny assignment that only logs.
_AUDIT = "audit"


def assignments(arm: Channel, scope: str, object_id: str | None = None) -> tuple[RoleAssignment, ...]:
    """All assignments of the principal at this scope: direct, inherited and through groups.

    Without ``object_id``, the assignments of all principals at this scope and above.
    """
    asked = _AT_SCOPE if object_id is None else f"{_AT_SCOPE} and assignedTo('{object_id}')"
    return tuple(_assignment(entry) for entry in listed(arm, scope, asked))


def listed(arm: Channel, scope: str, asked: str) -> list[dict[str, Any]]:
    """The role assignments that match a filter, as Azure returns them."""
    # The SDK escapes every other filter itself.
    escaped = urllib.parse.quote(asked, safe="()'")
    read = partial(arm.authorization(_ROLES).role_assignments.list_for_scope, _in_address(scope), escaped)
    return arm.entries(read, obj=f"role assignments at {scope}")


def assign(arm: Channel, scope: str, name: str, properties: Mapping[str, str | None], *, obj: str) -> None:
    """Create an assignment. An equal one that exists under another name is accepted.

    Args:
        arm: Resource Manager.
        scope: Where.
        name: A UUID.
        properties: As the SDK's RoleAssignmentCreateParameters names them.
        obj: The object, for error messages.

    Raises:
        AzureError: Azure rejects it.
    """
    operations = arm.authorization(_ROLES).role_assignments
    parameters = operations.models.RoleAssignmentCreateParameters(**properties)
    send = partial(operations.create, _in_address(scope), urllib.parse.quote(name, safe=""), parameters)
    try:
        arm.write(send, obj=obj)
    except AzureError as error:
        if error.code != ROLE_ASSIGNMENT_EXISTS:
            raise


def unassign(arm: Channel, assignment_id: str) -> None:
    """Remove an assignment.

    Raises:
        AzureError: Azure rejects it.
    """
    remove = partial(arm.authorization(_ROLES).role_assignments.delete_by_id, _in_address(assignment_id))
    arm.write(remove, obj=f"role assignment {assignment_id}")


def activations(arm: Channel, scope: str, object_id: str) -> Mapping[str, datetime]:
    """The expiry times of temporary assignments, by the key of the assignment's ID (T16)."""
    ends = {}
    operations = arm.authorization(_PIM).role_assignment_schedule_instances
    for entry in _instances(arm, operations, "roleAssignmentScheduleInstances", scope, object_id):
        properties = entry["properties"]
        end = parse_iso(properties.get("endDateTime"))
        if end is not None and properties.get("originRoleAssignmentId"):
            ends[path_key(properties["originRoleAssignmentId"])] = end
    return ends


def eligible(arm: Channel, scope: str, object_id: str) -> tuple[RoleAssignment, ...]:
    """Eligible assignments, below the scope too. They must be activated, which a service principal cannot do (T15)."""
    operations = arm.authorization(_PIM).role_eligibility_schedule_instances
    entries = _instances(arm, operations, "roleEligibilityScheduleInstances", scope, object_id)
    return tuple(_assignment(entry) for entry in entries)


def denies(arm: Channel, scope: str) -> tuple[DenyAssignment, ...]:
    """Deny assignments at the scope and above that are enforced.

    Only a preview version returns their effect, so it is only asked if there are any. Without an answer, each counts as
    enforced.
    """
    read = partial(arm.authorization(_ROLES).deny_assignments.list_for_scope, _in_address(scope), _AT_SCOPE)
    entries = arm.entries(read, obj=f"deny assignments at {scope}")
    effects = optional(lambda: _with_effects(arm, scope)) if entries else []
    audited = set() if isinstance(effects, Unread) else {path_key(one["id"]) for one in effects if _is_audit(one)}
    return tuple(_deny(entry) for entry in entries if path_key(entry["id"]) not in audited)


def role(arm: Channel, scope: str, guid: str) -> RoleDefinition:
    """The definition of a role."""
    read = partial(arm.authorization(_ROLES).role_definitions.get, _in_address(scope), guid)
    return role_from(arm.body(read, obj=f"role definition {guid}"))


def define(arm: Channel, scope: str, guid: str, definition: Mapping[str, Any], permissions: PermissionSet) -> None:
    """Create a custom role, or replace its definition.

    Args:
        arm: Resource Manager.
        scope: Where it can be assigned.
        guid: Its ID.
        definition: Name and description, as the SDK's RoleDefinition names them.
        permissions: Its permissions.

    Raises:
        AzureError: Azure rejects it.
    """
    operations = arm.authorization(_ROLES).role_definitions
    models = operations.models
    permission = models.Permission(
        actions=list(permissions.actions),
        not_actions=list(permissions.not_actions),
        data_actions=list(permissions.data_actions),
        not_data_actions=list(permissions.not_data_actions),
    )
    body = models.RoleDefinition(
        **definition, role_type=CUSTOM_ROLE, assignable_scopes=[scope], permissions=[permission]
    )
    send = partial(operations.create_or_update, _in_address(scope), guid, body)
    arm.write(send, obj=f'role definition "{definition["role_name"]}"')


def role_from(body: Mapping[str, Any]) -> RoleDefinition:
    properties = body["properties"]
    return RoleDefinition(
        guid=last_segment(body["id"]),
        name=str(properties.get("roleName") or ""),
        permissions=permission_sets(properties.get("permissions") or []),
        is_custom=same_name(properties.get("type"), CUSTOM_ROLE),
    )


def permission_sets(stored: Iterable[Mapping[str, Any]]) -> tuple[PermissionSet, ...]:
    return tuple(
        PermissionSet(
            actions=tuple(entry.get("actions") or ()),
            not_actions=tuple(entry.get("notActions") or ()),
            data_actions=tuple(entry.get("dataActions") or ()),
            not_data_actions=tuple(entry.get("notDataActions") or ()),
        )
        for entry in stored
    )


def callers_permissions(arm: Channel, scope: str) -> tuple[PermissionSet, ...]:
    """The operator's own permissions at the scope, including groups and inheritance. Conditions are not included."""
    # REST: azure-mgmt-authorization knows this list only for resource groups, and for resources by five parts of an ID.
    entries = arm.pages(f"{scope}/{PROVIDER}/permissions", obj=f"the operator's permissions at {scope}", query=_API)
    return permission_sets(entries)


def _with_effects(arm: Channel, scope: str) -> list[Mapping[str, Any]]:
    # REST: no release of azure-mgmt-authorization but the betas of 5.0 requests a version with this member.
    query = {**_EFFECT_API, "$filter": _AT_SCOPE}
    return list(arm.pages(f"{scope}/{PROVIDER}/denyAssignments", query=query, obj=f"deny assignments at {scope}"))


def _is_audit(entry: Mapping[str, Any]) -> bool:
    return same_name(entry["properties"].get("denyAssignmentEffect"), _AUDIT)


def _instances(
    arm: Channel, operations: Any, collection: str, scope: str, object_id: str
) -> Iterable[Mapping[str, Any]]:
    """Instances of the principal and its groups: at the scope, above and below it.

    The API documents the filters `assignedTo` and `atScope` only one by one (Azure contract §1.7).
    """
    read = partial(operations.list_for_scope, _in_address(scope), f"assignedTo('{object_id}')")
    return arm.entries(read, obj=f"{collection} at {scope}")


def _in_address(resource_id: str) -> str:
    """A resource ID as part of an address. The SDK leaves out a segment with braces, and escapes nothing."""
    return urllib.parse.quote(resource_id, safe="/()")


def _assignment(entry: Mapping[str, Any]) -> RoleAssignment:
    properties = entry["properties"]
    return RoleAssignment(
        id=str(entry["id"]),
        scope=str(properties["scope"]),
        role_guid=last_segment(properties["roleDefinitionId"]),
        principal_id=str(properties["principalId"]),
        principal_type=str(properties.get("principalType") or ""),
        condition=properties.get("condition") or None,
        created=parse_iso(properties.get("createdOn")),
        ends=parse_iso(properties.get("endDateTime")),
    )


def _deny(entry: Mapping[str, Any]) -> DenyAssignment:
    properties = entry["properties"]
    return DenyAssignment(
        id=str(entry["id"]),
        name=str(properties.get("denyAssignmentName") or ""),
        scope=str(properties["scope"]),
        permissions=permission_sets(properties.get("permissions") or []),
        principals=tuple(str(one["id"]) for one in properties.get("principals") or []),
        excluded=tuple(str(one["id"]) for one in properties.get("excludePrincipals") or []),
        spares_child_scopes=bool(properties.get("doNotApplyToChildScopes")),
        condition=properties.get("condition") or None,
    )
