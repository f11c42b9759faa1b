# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Effective rights at a managed HSM, which has local roles of its own (Azure contract §1.6, §1.8, §2)."""

from __future__ import annotations

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
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import RoleDefinition
from unit.azure.builders import (
    CONTRIBUTOR_OF_HSMS,
    CONTRIBUTOR_OF_VAULTS,
    CRYPTO_OFFICER,
    GROUP,
    HSM_DELETED,
    HSM_OFFICER,
    HSM_USER,
    POOL_ID,
    READER,
    RESOURCE_GROUP,
    STRANGER,
    SUBSCRIPTION,
    TEN,
    access,
    assigned,
    denying,
    identity,
    local,
    policy,
    pool,
    role,
    verdict_on,
    verdicts_on_keys,
)

READ = "managedHSMs/read"


def test_crypto_user_and_a_custom_role_give_the_ten() -> None:
    seen = access(pool(), local=(local(HSM_USER), local(HSM_DELETED)))

    assert verdicts_on_keys(seen) == dict.fromkeys(TEN, OK)


def test_crypto_user_alone_lacks_recover_and_purge() -> None:
    seen = access(pool(), local=(local(HSM_USER),))

    assert missing_permissions(judge(seen, RequiredRights.guide())) == ("recover", "purge")


@pytest.mark.parametrize(("scope", "origin"), [("/", "pool"), ("/keys", "keys"), ("/Keys/", "keys")])
def test_a_local_role_counts_for_the_pool_and_for_all_keys(scope: str, origin: str) -> None:
    found = verdict_on(access(pool(), local=(local(HSM_USER, scope),)), "keys/get")

    assert (found.verdict, found.sources[0].origin) == (OK, origin)


def test_a_local_role_on_one_key_does_not_give_the_right_on_all() -> None:
    found = verdict_on(access(pool(), local=(local(HSM_USER, "/keys/one"),)), "keys/get")

    assert (found.verdict, found.notes, found.sources[0].origin) == (MISSING, ("role-for-single-keys",), "key")


def test_a_local_role_of_another_principal_does_not_count() -> None:
    seen = access(pool(), local=(local(HSM_USER, principal_id=STRANGER),))

    assert verdict_on(seen, "keys/get").verdict == MISSING


def test_t07_a_local_role_through_a_group_counts_for_its_members() -> None:
    seen = access(pool(), local=(local(HSM_USER, principal_id=GROUP),), identity=identity(groups=frozenset({GROUP})))

    assert verdict_on(seen, "keys/get").sources[0].via_group == GROUP


def test_t07_a_local_role_of_what_may_be_a_group_is_unknown_while_the_groups_are() -> None:
    seen = access(pool(), local=(local(HSM_USER, principal_id=GROUP),), identity=identity(groups=None))
    found = verdict_on(seen, "keys/get")

    assert (found.verdict, found.notes) == (UNKNOWN, ("group-membership-unknown",))


def test_azure_data_roles_have_no_effect_in_a_pool() -> None:
    found = verdict_on(access(pool(), assigned(CRYPTO_OFFICER, RESOURCE_GROUP)), "keys/get")

    assert (found.verdict, found.notes[-1]) == (INEFFECTIVE, "data-role-inert-on-hsm")


def test_access_policies_do_not_exist_in_a_pool() -> None:
    assert verdict_on(access(pool(policies=(policy(*TEN),))), "keys/get").verdict == MISSING


def test_denials_of_azure_do_not_reach_local_roles() -> None:
    seen = access(pool(), local=(local(HSM_USER),), denies=(denying("*", data=True),))

    assert verdict_on(seen, "keys/get").verdict == OK


def test_rights_are_unknown_when_the_local_assignments_could_not_be_read() -> None:
    seen = access(pool(), local=None, unreadable={"local": "Forbidden"})
    found = verdict_on(seen, "keys/get")

    assert (found.verdict, found.notes) == (UNKNOWN, ("right-unreadable",))
    assert "Forbidden" in found.reason


def test_crypto_user_is_known_when_the_local_definitions_could_not_be_read() -> None:
    assert verdict_on(access(pool(), local=(local(HSM_USER),), local_roles={}), "keys/get").verdict == OK


def test_crypto_user_as_known_by_heart_has_neither_recover_nor_purge() -> None:
    seen = access(pool(), local=(local(HSM_USER),), local_roles={})

    assert missing_permissions(judge(seen, RequiredRights.guide())) == ("recover", "purge")


