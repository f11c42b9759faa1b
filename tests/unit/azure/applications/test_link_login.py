# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which answers of Entra to a new credential are waited for, and what is said of the others (Azure contract §2 T20)."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.applications.link_login import (
    NewLogin,
    wait_until_taken,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import AzureError
from ansible_collections.fortanix.dsm.plugins.module_utils._waiter import Patience

FOREVER, NEVER = Patience(float("inf"), 0), Patience(float("-inf"), 0)
SKEW = "it is 2 h behind Entra's"
OPERATOR: Any = SimpleNamespace(
    cloud=SimpleNamespace(arm_scope="arm"), clock=SimpleNamespace(compared=lambda _first, _second: SKEW)
)

Attempt = Callable[..., tuple[bool, int]]


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def attempt(monkeypatch: pytest.MonkeyPatch, warnings: list[str]) -> Attempt:
    """Wait for a credential that Entra answers with these words first; the result, and how often it was asked."""

    def made(*words: str, patience: Patience = FOREVER) -> tuple[bool, int]:
        answers, asked = list(words), 0

        def get_token(_scope: str) -> str:
            nonlocal asked
            asked += 1
            if answers:
                raise ClientAuthenticationError(message=f"Authentication failed: {answers.pop(0)}")
            return "token"

        monkeypatch.setattr(NewLogin, "credential", lambda _self, _operator: SimpleNamespace(get_token=get_token))
        return wait_until_taken(NewLogin("t", "c", secret="s"), OPERATOR, patience, warnings.append), asked

    return made


@pytest.mark.parametrize("code", ["7000215", "700027", "700016", "70001", "50012", "7000229"])
def test_a_credential_that_entra_does_not_know_yet_is_waited_for(attempt: Attempt, code: str) -> None:
    assert attempt(f"AADSTS{code}: no.", f"AADSTS{code}: no.") == (True, 3)


@pytest.mark.parametrize("words", ["HTTP Error: 503", "AADSTS90033: A transient error has occurred.", "no connection"])
def test_trouble_of_entra_is_waited_for(attempt: Attempt, words: str) -> None:
    assert attempt(words, words) == (True, 3)


@pytest.mark.parametrize("words", ["HTTP Error: 503", "AADSTS90033: A transient error has occurred."])
def test_trouble_of_entra_that_stays_says_nothing_of_the_credential(attempt: Attempt, words: str) -> None:
    with pytest.raises(AzureError, match="it could not be verified that Entra accepts the new credential") as failed:
        attempt(words, patience=NEVER)

    assert failed.value.details["retryable"] is True


@pytest.mark.parametrize("code", ["53003", "530003"])
def test_a_refusal_of_this_machine_is_a_warning(attempt: Attempt, warnings: list[str], code: str) -> None:
    assert attempt(f"AADSTS{code}: Blocked.") == (False, 1)
    assert "Conditional Access" in warnings[0]


@pytest.mark.parametrize("code", ["700024", "1000502", "7000274"])
def test_a_refusal_about_the_time_names_the_clocks(attempt: Attempt, code: str) -> None:
    with pytest.raises(AzureError, match="Entra rejects the new credential") as failed:
        attempt(f"AADSTS{code}: outside.")

    assert failed.value.next_step == f"synchronize the clock that is wrong (NTP): {SKEW}"


@pytest.mark.parametrize("words", ["AADSTS7000112: disabled.", "AADSTS999999: new.", "AADSTS90033: x AADSTS7000112: y"])
def test_another_refusal_ends_the_wait(attempt: Attempt, words: str) -> None:
    with pytest.raises(AzureError, match="Entra rejects the new credential") as failed:
        attempt(words)

    assert ("clock" in failed.value.next_step, failed.value.details) == (False, {})
