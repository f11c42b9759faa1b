# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one task without a change costs, and one item of a loop: in Ansible's process and as a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox import Sandbox

from .figures import Goal, Part, Sample, part
from .measure import AS_MODULES, PING, Bench, converged, take_turns

WITH_SECRET, DEBUG = "cdc_group with a client secret", "ansible.builtin.debug"
_VAULT = "akv-sandbox-prem"
_DSM_GOALS, _KEY_GOALS, _AZURE_GOALS = (0.15, 0.05), (0.2, 0.1), (0.28, 0.15)
# A module costs much more than the spread between two plays, so a few of them do.
_IN_PROCESS, _MODULES = 40, 5


def measure(directory: Path, rounds: int) -> Part:
    with Sandbox.start() as sandbox:
        bench, kinds = Bench(sandbox, directory), tasks(sandbox)
        bench.tasks([kinds[WITH_SECRET], kinds["cdc_key"]])
        samples = take_turns(rounds, lambda: _round(bench, kinds))
    return part("tasks", "task", samples, references=[PING, DEBUG], goals=_goals(list(kinds)))


def tasks(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """A task of each kind. They have nothing to change once the one with a secret and that of a key have run."""
    view = sandbox.world.public
    vault = view.vaults[_VAULT]
    group = {
        "name": "measured",
        "link_tenant_id": view.tenant_id,
        "link_client_id": view.client_id,
        "link_subscription_id": view.subscription_id,
        "vault": {"name": _VAULT},
    }
    key = {"group_name": "measured", "name": "measured", "origin": "azure", "type": "EC", "curve": "P-256"}
    key |= {"protection": "hsm", "enabled": True, "description": "measured", "look_in_azure": False}
    place = {"name": _VAULT, "resource_group": vault.resource_id.split("/")[4], "location": "westeurope"}
    rights = {"vault": {"resource_id": vault.resource_id}, "app_client_id": view.client_id}
    return {
        "cdc_group_info": {"cdc_group_info": {}},
        "cdc_group": {"cdc_group": group},
        # The fingerprint of a secret is slow to guess (scrypt), which is most of this task.
        WITH_SECRET: {"cdc_group": {**group, "link_client_secret": view.client_secret}},
        "cdc_key": {"cdc_key": key},
        "azure_kv_vault": {"azure_kv_vault": place},
        "azure_kv_prereqs_info": {"azure_kv_prereqs_info": rights},
    }


def _round(bench: Bench, kinds: dict[str, dict[str, Any]]) -> Iterator[tuple[str, Sample]]:
    yield PING, bench.ping()
    yield DEBUG, bench.further({DEBUG: {"msg": "done"}}, _IN_PROCESS)
    for name, task in kinds.items():
        yield converged(f"{name}, task", bench.further(task, _IN_PROCESS))
        yield converged(f"{name}, item of a loop", bench.items(task, 2 * _IN_PROCESS))
        yield converged(f"{name}, task, as a module", bench.further(task, _MODULES, AS_MODULES))
        yield converged(f"{name}, item of a loop, as a module", bench.items(task, _MODULES, AS_MODULES))


def _goals(names: list[str]) -> dict[str, Goal]:
    found = {}
    for name in names:
        task, item = _KEY_GOALS if name == "cdc_key" else _AZURE_GOALS if name.startswith("azure_kv_") else _DSM_GOALS
        found[f"{name}, task"] = Goal(PING, at_most=task)
        found[f"{name}, item of a loop"] = Goal(PING, at_most=item)
    return found
