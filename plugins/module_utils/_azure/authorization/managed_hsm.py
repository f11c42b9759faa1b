# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The local roles of a Managed HSM. Only they grant permissions on its keys (Azure contract §1.8)."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..._names import last_segment, name_key, same_name
from ..rights.facts import PermissionSet, RoleAssignment, RoleDefinition
from ..wire.channel import Channel
from ..wire.shapes import LOCAL_ASSIGNMENTS, LOCAL_ROLES
from .role_assignments import CUSTOM_ROLE

_SCOPES = ("/", "/keys")


def assignments(pool: Channel) -> tuple[RoleAssignment, ...]:
    """All local assignments listed at `/` and at `/keys`."""
    found = {}
    for scope in _SCOPES:
        listed = partial(pool.sdk.list_role_assignments, scope)
        for entry in pool.listed(listed, LOCAL_ASSIGNMENTS, obj=f"local role assignments at {scope}"):
            properties = entry.properties
            found[name_key(entry.name)] = RoleAssignment(
                id=str(entry.name),
                scope=str(getattr(properties.scope, "value", properties.scope)),
                role_guid=last_segment(properties.role_definition_id),
                principal_id=str(properties.principal_id),
            )
    return tuple(found.values())


def roles(pool: Channel) -> dict[str, RoleDefinition]:
    """All local roles of the Managed HSM, by lower-case GUID."""
    entries = pool.listed(partial(pool.sdk.list_role_definitions, "/"), LOCAL_ROLES, obj="local role definitions")
    definitions = [_role(entry) for entry in entries]
    return {definition.guid: definition for definition in definitions}


def _role(entry: Any) -> RoleDefinition:
    return RoleDefinition(
        guid=last_segment(entry.id),
        name=str(entry.role_name),
        permissions=tuple(
            PermissionSet(
                actions=_texts(one.actions),
                not_actions=_texts(one.not_actions),
                data_actions=_texts(one.data_actions),
                not_data_actions=_texts(one.not_data_actions),
            )
            for one in entry.permissions or []
        ),
        is_custom=same_name(entry.role_type, CUSTOM_ROLE),
    )


def _texts(values: Any) -> tuple[str, ...]:
    """The SDK returns enumeration members for actions that it knows, and text for others."""
    return tuple(str(getattr(value, "value", value)) for value in values or ())
