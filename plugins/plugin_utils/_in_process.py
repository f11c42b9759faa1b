# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Runs an operation in Ansible's own process: for the inventory, and for each module where that is safe.

Most of the run time of a task is the start of a Python process and its imports. The action plugin of a module therefore
runs the module's operation itself, or passes the task to the module: docs/performance.md lists the conditions.

A task runs in a fork of the control process, so its imports are lost when it ends. Ansible's strategies load the action
plugin before they fork, so imports by :func:`preloaded` are available to all tasks of the run.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.plugins.loader import filter_loader, lookup_loader, test_loader

from ..module_utils._environment import complete_login
from ..module_utils._errors import printable
from ..module_utils._secrets.secrets import secrets_in, texts_in
from ..module_utils._task import Censored, Operation, explained, failed, outcome_of, rejected
from ._role_variables import renamed, variables_of
from ._unsafe import unsafe

try:
    from ansible.module_utils.common.json import Direction, get_module_decoder, get_module_encoder
except ImportError:
    # ansible-core before 2.19
    from ansible.module_utils.common.json import AnsibleJSONEncoder

    _TO_MODULE: dict[str, Any] = {"cls": AnsibleJSONEncoder, "vault_to_text": True}
    _FROM_MODULE: dict[str, Any] = {"cls": AnsibleJSONEncoder}
    _RETURNED: dict[str, Any] = {}
else:
    # The form of modules that do not name another one.
    _TO_MODULE = {"cls": get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)}
    _FROM_MODULE = {"cls": get_module_encoder("legacy", Direction.MODULE_TO_CONTROLLER)}
    _RETURNED = {"cls": get_module_decoder("legacy", Direction.MODULE_TO_CONTROLLER)}

# Libraries that every task of a kind uses, regardless of its options.
DSM = ("urllib3",)
AZURE = (
    "azure.identity",
    "azure.core.rest",
    "azure.core.pipeline.policies",
    "azure.mgmt.core.policies",
    "azure.mgmt.keyvault",
    # Imported by the libraries above only at the first request.
    "azure.core.pipeline.transport._requests_basic",
    "azure.core.rest._requests_basic",
    "msal_extensions",
)
# The same for tasks that read the roles of an application: about 30 ms, which others are spared.
ROLES = ("azure.mgmt.authorization.v2022_04_01", "azure.mgmt.authorization.v2020_10_01")

# Modules that filters and lookups of the role cdc_setup import on first use.
_BEHIND_FILTERS = (
    "module_utils._declaration.check",
    "module_utils._texts.messages",
    "plugin_utils._setup.variables",
    "plugin_utils._unsafe",
)
SWITCH_VARIABLE = "ansible_fortanix_dsm_in_process"
SWITCH_ENVIRONMENT = "FORTANIX_DSM_IN_PROCESS"
_LOGGERS = ("azure", "msal", "requests", "urllib3")


def preloaded(operation: Operation, *libraries: str) -> Operation:
    """The operation, after an attempt to import the libraries.

    A failure is not reported here: the operation reports it when it runs, and a task may run on another Python.
    """
    if sys.platform != "darwin" and _switched_on(os.environ.get(SWITCH_ENVIRONMENT, "")) is not False:
        for library in libraries:
            with _quiet_libraries(), contextlib.suppress(Exception):
                importlib.import_module(library)
        _load_filters()
    return operation


def _load_filters() -> None:
    """Have Ansible load its own filters and tests, and those of the collection with the code of the role cdc_setup.

    Ansible loads all plugins of a kind at the first use of one, again in each fork, unless they were loaded before.
    Failures are ignored here; the template that uses the plugin reports them.
    """
    plugins = __name__.rpartition(".plugin_utils.")[0]
    for name in _BEHIND_FILTERS:
        with contextlib.suppress(Exception):
            importlib.import_module(f"{plugins}.{name}")
    collection = ".".join(__name__.split(".")[1:3])
    for loader, name in (
        (filter_loader, "ansible.builtin.default"),
        (test_loader, "ansible.builtin.defined"),
        (filter_loader, f"{collection}.printable"),
        (lookup_loader, f"{collection}.wrong_variables"),
        (lookup_loader, f"{collection}.setup_group"),
    ):
        with contextlib.suppress(Exception):
            loader.get(name)


