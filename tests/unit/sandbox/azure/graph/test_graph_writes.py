# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes by Microsoft Graph: applications, credentials, service principals, consent (Azure contract §3)."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox import Sandbox
from sandbox.authorities import self_signed
from sandbox.azure.clouds import PUBLIC
from support.azure_callers import ask_token, graph_client

APPLICATIONS, PRINCIPALS, GRANTS = "/v1.0/applications", "/v1.0/servicePrincipals", "/v1.0/oauth2PermissionGrants"


@pytest.fixture
def graph(anonymous: Any, estate: Any) -> Any:
    return graph_client(anonymous, estate, "Application.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All")


@pytest.fixture
def made(graph: Any, names: Any) -> Any:
    """A fresh application, as Graph has answered its creation."""
    answer = graph("POST", APPLICATIONS, {"displayName": names.new("app")})
    assert answer.status == 201, answer.text
    return answer.json


def key_credential(days: int = 365) -> dict[str, str]:
    der = self_signed("dsm", days).certificate.public_bytes(Encoding.DER)
    return {"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.b64encode(der).decode()}


# Rights ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("permission", "statuses"),
    [
        ("Application.Read.All", (403, 403)),
        ("Application.ReadWrite.OwnedBy", (201, 403)),
        ("Application.ReadWrite.All", (201, 204)),
    ],
)
def test_who_may_create_and_change(anonymous: Any, estate: Any, permission: str, statuses: tuple[int, int]) -> None:
    graph = graph_client(anonymous, estate, permission)
    other = estate.do(lambda azure: azure.add_application(estate.tenant_id, "other"))

    created = graph("POST", APPLICATIONS, {"displayName": "mine"}).status
    changed = graph("PATCH", f"{APPLICATIONS}/{other.object_id}", {"displayName": "now mine"}).status

    assert (created, changed) == statuses


def test_the_creator_owns_what_it_made(anonymous: Any, estate: Any) -> None:
    graph = graph_client(anonymous, estate, "Application.ReadWrite.OwnedBy")
    object_id = graph("POST", APPLICATIONS, {"displayName": "mine"}).json["id"]

    assert graph("POST", f"{APPLICATIONS}/{object_id}/addPassword", {"passwordCredential": {}}).status == 200


def test_consent_is_a_right_of_its_own(anonymous: Any, estate: Any) -> None:
    assert graph_client(anonymous, estate, "Application.ReadWrite.All")("POST", GRANTS, {}).status == 403


# Applications ---------------------------------------------------------------------------------------------------------


def test_a_new_application_has_no_service_principal(graph: Any, made: Any) -> None:
    assert graph("GET", f"{APPLICATIONS}/{made['id']}").status == 200
    assert graph("GET", f"{PRINCIPALS}(appId='{made['appId']}')").status == 404


@pytest.mark.parametrize("body", [{}, [], {"displayName": "x", "colour": "red"}])
def test_an_application_that_makes_no_sense_is_not_made(graph: Any, estate: Any, body: Any) -> None:
    before = estate.do(lambda azure: len(azure.directory.applications))

    assert graph("POST", APPLICATIONS, body).status == 400
    assert estate.do(lambda azure: len(azure.directory.applications)) == before


def test_an_upsert_by_unique_name_creates_once(graph: Any, names: Any) -> None:
    path = f"{APPLICATIONS}(uniqueName='{names.new()}')"
    headers = {"Content-Type": "application/json", "Prefer": "create-if-missing"}
    url = path.removeprefix("/v1.0")
    request = {"id": "1", "method": "PATCH", "url": url, "headers": headers, "body": {"displayName": "upserted"}}

    statuses = [
        graph("POST", "/v1.0/$batch", {"requests": [request]}).json["responses"][0]["status"] for _index in range(2)
    ]

    assert statuses == [201, 204]


def test_an_upsert_finds_its_application_in_any_letter_case(graph: Any, names: Any) -> None:
    name = names.new()
    headers = {"Content-Type": "application/json", "Prefer": "create-if-missing"}
    requests = [
        {
            "id": str(number),
            "method": "PATCH",
            "url": f"/applications(uniqueName='{spelled}')",
            "headers": headers,
            "body": {"displayName": "upserted"},
        }
        for number, spelled in enumerate([name, name.upper()])
    ]

    statuses = [graph("POST", "/v1.0/$batch", {"requests": [one]}).json["responses"][0]["status"] for one in requests]

    assert statuses == [201, 204]
    assert graph("POST", APPLICATIONS, {"displayName": "other", "uniqueName": name.upper()}).status == 400


def test_an_upsert_without_the_preference_creates_nothing(graph: Any, names: Any) -> None:
    assert graph("PATCH", f"{APPLICATIONS}(uniqueName='{names.new()}')", {"displayName": "x"}).status == 404