def test_another_local_role_without_a_definition_may_give_the_right() -> None:
    seen = access(pool(), local=(local(HSM_DELETED),), local_roles={})

    assert verdict_on(seen, "keys/recover").verdict == UNKNOWN


@pytest.mark.parametrize("activation", ["NotActivated", "Failed"])
def test_t28_a_pool_that_is_not_activated_makes_key_rights_ineffective(activation: str) -> None:
    found = verdict_on(access(pool(activation=activation), local=(local(HSM_USER),)), "keys/get")

    assert (found.verdict, found.notes) == (INEFFECTIVE, ("hsm-not-activated",))


def test_t28_what_nobody_gave_is_ineffective_too_while_the_pool_is_not_activated() -> None:
    seen = access(pool(activation="NotActivated"), local=None)

    assert verdict_on(seen, "keys/get").verdict == INEFFECTIVE


@pytest.mark.parametrize("activation", [None, "Unknown"])
def test_t28_an_unknown_activation_leaves_key_rights_unknown(activation: str | None) -> None:
    found = verdict_on(access(pool(activation=activation), local=(local(HSM_USER),)), "keys/get")

    assert (found.verdict, found.notes) == (UNKNOWN, ("hsm-activation-unknown",))


def test_t28_activation_is_compared_without_letter_case() -> None:
    assert verdict_on(access(pool(activation="active"), local=(local(HSM_USER),)), "keys/get").verdict == OK


def test_t28_a_pool_that_is_not_activated_can_be_listed() -> None:
    seen = access(pool(activation="NotActivated"), assigned(READER, RESOURCE_GROUP))

    assert verdict_on(seen, READ).verdict == OK


def test_t25_purge_protection_of_a_pool_makes_the_right_to_purge_a_warning() -> None:
    seen = access(pool(purge_protection=True), local=(local(HSM_DELETED),))

    assert verdict_on(seen, "keys/purge").notes == ("purge-refused-by-protection",)


def test_t29_key_vault_contributor_does_not_reach_a_pool() -> None:
    found = verdict_on(access(pool(), assigned(CONTRIBUTOR_OF_VAULTS, SUBSCRIPTION)), READ)

    assert (found.verdict, found.notes) == (MISSING, ("contributor-excludes-hsm",))


def test_t29_without_key_vault_contributor_its_exclusion_is_not_blamed() -> None:
    assert verdict_on(access(pool()), READ).notes == ()


@pytest.mark.parametrize("definition", [READER, CONTRIBUTOR_OF_HSMS], ids=lambda one: one.name)
def test_t29_another_role_lists_the_pool(definition: RoleDefinition) -> None:
    seen = access(pool(), assigned(CONTRIBUTOR_OF_VAULTS, SUBSCRIPTION), assigned(definition, POOL_ID))

    assert verdict_on(seen, READ).verdict == OK


def test_t29_where_another_role_lists_the_pool_the_exclusion_does_not_matter() -> None:
    seen = access(pool(), assigned(CONTRIBUTOR_OF_VAULTS, SUBSCRIPTION), assigned(READER, POOL_ID))

    assert verdict_on(seen, READ).notes == ()


def test_t29_least_privilege_finds_the_contributor_of_pools_wider_than_needed() -> None:
    seen = access(pool(), assigned(CONTRIBUTOR_OF_HSMS, POOL_ID))

    assert verdict_on(seen, READ, RequiredRights.least_privilege()).notes == ("wider-than-needed",)


def test_t38_crypto_officer_gives_its_rights_with_a_warning() -> None:
    found = verdict_on(access(pool(), local=(local(HSM_OFFICER),)), "keys/purge")

    assert (found.verdict, found.notes) == (OK_WITH_WARNING, ("wider-than-needed", "app-can-administer-hsm"))


def test_t38_any_local_role_that_may_give_roles_is_wider_than_needed() -> None:
    own = role(STRANGER, "Own", data_actions=("Microsoft.KeyVault/managedHsm/*",))
    seen = access(pool(), local=(local(own),), local_roles={own.guid: own})

    assert verdict_on(seen, "keys/get").notes == ("wider-than-needed",)


def test_t38_recover_and_purge_need_only_a_custom_role() -> None:
    seen = access(pool(), local=(local(HSM_OFFICER), local(HSM_DELETED)))

    assert verdict_on(seen, "keys/purge").verdict == OK


@pytest.mark.parametrize(("model", "verdict"), [("rbac", OK), ("access_policy", MISSING)])
def test_a_pool_knows_roles_only(model: str, verdict: str) -> None:
    assert verdict_on(access(pool()), "permission_model", RequiredRights.guide(model)).verdict == verdict
