# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A key vault or managed HSM as one object (guide 4.1, step 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .. import _time
from .._argspec import ArgumentSpec
from .._azure import grants, vault_edit, vault_holders, vault_life, vaults
from .._azure.credential import operator_of
from .._azure.errors import AzureError
from .._azure.facts import MANAGED_HSM, VAULT, KeyStore
from .._azure.roles import HSMS_WRITE, ROLE_ASSIGNMENTS_WRITE, VAULTS_WRITE
from .._azure.session import Azure, connect, understood
from .._azure.vault_edit import GUARDED, Wanted
from .._azure.vault_life import Deleted
from .._azure.vaults import Place
from .._errors import InvalidInput, TaskError
from .._options import AZURE
from .._plan import Change, Plan, difference
from .._task import Task

SPEC = AZURE.merge(
    ArgumentSpec(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "resource_group": {"type": "str", "required": True},
            "location": {"type": "str"},
            "type": {"type": "str", "choices": ["standard", "premium", "managed_hsm"]},
            "permission_model": {"type": "str", "choices": ["access_policy", "rbac"]},
            "purge_protection": {"type": "bool"},
            "retention_days": {"type": "int"},
            "public_network_access": {"type": "str", "choices": ["enabled", "disabled"]},
            "default_action": {"type": "str", "choices": ["allow", "deny"]},
            "ip_rules": {"type": "list", "elements": "str"},
            "tags": {"type": "dict"},
            "on_soft_deleted": {"type": "str", "choices": ["fail", "recover"], "default": "fail"},
            "allow_disruptive": {"type": "list", "elements": "str", "choices": list(GUARDED), "default": []},
            "initial_admin_object_ids": {"type": "list", "elements": "str"},
            "i_accept_hourly_cost": {"type": "bool", "default": False},
            "delete_vault_named": {"type": "str"},
            "wait_timeout": {"type": "int", "default": 1800},
            "wait_interval": {"type": "int", "default": 5},
        },
    ),
)

_REMEDY = (
    "give the operator a role with these actions at the resource group (Key Vault Contributor, or Managed HSM "
    "Contributor for a managed HSM; Owner or User Access Administrator besides to change a permission model), or have "
    "somebody run the task who has one"
)
_NO_GROUP = "ResourceGroupNotFound"


@dataclass(frozen=True)
class Job:
    """The task's objects in one hand. ``deadline``: of all waiting, on the monotonic clock."""

    task: Task
    azure: Azure
    place: Place
    wanted: Wanted
    deadline: float

    def settled(self, wanted: Wanted | None = None) -> dict[str, Any]:
        """The body once Azure has finished and shows ``wanted``."""

        def is_done(body: Mapping[str, Any]) -> bool:
            return wanted is None or not vault_edit.changes(vaults.store_of(self.place.kind, body), wanted)

        interval = self.task.params["wait_interval"]
        return vault_life.settle(self.azure.arm, self.place, is_done, deadline=self.deadline, interval=interval)

    def refuse_lacking(self, *needed: tuple[str, str]) -> None:
        grants.refuse_lacking(self.azure, needed, obj=self.place.label, remedy=_REMEDY)

    @property
    def write_action(self) -> str:
        return HSMS_WRITE if self.place.kind == MANAGED_HSM else VAULTS_WRITE


def run(task: Task) -> dict[str, Any]:
    wanted = Wanted.from_params(task.params)
    vaults.checked_name("name", task.params["name"])
    _check(task.params)
    with connect(operator_of(task), read_only=task.check_mode) as azure:
        place = Place(azure.operator.subscription, task.params["resource_group"], wanted.kind, task.params["name"])
        job = Job(task, azure, place, wanted, _time.monotonic() + task.params["wait_timeout"])
        with understood(place.label):
            return _remove(job) if task.params["state"] == "absent" else _make(job)


def _check(params: Mapping[str, Any]) -> None:
    for option in ("wait_timeout", "wait_interval"):
        if params[option] < 0:
            raise InvalidInput(option, "it is negative", "set a number of seconds")
    named = params["delete_vault_named"]
    if named is not None and named.lower() != params["name"].lower():
        raise InvalidInput(
            "delete_vault_named",
            f'it is "{named}", and the vault is "{params["name"]}"',
            "write the name of the vault once more if it is to be deleted with what is in it, or leave it out",
        )