def test_a_change_replaces_lists_as_a_whole(graph: Any, made: Any) -> None:
    first, second = ([{"resourceAppId": str(uuid4()), "resourceAccess": []}] for _index in range(2))
    path = f"{APPLICATIONS}/{made['id']}"
    for wishes in (first, second):
        assert graph("PATCH", path, {"requiredResourceAccess": wishes}).status == 204

    assert graph("GET", path).json["requiredResourceAccess"] == second


def test_secrets_cannot_be_changed_as_a_list(graph: Any, made: Any) -> None:
    assert graph("PATCH", f"{APPLICATIONS}/{made['id']}", {"passwordCredentials": []}).status == 400


def test_a_removed_application_is_gone(graph: Any, made: Any) -> None:
    assert graph("DELETE", f"{APPLICATIONS}/{made['id']}").status == 204
    assert graph("GET", f"{APPLICATIONS}/{made['id']}").status == 404


# Credentials ----------------------------------------------------------------------------------------------------------


def test_a_new_secret_is_shown_once_and_logs_in(graph: Any, estate: Any) -> None:
    path = f"{APPLICATIONS}(appId='{estate.client_id}')"
    wanted = {"displayName": "DSM", "endDateTime": "2099-01-01T00:00:00Z"}

    secret = graph("POST", f"{path}/addPassword", {"passwordCredential": wanted}).json
    status, _body = ask_token(graph.pool, estate, "https://management.azure.com", client_secret=secret["secretText"])

    assert (status, secret["displayName"], secret["endDateTime"]) == (200, "DSM", "2099-01-01T00:00:00Z")
    assert secret["secretText"] not in graph("GET", path).text


def test_each_call_makes_a_further_secret(graph: Any, made: Any) -> None:
    for _index in range(2):
        graph("POST", f"{APPLICATIONS}/{made['id']}/addPassword", {"passwordCredential": {"displayName": "same"}})

    assert len(graph("GET", f"{APPLICATIONS}/{made['id']}").json["passwordCredentials"]) == 2


@pytest.mark.parametrize(("known", "status"), [(True, 204), (False, 400)])
def test_a_secret_is_removed_by_its_id(graph: Any, made: Any, known: bool, status: int) -> None:
    path = f"{APPLICATIONS}/{made['id']}"
    key_id = graph("POST", f"{path}/addPassword", {"passwordCredential": {}}).json["keyId"]

    answer = graph("POST", f"{path}/removePassword", {"keyId": key_id if known else str(uuid4())})

    assert answer.status == status
    assert len(graph("GET", path).json["passwordCredentials"]) == (0 if known else 1)


def test_certificates_are_replaced_as_a_list(graph: Any, made: Any) -> None:
    path = f"{APPLICATIONS}/{made['id']}"
    for _index in range(2):
        assert graph("PATCH", path, {"keyCredentials": [key_credential()]}).status == 204

    assert len(graph("GET", path).json["keyCredentials"]) == 1


def test_the_list_that_was_read_with_its_keys_can_be_sent_again(graph: Any, made: Any) -> None:
    path = f"{APPLICATIONS}/{made['id']}"
    graph("PATCH", path, {"keyCredentials": [key_credential()]})
    (held,) = graph("GET", path, **{"$select": "keyCredentials"}).json["keyCredentials"]

    graph("PATCH", path, {"keyCredentials": [held, key_credential()]})

    assert held["keyId"] in [entry["keyId"] for entry in graph("GET", path).json["keyCredentials"]]


@pytest.mark.parametrize("changes", [{"key": None}, {"key": "AAAA"}, {"key": "no base64"}, {"usage": "Sign"}])
def test_a_certificate_needs_its_key(graph: Any, made: Any, changes: dict[str, Any]) -> None:
    body = {"keyCredentials": [{**key_credential(), **changes}]}

    assert graph("PATCH", f"{APPLICATIONS}/{made['id']}", body).status == 400


@pytest.mark.parametrize("separator", ["\n", "\r\n"])
def test_base64_may_have_line_breaks(graph: Any, made: Any, separator: str) -> None:
    entry = key_credential()
    lines = [entry["key"][start : start + 64] for start in range(0, len(entry["key"]), 64)]
    body = {"keyCredentials": [{**entry, "key": separator.join(lines)}]}

    assert graph("PATCH", f"{APPLICATIONS}/{made['id']}", body).status == 204


