# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the routes of Microsoft.Authorization share: they hang on any scope, and take filters (Azure contract §1.7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from ...wire import json_response
from ..entra.tokens import Caller
from ..rights.roles import PermissionSet
from ..rights.values import EVERYONE, DenyAssignment, RoleAssignment
from ..service import AzureError, page_of
from .plane import ArmPlane, bad_request

T = TypeVar("T")

PROVIDER = "Microsoft.Authorization"
ANY_SCOPE = "/{scope:(?:.*/)?}providers/Microsoft.Authorization"
"""The beginning of a route at any scope. In the journal it is `/{scope}providers/Microsoft.Authorization`."""

_SUBSCRIPTION = re.compile(r"(/subscriptions/([^/]+))(/.*)?", re.IGNORECASE)
_MANAGEMENT_GROUP = re.compile(r"/providers/Microsoft\.Management/managementGroups/[^/]+", re.IGNORECASE)
_CLAUSE = re.compile(r"(principalId)\s+eq\s+'([^']*)'|(assignedTo)\('([^']*)'\)|(atScope)\(\)", re.IGNORECASE)


@dataclass(frozen=True)
class Filter:
    """`atScope()`: nothing below the scope. `principalId eq`: no groups. `assignedTo()`: groups included."""

    at_scope: bool = False
    principal: str | None = None
    assigned_to: str | None = None

    @classmethod
    def of(cls, request: web.Request) -> Filter:
        text = request.query.get("$filter", "").strip()
        clauses = [_CLAUSE.fullmatch(part.strip()) for part in re.split(r"\s+and\s+", text)] if text else []
        found: dict[str, Any] = {}
        for clause in clauses:
            if clause is None:
                raise bad_request(f"The filter '{text}' is not supported.", "UnsupportedQuery")
            if clause[1]:
                found["principal"] = clause[2].lower()
            elif clause[3]:
                found["assigned_to"] = clause[4].lower()
            else:
                found["at_scope"] = True
        if "principal" in found and len(found) > 1:
            # Source: a comment in Azure CLI's command_modules/role/custom.py (search_role_assignments).
            raise bad_request(f"The filter '{text}' is not supported.", "UnsupportedQuery")
        return cls(**found)


class ScopePlane(ArmPlane):
    """The base of the handlers of Microsoft.Authorization."""

    def _scope(self, request: web.Request, caller: Caller) -> str:
        """The scope of the path, with one slash where there are several; it must be of the caller's tenant."""
        scope = "/" + re.sub("/+", "/", request.match_info["scope"]).strip("/")
        if subscription := _SUBSCRIPTION.fullmatch(scope):
            self._subscription(subscription[2], caller)
        elif is_management_group(scope):
            tenant_id = self._state.management_groups.get(scope.lower())
            if tenant_id is None:
                raise AzureError(404, "NotFound", f"The management group '{scope}' cannot be found.")
            self._require_tenant(caller, tenant_id, "management group")
        elif scope != "/":
            raise AzureError(404, "InvalidScope", f"The scope '{scope}' is not valid.")
        return scope

    def _require_existing(self, scope: str) -> None:
        """Refuse a resource or resource group that is not there."""
        parts = scope.strip("/").split("/")
        if not _SUBSCRIPTION.fullmatch(scope) or len(parts) < 4:
            return
        self._require_group(self._state.subscriptions[parts[1].lower()], parts[3])
        stores = [*self._state.vaults.values(), *self._state.managed_hsms.values()]
        if len(parts) > 4 and not any(self._rights.within(scope, store.resource_id) for store in stores):
            raise AzureError(404, "ResourceNotFound", f"The resource '{scope}' was not found.")

    def _matches(self, wanted: Filter, scope: str, entry_scope: str, principals: Sequence[str]) -> bool:
        """Whether an entry at a scope, for these principals, belongs into the list at the asked scope."""
        above = self._rights.within(scope, entry_scope)
        if not above and (wanted.at_scope or not self._rights.within(entry_scope, scope)):
            return False
        held = {principal.lower() for principal in principals}
        if wanted.principal is not None and wanted.principal not in held:
            return False
        return wanted.assigned_to is None or bool(held & {*self._rights.identities(wanted.assigned_to), EVERYONE})

    def _page(self, items: Sequence[T], request: web.Request, render: Callable[[T], dict[str, Any]]) -> web.Response:
        return json_response(page_of(items, request, self._state.arm_page_size, render, "$top"))

    def _shown_principal_type(self, entry: RoleAssignment) -> str:
        """The directory's word; a service principal that is not there any more is unknown (T19)."""
        known = self._state.principal_type(entry.principal_id)
        return known or ("Unknown" if entry.principal_type == "ServicePrincipal" else entry.principal_type)


def is_management_group(scope: str) -> bool:
    return bool(_MANAGEMENT_GROUP.fullmatch(scope))


def definition_id(scope: str, guid: str) -> str:
    """A role definition's id as it is shown at a scope: with the subscription in front if there is one."""
    subscription = _SUBSCRIPTION.fullmatch(scope)
    return f"{subscription[1] if subscription else ''}/providers/{PROVIDER}/roleDefinitions/{guid}"


def entry_id(entry: RoleAssignment | DenyAssignment, kind: str) -> str:
    return f"{entry.scope.rstrip('/')}/providers/{PROVIDER}/{kind}/{entry.name}"


def permission_json(permissions: PermissionSet) -> dict[str, Any]:
    return {
        "actions": list(permissions.actions),
        "notActions": list(permissions.not_actions),
        "dataActions": list(permissions.data_actions),
        "notDataActions": list(permissions.not_data_actions),
    }
