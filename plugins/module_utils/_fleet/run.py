# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Sets up the groups of a list: refuse, share, list, the steps of each group, one wait for approvals, one result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from .._dsm import groups
from .._dsm.client import DsmClient, connect_several
from .._dsm.groups import Group
from .._dsm.selection import linked
from .._errors import InvalidInput, TaskError
from .._journal import Journal
from .._task import Task
from .deadline import Deadline
from .group import Outcome, set_up
from .logins import Clients, Operators
from .members import Checks, Fleet, Member, check
from .report import failure_of, result_of
from .shared import Shared
from .steps import Done

MOST_AT_A_TIME = 32
# DSM's Group objects by name: several may have one.
Listed = dict[str, list[dict[str, Any]]]


def run(task: Task) -> dict[str, Any]:
    """The operation of the module.

    Raises:
        TaskError: the list cannot be right, or a group of it has failed.
    """
    _check(task)
    fleet = Fleet.from_params(task.params)
    checks = check(task, fleet)
    number = max(1, min(task.params["concurrency"], len(fleet.members)))
    with connect_several(task, number, read_only=task.check_mode) as connected:
        shared = Shared(task, fleet, Clients(connected), Operators(), Deadline(task.params["time_budget"]))
        outcomes = _all(_Run(task, fleet, shared, checks), connected[0]) if fleet.members else []
    result = result_of(shared, outcomes)
    _merge(task, shared, outcomes)
    _tell(task, result)
    failure = failure_of(outcomes, result)
    if failure is not None:
        raise failure
    return result


def _check(task: Task) -> None:
    for option in ("time_budget", "approval_wait"):
        if task.params[option] < 0:
            raise InvalidInput(option, "it is below zero", "set a number of seconds, or 0")
    if not 1 <= task.params["concurrency"] <= MOST_AT_A_TIME:
        raise InvalidInput("concurrency", "it is out of range", f"set a number from 1 to {MOST_AT_A_TIME}")


@dataclass
class _Run:
    """One run over the list. ``stop``: set when nothing more is to be begun."""

    task: Task
    fleet: Fleet
    shared: Shared
    checks: Checks

    def __post_init__(self) -> None:
        self.stop = Event()

    def failed(self) -> None:
        if self.task.params["on_error"] == "stop":
            self.stop.set()

    @property
    def may_begin(self) -> bool:
        return not self.stop.is_set() and not self.shared.deadline.is_over


def _all(run_: _Run, dsm: DsmClient) -> list[Outcome]:
    """What becomes of each group, in the order of the list."""
    shared, members = run_.shared, run_.fleet.members
    shared.look_at_account()
    listed = _listed(dsm, members)
    outcomes = {one.index: Outcome(one, failure=_refusal(one, listed)) for one in members}
    refused = {index for index, one in outcomes.items() if one.failure is not None}
    if refused:
        run_.failed()
    if run_.may_begin:
        shared.make()
        shared.make_credentials(refused)
        _note_shared(run_, outcomes)
        ready = [one for one in members if outcomes[one.index].failure is None]
        for done in _each(run_, ready, listed, wait=False):
            outcomes[done.member.index] = done
        for done in _after_approval(run_, list(outcomes.values())):
            outcomes[done.member.index] = done
    return [outcomes[one.index] for one in members]


# Before the first write -----------------------------------------------------------------------------------------------


def _listed(dsm: DsmClient, members: Sequence[Member]) -> Listed:
    """DSM's Group objects by the names of the list. A single group is found by its name in one request."""
    names = {one.name for one in members}
    found: Listed = {}
    if len(names) == 1:
        return found
    for stored in groups.list_all(dsm):
        name = str(stored.get("name"))
        if name in names:
            found.setdefault(name, []).append(stored)
    return found


def _refusal(member: Member, listed: Listed) -> TaskError | None:
    """Why a group cannot be set up, as far as the list of all groups shows it."""
    try:
        _group(member, listed)
    except TaskError as error:
        return error
    return None


def _group(member: Member, listed: Listed) -> Group | None:
    """The group as it was listed.

    Raises:
        TaskError: several have this name, or it cannot be a target.
    """
    stored = groups.the_only(listed.get(member.name, []), member.name)
    return None if stored is None else linked(Group.from_stored(stored))


def _note_shared(run_: _Run, outcomes: dict[int, Outcome]) -> None:
    """What has failed of the shared steps fails the groups that stand on it."""
    for one in run_.fleet.members:
        if outcomes[one.index].failure is not None:
            continue
        reasons = run_.shared.failures(one)
        if reasons:
            outcomes[one.index].failure = TaskError(
                f"what it stands on is missing. {' '.join(reasons)}",
                plane="Azure",
                obj=f'group "{one.name}"',
                next_step="correct what is named; the group was not changed",
            )
            run_.failed()
        elif run_.shared.is_unfinished(one):
            outcomes[one.index].is_begun = False
        elif run_.shared.waits(one):
            outcomes[one.index].waits = True


# Groups ---------------------------------------------------------------------------------------------------------------


def _each(run_: _Run, members: Iterable[Member], listed: Listed, *, wait: bool) -> list[Outcome]:
    """The groups, as many at a time as there are clients. What is not begun is not in the answer."""

    def one(member: Member) -> Outcome | None:
        shared = run_.shared
        if not run_.may_begin or shared.is_unfinished(member) or shared.waits(member):
            return None
        seconds = shared.deadline.left_to_wait(member.declared["approval_wait"]) if wait else 0
        with shared.clients.one() as dsm:
            done = set_up(
                run_.task,
                dsm,
                member,
                shared.earlier(member),
                _group(member, listed),
                run_.checks[member.index],
                seconds,
            )
        if done.failure is not None:
            run_.failed()
        return done

    members = list(members)
    with ThreadPoolExecutor(max(1, min(run_.task.params["concurrency"], len(members)))) as pool:
        return [done for done in pool.map(one, members) if done is not None]


def _after_approval(run_: _Run, outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The groups that wait for an approval, once more: all requests are filed by now, so one wait is for all."""
    if run_.task.check_mode:
        return []
    pending = [one for one in outcomes if one.is_pending and not one.waits and one.member.declared["approval_wait"]]
    again = _each(run_, [one.member for one in pending], {}, wait=True)
    before = {one.member.index: one for one in pending}
    return [_joined(before[done.member.index], done) for done in again]


def _joined(first: Outcome, then: Outcome) -> Outcome:
    """What two passes over one group have come to: what the first has changed has been changed."""
    steps = dict(first.steps)
    for name, done in then.steps.items():
        before = first.steps.get(name, Done())
        stays = before.result.get("changed") and not done.result.get("changed")
        if done.failure is not None or not stays or before.result.get("pending") != done.result.get("pending"):
            steps[name] = replace(done, journal=Journal([*before.journal.writes, *done.journal.writes]))
    return replace(then, steps=steps)


def _merge(task: Task, shared: Shared, outcomes: Sequence[Outcome]) -> None:
    """What all steps have written is what the task has written."""
    for done in shared.done.values():
        for step in done.values():
            task.journal.writes += step.journal.writes
    for one in outcomes:
        for step in one.steps.values():
            task.journal.writes += step.journal.writes


def _tell(task: Task, result: dict[str, Any]) -> None:
    if result["unfinished"]:
        task.warn(
            f"{len(result['unfinished'])} of {len(result['groups'])} groups are unfinished; `unfinished` has their "
            "names. Run the task again to go on."
        )
