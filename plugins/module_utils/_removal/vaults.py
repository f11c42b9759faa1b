# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Soft-deletes a vault or managed HSM: only if no group in DSM uses it, and if it is empty or
`delete_vault_named` repeats its name.
"""

from __future__ import annotations

from typing import Any

from .._azure.rights.facts import MANAGED_HSM, VAULT, KeyStore
from .._azure.vaults import existence, lifecycle, safe_writes, vault_lookup, vault_settings
from .._azure.vaults.lifecycle import DeletedMeanwhile
from .._azure.vaults.vault_lookup import Locator
from .._azure.vaults.vault_task import VaultTask, after_writing, result_of, shown_store
from .._azure.wire.errors import AzureError
from .._azure.wire.meanings import GROUP_NOT_FOUND
from .._dsm.groups.in_use import refuse_while_vault_in_use
from .._errors import TaskError
from .._plan import Change, Plan, difference
from .._rest.statuses import NOT_FOUND


def remove(vault_task: VaultTask) -> dict[str, Any]:
    body = _look_for_removal(vault_task)
    if body is None:
        return _already_absent(vault_task)
    try:
        return _remove_found(vault_task, body)
    except DeletedMeanwhile:
        return _already_absent(vault_task)


def _remove_found(vault_task: VaultTask, body: dict[str, Any]) -> dict[str, Any]:
    store = shown_store(vault_task, body)
    # Also for an empty vault: a group without keys may create keys there later.
    refuse_while_vault_in_use(vault_task.task, store.uri, label=vault_task.place.label)
    _refuse_full(vault_task)
    segment = "vaults" if vault_task.place.kind == VAULT else "managedHSMs"
    there = vault_task.preflight((f"Microsoft.KeyVault/{segment}/delete", store.resource_id))
    view = vault_settings.settings(store)
    before, after = difference(view, {})
    plan = Plan((Change("Azure", vault_task.place.label, "soft-delete", before, after, reason="state: absent"),))
    if store.is_hsm:
        vault_task.task.warn(
            f"{vault_task.place.label} is billed until Azure purges it, {store.retention_days} days later."
        )
    if not vault_task.task.check_mode:
        if not safe_writes.delete(vault_task.target, lambda: _refuse_full(vault_task)):
            return _already_absent(vault_task)
        with after_writing(plan, "This task had requested the deletion before the failure"):
            is_gone = lifecycle.wait_until_gone(vault_task.azure.arm, vault_task.place, vault_task.target.patience)
        if not is_gone:
            vault_task.task.warn(
                f"{vault_task.place.label} is being deleted, and was still visible when wait_timeout expired."
            )
    return result_of(plan, view, {}, _gone(store), there=there)


def _already_absent(vault_task: VaultTask) -> dict[str, Any]:
    """Nobody has seen its settings: only its name and its address are known."""
    place = vault_task.place
    locator = Locator(resource_id=place.resource_id)
    record = existence.record(vault_task.azure, locator)
    return result_of(Plan(), {}, {}, {**record, "type": "managed_hsm" if place.kind == MANAGED_HSM else None})


def _look_for_removal(vault_task: VaultTask) -> dict[str, Any] | None:
    """The vault; None if its resource group does not exist, which a second answer must confirm."""
    for _look in range(2):
        try:
            return vault_task.target.look(confirm=True)
        except AzureError as error:
            if error.code != GROUP_NOT_FOUND:
                raise
    return None


def _gone(store: KeyStore) -> dict[str, Any]:
    return {**vault_lookup.record(store), "exists": False}


def _refuse_full(vault_task: VaultTask) -> None:
    """Refuse a vault that is not empty, or whose contents cannot be listed, unless `delete_vault_named` is set."""
    if vault_task.task.params["delete_vault_named"] is not None:
        return
    words = ""
    try:
        found = lifecycle.contents(vault_task.azure.arm, vault_task.place)
    except AzureError as error:
        if error.status == NOT_FOUND and vault_task.target.look(confirm=True) is None:
            # Another client deleted it in the meantime.
            return
        found, words = [], error.server_words or error.problem
    if not found and not words:
        return
    next_step = f"set delete_vault_named: {vault_task.place.name} to soft-delete it with its contents"
    if not found:
        next_step = (
            "let the operator list its contents (Reader at it is enough) and run the task again; if they may be "
            f"deleted unseen, {next_step}"
        )
    raise TaskError(
        "it was not deleted, because "
        + (f"it contains {' and '.join(found)}" if found else "its contents could not be read"),
        plane="Azure",
        obj=vault_task.place.label,
        server_words=words,
        next_step=next_step,
        contents=found,
    )
