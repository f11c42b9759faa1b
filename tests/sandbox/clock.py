# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of the simulated world: real time plus whatever a test has advanced it by."""

from __future__ import annotations

import email.utils
import threading
import time
from datetime import UTC, datetime


class Clock:
    """Every expiry in the sandbox (sessions, tokens, client secrets) asks this clock and no other."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since the epoch in the simulated world."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Let simulated time jump forward."""
        with self._lock:
            self._offset += seconds

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def http_date(self, ahead: float = 0.0) -> str:
        """The value of a `Date` header. `ahead`: seconds by which the service's own clock differs from the world's."""
        return email.utils.format_datetime(datetime.fromtimestamp(int(self.now() + ahead), UTC), usegmt=True)

    def dsm_stamp(self) -> str:
        """The time form of DSM's wire (DSM contract §0)."""
        return self.dsm_stamp_of(self.now())

    @staticmethod
    def dsm_stamp_of(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")
