# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures what this collection costs, as CPU time and requests, and keeps the figures. Started by `make bench`.

Nothing here passes or fails by time: goals are printed beside the ratios. All kinds of plays of a part take turns, and
the median of their rounds counts. CPU time is user and system time of ansible-playbook with all processes that it
starts, the sandbox excluded; it depends on the machine, so compare the ratios to ``ping``, to a play of debug tasks and
to an empty ansible-playbook, which are measured in the same rounds.

Each run writes ``.build/benchmarks/<UTC time>.json``, again after each part::

    started: UTC time, ISO 8601
    machine: ansible_core, python: versions; cores; load_average: of the last minute at the start; commit
    parts: list of
      name: tasks, setup, growth, account or keys
      unit: what the numbers are of: "task" (a further task or item) or "run" (of ansible-playbook)
      references: kinds that ratios are formed to
      note: what else to know about the table
      figures: list of
        kind: what was measured
        cpu_seconds, seconds: CPU and elapsed seconds, one number for each round
        median: of cpu_seconds
        ratios: reference -> median to the median of the reference
        requests: DSM, Entra (with Graph), Azure, writes (which are among them): medians
        play_cpu_seconds: CPU seconds of a play with one such task, for each round; empty for unit "run"
        goal: {to, at_most, at_least} or null
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.release import __version__ as ansible_core

from support.playbook import ROOT

from . import account, growth, keys, setup, tasks
from .figures import Part, Report, comparison, heading, load, save, table

KEPT = ROOT / ".build" / "benchmarks"
_ROUNDS = {"tasks": 5, "setup": 5, "growth": 3, "account": 5, "keys": 3}


def main(arguments: Sequence[str] | None = None, kept: Path = KEPT) -> int:
    options = _options(arguments)
    if options.show:
        _show([load(path) for path in options.show])
        return 0
    started = datetime.now(timezone.utc)
    file = kept / f"{started:%Y-%m-%dT%H%M%SZ}.json"
    report = Report(started.isoformat(timespec="seconds"), _machine(), [])
    print(heading(report), flush=True)
    for name in options.parts:
        with tempfile.TemporaryDirectory() as directory:
            found = _measures(options)[name](Path(directory), options.rounds or _ROUNDS[name])
        report = Report(report.started, report.machine, [*report.parts, found])
        save(report, file)
        print(f"\n{table(found)}", flush=True)
    print(f"\nKept in {file}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench BENCH_ARGS=...", description="Measure what this collection costs."
    )
    parser.add_argument("--parts", nargs="+", choices=_ROUNDS, default=list(_ROUNDS), help="what to measure (all)")
    parser.add_argument("--rounds", type=int, help="how often each play runs (5; growth, keys: 3)")
    parser.add_argument("--hosts", type=int, default=20, help="setup: hosts (20)")
    parser.add_argument("--groups", type=int, nargs="*", default=[1, 20, 100], help="growth: groups (1 20 100)")
    parser.add_argument(
        "--lists", type=int, nargs="*", default=[1, 20, 100, 1000], help="growth: groups in one task (1 20 100 1000)"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 10_000], help="account: groups in it (10 10000)")
    parser.add_argument("--keys", type=int, nargs="+", default=[1000, 10_000], help="keys: in a vault (1000 10000)")
    parser.add_argument("--forks", type=int, default=2 * (os.cpu_count() or 1), help="hosts at a time (two a core)")
    parser.add_argument("--show", type=Path, nargs="+", metavar="FILE", help="print kept figures, and compare")
    return parser.parse_args(arguments)


def _measures(options: argparse.Namespace) -> dict[str, Callable[[Path, int], Part]]:
    return {
        "tasks": tasks.measure,
        "setup": lambda directory, rounds: setup.measure(directory, rounds, options.hosts, options.forks),
        "growth": lambda directory, rounds: growth.measure(
            directory, rounds, options.groups, options.lists, options.forks
        ),
        "account": lambda directory, rounds: account.measure(directory, rounds, options.sizes),
        "keys": lambda directory, rounds: keys.measure(directory, rounds, options.keys),
    }


def _show(reports: Sequence[Report]) -> None:
    for report in reports:
        print("\n\n".join([heading(report), *map(table, report.parts)]), end="\n\n")
    for later in reports[1:]:
        print(comparison(reports[0], later), end="\n\n")


def _machine() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "ansible_core": ansible_core,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "commit": commit.stdout.strip(),
    }


if __name__ == "__main__":
    raise SystemExit(main())
