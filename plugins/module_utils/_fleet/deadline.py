# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The time limit of a task over a list, and how long it waits for approvals."""

from __future__ import annotations

import math
from collections.abc import Callable

from .. import _time


class Deadline:
    """``seconds``: after this time no new step is started; running steps finish. 0 means no limit.

    ``is_abandoned``: whether Ansible no longer waits for the task.
    """

    def __init__(self, seconds: int, is_abandoned: Callable[[], bool] = lambda: False) -> None:
        self._is_abandoned = is_abandoned
        self._end = _time.monotonic() + seconds if seconds else math.inf
        self._waiting_since: float | None = None

    @property
    def is_over(self) -> bool:
        return _time.monotonic() >= self._end or self._is_abandoned()

    def left_to_wait(self, seconds: int) -> int:
        """How long a step may still wait for an approval. All steps share one wait."""
        now = _time.monotonic()
        begun = now if self._waiting_since is None else self._waiting_since
        return max(0, math.ceil(min(begun + seconds, self._end) - now))

    def begin_waiting(self, waited: int = 0) -> None:
        """Record that the wait began, now or ``waited`` seconds ago, unless it already began."""
        if self._waiting_since is None:
            self._waiting_since = _time.monotonic() - waited
