# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Runs an operation in the control process, for plugins: what ``_task.py`` does for modules."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values

from ..module_utils._environment import complete_login, proxy_for
from ..module_utils._errors import TaskError, printable
from ..module_utils._secrets import forms_of, secrets_in
from ..module_utils._task import Operation, Task


class Failure(Exception):
    """Why an operation failed: the complete message for the user, without secrets."""


def completed(operation: Operation, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as a module would have them: validated, and with the login of the environment when they have none.

    Raises:
        Failure: an option is missing or wrong.
    """
    given = {name: value for name, value in options.items() if value is not None}
    validated = ArgumentSpecValidator(**operation.SPEC.as_module_arguments()).validate(given)
    params: dict[str, Any] = validated.validated_parameters
    if validated.error_messages:
        raise Failure(_without_secrets("; ".join(validated.error_messages), operation, params))
    complete_login(params, os.environ)
    return params


def run(operation: Operation, params: Mapping[str, Any], warn: Callable[[str], None]) -> dict[str, Any]:
    """The result of the operation with these parameters (see :func:`completed`), in check mode: it must not write.

    Raises:
        Failure: it failed.
    """
    task = Task(
        params=params,
        check_mode=True,
        proxy=proxy_for(params.get("dsm_endpoint")),
        warn=lambda text: warn(printable(_without_secrets(text, operation, params))),
    )
    try:
        return operation.run(task)
    except TaskError as error:
        message = str(error)
    except Exception as error:
        message = (
            f"An error that the collection did not expect ({type(error).__name__}). Report it together with the "
            "versions of the collection and of DSM."
        )
    # Outside of the `except` block: a traceback below it could show what is removed here.
    raise Failure(_without_secrets(message, operation, params))


def _without_secrets(text: str, operation: Operation, params: Mapping[str, Any]) -> str:
    """What AnsibleModule does to everything that a module says: a server may repeat what it was sent."""
    return str(remove_values(text, forms_of(secrets_in(operation.SPEC.argument_spec, params))))
