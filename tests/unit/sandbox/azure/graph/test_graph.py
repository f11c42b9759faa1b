# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Graph of the sandbox: applications, service principals, groups, consent, batches (Azure contract §3)."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import jwt
import pytest

from sandbox import Fault, Sandbox
from sandbox.authorities import self_signed
from sandbox.azure.clouds import GOVERNMENT, PUBLIC
from support.azure_callers import GRAPH, ask_token, bearer, graph_client

APPLICATIONS, PRINCIPALS = "/v1.0/applications", "/v1.0/servicePrincipals"
EVERYTHING = ("Application.Read.All", "GroupMember.Read.All", "DelegatedPermissionGrant.Read.All")


@pytest.fixture
def graph_of(anonymous: Any) -> Callable[..., Any]:
    return partial(graph_client, anonymous)


@pytest.fixture
def graph(graph_of: Any, estate: Any) -> Any:
    return graph_of(estate, *EVERYTHING)


@pytest.fixture
def app(estate: Any) -> Any:
    """The estate's application itself."""
    return estate.do(lambda azure: azure.application(estate.client_id))


def add_app(estate: Any, name: str, **details: Any) -> Any:
    return estate.do(lambda azure: azure.add_application(estate.tenant_id, name, **details))


def batch(graph: Any, *requests: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The answers of a batch by the id of the request."""
    answer = graph("POST", "/v1.0/$batch", {"requests": list(requests)})
    assert answer.status == 200, answer.text
    return {response["id"]: response for response in answer.json["responses"]}


# Tokens and permissions -----------------------------------------------------------------------------------------------


def test_without_a_token_graph_answers_401(anonymous: Any) -> None:
    answer = type(anonymous)(anonymous.pool, "https://graph.microsoft.com")("GET", APPLICATIONS)

    assert (answer.status, answer.json["error"]["code"]) == (401, "InvalidAuthenticationToken")


def test_a_token_for_resource_manager_is_refused(anonymous: Any, estate: Any) -> None:
    token = bearer(anonymous.pool, estate, "https://management.azure.com")
    answer = type(anonymous)(anonymous.pool, "https://graph.microsoft.com", token)("GET", APPLICATIONS)

    assert answer.status == 401
    assert "audience" in answer.json["error"]["message"]


def test_an_expired_token_is_refused(sb: Sandbox, graph: Any) -> None:
    sb.clock.advance(4000)
    answer = graph("GET", APPLICATIONS)
    sb.clock.advance(-4000)

    assert "expired" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("permission", "statuses"),
    [
        ("Application.Read.All", (200, 200, 403, 403)),
        ("Application.ReadWrite.OwnedBy", (200, 200, 403, 403)),
        ("Application.ReadWrite.All", (200, 200, 403, 403)),
        ("GroupMember.Read.All", (403, 403, 200, 403)),
        ("DelegatedPermissionGrant.ReadWrite.All", (403, 403, 403, 200)),
        ("Directory.Read.All", (200, 200, 200, 200)),
        ("User.Read.All", (403, 403, 403, 403)),
    ],
)
def test_each_permission_opens_its_own_objects(
    graph_of: Any, estate: Any, app: Any, permission: str, statuses: tuple[int, ...]
) -> None:
    graph = graph_of(estate, permission)
    principal = f"{PRINCIPALS}/{app.service_principal_id}"

    found = (
        graph("GET", APPLICATIONS).status,
        graph("GET", principal).status,
        graph("POST", f"{principal}/checkMemberGroups", {"groupIds": []}).status,
        graph("GET", "/v1.0/oauth2PermissionGrants").status,
    )

    assert found == statuses


def test_a_refusal_has_the_form_of_graph(graph_of: Any, estate: Any) -> None:
    error = graph_of(estate)("GET", APPLICATIONS).json["error"]

    assert error["code"] == "Authorization_RequestDenied"
    assert error["message"] == "Insufficient privileges to complete the operation."
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}


def test_a_permission_counts_from_the_next_token_on(graph_of: Any, estate: Any) -> None:
    graph = graph_of(estate)
    estate.do(lambda azure: azure.allow_graph(estate.client_id, "Application.Read.All"))

    assert (graph("GET", APPLICATIONS).status, graph_of(estate)("GET", APPLICATIONS).status) == (403, 200)


def test_permissions_of_graph_are_in_no_token_for_another_service(graph: Any, estate: Any) -> None:
    token = bearer(graph.pool, estate, "https://management.azure.com").removeprefix("Bearer ")

    assert "roles" not in jwt.decode(token, options={"verify_signature": False})


def test_a_caller_sees_its_own_tenant_only(graph: Any, make_estate: Any) -> None:
    other = make_estate()

    assert graph("GET", APPLICATIONS, **{"$filter": f"appId eq '{other.client_id}'"}).json["value"] == []


@pytest.mark.parametrize("cloud", ["public", "government"])
def test_each_cloud_has_a_graph_of_its_own(graph_of: Any, make_estate: Any, cloud: str) -> None:
    estate = make_estate(cloud)
    found = graph_of(estate, *EVERYTHING)("GET", f"{APPLICATIONS}(appId='{estate.client_id}')")

    assert found.json["appId"] == estate.client_id


# Applications ---------------------------------------------------------------------------------------------------------


def test_object_client_and_principal_ids_are_three(graph: Any, estate: Any, app: Any) -> None:
    found = graph("GET", f"{APPLICATIONS}(appId='{estate.client_id}')").json
    principal = graph("GET", f"{PRINCIPALS}(appId='{estate.client_id}')").json

    assert (found["id"], found["appId"], principal["id"]) == (
        app.object_id,
        app.client_id,
        app.service_principal_id,
    )
    assert len({found["id"], found["appId"], principal["id"]}) == 3


@pytest.mark.parametrize(
    ("path", "member"),
    [(APPLICATIONS, "client_id"), (APPLICATIONS, "service_principal_id"), (PRINCIPALS, "object_id")],
)
def test_an_id_of_another_kind_leads_nowhere(graph: Any, app: Any, path: str, member: str) -> None:
    answer = graph("GET", f"{path}/{getattr(app, member)}")

    assert (answer.status, answer.json["error"]["code"]) == (404, "Request_ResourceNotFound")


@pytest.mark.parametrize("template", ["displayName eq '{}'", "startswith(displayName,'{}')"])
def test_filters_quote_an_apostrophe_by_doubling_it(graph: Any, estate: Any, names: Any, template: str) -> None:
    name = f"O'Neil {names.new()}"
    made = add_app(estate, name)
    expression = template.format(name.replace("'", "''"))

    answer = graph("GET", APPLICATIONS, **{"$filter": expression})

    assert [item["id"] for item in answer.json["value"]] == [made.object_id]


@pytest.mark.parametrize(
    "expression",
    [
        "displayName eq 'it's'",
        "displayName = 'x'",
        "displayName contains 'x'",
        "secretText eq 'x'",
        "displayName eq '' displayName eq ''",
    ],
)
def test_a_filter_that_makes_no_sense_is_a_bad_request(graph: Any, app: Any, expression: str) -> None:
    answer = graph("GET", APPLICATIONS, **{"$filter": expression})

    assert (answer.status, answer.json["error"]["code"]) == (400, "BadRequest")


def test_a_filter_by_an_id_that_is_none_is_refused_by_the_directory(graph: Any) -> None:
    answer = graph("GET", APPLICATIONS, **{"$filter": "appId eq 'no-guid'"})

    assert (answer.status, answer.json["error"]["code"]) == (400, "Request_BadRequest")


@pytest.mark.parametrize(
    ("path", "expression"),
    [
        (APPLICATIONS, "signInAudience eq 'AzureADMyOrg'"),
        (APPLICATIONS, "startswith(appId,'0')"),
        (PRINCIPALS, "appOwnerOrganizationId eq 'x'"),
        (PRINCIPALS, "servicePrincipalNames eq 'x'"),
        (PRINCIPALS, "displayName/any(x:x eq 'y')"),
    ],
)
def test_a_filter_that_the_property_does_not_offer_is_unsupported(
    graph: Any, app: Any, path: str, expression: str
) -> None:
    answer = graph("GET", path, **{"$filter": expression})

    assert (answer.status, answer.json["error"]["code"]) == (400, "Request_UnsupportedQuery")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"$expand": "owners"}, "Request_UnsupportedQuery"),
        ({"$orderby": "displayName"}, "Request_UnsupportedQuery"),
        ({"$search": '"displayName:x"'}, "Request_UnsupportedQuery"),
        ({"$fliter": "appId eq 'x'"}, "BadRequest"),
        ({"$select": "id,apId"}, "BadRequest"),
    ],
)
def test_a_query_option_that_is_not_served_is_refused(graph: Any, app: Any, query: dict[str, str], code: str) -> None:
    answer = graph("GET", APPLICATIONS, **query)

    assert (answer.status, answer.json["error"]["code"]) == (400, code)


@pytest.mark.parametrize("option", ["$filter", "$top"])
def test_a_single_object_takes_no_options_of_lists(graph: Any, app: Any, option: str) -> None:
    answer = graph("GET", f"{APPLICATIONS}/{app.object_id}", **{option: "1"})

    assert (answer.status, answer.json["error"]["code"]) == (400, "BadRequest")
    assert "only on collections" in answer.json["error"]["message"]


def test_another_version_of_graph_does_not_exist(graph: Any) -> None:
    answer = graph("GET", "/v2.0/applications")

    assert (answer.status, answer.json["error"]["message"]) == (400, "Invalid version: v2.0")


def test_a_service_principal_is_found_by_one_of_its_names(graph: Any, app: Any) -> None:
    expression = f"servicePrincipalNames/any(c:c eq '{app.client_id}')"

    found = graph("GET", PRINCIPALS, **{"$filter": expression}).json["value"]

    assert [item["id"] for item in found] == [app.service_principal_id]


def test_objects_are_found_by_their_ids(graph: Any, estate: Any, app: Any) -> None:
    group = estate.do(lambda azure: azure.add_group(estate.tenant_id, "keepers", [app]))
    ids = [app.service_principal_id, group.group_id, str(uuid4())]

    found = graph("POST", "/v1.0/directoryObjects/getByIds", {"ids": ids}).json["value"]

    assert {(item["@odata.type"], item["id"]) for item in found} == {
        ("#microsoft.graph.servicePrincipal", app.service_principal_id),
        ("#microsoft.graph.group", group.group_id),
    }


@pytest.mark.parametrize("body", [{}, {"ids": "x"}, {"ids": ["no-guid"]}, {"ids": [str(uuid4())] * 1001}])
def test_ids_that_are_none_are_refused(graph: Any, body: dict[str, Any]) -> None:
    assert graph("POST", "/v1.0/directoryObjects/getByIds", body).status == 400


def test_display_names_are_not_unique(graph: Any, estate: Any, names: Any) -> None:
    name = names.new()
    made = {add_app(estate, name).object_id for _index in range(2)}

    found = graph("GET", APPLICATIONS, **{"$filter": f"displayName eq '{name.upper()}'"}).json["value"]

    assert {item["id"] for item in found} == made


def test_an_application_is_found_by_its_unique_name(graph: Any, estate: Any, names: Any) -> None:
    name = names.new()
    made = add_app(estate, "some name", unique_name=name)

    assert graph("GET", f"{APPLICATIONS}(uniqueName='{name}')").json["id"] == made.object_id


def test_clauses_are_joined_by_and(graph: Any, estate: Any, names: Any) -> None:
    name = names.new()
    made = [add_app(estate, name) for _index in range(2)]
    expression = f"displayName eq '{name}' and appId eq '{made[1].client_id}'"

    found = graph("GET", APPLICATIONS, **{"$filter": expression}).json["value"]

    assert [item["id"] for item in found] == [made[1].object_id]


def test_a_selection_gives_these_members_and_no_others(graph: Any, app: Any) -> None:
    found = graph("GET", f"{APPLICATIONS}/{app.object_id}", **{"$select": "appId,displayName"}).json

    assert {name for name in found if not name.startswith("@")} == {"appId", "displayName"}


def test_an_unknown_member_cannot_be_selected(graph: Any) -> None:
    assert graph("GET", APPLICATIONS, **{"$select": "appId,colour"}).status == 400


def test_lists_come_in_pages(graph: Any, estate: Any, names: Any) -> None:
    name = names.new()
    made = {add_app(estate, name).object_id for _index in range(3)}
    seen: list[str] = []
    answer = graph("GET", APPLICATIONS, **{"$filter": f"displayName eq '{name}'", "$top": "2", "$select": "id"}).json
    sizes = [len(answer["value"])]
    while True:
        seen += [item["id"] for item in answer["value"]]
        following = answer.get("@odata.nextLink")
        if following is None:
            break
        answer = graph("GET", following.removeprefix(graph.base)).json
        sizes.append(len(answer["value"]))

    assert (set(seen), sizes) == (made, [2, 1])


@pytest.mark.parametrize("size", ["0", "1000", "many"])
def test_a_page_has_between_1_and_999_items(graph: Any, size: str) -> None:
    assert graph("GET", APPLICATIONS, **{"$top": size}).status == 400


def test_a_secret_is_shown_by_hint_and_dates_only(graph: Any, estate: Any, app: Any) -> None:
    secret = estate.do(lambda azure: azure.add_secret(estate.client_id, name="for DSM"))

    answer = graph("GET", f"{APPLICATIONS}/{app.object_id}")

    shown = answer.json["passwordCredentials"][-1]
    assert (shown["keyId"], shown["displayName"], shown["hint"]) == (secret.key_id, "for DSM", secret.value[:3])
    assert (shown["startDateTime"], shown["endDateTime"]) == (
        f"{secret.starts:%Y-%m-%dT%H:%M:%SZ}",
        f"{secret.expires:%Y-%m-%dT%H:%M:%SZ}",
    )
    assert secret.value not in answer.text


@pytest.mark.parametrize("form", ["hex", "base64"])
def test_a_certificate_is_named_by_its_thumbprint(graph: Any, estate: Any, app: Any, form: str) -> None:
    registered = estate.do(lambda azure: azure.add_certificate(estate.client_id, self_signed("dsm").certificate))
    expected = registered.sha1.hex().upper() if form == "hex" else base64.b64encode(registered.sha1).decode()

    estate.do(lambda azure: setattr(azure, "graph_thumbprints", form))
    (shown,) = graph("GET", f"{APPLICATIONS}/{app.object_id}").json["keyCredentials"]
    estate.do(lambda azure: setattr(azure, "graph_thumbprints", "hex"))

    assert (shown["customKeyIdentifier"], shown["type"], shown["usage"]) == (expected, "AsymmetricX509Cert", "Verify")


@pytest.mark.parametrize(("query", "shown"), [({}, False), ({"$select": "keyCredentials"}, True)])
def test_a_public_key_is_shown_only_where_it_is_selected(
    graph: Any, estate: Any, app: Any, query: dict[str, str], shown: bool
) -> None:
    estate.do(lambda azure: azure.add_certificate(estate.client_id, self_signed("dsm").certificate))

    (found,) = graph("GET", f"{APPLICATIONS}/{app.object_id}", **query).json["keyCredentials"]

    assert (found["key"] is not None) is shown


def test_a_list_never_shows_public_keys(graph: Any, estate: Any) -> None:
    estate.do(lambda azure: azure.add_certificate(estate.client_id, self_signed("dsm").certificate))
    query = {"$filter": f"appId eq '{estate.client_id}'", "$select": "keyCredentials"}

    ((found,),) = [item["keyCredentials"] for item in graph("GET", APPLICATIONS, **query).json["value"]]

    assert found["key"] is None


# Service principals ---------------------------------------------------------------------------------------------------


def test_a_service_principal_is_switched_off_apart_from_its_application(graph: Any, app: Any, estate: Any) -> None:
    estate.do(lambda azure: azure.disable_service_principal(estate.client_id))

    principal = graph("GET", f"{PRINCIPALS}/{app.service_principal_id}").json
    application = graph("GET", f"{APPLICATIONS}/{app.object_id}").json

    assert (principal["accountEnabled"], application["isDisabled"]) == (False, None)


def test_an_application_may_lack_its_service_principal(graph: Any, estate: Any) -> None:
    made = add_app(estate, "lonely", service_principal=False)

    assert graph("GET", f"{APPLICATIONS}(appId='{made.client_id}')").status == 200
    assert graph("GET", f"{PRINCIPALS}(appId='{made.client_id}')").status == 404
    assert graph("GET", PRINCIPALS, **{"$filter": f"appId eq '{made.client_id}'"}).json["value"] == []


@pytest.mark.parametrize("cloud", [PUBLIC, GOVERNMENT], ids=["public", "government"])
def test_azure_key_vault_is_in_each_tenant_with_ids_of_its_cloud(graph_of: Any, make_estate: Any, cloud: Any) -> None:
    estate = make_estate("public" if cloud is PUBLIC else "government")
    graph = graph_of(estate, *EVERYTHING)

    found = graph("GET", f"{PRINCIPALS}(appId='{cloud.key_vault_app_id}')").json

    (scope,) = found["oauth2PermissionScopes"]
    assert (scope["value"], scope["id"]) == ("user_impersonation", cloud.user_impersonation_id)
    assert found["appOwnerOrganizationId"] != estate.tenant_id


def test_the_clouds_share_no_id_of_azure_key_vault() -> None:
    ids = {PUBLIC.key_vault_app_id, PUBLIC.user_impersonation_id}

    assert not ids & {GOVERNMENT.key_vault_app_id, GOVERNMENT.user_impersonation_id}


# Groups ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def groups(estate: Any) -> tuple[Any, Any, Any]:
    """The application is in the inner group, the inner one in the outer; the third is other people's."""

    def build(azure: Any) -> tuple[Any, Any, Any]:
        inner = azure.add_group(estate.tenant_id, "inner", [estate.client_id])
        outer = azure.add_group(estate.tenant_id, "outer", [inner])
        return inner, outer, azure.add_group(estate.tenant_id, "others")

    made: tuple[Any, Any, Any] = estate.do(build)
    return made


def test_memberships_are_transitive(graph: Any, app: Any, groups: Any) -> None:
    found = graph("GET", f"{PRINCIPALS}/{app.service_principal_id}/transitiveMemberOf").json["value"]

    assert {item["displayName"] for item in found} == {"inner", "outer"}


def test_groups_that_contain_each_other_are_no_endless_loop(graph: Any, estate: Any, app: Any, groups: Any) -> None:
    inner, outer, _others = groups
    estate.do(lambda azure: azure.add_members(inner, outer))

    found = graph("GET", f"{PRINCIPALS}/{app.service_principal_id}/transitiveMemberOf").json["value"]

    assert {item["id"] for item in found} == {inner.group_id, outer.group_id}


def test_who_may_not_read_groups_sees_their_ids_only(graph_of: Any, estate: Any, app: Any, groups: Any) -> None:
    graph = graph_of(estate, "Application.Read.All")
    found = graph("GET", f"{PRINCIPALS}/{app.service_principal_id}/transitiveMemberOf").json["value"]

    assert {item["id"] for item in found} == {group.group_id for group in groups[:2]}
    assert {item["displayName"] for item in found} == {None}


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", {}, 400),
        ("?$count=true", {}, 400),
        ("", {"ConsistencyLevel": "eventual"}, 400),
        ("?$count=true", {"ConsistencyLevel": "eventual"}, 200),
    ],
)
def test_a_cast_to_groups_is_an_advanced_query(
    graph: Any, app: Any, groups: Any, query: str, headers: dict[str, str], status: int
) -> None:
    url = f"/servicePrincipals/{app.service_principal_id}/transitiveMemberOf/microsoft.graph.group{query}"

    answer = batch(graph, {"id": "1", "method": "GET", "url": url, "headers": headers})["1"]

    assert answer["status"] == status
    assert answer["body"].get("@odata.count") == (len(groups[:2]) if status == 200 else None)


