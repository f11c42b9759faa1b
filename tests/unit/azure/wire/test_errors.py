# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each code and status of Azure means, and refusals as messages (Azure contract §1.2, §1.7, §2, §3)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import (
    AzureError,
    code_of,
    is_in_doubt,
    may_have_worked,
    may_pass,
    refusal,
    status_of,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.meanings import (
    CONFLICT_ERROR,
    MEANINGS,
    NAME_TAKEN,
    PRINCIPAL_NOT_FOUND,
    SCOPE_LOCKED,
    Lasts,
    Meaning,
    Sign,
    meaning_of,
    meaning_of_status,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._rest.entra_codes import EntraCause


def body(code: str, message: str = "words", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


def refused(status: int, answer: Any, **more: Any) -> AzureError:
    return refusal(status, answer, plane="Azure", obj="vault kv-one", **more)


# --- Answers ----------------------------------------------------------------------------------------------------------


def error(status: int | None, code: str = "", **more: Any) -> AzureError:
    return AzureError(
        "it failed", plane="Azure", obj="vault kv-one", next_step="wait", status=status, code=code, **more
    )


# --- The table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda meaning: str(meaning.keys[0]))
def test_every_row_is_well_formed(meaning: Meaning) -> None:
    codes = [key for key in meaning.keys if isinstance(key, str)]
    causes = [key for key in meaning.keys if isinstance(key, EntraCause)]
    numbers = [key for key in meaning.keys if isinstance(key, int)]

    assert meaning.keys
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+(_[A-Z][A-Za-z]+)?", code) for code in codes)
    assert all(400 <= number < 600 for number in numbers)
    # Words come in pairs; a row without words says something else. A code of Resource Manager always has words.
    assert bool(meaning.problem) == bool(meaning.next_step)
    assert meaning.problem or meaning.sign
    # A status says everything; of a code it is known from the status whether the outcome is in doubt.
    assert not numbers or (meaning.problem and meaning.lasts)
    assert not (codes and meaning.in_doubt)
    assert [bool(codes), bool(causes), bool(numbers)].count(True) == 1


def test_no_code_has_two_rows() -> None:
    keys = Counter(key for meaning in MEANINGS for key in meaning.keys)

    assert [key for key, count in keys.items() if count > 1] == []


@pytest.mark.parametrize("part", ["problem", "next_step"])
def test_words_are_part_of_a_sentence(part: str) -> None:
    words = [getattr(meaning, part) for meaning in MEANINGS if meaning.problem]

    assert [text for text in words if text != text.strip() or text.endswith(".")] == []


def test_blanks_to_fill_in_are_in_one_problem_only() -> None:
    """And in the same one for all statuses that have no problem of their own."""
    texts = {text for meaning in MEANINGS for text in (meaning.problem, meaning.next_step)}

    assert [text for text in texts if "{" in text or "}" in text] == [meaning_of_status(418).problem]


@pytest.mark.parametrize(
    ("code", "same"),
    [
        ("AADSTS7000274", "AADSTS1000502"),
        ("AADSTS7000277", "AADSTS7000214"),
        ("AADSTS530003", "AADSTS53003"),
        ("AADSTS70001", "AADSTS700016"),
        ("AADSTS900432", "AADSTS900382"),
        ("AADSTS900439", "AADSTS900382"),
    ],
)
def test_codes_with_one_meaning_share_a_row(code: str, same: str) -> None:
    assert meaning_of(code) is meaning_of(same)
    assert meaning_of(code).problem


def test_a_code_that_is_not_known_says_nothing() -> None:
    assert meaning_of("SomethingNew") == Meaning(())


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 599])
def test_a_status_of_a_server_in_trouble_means_what_500_means(status: int) -> None:
    assert meaning_of_status(status) is meaning_of_status(500)


@pytest.mark.parametrize(
    ("sign", "codes"),
    [
        (Sign.WRONG_CLOCK, {700024, 1000502, 7000274}),
        (Sign.OWN_ADDRESS, {53003, 530003}),
    ],
)
def test_a_refused_login_is_a_sign(sign: Sign, codes: set[int]) -> None:
    assert {number for number in codes if meaning_of(f"AADSTS{number}").sign is sign} == codes


