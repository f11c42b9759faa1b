# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time budget of a task, and the pauses before a request is sent again."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.budget import Budget, OutOfTime
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.pauses import pause_before_next

NOON = "Wed, 21 Oct 2026 12:00:00 GMT"
NOON_SECONDS = 1792584000.0


class Clock:
    """Time that passes when a pause is made, and when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> Budget:
    return Budget(60, "dsm_timeout", clock=clock, sleep=clock.sleep)


# --- Budget -----------------------------------------------------------------------------------------------------------


def test_a_request_may_take_what_is_left(budget: Budget, clock: Clock) -> None:
    clock.now += 45

    assert budget.require("login") == 15


def test_pauses_count(budget: Budget) -> None:
    budget.pause(20)

    assert budget.left() == 40


def test_no_request_begins_without_time(budget: Budget, clock: Clock) -> None:
    clock.now += 60

    with pytest.raises(OutOfTime, match=r"dsm_timeout: 60 seconds.* Next: raise dsm_timeout"):
        budget.require("login")


@pytest.mark.parametrize(("pause", "allowed"), [(59.9, True), (60, False), (float("inf"), False)])
def test_a_pause_leaves_time_for_a_request(budget: Budget, pause: float, allowed: bool) -> None:
    assert budget.allows(pause) is allowed


def test_what_has_a_budget_of_its_own_does_not_count(budget: Budget, clock: Clock) -> None:
    clock.now += 300
    budget.prolong(300)

    assert budget.left() == 60


# --- Pauses -----------------------------------------------------------------------------------------------------------


def test_pauses_grow() -> None:
    assert [pause_before_next(attempt, {}) for attempt in (1, 2, 3)] == [0.5, 1.0, 2.0]


def test_a_server_that_asks_for_seconds_gets_them() -> None:
    assert pause_before_next(1, {"Retry-After": " 7 "}) == 7.0


def test_a_server_that_names_a_date_gets_the_time_until_then() -> None:
    assert pause_before_next(1, {"Retry-After": NOON}, now=lambda: NOON_SECONDS - 90) == 90.0


def test_a_date_is_meant_by_the_clock_of_the_server() -> None:
    headers = {"Retry-After": NOON, "Date": "Wed, 21 Oct 2026 11:59:30 GMT"}

    assert pause_before_next(1, headers, now=lambda: NOON_SECONDS + 1_000_000) == 30.0


def test_a_date_that_has_passed_is_no_pause() -> None:
    assert pause_before_next(1, {"Retry-After": NOON}, now=lambda: NOON_SECONDS + 5) == 0.0


@given(st.integers(1, 3), st.text(st.characters(max_codepoint=255)) | st.integers().map(str), st.text(max_size=40))
@example(1, "\u00b2", "")
@example(1, "9" * 400, "")
@example(1, NOON, "yesterday")
@example(1, "-5", "")
@example(1, "Wed, 31 Feb 2026 07:28:00 GMT", "Wed, 21 Oct 99999 07:28:00 GMT")
def test_a_pause_is_never_negative_whatever_the_server_asks(attempt: int, retry_after: str, date: str) -> None:
    assert pause_before_next(attempt, {"Retry-After": retry_after, "Date": date}) >= 0
