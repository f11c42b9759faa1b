# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entra's codes: one table for both planes, and texts that decide where a code has several meanings."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ClientAuthenticationError

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import AzureError
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.meanings import MEANINGS
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.sdk_failures import failure_of
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.diagnosis import diagnose
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.diagnosis_classes import CLASSES
from ansible_collections.fortanix.dsm.plugins.module_utils._rest.entra_codes import (
    OF_USERS,
    EntraCause,
    cause_of,
    numbers_of,
    refusal_in,
    refusals_in,
)

EXPIRED = (
    "AADSTS700027: The certificate with identifier used to sign the client assertion is expired on application. "
    "[Reason - The key used is expired., Thumbprint of key used by client: 'A1', Found key 'Start=08/03/2025, "
    "End=08/03/2026, Thumbprint=A1']"
)
# Text -> what it means to the operator, and the class of a link whose sign-in gets it.
SEVERAL_MEANINGS = [
    (EXPIRED, "has expired or is not yet valid", "certificate-expired"),
    (
        "AADSTS700027: Client assertion contains an invalid signature. [Reason - The key was not found.]",
        "is not registered",
        "assertion-refused",
    ),
    (
        "AADSTS700027: Client assertion contains an invalid signature. [Reason - The key was found, but use of the key "
        "to verify the signature failed.]",
        "private key of the operator does not belong",
        "assertion-refused",
    ),
    ("AADSTS700027: Client assertion failed signature validation.", "is not registered", "assertion-refused"),
    (
        "AADSTS70002: Error validating credentials. AADSTS50012: Client assertion contains an invalid signature. "
        "[Reason - The key used is expired.]",
        "has expired or is not yet valid",
        "certificate-expired",
    ),
    (
        "AADSTS70002: Error validating credentials. AADSTS50012: Invalid client secret is provided.",
        "secret is wrong",
        "secret-wrong",
    ),
    ("AADSTS70002: Error validating credentials.", "Entra rejects", "credential-refused"),
    (
        "AADSTS70001: Application with identifier 'a' was not found in the directory.",
        "not in this",
        "application-missing",
    ),
    ("AADSTS70001: The application named X is disabled.", "is disabled", "application-disabled"),
    ("AADSTS50001: The resource 'https://vault.azure.net' is disabled.", "is disabled", "resource-missing"),
    ("AADSTS50001: The application named https://vault.azure.net was not found.", "is unknown", "resource-missing"),
    ("AADSTS50013: Assertion is not within its valid time range.", "outside its validity", "assertion-outside-time"),
    ("AADSTS50013: Assertion failed signature validation.", "rejects the signed assertion", "assertion-refused"),
]


def operators(text: str) -> AzureError:
    return failure_of(ClientAuthenticationError(message=f"Authentication failed: {text}"), plane="Azure", obj="vault")


@pytest.mark.parametrize(("text", "problem", "expected"), SEVERAL_MEANINGS)
def test_a_code_with_several_meanings_is_told_by_its_text_on_both_planes(
    text: str, problem: str, expected: str
) -> None:
    assert problem in operators(text).problem
    assert diagnose(text, 400, None).id == expected


def test_every_cause_is_told_to_the_operator() -> None:
    assert {key for meaning in MEANINGS for key in meaning.keys if isinstance(key, EntraCause)} == set(EntraCause)


def test_every_cause_that_an_application_can_meet_has_one_class_of_the_link() -> None:
    causes = [cause for entry in CLASSES for cause in entry.causes]

    assert sorted(cause.name for cause in causes) == sorted(cause.name for cause in set(EntraCause) - OF_USERS)


def test_no_code_of_entra_is_in_another_table() -> None:
    codes = [code for entry in CLASSES for code in entry.codes]
    codes += [key for meaning in MEANINGS for key in meaning.keys if isinstance(key, str)]

    assert [code for code in codes if code.upper().startswith("AADSTS")] == []


@pytest.mark.parametrize("number", sorted({number for cause in EntraCause for number in numbers_of(cause)}))
def test_each_code_means_something_without_a_text(number: int) -> None:
    cause = cause_of(number)

    assert cause is not None
    assert number in numbers_of(cause)


@pytest.mark.parametrize("cause", EntraCause)
def test_each_cause_has_codes(cause: EntraCause) -> None:
    assert numbers_of(cause)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("AADSTS70002: Error. AADSTS50012: Invalid, (AADSTS50012x).", [70002, 50012]),
        ("see https://login.microsoftonline.com/error?code=7000222", [7000222]),
        ('{"error_codes":[ 90002]}', [90002]),
        ("AADSTS123456789012345678901234567890: no such code", []),
        ("XAADSTS90002", []),
        ("AADSTS: no number", []),
    ],
)
def test_codes_are_found_in_each_form(text: str, found: list[int]) -> None:
    assert [one.number for one in refusals_in(text)] == found


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("AADSTS999999: wrapped. AADSTS7000222: expired", 7000222),
        ("AADSTS70002: Error validating credentials. AADSTS7000222: expired", 7000222),
        ("AADSTS999999: new", 999999),
    ],
)
def test_the_code_that_says_most_decides(text: str, number: int) -> None:
    found = refusal_in(text)

    assert found is not None
    assert (found.number, found.code) == (number, f"AADSTS{number}")


def test_without_a_code_there_is_no_refusal_of_entra() -> None:
    assert refusal_in("connection refused") is None
