# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals of Azure as messages (Azure contract §1.2, §1.7, §2, §3)."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import (
    AzureError,
    code_of,
    refusal,
    status_of,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError


def body(code: str, message: str = "words", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


def refused(status: int, answer: Any, **more: Any) -> AzureError:
    return refusal(status, answer, plane="Azure", obj="vault kv-one", **more)


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
