# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The repair of missing rights as a plan: what is granted, under which names, and what is taken back."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.evaluation import RequiredRights, judge
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import Access, RoleDefinition
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.repair import (
    CUSTOM,
    OFFICER,
    AddToPolicy,
    Assign,
    DefineRole,
    Needs,
    Step,
    assignment_name,
    custom_role,
    custom_role_for,
    needs,
    plan,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from unit.azure.builders import (
    APP,
    CONTRIBUTOR_OF_HSMS,
    CONTRIBUTOR_OF_VAULTS,
    CRYPTO_OFFICER,
    ELSEWHERE,
    EXACT_KEYS,
    GROUP,
    HSM_DELETED,
    HSM_KEYS,
    HSM_OFFICER,
    HSM_USER,
    KEYS,
    NINE,
    POOL_ID,
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
    local,
    policy,
    pool,
    role,
    through,
    vault,
)

GUIDE, LEAST = RequiredRights.guide(), RequiredRights.least_privilege()
VAULTS_READ, HSMS_READ = "Microsoft.KeyVault/vaults/read", "Microsoft.KeyVault/managedHSMs/read"
KVC, OFFICER_GUID, USER_GUID = CONTRIBUTOR_OF_VAULTS.guid, CRYPTO_OFFICER.guid, HSM_USER.guid
NINE_ACTIONS = TEN_ACTIONS[:-1]


def steps_for(
    seen: Access,
    wanted: RequiredRights,
    data_role: str | RoleDefinition = CUSTOM,
    stored: Callable[[RoleDefinition], RoleDefinition | None] = lambda _own: None,
) -> tuple[Step, ...]:
    """The plan. ``stored``: what Azure has under the ID of the custom role, from the role as it is wanted."""
    need = needs(seen, wanted, judge(seen, wanted))
    own = custom_role_for(seen, need, data_role)
    return plan(seen, need, data_role, None if own is None else stored(own))


def shown(step: Step) -> tuple[Any, ...]:
    """A step without names of our making."""
    if isinstance(step, AddToPolicy):
        return "policy", step.permissions
    actions = {one for part in step.definition.permissions for one in (*part.actions, *part.data_actions)}
    if isinstance(step, DefineRole):
        return "define", step.scope, actions
    known = step.definition.guid if not step.definition.is_custom else actions
    return "assign", step.scope, known


def summary(steps: Sequence[Step]) -> list[tuple[Any, ...]]:
    return [shown(step) for step in steps]


def exact(*actions: str) -> list[tuple[Any, ...]]:
    """A custom role with these actions, defined and assigned at the vault."""
    return [("define", SUBSCRIPTION, set(actions)), ("assign", VAULT_ID, set(actions))]


# --- Which steps ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "wanted", "expected"),
    [
        pytest.param(access(vault()), GUIDE, [("assign", VAULT_ID, KVC), ("policy", TEN)], id="policy, guide"),
        pytest.param(access(vault()), LEAST, [*exact(VAULTS_READ), ("policy", NINE)], id="policy, least"),
        pytest.param(
            access(vault()),
            RequiredRights.explicit(("get", "purge")),
            [*exact(VAULTS_READ), ("policy", ("get", "purge"))],
            id="policy, explicit",
        ),
        pytest.param(
            access(vault(policy("Get", "LIST")), assigned(CONTRIBUTOR_OF_VAULTS)),
            GUIDE,
            [("policy", TEN[2:])],
            id="policy, only the lacking permissions",
        ),
        pytest.param(
            access(vault(policy("all")), assigned(CONTRIBUTOR_OF_VAULTS)),
            GUIDE,
            [("policy", ("purge",))],
            id="policy, all without purge",
        ),
        pytest.param(
            access(vault(policy(*TEN))), GUIDE, [("assign", VAULT_ID, KVC)], id="policy, only the role is lacking"
        ),
        pytest.param(
            access(vault(rbac=True)),
            GUIDE,
            [("assign", VAULT_ID, KVC), *exact(*TEN_ACTIONS)],
            id="rbac, guide",
        ),
        pytest.param(
            access(vault(policy(*TEN), rbac=True), assigned(CONTRIBUTOR_OF_VAULTS)),
            GUIDE,
            exact(*TEN_ACTIONS),
            id="rbac, inert policies",
        ),
        pytest.param(access(vault(rbac=True)), LEAST, exact(VAULTS_READ, *NINE_ACTIONS), id="rbac, least"),
        pytest.param(
            access(vault(rbac=True), assigned(EXACT_KEYS)),
            LEAST,
            exact(VAULTS_READ),
            id="rbac, only listing is lacking",
        ),
        pytest.param(
            access(vault(rbac=True), assigned(READER, RESOURCE_GROUP)),
            RequiredRights.explicit(("get",)),
            exact(f"{KEYS}/read"),
            id="rbac, listing is inherited",
        ),
        pytest.param(
            access(vault(rbac=True), assigned(CONTRIBUTOR_OF_VAULTS, SUBSCRIPTION), assigned(EXACT_KEYS, "/")),
            GUIDE,
            [],
            id="rbac, all is inherited",
        ),
        pytest.param(
            access(
                vault(policy(*TEN, object_id=GROUP)),
                through(GROUP, CONTRIBUTOR_OF_VAULTS),
                identity=identity(groups=frozenset({GROUP})),
            ),
            GUIDE,
            [],
            id="policy, all is given through a group",
        ),
        pytest.param(
            access(pool(), assigned(CONTRIBUTOR_OF_HSMS, POOL_ID)),
            GUIDE,
            [
                ("assign", "/keys", USER_GUID),
                ("define", "/", {f"{HSM_KEYS}/deletedKeys/recover/action", f"{HSM_KEYS}/deletedKeys/delete"}),
                ("assign", "/keys", {f"{HSM_KEYS}/deletedKeys/recover/action", f"{HSM_KEYS}/deletedKeys/delete"}),
            ],
            id="pool, guide",
        ),
        pytest.param(
            access(pool(), assigned(READER, POOL_ID)),
            RequiredRights.explicit(("get", "create")),
            [("assign", "/keys", USER_GUID)],
            id="pool, covered by Crypto User",
        ),
        pytest.param(
            access(pool(), assigned(READER, POOL_ID), local=(local(HSM_USER),)),
            LEAST,
            [
                ("define", "/", {f"{HSM_KEYS}/deletedKeys/recover/action"}),
                ("assign", "/keys", {f"{HSM_KEYS}/deletedKeys/recover/action"}),
            ],
            id="pool, only recover is lacking",
        ),
        pytest.param(
            access(pool(), local=(local(HSM_USER, "/"), local(HSM_DELETED))),
            GUIDE,
            [("define", SUBSCRIPTION, {HSMS_READ}), ("assign", POOL_ID, {HSMS_READ})],
            id="pool, only listing is lacking",
        ),
    ],
)
def test_only_what_is_lacking_is_granted(seen: Access, wanted: RequiredRights, expected: list[tuple[Any, ...]]) -> None:
    assert summary(steps_for(seen, wanted)) == expected


