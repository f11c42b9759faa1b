# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task costs in a small account and in a large one. The groups of the account are not linked to Azure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sandbox import Sandbox, State

from .figures import Part, Sample, part
from .measure import PING, Bench, Task, converged, take_turns
from .tasks import WITH_SECRET, tasks

_TASKS = 20
_LISTED = 100
_NEW = "new-"


def measure(directory: Path, rounds: int, sizes: Sequence[int]) -> Part:
    with ExitStack() as stack:
        benches = {}
        for size in sizes:
            sandbox = stack.enter_context(Sandbox.start(groups=size))
            benches[size] = Bench(sandbox, directory / str(size))
            benches[size].tasks([tasks(sandbox)[WITH_SECRET]])
        samples = take_turns(rounds, lambda: _round(benches))
    return part("account", "task", samples, references=[PING])


def _round(benches: Mapping[int, Bench]) -> Iterator[tuple[str, Sample]]:
    first, *_others = benches.values()
    yield PING, first.ping()
    for size, bench in benches.items():
        kinds, account = tasks(bench.sandbox), f"account of {size:,} groups"
        by_name = {"cdc_group_info": {"name": "measured"}}
        yield converged(f"cdc_group, no changes, {account}", bench.further(kinds["cdc_group"], _TASKS))
        yield f"cdc_group, new group, {account}", _new_groups(bench, kinds[WITH_SECRET]["cdc_group"])
        yield converged(f"cdc_group_info by name, {account}", bench.further(by_name, _TASKS))
        yield converged(f"cdc_group_info of all, {account}", bench.further(kinds["cdc_group_info"], _TASKS))
        yield from _in_one_task(bench, kinds[WITH_SECRET]["cdc_group"], account)


def _new_groups(bench: Bench, options: Mapping[str, Any]) -> Sample:
    """Groups with a client secret, so with its fingerprint."""
    new: list[Task] = [{"cdc_group": {**options, "name": f"{_NEW}{number}"}} for number in range(1 + _TASKS)]
    one = bench.tasks(new[:1])
    bench.sandbox.do(_remove_new)
    many = bench.tasks(new)
    bench.sandbox.do(_remove_new)
    return many.shared_out(one, _TASKS)


def _in_one_task(bench: Bench, options: Mapping[str, Any], account: str) -> Iterator[tuple[str, Sample]]:
    groups = [{**options, "name": f"{_NEW}{number}", "check_prerequisites": False} for number in range(_LISTED)]
    task = {"cdc_groups": {"groups": groups}}
    yield f"cdc_groups, {_LISTED} new groups, {account}", bench.tasks([task])
    yield converged(f"cdc_groups of {_LISTED}, no changes, {account}", bench.tasks([task]))
    bench.sandbox.do(_remove_new)


def _remove_new(state: State) -> None:
    """The account keeps its size."""
    for group in [one for one in state.dsm.default_account.groups if one.name.startswith(_NEW)]:
        state.dsm.remove_group(group)
