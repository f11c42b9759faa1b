# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Create, update or delete a Key Vault or Managed HSM (guide 4.1, step 5).

The guide is *Fortanix DSM - Azure Key Vault CDC Group Setup*, on
https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._argspec import ArgumentSpec
from .._azure.rights.facts import MANAGED_HSM, KeyStore
from .._azure.rights.roles import ROLE_ASSIGNMENTS_WRITE
from .._azure.vaults import holders, lifecycle, merge, safe_writes, soft_deleted, vault_lookup, vault_settings
from .._azure.vaults.policy_modifications import refuse_rewritten
from .._azure.vaults.safe_writes import TargetVault
from .._azure.vaults.soft_deleted import DeletedVault, HeldByDeleted, NameTaken
from .._azure.vaults.vault_lookup import VaultAddress
from .._azure.vaults.vault_settings import GUARDED, OPTIONS, Changes, DesiredVault
from .._azure.vaults.vault_task import VaultTask, after_writing, result_of, shown_store, tell_activation
from .._azure.wire.credential import Operator, operator_of
from .._azure.wire.session import connect, understood
from .._errors import InvalidInput, TaskError
from .._names import location_key, same_name, same_path
from .._options import AZURE, OPTIONAL_DSM
from .._plan import Change, Plan, difference
from .._removal.vaults import remove
from .._task import Task
from .._waiter import Patience

# A vault that another run just created may not be shown yet, although its name is taken already.
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


def options_of(task: Task) -> DesiredVault:
    """The options, checked without any request.

    Raises:
        InvalidInput: one of them is invalid.
    """
    wanted = DesiredVault.from_params(task.params)
    vault_lookup.checked_name("name", task.params["name"])
    vault_lookup.checked_group("resource_group", task.params["resource_group"])
    _check(task.params)
    return wanted


def run_with(task: Task, wanted: DesiredVault, operator: Operator) -> dict[str, Any]:
    """The work of :func:`run`, with checked options, as this operator."""
    with connect(operator, read_only=task.check_mode) as azure:
        place = VaultAddress(
            azure.operator.subscription, task.params["resource_group"], wanted.kind, task.params["name"]
        )
        patience = Patience.of(task.params["wait_timeout"], task.params["wait_interval"])
        vault_task = VaultTask(task, azure, place, wanted, TargetVault(azure.arm, place, patience))
        with understood(place.label):
            return remove(vault_task) if task.params["state"] == "absent" else _make(vault_task)


def _check(params: Mapping[str, Any]) -> None:
    named = params["delete_vault_named"]
    if named is not None and not same_name(named, params["name"]):
        raise InvalidInput(
            "delete_vault_named",
            f'it is "{named}", but the vault is "{params["name"]}"',
            "repeat the name of the vault to delete it with its contents, or omit delete_vault_named",
        )


# Creating -------------------------------------------------------------------------------------------------------------


def _make(vault_task: VaultTask) -> dict[str, Any]:
    body = vault_task.target.look()
    looks = 1
    while body is None:
        try:
            gone = soft_deleted.namesake(vault_task.azure.arm, vault_task.place)
        except NameTaken:
            # It may be this vault, created by another run in the meantime.
            body = vault_task.target.look()
            if body is None and (looks == _LOOKS_FOR_NAME or not vault_task.target.patience.pause()):
                raise
            looks += 1
        else:
            return _create_or_recover(vault_task, gone)
    return _adopt(vault_task, body)


def _create_or_recover(vault_task: VaultTask, gone: DeletedVault | None) -> dict[str, Any]:
    """``gone``: the soft-deleted vault that holds the name. One may appear only when Azure refuses the creation."""
    if gone is None:
        try:
            return _create(vault_task)
        except HeldByDeleted as error:
            gone = error.gone
    return _recover(vault_task, gone)


def _adopt(vault_task: VaultTask, body: dict[str, Any], *earlier: Change) -> dict[str, Any]:
    """Continue with an existing vault, once Azure has finished with it."""
    if lifecycle.is_settled(body) != "settled" and not vault_task.task.check_mode:
        body = vault_task.settled()
    return _edit(vault_task, body, *earlier)


def _adopt_of_others(vault_task: VaultTask, body: dict[str, Any], done: str) -> dict[str, Any]:
    """Continue with a vault that another run created or recovered since this task started."""
    try:
        return _adopt(vault_task, body)
    except TaskError as error:
        failure = error
    note = f"Another run has {done} it since this task started, and this task did not replace it"
    raise safe_writes.noted(failure, note, retryable=True)


