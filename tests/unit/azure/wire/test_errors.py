# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals of Entra and Azure as messages (Azure contract §1.2, §1.7, §2, §3)."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import CredentialUnavailableError

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import (
    AzureError,
    code_of,
    failure_of,
    refusal,
    status_of,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError

TRACE = " Trace ID: 1b2c Correlation ID: 3d4e Timestamp: 2026-11-23 09:00:00Z"


def body(code: str, message: str = "words", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


def refused(status: int, answer: Any, **more: Any) -> AzureError:
    return refusal(status, answer, plane="Azure", obj="vault kv-one", **more)


def told(error: BaseException) -> AzureError:
    return failure_of(error, plane="Azure", obj="vault kv-one")


# --- Answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (403, "AuthorizationFailed", "a role that allows it"),
        (403, "LinkedAuthorizationFailed", "same tenant"),
        (403, "InsufficientPermissions", "Owner or User Access Administrator"),
        (403, "Authorization_RequestDenied", r"Application\.Read\.All"),
        (403, "RequestDisallowedByPolicy", "permission model rbac"),
        (409, "MissingSubscriptionRegistration", "az provider register --namespace Microsoft.KeyVault"),
        (409, "ScopeLocked", "lock taken off"),
        (409, "ConflictError", "run the task again"),
        (404, "SubscriptionNotFound", "check subscription_id"),
        (404, "ResourceGroupNotFound", "resource group"),
        (404, "ResourceNotFound", "check its name"),
        (404, "Request_ResourceNotFound", "check its ID and the tenant"),
        (400, "PrincipalNotFound", "app_client_id"),
        (429, "TooManyRequests", "fewer forks"),
        (400, "SomethingNew", "correct what the server names"),
        (401, "InvalidAuthenticationToken", "check tenant and cloud_environment"),
        (403, "SomethingNew", "the right that the server names"),
        (409, "SomethingNew", "see what the server says"),
        (418, "SomethingNew", "see what the server says"),
        (500, "InternalServerError", "when it is healthy"),
    ],
)
def test_a_code_has_its_next_step(status: int, code: str, advice: str) -> None:
    with pytest.raises(AzureError, match=f"Next: .*{advice}"):
        raise refused(status, body(code))


def test_an_answer_is_quoted_with_code_and_words() -> None:
    assert refused(409, body("ScopeLocked", "Locked by 'l'.")).server_words == "ScopeLocked: Locked by 'l'."


@pytest.mark.parametrize(
    ("answer", "words"),
    [("<html>Bad gateway</html>", "<html>Bad gateway</html>"), ({}, "HTTP status 502"), ("", "HTTP status 502")],
)
def test_an_answer_of_another_shape_is_quoted_as_far_as_it_goes(answer: Any, words: str) -> None:
    assert refused(502, answer).server_words == words


@pytest.mark.parametrize("answer", [{"error": None}, {"error": {"code": None}}, {"error": 7}, {"value": []}, [], 7])
def test_no_shape_of_an_answer_is_a_crash(answer: Any) -> None:
    assert refused(403, answer).status == 403


def test_the_right_that_is_lacking_is_named_with_its_scope() -> None:
    words = (
        "The client 'a' with object id 'b' does not have authorization to perform action "
        "'Microsoft.Authorization/roleAssignments/write' over scope '/subscriptions/s/x' or the scope is invalid."
    )

    failure = refused(403, body("AuthorizationFailed", words))

    assert failure.problem == "the operator may not do Microsoft.Authorization/roleAssignments/write"
    assert "Microsoft.Authorization/roleAssignments/write at /subscriptions/s/x" in failure.next_step


@pytest.mark.parametrize("inner", ["ForbiddenByRbac", "ForbiddenByFirewall", "ForbiddenByConnection"])
def test_the_data_plane_says_inside_what_it_means(inner: str) -> None:
    assert code_of(refused(403, body("Forbidden", innererror={"code": inner}))) == inner


def test_the_inner_code_of_another_service_is_not_taken() -> None:
    assert code_of(refused(400, body("Request_BadRequest", innererror={"code": "17"}))) == "Request_BadRequest"


