# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must hold in every run, looked at in the sandbox's state after each write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from support.worlds import Event, Outcome

from .claims import shown
from .facts import Fact, Health, Picture
from .scenes import Deed, Scene

_NOTHING = ("nothing was written", "nothing was changed")
# Virtual seconds after which no run of before counts as alive.
SETTLING = 900.0
# Claims that are as old as the read they come from.
_OF_ITS_READS = (
    "the result lists credentials",
    "is said to be connected, and is not",
    "is not at the application",
)


@dataclass(frozen=True)
class Finding:
    """What did not hold. ``kind`` and ``text`` name it; the trace is that of the schedule up to then."""

    scene: str
    deeds: tuple[str, ...]
    schedule: str
    kind: str
    text: str
    trace: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """Of findings with the same key, one is enough to look at."""
        return (self.scene, self.deeds, self.kind, self.text[:60])

    def __str__(self) -> str:
        return f"{self.scene}: {' | '.join(self.deeds)} [{self.schedule}] {self.kind}: {self.text}"


@dataclass
class Judge:
    """Looks on while a schedule runs."""

    scene: Scene
    deeds: Sequence[Deed]
    now: Picture = field(init=False)
    pictures: list[Picture] = field(init=False)
    blind: Mapping[str, int] = field(default_factory=dict)
    """Actor -> how many of its first reads of Azure show what was before others wrote."""
    complaints: list[tuple[str, str]] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    """What was lost although the write followed at once on a read of the same object, or all reads before it were old.

    No client can close that.
    """
    _events: list[Event] = field(default_factory=list)
    _net: dict[str, Counter[Fact]] = field(default_factory=dict)
    """Actor -> what its writes have come to, by and by."""
    _cut_in_gap: dict[str, str] = field(default_factory=dict)
    """Group -> the actor whose write has cut it off."""

    def __post_init__(self) -> None:
        self.now = self.scene.start
        # Before the first event, and after each.
        self.pictures = [self.now]

    def __call__(self, event: Event) -> None:
        before, names = self.now, ("A", "B", "C")
        if event.call.method == "DEED" or (event.sent and event.call.is_write):
            self.now = self.scene.look()
            event.changed = self.now.facts != before.facts
        self.pictures.append(self.now)
        self._events.append(event)
        if not event.changed:
            return
        deed = self.deeds[names.index(event.call.actor)]
        in_gap = self._is_in_gap(event)
        net = self._net.setdefault(event.call.actor, Counter())
        net.update(self.now.facts)
        net.subtract(before.facts)
        if in_gap:
            # What it has taken without having been able to know of it is not what it denies.
            net.update(fact for fact in (before.facts - self.now.facts).elements() if not deed.removes(fact))
        for kind, text in _losses(deed, before, self.now):
            told = f"by {deed.name}, {event.call}: {text}"
            if in_gap and kind != "duplicate":
                self.gaps.append(told)
                if kind == "disconnected":
                    self._cut_in_gap[text.partition(" has lost ")[0]] = event.call.actor
            else:
                self.complaints.append((kind, told))

    def _is_in_gap(self, event: Event) -> bool:
        """Whether somebody has written the object between this write and the read immediately before it."""
        mine = [place for place, one in enumerate(self._events[:-1]) if one.call.actor == event.call.actor]
        if not mine or event.call.method == "DEED":
            return False
        reads = [self._events[place].call for place in mine if self._events[place].call.host == event.call.host]
        if 0 < len(reads) <= self.blind.get(event.call.actor, 0):
            return True
        read = self._events[mine[-1]].call
        between = self._events[mine[-1] + 1 : -1]
        is_read_of_it = not read.is_write and (read.host, read.path) == (event.call.host, event.call.path)
        return is_read_of_it and any(one.changed for one in between)

    def close(self, outcomes: Sequence[Outcome], events: Sequence[Event]) -> None:
        """When all have come to their end."""
        for index, (deed, outcome) in enumerate(zip(self.deeds, outcomes, strict=True)):
            mine = [place for place, event in enumerate(events) if event.call.actor == "ABC"[index]]
            if outcome.crash is not None:
                self.complaints.append(("crash", f"{deed.name}: {type(outcome.crash).__name__}: {outcome.crash}"))
            if deed.foreign or outcome.killed or outcome.crash is not None or not mine:
                continue
            for text in self._claims(deed, outcome, mine, [events[place] for place in mine]):
                self.complaints.append(("claim", f"{deed.name}: {text}"))
        broken = {aspect for deed in self.deeds for aspect in deed.breaks}
        for group, health in self.now.health.items():
            was = self.scene.start.health.get(group)
            if group in self._cut_in_gap and not self._is_silent(self._cut_in_gap[group], outcomes):
                continue
            if not health.credential and "credential" not in broken and (was is None or was.credential):
                self.complaints.append(("dead group", f"{group} is left with a credential that the application lacks"))

    def _is_silent(self, actor: str, outcomes: Sequence[Outcome]) -> bool:
        """Whether a run that could have seen the group dead, as it is logged in to DSM, says ok all the same."""
        index = "ABC".index(actor)
        return self.deeds[index].tests_groups and outcomes[index].result is not None

    def _claims(self, deed: Deed, outcome: Outcome, places: Sequence[int], mine: Sequence[Event]) -> Iterator[str]:
        # Who sees old answers has seen what was at the very beginning.
        began = 0 if mine[0].call.actor in self.blind else places[0]
        before, after = self.pictures[began], self.pictures[outcome.at]
        moments = self._moments(outcome, places, mine)
        changed = [event for event in mine if event.changed]
        if outcome.result is not None:
            wrote = [event for event in mine if event.call.is_write and event.status < 300]
            for fact in deed.wants if deed.is_final(outcome.result) else ():
                if not any(moment.all(*fact) for moment in moments):
                    yield f"says ok, and this is not there: {' '.join(fact)}"
            for fact in deed.unwanted if deed.is_final(outcome.result) else ():
                if all(moment.all(*fact) for moment in moments):
                    yield f"says ok, and this is there: {' '.join(fact)}"
            if (outcome.result["changed"] and not wrote) or (changed and not outcome.result["changed"]):
                what = ", ".join(str(event.call) for event in changed) or "nothing"
                yield f"changed is said to be {outcome.result['changed']}, and it has changed {what}"
        elif outcome.failure is not None:
            yield from self._claims_of_failure(outcome.failure, mine, changed)
        yield from self._claims_of_deed(deed, outcome, before, after, moments, mine)
        yield from self._secrets(outcome)

    def _claims_of_failure(self, failure: TaskError, mine: Sequence[Event], changed: Sequence[Event]) -> Iterator[str]:
        told, message = failure.to_fail_json(), str(failure)
        if any(word in message.lower() for word in _NOTHING):
            left = [fact for fact, number in self._net.get(mine[0].call.actor, Counter()).items() if number]
            if left:
                yield f"says that nothing was changed, and of it there is left {left[:2]} ({message})"
        named = [*told["failure"]["done"], *told["failure"]["unknown"]]
        if changed and not (told["changed"] and named):
            yield f"fails with changed: {told['changed']}, and it has changed {changed[0].call} ({message})"
        if told["changed"] and not any(event.call.is_write for event in mine):
            yield f"fails with changed: true, and it has written nothing ({message})"
        if message.count("Next:") > 1:
            yield f"names more than one next step ({message})"

    def _claims_of_deed(
        self,
        deed: Deed,
        outcome: Outcome,
        before: Picture,
        after: Picture,
        moments: Sequence[Picture],
        mine: Sequence[Event],
    ) -> Iterator[str]:
        unread, untested = self._written_unseen(mine, only_reads=True), self._written_unseen(mine)
        for claim in deed.claims:
            for text in claim(self.scene, before, after, outcome):
                # What it has removed may be there again by a write that nobody could have known to undo that.
                undone = self.gaps and text.startswith("removed says")
                group, said, what = text.partition(" is said to ")
                unseen = unread if what.startswith("have") else untested
                was_so = any(mark in text for mark in _OF_ITS_READS) and any(
                    text not in claim(self.scene, before, moment, outcome) for moment in moments
                )
                if not (undone or was_so or (said and group in unseen)):
                    yield text

    def _moments(self, outcome: Outcome, places: Sequence[int], mine: Sequence[Event]) -> Sequence[Picture]:
        """What was so from this run's last change to its end: others may have written after it has read.

        Where it has got old answers, also what was before.
        """
        if mine[0].call.actor in self.blind:
            return self.pictures[: outcome.at + 1]
        own = [place + 1 for place, event in zip(places, mine, strict=True) if event.changed]
        return self.pictures[own[-1] if own else places[0] : outcome.at + 1]

    def _written_unseen(self, mine: Sequence[Event], *, only_reads: bool = False) -> set[str]:
        """The groups that somebody has written since this run looked at them last: of these it tells what was.

        ``only_reads``: a test of the connection shows nothing of the group itself.
        """
        actor = mine[0].call.actor
        ids = self.scene.world.sandbox.do(
            lambda state: {group.name: str(group.group_id) for group in state.dsm.default_account.groups}
        )
        found = set()
        for name, group_id in ids.items():
            concerned = [
                place
                for place, event in enumerate(self._events)
                if event.call.actor == actor
                and (group_id in event.call.path or (event.call.method, event.call.path) == ("GET", "/sys/v1/groups"))
                and not (only_reads and event.call.path.endswith("/hmg/check"))
            ]
            later = self._events[concerned[-1] + 1 :] if concerned else []
            if any(event.changed and event.call.actor != actor and group_id in event.call.path for event in later):
                found.add(name)
        return found

    def _secrets(self, outcome: Outcome) -> Iterator[str]:
        text = shown(outcome)
        values = self.scene.world.do(
            lambda azure: [one.value for app in azure.directory.applications.values() for one in app.secrets]
        )
        if any(value in text for value in values):
            yield "a client secret is in what it shows"