def test_membership_of_given_groups_can_be_asked_for(graph: Any, app: Any, groups: Any) -> None:
    wanted = [*(group.group_id for group in groups), str(uuid4())]

    found = graph("POST", f"{PRINCIPALS}/{app.service_principal_id}/checkMemberGroups", {"groupIds": wanted}).json

    assert set(found["value"]) == {group.group_id for group in groups[:2]}


@pytest.mark.parametrize(
    "body", [{"groupIds": [str(uuid4()) for _index in range(21)]}, {"groupIds": ["x"]}, {"groupIds": "x"}, {}, []]
)
def test_at_most_twenty_group_ids_are_taken(graph: Any, app: Any, body: Any) -> None:
    assert graph("POST", f"{PRINCIPALS}/{app.service_principal_id}/checkMemberGroups", body).status == 400


# Consent --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["filter", "principal"])
def test_consent_is_found_by_its_client(graph: Any, estate: Any, app: Any, by: str) -> None:
    resource = graph("GET", f"{PRINCIPALS}(appId='{PUBLIC.key_vault_app_id}')").json["id"]
    estate.do(lambda azure: azure.add_grant(estate.client_id, resource, "user_impersonation"))
    path, query = {
        "filter": ("/v1.0/oauth2PermissionGrants", {"$filter": f"clientId eq '{app.service_principal_id}'"}),
        "principal": (f"{PRINCIPALS}/{app.service_principal_id}/oauth2PermissionGrants", {}),
    }[by]

    (grant,) = graph("GET", path, **query).json["value"]

    assert (grant["resourceId"], grant["scope"], grant["consentType"]) == (
        resource,
        "user_impersonation",
        "AllPrincipals",
    )


