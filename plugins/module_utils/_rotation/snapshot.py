# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What `cdc_credential` finds before it does anything: the application, its groups, and whether there is work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .._azure.applications import application_lookup
from .._azure.applications.application_lookup import ApplicationSelector, ObservedApplication
from .._azure.applications.application_plan import Application
from .._azure.applications.registrations import deleted_at
from .._azure.rights.facts import EntraCredential
from .._azure.rights.sign_in import how_to_enable
from .._azure.wire.channel import Channel
from .._azure.wire.credential import Operator
from .._dsm.account.approval_requests import ApprovalRequest
from .._dsm.account.approvals import Approval, Asking
from .._dsm.groups import desired, link_edit, stored_groups
from .._dsm.groups.selection import linked
from .._dsm.groups.stored_groups import Group
from .._dsm.link import connection
from .._dsm.link.options import LinkOptions
from .._dsm.link.tls import TlsSettings, sha256_of
from .._dsm.link.tls_options import TlsOptions
from .._dsm.wire.client import DsmClient
from .._errors import TaskError
from .._names import same_name
from .._plan import NOT_YET_KNOWN
from .._task import Task
from .._waiter import Patience
from .plan import (
    INFERRED,
    NAME,
    UNKNOWN,
    Decision,
    RenewalPolicy,
    decide,
    of_another_run,
    old_ones,
    only_candidate,
    use_of,
)
from .rollout import LinkedGroup, NewCredential, Recipe, of_earlier_run, refuses_credential, waiting_for


@dataclass(frozen=True)
class RenewalOptions:
    """The options, checked. ``fallback``: the credential that the groups have, where the user still has it."""

    selector: ApplicationSelector
    wish: RenewalPolicy
    recipe: Recipe
    tls: TlsOptions
    keep_old_cas: bool
    new_groups: tuple[desired.DesiredGroup, ...]
    fallback: LinkOptions | None
    asking: Asking


@dataclass(frozen=True)
class RotationSnapshot:
    """What there is before anything is done. ``application`` is a stand-in in check mode where one is only planned.

    ``reason``: why a new credential is brought to the groups; None when nothing is to be done but to clean up.
    """

    observed: ObservedApplication
    application: Application
    members: tuple[LinkedGroup, ...]
    to_make: tuple[desired.DesiredGroup, ...]
    decision: Decision
    # Group's ID -> what DSM's test said, where nothing but to look was to be done.
    connections: Mapping[str, str]
    # When it was looked, by the clock of the services.
    now: datetime
    # What an earlier run has made, and asked to be approved for every group that does not have it yet.
    asked_for: NewCredential | None = None
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    # For the user, who is to be told once, however often the snapshot is looked at.
    notes: tuple[str, ...] = ()
    # Requests for an approval that may bring a credential of the application to a group; None: not to be seen.
    requests: Sequence[ApprovalRequest] | None = ()

    @property
    def reason(self) -> str | None:
        return self.decision.reason

    @property
    def used(self) -> list[str]:
        """IDs of the credentials that the groups have had, on record or as far as can be told."""
        named = [key_id for one in self.members for key_id in (one.use.key_id, one.use.superseded)]
        return sorted({key_id for key_id in named if key_id is not None})

    def registered(self, recipe: Recipe) -> EntraCredential | None:
        """The user's own certificate, where the application has it already."""
        sha256 = recipe.pair.certificate.sha256 if recipe.pair else None
        hits = (one for one in self.application.credentials if sha256 is not None and one.sha256 == sha256)
        return next(hits, None)

    def lacking(self, new: NewCredential) -> tuple[LinkedGroup, ...]:
        """The groups that do not have it yet."""
        return tuple(one for one in self.members if not same_name(one.use.key_id, new.entry.key_id))

    def to_switch(self, recipe: Recipe) -> tuple[LinkedGroup, ...]:
        """The groups whose link is written: all but those that have the user's own certificate and stay as they are."""
        if self.asked_for is not None:
            return self.lacking(self.asked_for)
        there = self.registered(recipe)
        return tuple(
            one
            for one in self.members
            if there is None or not same_name(one.use.key_id, there.key_id) or one.target != one.group
        )


def look(task: Task, graph: Channel, dsm: DsmClient, operator: Operator, request: RenewalOptions) -> RotationSnapshot:
    """What there is, as soon as no other run seems to be under way.

    Raises:
        TaskError: there is no such application, it cannot log in, no group uses it, or another run does not come to an
            end in ``wait_timeout``.
    """
    snapshot = _look_alone(task, graph, dsm, operator, request)
    there, current = snapshot.application.credentials, snapshot.decision.current
    removes = snapshot.reason is not None or bool(
        old_ones(there, current, snapshot.used, request.wish, snapshot.now).gone
    )
    if snapshot.asked_for is None and removes:
        return replace(snapshot, requests=waiting_for(dsm, snapshot.application))
    return snapshot


