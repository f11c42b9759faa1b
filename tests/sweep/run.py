# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``make sweep``: each operation × each of its requests × each fault; prints counts, and what did not hold.

A finding is printed with the command that repeats its case alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from explore.judge import Finding

from .faults import FAULTS
from .stage import Stage
from .subjects import SUBJECTS, Subject
from .sweeper import Sweeper
from .table import as_table

# So many requests of an operation are the work of one process without a pause.
_SLICE = 6


@dataclass(frozen=True)
class Part:
    """The requests of a subject from ``first`` to before ``end``, with these faults."""

    subject: Subject
    first: int
    end: int
    faults: tuple[str, ...]
    sample: int = 1


@dataclass(frozen=True)
class Done:
    part: Part
    findings: list[Finding]
    counts: Counter[str]
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="sweep", description=__doc__)
    parser.add_argument("--only", default="", help="only SCENE/OPERATION, or those with this text in it")
    parser.add_argument("--fault", nargs="*", default=list(FAULTS), choices=list(FAULTS), metavar="FAULT")
    parser.add_argument("--request", type=int, help="only the request with this number")
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="one in so many cases, always the same ones")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--findings", type=Path, help="a folder for one file for each finding, with its requests")
    parser.add_argument("--verbose", action="store_true", help="print what is done, and the requests of each finding")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    named = [subject for subject in SUBJECTS if options.only == subject.name]
    subjects = named or [subject for subject in SUBJECTS if options.only in subject.name]
    counts: Counter[str] = Counter()
    cases: Counter[Subject] = Counter()
    findings: list[Finding] = []
    seconds = 0.0
    with multiprocessing.get_context("spawn").Pool(options.jobs, _begin) as pool:
        positions = dict(pool.imap(_positions, subjects))
        for done in pool.imap_unordered(_sweep, _parts(positions, options.fault, options.request, options.sample)):
            counts += done.counts
            cases[done.part.subject] += done.counts["cases"]
            seconds += done.seconds
            if options.verbose:
                print(f"{done.part}: {dict(done.counts)} {done.seconds:.1f} s CPU", flush=True)
            for finding in done.findings:
                findings.append(finding)
                print(f"FINDING {finding}\n        {replay(finding)}", flush=True)
                if options.verbose:
                    print("\n".join(f"        {line}" for line in finding.trace), flush=True)
                if options.findings:
                    _keep(options.findings, len(findings), finding)
    print(as_table(positions, cases, counts, len(options.fault)))
    print(f"{len(findings)} findings; {seconds:.0f} s CPU, {time.monotonic() - began:.0f} s")
    return 1 if findings or not counts["cases"] else 0


def _parts(
    positions: Mapping[Subject, int], faults: Sequence[str], request: int | None, sample: int
) -> Iterator[Part]:
    for subject, number in positions.items():
        if request is not None:
            yield Part(subject, request, request + 1, tuple(faults), sample)
            continue
        for first in range(1, number + 1, _SLICE):
            yield Part(subject, first, min(first + _SLICE, number + 1), tuple(faults), sample)


def is_drawn(subject: Subject, number: int, fault: str, sample: int) -> bool:
    """Whether a case is one of those that are drawn, of ``sample`` one: by its name, so that it is the same always."""
    return zlib.crc32(f"{subject.name} {number} {fault}".encode()) % sample == 0


def replay(finding: Finding) -> str:
    """The command that repeats the case of a finding alone."""
    number, fault = finding.schedule.removeprefix("request ").split(", ", 1)
    name = f"{finding.scene}/{finding.deeds[0]}"
    return f"make sweep SWEEP_ARGS='--only \"{name}\" --request {number} --fault \"{fault}\" --verbose --jobs 1'"


def _keep(folder: Path, number: int, finding: Finding) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join([f"# {finding}", "", replay(finding), "", "```", *finding.trace, "```", ""])
    (folder / f"sweep-{number:04d}.md").write_text(text, encoding="utf-8")


# Of this process.
_SWEEPERS: list[Sweeper] = []


def _begin() -> None:
    _SWEEPERS.append(Sweeper(Stage()))


def _positions(subject: Subject) -> tuple[Subject, int]:
    return subject, _SWEEPERS[0].positions(subject)


def _sweep(part: Part) -> Done:
    began, sweeper = time.process_time(), _SWEEPERS[0]
    sweeper.counts, sweeper.findings = Counter(), []
    try:
        for number in range(part.first, part.end):
            for fault in part.faults:
                if is_drawn(part.subject, number, fault, part.sample):
                    sweeper.case(part.subject, number, FAULTS[fault])
        if sweeper.stage.sandbox.crashes:
            raise RuntimeError("the sandbox itself failed") from sweeper.stage.sandbox.crashes[0]
    except Exception as error:
        # Of the sweep or the sandbox. The other parts are swept all the same; it counts as a finding.
        trace = tuple(traceback.format_exc().splitlines())
        text = f"request {part.first}, {part.faults[0]}"
        found = Finding(part.subject.scene, (part.subject.deed,), text, "defect of the sweep", repr(error), trace)
        sweeper.findings.append(found)
    return Done(part, sweeper.findings, sweeper.counts, time.process_time() - began)
