# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entra, Resource Manager and Key Vault as a client sees them (Azure contract §1.2, §1.7 to §1.9, §2 T20)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import jwt
import pytest

from sandbox import Sandbox

VERSION = "api-version=2025-07-01"
HOSTS = {
    "public": ("login.microsoftonline.com", "management.azure.com", "vault.azure.net"),
    "government": ("login.microsoftonline.us", "management.usgovcloudapi.net", "vault.usgovcloudapi.net"),
}


@pytest.fixture
def azure(anonymous: Any, estate: Any) -> Azure:
    return Azure(anonymous, estate)


class Azure:
    """Raw calls as the estate's application."""

    def __init__(self, client: Any, estate: Any) -> None:
        self.client, self.estate = client, estate
        self.login, self.management, self.suffix = HOSTS[estate.cloud]

    def call(self, method: str, url: str, token: str | None = None, body: Any = None) -> Any:
        parts = urlsplit(url)
        client = type(self.client)(
            self.client.pool, f"{parts.scheme}://{parts.netloc}", f"Bearer {token}" if token else None
        )
        return client(method, url.removeprefix(client.base), body)

    def token_answer(self, scope: str, **changes: str) -> Any:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.estate.client_id,
            "client_secret": self.estate.client_secret,
            "scope": scope,
            **changes,
        }
        url = f"https://{self.login}/{self.estate.tenant_id}/oauth2/v2.0/token"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.client.pool.request("POST", url, body=urlencode(form), headers=headers, retries=False)
        return answer.status, answer.json()

    def token(self, resource: str) -> str:
        status, body = self.token_answer(f"{resource}/.default")
        assert status == 200, body
        return str(body["access_token"])

    def arm(self, path: str, query: str = "api-version=2026-02-01") -> Any:
        return self.call("GET", f"https://{self.management}{path}?{query}", self.token(f"https://{self.management}"))

    def vault(self, method: str, path: str, body: Any = None, query: str = VERSION) -> Any:
        url = f"https://{self.estate.vault}.{self.suffix}{path}?{query}"
        return self.call(method, url, self.token(f"https://{self.suffix}"), body)


# Entra --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cloud", ["public", "government"])
def test_a_token_is_a_jwt_that_the_published_keys_verify(anonymous: Any, make_estate: Any, cloud: str) -> None:
    estate = make_estate(cloud)
    azure = Azure(anonymous, estate)
    token = azure.token(f"https://{azure.management}")
    configuration = azure.call(
        "GET", f"https://{azure.login}/{estate.tenant_id}/v2.0/.well-known/openid-configuration"
    ).json
    (key,) = azure.call("GET", configuration["jwks_uri"]).json["keys"]

    claims = jwt.decode(token, jwt.PyJWK(key), algorithms=["RS256"], audience=f"https://{azure.management}")

    assert (claims["tid"], claims["appid"]) == (estate.tenant_id, estate.client_id)
    assert claims["iss"] == configuration["issuer"]
    assert claims["exp"] - claims["iat"] == 3599


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"client_secret": "wrong"}, 401, 7000215),
        ({"client_secret": ""}, 401, 7000218),
        ({"client_id": str(uuid4())}, 400, 700016),
        ({"scope": "https://unknown.example/.default"}, 400, 500011),
        ({"scope": "https://vault.azure.net"}, 400, 1002012),
        ({"grant_type": "password"}, 400, 70003),
    ],
)
def test_entra_refuses_in_its_own_shape(azure: Azure, changes: dict[str, str], status: int, code: int) -> None:
    answered, body = azure.token_answer(**{"scope": "https://vault.azure.net/.default", **changes})

    assert (answered, body["error_codes"]) == (status, [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert {"error", "timestamp", "trace_id", "correlation_id"} <= set(body)


def test_instance_discovery_names_the_cloud(azure: Azure) -> None:
    answer = azure.call("GET", f"https://{azure.login}/common/discovery/instance?api-version=1.1")

    assert answer.json["metadata"][0]["preferred_network"] == azure.login


def test_client_secrets_look_like_entras(sb: Sandbox) -> None:
    assert re.fullmatch(r"\w{3}\dQ~[\w.~-]{34}", sb.world.public.client_secret)


# Resource Manager ---------------------------------------------------------------------------------------------------


def test_arm_lists_gets_and_pages(azure: Azure, sb: Sandbox) -> None:
    estate = azure.estate
    base = f"/subscriptions/{estate.subscription_id}"
    group = f"{base}/resourceGroups/rg-keys/providers/Microsoft.KeyVault/vaults"

    by_subscription = azure.arm(f"{base}/providers/Microsoft.KeyVault/vaults").json["value"]
    by_group = azure.arm(group).json["value"]
    one = azure.arm(f"{group}/{estate.vault}").json

    assert by_subscription == by_group == [one]
    assert one["properties"]["vaultUri"] == estate.url
    assert one["properties"]["enableRbacAuthorization"] is False


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/subscriptions/{other}/providers/Microsoft.KeyVault/vaults", 404, "SubscriptionNotFound"),
        ("/subscriptions/{sub}/resourceGroups/none/providers/Microsoft.KeyVault/vaults", 404, "ResourceGroupNotFound"),
        (
            "/subscriptions/{sub}/resourceGroups/rg-keys/providers/Microsoft.KeyVault/vaults/none",
            403,
            "AuthorizationFailed",
        ),
        ("/subscriptions/{foreign}/providers/Microsoft.KeyVault/vaults", 401, "InvalidAuthenticationTokenTenant"),
        ("/nothing", 404, "NotFound"),
    ],
)
def test_arm_refuses_in_its_own_shape(azure: Azure, sb: Sandbox, path: str, status: int, code: str) -> None:
    foreign = sb.world.public.subscription_id
    filled = path.format(sub=azure.estate.subscription_id, other=uuid4(), foreign=foreign)

    answer = azure.arm(filled)

    assert (answer.status, answer.json["error"]["code"]) == (status, code)


