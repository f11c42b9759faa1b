# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Assesses the prerequisites at one vault. Read-only.

Guide 4.2 of *Fortanix DSM - Azure Key Vault CDC Group Setup*,
https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup.
"""

from __future__ import annotations

from typing import Any

from .._argspec import ArgumentSpec
from .._azure.prerequisites.assessment import Question, assess
from .._azure.wire.credential import Operator, operator_of
from .._azure.wire.session import connect
from .._options import APP_RIGHTS, AZURE, RIGHTS_PROFILES
from .._task import Task

_PROFILE = ArgumentSpec(
    argument_spec={"rights_profile": {"type": "str", "choices": RIGHTS_PROFILES, "default": "guide"}}
)
SPEC = AZURE.merge(APP_RIGHTS, _PROFILE)


def run(task: Task) -> dict[str, Any]:
    return run_with(task, options_of(task), operator_of(task))


def options_of(task: Task) -> Question:
    """The options, checked without any request.

    Raises:
        InvalidInput: one of them is invalid.
    """
    return Question.from_params(task.params, check_mode=task.check_mode)


def run_with(_task: Task, question: Question, operator: Operator) -> dict[str, Any]:
    """Like :func:`run`, with checked options and this operator."""
    with connect(operator, read_only=True) as azure:
        return {"changed": False, **assess(azure, question).result()}
