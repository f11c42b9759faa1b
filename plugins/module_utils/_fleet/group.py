# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The steps of one group, as the tasks of the role cdc_setup."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from .._declaration import arguments
from .._declaration.arguments import Arguments, Earlier
from .._declaration.decisions import sync_conditions
from .._dsm.groups.stored_groups import Group
from .._dsm.wire.client import DsmClient
from .._errors import TaskError
from .._operations import cdc_connection, cdc_group, cdc_sync, cdc_tls, cdc_vault_select
from .._task import Task
from .listed_groups import ListedGroup
from .logins import step_of
from .steps import Checked, StepResult, carried_out


@dataclass
class GroupResult:
    """The result of one group. ``steps``: those that have run, in order.

    ``waits``: its creation, by the credential step, is pending approval.
    """

    member: ListedGroup
    steps: dict[str, StepResult] = field(default_factory=dict)
    failure: TaskError | None = None
    waits: bool = False

    @property
    def results(self) -> dict[str, Mapping[str, Any]]:
        return {name: done.result for name, done in self.steps.items()}

    @property
    def is_complete(self) -> bool:
        """Whether all steps have run."""
        return "group" in self.steps and self.failure is None

    @property
    def is_pending(self) -> bool:
        return self.waits or any(done.result.get("pending") for done in self.steps.values())


class _Failed(Exception):
    pass


@dataclass
class _Steps:
    task: Task
    dsm: DsmClient
    outcome: GroupResult
    wait: Callable[[], int]
    checked: Mapping[ModuleType, Checked]

    def do(self, name: str, operation: ModuleType, given: Arguments, known: Group | None) -> Mapping[str, Any]:
        wait = self.wait()
        if "approval_wait" in given and given["approval_wait"] != wait:
            given = {**given, "approval_wait": wait}

        def work(own: Task, options: Any) -> dict[str, Any]:
            with step_of(self.dsm, own.journal) as dsm:
                found: dict[str, Any] = operation.run_with(own, options, dsm, known)
                return found

        done = carried_out(self.task, operation, given, work, self.checked.get(operation))
        self.outcome.steps[name] = done
        if done.failure is not None:
            self.outcome.failure = done.failure
            raise _Failed
        return done.result


def set_up(
    task: Task,
    dsm: DsmClient,
    member: ListedGroup,
    earlier: Earlier,
    listed: Group | None,
    checked: Mapping[ModuleType, Checked],
    wait: Callable[[], int] = lambda: 0,
    before: Mapping[str, Mapping[str, Any]] | None = None,
) -> GroupResult:
    """Run all steps, up to the first that fails.

    Args:
        listed: the group as it was listed at the beginning. It is read again before anything is written.
        checked: the steps that were checked before the first request.
        wait: seconds that a step started now may wait for an approval.
    """
    outcome = GroupResult(member)
    with contextlib.suppress(_Failed):
        _set_up(_Steps(task, dsm, outcome, wait, checked), member, earlier, listed, before or {})
    return outcome


def _set_up(
    steps: _Steps, member: ListedGroup, earlier: Earlier, listed: Group | None, before: Mapping[str, Mapping[str, Any]]
) -> None:
    one = member.declared
    group = steps.do("group", cdc_group, arguments.group(one, earlier), listed)
    # The listed group is current as long as nothing has been written. Then the steps get the group itself, and it is
    # named as when they were checked.
    known = listed if listed is not None and not group["changed"] and not group["pending"] else None
    by_name, by_record = earlier, replace(earlier, group=group)
    earlier = by_record if known is None else by_name
    # While the group is pending approval, later steps would see its previous state.
    if group["pending"]:
        return
    if one.get("tls"):
        tls = steps.do("tls", cdc_tls, arguments.tls(one, earlier), known)
        known = None if tls["changed"] else known
        earlier = by_record if known is None else by_name
    steps.do("connection", cdc_connection, arguments.connection(one, earlier), known)
    if earlier.vault_in_dsm(one):
        vault = steps.do("vault", cdc_vault_select, arguments.vault(one, earlier), known)
        known = None if vault["changed"] else known
        earlier = by_record if known is None else by_name
    conditions = sync_conditions({"connection": {}, **steps.outcome.results}, one["sync"])
    if conditions["sync"]:
        # A change or sync request of an earlier pass is a change of this task.
        has_changed = any(result.get("changed") for result in before.values())
        given = arguments.sync(one, earlier, only_when_empty=conditions["only_when_empty"] and not has_changed)
        steps.do("sync", cdc_sync, given, known)
