# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Schedules: which there are, which of them come to the same, and each of them run and judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from support.worlds import Call, Disturbance, Event, Outcome, Segment

from .judge import Finding, Judge, converges
from .scenes import Deed, Scene


@dataclass
class Tally:
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    known: set[tuple[object, ...]] = field(default_factory=set)
    report: Callable[[Finding], None] = lambda _finding: None

    def add(self, finding: Finding) -> None:
        self.counts["findings, repetitions included"] += 1
        if finding.key not in self.known:
            self.known.add(finding.key)
            self.findings.append(finding)
            self.report(finding)


@dataclass
class Ran:
    outcomes: list[Outcome]
    events: list[Event]
    judge: Judge


class Explorer:
    """Runs schedules in one scene after the other. States from which all comes to a good end are remembered."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._converged: dict[tuple[object, ...], list[tuple[str, str]]] = {}

    def run(
        self,
        scene: Scene,
        deeds: Sequence[Deed],
        plan: Sequence[Segment],
        disturbances: Sequence[Disturbance] = (),
        label: str = "",
    ) -> Ran:
        world = scene.world
        world.reset(scene.kept)
        judge = Judge(scene, deeds)
        world.observer = judge
        outcomes = world.together([deed.job for deed in deeds], plan, disturbances)
        events = list(world.events)
        judge.close(outcomes, events)
        complaints = [*judge.complaints, *self._convergence(scene, deeds, judge)]
        text = label or shown_plan(deeds, plan)
        for kind, what in complaints:
            trace = (*map(str, events), *(f"{d.name}: {o}" for d, o in zip(deeds, outcomes, strict=True)))
            self.tally.add(Finding(scene.name, tuple(deed.name for deed in deeds), text, kind, what, trace))
        return Ran(outcomes, events, judge)

    def _convergence(self, scene: Scene, deeds: Sequence[Deed], judge: Judge) -> list[tuple[str, str]]:
        key = (scene.name, judge.now.print, *sorted(deed.name for deed in deeds))
        if key not in self._converged:
            self.tally.counts["runs to convergence"] += 1
            self._converged[key] = list(converges(scene, deeds, judge))
        return self._converged[key]

    # Two runs ---------------------------------------------------------------------------------------------------------

    def pair(self, scene: Scene, first: Deed, second: Deed, depth: int = 1) -> None:
        """All schedules of two deeds with at most ``depth`` switches away from a run that is not at its end."""
        self.tally.counts["pairs"] += 1
        for one, other in ((first, second), (second, first)):
            if not one.foreign:
                self._interleave(scene, one, other, depth)

    def _interleave(self, scene: Scene, one: Deed, other: Deed, depth: int) -> None:
        deeds = (one, other)
        # One after the other: whom each meets in what order.
        whole = self._schedule(scene, deeds, [(0, None), (1, None)])
        theirs = [event.call for event in whole.events if event.call.actor == "B"]
        mine = [event.call for event in whole.events if event.call.actor == "A"]
        for place, call in enumerate(mine):
            if other.foreign or any(collide(call, their) for their in theirs):
                ran = self._schedule(scene, deeds, [(0, place), (1, None), (0, None)])
                if depth > 1 and not other.foreign:
                    self._twice(scene, deeds, place, ran)

    def _twice(self, scene: Scene, deeds: Sequence[Deed], place: int, ran: Ran) -> None:
        """The second stops on its way, too, and goes on when the first has come to its end."""
        theirs = [event.call for event in ran.events if event.call.actor == "B"]
        rest = [event.call for event in ran.events if event.call.actor == "A"][place:]
        for number in range(1, len(theirs)):
            if any(collide(theirs[number], call) for call in rest):
                self._schedule(scene, deeds, [(0, place), (1, number), (0, None), (1, None)])

    def _schedule(self, scene: Scene, deeds: Sequence[Deed], plan: Sequence[Segment]) -> Ran:
        self.tally.counts["schedules"] += 1
        return self.run(scene, deeds, plan)

    # One run, disturbed ------------------------------------------------------------------------------------------------

    def kills(self, scene: Scene, deed: Deed, then: Deed) -> None:
        """Gone after each request, and another run afterwards."""
        solo = self.run(scene, [deed], [(0, None)])
        for number in range(1, len(solo.events) + 1):
            self.tally.counts["kill positions"] += 1
            self.run(
                scene,
                [deed, then],
                [(0, None), (1, None)],
                [Disturbance(kill_after=number)],
                f"{deed.name} is killed after request {number}, then {then.name}",
            )


def shown_plan(deeds: Sequence[Deed], plan: Sequence[Segment]) -> str:
    return ", ".join(f"{'ABC'[index]}{'' if number is None else number}" for index, number in plan)


# Which requests do not commute ------------------------------------------------------------------------------------------


def collide(one: Call, other: Call) -> bool:
    """Whether the order of two requests can matter: one writes what the other writes or reads."""
    if not (one.is_write or other.is_write):
        return False
    return any(_same(mine, theirs) for mine in footprint(one) for theirs in footprint(other))


def _same(mine: str, theirs: str) -> bool:
    return mine == theirs or (mine[-1] == "*" and theirs.startswith(mine[:-1])) or (
        theirs[-1] == "*" and mine.startswith(theirs[:-1])
    )


def footprint(call: Call) -> set[str]:
    """The objects that a request reads or writes, roughly; what is meant is on the safe side."""
    parts = [part for part in call.path.split("/") if part]
    if call.host.startswith("graph."):
        return {"entra"}
    if call.host.startswith("login."):
        return {"entra"} if call.method == "POST" else {"discovery"}
    if call.host.startswith("management."):
        names = [after for part, after in zip(parts, parts[1:], strict=False) if part.lower() in ("vaults", "managedhsms")]
        return {f"azure {name.lower()}" for name in names} or {"azure *"}
    if "hmg" in parts:
        own = {f"group {parts[3]}"} if len(parts) > 5 else set[str]()
        return {"entra", "azure *", *own}
    if parts[2:3] == ["groups"]:
        return {f"group {parts[3]}"} if len(parts) > 3 else {"group *"}
    return {"dsm *"}


def solo_runs(scene: Scene, deeds: Sequence[Deed]) -> Iterator[Deed]:
    yield from (deed for deed in deeds if not deed.foreign and scene)
