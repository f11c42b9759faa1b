# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rights in the sandbox's Azure come to: sets, groups, denials, conditions, time (Azure contract §1.7, §2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from sandbox import Profile, Sandbox
from sandbox.azure.rights.effective import GUIDE_PERMISSIONS
from sandbox.azure.rights.roles import PermissionSet, RoleDefinition
from support.arm_lab import AUTHORIZATION

OFFICER = "Key Vault Crypto Officer"
KEYS_READ = "Microsoft.KeyVault/vaults/keys/read"
DENY_KEYS = PermissionSet(data_actions=("Microsoft.KeyVault/vaults/keys/*",))


@pytest.fixture
def ahead(sb: Sandbox) -> Iterator[Callable[[float], None]]:
    """Let time jump ahead; the jumps are taken back, for other tests compare the shared sandbox's clock with theirs."""
    jumps: list[float] = []

    def jump(seconds: float) -> None:
        jumps.append(seconds)
        sb.clock.advance(seconds)

    yield jump
    sb.clock.advance(-sum(jumps))


@pytest.fixture
def rbac(lab: Any) -> Any:
    return lab(rbac=True)


def grant(arm: Any, scope: str | None = None, **options: Any) -> None:
    arm.do(lambda azure: azure.assign_role(arm.estate.client_id, scope or arm.vault, OFFICER, **options))


def group_with_app(arm: Any) -> Any:
    """A group that holds the application through another group."""

    def build(azure: Any) -> Any:
        inner = azure.add_group(arm.estate.tenant_id, "inner", [arm.estate.client_id])
        return azure.add_group(arm.estate.tenant_id, "outer", [inner])

    return arm.do(build)


# Permission sets ------------------------------------------------------------------------------------------------------


def test_what_one_set_takes_away_another_one_grants() -> None:
    role = RoleDefinition("guid", "role", ("x/*",), ("x/read",), further=(PermissionSet(("x/read",)),))

    assert role.allows("x/read")


def test_a_set_takes_away_from_itself() -> None:
    role = RoleDefinition("guid", "role", data_actions=("x/*",), not_data_actions=("x/read",))

    assert (role.allows_data("x/read"), role.allows_data("x/write")) == (False, True)


def test_a_custom_role_of_several_sets_counts_each(rbac: Any) -> None:
    def build(azure: Any) -> None:
        sets = (PermissionSet(), PermissionSet(data_actions=(KEYS_READ,)))
        guid = azure.add_custom_role(rbac.estate.tenant_id, f"r-{uuid4()}", *sets, scopes=[rbac.subscription])
        azure.assign_role(rbac.estate.client_id, rbac.vault, guid)

    rbac.do(build)

    assert rbac.refused() is None


@pytest.mark.parametrize("role", ["Key Vault Reader", OFFICER])
@pytest.mark.parametrize(("reach", "status"), [("below", 403), ("itself", 200)])
def test_the_profile_says_whether_a_wildcard_before_read_covers_the_vault(
    rbac: Any, sb: Sandbox, reach: Any, status: int, role: str
) -> None:
    rbac.do(lambda azure: azure.revoke_role(rbac.estate.client_id, rbac.vault))
    rbac.do(lambda azure: azure.assign_role(rbac.estate.client_id, rbac.vault, role))
    sb.profile = Profile(wildcard_read=reach)

    assert rbac.app("GET", rbac.vault, version="2026-02-01").status == status


# Where a right comes from ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["vault", "group", "subscription"])
def test_rights_are_inherited(rbac: Any, level: str) -> None:
    grant(rbac, getattr(rbac, level))

    assert rbac.refused() is None


def test_rights_come_down_from_management_groups(rbac: Any) -> None:
    def build(azure: Any) -> str:
        root = azure.add_management_group(rbac.estate.tenant_id, f"root-{uuid4()}")
        team = azure.add_management_group(rbac.estate.tenant_id, f"team-{uuid4()}", parent=root)
        azure.place_subscription(rbac.estate.subscription_id, team)
        return str(root)

    grant(rbac, rbac.do(build))

    found = rbac.operator.all_of(
        f"{rbac.vault}{AUTHORIZATION}/roleAssignments", filter=f"atScope() and assignedTo('{rbac.app_oid}')"
    )
    assert rbac.refused() is None
    assert any("/managementGroups/root-" in entry["properties"]["scope"] for entry in found)


def test_a_role_of_a_group_counts_for_its_members_members(rbac: Any) -> None:
    group = group_with_app(rbac)

    rbac.do(lambda azure: azure.assign_role(group, rbac.vault, OFFICER))

    assert rbac.refused() is None


def test_a_policy_of_a_group_counts_for_its_members_members(arm: Any) -> None:
    arm.do(lambda azure: azure.set_access_policy(arm.estate.vault, arm.estate.client_id, []))
    group = group_with_app(arm)
    before = arm.refused()

    arm.do(lambda azure: azure.set_access_policy(arm.estate.vault, group, ["list"]))

    assert (before, arm.refused()) == ("AccessDenied", None)


