# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a compliance run finds at a link, its credential and its keys, from what was read before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import (
    MANAGED_HSM,
    EntraCredential,
    Firewall,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._compliance.controls import CONTROLS
from ansible_collections.fortanix.dsm.plugins.module_utils._compliance.findings import (
    Clock,
    Validity,
    completed,
    not_seen,
    of_apps,
    of_credential,
    of_link,
    of_vault,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.account.apps import App
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups.stored_groups import (
    CREDENTIAL_EXPIRES,
    CREDENTIAL_FACT,
    Group,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._findings import catalog
from ansible_collections.fortanix.dsm.plugins.module_utils._findings.finding import OK, Finding
from make import findings_page
from unit.azure.builders import vault
from unit.dsm.builders import CLIENT, HMG_ID, stored_group, stored_link

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
CLOCK = Clock.at(NOW, 30)
NOTHING_SEEN: dict[str, dict[str, Any]] = {check: {} for check in catalog.CHECKS}
SAFE_TLS = stored_link()["tls"]


def days(number: float) -> datetime:
    return NOW + timedelta(days=number)


def group(metadata: dict[str, str] | None = None, **link: Any) -> Group:
    return Group.as_shown(stored_group(custom_metadata=metadata or {}, hmg={HMG_ID: stored_link(**link)}))


def told(findings: Any) -> list[tuple[str, str]]:
    return [(finding.kind.id, finding.status) for finding in findings]


# The link -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ({}, []),
        ({"tls": {"mode": "opportunistic"}}, [("tls-not-required", "failed")]),
        ({"tls": {"mode": "disabled"}}, [("tls-not-required", "failed")]),
        ({"tls": {}}, [("tls-not-required", "unknown")]),
        ({"tls": None}, [("tls-not-required", "unknown")]),
        ({"tls": {"mode": "required", "ca": {"ca_set": "global_roots"}}}, [("host-validation-off", "unknown")]),
        ({"tls": {**SAFE_TLS, "validate_hostname": False}}, [("host-validation-off", "failed")]),
        ({"url": ""}, [("vault-not-chosen", "warning")]),
        ({"url": "https://kv-one.vault.usgovcloudapi.net/"}, [("vault-in-other-cloud", "failed")]),
        ({"url": "https://kv-one.example.com/"}, [("vault-in-other-cloud", "failed")]),
        ({"url": "https://kv-one.privatelink.vaultcore.azure.net/"}, [("vault-name-in-private-zone", "failed")]),
        ({"url": "https://kv-one.vaultcore.azure.net/"}, [("vault-name-in-private-zone", "failed")]),
        ({"endpoints": {"iam": "login.example.com"}}, [("endpoints-not-recognized", "failed")]),
    ],
)
def test_a_link_is_judged_by_what_dsm_shows_of_it(link: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert told(of_link(group(**link), [], None, CLOCK)) == expected


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        (days(-9), days(31), []),
        (days(-9), days(29), [("-expires-soon", "warning")]),
        (days(-9), days(-1), [("-not-valid", "failed")]),
        (days(1), days(99), [("-not-valid", "failed")]),
        (None, None, [("-unreadable", "unknown")]),
    ],
)
@pytest.mark.parametrize("which", ["pinned-ca", "tls-client-certificate"])
def test_a_certificate_of_the_link_has_to_last(
    which: str, begins: datetime | None, ends: datetime | None, expected: list[tuple[str, str]]
) -> None:
    one = Validity("ab" * 32, begins, ends)

    cas, client = ([one], None) if which == "pinned-ca" else ([], one)

    assert told(of_link(group(), cas, client, CLOCK)) == [(which + end, status) for end, status in expected]


def test_a_pinned_ca_that_dsm_does_not_show_is_unknown() -> None:
    shown = group()
    link = replace(shown.azure_link, tls=replace(shown.azure_link.tls, ca="custom"))

    assert told(of_link(replace(shown, link=link), [], None, CLOCK)) == [("pinned-ca-unreadable", "unknown")]


def test_of_a_vaults_address_the_host_alone_is_told() -> None:
    (found,) = of_link(group(url="https://user:canary@kv-one.example.com:8443/?sig=canary#canary"), [], None, CLOCK)

    assert found.actual == "https://kv-one.example.com:8443/"


# The credential -----------------------------------------------------------------------------------------------------


def secret(key_id: str, ends: datetime | None) -> EntraCredential:
    return EntraCredential("secret", key_id, "", days(-9), ends)


def ends_of(metadata: dict[str, str], registered: list[EntraCredential] | None) -> list[tuple[str, str]]:
    return told(of_credential(group(metadata), registered, None, CLOCK))


