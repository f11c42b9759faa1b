# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Objects that the groups of a list share: each application, vault, permission and credential once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from types import ModuleType
from typing import Any

from .._declaration import arguments
from .._declaration.arguments import Earlier
from .._declaration.decisions import groups_in_approval
from .._declaration.shared import failures
from .._operations import (
    azure_kv_app,
    azure_kv_prereqs,
    azure_kv_prereqs_info,
    azure_kv_vault,
    cdc_account_info,
    cdc_credential,
)
from .._task import Task
from .deadline import Deadline
from .listed_groups import Fleet, ListedGroup
from .logins import Clients, Operators, step_of
from .progress import Progress
from .steps import StepResult, carried_out, checked

_TASKS = ("applications", "vaults", "granted_first", "granted", "judged")
_OF_TASK: Mapping[str, ModuleType] = {
    "applications": azure_kv_app,
    "vaults": azure_kv_vault,
    "granted_first": azure_kv_prereqs,
    "granted": azure_kv_prereqs,
    "judged": azure_kv_prereqs_info,
}


@dataclass
class SharedObjects:
    """The shared steps of a fleet and their results.

    ``done``: task, or ``credentials`` -> label of the group for which it was run -> its result.
    """

    task: Task
    fleet: Fleet
    clients: Clients
    operators: Operators
    deadline: Deadline
    done: dict[str, dict[str, StepResult]] = field(
        default_factory=lambda: {name: {} for name in (*_TASKS, "credentials")}
    )

    # In order ---------------------------------------------------------------------------------------------------------

    def look_at_account(self) -> None:
        """Check that DSM and the account support this setup.

        Raises:
            TaskError: they certainly do not.
        """
        given = {"gather": ["account"], "needs": self.fleet.shared["needs"]}
        params = checked(self.task, cdc_account_info, given).params
        own = replace(self.task, params=params)
        with self.clients.one() as dsm, step_of(dsm, own.journal):
            cdc_account_info.run_with(own, dsm)

    def make(self) -> None:
        """Create or check all shared objects except credentials. A failure stops only what depends on it."""
        number = sum(len(self.fleet.work(name)) for name in _TASKS)
        progress = Progress(self.task.progress, "shared objects", number)
        for name in ("applications", "vaults", "granted_first"):
            for member in self.fleet.work(name):
                self._make(name, member, progress)
        # A permission takes minutes to become effective in Azure, so permissions are granted, and waited for, in
        # parallel. But the access policies of a vault are edited by one thread at a time.
        for name in ("granted", "judged"):
            members = self.fleet.work(name)
            at_once = 1 if name == "granted" and self.fleet.shared["serial_grants"] else self.task.params["concurrency"]
            with ThreadPoolExecutor(at_once) as pool:
                list(pool.map(lambda member, name=name: self._make(name, member, progress), members))

    def credentials(self, left_out: set[int]) -> Iterator[Callable[[], None]]:
        """Create the declared credential of each application, together with all of its missing groups.

        Args:
            left_out: indexes of groups that cannot be set up.
        """
        sharing: dict[str, list[ListedGroup]] = {}
        for one in self.fleet.members:
            if one.makes_credential and one.index not in left_out and not self.failures(one):
                sharing.setdefault(self._application(one), []).append(one)
        for label, members in sharing.items():
            yield partial(self._make_credential, label, members)

    # Results ----------------------------------------------------------------------------------------------------------

    def earlier(self, member: ListedGroup) -> Earlier:
        """The results of the shared steps that the steps of a group use."""
        place, name = self.fleet.place(member), member.name
        credential = dict(self._credential(member).result)
        if credential:
            credential["new_groups"] = [one for one in credential["new_groups"] if one["name"] == name]
        return Earlier(
            check_mode=self.task.check_mode,
            application=self._at(place["application"]).result,
            vault=self._at(place["vault"]).result,
            rights=self._at(place["rights"]).result,
            credential=credential,
            gives_certificate="link_certificate" in member.declared,
        )

    def failures(self, member: ListedGroup) -> list[str]:
        """Why the group cannot be set up."""
        place = self.fleet.place(member)
        places = [place[name] for name in ("application", "vault", "rights") if place[name] is not None]
        results: dict[str, dict[str, Any]] = {one["host"]: {} for one in places}
        for one in places:
            results[one["host"]][one["task"]] = {"results": [self._at(one).as_result()]}
        found = failures([place], results, prefix="")
        credential = self._credential(member)
        return [*found, *([] if credential.failure is None else [str(credential.failure)])]

    def is_unfinished(self, member: ListedGroup) -> bool:
        """Whether the time ran out before a step that the group depends on."""
        place = self.fleet.place(member)
        places = [place[name] for name in ("application", "vault", "rights") if place[name] is not None]
        missing = any(one["host"] not in self.done[one["task"]] for one in places)
        return missing or (member.makes_credential and self._application(member) not in self.done["credentials"])

    def waits(self, member: ListedGroup) -> bool:
        """Whether the creation of the group, by the credential step, is pending approval."""
        return bool(groups_in_approval(self.earlier(member).credential))

    def has_written(self, member: ListedGroup) -> bool:
        """Whether the failed credential step has, or may have, written this group."""
        return any(one.obj == f'group "{member.name}"' for one in self._credential(member).journal.writes)

    # One --------------------------------------------------------------------------------------------------------------

    def _make(self, name: str, member: ListedGroup, progress: Progress) -> None:
        if self.deadline.is_over:
            return
        operation, one, place = _OF_TASK[name], member.declared, self.fleet.place(member)
        if name in ("applications", "vaults"):
            given = arguments.application(one) if name == "applications" else arguments.azure_vault(one)
        else:
            basis = [self._at(place[part]) for part in ("application", "vault")]
            if any(done.failure is not None for done in basis):
                self.done[name][member.label] = StepResult({"changed": False, "skipped": True})
                return
            earlier = self.earlier(member)
            given = arguments.judged(one, earlier) if name == "judged" else arguments.granted(one, earlier)
        done = self.done[name][member.label] = carried_out(
            self.task, operation, given, lambda own, options: operation.run_with(own, options, self.operators.of(own))
        )
        progress.count(failed=done.failure is not None)

    def _make_credential(self, label: str, members: list[ListedGroup]) -> None:
        first = members[0]
        groups = [arguments.new_group(one.declared, self.earlier(one)) for one in members]
        given = {**arguments.credential(first.declared, self.earlier(first), groups)}
        given["approval_wait"] = self.deadline.left_to_wait(given["approval_wait"])

        def work(own: Task, options: Any) -> dict[str, Any]:
            with self.clients.one() as client, step_of(client, own.journal) as dsm:
                return cdc_credential.run_with(own, options, self.operators.of(own), dsm)

        done = self.done["credentials"][label] = carried_out(self.task, cdc_credential, given, work)
        if done.result.get("pending"):
            # It has used up its wait.
            self.deadline.begin_waiting(given["approval_wait"])

    def _application(self, member: ListedGroup) -> str:
        # The label of the group that creates it: applications that are found by different names may have equal labels.
        place = self.fleet.place(member)["application"]
        return str(place["host"])

    def _credential(self, member: ListedGroup) -> StepResult:
        return (
            self.done["credentials"].get(self._application(member), StepResult())
            if member.makes_credential
            else StepResult()
        )

    def _at(self, place: Mapping[str, Any] | None) -> StepResult:
        return StepResult() if place is None else self.done[place["task"]].get(place["host"], StepResult())
