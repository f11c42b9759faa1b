# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role definitions and assignments of a managed HSM pool, on its own host (Azure contract §1.8).

Shapes, identifiers and most error codes are those which Microsoft has recorded of its administration client. What a
pool says to a second assignment of the same role, and to the removal of a role in use, is not public: both are 409.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import web

from ...wire import json_response
from ..rights.local_roles import BUILT_IN, KNOWN_ACTIONS, LocalAssignment, LocalRole, PermissionSet
from ..rights.values import is_within
from ..service import AzureError, Service, page_of
from ..vaults import ManagedHsm
from .plane import body_of

_PREFIX = "Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions/"
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SCOPE = re.compile(r"/|/keys|/keys/[0-9a-zA-Z-]{1,127}")
_PRINCIPAL_FILTER = re.compile(r"principalId\s+eq\s+'?([0-9a-fA-F-]{36})'?", re.IGNORECASE)

Enter = Callable[[web.Request, str, str], ManagedHsm]
"""Gives the pool of a request whose caller may perform a data action at a scope, and refuses the others."""


def add_role_routes(app: web.Application, roles: HsmRoles) -> None:
    # The scope `/` makes clients ask for `///providers`, `//providers` or `/providers`.
    base = "/{scope:(?:.*/)?}providers/Microsoft.Authorization"
    app.router.add_get(f"{base}/roleDefinitions", roles.list_definitions)
    app.router.add_get(f"{base}/roleDefinitions/{{name}}", roles.get_definition)
    app.router.add_put(f"{base}/roleDefinitions/{{name}}", roles.put_definition)
    app.router.add_delete(f"{base}/roleDefinitions/{{name}}", roles.delete_definition)
    app.router.add_get(f"{base}/roleAssignments", roles.list_assignments)
    app.router.add_get(f"{base}/roleAssignments/{{name}}", roles.get_assignment)
    app.router.add_put(f"{base}/roleAssignments/{{name}}", roles.put_assignment)
    app.router.add_delete(f"{base}/roleAssignments/{{name}}", roles.delete_assignment)


class HsmRoles:
    def __init__(self, service: Service, enter: Enter) -> None:
        self._service = service
        self._enter = enter

    # Definitions -----------------------------------------------------------------------------------------------------

    async def list_definitions(self, request: web.Request) -> web.Response:
        pool, _scope = self._entered(request, "roleDefinitions/read")
        return self._page(request, list(pool.roles.values()), _definition_json)

    async def get_definition(self, request: web.Request) -> web.Response:
        pool, _scope = self._entered(request, "roleDefinitions/read")
        return json_response(_definition_json(_found(pool, request.match_info["name"])))

    async def put_definition(self, request: web.Request) -> web.Response:
        """Create or replace a custom role. Roles belong to the whole pool."""
        pool, scope = self._entered(request, "roleDefinitions/write")
        guid = _guid(request, "Role definition name")
        _refuse_built_in(guid)
        properties = await _properties(request)
        if scope != "/" or (properties.get("assignableScopes") or ["/"]) != ["/"]:
            raise _bad("Role definitions can be created at the scope '/' only")
        permissions = tuple(_permission_set(entry) for entry in properties.get("permissions") or [])
        text = (str(properties.get("roleName") or ""), permissions, str(properties.get("description") or ""))
        pool.custom_roles[guid] = LocalRole(guid, *text, custom=True)
        return json_response(_definition_json(pool.custom_roles[guid]), 201)

    async def delete_definition(self, request: web.Request) -> web.Response:
        pool, _scope = self._entered(request, "roleDefinitions/delete")
        guid = request.match_info["name"].lower()
        _refuse_built_in(guid)
        role = _found(pool, guid)
        if any(entry.role_guid == guid for entry in pool.local_roles):
            message = f"The role definition '{guid}' cannot be deleted: there are assignments of it"
            raise _pool_error(409, "RoleDefinitionHasAssignments", message)
        del pool.custom_roles[guid]
        return json_response(_definition_json(role))

    # Assignments -----------------------------------------------------------------------------------------------------

    async def list_assignments(self, request: web.Request) -> web.Response:
        """Those at, above and below the scope; `atScope()` leaves those below out, `principalId eq` other people's."""
        pool, scope = self._entered(request, "roleAssignments/read")
        wanted = request.query.get("$filter", "").strip()
        principal = _PRINCIPAL_FILTER.fullmatch(wanted)
        if wanted and not principal and wanted.lower() != "atscope()":
            raise _bad(f"The filter '{wanted}' is not supported")
        there = [
            entry
            for entry in pool.local_roles
            if (is_within(scope, entry.scope) or (is_within(entry.scope, scope) and wanted.lower() != "atscope()"))
            and (principal is None or entry.principal_id.lower() == principal[1].lower())
        ]
        return self._page(request, there, _assignment_json)

    async def get_assignment(self, request: web.Request) -> web.Response:
        pool, scope = self._entered(request, "roleAssignments/read")
        return json_response(_assignment_json(_assigned(pool, scope, request.match_info["name"])))

    async def put_assignment(self, request: web.Request) -> web.Response:
        """Create; assignments cannot be changed. The pool does not ask the directory who the principal is."""
        pool, scope = self._entered(request, "roleAssignments/write")
        name = _guid(request, "Role assignment name")
        if not _SCOPE.fullmatch(scope):
            raise _bad(f"The scope '{scope}' is not valid")
        properties = await _properties(request)
        principal = str(properties.get("principalId") or "")
        if not _GUID.fullmatch(principal):
            raise _bad("The principal ID must be a GUID")
        role = _found(pool, str(properties.get("roleDefinitionId") or "").rpartition("/")[2])
        wanted = LocalAssignment(scope, principal.lower(), role.guid, name)
        for entry in pool.local_roles:
            same = (entry.scope, entry.principal_id, entry.role_guid) == (scope, wanted.principal_id, role.guid)
            if same or entry.name == name:
                raise _pool_error(409, "RoleAssignmentExists", "The role assignment already exists")
        pool.local_roles.append(wanted)
        return json_response(_assignment_json(wanted), 201)

    async def delete_assignment(self, request: web.Request) -> web.Response:
        pool, scope = self._entered(request, "roleAssignments/delete")
        gone = _assigned(pool, scope, request.match_info["name"])
        pool.local_roles.remove(gone)
        return json_response(_assignment_json(gone))

    # Helpers -------------------------------------------------------------------------------------------------------

    def _entered(self, request: web.Request, action: str) -> tuple[ManagedHsm, str]:
        """The pool and the scope of the path, if the caller holds the right there."""
        scope = "/" + request.match_info["scope"].strip("/")
        return self._enter(request, f"Microsoft.KeyVault/managedHsm/{action}/action", scope), scope

    def _page(self, request: web.Request, items: list[Any], render: Callable[[Any], dict[str, Any]]) -> web.Response:
        page = page_of(items, request, self._service.state.arm_page_size, render, "$top")
        return json_response({name: value for name, value in page.items() if value is not None})


