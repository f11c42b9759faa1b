# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The limits of one request: a total time, and the size of its response.

Libraries limit the time between two bytes only: a server that sends one byte now and then holds them for ever. The
limits are therefore enforced where bytes arrive, in the sockets of ``connections.py``, which look up here what is left
of the request that their thread is sending.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .. import _time

# Of a response, decoded. 10,000 groups with their certificates have less than half of it.
MOST_BYTES = 128 * 2**20
# Of one list. Key Vault returns at most 25 keys in a page.
MOST_PAGES = 1000


class LimitExceeded(Exception):
    """The response exceeded a limit. ``str()``: which one, about "it". ``sent``, ``timed_out``: as in `Limits`."""

    def __init__(self, problem: str, *, sent: bool = True, timed_out: bool = False) -> None:
        super().__init__(problem)
        self.sent = sent
        self.timed_out = timed_out


class Limits:
    """What is left of one request.

    ``sent``: whether the request may have been sent, and not only its connection been opened. ``exceeded``: which limit
    is exceeded, about "it"; None as long as none is. ``timed_out``: whether that is the time.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.sent = self.timed_out = False
        self.exceeded: str | None = None
        self._end = _time.monotonic() + seconds
        self._received = self._decoded = 0

    def time_left(self) -> float:
        """Seconds, more than none.

        Raises:
            TimeoutError: none are left.
        """
        left = self._end - _time.monotonic()
        if left > 0:
            return left
        self.timed_out = True
        self.exceeded = f"it was not complete within {self.seconds:g} seconds"
        raise TimeoutError(self.exceeded)

    def count_received(self, number: int) -> None:
        """Count bytes from the network: with what surrounds a body, and before it is unpacked.

        Raises:
            OSError: there are too many.
        """
        self._received += number
        self._check_size(self._received)

    def count_decoded(self, number: int) -> None:
        """Count bytes of the unpacked body.

        Raises:
            OSError: there are too many.
        """
        self._decoded += number
        self._check_size(self._decoded)

    @property
    def room(self) -> int:
        """How many bytes may still be unpacked, and one more, which shows that there are too many."""
        return MOST_BYTES - self._decoded + 1

    def _check_size(self, number: int) -> None:
        if number > MOST_BYTES:
            self.exceeded = f"it is larger than {in_bytes(MOST_BYTES)}"
            raise OSError(self.exceeded)


_running = threading.local()


@contextmanager
def limited(limits: Limits) -> Iterator[Limits]:
    """Apply the limits to the request that this thread sends. A request within a request has its own.

    Raises:
        LimitExceeded: instead of the exception that a library makes of an exceeded limit.
    """
    outer = current()
    _running.limits = limits
    try:
        yield limits
    except Exception as error:
        if limits.exceeded is None:
            raise
        raise LimitExceeded(limits.exceeded, sent=limits.sent, timed_out=limits.timed_out) from error
    finally:
        _running.limits = outer


def current() -> Limits | None:
    """The limits of the request that this thread is sending; None outside of one."""
    return getattr(_running, "limits", None)


def in_bytes(number: int) -> str:
    """A size for people."""
    return f"{number // 2**20} MiB" if number >= 2**20 else f"{number} bytes"
