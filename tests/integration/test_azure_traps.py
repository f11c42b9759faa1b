# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traps T1 to T19 of the Azure contract §2, rights: set up in Azure, judged, and tried by a sync of DSM."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sandbox import Profile
from sandbox.azure.rights.roles import PermissionSet
from support.azure_rights import TEN, AzureRights, assert_held, finding, ids, right, use_rbac, verdicts

CONTRIBUTOR = "Key Vault Contributor"
OFFICER = "Key Vault Crypto Officer"
KEYS = "Microsoft.KeyVault/vaults/keys"
NONE: set[str] = set()


def drop_policy(azure: AzureRights) -> None:
    azure.do(lambda state: state.set_access_policy(azure.vault, azure.app, []))


def drop_contributor(azure: AzureRights) -> None:
    azure.do(lambda state: state.revoke_role(azure.app, azure.vault))


def add_policy(azure: AzureRights, object_id: str, permissions: Any = TEN, **members: Any) -> None:
    azure.do(lambda state: state.add_access_policy(azure.vault, object_id, permissions, **members))


# Permission model and policies --------------------------------------------------------------------------------------


def test_t01_a_complete_policy_is_inert_in_rbac_mode(azure: AzureRights) -> None:
    use_rbac(azure)

    result = assert_held(azure, NONE)

    assert {right(result, f"keys/{name}")["verdict"] for name in TEN} == {"ineffective"}
    assert finding(result, "policy-inert-in-rbac-mode")["status"] == "failed"


def test_t01_data_roles_make_an_rbac_vault_right(azure: AzureRights) -> None:
    use_rbac(azure, OFFICER)

    assert_held(azure, set(TEN))


def test_t02_crypto_officer_is_inert_in_a_vault_with_policies(azure: AzureRights) -> None:
    drop_policy(azure)
    azure.do(lambda state: state.assign_role(azure.app, azure.vault, OFFICER))

    result = assert_held(azure, NONE)

    assert finding(result, "data-role-inert-in-policy-mode")["status"] == "failed"


def test_t03_a_vault_without_a_stated_model_uses_policies(azure: AzureRights) -> None:
    azure.do(lambda state: setattr(state.vault(azure.vault), "rbac", None))

    assert_held(azure, set(TEN))


def test_t04_a_compound_identity_counts_for_nothing(azure: AzureRights) -> None:
    drop_policy(azure)
    add_policy(azure, azure.view.service_principal_id, application_id=azure.app)

    result = assert_held(azure, NONE)

    lacking = finding(result, "right-missing")
    assert (lacking["status"], lacking["severity"]) == ("failed", "high")
    assert "on behalf of a user" in lacking["actual"]


def test_t04_a_compound_identity_beside_a_plain_one_is_told(azure: AzureRights) -> None:
    add_policy(azure, azure.view.service_principal_id, application_id=azure.app)

    result = assert_held(azure, set(TEN))

    assert finding(result, "compound-identity-in-policy")["status"] == "warning"


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [("application_object_id", "application-object-id-in-policy"), ("client_id", "client-id-in-policy")],
)
def test_t05_a_policy_for_the_wrong_id_is_no_policy(azure: AzureRights, wrong: str, kind: str) -> None:
    drop_policy(azure)
    add_policy(azure, getattr(azure.view, wrong))

    result = assert_held(azure, NONE)

    assert "service principal" in finding(result, kind)["remedy"]


def test_t06_a_policy_of_another_tenant_is_ineffective(azure: AzureRights) -> None:
    drop_policy(azure)
    other = azure.do(lambda state: state.add_tenant("other.example"))
    add_policy(azure, azure.view.service_principal_id, tenant_id=other)

    assert finding(assert_held(azure, NONE), "foreign-tenant-in-policy")["status"] == "failed"


def nested_group(azure: AzureRights) -> str:
    """The object ID of a group in which the application is through another group."""

    def deed(state: Any) -> str:
        inner = state.add_group(azure.view.tenant_id, "inner", [azure.app])
        return str(state.add_group(azure.view.tenant_id, "outer", [inner]).group_id)

    return azure.do(deed)


def test_t07_a_policy_for_a_group_counts_for_all_in_it(azure: AzureRights) -> None:
    group = nested_group(azure)
    drop_policy(azure)
    add_policy(azure, group)

    result = assert_held(azure, set(TEN))

    assert right(result, "keys/get")["sources"][0]["via_group"] == group


def test_t07_without_graph_a_policy_for_somebody_else_is_unknown(azure: AzureRights) -> None:
    group = nested_group(azure)
    drop_policy(azure)
    add_policy(azure, group)

    result = azure.judge(**azure.another_operator("Reader"), app_object_id=azure.view.service_principal_id)

    assert {right(result, f"keys/{name}")["verdict"] for name in TEN} == {"unknown"}


