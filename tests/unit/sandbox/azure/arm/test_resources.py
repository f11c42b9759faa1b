# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants, subscriptions, resource groups, all resources, endpoints: what Azure's tools ask for first."""

from __future__ import annotations

from typing import Any

import pytest

from support.arm_lab import MANAGEMENT, code_of

SUBSCRIPTIONS, RESOURCES = "2022-12-01", "2024-11-01"


def values(answer: Any, name: str = "name") -> list[str]:
    assert answer.status == 200, answer.text
    return [item[name] for item in answer.json["value"]]


def test_a_caller_sees_its_tenant(arm: Any) -> None:
    assert values(arm.app("GET", "/tenants", version=SUBSCRIPTIONS), "tenantId") == [arm.estate.tenant_id]


@pytest.mark.parametrize("level", ["vault", "group", "subscription"])
def test_a_role_anywhere_in_a_subscription_shows_it(arm: Any, level: str) -> None:
    _oid, caller = arm.another("Reader", getattr(arm, level))

    assert values(caller("GET", "/subscriptions", version=SUBSCRIPTIONS), "id") == [arm.subscription]


def test_a_caller_without_roles_sees_no_subscription(arm: Any) -> None:
    _oid, caller = arm.another()

    assert values(caller("GET", "/subscriptions", version=SUBSCRIPTIONS)) == []


def test_resource_groups_are_listed_for_those_who_may_read_them(arm: Any) -> None:
    arm.do(lambda azure: azure.add_resource_group("rg-more", arm.estate.subscription_id))
    _oid, caller = arm.another("Reader", f"{arm.subscription}/resourceGroups/rg-more")
    path = f"{arm.subscription}/resourcegroups"

    assert values(arm.operator("GET", path, version=RESOURCES)) == ["rg-keys", "rg-more"]
    assert values(caller("GET", path, version=RESOURCES)) == ["rg-more"]


@pytest.mark.parametrize("spelling", ["resourcegroups/RG-KEYS", "resourceGroups/rg-keys"])
def test_a_resource_group_is_found_in_any_letter_case(arm: Any, spelling: str) -> None:
    found = arm.operator("GET", f"{arm.subscription}/{spelling}", version=RESOURCES).json

    assert (found["id"], found["location"]) == (arm.group, "westeurope")


def test_a_resource_group_that_is_not_there_is_named(arm: Any) -> None:
    answer = arm.operator("GET", f"{arm.subscription}/resourcegroups/none", version=RESOURCES)

    assert code_of(answer) == (404, "ResourceGroupNotFound")


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ("", True),
        ("resourceType eq 'Microsoft.KeyVault/vaults'", True),
        ("resourceType eq 'microsoft.keyvault/VAULTS' and resourceGroup eq 'RG-KEYS'", True),
        ("resourceType eq 'Microsoft.KeyVault/managedHSMs'", False),
        ("name eq 'other'", False),
        ("location eq 'westeurope'", True),
    ],
)
def test_all_resources_are_listed_by_type_name_and_place(arm: Any, clause: str, found: bool) -> None:
    query = {"filter": clause} if clause else {}

    listed = values(arm.operator("GET", f"{arm.subscription}/resources", version=RESOURCES, **query))

    assert listed == ([arm.estate.vault] if found else [])


@pytest.mark.parametrize(
    ("option", "code"),
    [({"filter": "kind eq 'x'"}, "InvalidFilterInQueryString"), ({"expand": "owner"}, "InvalidExpandInQueryString")],
)
def test_what_the_list_of_resources_cannot_do_is_refused(arm: Any, option: dict[str, str], code: str) -> None:
    answer = arm.operator("GET", f"{arm.subscription}/resources", version=RESOURCES, **option)

    assert code_of(answer) == (400, code)


def test_resources_show_the_members_that_are_asked_for(arm: Any) -> None:
    (found,) = arm.operator(
        "GET", f"{arm.group}/resources", version=RESOURCES, expand="createdTime,provisioningState"
    ).json["value"]

    assert (found["provisioningState"], "createdTime" in found, "changedTime" in found) == ("Succeeded", True, False)


@pytest.mark.parametrize(("version", "status"), [("2022-09-01", 200), ("2015-01-01", 200), ("2022-09-02", 400)])
def test_endpoints_are_told_without_a_token(arm: Any, anonymous: Any, version: str, status: int) -> None:
    host = MANAGEMENT[arm.estate.cloud]
    answer = type(anonymous)(arm.pool, f"https://{host}")("GET", f"/metadata/endpoints?api-version={version}")

    assert answer.status == status
    assert (host in answer.text) == (status == 200)