def test_a_missing_vault_is_404_for_who_may_read_the_group(azure: Azure) -> None:
    estate = azure.estate
    estate.do(lambda state: state.assign_role(estate.client_id, f"/subscriptions/{estate.subscription_id}", "Reader"))
    path = f"/subscriptions/{estate.subscription_id}/resourceGroups/rg-keys/providers/Microsoft.KeyVault/vaults/none"

    assert azure.arm(path).json["error"]["code"] == "ResourceNotFound"


def test_arm_wants_an_api_version(azure: Azure) -> None:
    path = f"/subscriptions/{azure.estate.subscription_id}/providers/Microsoft.KeyVault/vaults"

    assert azure.arm(path, query="").json["error"]["code"] == "MissingApiVersionParameter"


@pytest.mark.parametrize(("token", "code"), [(None, "AuthenticationFailed"), ("x.y.z", "InvalidAuthenticationToken")])
def test_arm_wants_a_token(azure: Azure, token: str | None, code: str) -> None:
    url = f"https://{azure.management}/subscriptions/{azure.estate.subscription_id}/providers/Microsoft.KeyVault/vaults"

    answer = azure.call("GET", f"{url}?api-version=2026-02-01", token)

    assert (answer.status, answer.json["error"]["code"]) == (401, code)


def test_arm_refuses_a_token_for_the_vault(azure: Azure) -> None:
    url = f"https://{azure.management}/subscriptions/{azure.estate.subscription_id}/providers/Microsoft.KeyVault/vaults"

    answer = azure.call("GET", f"{url}?api-version=2026-02-01", azure.token(f"https://{azure.suffix}"))

    assert answer.json["error"]["code"] == "InvalidAuthenticationTokenAudience"


# Key Vault ----------------------------------------------------------------------------------------------------------


def test_the_vault_challenges_who_brings_no_token(azure: Azure) -> None:
    answer = azure.call("GET", f"{azure.estate.url}keys?{VERSION}")

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer authorization="https://{azure.login}/{azure.estate.tenant_id}", resource="https://{azure.suffix}"'
    )


def test_keys_are_listed_over_pages(azure: Azure) -> None:
    names, url = [], f"{azure.estate.url}keys?{VERSION}&maxresults=1"
    token = azure.token(f"https://{azure.suffix}")
    while url:
        page = azure.call("GET", url, token).json
        names += [item["kid"] for item in page["value"]]
        url = page["nextLink"]

    assert names == [f"{azure.estate.url}keys/one", f"{azure.estate.url}keys/two"]