def test_t07_a_policy_for_a_group_of_others_counts_for_nothing(azure: AzureRights) -> None:
    group = azure.do(lambda state: state.add_group(azure.view.tenant_id, "others").group_id)
    drop_policy(azure)
    add_policy(azure, group)

    assert_held(azure, NONE)


@pytest.mark.parametrize("spelling", [str.upper, str.capitalize])
def test_t08a_letter_case_does_not_matter(azure: AzureRights, spelling: Callable[[str], str]) -> None:
    drop_policy(azure)
    add_policy(azure, azure.view.service_principal_id.upper(), [spelling(name) for name in TEN])

    assert_held(azure, set(TEN))


def test_t08b_all_is_all_but_purge(azure: AzureRights) -> None:
    azure.do(lambda state: state.set_access_policy(azure.vault, azure.app, ["all"]))

    result = assert_held(azure, set(TEN) - {"purge"})

    assert finding(result, "all-without-purge")["status"] == "failed"


def test_t08b_all_with_purge_is_everything_and_wider(azure: AzureRights) -> None:
    azure.do(lambda state: state.set_access_policy(azure.vault, azure.app, ["All", "Purge"]))

    assert finding(assert_held(azure, set(TEN)), "wider-than-needed")["status"] == "warning"


def test_t09_several_entries_unite(azure: AzureRights) -> None:
    drop_policy(azure)
    add_policy(azure, azure.view.service_principal_id, TEN[:4])
    add_policy(azure, azure.view.service_principal_id.upper(), TEN[4:])

    assert_held(azure, set(TEN))


def test_t10_extra_permissions_are_a_warning(azure: AzureRights) -> None:
    azure.do(lambda state: state.set_access_policy(azure.vault, azure.app, [*TEN, "sign"]))

    result = assert_held(azure, set(TEN))

    assert right(result, "keys/get")["verdict"] == "ok_with_warning"


# Roles --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["Contributor", "Owner"])
def test_t11_a_wider_role_gives_what_contributor_gives(azure: AzureRights, role: str) -> None:
    drop_contributor(azure)
    azure.do(lambda state: state.assign_role(azure.app, azure.vault, role))

    result = azure.judge()

    assert verdicts(result)[CONTRIBUTOR] == "ok_with_warning"
    assert azure.manages()


def test_t11_a_custom_role_is_judged_by_its_actions(azure: AzureRights) -> None:
    drop_contributor(azure)

    def deed(state: Any) -> None:
        what = PermissionSet(actions=("Microsoft.KeyVault/*",), not_actions=("Microsoft.KeyVault/vaults/write",))
        role = state.add_custom_role(azure.view.tenant_id, "half", what, scopes=[azure.subscription])
        state.assign_role(azure.app, azure.vault, role)

    azure.do(deed)

    assert verdicts(azure.judge())[CONTRIBUTOR] == "missing"
    assert not azure.manages()


def test_t11_reader_is_enough_for_the_list_and_below_the_guide(azure: AzureRights) -> None:
    drop_contributor(azure)
    azure.do(lambda state: state.assign_role(azure.app, azure.vault, "Reader"))

    result = azure.judge()

    assert (verdicts(result)[CONTRIBUTOR], "listing-only" in ids(result)) == ("missing", True)


@pytest.mark.parametrize("origin", ["resource_group", "subscription", "management_group"])
def test_t12_an_inherited_role_counts_and_says_from_where(azure: AzureRights, origin: str) -> None:
    drop_contributor(azure)

    def deed(state: Any) -> None:
        group = state.add_management_group(azure.view.tenant_id, "corp")
        state.place_subscription(azure.view.subscription_id, group)
        scopes = {
            "resource_group": f"{azure.subscription}/resourceGroups/rg-keys",
            "subscription": azure.subscription,
            "management_group": group,
        }
        state.assign_role(azure.app, scopes[origin])

    azure.do(deed)

    found = right(azure.judge(), CONTRIBUTOR)

    assert (found["sources"][0]["origin"], azure.manages()) == (origin, True)


def test_t13_a_role_through_a_group_counts(azure: AzureRights) -> None:
    group = nested_group(azure)
    use_rbac(azure)
    azure.do(lambda state: state.assign_role(group, azure.vault, OFFICER))

    result = assert_held(azure, set(TEN))

    assert right(result, "keys/get")["sources"][0]["via_group"] == group