def test_a_secret_whose_end_is_past_is_refused(sb: Sandbox, graph: Any, made: Any) -> None:
    path, ended = f"{APPLICATIONS}/{made['id']}", (sb.clock.utc() - timedelta(seconds=1)).isoformat()

    answer = graph("POST", f"{path}/addPassword", {"passwordCredential": {"endDateTime": ended}})

    assert (answer.status, answer.json["error"]["message"]) == (400, "Password credential end date is invalid.")
    assert graph("GET", path).json["passwordCredentials"] == []


def test_a_secret_that_ends_before_it_starts_is_refused(sb: Sandbox, graph: Any, made: Any) -> None:
    starts, ends = (sb.clock.utc() + timedelta(days=days) for days in (2, 1))
    dates = {"startDateTime": starts.isoformat(), "endDateTime": ends.isoformat()}

    answer = graph("POST", f"{APPLICATIONS}/{made['id']}/addPassword", {"passwordCredential": dates})

    assert (answer.status, answer.json["error"]["code"]) == (400, "Request_BadRequest")


@pytest.mark.parametrize(
    ("days", "dates", "which"),
    [
        (-1, {}, "end"),
        (10, {"endDateTime": timedelta(days=11)}, "end"),
        (10, {"endDateTime": timedelta(days=-1)}, "end"),
        (10, {"startDateTime": timedelta(days=-61)}, "start"),
    ],
)
def test_a_certificate_with_dates_outside_of_its_own_is_refused(
    sb: Sandbox, graph: Any, made: Any, days: int, dates: dict[str, timedelta], which: str
) -> None:
    given = {name: (sb.clock.utc() + ahead).isoformat() for name, ahead in dates.items()}
    body = {"keyCredentials": [{**key_credential(days), **given}]}

    answer = graph("PATCH", f"{APPLICATIONS}/{made['id']}", body)

    assert (answer.status, answer.json["error"]["message"]) == (400, f"Key credential {which} date is invalid.")


def test_a_certificate_that_has_expired_since_stays_in_the_list(graph: Any, estate: Any) -> None:
    old = self_signed("old", days=-1).certificate
    app = estate.do(lambda azure: azure.application(estate.client_id))
    estate.do(lambda azure: azure.add_certificate(app, old))
    path = f"{APPLICATIONS}/{app.object_id}"
    (held,) = graph("GET", path, **{"$select": "keyCredentials"}).json["keyCredentials"]

    assert graph("PATCH", path, {"keyCredentials": [held, key_credential()]}).status == 204


# Service principals ---------------------------------------------------------------------------------------------------


def test_a_service_principal_is_made_once(graph: Any, made: Any) -> None:
    answers = [graph("POST", PRINCIPALS, {"appId": made["appId"]}).status for _index in range(2)]

    assert answers == [201, 409]


def test_a_service_principal_needs_an_application(graph: Any) -> None:
    assert graph("POST", PRINCIPALS, {"appId": str(uuid4())}).status == 400


def test_a_service_principal_can_be_switched_off(graph: Any, made: Any) -> None:
    principal = graph("POST", PRINCIPALS, {"appId": made["appId"]}).json

    assert graph("PATCH", f"{PRINCIPALS}/{principal['id']}", {"accountEnabled": False}).status == 204
    assert graph("GET", f"{PRINCIPALS}/{principal['id']}").json["accountEnabled"] is False


# Consent --------------------------------------------------------------------------------------------------------------


def test_consent_is_given_changed_and_taken_back(graph: Any, made: Any) -> None:
    client = graph("POST", PRINCIPALS, {"appId": made["appId"]}).json["id"]
    resource = graph("GET", f"{PRINCIPALS}(appId='{PUBLIC.key_vault_app_id}')").json["id"]
    body = {"clientId": client, "resourceId": resource, "consentType": "AllPrincipals", "scope": "one"}

    given, again = graph("POST", GRANTS, body), graph("POST", GRANTS, body)
    path = f"{GRANTS}/{given.json['id']}"
    changed = graph("PATCH", path, {"scope": "one two"})
    (shown,) = graph("GET", f"{PRINCIPALS}/{client}/oauth2PermissionGrants").json["value"]
    gone = graph("DELETE", path)

    assert [answer.status for answer in (given, again, changed, gone)] == [201, 409, 204, 204]
    assert shown["scope"] == "one two"
    assert graph("GET", f"{PRINCIPALS}/{client}/oauth2PermissionGrants").json["value"] == []


def test_changes_are_writes_in_the_journal(sb: Sandbox, graph: Any, made: Any) -> None:
    mark = sb.journal.mark()
    graph("PATCH", f"{APPLICATIONS}/{made['id']}", {"displayName": "x"})
    graph("POST", f"{APPLICATIONS}/{made['id']}/addPassword", {"passwordCredential": {}})

    assert [entry.kind for entry in sb.journal.since(mark)] == ["write", "write"]
