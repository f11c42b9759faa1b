# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Shared by granting and removing permissions: timeouts, the result, and failures after partial success."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..._errors import TaskError
from ..._plan import Change, Plan
from ..._task import Task
from ..._waiter import Patience
from ..authorization.locks import NONE_READ, Locks
from ..wire.errors import may_pass
from .assessment import Assessment

# Azure has several replicas that receive a change one after the other.
READS_IN_A_ROW = 3


def patience_of(task: Task) -> Patience:
    return Patience.of(task.params["wait_timeout"], float(task.params["wait_interval"]))


def tell_unknown(task: Task, there: Locks) -> None:
    if there.warning is not None:
        task.warn(there.warning)


def stopped(made: Sequence[Change], what: str, error: TaskError) -> TaskError:
    """A failure after partial success: completed changes stay, and the next run continues from there."""
    if not made:
        return error
    passing = may_pass(error)
    details: dict[str, Any] = {"retryable": True} if passing else {}
    again = "run the task again; it continues where this run stopped"
    return error.reworded(
        f"{error.problem} (already done: {len(made)} {what}{'' if len(made) == 1 else 's'})",
        next_step=again if passing else f"{error.next_step or 'correct the cause'}; {again}",
        done=[change.as_result() for change in made],
        **details,
    )


def result_of(
    plan: Plan, before: Assessment, after: Assessment, *, effect: str, proof: str | None, there: Locks = NONE_READ
) -> dict[str, Any]:
    views = {"before": _view(before), "after": _view(after)} if plan else {"before": {}, "after": {}}
    return {
        "changed": bool(plan),
        "plan": plan.as_result(),
        "diff": views,
        "effect": effect,
        "proof": proof,
        "locks": there.record(),
        **after.result(),
    }


def _view(assessment: Assessment) -> dict[str, Any]:
    return {
        "vault": assessment.access.store.name,
        "application": assessment.access.identity.client_id,
        "rights": assessment.rights_view(),
    }
