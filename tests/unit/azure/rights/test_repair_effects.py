# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a repair comes to: the rights as they will be, and what of it is taken back again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.evaluation import (
    INEFFECTIVE,
    MISSING,
    OK,
    OK_WITH_WARNING,
    RequiredRights,
    judge,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import (
    Access,
    RoleAssignment,
    RoleDefinition,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.repair import (
    CUSTOM,
    OFFICER,
    AddToPolicy,
    Assign,
    DefineRole,
    RightsRemoval,
    assignment_name,
    change_of,
    changes_of_removal,
    custom_role,
    predicted,
    removal,
    without,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from unit.azure.builders import (
    APP,
    CLIENT,
    CONTRIBUTOR_OF_VAULTS,
    ELSEWHERE,
    EXACT_KEYS,
    GROUP,
    HOME,
    HSM_DELETED,
    HSM_USER,
    KEYS,
    NOW,
    POOL_ID,
    READER,
    RESOURCE_GROUP,
    STRANGER,
    SUBSCRIPTION,
    TEN,
    VAULT_ID,
    access,
    assigned,
    local,
    policy,
    pool,
    vault,
)
from unit.azure.rights.test_evaluation_properties import observations
from unit.azure.rights.test_repair import steps_for

GUIDE = RequiredRights.guide()
VAULTS_READ = "Microsoft.KeyVault/vaults/read"
# Causes that no grant removes.
BEYOND_GRANTS = frozenset({"right-denied", "hsm-not-activated", "vault-in-foreign-tenant", "permission-model-differs"})

# Anything that may be wanted; no name that an explicit list of the module cannot hold.
wishes = st.one_of(
    st.just(GUIDE),
    st.builds(RequiredRights.least_privilege, st.sampled_from([(), ("purge",)])),
    st.builds(RequiredRights.explicit, st.lists(st.sampled_from(TEN), min_size=1, max_size=10)),
)


# --- How it is shown --------------------------------------------------------------------------------------------------


def test_a_change_of_the_policy_shows_all_permissions_before_and_after() -> None:
    change = change_of(AddToPolicy(("purge", "list")), access(vault(policy("Get"), policy("list", object_id=STRANGER))))

    assert (change.before, change.after) == (
        {"access_policy.keys": ["get"]},
        {"access_policy.keys": ["get", "list", "purge"]},
    )


@pytest.mark.parametrize(
    "other",
    [
        policy("get", application_id=CLIENT),
        policy("get", tenant_id=ELSEWHERE),
        policy("get", object_id=STRANGER),
    ],
)
def test_entries_that_are_not_the_identitys_own_are_not_shown_as_held(other: Any) -> None:
    assert change_of(AddToPolicy(("list",)), access(vault(other))).before == {"access_policy.keys": []}


def test_the_definition_of_a_role_is_shown_with_its_place_and_actions() -> None:
    step = DefineRole(custom_role(SUBSCRIPTION, (VAULTS_READ,), (f"{KEYS}/read",)), SUBSCRIPTION)
    change = change_of(step, access(vault()))

    assert (change.action, change.after["role.assignable_scope"], change.after["role.actions"]) == (
        "create role definition",
        SUBSCRIPTION,
        sorted([VAULTS_READ, f"{KEYS}/read"]),
    )


def test_the_correction_of_a_role_is_called_so() -> None:
    role = custom_role(SUBSCRIPTION, (VAULTS_READ,), ())
    change = change_of(DefineRole(role, SUBSCRIPTION, stored=READER), access(vault()))

    assert change.action == "correct role definition"
    assert change.before["role.actions"] != change.after["role.actions"] == [VAULTS_READ]


def test_an_assignment_is_shown_with_role_scope_and_principal() -> None:
    change = change_of(Assign(READER, VAULT_ID, "name"), access(vault()))

    assert (change.obj, change.after) == (
        "vault kv-one",
        {"assignments.name": {"role": "Reader", "scope": VAULT_ID, "principal_id": APP}},
    )


# --- Prediction -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", [vault(), vault(rbac=True), pool()], ids=["policy", "rbac", "pool"])
@pytest.mark.parametrize(
    "wanted",
    [GUIDE, RequiredRights.least_privilege(), RequiredRights.explicit(("purge",))],
    ids=["guide", "least", "explicit"],
)
@pytest.mark.parametrize("data_role", [CUSTOM, OFFICER, EXACT_KEYS], ids=["custom", "officer", "given"])
def test_the_prediction_has_every_right_that_was_lacking(
    store: Any, wanted: RequiredRights, data_role: str | RoleDefinition
) -> None:
    seen = access(store)
    after = judge(predicted(seen, steps_for(seen, wanted, data_role)), wanted)

    assert {one.verdict for one in after} <= {OK, OK_WITH_WARNING}


def test_the_prediction_leaves_everybody_elses_entries() -> None:
    stranger = policy("get", object_id=STRANGER)
    after = predicted(access(vault(stranger)), [AddToPolicy(("get",))])

    assert after.store.policies == (stranger, policy("get", tenant_id=HOME))


def test_a_predicted_assignment_of_azure_is_a_young_one() -> None:
    after = predicted(access(vault()), [Assign(READER, VAULT_ID, "name")])

    assert [one.created for one in after.assignments or ()] == [NOW]


def is_beyond_grants(seen: Access, wanted: RequiredRights) -> bool:
    lacking = [one for one in judge(seen, wanted) if one.verdict in (MISSING, INEFFECTIVE)]
    return any(BEYOND_GRANTS.intersection(one.notes) for one in lacking)


@given(observations, wishes, st.sampled_from([CUSTOM, OFFICER]))
def test_what_is_not_beyond_grants_is_granted_in_full(seen: Access, wanted: RequiredRights, data_role: str) -> None:
    assume(not is_beyond_grants(seen, wanted))
    after = judge(predicted(seen, steps_for(seen, wanted, data_role)), wanted)

    assert [one.requirement for one in after if one.verdict in (MISSING, INEFFECTIVE)] == []


@given(observations, wishes, st.sampled_from([CUSTOM, OFFICER]))
def test_after_a_repair_there_is_nothing_left_to_repair(seen: Access, wanted: RequiredRights, data_role: str) -> None:
    assume(not is_beyond_grants(seen, wanted))

    assert steps_for(predicted(seen, steps_for(seen, wanted, data_role)), wanted, data_role) == ()


# Most observations can be repaired.
@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(observations, wishes, st.sampled_from([CUSTOM, OFFICER]))
def test_what_is_beyond_grants_is_refused_whatever_else_is_lacking(
    seen: Access, wanted: RequiredRights, data_role: str
) -> None:
    assume(is_beyond_grants(seen, wanted))

    with pytest.raises(TaskError):
        steps_for(seen, wanted, data_role)


# --- Taking back ------------------------------------------------------------------------------------------------------


def ours(definition: RoleDefinition, scope: str = VAULT_ID, **changes: Any) -> RoleAssignment:
    """An assignment as our own repair makes it."""
    name = assignment_name(scope, APP, definition.guid)
    return assigned(
        definition, scope, id=f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}", **changes
    )


def our_local(definition: RoleDefinition, **changes: Any) -> RoleAssignment:
    return local(definition, **{"id": assignment_name(f"{POOL_ID}/keys", APP, definition.guid), **changes})


@pytest.mark.parametrize("spell", [str, str.upper, str.lower])
def test_an_assignment_of_our_name_is_taken_back(spell: Callable[[str], str]) -> None:
    one = ours(CONTRIBUTOR_OF_VAULTS)
    entry = replace(one, id=spell(one.id), scope=spell(one.scope), principal_id=spell(one.principal_id))

    assert removal(access(vault(), entry), GUIDE).assignments == (entry,)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(assigned(CONTRIBUTOR_OF_VAULTS), id="by somebody else"),
        pytest.param(ours(CONTRIBUTOR_OF_VAULTS, RESOURCE_GROUP), id="inherited"),
        pytest.param(replace(ours(CONTRIBUTOR_OF_VAULTS), scope=RESOURCE_GROUP), id="inherited, of our name"),
        pytest.param(ours(CONTRIBUTOR_OF_VAULTS, principal_id=GROUP), id="of a group"),
        pytest.param(ours(CONTRIBUTOR_OF_VAULTS, role_guid=READER.guid), id="of another role"),
    ],
)
def test_an_assignment_that_is_not_ours_stays(entry: RoleAssignment) -> None:
    assert removal(access(vault(), entry), GUIDE).assignments == ()