def test_a_wish_for_permissions_is_no_consent(graph: Any, estate: Any, app: Any) -> None:
    estate.do(lambda azure: azure.wish_access(estate.client_id, PUBLIC.key_vault_app_id, PUBLIC.user_impersonation_id))

    (wish,) = graph("GET", f"{APPLICATIONS}/{app.object_id}").json["requiredResourceAccess"]
    grants = graph("GET", f"{PRINCIPALS}/{app.service_principal_id}/oauth2PermissionGrants").json["value"]

    assert wish["resourceAccess"] == [{"id": PUBLIC.user_impersonation_id, "type": "Scope"}]
    assert grants == []


# Replication ----------------------------------------------------------------------------------------------------------


def test_a_fresh_application_is_missed_by_the_first_reads(graph: Any, estate: Any) -> None:
    def build(azure: Any) -> Any:
        azure.graph_lag_reads = 2
        made = azure.add_application(estate.tenant_id, "fresh")
        azure.graph_lag_reads = 0
        return made

    made = estate.do(build)

    assert [graph("GET", f"{APPLICATIONS}/{made.object_id}").status for _index in range(3)] == [404, 404, 200]


def test_service_principal_and_application_replicate_apart(graph: Any, estate: Any) -> None:
    def build(azure: Any) -> Any:
        azure.graph_lag_reads = 1
        made = azure.add_application(estate.tenant_id, "fresh")
        azure.graph_lag_reads = 0
        return made

    made = estate.do(build)
    paths = [f"{APPLICATIONS}/{made.object_id}"] * 2 + [f"{PRINCIPALS}/{made.service_principal_id}"] * 2

    assert [graph("GET", path).status for path in paths] == [404, 200, 404, 200]