# Making ---------------------------------------------------------------------------------------------------------------


def _make(job: Job) -> dict[str, Any]:
    body = vault_life.look(job.azure.arm, job.place)
    if body is not None:
        if vault_life.is_settled(body) != "settled" and not job.task.check_mode:
            body = job.settled()
        return _edit(job, body)
    gone = vault_life.namesake(job.azure.arm, job.place)
    return _create(job) if gone is None else _recover(job, gone)


def _create(job: Job) -> dict[str, Any]:
    vault_edit.refuse_incomplete(job.wanted, accepts_cost=job.task.params["i_accept_hourly_cost"])
    vault_life.refuse_unregistered(job.azure.arm, job.place)
    job.refuse_lacking((job.write_action, job.place.group_id))
    sent = vault_edit.creation(job.wanted, vault_life.tenant_of(job.azure, job.place))
    store = replace(vaults.store_of(job.place.kind, _as_shown(job, sent)), planned=True)
    before, after = difference({}, vault_edit.settings(store))
    plan = Plan((Change("Azure", job.place.label, "create", before, after, reason="it does not exist"),))
    if not job.task.check_mode:
        vault_life.create(job.azure.arm, job.place, sent)
        store = _store(job, job.settled(job.wanted))
    _tell_activation(job, store)
    return _result(plan, {}, vault_edit.settings(store), vaults.record(store))


