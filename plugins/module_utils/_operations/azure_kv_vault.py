# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A key vault or managed HSM as one object (guide 4.1, step 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._argspec import ArgumentSpec
from .._azure.rights.facts import MANAGED_HSM, KeyStore
from .._azure.rights.roles import ROLE_ASSIGNMENTS_WRITE
from .._azure.vaults import edit as vault_edit
from .._azure.vaults import holders as vault_holders
from .._azure.vaults import lifecycle as vault_life
from .._azure.vaults import merge as vault_merge
from .._azure.vaults import soft_deleted, vaults
from .._azure.vaults import work as vault_work
from .._azure.vaults.edit import GUARDED, OPTIONS, Changes, Wanted
from .._azure.vaults.job import Job, after_writing, result_of, shown_store, tell_activation
from .._azure.vaults.rewritten import refuse_rewritten
from .._azure.vaults.soft_deleted import Deleted, NameTaken
from .._azure.vaults.vaults import Place
from .._azure.vaults.work import Site
from .._azure.wire.credential import Operator, operator_of
from .._azure.wire.session import connect, understood
from .._errors import InvalidInput, TaskError
from .._names import same_name, same_path
from .._options import AZURE, OPTIONAL_DSM
from .._plan import Change, Plan, difference
from .._removal.vaults import remove
from .._task import Task
from .._waiter import Patience

# A vault that another run has just created may take a moment to be shown, although its name is taken already.
_LOOKS_FOR_NAME = 3


SPEC = AZURE.merge(
    OPTIONAL_DSM,
    OPTIONS,
    ArgumentSpec(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "on_soft_deleted": {"type": "str", "choices": ["fail", "recover"], "default": "fail"},
            "allow_disruptive": {"type": "list", "elements": "str", "choices": list(GUARDED), "default": []},
            "i_accept_hourly_cost": {"type": "bool", "default": False},
            "delete_vault_named": {"type": "str"},
            "group": {"type": "dict"},
            "wait_timeout": {"type": "int", "default": 1800},
            "wait_interval": {"type": "int", "default": 5},
        },
    ),
)


def run(task: Task) -> dict[str, Any]:
    return run_with(task, options_of(task), operator_of(task))


def options_of(task: Task) -> Wanted:
    """The options, checked without any request.

    Raises:
        InvalidInput: one of them cannot be right.
    """
    wanted = Wanted.from_params(task.params)
    vaults.checked_name("name", task.params["name"])
    _check(task.params)
    return wanted


def run_with(task: Task, wanted: Wanted, operator: Operator) -> dict[str, Any]:
    """The work of :func:`run`, with options that were checked, as this operator."""
    with connect(operator, read_only=task.check_mode) as azure:
        place = Place(azure.operator.subscription, task.params["resource_group"], wanted.kind, task.params["name"])
        patience = Patience.of(task.params["wait_timeout"], task.params["wait_interval"])
        job = Job(task, azure, place, wanted, Site(azure.arm, place, patience))
        with understood(place.label):
            return remove(job) if task.params["state"] == "absent" else _make(job)


def _check(params: Mapping[str, Any]) -> None:
    for option in ("wait_timeout", "wait_interval"):
        if params[option] < 0:
            raise InvalidInput(option, "it is negative", "set a number of seconds")
    named = params["delete_vault_named"]
    if named is not None and not same_name(named, params["name"]):
        raise InvalidInput(
            "delete_vault_named",
            f'it is "{named}", and the vault is "{params["name"]}"',
            "write the name of the vault once more if it is to be deleted with what is in it, or leave it out",
        )


# Making ---------------------------------------------------------------------------------------------------------------


def _make(job: Job) -> dict[str, Any]:
    body = job.site.look()
    looks = 1
    while body is None:
        try:
            gone = soft_deleted.namesake(job.azure.arm, job.place)
        except NameTaken:
            # It may be our own vault, which another run has created since.
            body = job.site.look()
            if body is None and (looks == _LOOKS_FOR_NAME or not job.site.patience.pause()):
                raise
            looks += 1
        else:
            return _create(job) if gone is None else _recover(job, gone)
    return _adopt(job, body)


