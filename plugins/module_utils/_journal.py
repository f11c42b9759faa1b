# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The writes of one task, recorded by the clients that send them, so that every failure reports them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

DONE, UNKNOWN = "done", "unknown"


@dataclass(frozen=True)
class Write:
    """A request that changes something. ``action``: method and path, or text. ``outcome``: ``done`` or ``unknown``."""

    plane: str
    obj: str
    action: str
    outcome: str = DONE

    def record(self) -> dict[str, str]:
        return {"plane": self.plane, "object": self.obj, "action": self.action, "outcome": self.outcome}


@dataclass
class Journal:
    """``about``: the object of the current requests, for clients whose requests do not name it."""

    writes: list[Write] = field(default_factory=list)
    about: str = ""

    def note(self, plane: str, obj: str, action: str, outcome: str = DONE) -> None:
        """Record a write that the service accepted, or whose outcome is unknown. Refused writes are not recorded.

        If the same write is sent again and answered, its outcome is known.
        """
        self.writes = [one for one in self.writes if (one.plane, one.action, one.outcome) != (plane, action, UNKNOWN)]
        self.writes.append(Write(plane, obj or self.about or action, action, outcome))

    def doubt(self) -> None:
        """Mark the outcome of the last write as unknown: the answer did not come from the service."""
        if self.writes:
            self.writes[-1] = replace(self.writes[-1], outcome=UNKNOWN)

    @property
    def last(self) -> Write | None:
        return self.writes[-1] if self.writes else None

    @contextmanager
    def concerning(self, obj: str) -> Iterator[None]:
        """Set the object of the requests inside the block."""
        before, self.about = self.about, obj
        try:
            yield
        finally:
            self.about = before

    @property
    def done(self) -> list[Write]:
        return [one for one in self.writes if one.outcome == DONE]

    @property
    def unknown(self) -> list[Write]:
        return [one for one in self.writes if one.outcome == UNKNOWN]
