# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time by the services' clocks: what a Date header shows, and what it does not prove."""

from __future__ import annotations

import email.utils
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils import _time
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.sdk_failures import failure_of
from ansible_collections.fortanix.dsm.plugins.module_utils._certificates import loading, maker
from ansible_collections.fortanix.dsm.plugins.module_utils._time import ServiceClock, duration

NOON = datetime(2026, 5, 17, 12, tzinfo=timezone.utc)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def stamp(moment: datetime) -> dict[str, str]:
    return {"Date": email.utils.format_datetime(moment, usegmt=True)}


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, warnings: list[str]) -> ServiceClock:
    """Of a control node where it is noon."""
    monkeypatch.setattr(_time, "utc_now", lambda: NOON)
    made = ServiceClock()
    made.report_to(warnings.append)
    return made


def see(clock: ServiceClock, plane: str, ahead: float, *, took: float = 0.2) -> None:
    """An answer by a service that is this far ahead, whose clock was read in the middle of the request."""
    there = (NOON + seconds(ahead) - seconds(took / 2)).replace(microsecond=0)
    clock.observe(plane, stamp(there), NOON - seconds(took), NOON)


@pytest.mark.parametrize("ahead", [7200, -7200, 300, -300])
def test_the_skew_is_known_to_a_second(clock: ServiceClock, ahead: int) -> None:
    see(clock, "Entra", ahead)

    found = clock.skew("Entra")
    assert found is not None
    assert abs(found - seconds(ahead)) <= seconds(1)
    assert clock.now() == NOON + found


@pytest.mark.parametrize("ahead", [0, 0.4, -0.4])
def test_the_resolution_of_a_second_is_no_skew(clock: ServiceClock, ahead: float) -> None:
    see(clock, "Entra", ahead)

    assert (clock.skew("Entra"), clock.now()) == (seconds(0), NOON)


def test_a_slow_answer_is_no_skew(clock: ServiceClock, warnings: list[str]) -> None:
    clock.observe("Entra", stamp(NOON - seconds(290)), NOON - seconds(300), NOON)

    assert (clock.skew("Entra"), warnings) == (seconds(0), [])


def test_several_answers_narrow_the_skew(clock: ServiceClock) -> None:
    clock.observe("Entra", stamp(NOON + seconds(600)), NOON - seconds(60), NOON)
    clock.observe("Entra", stamp(NOON + seconds(600)), NOON, NOON)
    clock.observe("Entra", stamp(NOON + seconds(600)), NOON - seconds(60), NOON)

    assert clock.skew("Entra") == seconds(600.5)


def test_a_clock_that_is_set_meanwhile_counts_as_it_is_now(clock: ServiceClock) -> None:
    see(clock, "Entra", 7200)
    see(clock, "Entra", 0)

    assert clock.now() == NOON


@pytest.mark.parametrize(
    "headers", [{}, {"Date": "yesterday"}, {"Date": ""}, {**stamp(NOON - timedelta(days=1)), "Age": "86400"}]
)
def test_an_answer_without_the_time_of_the_service_shows_nothing(clock: ServiceClock, headers: dict[str, str]) -> None:
    clock.observe("Entra", headers, NOON, NOON)

    assert (clock.skew("Entra"), clock.now()) == (None, NOON)


def test_a_clock_that_goes_back_during_a_request_shows_nothing(clock: ServiceClock) -> None:
    clock.observe("Entra", stamp(NOON), NOON + seconds(3600), NOON)

    assert clock.skew("Entra") is None


def test_entras_clock_counts_before_azures_and_dsms(clock: ServiceClock) -> None:
    see(clock, "DSM", 1000)
    first = clock.now()
    see(clock, "Azure", 2000)
    second = clock.now()
    see(clock, "Entra", 3000)

    found = [round((one - NOON).total_seconds() / 1000) for one in (first, second, clock.now(), clock.now("DSM"))]
    assert found == [1, 2, 3, 1]


def test_a_service_that_has_not_answered_has_the_time_of_another(clock: ServiceClock) -> None:
    see(clock, "Azure", 2000)

    assert clock.now("DSM") == clock.now("Azure") != NOON


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (7200, "The control node's clock is 2 h 0 min behind Entra's."),
        (-7200, "The control node's clock is 2 h 0 min ahead of Entra's."),
        (180, "The control node's clock is 3 min 0 s behind Entra's."),
        (115, ""),
        (-115, ""),
    ],
)
def test_more_than_two_minutes_are_a_warning_with_amount_and_direction(
    clock: ServiceClock, warnings: list[str], ahead: int, words: str
) -> None:
    see(clock, "Entra", ahead)

    assert len(warnings) == bool(words)
    assert all(line.startswith(words) for line in warnings)


def test_the_warning_comes_once(clock: ServiceClock, warnings: list[str]) -> None:
    for plane in ("Entra", "Azure", "DSM", "Entra"):
        see(clock, plane, 7200)

    assert len(warnings) == 1


def test_a_service_that_differs_from_the_others_is_named(clock: ServiceClock, warnings: list[str]) -> None:
    see(clock, "Entra", 0)
    see(clock, "DSM", -900)

    assert [line.partition(". ")[0] for line in warnings] == ["The control node's clock is 15 min ahead of DSM's"]
    assert clock.compared("DSM", "Entra") == "DSM's clock is 15 min behind Entra's"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (45, "45 s"),
        (200, "3 min 20 s"),
        (1800, "30 min"),
        (3599, "1 h 0 min"),
        (-9000, "2 h 30 min"),
        (900000, "10 d 10 h"),
    ],
)
def test_a_length_of_time_is_readable(span: int, words: str) -> None:
    assert duration(seconds(span)) == words


# What hangs on it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["700024", "1000502", "7000274"])
def test_the_advice_names_the_difference_of_the_clocks(clock: ServiceClock, code: str) -> None:
    see(clock, "Entra", 7200)
    words = clock.compared(None, "Entra")

    told = failure_of(Exception(f"AADSTS{code}: outside."), plane="Entra", obj="x", clock=words)

    assert "2 h 0 min behind Entra's" in told.next_step


def test_the_advice_for_another_refusal_does_not(clock: ServiceClock) -> None:
    see(clock, "Entra", 7200)

    told = failure_of(Exception("AADSTS7000215: wrong."), plane="Entra", obj="x", clock=clock.compared(None, "Entra"))

    assert "clock" not in told.next_step


@pytest.mark.parametrize("ahead", [0, 7200, -7200])
def test_a_new_certificate_is_valid_for_the_services_and_for_the_control_node(clock: ServiceClock, ahead: int) -> None:
    there = NOON + seconds(ahead)

    pem, _key = maker.self_signed("byok", 30, 2048, there)

    made = loading.load_certificates("certificates", pem.decode())[0]
    assert made.not_before <= min(NOON, there) - seconds(299)
    assert there < made.not_after <= there + timedelta(days=30)
    assert made.not_after - made.not_before == timedelta(days=30)


@pytest.mark.parametrize("days", [400, -400])
def test_a_control_node_that_is_wrong_by_more_than_the_lifetime_makes_a_valid_certificate(
    clock: ServiceClock, days: int
) -> None:
    there = NOON + timedelta(days=days)

    pem, _key = maker.self_signed("byok", 365, 2048, there)

    made = loading.load_certificates("certificates", pem.decode())[0]
    assert made.not_before < there < made.not_after
