# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is found at the application, its credentials, the vault and its network."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import EntraCredential, Firewall
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.findings import findings_of
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.cloud import GOVERNMENT, PUBLIC
from unit.azure.builders import CLIENT, LONG_AGO, NOW, pool
from unit.azure.rights.test_findings import (
    KNOWN,
    LATER,
    OTHER,
    SAFE,
    SOUND,
    THUMBPRINT,
    certificate,
    credential,
    evidence,
    found_in,
    guide,
    of_credentials,
    of_identity,
    of_store,
    one_of,
    registered,
)

# --- Credentials ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param((credential(starts=None),), id="without a start"),
        pytest.param((credential(NOW + timedelta(days=30)),), id="thirty days"),
        pytest.param((credential(NOW + timedelta(days=1)), credential()), id="one of two ends soon"),
        pytest.param((credential(NOW + timedelta(days=99)), credential(None)), id="one of two has no end"),
        pytest.param((credential(LONG_AGO), credential()), id="one of two has ended"),
    ],
)
def test_one_credential_that_stays_valid_is_enough(credentials: tuple[EntraCredential, ...]) -> None:
    assert findings_of(of_credentials(*credentials)) == ()


@pytest.mark.parametrize("others", [(), (credential(NOW + timedelta(days=1)),)])
def test_an_end_that_entra_does_not_show_is_none_that_is_late_enough(others: tuple[EntraCredential, ...]) -> None:
    finding = one_of(of_credentials(*others, credential(None)))

    assert (finding.kind.id, finding.status) == ("credentials-expire-soon", "unknown")


def test_credentials_that_could_not_be_read_are_not_judged() -> None:
    assert findings_of(of_identity(credentials=None)) == ()


@pytest.mark.parametrize(
    ("credentials", "actual"),
    [
        ((credential(LONG_AGO), credential(LONG_AGO - timedelta(days=9))), f"{LONG_AGO:%Y-%m-%d}"),
        ((credential(NOW),), f"{NOW:%Y-%m-%d}"),
        ((credential(LONG_AGO), credential(LATER, starts=LATER)), f"{LONG_AGO:%Y-%m-%d}"),
        ((credential(LATER, starts=NOW + timedelta(1)),), "none is valid yet"),
        ((credential(None, starts=NOW + timedelta(1)),), "none is valid yet"),
    ],
)
def test_no_valid_credential_says_when_the_last_one_was(credentials: tuple[EntraCredential, ...], actual: str) -> None:
    finding = one_of(of_credentials(*credentials))

    assert (finding.kind.id, finding.actual.removeprefix("the last one expired on ")) == ("credentials-expired", actual)


def test_the_last_of_several_ends_is_the_one_that_counts() -> None:
    last = NOW + timedelta(days=20)
    finding = one_of(of_credentials(credential(NOW + timedelta(days=9)), credential(last)))

    assert finding.actual == f"the last one expires on {last:%Y-%m-%d}"


def test_a_credential_that_is_not_valid_yet_does_not_hide_that_the_valid_one_ends() -> None:
    coming = credential(LATER, starts=NOW + timedelta(days=40))

    assert one_of(of_credentials(credential(NOW + timedelta(days=9)), coming)).kind.id == "credentials-expire-soon"


@pytest.mark.parametrize(("days", "found"), [(10, False), (11, True)])
def test_soon_is_what_the_user_says(days: int, found: bool) -> None:
    facts = of_credentials(credential(NOW + timedelta(days=10)), renew_before_days=days)

    assert ("credentials-expire-soon" in found_in(facts)) is found


# --- Certificate ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last"), [(LONG_AGO, NOW - timedelta(seconds=1)), (NOW + timedelta(seconds=1), LATER), (LONG_AGO, NOW)]
)
def test_t21_a_certificate_outside_of_its_time_is_not_valid(first: datetime, last: datetime) -> None:
    assert (
        one_of(of_credentials(registered(), certificate=certificate(first, last))).kind.id
        == "link-credential-not-valid"
    )


@pytest.mark.parametrize("last", [NOW + timedelta(days=30), LATER])
def test_a_registered_certificate_that_stays_valid_is_no_finding(last: datetime) -> None:
    assert findings_of(of_credentials(registered(), certificate=certificate(NOW, last))) == ()


@pytest.mark.parametrize(
    ("credentials", "actual"),
    [
        ((registered(OTHER), registered("C" * 40)), f"{OTHER}, {'C' * 40}"),
        ((registered(None),), "key-one"),
        ((credential(),), "no certificate is registered"),
    ],
)
def test_t22_a_certificate_that_is_not_registered_is_told_with_those_that_are(
    credentials: tuple[EntraCredential, ...], actual: str
) -> None:
    finding = one_of(of_credentials(*credentials, certificate=certificate()))

    assert (finding.expected, finding.actual) == (f"thumbprint {THUMBPRINT}", actual)


@pytest.mark.parametrize(
    ("others", "status"),
    [((registered(OTHER),), "failed"), ((registered(OTHER), registered(None)), "unknown"), ((credential(),), "failed")],
)
def test_a_certificate_may_be_one_that_cannot_be_compared(others: tuple[EntraCredential, ...], status: str) -> None:
    assert one_of(of_credentials(*others, certificate=certificate())).status == status


