# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The only bridge between Ansible and an operation: parameters, environment, check mode, warnings, results, errors.

An operation is a module of ``_operations`` with ``SPEC`` (an :class:`ArgumentSpec`) and ``run(task) -> result``. It
takes all that it needs from the :class:`Task`; it knows nothing of AnsibleModule, process or environment.
"""

from __future__ import annotations

import os
import traceback
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from ansible.module_utils.basic import AnsibleModule

from ._argspec import ArgumentSpec
from ._errors import TaskError

_TRACEBACK_VERBOSITY = 3
_API_KEY_VARIABLES = ("DSM_API_KEY", "FORTANIX_API_KEY")
_LOGIN_OPTIONS = ("dsm_api_key", "dsm_username", "dsm_password", "dsm_client_cert", "dsm_client_key", "dsm_app_id")


@dataclass(frozen=True)
class Task:
    """What an operation sees of the world."""

    params: Mapping[str, Any]
    check_mode: bool
    proxy: str | None
    warn: Callable[[str], None]


class Operation(Protocol):
    """The shape of a module of ``_operations``."""

    SPEC: ArgumentSpec

    def run(self, task: Task) -> dict[str, Any]: ...


def run_module(operation: Operation) -> None:
    """``main()`` of every module."""
    module = AnsibleModule(supports_check_mode=True, **operation.SPEC.as_module_arguments())
    module.no_log_values.update(complete_login(module.params, os.environ))
    # Censoring a blank would take every blank out of the message that says what is wrong with it.
    module.no_log_values.difference_update({value for value in module.no_log_values if not value.strip()})
    task = Task(
        params=module.params,
        check_mode=module.check_mode,
        proxy=proxy_for(module.params["dsm_endpoint"]),
        warn=module.warn,
    )
    failure: dict[str, Any] = {}
    result: dict[str, Any] = {}
    try:
        result = operation.run(task)
    except TaskError as error:
        failure = error.to_fail_json()
    except Exception as error:
        failure = {
            "msg": f"An error that the collection did not expect ({type(error).__name__}). Run the task with -vvv for "
            "the traceback, and report it together with the versions of the collection and of DSM.",
            "traceback": traceback.format_exc().splitlines() if module._verbosity >= _TRACEBACK_VERBOSITY else None,
        }
    # Outside of the `except` block: there, ansible-core would add the traceback to the visible result.
    if failure:
        module.fail_json(**failure)
    module.exit_json(**result)


def complete_login(params: MutableMapping[str, Any], environ: Mapping[str, str]) -> set[str]:
    """Take the DSM login from the environment when the task names none; return the secrets that were taken.

    The login options are one choice. An API key in the environment must not overrule a user name in the play, and a
    password in the environment belongs only to the user name beside it, as a key does to its certificate.
    """
    if any(params.get(name) is not None for name in _LOGIN_OPTIONS):
        return set()
    for variable in _API_KEY_VARIABLES:
        if environ.get(variable):
            params["dsm_api_key"] = environ[variable]
            return {environ[variable]}
    if environ.get("DSM_USERNAME") and environ.get("DSM_PASSWORD"):
        params["dsm_username"] = environ["DSM_USERNAME"]
        params["dsm_password"] = environ["DSM_PASSWORD"]
        return {environ["DSM_PASSWORD"]}
    if environ.get("DSM_CLIENT_CERT"):
        for option, variable in (("dsm_client_cert", "DSM_CLIENT_CERT"), ("dsm_client_key", "DSM_CLIENT_KEY")):
            params[option] = os.path.expanduser(environ[variable]) if environ.get(variable) else None
        params["dsm_app_id"] = environ.get("DSM_APP_ID") or None
    return set()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment (``HTTPS_PROXY``, ``NO_PROXY``) names for this address."""
    try:
        host = urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        # No address at all: refused by the check of dsm_endpoint, in its own words.
        return None
    if urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get("https")
