# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""One step of a setup: an operation, with arguments that are validated by its own specification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import ModuleType
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._errors import InvalidInput, TaskError, defect
from .._journal import Journal
from .._options import AZURE, DSM
from .._task import Task

_LOGIN = {*DSM.argument_spec, *AZURE.argument_spec}


@dataclass(frozen=True)
class StepResult:
    """The result of a step, or why it failed. ``journal``: what it has written."""

    result: Mapping[str, Any] = field(default_factory=dict)
    failure: TaskError | None = None
    journal: Journal = field(default_factory=Journal)

    def as_result(self) -> Mapping[str, Any]:
        """In the form that a play registers."""
        if self.failure is None:
            return self.result
        return {"failed": True, "changed": bool(self.journal.writes), "msg": str(self.failure)}


@cache
def _validator(operation: ModuleType) -> ArgumentSpecValidator:
    """For all options except the credentials, which the task itself has validated."""
    given = operation.SPEC.as_module_arguments()
    own = {name: option for name, option in given.pop("argument_spec").items() if name not in _LOGIN}
    return ArgumentSpecValidator(own, **given)


@dataclass(frozen=True)
class Checked:
    """The parameters and options of a step, checked without any request."""

    arguments: Mapping[str, Any]
    params: Mapping[str, Any]
    options: Any


def checked(task: Task, operation: ModuleType, arguments: Mapping[str, Any]) -> Checked:
    """The arguments of a step, with the credentials of the task.

    Raises:
        InvalidInput: the operation does not accept an argument.
    """
    own = {name: value for name, value in arguments.items() if name not in _LOGIN}
    validated = _validator(operation).validate(own)
    if validated.error_messages:
        raise InvalidInput("", str(validated.error_messages[0]), "correct the declaration")
    login = {name: task.params[name] for name in operation.SPEC.argument_spec if name in _LOGIN}
    where = {name: value for name, value in arguments.items() if name in _LOGIN}
    params = {**login, **where, **validated.validated_parameters}
    options = operation.options_of(replace(task, params=params)) if hasattr(operation, "options_of") else None
    return Checked(arguments, params, options)


def carried_out(
    task: Task,
    operation: ModuleType,
    arguments: Mapping[str, Any],
    work: Callable[[Task, Any], dict[str, Any]],
    before: Checked | None = None,
) -> StepResult:
    """Run a step.

    Args:
        work: called with the task of the step and the checked options.
        before: the step as checked before the first request. It is reused if the arguments are still the same.
    """
    journal = Journal()
    try:
        step = before if before is not None and before.arguments == arguments else checked(task, operation, arguments)
        return StepResult(work(replace(task, params=step.params, journal=journal), step.options), journal=journal)
    except TaskError as error:
        failure = error
    except Exception as error:
        # The other groups continue.
        failure = defect(error)
    failure.after(journal)
    return StepResult(failure=failure, journal=journal)
