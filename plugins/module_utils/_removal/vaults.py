# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Soft deletion of a vault or managed HSM: only when no group in DSM uses it, and when it is empty or its name
has been given once more.
"""

from __future__ import annotations

from typing import Any

from .._azure.rights.facts import VAULT, KeyStore
from .._azure.vaults import edit as vault_edit
from .._azure.vaults import lifecycle as vault_life
from .._azure.vaults import vaults
from .._azure.vaults import work as vault_work
from .._azure.vaults.job import Job, after_writing, result_of, shown_store
from .._azure.vaults.lifecycle import DeletedMeanwhile
from .._azure.wire.errors import GROUP_NOT_FOUND, AzureError
from .._dsm.groups.in_use import refuse_while_vault_in_use
from .._errors import TaskError
from .._plan import Change, Plan, difference
from .._wire.statuses import NOT_FOUND


def remove(job: Job) -> dict[str, Any]:
    body = _look_for_removal(job)
    if body is None:
        return _already_absent(job)
    try:
        return _remove_found(job, body)
    except DeletedMeanwhile:
        return _already_absent(job)


def _remove_found(job: Job, body: dict[str, Any]) -> dict[str, Any]:
    store = shown_store(job, body)
    # An empty vault, too: a group that has none of its keys there yet is going to have them there.
    refuse_while_vault_in_use(job.task, store.uri, label=job.place.label)
    _refuse_full(job)
    segment = "vaults" if job.place.kind == VAULT else "managedHSMs"
    there = job.preflight((f"Microsoft.KeyVault/{segment}/delete", store.resource_id))
    view = vault_edit.settings(store)
    before, after = difference(view, {})
    plan = Plan((Change("Azure", job.place.label, "soft-delete", before, after, reason="state: absent"),))
    if store.is_hsm:
        job.task.warn(f"{job.place.label} costs money until Azure has purged it, {store.retention_days} days later.")
    if not job.task.check_mode:
        if not vault_work.delete(job.site, lambda: _refuse_full(job)):
            return _already_absent(job)
        with after_writing(plan, "The deletion had been requested before"):
            is_gone = vault_life.wait_until_gone(job.azure.arm, job.place, job.site.patience)
        if not is_gone:
            job.task.warn(f"{job.place.label} is being deleted, and was still shown when wait_timeout was over.")
    return result_of(plan, view, {}, _gone(store), there=there)


def _already_absent(job: Job) -> dict[str, Any]:
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
    return result_of(Plan(), {}, {}, {**_gone(store), "type": job.wanted.type, "permission_model": None})


def _look_for_removal(job: Job) -> dict[str, Any] | None:
    """Where there is no resource group, there is no vault in it. A single answer of that kind is not believed."""
    for _look in range(2):
        try:
            return job.site.look(confirm=True)
        except AzureError as error:
            if error.code != GROUP_NOT_FOUND:
                raise
    return None


def _gone(store: KeyStore) -> dict[str, Any]:
    return {**vaults.record(store), "exists": False}


def _refuse_full(job: Job) -> None:
    """Only an empty vault goes without its name being said once more; one that nobody could look into is not empty."""
    if job.task.params["delete_vault_named"] is not None:
        return
    words = ""
    try:
        found = vault_life.contents(job.azure.arm, job.place)
    except AzureError as error:
        if error.status == NOT_FOUND and job.site.look(confirm=True) is None:
            # Somebody else has deleted it meanwhile.
            return
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
