# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One case: an operation is disturbed at one request, and then run again without a fault; all that is wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from explore.facts import Picture
from explore.judge import SETTLING, Finding, Judge
from explore.scenes import MARK, Deed, Scene
from support.worlds import Call, Disturbance, Event, Outcome, Reply

from . import claims
from .faults import KILL, Answers, Fault
from .replay import Moment, Recorder, Replay, replayed
from .shown import Canaries, ShownJob, all_texts
from .stage import Stage
from .subjects import KNOWN, Subject

# Virtual seconds, and requests, that one fault may cost beside what the undisturbed run takes.
LONGEST, MOST_REQUESTS = 3600.0, 400
_BEFORE = f"{MARK}-link-credential-before"


@dataclass
class Solo:
    """The undisturbed run of a deed: its requests, and the states in which it and a second run of it end."""

    moments: list[Moment]
    first: Picture
    again: Picture
    elapsed: float

    @property
    def answers(self) -> Answers:
        return [(moment.call, moment.reply) for moment in self.moments]

    def is_end(self, seen: Picture) -> bool:
        return _end(seen) in (_end(self.first), _end(self.again))


@dataclass
class Ran:
    outcome: Outcome
    events: list[Event]
    judge: Judge


@dataclass
class Sweeper:
    """Carries out cases; ``counts``: of cases by outcome."""

    stage: Stage
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    _solos: dict[str, Solo] = field(default_factory=dict)
    _second: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """What is wrong with a second run from a state: cases that leave the same state share it."""

    def positions(self, subject: Subject) -> int:
        return len(self.solo(subject).answers)

    def number_of(self, subject: Subject, request: str) -> int:
        """The number of the first request such as ``PUT /vaults/kv-.*``: method, and the end of the path as a pattern.

        ``PUT /vaults/kv-.*, 2``: the second one. Tests name requests so: a number is that of another request as soon as
        the operation sends one more.
        """
        wanted, _comma, which = request.partition(", ")
        method, end = wanted.split(" ")
        found = [
            call.number
            for call, _reply in self.solo(subject).answers
            if call.method == method and re.search(f"{end}$", call.path)
        ]
        return found[int(which or 1) - 1]

    def solo(self, subject: Subject) -> Solo:
        if subject.name not in self._solos:
            scene, deed = self.stage.deed(subject.scene, subject.deed)
            self.stage.begin(scene)
            recorder = Recorder(scene)
            ran = self._run(scene, deed, Disturbance(carry=recorder.carry), scene.start)
            first = scene.look()
            self._expect_success(subject, ran)
            self.stage.world.pass_time(SETTLING)
            again = self._run(scene, deed, Disturbance(), first)
            if not (deed.refuses and deed.refuses in str(again.outcome.failure)):
                self._expect_success(subject, again)
            self._solos[subject.name] = Solo(recorder.moments, first, scene.look(), ran.outcome.elapsed)
        return self._solos[subject.name]

    def case(self, subject: Subject, number: int, fault: Fault) -> bool:
        """Whether there is such a case; some faults make no difference to some requests."""
        solo = self.solo(subject)
        if subject.is_play and fault is not KILL:
            return False
        disturbance = fault.make(self.stage.world, solo.answers, number)
        if disturbance is None:
            return False
        scene, deed = self.stage.deed(subject.scene, subject.deed)
        self.stage.begin(scene)
        replay = Replay(self.stage.world, solo.moments, number)
        disturbance.carry = replay.carry
        ran = self._run(replayed(scene, replay), deed, disturbance, scene.start, replay)
        self.counts["cases"] += 1
        self.counts[f"outcome: {self._kind(ran)}"] += 1
        left = scene.look()
        wrong = list(self._wrong(solo, deed, ran, left, fault))
        wrong += self._of_second(subject, scene, deed, solo, left)
        known = KNOWN.get((subject.name, fault.name))
        for text in wrong:
            if known is None or not text.startswith(known):
                self._complain(subject, number, fault, ran, text)
        return True

    # One run ----------------------------------------------------------------------------------------------------------

    def _run(
        self, scene: Scene, deed: Deed, disturbance: Disturbance, before: Picture, replay: Replay | None = None
    ) -> Ran:
        world, job = self.stage.world, deed.job
        assert isinstance(job, ShownJob)
        canaries = Canaries(self.stage.secrets())
        judge = Judge(scene, [deed])
        judge.now, judge.pictures = before, [before]
        world.events, world.observer = [], judge
        outcome = world.alone(job, _noting(disturbance, canaries))
        if replay is not None:
            replay.go_live()
        judge.close([outcome], world.events)
        ran = Ran(outcome, list(world.events), judge)
        shown = canaries.in_text(all_texts(job, outcome.warnings))
        if shown is not None:
            judge.complaints.append(("secret", f"a credential is shown: {shown}"))
        return ran

    def _wrong(self, solo: Solo, deed: Deed, ran: Ran, left: Picture, fault: Fault) -> Iterator[str]:
        yield from (f"{kind}: {text}" for kind, text in ran.judge.complaints)
        assert isinstance(deed.job, ShownJob)
        outcome = ran.outcome
        if outcome.killed:
            return
        yield from claims.of_form(deed.job.shown)
        yield from claims.of_cause(deed.job.shown, fault.name)
        if outcome.result is not None and deed.is_final(outcome.result) and not solo.is_end(left):
            yield f"says ok, and has come to another end: {_differences(left, solo)}"
        if outcome.elapsed > solo.elapsed + LONGEST:
            yield f"it takes {outcome.elapsed:.0f} seconds"
        if len(ran.events) > len(solo.answers) + MOST_REQUESTS:
            yield f"it takes {len(ran.events)} requests"

    def _of_second(self, subject: Subject, scene: Scene, deed: Deed, solo: Solo, left: Picture) -> list[str]:
        """What is wrong when it is run again without a fault, from the state that was left."""
        key = (subject.name, left.print)
        if key not in self._second:
            self.counts["second runs"] += 1
            self._second[key] = list(self._second_run(scene, deed, solo, left))
        return self._second[key]

    def _second_run(self, scene: Scene, deed: Deed, solo: Solo, left: Picture) -> Iterator[str]:
        self.stage.world.pass_time(SETTLING)
        ran = self._run(scene, deed, Disturbance(), left)
        yield from (f"second run: {kind}: {text}" for kind, text in ran.judge.complaints)
        failure = ran.outcome.failure
        if failure is not None and not (deed.refuses and deed.refuses in str(failure)):
            yield f"second run: fails: {failure}"
        end = scene.look()
        if not solo.is_end(end):
            yield f"second run: it does not come to the end of an undisturbed run: {_differences(end, solo)}"

    def _kind(self, ran: Ran) -> str:
        return "succeeded" if ran.outcome.result is not None else ran.outcome.kind

    def _expect_success(self, subject: Subject, ran: Ran) -> None:
        if ran.outcome.result is None or ran.judge.complaints:
            raise AssertionError(f"{subject.name}: {ran.outcome} {ran.judge.complaints}") from (
                ran.outcome.crash or ran.outcome.failure
            )

    def _complain(self, subject: Subject, number: int, fault: Fault, ran: Ran, text: str) -> None:
        trace = (*map(str, ran.events), str(ran.outcome))
        kind, _colon, what = text.partition(": ")
        label = f"request {number}, {fault.name}"
        self.findings.append(Finding(subject.scene, (subject.deed,), label, kind, what, trace))


def _end(seen: Picture) -> str:
    """The same for two states that differ in nothing that lasts: DSM's note of the credential of before is history."""
    facts = {fact: number for fact, number in seen.facts.items() if not (fact[0] == "metadata" and fact[2] == _BEFORE)}
    return replace(seen, facts=Counter(facts)).print


def _differences(seen: Picture, solo: Solo) -> str:
    return "; ".join((seen.differences(solo.first) or ["who holds which credential"])[:6])


def _noting(disturbance: Disturbance, canaries: Canaries) -> Disturbance:
    """The same disturbance, whose requests and answers leave their credentials in the canaries."""

    def before(call: Call) -> Reply | None:
        canaries.note(call, None)
        return disturbance.before(call) if disturbance.before is not None else None

    def after(call: Call, reply: Reply) -> Reply:
        canaries.note(call, reply)
        return disturbance.after(call, reply) if disturbance.after is not None else reply

    return replace(disturbance, before=before, after=after)