def test_a_local_assignment_of_our_name_is_taken_back() -> None:
    entries = (our_local(HSM_USER), local(HSM_DELETED), our_local(HSM_DELETED, principal_id=STRANGER))

    assert removal(access(pool(), local=entries), GUIDE).local == entries[:1]


@pytest.mark.parametrize("data_role", [CUSTOM, OFFICER])
@pytest.mark.parametrize("store", [vault(), vault(rbac=True), pool()], ids=["policy", "rbac", "pool"])
def test_all_that_a_repair_grants_is_taken_back(store: Any, data_role: str) -> None:
    seen = access(store)
    granted = predicted(seen, steps_for(seen, GUIDE, data_role))
    after = without(granted, removal(granted, GUIDE))

    assert [one.verdict for one in judge(after, GUIDE)] == [one.verdict for one in judge(seen, GUIDE)]


def test_only_wanted_permissions_of_the_identity_itself_are_taken_back() -> None:
    seen = access(
        vault(policy("Get", "sign"), policy("purge", application_id=CLIENT), policy("list", tenant_id=ELSEWHERE))
    )

    assert removal(seen, GUIDE).permissions == ("get",)


@pytest.mark.parametrize("member", ["assignments", "local"])
def test_nothing_is_taken_back_while_what_is_ours_is_not_known(member: str) -> None:
    unread: dict[str, Any] = {member: None, "unreadable": {member: "it is forbidden"}}

    with pytest.raises(TaskError, match="it is forbidden"):
        removal(access(vault(), **unread), GUIDE)