def test_what_is_unknown_is_not_granted() -> None:
    seen = access(vault(rbac=True), assignments=None, unreadable={"assignments": "Forbidden"})

    assert steps_for(seen, GUIDE) == ()


@pytest.mark.parametrize("seen", [access(vault()), access(vault(rbac=True)), access(pool())])
def test_nothing_is_granted_above_the_vault(seen: Access) -> None:
    scopes = {step.scope for step in steps_for(seen, GUIDE) if isinstance(step, Assign)}

    assert scopes <= {seen.store.resource_id, "/keys"}


def test_crypto_officer_is_assigned_when_it_is_asked_for() -> None:
    seen = access(vault(rbac=True), assigned(CONTRIBUTOR_OF_VAULTS))

    assert summary(steps_for(seen, GUIDE, OFFICER)) == [("assign", VAULT_ID, OFFICER_GUID)]


def test_crypto_officer_does_not_give_the_right_to_list() -> None:
    assert summary(steps_for(access(vault(rbac=True)), LEAST, OFFICER)) == [
        *exact(VAULTS_READ),
        ("assign", VAULT_ID, OFFICER_GUID),
    ]


def test_a_data_role_has_no_place_in_a_vault_with_access_policies() -> None:
    seen = access(vault(), assigned(CONTRIBUTOR_OF_VAULTS))

    assert summary(steps_for(seen, GUIDE, OFFICER)) == [("policy", TEN)]


def test_t38_crypto_officer_of_a_pool_is_never_assigned() -> None:
    steps = steps_for(access(pool()), GUIDE, OFFICER)

    assert HSM_OFFICER.guid not in {step.definition.guid for step in steps if isinstance(step, Assign)}


def test_a_given_role_that_has_all_that_is_lacking_is_assigned() -> None:
    seen = access(vault(rbac=True), assigned(CONTRIBUTOR_OF_VAULTS))

    assert summary(steps_for(seen, GUIDE, EXACT_KEYS)) == [("assign", VAULT_ID, EXACT_KEYS.guid)]


