# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role definitions at any scope: the built-in ones, and a tenant's custom roles (Azure contract §1.7, §1.8)."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from ...wire import json_response
from ..entra.tokens import Caller
from ..rights.roles import PermissionSet, RoleDefinition
from ..rights.values import is_within
from ..service import AzureError, Service
from .governance import refuse_locked
from .plane import bad_request, is_guid, object_body
from .scopes import ANY_SCOPE, PROVIDER, ScopePlane, definition_id, permission_json

_READ = f"{PROVIDER}/roleDefinitions/read"
_WRITE = f"{PROVIDER}/roleDefinitions/write"
_DELETE = f"{PROVIDER}/roleDefinitions/delete"
_CLAUSE = re.compile(r"(roleName|type)\s+eq\s+'([^']*)'|(atScopeAndBelow)\(\)", re.IGNORECASE)
_ASSIGNABLE = re.compile(
    r"/subscriptions/[^/]+(/resourceGroups/[^/]+)?|/providers/Microsoft\.Management/managementGroups/[^/]+",
    re.IGNORECASE,
)


def add_role_definition_routes(app: web.Application, service: Service) -> None:
    definitions = RoleDefinitions(service)
    one = ANY_SCOPE + "/roleDefinitions/{name}"
    app.router.add_get(ANY_SCOPE + "/roleDefinitions", definitions.list_at)
    app.router.add_get(one, definitions.get)
    app.router.add_put(one, definitions.put)
    app.router.add_delete(one, definitions.delete)


