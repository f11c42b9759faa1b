# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Effective rights at a vault, trap by trap (Azure contract §2). A test is named after its trap."""

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
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.explanations import leading_note
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.notes import Note
from unit.azure.builders import (
    CLIENT,
    CONTRIBUTOR_OF_VAULTS,
    CRYPTO_OFFICER,
    ELSEWHERE,
    EXACT_KEYS,
    GROUP,
    KEYS,
    NINE,
    READER,
    REGISTRATION,
    RESOURCE_GROUP,
    STRANGER,
    TEN,
    access,
    assigned,
    denying,
    identity,
    policy,
    role,
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


# --- The demands ------------------------------------------------------------------------------------------------------


def test_the_guides_own_recipe_on_a_vault_with_access_policies_is_all_ok() -> None:
    seen = access(vault(policy(*TEN)), assigned(CONTRIBUTOR_OF_VAULTS))

    assert {one.verdict for one in judge(seen, RequiredRights.guide())} == {OK}


def test_what_is_ok_needs_no_remedy() -> None:
    seen = access(vault(policy(*TEN)), assigned(CONTRIBUTOR_OF_VAULTS))

    assert {one.remedy for one in judge(seen, RequiredRights.guide())} == {""}


def test_nothing_given_is_all_missing() -> None:
    assert {one.verdict for one in judge(access(vault()), RequiredRights.guide())} == {MISSING}


def test_whatever_is_not_ok_has_a_remedy() -> None:
    assert all(one.remedy for one in judge(access(vault()), RequiredRights.guide()))


def test_the_management_requirement_comes_first_and_the_permissions_in_the_order_of_the_wish() -> None:
    wanted = RequiredRights.explicit(("list", "get"))

    assert [one.requirement for one in judge(access(vault()), wanted)] == ["vaults/read", "keys/list", "keys/get"]


def test_least_privilege_does_not_want_purge() -> None:
    assert LEAST.key_permissions == NINE


def test_least_privilege_wants_purge_when_it_is_listed() -> None:
    assert RequiredRights.least_privilege(("Purge",)).key_permissions == TEN


def test_least_privilege_is_content_with_a_role_that_lists() -> None:
    assert verdict_on(access(vault(), assigned(READER)), "vaults/read", LEAST).verdict == OK


def test_least_privilege_finds_key_vault_contributor_wider_than_needed() -> None:
    found = verdict_on(access(vault(), assigned(CONTRIBUTOR_OF_VAULTS)), "vaults/read", LEAST)

    assert (found.verdict, found.notes) == (OK_WITH_WARNING, ("wider-than-needed",))


def test_a_reader_may_list_which_is_below_the_guides_demand() -> None:
    found = verdict_on(access(vault(), assigned(READER)), KVC)

    assert (found.verdict, found.notes) == (MISSING, ("listing-only",))


def test_the_words_on_a_reader_say_that_it_is_enough_for_listing() -> None:
    assert "enough for DSM to find it" in verdict_on(access(vault(), assigned(READER)), KVC).reason


def test_missing_permissions_are_those_that_are_certainly_not_there() -> None:
    seen = access(vault(policy("get"), policy("list", object_id=REGISTRATION)))
    verdicts = judge(seen, RequiredRights.explicit(("get", "list", "create")))

    assert missing_permissions(verdicts) == ("list", "create")


def test_an_unknown_permission_is_not_called_missing() -> None:
    seen = access(vault(policy("get", object_id=STRANGER)), identity=GROUPS_UNKNOWN)

    assert missing_permissions(judge(seen, RequiredRights.explicit(("get",)))) == ()


@pytest.mark.parametrize(("rbac", "model"), [(True, "rbac"), (False, "access_policy")])
def test_the_permission_model_that_was_asked_for_is_ok(rbac: bool, model: str) -> None:
    assert verdict_on(access(vault(rbac=rbac)), "permission_model", RequiredRights.guide(model)).verdict == OK


@pytest.mark.parametrize(("rbac", "model"), [(False, "rbac"), (True, "access_policy")])
def test_another_permission_model_than_asked_for_is_a_verdict_of_its_own(rbac: bool, model: str) -> None:
    found = verdict_on(access(vault(rbac=rbac)), "permission_model", RequiredRights.guide(model))

    assert (found.verdict, found.notes) == (MISSING, ("permission-model-differs",))


def test_a_permission_without_a_data_action_is_unknown_on_an_rbac_vault() -> None:
    found = verdict_on(access(vault(rbac=True)), "keys/fly", RequiredRights.explicit(("fly",)))

    assert (found.verdict, found.notes) == (UNKNOWN, ("no-such-permission",))


# --- Permission models and policies -----------------------------------------------------------------------------------


def test_t01_policy_on_an_rbac_vault_is_inert() -> None:
    assert verdicts_on_keys(access(vault(policy(*TEN), rbac=True))) == all_ten(INEFFECTIVE)


def test_t01_the_cause_is_named_with_the_entry_that_has_no_effect() -> None:
    found = verdict_on(access(vault(policy(*TEN), rbac=True)), "keys/get")

    assert found.notes == ("policy-inert-in-rbac-mode",)
    assert [source.kind for source in found.sources] == ["access_policy"]


def test_t01_the_words_are_about_this_cause_alone() -> None:
    found = verdict_on(access(vault(policy(*TEN), rbac=True)), "keys/get")

    assert (found.reason, found.remedy) == (
        "An access policy lists it, but the vault uses Azure RBAC, where access policies have no effect.",
        "Assign a role with the data action, as azure_kv_prereqs does.",
    )


def test_t01_a_denial_besides_is_told_first_with_both_causes() -> None:
    seen = access(vault(policy(*TEN), rbac=True), denies=(denying(f"{KEYS}/read", data=True),))
    denial, _semicolon, inert = verdict_on(seen, "keys/get").reason.partition("; ")

    assert ("deny assignment managed application" in denial, "access policies have no effect" in inert) == (True, True)


def test_t01_roles_with_the_data_actions_give_the_rights_on_an_rbac_vault() -> None:
    assert verdicts_on_keys(access(vault(policy(*TEN), rbac=True), assigned(EXACT_KEYS))) == all_ten(OK)


def test_t01_all_in_an_inert_policy_counts_as_the_nine() -> None:
    found = verdicts_on_keys(access(vault(policy("all"), rbac=True)))

    assert found == {**all_ten(INEFFECTIVE), "purge": MISSING}


def test_t02_a_data_role_on_a_vault_with_access_policies_is_inert() -> None:
    assert verdicts_on_keys(access(vault(), assigned(CRYPTO_OFFICER))) == all_ten(INEFFECTIVE)


def test_t02_the_cause_is_named() -> None:
    found = verdict_on(access(vault(), assigned(CRYPTO_OFFICER)), "keys/get")

    assert found.notes == ("data-role-inert-in-policy-mode",)


def test_t02_a_data_role_that_is_not_active_is_not_blamed_for_being_inert() -> None:
    assert verdict_on(access(vault(), eligible=(assigned(CRYPTO_OFFICER),)), "keys/get").notes == ()


def test_t03_without_the_rbac_flag_the_access_policies_count() -> None:
    assert verdicts_on_keys(access(vault(policy(*TEN), rbac=False))) == all_ten(OK)


def test_t04_a_compound_identity_does_not_count_for_the_application_alone() -> None:
    found = verdict_on(access(vault(policy(*TEN, application_id=CLIENT))), "keys/get")

    assert (found.verdict, found.notes) == (INEFFECTIVE, ("compound-identity-in-policy",))


def test_t04_a_user_on_behalf_of_whom_the_application_could_act_does_not_count_either() -> None:
    found = verdict_on(access(vault(policy(*TEN, object_id=STRANGER, application_id=CLIENT))), "keys/get")

    assert (found.verdict, found.notes) == (INEFFECTIVE, ("compound-identity-in-policy",))


def test_t04_a_compound_entry_of_others_is_none_of_our_business() -> None:
    found = verdict_on(access(vault(policy(*TEN, object_id=STRANGER, application_id=STRANGER))), "keys/get")

    assert (found.verdict, found.notes) == (MISSING, ())


def test_t04_a_compound_entry_beside_a_plain_one_is_noted() -> None:
    found = verdict_on(access(vault(policy(*TEN), policy(*TEN, application_id=CLIENT))), "keys/get")

    assert (found.verdict, found.notes) == (OK, ("compound-identity-in-policy",))


@pytest.mark.parametrize(
    ("object_id", "note"),
    [(REGISTRATION, "application-object-id-in-policy"), (CLIENT, "client-id-in-policy")],
)
@pytest.mark.parametrize("groups", [frozenset(), None])
def test_t05_an_id_of_the_registration_in_the_policy_has_no_effect(
    object_id: str, note: str, groups: frozenset[str] | None
) -> None:
    found = verdict_on(access(vault(policy(*TEN, object_id=object_id)), identity=identity(groups=groups)), "keys/get")

    assert (found.verdict, found.notes) == (INEFFECTIVE, (note,))


def test_t06_an_entry_of_another_tenant_has_no_effect() -> None:
    found = verdict_on(access(vault(policy(*TEN, tenant_id=ELSEWHERE))), "keys/get")

    assert (found.verdict, found.notes) == (INEFFECTIVE, ("foreign-tenant-in-policy",))


def test_t07_an_entry_for_a_group_counts_for_its_members() -> None:
    found = verdict_on(access(vault(policy(*TEN, object_id=GROUP)), identity=IN_GROUP), "keys/get")

    assert (found.verdict, found.notes, found.sources[0].via_group) == (OK, ("through-group",), GROUP)


def test_t07_an_entry_for_a_group_does_not_count_for_others() -> None:
    assert verdict_on(access(vault(policy(*TEN, object_id=GROUP))), "keys/get").verdict == MISSING


def test_t07_an_entry_for_what_may_be_a_group_is_unknown_while_the_groups_are() -> None:
    found = verdict_on(access(vault(policy(*TEN, object_id=GROUP)), identity=GROUPS_UNKNOWN), "keys/get")

    assert (found.verdict, found.notes) == (UNKNOWN, ("group-membership-unknown",))


def test_t07_an_entry_for_what_may_be_a_group_does_not_matter_where_the_right_is_there_anyway() -> None:
    seen = access(vault(policy(*TEN, object_id=GROUP), policy(*TEN)), identity=GROUPS_UNKNOWN)

    assert verdict_on(seen, "keys/get").verdict == OK


def test_t07_an_entry_of_another_tenant_cannot_name_a_group_of_ours() -> None:
    seen = access(vault(policy(*TEN, object_id=GROUP, tenant_id=ELSEWHERE)), identity=GROUPS_UNKNOWN)

    assert verdict_on(seen, "keys/get").verdict == MISSING


@pytest.mark.parametrize("spelling", ["get", "Get", "GET"])
def test_t08_letter_case_of_a_permission_does_not_matter(spelling: str) -> None:
    assert verdict_on(access(vault(policy(spelling))), "keys/get").verdict == OK


def test_t08_all_covers_nine_of_the_ten() -> None:
    assert missing_permissions(judge(access(vault(policy("all"))), RequiredRights.guide())) == ("purge",)


def test_t08_the_cause_of_the_lacking_purge_is_named() -> None:
    found = verdict_on(access(vault(policy("all"))), "keys/purge")

    assert (found.verdict, found.notes) == (MISSING, ("all-without-purge",))


def test_t08_all_for_the_wrong_id_is_not_blamed_for_the_lacking_purge() -> None:
    assert verdict_on(access(vault(policy("all", object_id=REGISTRATION))), "keys/purge").notes == ()


def test_t08_all_is_wider_than_asked() -> None:
    found = verdict_on(access(vault(policy("all"))), "keys/get")

    assert (found.verdict, found.notes) == (OK_WITH_WARNING, ("wider-than-needed",))


def test_t08_all_with_an_explicit_purge_covers_the_ten() -> None:
    assert verdicts_on_keys(access(vault(policy("all", "purge")))) == all_ten(OK_WITH_WARNING)


def test_t08_all_is_not_taken_for_permissions_that_are_younger() -> None:
    assert (
        verdict_on(access(vault(policy("all"))), "keys/rotate", RequiredRights.explicit(("rotate",))).verdict == MISSING
    )


def test_t09_several_entries_of_one_identity_unite() -> None:
    assert verdicts_on_keys(access(vault(policy(*TEN[:4]), policy(*TEN[4:])))) == all_ten(OK)


def test_t10_permissions_beyond_the_wish_are_a_warning() -> None:
    found = verdict_on(access(vault(policy(*TEN, "sign"))), "keys/get")

    assert (found.verdict, found.notes) == (OK_WITH_WARNING, ("wider-than-needed",))


def test_t10_purge_is_beyond_the_wish_of_least_privilege() -> None:
    assert verdict_on(access(vault(policy(*TEN))), "keys/get", LEAST).verdict == OK_WITH_WARNING


# --- Purge protection and tenants -------------------------------------------------------------------------------------


def test_t25_purge_protection_makes_the_right_to_purge_a_warning() -> None:
    found = verdict_on(access(vault(policy(*TEN), purge_protection=True)), "keys/purge")

    assert (found.verdict, found.notes) == (OK_WITH_WARNING, ("purge-refused-by-protection",))


def test_t25_purge_protection_does_not_touch_the_other_rights() -> None:
    assert verdict_on(access(vault(policy(*TEN), purge_protection=True)), "keys/delete").verdict == OK


def test_t25_purge_protection_does_not_hide_that_the_right_is_missing() -> None:
    assert verdict_on(access(vault(purge_protection=True)), "keys/purge").verdict == MISSING


def test_t31_a_vault_of_another_tenant_refuses_the_application_whatever_it_is_given() -> None:
    seen = access(vault(policy(*TEN)), assigned(CONTRIBUTOR_OF_VAULTS), identity=identity(home_tenant_id=ELSEWHERE))

    assert {one.verdict for one in judge(seen, RequiredRights.guide())} == {INEFFECTIVE}


def test_t31_the_cause_is_named_first() -> None:
    seen = access(vault(), identity=identity(home_tenant_id=ELSEWHERE))

    assert "AKV10032" in verdict_on(seen, "keys/get").reason


# --- What could not be read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("requirement", [KVC, "keys/get"])
def test_rights_are_unknown_when_the_assignments_could_not_be_read(requirement: str) -> None:
    found = verdict_on(access(vault(rbac=True), assignments=None), requirement)

    assert (found.verdict, found.notes) == (UNKNOWN, ("right-unreadable",))


def test_an_access_policy_needs_no_assignments() -> None:
    assert verdict_on(access(vault(policy(*TEN)), assignments=None, denies=None), "keys/get").verdict == OK


def test_a_right_is_unknown_when_the_denials_could_not_be_read() -> None:
    seen = access(vault(), assigned(READER), denies=None, unreadable={"denies": "AuthorizationFailed"})
    found = verdict_on(seen, "vaults/read", LEAST)

    assert (found.verdict, found.notes) == (UNKNOWN, ("right-unreadable",))
    assert "AuthorizationFailed" in found.reason


def test_a_missing_right_stays_missing_when_the_denials_could_not_be_read() -> None:
    assert verdict_on(access(vault(), denies=None), "vaults/read", LEAST).verdict == MISSING


def test_a_role_whose_definition_could_not_be_read_may_give_the_right() -> None:
    stranger = role(STRANGER, "not in the list")
    found = verdict_on(access(vault(), assigned(stranger)), "vaults/read", LEAST)

    assert (found.verdict, found.notes) == (UNKNOWN, ("right-unreadable",))


def test_a_result_shows_requirement_verdict_and_source_as_plain_values() -> None:
    shown = verdict_on(access(vault(), assigned(READER, RESOURCE_GROUP)), "vaults/read", LEAST).as_result()

    assert shown == {
        "requirement": "vaults/read",
        "action": READ,
        "verdict": OK,
        "reason": "Granted by the role Reader at resource group scope.",
        "remedy": "",
        "notes": ["inherited"],
        "sources": [
            {
                "kind": "role",
                "name": "Reader",
                "scope": RESOURCE_GROUP,
                "origin": "resource_group",
                "via_group": None,
                "id": f"{RESOURCE_GROUP}/roleAssignments/Reader",
                "ends": None,
                "condition": None,
            }
        ],
    }


@pytest.mark.parametrize(
    ("verdict", "notes", "leading"),
    [
        (INEFFECTIVE, ("policy-inert-in-rbac-mode", "right-denied"), "right-denied"),
        (MISSING, ("through-group", "role-assignment-expired"), "role-assignment-expired"),
        (OK_WITH_WARNING, ("wider-than-needed", "role-assignment-expires"), "role-assignment-expires"),
        (UNKNOWN, ("application-object-id-in-policy", "right-unreadable"), "right-unreadable"),
        (MISSING, (), None),
    ],
)
def test_the_note_that_led_to_a_verdict_is_found_among_all(
    verdict: str, notes: tuple[Note, ...], leading: Note | None
) -> None:
    assert leading_note(verdict, notes) == leading
