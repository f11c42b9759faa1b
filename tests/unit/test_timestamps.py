# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times as services write them, and as results show them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._timestamps import (
    day,
    from_unix,
    iso,
    iso_or_none,
    parse_compact,
    parse_iso,
    parse_iso_or_none,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
AT = datetime(2026, 7, 11, 9, 15, tzinfo=timezone.utc)


@pytest.mark.parametrize("digits", range(8))
@pytest.mark.parametrize("zone", ["Z", "z", "+00:00", ""])
def test_a_time_is_read_with_up_to_seven_digits_of_a_second(digits: int, zone: str) -> None:
    fraction = "." + "1234567"[:digits] if digits else ""
    expected = NOON + timedelta(microseconds=int("1234567"[: min(digits, 6)].ljust(6, "0"))) if digits else NOON

    assert parse_iso(f"2026-11-23T12:00:00{fraction}{zone}") == expected


@pytest.mark.parametrize(
    "text", ["2026-11-23T14:00:00+02:00", "2026-11-23T07:00:00.0000000-05:00", " 2026-11-23T12:00:00Z "]
)
def test_a_time_of_another_zone_is_the_same_parse_iso(text: str) -> None:
    assert parse_iso(text) == NOON


def test_every_time_is_in_utc() -> None:
    assert [found and found.tzinfo for found in map(parse_iso, ["2026-11-23T14:00:00+02:00"])] == [timezone.utc]


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_time_is_none(nothing: Any) -> None:
    assert parse_iso(nothing) is None


@pytest.mark.parametrize("text", ["soon", "2026-11-23", "2026-11-23T12:00:00+02", "2026-13-23T12:00:00Z", "12"])
def test_what_is_no_time_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_iso(text)


@given(st.datetimes(min_value=datetime(1970, 1, 1)))
def test_a_time_that_python_writes_is_read_as_it_was(when: datetime) -> None:
    assert parse_iso(when.isoformat() + "Z") == when.replace(tzinfo=timezone.utc)


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", 5])
def test_what_is_no_time_is_an_error_or_nothing(text: Any) -> None:
    with pytest.raises(ValueError, match=r"not a time|out of range|month"):
        parse_iso(text)
    assert parse_iso_or_none(text) is None


def test_seconds_since_1970_are_read() -> None:
    assert from_unix(int(AT.timestamp())) == AT
    assert from_unix(None) is None


@pytest.mark.parametrize("seconds", [True, "5", 1.5, 10**20])
def test_what_are_no_seconds_is_an_error(seconds: Any) -> None:
    with pytest.raises(ValueError, match=r"not a time|out of range"):
        from_unix(seconds)


def test_the_form_of_dsm_is_read() -> None:
    assert parse_compact("20260711T091500Z") == AT
    assert parse_compact("2026-07-11") is None


def test_a_time_is_shown_in_utc() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=-11)))

    assert (iso(elsewhere), day(elsewhere), iso_or_none(None)) == ("2026-07-11T09:15:00Z", "2026-07-11", None)
