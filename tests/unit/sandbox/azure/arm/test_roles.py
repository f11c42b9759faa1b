# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role assignments through Resource Manager: lists with filters, writes and their refusals (Azure contract §1.7)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from support.arm_lab import AUTHORIZATION, code_of

READER = "Key Vault Reader"


def names_of(entries: list[dict[str, Any]]) -> set[str]:
    return {entry["name"] for entry in entries}


@pytest.fixture
def layered(arm: Any) -> Any:
    """The lab and its assignments: to the app above, at and below the group; to a nested group; to a stranger."""

    def build(azure: Any) -> dict[str, str]:
        inner = azure.add_group(arm.estate.tenant_id, "inner", [arm.estate.client_id])
        outer = azure.add_group(arm.estate.tenant_id, "outer", [inner])
        made = {
            "above": azure.assign_role(arm.estate.client_id, arm.subscription, READER),
            "here": azure.assign_role(arm.estate.client_id, arm.group, READER),
            "below": azure.assign_role(arm.estate.client_id, arm.vault, READER),
            "by group": azure.assign_role(outer, arm.group, "Reader"),
            "stranger": azure.assign_role(str(uuid4()), arm.group, "Reader"),
        }
        return {key: entry.name for key, entry in made.items()}

    return arm, arm.do(build)


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("", {"above", "here", "below", "by group", "stranger"}),
        ("atScope()", {"above", "here", "by group", "stranger"}),
        ("principalId eq '{oid}'", {"above", "here", "below"}),
        ("assignedTo('{oid}')", {"above", "here", "below", "by group"}),
        ("atScope() and assignedTo('{oid}')", {"above", "here", "by group"}),
    ],
)
def test_a_list_shows_what_its_filter_means(layered: Any, clause: str, expected: set[str]) -> None:
    arm, made = layered
    query = {"filter": clause.format(oid=arm.app_oid.upper())} if clause else {}

    found = names_of(arm.operator.all_of(f"{arm.group}{AUTHORIZATION}/roleAssignments", **query))

    assert {key for key, name in made.items() if name in found} == expected


def test_a_list_comes_in_pages(layered: Any) -> None:
    arm, made = layered
    arm.do(lambda azure: setattr(azure, "arm_page_size", 2))
    try:
        found = names_of(arm.operator.all_of(f"{arm.group}{AUTHORIZATION}/roleAssignments"))
    finally:
        arm.do(lambda azure: setattr(azure, "arm_page_size", 100))

    assert set(made.values()) <= found


def test_a_scope_may_have_slashes_too_many(arm: Any) -> None:
    answer = arm.operator("GET", f"/{arm.vault.replace('/vaults', '//vaults')}{AUTHORIZATION}/roleAssignments")

    assert answer.status == 200


def test_an_unknown_filter_is_refused(arm: Any) -> None:
    answer = arm.operator("GET", f"{arm.vault}{AUTHORIZATION}/roleAssignments", filter="roleName eq 'x'")

    assert code_of(answer) == (400, "UnsupportedQuery")


def test_reading_needs_the_right_to_read_assignments(arm: Any) -> None:
    answer = arm.app("GET", f"{arm.subscription}{AUTHORIZATION}/roleAssignments")

    assert code_of(answer) == (403, "AuthorizationFailed")


def test_an_assignment_is_made_found_and_removed(arm: Any) -> None:
    name = str(uuid4())
    path = f"{arm.vault}{AUTHORIZATION}/roleAssignments/{name}"

    statuses = [
        arm.operator("GET", path).status,
        arm.put_role(READER, name=name).status,
        arm.put_role(READER, name=name).status,
        arm.operator("GET", path).status,
        arm.operator("DELETE", path).status,
        arm.operator("DELETE", path).status,
    ]

    assert statuses == [404, 201, 200, 200, 200, 204]


def test_an_assignment_is_shown_with_what_it_was_given(arm: Any) -> None:
    shown = arm.put_role(READER, condition="@Resource[x] == 'y'", conditionVersion="2.0").json["properties"]

    assert (shown["principalId"], shown["principalType"]) == (arm.app_oid, "ServicePrincipal")
    assert (shown["scope"], shown["condition"]) == (arm.vault, "@Resource[x] == 'y'")


