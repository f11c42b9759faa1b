# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures of a benchmark: medians, ratios, goals, tables, and the JSON that is kept. Nothing here measures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

PLANES = ("DSM", "Entra", "Azure", "writes")


@dataclass(frozen=True)
class Sample:
    """One measurement.

    ``cpu``: seconds, user and system. ``seconds``: elapsed. ``requests``: by plane, and ``writes``, which are among
    them. ``play``: CPU seconds of a play with one task, where ``cpu`` is what a further task takes.
    """

    cpu: float
    seconds: float
    requests: Mapping[str, float] = field(default_factory=dict)
    play: float | None = None

    def shared_out(self, one: Sample, count: int) -> Sample:
        """What each of ``count`` further tasks takes: this is the play with all of them, ``one`` the play with one."""
        requests = {plane: (self.requests[plane] - one.requests[plane]) / count for plane in self.requests}
        return Sample((self.cpu - one.cpu) / count, (self.seconds - one.seconds) / count, requests, one.cpu)


@dataclass(frozen=True)
class Goal:
    """The ratio to another kind of the same run is to be ``at_most``, or ``at_least``, this."""

    to: str
    at_most: float | None = None
    at_least: float | None = None

    def describe(self, ratio: float) -> str:
        met = (self.at_most is None or ratio <= self.at_most) and (self.at_least is None or ratio >= self.at_least)
        limit = f"≤ {self.at_most}" if self.at_most is not None else f"≥ {self.at_least}"
        return f"{limit} of {self.to}: {'met' if met else 'not met'}"


@dataclass(frozen=True)
class Figure:
    """What was measured of one kind of play or task. The lists have one number for each round."""

    kind: str
    cpu_seconds: Sequence[float]
    median: float
    ratios: Mapping[str, float]
    requests: Mapping[str, float]
    seconds: Sequence[float]
    play_cpu_seconds: Sequence[float] = ()
    goal: Goal | None = None


@dataclass(frozen=True)
class Part:
    """One table. ``unit``: what the CPU seconds are of. ``references``: the kinds that ratios are formed to."""

    name: str
    unit: str
    references: Sequence[str]
    figures: Sequence[Figure]
    note: str = ""

    def figure(self, kind: str) -> Figure | None:
        return next((one for one in self.figures if one.kind == kind), None)


@dataclass(frozen=True)
class Report:
    """One run of the program. ``machine``: versions, cores, load average of the last minute at the start."""

    started: str
    machine: Mapping[str, Any]
    parts: Sequence[Part]


def part(
    name: str,
    unit: str,
    samples: Mapping[str, Sequence[Sample]],
    *,
    references: Sequence[str],
    goals: Mapping[str, Goal] | None = None,
    note: str = "",
) -> Part:
    """The figures of all kinds, in the order of ``samples``."""
    middle = {kind: median(one.cpu for one in found) for kind, found in samples.items()}
    figures = [
        Figure(
            kind=kind,
            cpu_seconds=[one.cpu for one in found],
            median=middle[kind],
            ratios={to: middle[kind] / middle[to] for to in references},
            requests={plane: median(one.requests[plane] for one in found) for plane in found[0].requests},
            seconds=[one.seconds for one in found],
            play_cpu_seconds=[one.play for one in found if one.play is not None],
            goal=(goals or {}).get(kind),
        )
        for kind, found in samples.items()
    ]
    return Part(name, unit, list(references), figures, note)


# --- JSON -------------------------------------------------------------------------------------------------------------


def save(report: Report, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")


def load(path: Path) -> Report:
    data = json.loads(path.read_text(encoding="utf-8"))
    return Report(data["started"], data["machine"], [_part(one) for one in data["parts"]])


def _part(data: Mapping[str, Any]) -> Part:
    figures = [Figure(**{**one, "goal": Goal(**one["goal"]) if one["goal"] else None}) for one in data["figures"]]
    return Part(**{**data, "figures": figures})


# --- Tables -----------------------------------------------------------------------------------------------------------


def heading(report: Report) -> str:
    return f"{report.started}: " + ", ".join(f"{name} {value}" for name, value in report.machine.items())


def table(found: Part) -> str:
    """A table in Markdown, with a heading and the note."""
    with_play = found.unit == "task"
    with_goal = any(one.goal for one in found.figures)
    columns = [
        found.name,
        f"CPU s of a {found.unit}",
        "least to most",
        *(f"to {reference}" for reference in found.references),
        *(["play with one, CPU s"] if with_play else []),
        *PLANES,
        "elapsed s",
        *(["goal"] if with_goal else []),
    ]
    rows = [
        [
            one.kind,
            _number(one.median),
            f"{_number(min(one.cpu_seconds))} to {_number(max(one.cpu_seconds))}",
            *(f"{one.ratios[reference]:.2f}" for reference in found.references),
            *([_number(median(one.play_cpu_seconds)) if one.play_cpu_seconds else ""] if with_play else []),
            *(f"{one.requests.get(plane, 0):g}" for plane in PLANES),
            _number(median(one.seconds)),
            *([one.goal.describe(one.ratios[one.goal.to]) if one.goal else ""] if with_goal else []),
        ]
        for one in found.figures
    ]
    rounds = max((len(one.cpu_seconds) for one in found.figures), default=0)
    notes = " ".join(filter(None, [f"Rounds: {rounds}.", found.note]))
    return "\n".join([f"## {found.name}", "", *_lines(columns, rows), "", notes])


def comparison(before: Report, after: Report) -> str:
    """What both reports have, side by side: CPU seconds, and the ratio to the first reference of each run."""
    rows = [
        [
            f"{name}: {old.kind}",
            _number(old.median),
            _number(new.median),
            f"{new.median / old.median:.2f}",
            f"{old.ratios[reference]:.2f}",
            f"{new.ratios[reference]:.2f}",
            reference,
        ]
        for name, reference, old, new in _in_both(before, after)
    ]
    columns = ["part: kind", "before, CPU s", "after, CPU s", "after to before", "before, ratio", "after, ratio", "to"]
    return "\n".join([f"## {before.started} and {after.started}", "", *_lines(columns, rows)])


def _in_both(before: Report, after: Report) -> Iterator[tuple[str, str, Figure, Figure]]:
    """Name of the part, first reference of both, and the two figures."""
    for old_part in before.parts:
        for new_part in after.parts:
            if new_part.name != old_part.name:
                continue
            reference, *_others = [one for one in old_part.references if one in new_part.references]
            for old in old_part.figures:
                if (new := new_part.figure(old.kind)) is not None:
                    yield old_part.name, reference, old, new


def _lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"| --- |{' ---: |' * (len(columns) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.1f}"
