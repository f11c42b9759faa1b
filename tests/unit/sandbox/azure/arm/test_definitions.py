# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role definitions, deny assignments, one's own permissions and PIM in Resource Manager (Azure contract §1.7, §1.8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from sandbox import Profile, Sandbox
from sandbox.azure.rights.roles import PermissionSet
from support.arm_lab import AUTHORIZATION, code_of

KEYS_READ = "Microsoft.KeyVault/vaults/keys/read"
CONTRIBUTOR = "f25e0fa2-a7c8-4377-a976-54943a77a395"
ELIGIBLE, ACTIVE = "roleEligibilityScheduleInstances", "roleAssignmentScheduleInstances"


def definition(arm: Any, **changes: Any) -> dict[str, Any]:
    properties = {
        "roleName": f"Role {uuid4()}",
        "type": "CustomRole",
        "permissions": [{"actions": [], "dataActions": [KEYS_READ]}],
        "assignableScopes": [arm.subscription],
        **changes,
    }
    return {"properties": properties}


def put(arm: Any, body: dict[str, Any], guid: str | None = None, caller: Any = None) -> Any:
    path = f"{arm.subscription}{AUTHORIZATION}/roleDefinitions/{guid or uuid4()}"
    return (caller or arm.operator)("PUT", path, body)


def roles_at(arm: Any, scope: str, **query: str) -> list[str]:
    found = arm.operator.all_of(f"{scope}{AUTHORIZATION}/roleDefinitions", **query)
    return [role["properties"]["roleName"] for role in found]


# Role definitions -----------------------------------------------------------------------------------------------------


def test_a_role_is_found_by_its_name(arm: Any) -> None:
    (role,) = arm.operator.all_of(
        f"{arm.vault}{AUTHORIZATION}/roleDefinitions", filter="roleName eq 'Key Vault Contributor'"
    )

    assert role["name"] == CONTRIBUTOR
    assert "Microsoft.KeyVault/managedHsms/*" in role["properties"]["permissions"][0]["notActions"]


@pytest.mark.parametrize("prefix", ["", "vault"])
def test_a_role_is_read_at_a_scope_or_at_none(arm: Any, prefix: str) -> None:
    scope = arm.vault if prefix else ""

    answer = arm.app("GET", f"{scope}{AUTHORIZATION}/roleDefinitions/{CONTRIBUTOR.upper()}")

    assert answer.json["properties"]["roleName"] == "Key Vault Contributor"


def test_an_unknown_role_is_not_found(arm: Any) -> None:
    answer = arm.operator("GET", f"{arm.vault}{AUTHORIZATION}/roleDefinitions/{uuid4()}")

    assert code_of(answer) == (404, "RoleDefinitionDoesNotExist")


def test_a_custom_role_grants_what_it_says_once_assigned(lab: Any) -> None:
    arm = lab(rbac=True)
    body = definition(arm)
    assert put(arm, body).status == 201

    arm.put_role(body["properties"]["roleName"])

    assert arm.refused() is None


def test_a_custom_role_is_listed_as_one(arm: Any) -> None:
    body = definition(arm, assignableScopes=[arm.group])
    put(arm, body)
    name = body["properties"]["roleName"]

    assert roles_at(arm, arm.vault, filter="type eq 'CustomRole'") == [name]
    assert roles_at(arm, arm.subscription, filter="type eq 'CustomRole'") == []
    assert roles_at(arm, arm.subscription, filter="type eq 'CustomRole' and atScopeAndBelow()") == [name]


def test_a_tenant_does_not_see_the_roles_of_another(arm: Any, lab: Any) -> None:
    put(lab(), definition(lab()))

    assert roles_at(arm, arm.subscription, filter="type eq 'CustomRole'") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"assignableScopes": ["{vault}"]}, "InvalidAssignableScope"),
        ({"assignableScopes": ["/"]}, "InvalidAssignableScope"),
        ({"assignableScopes": ["/providers/Microsoft.Management/managementGroups/none"]}, "InvalidAssignableScope"),
        ({"assignableScopes": []}, "InvalidRoleDefinition"),
        ({"permissions": []}, "InvalidRoleDefinition"),
        ({"permissions": "*"}, "InvalidRoleDefinition"),
        ({"roleName": ""}, "InvalidRoleDefinition"),
    ],
)
def test_a_custom_role_is_refused_for_its_reason(arm: Any, changes: dict[str, Any], code: str) -> None:
    if changes.get("assignableScopes"):
        changes = {"assignableScopes": [changes["assignableScopes"][0].format(vault=arm.vault)]}

    assert code_of(put(arm, definition(arm, **changes))) == (400, code)


