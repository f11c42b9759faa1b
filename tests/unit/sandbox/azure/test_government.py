# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure for US Government: a cloud of its own, of which no call reaches the public one (Azure contract §4.2)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox import Sandbox
from sandbox.dsm.external_kms import GOVERNMENT_ENDPOINTS

CHECK = "/sys/v1/groups/hmg/check"
LOGIN = {"public": "login.microsoftonline.com", "government": "login.microsoftonline.us"}
ARM = {"public": "management.azure.com", "government": "management.usgovcloudapi.net"}
SUFFIX = {"public": "vault.azure.net", "government": "vault.usgovcloudapi.net"}


def token(client: Any, estate: Any, resource: str) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": estate.client_id,
        "client_secret": estate.client_secret,
        "scope": f"{resource}/.default",
    }
    url = f"https://{LOGIN[estate.cloud]}/{estate.tenant_id}/oauth2/v2.0/token"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.pool.request("POST", url, body=urlencode(form), headers=headers, retries=False)
    assert answer.status == 200, answer.data
    return str(answer.json()["access_token"])


def listed(client: Any, cloud: str, estate: Any, bearer: str) -> Any:
    there = type(client)(client.pool, f"https://{ARM[cloud]}", f"Bearer {bearer}")
    path = f"/subscriptions/{estate.subscription_id}/providers/Microsoft.KeyVault/vaults"
    return there("GET", f"{path}?api-version=2026-02-01")


@pytest.fixture
def government(make_estate: Any) -> Any:
    return make_estate("government")


@pytest.mark.parametrize(
    "resource",
    [
        "https://management.usgovcloudapi.net",
        "https://management.usgovcloudapi.net/",
        "https://management.core.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net/",
    ],
)
def test_resource_manager_takes_both_forms_of_its_audience(anonymous: Any, government: Any, resource: str) -> None:
    answer = listed(anonymous, "government", government, token(anonymous, government, resource))

    assert [vault["name"] for vault in answer.json["value"]] == [government.vault]


@pytest.mark.parametrize(("issued_by", "shown_to"), [("public", "government"), ("government", "public")])
def test_resource_manager_refuses_the_other_clouds_tokens(
    anonymous: Any, make_estate: Any, issued_by: str, shown_to: str
) -> None:
    estate = make_estate(issued_by)

    answer = listed(anonymous, shown_to, estate, token(anonymous, estate, f"https://{ARM[issued_by]}"))

    assert (answer.status, answer.json["error"]["code"]) == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize(("issued_by", "shown_to"), [("public", "government"), ("government", "public")])
def test_vaults_refuse_the_other_clouds_tokens(anonymous: Any, make_estate: Any, issued_by: str, shown_to: str) -> None:
    ours, theirs = make_estate(issued_by), make_estate(shown_to)
    bearer = token(anonymous, ours, f"https://{SUFFIX[issued_by]}")

    answer = type(anonymous)(anonymous.pool, theirs.url.rstrip("/"), f"Bearer {bearer}")("GET", "/keys?api-version=7.4")

    assert answer.status == 401
    assert f'authorization="https://{LOGIN[shown_to]}/' in answer.headers["WWW-Authenticate"]


def test_a_public_tenant_does_not_exist_in_government(admin: Any, estate: Any) -> None:
    assert "AADSTS90002" in admin("POST", CHECK, estate.link(url="", endpoints=GOVERNMENT_ENDPOINTS)).text


def test_a_government_tenant_does_not_exist_in_public(admin: Any, government: Any) -> None:
    assert "AADSTS90002" in admin("POST", CHECK, government.link(url="")).text


def test_a_public_application_does_not_exist_in_a_government_tenant(admin: Any, estate: Any, government: Any) -> None:
    config = government.link(
        url="", endpoints=GOVERNMENT_ENDPOINTS, client_id=estate.client_id, auth_config=estate.link()["auth_config"]
    )

    assert "AADSTS700016" in admin("POST", CHECK, config).text


def test_entra_of_government_issues_no_token_for_public_resources(anonymous: Any, government: Any) -> None:
    with pytest.raises(AssertionError, match="AADSTS500011"):
        token(anonymous, government, "https://management.azure.com")


def test_a_public_vault_on_a_government_link_is_not_visible_there(admin: Any, estate: Any, government: Any) -> None:
    answer = admin("POST", CHECK, government.link(url=estate.url, endpoints=GOVERNMENT_ENDPOINTS))

    assert "no vault with the address" in answer.text


def test_no_public_name_is_touched_by_a_government_link(sb: Sandbox, admin: Any, government: Any, names: Any) -> None:
    config = government.link(endpoints=GOVERNMENT_ENDPOINTS)
    mark, tunnels = sb.journal.mark(), len(sb.proxy_log)

    made = admin("POST", "/sys/v1/groups", {"name": names.new(), "add_hmg": [config]}).json
    statuses = [
        admin("POST", "/sys/v1/groups/hmg/azure_vaults", config).status,
        admin("POST", f"/sys/v1/groups/{made['group_id']}/hmg/check", {}).status,
        admin("POST", f"/sys/v1/groups/{made['group_id']}/hmg/scan", {}).status,
    ]

    assert statuses == [200, 204, 200]
    hosts = {entry.host for entry in sb.journal.since(mark)}
    vault = f"{government.vault}.vault.usgovcloudapi.net"
    assert hosts == {"dsm.sandbox.example", LOGIN["government"], ARM["government"], vault}
    assert {entry.host for entry in sb.proxy_log[tunnels:]} <= {"dsm.sandbox.example"}
