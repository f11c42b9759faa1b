# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks that set groups up, by their tasks in this process, with the logins of a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sandbox import Sandbox
from support.azure_rights import AzureRights
from support.role_in_process import PlaybookPlayer, RoleRun


def way_to(sandbox: Sandbox, patch: pytest.MonkeyPatch) -> None:
    """Lead this process to the sandbox, without any login: the SDK of Azure reads the environment."""
    for variable, value in sandbox.environment().items():
        if not variable.startswith(("DSM_", "AZURE_")):
            patch.setenv(variable, value)


class SetUp:
    """``variables``: what each run is given."""

    def __init__(self, sandbox: Sandbox, patch: pytest.MonkeyPatch, variables: Mapping[str, Any]) -> None:
        self._sandbox, self._variables = sandbox, variables
        way_to(sandbox, patch)

    def __call__(self, *, check_mode: bool = False, playbook: str = "setup", **more: Any) -> RoleRun:
        azure = AzureRights(self._sandbox)
        options = {**azure.operator, **azure.dsm_login, "wait_interval": 0}
        run = RoleRun({**self._variables, **more}, options, self._sandbox.proxy_url, check_mode)
        return PlaybookPlayer(playbook).play(run)
