# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs real playbooks with real ansible-playbook and gives back what each task returned."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
CALLBACKS = Path(__file__).resolve().parent / "callback_plugins"


@dataclass(frozen=True)
class TaskOutcome:
    """What one task returned on one host. ``action``: the complete name of its module."""

    task: str
    status: str
    result: Mapping[str, Any]
    host: str
    action: str = ""

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

    def __getitem__(self, key: str) -> Any:
        return self.result[key]


@dataclass(frozen=True)
class Run:
    """A finished run: exit status, outcomes in order, all that was printed, the files that it left."""

    code: int
    outcomes: Sequence[TaskOutcome]
    output: str
    directory: Path

    def __getitem__(self, index: int) -> TaskOutcome:
        return self.outcomes[index]

    def named(self, text: str) -> TaskOutcome:
        """The one task whose name holds ``text``."""
        (hit,) = [outcome for outcome in self.outcomes if text in outcome.task]
        return hit

    @property
    def changed(self) -> list[str]:
        return [outcome.task for outcome in self.outcomes if outcome.changed]

    @property
    def plan(self) -> list[Mapping[str, Any]]:
        """The changes that all tasks have planned, in their order, those of loops included."""
        results = [one for outcome in self.outcomes for one in outcome.result.get("results") or [outcome.result]]
        return [change for result in results for change in result.get("plan") or []]

    @property
    def message(self) -> str:
        """The message of the one task that failed."""
        (failed,) = [outcome for outcome in self.outcomes if outcome.status == "failed"]
        return str(failed["msg"])


@dataclass(frozen=True)
class Listing:
    """An inventory as ansible-inventory lists it, with what else it printed."""

    code: int
    data: Mapping[str, Any]
    output: str
    directory: Path

    @property
    def hosts(self) -> Mapping[str, Mapping[str, Any]]:
        """Host -> variables. A text that is marked as unsafe is given as it is."""
        found: Mapping[str, Mapping[str, Any]] = _unmarked(self.data.get("_meta", {}).get("hostvars", {}))
        return found

    def members(self, group: str) -> list[str]:
        return list(self.data.get(group, {}).get("hosts", []))


def local_play(**keywords: Any) -> dict[str, Any]:
    """A play on localhost, with the Python of Ansible itself."""
    return {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        **keywords,
    }


def kept_in(directory: Path) -> dict[str, str]:
    """Variables with which Ansible finds the collection of this tree and writes below the directory only."""
    return {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_LOCAL_TEMP": str(directory / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(directory / "tmp"),
        # By default below the home of the user: what starts a job takes HOME for it, and what asks for it does not.
        "ANSIBLE_ASYNC_DIR": str(directory / "async"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
    }


class Ansible:
    """ansible-playbook with the sandbox's environment, in a directory of its own for each run."""

    # Called with the outcomes of every run.
    seen: ClassVar[Callable[[Sequence[TaskOutcome]], None] | None] = None

    def __init__(self, environment: Mapping[str, str], directory: Path, *, timeout: float = 300) -> None:
        self._environment = environment
        self._timeout = timeout
        self._directory = directory
        self._runs = 0

    def tasks(self, *tasks: Mapping[str, Any], defaults: Mapping[str, Any] | None = None, **options: Any) -> Run:
        """Run tasks on localhost. A task is ``{"cdc_group": {...}}``, with further keywords of tasks as they are."""
        play = local_play(module_defaults=dict(defaults or {}), tasks=[_qualified(task) for task in tasks])
        return self.playbook([play], **options)

    def playbook(
        self,
        playbook: Path | Sequence[Mapping[str, Any]],
        *,
        variables: Mapping[str, Any] | None = None,
        check: bool = False,
        diff: bool = False,
        verbosity: int = 0,
        environment: Mapping[str, str | None] | None = None,
        arguments: Sequence[str] = (),
    ) -> Run:
        """Run a playbook, given as a file or as data. ``environment`` is laid over the sandbox's; None removes."""
        directory = self._new_directory()
        if not isinstance(playbook, Path):
            data, playbook = playbook, directory / "playbook.yml"
            playbook.write_text(yaml.safe_dump(data), encoding="utf-8")
        command = ["ansible-playbook", str(playbook), *arguments]
        if variables is not None:
            file = directory / "variables.json"
            file.write_text(json.dumps(variables), encoding="utf-8")
            command += ["-e", f"@{file}"]
        command += ["--check"] * check + ["--diff"] * diff + ["-" + "v" * verbosity] * bool(verbosity)
        # Before ansible-core 2.21, results always contain the arguments of their task, which may be secret.
        shown = {"ANSIBLE_INJECT_INVOCATION": "true"} if verbosity >= 3 else {}
        done = self._start(command, directory, {**shown, **(environment or {})})
        record = directory / "record.jsonl"
        lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
        outcomes = [TaskOutcome(**entry) for entry in map(json.loads, lines)]
        if Ansible.seen is not None:
            Ansible.seen(outcomes)
        return Run(done.returncode, outcomes, done.stdout, directory)

    def inventory(
        self,
        source: Path,
        *,
        verbosity: int = 0,
        environment: Mapping[str, str | None] | None = None,
        arguments: Sequence[str] = (),
    ) -> Listing:
        """What ansible-inventory lists of an inventory source."""
        directory = self._new_directory()
        target = directory / "listing.json"
        command = ["ansible-inventory", "-i", str(source), "--list", "--output", str(target), *arguments]
        command += ["-" + "v" * verbosity] * bool(verbosity)
        done = self._start(command, directory, environment or {})
        text = target.read_text(encoding="utf-8") if target.exists() else "{}"
        return Listing(done.returncode, json.loads(text), done.stdout, directory)

    def _new_directory(self) -> Path:
        self._runs += 1
        directory = self._directory / f"run-{self._runs}"
        (directory / "tmp").mkdir(parents=True)
        return directory

    def _start(
        self, command: Sequence[str], directory: Path, environment: Mapping[str, str | None]
    ) -> subprocess.CompletedProcess[str]:
        merged: dict[str, str | None] = {
            **os.environ,
            **self._environment,
            **kept_in(directory),
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "RECORDER_FILE": str(directory / "record.jsonl"),
            **environment,
        }
        return subprocess.run(
            [str(Path(sys.executable).with_name(command[0])), *command[1:]],
            env={name: value for name, value in merged.items() if value is not None},
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=self._timeout,
            check=False,
        )


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {key: _unmarked(inner) for key, inner in value.items()}
    return [_unmarked(inner) for inner in value] if isinstance(value, list) else value


def _qualified(task: Mapping[str, Any]) -> dict[str, Any]:
    ours = ("cdc_", "azure_kv_")
    return {f"fortanix.dsm.{key}" if key.startswith(ours) else key: value for key, value in task.items()}