def _pool_error(status: int, code: str, message: str) -> AzureError:
    """A pool ends its messages with the id of the call."""
    return AzureError(status, code, f"{message} (Activity ID: {uuid.uuid4()})")


def _bad(message: str) -> AzureError:
    return _pool_error(400, "BadParameter", message)


def _guid(request: web.Request, what: str) -> str:
    name = request.match_info["name"]
    if not _GUID.fullmatch(name):
        raise _bad(f"{what} must be a GUID")
    return name.lower()


def _refuse_built_in(guid: str) -> None:
    if guid in BUILT_IN:
        raise _bad("Cannot re-use the name/GUID matching that of a built-in role. Please use a unique role ID.")


async def _properties(request: web.Request) -> dict[str, Any]:
    properties = (await body_of(request)).get("properties")
    if not isinstance(properties, dict):
        raise _bad("The request body has no properties")
    return properties


def _permission_set(entry: Any) -> PermissionSet:
    """A pool knows data actions only, by their exact names."""
    if not isinstance(entry, dict) or entry.get("actions") or entry.get("notActions"):
        raise _bad("Permissions may hold data actions only")
    permissions = PermissionSet(tuple(entry.get("dataActions") or ()), tuple(entry.get("notDataActions") or ()))
    for action in (*permissions.data_actions, *permissions.not_data_actions):
        if str(action).lower() not in KNOWN_ACTIONS:
            raise _bad(f"The data action '{action}' is not valid")
    return permissions


def _found(pool: ManagedHsm, guid: str) -> LocalRole:
    role = pool.roles.get(guid.lower())
    if role is None:
        raise _pool_error(404, "RoleDefinitionNotFound", "Requested role definition not found")
    return role


def _assigned(pool: ManagedHsm, scope: str, name: str) -> LocalAssignment:
    for entry in pool.local_roles:
        if (entry.scope, entry.name) == (scope, name.lower()):
            return entry
    raise _pool_error(404, "RoleAssignmentNotFound", "Requested role assignment not found")


def _definition_json(role: LocalRole) -> dict[str, Any]:
    return {
        "id": f"{_PREFIX}{role.guid}",
        "name": role.guid,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": role.name,
            "description": role.description,
            "type": "CustomRole" if role.custom else "AKVBuiltInRole",
            "assignableScopes": ["/"],
            "permissions": [
                {
                    "actions": [],
                    "notActions": [],
                    "dataActions": list(entry.data_actions),
                    "notDataActions": list(entry.not_data_actions),
                }
                for entry in role.permissions
            ],
        },
    }


def _assignment_json(entry: LocalAssignment) -> dict[str, Any]:
    path = f"{entry.scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{entry.name}"
    return {
        "id": path,
        "name": entry.name,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": f"{_PREFIX}{entry.role_guid}",
            "principalId": entry.principal_id,
            "scope": entry.scope,
        },
    }
