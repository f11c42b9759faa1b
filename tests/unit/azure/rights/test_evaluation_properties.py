# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every observation: the evaluator never raises, and what must not matter does not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.evaluation import (
    INEFFECTIVE,
    MISSING,
    OK,
    OK_WITH_WARNING,
    UNKNOWN,
    RequiredRights,
    Verdict,
    judge,
    over_privileges,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import (
    Access,
    DenyAssignment,
    Firewall,
    PermissionSet,
    PolicyEntry,
    RoleAssignment,
    RoleDefinition,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.network import reachable
from unit.azure.builders import (
    APP,
    CLIENT,
    ELSEWHERE,
    EVERYONE,
    GROUP,
    HOME,
    HSM_KEYS,
    KEYS,
    LOCAL_ROLES,
    MANAGEMENT_GROUP,
    NOW,
    POOL_ID,
    REGISTRATION,
    RESOURCE_GROUP,
    ROLES,
    STRANGER,
    SUBSCRIPTION,
    TEN,
    VAULT_ID,
    identity,
    pool,
    role,
    vault,
)

T = TypeVar("T")

# From good to bad; "ineffective" and "missing" are equally no right.
RANK = {OK: 0, OK_WITH_WARNING: 1, UNKNOWN: 2, INEFFECTIVE: 3, MISSING: 3}
BEYOND = "77777777-1111-4111-8111-777777777777"

NAMES = (*TEN, "all", "sign", "rotate", "fly")
ACTIONS = (
    "*",
    "*/read",
    "*/write",
    "Microsoft.KeyVault/*",
    "Microsoft.KeyVault/vaults/read",
    "Microsoft.KeyVault/vaults/write",
    "Microsoft.KeyVault/managedHSMs/read",
    f"{KEYS}/*",
    f"{KEYS}/read",
    f"{KEYS}/purge/action",
    f"{HSM_KEYS}/*",
    f"{HSM_KEYS}/deletedKeys/*",
)
PRINCIPALS = (APP, GROUP, STRANGER, EVERYONE, CLIENT, REGISTRATION)
SCOPES = (VAULT_ID, POOL_ID, RESOURCE_GROUP, SUBSCRIPTION, MANAGEMENT_GROUP, "/", f"{VAULT_ID}/keys/one", "/keys", "")


def few(values: st.SearchStrategy[T], most: int = 3) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(values, max_size=most).map(tuple)


actions = few(st.sampled_from(ACTIONS))
permission_sets = st.builds(PermissionSet, actions, actions, actions, actions)
conditions = st.sampled_from([None, None, "", "@Resource[x]"])
moments = st.sampled_from([None, NOW, NOW - timedelta(days=9), NOW + timedelta(days=9), NOW.replace(tzinfo=None)])
custom_roles = tuple(role(f"5{n}555555-1111-4111-8111-555555555555", f"custom {n}") for n in range(3))
guids = st.sampled_from([one.guid for one in (*ROLES, *LOCAL_ROLES, *custom_roles)])
grants = st.builds(
    RoleAssignment,
    id=st.just("id"),
    scope=st.sampled_from(SCOPES),
    role_guid=guids,
    principal_id=st.sampled_from(PRINCIPALS),
    principal_type=st.sampled_from(["ServicePrincipal", "Group", "Unknown", "User", ""]),
    condition=conditions,
    created=moments,
    ends=moments,
)
denials = st.builds(
    DenyAssignment,
    id=st.just("id"),
    name=st.sampled_from(["", "deny {x}"]),
    scope=st.sampled_from(SCOPES),
    permissions=few(permission_sets, 2),
    principals=few(st.sampled_from(PRINCIPALS)),
    excluded=few(st.sampled_from(PRINCIPALS), 2),
    spares_child_scopes=st.booleans(),
    condition=conditions,
)
entries = st.builds(
    PolicyEntry,
    tenant_id=st.sampled_from([HOME, HOME, ELSEWHERE]),
    object_id=st.sampled_from(PRINCIPALS),
    keys=few(st.sampled_from(NAMES), 6),
    application_id=st.sampled_from([None, None, CLIENT, STRANGER]),
)
identities = st.builds(
    identity,
    groups=st.sampled_from([None, frozenset(), frozenset({GROUP})]),
    home_tenant_id=st.sampled_from([HOME, HOME, HOME, None, ELSEWHERE]),
    application_object_id=st.sampled_from([None, REGISTRATION]),
)
stores = st.one_of(
    st.builds(
        lambda policies, rbac, protected: vault(*policies, rbac=rbac, purge_protection=protected),
        few(entries),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(
        lambda activation: pool(activation=activation),
        st.sampled_from(["Active", "Active", "NotActivated", "Unknown", None]),
    ),
)
definitions = st.builds(
    lambda sets: {
        **{one.guid: one for one in (*ROLES, *LOCAL_ROLES)},
        **{one.guid: replace(one, permissions=made) for one, made in zip(custom_roles, sets, strict=False)},
    },
    # Fewer sets than roles leave a definition unread.
    few(few(permission_sets, 2)),
)
observations = st.builds(
    Access,
    store=stores,
    identity=identities,
    now=st.just(NOW),
    assignments=st.none() | few(grants),
    roles=definitions,
    denies=st.none() | few(denials, 2),
    eligible=st.none() | few(grants, 1),
    local=st.none() | few(grants),
    local_roles=definitions,
)
wishes = st.one_of(
    st.builds(RequiredRights.guide, st.sampled_from(["any", "rbac", "access_policy"])),
    st.builds(RequiredRights.least_privilege, few(st.sampled_from(NAMES))),
    st.builds(RequiredRights.explicit, few(st.sampled_from(NAMES))),
)


def ranks(seen: Access, wanted: RequiredRights) -> list[int]:
    return [RANK[one.verdict] for one in judge(seen, wanted)]


def essence(verdicts: tuple[Verdict, ...]) -> list[tuple[Any, ...]]:
    """The judgements without order of sources and spelling of ids."""
    return [
        (
            one.requirement,
            one.verdict,
            set(one.notes),
            {(source.kind, source.scope.casefold(), (source.via_group or "").casefold()) for source in one.sources},
        )
        for one in verdicts
    ]


def with_more(seen: Access, member: str, addition: Any) -> Access:
    """The observation with one more entry in a list that could be read."""
    held = getattr(seen, member)
    changed: dict[str, Any] = {} if held is None else {member: (*held, addition)}
    return replace(seen, **changed)


def respelt(seen: Access, spell: Callable[[str], str]) -> Access:
    """The observation with everything that Azure compares without letter case in another spelling."""

    def texts(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(spell, values))

    def sets(permissions: tuple[PermissionSet, ...]) -> tuple[PermissionSet, ...]:
        return tuple(
            PermissionSet(
                texts(one.actions), texts(one.not_actions), texts(one.data_actions), texts(one.not_data_actions)
            )
            for one in permissions
        )

    def given_roles(held: tuple[RoleAssignment, ...] | None) -> tuple[RoleAssignment, ...] | None:
        return held and tuple(
            replace(
                one,
                scope=spell(one.scope),
                role_guid=spell(one.role_guid),
                principal_id=spell(one.principal_id),
                principal_type=spell(one.principal_type),
            )
            for one in held
        )

    def defined(held: Any) -> dict[str, RoleDefinition]:
        return {
            guid: replace(one, guid=spell(one.guid), permissions=sets(one.permissions)) for guid, one in held.items()
        }

    denies = seen.denies and tuple(
        replace(
            one,
            scope=spell(one.scope),
            permissions=sets(one.permissions),
            principals=texts(one.principals),
            excluded=texts(one.excluded),
        )
        for one in seen.denies
    )
    policies = tuple(
        PolicyEntry(
            spell(one.tenant_id),
            spell(one.object_id),
            texts(one.keys),
            one.application_id and spell(one.application_id),
        )
        for one in seen.store.policies
    )
    store = replace(seen.store, resource_id=spell(seen.store.resource_id), policies=policies)
    return replace(
        seen,
        store=replace(store, activation=store.activation and spell(store.activation)),
        assignments=given_roles(seen.assignments),
        eligible=given_roles(seen.eligible),
        local=given_roles(seen.local),
        roles=defined(seen.roles),
        local_roles=defined(seen.local_roles),
        denies=denies,
    )


@given(observations, wishes)
def test_every_requirement_is_judged_once_and_nothing_raises(seen: Access, wanted: RequiredRights) -> None:
    requirements = [one.requirement for one in judge(seen, wanted)]

    assert requirements[1 : 1 + len(wanted.key_permissions)] == [f"keys/{name}" for name in wanted.key_permissions]


@given(observations, wishes)
def test_every_verdict_but_ok_says_why_and_what_to_do(seen: Access, wanted: RequiredRights) -> None:
    assert all(one.reason and bool(one.remedy) is (one.verdict != OK) for one in judge(seen, wanted))


@given(observations, wishes)
def test_a_right_that_is_there_has_a_source(seen: Access, wanted: RequiredRights) -> None:
    effective = [one for one in judge(seen, wanted) if one.verdict in (OK, OK_WITH_WARNING)]

    assert all(one.sources for one in effective if one.requirement != "permission_model")


@given(observations, wishes, denials)
def test_one_more_denial_never_makes_a_verdict_better(
    seen: Access, wanted: RequiredRights, denial: DenyAssignment
) -> None:
    before, after = ranks(seen, wanted), ranks(with_more(seen, "denies", denial), wanted)

    assert all(old <= new for old, new in zip(before, after, strict=True))


@given(observations, wishes, grants, st.sampled_from(["assignments", "eligible", "local"]))
def test_one_more_role_never_makes_a_verdict_worse(
    seen: Access, wanted: RequiredRights, grant: RoleAssignment, member: str
) -> None:
    before, after = ranks(seen, wanted), ranks(with_more(seen, member, grant), wanted)

    assert all(old >= new for old, new in zip(before, after, strict=True))


@given(observations, wishes, entries)
def test_one_more_policy_entry_never_makes_a_verdict_worse(
    seen: Access, wanted: RequiredRights, entry: PolicyEntry
) -> None:
    more = replace(seen, store=replace(seen.store, policies=(*seen.store.policies, entry)))

    assert all(old >= new for old, new in zip(ranks(seen, wanted), ranks(more, wanted), strict=True))


@given(observations, wishes, grants, st.sampled_from(["assignments", "eligible", "local"]))
def test_a_role_of_another_principal_changes_no_verdict(
    seen: Access, wanted: RequiredRights, grant: RoleAssignment, member: str
) -> None:
    known = replace(seen, identity=replace(seen.identity, groups=frozenset({GROUP})))
    foreign = replace(grant, principal_id=BEYOND)

    assert judge(with_more(known, member, foreign), wanted) == judge(known, wanted)


@given(observations, wishes, entries)
def test_a_policy_entry_of_another_principal_changes_no_verdict(
    seen: Access, wanted: RequiredRights, entry: PolicyEntry
) -> None:
    known = replace(seen, identity=replace(seen.identity, groups=frozenset({GROUP})))
    foreign = replace(entry, object_id=BEYOND, application_id=None)
    more = replace(known, store=replace(known.store, policies=(*known.store.policies, foreign)))

    assert judge(more, wanted) == judge(known, wanted)


@given(
    observations,
    wishes,
    grants,
    st.sampled_from(
        [
            f"{VAULT_ID}-two",
            VAULT_ID[:-1],
            SUBSCRIPTION[:-1],
            f"{RESOURCE_GROUP}-two",
            f"/subscriptions/{BEYOND}",
            f"{VAULT_ID}/keys/one",
            f"{POOL_ID}/keys/one",
            f"{RESOURCE_GROUP}/providers/Microsoft.Storage/storageAccounts/kv-one",
        ]
    ),
    st.sampled_from(["assignments", "eligible"]),
)
def test_a_role_at_another_scope_changes_no_verdict(
    seen: Access, wanted: RequiredRights, grant: RoleAssignment, scope: str, member: str
) -> None:
    assert judge(with_more(seen, member, replace(grant, scope=scope)), wanted) == judge(seen, wanted)


@given(observations, wishes, grants)
def test_a_role_for_another_service_changes_no_verdict(
    seen: Access, wanted: RequiredRights, grant: RoleAssignment
) -> None:
    other = role(
        BEYOND,
        "Storage",
        actions=("Microsoft.Storage/*",),
        data_actions=("Microsoft.Storage/storageAccounts/*/read", "Microsoft.KeyVault/vaults/secrets/*"),
    )
    known = replace(seen, roles={**seen.roles, BEYOND: other})

    assert judge(with_more(known, "assignments", replace(grant, role_guid=BEYOND)), wanted) == judge(known, wanted)


@given(observations, wishes, st.sampled_from([str.upper, str.lower, str.swapcase]))
def test_letter_case_never_matters(seen: Access, wanted: RequiredRights, spell: Callable[[str], str]) -> None:
    assert essence(judge(respelt(seen, spell), wanted)) == essence(judge(seen, wanted))


@given(observations, st.sampled_from([str.upper, str.lower, str.swapcase]))
def test_letter_case_never_matters_for_over_privileges(seen: Access, spell: Callable[[str], str]) -> None:
    again = over_privileges(respelt(seen, spell))

    assert [(one.kind.id, len(one.sources)) for one in again] == [
        (one.kind.id, len(one.sources)) for one in over_privileges(seen)
    ]


@given(observations, wishes, st.randoms(use_true_random=False))
def test_the_order_of_lists_never_matters(seen: Access, wanted: RequiredRights, random: Any) -> None:
    def shuffled(values: tuple[T, ...] | None) -> tuple[T, ...] | None:
        return None if values is None else tuple(random.sample(values, len(values)))

    lists: dict[str, Any] = {
        name: shuffled(getattr(seen, name)) for name in ("assignments", "denies", "eligible", "local")
    }
    store = replace(seen.store, policies=shuffled(seen.store.policies) or ())
    other = replace(seen, **{**lists, "store": store})

    assert essence(judge(other, wanted)) == essence(judge(seen, wanted))


@given(observations, wishes)
def test_nothing_is_ok_under_a_foreign_tenant(seen: Access, wanted: RequiredRights) -> None:
    foreign = replace(seen, identity=replace(seen.identity, home_tenant_id=ELSEWHERE))
    rights = [one for one in judge(foreign, wanted) if one.requirement != "permission_model"]

    assert {one.verdict for one in rights} == {INEFFECTIVE}


firewalls = st.builds(
    Firewall,
    public_access=st.booleans(),
    default_allow=st.booleans(),
    ip_rules=few(st.sampled_from(["203.0.113.0/28", "203.0.113.16", "10.0.0.0/8", "AzureCloud", "0.0.0.0/1", ""])),
    private_endpoints=st.integers(0, 1),
    has_perimeter=st.booleans(),
    subnet_rules=st.integers(0, 1),
)
addresses = st.lists(
    st.one_of(
        st.sampled_from(["203.0.113.9", "203.0.113.0/27", "10.1.1.1", "fd00::1", "2001:db8::/64"]),
        st.text(max_size=6),
        st.ip_addresses().map(str),
    ),
    max_size=3,
)


@given(firewalls, addresses)
def test_one_more_address_never_makes_a_firewall_more_open(firewall: Firewall, given_addresses: list[str]) -> None:
    order = ("allowed", "unknown", "blocked")
    verdicts = [reachable(firewall, given_addresses[: count + 1]).verdict for count in range(len(given_addresses))]

    assert [order.index(one) for one in verdicts] == sorted(order.index(one) for one in verdicts)
