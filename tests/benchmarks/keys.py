# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `cdc_key_info` costs for a vault with many keys: CPU time, requests, and the memory of its process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import Sandbox
from sandbox.custody.seeds import copy_to_azure, generate_in_azure
from support.azure_rights import AzureRights
from support.playbook import Run

from .figures import Goal, Part, Sample, part
from .measure import EMPTY, PING, Bench, Environment, converged, take_turns

_MODULE = "cdc_key_info"
_READING = ["get", "list", "getrotationpolicy"]
_HOUR, _DAY = 3600, 86400
# Each fifth key is a copy of a key in DSM, so that sources are read, too.
_ONE_COPY_OF = 5
# 3 CPU seconds where an empty ansible-playbook takes 1.5.
_GOALS = {"cdc_key_info alone, depth list, 1,000 keys": Goal(EMPTY, at_most=2.0)}


@dataclass
class _Keys:
    """A vault with keys that are in sync with a group. ``peaks``: the most memory of each run alone, in kilobytes."""

    bench: Bench
    rights: AzureRights
    count: int
    group: str
    peaks: list[int] = field(default_factory=list)


def measure(directory: Path, rounds: int, counts: Sequence[int]) -> Part:
    """``counts``: how many keys a vault has. The versions of all keys are read only for the first of these vaults."""
    with ExitStack() as stack:
        vaults = []
        for count in counts:
            rights = AzureRights(stack.enter_context(Sandbox.start()))
            bench = Bench(rights.sandbox, directory / str(count))
            vaults.append(_Keys(bench, rights, count, fill(rights, count)))
        samples = take_turns(rounds, lambda: _round(vaults))
    memory = ", ".join(f"{one.count:,} keys {max(one.peaks) / 1024:.0f} MB" for one in vaults)
    note = f"Most memory (VmHWM) of the process, alone, depth list: {memory}."
    return part("keys", "run", samples, references=[PING, EMPTY], goals=_GOALS, note=note)


def fill(rights: AzureRights, count: int) -> str:
    """Add keys to a vault, in sync with a new group. Returns the name of the group."""
    group = rights.group()

    def seed(state: Any) -> None:
        dsm, cloud = state.dsm, getattr(state.azure, rights.cloud)
        target, sources = dsm.find_group(group).group_id, dsm.add_group("sources").group_id
        cloud.store(rights.vault).keys.clear()
        cloud.set_access_policy(rights.vault, rights.view.operator_client_id, _READING)
        synced = dsm.clock.dsm_stamp_of(dsm.clock.now() - 10 * _DAY + _HOUR)
        for number in range(count):
            name = f"key-{number:05}"
            if number % _ONE_COPY_OF:
                made = generate_in_azure(dsm, cloud, target, rights.vault, name, days_ago=10.0)
            else:
                source = dsm.add_source_key(sources, f"source of {name}", days_ago=20.0)
                made = copy_to_azure(dsm, cloud, target, rights.vault, name, source, days_ago=10.0)
            made.record.created_at = synced

    rights.sandbox.do(seed)
    return group


def _round(vaults: Sequence[_Keys]) -> Iterator[tuple[str, Sample]]:
    first = vaults[0]
    yield PING, first.bench.ping()
    yield EMPTY, first.bench.empty()
    for one in vaults:
        for depth in ("list", "versions") if one is first else ("list",):
            given = {"group_name": one.group, "depth": depth}
            kind = f"depth {depth}, {one.count:,} keys"
            yield converged(f"{_MODULE} alone, {kind}", _alone(one, given))
            yield converged(f"play with {_MODULE}, {kind}", one.bench.tasks([{_MODULE: given}]))


def _alone(one: _Keys, given: Mapping[str, Any]) -> Sample:
    """What the operation takes in a process of its own, without Ansible."""
    network = one.rights.sandbox.environment()
    request = {"operation": _MODULE, "params": {**one.rights.operator, **given}, "environment": network}

    def run(_environment: Environment) -> Run:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.alone"],
            input=json.dumps(request),
            env={**os.environ, **network},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        if given["depth"] == "list":
            one.peaks.append(int(done.stdout))
        return Run(done.returncode, [], done.stdout, one.rights.sandbox.directory)

    return one.bench.sample(run)