def test_a_given_role_that_lacks_something_is_refused_by_name() -> None:
    short = role(STRANGER, "Nearly", data_actions=(f"{KEYS}/read",))

    with pytest.raises(TaskError, match=r"purge.*Nearly|Nearly.*purge"):
        steps_for(access(vault(rbac=True)), GUIDE, short)


def test_a_given_role_need_not_have_what_is_there_already() -> None:
    short = role(STRANGER, "The rest", data_actions=tuple(one for one in TEN_ACTIONS if not one.endswith("keys/read")))
    reader = role(GROUP, "Keys reader", data_actions=(f"{KEYS}/read",))
    seen = access(vault(rbac=True), assigned(CONTRIBUTOR_OF_VAULTS), assigned(reader), roles=[reader])

    assert summary(steps_for(seen, GUIDE, short)) == [("assign", VAULT_ID, STRANGER)]


def test_crypto_user_is_taken_for_what_the_pool_says_that_it_covers() -> None:
    narrow = role(USER_GUID, "Managed HSM Crypto User", data_actions=(f"{HSM_KEYS}/read/action",))
    seen = access(pool(), assigned(READER, POOL_ID), local_roles={USER_GUID: narrow})

    assert summary(steps_for(seen, RequiredRights.explicit(("get", "create")))) == [
        ("assign", "/keys", USER_GUID),
        ("define", "/", {f"{HSM_KEYS}/create"}),
        ("assign", "/keys", {f"{HSM_KEYS}/create"}),
    ]


# --- Custom roles and names -------------------------------------------------------------------------------------------


def test_a_custom_role_that_exists_is_only_assigned() -> None:
    steps = steps_for(access(vault(rbac=True)), LEAST, stored=lambda own: own)

    assert summary(steps) == exact(VAULTS_READ, *NINE_ACTIONS)[1:]


def test_letter_case_and_order_of_a_stored_custom_role_do_not_matter() -> None:
    def spelt(own: RoleDefinition) -> RoleDefinition:
        one = own.permissions[0]
        data = tuple(action.upper() for action in reversed(one.data_actions))
        return replace(own, permissions=(replace(one, data_actions=data),))

    assert len(steps_for(access(vault(rbac=True)), LEAST, stored=spelt)) == 1


@pytest.mark.parametrize(
    "part",
    [
        {"data_actions": (f"{KEYS}/read",)},
        {"not_data_actions": (f"{KEYS}/purge/action",)},
        {"actions": ()},
        {"not_actions": (VAULTS_READ,)},
    ],
)
def test_a_custom_role_that_somebody_has_changed_is_corrected(part: dict[str, tuple[str, ...]]) -> None:
    def changed(own: RoleDefinition) -> RoleDefinition:
        return replace(own, permissions=(replace(own.permissions[0], **part),))

    first = steps_for(access(vault(rbac=True)), LEAST, stored=changed)[0]

    assert isinstance(first, DefineRole)
    assert first.stored is not None


@pytest.mark.parametrize(("stored", "expected"), [(True, []), (False, [True])])
def test_the_local_custom_role_of_a_pool_is_corrected_only_where_it_differs(stored: bool, expected: list[bool]) -> None:
    own = custom_role(POOL_ID, (), [f"{HSM_KEYS}/deletedKeys/recover/action"])
    held = own if stored else replace(own, permissions=HSM_USER.permissions)
    seen = access(pool(), assigned(READER, POOL_ID), local=(local(HSM_USER),))
    seen = replace(seen, local_roles={**seen.local_roles, own.guid: held})

    assert [step.stored is not None for step in steps_for(seen, LEAST) if isinstance(step, DefineRole)] == expected


def test_each_profile_has_one_custom_role_whatever_is_lacking() -> None:
    whole = access(vault(rbac=True), assigned(READER))
    reader = role(STRANGER, "Keys reader", data_actions=(f"{KEYS}/read",))
    part = access(vault(rbac=True), assigned(READER), assigned(reader), roles=[reader])

    assert steps_for(whole, LEAST) == steps_for(part, LEAST)


def test_a_custom_role_is_the_same_for_every_vault_of_a_subscription() -> None:
    other = vault(
        rbac=True, resource_id=f"{SUBSCRIPTION.upper()}/resourceGroups/x/providers/Microsoft.KeyVault/vaults/y"
    )
    one, two = (custom_role_for(access(store), Needs(TEN, TEN), CUSTOM) for store in (vault(rbac=True), other))

    assert one == two


