# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of answers that may only mean that a server does not know a new object yet."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils import _time
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import AzureError, refusal
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.not_known_yet import (
    TABLE,
    Reference,
    is_not_yet,
    is_not_yet_in,
    until_known,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._rest.replacement import EQUAL_READS
from ansible_collections.fortanix.dsm.plugins.module_utils._waiter import NO_PATIENCE, Patience

LOCAL_TENANT = (
    "When using this permission, the backing application of the service principal being created must in the local "
    "tenant"
)
NO_OBJECT = "The appId 'a' of the service principal does not reference a valid application object."
ABSENT = "Resource 'a' does not exist or one of its queried reference-property objects are not present."
DENIED = "Insufficient privileges to complete the operation."


def rejected(status: int, code: str, message: str) -> AzureError:
    return refusal(status, {"error": {"code": code, "message": message}}, plane="Azure", obj="o")


@pytest.mark.parametrize(
    ("reference", "status", "code", "message"),
    [
        (Reference.PRINCIPAL, 400, "Request_BadRequest", NO_OBJECT),
        (Reference.PRINCIPAL, 403, "Authorization_RequestDenied", LOCAL_TENANT),
        (Reference.PRINCIPAL, 404, "Request_ResourceNotFound", ABSENT),
        (Reference.DIRECTORY_OBJECT, 404, "Request_ResourceNotFound", ABSENT),
        (Reference.CONSENT, 404, "Request_ResourceNotFound", ABSENT),
        (Reference.CONSENT, 400, "Request_BadRequest", ABSENT),
        (Reference.ROLE_ASSIGNMENT, 400, "PrincipalNotFound", "Principal p does not exist in the directory t."),
        (Reference.ROLE_ASSIGNMENT, 400, "BadRequest", "Principal p does not exist in the directory t."),
        (Reference.ROLE_ASSIGNMENT, 400, "RoleDefinitionDoesNotExist", "The specified role definition …"),
        (Reference.ROLE_ASSIGNMENT, 404, "RoleDefinitionDoesNotExist", "The specified role definition …"),
        (Reference.ACCESS_POLICY, 400, "BadRequest", "An invalid value was provided for 'accessPolicies'."),
        (Reference.VAULT, 404, "ResourceNotFound", "The Resource … was not found."),
    ],
)
def test_answers_about_a_new_object_are_waited_for(reference: Reference, status: int, code: str, message: str) -> None:
    assert is_not_yet(rejected(status, code, message), reference)


@pytest.mark.parametrize(
    ("reference", "status", "code", "message"),
    [
        (Reference.PRINCIPAL, 400, "Request_BadRequest", "Property appId is invalid."),
        (Reference.PRINCIPAL, 403, "Authorization_RequestDenied", DENIED),
        (Reference.DIRECTORY_OBJECT, 403, "Authorization_RequestDenied", DENIED),
        (Reference.DIRECTORY_OBJECT, 400, "CredentialInvalidLifetimeAsPerAppPolicy", "too long"),
        (Reference.CONSENT, 400, "Request_BadRequest", "Invalid value specified for property 'scope'."),
        (Reference.CONSENT, 409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists."),
        (Reference.ROLE_ASSIGNMENT, 403, "AuthorizationFailed", "does not have authorization"),
        (Reference.ROLE_ASSIGNMENT, 409, "RoleAssignmentLimitExceeded", "no more"),
        (Reference.ROLE_ASSIGNMENT, 400, "UnmatchedPrincipalType", "has type 'User'"),
        (Reference.ACCESS_POLICY, 400, "BadRequest", "The parameter is invalid."),
        (Reference.VAULT, 404, "ResourceGroupNotFound", "Resource group 'rg' could not be found."),
        (Reference.VAULT, 404, "SubscriptionNotFound", "The subscription could not be found."),
    ],
)
def test_other_answers_are_final(reference: Reference, status: int, code: str, message: str) -> None:
    assert not is_not_yet(rejected(status, code, message), reference)


@pytest.mark.parametrize("code", [700016, 70001, 7000215, 700027, 50012, 7000229])
def test_entras_codes_about_a_new_credential_are_waited_for(code: int) -> None:
    assert is_not_yet_in(f"AADSTS{code}: not known", Reference.TOKEN)


@pytest.mark.parametrize("code", [7000222, 7000112, 90002, 53003, 7000214, 7000270])
def test_entras_other_codes_are_final(code: int) -> None:
    assert not is_not_yet_in(f"AADSTS{code}: refused", Reference.TOKEN)


@pytest.mark.parametrize("reason", ["The key used is expired.", "The key was found, but use of the key failed."])
def test_a_certificate_that_entra_knows_is_not_waited_for(reason: str) -> None:
    assert not is_not_yet_in(f"AADSTS700027: x [Reason - {reason}]", Reference.TOKEN)


def test_each_reference_has_an_answer() -> None:
    assert {reference for one in TABLE for reference in one.references} == set(Reference)


def test_a_failure_without_a_rejection_is_not_in_the_table() -> None:
    unreachable = AzureError("it cannot be reached", plane="Azure", obj="o", next_step="x")

    assert not is_not_yet(unreachable, *Reference)
    assert not is_not_yet(ValueError("does not exist in the directory"), *Reference)


def test_the_wait_ends_with_the_first_success() -> None:
    answers = [rejected(404, "ResourceNotFound", "no"), rejected(404, "ResourceNotFound", "no"), None]

    def send() -> str:
        failure = answers.pop(0)
        if failure is not None:
            raise failure
        return "done"

    assert until_known(send, Patience(_time.monotonic() + 60, 0), Reference.VAULT) == "done"


def test_the_wait_is_bounded_and_what_is_left_is_retryable() -> None:
    failure = rejected(404, "ResourceNotFound", "no")

    def send() -> None:
        raise failure

    with pytest.raises(AzureError) as raised:
        until_known(send, NO_PATIENCE, Reference.VAULT)

    assert (raised.value, raised.value.details["retryable"]) == (failure, True)


def test_an_object_that_reads_do_not_show_either_was_deleted() -> None:
    sent = []

    def send() -> None:
        sent.append(True)
        raise rejected(404, "ResourceNotFound", "no")

    with pytest.raises(AzureError):
        until_known(send, Patience(_time.monotonic() + 600, 0), Reference.VAULT, is_gone=lambda: True)

    assert len(sent) == EQUAL_READS
