# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.6: each reason why a link does not connect, made in the sandbox and read off the wire.

Where the sandbox can make the reason itself (rights, expiry, TLS, DNS), it is made. Where it cannot (Conditional
Access, a vault's firewall), the service answers as the real one is documented to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.diagnosis_classes import CLASSES
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.errors import ApprovalRequired, DsmError
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_connection, cdc_group
from sandbox import Fault, Profile, Sandbox
from sandbox.authorities import self_signed
from sandbox.network import Address
from support.operate import Operator
from support.shell import Shell, expect_clear_failure

from .conftest import link_options

CHECK_GROUP = "/sys/v1/groups/{group_id}/hmg/check"
CHECK_CONFIG = "/sys/v1/groups/hmg/check"
GROUP = "/sys/v1/groups/{group_id}"
GROUPS = "/sys/v1/groups"
AZURE_VAULTS = "/sys/v1/groups/hmg/azure_vaults"
TOKEN = "/{tenant}/oauth2/v2.0/token"
VAULT = "akv-sandbox-prem"
VAULT_HOST = f"{VAULT}.vault.azure.net"
HSM = "hsm-sandbox"
HSM_HOST = f"{HSM}.managedhsm.azure.net"
LOGIN = "login.microsoftonline.com"
MANAGEMENT = "management.azure.com"
GOVERNMENT = {
    "management": "management.usgovcloudapi.net",
    "key_vault": "vault.usgovcloudapi.net",
    "key_vault_managed_hsm": "managedhsm.usgovcloudapi.net",
    "iam": "login.microsoftonline.us",
}


class Lab:
    """A sandbox of its own in which things go wrong, and the group whose link suffers from it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.operate = Operator(sandbox.environment())
        self.shell = Shell(sandbox.environment())
        self.link = link_options(sandbox)
        self.client_id = sandbox.world.public.client_id

    def group(self, vault: str = VAULT, **options: Any) -> dict[str, Any]:
        group: dict[str, Any] = self.operate(
            cdc_group, name="akv", **{**self.link, "vault": {"name": vault}, **options}
        )["group"]
        return group

    def azure(self, deed: Callable[[Any], Any]) -> Any:
        """A deed of an administrator in the public cloud."""
        return self.sandbox.do(lambda state: deed(state.azure.public))

    def stored(self, **changes: Any) -> None:
        """Somebody else has changed the link in DSM."""

        def change(state: Any) -> None:
            for config in state.dsm.find_group("akv").hmg.values():
                config.update(changes)

        self.sandbox.do(change)

    def tested(self, **params: Any) -> dict[str, Any]:
        return self.operate(cdc_connection, **{"group_name": "akv", "on_not_connected": "ignore", **params})

    def diagnosis(self, **params: Any) -> dict[str, Any]:
        result = self.tested(**params)
        assert (result["connected"], result["status"], result["proves"]) == (False, "not_connected", [])
        found: dict[str, Any] = result["diagnosis"]
        assert found["words"]
        assert found["cause"]
        assert found["remedy"]
        return found

    def answer(self, plane: str, status: int, body: str, *, route: str = "*", method: str = "*") -> None:
        """Let a service answer all its calls like this."""
        kind = "application/json" if body.startswith("{") else "text/plain"
        self.sandbox.faults.add(
            Fault(plane=plane, method=method, route=route, times=None, status=status, body=body, content_type=kind)
        )


@pytest.fixture
def lab(own_sandbox: Sandbox) -> Iterator[Lab]:
    yield Lab(own_sandbox)
    own_sandbox.fronts.clear()


def entra_says(code: int, error: str, words: str) -> str:
    return json.dumps({"error": error, "error_description": f"AADSTS{code}: {words}", "error_codes": [code]})


def azure_says(code: str, words: str, inner: str | None = None) -> str:
    return json.dumps({"error": {"code": code, "message": words, **({"innererror": {"code": inner}} if inner else {})}})


# Consequences -------------------------------------------------------------------------------------------------------

Deed = Callable[[Lab], None]


def secret_expires(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: azure.expire_secret(lab.client_id))


def secret_removed(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: azure.remove_secret(lab.client_id))


def tenant_removed(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: azure.remove_tenant(lab.sandbox.world.public.tenant_id))


def application_removed(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: azure.remove_application(lab.client_id))


def application_disabled(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: azure.disable_application(lab.client_id))


def with_certificate(lab: Lab, days: int = 100) -> None:
    """The link authenticates with a certificate, which the application knows."""
    from cryptography import x509

    pair = self_signed("dsm", days, "rsa")
    known = x509.load_pem_x509_certificate(pair.certificate_pem.encode())
    lab.azure(lambda azure: azure.add_certificate(lab.client_id, known))
    options = {key: value for key, value in lab.link.items() if key != "link_client_secret"}
    lab.link = {**options, "link_certificate": pair.certificate_pem, "link_private_key": pair.key_pem}
    lab.group()


def certificate_unregistered(lab: Lab) -> None:
    with_certificate(lab)
    lab.azure(lambda azure: azure.remove_certificates(lab.client_id))


def certificate_expires(lab: Lab) -> None:
    with_certificate(lab)
    lab.sandbox.clock.advance(101 * 86400)


def certificate_expires_with_the_other_code(lab: Lab) -> None:
    lab.sandbox.profile = Profile(expired_certificate="1000502")
    certificate_expires(lab)


def clock_is_wrong(lab: Lab) -> None:
    with_certificate(lab)
    lab.sandbox.profile = Profile(dsm_clock_skew=7200.0)


def subscription_gone(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: azure.subscriptions.pop(lab.sandbox.world.public.subscription_id))


def subscription_moves(lab: Lab) -> None:
    lab.group()

    def move(azure: Any) -> None:
        tenant_id = azure.add_tenant("other.example")
        azure.subscriptions[lab.sandbox.world.public.subscription_id].tenant_id = tenant_id

    lab.azure(move)


def no_right_to_list(lab: Lab) -> None:
    lab.group()
    lab.sandbox.profile = Profile(no_rights="403")
    lab.azure(lambda azure: [azure.revoke_role(lab.client_id, name) for name in (VAULT, "akv-sandbox-std")])


def role_revoked(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: azure.revoke_role(lab.client_id, VAULT))


def vault_decides_by_role(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: setattr(azure.vault(VAULT), "rbac", True))


def list_taken_away(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: azure.set_access_policy(VAULT, lab.client_id, ["get", "create"]))


def vault_of_another_tenant(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: setattr(azure.vault(VAULT), "tenant_id", azure.add_tenant("other.example")))


def hsm_role_revoked(lab: Lab) -> None:
    lab.group(HSM)
    lab.azure(lambda azure: azure.revoke_local_roles(HSM, lab.client_id))


def hsm_not_activated(lab: Lab) -> None:
    lab.group(HSM)
    lab.azure(lambda azure: setattr(azure.managed_hsm(HSM), "activated", False))


def clouds_mixed(lab: Lab) -> None:
    lab.group()
    lab.stored(endpoints=GOVERNMENT)


def front(*places: str, pinned: bool = True, tls: Mapping[str, Any] | None = None, **how: Any) -> Deed:
    """An enterprise's front before these places; ``pinned``: the link knows its CA."""

    def put(lab: Lab) -> None:
        if pinned:
            # The link is made through a front that is as it should be; then the front changes.
            lab.sandbox.fronts.put("all")
            lab.group(tls={"ca_certificates": [lab.sandbox.fronts.ca_pem], **(tls or {})})
        else:
            lab.group()
            lab.sandbox.fronts.put("all")
        for place in places:
            lab.sandbox.fronts.put(place, **how)

    return put


def no_way(place: str, how: Any) -> Deed:
    def block(lab: Lab) -> None:
        lab.group()
        lab.sandbox.profile = Profile(azure_timeout=0.3)
        lab.sandbox.fronts.fail(place, how=how)

    return block


def stranger_at_the_front(lab: Lab) -> None:
    pair = lab.sandbox.fronts.stranger_pair
    front(
        "entra", tls={"client_certificate": pair.certificate_pem, "client_key": pair.key_pem}, client_certificate=True
    )(lab)


def no_tls_at_the_front(lab: Lab) -> None:
    lab.group()
    address = urlsplit(lab.sandbox.control_url)
    lab.sandbox.dsm_network.publish(LOGIN, Address(str(address.hostname), int(address.port or 0)))


def cut(lab: Lab) -> None:
    lab.group()
    lab.sandbox.faults.add(Fault(plane="entra", route=TOKEN, times=None, reset="before"))


def saying(plane: str, status: int, body: str, vault: str = VAULT, **where: str) -> Deed:
    def speak(lab: Lab) -> None:
        lab.group(vault)
        lab.answer(plane, status, body, **where)

    return speak


def dsm_says(status: int, body: str) -> Deed:
    return saying("dsm", status, body, method="POST", route=CHECK_GROUP)


CASES: dict[str, tuple[str, str, str | None, Deed]] = {
    "secret-wrong": ("secret-wrong", "entra", LOGIN, secret_removed),
    "secret-expired": ("secret-expired", "entra", LOGIN, secret_expires),
    "certificate-expired": ("certificate-expired", "entra", LOGIN, certificate_expires),
    "certificate-expired, code 1000502": (
        "certificate-expired",
        "entra",
        LOGIN,
        certificate_expires_with_the_other_code,
    ),
    "tenant-blocked": (
        "tenant-blocked",
        "entra",
        LOGIN,
        saying("entra", 400, entra_says(5000225, "interaction_required", "This tenant has been blocked.")),
    ),
    "tenant-restricted": (
        "tenant-restricted",
        "entra",
        LOGIN,
        saying("entra", 400, entra_says(500021, "access_denied", "Access to 'Contoso' tenant is denied.")),
    ),
    "subscription-disabled": (
        "subscription-disabled",
        "arm",
        MANAGEMENT,
        saying("arm", 409, azure_says("ReadOnlyDisabledSubscription", "The subscription is marked as read only.")),
    ),
    "provider-not-registered": (
        "provider-not-registered",
        "arm",
        MANAGEMENT,
        saying("arm", 409, azure_says("MissingSubscriptionRegistration", "The subscription is not registered.")),
    ),
    "denied-by-assignment": (
        "denied-by-assignment",
        "arm",
        MANAGEMENT,
        saying("arm", 403, azure_says("DenyAssignmentAuthorizationFailed", "the access is denied")),
    ),
    "not-from-azure": (
        "not-from-azure",
        "arm",
        MANAGEMENT,
        saying("arm", 403, "<html><body>Forbidden: no permission for this site</body></html>"),
    ),
    "certificate-revoked": (
        "certificate-revoked",
        "entra",
        LOGIN,
        saying("entra", 401, entra_says(7000214, "invalid_client", "Certificate has been revoked.")),
    ),
    "assertion-refused": ("assertion-refused", "entra", LOGIN, certificate_unregistered),
    "assertion-outside-time": ("assertion-outside-time", "entra", LOGIN, clock_is_wrong),
    "tenant-unknown": ("tenant-unknown", "entra", LOGIN, tenant_removed),
    "application-missing": ("application-missing", "entra", LOGIN, application_removed),
    "application-disabled": ("application-disabled", "entra", LOGIN, application_disabled),
    "conditional-access": (
        "conditional-access",
        "entra",
        LOGIN,
        saying("entra", 400, entra_says(53003, "access_denied", "Access has been blocked by Conditional Access.")),
    ),
    "consent-missing": (
        "consent-missing",
        "entra",
        LOGIN,
        saying("entra", 400, entra_says(65001, "invalid_grant", "The administrator has not consented.")),
    ),
    "resource-missing": (
        "resource-missing",
        "entra",
        LOGIN,
        saying("entra", 400, entra_says(500011, "invalid_resource", "https://vault.azure.net was not found.")),
    ),
    "credential-refused": (
        "credential-refused",
        "entra",
        LOGIN,
        saying("entra", 401, entra_says(7999999, "invalid_client", "A number of tomorrow.")),
    ),
    "subscription-unknown": ("subscription-unknown", "arm", MANAGEMENT, subscription_gone),
    "subscription-of-other-tenant": ("subscription-of-other-tenant", "arm", MANAGEMENT, subscription_moves),
    "arm-denied": ("arm-denied", "arm", MANAGEMENT, no_right_to_list),
    "vault-not-in-subscription": ("vault-not-in-subscription", "arm", MANAGEMENT, role_revoked),
    "firewall-blocks-dsm": (
        "firewall-blocks-dsm",
        "vault",
        VAULT_HOST,
        saying("vault", 403, azure_says("Forbidden", "Client address is not authorized.", "ForbiddenByFirewall")),
    ),
    "keys-denied-by-role": ("keys-denied-by-role", "vault", VAULT_HOST, vault_decides_by_role),
    "keys-denied-by-policy": ("keys-denied-by-policy", "vault", VAULT_HOST, list_taken_away),
    "hsm-keys-denied": ("hsm-keys-denied", "managed_hsm", HSM_HOST, hsm_role_revoked),
    "hsm-not-activated": ("hsm-not-activated", "managed_hsm", HSM_HOST, hsm_not_activated),
    "vault-in-foreign-tenant": ("vault-in-foreign-tenant", "vault", VAULT_HOST, vault_of_another_tenant),
    "token-audience": (
        "token-audience",
        "vault",
        VAULT_HOST,
        saying("vault", 401, azure_says("Unauthorized", "AKV10022: Invalid audience.")),
    ),
    "wrong-cloud": ("wrong-cloud", "entra", "login.microsoftonline.us", clouds_mixed),
    "tls-client-certificate-required": (
        "tls-client-certificate-required",
        "entra",
        LOGIN,
        front("entra", client_certificate=True),
    ),
    "tls-client-certificate-refused": ("tls-client-certificate-refused", "entra", LOGIN, stranger_at_the_front),
    "tls-host-mismatch at Entra": ("tls-host-mismatch", "entra", LOGIN, front("entra", certificate="wrong_host")),
    "tls-host-mismatch at ARM": ("tls-host-mismatch", "arm", MANAGEMENT, front("arm", certificate="wrong_host")),
    "tls-host-mismatch at the vault": (
        "tls-host-mismatch",
        "vault",
        VAULT_HOST,
        front(VAULT_HOST, certificate="wrong_host"),
    ),
    "tls-server-certificate-expired": (
        "tls-server-certificate-expired",
        "arm",
        MANAGEMENT,
        front("arm", certificate="expired"),
    ),
    "tls-unknown-ca": ("tls-unknown-ca", "entra", LOGIN, front(pinned=False)),
    "tls-failed": ("tls-failed", "entra", LOGIN, no_tls_at_the_front),
    "dns-failure at Entra": ("dns-failure", "entra", LOGIN, no_way("entra", "dns")),
    "dns-failure at the vault": ("dns-failure", "vault", VAULT_HOST, no_way(VAULT_HOST, "dns")),
    "connection-refused": ("connection-refused", "arm", MANAGEMENT, no_way("arm", "refused")),
    "timed-out": ("timed-out", "vault", VAULT_HOST, no_way(VAULT_HOST, "silent")),
    "connection-broken": ("connection-broken", "entra", LOGIN, cut),
    "azure-trouble": (
        "azure-trouble",
        "arm",
        MANAGEMENT,
        saying("arm", 429, azure_says("TooManyRequests", "The limit is reached.")),
    ),
    "dsm-gateway": ("dsm-gateway", "dsm", None, dsm_says(500, "upstream connect error or disconnect/reset")),
    "network-unreachable": (
        "network-unreachable",
        "unknown",
        None,
        dsm_says(400, "tcp connect error: No route to host (os error 113)"),
    ),
    "tls-certificate-refused": (
        "tls-certificate-refused",
        "unknown",
        None,
        dsm_says(400, "X509 - Certificate verification failed, e.g. CRL, CA or signature check failed"),
    ),
    "unknown": ("unknown", "unknown", None, dsm_says(400, "External KMS error 17")),
}


@pytest.mark.parametrize("case", CASES)
def test_a_saved_link_that_does_not_connect_is_diagnosed(lab: Lab, case: str) -> None:
    expected, leg, host, deed = CASES[case]
    deed(lab)
    found = lab.diagnosis()
    assert (found["class"], found["leg"], found["host"]) == (expected, leg, host), found["words"]


# Only a list of the vaults, so only a link that comes with its credential, tells these two.
NEEDS_CREDENTIAL = {"no-vault-visible", "vault-type-differs"}


def test_each_class_is_made_once_at_least() -> None:
    assert {case[0] for case in CASES.values()} | NEEDS_CREDENTIAL == {entry.id for entry in CLASSES}


# The second look ----------------------------------------------------------------------------------------------------


def hide_all_vaults(lab: Lab) -> None:
    def hide(azure: Any) -> None:
        for name, role in ((VAULT, None), ("akv-sandbox-std", None), (HSM, "Reader")):
            azure.revoke_role(lab.client_id, name, *([role] if role else []))

    lab.azure(hide)


def test_no_vault_visible(lab: Lab) -> None:
    lab.group()
    hide_all_vaults(lab)
    assert lab.diagnosis(**lab.link)["class"] == "no-vault-visible"


def test_without_the_credential_that_stays_less_precise(lab: Lab) -> None:
    lab.group()
    hide_all_vaults(lab)
    assert lab.diagnosis()["class"] == "vault-not-in-subscription"


def test_a_vault_that_is_not_in_the_subscription_is_found_behind_words_that_say_nothing(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: azure.delete_vault(VAULT))
    lab.answer("dsm", 400, "External KMS error 17", method="POST", route=CHECK_CONFIG)
    assert lab.diagnosis(**lab.link)["class"] == "vault-not-in-subscription"


def test_another_type_than_the_vaults_is_found_behind_words_that_say_nothing(lab: Lab) -> None:
    lab.group()
    lab.stored(key_vault_type="STANDARD")
    lab.answer("dsm", 400, "External KMS error 17", method="POST", route=CHECK_CONFIG)
    found = lab.diagnosis(**lab.link)
    assert (found["class"], found["leg"], found["host"]) == ("vault-type-differs", "vault", VAULT_HOST)


def test_a_list_that_fails_leaves_the_diagnosis_as_it_is(lab: Lab) -> None:
    lab.group()
    lab.answer("dsm", 400, "External KMS error 17", method="POST", route=CHECK_CONFIG)
    lab.answer("dsm", 400, "no list today", method="POST", route=AZURE_VAULTS)
    found = lab.diagnosis(**lab.link)
    assert (found["class"], found["words"]) == ("unknown", "External KMS error 17")


def test_a_precise_diagnosis_needs_no_second_look(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: azure.expire_secret(lab.client_id))
    mark = lab.sandbox.journal.mark()
    assert lab.diagnosis(**lab.link)["class"] == "secret-expired"
    assert AZURE_VAULTS not in [entry.route for entry in lab.sandbox.journal.since(mark)]


# Connected, and yet ---------------------------------------------------------------------------------------------------


def test_a_link_that_connects_proves_dsms_check_and_nothing_else(lab: Lab) -> None:
    lab.group()
    result = lab.tested(**lab.link)
    assert (result["proves"], result["diagnosis"], result["findings"]) == (["dsm_check"], None, [])
    assert lab.operate.warnings == []


def test_a_type_that_is_not_the_vaults_is_a_finding_of_a_link_that_connects(lab: Lab) -> None:
    lab.group()
    lab.stored(key_vault_type="STANDARD")
    result = lab.tested(**lab.link)
    (finding,) = result["findings"]
    assert result["connected"]
    assert (finding["id"], finding["expected"], finding["actual"]) == ("vault-type-differs", "premium", "standard")
    assert "Vault is not of the expected type" in lab.operate.warnings[0]


def test_an_empty_list_is_a_finding_of_a_link_that_connects(lab: Lab) -> None:
    hide_all_vaults(lab)
    result = lab.operate(cdc_connection, **lab.link)
    assert result["connected"]
    assert [finding["id"] for finding in result["findings"]] == ["no-vault-visible"]


def test_a_vault_outside_of_the_subscription_is_a_finding_where_the_check_goes_no_further_than_the_token(
    lab: Lab,
) -> None:
    lab.group()
    lab.sandbox.profile = Profile(check_depth="token")
    lab.azure(lambda azure: azure.revoke_role(lab.client_id, VAULT))
    assert [finding["id"] for finding in lab.tested(**lab.link)["findings"]] == ["vault-not-in-subscription"]


def test_two_clouds_in_one_link_are_a_finding_although_a_shallow_check_connects(lab: Lab) -> None:
    lab.group()
    lab.sandbox.profile = Profile(check_depth="token")
    lab.stored(url="https://akv-sandbox-gov-prem.vault.usgovcloudapi.net/")
    assert [finding["id"] for finding in lab.tested()["findings"]] == ["vault-in-other-cloud"]


def test_vaults_that_cannot_be_listed_leave_type_and_vault_unknown(lab: Lab) -> None:
    lab.group()
    lab.answer("dsm", 403, "not this time", method="POST", route=AZURE_VAULTS)
    result = lab.tested(**lab.link)
    (finding,) = result["findings"]
    assert result["connected"]
    assert (finding["id"], finding["status"], finding["actual"]) == ("vaults-not-listed", "unknown", "not this time")
    assert lab.operate.warnings == []


# DSM's own answers and Azure's, handed on ---------------------------------------------------------------------------


@pytest.mark.parametrize("error_body", ["text", "json"])
@pytest.mark.parametrize("status", [400, 403, *(pytest.param(one, marks=pytest.mark.long) for one in (401, 404, 500))])
@pytest.mark.parametrize("form", ["stored", "proposed"])
def test_azures_refusal_is_a_diagnosis_whatever_the_status(lab: Lab, status: int, error_body: Any, form: str) -> None:
    lab.group()
    lab.azure(lambda azure: azure.expire_secret(lab.client_id))
    lab.sandbox.profile = replace(Profile(), azure_failure_status=status, error_body=error_body)
    found = lab.diagnosis(**(lab.link if form == "proposed" else {}))
    assert (found["class"], found["leg"], found["host"]) == ("secret-expired", "entra", LOGIN)


@pytest.mark.usefixtures("passing")
def test_a_status_that_is_tried_again_is_a_diagnosis_in_the_end(lab: Lab) -> None:
    lab.group()
    lab.azure(lambda azure: azure.expire_secret(lab.client_id))
    lab.sandbox.profile = Profile(azure_failure_status=502)
    assert lab.diagnosis()["class"] == "secret-expired"


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize(
    "case", ["tls-unknown-ca", "dns-failure at Entra", "subscription-unknown", "keys-denied-by-role"]
)
def test_other_refusals_too_are_told_from_dsms_own(lab: Lab, status: int, case: str) -> None:
    expected, leg, host, deed = CASES[case]
    deed(lab)
    lab.sandbox.profile = replace(lab.sandbox.profile, azure_failure_status=status)
    found = lab.diagnosis()
    assert (found["class"], found["leg"], found["host"]) == (expected, leg, host), found["words"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "Invalid credentials"),
        (403, "The app does not have the permission to do this"),
        (404, "group does not exist"),
        (403, ""),
        (429, "slow down"),
    ],
)
@pytest.mark.usefixtures("passing")
def test_dsms_own_refusal_of_a_test_stays_dsms(lab: Lab, status: int, words: str) -> None:
    lab.group()
    lab.answer("dsm", status, words, method="POST", route=CHECK_GROUP)
    with pytest.raises(DsmError) as caught:
        lab.tested()
    assert (caught.value.plane, caught.value.status) == ("DSM", status)


