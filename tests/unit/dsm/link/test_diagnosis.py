# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words of a failed test -> class, leg, host. The real DSM's words are not public, so many spellings of each."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.azure_link import ENDPOINTS
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.diagnosis import (
    BY_ID,
    Diagnosis,
    SeenVault,
    diagnose,
    findings,
    is_of_azure,
    sharpened,
    vaults_not_listed,
    wants_second_look,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.diagnosis_classes import CLASSES, LEG_NAMES
from ansible_collections.fortanix.dsm.plugins.module_utils._findings import catalog
from ansible_collections.fortanix.dsm.plugins.module_utils._rest.entra_codes import cause_of, numbers_of
from make.troubleshooting import GUIDE, render
from unit.dsm.builders import link, stored_links

EXAMPLES = [(entry.id, words) for entry in CLASSES for words in entry.examples]
CODES = [(entry.id, code) for entry in CLASSES for code in entry.codes]
ENTRA_CODES = [
    (entry.id, number)
    for entry in CLASSES
    for cause in entry.causes
    for number in numbers_of(cause)
    if cause_of(number) is cause
]
KEY_VAULT = "https://kv-one.vault.azure.net/"
MANAGED = "https://hsm-one.managedhsm.azure.net/"


def seen(*, uri: str = KEY_VAULT, kind: str = "premium") -> tuple[SeenVault, ...]:
    return (SeenVault(uri.partition("//")[2].partition(".")[0], uri, kind),)


# Classes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("expected", "words"), EXAMPLES)
def test_the_words_that_the_guide_shows_are_recognised(expected: str, words: str) -> None:
    assert diagnose(words).id == expected


@pytest.mark.parametrize(("expected", "words"), EXAMPLES)
def test_they_are_recognised_amid_other_words_too(expected: str, words: str) -> None:
    around = f"Failed to connect to external KMS: {words} (while testing the connection)"
    assert diagnose(around, 400, link()).id == expected


@pytest.mark.parametrize(("expected", "code"), CODES)
def test_a_code_alone_decides(expected: str, code: str) -> None:
    assert diagnose(f"error {code.lower()}: something that no pattern knows").id == expected


@pytest.mark.parametrize(("expected", "number"), ENTRA_CODES)
@pytest.mark.parametrize(
    "form",
    [
        '{{"error":"x","error_codes":[{0}],"error_uri":"https://login.microsoftonline.com/"}}',
        "see https://login.microsoftonline.com/error?code={0}",
        "AADSTS {0}",
        "error aadsts{0}: something that no pattern knows",
    ],
)
def test_an_entra_code_is_found_in_each_form(expected: str, number: int, form: str) -> None:
    assert diagnose(form.format(number)).id == expected


def test_a_code_is_compared_whole() -> None:
    """700027 is not 7000272, and ForbiddenByFirewallRule is not ForbiddenByFirewall."""
    assert diagnose("AADSTS7000272: something new").id == "unknown"
    assert diagnose("ForbiddenByFirewallRule").id == "unknown"


def test_a_code_outweighs_words_of_another_class() -> None:
    words = "AADSTS90002: Tenant not found. The request timed out before: connection refused"
    assert diagnose(words).id == "tenant-unknown"


def test_the_first_known_code_decides_when_an_unknown_one_comes_before_it() -> None:
    assert diagnose("AADSTS999999: wrapped. AADSTS7000222: expired").id == "secret-expired"


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ("tls-host-mismatch", "error: X509_V_ERR_HOSTNAME_MISMATCH"),
        ("tls-host-mismatch", "x509: certificate is not valid for any names, but wanted to match login"),
        ("tls-host-mismatch", "No subject alternative DNS name matching login.microsoftonline.com found"),
        ("tls-host-mismatch", "MBEDTLS_X509_BADCERT_CN_MISMATCH"),
        ("tls-unknown-ca", "PKIX path building failed: unable to find valid certification path"),
        ("tls-unknown-ca", "self signed certificate"),
        ("tls-unknown-ca", "MBEDTLS_X509_BADCERT_NOT_TRUSTED"),
        ("tls-server-certificate-expired", "MBEDTLS_X509_BADCERT_EXPIRED"),
        ("tls-server-certificate-expired", "certificate is not yet valid"),
        ("tls-client-certificate-required", "AlertReceived(CertificateRequired)"),
        ("tls-client-certificate-refused", "ssl/tls alert certificate expired"),
        ("tls-client-certificate-refused", "AlertReceived(UnknownCA)"),
        ("tls-certificate-refused", "X509CertVerifyFailed"),
        ("tls-certificate-refused", "mbedtls_ssl_handshake returned -0x2700"),
        ("tls-failed", "SSL routines:ssl3_get_record:wrong version number"),
        ("dns-failure", "getaddrinfo ENOTFOUND management.azure.com"),
        ("dns-failure", "java.net.UnknownHostException: akv"),
        ("dns-failure", "akv.vault.azure.net does not resolve"),
        ("connection-refused", "[Errno 111] Connect call failed: Connection refused"),
        ("connection-refused", "No connection could be made because the target machine actively refused it"),
        ("timed-out", "deadline has elapsed"),
        ("timed-out", "[Errno 110] ETIMEDOUT"),
        ("timed-out", "Read timed out."),
        ("connection-broken", "tls handshake eof"),
        ("connection-broken", "SSL_ERROR_SYSCALL, errno 104: ECONNRESET"),
    ],
)
def test_other_libraries_say_it_in_other_words(expected: str, words: str) -> None:
    assert diagnose(words).id == expected


