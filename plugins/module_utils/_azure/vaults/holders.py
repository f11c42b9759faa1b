# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Who has permissions in a vault, by policies and by roles: whom a change of the permission model affects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from ..._names import name_key
from ..._rest.statuses import FORBIDDEN
from ..authorization import role_assignments
from ..rights.facts import RoleAssignment
from ..wire.errors import AzureError
from ..wire.graph_batch import batch
from ..wire.optional_reads import Unread, optional
from ..wire.session import Azure
from .vault_settings import RBAC

_MOST_IN_BATCH = 20
_COLLECTIONS = {"User": "users", "Group": "groups"}
_DATA = "microsoft.keyvault/"

Held = dict[str, list[str]]


def leaving(azure: Azure, body: Mapping[str, Any], model: str) -> list[dict[str, Any]] | None:
    """Who has permissions under the current model, before the vault changes to ``model``.

    Each is a record of `object_id`, `name` (None where it cannot be read), `through` (permissions or names of roles),
    and `has_rights_in_new_model`. None when the roles or the policies cannot be read.
    """
    if not isinstance(body["properties"].get("accessPolicies"), list):
        return None
    by_policy = _by_policy(body)
    try:
        assignments = role_assignments.assignments(azure.arm, str(body["id"]))
    except AzureError as error:
        # A change of the model depends on it, so an outage fails the task.
        if error.status != FORBIDDEN:
            raise
        return None
    by_role = _by_role(azure, str(body["id"]), assignments)
    old, new = (by_policy, by_role) if model == RBAC else (by_role, by_policy)
    types = {name_key(entry.principal_id): entry.principal_type for entry in assignments}
    names = _names(azure, {object_id: types.get(object_id, "") for object_id in old})
    return [
        {
            "object_id": object_id,
            "name": names.get(object_id),
            "through": through,
            "has_rights_in_new_model": object_id in new,
        }
        for object_id, through in sorted(old.items())
    ]


def _by_policy(body: Mapping[str, Any]) -> Held:
    """Object ID -> permissions, such as `keys/get`. Those for secrets and certificates count: they are lost, too."""
    held: Held = {}
    for entry in body["properties"].get("accessPolicies") or []:
        permissions = [
            f"{kind}/{name_key(name)}"
            for kind, names in sorted((entry.get("permissions") or {}).items())
            for name in names or []
        ]
        if permissions:
            held.setdefault(name_key(entry["objectId"]), []).extend(permissions)
    return held


def _by_role(azure: Azure, scope: str, assignments: Iterable[RoleAssignment]) -> Held:
    """Object ID -> names of roles with access to the contents of vaults."""
    held: Held = {}
    reaching: dict[str, str | None] = {}
    for entry in assignments:
        if entry.role_guid not in reaching:
            reaching[entry.role_guid] = _reaching_role(azure, scope, entry.role_guid)
        name = reaching[entry.role_guid]
        if name is not None:
            held.setdefault(name_key(entry.principal_id), []).append(name)
    return held


def _reaching_role(azure: Azure, scope: str, guid: str) -> str | None:
    """The name of a role with data actions in vaults; None for others. A role that cannot be read counts as one."""
    role = optional(lambda: role_assignments.role(azure.arm, scope, guid))
    if isinstance(role, Unread):
        return guid
    patterns = [name_key(action) for one in role.permissions for action in one.data_actions]
    return role.name if any(one.startswith((_DATA, "*")) for one in patterns) else None


def _names(azure: Azure, types: Mapping[str, str]) -> dict[str, str]:
    """Names by object ID, if Graph returns them. ``types``: `User`, `Group`; anything else is an application."""
    found: dict[str, str] = {}
    ids = sorted(types)
    for start in range(0, len(ids), _MOST_IN_BATCH):
        reads = {
            one: f"/{_COLLECTIONS.get(types[one], 'servicePrincipals')}/{one}?$select=id,displayName"
            for one in ids[start : start + _MOST_IN_BATCH]
        }
        # A plan does not depend on names.
        answers = optional(partial(batch, azure.graph, reads, obj="names of identities"))
        if isinstance(answers, Unread):
            return found
        found |= {
            one: str(answer.body["displayName"])
            for one, answer in answers.items()
            if answer.body is not None and answer.body.get("displayName")
        }
    return found
