# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How cost grows with the number of groups: the set-up of many, and what reads all of them in one task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from sandbox import Sandbox
from support.azure_rights import AzureRights
from support.many_hosts import Setup

from .compliance import fill
from .figures import Part, Sample, part
from .measure import EMPTY, PING, Bench, converged, take_turns


def measure(directory: Path, rounds: int, groups: Sequence[int], lists: Sequence[int], forks: int) -> Part:
    """``groups``: how many to set up. ``lists``: how many to read in one task."""
    with ExitStack() as stack:
        benches = {}
        for count in (0, *lists):
            sandbox = stack.enter_context(Sandbox.start())
            fill(AzureRights(sandbox), count)
            benches[count] = Bench(sandbox, directory / str(count))
        samples = take_turns(rounds, lambda: _round(benches, groups, lists, forks))
    return part("growth", "run", samples, references=[EMPTY, PING], note=f"{forks} forks.")


def _round(
    benches: dict[int, Bench], groups: Sequence[int], lists: Sequence[int], forks: int
) -> Iterator[tuple[str, Sample]]:
    yield EMPTY, benches[0].empty()
    yield PING, benches[0].ping()
    for count in groups:
        yield from _set_up(count, forks)
    for count in sorted({*groups, *lists}):
        yield from _in_one_task(count)
        yield from _hosts_in_one_task(count, forks)
    for count in lists:
        yield from _lists(benches[count], count)


def _set_up(count: int, forks: int) -> Iterator[tuple[str, Sample]]:
    """From nothing, so in a sandbox of its own."""
    with Sandbox.start() as sandbox, TemporaryDirectory() as directory:
        bench = Bench(sandbox, Path(directory))
        set_up = Setup(sandbox, Path(directory), count, forks=forks, timeout=7200)
        yield f"setup.yml, first run, {_of(count)}", bench.sample(lambda given: set_up(environment=given))
        set_up.add_keys()
        kind = f"setup.yml, no changes, {_of(count)}"
        yield converged(kind, bench.sample(lambda given: set_up(environment=given)))


def _in_one_task(count: int) -> Iterator[tuple[str, Sample]]:
    """The same groups in one task, from nothing."""
    with Sandbox.start() as sandbox, TemporaryDirectory() as directory:
        bench = Bench(sandbox, Path(directory))
        set_up = Setup(sandbox, Path(directory), count)
        task = {"cdc_groups": {"groups": set_up.declarations()}}
        yield f"cdc_groups, first run, {_of(count)}", bench.tasks([task])
        set_up.add_keys()
        yield converged(f"cdc_groups, no changes, {_of(count)}", bench.tasks([task]))


def _hosts_in_one_task(count: int, forks: int) -> Iterator[tuple[str, Sample]]:
    """The same groups, one for each host, from nothing."""
    with Sandbox.start() as sandbox, TemporaryDirectory() as directory:
        bench = Bench(sandbox, Path(directory))
        set_up = Setup(sandbox, Path(directory), count, forks=forks, timeout=7200)
        switch = {"cdc_setup_in_one_task": True}
        first = bench.sample(lambda given: set_up(more=switch, environment=given))
        yield f"setup.yml in one task, first run, {_of(count)}", first
        set_up.add_keys()
        again = bench.sample(lambda given: set_up(more=switch, environment=given))
        yield converged(f"setup.yml in one task, no changes, {_of(count)}", again)


def _lists(bench: Bench, count: int) -> Iterator[tuple[str, Sample]]:
    source = bench.sandbox.directory / "bench.fortanix_dsm.yml"
    source.write_text(yaml.safe_dump({"plugin": "fortanix.dsm.cdc"}), encoding="utf-8")
    for module in ("cdc_group_info", "cdc_compliance_info"):
        yield converged(f"{module} of {_of(count)}", bench.tasks([{module: {}}]))
    listed = bench.sample(lambda given: bench.ansible.inventory(source, environment=given))
    yield converged(f"ansible-inventory of {_of(count)}", listed)


def _of(count: int) -> str:
    return f"{count:,} group{'s' * (count != 1)}"