def _adopt(job: Job, body: dict[str, Any], *earlier: Change) -> dict[str, Any]:
    """Go on with a vault that is there, when Azure has finished with it."""
    if vault_life.is_settled(body) != "settled" and not job.task.check_mode:
        body = job.settled()
    return _edit(job, body, *earlier)


def _adopt_of_others(job: Job, body: dict[str, Any], done: str) -> dict[str, Any]:
    """Go on with a vault that another run has created or recovered since this task looked first."""
    try:
        return _adopt(job, body)
    except TaskError as error:
        failure = error
    note = f"Another run has {done} it since this task looked first, and this task has not replaced it"
    raise vault_work.noted(failure, note, retryable=True)


def _create(job: Job) -> dict[str, Any]:
    vault_edit.refuse_incomplete(job.wanted, accepts_cost=job.task.params["i_accept_hourly_cost"])
    vault_life.refuse_unregistered(job.azure.arm, job.place)
    there = job.preflight((job.write_action, job.place.group_id))
    sent = vault_edit.creation(job.wanted, vault_life.tenant_of(job.azure, job.place))
    shown = _as_shown(job, sent)
    store = replace(vaults.store_of(job.place.kind, shown), planned=True)
    before, after = difference({}, vault_edit.settings(store))
    plan = Plan((Change("Azure", job.place.label, "create", before, after, reason="it does not exist"),))
    if not job.task.check_mode:
        created = vault_work.create(job.site, sent, shown)
        if created.by_others is not None:
            return _adopt_of_others(job, created.by_others, "created")
        with after_writing(plan, "The vault had been created before"):
            refuse_rewritten(job.place, {}, created.answer, job.wanted)
            store = shown_store(job, job.created())
    tell_activation(job, store)
    return result_of(plan, {}, vault_edit.settings(store), vaults.record(store), there=there)