def _look_alone(
    task: Task, graph: Channel, dsm: DsmClient, operator: Operator, request: RenewalOptions
) -> RotationSnapshot:
    patience = Patience.of(task.params["wait_timeout"], task.params["wait_interval"])
    while True:
        snapshot = _with_requests(dsm, request, _look(task, graph, dsm, operator, request))
        if snapshot.asked_for is not None:
            return snapshot
        other = of_another_run(
            snapshot.application.credentials, snapshot.decision, snapshot.used, request.wish, snapshot.now
        )
        if other is None:
            return snapshot
        problem = f"another run seems to be under way: the {other.kind} {other.key_id} was made a moment ago"
        if task.check_mode:
            task.warn(f"For the application {snapshot.application.display_name}, {problem}.")
            return snapshot
        if not patience.pause():
            raise TaskError(
                problem,
                plane="Entra",
                obj=f"application {snapshot.application.display_name}",
                next_step="run the task again in some minutes; takeover_after says how old the credential must be to "
                "be given up for lost, 0 when you know that no other run is alive",
                retryable=True,
            )
        dsm.begin_anew()


def _look(task: Task, graph: Channel, dsm: DsmClient, operator: Operator, request: RenewalOptions) -> RotationSnapshot:
    observed = application_lookup.look(graph, operator.cloud, request.selector, key_vault=False, consent=False)
    application = _application(task, graph, observed, request.selector)
    # By the clock of the services, which date what they list.
    now = task.clock.now()
    listed = _listed(dsm, request.new_groups)
    members = tuple(_members(dsm, operator, request, application, now, listed))
    to_make = tuple(one for one in request.new_groups if _is_missing(one, application, listed))
    if not members and not to_make:
        raise TaskError(
            "no group in DSM uses it, or none that this login sees, so there is no place for a credential",
            plane="DSM",
            obj=f"application {application.display_name} ({application.client_id})",
            next_step="name the groups that are to be made with it in new_groups, or check the application and the "
            "login to DSM",
        )
    decision = decide(application.credentials, [one.use for one in members], request.wish, now)
    decision = _with_other_reasons(decision, members, to_make)
    connections, notes = {}, list[str]()
    if decision.reason is None:
        for one in members:
            tried = connection.check_stored(dsm, one.id, f"link of {one.group.label}")
            connections[one.id] = tried.status
            if refuses_credential(tried, one.group.azure_link):
                reason = f"with the credential that {one.group.label} has, DSM does not connect any more: {tried.words}"
                decision = replace(decision, reason=reason)
            elif not tried.connected:
                notes.append(f"The link of {one.group.label} does not connect: {tried.words}")
    return RotationSnapshot(observed, application, members, to_make, decision, connections, now, notes=tuple(notes))


def _with_requests(dsm: DsmClient, request: RenewalOptions, snapshot: RotationSnapshot) -> RotationSnapshot:
    """The snapshot, with what an earlier run has asked to be approved for all groups that lack it.

    Raises:
        TaskError: such a request was denied, or another change of a group waits for an approval.
    """
    now = snapshot.now
    if snapshot.reason is None or not any(one.group.guarded for one in snapshot.members):
        return snapshot
    made = [one for one in snapshot.application.credentials if one.name == NAME and _will_do(one, request.wish, now)]
    for entry in sorted(made, key=lambda one: str(one.starts), reverse=True):
        new = of_earlier_run(entry)
        lacking = snapshot.lacking(new)
        found = {
            one.group.name: link_edit.asked(dsm, one.edit(new, request.asking)) for one in lacking if one.group.guarded
        }
        waiting = {name: approval for name, approval in found.items() if approval is not None}
        if lacking and len(waiting) == len(lacking):
            return replace(snapshot, asked_for=new, approvals=waiting)
    return snapshot


def _will_do(one: EntraCredential, wish: RenewalPolicy, now: datetime) -> bool:
    return wish.kind in (None, one.kind) and (one.ends is None or one.ends - now >= wish.renew_before)


