# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Times as Resource Manager, Graph and Key Vault write them. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

_MOMENT = re.compile(r"([^.Zz+]{19})(?:\.(\d{1,6})\d*)?(?:[Zz]|([+-]\d\d:\d\d))?")


def moment(text: Any) -> datetime | None:
    """A time of the wire, in UTC. Azure writes up to seven digits of a second; Python reads six.

    Raises:
        ValueError: it is no time.
    """
    if not text:
        return None
    found = _MOMENT.fullmatch(str(text).strip())
    if found is None:
        raise ValueError(f"{text!r} is no time")
    whole, digits, offset = found.groups()
    try:
        return datetime.fromisoformat(f"{whole}.{digits or '0':0<6}{offset or '+00:00'}").astimezone(timezone.utc)
    except OverflowError as error:
        # The first and the last day that Python knows, in another time zone.
        raise ValueError(f"{text!r} is out of range") from error


def unix_moment(seconds: Any) -> datetime | None:
    """A time in seconds since 1970, in UTC; None for None.

    Raises:
        ValueError: it is no such number, or out of range.
    """
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise ValueError(f"{seconds!r} is no time")
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{seconds!r} is out of range") from error
