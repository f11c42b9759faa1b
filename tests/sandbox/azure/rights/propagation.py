# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of rights that are not in force, or not to be read, at once (Azure contract §1.3, §1.7).

Both can be delayed by time of the sandbox's clock, and by a number of calls for tests that cannot wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ...clock import Clock

T = TypeVar("T")


@dataclass
class Propagation:
    """How slowly one cloud lets a change of rights take effect."""

    clock: Clock = field(default_factory=Clock)
    delay: float = 0.0
    """Seconds until decisions follow a change."""
    uses: int = 0
    """How many uses of keys after a change are still judged by what was before it."""
    read_lag: float = 0.0
    """Seconds until Resource Manager's reads show a change."""
    reads: int = 0
    """How many of Resource Manager's reads after a change still show what was before it."""


@dataclass
class _Before(Generic[T]):
    """What a list held before a change, and until when it still counts. How slow a change is, it keeps."""

    entries: tuple[T, ...]
    in_force_until: float
    uses: int
    readable_until: float
    reads: int


class History(Generic[T]):
    """What one list of rights held before its recent changes. The list itself is always the truth of now."""

    def __init__(self) -> None:
        self._past: list[_Before[T]] = []

    def remember(self, entries: Iterable[T], propagation: Propagation) -> None:
        """To be called with the list's content before each change of it."""
        now, lag = propagation.clock.now(), propagation
        before = _Before(tuple(entries), now + lag.delay, lag.uses, now + lag.read_lag, lag.reads)
        known = (*self._past, before)
        self._past = [
            was for was in known if was.uses or was.reads or now < max(was.in_force_until, was.readable_until)
        ]

    def forget(self) -> None:
        """Let all changes so far be in force, and readable."""
        self._past.clear()

    def in_force(self, entries: Sequence[T], propagation: Propagation, use: bool = False) -> Sequence[T]:
        """What decisions go by. A `use` of a key brings each change one use closer to its effect."""
        now = propagation.clock.now()
        old = next((was for was in self._past if was.uses or now < was.in_force_until), None)
        if use:
            for was in self._past:
                was.uses = max(was.uses - 1, 0)
        return entries if old is None else old.entries

    def readable(self, entries: Sequence[T], propagation: Propagation) -> Sequence[T]:
        """What one read by Resource Manager shows."""
        now = propagation.clock.now()
        old = next((was for was in self._past if was.reads or now < was.readable_until), None)
        for was in self._past:
            was.reads = max(was.reads - 1, 0)
        return entries if old is None else old.entries
