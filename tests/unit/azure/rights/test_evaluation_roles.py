# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Effective rights by roles of Azure: inheritance, groups, conditions, PIM, denials (Azure contract §2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.evaluation import (
    INEFFECTIVE,
    MISSING,
    OK,
    OK_WITH_WARNING,
    UNKNOWN,
    RequiredRights,
    judge,
    missing_permissions,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import PermissionSet, RoleDefinition
from unit.azure.builders import (
    APP,
    CONTRIBUTOR,
    CONTRIBUTOR_OF_VAULTS,
    CRYPTO_OFFICER,
    EVERYONE,
    EXACT_KEYS,
    EXACT_VAULT,
    GROUP,
    KEYS,
    MANAGEMENT_GROUP,
    NOW,
    OWNER,
    READER,
    RESOURCE_GROUP,
    STRANGER,
    SUBSCRIPTION,
    TEN,
    TEN_ACTIONS,
    VAULT_ID,
    access,
    assigned,
    denying,
    identity,
    policy,
    role,
    through,
    vault,
    verdict_on,
    verdicts_on_keys,
)

KVC = "Key Vault Contributor"
READ = "Microsoft.KeyVault/vaults/read"
LEAST = RequiredRights.least_privilege()
IN_GROUP = identity(groups=frozenset({GROUP}))
GROUPS_UNKNOWN = identity(groups=None)


def all_ten(verdict: str) -> dict[str, str]:
    return dict.fromkeys(TEN, verdict)


@pytest.mark.parametrize("definition", [OWNER, CONTRIBUTOR])
def test_t11_a_broader_role_satisfies_the_guide_with_a_warning(definition: RoleDefinition) -> None:
    found = verdict_on(access(vault(), assigned(definition)), KVC)

    assert (found.verdict, found.notes) == (OK_WITH_WARNING, ("equivalent-role", "wider-than-needed"))


def test_t11_a_custom_role_with_the_same_actions_is_equivalent() -> None:
    found = verdict_on(access(vault(), assigned(EXACT_VAULT)), KVC)

    assert (found.verdict, found.notes) == (OK_WITH_WARNING, ("equivalent-role",))


def test_t11_two_roles_can_be_equivalent_together() -> None:
    writer = role(
        STRANGER,
        "Writer",
        actions=("microsoft.keyvault/vaults/write", "*/delete", "*/accesspolicies/write"),
    )
    seen = access(vault(), assigned(READER), assigned(writer), roles=[writer])

    assert verdict_on(seen, KVC).verdict == OK_WITH_WARNING


@pytest.mark.parametrize("lacking", ["read", "write", "delete", "accessPolicies/write"])
def test_t11_a_custom_role_without_one_of_the_actions_is_not_equivalent(lacking: str) -> None:
    short = RoleDefinition(
        STRANGER,
        "Short",
        (
            PermissionSet(
                actions=("Microsoft.KeyVault/vaults/*",), not_actions=(f"Microsoft.KeyVault/vaults/{lacking}",)
            ),
        ),
    )

    assert verdict_on(access(vault(), assigned(short), roles=[short]), KVC).verdict == MISSING


def test_t11_the_guides_own_role_is_recognised_when_its_definition_could_not_be_read() -> None:
    seen = replace(access(vault(), assigned(CONTRIBUTOR_OF_VAULTS)), roles={})

    assert verdict_on(seen, KVC).verdict == OK


def test_t11_beside_the_guides_role_only_that_is_named_as_the_source() -> None:
    found = verdict_on(access(vault(), assigned(READER), assigned(CONTRIBUTOR_OF_VAULTS)), KVC)

    assert [source.name for source in found.sources] == ["Key Vault Contributor"]


def test_t11_a_role_with_a_part_of_the_actions_is_no_source_of_the_whole() -> None:
    writer = role(STRANGER, "Writer", actions=("Microsoft.KeyVault/vaults/write",))

    assert verdict_on(access(vault(), assigned(writer), roles=[writer]), KVC).sources == ()


