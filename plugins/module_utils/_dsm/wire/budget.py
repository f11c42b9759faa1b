# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""How long a task may take, and how long to pause before a request is sent again."""

from __future__ import annotations

from collections.abc import Callable

from ... import _time
from ..._errors import TaskError


class OutOfTime(TaskError):
    """The time budget was used up, by waiting for a read or before a request was sent. No write is left in doubt."""


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
        """Give back time that something with a budget of its own has taken."""
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
            f"the time for the task is used up ({self.spent_words}) before all was asked",
            plane="DSM",
            obj=obj,
            next_step=self.advice + "; what the task has done so far stays",
        )

    @property
    def spent_words(self) -> str:
        return f"{self.option}: {self.seconds:g} seconds"

    @property
    def advice(self) -> str:
        return f"raise {self.option}, or see whether DSM is overloaded"
