# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The beginning of a run from a record of it: only what comes after the fault goes over the wire.

Runs are deterministic, so that two runs of an operation are the same up to the request that is disturbed. The answers
up to there are those of the undisturbed run; then the sandbox is put into the state in which that run had it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from explore.facts import Picture
from explore.scenes import Scene
from support.worlds import Call, Reply, World


@dataclass(frozen=True)
class Moment:
    """A request with its answer, and what there was then: in the sandbox, in time, and of drawn IDs."""

    call: Call
    reply: Reply
    picture: Picture
    snapshot: Any
    drawn: Any
    elapsed: float


@dataclass
class Recorder:
    scene: Scene
    moments: list[Moment] = field(default_factory=list)

    def carry(self, call: Call, send: Callable[[], Reply]) -> Reply:
        world, reply = self.scene.world, send()
        before = self.moments[-1].picture if self.moments else self.scene.start
        picture = self.scene.look() if call.is_write else before
        self.moments.append(Moment(call, reply, picture, world.sandbox.snapshot(), world.drawn, world.elapsed))
        return reply


@dataclass
class Replay:
    """``first``: the number of the first request that is sent."""

    world: World
    moments: Sequence[Moment]
    first: int
    is_live: bool = False
    place: int = 0

    def carry(self, call: Call, send: Callable[[], Reply]) -> Reply:
        if self.is_live or call.number >= self.first:
            self.go_live()
            return send()
        moment = self.moments[call.number - 1]
        if call != moment.call:
            raise AssertionError(f"{call} is another request than in the undisturbed run: {moment.call}")
        self.world.drawn, self.place = moment.drawn, call.number
        return moment.reply

    def go_live(self) -> None:
        """Put the sandbox into the state before the first request that is sent, unless that was done."""
        if self.is_live:
            return
        self.is_live = True
        if self.first > 1:
            moment = self.moments[self.first - 2]
            self.world.sandbox.restore(moment.snapshot)
            self.world.sandbox.clock.advance(self.world.elapsed - moment.elapsed)


@dataclass
class ReplayedScene(Scene):
    """A scene that looks as it did when the replayed request was sent."""

    replay: Replay | None = None

    def look(self) -> Picture:
        if self.replay is None or self.replay.is_live:
            return super().look()
        return self.replay.moments[self.replay.place - 1].picture if self.replay.place else self.start


def replayed(scene: Scene, replay: Replay) -> ReplayedScene:
    return ReplayedScene(**vars(scene), replay=replay)
