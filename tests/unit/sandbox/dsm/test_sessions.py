# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-in, sessions, direct API keys, and the read-only account routes (DSM contract §1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.clock import Clock
from sandbox.dsm.state import App

AUTH = "/sys/v1/session/auth"


@pytest.mark.parametrize("path", ["/sys/v1/version", "/sys/v1/info"])
def test_version_needs_no_credentials(anonymous: Any, path: str) -> None:
    answer = anonymous("GET", path)

    assert answer.json["version"].startswith("5.8.")


def test_health_is_an_empty_204(anonymous: Any) -> None:
    answer = anonymous("GET", "/sys/v1/health")

    assert (answer.status, answer.body) == (204, b"")


def test_an_api_key_works_on_every_route_without_a_session(admin: Any) -> None:
    assert admin("GET", "/sys/v1/groups").status == 200


def test_an_api_key_opens_a_session_bound_to_its_account(sb: Sandbox, admin: Any) -> None:
    answer = admin("POST", AUTH)

    assert answer.json["token_type"] == "Bearer"
    assert answer.json["entity_id"] == sb.world.admin_app.app_id
    assert admin.as_(f"Bearer {answer.json['access_token']}")("GET", "/sys/v1/groups").status == 200


@pytest.mark.parametrize("header", [None, "Basic !!!", "Basic eDp5", "Bearer nonsense", "Digest x"])
def test_bad_credentials_are_401_as_one_line_of_text(anonymous: Any, header: str | None) -> None:
    answer = anonymous.as_(header)("GET", "/sys/v1/groups")

    assert answer.status == 401
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "\n" not in answer.text


def test_a_users_password_is_not_accepted_on_other_routes_than_auth(sb: Sandbox, anonymous: Any) -> None:
    from base64 import b64encode

    user = sb.world.administrator
    header = "Basic " + b64encode(f"{user.email}:{user.password}".encode()).decode()

    assert anonymous.as_(header)("GET", "/sys/v1/groups").status == 401


def test_a_password_may_come_in_the_body(sb: Sandbox, anonymous: Any) -> None:
    user = sb.world.administrator
    body = {"method": "password", "email": user.email, "password": user.password}

    answer = anonymous("POST", AUTH, body)

    assert answer.json["entity_id"] == user.user_id


def test_an_unknown_method_in_the_body_is_refused(anonymous: Any) -> None:
    assert anonymous("POST", AUTH, {"method": "aws-iam"}).status == 400


def test_a_user_must_select_an_account_first(sb: Sandbox, log_in: Callable[..., Any]) -> None:
    answer = log_in(sb.world.administrator)("GET", "/sys/v1/groups")

    assert answer.status == 401
    assert answer.text == "This operation requires an account to be selected"


def test_a_user_sees_his_accounts_before_he_selects_one(sb: Sandbox, log_in: Callable[..., Any]) -> None:
    client = log_in(sb.world.two_account_user)

    accounts = client("GET", "/sys/v1/accounts").json

    assert {account["name"] for account in accounts} == {"Sandbox", "Sandbox Two"}
    assert set(client("GET", "/sys/v1/users/accounts").json) == {account["acct_id"] for account in accounts}


def test_the_selected_account_decides_which_groups_are_seen(sb: Sandbox, log_in: Callable[..., Any]) -> None:
    user = log_in(sb.world.two_account_user, sb.world.second_account_id)

    created = user("POST", "/sys/v1/groups", {"name": "only in the second account"}).json

    assert created["acct_id"] == sb.world.second_account_id
    seen = user("GET", "/sys/v1/groups").json
    assert "only in the second account" in [group["name"] for group in seen]
    assert {group["acct_id"] for group in seen} == {sb.world.second_account_id}


def test_a_foreign_account_cannot_be_selected(sb: Sandbox, log_in: Callable[..., Any]) -> None:
    client = log_in(sb.world.administrator)

    answer = client("POST", "/sys/v1/session/select_account", {"acct_id": sb.world.second_account_id})

    assert answer.status == 403


def test_a_terminated_session_is_dead(administrator: Any) -> None:
    assert administrator("POST", "/sys/v1/session/terminate").status == 204

    assert administrator("GET", "/sys/v1/groups").status == 401


def test_only_apps_re_authenticate(admin: Any, administrator: Any) -> None:
    bearer = admin.as_(f"Bearer {admin('POST', AUTH).json['access_token']}")

    assert bearer("POST", "/sys/v1/session/reauth").status == 200
    assert administrator("POST", "/sys/v1/session/reauth").status == 403


def test_sessions_end_by_idleness_and_use_prolongs_them() -> None:
    import urllib3

    with Sandbox.start() as own, urllib3.ProxyManager(own.proxy_url, ca_certs=str(own.ca_bundle)) as pool:

        def call(method: str, path: str, header: str) -> Any:
            url = own.world.dsm_endpoint + path
            return pool.request(method, url, headers={"Authorization": header}, retries=False)

        token = call("POST", AUTH, f"Basic {own.world.admin_app.api_key}").json()["access_token"]
        statuses = []
        for seconds in (500, 500, 601):
            own.clock.advance(seconds)
            statuses.append(call("GET", "/sys/v1/groups", f"Bearer {token}").status)

    assert statuses == [200, 200, 401]


def test_a_new_api_key_kills_the_sessions_of_the_old_one(sb: Sandbox, anonymous: Any) -> None:
    app: App = sb.do(lambda state: state.dsm.add_app("to be renewed", "admin"))
    token = anonymous.as_(f"Basic {app.api_key}")("POST", AUTH).json["access_token"]

    sb.do(lambda state: state.dsm.regenerate_api_key(app))

    assert anonymous.as_(f"Bearer {token}")("GET", "/sys/v1/groups").status == 401


def test_a_user_reads_himself_and_his_groups(sb: Sandbox, administrator: Any) -> None:
    me = administrator("GET", f"/sys/v1/users/{sb.world.administrator.user_id}").json

    assert me["user_email"] == sb.world.administrator.email
    assert me["groups"] == {}
    assert "ACCOUNTADMINISTRATOR" in me["account_role"]


def test_a_crypto_app_reads_itself_and_no_other(sb: Sandbox, crypto: Any) -> None:
    assert crypto("GET", f"/sys/v1/apps/{sb.world.crypto_app.app_id}").json["role"] == "crypto"
    assert crypto("GET", f"/sys/v1/apps/{sb.world.admin_app.app_id}").status == 403


def test_the_clock_jumps_and_keeps_running() -> None:
    clock = Clock()
    before = clock.now()

    clock.advance(3600)

    assert 3600 <= clock.now() - before < 3660
