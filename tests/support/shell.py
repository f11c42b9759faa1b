# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs an operation as a task runs it in Ansible's own process, without Ansible around it.

What :class:`support.operate.Operator` leaves out is here: login and proxy from the environment, the words of a failure
as a user reads them, warnings, and secrets censored. One at a time: the environment is that of this process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from unittest import mock

from ansible_collections.fortanix.dsm.plugins.plugin_utils._in_process import Invocation


@dataclass
class Shell:
    """Calls operations with the environment of a sandbox."""

    environment: Mapping[str, str]

    def __call__(
        self,
        operation: ModuleType,
        *,
        environment: Mapping[str, str | None] | None = None,
        check_mode: bool = False,
        verbosity: int = 2,
        **options: Any,
    ) -> dict[str, Any]:
        """What the task returns, also when it fails. ``environment`` is laid over the sandbox's; None removes."""
        merged = {**os.environ, **self.environment, **(environment or {})}
        present = {name: value for name, value in merged.items() if value is not None}
        with mock.patch.dict(os.environ, present, clear=True):
            invocation = Invocation(operation, options, check_mode=check_mode, verbosity=verbosity)
            return invocation.outcome()


def expect_clear_failure(result: Mapping[str, Any], *words: str) -> None:
    """The message holds the words and a next step, and nothing of a traceback is shown at -vv."""
    assert result.get("failed"), result
    for word in (*words, "Next: "):
        assert word in result["msg"]
    assert "Traceback" not in str(result)
    assert "unexpected error" not in result["msg"]
