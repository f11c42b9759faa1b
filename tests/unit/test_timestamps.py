# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times as services write them, and as results show them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._timestamps import (
    day,
    from_unix,
    iso,
    parse_compact,
    parse_iso,
    parse_iso_or_none,
)

AT = datetime(2026, 7, 11, 9, 15, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-11T09:15:00Z",
        "2026-07-11T09:15:00",
        "2026-07-11T09:15:00.0000000Z",
        "2026-07-11T11:15:00+02:00",
        " 2026-07-11T09:15:00z ",
    ],
)
def test_a_time_of_azure_is_read_in_utc(text: str) -> None:
    assert parse_iso(text) == AT


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", 5])
def test_what_is_no_time_is_an_error_or_nothing(text: Any) -> None:
    with pytest.raises(ValueError, match=r"no time|out of range|month"):
        parse_iso(text)
    assert parse_iso_or_none(text) is None


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_time_is_none(empty: Any) -> None:
    assert parse_iso(empty) is None


def test_seconds_since_1970_are_read() -> None:
    assert from_unix(int(AT.timestamp())) == AT
    assert from_unix(None) is None


@pytest.mark.parametrize("seconds", [True, "5", 1.5, 10**20])
def test_what_are_no_seconds_is_an_error(seconds: Any) -> None:
    with pytest.raises(ValueError, match=r"no time|out of range"):
        from_unix(seconds)


def test_the_form_of_dsm_is_read() -> None:
    assert parse_compact("20260711T091500Z") == AT
    assert parse_compact("2026-07-11") is None


def test_a_time_is_shown_in_utc() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=-11)))

    assert (iso(elsewhere), day(elsewhere), iso(None)) == ("2026-07-11T09:15:00Z", "2026-07-11", None)
