# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""An application's access, looked at and changed step by step: what became of each, and what there is afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .. import _time
from .._errors import TaskError
from .._findings import Finding, ranked
from .._ids import is_uuid
from .._plan import Change, Plan, View
from .._task import Task
from .._waiter import Patience
from . import access_cut, access_findings, access_io, graph
from .access_cut import Policy, Role, Step
from .access_record import Record
from .facts import KeyStore
from .graph import Registration
from .session import Azure

DONE, PLANNED, REFUSED, UNREADABLE = "done", "planned", "failed", "unreadable"


@dataclass(frozen=True)
class Look:
    """What is there. ``troubles``: what could not be found out, each as the error that it met."""

    seen: Record
    findings: list[Finding] = field(default_factory=list)
    troubles: list[TaskError] = field(default_factory=list)


def look(azure: Azure, registration: Registration, stores: Iterable[KeyStore], *, judge: bool = True) -> Look:
    """What the application holds at these vaults. ``judge``: whether to tell what would remain without it."""
    operator, identity = azure.operator, registration.identity
    tenant = operator.tenant_id or ""
    record = Record(
        application=access_io.principal(azure, registration),
        cloud=operator.cloud.name,
        tenant_id=(tenant if is_uuid(tenant) else identity.home_tenant_id or "").lower() or None,
        taken_at=iso(_time.utc_now()),
    )
    seen = Look(record)
    rights = []
    for store in stores:
        try:
            found = access_io.rights_at(azure, store, registration)
        except TaskError as error:
            seen.troubles.append(error)
            continue
        rights.append(found.rights)
        seen.troubles.extend([_unread(found.rights.label, name, words) for name, words in found.unread.items()])
        if judge:
            seen.findings.extend(access_findings.remaining_findings(found.access, found.rights))
    return replace(seen, seen=replace(record, stores=tuple(rights)))


def _unread(label: str, name: str, words: str) -> TaskError:
    what = "local role assignments" if name == "local" else "role assignments"
    return TaskError(
        f"its {what} may not be read, so that nobody knows which ones the application has",
        plane="Azure",
        obj=label,
        server_words=words,
        next_step="use an operator who may read them (docs/permissions.md); everything else was done",
    )