# Batches --------------------------------------------------------------------------------------------------------------


def test_a_batch_answers_each_request_by_its_id_in_any_order(graph: Any, estate: Any, app: Any) -> None:
    answer = graph(
        "POST",
        "/v1.0/$batch",
        {
            "requests": [
                {"id": "app", "method": "GET", "url": f"/applications(appId='{estate.client_id}')?$select=id"},
                {"id": "sp", "method": "GET", "url": f"servicePrincipals/{app.service_principal_id}?$select=id"},
                {"id": "none", "method": "GET", "url": f"/applications/{uuid4()}"},
                {"id": "what", "method": "GET", "url": "/unheard/of"},
            ]
        },
    )

    responses = answer.json["responses"]
    assert [response["id"] for response in responses] != ["app", "sp", "none", "what"]
    assert {response["id"]: response["status"] for response in responses} == {
        "app": 200,
        "sp": 200,
        "none": 404,
        "what": 400,
    }


def test_rights_are_judged_for_each_request_of_a_batch(graph_of: Any, estate: Any, app: Any) -> None:
    answers = batch(
        graph_of(estate, "Application.Read.All"),
        {"id": "1", "method": "GET", "url": f"/applications/{app.object_id}"},
        {"id": "2", "method": "GET", "url": "/oauth2PermissionGrants"},
    )

    assert {name: answer["status"] for name, answer in answers.items()} == {"1": 200, "2": 403}
    assert answers["2"]["body"]["error"]["code"] == "Authorization_RequestDenied"