def test_an_alert_about_our_certificate_is_not_taken_for_a_fault_of_the_servers() -> None:
    assert diagnose("tlsv1 alert unknown ca").id == "tls-client-certificate-refused"
    assert diagnose("unknown ca: unable to get local issuer certificate").id == "tls-unknown-ca"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "HTTP status 400",
        "Forbidden",
        "something broke",
        "External KMS error",
        "invalid configuration",
        "certificate",
        "AADSTS123456789012345678901234567890: no such code",
        "Ein unbekannter Fehler ist aufgetreten",
    ],
)
def test_what_fits_nothing_is_unknown_and_keeps_its_words(words: str) -> None:
    found = diagnose(words, 400, link())
    assert (found.id, found.words) == ("unknown", words)


@given(st.text(max_size=300), st.none() | st.integers(0, 999), st.none() | stored_links)
def test_no_words_make_it_stumble(words: str, status: int | None, stored: dict[str, object] | None) -> None:
    record = diagnose(words, status, link(**stored) if stored else None).record()
    assert record["class"] in BY_ID
    assert record["leg"] in LEG_NAMES


@pytest.mark.parametrize("unit", ["a", "a.", "<", "1", "AADSTS", "vault ", "not valid for ", "alert ", "tenant "])
def test_endless_words_are_cut_before_they_are_searched(unit: str) -> None:
    assert diagnose(unit * 1_000_000, 400, link()).id in BY_ID


def test_words_cannot_steer_a_terminal() -> None:
    record = diagnose("\x1b[2J AADSTS90002\r\n").record()
    assert re.search(r"[\x00-\x1f]", record["words"]) is None


# Leg and host -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "leg", "host"),
    [
        (
            "error sending request for url (https://login.microsoftonline.com/t/oauth2): UnknownIssuer",
            "entra",
            "login.microsoftonline.com",
        ),
        ("dial tcp: lookup management.azure.com: no such host", "arm", "management.azure.com"),
        ("kv-two.vault.azure.net:443: Connection refused", "vault", "kv-two.vault.azure.net"),
        ("hsm-two.managedhsm.azure.net: timed out", "managed_hsm", "hsm-two.managedhsm.azure.net"),
        ("kv.privatelink.vaultcore.azure.net: no such host", "vault", "kv.privatelink.vaultcore.azure.net"),
        ("login.microsoftonline.us: timed out", "entra", "login.microsoftonline.us"),
        ("Key Vault: connection reset by peer", "vault", "kv-one.vault.azure.net"),
        ("token request to Microsoft Entra: timed out", "entra", "login.microsoftonline.com"),
        ("Azure Resource Manager: connection refused", "arm", "management.azure.com"),
        ("connect to proxy.corp.example:8443: connection refused", "unknown", "proxy.corp.example"),
        ("connection refused", "unknown", None),
        ("certificate verify failed (_ssl.c:1000)", "unknown", None),
    ],
)
def test_leg_and_host_come_from_the_words_and_else_from_the_link(words: str, leg: str, host: str | None) -> None:
    found = diagnose(words, 400, link())
    assert (found.leg, found.host) == (leg, host)