def _create(vault_task: VaultTask) -> dict[str, Any]:
    vault_settings.refuse_incomplete(vault_task.wanted, accepts_cost=vault_task.task.params["i_accept_hourly_cost"])
    lifecycle.refuse_unregistered(vault_task.azure.arm, vault_task.place)
    there = vault_task.preflight((vault_task.write_action, vault_task.place.group_id))
    sent = vault_settings.creation(vault_task.wanted, lifecycle.tenant_of(vault_task.azure, vault_task.place))
    shown = _as_shown(vault_task, sent)
    store = replace(vault_lookup.store_of(vault_task.place.kind, shown), planned=True)
    before, after = difference({}, vault_settings.settings(store))
    plan = Plan((Change("Azure", vault_task.place.label, "create", before, after, reason="it does not exist"),))
    if not vault_task.task.check_mode:
        created = safe_writes.create(vault_task.target, sent, shown)
        if created.by_others is not None:
            return _adopt_of_others(vault_task, created.by_others, "created")
        with after_writing(plan, "This task had created the vault before the failure"):
            refuse_rewritten(vault_task.place, {}, created.answer, vault_task.wanted)
            store = shown_store(vault_task, vault_task.created())
    tell_activation(vault_task, store)
    return result_of(plan, {}, vault_settings.settings(store), vault_lookup.record(store), there=there)


