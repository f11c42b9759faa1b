# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Client secrets that cannot be right are refused before any request, and never quoted."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._secrets.inputs import checked_client_secret
from unit.builders import CANARY

OPTION = "link_client_secret"
SECRET_ID = "6f1a3c52-7d3e-4a57-9b1d-0c2f4e8a9b10"


@pytest.mark.parametrize("given_id", [SECRET_ID, SECRET_ID.upper(), f" {SECRET_ID}\n"])
def test_the_id_of_a_secret_is_refused_with_the_words_that_tell_why(given_id: str) -> None:
    with pytest.raises(InvalidInput, match=r"it is the secret's ID, not its Value.*set it to the Value"):
        checked_client_secret(OPTION, given_id)


@pytest.mark.parametrize(
    ("secret", "problem"),
    [("", "empty"), (" \t", "empty"), ("a b", "white space"), ("ab\n", "white space"), ("\ufeffab", "byte order")],
)
def test_a_client_secret_that_cannot_be_right_is_refused(secret: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=f"{OPTION}: it .*{problem}"):
        checked_client_secret(OPTION, secret)


def test_a_refused_client_secret_is_not_quoted() -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_client_secret(OPTION, f"{CANARY} {CANARY}")

    assert CANARY not in str(refused.value.to_fail_json())


def test_a_client_secret_is_taken_as_it_is() -> None:
    assert checked_client_secret(OPTION, CANARY) == CANARY