def _as_shown(job: Job, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What Azure is going to show of a vault that is made with this body."""
    uri = job.place.uri(job.azure.operator.cloud)
    properties = {**sent["properties"], "hsmUri" if job.place.kind == MANAGED_HSM else "vaultUri": uri}
    return {**sent, "id": job.place.resource_id, "name": job.place.name, "properties": properties}


def _recover(job: Job, gone: Deleted) -> dict[str, Any]:
    _refuse_recovery(job, gone)
    vault_life.refuse_unregistered(job.azure.arm, job.place)
    job.refuse_lacking((job.write_action, job.place.group_id))
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
        return _result(Plan((recovery,)), dict(recovery.before), dict(recovery.after), _planned_recovery(job, gone))
    vault_life.recover(job.azure.arm, job.place, gone, vault_life.tenant_of(job.azure, job.place))
    body = job.settled()
    try:
        return _edit(job, body, recovery)
    except TaskError as error:
        failure = error
    raise TaskError(
        f"{failure.problem}. The vault has been recovered before",
        plane=failure.plane,
        obj=failure.obj,
        server_words=failure.server_words,
        next_step=failure.next_step,
        done=[recovery.as_result()],
        **{name: value for name, value in failure.details.items() if name != "done"},
    )


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
    if gone.resource_id.lower() != job.place.resource_id.lower():
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
    store, allowed = _store(job, body), job.task.params["allow_disruptive"]
    found = vault_edit.changes(store, job.wanted)
    losers: list[dict[str, Any]] | None = []
    if "permission_model" in found:
        losers = vault_holders.leaving(job.azure, body, str(job.wanted.permission_model))
        job.task.warn(f"{job.place.label}, change of the permission model. {vault_edit.who_loses(losers)}.")
    vault_edit.refuse_disruptive(store, vault_edit.guarded(store, found), allowed, losers)
    if not found:
        _tell_activation(job, store)
        views = (earlier[0].before, earlier[0].after) if earlier else ({}, {})
        return _result(Plan(earlier), *views, vaults.record(store))
    # To leave one model is to give rights in the other one (Azure contract §1.4).
    model = [(ROLE_ASSIGNMENTS_WRITE, store.resource_id)] if "permission_model" in found else []
    job.refuse_lacking((job.write_action, store.resource_id), *model)
    sent = vault_edit.patch(body, found, job.wanted)
    after = vaults.store_of(job.place.kind, vault_edit.patched(body, sent))
    shown = difference({name: one[0] for name, one in found.items()}, {name: one[1] for name, one in found.items()})
    change = Change("Azure", job.place.label, "update", *shown, reason="it is not as the task sets it")
    if not job.task.check_mode:
        vault_life.update(job.azure.arm, job.place, sent)
        after = _store(job, job.settled(job.wanted))
    _tell_activation(job, after)
    views = vault_edit.settings(store), vault_edit.settings(after)
    return _result(Plan((*earlier, change)), *views, vaults.record(after), losers)


def _store(job: Job, body: Mapping[str, Any]) -> KeyStore:
    return vaults.store_of(job.place.kind, body)


def _tell_activation(job: Job, store: KeyStore) -> None:
    """A pool without its security domain is of no use (T28), and only people can change that."""
    if store.is_hsm and store.activation != "Active":
        job.task.warn(
            f"{job.place.label} is not activated, or will not be: until at least three key holders have downloaded its "
            "security domain, which no automation should do for them, nothing can use it. Fortanix DSM cannot either."
        )


# Removing -------------------------------------------------------------------------------------------------------------


def _remove(job: Job) -> dict[str, Any]:
    body = _look_for_removal(job)
    if body is None:
        store = KeyStore(
            resource_id=job.place.resource_id,
            name=job.place.name,
            uri=job.place.uri(job.azure.operator.cloud),
            kind=job.place.kind,
            tenant_id=job.azure.operator.tenant_id or "",
            location=job.wanted.location or "",
            sku="",
            rbac=False,
        )
        return _result(Plan(), {}, {}, {**_gone(store), "type": job.wanted.type, "permission_model": None})
    store = _store(job, body)
    if job.task.params["delete_vault_named"] is None:
        _refuse_full(job)
    segment = "vaults" if job.place.kind == VAULT else "managedHSMs"
    job.refuse_lacking((f"Microsoft.KeyVault/{segment}/delete", store.resource_id))
    view = vault_edit.settings(store)
    before, after = difference(view, {})
    plan = Plan((Change("Azure", job.place.label, "soft-delete", before, after, reason="state: absent"),))
    if store.is_hsm:
        job.task.warn(f"{job.place.label} costs money until Azure has purged it, {store.retention_days} days later.")
    if not job.task.check_mode:
        vault_life.delete(job.azure.arm, job.place)
        interval = job.task.params["wait_interval"]
        if not vault_life.wait_until_gone(job.azure.arm, job.place, deadline=job.deadline, interval=interval):
            job.task.warn(f"{job.place.label} is being deleted, and was still shown when wait_timeout was over.")
    return _result(plan, view, {}, _gone(store))


def _look_for_removal(job: Job) -> dict[str, Any] | None:
    """Where there is no resource group, there is no vault in it."""
    try:
        return vault_life.look(job.azure.arm, job.place)
    except AzureError as error:
        if error.code != _NO_GROUP:
            raise
        return None


def _gone(store: KeyStore) -> dict[str, Any]:
    return {**vaults.record(store), "exists": False}


def _refuse_full(job: Job) -> None:
    """Only an empty vault goes without its name being said once more; one that nobody could look into is not empty."""
    words = ""
    try:
        found = vault_life.contents(job.azure.arm, job.place)
    except AzureError as error:
        found, words = [], error.server_words or error.problem
    if not found and not words:
        return
    raise TaskError(
        f"it is not empty: there are {' and '.join(found)} in it" if found else "whether it is empty is not known",
        plane="Azure",
        obj=job.place.label,
        server_words=words,
        next_step=f"set delete_vault_named: {job.place.name} if it is to be soft-deleted with what is in it",
        contents=found,
    )


# Results --------------------------------------------------------------------------------------------------------------


def _result(
    plan: Plan,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    record: Mapping[str, Any],
    losers: Sequence[Mapping[str, Any]] | None = (),
) -> dict[str, Any]:
    return {
        "changed": bool(plan),
        "plan": plan.as_result(),
        "diff": {"before": dict(before), "after": dict(after)},
        "vault": dict(record),
        "loses_access": None if losers is None else list(losers),
    }
