# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Graph on a tenant: applications, service principals, memberships, consent (Azure contract §3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..entra.directory import Application
from ..state import CloudState
from .objects import application_json, grant_json, group_json, key_vault_principal_json, principal_json
from .queries import GUID, Call, GraphError, Reply, bad_request, not_found, page, single

READ_APPLICATIONS = frozenset(
    {
        "Application.Read.All",
        "Application.ReadWrite.OwnedBy",
        "Application.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    }
)
_READ_GROUPS = frozenset(
    {
        "GroupMember.Read.All",
        "Group.Read.All",
        "GroupMember.ReadWrite.All",
        "Group.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    }
)
_READ_GRANTS = frozenset(
    {
        "DelegatedPermissionGrant.Read.All",
        "DelegatedPermissionGrant.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    }
)
_READ_POLICIES = frozenset({"Policy.Read.All", "Policy.ReadWrite.ApplicationConfiguration"})
_MOST_GROUPS = 20
_MOST_OBJECTS = 1000


@dataclass(frozen=True)
class Route:
    """A call of the version v1.0: its path, who may use it (any one of the permissions is enough), what it does."""

    method: str
    template: str
    permissions: frozenset[str]
    handle: Callable[[Call], Reply]


class GraphDirectory:
    """The handlers. Each sees the tenant of the caller and no other."""

    def __init__(self, state: CloudState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """All calls that are served."""
        applications, principals = (
            ("/applications/{id}", "/applications(appId='{app_id}')"),
            (
                "/servicePrincipals/{id}",
                "/servicePrincipals(appId='{app_id}')",
            ),
        )
        read = [
            Route("GET", "/applications", READ_APPLICATIONS, self.applications),
            Route("GET", "/applications(uniqueName='{unique_name}')", READ_APPLICATIONS, self.application),
            *(Route("GET", path, READ_APPLICATIONS, self.application) for path in applications),
            Route("GET", "/servicePrincipals", READ_APPLICATIONS, self.principals),
            *(Route("GET", path, READ_APPLICATIONS, self.principal) for path in principals),
            Route("POST", "/directoryObjects/getByIds", READ_APPLICATIONS | _READ_GROUPS, self.objects),
            Route("GET", "/oauth2PermissionGrants", _READ_GRANTS, self.grants),
            Route("GET", "/policies/defaultAppManagementPolicy", _READ_POLICIES, self.default_policy),
            Route("GET", "/applications/{id}/appManagementPolicies", _READ_POLICIES, self.policies_of),
        ]
        for path in principals:
            read += [
                Route("GET", f"{path}/transitiveMemberOf", READ_APPLICATIONS, self.member_of),
                Route("GET", f"{path}/transitiveMemberOf/microsoft.graph.group", READ_APPLICATIONS, self.groups_of),
                Route("POST", f"{path}/checkMemberGroups", _READ_GROUPS, self.check_groups),
                Route("GET", f"{path}/oauth2PermissionGrants", _READ_GRANTS, self.grants_of),
            ]
        return read

    # Applications ----------------------------------------------------------------------------------------------------

    def applications(self, call: Call) -> Reply:
        found = self._tenants_applications(call, "object_id")
        items = [self.application_json(self._shown(app), False) for app in found]
        filterable = ("id", "appId", "displayName", "uniqueName")
        return page(call, items, "application", self._state.graph_page_size, filterable)

    def application(self, call: Call) -> Reply:
        """One application; the public keys of its certificates come only where `keyCredentials` is selected."""
        found = self.named_application(call)
        return single(call, self.application_json(self._shown(found), "keyCredentials" in call.select), "application")

    def _shown(self, app: Application) -> Application:
        """The registration as the server knows it that answers this read."""
        return self._state.directory.replicas.shown(app.object_id, app)

    def _shown_principal(self, app: Application, *, with_keys: bool = False) -> dict[str, Any]:
        shown = self._state.directory.replicas.shown(app.service_principal_id, app)
        return self.principal_json(shown, with_keys=with_keys)

    def principal_json(self, app: Application, *, with_keys: bool = False) -> dict[str, Any]:
        return principal_json(app, self._state.graph_thumbprints, with_keys)

    def named_application(self, call: Call) -> Application:
        """The application of the path: by its object id, client id or unique name."""
        name, wanted = next(iter(call.params.items()))
        member = {"id": "object_id", "app_id": "client_id", "unique_name": "unique_name"}[name]
        return self._one(call, member, wanted.replace("''", "'"), "object_id")

    def application_json(self, app: Application, with_keys: bool) -> dict[str, Any]:
        knows = self._state.graph_knows_is_disabled()
        return application_json(app, self._state.graph_thumbprints, with_keys, knows_is_disabled=knows)

    def _tenants_applications(self, call: Call, identity: str) -> list[Application]:
        """The applications of the tenant whose part of that name (`object_id` for instance) has been replicated."""
        directory = self._state.directory
        return [
            app
            for app in directory.applications.values()
            if app.tenant_id == call.caller.tenant_id and directory.replicated(getattr(app, identity))
        ]

    def _one(self, call: Call, member: str, wanted: str, identity: str) -> Application:
        """The application with that value, provided that its part has been replicated; others are left alone."""
        directory = self._state.directory
        for app in directory.applications.values():
            value = getattr(app, member)
            if app.tenant_id == call.caller.tenant_id and value and value.lower() == wanted.lower():
                absent = identity == "service_principal_id" and not app.has_service_principal
                if not absent and directory.replicated(getattr(app, identity)):
                    return app
        raise not_found(wanted)

    # Management policies ---------------------------------------------------------------------------------------------

    def default_policy(self, call: Call) -> Reply:
        """The tenant's policy, which always exists and restricts nothing unless somebody has switched it on."""
        policy = self._state.app_policy(call.caller.tenant_id)
        return single(call, policy.as_default_json(), "tenantAppManagementPolicy")

    def policies_of(self, call: Call) -> Reply:
        """The policy of one application, where it has one of its own."""
        policy = self.named_application(call).policy
        return page(call, [policy.as_own_json()] if policy else [], "appManagementPolicy", 1)

    # Service principals ----------------------------------------------------------------------------------------------

    def principals(self, call: Call) -> Reply:
        filterable = ("id", "appId", "displayName", "servicePrincipalNames")
        return page(call, self._principals(call), "servicePrincipal", self._state.graph_page_size, filterable)

    def _principals(self, call: Call) -> list[dict[str, Any]]:
        there = [
            self._shown_principal(app)
            for app in self._tenants_applications(call, "service_principal_id")
            if app.has_service_principal
        ]
        return [*there, key_vault_principal_json(self._state.cloud, call.caller.tenant_id)]

    def principal(self, call: Call) -> Reply:
        """One service principal; the public keys of its certificates come only where `keyCredentials` is selected."""
        return single(call, self._principal(call, with_keys="keyCredentials" in call.select), "servicePrincipal")

    def named_principal(self, call: Call) -> Application:
        """The application of the service principal of the path, which is none of Microsoft's."""
        name, wanted = next(iter(call.params.items()))
        member = "service_principal_id" if name == "id" else "client_id"
        return self._one(call, member, wanted, "service_principal_id")

    def _principal(self, call: Call, *, with_keys: bool = False) -> dict[str, Any]:
        """The service principal of the path: by its object id or by the application's client id."""
        name, wanted = next(iter(call.params.items()))
        service = key_vault_principal_json(self._state.cloud, call.caller.tenant_id)
        if service["id" if name == "id" else "appId"] == wanted.lower():
            return service
        return self._shown_principal(self.named_principal(call), with_keys=with_keys)

    def objects(self, call: Call) -> Reply:
        """Applications, service principals and groups by their ids. What is not there is passed over."""
        body = call.body if isinstance(call.body, dict) else {}
        wanted, kinds = body.get("ids"), body.get("types") or ["directoryObject"]
        if not isinstance(wanted, list) or not all(isinstance(one, str) and GUID.fullmatch(one) for one in wanted):
            raise bad_request("Invalid value specified for parameter 'ids'.")
        if len(wanted) > _MOST_OBJECTS:
            raise bad_request(f"The number of ids exceeds the maximum of {_MOST_OBJECTS}.")
        ids = {one.lower() for one in wanted}
        items = [
            *(("application", self.application_json(app, False)) for app in self._tenants_applications(call, "object_id")),
            *(("servicePrincipal", found) for found in self._principals(call)),
            *(
                ("group", group_json(group, bool(_READ_GROUPS & call.caller.roles)))
                for group in self._state.directory.groups.values()
                if group.tenant_id == call.caller.tenant_id
            ),
        ]
        found = [
            {"@odata.type": f"#microsoft.graph.{kind}", **item}
            for kind, item in items
            if item["id"] in ids and not {kind, "directoryObject"}.isdisjoint(kinds)
        ]
        return Reply(body={"value": found})

    # Memberships -----------------------------------------------------------------------------------------------------

    def member_of(self, call: Call) -> Reply:
        """The groups of a service principal, through other groups too."""
        principal = self._principal(call)
        readable = bool(_READ_GROUPS & call.caller.roles)
        mine = self._state.directory.groups_of(principal["id"])
        groups = [group for group in self._state.directory.groups.values() if group.group_id in mine]
        items = [group_json(group, readable) for group in groups if self._state.directory.replicated(group.group_id)]
        return page(call, items, "directoryObject", self._state.graph_page_size)

    def groups_of(self, call: Call) -> Reply:
        """The same cast to groups, which is an advanced query."""
        if not call.advanced:
            raise GraphError(
                400,
                "Request_UnsupportedQuery",
                "An OData cast needs the header 'ConsistencyLevel: eventual' and the query parameter $count=true.",
            )
        return self.member_of(call)

    def check_groups(self, call: Call) -> Reply:
        """Which of up to twenty groups the service principal belongs to. Ids of unknown groups are passed over."""
        principal = self._principal(call)
        wanted = call.body.get("groupIds") if isinstance(call.body, dict) else None
        if not isinstance(wanted, list) or not all(isinstance(one, str) and GUID.fullmatch(one) for one in wanted):
            raise bad_request("Invalid value specified for parameter 'groupIds'.")
        if len(wanted) > _MOST_GROUPS:
            raise bad_request(f"The number of group ids exceeds the maximum of {_MOST_GROUPS}.")
        mine = self._state.directory.groups_of(principal["id"])
        return Reply(body={"value": [one for one in wanted if one.lower() in mine]})

    # Consent ---------------------------------------------------------------------------------------------------------

    def grants(self, call: Call) -> Reply:
        items = [
            grant_json(grant)
            for grant in self._state.directory.grants.values()
            if grant.tenant_id == call.caller.tenant_id
        ]
        filterable = ("clientId", "consentType", "principalId", "resourceId")
        return page(call, items, "oAuth2PermissionGrant", self._state.graph_page_size, filterable)

    def grants_of(self, call: Call) -> Reply:
        """The grants of which the service principal is the client."""
        principal = self._principal(call)
        grants = self._state.directory.grants.values()
        items = [grant_json(grant) for grant in grants if grant.client_principal_id == principal["id"]]
        return page(call, items, "oAuth2PermissionGrant", self._state.graph_page_size)