def test_t11_a_partial_role_beside_an_eligible_one_is_missing_for_both_reasons() -> None:
    seen = access(vault(), assigned(READER), eligible=(assigned(CONTRIBUTOR_OF_VAULTS),))

    assert set(verdict_on(seen, KVC).notes) == {"listing-only", "role-eligible-only"}


@pytest.mark.parametrize(
    ("scope", "origin"),
    [
        (RESOURCE_GROUP, "resource_group"),
        (SUBSCRIPTION, "subscription"),
        (MANAGEMENT_GROUP, "management_group"),
        ("/", "root"),
    ],
)
def test_t12_an_inherited_role_counts_and_the_verdict_says_from_where(scope: str, origin: str) -> None:
    found = verdict_on(access(vault(), assigned(CONTRIBUTOR_OF_VAULTS, scope)), KVC)

    assert (found.verdict, found.notes, found.sources[0].origin) == (OK, ("inherited",), origin)


@pytest.mark.parametrize(
    "scope",
    [
        VAULT_ID + "-two",
        RESOURCE_GROUP + "-two",
        VAULT_ID[:-1],
        RESOURCE_GROUP[:-1],
        "/subscriptions/88888888-1111-4111-8111-888888888888",
        f"{VAULT_ID}/keys/one",
    ],
)
def test_t12_a_role_beside_or_below_the_vault_does_not_reach_it(scope: str) -> None:
    assert verdict_on(access(vault(), assigned(CONTRIBUTOR_OF_VAULTS, scope)), KVC).verdict == MISSING


@pytest.mark.parametrize("known", [IN_GROUP, GROUPS_UNKNOWN], ids=["groups known", "groups unknown"])
def test_t13_a_role_through_a_group_counts(known: Any) -> None:
    found = verdict_on(access(vault(), through(GROUP, CONTRIBUTOR_OF_VAULTS), identity=known), KVC)

    assert (found.verdict, found.notes, found.sources[0].via_group) == (OK, ("through-group",), GROUP)


def test_t13_a_role_of_a_group_that_the_application_is_not_in_does_not_count() -> None:
    assert verdict_on(access(vault(), through(GROUP, CONTRIBUTOR_OF_VAULTS)), KVC).verdict == MISSING


def test_t13_a_role_of_another_principal_does_not_count_while_the_groups_are_unknown() -> None:
    seen = access(vault(), assigned(CONTRIBUTOR_OF_VAULTS, principal_id=STRANGER), identity=GROUPS_UNKNOWN)

    assert verdict_on(seen, KVC).verdict == MISSING


def test_t14_a_role_under_a_condition_is_unknown() -> None:
    found = verdict_on(access(vault(rbac=True), assigned(EXACT_KEYS, condition="@Resource[x] Equals 'y'")), "keys/get")

    assert (found.verdict, found.notes) == (UNKNOWN, ("role-under-condition",))


def test_t14_the_words_quote_the_condition() -> None:
    found = verdict_on(access(vault(), assigned(CONTRIBUTOR_OF_VAULTS, condition="@Resource[x] Equals 'y'")), KVC)

    assert "@Resource[x] Equals 'y'" in found.reason


def test_t14_what_may_be_no_right_is_not_called_wide() -> None:
    found = verdict_on(access(vault(rbac=True), assigned(CRYPTO_OFFICER, condition="maybe")), "keys/get")

    assert found.notes == ("role-under-condition",)


def test_t14_another_role_without_a_condition_settles_it() -> None:
    seen = access(vault(rbac=True), assigned(EXACT_KEYS, condition="maybe"), assigned(EXACT_KEYS, RESOURCE_GROUP))

    assert verdict_on(seen, "keys/get").verdict == OK


def test_t15_a_role_that_is_only_eligible_is_missing() -> None:
    found = verdict_on(access(vault(), eligible=(assigned(CONTRIBUTOR_OF_VAULTS),)), KVC)

    assert (found.verdict, found.notes) == (MISSING, ("role-eligible-only",))


def test_t15_eligible_roles_that_could_not_be_read_change_nothing() -> None:
    seen = access(vault(), assigned(CONTRIBUTOR_OF_VAULTS), eligible=None)

    assert verdict_on(seen, KVC).verdict == OK


