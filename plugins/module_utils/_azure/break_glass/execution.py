# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads and changes an application's access step by step, and reports the outcome of each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..._errors import TaskError, defect
from ..._findings.finding import Finding, ranked
from ..._ids import is_uuid
from ..._names import name_key, path_key, same_path
from ..._plan import Plan, View
from ..._task import Task
from ..._timestamps import iso
from ..._waiter import Patience
from ..applications import graph_writes, registrations
from ..applications.registrations import Registration
from ..rights.facts import PRINCIPAL, REGISTRATION, KeyStore
from ..wire.errors import AzureError, may_have_worked, may_pass
from ..wire.session import Azure, understood
from . import access_findings, access_requests, access_steps
from .access_steps import CertificatesStep, EnabledStep, PolicyStep, RoleStep, SecretStep, Step
from .record import Record

# ``done``: confirmed by reading. ``accepted``: the service accepted the request, but it is not visible when read.
DONE, ACCEPTED, PLANNED, REFUSED, UNREADABLE = "done", "accepted", "planned", "failed", "unreadable"
# One replica of Azure or Graph may lag behind another: a single read proves nothing.
_LOOKS_IN_A_ROW = 2


@dataclass(frozen=True)
class AccessSnapshot:
    """The current access. ``troubles``: errors of what could not be read.

    ``unread``: the parts that could not be read, by the key of the vault's resource ID and the name of the part. For
    the application, the key is empty and the name is the place of the credentials.
    """

    seen: Record
    findings: list[Finding] = field(default_factory=list)
    troubles: list[TaskError] = field(default_factory=list)
    unread: frozenset[tuple[str, str]] = frozenset()

    def shows(self, step: Step) -> bool:
        """Whether this snapshot contains what the step changes. What was not read proves nothing."""
        if isinstance(step, EnabledStep):
            return self.seen.application.account_enabled is not None
        if isinstance(step, (CertificatesStep, SecretStep)):
            return ("", step.place) not in self.unread
        if self.seen.store(step.store.resource_id) is None:
            return False
        part = "policies" if isinstance(step, PolicyStep) else "local" if step.assignment.local else "assignments"
        return (path_key(step.store.resource_id), part) not in self.unread


@dataclass(frozen=True)
class StepOutcome:
    """The outcome of a step.

    ``accepted``: the service accepted it from this task, or another client did it meanwhile. ``wrote``: whether this
    task may have changed something. ``may_pass``: a repetition may succeed.
    """

    step: Step
    state: str
    failure: TaskError | None = None
    accepted: bool = False
    wrote: bool = True
    may_pass: bool = False

    @property
    def message(self) -> str:
        """The failure's message; preceded by a note if the last read shows that the step was carried out."""
        if self.failure is None or self.accepted:
            return ""
        return f"The change is in effect despite an error. {self.failure}" if self.state == DONE else str(self.failure)


def look(
    azure: Azure,
    registration: Registration,
    stores: Iterable[KeyStore],
    *,
    judge: bool = True,
    credentials: bool = True,
) -> AccessSnapshot:
    """The access of the application at these vaults.

    Args:
        azure: The operator's connections.
        registration: The application.
        stores: The vaults.
        judge: Whether to report access that would remain.
        credentials: Whether the task changes credentials, so that they must be readable.
    """
    operator, identity = azure.operator, registration.identity
    tenant = operator.tenant_id or ""
    with understood(f"application {identity.client_id}"):
        principal, troubles = access_requests.principal(azure, registration)
    record = Record(
        application=principal,
        cloud=operator.cloud.name,
        tenant_id=name_key(tenant if is_uuid(tenant) else identity.home_tenant_id) or None,
        taken_at=iso(azure.now()),
    )
    seen = AccessSnapshot(record, troubles=list(troubles.values()) if credentials else [])
    unread = {("", place) for place in troubles}
    if principal.application_object_id is None:
        unread.add(("", REGISTRATION))
    rights = []
    for store in stores:
        try:
            found = access_requests.rights_at(azure, store, registration)
        except TaskError as error:
            seen.troubles.append(error)
            continue
        rights.append(found.rights)
        seen.troubles.extend([_unread(found.rights.label, name, words) for name, words in found.unread.items()])
        unread |= {(path_key(found.rights.resource_id), name) for name in found.unread}
        if judge:
            seen.findings.extend(access_findings.remaining_findings(found.access, found.rights))
    return replace(seen, seen=replace(record, stores=tuple(rights)), unread=frozenset(unread))


