# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exceptions of azure-core and azure-identity as messages (Azure contract §2 T20, T35, T36)."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import CredentialUnavailableError

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import AzureError, may_pass
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.sdk_failures import failure_of
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.writes import pause_after

TRACE = " Trace ID: 1b2c Correlation ID: 3d4e Timestamp: 2026-11-23 09:00:00Z"


def told(error: BaseException) -> AzureError:
    return failure_of(error, plane="Azure", obj="vault kv-one")


# --- Entra ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("7000215", "secret is wrong"),
        ("7000222", "secret has expired"),
        ("700016", "not in this tenant"),
        ("90002", "tenant does not exist"),
        ("500011", "unknown in this tenant"),
        ("700027", "certificate is not registered"),
        ("700024", "outside its validity period"),
        ("1000502", "has expired or is not yet valid"),
        ("7000274", "has expired or is not yet valid"),
        ("7000214", "is revoked"),
        ("7000277", "is revoked"),
        ("7000112", "is disabled"),
        ("53003", "Conditional Access"),
        ("900432", "another cloud"),
        ("999999", "rejects the operator's credentials"),
    ],
)
def test_t20_t35_t36_a_code_of_entra_is_told_as_its_cause(number: str, problem: str) -> None:
    failure = told(ClientAuthenticationError(message=f"Authentication failed: AADSTS{number}: Words.{TRACE}"))

    assert problem in failure.problem


@pytest.mark.parametrize("number", ["50012", "999999"])
def test_a_code_that_says_no_more_is_to_be_looked_up(number: str) -> None:
    failure = told(ClientAuthenticationError(message=f"Authentication failed: AADSTS{number}: Words.{TRACE}"))

    assert failure.problem == "Entra rejects the operator's credentials"
    assert "search for the error code" in failure.next_step


def test_a_refusal_of_entra_is_one_of_the_operator_in_entra() -> None:
    failure = told(ClientAuthenticationError(message=f"Authentication failed: AADSTS7000274: Words.{TRACE}"))

    assert (failure.plane, failure.obj, failure.code) == ("Entra", "operator", "AADSTS7000274")


def test_what_differs_each_time_is_not_quoted() -> None:
    failure = told(ClientAuthenticationError(message=f"Authentication failed: AADSTS7000215: Words.{TRACE}"))

    assert failure.server_words == "AADSTS7000215: Words."


# Azure CLI: azure.cli.core.auth.util, aad_error_handler.
CLI_REMEDIES = [
    (
        "\nInteractive authentication is needed. Please run:\naz login --tenant 5a3f --scope https://g.example//.default\n",
        "`az login --tenant 5a3f --scope https://g.example//.default`",
    ),
    (
        "\nRun the command below to authenticate interactively; additional arguments may be added as needed:\n"
        'az logout\naz login --tenant "5a3f" --scope "https://g.example//.default"\n',
        '`az login --tenant "5a3f" --scope "https://g.example//.default"`',
    ),
    (" To re-authenticate, please run:\naz login", "`az login`"),
]


@pytest.mark.parametrize(("remedy", "command"), CLI_REMEDIES)
@pytest.mark.parametrize("number", ["50076", "50079", "50173", "70043", "700082", "7000229", "999999"])
def test_the_remedy_of_the_azure_cli_is_the_next_step(number: str, remedy: str, command: str) -> None:
    failure = told(ClientAuthenticationError(message=f"ERROR: AADSTS{number}: Words.{TRACE}{remedy}"))

    assert command in failure.next_step
    assert "az login" in failure.server_words
    assert "Trace ID" not in failure.server_words


def test_an_expired_secret_stays_the_cause_although_the_azure_cli_names_its_command() -> None:
    words = f"ERROR: AADSTS7000222: The provided client secret keys are expired.{TRACE}{CLI_REMEDIES[1][0]}"
    failure = told(ClientAuthenticationError(message=words))

    assert failure.problem == "the operator's client secret has expired"
    assert failure.next_step.startswith("create a new secret and set it; then run the command")


def test_a_claims_challenge_of_the_azure_cli_is_the_next_step() -> None:
    words = (
        'Failed to get token. Claims challenges are not supported. Run "az login --claims-challenge eyJh --tenant 5a3f"'
    )

    assert (
        "`az login --claims-challenge eyJh --tenant 5a3f`" in told(CredentialUnavailableError(message=words)).next_step
    )


