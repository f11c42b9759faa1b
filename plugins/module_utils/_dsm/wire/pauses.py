# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""How long to pause before a request is sent again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ... import _time


def pause_before_next(
    attempt: int, headers: Mapping[str, str], now: Callable[[], float] = lambda: _time.utc_now().timestamp()
) -> float:
    """Seconds to wait after the attempt with this number: as the server requests (``Retry-After``), else 0.5, 1, 2."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdecimal():
        return float(asked)
    until = _time.http_date(asked)
    if until is None:
        return 0.5 * 2.0 ** (attempt - 1)
    # The date refers to the clock of the server, whose time is in the same response.
    there = _time.http_date(headers.get("Date"))
    return max(0.0, until.timestamp() - (now() if there is None else there.timestamp()))
