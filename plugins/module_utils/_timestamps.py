# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Parses times of services and formats times for results: the only place that does so. Pure.

Each value is in UTC, with its time zone.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

_ISO = re.compile(r"([^.Zz+]{19})(?:\.(\d{1,6})\d*)?(?:[Zz]|([+-]\d\d:\d\d))?")
_COMPACT = "%Y%m%dT%H%M%SZ"


def parse_iso(text: Any) -> datetime | None:
    """A time in ISO 8601, as Resource Manager and Graph write it; None for an empty one. Without a zone it is UTC.

    Azure writes up to seven digits of a second; Python reads six.

    Raises:
        ValueError: it is not a time.
    """
    if not text:
        return None
    found = _ISO.fullmatch(str(text).strip())
    if found is None:
        raise ValueError(f"{text!r} is not a time")
    whole, digits, offset = found.groups()
    try:
        return datetime.fromisoformat(f"{whole}.{digits or '0':0<6}{offset or '+00:00'}").astimezone(timezone.utc)
    except OverflowError as error:
        # The first or last day that Python supports, in another time zone.
        raise ValueError(f"{text!r} is out of range") from error


def parse_iso_or_none(text: Any) -> datetime | None:
    """The same for arbitrary texts; None also if it is not a time."""
    try:
        return parse_iso(text)
    except ValueError:
        return None


def from_unix(seconds: Any) -> datetime | None:
    """A time in seconds since 1970, as Key Vault writes it; None for None.

    Raises:
        ValueError: it is not an integer, or out of range.
    """
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise ValueError(f"{seconds!r} is not a time")
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{seconds!r} is out of range") from error


def parse_compact(text: Any) -> datetime | None:
    """A time such as ``20260711T091500Z``, as DSM writes it; None for another format."""
    try:
        return datetime.strptime(str(text), _COMPACT).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def compact(time: datetime) -> str:
    """A time in DSM's format."""
    return time.astimezone(timezone.utc).strftime(_COMPACT)


def later(time: datetime, span: timedelta) -> datetime:
    """The time after this span; the last one that Python supports instead of a later one."""
    try:
        return time + span
    except OverflowError:
        return datetime.max.replace(tzinfo=timezone.utc)


def iso(time: datetime) -> str:
    """A time in the format of results, records and requests, such as ``2026-07-11T09:15:00Z``."""
    return f"{time.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def iso_or_none(time: datetime | None) -> str | None:
    """The same, None for None."""
    return None if time is None else iso(time)


def day(time: datetime) -> str:
    """The date of a time, for messages."""
    return f"{time.astimezone(timezone.utc):%Y-%m-%d}"