class Invocation(Censored):
    """One run of an operation: like AnsibleModule for a module, but without effects on the process.

    ``params``: the arguments, validated and with defaults. ``problem``: why they were refused, not censored.
    """

    def __init__(
        self,
        operation: Operation,
        arguments: Mapping[str, Any],
        *,
        check_mode: bool,
        no_log: bool = False,
        verbosity: int = 0,
        name: str = "",
        shows_arguments: bool = True,
        show: Callable[[str], None] | None = None,
    ) -> None:
        self.check_mode = check_mode
        self.no_log = no_log
        self.no_log_values: set[str] = set()
        self.warnings: list[str] = []
        self._operation = operation
        self._verbosity = verbosity
        self._shows_arguments = shows_arguments
        self._show = show
        options = operation.SPEC.argument_spec
        self.params: dict[str, Any] = {}
        self.deprecations: list[dict[str, Any]] = []
        self.problem: str | None = None
        self._refusal = rejected(operation, arguments)
        if self._refusal is not None:
            self.problem = str(self._refusal)
            return
        given = _to_module(arguments)
        self.censor(secrets_in(options, given))
        validated = ArgumentSpecValidator(**operation.SPEC.as_module_arguments()).validate(given)
        # Defaults are the specification's own objects, and the next item of a loop uses the same ones.
        self.params = copy.deepcopy(validated.validated_parameters)
        self.censor(secrets_in(options, self.params))
        self.deprecations = [_deprecation(found) for found in validated._deprecations]
        for found in validated._warnings:
            self.warn(f"Both option {found['option']} and its alias {found['alias']} are set.")
        # `errors` is truthy even when it is empty. AnsibleModule reports the first error.
        if validated.error_messages:
            self.problem = str(validated.error_messages[0])
            if isinstance(validated.errors[0], UnsupportedError):
                self.problem = f"Unsupported parameters for ({name}) module: {self.problem}"
            self.problem = explained(operation, given, self.problem)

    def warn(self, warning: str) -> None:
        self.warnings.append(warning)

    def progress(self, text: str) -> None:
        if self._show is not None:
            self._show(printable(str(remove_values(text, self.no_log_values))))

    def depends_on_directory(self, of_playbook: str) -> bool:
        """Whether an argument is, or may be, a relative path that a module, which runs in that directory, would resolve
        differently.

        Certificates and keys may be set as text or path: a value that names a file in either directory is a path.
        """
        try:
            current = os.getcwd()
        except OSError:
            return True
        if self.problem is not None or os.path.realpath(of_playbook) == current:
            return False
        if any(map(_is_relative, _paths(self._operation.SPEC.argument_spec, self.params))):
            return True
        # Code that reads a path or a text strips the value first.
        names = [*filter(_is_relative, map(str.strip, texts_in(self.params)))]
        return any(os.path.lexists(os.path.join(place, name)) for name in names for place in (current, of_playbook))

    def outcome(self) -> dict[str, Any]:
        """The result that the module would have returned: censored, with ``failed`` if it failed."""
        if self._refusal is not None:
            return self._returned(failed(self._refusal))
        if self.problem is not None:
            return self._returned({"failed": True, "msg": self.problem})
        with _quiet_libraries():
            result = outcome_of(self._operation, self, self._verbosity)
        return self._returned(result)

    def _returned(self, result: Mapping[str, Any]) -> dict[str, Any]:
        complete = {**({"invocation": {"module_args": self.params}} if self._shows_arguments else {}), **result}
        if self.warnings:
            complete["warnings"] = list(dict.fromkeys(self.warnings))
        if self.deprecations:
            complete["deprecations"] = self.deprecations
        # As in AnsibleModule: a secret may equal the text of one of these values.
        kept = {name: value for name, value in complete.items() if value is None or isinstance(value, bool)}
        return {**remove_values(complete, self.no_log_values), **kept}