def test_a_fault_strikes_one_request_of_a_batch(sb: Sandbox, graph: Any, app: Any) -> None:
    sb.faults.add(Fault("graph", "GET", "/v1.0/applications/{id}", status=429, body='{"error":{}}', retry_after=7))
    request = {"method": "GET", "url": f"/applications/{app.object_id}"}

    answers = batch(graph, {"id": "1", **request}, {"id": "2", **request})

    assert (answers["1"]["status"], answers["1"]["headers"]["Retry-After"]) == (429, "7")
    assert answers["2"]["status"] == 200


def test_a_request_that_depends_on_a_failed_one_is_not_made(graph: Any, app: Any) -> None:
    answers = batch(
        graph,
        {"id": "1", "method": "GET", "url": f"/applications/{uuid4()}"},
        {"id": "2", "method": "GET", "url": f"/applications/{app.object_id}", "dependsOn": ["1"]},
    )

    assert answers["2"]["status"] == 424


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [{"id": str(number), "method": "GET", "url": "/applications"} for number in range(21)],
        [{"id": "1", "method": "GET", "url": "/applications"}] * 2,
        [{"id": "1", "method": "GET", "url": "https://graph.microsoft.com/v1.0/applications"}],
        [{"id": "1", "method": "GET"}],
        [{"id": "1", "method": "POST", "url": "/servicePrincipals/x/checkMemberGroups", "body": {"groupIds": []}}],
    ],
    ids=["empty", "21", "same id", "absolute", "no url", "body without type"],
)
def test_a_malformed_batch_is_refused_as_a_whole(graph: Any, requests: list[dict[str, Any]]) -> None:
    assert graph("POST", "/v1.0/$batch", {"requests": requests}).status == 400


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        ({"method": "GET", "url": "/applications"}, "read"),
        (
            {
                "method": "POST",
                "url": "/servicePrincipals/x/checkMemberGroups",
                "headers": {"Content-Type": "application/json"},
                "body": {"groupIds": []},
            },
            "read",
        ),
        ({"method": "PATCH", "url": "/applications/x"}, "write"),
    ],
)
def test_a_batch_is_one_entry_that_is_a_read_only_if_all_of_it_is(
    sb: Sandbox, graph: Any, request_: dict[str, Any], kind: str
) -> None:
    mark = sb.journal.mark()
    batch(graph, {"id": "0", "method": "GET", "url": "/servicePrincipals"}, {"id": "1", **request_})

    (entry,) = sb.journal.since(mark)

    assert (entry.plane, entry.route, entry.kind) == ("graph", "/v1.0/$batch", kind)