class RoleDefinitions(ScopePlane):
    async def list_at(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        scope = self._scope(request, caller)
        self._require_read(caller, scope)
        filters = _filters(request.query.get("$filter", "").strip())
        found = [
            role
            for role in self._visible(caller)
            if filters.get("rolename", role.name.lower()) == role.name.lower()
            and filters.get("type", _type(role).lower()) == _type(role).lower()
            and self._listed(role, scope, "atscopeandbelow" in filters)
        ]
        return self._page(found, request, lambda role: _json(role, scope))

    async def get(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        scope = self._scope(request, caller)
        self._require_read(caller, scope)
        guid = request.match_info["name"].lower()
        found = next((role for role in self._visible(caller) if role.guid == guid), None)
        if found is None or (found.custom and self._state.fresh.is_unknown("role_definition", guid)):
            message = f"The specified role definition with ID '{guid}' does not exist."
            raise AzureError(404, "RoleDefinitionDoesNotExist", message)
        return json_response(_json(found, scope))

    async def put(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        scope = self._scope(request, caller)
        role = self._wanted(request, caller, (await object_body(request)).get("properties", {}))
        for place in role.assignable_scopes:
            self._require(caller, _WRITE, place)
            refuse_locked(self._state.locks, place, deletes=False)
        old = self._rights.roles.get(role.guid)
        if old and not old.custom:
            raise bad_request("A built-in role cannot be changed.", "RoleDefinitionUpdateNotPermitted")
        others = [found for found in self._visible(caller) if found.guid != role.guid]
        if any(found.name.lower() == role.name.lower() for found in others):
            message = f"A custom role with the same name '{role.name}' already exists in this directory."
            raise AzureError(409, "RoleDefinitionWithSameNameExists", message)
        self._rights.roles[role.guid] = role
        return json_response(_json(role, scope), 201)

    async def delete(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        scope = self._scope(request, caller)
        guid = request.match_info["name"].lower()
        found = next((role for role in self._visible(caller) if role.custom and role.guid == guid), None)
        for place in found.assignable_scopes if found else (scope,):
            self._require(caller, _DELETE, place)
            refuse_locked(self._state.locks, place, deletes=True)
        if found is None:
            return web.Response(status=204)
        if any(entry.role_guid == guid for entry in (*self._rights.assignments, *self._rights.eligible)):
            message = "There are existing role assignments referencing role."
            raise bad_request(message, "RoleDefinitionHasAssignments")
        # The role stays known until a delayed revocation of its last assignment is in force.
        self._rights.retire(guid)
        return json_response(_json(found, scope))

    # Helpers -------------------------------------------------------------------------------------------------------

    def _require_read(self, caller: Caller, scope: str) -> None:
        """At the root of a tenant everybody reads the definitions, for there is nothing to be seen of resources."""
        if scope != "/":
            self._require(caller, _READ, scope)

    def _visible(self, caller: Caller) -> list[RoleDefinition]:
        """The roles of the caller's tenant, and those that all tenants have."""
        roles = self._rights.roles.values()
        return [role for role in roles if role.tenant_id in (None, caller.tenant_id) and not role.retired]

    def _listed(self, role: RoleDefinition, scope: str, below: bool) -> bool:
        """Whether a role can be assigned at the scope, or somewhere below it."""
        return any(
            self._rights.within(scope, place) or (below and self._rights.within(place, scope))
            for place in role.assignable_scopes
        )

    def _wanted(self, request: web.Request, caller: Caller, given: dict[str, Any]) -> RoleDefinition:
        guid, name = request.match_info["name"].lower(), given.get("roleName")
        if not is_guid(guid):
            message = f"The role definition ID '{guid}' is not valid. The role definition ID must be a GUID."
            raise bad_request(message, "InvalidRoleDefinitionId")
        if not name or not isinstance(name, str):
            raise bad_request("The role definition needs a roleName.", "InvalidRoleDefinition")
        if not all(isinstance(given.get(key) or [], list) for key in ("permissions", "assignableScopes")):
            raise bad_request("The role definition's permissions and scopes are lists.", "InvalidRoleDefinition")
        sets = [_permission_set(entry) for entry in given.get("permissions") or []]
        if not sets:
            raise bad_request("The role definition needs permissions.", "InvalidRoleDefinition")
        scopes = tuple(self._assignable(caller, scope) for scope in given.get("assignableScopes") or [])
        if not scopes:
            raise bad_request("The role definition needs assignableScopes.", "InvalidRoleDefinition")
        first, *further = sets
        return RoleDefinition(
            guid,
            name,
            first.actions,
            first.not_actions,
            first.data_actions,
            first.not_data_actions,
            tuple(further),
            str(given.get("description") or ""),
            caller.tenant_id,
            scopes,
        )

    def _assignable(self, caller: Caller, scope: object) -> str:
        """A subscription, resource group or management group of the tenant; nothing else can be named."""
        text = str(scope).rstrip("/")
        if not _ASSIGNABLE.fullmatch(text):
            message = f"The assignable scope '{scope}' is neither a subscription, resource group nor management group."
            raise bad_request(message, "InvalidAssignableScope")
        if is_within(text, "/subscriptions"):
            self._subscription(text.split("/")[2], caller)
        elif self._state.management_groups.get(text.lower()) != caller.tenant_id:
            raise bad_request(f"The management group '{scope}' does not exist.", "InvalidAssignableScope")
        return text


def _filters(text: str) -> dict[str, str]:
    """The clauses of a `$filter` by their lower-case names, with lower-case values."""
    found: dict[str, str] = {}
    for part in re.split(r"\s+and\s+", text) if text else []:
        clause = _CLAUSE.fullmatch(part.strip())
        if clause is None:
            raise bad_request(f"The filter '{text}' is not supported.", "UnsupportedQuery")
        found[(clause[1] or clause[3]).lower()] = (clause[2] or "").lower()
    return found


def _permission_set(given: object) -> PermissionSet:
    if not isinstance(given, dict):
        raise bad_request("The permissions of a role are a list of objects.", "InvalidRoleDefinition")
    names = ("actions", "notActions", "dataActions", "notDataActions")
    return PermissionSet(*(tuple(str(action) for action in given.get(name) or []) for name in names))


def _type(role: RoleDefinition) -> str:
    return "CustomRole" if role.custom else "BuiltInRole"


def _json(role: RoleDefinition, scope: str) -> dict[str, Any]:
    return {
        "id": definition_id(scope, role.guid),
        "type": f"{PROVIDER}/roleDefinitions",
        "name": role.guid,
        "properties": {
            "roleName": role.name,
            "type": _type(role),
            "description": role.description,
            "assignableScopes": list(role.assignable_scopes),
            "permissions": [permission_json(entry) for entry in role.permissions],
        },
    }
