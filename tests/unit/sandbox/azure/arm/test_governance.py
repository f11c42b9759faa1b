# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks and Azure Policy stand above all roles, the owner's too."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from sandbox.azure.rights.governance import CAN_NOT_DELETE, DENY, MODIFY, READ_ONLY, ROLE_ASSIGNMENTS
from support.arm_lab import AUTHORIZATION, code_of

NEW = "2026-02-01"
LOCKED = (409, "ScopeLocked")
LOCKS = "2020-05-01"
SCOPES = ["subscription", "group", "vault"]


def lock(arm: Any, at: str, level: str) -> str:
    """Put a lock at the subscription, the resource group or the vault; its scope."""
    scope: str = getattr(arm, at)
    arm.do(lambda azure: azure.lock(scope, f"lock-at-{at}", level))
    return scope


def policy_of_the_app(arm: Any) -> dict[str, Any]:
    entry = {"tenantId": arm.estate.tenant_id, "objectId": arm.app_oid, "permissions": {"keys": ["get"]}}
    return {"properties": {"accessPolicies": [entry]}}


def assigned(arm: Any) -> str:
    """The path of a role assignment of the application at the vault."""
    answer = arm.put_role("Key Vault Reader")
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


# Locks ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [CAN_NOT_DELETE, READ_ONLY])
@pytest.mark.parametrize("at", SCOPES)
def test_every_lock_forbids_to_delete_the_vault_below_it(arm: Any, at: str, level: str) -> None:
    scope = lock(arm, at, level)

    answer = arm.operator("DELETE", arm.vault, version=NEW)

    assert code_of(answer) == LOCKED
    assert f"cannot perform delete operation because following scope(s) are locked: '{scope}'" in answer.text


@pytest.mark.parametrize("level", [CAN_NOT_DELETE, READ_ONLY])
def test_every_lock_forbids_to_delete_a_role_assignment_below_it(arm: Any, level: str) -> None:
    path = assigned(arm)
    lock(arm, "group", level)

    assert code_of(arm.operator("DELETE", path)) == LOCKED


@pytest.mark.parametrize(("level", "status"), [(CAN_NOT_DELETE, 200), (READ_ONLY, 409)])
def test_only_a_lock_for_reading_forbids_to_change_the_vault(arm: Any, level: str, status: int) -> None:
    lock(arm, "vault", level)

    assert arm.operator("PATCH", arm.vault, {"tags": {"a": "c"}}, NEW).status == status


@pytest.mark.parametrize(("level", "status"), [(CAN_NOT_DELETE, 200), (READ_ONLY, 409)])
def test_only_a_lock_for_reading_forbids_to_take_access_policies_back(arm: Any, level: str, status: int) -> None:
    lock(arm, "vault", level)

    assert arm.operator("PUT", f"{arm.vault}/accessPolicies/remove", policy_of_the_app(arm), NEW).status == status


@pytest.mark.parametrize(("level", "status"), [(CAN_NOT_DELETE, 201), (READ_ONLY, 409)])
def test_only_a_lock_for_reading_forbids_to_assign_a_role(arm: Any, level: str, status: int) -> None:
    lock(arm, "subscription", level)

    assert arm.put_role("Key Vault Reader").status == status


def test_a_lock_for_reading_at_the_subscription_forbids_to_define_a_role(arm: Any) -> None:
    lock(arm, "subscription", READ_ONLY)
    role = {"roleName": "own", "permissions": [{"actions": ["*/read"]}], "assignableScopes": [arm.subscription]}

    answer = arm.operator("PUT", f"{arm.subscription}{AUTHORIZATION}/roleDefinitions/{uuid4()}", {"properties": role})

    assert code_of(answer) == LOCKED


def test_a_lock_elsewhere_forbids_nothing(arm: Any) -> None:
    arm.do(lambda azure: azure.lock(f"{arm.vault}-other", level=READ_ONLY))

    assert arm.operator("PATCH", arm.vault, {"tags": {"a": "c"}}, NEW).status == 200


def test_a_lock_that_is_gone_forbids_nothing(arm: Any) -> None:
    made = arm.do(lambda azure: azure.lock(arm.vault))
    arm.do(lambda azure: azure.unlock(made))

    assert arm.operator("DELETE", arm.vault, version=NEW).status == 200


def test_without_the_right_the_refusal_is_about_the_right(arm: Any) -> None:
    lock(arm, "vault", CAN_NOT_DELETE)
    _object_id, reader = arm.another("Reader")

    assert code_of(reader("DELETE", arm.vault, version=NEW)) == (403, "AuthorizationFailed")


