# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of a role or playbook of this collection, run in this process: the same, without Ansible's processes.

Order, conditions, loops, blocks and arguments are those of the files themselves, templated by Ansible; operations go
over the real wire. For one host. What the files use and this does not know is an error, not a step that is left out.
"""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import Jinja2Loader, lookup_loader
from ansible.template import Templar

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task, perform

from .files_in_process import FILE_MODULES
from .playbook import ROOT

HOST = "localhost"
_COLLECTION = "ansible_collections.fortanix.dsm"
_OPERATIONS = f"{_COLLECTION}.plugins.module_utils._operations"
_OMIT = "__omitted_by_the_test__"
_KEYWORDS = frozenset(
    [
        "name",
        "loop",
        "loop_control",
        "when",
        "register",
        "vars",
        "tags",
        "run_once",
        "throttle",
        "ignore_errors",
        "no_log",
        "changed_when",
        "failed_when",
        "until",
        "retries",
        "delay",
        "check_mode",
        "diff",
        "delegate_to",
    ]
)
_BLOCK_KEYWORDS = frozenset(["name", "block", "rescue", "always"])
_PLAY_KEYWORDS = frozenset(
    ["name", "hosts", "connection", "gather_facts", "serial", "vars", "pre_tasks", "roles", "tasks"]
)
_RUNS_TASKS = ("ansible.builtin.import_tasks", "ansible.builtin.include_tasks")


@dataclass(frozen=True)
class Step:
    """One task that has run, an item of a loop by itself."""

    name: str
    module: str
    result: Mapping[str, Any]


@dataclass
class RoleRun:
    """``options``: of the login and the network, for each module that has them. ``failure``: what stopped the run."""

    variables: Mapping[str, Any]
    options: Mapping[str, Any]
    proxy: str
    check_mode: bool = False
    steps: list[Step] = field(default_factory=list)
    failure: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> list[str]:
        return [step.name for step in self.steps if step.result.get("changed")]

    def named(self, text: str) -> Mapping[str, Any]:
        """What the one task whose name holds ``text`` has returned."""
        (hit,) = [step.result for step in self.steps if text in step.name]
        return hit

    @property
    def results(self) -> Any:
        """What the role tells of each group at its end."""
        return self.facts["cdc_setup_results"]

    @property
    def plan(self) -> set[tuple[str, str, str]]:
        """Plane, object and action of every change."""
        changes = [change for step in self.steps for change in step.result.get("plan") or []]
        return {(change["plane"], change["object"], change["action"]) for change in changes}


class _Stopped(Exception):
    pass


# The pattern that a playbook has for a play that is left out.
_NO_HOST = "all:!all"


class _HostEnded(Exception):
    pass


class _Player:
    """What runs tasks. ``given``: the variables that stand in the files."""

    def __init__(self, folder: Path) -> None:
        # Ansible finds plugins in collections that it has loaded itself; the tests import this one like any package.
        vars(importlib.import_module(_COLLECTION))["_collection_meta"] = {}
        for kind in ("filter", "lookup"):
            plugins = importlib.import_module(f"{_COLLECTION}.plugins.{kind}")
            plugins.__file__ = str(ROOT / "plugins" / kind / "__init__.py")
        self._folder = folder
        self._loader = DataLoader()
        self._given: dict[str, Any] = {}

    def _data(self, path: str) -> Any:
        return _read(self._folder / path)

    def _ended(self, run: RoleRun, *tasks: Sequence[Mapping[str, Any]]) -> RoleRun:
        """The run, after these lists of tasks."""
        with _each_template_compiled_once(), _each_filter_found_once(), _own_lookups_found():
            try:
                for some in tasks:
                    self._tasks(run, some, {})
            except _Stopped as stopped:
                run.failure = str(stopped)
            except _HostEnded:
                pass
        return run

    # Tasks -----------------------------------------------------------------------------------------------------------

    def _tasks(self, run: RoleRun, tasks: Sequence[Mapping[str, Any]], around: Mapping[str, Any]) -> None:
        for task in tasks:
            if "block" in task:
                self._block(run, task, around)
            else:
                self._task(run, task, around)

    def _block(self, run: RoleRun, block: Mapping[str, Any], around: Mapping[str, Any]) -> None:
        assert block.keys() <= _BLOCK_KEYWORDS, block.keys()
        try:
            self._rescued(run, block, around)
        except Exception:
            # Not in a ``finally``: who has been killed cleans nothing up.
            self._tasks(run, block.get("always", []), around)
            raise
        self._tasks(run, block.get("always", []), around)

    def _rescued(self, run: RoleRun, block: Mapping[str, Any], around: Mapping[str, Any]) -> None:
        try:
            self._tasks(run, block["block"], around)
        except _Stopped:
            if "rescue" not in block:
                raise
            self._tasks(run, block["rescue"], around)

    def _task(self, run: RoleRun, task: Mapping[str, Any], around: Mapping[str, Any]) -> None:
        (module,) = task.keys() - _KEYWORDS
        control = task.get("loop_control") or {}
        if "loop" not in task:
            result = self._once(run, task, module, around)
        else:
            variable, results = control.get("loop_var", "item"), []
            for item in self._templar(run, around).template(task["loop"]):
                results.append(self._once(run, task, module, {**around, variable: item}))
            result = {
                "results": results,
                "changed": any(one.get("changed") for one in results),
                "failed": any(one.get("failed") for one in results),
            }
        if "register" in task:
            run.facts[task["register"]] = result
        if result.get("failed") and not task.get("ignore_errors"):
            raise _Stopped(result.get("msg") or [one.get("msg") for one in result["results"]])

    def _once(self, run: RoleRun, task: Mapping[str, Any], module: str, around: Mapping[str, Any]) -> dict[str, Any]:
        around = {**around, **(task.get("vars") or {})}
        templar = self._templar(run, around)
        if not _holds(templar, task.get("when", [])):
            return {"skipped": True, "changed": False}
        attempts = 1 + templar.template(task.get("retries", 3)) if "until" in task else 1
        for attempt in range(attempts):
            if attempt:
                time.sleep(templar.template(task.get("delay", 5)))
            try:
                result = self._result(run, task, module, around)
            except AnsibleError as error:
                result = {"changed": False, "failed": True, "msg": str(error)}
            named = {task["register"]: result} if "register" in task else {}
            seen = self._templar(run, {**around, **named})
            for keyword, key in (("changed_when", "changed"), ("failed_when", "failed")):
                if keyword in task:
                    result[key] = _holds(seen, task[keyword])
            if _holds(seen, task.get("until", [])):
                break
        else:
            result["failed"] = True
        if module in FILE_MODULES or module == "ansible.builtin.debug" or not module.startswith("ansible.builtin."):
            run.steps.append(Step(task["name"], module, result))
        return result

    def _result(self, run: RoleRun, task: Mapping[str, Any], module: str, around: Mapping[str, Any]) -> dict[str, Any]:
        """What one attempt at a task returns, for one item."""
        templar = self._templar(run, around)
        if module in _RUNS_TASKS:
            given = task[module]
            self._tasks(run, self._data(f"tasks/{given['file'] if isinstance(given, dict) else given}"), around)
            return {"changed": False}
        if module == "ansible.builtin.import_role":
            self._role(run, task[module]["name"], task[module].get("tasks_from", "main"), around)
            return {"changed": False}
        if module == "ansible.builtin.assert":
            return self._assert(templar, task[module])
        if module == "ansible.builtin.meta":
            assert task[module] == "end_host"
            raise _HostEnded
        # An argument without a value is that of a task without any.
        arguments = _without_omitted(templar.template(dict(task[module] or {})))
        if module == "ansible.builtin.fail":
            return {"changed": False, "failed": True, "msg": arguments["msg"]}
        if module == "ansible.builtin.set_fact":
            run.facts.update(arguments)
            return {"changed": False}
        if module == "ansible.builtin.debug":
            return {"changed": False, "msg": arguments.get("msg")}
        if module == "ansible.builtin.set_stats":
            return {"changed": False}
        check_mode = task.get("check_mode", run.check_mode)
        if module in FILE_MODULES:
            return FILE_MODULES[module](arguments, check_mode)
        return self._operation(run, module, arguments, check_mode)

    def _role(self, run: RoleRun, name: str, tasks_from: str, around: Mapping[str, Any]) -> None:
        """A role in a play, whose variables it sees, after the roles that it depends on."""
        role = RolePlayer(name.removeprefix("fortanix.dsm."))
        role._given = {**role._given, **self._given}
        for needed in role._data("meta/main.yml").get("dependencies") or []:
            role._role(run, needed["role"], "main", {**around, **needed["vars"]})
        role._tasks(run, role._data(f"tasks/{tasks_from}.yml"), around)

    def _assert(self, templar: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        if _holds(templar, given["that"]):
            return {"changed": False}
        return {"changed": False, "failed": True, "msg": templar.template(given["fail_msg"])}

    def _operation(self, run: RoleRun, module: str, arguments: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        name = module.removeprefix("fortanix.dsm.")
        operation = importlib.import_module(f"{_OPERATIONS}.{name}")
        known = operation.SPEC.argument_spec
        given = {**{name: value for name, value in run.options.items() if name in known}, **arguments}
        validated = ModuleArgumentSpecValidator(**operation.SPEC.as_module_arguments()).validate(given)
        if validated.error_messages:
            return {"changed": False, "failed": True, "msg": "; ".join(validated.error_messages)}
        try:
            task = Task(validated.validated_parameters, check_mode, run.proxy, run.warnings.append)
            return {"failed": False, **perform(operation, task)}
        except TaskError as error:
            return {"changed": False, "failed": True, **error.to_fail_json()}

    # Variables -------------------------------------------------------------------------------------------------------

    def _templar(self, run: RoleRun, around: Mapping[str, Any]) -> Any:
        variables = {**self._given, **run.variables, **run.facts, **around}
        magic = {
            "omit": _OMIT,
            "inventory_hostname": HOST,
            "ansible_play_batch": [HOST],
            "ansible_play_hosts": [HOST],
            "ansible_check_mode": run.check_mode,
            "hostvars": {HOST: {**run.variables, **run.facts}},
        }
        return Templar(self._loader, variables={**variables, **magic})


class RolePlayer(_Player):
    """Reads a role once, and runs it as often as wanted, without the roles that it depends on."""

    def __init__(self, role: str) -> None:
        super().__init__(ROOT / "roles" / role)
        for file in ("defaults/main.yml", "vars/main.yml"):
            if (self._folder / file).exists():
                self._given |= self._data(file)

    def play(self, run: RoleRun, tasks: str = "main") -> RoleRun:
        return self._ended(run, self._data(f"tasks/{tasks}.yml"))


class PlaybookPlayer(_Player):
    """Reads a playbook once, and runs it as often as wanted, for one host.

    What else limits its hosts is left to Ansible.
    """

    def __init__(self, playbook: str) -> None:
        super().__init__(ROOT / "playbooks")
        self._plays = self._data(f"{playbook}.yml")

    def play(self, run: RoleRun) -> RoleRun:
        tasks = []
        for play in self._plays:
            assert play.keys() <= _PLAY_KEYWORDS, play.keys()
            if self._templar(run, {}).template(play["hosts"]) == _NO_HOST:
                continue
            self._given |= play.get("vars") or {}
            roles = [{"ansible.builtin.import_role": {"name": one["role"]}} for one in play.get("roles", [])]
            tasks += [play.get("pre_tasks", []), roles, play.get("tasks", [])]
        return self._ended(run, *tasks)


@cache
def _read(path: Path) -> Any:
    # Ansible's own loader, which marks as a template what comes from a file.
    return DataLoader().load_from_file(str(path), trusted_as_template=True) or {}


_COMPILED: dict[tuple[Any, ...], Any] = {}


@contextlib.contextmanager
def _each_template_compiled_once() -> Iterator[None]:
    """Most of what a run costs is to compile templates, and a test compiles the same ones run after run."""
    # Here, as ansible-core before 2.19 has none of them.
    from ansible._internal._templating._jinja_bits import AnsibleEnvironment, _TemplateCompileContext

    compile_anew = AnsibleEnvironment.compile

    def compiled(self: Any, source: Any, *arguments: Any, **options: Any) -> Any:
        if not isinstance(source, str) or arguments or options:
            return compile_anew(self, source, *arguments, **options)
        key = (str(source), self.trim_blocks, _TemplateCompileContext.current().escape_backslashes)
        if key not in _COMPILED:
            _COMPILED[key] = compile_anew(self, source)
        return _COMPILED[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AnsibleEnvironment, "compile", compiled)
        yield


_FILTERS: dict[tuple[str, str], Any] = {}


@contextlib.contextmanager
def _each_filter_found_once() -> Iterator[None]:
    """Ansible searches filters and tests anew for each task, in each collection and folder that may have them."""
    get = Jinja2Loader.get

    def found(self: Any, name: str, *arguments: Any, **options: Any) -> Any:
        if arguments or options:
            return get(self, name, *arguments, **options)
        key = (self.type, name)
        if _FILTERS.get(key) is None:
            _FILTERS[key] = get(self, name)
        return _FILTERS[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Jinja2Loader, "get", found)
        yield


@contextlib.contextmanager
def _own_lookups_found() -> Iterator[None]:
    """Ansible finds its own lookups by their complete names only where it has loaded the collections itself."""
    get = lookup_loader.get

    def found(name: str, *arguments: Any, **options: Any) -> Any:
        return get(name.removeprefix("ansible.builtin."), *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup_loader, "get", found)
        yield


def _holds(templar: Any, conditions: Any) -> bool:
    every = conditions if isinstance(conditions, list) else [conditions]
    return all(templar.evaluate_conditional(one) for one in every)


def _without_omitted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_omitted(inner) for name, inner in value.items() if inner != _OMIT}
    return [_without_omitted(inner) for inner in value if inner != _OMIT] if isinstance(value, list) else value
