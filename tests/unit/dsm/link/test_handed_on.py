# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals of DSM that are Azure's responses, passed on: told with cause and remedy, and still refusals of DSM."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.handed_on import explained
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.errors import ApprovalRequired, DsmError
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from unit.dsm.builders import link

SCAN = "/sys/v1/groups/{group_id}/hmg/scan"
FIREWALL = (
    "Client address is not authorized and caller is not a trusted service.\r\nClient address: 203.0.113.7\r\n"
    "Caller: appid=0f1e;oid=9d8c;iss=https://sts.windows.net/5a3f/\r\nVault: kv-one;location=westeurope"
)


def refused(status: int, words: str, **more: bool) -> DsmError:
    with pytest.raises(DsmError) as caught, explained("sync the keys", link(), **more):
        raise DsmError(status, words, method="POST", route=SCAN, obj="group g")
    return caught.value


@pytest.mark.parametrize("status", [400, 401, 403, 404, 424, 500])
@pytest.mark.parametrize(
    ("words", "plane", "expected", "advice"),
    [
        (FIREWALL, "Azure", "firewall-blocks-dsm", "add DSM's egress IP addresses"),
        ("HTTP 403 Forbidden/AccessDenied: no keys list", "Azure", "keys-denied-by-policy", "ten key permissions"),
        ("AADSTS7000222: The provided client secret keys are expired.", "Entra", "secret-expired", "create a new"),
        ("AADSTS700027: x [Reason - The key used is expired.]", "Entra", "certificate-expired", "new certificate"),
        ("kv-one.vault.azure.net: no such host", "Azure", "dns-failure", "resolve the host name"),
    ],
)
def test_azures_answer_is_told_as_azures(status: int, words: str, plane: str, expected: str, advice: str) -> None:
    failure = refused(status, words)

    assert (failure.plane, failure.status, failure.details["status"]) == (plane, status, status)
    assert failure.details["diagnosis"]["class"] == expected
    assert failure.problem.startswith("DSM cannot sync the keys: ")
    assert advice in failure.next_step
    assert "DSM identity" not in failure.next_step
    assert str(failure) == failure._message()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "The app does not have the permission SCAN_EXTERNAL_SOBJECTS"),
        (401, "Invalid credentials"),
        (404, "group does not exist"),
        (400, "External KMS error 17"),
        (503, "no healthy upstream"),
        (403, ""),
    ],
)
def test_dsms_own_answer_stays_as_it_is(status: int, words: str) -> None:
    failure = refused(status, words)

    assert failure.plane == "DSM"
    assert "diagnosis" not in failure.details


def test_a_request_that_does_not_call_azure_needs_a_sign_of_azure() -> None:
    assert "diagnosis" not in refused(400, "the request timed out", calls_azure=False).details
    assert "diagnosis" in refused(400, FIREWALL, calls_azure=False).details


def test_a_required_approval_stays_one() -> None:
    with pytest.raises(ApprovalRequired) as caught, explained("sync the keys", link()):
        raise ApprovalRequired("requires approval (AADSTS7000222)", method="POST", route=SCAN)

    assert "diagnosis" not in caught.value.details


def test_an_approved_operation_that_failed_has_the_diagnosis_too() -> None:
    with pytest.raises(TaskError) as caught, explained("sync the keys", link()):
        raise TaskError("it was approved, but", plane="DSM", server_words=FIREWALL, status=400, approval={"id": "1"})

    assert caught.value.details["diagnosis"]["class"] == "firewall-blocks-dsm"
    assert caught.value.details["approval"] == {"id": "1"}
    assert "files a new request" in caught.value.next_step


def test_what_works_is_left_alone() -> None:
    with explained("sync the keys", link()):
        result = 7

    assert result == 7