def test_the_host_that_the_link_leads_to_goes_before_others() -> None:
    found = diagnose("x509: certificate is valid for other.vault.azure.net, not kv-one.vault.azure.net", 400, link())
    assert found.host == "kv-one.vault.azure.net"


def test_a_name_in_an_entra_message_is_not_taken_for_the_host_that_failed() -> None:
    found = diagnose("AADSTS500011: The resource principal named https://vault.azure.net was not found", 400, link())
    assert (found.leg, found.host) == ("entra", "login.microsoftonline.com")


def test_without_a_link_a_host_is_told_only_from_the_words() -> None:
    assert diagnose("AADSTS7000215: Invalid client secret").host is None


def test_a_government_link_leads_to_government_hosts() -> None:
    gov = link(endpoints=dict(ENDPOINTS["us_government"]), url="https://kv-one.vault.usgovcloudapi.net/")
    assert diagnose("AADSTS7000222: expired", 400, gov).host == "login.microsoftonline.us"
    assert diagnose("HTTP 403 AuthorizationFailed", 400, gov).host == "management.usgovcloudapi.net"
    assert diagnose("ForbiddenByRbac", 400, gov).host == "kv-one.vault.usgovcloudapi.net"


def test_a_link_without_a_vault_has_no_vault_host() -> None:
    assert diagnose("ForbiddenByRbac", 400, link(url="")).host is None


@pytest.mark.parametrize("words", ["ForbiddenByRbac", "AccessDenied"])
def test_a_managed_hsm_that_denies_is_told_from_a_vault(words: str) -> None:
    found = diagnose(words, 400, link(url=MANAGED, key_vault_type="MANAGED"))
    assert (found.id, found.leg, found.host) == ("hsm-keys-denied", "managed_hsm", "hsm-one.managedhsm.azure.net")


CALLER = "Client address: 203.0.113.7\r\nCaller: appid=0f1e;oid=9d8c;iss=https://sts.windows.net/5a3f/\r\n"
# Error texts of Key Vault's firewall, without their code (DSM contract §3.1).
FIREWALL = [
    "Client address is not authorized and caller is not a trusted service.",
    "Client address (203.0.113.7) is not authorized and caller is not a trusted service.",
    "Client address is not authorized and caller was ignored because bypass is set to None",
    "Request was not allowed by NSP rules and the client address is not authorized and caller is not a trusted service",
    "Request was not allowed by NSP rules and the client address is not authorized and caller was ignored because "
    "bypass is set to None",
    "Connection is not an approved private link and caller is not a trusted service",
    "Connection is not an approved private link and caller was ignored because bypass is set to None",
    "Public network access is disabled and request is not from a trusted service nor via an approved private link.",
]


@pytest.mark.parametrize("words", FIREWALL)
@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_firewall_that_names_no_code_is_told_with_the_vault_and_not_with_the_issuer(words: str, status: int) -> None:
    text = f"{words}\r\n{CALLER}Vault: kv-one;location=westeurope"
    found = diagnose(text, status, link())
    assert (found.id, found.leg, found.host) == ("firewall-blocks-dsm", "vault", "kv-one.vault.azure.net")
    assert is_of_azure(text, status)
    assert is_of_azure(words, status)


@pytest.mark.parametrize("words", FIREWALL)
def test_the_firewall_of_a_managed_hsm_is_told_as_one(words: str) -> None:
    found = diagnose(words, 403, link(url=MANAGED, key_vault_type="MANAGED"))
    assert (found.id, found.leg, found.host) == ("firewall-blocks-dsm", "managed_hsm", "hsm-one.managedhsm.azure.net")


@pytest.mark.parametrize(
    ("words", "leg"),
    [
        (
            "AKV10022: Invalid audience. Expected https://vault.azure.net, found: https://management.azure.com/.",
            "vault",
        ),
        (
            "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/a/, found https://sts.windows.net/b/.",
            "vault",
        ),
        ("InvalidAuthenticationTokenAudience: for wrong audience 'https://kv-two.vault.azure.net'", "arm"),
        ("something denied to appid=1;iss=https://sts.windows.net/a/", "unknown"),
        ("something denied to appid=1;iss=https://login.microsoftonline.com/a/v2.0", "unknown"),
    ],
)
def test_an_address_in_a_token_is_no_host_that_failed(words: str, leg: str) -> None:
    found = diagnose(words, 401, None)
    assert (found.leg, found.host) == (leg, None)


