# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure CLI works against the sandbox as it comes from PyPI: login, vaults, keys, roles, applications."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.authorities import self_signed

STANDARD = "akv-sandbox-std"
Az = Callable[..., Any]


@pytest.fixture(autouse=True)
def untouched(sandbox: Sandbox) -> Iterator[None]:
    """Each test begins with the same world, for the login lasts longer than a test."""
    before = sandbox.snapshot()
    yield
    sandbox.restore(before)


def test_the_operator_logs_in_and_sees_the_subscription(az: Az, sandbox: Sandbox) -> None:
    (account,) = az("account", "list")

    azure = sandbox.world.public
    assert (account["id"], account["tenantId"]) == (azure.subscription_id, azure.tenant_id)


def test_groups_and_resources_are_listed(az: Az, sandbox: Sandbox) -> None:
    groups = az("group", "list", "--query", "[].name")
    vaults = az("resource", "list", "--resource-type", "Microsoft.KeyVault/vaults", "--query", "[].name")

    assert (groups[0], set(vaults)) == ("rg-keys", set(sandbox.world.public.vaults))


def test_a_vault_is_created_deleted_recovered_and_purged(az: Az) -> None:
    name = ("--name", "kv-of-the-cli")
    created = az("keyvault", "create", *name, "--resource-group", "rg-keys", "--enable-rbac-authorization", "true")
    az("keyvault", "update", *name, "--default-action", "Deny")
    ruled = az("keyvault", "network-rule", "add", *name, "--ip-address", "198.51.100.7")
    az("keyvault", "delete", *name)
    deleted = az("keyvault", "list-deleted", "--query", "[].name")
    recovered = az("keyvault", "recover", *name)
    az("keyvault", "delete", *name)
    az("keyvault", "purge", *name)

    assert created["properties"]["enableRbacAuthorization"] is True
    assert ruled["properties"]["networkAcls"]["defaultAction"] == "Deny"
    assert deleted == ["kv-of-the-cli"]
    assert recovered["id"] == created["id"]
    assert az("keyvault", "list-deleted") == []


def test_keys_need_a_permission_in_the_vault(az: Az, sandbox: Sandbox) -> None:
    refused = az("keyvault", "key", "list", "--vault-name", STANDARD, fails=True)
    policy = ("--spn", sandbox.world.public.operator_client_id, "--key-permissions", "get", "list", "create")
    az("keyvault", "set-policy", "--name", STANDARD, *policy)
    made = az("keyvault", "key", "create", "--vault-name", STANDARD, "--name", "mine", "--kty", "RSA")

    assert "does not have keys list permission" in refused
    assert made["key"]["kid"].startswith(f"https://{STANDARD}.vault.azure.net/keys/mine/")
    assert "mine" in az("keyvault", "key", "list", "--vault-name", STANDARD, "--query", "[].name")


def test_roles_are_assigned_listed_and_removed(az: Az, sandbox: Sandbox) -> None:
    azure = sandbox.world.public
    what = ("--assignee", azure.client_id, "--role", "Key Vault Crypto Officer")
    where = ("--scope", f"/subscriptions/{azure.subscription_id}/resourceGroups/rg-keys")

    az("role", "assignment", "create", *what, *where)
    listed = az("role", "assignment", "list", *what, *where)
    az("role", "assignment", "delete", *what, *where)

    assert [one["principalName"] for one in listed] == [azure.client_id]
    assert az("role", "assignment", "list", *what, *where) == []


def test_an_application_gets_a_secret_and_a_certificate(az: Az, sandbox: Sandbox, tmp_path: Path) -> None:
    client = ("--id", sandbox.world.public.client_id)
    certificate = tmp_path / "certificate.pem"
    certificate.write_text(self_signed("of the CLI", algorithm="rsa").certificate_pem)

    made = az("ad", "app", "credential", "reset", *client, "--append", "--years", "1")
    az("ad", "app", "credential", "reset", *client, "--append", "--cert", f"@{certificate}")

    assert made["appId"] == sandbox.world.public.client_id
    assert len(az("ad", "app", "credential", "list", *client)) == 2
    assert len(az("ad", "app", "credential", "list", *client, "--cert")) == 1


def test_a_managed_hsm_and_its_local_roles_are_shown(az: Az) -> None:
    pool = az("keyvault", "show", "--hsm-name", "hsm-sandbox")
    roles = az("keyvault", "role", "assignment", "list", "--hsm-name", "hsm-sandbox", "--query", "[].roleName")

    assert pool["properties"]["hsmUri"] == "https://hsm-sandbox.managedhsm.azure.net/"
    assert "Managed HSM Administrator" in roles


def test_locks_and_deny_assignments_are_listed(az: Az, sandbox: Sandbox) -> None:
    azure = sandbox.world.public
    scope = f"/subscriptions/{azure.subscription_id}/resourceGroups/rg-keys"
    sandbox.do(lambda state: state.azure.public.lock(scope, "no-deletions"))

    locks = az("lock", "list", "--resource-group", "rg-keys", "--query", "[].name")
    refused = az("keyvault", "delete", "--name", STANDARD, fails=True)

    assert locks == ["no-deletions"]
    assert "ScopeLocked" in refused
    assert az("role", "deny-assignment", "list", "--scope", scope) == []
