# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""How long a task over a list may go on, and how long it waits for approvals."""

from __future__ import annotations

import math
from collections.abc import Callable

from .. import _time


class Deadline:
    """``seconds``: after them nothing more is begun; 0 for no limit. What is under way ends.

    ``is_abandoned``: whether nobody waits for the task any more.
    """

    def __init__(self, seconds: int, is_abandoned: Callable[[], bool] = lambda: False) -> None:
        self._is_abandoned = is_abandoned
        self._end = _time.monotonic() + seconds if seconds else math.inf
        self._waiting_since: float | None = None

    @property
    def is_over(self) -> bool:
        return _time.monotonic() >= self._end or self._is_abandoned()

    def left_to_wait(self, seconds: int) -> int:
        """How long a step may still wait for an approval. The wait is one for all steps."""
        now = _time.monotonic()
        begun = now if self._waiting_since is None else self._waiting_since
        return max(0, math.ceil(min(begun + seconds, self._end) - now))

    def begin_waiting(self, waited: int = 0) -> None:
        """The wait has begun, now or so many seconds ago, unless it has before."""
        if self._waiting_since is None:
            self._waiting_since = _time.monotonic() - waited