def test_checking_memberships_is_a_read(sb: Sandbox, graph: Any, app: Any) -> None:
    mark = sb.journal.mark()
    graph("POST", f"{PRINCIPALS}/{app.service_principal_id}/checkMemberGroups", {"groupIds": []})
    graph("POST", f"{PRINCIPALS}(appId='{app.client_id}')/checkMemberGroups", {"groupIds": []})

    assert [entry.kind for entry in sb.journal.since(mark)] == ["read", "read"]


# Entra ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        ("disable_application", 7000112),
        ("disable_service_principal", 7000112),
        ("remove_service_principal", 700016),
    ],
)
def test_no_token_without_a_living_application_and_principal(anonymous: Any, estate: Any, deed: str, code: int) -> None:
    estate.do(lambda azure: getattr(azure, deed)(estate.client_id))

    _status, body = ask_token(anonymous.pool, estate, "https://graph.microsoft.com")

    assert body["error_codes"] == [code]


@pytest.mark.parametrize(("who", "refused"), [("client_address", True), ("dsm_egress_address", False)])
def test_conditional_access_blocks_addresses(sb: Sandbox, anonymous: Any, estate: Any, who: str, refused: bool) -> None:
    estate.do(lambda azure: azure.block_client_addresses(estate.tenant_id, {getattr(sb, who)}))

    status, body = ask_token(anonymous.pool, estate, "https://management.azure.com")

    assert (status, body.get("error_codes")) == ((400, [53003]) if refused else (200, None))


