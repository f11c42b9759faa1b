# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures runs of Ansible: CPU time of its processes, and requests from the sandbox's journal."""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox import Sandbox
from support.playbook import Ansible, Listing, Run

from .figures import PLANES, Sample

Task = Mapping[str, Any]
Environment = Mapping[str, str | None]

EMPTY, PING = "empty ansible-playbook", "ping"
AS_MODULES = {"FORTANIX_DSM_IN_PROCESS": "false"}

_PLANE_OF = {"dsm": "DSM", "entra": "Entra", "graph": "Entra", "arm": "Azure", "vault": "Azure"}
# The callback of the tests writes each result to a file, which no user has.
_UNRECORDED: Environment = {"ANSIBLE_CALLBACKS_ENABLED": None}
_PINGS = 10


class Bench:
    """Runs of Ansible against one sandbox."""

    def __init__(self, sandbox: Sandbox, directory: Path) -> None:
        self.sandbox = sandbox
        self.ansible = Ansible(sandbox.environment(), directory, timeout=7200)

    def sample(self, run: Callable[[Environment], Run | Listing], environment: Environment | None = None) -> Sample:
        """Measure one run. ``run`` gets the environment to lay over the sandbox's."""
        mark, before, started = self.sandbox.journal.mark(), _cpu_of_children(), time.perf_counter()
        done = run({**_UNRECORDED, **(environment or {})})
        seconds, cpu = time.perf_counter() - started, _cpu_of_children() - before
        if done.code != 0:
            raise SystemExit(done.output)
        # Not those that the simulated DSM sends to Azure.
        entries = [one for one in self.sandbox.journal.since(mark) if one.origin == "client"]
        counted = Counter(_PLANE_OF[one.plane] for one in entries)
        counted["writes"] = sum(one.kind == "write" for one in entries)
        return Sample(cpu, seconds, {plane: counted[plane] for plane in PLANES})

    def tasks(self, tasks: Sequence[Task], environment: Environment | None = None) -> Sample:
        """A play on localhost."""
        return self.sample(lambda given: self.ansible.tasks(*tasks, environment=given), environment)

    def further(self, task: Task, count: int, environment: Environment | None = None) -> Sample:
        """What each of ``count`` more of the same task takes."""
        one = self.tasks([task], environment)
        return self.tasks([task] * (1 + count), environment).shared_out(one, count)

    def items(self, task: Task, count: int, environment: Environment | None = None) -> Sample:
        """What each of ``count`` more items of a loop takes."""
        one = self.tasks([{**task, "loop": [0]}], environment)
        all_of_them = self.tasks([{**task, "loop": list(range(1 + count))}], environment)
        return all_of_them.shared_out(one, count)

    def empty(self) -> Sample:
        return self.tasks([{"ansible.builtin.meta": "noop"}])

    def ping(self) -> Sample:
        return self.further({"ansible.builtin.ping": {}}, _PINGS)


def take_turns(rounds: int, measure: Callable[[], Iterator[tuple[str, Sample]]]) -> dict[str, list[Sample]]:
    """Kind -> a sample of each round. ``measure`` measures all kinds once, so that they take turns."""
    samples: dict[str, list[Sample]] = {}
    for number in range(1, 1 + rounds):
        for kind, sample in measure():
            samples.setdefault(kind, []).append(sample)
            print(f"round {number} of {rounds}: {kind}: {sample.cpu:.3f} CPU s", file=sys.stderr, flush=True)
    return samples


def converged(kind: str, sample: Sample) -> tuple[str, Sample]:
    """The pair, if nothing was written."""
    if sample.requests["writes"]:
        raise SystemExit(f"{kind}: a run without a change has sent {sample.requests['writes']:g} writes.")
    return kind, sample


def _cpu_of_children() -> float:
    """User and system seconds of all ended child processes and theirs. The sandbox is a thread of this process."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