def test_the_name_of_a_role_is_unique_in_its_tenant(arm: Any) -> None:
    body = definition(arm)
    put(arm, body)

    assert code_of(put(arm, body)) == (409, "RoleDefinitionWithSameNameExists")


def test_a_role_keeps_its_name_when_it_is_written_again(arm: Any) -> None:
    body, guid = definition(arm), str(uuid4())
    put(arm, body, guid)

    assert put(arm, body, guid).status == 201


def test_writing_a_role_needs_the_right_at_all_its_scopes(arm: Any) -> None:
    _oid, caller = arm.another("Contributor")

    assert code_of(put(arm, definition(arm), caller=caller)) == (403, "AuthorizationFailed")


def test_a_role_in_use_is_not_deleted(arm: Any) -> None:
    body, guid = definition(arm), str(uuid4())
    put(arm, body, guid)
    assigned = arm.put_role(body["properties"]["roleName"]).json["id"]
    path = f"{arm.subscription}{AUTHORIZATION}/roleDefinitions/{guid}"

    refused = arm.operator("DELETE", path)
    arm.operator("DELETE", assigned)

    assert code_of(refused) == (400, "RoleDefinitionHasAssignments")
    assert [arm.operator("DELETE", path).status, arm.operator("DELETE", path).status] == [200, 204]


def test_custom_data_roles_are_not_for_management_groups(arm: Any) -> None:
    scope = arm.do(lambda azure: azure.add_management_group(arm.estate.tenant_id, f"mg-{uuid4()}"))
    arm.do(lambda azure: azure.assign_role(_operator(azure, arm), scope, "Owner"))
    body = definition(arm, assignableScopes=[scope])
    put(arm, body)

    answer = arm.put_role(body["properties"]["roleName"], scope=scope)

    assert code_of(answer) == (400, "InvalidRoleAssignmentScope")


def _operator(azure: Any, arm: Any) -> Any:
    return next(app for app in azure.directory.applications.values() if app.service_principal_id == arm.operator_oid)


# Deny assignments, own permissions ------------------------------------------------------------------------------------


def test_deny_assignments_are_listed(arm: Any) -> None:
    denied = PermissionSet(actions=("Microsoft.KeyVault/vaults/read",))
    arm.do(lambda azure: azure.add_deny_assignment(arm.group, denied, exclude_principals=(arm.operator_oid,)))

    (deny,) = arm.operator.all_of(f"{arm.vault}{AUTHORIZATION}/denyAssignments", filter="atScope()")

    shown = deny["properties"]
    assert shown["permissions"][0]["actions"] == ["Microsoft.KeyVault/vaults/read"]
    assert shown["principals"] == [{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}]
    assert shown["excludePrincipals"] == [{"id": arm.operator_oid, "type": "ServicePrincipal"}]


@pytest.mark.parametrize(("effect", "status"), [("enforced", 403), ("audit", 200)])
def test_a_deny_assignment_of_a_user_in_audit_mode_blocks_nothing(arm: Any, effect: str, status: int) -> None:
    denied = PermissionSet(actions=("Microsoft.KeyVault/vaults/read",))
    members = {"effect": effect, "system_protected": False, "principals": (arm.app_oid,)}
    arm.do(lambda azure: azure.add_deny_assignment(arm.group, denied, **members))
    path = f"{arm.vault}{AUTHORIZATION}/denyAssignments"

    (new,) = arm.operator.all_of(path, "2024-07-01-preview")
    (old,) = arm.operator.all_of(path, "2022-04-01")

    assert arm.app("GET", arm.vault, version="2026-02-01").status == status
    assert (new["properties"]["denyAssignmentEffect"], new["properties"]["isSystemProtected"]) == (effect, False)
    assert "denyAssignmentEffect" not in old["properties"]