def test_a_pause_that_the_server_asks_for_is_told() -> None:
    assert "Retry-After 17" in refused(429, body("TooManyRequests"), retry_after="17").next_step


def test_status_and_code_are_in_the_result() -> None:
    failure = refused(409, body("ScopeLocked")).to_fail_json()["failure"]

    assert (failure["status"], failure["code"]) == (409, "ScopeLocked")


def test_a_failure_of_another_kind_has_neither_status_nor_code() -> None:
    error = TaskError("no", plane="DSM")

    assert (status_of(error), code_of(error)) == (None, "")


# --- Entra ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("7000215", "secret is wrong"),
        ("7000222", "secret has expired"),
        ("700016", "not in this tenant"),
        ("90002", "no such tenant"),
        ("500011", "unknown in this tenant"),
        ("700027", "certificate is not registered"),
        ("700024", "outside of its time window"),
        ("1000502", "outside of its validity"),
        ("7000274", "outside of its validity"),
        ("7000214", "is revoked"),
        ("7000277", "is revoked"),
        ("7000112", "is disabled"),
        ("53003", "Conditional Access"),
        ("900432", "another cloud"),
        ("999999", "refuses the operator's login"),
    ],
)
def test_t20_t35_t36_a_code_of_entra_is_told_as_its_cause(number: str, problem: str) -> None:
    failure = told(ClientAuthenticationError(message=f"Authentication failed: AADSTS{number}: Words.{TRACE}"))

    assert problem in failure.problem


def test_a_refusal_of_entra_is_one_of_the_operator_in_entra() -> None:
    failure = told(ClientAuthenticationError(message=f"Authentication failed: AADSTS7000274: Words.{TRACE}"))

    assert (failure.plane, failure.obj, failure.code) == ("Entra", "operator", "AADSTS7000274")


def test_what_differs_each_time_is_not_quoted() -> None:
    failure = told(ClientAuthenticationError(message=f"Authentication failed: AADSTS7000215: Words.{TRACE}"))

    assert failure.server_words == "AADSTS7000215: Words."


def test_t35_a_refusal_for_the_place_says_nothing_of_dsm() -> None:
    assert "says nothing of DSM" in told(ClientAuthenticationError(message="AADSTS53003: Blocked.")).next_step


def test_a_source_without_a_login_is_told() -> None:
    assert "az login" in told(CredentialUnavailableError(message="Please run 'az login'")).next_step


def test_a_refusal_without_a_code_is_one_of_the_login() -> None:
    assert told(ClientAuthenticationError(message="HTTP Error: 500")).plane == "Entra"


# --- The way ----------------------------------------------------------------------------------------------------------


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("Max retries exceeded (Caused by ProxyError('Unable to connect to proxy', OSError(...)))", "HTTPS_PROXY and"),
        ("Max retries exceeded (Caused by SSLError(SSLCertVerificationError(1, 'unknown ca')))", "REQUESTS_CA_BUNDLE"),
        ("Max retries exceeded (Caused by NameResolutionError(\"Failed to resolve 'x'\"))", "check DNS"),
        ("Connection refused", "firewall on the way"),
    ],
)
@pytest.mark.parametrize("in_login", [True, False], ids=["login", "request"])
def test_a_way_that_is_blocked_is_told_by_its_cause(words: str, advice: str, in_login: bool) -> None:
    error: BaseException = ServiceRequestError(words)
    if in_login:
        error = caused(ClientAuthenticationError(message=f"Authentication failed: {words}"), error)

    assert advice in told(error).next_step


def test_an_answer_that_breaks_off_is_trouble_on_the_way() -> None:
    assert "cannot be reached" in told(ServiceResponseError("Connection aborted")).problem


@pytest.mark.parametrize("error", [DecodeError(message="JSON is invalid"), HttpResponseError(message="?")])
def test_an_answer_that_cannot_be_read_is_told(error: HttpResponseError) -> None:
    assert told(error).problem == "the answer is not what Azure's contract has: it cannot be read"


def test_what_each_exception_around_the_cause_repeats_is_quoted_once() -> None:
    error = caused(ServiceRequestError("connection refused"), OSError("connection refused"))

    assert told(error).server_words == "connection refused"