def test_a_key_is_made_read_and_versioned(azure: Azure) -> None:
    first = azure.vault("POST", "/keys/made/create", {"kty": "RSA", "tags": {"a": "b"}}).json
    second = azure.vault("POST", "/keys/made/create", {"kty": "EC", "crv": "P-521"}).json
    old = first["key"]["kid"].rpartition("/")[2]

    assert azure.vault("GET", "/keys/made/").json == second
    assert azure.vault("GET", f"/keys/made/{old}").json == first
    assert len(azure.vault("GET", "/keys/made/versions").json["value"]) == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/keys/none", None, 404, "KeyNotFound"),
        ("GET", "/keys/one/0123456789abcdef0123456789abcdef", None, 404, "KeyNotFound"),
        ("GET", "/deletedkeys/one", None, 404, "KeyNotFound"),
        ("POST", "/keys/bad_name/create", {"kty": "RSA"}, 400, "BadParameter"),
        ("POST", "/keys/x/create", {"kty": "oct"}, 400, "BadParameter"),
        ("POST", "/keys/x/create", {"kty": "RSA", "key_size": 1024}, 400, "BadParameter"),
    ],
)
def test_the_vault_refuses_in_its_own_shape(
    azure: Azure, method: str, path: str, body: Any, status: int, code: str
) -> None:
    answer = azure.vault(method, path, body)

    assert (answer.status, answer.json["error"]["code"]) == (status, code)


def test_hardware_keys_need_a_premium_vault(azure: Azure) -> None:
    azure.estate.do(lambda state: setattr(state.vault(azure.estate.vault), "sku", "standard"))

    assert azure.vault("POST", "/keys/x/create", {"kty": "RSA-HSM"}).status == 400


def test_the_name_of_a_deleted_key_is_not_free(azure: Azure) -> None:
    azure.estate.do(lambda state: state.delete_key(azure.estate.vault, "one"))

    answer = azure.vault("POST", "/keys/one/create", {"kty": "RSA"})

    assert (answer.status, answer.json["error"]["innererror"]["code"]) == (409, "ObjectIsDeletedButRecoverable")
    assert azure.vault("GET", "/deletedkeys").json["value"][0]["recoveryId"].endswith("/deletedkeys/one")


@pytest.mark.parametrize(
    ("permissions", "method", "path", "body"),
    [
        (["get", "create"], "GET", "/keys", None),
        (["list", "create"], "GET", "/keys/one", None),
        (["list", "get"], "POST", "/keys/x/create", {"kty": "RSA"}),
    ],
)
def test_each_access_policy_permission_is_enforced(
    azure: Azure, permissions: list[str], method: str, path: str, body: Any
) -> None:
    estate = azure.estate
    estate.do(lambda state: state.set_access_policy(estate.vault, estate.client_id, permissions))

    answer = azure.vault(method, path, body)

    assert (answer.status, answer.json["error"]["innererror"]["code"]) == (403, "AccessDenied")


def test_in_an_rbac_vault_policies_are_inert_and_roles_count(anonymous: Any, make_estate: Any) -> None:
    estate = make_estate(rbac=True)
    azure = Azure(anonymous, estate)
    before = azure.vault("GET", "/keys")
    estate.do(lambda state: state.assign_role(estate.client_id, estate.vault, "Key Vault Crypto Officer"))

    after = azure.vault("GET", "/keys")

    assert (before.status, before.json["error"]["innererror"]["code"]) == (403, "ForbiddenByRbac")
    assert after.status == 200


def test_a_token_of_another_tenant_is_refused(azure: Azure, make_estate: Any) -> None:
    stranger = Azure(azure.client, make_estate())

    answer = azure.call("GET", f"{azure.estate.url}keys?{VERSION}", stranger.token(f"https://{azure.suffix}"))

    assert (answer.status, "AKV10032" in answer.text) == (401, True)


def test_a_token_of_the_other_cloud_is_refused(azure: Azure, make_estate: Any) -> None:
    stranger = Azure(azure.client, make_estate("government"))

    answer = azure.call("GET", f"{azure.estate.url}keys?{VERSION}", stranger.token(f"https://{stranger.suffix}"))

    assert answer.status == 401


def test_tokens_expire(anonymous: Any) -> None:
    import urllib3

    with Sandbox.start() as own, urllib3.ProxyManager(own.proxy_url, ca_certs=str(own.ca_bundle)) as pool:
        w = own.world.public
        url = f"{w.vaults['akv-sandbox-std'].uri}keys?{VERSION}"
        form = {"grant_type": "client_credentials", "client_id": w.client_id, "client_secret": w.client_secret}
        form["scope"] = "https://vault.azure.net/.default"
        login = f"https://login.microsoftonline.com/{w.tenant_id}/oauth2/v2.0/token"
        token = pool.request("POST", login, fields=form, encode_multipart=False).json()["access_token"]
        statuses = []
        for seconds in (3500, 100):
            own.clock.advance(seconds)
            statuses.append(pool.request("GET", url, headers={"Authorization": f"Bearer {token}"}).status)

    assert statuses == [200, 401]