@pytest.mark.parametrize(
    ("numbers", "advice"),
    [
        (("70021", "700211", "700212", "700213", "7002138"), "compare the values in the response with the federated"),
        (("7000229",), "az ad sp create"),
        (("50076", "50079", "50158"), "`az login` with --tenant interactively"),
        (("70043", "700082", "50173"), "`az login` with --tenant again"),
        (("530034",), "risk remediated"),
        (("65001",), "grant consent"),
        (("50020", "90072"), "as a user of that tenant"),
        (("50057", "50053"), "unlock the user"),
        (("50126", "50055"), "change the password"),
        (("500021",), "owner of the proxy"),
        (("5000225",), "unblock it"),
        (("7000218",), "set client_id with secret"),
    ],
)
def test_each_refused_sign_in_has_its_next_step(numbers: tuple[str, ...], advice: str) -> None:
    for number in numbers:
        failure = told(ClientAuthenticationError(message=f"Authentication failed: AADSTS{number}: Words.{TRACE}"))

        assert advice in failure.next_step
        assert not failure.details.get("retryable")


def test_t35_a_refusal_for_the_place_says_nothing_of_dsm() -> None:
    assert (
        "this error concerns that machine, not DSM"
        in told(ClientAuthenticationError(message="AADSTS53003: Blocked.")).next_step
    )


def test_a_source_without_a_login_is_told() -> None:
    assert "az login" in told(CredentialUnavailableError(message="Please run 'az login'")).next_step


@pytest.mark.parametrize(
    ("words", "passes"),
    [
        ("HTTP Error: 503", True),
        ("AADSTS90033: A transient error has occurred.", True),
        ("HTTP Error: 401", False),
        ("AADSTS7000215: Invalid client secret.", False),
    ],
)
def test_trouble_of_entra_is_retryable_and_a_refusal_is_not(words: str, passes: bool) -> None:
    failure = told(ClientAuthenticationError(message=f"Authentication failed: {words}"))

    assert (failure.details.get("retryable", False), may_pass(failure)) == (passes, passes)
    assert ("temporarily unavailable" in failure.problem) is passes


def test_a_refusal_without_a_code_is_one_of_the_login() -> None:
    assert told(ClientAuthenticationError(message="HTTP Error: 500")).plane == "Entra"


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


TENANT = "Authentication failed: Unable to get authority configuration for https://login.microsoftonline.com/x."
DISCOVERY = "OIDC Discovery failed on https://login.microsoftonline.com/x. HTTP status: {}, Error: {}"


@pytest.mark.parametrize(
    ("words", "cause", "problem"),
    [
        (TENANT, ValueError(DISCOVERY.format(400, '{"error_description": "AADSTS90002: Tenant"}')), "does not exist"),
        (TENANT, ValueError(DISCOVERY.format(429, "Slow down.")), "limits the rate of requests"),
        (TENANT, ValueError(DISCOVERY.format(401, "Please sign in.")), "HTTP status 401, without a code of Entra"),
        (TENANT, json.JSONDecodeError("Expecting value", "", 0), "does not match Azure's API"),
        ("Authentication failed: HTTP Error: 429", None, "limits the rate of requests"),
        (
            "Authentication failed: JSON is invalid",
            DecodeError(message="JSON is invalid"),
            "does not match Azure's API",
        ),
        ("Authentication failed: 'str' object has no attribute 'copy'", AttributeError("copy"), "does not match"),
        ("Authentication failed: None", None, "does not match Azure's API"),
    ],
)
def test_only_an_answer_of_entra_blames_tenant_or_credentials(
    words: str, cause: BaseException | None, problem: str
) -> None:
    error: BaseException = ClientAuthenticationError(message=words)
    if cause is not None:
        error = caused(error, caused(ValueError(words), cause))

    failure = told(error)

    assert problem in failure.problem
    assert "credentials" not in failure.problem
    assert ("tenant" in failure.next_step) is (problem == "does not exist")


# --- The way ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("Max retries exceeded (Caused by ProxyError('Unable to connect to proxy', OSError(...)))", "HTTPS_PROXY and"),
        ("Max retries exceeded (Caused by SSLError(SSLCertVerificationError(1, 'unknown ca')))", "REQUESTS_CA_BUNDLE"),
        ("Max retries exceeded (Caused by NameResolutionError(\"Failed to resolve 'x'\"))", "check DNS"),
        ("Connection refused", "check HTTPS_PROXY and the firewall"),
    ],
)
@pytest.mark.parametrize("in_login", [True, False], ids=["login", "request"])
def test_a_way_that_is_blocked_is_told_by_its_cause(words: str, advice: str, in_login: bool) -> None:
    error: BaseException = ServiceRequestError(words)
    if in_login:
        error = caused(ClientAuthenticationError(message=f"Authentication failed: {words}"), error)

    assert advice in told(error).next_step


