# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Sets up the groups of a list: checks, shared objects, the steps of each group, one wait for approvals, one result."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Any

from .. import _time
from .._dsm.groups import stored_groups
from .._dsm.groups.selection import linked
from .._dsm.groups.stored_groups import Group
from .._dsm.wire.client import DsmClient, connect_several
from .._errors import TaskError
from .._journal import Journal
from .._operations import cdc_group
from .._task import Task
from .._texts.messages import next_of, parted
from .deadline import Deadline
from .group import GroupResult, set_up
from .listed_groups import Checks, Fleet, ListedGroup, check
from .logins import Clients, Operators
from .progress import Progress
from .report import failure_of, result_of
from .shared import SharedObjects
from .steps import StepResult

# Seconds for which the list of the groups counts as current. After that each group is read separately.
LISTING_LASTS = 30.0
# DSM's Group objects by name: several groups may have the same name.
Listed = dict[str, list[dict[str, Any]]]


def run(task: Task) -> dict[str, Any]:
    """The operation of the module.

    Raises:
        TaskError: the list is invalid, or a group has failed.
    """
    fleet = Fleet.from_params(task.params)
    checks = check(task, fleet)
    number = max(1, min(task.params["concurrency"], len(fleet.members)))
    with connect_several(task, number, read_only=task.check_mode) as connected:
        shared = SharedObjects(
            task, fleet, Clients(connected), Operators(), Deadline(task.params["time_budget"], task.is_abandoned)
        )
        run_ = _Run(task, fleet, shared, checks)
        try:
            _all(run_, connected[0])
        finally:
            # Report what was written, also after an unexpected error.
            _merge(task, run_)
    outcomes = [run_.outcomes[one.index] for one in fleet.members]
    result = result_of(shared, outcomes)
    _tell(task, result)
    failure = failure_of(outcomes, result)
    if failure is not None:
        raise failure
    return result


@dataclass
class _Run:
    """One run over the list. ``outcomes``: by index. ``stop``: set when no further step may start."""

    task: Task
    fleet: Fleet
    shared: SharedObjects
    checks: Checks

    def __post_init__(self) -> None:
        self.stop = Event()
        self.listed_at = _time.monotonic()
        self.outcomes = {one.index: GroupResult(one) for one in self.fleet.members}

    def failed(self) -> None:
        if self.task.params["on_error"] == "stop":
            self.stop.set()

    @property
    def may_begin(self) -> bool:
        return not self.stop.is_set() and not self.shared.deadline.is_over


def _all(run_: _Run, dsm: DsmClient) -> None:
    """Record the result of each group."""
    shared, members, outcomes = run_.shared, run_.fleet.members, run_.outcomes
    if not members:
        return
    shared.look_at_account()
    run_.listed_at = _time.monotonic()
    listed = _listed(dsm, members)
    for one in members:
        outcomes[one.index].failure = _refusal(run_, dsm, one, listed)
    refused = {index for index, one in outcomes.items() if one.failure is not None}
    if refused:
        run_.failed()
    if run_.may_begin:
        shared.make()
        _note_shared(run_)
        # A credential is created together with its groups.
        for made in shared.credentials(refused):
            if run_.stop.is_set() or shared.deadline.is_over:
                break
            made()
            _note_shared(run_)
        _each(run_, [one for one in members if outcomes[one.index].failure is None], listed)
        _after_approval(run_)


# Before the first write -----------------------------------------------------------------------------------------------


def _listed(dsm: DsmClient, members: Sequence[ListedGroup]) -> Listed:
    """DSM's Group objects by the names of the list. A single group is found by its name in one request."""
    names = {one.name for one in members}
    found: Listed = {}
    if len(names) == 1:
        return found
    for stored in stored_groups.list_all(dsm):
        name = str(stored.get("name"))
        if name in names:
            found.setdefault(name, []).append(stored)
    return found


def _refusal(run_: _Run, dsm: DsmClient, member: ListedGroup, listed: Listed) -> TaskError | None:
    """Why a group cannot be set up, as far as that is known before anything is written."""
    try:
        if _group(member, listed) is None:
            _refuse_incomplete(run_, dsm, member, listed)
    except TaskError as error:
        return error
    return None


def _refuse_incomplete(run_: _Run, dsm: DsmClient, member: ListedGroup, listed: Listed) -> None:
    """Refuse a missing group whose declaration is too incomplete to create it. A group that is found is listed.

    Raises:
        InvalidInput: it names the missing options.
    """
    step = run_.checks[member.index][cdc_group]
    # Objects that an earlier step creates are not known yet.
    missing = [] if "application" in member.declared else cdc_group.missing_to_create(step.params, step.options)
    if not missing:
        return
    stored = stored_groups.find_by_name(dsm, member.name, thorough=True)
    if stored is None:
        raise cdc_group.incomplete(step.options, missing)
    listed[member.name] = [stored]
    linked(Group.from_stored(stored))


