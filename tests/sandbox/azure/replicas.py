# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that are many servers' to answer for, some of which learn of a write later than others (Azure contract §3).

What is stored is always the truth of now. A lagging server answers a number of reads with what was before a write.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, fields
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Before(Generic[T]):
    what: T
    reads: int


@dataclass
class Replicas(Generic[T]):
    """What objects were before their recent writes, by their ids."""

    before: dict[str, list[_Before[T]]] = field(default_factory=dict)

    def remember(self, object_id: str, what: T, reads: int) -> None:
        """Keep what is there now for so many of the next reads; to be called before a write."""
        if reads > 0:
            self.before.setdefault(object_id, []).append(_Before(_copied(what), reads))

    def shown(self, object_id: str, what: T) -> T:
        """What one read shows. Each read brings all writes one read closer."""
        lagging = self.before.get(object_id)
        if not lagging:
            return what
        oldest = lagging[0].what
        for entry in lagging:
            entry.reads -= 1
        left = [entry for entry in lagging if entry.reads > 0]
        if left:
            self.before[object_id] = left
        else:
            del self.before[object_id]
        return oldest


def _copied(what: T) -> T:
    """The object with containers of its own: what is in them is replaced by writes, and not changed."""
    copied = copy.copy(what)
    for member in fields(what):  # type: ignore[arg-type]
        value = getattr(what, member.name)
        if isinstance(value, (list, dict, set)):
            setattr(copied, member.name, copy.copy(value))
    return copied