@pytest.mark.parametrize(
    "words",
    [
        "HTTP 403 Forbidden/ForbiddenByRbac: Caller is not authorized to perform action on resource.\r\n"
        "Assignment: (not found)\r\nDenyAssignmentId: '/subscriptions/s/providers/x/denyAssignments/1'\r\n",
        "AuthorizationFailed: The client has permission to perform action 'x' on scope 'y'; however, the access is "
        "denied because of the deny assignment with name 'z'",
    ],
)
def test_a_code_of_missing_roles_may_mean_a_deny_assignment(words: str) -> None:
    assert diagnose(words, 403, link()).id == "denied-by-assignment"


def test_a_code_of_missing_roles_without_a_deny_assignment_means_just_that() -> None:
    words = "ForbiddenByRbac: no\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null"
    assert diagnose(words, 403, link()).id == "keys-denied-by-role"


@pytest.mark.parametrize(
    "words",
    [
        "HTTP 403 <!DOCTYPE html><html><body>Forbidden: your role has no permission for this site</body></html>",
        "error decoding response body: expected value at line 1 column 1",
        "invalid character '<' looking for beginning of value",
        "HTTP 407 Proxy Authentication Required",
    ],
)
@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_page_that_dsm_got_instead_of_azures_answer_is_no_verdict(words: str, status: int) -> None:
    found = diagnose(words, status, link())
    assert found.id == "not-from-azure"
    assert is_of_azure(words, status)


# Wrong cloud --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["AADSTS90002: Tenant not found", "no such host", "something else"])
def test_a_stored_link_that_mixes_clouds_is_told_so(words: str) -> None:
    mixed = link(endpoints=dict(ENDPOINTS["us_government"]))
    assert diagnose(words, 400, mixed).id == "wrong-cloud"


def test_a_failure_with_a_cause_of_its_own_keeps_it_in_a_link_that_mixes_clouds() -> None:
    mixed = link(endpoints=dict(ENDPOINTS["us_government"]))
    assert diagnose("AADSTS7000222: expired", 400, mixed).id == "secret-expired"


def test_endpoints_of_no_known_cloud_are_told() -> None:
    odd = link(endpoints={**ENDPOINTS["global"], "iam": "login.microsoftonline.us"})
    found = diagnose("AADSTS90002", 400, odd)
    (finding,) = findings(odd, None, "link")
    assert (found.id, finding.kind, finding.status) == ("wrong-cloud", catalog.ENDPOINTS_NOT_RECOGNIZED, "failed")


def test_a_vault_of_a_name_that_is_no_azure_name_is_no_mix_of_clouds() -> None:
    assert findings(link(url="https://kv.corp.example/"), None, "link") == []


def test_a_vault_of_another_cloud_is_a_finding() -> None:
    (finding,) = findings(link(endpoints=dict(ENDPOINTS["us_government"])), None, "link")
    assert (finding.kind, finding.status) == (catalog.VAULT_IN_OTHER_CLOUD, "failed")


# DSM's own answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize(
    ("words", "of_azure"),
    [
        ("AADSTS7000215: Invalid client secret provided.", True),
        ("HTTP 403 AuthorizationFailed: does not have authorization", True),
        ("HTTP 404 SubscriptionNotFound: not found", True),
        ("Key Vault kv.vault.azure.net: Forbidden", True),
        ("TLS: handshake failure", True),
        ("Falscher Schlüssel", True),
        ("This operation requires approval", False),
        ("The app does not have the permission UPDATE_GROUP_EXTERNAL_LINKS", False),
        ("Invalid credentials", False),
        ("group does not exist", False),
        ('No permission on group "Key Vault prod, timed out"', False),
        ('group "key vault of the tenant" was not found', False),
        ("error while getting a token: connection refused", True),
        ("AADSTS9999999: a code of tomorrow", True),
        ("You are not authorized to do this", False),
        ("", False),
    ],
)
def test_dsms_own_refusals_are_told_from_azures(status: int, words: str, of_azure: bool) -> None:
    assert is_of_azure(words, status) is of_azure