def test_conditional_access_speaks_after_the_credential_was_judged(sb: Sandbox, anonymous: Any, estate: Any) -> None:
    estate.do(lambda azure: azure.block_client_addresses(estate.tenant_id, {sb.client_address}))

    _status, body = ask_token(anonymous.pool, estate, "https://management.azure.com", client_secret="wrong")

    assert body["error_codes"] == [7000215]


def test_dsm_passes_where_the_control_node_is_blocked(sb: Sandbox, admin: Any, estate: Any) -> None:
    estate.do(lambda azure: azure.block_client_addresses(estate.tenant_id, {sb.client_address}))

    assert admin("POST", "/sys/v1/groups/hmg/check", estate.link()).status == 204


# The world ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cloud", ["public", "government"])
def test_the_operator_of_the_world_reads_all_that_the_guide_is_about(sb: Sandbox, anonymous: Any, cloud: str) -> None:
    view = getattr(sb.world, cloud)
    operator = SimpleNamespace(
        cloud=cloud,
        tenant_id=view.tenant_id,
        client_id=view.operator_client_id,
        client_secret=view.operator_client_secret,
    )
    host = f"https://{GRAPH[cloud]}"
    graph = type(anonymous)(anonymous.pool, host, bearer(anonymous.pool, operator, host))
    principal = f"{PRINCIPALS}/{view.service_principal_id}"

    found = (
        graph("GET", f"{APPLICATIONS}/{view.application_object_id}").status,
        graph("POST", f"{principal}/checkMemberGroups", {"groupIds": []}).status,
        graph("GET", f"{principal}/oauth2PermissionGrants").status,
    )

    assert found == (200, 200, 200)


