# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications that were deleted, for as long as they can be restored (directory/deletedItems of Microsoft Graph)."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.azure.clouds import PUBLIC
from support.azure_callers import ask_token, graph_client

BIN, APPLICATIONS, PRINCIPALS = "/v1.0/directory/deletedItems", "/v1.0/applications", "/v1.0/servicePrincipals"
TAKEN = "Another object with the same value for property uniqueName already exists."


@pytest.fixture
def graph(anonymous: Any, estate: Any) -> Any:
    return graph_client(anonymous, estate, "Application.ReadWrite.All")


@pytest.fixture
def gone(graph: Any, estate: Any, names: Any) -> Any:
    """An application with a secret and a unique name, deleted by Graph."""

    def make(azure: Any) -> Any:
        made = azure.add_application(estate.tenant_id, "gone", unique_name=names.new())
        azure.add_secret(made)
        return made

    made = estate.do(make)
    assert graph("DELETE", f"{APPLICATIONS}/{made.object_id}").status == 204
    return made


def log_in(anonymous: Any, estate: Any, app: Any) -> int:
    changes = {"client_id": app.client_id, "client_secret": app.secrets[0].value}
    return ask_token(anonymous.pool, estate, PUBLIC.management_audiences[0], **changes)[0]


def test_a_deleted_application_is_in_the_bin_and_nowhere_else(graph: Any, gone: Any) -> None:
    listed = graph("GET", f"{BIN}/microsoft.graph.application").json["value"]

    (entry,) = [one for one in listed if one["id"] == gone.object_id]
    assert (entry["uniqueName"], bool(entry["deletedDateTime"])) == (gone.unique_name, True)
    assert graph("GET", f"{APPLICATIONS}/{gone.object_id}").status == 404
    assert graph("GET", f"{PRINCIPALS}(appId='{gone.client_id}')").status == 404


def test_nobody_logs_in_with_a_deleted_application(anonymous: Any, estate: Any, gone: Any) -> None:
    assert log_in(anonymous, estate, gone) == 400


@pytest.mark.parametrize("how", ["upsert", "post"])
def test_its_unique_name_is_taken(graph: Any, gone: Any, how: str) -> None:
    if how == "post":
        answer = graph("POST", APPLICATIONS, {"displayName": "new", "uniqueName": gone.unique_name})
        status, body = answer.status, answer.json
    else:
        headers = {"Content-Type": "application/json", "Prefer": "create-if-missing"}
        url = f"/applications(uniqueName='{gone.unique_name}')"
        request = {"id": "1", "method": "PATCH", "url": url, "headers": headers, "body": {"displayName": "new"}}
        (inner,) = graph("POST", "/v1.0/$batch", {"requests": [request]}).json["responses"]
        status, body = inner["status"], inner["body"]

    assert (status, body["error"]["code"], body["error"]["message"]) == (400, "Request_BadRequest", TAKEN)


def test_the_registration_and_its_service_principal_are_restored_apart(
    graph: Any, anonymous: Any, estate: Any, gone: Any
) -> None:
    first = graph("POST", f"{BIN}/{gone.object_id}/restore").status
    alone = log_in(anonymous, estate, gone)
    second = graph("POST", f"{BIN}/{gone.service_principal_id}/restore").status

    assert (first, alone, second, log_in(anonymous, estate, gone)) == (200, 400, 200, 200)


def test_a_service_principal_is_not_restored_without_its_application(graph: Any, gone: Any) -> None:
    assert graph("POST", f"{BIN}/{gone.service_principal_id}/restore").status == 400


def test_a_service_principal_that_is_made_anew_is_another_one(graph: Any, gone: Any) -> None:
    graph("POST", f"{BIN}/{gone.object_id}/restore")

    before = gone.service_principal_id
    made = graph("POST", PRINCIPALS, {"appId": gone.client_id}).json

    assert made["id"] != before


def test_a_purge_frees_the_name(graph: Any, gone: Any) -> None:
    assert graph("DELETE", f"{BIN}/{gone.object_id}").status == 204

    answer = graph("POST", APPLICATIONS, {"displayName": "new", "uniqueName": gone.unique_name})

    assert answer.status == 201


def test_after_thirty_days_it_is_gone(graph: Any, estate: Any, gone: Any) -> None:
    def age(azure: Any) -> None:
        azure.directory.deleted[gone.object_id].deleted_at -= 30 * 24 * 3600

    estate.do(age)

    assert graph("GET", f"{BIN}/{gone.object_id}").status == 404