def _as_shown(job: Job, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What Azure is going to show of a vault that is made with this body."""
    uri = job.place.uri(job.azure.operator.cloud)
    properties = {**sent["properties"], "hsmUri" if job.place.kind == MANAGED_HSM else "vaultUri": uri}
    return {**sent, "id": job.place.resource_id, "name": job.place.name, "properties": properties}


def _recover(job: Job, gone: Deleted) -> dict[str, Any]:
    _refuse_recovery(job, gone)
    vault_life.refuse_unregistered(job.azure.arm, job.place)
    there = job.preflight((job.write_action, job.place.group_id))
    recovery = Change(
        "Azure",
        job.place.label,
        "recover",
        {"state": "soft-deleted"},
        {"state": "present", "location": gone.location},
        reason="on_soft_deleted: recover",
    )
    job.task.warn(
        f"{job.place.label} comes back with the settings, keys and access policies that it had. Role assignments at it "
        "are gone for good."
    )
    if job.task.check_mode:
        job.task.warn(
            "What the task sets besides can be compared only when the vault is back: a soft-deleted one does not show "
            "its settings."
        )
        planned = _planned_recovery(job, gone)
        return result_of(Plan((recovery,)), dict(recovery.before), dict(recovery.after), planned, there=there)
    body_of_others = vault_work.recover(job.site, gone, vault_life.tenant_of(job.azure, job.place))
    if body_of_others is not None:
        return _adopt_of_others(job, body_of_others, "recovered")
    with after_writing(Plan((recovery,)), "The vault has been recovered before"):
        body, _differs = vault_life.settle(job.azure.arm, job.place, lambda _body: {}, job.site.patience, seen=False)
        return _edit(job, body, recovery)


def _refuse_recovery(job: Job, gone: Deleted) -> None:
    forbids = "purge protection forbids to purge it before" if gone.purge_protection else "it can be purged by hand"
    facts = f"Azure purges it on {gone.purge_date}, and {forbids}"
    details = {"purge_date": gone.purge_date, "purge_protection": gone.purge_protection, "was": gone.resource_id}
    if job.task.params["on_soft_deleted"] == "fail":
        raise TaskError(
            f"the name is held by a soft-deleted one in {gone.location}; {facts}",
            plane="Azure",
            obj=job.place.label,
            next_step="set on_soft_deleted: recover to have it back with what was in it, or choose another name. This "
            "collection never purges",
            soft_deleted=details,
        )
    if not same_path(gone.resource_id, job.place.resource_id):
        raise TaskError(
            f"the soft-deleted one that holds the name was elsewhere ({gone.resource_id}), and is recovered there only",
            plane="Azure",
            obj=job.place.label,
            next_step="set resource_group to the one that it was in, or choose another name",
            soft_deleted=details,
        )


def _planned_recovery(job: Job, gone: Deleted) -> dict[str, Any]:
    """Null stands for what a soft-deleted vault does not show."""
    wanted, is_hsm = job.wanted, job.place.kind == MANAGED_HSM
    store = KeyStore(
        resource_id=gone.resource_id,
        name=job.place.name,
        uri=job.place.uri(job.azure.operator.cloud),
        kind=job.place.kind,
        tenant_id=vault_life.tenant_of(job.azure, job.place),
        location=gone.location,
        sku="",
        rbac=is_hsm,
        purge_protection=gone.purge_protection,
        planned=True,
    )
    unknown = {} if is_hsm else {"type": wanted.type, "permission_model": wanted.permission_model}
    return {**vaults.record(store), **unknown}


def _edit(job: Job, body: dict[str, Any], *earlier: Change) -> dict[str, Any]:
    """The vault is there: only what the user set, only what differs, and what disrupts only by its name."""
    if vault_edit.changes(shown_store(job, body), job.wanted):
        # A plan is not built on a single answer.
        body = vault_work.agreed(job.site, body, job.wanted, vault_merge.kept(body, job.wanted))
    edit = _Edit(job)
    found = edit.plan(body)
    if not found:
        return _unchanged(job, body, earlier)
    store = shown_store(job, body)
    # To leave one model is to give rights in the other one (Azure contract §1.4).
    model = [(ROLE_ASSIGNMENTS_WRITE, store.resource_id)] if "permission_model" in found else []
    there = job.preflight((job.write_action, store.resource_id), *model)
    after = vault_edit.patched(body, vault_edit.patch(body, found, job.wanted))
    if not job.task.check_mode:
        updated = vault_work.update(job.site, body, job.wanted, edit.plan)
        if not updated.found:
            # Another run has made the same change meanwhile.
            return _unchanged(job, updated.after, earlier)
        store, after, found = shown_store(job, updated.before), updated.after, updated.found
    shown = difference({name: one[0] for name, one in found.items()}, {name: one[1] for name, one in found.items()})
    change = Change("Azure", job.place.label, "update", *shown, reason="it is not as the task sets it")
    tell_activation(job, shown_store(job, after))
    views = vault_edit.settings(store), vault_edit.settings(shown_store(job, after))
    return result_of(Plan((*earlier, change)), *views, vaults.record(shown_store(job, after)), edit.losers, there)


def _unchanged(job: Job, body: Mapping[str, Any], earlier: Sequence[Change]) -> dict[str, Any]:
    store = shown_store(job, body)
    tell_activation(job, store)
    views = (earlier[0].before, earlier[0].after) if earlier else ({}, {})
    return result_of(Plan(tuple(earlier)), *views, vaults.record(store))


@dataclass
class _Edit:
    """What to change at a body, each time that one was read. ``losers``: read once, and None where that failed."""

    job: Job
    losers: list[dict[str, Any]] | None = field(default_factory=list)
    _is_told: bool = False

    def plan(self, body: dict[str, Any]) -> Changes:
        """The changes.

        Raises:
            TaskError: one of them is not allowed or not possible.
        """
        job, store = self.job, shown_store(self.job, body)
        found = vault_edit.changes(store, job.wanted)
        if "permission_model" in found and not self._is_told:
            self._is_told = True
            self.losers = vault_holders.leaving(job.azure, body, str(job.wanted.permission_model))
            told = vault_edit.who_loses(self.losers)
            job.task.warn(f"{job.place.label}, change of the permission model. {told}.")
        allowed = job.task.params["allow_disruptive"]
        vault_edit.refuse_disruptive(store, vault_edit.guarded(store, found), allowed, self.losers)
        return found