def test_an_approval_that_is_needed_stays_one(lab: Lab) -> None:
    lab.group()
    lab.answer("dsm", 403, "This operation requires approval", method="POST", route=CHECK_GROUP)
    with pytest.raises(ApprovalRequired):
        lab.tested()


def test_azures_words_prove_nothing_when_dsm_refuses_a_read_as_well(lab: Lab) -> None:
    lab.group()
    lab.answer("dsm", 403, "AADSTS7000222: expired", method="POST", route=CHECK_GROUP)
    lab.answer("dsm", 403, "no", method="GET", route=GROUP)
    with pytest.raises(DsmError, match="AADSTS7000222"):
        lab.tested()


def test_a_login_that_may_not_test_a_proposed_link_is_refused_by_dsm(lab: Lab) -> None:
    with pytest.raises(DsmError) as caught:
        lab.operate(cdc_connection, **lab.link, dsm_api_key=lab.sandbox.world.crypto_app.api_key)
    assert caught.value.status == 403


def test_a_refusal_of_the_proposed_form_is_told_apart_with_a_list_of_one_group(lab: Lab) -> None:
    lab.sandbox.profile = Profile(azure_failure_status=403)
    lab.azure(lambda azure: azure.expire_secret(lab.client_id))
    mark = lab.sandbox.journal.mark()
    result = lab.operate(cdc_connection, **lab.link, on_not_connected="ignore")
    routes = [entry.route for entry in lab.sandbox.journal.requests(since=mark, plane="dsm")]
    assert (result["diagnosis"]["class"], routes) == ("secret-expired", [CHECK_CONFIG, GROUPS])