def _application(
    task: Task, graph: Channel, observed: ObservedApplication, selector: ApplicationSelector
) -> Application:
    found = observed.application
    if found is None:
        if task.check_mode and selector.value == NOT_YET_KNOWN:
            return Application(NOT_YET_KNOWN, NOT_YET_KNOWN, "that is only planned", principal_id=NOT_YET_KNOWN)
        deleted = deleted_at(graph, selector.value) if selector.by == "client_id" else None
        raise TaskError(
            "there is no such application in the operator's tenant"
            + (f": it was deleted at {deleted}, and is in the recycle bin of Entra for 30 days" if deleted else ""),
            plane="Entra",
            obj=str(selector),
            next_step="restore it with fortanix.dsm.azure_kv_app (on_soft_deleted: recover)"
            if deleted
            else "check the name or ID and the tenant, or make the application with fortanix.dsm.azure_kv_app",
        )
    if found.principal_id is None and task.params["principal_planned"]:
        found = replace(found, principal_id=NOT_YET_KNOWN)
    if found.principal_id is None or not found.enabled:
        problem = "it has no service principal" if found.principal_id is None else "it is disabled"
        told = f": {'; '.join(found.disabled)}" if found.disabled else ""
        raise TaskError(
            f"{problem}, so that no credential of it logs in{told}",
            plane="Entra",
            obj=f"application {found.display_name} ({found.client_id})",
            next_step="make the service principal with fortanix.dsm.azure_kv_app"
            if found.principal_id is None
            else f"{how_to_enable(found.disabled)}, or find out why that was done",
        )
    return found


def _listed(dsm: DsmClient, new_groups: Sequence[desired.DesiredGroup]) -> list[dict[str, Any]]:
    """All groups of DSM, with those that the list does not show and a search by the name of a new group finds.

    What is written to the groups that are there must not be written to one of them as to a new one.
    """
    listed = [*stored_groups.list_all(dsm)]
    for wanted in new_groups:
        name = str(wanted.name)
        if not any(one.get("name") == name for one in listed):
            stored = stored_groups.find_by_name(dsm, name)
            listed += [stored] if stored is not None else []
    return listed


def _is_missing(wanted: desired.DesiredGroup, application: Application, listed: Sequence[dict[str, Any]]) -> bool:
    """Whether the group is still to be made. One that is there is a member like the others, if it has the application.

    Raises:
        TaskError: there is a group of this name with another application.
    """
    stored = stored_groups.the_only([one for one in listed if one.get("name") == wanted.name], str(wanted.name))
    if stored is None:
        return True
    found = linked(Group.from_stored(stored))
    if not same_name(found.azure_link.client_id, application.client_id):
        raise TaskError(
            f"it is there, and its link has another application ({found.azure_link.client_id})",
            plane="DSM",
            obj=found.label,
            next_step="choose another name, or change the application of the group with fortanix.dsm.cdc_group",
        )
    return False


def _members(
    dsm: DsmClient,
    operator: Operator,
    request: RenewalOptions,
    application: Application,
    now: datetime,
    listed: Sequence[dict[str, Any]],
) -> Iterator[LinkedGroup]:
    """The groups that use the application, each with what is known of its credential and with the link that it gets."""
    if application.client_id == NOT_YET_KNOWN:
        return
    for group in stored_groups.those_of_application(listed, application.client_id):
        link = group.azure_link
        if link.azure_service != operator.cloud.azure_service:
            raise TaskError(
                f"its link is for {link.azure_service}, and the operator logs in to {operator.cloud.name}",
                plane="DSM",
                obj=group.label,
                next_step="set cloud_environment to the cloud of the application",
            )
        use = use_of(group.label, link.auth_mode, *group.credential_facts, application.credentials)
        if use.known == UNKNOWN:
            candidate = only_candidate(use, application.credentials, now)
            if candidate is not None and connection.check_stored(dsm, str(group.group_id), group.label).connected:
                use = replace(use, key_id=candidate.key_id, known=INFERRED)
        tls, key = _tls_for(request, link.tls)
        yield LinkedGroup(group, use, replace(group, link=replace(link, tls=tls)), key)


def _tls_for(request: RenewalOptions, stored: TlsSettings) -> tuple[TlsSettings, str | None]:
    """The TLS settings that a link gets, and the key of its client certificate. Nothing that it lacks is added."""
    options = request.tls
    if stored.client_certificate_sha256 is None:
        options = replace(options, client=None, remove_client=False)
    if not stored.pinned:
        options = replace(options, authorities=None)
    wanted = options.over(stored)
    if options.authorities and request.keep_old_cas:
        both = {sha256_of(one): one for one in (*stored.pinned, *wanted.pinned)}
        wanted = wanted.with_pinned(tuple(both.values()))
    return wanted, options.key_for(stored)


def _with_other_reasons(
    decision: Decision, members: Sequence[LinkedGroup], to_make: Sequence[desired.DesiredGroup]
) -> Decision:
    """A link is only ever sent with its credential, and the value of the present one is nowhere to be had."""
    if decision.reason is not None:
        return decision
    edited = [one.group.label for one in members if one.target != one.group]
    if edited:
        return replace(decision, reason=f"the TLS configuration of {', '.join(edited)} is to change")
    if to_make:
        return replace(decision, reason=f"{', '.join(one.label for one in to_make)} is to be made with it")
    return decision