# A third-party client -------------------------------------------------------------------------------------------------

_CLIENT = """
import json, os
from azure.core import PipelineClient
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential

base, authority = os.environ["GRAPH"], os.environ["AUTHORITY"]
credential = ClientSecretCredential(
    os.environ["TENANT"], os.environ["CLIENT"], os.environ["SECRET"], authority=authority
)
policies = [RetryPolicy(), BearerTokenCredentialPolicy(credential, base + "/.default")]
client = PipelineClient(base, policies=policies)
query = {"$filter": "appId eq '" + os.environ["CLIENT"] + "'", "$select": "displayName"}
answer = client.send_request(HttpRequest("GET", base + "/v1.0/applications", params=query))
answer.raise_for_status()
print(json.dumps(answer.json()["value"]))
"""


@pytest.mark.parametrize("cloud", ["public", "government"])
def test_a_pipeline_of_azure_core_works_through_the_proxy(sb: Sandbox, make_estate: Any, cloud: str) -> None:
    estate = make_estate(cloud)
    estate.do(lambda azure: azure.allow_graph(estate.client_id, "Application.Read.All"))
    variables = {
        "GRAPH": f"https://{GRAPH[cloud]}",
        "AUTHORITY": "login.microsoftonline.us" if cloud == "government" else "login.microsoftonline.com",
        "TENANT": estate.tenant_id,
        "CLIENT": estate.client_id,
        "SECRET": estate.client_secret,
    }

    run = subprocess.run(
        [sys.executable, "-c", _CLIENT],
        env={**os.environ, **sb.environment(), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == [{"displayName": f"app-{estate.vault}"}]