def test_a_failure_carries_the_diagnosis(lab: Lab) -> None:
    secret_expires(lab)
    with pytest.raises(TaskError) as caught:
        lab.operate(cdc_connection, group_name="akv")
    failure = caught.value.to_fail_json()["failure"]
    assert (failure["diagnosis"]["class"], failure["status"], failure["plane"]) == (
        "secret-expired",
        "not_connected",
        "Entra",
    )


# What the user reads --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "says"),
    [
        (
            "secret-expired",
            ["secret-expired", "Microsoft Entra ID", LOGIN, "AADSTS7000222", "create a new client secret"],
        ),
        (
            "keys-denied-by-policy",
            ["keys-denied-by-policy", "Azure Key Vault", VAULT_HOST, "AccessDenied", "guide 4.2"],
        ),
        ("tls-unknown-ca", ["tls-unknown-ca", LOGIN, "unable to get local issuer certificate", "guide 4.4"]),
        ("vault-not-in-subscription", ["vault-not-in-subscription", MANAGEMENT, "cdc_vault_info"]),
        ("wrong-cloud", ["wrong-cloud", "login.microsoftonline.us", "azure_service"]),
        ("unknown", ["class unknown", "External KMS error 17", "docs/troubleshooting.md"]),
    ],
)
def test_the_message_of_a_failed_task_tells_class_leg_host_words_cause_and_remedy(
    lab: Lab, case: str, says: list[str]
) -> None:
    CASES[case][3](lab)
    result = lab.shell(cdc_connection, group_name="akv")
    expect_clear_failure(result, *says, "Likely cause: ", 'The server returned: "')
    assert result["failure"]["diagnosis"]["class"] == CASES[case][0]


def test_one_may_go_on_with_the_diagnosis(lab: Lab) -> None:
    secret_expires(lab)
    result = lab.shell(cdc_connection, group_name="akv", on_not_connected="warn")
    assert (result["diagnosis"]["class"], result["findings"]) == ("secret-expired", [])
    assert "Client secret has expired (class secret-expired" in result["warnings"][0]


def test_the_guard_of_a_connected_link_knows_azures_refusal_by_its_words_too(lab: Lab) -> None:
    """cdc_group tests a link before it replaces a connected one; a 403 of Azure's is no lack of rights in DSM."""
    lab.group()
    lab.sandbox.profile = Profile(azure_failure_status=403)
    secret = "wrong~Value.that_nobody-gave-out-0123456789"
    result = lab.shell(cdc_group, name="akv", **{**lab.link, "link_client_secret": secret})
    assert "the link connects now, but would not connect with this change" in result["msg"]
