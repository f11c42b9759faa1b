# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks the simulated world on purpose, and puts it back as it was before the first break."""

from __future__ import annotations

from collections.abc import Callable

from ..snapshot import Snapshot
from .breaks import BREAKS, VAULT, Break, NotPossible, Scene


class Rehearsal:
    """To be used in the sandbox's thread. ``take``: makes a snapshot of everything."""

    def __init__(self, scene: Scene, take: Callable[[], Snapshot]) -> None:
        self._scene = scene
        self._take = take
        self._before: Snapshot | None = None
        self.broken: list[str] = []
        """The breaks in force, in the order in which they were asked for."""

    def break_(self, what: str) -> Break:
        """Carry out one break.

        Raises:
            NotPossible: there is no such break, it is in force, or it lacks what it would break.
        """
        if what not in BREAKS:
            raise NotPossible(f"There is no break {what!r}. One of: {', '.join(BREAKS)}.")
        if self.broken and what in self.broken:
            raise NotPossible(f"The break {what!r} is in force. Restore first.")
        if VAULT not in self._scene.azure.vaults:
            raise NotPossible(
                f"The vault {VAULT} is not there: restore first. A sandbox that was started empty has none."
            )
        before = self._take()
        try:
            BREAKS[what].deed(self._scene)
        except BaseException:
            before.restore()
            raise
        self._before = self._before or before
        self.broken.append(what)
        return BREAKS[what]

    def restore(self) -> list[str]:
        """Put all back as it was before the first break; the breaks that were in force."""
        gone, self.broken = self.broken, []
        if self._before is not None:
            self._before.restore()
            self._before = None
        return gone
