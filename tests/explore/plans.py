# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of an exploration in parts, each for one process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from .explorer import Explorer
from .scenes import Scene

# Kind of work -> what it counts.
KINDS = {
    "pairs": "schedules",
    "kills": "kill positions",
}


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
                if one is other and f"{one.name}, other run" in scene.deeds:
                    continue
                explorer.pair(scene, one, other, self.depth)

    def _kills(self, explorer: Explorer, scene: Scene) -> None:
        for place, deed in enumerate(one for one in scene.deeds.values() if not one.foreign):
            if place % self.of == self.number:
                for then in scene.deeds.values():
                    if then is deed or (then.touches & deed.touches and not then.foreign and not then.destroys):
                        explorer.kills(scene, deed, then)


def parts(scenes: Sequence[str], kinds: Sequence[str], depth: int) -> Iterator[Part]:
    split = {"pairs": 12, "kills": 6}
    for kind in kinds:
        for scene in scenes:
            for number in range(split[kind]):
                yield Part(kind, scene, number, split[kind], depth)
