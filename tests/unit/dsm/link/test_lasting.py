# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rejections pass by themselves after a change, and which last until somebody corrects their cause."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.lasting import lasts


@pytest.mark.parametrize(
    "words",
    [
        "AADSTS7000215: Invalid client secret provided.",
        "AADSTS700016: Application with identifier 'x' was not found in the directory",
        "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered",
        "Caller is not authorized to perform action on resource. If role assignments were changed recently, please "
        "observe propagation time.",
        "The user, group or application 'appid=x' does not have keys list permission on key vault 'v'",
        "lookup v.vault.azure.net: no such host",
        "connection timed out",
        "something new",
    ],
)
def test_what_a_new_object_may_cause_passes(words: str) -> None:
    assert lasts(words, 400) is False


@pytest.mark.parametrize(
    "words",
    [
        "AADSTS7000222: The provided client secret keys for app 'x' are expired.",
        "AADSTS90002: Tenant 'x' not found.",
        "AADSTS7000112: Application 'x' is disabled.",
        "Client address is not authorized and caller is not a trusted service. Client address: 198.51.100.7",
    ],
)
def test_what_somebody_has_to_correct_lasts(words: str) -> None:
    assert lasts(words, 400) is True


@pytest.mark.parametrize(("words", "expected"), [("Group not found", True), ("AADSTS7000215: Invalid", False)])
def test_a_rejection_of_this_client_lasts_unless_it_is_azures(words: str, expected: bool) -> None:
    assert lasts(words, 404, about_caller=True) is expected
