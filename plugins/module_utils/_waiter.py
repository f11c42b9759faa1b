# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Waiting with a bound, for services whose replicas learn of a change one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from . import _time


@dataclass(frozen=True)
class Patience:
    """Until when (``_time.monotonic()``) and how often to read. Seconds."""

    deadline: float
    interval: float

    @classmethod
    def of(cls, timeout: float, interval: float) -> Patience:
        """From now on."""
        return cls(_time.monotonic() + timeout, interval)

    @property
    def left(self) -> float:
        """Seconds until the deadline; below zero after it."""
        return self.deadline - _time.monotonic()

    def pause(self, least: float = 0.0) -> bool:
        """Wait until the next read, at least ``least`` seconds; False if the deadline is before that."""
        seconds = max(self.interval, least)
        if _time.monotonic() + seconds > self.deadline:
            return False
        _time.sleep(seconds)
        return True


NO_PATIENCE = Patience(0, 0)
