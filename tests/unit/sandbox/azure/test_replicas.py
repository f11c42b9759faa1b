# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads that lag behind a write: of applications by Graph, of vaults by Resource Manager."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.azure_callers import graph_client

APPLICATIONS = "/v1.0/applications"
VERSION = "2026-02-01"


@pytest.fixture
def graph(anonymous: Any, estate: Any) -> Any:
    return graph_client(anonymous, estate, "Application.ReadWrite.All")


@pytest.fixture
def slow(estate: Any) -> Iterator[Any]:
    """Sets how many reads lag behind each write; none again in the end."""

    def set_lag(reads: int) -> None:
        def deed(azure: Any) -> None:
            azure.directory.read_lag = azure.vault_read_lag = reads

        estate.do(deed)

    yield set_lag
    set_lag(0)


@pytest.fixture
def path(estate: Any) -> str:
    return estate.do(lambda azure: f"{APPLICATIONS}/{azure.application(estate.client_id).object_id}")


def name_in_batch(graph: Any, path: str) -> str:
    requests = [{"id": "1", "method": "GET", "url": path.removeprefix("/v1.0")}]
    return graph("POST", "/v1.0/$batch", {"requests": requests}).json["responses"][0]["body"]["displayName"]


def name_in_list(graph: Any, path: str) -> str:
    listed = graph("GET", APPLICATIONS).json["value"]
    return next(one["displayName"] for one in listed if path.endswith(one["id"]))


def test_without_lag_a_read_shows_what_was_written(graph: Any, path: str) -> None:
    graph("PATCH", path, {"displayName": "after"})

    assert graph("GET", path).json["displayName"] == "after"


@pytest.mark.parametrize(
    "read", [lambda graph, path: graph("GET", path).json["displayName"], name_in_batch, name_in_list]
)
def test_so_many_reads_show_what_was_before(graph: Any, path: str, slow: Any, read: Any) -> None:
    before = graph("GET", path).json["displayName"]
    slow(2)

    graph("PATCH", path, {"displayName": "after"})

    assert [read(graph, path) for _read in range(3)] == [before, before, "after"]


def test_credentials_lag_and_log_in_all_the_same(graph: Any, path: str, slow: Any, estate: Any) -> None:
    slow(1)

    made = graph("POST", f"{path}/addPassword", {"passwordCredential": {}}).json
    listed = [[one["keyId"] for one in graph("GET", path).json["passwordCredentials"]] for _read in range(2)]
    graph("POST", f"{path}/removePassword", {"keyId": made["keyId"]})
    again = [[one["keyId"] for one in graph("GET", path).json["passwordCredentials"]] for _read in range(2)]

    assert [made["keyId"] in keys for keys in (*listed, *again)] == [False, True, True, False]


def test_what_a_write_is_built_on_is_the_truth(graph: Any, path: str, slow: Any, estate: Any) -> None:
    """A PATCH of one member leaves the others as they are, also where a read does not show them yet."""
    slow(5)

    graph("PATCH", path, {"displayName": "after"})
    graph("PATCH", path, {"tags": ["x"]})

    stored = estate.do(lambda azure: azure.application(estate.client_id))
    assert (stored.name, stored.tags) == ("after", ["x"])


def test_two_writes_become_visible_one_after_the_other(graph: Any, path: str, slow: Any) -> None:
    before = graph("GET", path).json["displayName"]
    slow(2)
    graph("PATCH", path, {"displayName": "first"})
    assert graph("GET", path).json["displayName"] == before

    graph("PATCH", path, {"displayName": "second"})

    assert [graph("GET", path).json["displayName"] for _read in range(3)] == [before, "first", "second"]


def test_the_switch_of_a_service_principal_lags(graph: Any, slow: Any, estate: Any) -> None:
    principal = estate.do(
        lambda azure: f"/v1.0/servicePrincipals/{azure.application(estate.client_id).service_principal_id}"
    )
    slow(1)

    graph("PATCH", principal, {"accountEnabled": False})

    assert [graph("GET", principal).json["accountEnabled"] for _read in range(2)] == [True, False]
    assert estate.do(lambda azure: azure.application(estate.client_id).service_principal_enabled) is False


@pytest.mark.parametrize("way", ["PATCH", "PUT"])
def test_a_vault_lags_and_the_answer_to_the_write_does_not(arm: Any, way: str) -> None:
    def tags() -> dict[str, str]:
        return dict(arm.operator("GET", arm.vault, version=VERSION).json["tags"])

    before = tags()
    body = arm.operator("GET", arm.vault, version=VERSION).json
    arm.do(lambda azure: setattr(azure, "vault_read_lag", 2))

    answer = arm.operator(way, arm.vault, {**(body if way == "PUT" else {}), "tags": {"new": "tag"}}, VERSION)
    arm.do(lambda azure: setattr(azure, "vault_read_lag", 0))

    assert answer.json["tags"] == {"new": "tag"}
    assert [tags() for _read in range(3)] == [before, before, {"new": "tag"}]