# --- For the inventory ------------------------------------------------------------------------------------------------


class Failure(Exception):
    """Why an operation failed: the complete message for the user, without secrets."""


def completed(operation: Operation, options: Mapping[str, Any], verbosity: int) -> Invocation:
    """A read-only run with these options, validated. Credentials that they lack are read from the environment.

    Raises:
        Failure: an option is missing or wrong.
    """
    given = {name: value for name, value in options.items() if value is not None}
    invocation = Invocation(operation, given, check_mode=True, verbosity=verbosity)
    if invocation.problem is not None:
        raise Failure(invocation.outcome()["msg"])
    invocation.censor(complete_login(invocation.params, os.environ))
    return invocation


def run(invocation: Invocation, display: Any) -> dict[str, Any]:
    """The result; warnings, and the traceback of an unexpected error, go to Ansible's display.

    Raises:
        Failure: it failed.
    """
    result = invocation.outcome()
    for warning in result.get("warnings", ()):
        display.warning(warning)
    if result.get("failed"):
        display.vvv("\n".join(result.get("traceback") or ()))
        raise Failure(result["msg"])
    return result


# --- For the modules --------------------------------------------------------------------------------------------------


class OperationAction(NormalAction):  # type: ignore[misc]
    """Runs its operation in the control process if that makes no difference, else the module of the same name."""

    TRANSFERS_FILES = False
    _supports_async = True
    _supports_check_mode = True
    operation: ClassVar[Operation]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = {} if task_vars is None else task_vars
        reason = self.reason_for_the_module(variables)
        if reason is None:
            invocation = Invocation(
                self.operation,
                self._task.args,
                check_mode=self._task.check_mode,
                # As for a module: whether its arguments may be logged where it runs.
                no_log=self._task.no_log or C.config.get_config_value("DEFAULT_NO_TARGET_SYSLOG", variables=variables),
                verbosity=self._display.verbosity,
                name=self._task.action,
                shows_arguments=_shows_arguments(variables),
                # Standard output belongs to the callback plugin.
                show=None if self._task.no_log else lambda text: self._display.display(text, stderr=True),
            )
            if not invocation.depends_on_directory(self._loader.get_basedir()):
                result: dict[str, Any] = unsafe(_from_module(self._for_the_user(invocation.outcome())))
                return result
            reason = "an option names a relative path, and the current directory is not that of the playbook"
        self._display.vvv(f"{self._task.action} runs in a separate process: {reason}")
        handed_over: dict[str, Any] = super().run(tmp, task_vars)
        return self._for_the_user(handed_over)

    def _for_the_user(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result; within a role of this collection, a failure names the variables of the role."""
        role = self._task._role
        collection = ".".join(__name__.split(".")[1:3])
        if role is None or role._role_collection != collection or not result.get("failed"):
            return result
        name = role.get_name(include_role_fqcn=False)
        return renamed(result, name, variables_of(role.get_role_path()), self.operation.SPEC.argument_spec)

    def reason_for_the_module(self, variables: Mapping[str, Any]) -> str | None:
        """Why the module must run; None if its operation can run here without a difference."""
        return next(self._reasons(variables), None)

    def _reasons(self, variables: Mapping[str, Any]) -> Iterator[str]:
        if not self._switched_on(variables):
            yield f"{SWITCH_VARIABLE} or {SWITCH_ENVIRONMENT} is false"
        if sys.platform == "darwin":
            yield "on macOS, the system's network libraries terminate forked processes"
        if self._connection.ansible_name != "ansible.builtin.local":
            yield f"the connection is {self._connection.ansible_name}"
        if self._play_context.become or self._connection.become is not None:
            yield "become is set"
        if self._task.async_val:
            yield "async is set"
        if self._task.environment and any(self._task.environment):
            yield "environment is set"
        if C.DEFAULT_KEEP_REMOTE_FILES:
            yield "keep_remote_files is set"
        interpreter = self._interpreter(variables)
        if interpreter != sys.executable:
            yield f"ansible_python_interpreter is {interpreter}, but Ansible runs on {sys.executable}"

    def _switched_on(self, variables: Mapping[str, Any]) -> bool:
        # An empty value counts as unset, as in the environment.
        told = self._templar.template(variables.get(SWITCH_VARIABLE))
        if told in (None, ""):
            told = os.environ.get(SWITCH_ENVIRONMENT) or True
        switched = _switched_on(told)
        if switched is None:
            raise AnsibleActionFail(f"{SWITCH_VARIABLE} or {SWITCH_ENVIRONMENT} is neither true nor false.")
        return switched

    def _interpreter(self, variables: Mapping[str, Any]) -> str | None:
        """The Python that is set for the host of the task; with auto, the one that Ansible discovered before, if any.

        Paths are compared as text: a link to the same file may belong to another environment.
        """
        if self._task.delegate_to:
            variables = variables.get("ansible_delegated_vars", {}).get(self._task.delegate_to, {})
        try:
            set_to = self._templar.template(C.config.get_config_value("INTERPRETER_PYTHON", variables=variables))
        except AnsibleError:
            # The module fails with Ansible's own error text.
            return None
        found = str(set_to or "auto").strip()
        if found.startswith("auto"):
            return variables.get("ansible_facts", {}).get("discovered_interpreter_python") or found
        return found


def _shows_arguments(variables: Mapping[str, Any]) -> bool:
    """Whether results contain ``invocation``: always before ansible-core 2.21, since then only if configured."""
    if C.config.get_configuration_definition("INJECT_INVOCATION") is None:
        return True
    return bool(C.config.get_config_value("INJECT_INVOCATION", variables=variables))


def _switched_on(value: object) -> bool | None:
    """The boolean value; None for anything else, including an empty value."""
    try:
        return bool(boolean(value))
    except TypeError:
        return None


def _is_relative(text: str) -> bool:
    return bool(text) and "\n" not in text and not text.startswith(("/", "~"))


def _paths(options: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> Iterator[str]:
    """The values of all options of type path, at any depth."""
    for name, option in options.items():
        value = given.get(name)
        if value is None:
            continue
        if option.get("type") == "path":
            yield value
        elif option.get("options"):
            for inner in value if isinstance(value, list) else [value]:
                yield from _paths(option["options"], inner)


def _to_module(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as a module reads them: without Ansible's tags and containers, with values of Vault as text."""
    given: dict[str, Any] = json.loads(json.dumps(arguments, **_TO_MODULE))
    return given


def _from_module(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result as Ansible reads it from a module."""
    returned: dict[str, Any] = json.loads(json.dumps(result, **_FROM_MODULE), **_RETURNED)
    return returned


def _deprecation(found: Mapping[str, Any]) -> dict[str, Any]:
    """A deprecation of the validator, as AnsibleModule returns it."""
    until = "date" if found.get("date") else "version"
    return {"msg": found["msg"], until: found.get(until), "collection_name": found.get("collection_name")}


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Suppress log messages and warnings of libraries in the terminal and in Ansible's log, as for a module."""
    silence = logging.NullHandler()
    loggers: list[tuple[logging.Logger, bool]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in map(logging.getLogger, _LOGGERS):
                loggers.append((logger, logger.propagate))
                logger.addHandler(silence)
                logger.propagate = False
            yield
        finally:
            for logger, propagates in loggers:
                logger.removeHandler(silence)
                logger.propagate = propagates
