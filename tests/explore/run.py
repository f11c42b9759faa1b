# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``make explore``: all pairs, kills, lags, throttles and skews in all scenes; prints counts and what did not hold."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from .explorer import Explorer, Tally
from .judge import Finding
from .plans import KINDS, Part, parts
from .scenes import SCENES, Builder


def main() -> int:
    parser = argparse.ArgumentParser(prog="explore", description=__doc__)
    parser.add_argument("--scenes", nargs="*", default=list(SCENES), choices=SCENES)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument(
        "--only", default="", help="only what has this text in its name: NAME, or 'NAME | NAME' for a pair"
    )
    parser.add_argument(
        "--depth",
        type=int,
        default=1,
        choices=(1, 2),
        help="switches in all pairs; runs that are alike have two anyway",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the order in which the work is done")
    parser.add_argument("--answers", type=int, default=10, help="one in how many short answers; 1 for all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--stop", action="store_true", help="end at the first finding")
    parser.add_argument("--findings", type=Path, help="a folder for one file for each finding")
    parser.add_argument("--verbose", action="store_true", help="say what is being explored")
    options = parser.parse_args()
    began = time.monotonic()
    work = parts(options.scenes, options.kinds, options.depth, options.only, options.seed, options.answers)
    counts: Counter[str] = Counter()
    findings: list[Finding] = []
    seconds: Counter[str] = Counter()
    known: set[tuple[object, ...]] = set()
    for part, every, tally, cost in _carried_out(work, options.jobs):
        # Processes do not know of each other.
        found = [finding for finding in every if finding.key not in known]
        known |= {finding.key for finding in found}
        counts += tally
        seconds[part.kind] += cost
        if options.verbose:
            print(f"{part}: {dict(tally)} {cost:.1f} s CPU", flush=True)
        for finding in found:
            print(f"FINDING {finding}", flush=True)
            findings.append(finding)
            if options.findings:
                _keep(options.findings, len(findings), finding)
        if found and options.stop:
            break
    print(f"Scenes: {', '.join(options.scenes)}; parts of work: {len(work)}")
    for name, number in sorted(counts.items()):
        print(f"{number:8d} {name}")
    walked = sum(counts[name] for name in KINDS.values())
    print(f"{walked:8d} schedules and positions in all")
    print(f"CPU seconds: {', '.join(f'{kind} {cost:.0f}' for kind, cost in seconds.items())}")
    print(f"{len(findings)} findings in {time.monotonic() - began:.0f} s")
    return 1 if findings or not walked else 0


def _keep(folder: Path, number: int, finding: Finding) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join([f"# {finding}", "", "```", *finding.trace, "```", ""])
    (folder / f"explore-{number:03d}.md").write_text(text, encoding="utf-8")


def _carried_out(work: list[Part], jobs: int) -> Any:
    if jobs == 1:
        _begin()
        yield from map(_one, work)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, _begin) as pool:
        yield from pool.imap_unordered(_one, work)


# Of this process: the worlds, and what is known of them already.
_BUILDER: list[Builder] = []
_EXPLORER: list[Explorer] = []


def _begin() -> None:
    _BUILDER.append(Builder())
    _EXPLORER.append(Explorer(Tally()))


def refuse_crashes(crashes: list[BaseException]) -> None:
    if crashes:
        raise RuntimeError("the sandbox itself failed") from crashes[0]


def _one(part: Part) -> tuple[Part, list[Finding], Counter[str], float]:
    began = time.process_time()
    explorer = _EXPLORER[0]
    tally = explorer.tally = Tally()
    try:
        part.explore(explorer, _BUILDER[0].scene(part.scene))
        refuse_crashes(_BUILDER[0].sandbox.crashes)
    except Exception as error:
        # Of the explorer or the sandbox. The other parts are walked all the same; it counts as a finding.
        trace = tuple(traceback.format_exc().splitlines())
        tally.add(Finding(part.scene, (), str(part), "defect of the explorer", repr(error), trace))
    return part, tally.findings, tally.counts, time.process_time() - began
