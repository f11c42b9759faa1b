# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Schedules: which there are, which of them come to the same, and each of them run and judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from support.worlds import Call, Disturbance, Event, Outcome, Reply, Segment

from .disturbances import LOST, lagging, lost_answer, repeated, rewritten, short_answers, throttled, unavailable
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
    answers: list[Reply] = field(default_factory=list)


class Explorer:
    """Runs schedules in one scene after the other. States from which all comes to a good end are remembered."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._converged: dict[tuple[object, ...], list[tuple[str, str]]] = {}
        self._solos: dict[tuple[str, str], Ran] = {}

    def run(
        self,
        scene: Scene,
        deeds: Sequence[Deed],
        plan: Sequence[Segment],
        disturbances: Sequence[Disturbance] = (),
        label: str = "",
        blind: Mapping[str, int] | None = None,
    ) -> Ran:
        world = scene.world
        world.reset(scene.kept)
        judge = Judge(scene, deeds, blind or {})
        world.observer = judge
        outcomes = world.together([deed.job for deed in deeds], plan, disturbances)
        events = list(world.events)
        judge.close(outcomes, events)
        complaints = [*judge.complaints, *self._convergence(scene, deeds, judge)]
        text = label or shown_plan(plan)
        ran = Ran(outcomes, events, judge)
        self.tally.counts["runs with a loss in a gap of one round trip"] += bool(judge.gaps)
        for kind, what in complaints:
            self._complain(scene, deeds, ran, text, kind, what)
        return ran

    def _convergence(self, scene: Scene, deeds: Sequence[Deed], judge: Judge) -> list[tuple[str, str]]:
        key = (scene.name, judge.now.print, *sorted(deed.name for deed in deeds))
        if key not in self._converged:
            self.tally.counts["runs to convergence"] += 1
            self._converged[key] = list(converges(scene, deeds))
        return self._converged[key]

    # Two runs ---------------------------------------------------------------------------------------------------------

    def pair(self, scene: Scene, first: Deed, second: Deed, depth: int = 1, around_writes: bool = False) -> None:
        """All schedules of two deeds with at most ``depth`` switches away from a run that is not at its end.

        ``around_writes``: of two switches, only those immediately before or after a write of the run that is left.
        """
        self.tally.counts["pairs"] += 1
        for one, other in ((first, second), (second, first)):
            if not one.foreign:
                self._interleave(scene, one, other, depth, around_writes)

    def _interleave(self, scene: Scene, one: Deed, other: Deed, depth: int, around_writes: bool) -> None:
        deeds = (one, other)
        # One after the other: whom each meets in what order.
        whole = self._schedule(scene, deeds, [(0, None), (1, None)])
        theirs = [event.call for event in whole.events if event.call.actor == "B"]
        mine = [event.call for event in whole.events if event.call.actor == "A"]
        for place, call in enumerate(mine):
            if other.foreign or any(collide(call, their) for their in theirs):
                ran = self._schedule(scene, deeds, [(0, place), (1, None), (0, None)])
                if depth > 1 and not other.foreign and (not around_writes or _at_write(mine, place)):
                    self._twice(scene, deeds, place, ran, around_writes)

    def _twice(self, scene: Scene, deeds: Sequence[Deed], place: int, ran: Ran, around_writes: bool) -> None:
        """The second stops on its way, too, and goes on when the first has come to its end."""
        theirs = [event.call for event in ran.events if event.call.actor == "B"]
        rest = [event.call for event in ran.events if event.call.actor == "A"][place:]
        for number in range(1, len(theirs)):
            if around_writes and not _at_write(theirs, number):
                continue
            if any(collide(theirs[number], call) for call in rest):
                self._schedule(scene, deeds, [(0, place), (1, number), (0, None), (1, None)])

    def _schedule(self, scene: Scene, deeds: Sequence[Deed], plan: Sequence[Segment]) -> Ran:
        self.tally.counts["schedules"] += 1
        return self.run(scene, deeds, plan)

    # One run, disturbed -----------------------------------------------------------------------------------------------

    def solo(self, scene: Scene, deed: Deed) -> Ran:
        """The undisturbed run, with its answers."""
        key = (scene.name, deed.name)
        if key not in self._solos:
            answers: list[Reply] = []

            def keep(_call: Call, reply: Reply) -> Reply:
                answers.append(reply)
                return reply

            self._solos[key] = self.run(scene, [deed], [(0, None)], [Disturbance(after=keep)])
            self._solos[key].answers = answers
        return self._solos[key]

    def kills(self, scene: Scene, deed: Deed, then: Deed) -> None:
        """Gone after each request, and another run afterwards. After a read it is as after the write before it."""
        events = self.solo(scene, deed).events
        for number in range(1, len(events) + 1):
            self.tally.counts["kill positions"] += 1
            if number > 1 and not events[number - 1].call.is_write:
                continue
            self.run(
                scene,
                [deed, then],
                [(0, None), (1, None)],
                [Disturbance(kill_after=number)],
                f"A is killed after request {number}, then B",
            )

    def lags(self, scene: Scene, deed: Deed) -> None:
        """Reads that show what was before one write, or before each."""
        events = self.solo(scene, deed).events
        writes = [number for number, event in enumerate(events, 1) if event.call.is_write]
        for reads in (1, 2, 3, 5):
            for numbers in (*((one,) for one in writes), *([None] if len(writes) > 1 else [])):
                self._disturbed(
                    scene,
                    deed,
                    "lag positions",
                    lagging(scene.world, reads, numbers),
                    f"{reads} reads lag behind {numbers or 'every write'}",
                )

    def lags_for_another(self, scene: Scene, deed: Deed, other: Deed) -> None:
        """The next run begins while reads still show what was before the last write of the first."""
        for reads in (1, 2, 4):
            self.tally.counts["lag positions"] += 1
            text = f"A, then B; {reads} reads lag behind each write of A"
            lag = [lagging(scene.world, reads)]
            self.run(scene, [deed, other], [(0, None), (1, None)], lag, text, {"B": reads})

    def throttles(self, scene: Scene, deed: Deed, others: Sequence[Deed]) -> None:
        """A write refused at first; another run goes by in the pause."""
        for number, event in enumerate(self.solo(scene, deed).events, 1):
            if not event.call.is_write:
                continue
            for status in (429, 503):
                self._disturbed(
                    scene, deed, "throttled writes", throttled(number, status), f"request {number} gets {status}"
                )
            for other in others:
                if other.foreign or any(collide(event.call, their.call) for their in self.solo(scene, other).events):
                    self.tally.counts["throttled writes"] += 1
                    text = f"request {number} of A gets 429, B runs in the pause"
                    self.run(scene, [deed, other], [(0, number), (1, None), (0, None)], [throttled(number)], text)

    def losses(self, scene: Scene, deed: Deed) -> None:
        """Writes whose answer is lost, or that are refused; reads that fail once."""
        for number, event in enumerate(self.solo(scene, deed).events, 1):
            for how in LOST if event.call.is_write else ():
                self._disturbed(scene, deed, "lost answers", lost_answer(number, how), f"answer {number} is {how}")
            for status in (403,) if event.call.is_write else (403, 404, 503):
                self._disturbed(
                    scene, deed, "lost answers", unavailable(number, status), f"request {number} gets {status}"
                )

    def answers(self, scene: Scene, deed: Deed, share: int = 0, of: int = 1) -> None:
        """Every answer cut short in every way: the result is right, or a typed failure."""
        for number, reply in enumerate(self.solo(scene, deed).answers, 1):
            for place, (what, rewrite) in enumerate(short_answers(reply.body)):
                if (place + number) % of == share:
                    text = f"answer {number}: {what}"
                    self._misled(scene, deed, "short answers", rewritten(number, rewrite), text)

    def repeats(self, scene: Scene, deed: Deed) -> None:
        """Every answer replaced by each earlier one to the same request, as a cache or a replica that lags gives it."""
        solo = self.solo(scene, deed)
        for number, reply in enumerate(solo.answers, 1):
            known = {reply.body}
            for earlier, before in enumerate(solo.answers[: number - 1], 1):
                if before.body in known or not same_route(solo.events[earlier - 1].call, solo.events[number - 1].call):
                    continue
                known.add(before.body)
                text = f"answer {number} is that of request {earlier} again"
                self._misled(scene, deed, "stale answers", repeated(number, before), text)

    def _misled(self, scene: Scene, deed: Deed, count: str, disturbance: Disturbance, text: str) -> None:
        """A run that gets a wrong answer: it comes to the end that it comes to without, or fails."""
        solo = self.solo(scene, deed)
        ran = self._disturbed(scene, deed, count, disturbance, text)
        if ran.outcomes[0].result is not None and ran.judge.now.print != solo.judge.now.print:
            differs = ran.judge.now.differences(solo.judge.now) or ["who holds which credential"]
            told = f"ok, and it has come to another end: {'; '.join(differs[:4])}"
            self._complain(scene, [deed], ran, text, "wrong result", told)

    def skews(self, scene: Scene, deed: Deed, others: Sequence[Deed]) -> None:
        """The clock of the control node is wrong; another run, whose clock is right, meets it on its way."""
        for skew in (-7200.0, -180.0, 180.0, 7200.0):
            self._disturbed(scene, deed, "skewed clocks", Disturbance(skew=skew), f"the clock is {skew:+.0f} s")
            for other in others:
                theirs = [event.call for event in self.solo(scene, other).events]
                for number, event in enumerate(self.solo(scene, deed).events):
                    if event.call.is_write and any(collide(event.call, their) for their in theirs):
                        self.tally.counts["skewed clocks"] += 1
                        plan: list[Segment] = [(0, number + 1), (1, None), (0, None)]
                        text = f"{shown_plan(plan)}; the clock of B is {skew:+.0f} s"
                        self.run(scene, [deed, other], plan, [Disturbance(), Disturbance(skew=skew)], text)

    def _disturbed(self, scene: Scene, deed: Deed, count: str, disturbance: Disturbance, text: str) -> Ran:
        self.tally.counts[count] += 1
        return self.run(scene, [deed], [(0, None)], [disturbance], text)

    def _complain(self, scene: Scene, deeds: Sequence[Deed], ran: Ran, label: str, kind: str, what: str) -> None:
        trace = (*map(str, ran.events), *(f"{d.name}: {o}" for d, o in zip(deeds, ran.outcomes, strict=True)))
        self.tally.add(Finding(scene.name, tuple(deed.name for deed in deeds), label, kind, what, trace))


def _at_write(calls: Sequence[Call], place: int) -> bool:
    """Whether the request at this place, or the one before it, is a write."""
    return any(call.is_write for call in calls[max(place - 1, 0) : place + 1])


def shown_plan(plan: Sequence[Segment]) -> str:
    return ", ".join(f"{'ABC'[index]}{'' if number is None else number}" for index, number in plan)


# Which requests do not commute ----------------------------------------------------------------------------------------


def collide(one: Call, other: Call) -> bool:
    """Whether the order of two requests can matter: one writes what the other writes or reads."""
    if not (one.is_write or other.is_write):
        return False
    return any(_same(mine, theirs) for mine in footprint(one) for theirs in footprint(other))


def _same(mine: str, theirs: str) -> bool:
    return (
        mine == theirs
        or (mine[-1] == "*" and theirs.startswith(mine[:-1]))
        or (theirs[-1] == "*" and mine.startswith(theirs[:-1]))
    )


def footprint(call: Call) -> set[str]:
    """The objects that a request reads or writes, roughly and on the safe side."""
    parts = [part for part in call.path.split("/") if part]
    if call.host.startswith("graph."):
        return {"entra"}
    if call.host.startswith("login."):
        return {"entra"} if call.method == "POST" else {"discovery"}
    if call.host.startswith("management."):
        stores = [after for part, after in pairwise(parts) if part.lower() in ("vaults", "managedhsms")]
        # A vault with its policies on the one hand, roles at it on the other.
        kind = "roles" if "Microsoft.Authorization" in parts else "azure"
        return {f"{kind} {name.lower()}" for name in stores} or {f"{kind} *"}
    if "hmg" in parts:
        own = {f"group {parts[3]}"} if len(parts) > 5 else set[str]()
        return {"entra", "azure *", "roles *", *own}
    if parts[2:3] == ["groups"]:
        return {f"group {parts[3]}"} if len(parts) > 3 else {"group *"}
    return {"dsm *"}


def same_route(one: Call, other: Call) -> bool:
    """Whether one answer could be taken for the other: by a cache, or by a replica that lags."""
    asked = (one.method, one.host, one.path, one.query) == (other.method, other.host, other.path, other.query)
    return asked and (one.body == other.body or not one.path.endswith("$batch"))