def test_the_locks_of_a_vault_are_listed_with_those_above_it(arm: Any) -> None:
    for at in SCOPES:
        lock(arm, at, CAN_NOT_DELETE)

    listed = arm.operator.all_of(f"{arm.vault}{AUTHORIZATION}/locks", version=LOCKS, filter="atScope()")

    assert {entry["id"] for entry in listed} == {
        f"{getattr(arm, at)}{AUTHORIZATION}/locks/lock-at-{at}" for at in SCOPES
    }
    assert {entry["properties"]["level"] for entry in listed} == {CAN_NOT_DELETE}


def test_the_locks_below_a_scope_are_not_at_it(arm: Any) -> None:
    lock(arm, "vault", CAN_NOT_DELETE)

    assert arm.operator.all_of(f"{arm.group}{AUTHORIZATION}/locks", LOCKS, filter="atScope()") == []
    assert len(arm.operator.all_of(f"{arm.group}{AUTHORIZATION}/locks", LOCKS)) == 1


def test_locks_are_listed_for_those_who_may_read_them(arm: Any) -> None:
    _object_id, caller = arm.another()

    assert code_of(caller("GET", f"{arm.vault}{AUTHORIZATION}/locks", version=LOCKS)) == (403, "AuthorizationFailed")


# Azure Policy ---------------------------------------------------------------------------------------------------------


def test_a_refusal_by_policy_names_it_and_where_it_is_assigned(arm: Any) -> None:
    member = {"member": "properties.publicNetworkAccess", "value": "Enabled"}
    made = arm.do(lambda azure: azure.assign_policy(arm.group, "No public vaults", DENY, **member))

    answer = arm.operator("PATCH", arm.vault, {"properties": {"publicNetworkAccess": "enabled"}}, NEW)

    assert code_of(answer) == (403, "RequestDisallowedByPolicy")
    (info,) = answer.json["error"]["additionalInfo"]
    assert (info["type"], info["info"]["policyAssignmentDisplayName"]) == ("PolicyViolation", "No public vaults")
    assert info["info"]["policyAssignmentId"] == made.assignment_id


def test_a_policy_judges_what_a_vault_would_be_after_the_write(arm: Any) -> None:
    member = {"member": "properties.publicNetworkAccess", "value": "Enabled"}
    arm.do(lambda azure: azure.assign_policy(arm.group, "No public vaults", DENY, **member))

    assert arm.operator("PATCH", arm.vault, {"tags": {"a": "c"}}, NEW).status == 403


def test_a_policy_of_another_scope_is_none_of_ours(arm: Any) -> None:
    member = {"member": "properties.publicNetworkAccess", "value": "Enabled"}
    arm.do(lambda azure: azure.assign_policy(f"{arm.group}-other", "No public vaults", DENY, **member))

    assert arm.operator("PATCH", arm.vault, {"tags": {"a": "c"}}, NEW).status == 200


def test_a_policy_denies_role_assignments(arm: Any) -> None:
    arm.do(lambda azure: azure.assign_policy(arm.group, "No roles", DENY, resource_type=ROLE_ASSIGNMENTS))

    assert code_of(arm.put_role("Key Vault Reader")) == (403, "RequestDisallowedByPolicy")


def test_a_policy_that_modifies_rewrites_a_value_and_says_nothing(arm: Any) -> None:
    member = {"member": "tags.environment", "value": "prod"}
    arm.do(lambda azure: azure.assign_policy(arm.subscription, "Tag vaults", MODIFY, **member))

    answer = arm.operator("PATCH", arm.vault, {"tags": {"environment": "dev", "team": "keys"}}, NEW)

    assert (answer.status, answer.json["tags"]) == (200, {"environment": "prod", "team": "keys"})


def test_a_policy_that_modifies_leaves_the_other_tags_alone(arm: Any) -> None:
    arm.operator("PATCH", arm.vault, {"tags": {"team": "keys"}}, NEW)
    member = {"member": "tags.environment", "value": "prod"}
    arm.do(lambda azure: azure.assign_policy(arm.subscription, "Tag vaults", MODIFY, **member))

    answer = arm.operator("PATCH", arm.vault, {"properties": {"publicNetworkAccess": "disabled"}}, NEW)

    assert answer.json["tags"] == {"environment": "prod", "team": "keys"}