@pytest.mark.parametrize("holds", [True, False])
def test_t14_a_condition_is_never_taken_for_granted(azure: AzureRights, holds: bool) -> None:
    """Whichever way the condition goes, the verdict is the same, and tells its text."""
    azure.sandbox.profile = Profile(condition_holds=holds)
    use_rbac(azure)
    azure.do(
        lambda state: state.assign_role(azure.app, azure.vault, OFFICER, condition="@Resource[x] StringEquals 'y'")
    )

    result = azure.judge()

    assert {right(result, f"keys/{name}")["verdict"] for name in TEN} == {"unknown"}
    assert "StringEquals 'y'" in finding(result, "role-under-condition")["actual"]
    assert (azure.sync_error() is None) is holds


def test_t15_an_eligible_role_is_none(azure: AzureRights) -> None:
    use_rbac(azure)
    azure.do(lambda state: state.make_eligible(azure.app, azure.vault, OFFICER))
    drop_policy(azure)

    result = assert_held(azure, NONE)

    assert finding(result, "role-eligible-only")["status"] == "failed"


@pytest.mark.parametrize("pim", ["unlicensed", "absent"])
def test_t15_a_tenant_without_pim_is_judged_all_the_same(azure: AzureRights, pim: Any) -> None:
    azure.sandbox.profile = Profile(pim=pim)
    drop_policy(azure)

    assert_held(azure, NONE)


def test_t16_an_active_role_with_an_end_is_a_warning_with_the_day(azure: AzureRights) -> None:
    use_rbac(azure)
    azure.do(lambda state: state.assign_role(azure.app, azure.vault, OFFICER, ends_in=timedelta(days=2)))

    result = assert_held(azure, set(TEN))

    assert right(result, "keys/get")["sources"][0]["ends"]
    assert finding(result, "role-assignment-expires")["status"] == "warning"


@pytest.mark.parametrize(
    ("members", "held"),
    [
        ({}, False),
        ({"principals": "app"}, False),
        ({"principals": "group"}, False),
        ({"principals": "operator"}, True),
        ({"exclude_principals": "app"}, True),
        ({"exclude_principals": "group"}, True),
    ],
    ids=["everyone", "the-app", "its-group", "another", "but-the-app", "but-its-group"],
)
def test_t17_a_denial_beats_every_role_unless_it_spares_the_application(
    azure: AzureRights, members: dict[str, str], held: bool
) -> None:
    use_rbac(azure, OFFICER)
    principals = {
        "app": azure.view.service_principal_id,
        "group": nested_group(azure),
        "operator": azure.view.operator_object_id,
    }
    named = {name: (principals[who],) for name, who in members.items()}
    what = PermissionSet(data_actions=(f"{KEYS}/*",))
    azure.do(lambda state: state.add_deny_assignment(azure.subscription, what, **named))

    result = assert_held(azure, set(TEN) if held else NONE)

    assert ("right-denied" in ids(result)) is not held


@pytest.mark.parametrize(("spares", "held"), [(True, True), (False, False)])
def test_t17_a_denial_that_spares_child_scopes_does_not_reach_the_vault(
    azure: AzureRights, spares: bool, held: bool
) -> None:
    use_rbac(azure, OFFICER)
    what = PermissionSet(data_actions=("*",))
    azure.do(lambda state: state.add_deny_assignment(azure.subscription, what, do_not_apply_to_child_scopes=spares))

    assert_held(azure, set(TEN) if held else NONE)


def test_t17_a_denial_of_data_leaves_a_vault_with_policies_alone(azure: AzureRights) -> None:
    """Access policies are Key Vault's own: neither roles nor denials of them have a say."""
    azure.do(lambda state: state.add_deny_assignment(azure.subscription, PermissionSet(data_actions=("*",))))

    assert_held(azure, set(TEN))


def test_t17_a_denial_reaches_the_guides_role_too(azure: AzureRights) -> None:
    what = PermissionSet(actions=("Microsoft.KeyVault/vaults/write",))
    azure.do(lambda state: state.add_deny_assignment(azure.vault, what))

    assert verdicts(azure.judge())[CONTRIBUTOR] == "ineffective"
    assert not azure.manages()


def test_t18_a_role_that_is_young_is_a_warning_while_it_has_no_effect_yet(azure: AzureRights) -> None:
    use_rbac(azure)
    azure.do(lambda state: state.slow_rights(delay=300))
    azure.do(lambda state: state.assign_role(azure.app, azure.vault, OFFICER))

    result = azure.judge()

    assert azure.sync_error() is not None
    assert {right(result, f"keys/{name}")["verdict"] for name in TEN} == {"ok_with_warning"}
    assert "role-assignment-recent" in ids(result)


def test_t19_the_orphan_of_a_deleted_application_is_nobodys(azure: AzureRights) -> None:
    use_rbac(azure)
    azure.do(lambda state: state.assign_role("11111111-2222-4333-8444-555555555555", azure.vault, OFFICER))

    assert_held(azure, NONE)
