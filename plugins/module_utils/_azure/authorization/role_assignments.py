# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads role assignments and definitions of Microsoft.Authorization (Azure contract §1.7). grants.py writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ..._names import last_segment, path_key, same_name
from ..._timestamps import parse_iso
from ..rights.facts import DenyAssignment, PermissionSet, RoleAssignment, RoleDefinition
from ..wire.channel import Channel
from ..wire.optional_reads import Unread, optional

API = {"api-version": "2022-04-01"}
PIM_API = {"api-version": "2020-10-01"}
# The first version whose deny assignments have an effect.
EFFECT_API = {"api-version": "2024-07-01-preview"}
PROVIDER = "providers/Microsoft.Authorization"
# The type of a role definition that is not built in.
CUSTOM_ROLE = "CustomRole"
# The effect of a deny assignment that only logs.
_AUDIT = "audit"


def assignments(arm: Channel, scope: str, object_id: str | None = None) -> tuple[RoleAssignment, ...]:
    """All assignments of the principal at this scope: direct, inherited and through groups.

    Without ``object_id``, the assignments of all principals at this scope and above.
    """
    asked = "atScope()" if object_id is None else f"atScope() and assignedTo('{object_id}')"
    entries = arm.pages(
        f"{scope}/{PROVIDER}/roleAssignments",
        query={**API, "$filter": asked},
        obj=f"role assignments at {scope}",
    )
    return tuple(_assignment(entry) for entry in entries)


def activations(arm: Channel, scope: str, object_id: str) -> Mapping[str, datetime]:
    """The expiry times of temporary assignments, by the key of the assignment's ID (T16)."""
    ends = {}
    for entry in _instances(arm, "roleAssignmentScheduleInstances", scope, object_id):
        properties = entry["properties"]
        end = parse_iso(properties.get("endDateTime"))
        if end is not None and properties.get("originRoleAssignmentId"):
            ends[path_key(properties["originRoleAssignmentId"])] = end
    return ends


def eligible(arm: Channel, scope: str, object_id: str) -> tuple[RoleAssignment, ...]:
    """Eligible assignments, below the scope too. They must be activated, which a service principal cannot do (T15)."""
    return tuple(_assignment(entry) for entry in _instances(arm, "roleEligibilityScheduleInstances", scope, object_id))


def denies(arm: Channel, scope: str) -> tuple[DenyAssignment, ...]:
    """Deny assignments at the scope and above that are enforced.

    Only a preview version returns their effect, so it is only asked if there are any. Without an answer, each counts as
    enforced.
    """
    entries = list(_denies(arm, scope, API))
    effects = optional(lambda: list(_denies(arm, scope, EFFECT_API))) if entries else []
    audited = set() if isinstance(effects, Unread) else {path_key(one["id"]) for one in effects if _is_audit(one)}
    return tuple(_deny(entry) for entry in entries if path_key(entry["id"]) not in audited)


def role(arm: Channel, scope: str, guid: str) -> RoleDefinition:
    """The definition of a role."""
    path = f"{scope}/{PROVIDER}/roleDefinitions/{guid}"
    return role_from(arm.get(path, obj=f"role definition {guid}", query=API))


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
    entries = arm.pages(f"{scope}/{PROVIDER}/permissions", obj=f"the operator's permissions at {scope}", query=API)
    return permission_sets(entries)


def _denies(arm: Channel, scope: str, api: Mapping[str, str]) -> Iterable[Mapping[str, Any]]:
    return arm.pages(
        f"{scope}/{PROVIDER}/denyAssignments",
        query={**api, "$filter": "atScope()"},
        obj=f"deny assignments at {scope}",
    )


def _is_audit(entry: Mapping[str, Any]) -> bool:
    return same_name(entry["properties"].get("denyAssignmentEffect"), _AUDIT)


def _instances(arm: Channel, collection: str, scope: str, object_id: str) -> Iterable[Mapping[str, Any]]:
    """Instances of the principal and its groups: at the scope, above and below it.

    The API documents the filters `assignedTo` and `atScope` only one by one (Azure contract §1.7).
    """
    return arm.pages(
        f"{scope}/{PROVIDER}/{collection}",
        query={**PIM_API, "$filter": f"assignedTo('{object_id}')"},
        obj=f"{collection} at {scope}",
    )


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
