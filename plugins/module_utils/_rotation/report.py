# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The plan, diff and result of `cdc_credential`. Sends no requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._azure.applications.application_plan import MARK
from .._azure.rights.facts import EntraCredential
from .._dsm.account.approvals import Approval
from .._ids import is_uuid
from .._plan import NOT_YET_KNOWN, Change, Plan, difference
from .._timestamps import day
from .plan import NAME, OldCredentials, old_ones
from .rollout import LinkedGroup, held_by_requests
from .snapshot import RenewalOptions, RotationSnapshot


@dataclass(frozen=True)
class RenewalResult:
    """What was done, or in check mode would be done.

    ``made``: records of new groups. ``connections``: ID of a group -> result of DSM's test. ``approvals``: of the
    groups whose change a quorum guards, by name. ``put_back``: what a write of a third party had removed.
    """

    current: EntraCredential
    old: OldCredentials
    changed: bool
    planned: bool = False
    made: Sequence[Mapping[str, Any]] = ()
    connections: Mapping[str, str] = field(default_factory=dict)
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    put_back: Sequence[str] = ()

    @property
    def waiting(self) -> set[str]:
        """Names of the groups that wait for an approval and still have their old credential."""
        return {name for name, approval in self.approvals.items() if approval.is_pending}


def expected(request: RenewalOptions, snapshot: RotationSnapshot) -> EntraCredential:
    """The credential that all groups will have; the nil UUID replaces an ID that Entra will assign."""
    if snapshot.reason is None and snapshot.decision.current is not None:
        return snapshot.decision.current
    there = snapshot.asked_for.entry if snapshot.asked_for is not None else snapshot.registered(request.recipe)
    if there is not None:
        return there
    now, pair = snapshot.now, request.recipe.pair
    begin, end = (
        (pair.certificate.not_before, pair.certificate.not_after) if pair else (now, now + request.recipe.valid)
    )
    return EntraCredential(
        snapshot.decision.kind,
        NOT_YET_KNOWN,
        NAME if pair is None else MARK,
        begin,
        end,
        pair.certificate.sha1 if pair else None,
        pair.certificate.sha256 if pair else None,
    )


def expected_old(request: RenewalOptions, snapshot: RotationSnapshot) -> OldCredentials:
    current = expected(request, snapshot)
    old = old_ones(snapshot.application.credentials, current, snapshot.used, request.wish, snapshot.now)
    return held_by_requests(old, snapshot.requests)


def plan_of(
    request: RenewalOptions, snapshot: RotationSnapshot, made: Sequence[Mapping[str, Any]], old: OldCredentials
) -> Plan:
    changes, reason = [], snapshot.reason
    name = snapshot.application.display_name
    if reason is not None:
        wanted = expected(request, snapshot)
        if snapshot.asked_for is None and snapshot.registered(request.recipe) is None:
            shown = {
                "name": wanted.name,
                "ends": day(wanted.ends) if wanted.ends else None,
                "thumbprint": wanted.thumbprint,
            }
            told = {key: value for key, value in shown.items() if value is not None}
            changes.append(Change("Entra", f"{wanted.kind} of application {name}", "create", {}, told, reason))
        for one in snapshot.to_switch(request.recipe):
            before, after = difference(one.group.view(), one.target.view())
            held = {"link.credential": one.use.key_id or "unknown", **before}
            given = {"link.credential": f"the new {wanted.kind}", **after}
            changes.append(Change("DSM", one.group.label, "update", held, given, reason))
        changes += [
            Change(one["plane"], one["object"], one["action"], one["before"], one["after"], one["reason"])
            for creation in made
            for one in creation["plan"]
        ]
    changes += [
        Change(
            "Entra",
            f"{one.kind} {one.thumbprint or one.key_id} of {snapshot.application.label_at(one.place)}",
            "delete",
            {"key_id": one.key_id, "name": one.name},
            {},
            "every group then has another credential",
        )
        for one in old.gone
    ]
    return Plan(tuple(changes))


def result(request: RenewalOptions, snapshot: RotationSnapshot, plan: Plan, done: RenewalResult) -> dict[str, Any]:
    """The result of the module."""
    ends = done.current.ends
    switched = {one.id for one in snapshot.to_switch(request.recipe)} if snapshot.reason is not None else set()
    waiting = {one.id for one in snapshot.members if one.group.name in done.waiting}
    shown = done.current if snapshot.reason is not None else None
    return {
        "changed": done.changed,
        "planned": done.planned,
        "pending": bool(done.waiting),
        "approvals": [{"group": name, **one.record()} for name, one in sorted(done.approvals.items())],
        "plan": plan.as_result(),
        "diff": {"before": _view(snapshot, None), "after": _view(snapshot, shown, done.old, waiting)},
        "application": {
            "client_id": snapshot.application.client_id,
            "display_name": snapshot.application.display_name,
        },
        "reason": snapshot.reason,
        "credential": {**done.current.record(), "planned": done.planned and done.current.key_id == NOT_YET_KNOWN},
        "days_left": None if ends is None else (ends - snapshot.now).days,
        "groups": [_group_record(one, snapshot, done, one.id in switched - waiting) for one in snapshot.members],
        "new_groups": list(done.made),
        "removed": [one.record() for one in done.old.gone],
        "put_back": list(done.put_back),
        "left": [{**one.credential.record(), "reason": one.reason} for one in done.old.left],
    }


def _group_record(
    member: LinkedGroup, snapshot: RotationSnapshot, done: RenewalResult, is_switched: bool
) -> dict[str, Any]:
    """The result for one group. ``connection``: result of DSM's test; None if it was not tested."""
    held = member.use.key_id if is_uuid(member.use.key_id or "") else None
    connections = {**snapshot.connections, **done.connections}
    return {
        "group_id": member.id,
        "name": member.group.name,
        "credential": done.current.key_id if is_switched else held,
        "credential_before": held,
        "known": "recorded" if is_switched else member.use.known,
        "connection": connections.get(member.id),
        "changed": is_switched,
        "planned": is_switched and done.planned,
        "pending": member.group.name in done.waiting,
    }


def _view(
    snapshot: RotationSnapshot,
    current: EntraCredential | None,
    old: OldCredentials | None = None,
    waiting: Collection[str] = (),
) -> dict[str, Any]:
    """What a diff shows: the credentials of the application, and which of them each group has."""
    gone = {one.key_id for one in old.gone} if old else set()
    credentials = [_shown(one) for one in snapshot.application.credentials if one.key_id not in gone]
    known = {one.key_id for one in snapshot.application.credentials}
    if current is not None and current.key_id not in known:
        credentials.append(_shown(current))
    held = {
        one.group.label: (one.use.key_id or "unknown") if current is None or one.id in waiting else current.key_id
        for one in snapshot.members
    }
    made = {one.label: current.key_id for one in snapshot.to_make} if current is not None else {}
    return {"credentials": sorted(credentials), "groups": {**held, **made}}


def _shown(one: EntraCredential) -> str:
    until = "without expiry" if one.ends is None else f"until {day(one.ends)}"
    return f"{one.kind} {one.key_id} ({one.name or 'no name'}) {until}"