def _as_shown(vault_task: VaultTask, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What Azure will show of a vault that is created with this body."""
    uri = vault_task.place.uri(vault_task.azure.operator.cloud)
    properties = {**sent["properties"], "hsmUri" if vault_task.place.kind == MANAGED_HSM else "vaultUri": uri}
    return {**sent, "id": vault_task.place.resource_id, "name": vault_task.place.name, "properties": properties}


def _recover(vault_task: VaultTask, gone: DeletedVault) -> dict[str, Any]:
    _refuse_recovery(vault_task, gone)
    lifecycle.refuse_unregistered(vault_task.azure.arm, vault_task.place)
    there = vault_task.preflight((vault_task.write_action, vault_task.place.group_id))
    recovery = Change(
        "Azure",
        vault_task.place.label,
        "recover",
        {"state": "soft-deleted"},
        {"state": "present", "location": gone.location},
        reason="on_soft_deleted: recover",
    )
    vault_task.task.warn(
        f"Recovering {vault_task.place.label} restores its former settings, keys and access policies. The role "
        "assignments at it are permanently deleted."
    )
    if vault_task.task.check_mode:
        vault_task.task.warn(
            "The other options of the task can be compared only after the recovery: Azure does not show the "
            "settings of a soft-deleted vault."
        )
        planned = _planned_recovery(vault_task, gone)
        return result_of(Plan((recovery,)), dict(recovery.before), dict(recovery.after), planned, there=there)
    body_of_others = safe_writes.recover(
        vault_task.target, gone, lifecycle.tenant_of(vault_task.azure, vault_task.place)
    )
    if body_of_others is not None:
        return _adopt_of_others(vault_task, body_of_others, "recovered")
    with after_writing(Plan((recovery,)), "This task had recovered the vault before the failure"):
        body, _differs = lifecycle.settle(
            vault_task.azure.arm, vault_task.place, lambda _body: {}, vault_task.target.patience, seen=False
        )
        return _edit(vault_task, body, recovery)


def _refuse_recovery(vault_task: VaultTask, gone: DeletedVault) -> None:
    what = "managed HSM" if vault_task.place.kind == MANAGED_HSM else "vault"
    forbids = "purge protection prevents an earlier purge" if gone.purge_protection else "it can be purged manually"
    facts = f"Azure purges it on {gone.purge_date}, and {forbids}"
    details = {"purge_date": gone.purge_date, "purge_protection": gone.purge_protection, "was": gone.resource_id}
    if vault_task.task.params["on_soft_deleted"] == "fail":
        raise TaskError(
            f"a soft-deleted {what} in {gone.location} holds the name; {facts}",
            plane="Azure",
            obj=vault_task.place.label,
            next_step="set on_soft_deleted: recover to restore it with its contents, or choose another name. This "
            "collection never purges",
            soft_deleted=details,
        )
    if not same_path(gone.resource_id, vault_task.place.resource_id):
        raise TaskError(
            f"the soft-deleted {what} that holds the name was at {gone.resource_id}, and can only be recovered there",
            plane="Azure",
            obj=vault_task.place.label,
            next_step="set resource_group to its former resource group, or choose another name",
            soft_deleted=details,
        )
    wanted = vault_task.wanted
    stuck = []
    if wanted.location is not None and location_key(wanted.location) != location_key(gone.location):
        stuck.append(f"location: it is in {gone.location}")
    if wanted.purge_protection is False and gone.purge_protection:
        stuck.append("purge_protection: it is enabled, and cannot be disabled again")
    if stuck:
        # A recovery that only then cannot be completed would leave a vault that nobody wanted.
        raise TaskError(
            f"the soft-deleted {what} that holds the name cannot become as requested ({'; '.join(stuck)})",
            plane="Azure",
            obj=vault_task.place.label,
            next_step="omit these options to recover it as it was, or choose another name",
            unchanged=True,
            soft_deleted=details,
        )


def _planned_recovery(vault_task: VaultTask, gone: DeletedVault) -> dict[str, Any]:
    """The planned record. Null for what a soft-deleted vault does not show."""
    wanted, is_hsm = vault_task.wanted, vault_task.place.kind == MANAGED_HSM
    store = KeyStore(
        resource_id=gone.resource_id,
        name=vault_task.place.name,
        uri=vault_task.place.uri(vault_task.azure.operator.cloud),
        kind=vault_task.place.kind,
        tenant_id=lifecycle.tenant_of(vault_task.azure, vault_task.place),
        location=gone.location,
        sku="",
        rbac=is_hsm,
        purge_protection=gone.purge_protection,
        planned=True,
    )
    unknown = {} if is_hsm else {"type": wanted.type, "permission_model": wanted.permission_model}
    return {**vault_lookup.record(store), **unknown, "retention_days": wanted.retention_days}


def _edit(vault_task: VaultTask, body: dict[str, Any], *earlier: Change) -> dict[str, Any]:
    """Update an existing vault: only options that are set and differ, disruptive ones only if listed."""
    if vault_settings.changes(shown_store(vault_task, body), vault_task.wanted):
        # Do not base a plan on a single answer.
        body = safe_writes.agreed(vault_task.target, body, vault_task.wanted, merge.kept(body, vault_task.wanted))
    edit = _Edit(vault_task)
    found = edit.plan(body)
    if not found:
        return _unchanged(vault_task, body, earlier)
    store = shown_store(vault_task, body)
    # Changing the model grants permissions in the other model (Azure contract §1.4).
    model = [(ROLE_ASSIGNMENTS_WRITE, store.resource_id)] if "permission_model" in found else []
    there = vault_task.preflight((vault_task.write_action, store.resource_id), *model)
    after = vault_settings.patched(body, vault_settings.patch(body, found, vault_task.wanted))
    if not vault_task.task.check_mode:
        updated = safe_writes.update(vault_task.target, body, vault_task.wanted, edit.plan)
        if not updated.found:
            # Another run made the same change in the meantime.
            return _unchanged(vault_task, updated.after, earlier)
        store, after, found = shown_store(vault_task, updated.before), updated.after, updated.found
    shown = difference({name: one[0] for name, one in found.items()}, {name: one[1] for name, one in found.items()})
    change = Change("Azure", vault_task.place.label, "update", *shown, reason="it differs from the options of the task")
    tell_activation(vault_task, shown_store(vault_task, after))
    views = vault_settings.settings(store), vault_settings.settings(shown_store(vault_task, after))
    return result_of(
        Plan((*earlier, change)), *views, vault_lookup.record(shown_store(vault_task, after)), edit.losers, there
    )


def _unchanged(vault_task: VaultTask, body: Mapping[str, Any], earlier: Sequence[Change]) -> dict[str, Any]:
    store = shown_store(vault_task, body)
    tell_activation(vault_task, store)
    views = (earlier[0].before, earlier[0].after) if earlier else ({}, {})
    return result_of(Plan(tuple(earlier)), *views, vault_lookup.record(store))


@dataclass
class _Edit:
    """What to change in a body, each time it was read. ``losers``: read once; None if that failed."""

    vault_task: VaultTask
    losers: list[dict[str, Any]] | None = field(default_factory=list)
    _is_told: bool = False

    def plan(self, body: dict[str, Any]) -> Changes:
        """The changes.

        Raises:
            TaskError: one of them is not allowed or not possible.
        """
        vault_task, store = self.vault_task, shown_store(self.vault_task, body)
        found = vault_settings.changes(store, vault_task.wanted)
        if "permission_model" in found and not self._is_told:
            self._is_told = True
            self.losers = holders.leaving(vault_task.azure, body, str(vault_task.wanted.permission_model))
            told = vault_settings.who_loses(self.losers)
            vault_task.task.warn(f"The permission model of {vault_task.place.label} changes. {told}.")
        allowed = vault_task.task.params["allow_disruptive"]
        vault_settings.refuse_disruptive(store, vault_settings.guarded(store, found), allowed, self.losers)
        return found
