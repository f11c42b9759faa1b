# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is found at the prerequisites: each kind, when it is there, how grave it is, and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.evaluation import (
    RequiredRights,
    judge,
    over_privileges,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.explanations import _TABLES
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import (
    PRINCIPAL,
    Access,
    EntraCredential,
    Firewall,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.findings import (
    ApplicationEvidence,
    Evidence,
    VaultEvidence,
    findings_of,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.network import reachable
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.notes import Note
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.cloud import PUBLIC
from ansible_collections.fortanix.dsm.plugins.module_utils._certificates.loading import Certificate
from ansible_collections.fortanix.dsm.plugins.module_utils._findings import catalog
from ansible_collections.fortanix.dsm.plugins.module_utils._findings.finding import (
    FAILED,
    HIGH,
    INFO,
    LOW,
    MEDIUM,
    UNKNOWN,
    WARNING,
    Finding,
    Kind,
    ranked,
    worst,
)
from unit.azure.builders import (
    ACCESS_ADMINISTRATOR,
    CLIENT,
    CONTRIBUTOR_OF_VAULTS,
    CRYPTO_OFFICER,
    ELSEWHERE,
    EXACT_VAULT,
    GROUP,
    HSM_OFFICER,
    HSM_USER,
    KEYS,
    LONG_AGO,
    NOW,
    OWNER,
    POOL_ID,
    READER,
    REGISTRATION,
    RESOURCE_GROUP,
    STRANGER,
    TEN,
    TEN_ACTIONS,
    access,
    assigned,
    denying,
    identity,
    local,
    policy,
    pool,
    role,
    vault,
)
from unit.azure.rights.test_evaluation_properties import observations, wishes

GUIDE, LEAST = RequiredRights.guide(), RequiredRights.least_privilege()
THUMBPRINT, OTHER = "A" * 40, "B" * 40
LATER = NOW + timedelta(days=365)


def credential(ends: datetime | None = LATER, **changes: Any) -> EntraCredential:
    return replace(EntraCredential("secret", "key-one", "", LONG_AGO, ends), **changes)


def registered(thumbprint: str | None = THUMBPRINT) -> EntraCredential:
    return credential(kind="certificate", thumbprint=thumbprint)


def certificate(not_before: datetime = LONG_AGO, not_after: datetime = LATER) -> Certificate:
    return Certificate("", THUMBPRINT, "", "CN=dsm", not_before, not_after, b"", is_rsa=True)


KNOWN = identity(display_name="cdc-app", enabled=True, credentials=(credential(),))
EXACT = role(
    "15151515-1111-4111-8111-151515151515",
    "Just the nine and listing",
    actions=("Microsoft.KeyVault/vaults/read",),
    data_actions=TEN_ACTIONS[:-1],
)
WILDCARD = role(
    "16161616-1111-4111-8111-161616161616",
    "Reads what is below vaults",
    actions=("Microsoft.KeyVault/vaults/*/read",),
)
SAFE = vault(rbac=True, purge_protection=True)
SOUND = access(SAFE, assigned(EXACT), roles=[EXACT], identity=KNOWN)


def evidence(
    seen: Access = SOUND, wanted: RequiredRights = LEAST, *, egress: Sequence[str] = ("198.51.100.7",), **changes: Any
) -> Evidence:
    """By default of an application and a vault where nothing is to be found."""
    application: dict[str, Any] = {
        "identity": seen.identity,
        "now": seen.now,
        "cloud": PUBLIC,
        "operator_client_id": STRANGER,
        "resources": frozenset({PUBLIC.key_vault_app_id}),
        "consented_for_all": frozenset(),
        "unreadable": {},
        "certificate": None,
        "renew_before_days": 30,
    }
    wanted_type = changes.pop("wanted_type", None)
    return Evidence(
        seen,
        judge(seen, wanted),
        over_privileges(seen),
        ApplicationEvidence(**{**application, **changes}),
        VaultEvidence(seen.store, reachable(seen.store.firewall, egress), wanted_type),
    )


def of_store(**changes: Any) -> Evidence:
    return evidence(replace(SOUND, store=replace(SAFE, **changes)))


def of_identity(**changes: Any) -> Evidence:
    return evidence(replace(SOUND, identity=replace(KNOWN, **changes)))


def of_credentials(*credentials: EntraCredential, **changes: Any) -> Evidence:
    return evidence(replace(SOUND, identity=replace(KNOWN, credentials=credentials)), **changes)


def guide(*args: Any, **changes: Any) -> Evidence:
    """A look at rights with the demands of the guide."""
    return evidence(access(*args, **{"identity": KNOWN, **changes}), GUIDE)


def found_in(given: Evidence) -> dict[str, Finding]:
    return {finding.kind.id: finding for finding in findings_of(given)}


def one_of(given: Evidence) -> Finding:
    """The only finding."""
    (finding,) = findings_of(given)
    return finding


# --- The catalogue ----------------------------------------------------------------------------------------------------

# Kind -> what shows it, and the status that it has then.
CASES: dict[str, tuple[Evidence, str]] = {
    "right-missing": (guide(vault()), FAILED),
    "policy-inert-in-rbac-mode": (guide(vault(policy(*TEN), rbac=True)), FAILED),
    "data-role-inert-in-policy-mode": (guide(vault(), assigned(CRYPTO_OFFICER)), FAILED),
    "data-role-inert-on-hsm": (guide(pool(), assigned(CRYPTO_OFFICER, POOL_ID)), FAILED),
    "application-object-id-in-policy": (guide(vault(policy(*TEN, object_id=REGISTRATION))), FAILED),
    "client-id-in-policy": (guide(vault(policy(*TEN, object_id=CLIENT))), FAILED),
    "foreign-tenant-in-policy": (guide(vault(policy(*TEN, tenant_id=ELSEWHERE))), FAILED),
    "compound-identity-in-policy": (guide(vault(policy(*TEN), policy("get", application_id=CLIENT))), WARNING),
    "vault-in-foreign-tenant": (of_identity(home_tenant_id=ELSEWHERE), FAILED),
    "hsm-not-activated": (guide(pool(activation="NotActivated")), FAILED),
    "right-denied": (guide(vault(rbac=True), denies=(denying(f"{KEYS}/*", data=True),)), FAILED),
    "permission-model-differs": (evidence(access(vault()), RequiredRights.guide("rbac")), FAILED),
    "all-without-purge": (guide(vault(policy("all"))), FAILED),
    "contributor-excludes-hsm": (guide(pool(), assigned(CONTRIBUTOR_OF_VAULTS, RESOURCE_GROUP)), FAILED),
    "role-eligible-only": (guide(vault(), eligible=(assigned(CONTRIBUTOR_OF_VAULTS),)), FAILED),
    "role-assignment-expired": (guide(vault(), assigned(CONTRIBUTOR_OF_VAULTS, ends=LONG_AGO)), FAILED),
    "role-for-single-keys": (guide(pool(), local=(local(HSM_USER, "/keys/one"),)), FAILED),
    "role-assignment-orphaned": (guide(vault(), assigned(CONTRIBUTOR_OF_VAULTS, principal_type="Unknown")), FAILED),
    "listing-only": (guide(vault(), assigned(READER)), FAILED),
    "right-unreadable": (guide(vault(), assignments=None), UNKNOWN),
    "role-under-condition": (guide(vault(), assigned(CONTRIBUTOR_OF_VAULTS, condition="@x")), UNKNOWN),
    "group-membership-unknown": (
        guide(vault(policy(*TEN, object_id=GROUP)), identity=replace(KNOWN, groups=None)),
        UNKNOWN,
    ),
    "deny-uncertain": (
        guide(vault(), assigned(CONTRIBUTOR_OF_VAULTS), denies=(denying("*", condition="@x"),)),
        UNKNOWN,
    ),
    "wildcard-read-uncertain": (
        evidence(access(SAFE, assigned(WILDCARD), roles=[WILDCARD], identity=KNOWN), RequiredRights.explicit(())),
        UNKNOWN,
    ),
    "hsm-activation-unknown": (guide(pool(activation=None), local=(local(HSM_USER),)), UNKNOWN),
    "no-such-permission": (evidence(SOUND, RequiredRights.explicit(("fly",))), UNKNOWN),
    "purge-refused-by-protection": (guide(vault(policy(*TEN), purge_protection=True)), WARNING),
    "role-assignment-expires": (guide(vault(), assigned(CONTRIBUTOR_OF_VAULTS, ends=LATER)), WARNING),
    "role-assignment-recent": (guide(vault(), assigned(CONTRIBUTOR_OF_VAULTS, created=NOW)), WARNING),
    "app-can-administer-hsm": (guide(pool(), local=(local(HSM_OFFICER),)), WARNING),
    "app-may-use-keys": (guide(vault(rbac=True), assigned(CRYPTO_OFFICER)), WARNING),
    "equivalent-role": (guide(vault(), assigned(EXACT_VAULT)), WARNING),
    "wider-than-needed": (guide(vault(policy(*TEN, "sign"))), WARNING),
    "app-can-assign-roles": (guide(vault(), assigned(ACCESS_ADMINISTRATOR)), WARNING),
    "app-is-owner-or-contributor": (guide(vault(), assigned(OWNER)), WARNING),
    "app-can-change-access-policies": (guide(vault(), assigned(CONTRIBUTOR_OF_VAULTS)), WARNING),
    "app-powers-unreadable": (
        evidence(access(SAFE, assigned(EXACT), assigned(role("0" * 36, "removed")), roles=[EXACT], identity=KNOWN)),
        UNKNOWN,
    ),
    "role-expiry-unreadable": (evidence(replace(SOUND, unreadable={"activations": "Forbidden"})), UNKNOWN),
    "role-eligibility-unreadable": (evidence(replace(SOUND, unreadable={"eligible": "Forbidden"})), UNKNOWN),
    "application-disabled": (of_identity(enabled=False), FAILED),
    "credentials-expired": (of_credentials(credential(LONG_AGO)), FAILED),
    "no-credential": (of_credentials(), FAILED),
    "credential-on-service-principal": (of_credentials(replace(credential(LATER), place=PRINCIPAL)), WARNING),
    "credentials-expire-soon": (of_credentials(credential(NOW + timedelta(days=29))), WARNING),
    "application-unreadable": (evidence(unreadable={"groups": "Forbidden"}), UNKNOWN),
    "link-credential-not-valid": (of_credentials(registered(), certificate=certificate(not_after=NOW)), FAILED),
    "link-credential-expires-soon": (
        of_credentials(registered(), certificate=certificate(not_after=NOW + timedelta(days=29))),
        WARNING,
    ),
    "link-credential-not-in-entra": (of_credentials(registered(OTHER), certificate=certificate()), FAILED),
    "api-permission-missing": (evidence(resources=frozenset({STRANGER})), WARNING),
    "consent-for-all-users": (evidence(consented_for_all=frozenset({"user_impersonation"})), WARNING),
    "operator-is-the-application": (evidence(operator_client_id=CLIENT), WARNING),
    "no-purge-protection": (of_store(purge_protection=False), WARNING),
    "no-soft-delete": (of_store(soft_delete=False), FAILED),
    "vault-type-differs": (evidence(wanted_type="standard"), FAILED),
    "permission-model-not-stated": (of_store(states_model=False), WARNING),
    "vault-not-ready": (of_store(provisioning="RegisteringDns"), FAILED),
    "firewall-blocks-dsm": (of_store(firewall=Firewall(default_allow=False)), FAILED),
    "firewall-unknown": (of_store(firewall=Firewall(has_perimeter=True)), UNKNOWN),
}


# Of other areas of the catalogue: what takes more than a look at the prerequisites.
ELSEWHERE_FOUND = {
    catalog.LINK_CREDENTIAL_EXPIRY_UNKNOWN,
    catalog.VAULT_OPEN_TO_ALL_NETWORKS,
    catalog.VAULT_USES_ACCESS_POLICIES,
    *catalog.CHECKS.values(),
    *catalog.NOT_CHECKED.values(),
}


def test_every_kind_of_the_catalogue_has_a_case() -> None:
    areas = (catalog.RIGHTS, catalog.APPLICATION, catalog.CREDENTIAL, catalog.VAULT)
    assert set(CASES) == {
        kind.id for kind in catalog.CATALOG.values() if kind.area in areas and kind not in ELSEWHERE_FOUND
    }


@pytest.mark.parametrize("kind", CASES)
def test_a_kind_is_found_with_its_status(kind: str) -> None:
    given_facts, status = CASES[kind]

    assert found_in(given_facts)[kind].status == status


def test_where_all_is_well_nothing_is_found() -> None:
    assert findings_of(evidence()) == ()


def test_every_note_of_the_evaluator_is_a_finding_or_says_where_a_right_comes_from() -> None:
    notes = set(get_args(Note)) - {"inherited", "through-group"}

    assert {note for table in _TABLES.values() for note in table} == notes
    assert notes <= {kind.id for kind in catalog.CATALOG.values() if kind.area == catalog.RIGHTS}


@pytest.mark.parametrize("kind", ["app-may-use-keys", "app-can-administer-hsm"])
def test_what_a_role_gives_too_much_is_one_finding(kind: str) -> None:
    given_facts, _status = CASES[kind]

    assert [one.kind.id for one in findings_of(given_facts)].count(kind) == 1


def test_a_role_whose_power_is_denied_is_only_wider_than_needed() -> None:
    using = tuple(f"{KEYS}/{name}/action" for name in ("encrypt", "decrypt", "wrap", "unwrap", "sign", "verify"))
    denials = tuple(denying(action, data=True) for action in using)

    found = found_in(guide(vault(rbac=True), assigned(CRYPTO_OFFICER), denies=denials))

    assert ("app-may-use-keys" in found, "wider-than-needed" in found) == (False, True)


def test_a_compound_entry_that_is_all_there_is_gives_no_right() -> None:
    found = found_in(guide(vault(policy(*TEN, application_id=CLIENT)), assigned(CONTRIBUTOR_OF_VAULTS)))

    assert "compound-identity-in-policy" not in found
    assert (found["right-missing"].status, found["right-missing"].kind.severity) == (FAILED, HIGH)


@given(observations, wishes)
def test_every_observation_leads_to_findings_of_the_catalogue(seen: Access, wanted: RequiredRights) -> None:
    kinds = {finding.kind for finding in findings_of(evidence(seen, wanted))}

    assert kinds <= set(catalog.CATALOG.values())


@given(observations, wishes)
def test_a_right_is_called_missing_only_where_that_is_certain(seen: Access, wanted: RequiredRights) -> None:
    missing = [one for one in findings_of(evidence(seen, wanted)) if one.kind.id == "right-missing"]

    assert {one.status for one in missing} <= {FAILED}


@given(observations, wishes)
def test_every_right_that_is_not_sound_is_in_a_finding(seen: Access, wanted: RequiredRights) -> None:
    facts = evidence(seen, wanted)
    told = {name for one in findings_of(facts) for name in one.evidence.get("requirements", ())}

    assert {one.requirement for one in facts.verdicts if one.verdict != "ok"} <= told


@given(observations, wishes)
def test_every_finding_says_what_is_there_and_what_to_do(seen: Access, wanted: RequiredRights) -> None:
    assert all(one.expected and one.actual and one.remedy for one in findings_of(evidence(seen, wanted)))


# --- Rights -----------------------------------------------------------------------------------------------------------


def test_rights_with_one_cause_are_one_finding() -> None:
    finding = found_in(guide(vault(policy(*TEN), rbac=True), assigned(CONTRIBUTOR_OF_VAULTS)))

    assert finding["policy-inert-in-rbac-mode"].evidence["requirements"] == [f"keys/{name}" for name in TEN]


def test_rights_with_two_causes_are_two_findings() -> None:
    found = found_in(guide(vault(policy("all"))))

    assert (found["all-without-purge"].expected, found["right-missing"].expected) == (
        "keys/purge",
        "Key Vault Contributor",
    )


def test_a_finding_on_a_right_names_principal_and_sources() -> None:
    found = found_in(guide(vault(policy(*TEN), rbac=True)))["policy-inert-in-rbac-mode"].evidence

    assert (found["principal_id"], found["verdict"], [one["kind"] for one in found["sources"]]) == (
        KNOWN.object_id,
        "ineffective",
        ["access_policy"],
    )


def test_a_compound_entry_beside_a_sound_right_needs_nothing_done() -> None:
    found = found_in(guide(vault(policy(*TEN), policy("get", application_id=CLIENT))))["compound-identity-in-policy"]

    assert (found.expected, found.remedy) == ("keys/get", "No action is required.")


# --- Findings as such -------------------------------------------------------------------------------------------------


def finding(status: str, severity: str, name: str = "some-kind") -> Finding:
    return Finding(Kind("rights", name, severity, "4.2", "Title"), status, "Azure", "vault kv", "this", "that", "do it")


@pytest.mark.parametrize(
    ("statuses", "word"),
    [
        ((), "ok"),
        ((WARNING,), WARNING),
        ((WARNING, UNKNOWN), UNKNOWN),
        ((WARNING, UNKNOWN, FAILED), FAILED),
        ((FAILED, WARNING), FAILED),
    ],
)
def test_the_word_for_all_is_the_worst(statuses: tuple[str, ...], word: str) -> None:
    assert worst(finding(status, INFO) for status in statuses) == word


def test_the_most_severe_comes_first_then_it_goes_by_status() -> None:
    expected = [(status, severity) for severity in (HIGH, MEDIUM, LOW, INFO) for status in (FAILED, UNKNOWN, WARNING)]
    expected += [("ok", severity) for severity in (HIGH, INFO)]
    shuffled = [finding(status, severity) for status, severity in reversed(expected)]

    assert [(one.status, one.kind.severity) for one in ranked(shuffled)] == expected


def test_what_has_failed_at_the_vault_comes_before_a_warning_on_the_application() -> None:
    seen = replace(SOUND, store=replace(SAFE, soft_delete=False))
    found = findings_of(evidence(seen, operator_client_id=CLIENT))

    assert [one.kind.id for one in found] == ["no-soft-delete", "operator-is-the-application"]


def test_equals_stay_in_the_order_in_which_they_were_found() -> None:
    found = [finding(FAILED, HIGH, name) for name in ("b-b", "a-a", "c-c")]

    assert ranked(found) == tuple(found)


def test_a_record_has_all_that_a_report_needs() -> None:
    assert finding(FAILED, HIGH).record() == {
        "id": "some-kind",
        "status": FAILED,
        "severity": HIGH,
        "section": "4.2",
        "title": "Title",
        "plane": "Azure",
        "object": "vault kv",
        "expected": "this",
        "actual": "that",
        "evidence": {},
        "remedy": "do it",
    }


def test_what_servers_say_cannot_steer_a_terminal() -> None:
    facts = evidence(
        replace(SOUND, identity=replace(KNOWN, display_name="a\x1b[31mb")), unreadable={"groups": "no\n\x07"}
    )
    record = one_of(facts).record()

    assert [name for name, text in record.items() if isinstance(text, str) and not text.isprintable()] == []
