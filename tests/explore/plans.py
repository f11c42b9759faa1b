# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of an exploration in parts, each for one process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    "answers": "short and stale answers",
}
# Into how many parts the work of one kind in one scene is divided.
_SPLIT = {"pairs": 40, "kills": 12, "lags": 12, "throttles": 12, "losses": 12, "skews": 12, "answers": 40}


@dataclass(frozen=True)
class Part:
    """One pair, or one deed that is disturbed."""

    kind: str
    scene: str
    number: int
    of: int
    depth: int = 1

    def __str__(self) -> str:
        return f"{self.kind} {self.scene} {self.number}/{self.of}"

    def explore(self, explorer: Explorer, scene: Scene) -> None:
        getattr(self, f"_{self.kind}")(explorer, scene)

    def _pairs(self, explorer: Explorer, scene: Scene) -> None:
        for place, (one, other) in enumerate(combinations_with_replacement(scene.deeds.values(), 2)):
            if place % self.of == self.number and one.touches & other.touches and not (one.foreign and other.foreign):
                if _twin(scene, one, other):
                    continue
                explorer.pair(scene, one, other, self.depth)

    def _mine(self, scene: Scene) -> list[Deed]:
        """The deeds of this part."""
        ours = [deed for deed in scene.deeds.values() if not deed.foreign]
        return [deed for place, deed in enumerate(ours) if place % self.of == self.number]

    @staticmethod
    def _others(scene: Scene, deed: Deed) -> list[Deed]:
        """Whom it can meet."""
        return [
            other for other in scene.deeds.values() if other.touches & deed.touches and not _twin(scene, deed, other)
        ]

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

    def _answers(self, explorer: Explorer, scene: Scene) -> None:
        for deed in scene.deeds.values():
            if not deed.foreign:
                explorer.answers(scene, deed, self.number, self.of)


def _twin(scene: Scene, deed: Deed, other: Deed) -> bool:
    """Of two deeds that are the same but for their name, the other one stands for both."""
    return other is deed and f"{deed.name}, other run" in scene.deeds


def parts(scenes: Sequence[str], kinds: Sequence[str], depth: int) -> Iterator[Part]:
    for kind in kinds:
        for scene in scenes:
            for number in range(_SPLIT[kind]):
                yield Part(kind, scene, number, _SPLIT[kind], depth)