def test_custom_roles_of_two_subscriptions_differ_in_id_and_name() -> None:
    one, two = (custom_role(scope, (VAULTS_READ,), ()) for scope in (SUBSCRIPTION, "/subscriptions/other"))

    assert {one.guid, one.name}.isdisjoint({two.guid, two.name})


def test_custom_roles_of_two_sets_differ_in_id_and_name() -> None:
    one, two = (custom_role(SUBSCRIPTION, (), actions) for actions in (TEN_ACTIONS, NINE_ACTIONS))

    assert {one.guid, one.name}.isdisjoint({two.guid, two.name})


def test_the_name_of_a_custom_role_contains_its_id() -> None:
    made = custom_role(SUBSCRIPTION, (VAULTS_READ,), TEN_ACTIONS)

    assert made.name == f"Fortanix DSM CDC {made.guid[:8]}"


def test_an_action_is_not_listed_twice_in_a_custom_role() -> None:
    own = custom_role_for(access(vault(rbac=True)), Needs(("get", "list"), ("get", "list")), CUSTOM)

    assert own is not None
    assert own.permissions[0].data_actions == (f"{KEYS}/read",)


@given(st.permutations(TEN_ACTIONS), st.booleans())
def test_the_id_of_a_custom_role_depends_neither_on_order_nor_on_letter_case(actions: list[str], upper: bool) -> None:
    spelt = [action.upper() if upper else action for action in actions]

    assert custom_role(SUBSCRIPTION + "/", (), spelt).guid == custom_role(SUBSCRIPTION.upper(), (), TEN_ACTIONS).guid


@pytest.mark.parametrize("spell", [str.upper, str.lower, lambda text: text + "/" if text == VAULT_ID else text])
def test_the_name_of_an_assignment_does_not_depend_on_the_spelling(spell: Callable[[str], str]) -> None:
    assert assignment_name(spell(VAULT_ID), spell(APP), spell(KVC)) == assignment_name(VAULT_ID, APP, KVC)


def test_the_name_of_an_assignment_is_a_guid_in_lower_case() -> None:
    name = assignment_name(VAULT_ID, APP, KVC)

    assert str(uuid.UUID(name)) == name


@pytest.mark.parametrize("other", [(POOL_ID, APP, KVC), (VAULT_ID, STRANGER, KVC), (VAULT_ID, APP, READER.guid)])
def test_another_scope_principal_or_role_is_another_name(other: tuple[str, str, str]) -> None:
    assert assignment_name(*other) != assignment_name(VAULT_ID, APP, KVC)


def test_names_stay_what_they_are_from_release_to_release() -> None:
    assert (assignment_name("/subscriptions/s", "p", "r"), custom_role("/subscriptions/s", ("a",), ("d",)).guid) == (
        "59e94295-eac1-5559-adc8-bf589939afd9",
        "6606b3c9-80f7-5180-aa62-7dac394edcd3",
    )


# --- Needs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "wanted", "remedy"),
    [
        pytest.param(
            access(vault(rbac=True), denies=(denying(f"{KEYS}/*", data=True),)),
            GUIDE,
            "Ask the owner of the deny assignment",
            id="denied",
        ),
        pytest.param(
            access(pool(activation="NotActivated")),
            GUIDE,
            "Activate the Managed HSM by downloading its security domain",
            id="activation",
        ),
        pytest.param(
            access(vault(), identity=identity(home_tenant_id=ELSEWHERE)),
            GUIDE,
            "Use an application in the tenant of the vault",
            id="foreign tenant",
        ),
        pytest.param(
            access(vault()), RequiredRights.guide("rbac"), "Change the permission model", id="permission model"
        ),
    ],
)
def test_what_no_grant_can_mend_is_refused_with_the_remedy(seen: Access, wanted: RequiredRights, remedy: str) -> None:
    with pytest.raises(TaskError) as refused:
        needs(seen, wanted, judge(seen, wanted))

    assert refused.value.next_step.startswith(remedy)


def test_a_refusal_lists_only_what_is_beyond_grants() -> None:
    seen = access(vault(rbac=True), denies=(denying(f"{KEYS}/purge/action", data=True),))

    with pytest.raises(TaskError) as refused:
        needs(seen, GUIDE, judge(seen, GUIDE))
    assert [one["requirement"] for one in refused.value.details["lacking"]] == ["keys/purge"]


def test_a_denial_of_what_is_not_wanted_refuses_nothing() -> None:
    seen = access(vault(rbac=True), denies=(denying(f"{KEYS}/purge/action", data=True),))

    assert needs(seen, LEAST, judge(seen, LEAST)).key_permissions == NINE
