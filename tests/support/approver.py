# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody who decides on approval requests in DSM, with a login of his own."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3

from sandbox import Sandbox

REQUESTS = "/sys/v1/approval_requests"


@dataclass(frozen=True)
class Approver:
    """The administrator of the account, with a login of his own."""

    sandbox: Sandbox
    pool: urllib3.ProxyManager
    authorization: str

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        response = self.pool.request(
            method,
            self.sandbox.world.dsm_endpoint + path,
            body=None if body is None else json.dumps(body),
            headers={"Authorization": self.authorization, "Content-Type": "application/json"},
        )
        assert response.status < 300, response.data
        return json.loads(response.data) if response.data else None

    def pending(self) -> list[dict[str, Any]]:
        return [one for one in self("GET", REQUESTS) if one["status"] == "PENDING"]

    def decide(self, verdict: str = "approve", body: Mapping[str, Any] | None = None) -> None:
        """Decide on the only pending request."""
        (one,) = self.pending()
        self("POST", f"{REQUESTS}/{one['request_id']}/{verdict}", body or {})

    def guard(self, group_name: str) -> None:
        """Put an existing group under the administrator's approval."""
        policy = {"quorum": {"n": 1, "members": [{"user": self.sandbox.world.administrator.user_id}]}}

        def put(state: Any) -> None:
            state.dsm.find_group(group_name).approval_policy = policy

        self.sandbox.do(put)


@contextmanager
def logged_in(sandbox: Sandbox) -> Iterator[Approver]:
    """The administrator of the account."""
    person = sandbox.world.administrator
    basic = "Basic " + base64.b64encode(f"{person.email}:{person.password}".encode()).decode()
    with urllib3.ProxyManager(sandbox.proxy_url, ca_certs=str(sandbox.ca_bundle)) as pool:
        token = Approver(sandbox, pool, basic)("POST", "/sys/v1/session/auth")["access_token"]
        approver = Approver(sandbox, pool, f"Bearer {token}")
        approver("POST", "/sys/v1/session/select_account", {"acct_id": sandbox.world.account_id})
        yield approver
