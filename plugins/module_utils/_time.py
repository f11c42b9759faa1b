# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The only place that reads the clock or waits, so that tests can control the time.

Entra, Azure and DSM decide on expiry by their own clocks. The control node's clock may be wrong; the ``Date`` header of
each answer shows the difference.
"""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

# A difference beyond this is reported. Entra itself tolerates five minutes.
TOLERANCE = timedelta(minutes=2)
# The order in which known clocks are used: first the one that accepts or refuses credentials.
_PLANES = ("Entra", "Azure", "DSM")
# A clock that is set to another year than these is none, and no time could be computed from it.
_YEARS = range(1970, 2200)
# A Date header has whole seconds.
_RESOLUTION = timedelta(seconds=1)
_NONE = timedelta(0)


def utc_now() -> datetime:
    """The control node's time, with its time zone."""
    return datetime.now(timezone.utc)


def monotonic() -> float:
    """Seconds on a clock that never goes back; only differences mean anything."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def http_date(text: str | None) -> datetime | None:
    """The time in an HTTP date; None if the text is not one."""
    try:
        found = email.utils.parsedate_to_datetime(text or "")
        return found.replace(tzinfo=found.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


@dataclass(frozen=True)
class ClockReading:
    """By how much a service's clock is ahead of the control node's: between these two, according to its answers."""

    least: timedelta
    most: timedelta

    @classmethod
    def of(cls, date: datetime, sent: datetime, received: datetime) -> ClockReading | None:
        """From one answer. The service read its clock at some time between ``sent`` and ``received``.

        None when the control node's clock was set back in between.
        """
        found = cls(date - received, date + _RESOLUTION - sent)
        return found if found.least <= found.most else None

    @property
    def skew(self) -> timedelta:
        """Zero as long as resolution and latency explain the difference."""
        return _NONE if self.least <= _NONE <= self.most else (self.least + self.most) / 2

    def narrowed(self, newer: ClockReading) -> ClockReading:
        """The intersection of both. If it is empty, a clock was set, and the newer reading counts."""
        both = ClockReading(max(self.least, newer.least), min(self.most, newer.most))
        return both if both.least <= both.most else newer


class ServiceClock:
    """The time by the services' clocks, for one task. Several threads may use it."""

    def __init__(self) -> None:
        self._seen: dict[str, ClockReading] = {}
        self._reported: list[timedelta] = []
        self._warn: Callable[[str], None] | None = None
        self._lock = threading.Lock()

    def report_to(self, warn: Callable[[str], None]) -> None:
        """Have a difference of more than two minutes reported, once."""
        self._warn = warn

    def observe(self, plane: str, headers: Mapping[str, str], sent: datetime, received: datetime | None = None) -> None:
        """Take the time from an answer.

        Args:
            plane: Entra, Azure or DSM.
            headers: Of the answer. Their names are compared as the mapping does it.
            sent: When the request left, by the control node's clock.
            received: When the answer had arrived; None for now.
        """
        date = http_date(headers.get("Date"))
        # A cache repeats the date of the answer that it keeps.
        if date is None or date.year not in _YEARS or headers.get("Age", "0").strip() != "0":
            return
        found = ClockReading.of(date, sent, received or utc_now())
        if found is None:
            return
        with self._lock:
            known = self._seen.get(plane)
            self._seen[plane] = found if known is None else known.narrowed(found)
            skew = self._seen[plane].skew
            report = abs(skew) > TOLERANCE and all(abs(skew - one) > TOLERANCE for one in self._reported)
            if report:
                self._reported.append(skew)
        if report and self._warn is not None:
            words = self.compared(None, plane)
            self._warn(
                f"{words[0].upper()}{words[1:]}. Expiry and validity are evaluated by the clocks of the services. "
                "Synchronize the clock that is wrong (NTP): signed credentials with a wrong time are rejected."
            )

    def skew(self, plane: str) -> timedelta | None:
        """By how much the service is ahead of the control node; None before its first answer."""
        found = self._seen.get(plane)
        return None if found is None else found.skew

    def now(self, plane: str | None = None) -> datetime:
        """The current time by the clock of this service.

        Without a service, or before its first answer: by the first known clock of Entra, Azure or DSM, otherwise by the
        control node's.
        """
        for name in (plane, *_PLANES):
            if name is not None and name in self._seen:
                return utc_now() + self._seen[name].skew
        return utc_now()

    @property
    def reference(self) -> str | None:
        """Entra or Azure, whichever clock is known first; None if neither is, and the control node's clock is used."""
        return next((name for name in _PLANES[:2] if name in self._seen), None)

    def apart(self, plane: str) -> timedelta:
        """By how much the clock of a service differs from that of Entra or Azure; zero where one is not known."""
        reference = self.reference
        one, other = self.skew(plane), None if reference is None else self.skew(reference)
        return _NONE if one is None or other is None else abs(one - other)

    def compared(self, one: str | None, other: str | None) -> str:
        """How one clock differs from another, such as ``DSM's clock is 2 h 0 min behind Entra's``.

        None means the control node. Empty if one is not known, or the difference is within two minutes.
        """
        ahead, reference = (_NONE if name is None else self.skew(name) for name in (one, other))
        if ahead is None or reference is None or abs(ahead - reference) <= TOLERANCE:
            return ""
        direction = "ahead of" if ahead > reference else "behind"
        return f"{_whose(one)} clock is {duration(ahead - reference)} {direction} {_whose(other)}"


def duration(span: timedelta) -> str:
    """A length of time for people, such as ``2 h 5 min``; without its sign."""
    seconds = round(abs(span).total_seconds())
    if seconds < 600:
        return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _whose(plane: str | None) -> str:
    return "the control node's" if plane is None else f"{plane}'s"
