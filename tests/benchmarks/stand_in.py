# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for this collection: its files are the same, but each task returns a recorded result.

What a play costs with it is what Ansible, the roles and the imports cost: start, templating, processes, output.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from support.playbook import ROOT, TaskOutcome

from .recorded_action import FILE, key

_REPLACED = "_in_process.py"
_REPLACEMENT = """

from benchmarks import recorded_action

OperationAction.run = recorded_action.run
"""


def create(directory: Path, outcomes: Sequence[TaskOutcome]) -> dict[str, str]:
    """Create the collection in a new directory. Returns the environment in which Ansible uses it."""
    collection = directory / "ansible_collections" / "fortanix" / "dsm"
    utilities = collection / "plugins" / "plugin_utils"
    utilities.mkdir(parents=True)
    for name in ("meta", "roles", "playbooks", "galaxy.yml"):
        (collection / name).symlink_to(ROOT / name)
    for kind in (ROOT / "plugins").iterdir():
        if kind.name != utilities.name:
            (utilities.parent / kind.name).symlink_to(kind)
    for file in (ROOT / "plugins" / utilities.name).glob("*.py"):
        if file.name != _REPLACED:
            (utilities / file.name).symlink_to(file)
    replaced = ROOT / "plugins" / utilities.name / _REPLACED
    (utilities / _REPLACED).write_text(replaced.read_text(encoding="utf-8") + _REPLACEMENT, encoding="utf-8")
    results = directory / "results.json"
    results.write_text(json.dumps(recorded(outcomes)), encoding="utf-8")
    return {"ANSIBLE_COLLECTIONS_PATH": str(directory), "PYTHONPATH": str(ROOT / "tests"), FILE: str(results)}


def recorded(outcomes: Sequence[TaskOutcome]) -> dict[str, list[dict[str, Any]]]:
    """Host and task -> the results, one for each item of a loop that was not skipped."""
    found: dict[str, list[dict[str, Any]]] = {}
    for outcome in outcomes:
        results: Sequence[Mapping[str, Any]] = outcome.result.get("results") or [outcome.result]
        kept = found.setdefault(key(outcome.host, outcome.task), [])
        kept += [_own(one) for one in results if not one.get("skipped")]
    return found


def _own(result: Mapping[str, Any]) -> dict[str, Any]:
    """Without what Ansible adds to a result."""
    return {name: value for name, value in result.items() if not name.startswith(("_ansible", "ansible_"))}
