# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools written through Resource Manager, and what it tells of vaults besides (Azure contract §1.2, §1.6)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from sandbox import Sandbox
from support.arm_lab import code_of

NEW = "2026-02-01"
ADMINISTRATOR = "77777777-2222-4333-8444-555555555555"


def body(arm: Any, **properties: Any) -> dict[str, Any]:
    """A pool as a client creates it; None takes a property out."""
    given = {
        "tenantId": arm.estate.tenant_id,
        "initialAdminObjectIds": [ADMINISTRATOR],
        "enablePurgeProtection": True,
        **properties,
    }
    kept = {name: value for name, value in given.items() if value is not None}
    return {"location": "westeurope", "sku": {"family": "B", "name": "Standard_B1"}, "tags": {}, "properties": kept}


def fresh(arm: Any) -> str:
    return f"{arm.group}/providers/Microsoft.KeyVault/managedHSMs/hsm-{uuid4().hex[:12]}"


@pytest.fixture
def made(arm: Any) -> str:
    """The path of a pool that has been made."""
    path = fresh(arm)
    assert arm.operator("PUT", path, body(arm), NEW).status == 202
    return path


def state_of(arm: Any, path: str) -> str:
    return str(arm.operator("GET", path, version=NEW).json["properties"]["provisioningState"])


def test_a_new_pool_waits_for_its_security_domain(arm: Any, made: str) -> None:
    shown = arm.operator("GET", made, version=NEW).json["properties"]

    assert shown["securityDomainProperties"]["activationStatus"] == "NotActivated"


def test_a_new_pool_has_its_administrators(arm: Any, made: str) -> None:
    held = arm.do(
        lambda azure: [entry.principal_id for entry in azure.managed_hsm(made.rpartition("/")[2]).local_roles]
    )

    assert held == [ADMINISTRATOR]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"initialAdminObjectIds": None}, "BadRequest"),
        ({"initialAdminObjectIds": ["root"]}, "BadRequest"),
        ({"tenantId": str(uuid4())}, "BadRequest"),
        ({"softDeleteRetentionInDays": 6}, "BadRequest"),
    ],
)
def test_a_pool_is_refused_for_its_reason(arm: Any, changes: dict[str, Any], code: str) -> None:
    assert code_of(arm.operator("PUT", fresh(arm), body(arm, **changes), NEW)) == (400, code)


def test_a_merge_changes_what_it_names(arm: Any, made: str) -> None:
    arm.operator("PATCH", made, {"properties": {"publicNetworkAccess": "disabled"}}, NEW)

    shown = arm.operator("GET", made, version=NEW).json
    assert (shown["properties"]["publicNetworkAccess"], shown["sku"]["name"]) == ("Disabled", "Standard_B1")


def test_a_deleted_pool_holds_its_name(arm: Any, made: str) -> None:
    arm.operator("DELETE", made, version=NEW)

    assert code_of(arm.operator("PUT", made, body(arm), NEW)) == (409, "ConflictError")


def test_a_deleted_pool_is_listed_and_recovered(arm: Any, made: str) -> None:
    arm.operator("DELETE", made, version=NEW)
    listed = arm.operator.all_of(f"{arm.provider}/deletedManagedHSMs", NEW)

    answer = arm.operator("PUT", made, {"location": "westeurope", "properties": {"createMode": "recover"}}, NEW)

    assert made in [entry["properties"]["mhsmId"] for entry in listed]
    assert (answer.status, state_of(arm, made)) == (200, "Succeeded")


def test_writing_a_pool_is_no_right_of_a_key_vault_contributor(arm: Any) -> None:
    _object_id, caller = arm.another("Key Vault Contributor")

    assert code_of(caller("PUT", fresh(arm), body(arm), NEW)) == (403, "AuthorizationFailed")


@pytest.mark.parametrize("taken", [True, False])
def test_the_name_of_a_pool_is_checked_without_a_write(arm: Any, sb: Sandbox, made: str, taken: bool) -> None:
    name = made.rpartition("/")[2] if taken else "hsm-that-is-free"
    mark = sb.journal.mark()

    answer = arm.operator("POST", f"{arm.provider}/checkMhsmNameAvailability", {"name": name}, NEW)

    assert (answer.json["nameAvailable"], sb.journal.writes(mark)) == (not taken, [])


# What is told besides -------------------------------------------------------------------------------------------------


def test_a_vault_that_is_being_made_is_shown_so_for_a_time(arm: Any) -> None:
    arm.do(lambda azure: setattr(azure.vaults[arm.estate.vault], "reads_until_ready", 2))

    assert [state_of(arm, arm.vault) for _read in range(3)] == ["RegisteringDns", "RegisteringDns", "Succeeded"]


def test_keys_and_secrets_are_listed_by_name(arm: Any) -> None:
    def deed(azure: Any) -> None:
        azure.add_key(arm.estate.vault, "k-of-arm")
        azure.keep_secret(arm.estate.vault, "s-of-arm")

    arm.do(deed)

    for kind, name in (("keys", "k-of-arm"), ("secrets", "s-of-arm")):
        assert name in [entry["name"] for entry in arm.operator.all_of(f"{arm.vault}/{kind}", NEW)]


def test_the_firewall_does_not_matter_to_lists_of_resource_manager(arm: Any) -> None:
    arm.do(lambda azure: azure.set_firewall(arm.estate.vault, public_access=False))

    assert arm.operator("GET", f"{arm.vault}/keys", version=NEW).status == 200


def test_listing_keys_needs_the_right(arm: Any) -> None:
    _object_id, caller = arm.another()

    assert code_of(caller("GET", f"{arm.vault}/keys", version=NEW)) == (403, "AuthorizationFailed")


def test_a_vault_of_a_resource_group_that_is_not_there_is_told_so(arm: Any) -> None:
    path = arm.vault.replace("/rg-keys/", "/rg-nowhere/")

    assert code_of(arm.operator("GET", path, version=NEW)) == (404, "ResourceGroupNotFound")


def test_a_subscription_shows_its_tenant(arm: Any) -> None:
    assert arm.operator("GET", arm.subscription, version="2022-12-01").json["tenantId"] == arm.estate.tenant_id


@pytest.mark.parametrize(("rbac", "status"), [(False, 403), (True, 201)])
def test_a_policy_denies_vaults_with_access_policies(arm: Any, rbac: bool, status: int) -> None:
    arm.do(lambda azure: azure.deny_access_policies(arm.estate.subscription_id))
    properties = {
        "tenantId": arm.estate.tenant_id,
        "sku": {"family": "A", "name": "standard"},
        "accessPolicies": [],
        "enableRbacAuthorization": rbac,
    }
    path = f"{arm.vault.rpartition('/')[0]}/kv-{uuid4().hex[:12]}"

    assert arm.operator("PUT", path, {"location": "westeurope", "properties": properties}, NEW).status == status
