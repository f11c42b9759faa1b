# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's evaluator of effective rights in Azure (Azure contract §1.3, §1.7, §1.8)."""

from __future__ import annotations

import pytest

from sandbox.azure.rights.effective import GUIDE_PERMISSIONS, VAULT_READ, Rights, RoleDefinition
from sandbox.azure.rights.values import AccessPolicy, RoleAssignment, is_within
from sandbox.azure.vaults import Vault

APP = "0b0f6d2e-0000-4000-8000-000000000001"
TENANT = "0b0f6d2e-0000-4000-8000-000000000002"
GROUP = "/subscriptions/s/resourceGroups/rg"
SCOPE = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv"


def vault(*policies: AccessPolicy, rbac: bool = False) -> Vault:
    made = Vault(
        name="kv",
        uri="https://kv.vault.azure.net/",
        resource_id=SCOPE,
        subscription_id="s",
        resource_group="rg",
        tenant_id=TENANT,
        location="westeurope",
        sku="standard",
        rbac=rbac,
    )
    made.access_policies = list(policies)
    return made


def rights(role: str, scope: str = SCOPE) -> Rights:
    made = Rights()
    made.assignments.append(RoleAssignment(scope, APP, made.role_named(role).guid))
    return made


@pytest.mark.parametrize(
    ("scope", "ancestor", "expected"),
    [
        (SCOPE, SCOPE.upper(), True),
        (SCOPE, GROUP, True),
        (SCOPE, "/", True),
        (SCOPE, "/subscriptions/s/resourceGroups/r", False),
        (GROUP, SCOPE, False),
    ],
)
def test_scopes_inherit_downwards_only(scope: str, ancestor: str, expected: bool) -> None:
    assert is_within(scope, ancestor) is expected


@pytest.mark.parametrize(
    ("role", "action", "allowed"),
    [
        ("Key Vault Contributor", VAULT_READ, True),
        ("Key Vault Contributor", "microsoft.keyvault/VAULTS/write", True),
        ("Key Vault Contributor", "Microsoft.KeyVault/managedHSMs/read", False),
        ("Key Vault Contributor", "Microsoft.KeyVault/locations/deletedVaults/purge/action", False),
        ("Reader", VAULT_READ, True),
        ("Reader", "Microsoft.KeyVault/vaults/write", False),
        ("Contributor", "Microsoft.Authorization/roleAssignments/write", False),
        ("Key Vault Crypto User", VAULT_READ, False),
    ],
)
def test_roles_allow_by_wildcard_less_their_not_actions(role: str, action: str, allowed: bool) -> None:
    assert rights(role).may(APP, action, SCOPE) is allowed


def test_another_assignment_grants_what_one_role_excludes() -> None:
    both = rights("Key Vault Contributor")
    both.roles["custom"] = RoleDefinition("custom", "HSM reader", ("Microsoft.KeyVault/managedHSMs/read",))
    both.assignments.append(RoleAssignment(GROUP, APP, "custom"))

    assert both.may(APP, "Microsoft.KeyVault/managedHSMs/read", SCOPE)


def test_a_role_is_its_holders_only() -> None:
    assert not rights("Owner").may(TENANT, VAULT_READ, SCOPE)


@pytest.mark.parametrize("permission", GUIDE_PERMISSIONS)
def test_all_is_everything_but_purge(permission: str) -> None:
    refusal = Rights().may_use_keys(APP, TENANT, permission, vault(AccessPolicy(TENANT, APP, ["all"])))

    assert refusal == ("AccessDenied" if permission == "purge" else None)


@pytest.mark.parametrize(
    ("policy", "refusal"),
    [
        (AccessPolicy(TENANT, APP.upper(), ["LIST"]), None),
        (AccessPolicy(APP, APP, ["list"]), "AccessDenied"),
        (AccessPolicy(TENANT, TENANT, ["list"]), "AccessDenied"),
        (AccessPolicy(TENANT, APP, ["list"], application_id=APP), "AccessDenied"),
    ],
    ids=["letter case", "other tenant", "other object", "compound identity"],
)
def test_an_entry_counts_for_its_identity_only(policy: AccessPolicy, refusal: str | None) -> None:
    assert Rights().may_use_keys(APP, TENANT, "list", vault(policy)) == refusal


def test_several_entries_unite() -> None:
    both = vault(AccessPolicy(TENANT, APP, ["get"]), AccessPolicy(TENANT, APP, ["list"]))

    assert [Rights().may_use_keys(APP, TENANT, wanted, both) for wanted in ("get", "list")] == [None, None]


@pytest.mark.parametrize(
    ("role", "denied"),
    [
        ("Key Vault Crypto Officer", []),
        ("Key Vault Administrator", []),
        ("Key Vault Crypto User", ["create", "import", "delete", "recover", "restore", "purge"]),
        ("Key Vault Reader", ["update", "create", "import", "delete", "recover", "backup", "restore", "purge"]),
        ("Key Vault Contributor", list(GUIDE_PERMISSIONS)),
    ],
)
def test_data_roles_cover_the_guides_ten_as_azure_says(role: str, denied: list[str]) -> None:
    given = rights(role)
    place = vault(rbac=True)

    refused = [name for name in GUIDE_PERMISSIONS if given.may_use_keys(APP, TENANT, name, place)]

    assert refused == denied


def test_a_data_role_is_inert_in_a_policy_vault() -> None:
    assert rights("Key Vault Administrator").may_use_keys(APP, TENANT, "list", vault()) == "AccessDenied"