def test_too_many_requests_is_dsms_own_unless_it_is_marked() -> None:
    assert not is_of_azure("slow down", 429)
    assert is_of_azure("management.azure.com: SubscriptionRequestsThrottled", 429)


def test_a_page_of_a_gateway_is_neither() -> None:
    found = diagnose("HTML page: 502 Bad Gateway nginx", 502, link())
    assert (found.id, found.leg) == ("dsm-gateway", "dsm")


# The second look ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", ["something broke", "HTTP 404 ResourceNotFound", "kv-one.vault.azure.net: no such host"]
)
@pytest.mark.parametrize(
    ("vaults", "expected"),
    [((), "no-vault-visible"), (seen(uri="https://kv-two.vault.azure.net/"), "vault-not-in-subscription")],
)
def test_a_list_of_the_vaults_sharpens_a_blurred_diagnosis(
    words: str, vaults: tuple[SeenVault, ...], expected: str
) -> None:
    found = diagnose(words, 400, link())
    assert wants_second_look(found)
    assert sharpened(found, link(), vaults).id == expected


def test_another_type_is_the_reason_only_where_there_is_no_other() -> None:
    other_type = seen(kind="standard")
    assert sharpened(diagnose("something broke", 400, link()), link(), other_type).id == "vault-type-differs"
    dns = diagnose("kv-one.vault.azure.net: no such host", 400, link())
    assert sharpened(dns, link(), other_type).id == "dns-failure"


@pytest.mark.parametrize("words", ["AADSTS7000215", "ForbiddenByRbac", "login.microsoftonline.com: no such host"])
def test_a_precise_diagnosis_stays_as_it_is(words: str) -> None:
    found = diagnose(words, 400, link())
    assert not wants_second_look(found)
    assert sharpened(found, link(), ()) == found


def test_a_list_that_shows_nothing_wrong_leaves_it_unknown() -> None:
    assert sharpened(diagnose("something broke", 400, link()), link(), seen()).id == "unknown"


@pytest.mark.parametrize(
    ("vaults", "expected"),
    [
        (seen(), []),
        ((), ["no-vault-visible"]),
        (seen(uri="https://kv-two.vault.azure.net/"), ["vault-not-in-subscription"]),
        (seen(kind="standard"), ["vault-type-differs"]),
        (None, []),
    ],
)
def test_a_link_that_connects_may_have_findings(vaults: tuple[SeenVault, ...] | None, expected: list[str]) -> None:
    assert [finding.kind.id for finding in findings(link(), vaults, "link")] == expected


def test_a_link_without_a_vault_has_none_to_compare() -> None:
    assert findings(link(url=""), seen(), "link") == []


def test_vaults_that_could_not_be_listed_leave_it_unknown() -> None:
    finding = vaults_not_listed("denied", "link")
    assert (finding.kind, finding.status, finding.actual) == (catalog.VAULTS_NOT_LISTED, "unknown", "denied")


def test_a_class_that_is_a_finding_too_has_its_title() -> None:
    shared = {name: entry.title for name, entry in BY_ID.items() if name in catalog.CATALOG}
    assert shared == {name: catalog.CATALOG[name].title for name in shared}
    assert len(shared) == 7


def test_no_class_is_called_almost_like_a_finding() -> None:
    def plain(name: str) -> str:
        return re.sub("[^a-z]", "", name)

    findings_by_letters = {plain(name): name for name in catalog.CATALOG}
    assert [name for name in BY_ID if findings_by_letters.get(plain(name), name) != name] == []


# The table and the guide ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", CLASSES, ids=lambda entry: entry.id)
def test_each_class_tells_cause_remedy_and_section(entry: object) -> None:
    record = Diagnosis(entry, "unknown", None, "").record()  # type: ignore[arg-type]
    assert all(record[part] for part in ("class", "cause", "remedy", "guide"))
    assert not record["cause"].endswith(".")
    assert not record["remedy"].endswith(".")


def test_ids_and_codes_are_used_once() -> None:
    ids, codes = [entry.id for entry in CLASSES], [code for _id, code in CODES]
    assert len(set(ids)) == len(ids)
    assert len(set(codes)) == len(codes)


def test_the_guide_is_what_the_table_makes() -> None:
    """After a change of the table: PYTHONPATH=docs:tests:.build/collections python -m make.troubleshooting."""
    assert GUIDE.read_text(encoding="utf-8") == render()