def test_a_role_that_was_assigned_grants(lab: Any) -> None:
    arm = lab(rbac=True)
    before = arm.refused()

    arm.put_role("Key Vault Crypto Officer")

    assert (before, arm.refused()) == ("ForbiddenByRbac", None)


def test_the_same_grant_under_another_name_is_a_conflict(arm: Any) -> None:
    arm.put_role(READER)

    assert code_of(arm.put_role(READER)) == (409, "RoleAssignmentExists")


@pytest.mark.parametrize("change", ["role", "principal", "scope"])
def test_a_name_belongs_to_one_grant(arm: Any, change: str) -> None:
    name = str(uuid4())
    arm.put_role(READER, name=name)
    role = "Reader" if change == "role" else READER
    changes = {"principal": {"principalId": arm.operator_oid}, "scope": {"scope": arm.group}}.get(change, {})

    assert code_of(arm.put_role(role, name=name, **changes)) == (400, "RoleAssignmentUpdateNotPermitted")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"principalType": None}, (400, "UnmatchedPrincipalType")),
        ({"principalType": "Group"}, (400, "UnmatchedPrincipalType")),
        ({"principalType": None, "principalId": str(uuid4())}, (400, "PrincipalNotFound")),
        ({"principalType": "User", "principalId": str(uuid4())}, (400, "PrincipalNotFound")),
        ({"name": "no-guid"}, (400, "InvalidRoleAssignmentId")),
        ({"roleDefinitionId": f"{AUTHORIZATION}/roleDefinitions/{uuid4()}"}, (400, "RoleDefinitionDoesNotExist")),
        ({"principalId": "no-guid"}, (400, "InvalidPrincipalId")),
    ],
)
def test_an_assignment_is_refused_for_its_reason(arm: Any, changes: dict[str, Any], refusal: tuple[int, str]) -> None:
    assert code_of(arm.put_role(READER, **changes)) == refusal


def test_who_names_a_service_principal_is_not_asked_whether_it_exists(arm: Any) -> None:
    assert arm.put_role(READER, principalId=str(uuid4())).status == 201


def test_a_group_that_is_not_replicated_is_not_found_for_a_while(arm: Any) -> None:
    def build(azure: Any) -> str:
        group = azure.add_group(arm.estate.tenant_id, "fresh")
        azure.directory.unseen[group.group_id] = 2
        return str(group.group_id)

    group = arm.do(build)
    statuses = [arm.put_role(READER, principalId=group, principalType="Group").status for _attempt in range(3)]

    assert statuses == [400, 400, 201]


def test_an_orphan_is_of_unknown_type(arm: Any) -> None:
    oid, _caller = arm.another(READER, arm.vault)
    arm.do(lambda azure: azure.remove_application(_client_of(azure, oid)))

    path = f"{arm.vault}{AUTHORIZATION}/roleAssignments"
    (entry,) = arm.operator.all_of(path, filter=f"principalId eq '{oid}'")

    assert entry["properties"]["principalType"] == "Unknown"


def _client_of(azure: Any, oid: str) -> Any:
    return next(app for app in azure.directory.applications.values() if app.service_principal_id == oid)


@pytest.mark.parametrize(
    ("role", "wanted", "status"),
    [
        ("Contributor", READER, 403),
        ("Key Vault Contributor", READER, 403),
        ("User Access Administrator", "Key Vault Contributor", 201),
        ("Role Based Access Control Administrator", "Key Vault Contributor", 201),
        ("Key Vault Data Access Administrator", "Key Vault Contributor", 403),
        ("Key Vault Data Access Administrator", "Key Vault Crypto Officer", 201),
    ],
)
def test_assigning_needs_a_role_that_may(arm: Any, role: str, wanted: str, status: int) -> None:
    oid, caller = arm.another(role)

    assert arm.put_role(wanted, caller, principalId=oid).status == status


def test_an_assignment_at_a_vault_that_is_not_there_is_refused(arm: Any) -> None:
    assert code_of(arm.put_role(READER, scope=f"{arm.vault}x")) == (404, "ResourceNotFound")


def test_the_definition_may_be_named_without_a_subscription(arm: Any) -> None:
    role = arm.role_id(READER).removeprefix(arm.subscription).upper()

    assert arm.put_role(READER, roleDefinitionId=role).status == 201
