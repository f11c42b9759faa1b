# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed HSM pools: listing, local rights, and links of type MANAGED (Azure contract §1.6, §1.8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox import Profile, Sandbox
from sandbox.azure.rights import local_roles as hsm_rights
from support.azure_callers import POOL as SUFFIX
from support.azure_callers import bearer

CHECK, VAULTS = "/sys/v1/groups/hmg/check", "/sys/v1/groups/hmg/azure_vaults"
VERSION = "api-version=2025-07-01"


@pytest.fixture(params=["public", "government"])
def pool_estate(request: pytest.FixtureRequest, make_estate: Any) -> Any:
    """An estate with a pool: Reader on it, and the local Crypto User."""
    return with_pool(make_estate(request.param))


def with_pool(estate: Any) -> Any:
    def build(azure: Any) -> Any:
        pool = azure.add_managed_hsm(f"{estate.vault}-hsm", subscription_id=estate.subscription_id)
        azure.assign_role(estate.client_id, pool, "Reader")
        azure.assign_local_role(pool, estate.client_id)
        azure.add_key(pool, "seal", kty="RSA-HSM")
        return replace(estate, vault=pool.name, url=pool.uri)

    return estate.do(build)


def link(estate: Any, **changes: Any) -> dict[str, Any]:
    from sandbox.dsm.external_kms import GOVERNMENT_ENDPOINTS

    endpoints = GOVERNMENT_ENDPOINTS if estate.cloud == "government" else None
    return dict(estate.link(**{"key_vault_type": "MANAGED", "endpoints": endpoints, **changes}))


def call(
    client: Any,
    estate: Any,
    path: str,
    method: str = "GET",
    body: Any = None,
    audience: str | None = None,
    version: str = VERSION,
) -> Any:
    """A request to the pool with the application's own token."""
    audience = audience or f"https://{SUFFIX[estate.cloud]}"
    there = type(client)(client.pool, estate.url.rstrip("/"), bearer(client.pool, estate, audience))
    return there(method, f"{path}?{version}", body)


# Listing ------------------------------------------------------------------------------------------------------------


def test_dsm_lists_a_pool_as_managed(admin: Any, pool_estate: Any) -> None:
    listed = admin("POST", VAULTS, link(pool_estate)).json

    (pool,) = [vault for vault in listed if vault["vault_type"] == "MANAGED"]
    assert (pool["name"], pool["uri"]) == (pool_estate.vault, pool_estate.url)
    assert "/managedHSMs/" in pool["id"]
    assert {vault["vault_type"] for vault in listed} == {"MANAGED", "PREMIUM"}


@pytest.mark.parametrize(
    ("role", "seen"),
    [("Reader", True), ("Managed HSM contributor", True), ("Contributor", True), ("Key Vault Contributor", False)],
)
def test_key_vault_contributor_does_not_extend_to_pools(admin: Any, estate: Any, role: str, seen: bool) -> None:
    def build(azure: Any) -> None:
        azure.add_managed_hsm(f"{estate.vault}-hsm", subscription_id=estate.subscription_id)
        azure.assign_role(estate.client_id, f"/subscriptions/{estate.subscription_id}", role)

    estate.do(build)

    assert ("MANAGED" in {vault["vault_type"] for vault in admin("POST", VAULTS, estate.link()).json}) is seen