def _group(member: ListedGroup, listed: Listed) -> Group | None:
    """The group as it was listed.

    Raises:
        TaskError: several groups have this name, or the group cannot be a target.
    """
    stored = stored_groups.the_only(listed.get(member.name, []), member.name)
    return None if stored is None else linked(Group.from_stored(stored))


def _note_shared(run_: _Run) -> None:
    """Fail the groups that depend on a failed shared step."""
    outcomes = run_.outcomes
    for one in run_.fleet.members:
        if outcomes[one.index].failure is not None:
            continue
        reasons = run_.shared.failures(one)
        if reasons:
            told = " ".join(f"{parted(reason)[0]}." for reason in reasons)
            outcomes[one.index].failure = TaskError(
                f"a step that it depends on failed. {told}"
                + ("" if run_.shared.has_written(one) else " The group was not changed."),
                plane="Azure",
                obj=f'group "{one.name}"',
                next_step="; ".join(next_of(reasons)) or "correct the cause",
            )
            run_.failed()
        elif run_.shared.waits(one):
            outcomes[one.index].waits = True


# Groups ---------------------------------------------------------------------------------------------------------------


def _each(run_: _Run, members: Sequence[ListedGroup], listed: Listed, *, again: bool = False) -> None:
    """Set up the groups, as many at a time as there are clients. ``again``: for those that are pending approval."""
    shared, progress = run_.shared, Progress(run_.task.progress, "groups", len(members))

    def one(member: ListedGroup) -> None:
        if not run_.may_begin or shared.is_unfinished(member) or shared.waits(member):
            return
        patience = member.declared["approval_wait"] if again else 0
        with shared.clients.one() as dsm:
            checks, earlier = run_.checks[member.index], shared.earlier(member)
            before = run_.outcomes[member.index]
            wait = partial(shared.deadline.left_to_wait, patience)
            is_fresh = _time.monotonic() - run_.listed_at < LISTING_LASTS
            known = _group(member, listed) if is_fresh else None
            done = set_up(run_.task, dsm, member, earlier, known, checks, wait, before.results)
        if done.failure is not None:
            run_.failed()
        progress.count(failed=done.failure is not None)
        run_.outcomes[member.index] = _joined(run_.outcomes[member.index], done) if again else done

    with ThreadPoolExecutor(max(1, min(run_.task.params["concurrency"], len(members)))) as pool:
        # An interrupt, such as Ctrl-C or the keyword timeout, cancels the groups that have not started.
        list(pool.map(one, members))


def _after_approval(run_: _Run) -> None:
    """Repeat the groups that are pending approval. All requests have been filed by now, so one wait covers them all."""
    if run_.task.check_mode:
        return
    pending = [one for one in run_.outcomes.values() if one.is_pending and not one.waits]
    patient = [one.member for one in pending if one.member.declared["approval_wait"]]
    if patient:
        run_.shared.deadline.begin_waiting()
        _each(run_, patient, {}, again=True)


def _joined(first: GroupResult, then: GroupResult) -> GroupResult:
    """The combined result of two passes over one group: changes of the first pass count."""
    steps = dict(first.steps)
    for name, done in then.steps.items():
        before = first.steps.get(name, StepResult())
        stays = before.result.get("changed") and not done.result.get("changed")
        if done.failure is not None or not stays or before.result.get("pending") != done.result.get("pending"):
            # A request that the first pass filed and that was then carried out is a change of this task.
            kept = {key: before.result[key] for key in ("changed", "plan", "diff") if stays and key in before.result}
            result = done.result if done.failure is not None else {**done.result, **kept}
            steps[name] = replace(done, result=result, journal=Journal([*before.journal.writes, *done.journal.writes]))
    return replace(then, steps=steps)


def _merge(task: Task, run_: _Run) -> None:
    """Add the writes of all steps to the journal of the task."""
    steps = [step for done in run_.shared.done.values() for step in done.values()]
    steps += [step for one in run_.outcomes.values() for step in one.steps.values()]
    for step in steps:
        task.journal.writes += step.journal.writes


def _tell(task: Task, result: dict[str, Any]) -> None:
    if result["unfinished"]:
        task.warn(
            f"{len(result['unfinished'])} of {len(result['groups'])} groups are unfinished; `unfinished` has their "
            "names. Run the task again to continue."
        )
