# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of a role of this collection, run in this process: what a playbook would do, without its processes.

Order, conditions, loops and arguments are those of the role's own files, templated by Ansible; operations go over the
real wire. For one host. What the files use and this does not know is an error, not a step that is left out.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, wraps
from typing import Any

from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from jinja2 import Environment

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task

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
    ]
)


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
    _facts: dict[str, Any] = field(default_factory=dict)

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
        return self._facts["cdc_setup_results"]

    @property
    def plan(self) -> set[tuple[str, str, str]]:
        """Plane, object and action of every change."""
        changes = [change for step in self.steps for change in step.result.get("plan") or []]
        return {(change["plane"].lower(), change["object"], change["action"]) for change in changes}


class _Stopped(Exception):
    pass


class RolePlayer:
    """Reads a role once, and runs it as often as wanted."""

    def __init__(self, role: str) -> None:
        # Ansible finds plugins in collections that it has loaded itself; the tests import this one like any package.
        vars(importlib.import_module(_COLLECTION))["_collection_meta"] = {}
        for kind in ("filter", "lookup"):
            package = importlib.import_module(f"{_COLLECTION}.plugins.{kind}")
            package.__file__ = str(ROOT / "plugins" / kind / "__init__.py")
        _compile_templates_once()
        self._folder = ROOT / "roles" / role
        self._loader = DataLoader()
        self._files: dict[str, Any] = {}
        self._given = {**self._data("defaults/main.yml"), **self._data("vars/main.yml")}

    def play(self, run: RoleRun, tasks: str = "main") -> RoleRun:
        try:
            self._tasks(run, self._data(f"tasks/{tasks}.yml"), {})
        except _Stopped as stopped:
            run.failure = str(stopped)
        return run

    def _data(self, path: str) -> Any:
        # Ansible's own loader, which marks as a template what comes from a file.
        if path not in self._files:
            self._files[path] = self._loader.load_from_file(str(self._folder / path), trusted_as_template=True) or {}
        return self._files[path]

    # Tasks -----------------------------------------------------------------------------------------------------------

    def _tasks(self, run: RoleRun, tasks: Sequence[Mapping[str, Any]], around: Mapping[str, Any]) -> None:
        for task in tasks:
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
                run._facts[task["register"]] = result
            if result.get("failed") and not task.get("ignore_errors"):
                raise _Stopped(result.get("msg") or [one.get("msg") for one in result["results"]])

    def _once(self, run: RoleRun, task: Mapping[str, Any], module: str, around: Mapping[str, Any]) -> dict[str, Any]:
        around = {**around, **(task.get("vars") or {})}
        templar = self._templar(run, around)
        conditions = task.get("when", [])
        for condition in conditions if isinstance(conditions, list) else [conditions]:
            if not templar.evaluate_conditional(condition):
                return {"skipped": True, "changed": False}
        if module.endswith("_tasks"):
            given = task[module]
            self._tasks(run, self._data(f"tasks/{given['file'] if isinstance(given, dict) else given}"), around)
            return {"changed": False}
        if module == "ansible.builtin.assert":
            return self._assert(templar, task[module])
        # An argument without a value is that of a task without any.
        arguments = _without_omitted(templar.template(dict(task[module] or {})))
        if module == "ansible.builtin.fail":
            return {"changed": False, "failed": True, "msg": arguments["msg"]}
        if module == "ansible.builtin.set_fact":
            run._facts.update(arguments)
            return {"changed": False}
        if module in ("ansible.builtin.debug", "ansible.builtin.set_stats"):
            return {"changed": False}
        result = self._operation(run, module, arguments)
        run.steps.append(Step(task["name"], module, result))
        return result

    def _assert(self, templar: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        that = given["that"] if isinstance(given["that"], list) else [given["that"]]
        if all(templar.evaluate_conditional(one) for one in that):
            return {"changed": False}
        return {"changed": False, "failed": True, "msg": templar.template(given["fail_msg"])}

    def _operation(self, run: RoleRun, module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        name = module.removeprefix("fortanix.dsm.")
        operation = importlib.import_module(f"{_OPERATIONS}.{name}")
        known = operation.SPEC.argument_spec
        given = {**{name: value for name, value in run.options.items() if name in known}, **arguments}
        validated = ModuleArgumentSpecValidator(**operation.SPEC.as_module_arguments()).validate(given)
        if validated.error_messages:
            return {"changed": False, "failed": True, "msg": "; ".join(validated.error_messages)}
        try:
            task = Task(validated.validated_parameters, run.check_mode, run.proxy, lambda _text: None)
            return {"failed": False, **operation.run(task)}
        except TaskError as error:
            return {"changed": False, "failed": True, "msg": str(error)}

    # Variables -------------------------------------------------------------------------------------------------------

    def _templar(self, run: RoleRun, around: Mapping[str, Any]) -> Any:
        variables = {**self._given, **run.variables, **run._facts, **around}
        magic = {
            "omit": _OMIT,
            "inventory_hostname": HOST,
            "ansible_play_batch": [HOST],
            "ansible_play_hosts": [HOST],
            "ansible_check_mode": run.check_mode,
            "hostvars": {HOST: {**run.variables, **run._facts}},
        }
        return Templar(self._loader, variables={**variables, **magic})


def _without_omitted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_omitted(inner) for name, inner in value.items() if inner != _OMIT}
    return [_without_omitted(inner) for inner in value if inner != _OMIT] if isinstance(value, list) else value


@cache
def _compile_templates_once() -> None:
    """What a template compiles to follows from its text; Ansible compiles it anew each time, which is half of a run."""
    compile_, known = Environment.compile, dict[Any, Any]()

    @wraps(compile_)
    def remembering(environment: Environment, source: Any, *rest: Any, **options: Any) -> Any:
        # An expression is a tree, and an environment with a syntax of its own is laid over another one.
        if not isinstance(source, str) or environment.overlayed or rest or options:
            return compile_(environment, source, *rest, **options)
        key = (type(environment), str(source))
        if key not in known:
            known[key] = compile_(environment, source)
        return known[key]

    Environment.compile = remembering  # type: ignore[method-assign]
