# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an application could do beyond what it needs (Azure contract §1.8, T38, T39)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.evaluation import over_privileges
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import Access, RoleDefinition
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.over_privilege import unread_powers
from unit.azure.builders import (
    ACCESS_ADMINISTRATOR,
    CONTRIBUTOR,
    CONTRIBUTOR_OF_VAULTS,
    CRYPTO_OFFICER,
    EXACT_KEYS,
    EXACT_VAULT,
    HSM_DELETED,
    HSM_OFFICER,
    HSM_USER,
    OWNER,
    READER,
    STRANGER,
    SUBSCRIPTION,
    access,
    assigned,
    denying,
    local,
    pool,
    role,
    vault,
)

LOCAL_ADMINISTRATORS = (
    "a290e904-7015-4bba-90c8-60543313cdb4",
    "515eb02d-2335-4d2d-92f2-b1cbdf9c3778",
    "4BD23610-CDCF-4971-BDEE-BDC562CC28E4",
)


def ids(seen: Access) -> list[str]:
    return [one.kind.id for one in over_privileges(seen)]


def test_an_application_with_just_what_it_needs_has_none() -> None:
    assert ids(access(vault(rbac=True), assigned(EXACT_KEYS), assigned(READER))) == []


@pytest.mark.parametrize("definition", [CONTRIBUTOR_OF_VAULTS, EXACT_VAULT], ids=lambda one: one.name)
def test_who_may_write_a_vault_with_access_policies_can_give_itself_all_in_it(definition: RoleDefinition) -> None:
    assert ids(access(vault(), assigned(definition))) == ["app-can-change-access-policies"]


def test_who_may_write_an_rbac_vault_gains_nothing_by_its_policies() -> None:
    assert ids(access(vault(rbac=True), assigned(CONTRIBUTOR_OF_VAULTS))) == []


def test_who_may_write_only_the_policies_can_do_the_same() -> None:
    writer = role(STRANGER, "Writer", actions=("Microsoft.KeyVault/vaults/accessPolicies/*",))

    assert ids(access(vault(), assigned(writer), roles=[writer])) == ["app-can-change-access-policies"]


def test_who_may_assign_roles_above_the_vault_can_give_itself_any_right() -> None:
    found = over_privileges(access(vault(rbac=True), assigned(ACCESS_ADMINISTRATOR, SUBSCRIPTION)))

    assert [(one.kind.id, one.kind.severity, one.sources[0].origin) for one in found] == [
        ("app-can-assign-roles", "high", "subscription")
    ]


def test_an_owner_is_told_of_everything_the_gravest_first() -> None:
    assert ids(access(vault(), assigned(OWNER))) == [
        "app-can-assign-roles",
        "app-is-owner-or-contributor",
        "app-can-change-access-policies",
    ]


def test_a_contributor_may_not_assign_roles() -> None:
    assert ids(access(vault(rbac=True), assigned(CONTRIBUTOR))) == ["app-is-owner-or-contributor"]


def test_a_denied_power_is_none() -> None:
    seen = access(
        vault(rbac=True),
        assigned(ACCESS_ADMINISTRATOR),
        denies=(denying("Microsoft.Authorization/roleAssignments/write"),),
    )

    assert ids(seen) == []


def test_a_denial_that_may_not_apply_hides_no_power() -> None:
    seen = access(vault(rbac=True), assigned(ACCESS_ADMINISTRATOR), denies=(denying("*", condition="maybe"),))

    assert ids(seen) == ["app-can-assign-roles"]


def test_a_power_under_a_condition_is_still_told() -> None:
    assert ids(access(vault(rbac=True), assigned(ACCESS_ADMINISTRATOR, condition="maybe"))) == ["app-can-assign-roles"]


def test_a_power_that_is_only_eligible_is_none() -> None:
    assert ids(access(vault(), eligible=(assigned(OWNER),))) == []


def test_t39_crypto_officer_may_use_the_keys() -> None:
    assert ids(access(vault(rbac=True), assigned(CRYPTO_OFFICER))) == ["app-may-use-keys"]


def test_t39_crypto_officer_has_no_power_where_policies_rule() -> None:
    assert ids(access(vault(), assigned(CRYPTO_OFFICER))) == []


@pytest.mark.parametrize("guid", LOCAL_ADMINISTRATORS)
def test_t38_local_administrators_can_make_themselves_more(guid: str) -> None:
    held = role(guid, "known by its GUID")

    assert ids(access(pool(), local=(local(held),))) == ["app-can-administer-hsm"]


@pytest.mark.parametrize("kind", ["roleAssignments", "roleDefinitions"])
def test_t38_a_custom_local_role_that_writes_roles_is_as_grave(kind: str) -> None:
    own = role(STRANGER, "Own", data_actions=(f"Microsoft.KeyVault/managedHsm/{kind}/write/action",))
    found = over_privileges(access(pool(), local=(local(own),), local_roles={own.guid: own}))

    assert [(one.kind.id, one.kind.severity) for one in found] == [("app-can-administer-hsm", "high")]


def test_t38_crypto_user_with_the_custom_role_is_no_administrator() -> None:
    assert ids(access(pool(), local=(local(HSM_USER), local(HSM_DELETED)))) == []


def test_local_roles_do_not_matter_at_a_vault() -> None:
    assert ids(access(vault(), local=(local(HSM_OFFICER),))) == []


def test_a_result_is_made_of_plain_values() -> None:
    shown = over_privileges(access(vault(rbac=True), assigned(CONTRIBUTOR)))[0].as_result()

    assert (shown["id"], shown["severity"], shown["sources"][0]["name"]) == (
        "app-is-owner-or-contributor",
        "medium",
        "Contributor",
    )


@pytest.mark.parametrize(
    ("seen", "unread"),
    [
        (access(vault(), assigned(CONTRIBUTOR)), ()),
        (access(vault(), assignments=None), ("role assignments",)),
        (access(pool(), local=None), ("local role assignments",)),
        (access(vault(), local=None), ()),
        (replace(access(vault(), assigned(CONTRIBUTOR)), roles={}), ()),
        (replace(access(vault(), assigned(EXACT_KEYS)), roles={}), (f"definition of the role {EXACT_KEYS.guid}",)),
    ],
)
def test_what_may_give_more_and_could_not_be_read_is_named(seen: Access, unread: tuple[str, ...]) -> None:
    assert unread_powers(seen) == unread
