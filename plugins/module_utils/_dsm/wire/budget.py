# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The time budget of a task."""

from __future__ import annotations

from collections.abc import Callable

from ... import _time
from ..._errors import TaskError


class OutOfTime(TaskError):
    """The time budget expired while waiting for a read, or before a request was sent. No write is in doubt."""


class Budget:
    """Seconds that all requests and pauses of a task share. ``option``: the one that sets them."""

    def __init__(
        self,
        seconds: float,
        option: str,
        *,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.seconds = seconds
        self.option = option
        self._clock = clock or _time.monotonic
        self._sleep = sleep or _time.sleep
        self._end = self._clock() + seconds

    def left(self) -> float:
        return self._end - self._clock()

    def allows(self, pause: float) -> bool:
        """Whether there would be time for a request after the pause."""
        return pause < self.left()

    def pause(self, seconds: float) -> None:
        self._sleep(seconds)

    def prolong(self, seconds: float) -> None:
        """Add the time that a request with its own budget has used."""
        self._end += seconds

    def require(self, obj: str) -> float:
        """The seconds that are left.

        Raises:
            OutOfTime: there are none.
        """
        left = self.left()
        if left > 0:
            return left
        raise OutOfTime(
            f"the time limit of the task expired ({self.spent_words}) before all requests were sent",
            plane="DSM",
            obj=obj,
            next_step=self.advice + "; what the task has changed so far remains",
        )

    @property
    def spent_words(self) -> str:
        return f"{self.option}: {self.seconds:g} seconds"

    @property
    def advice(self) -> str:
        return f"raise {self.option}, or check whether DSM is overloaded"