def _unread(label: str, name: str, words: str) -> TaskError:
    what = "local role assignments" if name == "local" else "role assignments"
    return TaskError(
        f"its {what} cannot be read, so it is unknown which ones the application has",
        plane="Azure",
        obj=label,
        server_words=words,
        next_step="use an operator that has permission to read them (docs/permissions.md); everything else was done",
    )


@dataclass
class StepRun:
    """The steps of one task and their outcomes."""

    task: Task
    azure: Azure
    cut: bool
    before: AccessSnapshot
    steps: tuple[Step, ...]
    registration: Registration
    # The reason not to try a step; None if there is none.
    objection: Callable[[Step], TaskError | None] = lambda _step: None
    # Whether the task also changes credentials.
    credentials: bool = True
    outcomes: list[StepOutcome] = field(default_factory=list)
    # Steps that remain at the end but were not visible when the steps were planned.
    came_up: tuple[Step, ...] = ()

    def do(self, stores: list[KeyStore], left: Callable[[Record], tuple[Step, ...]]) -> AccessSnapshot:
        """Carry out all steps, even if one fails. Returns the access afterwards; in check mode, the prediction."""
        if self.task.check_mode:
            self.outcomes = [StepOutcome(step, PLANNED) for step in self.steps]
            return replace(self._predicted(self.steps), findings=[*self.before.findings, *self._lacking()])
        patience = self._patience()
        self.outcomes = [self._outcome(step, patience) for step in self.steps]
        after = self._read_back(stores, left)
        came_up = self._came_up(after, left)
        if self.cut and any(self.objection(step) is None for step in came_up):
            # A stale response hid it, or another client restored it; the record contains it.
            patience = self._patience()
            again = tuple(step for step in came_up if self.objection(step) is None)
            self.steps = (*self.steps, *again)
            self.outcomes += [self._outcome(step, patience) for step in again]
            after = self._read_back(stores, left)
            came_up = self._came_up(after, left)
        self.came_up = came_up
        remaining = left(after.seen)
        self.outcomes = [self._verified(one, after, remaining) for one in self.outcomes]
        lagging = [one.step for one in self.outcomes if one.state == ACCEPTED]
        return replace(after, findings=[*after.findings, *access_findings.still_listed(lagging, cut=self.cut)])

    def _predicted(self, steps: Iterable[Step]) -> AccessSnapshot:
        """The access after these steps, if each of them succeeds."""
        predict = access_steps.after_cut if self.cut else access_steps.after_restore
        return replace(self.before, seen=predict(self.before.seen, steps))

    def _patience(self) -> Patience:
        return Patience.of(self.task.params["wait_timeout"], float(self.task.params["wait_interval"]))

    def _outcome(self, step: Step, patience: Patience) -> StepOutcome:
        objection = self.objection(step)
        if objection is not None:
            return StepOutcome(step, REFUSED, objection)
        try:
            wrote = (access_requests.cut if self.cut else access_requests.restore)(self.azure, step, patience)
        except TaskError as error:
            return StepOutcome(step, REFUSED, error, wrote=_may_have_written(error), may_pass=may_pass(error))
        except Exception as error:
            # In an emergency, a defect in one step must not prevent the others.
            plane, obj = access_steps.plane_of(step), access_steps.object_of(step)
            return StepOutcome(step, REFUSED, defect(error, plane=plane, obj=obj))
        return StepOutcome(step, ACCEPTED, accepted=True, wrote=wrote)

    def _came_up(self, after: AccessSnapshot, left: Callable[[Record], tuple[Step, ...]]) -> tuple[Step, ...]:
        """Remaining steps that are visible and were not planned."""
        seen = (step for step in left(after.seen) if after.shows(step))
        return tuple(step for step in seen if not access_steps.is_open(step, self.steps))

    def _verified(self, one: StepOutcome, after: AccessSnapshot, left: tuple[Step, ...]) -> StepOutcome:
        """The outcome according to the last read: even a failed request may have had its effect."""
        if not after.shows(one.step) or access_steps.is_open(one.step, left):
            return one
        return replace(one, state=DONE)

    def _read_back(self, stores: list[KeyStore], left: Callable[[Record], tuple[Step, ...]]) -> AccessSnapshot:
        """Azure and Graph have several replicas: read until the changes are visible, or until the timeout.

        A state that was visible once is read a second time. Without changes, the first snapshot counts as one read.
        """
        patience = self._patience()
        accepted = [one.step for one in self.outcomes if one.accepted]
        in_a_row = 0 if accepted else 1
        last = self.before
        while True:
            try:
                registration = self._registration_now()
                after = look(self.azure, registration, stores, judge=self.cut, credentials=self.credentials)
            except TaskError as error:
                return self._unseen(last, error)
            except Exception as error:
                obj = f"application {self.registration.identity.client_id}"
                return self._unseen(last, defect(error, plane="Azure", obj=obj))
            last = after
            remaining = left(after.seen)
            settled = not any(access_steps.is_open(step, remaining) or not after.shows(step) for step in accepted)
            in_a_row = in_a_row + 1 if settled else 0
            if in_a_row >= _LOOKS_IN_A_ROW or not patience.pause():
                break
        known = {str(error) for error in self.before.troubles}
        # What could not be read at first is still unknown.
        return replace(
            after, troubles=[*self.before.troubles, *(one for one in after.troubles if str(one) not in known)]
        )

    def _unseen(self, last: AccessSnapshot, error: TaskError) -> AccessSnapshot:
        """The last snapshot if reading fails now: it proves nothing about changes made since."""
        seen = replace(last.seen, stores=(), application=replace(last.seen.application, account_enabled=None))
        known = {str(one) for one in self.before.troubles}
        others = [one for one in last.troubles if str(one) not in known]
        return replace(
            last,
            seen=seen,
            troubles=[*self.before.troubles, *others, error],
            unread=frozenset({("", REGISTRATION), ("", PRINCIPAL)}),
        )

    def _registration_now(self) -> Registration:
        """Reads the registration again, because it contains the credentials."""
        identity = self.registration.identity
        with understood(f"application {identity.client_id}"):
            return registrations.registration(self.azure.graph, identity.client_id, identity.object_id)

    def _lacking(self) -> list[Finding]:
        """Missing permissions and locks. Only in check mode: a real run tries, because responses may be outdated."""
        found = []
        for store in self.before.seen.stores:
            steps = [
                step
                for step in self.steps
                if isinstance(step, (PolicyStep, RoleStep)) and same_path(step.store.resource_id, store.resource_id)
            ]
            actions = access_requests.lacking_actions(self.azure, store, steps, cut=self.cut)
            if actions:
                found.append(access_findings.lacking_finding(store, actions))
            locked = access_findings.locked_finding(store, *access_requests.locks_at(self.azure, steps, cut=self.cut))
            found += [locked] if locked is not None else []
        return found

    def has_done(self, kind: type) -> bool:
        """Whether a step of this kind was carried out and confirmed by reading."""
        return any(isinstance(one.step, kind) and one.state == DONE for one in self.outcomes)

    def is_complete(self, after: AccessSnapshot) -> bool:
        """Whether everything was confirmed by reading; in check mode, whether everything could be read."""
        done = all(one.state in (DONE, PLANNED) for one in self.outcomes)
        # For a restore, the record decides whether it must be enabled; it must have been read in any case.
        enabled = after.seen.application.account_enabled
        done = done and (enabled is False if self.cut else enabled is not None)
        return done and not self.came_up and not self.before.troubles and not after.troubles

    def result(self, after: AccessSnapshot, extra: Mapping[str, Any]) -> dict[str, Any]:
        """The result.

        Raises:
            TaskError: not everything could be done. It contains everything that the result would contain.
        """
        changes = [access_steps.change_of(one.step, cut=self.cut) for one in self.outcomes]
        views: dict[str, View] = {"before": {}, "after": {}}
        if changes:
            views = {"before": access_steps.view(self.before.seen), "after": access_steps.view(after.seen)}
        application, operator = after.seen.application, self.azure.operator
        result: dict[str, Any] = {
            "changed": any(one.wrote and (one.accepted or one.state in (DONE, PLANNED)) for one in self.outcomes),
            "complete": self.is_complete(after),
            "planned": self.task.check_mode,
            "plan": Plan(tuple(changes)).as_result(),
            "diff": views,
            "steps": self._steps(after),
            "findings": [finding.record() for finding in ranked(after.findings)],
            "application": {
                "client_id": application.client_id,
                "object_id": application.object_id,
                "name": application.display_name,
                "account_enabled": application.account_enabled,
                "certificates": [one.thumbprint for one in application.certificates],
                "secrets": [one.key_id for one in application.secrets],
            },
            "operator": {
                "client_id": operator.client_id,
                "tenant": operator.tenant_id,
                "cloud": operator.cloud.name,
            },
            **extra,
        }
        wrong = [step for step in result["steps"] if step["state"] in (REFUSED, UNREADABLE)]
        if not wrong or self.task.check_mode:
            return result
        passing = all(self._passes(after))
        details: dict[str, Any] = {**result, "retryable": True} if passing else result
        causes = self._failures(after)
        again = "run the same task again to do the remaining steps"
        steps = [] if passing else dict.fromkeys(one.next_step.rstrip(".") for one in causes if one.next_step)
        raise TaskError(
            f"{len(wrong)} of {len(result['steps'])} steps failed{self._of_the_others()}: "
            + " ".join(dict.fromkeys(one.cause for one in causes)),
            plane=str(wrong[0]["plane"]),
            obj=f"application {application.client_id}",
            next_step="; ".join([*steps, again]),
            **details,
        ) from next((one.__cause__ for one in causes if one.__cause__ is not None), None)

    def _of_the_others(self) -> str:
        """The part of a failure message about the steps that did not fail."""
        accepted = sum(one.state == ACCEPTED for one in self.outcomes)
        if accepted:
            return f"; {accepted} more were accepted but could not be read back"
        return "; all others were completed" if any(one.state == DONE for one in self.outcomes) else ""

    def _passes(self, after: AccessSnapshot) -> list[bool]:
        """For each problem, whether running the task again may solve it."""
        refused = [one.may_pass for one in self.outcomes if one.state == REFUSED]
        return [*refused, *(True for _step in self.came_up), *(may_pass(one) for one in after.troubles)]

    def _steps(self, after: AccessSnapshot) -> list[dict[str, Any]]:
        shown = [self._record(one.step, one.state, one.message) for one in self.outcomes]
        shown += [self._record(step, REFUSED, str(self._came_up_since(step))) for step in self.came_up]
        return shown + [
            {
                "plane": error.plane,
                "object": error.obj,
                "action": "read",
                "state": UNREADABLE,
                "message": str(error),
            }
            for error in after.troubles
        ]

    def _record(self, step: Step, state: str, message: str) -> dict[str, Any]:
        return {
            "plane": access_steps.plane_of(step),
            "object": access_steps.object_of(step),
            "action": access_steps.action_of(step, cut=self.cut),
            "state": state,
            "message": message,
        }

    def _came_up_since(self, step: Step) -> TaskError:
        cause = "another client granted this access" if self.cut else "another client removed this access"
        return TaskError(
            f'"{access_steps.action_of(step, cut=self.cut)}" was not planned, because {cause} after this task started',
            plane=access_steps.plane_of(step),
            obj=access_steps.object_of(step),
        )

    def _failures(self, after: AccessSnapshot) -> list[TaskError]:
        """The errors of all steps that were not carried out, and of everything that cannot be read."""
        refused = [one.failure for one in self.outcomes if one.state == REFUSED and one.failure is not None]
        return [*refused, *map(self._came_up_since, self.came_up), *after.troubles]


def _may_have_written(error: TaskError) -> bool:
    if isinstance(error, AzureError):
        return may_have_worked(error)
    return not isinstance(error, graph_writes.Unverified)