def test_a_compound_identity_is_none_for_an_application(arm: Any) -> None:
    def build(azure: Any) -> None:
        azure.set_access_policy(arm.estate.vault, arm.estate.client_id, [])
        azure.add_access_policy(arm.estate.vault, arm.app_oid, GUIDE_PERMISSIONS, application_id=str(uuid4()))

    arm.do(build)

    assert arm.refused() == "AccessDenied"


# Denials --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "members", "refused"),
    [
        ("vault", {}, True),
        ("subscription", {}, True),
        ("subscription", {"do_not_apply_to_child_scopes": True}, False),
        ("vault", {"do_not_apply_to_child_scopes": True}, True),
        ("vault", {"principals": ("{oid}",)}, True),
        ("vault", {"principals": ("{group}",)}, True),
        ("vault", {"principals": (str(uuid4()),)}, False),
        ("vault", {"exclude_principals": ("{oid}",)}, False),
        ("vault", {"exclude_principals": ("{group}",)}, False),
    ],
)
def test_a_denial_beats_roles_where_it_reaches(rbac: Any, level: str, members: dict[str, Any], refused: bool) -> None:
    grant(rbac)
    ids = {"oid": rbac.app_oid, "group": group_with_app(rbac).group_id}
    filled = {
        key: tuple(text.format(**ids) for text in value) if isinstance(value, tuple) else value
        for key, value in members.items()
    }

    rbac.do(lambda azure: azure.add_deny_assignment(getattr(rbac, level), DENY_KEYS, **filled))

    assert rbac.refused() == ("ForbiddenByRbac" if refused else None)


def test_a_denial_reaches_management_actions_too(arm: Any) -> None:
    deny = PermissionSet(actions=("Microsoft.KeyVault/vaults/read",))

    arm.do(lambda azure: azure.add_deny_assignment(arm.group, deny))

    assert arm.operator("GET", arm.vault, version="2026-02-01").status == 403


# Conditions and time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("holds", "refused"), [(True, None), (False, "ForbiddenByRbac")])
def test_a_condition_decides(rbac: Any, sb: Sandbox, holds: bool, refused: str | None) -> None:
    sb.profile = Profile(condition_holds=holds)

    grant(rbac, condition="@Resource[x] == 'y'")

    assert rbac.refused() == refused


def test_an_active_assignment_ends(rbac: Any, ahead: Any) -> None:
    grant(rbac, ends_in=timedelta(seconds=60))
    before = rbac.refused()

    ahead(61)

    assert (before, rbac.refused()) == (None, "ForbiddenByRbac")


# Propagation ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def slow(arm: Any) -> Any:
    """The lab with an operation that slows rights down; all is fast again afterwards."""

    def slow_down(lab: Any = arm, **options: Any) -> Any:
        lab.do(lambda azure: azure.slow_rights(**options))
        return lab

    yield slow_down
    slow_down()


def test_a_policy_takes_effect_after_the_delay(slow: Any, ahead: Any) -> None:
    arm = slow(delay=600)
    arm.do(lambda azure: azure.set_access_policy(arm.estate.vault, arm.estate.client_id, []))
    before = arm.refused()

    ahead(601)

    assert (before, arm.refused()) == (None, "AccessDenied")


def test_a_role_takes_effect_after_the_delay(slow: Any, rbac: Any, ahead: Any) -> None:
    slow(delay=600)
    rbac.put_role(OFFICER)
    before = rbac.refused()

    ahead(601)

    assert (before, rbac.refused()) == ("ForbiddenByRbac", None)


def test_a_role_takes_effect_after_some_uses(slow: Any, rbac: Any) -> None:
    slow(uses=2)

    rbac.put_role(OFFICER)

    assert [rbac.refused() for _attempt in range(3)] == ["ForbiddenByRbac", "ForbiddenByRbac", None]


def test_reads_show_a_role_after_some_reads(slow: Any) -> None:
    arm = slow(reads=2)
    made = arm.put_role("Reader").json["name"]

    shown = [
        made in {entry["name"] for entry in arm.operator.all_of(f"{arm.vault}{AUTHORIZATION}/roleAssignments")}
        for _attempt in range(3)
    ]

    assert shown == [False, False, True]


def test_reads_show_a_policy_after_the_lag(slow: Any, ahead: Any) -> None:
    arm = slow(read_lag=30)
    arm.do(lambda azure: azure.set_access_policy(arm.estate.vault, arm.estate.client_id, []))
    before = arm.operator("GET", arm.vault, version="2026-02-01").json["properties"]["accessPolicies"]

    ahead(31)

    after = arm.operator("GET", arm.vault, version="2026-02-01").json["properties"]["accessPolicies"]
    assert (len(before), len(after)) == (1, 0)


def test_what_reads_show_late_may_be_in_force_already(slow: Any) -> None:
    arm = slow(reads=1)

    arm.do(lambda azure: azure.set_access_policy(arm.estate.vault, arm.estate.client_id, []))

    assert arm.refused() == "AccessDenied"