def test_t16_a_role_that_ends_is_a_warning_with_the_end() -> None:
    ends = NOW + timedelta(hours=8)
    found = verdict_on(access(vault(), assigned(CONTRIBUTOR_OF_VAULTS, ends=ends)), KVC)

    assert (found.verdict, found.notes, found.sources[0].ends) == (OK_WITH_WARNING, ("role-assignment-expires",), ends)


def test_t16_the_end_is_told() -> None:
    found = verdict_on(access(vault(), assigned(CONTRIBUTOR_OF_VAULTS, ends=NOW + timedelta(hours=8))), KVC)

    assert "2026-11-23T20:00:00Z" in found.reason


def test_t16_a_role_that_has_ended_is_missing() -> None:
    found = verdict_on(access(vault(), assigned(CONTRIBUTOR_OF_VAULTS, ends=NOW)), KVC)

    assert (found.verdict, found.notes) == (MISSING, ("role-assignment-expired",))


def test_t17_a_deny_assignment_overrides_every_role() -> None:
    seen = access(vault(), assigned(OWNER), denies=(denying("Microsoft.KeyVault/vaults/*"),))
    found = verdict_on(seen, KVC)

    assert (found.verdict, found.notes[0]) == (INEFFECTIVE, "right-denied")


def test_t17_the_deny_assignment_is_named() -> None:
    seen = access(vault(), assigned(OWNER), denies=(denying("Microsoft.KeyVault/vaults/*"),))

    assert "managed application" in verdict_on(seen, KVC).reason


def test_t17_a_denied_right_that_nobody_gave_stays_missing_and_the_denial_is_noted() -> None:
    found = verdict_on(access(vault(), denies=(denying(READ),)), "vaults/read", LEAST)

    assert (found.verdict, found.notes) == (MISSING, ("right-denied",))


def test_t17_one_denied_action_spoils_the_guides_role() -> None:
    seen = access(
        vault(), assigned(CONTRIBUTOR_OF_VAULTS), denies=(denying("Microsoft.KeyVault/vaults/accessPolicies/write"),)
    )

    assert verdict_on(seen, KVC).verdict == INEFFECTIVE


def test_t17_a_denied_data_action_takes_only_the_permissions_that_need_it() -> None:
    seen = access(
        vault(rbac=True), assigned(EXACT_KEYS), denies=(denying("microsoft.keyvault/vaults/KEYS/read", data=True),)
    )

    assert missing_permissions(judge(seen, RequiredRights.guide())) == ("get", "list")


def test_t17_a_data_action_in_the_actions_of_a_deny_assignment_denies_no_data() -> None:
    seen = access(vault(rbac=True), assigned(EXACT_KEYS), denies=(denying(f"{KEYS}/read"),))

    assert verdict_on(seen, "keys/get").verdict == OK


def test_t17_denials_do_not_reach_access_policies() -> None:
    seen = access(vault(policy(*TEN)), denies=(denying(f"{KEYS}/read", data=True),))

    assert verdict_on(seen, "keys/get").verdict == OK


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"principals": (EVERYONE,)}, INEFFECTIVE),
        ({"principals": (GROUP,)}, INEFFECTIVE),
        ({"principals": (STRANGER,)}, OK),
        ({"principals": (EVERYONE,), "excluded": (APP,)}, OK),
        ({"principals": (EVERYONE,), "excluded": (GROUP,)}, OK),
        ({"principals": (EVERYONE,), "excluded": (STRANGER,)}, INEFFECTIVE),
        ({"scope": VAULT_ID + "-two"}, OK),
        ({"spares_child_scopes": True}, OK),
        ({"spares_child_scopes": True, "scope": VAULT_ID}, INEFFECTIVE),
        ({"condition": "maybe"}, UNKNOWN),
        ({"permissions": (PermissionSet(actions=("*",), not_actions=("*/read",)),)}, OK),
        ({"permissions": (PermissionSet(actions=("*",), not_actions=("*/write",)),)}, INEFFECTIVE),
    ],
)
def test_t17_whom_and_what_a_deny_assignment_reaches(changes: dict[str, Any], verdict: str) -> None:
    seen = access(vault(), assigned(READER), identity=IN_GROUP, denies=(denying(READ, **changes),))

    assert verdict_on(seen, "vaults/read", LEAST).verdict == verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"principals": (GROUP,)}, UNKNOWN),
        ({"principals": (EVERYONE,), "excluded": (GROUP,)}, UNKNOWN),
        ({"principals": (GROUP, APP)}, INEFFECTIVE),
        ({"principals": (EVERYONE,), "excluded": (GROUP, APP)}, OK),
    ],
)
def test_t17_a_denial_of_what_may_be_a_group_is_unknown_while_the_groups_are(
    changes: dict[str, Any], verdict: str
) -> None:
    seen = access(vault(), assigned(READER), identity=GROUPS_UNKNOWN, denies=(denying(READ, **changes),))

    assert verdict_on(seen, "vaults/read", LEAST).verdict == verdict


