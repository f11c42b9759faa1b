# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs an operation over the real wire without Ansible around it: for matrices that would take playbooks too long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task, perform

_LOGINS = {"dsm_username", "dsm_client_cert", "dsm_api_key"}


@dataclass
class Operator:
    """Calls operations with the login and network of a sandbox; collects their warnings."""

    environment: Mapping[str, str]
    warnings: list[str] = field(default_factory=list)

    def __call__(
        self, operation: ModuleType, *, check_mode: bool = False, no_log: bool = False, **params: Any
    ) -> dict[str, Any]:
        login = {
            "dsm_endpoint": self.environment["DSM_ENDPOINT"],
            "dsm_ca_path": self.environment["REQUESTS_CA_BUNDLE"],
            **({} if _LOGINS & params.keys() else {"dsm_api_key": self.environment["DSM_API_KEY"]}),
        }
        given = {**(login if "dsm_endpoint" in operation.SPEC.argument_spec else {}), **params}
        validator = ModuleArgumentSpecValidator(**operation.SPEC.as_module_arguments())
        validated = validator.validate(given)
        assert not validated.error_messages, validated.error_messages
        task = Task(
            params=validated.validated_parameters,
            check_mode=check_mode,
            proxy=self.environment["HTTPS_PROXY"],
            warn=self.warnings.append,
            no_log=no_log,
        )
        result: dict[str, Any] = perform(operation, task)
        return result
