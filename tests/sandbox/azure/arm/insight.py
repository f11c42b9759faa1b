# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else tells of rights at a scope: deny assignments, the caller's own permissions, PIM (Azure contract §1.7)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..rights.values import EVERYONE, DenyAssignment, RoleAssignment
from ..service import Service
from .plane import bad_request, stamp
from .resources.versions import type_of_other_clouds, version_of_other_clouds
from .scopes import ANY_SCOPE, PROVIDER, Filter, ScopePlane, definition_id, entry_id, permission_json

_EFFECTS_SINCE = "2024-07-01-preview"
"""The first api-version of deny assignments with an effect (learn.microsoft.com, DenyAssignmentEffect)."""
_ELIGIBLE, _ACTIVE = "roleEligibilityScheduleInstances", "roleAssignmentScheduleInstances"


def add_insight_routes(app: web.Application, service: Service) -> None:
    insight = Insight(service)
    app.router.add_get(ANY_SCOPE + "/denyAssignments", insight.denials)
    app.router.add_get(ANY_SCOPE + "/permissions", insight.permissions)
    app.router.add_get(f"{ANY_SCOPE}/{_ELIGIBLE}", insight.eligible)
    app.router.add_get(f"{ANY_SCOPE}/{_ACTIVE}", insight.active)


class Insight(ScopePlane):
    async def denials(self, request: web.Request) -> web.Response:
        scope, wanted = self._asked(request, f"{PROVIDER}/denyAssignments/read")
        version = request.query["api-version"]
        knows_effects = version >= _EFFECTS_SINCE
        if knows_effects and self._service.profile.deny_effect == "unknown":
            raise version_of_other_clouds(request.path, version)
        shows_audits = knows_effects or self._service.profile.audit_denials == "listed"
        found = [
            deny
            for deny in self._rights.deny_assignments
            if self._matches(wanted, scope, deny.scope, deny.principals) and (shows_audits or deny.effect != "audit")
        ]
        return self._page(found, request, lambda deny: self._denial_json(deny, with_effect=knows_effects))

    async def permissions(self, request: web.Request) -> web.Response:
        """The caller's own rights. Everybody may ask; who has none is told so by an empty list."""
        caller = self._caller(request)
        scope = self._scope(request, caller)
        self._require_existing(scope)
        found = self._rights.unconditional_permissions(caller.object_id, scope)
        return self._page(found, request, permission_json)

    async def eligible(self, request: web.Request) -> web.Response:
        scope, wanted = self._asked(request, f"{PROVIDER}/{_ELIGIBLE}/read")
        return self._instances(request, scope, wanted, self._rights.unexpired(self._rights.eligible), _ELIGIBLE)

    async def active(self, request: web.Request) -> web.Response:
        scope, wanted = self._asked(request, f"{PROVIDER}/{_ACTIVE}/read")
        return self._instances(request, scope, wanted, self._rights.readable_assignments(), _ACTIVE)

    # Helpers -------------------------------------------------------------------------------------------------------

    def _asked(self, request: web.Request, action: str) -> tuple[str, Filter]:
        caller = self._caller(request)
        scope = self._scope(request, caller)
        self._require(caller, action, scope)
        return scope, Filter.of(request)

    def _instances(
        self, request: web.Request, scope: str, wanted: Filter, entries: list[RoleAssignment], kind: str
    ) -> web.Response:
        self._require_pim(request, wanted)
        found = [entry for entry in entries if self._matches(wanted, scope, entry.scope, [entry.principal_id])]
        return self._page(found, request, lambda entry: self._instance_json(entry, kind))

    def _require_pim(self, request: web.Request, wanted: Filter) -> None:
        """Refuse as a tenant or cloud without Privileged Identity Management does, and filters that are not served."""
        profile = self._service.profile
        if profile.pim == "unlicensed":
            message = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license."
            raise bad_request(message, "AadPremiumLicenseRequired")
        if profile.pim == "absent":
            raise type_of_other_clouds(request.path, request.query["api-version"])
        if profile.pim_filters == "single" and wanted.at_scope and wanted.assigned_to is not None:
            raise bad_request(f"The filter '{request.query['$filter']}' is not supported.", "UnsupportedQuery")

    def _instance_json(self, entry: RoleAssignment, kind: str) -> dict[str, Any]:
        created = stamp(entry.created)
        properties: dict[str, Any] = {
            "scope": entry.scope,
            "roleDefinitionId": definition_id(entry.scope, entry.role_guid),
            "principalId": entry.principal_id,
            "principalType": self._shown_principal_type(entry),
            "memberType": "Direct",
            "status": "Provisioned",
            "startDateTime": created,
            "endDateTime": stamp(entry.ends) if entry.ends is not None else None,
            "condition": entry.condition,
            "conditionVersion": "2.0" if entry.condition else None,
            "createdOn": created,
        }
        if kind == _ACTIVE:
            properties["assignmentType"] = "Assigned"
            properties["originRoleAssignmentId"] = entry_id(entry, "roleAssignments")
        return {
            "id": entry_id(entry, kind),
            "type": f"{PROVIDER}/{kind}",
            "name": entry.name,
            "properties": properties,
        }

    def _denial_json(self, deny: DenyAssignment, *, with_effect: bool) -> dict[str, Any]:
        return {
            "id": entry_id(deny, "denyAssignments"),
            "type": f"{PROVIDER}/denyAssignments",
            "name": deny.name,
            "properties": {
                "denyAssignmentName": deny.display_name,
                "description": "",
                "permissions": [permission_json(entry) for entry in deny.permissions],
                "scope": deny.scope,
                "doNotApplyToChildScopes": deny.do_not_apply_to_child_scopes,
                "principals": [self._principal_json(entry) for entry in deny.principals],
                "excludePrincipals": [self._principal_json(entry) for entry in deny.exclude_principals],
                "isSystemProtected": deny.system_protected,
                **({"denyAssignmentEffect": deny.effect} if with_effect else {}),
            },
        }

    def _principal_json(self, principal_id: str) -> dict[str, str]:
        if principal_id == EVERYONE:
            return {"id": principal_id, "type": "SystemDefined"}
        return {"id": principal_id, "type": self._state.principal_type(principal_id) or "Unknown"}