def test_t17_a_denial_of_a_group_overrides_a_role_that_another_group_gives() -> None:
    both = identity(groups=frozenset({GROUP, STRANGER}))
    seen = access(vault(), through(STRANGER, READER), identity=both, denies=(denying(READ, principals=(GROUP,)),))
    found = verdict_on(seen, "vaults/read", LEAST)

    assert (found.verdict, found.notes) == (INEFFECTIVE, ("right-denied", "through-group"))


def test_t17_a_certain_denial_settles_what_a_condition_left_open() -> None:
    seen = access(vault(), assigned(READER, condition="maybe"), denies=(denying(READ),))

    assert verdict_on(seen, "vaults/read", LEAST).verdict == INEFFECTIVE


def test_t18_a_fresh_assignment_is_a_warning() -> None:
    fresh = assigned(CONTRIBUTOR_OF_VAULTS, created=NOW - timedelta(minutes=9))
    found = verdict_on(access(vault(), fresh), KVC)

    assert (found.verdict, found.notes) == (OK_WITH_WARNING, ("role-assignment-recent",))


def test_t18_after_ten_minutes_an_assignment_is_not_fresh_any_more() -> None:
    settled = assigned(CONTRIBUTOR_OF_VAULTS, created=NOW - timedelta(minutes=10))

    assert verdict_on(access(vault(), settled), KVC).verdict == OK


def test_t19_an_orphaned_assignment_is_ignored() -> None:
    orphan = assigned(CONTRIBUTOR_OF_VAULTS, principal_id=STRANGER, principal_type="Unknown")

    assert verdict_on(access(vault(), orphan, identity=GROUPS_UNKNOWN), KVC).verdict == MISSING


def test_t19_an_assignment_whose_principal_is_gone_does_not_count_under_the_same_id() -> None:
    found = verdict_on(access(vault(), assigned(CONTRIBUTOR_OF_VAULTS, principal_type="Unknown")), KVC)

    assert (found.verdict, found.notes) == (MISSING, ("role-assignment-orphaned",))


def test_t39_crypto_officer_covers_the_ten_and_more_than_the_guide() -> None:
    found = verdict_on(access(vault(rbac=True), assigned(CRYPTO_OFFICER)), "keys/get")

    assert (found.verdict, found.notes) == (OK_WITH_WARNING, ("wider-than-needed", "app-may-use-keys"))


def test_t39_a_custom_role_with_exactly_the_data_actions_is_ok() -> None:
    assert verdicts_on_keys(access(vault(rbac=True), assigned(EXACT_KEYS))) == all_ten(OK)


def test_t39_a_role_that_also_reads_secrets_is_wider_than_needed() -> None:
    wide = role(STRANGER, "Wide", data_actions=(*TEN_ACTIONS, "Microsoft.KeyVault/vaults/secrets/getSecret/action"))
    seen = access(vault(rbac=True), assigned(wide), roles=[wide])

    assert verdict_on(seen, "keys/get").notes == ("wider-than-needed",)
