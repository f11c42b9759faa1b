# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role assignments at any scope (Azure contract §1.7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from ...wire import json_response
from ..entra.tokens import Caller
from ..rights.governance import ROLE_ASSIGNMENTS
from ..rights.roles import ASSIGNMENT_WRITE, RoleDefinition
from ..rights.values import RoleAssignment
from ..service import AzureError, Service
from .governance import obeying_policy, refuse_locked
from .plane import bad_request, forbidden, is_guid, object_body, stamp
from .scopes import ANY_SCOPE, PROVIDER, Filter, ScopePlane, definition_id, entry_id, is_management_group

_READ = f"{PROVIDER}/roleAssignments/read"
_DELETE = f"{PROVIDER}/roleAssignments/delete"
_PRINCIPAL_TYPES = ("User", "Group", "ServicePrincipal", "ForeignGroup", "Device")


def add_role_routes(app: web.Application, service: Service) -> None:
    roles = RoleAssignments(service)
    one = ANY_SCOPE + "/roleAssignments/{name}"
    app.router.add_get(ANY_SCOPE + "/roleAssignments", roles.list_at)
    app.router.add_get(one, roles.get)
    app.router.add_put(one, roles.put)
    app.router.add_delete(one, roles.delete)


class RoleAssignments(ScopePlane):
    async def list_at(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        scope = self._scope(request, caller)
        self._require(caller, _READ, scope)
        wanted = Filter.of(request)
        entries = [
            entry
            for entry in self._rights.readable_assignments()
            if self._matches(wanted, scope, entry.scope, [entry.principal_id])
        ]
        return self._page(entries, request, self._json)

    async def get(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        scope = self._scope(request, caller)
        self._require(caller, _READ, scope)
        found = _named(self._rights.readable_assignments(), request, scope)
        if found is None:
            name = request.match_info["name"]
            raise AzureError(404, "RoleAssignmentNotFound", f"The role assignment '{name}' is not found.")
        return json_response(self._json(found))

    async def put(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        scope = self._scope(request, caller)
        self._require(caller, ASSIGNMENT_WRITE, scope)
        refuse_locked(self._state.locks, scope, deletes=False)
        self._require_existing(scope)
        body = await object_body(request)
        one = f"{scope}/providers/{PROVIDER}/roleAssignments/{request.match_info['name']}"
        body = obeying_policy(self._state.policy_assignments, ROLE_ASSIGNMENTS, one, body)
        wanted = self._wanted(request, caller, scope, body.get("properties", {}))
        self._require_assignable(caller, wanted.role_guid, scope, ASSIGNMENT_WRITE)
        named = next((entry for entry in self._rights.assignments if entry.name == wanted.name), None)
        if named:
            return self._again(named, wanted)
        if any(_same_grant(entry, wanted) for entry in self._rights.assignments):
            raise AzureError(409, "RoleAssignmentExists", "The role assignment already exists.")
        self._require_principal(wanted)
        return json_response(self._json(self._rights.grant(wanted)), 201)

    async def delete(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        scope = self._scope(request, caller)
        self._require(caller, _DELETE, scope)
        refuse_locked(self._state.locks, scope, deletes=True)
        found = _named(self._rights.assignments, request, scope)
        if found is None:
            return web.Response(status=204)
        self._require_assignable(caller, found.role_guid, scope, _DELETE)
        self._rights.revoke([found])
        return json_response(self._json(found))

    # Helpers -------------------------------------------------------------------------------------------------------

    def _wanted(self, request: web.Request, caller: Caller, scope: str, given: dict[str, Any]) -> RoleAssignment:
        name = request.match_info["name"].lower()
        if not is_guid(name):
            message = f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."
            raise bad_request(message, "InvalidRoleAssignmentId")
        principal_id, kind = given.get("principalId"), given.get("principalType") or "User"
        if not is_guid(principal_id) or kind not in _PRINCIPAL_TYPES:
            raise bad_request("The principalId or principalType is not valid.", "InvalidPrincipalId")
        role = self._role(caller, scope, str(given.get("roleDefinitionId") or ""))
        return RoleAssignment(
            scope,
            str(principal_id).lower(),
            role.guid,
            name,
            kind,
            given.get("condition"),
            given.get("description"),
            self._state.clock.now(),
        )

    def _role(self, caller: Caller, scope: str, role_id: str) -> RoleDefinition:
        """The definition, by the GUID at the end of its id, if it can be assigned at the scope."""
        guid = role_id.rpartition("/")[2].lower()
        role = self._rights.roles.get(guid)
        fresh = self._state.fresh
        unseen = role is not None and role.custom and fresh.is_unknown("role_assignment", guid)
        if role is None or role.retired or unseen or role.tenant_id not in (None, caller.tenant_id):
            message = f"The specified role definition with ID '{guid}' does not exist."
            raise AzureError(fresh.profile().new_role if unseen else 400, "RoleDefinitionDoesNotExist", message)
        if not any(self._rights.within(scope, place) for place in role.assignable_scopes):
            raise bad_request(f"The role '{role.name}' is not assignable at '{scope}'.", "RoleDefinitionNotAssignable")
        data = any(entry.data_actions for entry in role.permissions)
        if role.custom and data and is_management_group(scope):
            message = "A custom role with data actions cannot be assigned at the scope of a management group."
            raise bad_request(message, "InvalidRoleAssignmentScope")
        return role

    def _require_assignable(self, caller: Caller, role_guid: str, scope: str, action: str) -> None:
        """Some roles may write assignments of certain roles only."""
        if not self._rights.may_assign(caller.object_id, role_guid, scope, action):
            raise forbidden(caller, scope, action)

    def _require_principal(self, wanted: RoleAssignment) -> None:
        """The directory's answer, which is not asked for who says that it is a service principal."""
        known = self._state.principal_type(wanted.principal_id)
        trusted = wanted.principal_type == "ServicePrincipal"
        unseen = known is not None and self._state.fresh.is_unknown("role_assignment", wanted.principal_id)
        if trusted and known is None:
            return
        if unseen or (not trusted and (known is None or not self._state.directory.replicated(wanted.principal_id))):
            message = (
                f"Principal {wanted.principal_id} does not exist in the directory. Check that you have the correct "
                "principal ID. If you are creating this principal and then immediately assigning a role, this error "
                "might be related to a replication delay. In this case, set the role assignment principalType "
                "property to a value, such as ServicePrincipal, User, or Group."
            )
            raise bad_request(message, "PrincipalNotFound")
        if known != wanted.principal_type:
            message = (
                f"The PrincipalId '{wanted.principal_id}' has type '{known}', which is different from specified "
                f"PrinciaplType '{wanted.principal_type}'."
            )
            raise bad_request(message, "UnmatchedPrincipalType")

    def _again(self, named: RoleAssignment, wanted: RoleAssignment) -> web.Response:
        """A PUT of a name that exists. Names are unique in the tenant; only condition and description can change."""
        if not _same_grant(named, wanted):
            message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            raise bad_request(message, "RoleAssignmentUpdateNotPermitted")
        changed = replace(named, condition=wanted.condition, description=wanted.description)
        if changed != named:
            self._rights.revoke([named])
            self._rights.grant(changed)
        return json_response(self._json(changed))

    def _json(self, entry: RoleAssignment) -> dict[str, Any]:
        created = stamp(entry.created)
        return {
            "id": entry_id(entry, "roleAssignments"),
            "type": f"{PROVIDER}/roleAssignments",
            "name": entry.name,
            "properties": {
                "roleDefinitionId": definition_id(entry.scope, entry.role_guid),
                "principalId": entry.principal_id,
                "principalType": self._shown_principal_type(entry),
                "scope": entry.scope,
                "condition": entry.condition,
                "conditionVersion": "2.0" if entry.condition else None,
                "description": entry.description,
                "createdOn": created,
                "updatedOn": created,
                "createdBy": None,
                "updatedBy": None,
                "delegatedManagedIdentityResourceId": None,
            },
        }


def _named(entries: list[RoleAssignment], request: web.Request, scope: str) -> RoleAssignment | None:
    wanted = (request.match_info["name"].lower(), scope.lower())
    return next((entry for entry in entries if (entry.name, entry.scope.lower()) == wanted), None)


def _same_grant(one: RoleAssignment, other: RoleAssignment) -> bool:
    return (one.scope.lower(), one.principal_id, one.role_guid) == (
        other.scope.lower(),
        other.principal_id,
        other.role_guid,
    )