def test_without_leaves_what_is_not_removed() -> None:
    theirs, stranger = assigned(READER), policy("get", object_id=STRANGER)
    seen = access(vault(policy("Get", "sign"), stranger), ours(CONTRIBUTOR_OF_VAULTS), theirs)
    after = without(seen, removal(seen, GUIDE))

    assert (after.assignments, after.store.policies) == ((theirs,), (policy("sign"), stranger))


def test_without_knows_no_more_than_before() -> None:
    after = without(access(vault(), assignments=None, local=None), RightsRemoval((), (), ("get",)))

    assert (after.assignments, after.local) == (None, None)


def test_a_removal_is_shown_by_assignment_and_by_permission() -> None:
    entry = ours(CONTRIBUTOR_OF_VAULTS)
    seen = access(vault(policy("Get", "sign")), entry)
    changes = changes_of_removal(seen, removal(seen, GUIDE))

    assert [(change.action, change.before, change.after) for change in changes] == [
        (
            "remove role assignment",
            {
                entry.id.rpartition("/")[2]: {
                    "role": "Key Vault Contributor",
                    "scope": VAULT_ID,
                    "principal_id": APP,
                }
            },
            {},
        ),
        ("remove from access policy", {"access_policy.keys": ["get", "sign"]}, {"access_policy.keys": ["sign"]}),
    ]


def test_an_assignment_of_an_unknown_role_is_shown_by_its_id() -> None:
    seen = access(vault(), ours(CONTRIBUTOR_OF_VAULTS), roles=())
    (change,) = changes_of_removal(replace(seen, roles={}), removal(seen, GUIDE))

    assert [one["role"] for one in change.before.values()] == [CONTRIBUTOR_OF_VAULTS.guid]


def test_there_is_no_change_where_nothing_is_removed() -> None:
    assert changes_of_removal(access(vault(policy("get"))), RightsRemoval((), (), ())) == ()