@pytest.mark.parametrize(
    ("left", "expected"),
    [(31, []), (29, [("link-credential-expires-soon", "warning")]), (-1, [("link-credential-not-valid", "failed")])],
)
def test_the_end_on_record_is_judged(left: int, expected: list[tuple[str, str]]) -> None:
    assert ends_of({CREDENTIAL_EXPIRES: f"{days(left):%Y-%m-%dT%H:%M:%SZ}"}, None) == expected


def test_without_a_record_and_without_entra_the_end_is_unknown() -> None:
    assert ends_of({}, None) == [("link-credential-expiry-unknown", "unknown")]
    assert ends_of({CREDENTIAL_EXPIRES: "soon"}, None) == [("link-credential-expiry-unknown", "unknown")]


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (99, []),
        (5, [("link-credential-expires-soon", "warning")]),
        (-1, [("link-credential-not-valid", "failed")]),
    ],
)
def test_the_certificate_that_dsm_shows_decides_over_record_and_entra(
    left: int, expected: list[tuple[str, str]]
) -> None:
    shown = Validity("ab" * 32, days(-9), days(left))
    recorded = {CREDENTIAL_FACT: "key-id:gone", CREDENTIAL_EXPIRES: f"{days(9):%Y-%m-%dT%H:%M:%SZ}"}

    assert told(of_credential(group(recorded), [secret("two", days(99))], None, CLOCK, shown)) == expected


def test_entra_knows_the_end_better_than_the_record() -> None:
    recorded = {CREDENTIAL_FACT: "key-id:one", CREDENTIAL_EXPIRES: f"{days(99):%Y-%m-%dT%H:%M:%SZ}"}

    assert ends_of(recorded, [secret("one", days(5)), secret("two", days(99))]) == [
        ("link-credential-expires-soon", "warning")
    ]


def test_a_credential_on_record_that_entra_has_not_any_more_has_failed() -> None:
    assert ends_of({CREDENTIAL_FACT: "key-id:one"}, [secret("two", days(99))]) == [
        ("link-credential-not-in-entra", "failed")
    ]


def test_of_several_candidates_the_end_is_known_only_when_all_of_them_last() -> None:
    assert ends_of({}, [secret("one", days(99)), secret("two", days(98)), secret("old", days(-1))]) == []
    assert ends_of({}, [secret("one", days(99)), secret("two", days(5))]) == [
        ("link-credential-expiry-unknown", "unknown")
    ]


CERTIFICATE = "ab" * 32
ON_RECORD = {CREDENTIAL_FACT: f"certificate:{CERTIFICATE[:40]}", CREDENTIAL_EXPIRES: f"{days(99):%Y-%m-%dT%H:%M:%SZ}"}


def registered_certificate(sha256: str | None, ends: datetime | None) -> EntraCredential:
    return EntraCredential("certificate", f"key-{sha256}", "", days(-9), ends, None, sha256)


@pytest.mark.parametrize(
    ("registered", "expected"),
    [
        ([registered_certificate(CERTIFICATE, days(99))], []),
        ([registered_certificate(CERTIFICATE, days(5))], [("link-credential-expires-soon", "warning")]),
        ([registered_certificate(CERTIFICATE, days(-1))], [("link-credential-not-valid", "failed")]),
        ([registered_certificate(CERTIFICATE, None)], [("link-credential-expiry-unknown", "unknown")]),
        ([registered_certificate("cd" * 32, days(99))], [("link-credential-not-in-entra", "failed")]),
        ([secret("one", days(99))], [("link-credential-not-in-entra", "failed")]),
        ([], [("link-credential-not-in-entra", "failed")]),
        # It may be the one on record, whatever the others are.
        ([registered_certificate(None, days(99))], [("link-credential-expiry-unknown", "unknown")]),
        (
            [registered_certificate("cd" * 32, days(99)), registered_certificate(None, days(99))],
            [("link-credential-expiry-unknown", "unknown")],
        ),
        ([registered_certificate(CERTIFICATE, days(99)), registered_certificate(None, days(9))], []),
        # Entra was not read, so the record is all that there is.
        (None, []),
    ],
)
def test_a_certificate_on_record_is_looked_for_among_those_that_can_be_compared(
    registered: list[EntraCredential] | None, expected: list[tuple[str, str]]
) -> None:
    assert ends_of(ON_RECORD, registered) == expected


def test_an_end_that_entra_does_not_show_is_unknown() -> None:
    assert ends_of({CREDENTIAL_FACT: "key-id:one"}, [secret("one", None)]) == [
        ("link-credential-expiry-unknown", "unknown")
    ]
    assert ends_of({}, [secret("one", days(99)), secret("two", None)]) == [
        ("link-credential-expiry-unknown", "unknown")
    ]


