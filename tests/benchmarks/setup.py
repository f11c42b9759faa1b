# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What setup.yml costs on many hosts when nothing is to change, and how much of that is Ansible's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sandbox import Sandbox
from support.many_hosts import Setup
from support.playbook import Run, TaskOutcome

from . import stand_in
from .figures import Goal, Part, Sample, part
from .measure import AS_MODULES, EMPTY, PING, Bench, converged, take_turns

DEBUG = "play of debug tasks"
RECORDED = "setup.yml with recorded results"
IN_PROCESS = "setup.yml"
MODULES = "setup.yml, as modules"


def measure(directory: Path, rounds: int, hosts: int, forks: int) -> Part:
    with Sandbox.start() as sandbox:
        bench = Bench(sandbox, directory / "plain")
        set_up = Setup(sandbox, directory, hosts, forks=forks, timeout=7200)
        _checked(set_up())
        set_up.add_keys()
        outcomes = _checked(set_up()).outcomes
        replacement = stand_in.create(directory / "stand-in", outcomes)
        count = round(len(outcomes) / hosts)
        samples = take_turns(rounds, lambda: _round(bench, set_up, replacement, count))
    return part(
        "setup",
        "run",
        samples,
        references=[EMPTY, PING, DEBUG, IN_PROCESS],
        goals={MODULES: Goal(IN_PROCESS, at_least=2.5)},
        note=f"{hosts} hosts, {forks} forks, {count} tasks on each host, {_module_runs(outcomes)} runs of modules.",
    )


def _round(bench: Bench, set_up: Setup, replacement: dict[str, str], count: int) -> Iterator[tuple[str, Sample]]:
    debug = {"hosts": "cdc", "connection": "local", "gather_facts": False}
    play = [{**debug, "tasks": [{"ansible.builtin.debug": {"msg": "done"}}] * count}]
    yield EMPTY, bench.empty()
    yield PING, bench.ping()
    yield DEBUG, bench.sample(lambda given: set_up(playbook=play, environment=given))
    recorded = bench.sample(lambda given: set_up(environment=given), replacement)
    if any(recorded.requests.values()):
        raise SystemExit(f"{RECORDED}: a module ran all the same, {dict(recorded.requests)}.")
    yield RECORDED, recorded
    yield converged(IN_PROCESS, bench.sample(lambda given: set_up(environment=given)))
    yield converged(MODULES, bench.sample(lambda given: set_up(environment=given), AS_MODULES))


def _checked(run: Run) -> Run:
    if run.code != 0:
        raise SystemExit(run.output)
    return run


def _module_runs(outcomes: Sequence[TaskOutcome]) -> int:
    """How often a module of this collection ran: only their results have a module's arguments."""
    results = [one for outcome in outcomes for one in outcome.result.get("results") or [outcome.result]]
    return sum("module_args" in one.get("invocation", {}) for one in results)