# --- What follows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [SCOPE_LOCKED, NAME_TAKEN, "MissingSubscriptionRegistration"])
def test_a_conflict_that_stays_is_not_waited_for(code: str) -> None:
    assert not may_pass(error(409, code))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (408, ""),
        (409, "SomethingNew"),
        (412, ""),
        (429, ""),
        (503, ""),
        (400, PRINCIPAL_NOT_FOUND),
        (409, CONFLICT_ERROR),
        # The code decides, as it does where a write is sent again.
        (400, CONFLICT_ERROR),
        (None, PRINCIPAL_NOT_FOUND),
        (None, "AADSTS90033"),
        # What a service in trouble says of a request is not final.
        (503, SCOPE_LOCKED),
    ],
)
def test_what_passes_is_waited_for(status: int | None, code: str) -> None:
    assert may_pass(error(status, code))


@pytest.mark.parametrize(
    ("status", "code"), [(400, ""), (401, ""), (403, ""), (404, ""), (418, ""), (None, ""), (None, "AADSTS7000215")]
)
def test_what_stays_is_not_waited_for(status: int | None, code: str) -> None:
    assert not may_pass(error(status, code))


def test_a_failure_that_says_that_it_passes_is_believed() -> None:
    assert may_pass(error(403, retryable=True))
    assert may_pass(TaskError("it failed", plane="DSM", retryable=True))
    assert not may_pass(TaskError("it failed", plane="DSM"))


@pytest.mark.parametrize(
    ("status", "code", "marked"),
    [
        (429, "", True),
        (500, "", True),
        (504, "SomethingNew", True),
        (503, PRINCIPAL_NOT_FOUND, True),
        (None, "AADSTS90033", True),
        (409, CONFLICT_ERROR, False),
        (412, "", False),
        (400, PRINCIPAL_NOT_FOUND, False),
        (403, "", False),
        (None, "", False),
    ],
)
def test_trouble_of_the_service_is_marked_as_retryable(status: int | None, code: str, marked: bool) -> None:
    assert error(status, code).details.get("retryable", False) is marked


def test_a_caller_may_know_better_whether_a_failure_is_retryable() -> None:
    assert "retryable" not in error(503, retryable=False).details


def test_rows_and_judgement_agree_on_what_lasts() -> None:
    numbers = {key: meaning for meaning in MEANINGS for key in meaning.keys if isinstance(key, int)}

    assert {status: may_pass(error(status)) for status in numbers} == {
        status: meaning.lasts is not Lasts.UNTIL_CORRECTED for status, meaning in numbers.items()
    }


@pytest.mark.parametrize("status", [200, 201, 204, 408, 500, 502, 503, 504, None])
def test_after_these_answers_a_write_may_have_worked(status: int | None) -> None:
    assert may_have_worked(error(status))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 412, 418, 429, 500, 501, 502, 503, 504, 599])
def test_the_journal_and_the_steps_agree_on_what_may_have_worked(status: int) -> None:
    assert may_have_worked(error(status)) is is_in_doubt(status)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 429])
def test_after_a_refusal_it_has_not(status: int) -> None:
    assert (may_have_worked(error(status)), is_in_doubt(status)) == (False, False)


# --- Messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (403, "AuthorizationFailed", "a role that permits it"),
        (403, "LinkedAuthorizationFailed", "the tenant of the subscription"),
        (403, "InsufficientPermissions", "Owner or User Access Administrator"),
        (403, "Authorization_RequestDenied", r"Application\.Read\.All"),
        (403, "RequestDisallowedByPolicy", "permission model rbac"),
        (409, "MissingSubscriptionRegistration", "az provider register --namespace Microsoft.KeyVault"),
        (409, "ScopeLocked", "lock removed"),
        (409, "ConflictError", "run the task again"),
        (404, "SubscriptionNotFound", "check subscription_id"),
        (404, "ResourceGroupNotFound", "resource group"),
        (404, "ResourceNotFound", "check its name"),
        (404, "Request_ResourceNotFound", "check its ID and the tenant"),
        (400, "PrincipalNotFound", "app_client_id"),
        (429, "TooManyRequests", "fewer forks"),
        (400, "SomethingNew", "fix the cause in the server's error text"),
        (401, "InvalidAuthenticationToken", "check tenant and cloud_environment"),
        (403, "SomethingNew", "the permission that the response names"),
        (409, "SomethingNew", "check the server's response"),
        (418, "SomethingNew", "check the server's response"),
        (500, "InternalServerError", "when the service is healthy"),
    ],
)
def test_a_code_has_its_next_step(status: int, code: str, advice: str) -> None:
    with pytest.raises(AzureError, match=f"Next: .*{advice}"):
        raise refused(status, body(code))