def test_an_application_without_credentials_leaves_the_end_unknown() -> None:
    assert ends_of({}, []) == [("link-credential-expiry-unknown", "unknown")]


def test_the_operators_own_credential_in_a_link_has_failed() -> None:
    recorded = {CREDENTIAL_EXPIRES: f"{days(99):%Y-%m-%dT%H:%M:%SZ}"}

    assert told(of_credential(group(recorded), None, CLIENT, CLOCK)) == [("operator-is-the-application", "failed")]
    assert told(of_credential(group(recorded), None, None, CLOCK)) == []


# The vault ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("firewall", "is_open"),
    [
        (Firewall(), True),
        (Firewall(default_allow=False), False),
        (Firewall(public_access=False), False),
        (Firewall(has_perimeter=True), False),
    ],
)
def test_a_vault_that_takes_requests_from_everywhere_is_a_warning(firewall: Firewall, is_open: bool) -> None:
    found = told(of_vault(replace(vault(), firewall=firewall, rbac=True)))

    assert found == ([("vault-open-to-all-networks", "warning")] if is_open else [])


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [
        ({"rbac": False}, True),
        ({"rbac": True}, False),
        # The prerequisites have a finding of their own for it.
        ({"rbac": False, "states_model": False}, False),
        ({"rbac": False, "kind": MANAGED_HSM}, False),
    ],
)
def test_access_policies_are_told_with_what_ends_in_2027(changes: dict[str, Any], is_told: bool) -> None:
    found = [one for one in of_vault(replace(vault(), **changes)) if one.kind.id == "vault-uses-access-policies"]

    assert [one.evidence["api_versions_end"] for one in found] == (["2027-02-27"] if is_told else [])


# The apps of DSM ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({"auth_type": "Certificate"}, []),
        ({"auth_type": "TrustedCa"}, []),
        ({"auth_type": "All", "auth_type_all": ["Certificate", "TrustedCa"]}, []),
        ({"auth_type": "Secret"}, [("app-without-certificate", "warning")]),
        ({"auth_type": "All", "auth_type_all": ["Certificate", "Secret"]}, [("app-without-certificate", "warning")]),
        ({"auth_type": "All"}, [("app-login-unknown", "unknown")]),
        ({}, [("app-login-unknown", "unknown")]),
    ],
)
def test_apps_are_to_log_in_by_certificate_and_no_other_way(
    stored: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    app = App.from_stored({"app_id": "id", "name": "app", "groups": {}, **stored})

    assert told(of_apps("group", [app])) == expected


# All together -------------------------------------------------------------------------------------------------------


def test_each_check_that_has_nothing_to_say_says_that_it_is_ok() -> None:
    found = completed([not_seen(catalog.KEYS, "keys", "Azure", "why", "next")], "group", NOTHING_SEEN)

    assert {one.kind.area: one.status for one in found} == {
        **dict.fromkeys(catalog.CHECKS, OK),
        "keys": "unknown",
    }


def test_a_check_that_was_not_made_is_never_ok() -> None:
    with pytest.raises(KeyError):
        completed([], "group", {check: {} for check in catalog.CHECKS if check != catalog.CONNECTION})


def test_the_page_of_findings_is_current() -> None:
    assert findings_page.PATH.read_text(encoding="utf-8") == findings_page.content()


def test_what_is_known_of_the_links_credential_twice_is_told_once_and_the_worse() -> None:
    kind = catalog.LINK_CREDENTIAL_NOT_IN_ENTRA
    found = [Finding(kind, status, "Entra", "a", "b", status, "c") for status in ("unknown", "failed", "unknown")]

    kept = [one for one in completed(found, "group", NOTHING_SEEN) if one.kind == kind]

    assert [one.status for one in kept] == ["failed"]


def test_two_certificates_of_a_link_are_two_findings() -> None:
    kind = catalog.PINNED_CA_NOT_VALID
    found = [Finding(kind, "failed", "DSM", "a", "b", which, "c") for which in ("one", "two")]

    assert [one for one in completed(found, "group", NOTHING_SEEN) if one.kind == kind] == found


def test_controls_are_those_of_findings_that_there_are_and_no_pass_has_any() -> None:
    assert CONTROLS.keys() <= catalog.OF_COMPLIANCE.keys()
    assert not CONTROLS.keys() & {kind.id for kind in catalog.CHECKS.values()}
    # Who has mapped them is told of each: Azure's own policies, or this collection.
    assert all(bool(controls.policies) != controls.ours for controls in CONTROLS.values())