@dataclass
class Work:
    """The steps of one task and what became of each."""

    task: Task
    azure: Azure
    cut: bool
    before: Look
    steps: tuple[Step, ...]
    registration: Registration
    # What keeps a step from being tried; empty when nothing does.
    objection: Callable[[Step], str] = lambda _step: ""
    outcomes: list[tuple[Step, str, str]] = field(default_factory=list)

    def do(self, stores: list[KeyStore], left: Callable[[Record], tuple[Step, ...]]) -> Look:
        """Carry out all steps, whatever becomes of one. What is there afterwards; in check mode, what would be."""
        if self.task.check_mode:
            self.outcomes = [(step, PLANNED, "") for step in self.steps]
            return replace(self._predicted(self.steps), findings=[*self.before.findings, *self._lacking()])
        for step in self.steps:
            self.outcomes.append((step, *self._outcome(step)))
        done = [step for step, state, _message in self.outcomes if state == DONE]
        if not done:
            return self.before
        try:
            return self._read_back(stores, left, [access_cut.change_of(step, cut=self.cut) for step in done])
        except TaskError as error:
            # What was done must not be lost from the result because it cannot be read back.
            predicted = self._predicted(done)
            return replace(predicted, troubles=[*predicted.troubles, error])

    def _predicted(self, steps: Iterable[Step]) -> Look:
        """What there is after these steps, if each has the effect that it should have."""
        predict = access_cut.after_cut if self.cut else access_cut.after_restore
        return replace(self.before, seen=predict(self.before.seen, steps))

    def _outcome(self, step: Step) -> tuple[str, str]:
        objection = self.objection(step)
        if objection:
            return REFUSED, objection
        try:
            (access_io.cut if self.cut else access_io.restore)(self.azure, step, self._patience())
        except TaskError as error:
            return REFUSED, str(error)
        return DONE, ""

    def _patience(self) -> Patience:
        return Patience.of(self.task.params["wait_timeout"], self.task.params["wait_interval"])

    def _read_back(
        self, stores: list[KeyStore], left: Callable[[Record], tuple[Step, ...]], done: list[Change]
    ) -> Look:
        """Azure and Graph answer from several places: look until the changes show, or the time is over."""
        deadline = _time.monotonic() + self.task.params["wait_timeout"]
        interval = self.task.params["wait_interval"]
        while True:
            after = look(self.azure, self._registration_now(), stores, judge=self.cut)
            lagging = [step for step in left(after.seen) if access_cut.change_of(step, cut=self.cut) in done]
            if not lagging or _time.monotonic() + interval > deadline:
                break
            _time.sleep(interval)
        known = {str(error) for error in self.before.troubles}
        return replace(
            after,
            findings=[*after.findings, *access_findings.still_listed(lagging, cut=self.cut)],
            # What kept the first look from seeing everything has not gone away by itself.
            troubles=[*self.before.troubles, *(one for one in after.troubles if str(one) not in known)],
        )

    def _registration_now(self) -> Registration:
        """Credentials are a part of the registration, so that it is read again."""
        identity = self.registration.identity
        return graph.registration(self.azure.graph, identity.client_id, identity.object_id)

    def _lacking(self) -> list[Finding]:
        """Asked in check mode alone: the run itself tries, as what Azure says of the operator may lag."""
        found = []
        for store in self.before.seen.stores:
            steps = [step for step in self.steps if isinstance(step, (Policy, Role)) and step.store.name == store.name]
            actions = access_io.lacking_actions(self.azure, store, steps, cut=self.cut)
            if actions:
                found.append(access_findings.lacking_finding(store, actions))
        return found

    def has_done(self, kind: type) -> bool:
        return any(isinstance(step, kind) and state == DONE for step, state, _message in self.outcomes)

    @property
    def complete(self) -> bool:
        return not self.before.troubles and all(state in (DONE, PLANNED) for _step, state, _message in self.outcomes)

    def result(self, after: Look, told: Mapping[str, Any]) -> dict[str, Any]:
        """The result.

        Raises:
            TaskError: not everything could be done. It has everything that the result would have.
        """
        changes = [access_cut.change_of(step, cut=self.cut) for step, _state, _message in self.outcomes]
        views: dict[str, View] = {"before": {}, "after": {}}
        if changes:
            views = {"before": access_cut.view(self.before.seen), "after": access_cut.view(after.seen)}
        application, operator = after.seen.application, self.azure.operator
        result: dict[str, Any] = {
            "changed": any(state in (DONE, PLANNED) for _step, state, _message in self.outcomes),
            "complete": self.complete and not after.troubles,
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
            **told,
        }
        wrong = [step for step in result["steps"] if step["state"] in (REFUSED, UNREADABLE)]
        if not wrong or self.task.check_mode:
            return result
        raise TaskError(
            f"{len(wrong)} of {len(result['steps'])} steps could not be done, and all others are: "
            + " ".join(str(step["message"]) for step in wrong),
            plane=str(wrong[0]["plane"]),
            obj=f"application {application.client_id}",
            next_step="correct the causes and run the same again, which does what is left",
            **result,
        )

    def _steps(self, after: Look) -> list[dict[str, Any]]:
        told = [
            {
                "plane": access_cut.plane_of(step),
                "object": access_cut.object_of(step),
                "action": access_cut.action_of(step, cut=self.cut),
                "state": state,
                "message": message,
            }
            for step, state, message in self.outcomes
        ]
        return told + [
            {
                "plane": error.plane,
                "object": error.obj,
                "action": "read",
                "state": UNREADABLE,
                "message": str(error),
            }
            for error in after.troubles
        ]


def iso(moment: datetime) -> str:
    """A time as records and results show it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
