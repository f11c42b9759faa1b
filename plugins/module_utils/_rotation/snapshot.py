# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What `cdc_credential` reads before any write: the application, its groups, and whether a renewal is needed."""

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
    """The options, checked. ``fallback``: the credential that the groups have, if the user still has it."""

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
    """The state before any write. ``application`` is a placeholder in check mode if it is only planned.

    ``reason``: why the groups need a new credential; None when only old credentials remain to be removed.
    """

    observed: ObservedApplication
    application: Application
    members: tuple[LinkedGroup, ...]
    to_make: tuple[desired.DesiredGroup, ...]
    decision: Decision
    # Group's ID -> result of DSM's test, where no new credential is needed.
    connections: Mapping[str, str]
    # Time of the snapshot, by the clock of the services.
    now: datetime
    # Created by an earlier run, with approval requested for every group that does not have it yet.
    asked_for: NewCredential | None = None
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    # Warnings, reported once however often the snapshot is taken.
    notes: tuple[str, ...] = ()
    # Approval requests that may write a credential of the application to a group; None: they cannot be listed.
    requests: Sequence[ApprovalRequest] | None = ()

    @property
    def reason(self) -> str | None:
        return self.decision.reason

    @property
    def used(self) -> list[str]:
        """IDs of the credentials that the groups had, recorded or inferred."""
        named = [key_id for one in self.members for key_id in (one.use.key_id, one.use.superseded)]
        return sorted({key_id for key_id in named if key_id is not None})

    def registered(self, recipe: Recipe) -> EntraCredential | None:
        """The user's own certificate, if the application has it already."""
        sha256 = recipe.pair.certificate.sha256 if recipe.pair else None
        hits = (one for one in self.application.credentials if sha256 is not None and one.sha256 == sha256)
        return next(hits, None)

    def lacking(self, new: NewCredential) -> tuple[LinkedGroup, ...]:
        """The groups that do not have it yet."""
        return tuple(one for one in self.members if not same_name(one.use.key_id, new.entry.key_id))

    def to_switch(self, recipe: Recipe) -> tuple[LinkedGroup, ...]:
        """The groups whose link is written: all but those that already have the user's own certificate and link."""
        if self.asked_for is not None:
            return self.lacking(self.asked_for)
        there = self.registered(recipe)
        return tuple(
            one
            for one in self.members
            if there is None or not same_name(one.use.key_id, there.key_id) or one.target != one.group
        )


def look(task: Task, graph: Channel, dsm: DsmClient, operator: Operator, request: RenewalOptions) -> RotationSnapshot:
    """The state, read once no other run seems to be active.

    Raises:
        TaskError: the application does not exist, it cannot sign in, no group uses it, or another run does not finish
            within ``wait_timeout``.
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
        problem = f"another run seems to be active: the {other.kind} {other.key_id} was just created"
        if task.check_mode:
            task.warn(f"For the application {snapshot.application.display_name}, {problem}.")
            return snapshot
        if not patience.pause():
            raise TaskError(
                problem,
                plane="Entra",
                obj=f"application {snapshot.application.display_name}",
                next_step="run the task again in a few minutes. takeover_after sets how old that credential must be to "
                "count as abandoned; set 0 if you know that no other run is active",
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
            "no group in DSM that is visible to the DSM identity uses it, so there is no group to receive a credential",
            plane="DSM",
            obj=f"application {application.display_name} ({application.client_id})",
            next_step="list the groups to create in new_groups, or check the application and the groups of the DSM "
            "identity",
        )
    decision = decide(application.credentials, [one.use for one in members], request.wish, now)
    decision = _with_other_reasons(decision, members, to_make)
    connections, notes = {}, list[str]()
    if decision.reason is None:
        for one in members:
            tried = connection.check_stored(dsm, one.id, f"link of {one.group.label}")
            connections[one.id] = tried.status
            if refuses_credential(tried, one.group.azure_link):
                reason = f"DSM can no longer connect with the credential that {one.group.label} has: {tried.words}"
                decision = replace(decision, reason=reason)
            elif not tried.connected:
                notes.append(f"The connection test of {one.group.label} fails: {tried.words}")
    return RotationSnapshot(observed, application, members, to_make, decision, connections, now, notes=tuple(notes))


def _with_requests(dsm: DsmClient, request: RenewalOptions, snapshot: RotationSnapshot) -> RotationSnapshot:
    """The snapshot, with the credential for which an earlier run requested approval in all groups that lack it.

    Raises:
        TaskError: such a request was denied, or another change of a group is pending approval.
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
            "this application does not exist in the operator's tenant"
            + (f": it was deleted at {deleted} and stays in the recycle bin of Entra for 30 days" if deleted else ""),
            plane="Entra",
            obj=str(selector),
            next_step="restore it with fortanix.dsm.azure_kv_app (on_soft_deleted: recover)"
            if deleted
            else "check the name or ID and the tenant, or create the application with fortanix.dsm.azure_kv_app",
        )
    if found.principal_id is None and task.params["principal_planned"]:
        found = replace(found, principal_id=NOT_YET_KNOWN)
    if found.principal_id is None or not found.enabled:
        problem = "it has no service principal" if found.principal_id is None else "it is disabled"
        told = f": {'; '.join(found.disabled)}" if found.disabled else ""
        raise TaskError(
            f"{problem}, so it cannot sign in with any credential{told}",
            plane="Entra",
            obj=f"application {found.display_name} ({found.client_id})",
            next_step="create the service principal with fortanix.dsm.azure_kv_app"
            if found.principal_id is None
            else f"{how_to_enable(found.disabled)}, or find out why it was disabled",
        )
    return found


def _listed(dsm: DsmClient, new_groups: Sequence[desired.DesiredGroup]) -> list[dict[str, Any]]:
    """All groups of DSM, including those that only a search by the name of a new group finds.

    A group that exists must be updated like the others, not created.
    """
    listed = [*stored_groups.list_all(dsm)]
    for wanted in new_groups:
        name = str(wanted.name)
        if not any(one.get("name") == name for one in listed):
            stored = stored_groups.find_by_name(dsm, name)
            listed += [stored] if stored is not None else []
    return listed


def _is_missing(wanted: desired.DesiredGroup, application: Application, listed: Sequence[dict[str, Any]]) -> bool:
    """Whether the group must be created. An existing one is a member like the others, if it has the application.

    Raises:
        TaskError: a group of this name exists with another application.
    """
    stored = stored_groups.the_only([one for one in listed if one.get("name") == wanted.name], str(wanted.name))
    if stored is None:
        return True
    found = linked(Group.from_stored(stored))
    if not same_name(found.azure_link.client_id, application.client_id):
        raise TaskError(
            f"it exists already, and its link uses another application ({found.azure_link.client_id})",
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
    """The groups that use the application, each with the use of its credential and with its new link."""
    if application.client_id == NOT_YET_KNOWN:
        return
    for group in stored_groups.those_of_application(listed, application.client_id):
        link = group.azure_link
        if link.azure_service != operator.cloud.azure_service:
            raise TaskError(
                f"its link is for {link.azure_service}, but the operator signs in to {operator.cloud.name}",
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
    """The new TLS settings of a link, and the key of its client certificate. Adds nothing that the link lacks."""
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
    """Add other changes of a link: they need a new credential, too, as DSM never returns the current one."""
    if decision.reason is not None:
        return decision
    edited = [one.group.label for one in members if one.target != one.group]
    if edited:
        return replace(decision, reason=f"the TLS configuration of {', '.join(edited)} changes")
    if to_make:
        return replace(decision, reason=f"it is needed to create {', '.join(one.label for one in to_make)}")
    return decision
