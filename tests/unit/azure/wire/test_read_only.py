# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of a way that is for reading: what passes it, and that nothing else does."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.channel import ReadOnly, WriteRefused


class _Next:
    """What stands behind the guard."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, request: Any) -> None:
        self.sent.append(request.http_request.method)


def guarded(method: str, url: str, body: Any = None) -> list[str]:
    """The methods of the requests that pass the guard."""
    guard, behind = ReadOnly(), _Next()
    guard.next = behind
    content = None if body is None else json.dumps(body)
    guard.send(SimpleNamespace(http_request=SimpleNamespace(method=method, url=url, content=content)))
    return behind.sent


def batch(*requests: tuple[str, str]) -> dict[str, Any]:
    return {"requests": [{"id": str(i), "method": method, "url": url} for i, (method, url) in enumerate(requests)]}


GRAPH = "https://graph.microsoft.com/v1.0"
KEY_VAULT = "https://management.azure.com/subscriptions/s/providers/Microsoft.KeyVault"
RESOURCE_GRAPH = "https://management.azure.com/providers/Microsoft.ResourceGraph"
QUESTION = ("POST", "/servicePrincipals/oid/checkMemberGroups")


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", "https://management.azure.com/subscriptions", None),
        ("HEAD", "https://management.azure.com/subscriptions", None),
        ("POST", f"{GRAPH}/servicePrincipals/oid/checkMemberGroups", {"groupIds": []}),
        ("POST", f"{GRAPH}/directoryObjects/oid/getMemberGroups", {"securityEnabledOnly": False}),
        *(("POST", f"{KEY_VAULT}/check{kind}NameAvailability", {"name": "kv-one"}) for kind in ("", "Mhsm")),
        ("POST", f"{GRAPH}/$batch", batch(("GET", "/applications?$select=id"), QUESTION)),
        ("POST", f"{RESOURCE_GRAPH}/resources?api-version=2021-03-01", {"query": "resources"}),
    ],
)
def test_a_read_passes_the_guard(method: str, url: str, body: Any) -> None:
    assert guarded(method, url, body) == [method]


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        *((method, "https://management.azure.com/x", {}) for method in ("PUT", "PATCH", "DELETE", "POST", "MERGE")),
        ("POST", f"{KEY_VAULT}/register", None),
        ("PUT", f"{RESOURCE_GRAPH}/resources", {}),
        ("POST", f"{RESOURCE_GRAPH}/register", {}),
        ("POST", f"{RESOURCE_GRAPH}/resources/register", {}),
        ("POST", "https://management.azure.com/subscriptions/s/providers/Microsoft.ResourceGraph/resources", {}),
        ("POST", f"{KEY_VAULT}/locations/here/deletedVaults/kv-one/purge", None),
        ("POST", f"{GRAPH}/applications", {}),
        ("POST", f"{GRAPH}/applications/oid/addPassword", {}),
        ("POST", f"{GRAPH}/groups/oid/checkMemberGroups/../members/$ref", {}),
        ("PATCH", f"{GRAPH}/$batch", batch()),
        ("POST", f"{GRAPH}/$batch", batch(("GET", "/applications"), ("POST", "/applications"))),
        ("POST", f"{GRAPH}/$batch", batch(("DELETE", "/applications/oid"))),
        ("POST", f"{GRAPH}/$batch", batch(("POST", "/v1.0/$batch"))),
        ("POST", f"{GRAPH}/$batch", None),
        ("POST", f"{GRAPH}/$batch", [1]),
    ],
)
def test_the_guard_raises_on_everything_else(method: str, url: str, body: Any) -> None:
    with pytest.raises(WriteRefused):
        guarded(method, url, body)