@pytest.mark.parametrize(("setting", "status"), [("omitted", 200), ("fails", 400)])
def test_a_denied_list_of_pools_is_empty_or_fails_the_whole_call(
    sb: Sandbox, admin: Any, estate: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(hsm_list_denied=setting)

    answer = admin("POST", VAULTS, estate.link())

    assert answer.status == status
    assert ("AuthorizationFailed" in answer.text) is (status == 400)


def test_the_world_has_one_usable_pool_in_each_cloud(sb: Sandbox, admin: Any) -> None:
    from sandbox.dsm.external_kms import GOVERNMENT_ENDPOINTS

    for view, endpoints in ((sb.world.public, None), (sb.world.government, GOVERNMENT_ENDPOINTS)):
        (pool,) = view.managed_hsms.values()
        config = {
            "kind": "AzureKeyVault",
            "url": pool.uri,
            "tls": {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots"}},
            "auth_config": {"mode": "client_secret", "client_secret": view.client_secret},
            "tenant_id": view.tenant_id,
            "client_id": view.client_id,
            "subscription_id": view.subscription_id,
            "key_vault_type": "MANAGED",
            "endpoints": endpoints,
        }
        assert pool.type == "MANAGED"
        assert admin("POST", CHECK, config).status == 204


def test_arm_shows_address_and_activation_of_a_pool(admin: Any, pool_estate: Any) -> None:
    management = {"public": "management.azure.com", "government": "management.usgovcloudapi.net"}[pool_estate.cloud]
    pool = pool_estate.do(lambda azure: azure.managed_hsm(pool_estate.vault))
    at_arm = replace(pool_estate, url=f"https://{management}")

    version = "api-version=2026-02-01"
    found = call(admin, at_arm, pool.resource_id, audience=f"https://{management}", version=version).json

    assert found["properties"]["hsmUri"] == pool_estate.url
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert found["properties"]["securityDomainProperties"]["activationStatus"] == "Active"
    assert found["sku"] == {"family": "B", "name": "Standard_B1"}


# The pool's own plane -------------------------------------------------------------------------------------------------


def test_the_challenge_names_the_pools_own_resource(anonymous: Any, pool_estate: Any) -> None:
    there = type(anonymous)(anonymous.pool, pool_estate.url.rstrip("/"))

    answer = there("GET", f"/keys?{VERSION}")

    assert answer.status == 401
    assert f'resource="https://{SUFFIX[pool_estate.cloud]}"' in answer.headers["WWW-Authenticate"]


def test_a_token_for_vaults_is_not_good_for_pools(admin: Any, pool_estate: Any) -> None:
    vaults = SUFFIX[pool_estate.cloud].replace("managedhsm", "vault")

    assert call(admin, pool_estate, "/keys", audience=f"https://{vaults}").status == 401


@pytest.mark.parametrize(("setting", "status"), [("refused", 400), ("hardened", 200)])
def test_a_pool_refuses_keys_in_software_or_makes_hsm_protected_ones(
    sb: Sandbox, admin: Any, pool_estate: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(hsm_software_kty=setting)

    made = call(admin, pool_estate, "/keys/new/create", "POST", {"kty": "RSA"})

    assert made.status == status
    if status == 200:
        assert made.json["key"]["kty"] == "RSA-HSM"


@pytest.mark.parametrize(
    ("role", "scope", "statuses"),
    [
        (hsm_rights.CRYPTO_USER, "/", (200, 200, 200, 403)),
        (hsm_rights.CRYPTO_USER, "/keys", (200, 200, 200, 403)),
        (hsm_rights.CRYPTO_USER, "/keys/seal", (403, 200, 403, 403)),
        (hsm_rights.CRYPTO_OFFICER, "/", (403, 403, 403, 200)),
        ("Managed HSM Crypto Auditor", "/", (200, 200, 403, 200)),
        (None, "/", (403, 403, 403, 403)),
    ],
)
def test_local_roles_alone_decide_on_keys(
    admin: Any, make_estate: Any, role: str | None, scope: str, statuses: tuple[int, ...]
) -> None:
    estate = with_pool(make_estate())

    def give(azure: Any) -> None:
        azure.assign_role(estate.client_id, f"/subscriptions/{estate.subscription_id}", "Owner")
        azure.revoke_local_roles(estate.vault, estate.client_id)
        if role:
            azure.assign_local_role(estate.vault, estate.client_id, role, scope)

    estate.do(give)
    requests = (("GET", "/keys"), ("GET", "/keys/seal"), ("POST", "/keys/new/create"), ("GET", "/deletedkeys"))

    found = tuple(
        call(admin, estate, path, method, {"kty": "EC-HSM"} if method == "POST" else None).status
        for method, path in requests
    )

    assert found == statuses


# Links --------------------------------------------------------------------------------------------------------------


def test_a_managed_link_is_checked_and_scanned(admin: Any, pool_estate: Any, names: Any) -> None:
    made = admin("POST", "/sys/v1/groups", {"name": names.new(), "add_hmg": [link(pool_estate)]}).json
    path = f"/sys/v1/groups/{made['group_id']}"

    assert admin("POST", f"{path}/hmg/check", {}).status == 204
    (key,) = admin("POST", f"{path}/hmg/scan", {}).json
    assert key["external"]["id"]["label"] == "seal"
    assert key["custom_metadata"]["azure-key-type"] == "hardware"


def test_a_check_fails_without_a_local_role(admin: Any, pool_estate: Any) -> None:
    pool_estate.do(lambda azure: azure.revoke_local_roles(pool_estate.vault, pool_estate.client_id))

    answer = admin("POST", CHECK, link(pool_estate))

    assert answer.status == 400
    assert "managedHsm/keys/read/action" in answer.text


def test_a_check_fails_where_the_pool_cannot_be_read(admin: Any, pool_estate: Any) -> None:
    pool_estate.do(lambda azure: azure.revoke_role(pool_estate.client_id, azure.store(pool_estate.vault), "Reader"))

    assert "no vault with the address" in admin("POST", CHECK, link(pool_estate)).text


def test_a_pool_that_is_not_activated_fails_the_check(admin: Any, pool_estate: Any) -> None:
    pool_estate.do(lambda azure: setattr(azure.managed_hsm(pool_estate.vault), "activated", False))

    assert "has not been activated" in admin("POST", CHECK, link(pool_estate)).text


def test_a_deleted_pool_does_not_resolve(admin: Any, pool_estate: Any, names: Any) -> None:
    made = admin("POST", "/sys/v1/groups", {"name": names.new(), "add_hmg": [link(pool_estate)]}).json
    pool_estate.do(lambda azure: azure.delete_managed_hsm(pool_estate.vault))

    answer = admin("POST", f"/sys/v1/groups/{made['group_id']}/hmg/scan", {})

    assert answer.status == 400
    assert "does not resolve" in answer.text