def test_a_certificate_of_an_application_without_any_credential_is_not_registered() -> None:
    assert set(found_in(of_credentials(certificate=certificate()))) == {
        "no-credential",
        "link-credential-not-in-entra",
    }


def test_a_certificate_is_not_called_foreign_while_the_registered_ones_are_unknown() -> None:
    seen = replace(SOUND, identity=replace(KNOWN, credentials=None))

    assert findings_of(evidence(seen, certificate=certificate())) == ()


# --- Application ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("enabled", [None, True])
def test_only_an_application_that_is_disabled_is_called_so(enabled: bool | None) -> None:
    assert findings_of(of_identity(enabled=enabled)) == ()


@pytest.mark.parametrize(
    ("cloud", "resource", "found"),
    [
        (PUBLIC, PUBLIC.key_vault_app_id, False),
        (GOVERNMENT, GOVERNMENT.key_vault_app_id, False),
        (GOVERNMENT, PUBLIC.key_vault_app_id, True),
    ],
)
def test_t30_the_permission_of_the_api_is_that_of_the_cloud(cloud: Any, resource: str, found: bool) -> None:
    facts = evidence(cloud=cloud, resources=frozenset({resource}))

    assert ("api-permission-missing" in found_in(facts)) is found


@pytest.mark.parametrize("unread", [{"resources": None}, {"consented_for_all": None}, {"operator_client_id": None}])
def test_what_is_not_known_of_the_application_is_not_judged(unread: dict[str, Any]) -> None:
    assert findings_of(evidence(**unread)) == ()


def test_t40_consent_for_another_scope_is_no_finding() -> None:
    assert findings_of(evidence(consented_for_all=frozenset({"User.Read"}))) == ()


def test_the_operator_is_recognised_in_any_letter_case_of_the_applications_id() -> None:
    facts = evidence(replace(SOUND, identity=replace(KNOWN, client_id=CLIENT.upper())), operator_client_id=CLIENT)

    assert one_of(facts).kind.id == "operator-is-the-application"


def test_all_that_could_not_be_read_of_the_application_is_one_finding() -> None:
    finding = one_of(evidence(unreadable={"groups": "No", "application": "Never"}))

    assert finding.actual == "application: Never; groups: No"


@pytest.mark.parametrize(("name", "shown"), [("cdc-app", "cdc-app"), ("", CLIENT)])
def test_an_application_is_called_by_its_name_or_else_by_its_id(name: str, shown: str) -> None:
    assert one_of(of_identity(display_name=name, enabled=False)).obj == f"application {shown}"


# --- Vault and network ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("store", "wanted_type", "actual"),
    [
        (SAFE, "premium", None),
        (SAFE, "managed_hsm", "premium"),
        (replace(SAFE, sku="standard"), "premium", "standard"),
        (pool(), "managed_hsm", None),
        (pool(), "premium", "managed_hsm"),
    ],
)
def test_a_vault_of_another_type_is_told_with_what_it_is(store: Any, wanted_type: str, actual: str | None) -> None:
    found = found_in(evidence(replace(SOUND, store=store), wanted_type=wanted_type)).get("vault-type-differs")

    assert (found.actual if found else None) == actual


@pytest.mark.parametrize("provisioning", ["", "Succeeded", "succeeded", "Activated"])
def test_a_vault_that_is_ready_is_no_finding(provisioning: str) -> None:
    assert findings_of(of_store(provisioning=provisioning)) == ()


def test_a_pool_is_called_so() -> None:
    assert found_in(guide(pool()))["right-missing"].obj == "managed HSM hsm-one"


def test_an_address_that_is_let_in_is_no_finding() -> None:
    assert findings_of(of_store(firewall=Firewall(default_allow=False, ip_rules=("198.51.100.0/24",)))) == ()


def test_a_closed_firewall_without_addresses_of_dsm_is_unknown_and_asks_for_them() -> None:
    finding = one_of(evidence(replace(SOUND, store=replace(SAFE, firewall=Firewall(default_allow=False))), egress=()))

    assert (finding.kind.id, finding.remedy.startswith("set dsm_egress_addresses")) == ("firewall-unknown", True)


@pytest.mark.parametrize("egress", [(), ("198.51.100.0/24",)])
def test_in_a_perimeter_the_advice_is_about_its_rules_and_not_about_the_vaults_own(egress: tuple[str, ...]) -> None:
    store = replace(SAFE, firewall=Firewall(has_perimeter=True, default_allow=False))

    finding = one_of(evidence(replace(SOUND, store=store), egress=egress))

    assert (finding.kind.id, "the perimeter's inbound rules" in finding.remedy) == ("firewall-unknown", True)
    assert "dsm_egress_addresses" not in finding.remedy


def test_addresses_that_are_not_enough_to_decide_are_not_asked_for_again() -> None:
    store = replace(SAFE, firewall=Firewall(default_allow=False, subnet_rules=1))

    finding = one_of(evidence(replace(SOUND, store=store), egress=("10.1.2.3",)))

    assert (finding.kind.id, "dsm_egress_addresses" in finding.remedy) == ("firewall-unknown", False)


def test_t24_what_is_blocked_is_told_address_by_address() -> None:
    finding = one_of(of_store(firewall=Firewall(default_allow=False)))

    assert [one["address"] for one in finding.evidence["addresses"]] == ["198.51.100.7"]
