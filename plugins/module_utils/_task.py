# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The only bridge between Ansible and an operation: parameters, check mode, warnings, results, errors.

An operation is a module of ``_operations`` with ``SPEC`` (an :class:`ArgumentSpec`) and ``run(task) -> result``. It
gets everything from the :class:`Task` and does not use AnsibleModule, process or environment.

Two shells run operations: :func:`run_module` in the process of a module, ``plugin_utils/_in_process.py`` in Ansible's
own process. What both must do in the same way is here.
"""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values

from ._argspec import ArgumentSpec
from ._environment import complete_login, complete_operator, proxy_for
from ._errors import InvalidInput, TaskError, defect, printable, shortened
from ._inputs import as_dict, refusal
from ._journal import Journal
from ._secrets.secrets import forms_of, in_query, secrets_in
from ._time import ServiceClock

_TRACEBACK_VERBOSITY = 3
_LONGEST_MESSAGE = 2000


def _show_nothing(_text: str) -> None:
    """The output of a module is its result."""


@dataclass(frozen=True)
class Task:
    """The environment of an operation. ``no_log``: whether the task hides its result from the output.

    ``clock``: the time by the services' clocks, updated by the clients of the task.
    ``journal``: the writes of the task, recorded by the clients.
    ``progress``: shows a line while the task runs, if output is possible.
    ``is_abandoned``: whether the process that waits for the task has ended, or a signal has stopped the task.
    """

    params: Mapping[str, Any]
    check_mode: bool
    proxy: str | None
    warn: Callable[[str], None]
    no_log: bool = False
    clock: ServiceClock = field(default_factory=ServiceClock)
    journal: Journal = field(default_factory=Journal)
    progress: Callable[[str], None] = _show_nothing
    is_abandoned: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self.clock.report_to(self.warn)


class Stopped(BaseException):
    """The process was told to end, by this signal. No code but the shell catches it."""


class Operation(Protocol):
    """The shape of a module of ``_operations``."""

    SPEC: ArgumentSpec

    def run(self, task: Task) -> dict[str, Any]: ...


class Censored:
    """Keeps the secrets of a task. ``no_log_values``: texts that Ansible removes from all results."""

    no_log_values: set[str]

    def censor(self, secrets: Iterable[str]) -> None:
        """Remove these from all logs and results."""
        self.no_log_values.update(forms_of(secrets))

    def progress(self, text: str) -> None:
        _show_nothing(text)


class Shell(Protocol):
    """What runs an operation and stands between it and Ansible."""

    params: dict[str, Any]
    check_mode: bool
    no_log: bool
    no_log_values: set[str]

    def censor(self, secrets: Iterable[str]) -> None: ...

    def warn(self, warning: str) -> None: ...

    def progress(self, text: str) -> None: ...


def perform(operation: Operation, task: Task) -> dict[str, Any]:
    """Run an operation.

    Raises:
        TaskError: it failed. The error lists the writes before the failure.
    """
    # Also what was taken from the environment.
    refused = refusal(operation.SPEC.argument_spec, task.params)
    if refused is not None:
        raise refused
    try:
        return operation.run(task)
    except TaskError as error:
        error.after(task.journal)
        raise


def outcome_of(operation: Operation, shell: Shell, verbosity: int) -> dict[str, Any]:
    """The result of the operation; after a failure, ``failed``, ``msg`` and details.

    Nothing is censored yet. Of the interruptions of the process, only SIGINT and SIGTERM are caught.
    """
    journal, stopped = Journal(), threading.Event()
    try:
        with _stopping(stopped):
            return perform(operation, _task_of(shell, journal, stopped))
    except TaskError as error:
        failure = error
    except Stopped as error:
        failure = TaskError(
            f"the task was stopped by the signal {error}",
            plane="Controller",
            obj="task",
            next_step="run the task again: it reads the current state before it changes anything",
        )
        failure.after(journal)
    except Exception as error:
        # Report the writes here, too.
        failure = defect(error)
        failure.after(journal)
    result = failed(failure)
    if failure.__cause__ is not None and verbosity >= _TRACEBACK_VERBOSITY:
        result["traceback"] = "".join(traceback.format_exception(failure.__cause__)).splitlines()
    return result


@contextmanager
def _stopping(stopped: threading.Event) -> Iterator[None]:
    """Have SIGINT and SIGTERM end the operation where it is. A second signal does what it would have done before.

    ``stopped``: set for other threads, which complete the step that they carry out.
    """
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = ((number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM))
        # A background process ignores SIGINT. One without a handler of Python's is not replaced: it cannot be restored.
        before = {number: handler for number, handler in handlers if handler not in (signal.SIG_IGN, None)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(number: int, _frame: object) -> None:
        restore()
        stopped.set()
        raise Stopped(signal.Signals(number).name)

    try:
        for number in before:
            signal.signal(number, stop)
        yield
    finally:
        restore()


def failed(failure: TaskError) -> dict[str, Any]:
    """The result of a task that failed."""
    return {"failed": True, **failure.to_fail_json()}


def rejected(operation: Operation, given: Mapping[str, Any]) -> InvalidInput | None:
    """Why arguments are rejected before Ansible sees them: it would fail with an exception, or print them."""
    options = operation.SPEC.argument_spec
    return refusal(options, given) or next(
        _not_a_dict(options, given, only=(int, float, list, tuple, type(None))), None
    )


def explained(operation: Operation, given: Mapping[str, Any], message: str) -> str:
    """Why Ansible rejects arguments, with a better text of the operation if it has one.

    Ansible does not name the element of a list, and does not say what to write instead of a text that is no dict.
    """
    explain = getattr(operation, "explained", None)
    told = message if explain is None else str(explain(given, message))
    if told != message:
        return told
    mistaken = next(_not_a_dict(operation.SPEC.argument_spec, given), None)
    # Ansible repeats the value.
    return shortened(message, _LONGEST_MESSAGE) if mistaken is None else str(mistaken)


def _not_a_dict(
    options: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, Any],
    place: str = "",
    only: tuple[type, ...] = (object,),
) -> Iterator[InvalidInput]:
    """What to write instead of values that are no dictionaries where one is expected, at any depth.

    ``only``: the types of the values that are reported.
    """
    for option, kind in options.items():
        value = given.get(option)
        if kind.get("type") == "dict":
            # Null: not set.
            elements = {} if value is None else {option: value}
        elif kind.get("elements") == "dict" and isinstance(value, list):
            elements = {f"{option}[{index}]": one for index, one in enumerate(value)}
        else:
            continue
        for name, one in elements.items():
            if isinstance(one, Mapping):
                yield from _not_a_dict(kind.get("options") or {}, one, f"{place}{name}.", only)
            elif isinstance(one, only) and as_dict(one) is None:
                yield InvalidInput(f"{place}{name}", "it is not a dictionary", _instead(option, kind, options))


def _instead(option: str, kind: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    if option == "group":
        record = "to the `group` that a task of fortanix.dsm.cdc_group returned"
        return (
            f"set group_name to the name of the group, or group {record}"
            if "group_name" in options
            else f"set it {record}"
        )
    keys = kind.get("options") or {}
    key = "name" if "name" in keys else next(iter(keys), "key")
    return f"write {'each element as' if kind['type'] == 'list' else f'{option}:'} {{{key}: ...}}"


class _Module(Censored, AnsibleModule):  # type: ignore[misc]
    """An AnsibleModule that knows the secrets of its arguments before it rejects, logs or returns any of them.

    The constructor of AnsibleModule does all three: it writes the invocation to syslog or the journal before the code
    of a module runs.
    """

    params: dict[str, Any]
    argument_spec: dict[str, Any]
    # Why the arguments are rejected before Ansible has checked, converted or logged them.
    refusal: InvalidInput | None = None

    def __init__(self, operation: Operation) -> None:
        self._refused: Operation | None = operation
        self._given: Mapping[str, Any] = {}
        super().__init__(supports_check_mode=True, **operation.SPEC.as_module_arguments())
        self._refused = None

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        # During construction, it can only fail because of its arguments.
        operation, self._refused = self._refused, None
        super().fail_json(msg=msg if operation is None else explained(operation, self._given, msg), **kwargs)

    def _load_params(self) -> None:
        super()._load_params()
        self._given = self.params
        if self._refused is None:
            raise AssertionError("arguments are loaded once, by the constructor")
        self.refusal = rejected(self._refused, self.params)
        if self.refusal is None:
            self.censor(secrets_in(self.argument_spec, self.params))
            return
        # Nothing is left that Ansible could convert, log or return.
        self.params = {name: value for name, value in self.params.items() if name.startswith("_ansible_")}
        self.argument_spec = {}
        self.mutually_exclusive = self.required_together = self.required_one_of = self.required_if = ()

    def _log_invocation(self) -> None:
        # A dict or list is logged as its `str`, after a search for passwords in addresses. The search may remove a
        # part of a secret, so that the comparison does not find the rest.
        complete = self.params
        self.params = remove_values(complete, self.no_log_values)
        try:
            super()._log_invocation()
        finally:
            self.params = complete


def run_module(operation: Operation) -> None:
    """``main()`` of every module."""
    module = _Module(operation)
    result = outcome_of(operation, module, module._verbosity) if module.refusal is None else failed(module.refusal)
    # Outside of any `except` block: there, ansible-core would add the traceback to the visible result.
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


def _is_over(stopped: threading.Event, parent: int) -> bool:
    """Whether nobody waits: the process that started this one has ended (a killed ansible-playbook does not stop its
    tasks), or the task is being stopped.
    """
    return stopped.is_set() or os.getppid() != parent


def _task_of(shell: Shell, journal: Journal, stopped: threading.Event) -> Task:
    """The task with parameters that are completed from the environment; its secrets are censored."""
    taken = in_query(shell.params.get("dsm_endpoint"))
    # Censoring a blank would remove every blank from the error message.
    shell.no_log_values.difference_update({value for value in shell.no_log_values if not value.strip()})
    if "dsm_api_key" in shell.params:
        taken |= complete_login(shell.params, os.environ)
    if "auth_source" in shell.params:
        taken |= complete_operator(shell.params, os.environ)
    shell.censor(taken)
    return Task(
        params=shell.params,
        check_mode=shell.check_mode,
        proxy=proxy_for(shell.params.get("dsm_endpoint")),
        # Warnings contain names of objects and texts of servers, which ansible-core shows unchanged.
        warn=lambda text: shell.warn(printable(text)),
        no_log=bool(shell.no_log),
        journal=journal,
        progress=shell.progress,
        is_abandoned=partial(_is_over, stopped, os.getppid()),
    )
