# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw calls of the sandbox's Azure as one of its applications, through the proxy."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

LOGIN = {"public": "login.microsoftonline.com", "government": "login.microsoftonline.us"}
GRAPH = {"public": "graph.microsoft.com", "government": "graph.microsoft.us"}
POOL = {"public": "managedhsm.azure.net", "government": "managedhsm.usgovcloudapi.net"}
VAULT = {"public": "vault.azure.net", "government": "vault.usgovcloudapi.net"}


def ask_token(pool: Any, estate: Any, audience: str, **changes: str) -> tuple[int, dict[str, Any]]:
    """Entra's status and answer to the client credentials of an estate; `changes` replace members of the form."""
    form = {
        "grant_type": "client_credentials",
        "client_id": estate.client_id,
        "client_secret": estate.client_secret,
        "scope": f"{audience}/.default",
        **changes,
    }
    answer = pool.request(
        "POST",
        f"https://{LOGIN[estate.cloud]}/{estate.tenant_id}/oauth2/v2.0/token",
        body=urlencode(form),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        retries=False,
    )
    return answer.status, answer.json()


def bearer(pool: Any, estate: Any, audience: str, **changes: str) -> str:
    """The value of an Authorization header with a fresh token."""
    status, body = ask_token(pool, estate, audience, **changes)
    assert status == 200, body
    return f"Bearer {body['access_token']}"


def graph_client(client: Any, estate: Any, *permissions: str) -> Any:
    """Graph for an estate's application, to which these permissions have been consented."""
    estate.do(lambda azure: azure.allow_graph(estate.client_id, *permissions))
    host = f"https://{GRAPH[estate.cloud]}"
    return type(client)(client.pool, host, bearer(client.pool, estate, host))