FIREWALL = "Client address is not authorized and caller was ignored because bypass is set to None\r\nClient address: x"
PRIVATE = "Connection is not an approved private link and caller is not a trusted service"
DENY = "the access is denied because of the deny assignment with name 'stack' and Id 'x' at scope 'y'"


@pytest.mark.parametrize(
    ("code", "words", "problem"),
    [
        ("AuthorizationFailed", f"The client has permission to perform action 'a'; however, {DENY}", "deny assignment"),
        (
            "AuthorizationFailed",
            "does not have authorization to perform action 'a' over scope '/s'",
            "permission for a",
        ),
        ("AuthorizationFailed", "Microsoft.KeyVault provider must be registered on subscription", "not registered"),
        ("ForbiddenByRbac", "no\r\nDenyAssignmentId: '/subscriptions/s/x'\r\n", "deny assignment"),
        ("ForbiddenByRbac", "no\r\nDenyAssignmentId: null\r\n", "no role that permits this"),
        ("RequestDisallowedByPolicy", "Users must use MFA for Create operation.", "requires multifactor"),
        ("RequestDisallowedByPolicy", "Resource 'x' was disallowed by policy.", "an Azure Policy forbids this"),
        ("Forbidden", FIREWALL, "firewall or network security perimeter blocks"),
        ("", FIREWALL, "firewall or network security perimeter blocks"),
        ("Forbidden", f"Request was not allowed by NSP rules and the {FIREWALL}", "network security perimeter blocks"),
        ("Forbidden", PRIVATE, "only through private endpoints"),
        ("Forbidden", "the quota for this operation is exhausted", "quota"),
        ("Directory_QuotaExceeded", "The directory object quota limit for the Principal has been exceeded.", "quota"),
        ("SomethingNew", "would exceed the maximum quota count '100'", "quota"),
        ("Forbidden", "no", "no permission for this request"),
    ],
)
def test_a_403_may_mean_something_else_than_a_missing_permission(code: str, words: str, problem: str) -> None:
    failure = refused(403, body(code, words))

    assert problem in failure.problem
    assert failure.code == code


@pytest.mark.parametrize(
    "code",
    [
        "SubscriptionDisabled",
        "ReadOnlyDisabledSubscription",
        "MissingSubscriptionRegistration",
        "NoRegisteredProviderFound",
        "SubscriptionNotFound",
        "DisallowedProvider",
        "ScopeLocked",
        "RequestDisallowedByPolicy",
        "RequestDisallowedByAzure",
        "InvalidResourceLocation",
    ],
)
@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_a_state_of_the_subscription_is_no_missing_permission_and_is_not_waited_for(code: str, status: int) -> None:
    failure = refused(status, body(code))

    assert meaning_of(code).problem in failure.problem
    assert not may_pass(failure)


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

    assert failure.problem == "the operator has no permission for Microsoft.Authorization/roleAssignments/write"
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


def test_a_service_that_is_disabled_is_not_called_unknown() -> None:
    disabled = meaning_of("AADSTS500014")

    assert "is disabled in this tenant" in disabled.problem


def test_resource_graph_has_the_cause_in_the_details() -> None:
    details = [{"code": "InvalidQuery", "message": "Query is invalid."}, 5, {"code": "ParserFailure"}]

    failure = refused(400, body("BadRequest", "Please provide below info: timestamp = now", details=details))

    assert (failure.code, failure.server_words) == ("InvalidQuery", "InvalidQuery: Query is invalid.")


@pytest.mark.parametrize("details", [None, [], [5], {}, [{"target": "x"}], "x"])
def test_without_a_cause_in_the_details_the_error_itself_is_quoted(details: Any) -> None:
    failure = refused(400, body("BadRequest", "It is bad.", details=details))

    assert (failure.code, failure.server_words) == ("BadRequest", "BadRequest: It is bad.")