def test_a_cloud_without_effects_refuses_the_version_that_has_them(arm: Any, sb: Sandbox) -> None:
    sb.profile = Profile(deny_effect="unknown")
    path = f"{arm.vault}{AUTHORIZATION}/denyAssignments"

    refused = arm.operator("GET", path, version="2024-07-01-preview")

    assert code_of(refused) == (404, "InvalidResourceType")
    assert refused.json["error"]["message"].endswith("The supported api-versions are '2018-07-01-preview,2022-04-01'.")
    assert arm.operator("GET", path, version="2022-04-01").status == 200


@pytest.mark.parametrize(
    ("role", "count"), [("app", 1), ("Owner", 1), (None, 0)], ids=["as the guide has it", "inherited", "no right"]
)
def test_everybody_is_told_his_own_permissions(arm: Any, role: str | None, count: int) -> None:
    caller = arm.app if role == "app" else arm.another(role)[1]
    path = f"{arm.group}/providers/Microsoft.KeyVault//vaults/{arm.estate.vault}{AUTHORIZATION}/permissions"

    assert len(caller.all_of(path)) == count


def test_permissions_leave_out_what_hangs_on_a_condition(arm: Any) -> None:
    oid, caller = arm.another()
    arm.put_role("Reader", principalId=oid, condition="@Resource[x] == 'y'")

    assert caller.all_of(f"{arm.vault}{AUTHORIZATION}/permissions") == []


# Privileged Identity Management ---------------------------------------------------------------------------------------


def test_an_eligible_role_is_listed_apart_and_grants_nothing(lab: Any) -> None:
    arm = lab(rbac=True)
    arm.do(lambda azure: azure.make_eligible(arm.estate.client_id, arm.vault, "Key Vault Crypto Officer"))
    query = {"filter": f"assignedTo('{arm.app_oid}')"}

    (eligible,) = arm.operator.all_of(f"{arm.vault}{AUTHORIZATION}/{ELIGIBLE}", "2020-10-01", **query)
    assigned = arm.operator.all_of(f"{arm.vault}{AUTHORIZATION}/roleAssignments", **query)

    assert eligible["properties"]["principalId"] == arm.app_oid
    assert eligible["name"] not in {entry["name"] for entry in assigned}
    assert arm.refused() == "ForbiddenByRbac"


def test_an_active_role_shows_its_end(arm: Any) -> None:
    made = arm.do(lambda azure: azure.assign_role(arm.estate.client_id, arm.vault, "Reader", ends_in=timedelta(days=1)))

    found = arm.operator.all_of(f"{arm.vault}{AUTHORIZATION}/{ACTIVE}", "2020-10-01", filter="atScope()")

    ends = {entry["name"]: entry["properties"]["endDateTime"] for entry in found}
    assert ends[made.name] is not None
    assert [end for name, end in ends.items() if name != made.name] == [None, None]


@pytest.mark.parametrize("kind", [ELIGIBLE, ACTIVE])
def test_without_licence_there_is_no_pim(arm: Any, sb: Sandbox, kind: str) -> None:
    sb.profile = Profile(pim="unlicensed")

    answer = arm.operator("GET", f"{arm.vault}{AUTHORIZATION}/{kind}", version="2020-10-01")

    assert code_of(answer) == (400, "AadPremiumLicenseRequired")


@pytest.mark.parametrize("kind", [ELIGIBLE, ACTIVE])
@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (Profile(pim="absent"), (404, "InvalidResourceType")),
        (Profile(pim_filters="single"), (400, "UnsupportedQuery")),
    ],
)
def test_the_lists_of_pim_may_be_unknown_or_take_single_filters_only(
    arm: Any, sb: Sandbox, kind: str, profile: Profile, expected: tuple[int, str]
) -> None:
    sb.profile = profile
    query = {"filter": f"atScope() and assignedTo('{arm.app_oid}')"}

    assert code_of(arm.operator("GET", f"{arm.vault}{AUTHORIZATION}/{kind}", version="2020-10-01", **query)) == expected


@pytest.mark.parametrize("clause", ["atScope()", "assignedTo('{oid}')"])
def test_single_filters_of_pim_are_taken_in_any_case(arm: Any, sb: Sandbox, clause: str) -> None:
    sb.profile = Profile(pim_filters="single")

    assert arm.operator.all_of(
        f"{arm.vault}{AUTHORIZATION}/{ACTIVE}", "2020-10-01", filter=clause.format(oid=arm.app_oid)
    )
