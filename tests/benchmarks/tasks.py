# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one converged task costs, in the control process and as a module. Started by `make bench-tasks`.

Each cost is CPU time, user and system, of ansible-playbook with its children, without the sandbox: what a play with
many of the same task takes more than a play with one of them, by task. Kinds of plays take turns, and the median of
their runs counts. Each is given as a ratio to ``ansible.builtin.ping`` too, as seconds depend on the machine.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox import Sandbox
from support.playbook import Ansible

Tasks = Sequence[Mapping[str, Any]]

PING, WITH_SECRET = "ping", "cdc_group with a client secret"
_TASKS, _ITEMS = 20, 40
_VAULT = "akv-sandbox-prem"
_WAYS = ("in-process", "module")
_SWITCH = "ansible_fortanix_dsm_in_process"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-tasks BENCH_ARGS=...", description="Measure single tasks.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each play runs (5)")
    parser.add_argument("--ways", nargs="+", choices=_WAYS, default=_WAYS, help="how the tasks run (both)")
    options = parser.parse_args()
    with Sandbox.start() as sandbox, tempfile.TemporaryDirectory() as directory:
        ansible = Ansible(sandbox.environment(), Path(directory))
        kinds = _kinds(sandbox)
        _run(ansible, [kinds[WITH_SECRET]])
        plays = [_plays(name, task, options.ways) for name, task in kinds.items()]
        costs = _measure(ansible, {name: play for one in plays for name, play in one.items()}, options.rounds)
    return _print(costs)


def _kinds(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """A task of each kind that has nothing to change once it has run."""
    view = sandbox.world.public
    vault = view.vaults[_VAULT]
    group = {
        "name": "measured",
        "link_tenant_id": view.tenant_id,
        "link_client_id": view.client_id,
        "link_subscription_id": view.subscription_id,
        "vault": {"name": _VAULT},
    }
    place = {"name": _VAULT, "resource_group": vault.resource_id.split("/")[4], "location": "westeurope"}
    rights = {"vault": {"resource_id": vault.resource_id}, "app_client_id": view.client_id}
    return {
        PING: {"ansible.builtin.ping": {}},
        "cdc_group_info": {"cdc_group_info": {}},
        "cdc_group": {"cdc_group": group},
        # The fingerprint of a secret is made to be slow to guess (scrypt), which is most of this task.
        WITH_SECRET: {"cdc_group": {**group, "link_client_secret": view.client_secret}},
        "azure_kv_vault": {"azure_kv_vault": place},
        "azure_kv_prereqs_info": {"azure_kv_prereqs_info": rights},
    }


def _plays(name: str, task: Mapping[str, Any], ways: Sequence[str]) -> dict[str, tuple[Tasks, Tasks, int]]:
    """What is measured -> a play with one, a play with many, and how many more these are."""
    if name == PING:
        return {PING: ([task], [task] * (1 + _TASKS), _TASKS)}
    found: dict[str, tuple[Tasks, Tasks, int]] = {}
    for way in ways:
        one = {**task, "vars": {_SWITCH: way == "in-process"}}
        first, looped = ({**one, "loop": list(range(count))} for count in (1, 1 + _ITEMS))
        found[f"{name}, task, {way}"] = ([one], [one] * (1 + _TASKS), _TASKS)
        found[f"{name}, item of a loop, {way}"] = ([first], [looped], _ITEMS)
    return found


def _measure(
    ansible: Ansible, plays: Mapping[str, tuple[Tasks, Tasks, int]], rounds: int
) -> dict[str, tuple[float, float]]:
    """Seconds of a further task or item, and of a play with one of them."""
    short: dict[str, list[float]] = {name: [] for name in plays}
    long: dict[str, list[float]] = {name: [] for name in plays}
    for _round in range(rounds):
        for name, (one, many, _count) in plays.items():
            short[name].append(_run(ansible, one))
            long[name].append(_run(ansible, many))
    middle = statistics.median
    return {
        name: ((middle(long[name]) - middle(short[name])) / count, middle(short[name]))
        for name, (_one, _many, count) in plays.items()
    }


def _run(ansible: Ansible, tasks: Tasks) -> float:
    before = _spent()
    run = ansible.tasks(*tasks)
    if run.code != 0:
        raise SystemExit(run.output)
    return _spent() - before


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _print(costs: Mapping[str, tuple[float, float]]) -> int:
    ping = costs[PING][0]
    print("| what | CPU ms | to ping | play with one, CPU s |\n| --- | ---: | ---: | ---: |")
    for name, (further, first) in costs.items():
        print(f"| {name} | {further * 1000:.0f} | {further / ping:.2f} | {first:.2f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
