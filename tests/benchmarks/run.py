# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a set-up of many groups costs: requests from the sandbox's journal, and seconds. Started by `make bench`.

Nothing here passes or fails by time. Seconds depend on the machine and on what else it does, so each is also given as a
ratio to an empty run of ansible-playbook, measured in the same session.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sandbox import Sandbox
from sandbox.journal import Entry
from support.many_hosts import Setup
from support.playbook import Ansible, Run

_PLANES = {"DSM": {"dsm"}, "Entra": {"entra", "graph"}, "Azure": {"arm", "vault"}}
_OPERATIONS = "ansible_collections.fortanix.dsm.plugins.module_utils._operations"
_REPEATS = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench BENCH_ARGS=...", description="Measure the set-up of many groups.")
    parser.add_argument("--groups", type=int, nargs="+", default=[1, 20, 100], help="how many groups (1 20 100)")
    parser.add_argument("--forks", type=int, default=2 * (os.cpu_count() or 1), help="hosts at a time (two a core)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        empty = _measure_parts(Path(directory))
        print(f"\n{os.cpu_count()} cores, {options.forks} forks, ansible-core of .venv\n")
        print("| groups | run | DSM | Entra | Azure | writes | module runs | in the server | seconds | to empty run |")
        print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
        for count in options.groups:
            _measure_setup(Path(directory) / str(count), count, options.forks, empty)
    return 0


def _measure_parts(directory: Path) -> float:
    """Seconds of an empty run; prints what Python and the imports of a module take beside it."""
    with Sandbox.start() as sandbox:
        ansible = Ansible(sandbox.environment(), directory)
        empty = _least(lambda: ansible.tasks({"ansible.builtin.meta": "noop"}))
    parts = {
        "empty ansible-playbook": empty,
        "python": _least(lambda: _python("pass")),
        "imports of cdc_group": _least(
            lambda: _python(f"import {_OPERATIONS}.cdc_group, ansible.module_utils.basic, urllib3")
        ),
        "imports of azure_kv_prereqs": _least(
            lambda: _python(
                f"import {_OPERATIONS}.azure_kv_prereqs, ansible.module_utils.basic, azure.identity, azure.core.rest"
            )
        ),
    }
    print("| alone | seconds | to empty run |\n| --- | ---: | ---: |")
    for name, seconds in parts.items():
        print(f"| {name} | {seconds:.2f} | {seconds / empty:.2f} |", flush=True)
    return empty


def _least(job: Callable[[], object]) -> float:
    """The least of some runs: what else the machine does can only add."""
    return min(_timed(job)[0] for _repeat in range(_REPEATS))


def _timed(job: Callable[[], object]) -> tuple[float, object]:
    started = time.perf_counter()
    result = job()
    return time.perf_counter() - started, result


def _python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def _measure_setup(directory: Path, count: int, forks: int, empty: float) -> None:
    directory.mkdir()
    with Sandbox.start() as sandbox:
        set_up = Setup(sandbox, directory, count, forks=forks, timeout=3600)
        for name in ("first", "converged"):
            mark = sandbox.journal.mark()
            started = time.perf_counter()
            run = set_up()
            seconds = time.perf_counter() - started
            if run.code != 0:
                raise SystemExit(run.output)
            _print_row(count, name, sandbox.journal.since(mark), run, seconds, empty)
            set_up.add_keys()


def _print_row(count: int, name: str, entries: list[Entry], run: Run, seconds: float, empty: float) -> None:
    planes = Counter(plane for entry in entries for plane, names in _PLANES.items() if entry.plane in names)
    writes = sum(entry.kind == "write" for entry in entries)
    served = sum(entry.duration for entry in entries)
    requests = " | ".join(str(planes[plane]) for plane in _PLANES)
    cells = f"{requests} | {writes} | {_module_runs(run)} | {served:.1f} s | {seconds:.0f} | {seconds / empty:.0f}"
    print(f"| {count} | {name} | {cells} |", flush=True)


def _module_runs(run: Run) -> int:
    """How often one of our modules was started: only those results have a module's arguments."""
    results = [one for outcome in run.outcomes for one in outcome.result.get("results") or [outcome.result]]
    return sum("module_args" in one.get("invocation", {}) for one in results)


if __name__ == "__main__":
    sys.exit(main())