def _losses(deed: Deed, before: Picture, after: Picture) -> Iterator[tuple[str, str]]:
    for fact in (before.facts - after.facts).elements():
        if not deed.removes(fact):
            yield "lost", " ".join(fact)
    for fact in after.duplicates():
        if after.facts[fact] > before.facts[fact]:
            yield "duplicate", " ".join(fact)
    gone = Health(True, True, True)
    for group, was in before.health.items():
        now = after.health.get(group, gone)
        for aspect in (one.name for one in fields(Health)):
            if getattr(was, aspect) and not getattr(now, aspect) and aspect not in deed.breaks:
                yield "disconnected", f"{group} has lost its {aspect}"


def converges(scene: Scene, deeds: Sequence[Deed]) -> Iterator[tuple[str, str]]:
    """One more run of each comes to ok, and one more after that changes nothing."""
    world = scene.world
    ours = [deed for deed in deeds if not deed.foreign]
    last = [deed for deed in ours if deed.destroys] or ours
    if any(deed.tests_groups for deed in last):
        last = [deed for deed in last if not deed.declares_credential]
        wishes = [deed.settles for deed in last if deed.settles]
        last = [deed for deed in last if deed.settles in ("", *wishes[:1])]
    world.observer = lambda _event: None
    for again in (False, True):
        for deed in last:
            world.pass_time(SETTLING)
            outcome = world.alone(deed.job)
            if outcome.failure is not None and deed.refuses and deed.refuses in str(outcome.failure):
                continue
            if outcome.result is None:
                yield "no convergence", f"{deed.name}: {outcome}"
                return
            if again and deed.idempotent and outcome.result["changed"]:
                yield "no convergence", f"{deed.name} changes something again: {outcome.result.get('plan')}"
    end = scene.look()
    broken = {aspect for deed in deeds for aspect in deed.breaks}
    for group, health in end.health.items():
        was = scene.start.health.get(group)
        if not health.works and not broken and (was is None or was.works):
            yield "no convergence", f"{group} does not work after one more run of each: {health}"
    if any(deed.job.operation is not None and deed.name.startswith(("rotate", "first use")) for deed in last):
        ours_left = [
            fact for fact in end.facts if fact[0] in ("secret", "certificate") and fact[3].endswith("cdc_credential")
        ]
        if len(ours_left) > 1:
            yield "orphan", f"{len(ours_left)} credentials of ours are left: {ours_left}"
