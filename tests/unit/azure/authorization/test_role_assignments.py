# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role and deny assignments as Resource Manager writes them (Azure contract §1.7)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.authorization.role_assignments import (
    PROVIDER,
    activations,
    assignments,
    callers_permissions,
    denies,
    eligible,
    role_from,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import (
    DenyAssignment,
    PermissionSet,
    RoleAssignment,
    RoleDefinition,
)
from unit.azure.builders import APP, EVERYONE, GROUP, READER, SUBSCRIPTION, VAULT_ID, saying

AT = f"{VAULT_ID}/{PROVIDER}"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
READER_ID = f"{SUBSCRIPTION}/{PROVIDER}/roleDefinitions/{READER.guid.upper()}"


def entry(**properties: Any) -> dict[str, Any]:
    stated = {"scope": VAULT_ID, "roleDefinitionId": READER_ID, "principalId": APP, **properties}
    return {"id": "one", "properties": stated}


def read_assignment(**properties: Any) -> RoleAssignment:
    (found,) = assignments(saying({f"{AT}/roleAssignments": [entry(**properties)]}), VAULT_ID, APP)
    return found


# --- IDs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "definition_id",
    [READER.guid, READER_ID, f"/{PROVIDER}/roleDefinitions/{READER.guid}", READER_ID + "/"],
)
def test_a_role_is_known_by_the_tail_of_its_id(definition_id: str) -> None:
    assert read_assignment(roleDefinitionId=definition_id).role_guid == READER.guid


# --- Assignments ------------------------------------------------------------------------------------------------------


def test_an_assignment_is_read_with_all_that_counts() -> None:
    found = read_assignment(principalType="Group", condition="@Resource[x]", createdOn="2026-11-23T12:00:00.1Z")

    assert found == RoleAssignment(
        "one", VAULT_ID, READER.guid, APP, "Group", "@Resource[x]", NOON + timedelta(milliseconds=100)
    )


@pytest.mark.parametrize("nothing", [{}, {"condition": None, "createdOn": None}, {"condition": ""}])
def test_a_condition_that_is_empty_is_none(nothing: dict[str, Any]) -> None:
    found = read_assignment(**nothing)

    assert (found.condition, found.created) == (None, None)


def test_a_principal_without_a_type_has_none() -> None:
    assert read_assignment().principal_type == ""


def test_t16_the_end_of_an_activation_belongs_to_its_assignment() -> None:
    instances = [
        entry(originRoleAssignmentId="/A/One", endDateTime="2026-11-23T12:00:00Z"),
        entry(originRoleAssignmentId="/A/Two", endDateTime=None),
        entry(endDateTime="2026-11-23T12:00:00Z"),
    ]

    assert activations(saying({f"{AT}/roleAssignmentScheduleInstances": instances}), VAULT_ID, APP) == {"a/one": NOON}


def test_t15_what_is_eligible_is_read_like_an_assignment() -> None:
    channel = saying({f"{AT}/roleEligibilityScheduleInstances": [entry(endDateTime="2026-11-23T12:00:00Z")]})

    assert [(one.role_guid, one.ends) for one in eligible(channel, VAULT_ID, APP)] == [(READER.guid, NOON)]


# --- Definitions and denials ------------------------------------------------------------------------------------------


def test_a_definition_keeps_its_sets_apart() -> None:
    body = {
        "id": READER_ID,
        "properties": {
            "roleName": "Two sets",
            "type": "CustomRole",
            "permissions": [{"actions": ["*"], "notActions": ["a"]}, {"dataActions": ["b"], "notDataActions": ["c"]}],
        },
    }

    assert role_from(body) == RoleDefinition(
        READER.guid, "Two sets", (PermissionSet(("*",), ("a",)), PermissionSet((), (), ("b",), ("c",))), is_custom=True
    )


@pytest.mark.parametrize("kind", ["BuiltInRole", None])
def test_a_role_of_azure_itself_is_no_custom_role(kind: str | None) -> None:
    assert not role_from({"id": READER_ID, "properties": {"type": kind, "permissions": None}}).is_custom


def test_a_denial_is_read_with_those_that_it_spares() -> None:
    stated = {
        "denyAssignmentName": "stack",
        "scope": SUBSCRIPTION,
        "permissions": [{"actions": ["*"], "dataActions": None}],
        "principals": [{"id": EVERYONE, "type": "SystemDefined"}],
        "excludePrincipals": [{"id": GROUP}],
        "doNotApplyToChildScopes": True,
    }
    channel = saying({f"{AT}/denyAssignments": [{"id": "deny", "properties": stated}]})

    assert denies(channel, VAULT_ID) == (
        DenyAssignment(
            "deny", "stack", SUBSCRIPTION, (PermissionSet(("*",)),), (EVERYONE,), (GROUP,), spares_child_scopes=True
        ),
    )


def test_what_the_operator_may_do_is_all_sets_of_the_answer() -> None:
    channel = saying({f"{AT}/permissions": [{"actions": ["*/read"], "notActions": []}, {"actions": ["x"]}]})

    assert callers_permissions(channel, VAULT_ID) == (PermissionSet(("*/read",)), PermissionSet(("x",)))
