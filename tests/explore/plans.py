# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of an exploration in parts, each for one process."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from .explorer import Explorer
from .scenes import Deed, Scene

# Kind of work -> what it counts.
KINDS = {
    "pairs": "schedules",
    "kills": "kill positions",
    "lags": "lag positions",
    "throttles": "throttled writes",
    "losses": "lost answers",
    "skews": "skewed clocks",
    "repeats": "stale answers",
    "answers": "short answers",
}
# Into how many parts the work of one kind in one scene is divided.
_SPLIT = {
    "pairs": 40,
    "kills": 12,
    "lags": 12,
    "throttles": 12,
    "losses": 12,
    "skews": 12,
    "repeats": 12,
    "answers": 12,
}


@dataclass(frozen=True)
class Part:
    """What one process does without a pause. ``only``: a text in the names of what it is limited to."""

    kind: str
    scene: str
    number: int
    of: int
    depth: int = 1
    only: str = ""
    sample: int = 1

    def __str__(self) -> str:
        return f"{self.kind} {self.scene} {self.number}/{self.of}"

    def explore(self, explorer: Explorer, scene: Scene) -> None:
        getattr(self, f"_{self.kind}")(explorer, scene)

    def _pairs(self, explorer: Explorer, scene: Scene) -> None:
        both = combinations_with_replacement(scene.deeds.values(), 2)
        meeting = [(one, other) for one, other in both if _meet(scene, one, other)]
        for place, (one, other) in enumerate(meeting):
            if place % self.of == self.number and self._is_meant(one, other):
                twins = other.name == f"{one.name}, other run"
                explorer.pair(scene, one, other, 2 if twins else self.depth, around_writes=self.depth < 2)

    def _is_meant(self, *deeds: Deed) -> bool:
        return self.only in " | ".join(deed.name for deed in deeds)

    def _mine(self, scene: Scene) -> list[Deed]:
        """The deeds of this part."""
        ours = [deed for deed in scene.deeds.values() if not deed.foreign]
        share = [deed for place, deed in enumerate(ours) if place % self.of == self.number]
        return [deed for deed in share if self.only.partition(" | ")[0] in deed.name]

    def _others(self, scene: Scene, deed: Deed) -> list[Deed]:
        """Whom it can meet."""
        found = [other for other in scene.deeds.values() if _meet(scene, deed, other)]
        return [other for other in found if " | " not in self.only or self._is_meant(deed, other)]

    def _kills(self, explorer: Explorer, scene: Scene) -> None:
        for deed in self._mine(scene):
            for then in self._others(scene, deed):
                if not then.foreign and not then.destroys:
                    explorer.kills(scene, deed, then)

    def _lags(self, explorer: Explorer, scene: Scene) -> None:
        for deed in self._mine(scene):
            explorer.lags(scene, deed)
            for other in self._others(scene, deed):
                if not other.foreign:
                    explorer.lags_for_another(scene, deed, other)

    def _throttles(self, explorer: Explorer, scene: Scene) -> None:
        for deed in self._mine(scene):
            explorer.throttles(scene, deed, self._others(scene, deed))

    def _losses(self, explorer: Explorer, scene: Scene) -> None:
        for deed in self._mine(scene):
            explorer.losses(scene, deed)

    def _skews(self, explorer: Explorer, scene: Scene) -> None:
        for deed in self._mine(scene):
            rotations = [other for other in self._others(scene, deed) if other.name.startswith(("rotate", "first use"))]
            explorer.skews(scene, deed, rotations[:2])

    def _repeats(self, explorer: Explorer, scene: Scene) -> None:
        for deed in self._mine(scene):
            explorer.repeats(scene, deed)

    def _answers(self, explorer: Explorer, scene: Scene) -> None:
        for deed in scene.deeds.values():
            if not deed.foreign and self.only in deed.name:
                explorer.answers(scene, deed, self.number * self.sample, self.of * self.sample)


def _meet(scene: Scene, one: Deed, other: Deed) -> bool:
    """Whether two deeds can get in each other's way, and are not those that others of the scene stand for."""
    if one.foreign and other.foreign:
        return False
    # Of two deeds that are the same but for their name, the other one stands for both.
    twice = other is one and f"{one.name}, other run" in scene.deeds
    return bool(one.touches & other.touches) and not twice


def parts(scenes: Sequence[str], kinds: Sequence[str], depth: int, only: str, seed: int, sample: int) -> list[Part]:
    """All of the work in an order that follows from the seed, so that a run that is stopped has seen some of each."""
    work = [
        Part(kind, scene, number, _SPLIT[kind], depth, only, sample)
        for kind in kinds
        for scene in scenes
        for number in range(_SPLIT[kind])
    ]
    random.Random(seed).shuffle(work)
    return work