SSL = "HTTPSConnectionPool(host='login.microsoftonline.com', port=443): Max retries exceeded with url: /t (Caused by "


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (
            SSL + "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
            "self-signed certificate in certificate chain (_ssl.c:1000)')))",
            "REQUESTS_CA_BUNDLE",
        ),
        (
            SSL + 'SSLError(SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: '
            "Hostname mismatch, certificate is not valid for 'login.microsoftonline.com'\")))",
            "check DNS and HTTPS_PROXY",
        ),
        (
            SSL + "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
            "certificate has expired')))",
            "certificate of the proxy that intercepts TLS renewed",
        ),
        (
            SSL + "ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 403')))",
            "check HTTPS_PROXY",
        ),
        ("Could not find a suitable TLS CA certificate bundle, invalid path: /nowhere.pem", "REQUESTS_CA_BUNDLE"),
    ],
)
@pytest.mark.parametrize("source", ["cli", "sdk"])
def test_a_connection_that_fails_is_no_refused_sign_in(words: str, advice: str, source: str) -> None:
    """The Azure CLI reports it in its text only."""
    error = ClientAuthenticationError(message=f"ERROR: {words}") if source == "cli" else ServiceRequestError(words)
    failure = told(error)

    assert "cannot be reached" in failure.problem
    assert advice in failure.next_step


def test_an_answer_that_breaks_off_is_trouble_on_the_way() -> None:
    assert "cannot be reached" in told(ServiceResponseError("Connection aborted")).problem


@pytest.mark.parametrize("error", [DecodeError(message="JSON is invalid"), HttpResponseError(message="?")])
def test_an_answer_that_cannot_be_read_is_told(error: HttpResponseError) -> None:
    assert told(error).problem == "the response does not match Azure's API: the SDK cannot read it"


def test_what_each_exception_around_the_cause_repeats_is_quoted_once() -> None:
    error = caused(ServiceRequestError("connection refused"), OSError("connection refused"))

    assert told(error).server_words == "connection refused"


# --- Refusals by a service --------------------------------------------------------------------------------------------


def refusing(status: int, body: str, **headers: str) -> HttpResponseError:
    """What an operation of an SDK raises for this response."""
    request = SimpleNamespace(method="PUT", url="https://kv-one.vault.azure.net/keys/one?api-version=7.6")
    response = SimpleNamespace(
        status_code=status, reason="Refused", headers=headers, text=lambda *_encoding: body, request=request
    )
    return HttpResponseError(response=cast(Any, response))


BUSY = '{"error": {"code": "TooManyRequests", "message": "Later."}}'


@pytest.mark.parametrize("body", [BUSY, "", "Later.", "[]", '{"error": []}'])
@pytest.mark.parametrize("status", [429, 503])
def test_how_long_a_service_asks_to_wait_is_kept(status: int, body: str) -> None:
    failure = told(refusing(status, body, **{"Retry-After": "17"}))

    assert (failure.status, failure.retry_after, pause_after(failure)) == (status, 17, 17)
    assert "does not match" not in failure.problem


@pytest.mark.parametrize("status", [403, 404, 409])
def test_a_refusal_without_a_body_is_one_of_its_status_if_azure_has_numbered_it(status: int) -> None:
    numbered = told(refusing(status, "", **{"x-ms-request-id": "1"}))

    assert (numbered.status, numbered.plane, "does not match" in numbered.problem) == (status, "Azure", False)
    assert told(refusing(status, "")).status is None


@pytest.mark.parametrize(
    ("path", "plane"),
    [("/keys/one", "Azure"), ("/t/oauth2/v2.0/token", "Entra"), ("/metadata/identity/oauth2/token", "Entra")],
)
def test_a_401_without_a_body_is_one_of_whom_it_is_from(path: str, plane: str) -> None:
    response: Any = refusing(401, "", **{"x-ms-request-id": "1"}).response
    response.request.url = f"https://kv-one.vault.azure.net{path}"

    failure = told(ClientAuthenticationError(response=response))

    assert (failure.status, failure.plane) == (401, plane)


def test_a_refusal_without_a_meaning_names_the_request() -> None:
    assert "PUT /keys/one" in told(refusing(418, '{"error": {"code": "Odd", "message": "Odd."}}')).problem


def test_a_service_that_quotes_entra_is_not_taken_for_entra() -> None:
    body = json.dumps({"error": {"code": "BadRequest", "message": "The vault cannot log in: AADSTS7000215: Words."}})

    failure = told(refusing(400, body))

    assert (failure.plane, failure.obj, failure.code) == ("Azure", "vault kv-one", "BadRequest")
