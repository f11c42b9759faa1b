# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Soft-deleted vaults and managed HSMs: which one holds a name, and its recovery. lifecycle.py waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..._errors import TaskError
from ..._names import same_name
from ..._rest.replacement import Incomplete, text_in
from ..._rest.statuses import FORBIDDEN
from ..rights.facts import MANAGED_HSM
from ..wire.channel import Channel
from ..wire.errors import AzureError
from .vault_lookup import API, VaultAddress

T = TypeVar("T")
PROVIDER = "Microsoft.KeyVault"


@dataclass(frozen=True)
class DeletedVault:
    """A soft-deleted vault or managed HSM that holds the name. ``resource_id``: before deletion and after recovery."""

    resource_id: str
    location: str
    purge_date: str
    purge_protection: bool
    tags: Mapping[str, str]


class NameTaken(TaskError):
    """The name is taken, but not by a visible vault of this resource group or a visible soft-deleted one."""


def namesake(arm: Channel, place: VaultAddress) -> DeletedVault | None:
    """The soft-deleted vault that holds the name (Azure contract, T26); None when the name is free.

    Raises:
        NameTaken: another owner has the name, or the vault with that name is not visible.
    """
    provider = f"/subscriptions/{place.subscription_id}/providers/{PROVIDER}"
    is_hsm = place.kind == MANAGED_HSM
    question = f"{provider}/check{'Mhsm' if is_hsm else ''}NameAvailability"
    body = {"name": place.name, **({} if is_hsm else {"type": f"{PROVIDER}/vaults"})}
    answer = if_allowed(lambda: arm.send("POST", question, obj=f"name {place.name}", query=API, body=body))
    if answer is not None and not isinstance(answer.get("nameAvailable"), bool):
        raise Incomplete("the response does not state whether the name is available", plane="Azure", obj=place.label)
    if answer is not None and answer["nameAvailable"]:
        return None
    segment = "deletedManagedHSMs" if is_hsm else "deletedVaults"
    listed = if_allowed(lambda: list(arm.pages(f"{provider}/{segment}", obj="soft-deleted vaults", query=API)))
    for entry in listed or []:
        if same_name(entry["name"], place.name):
            return _deleted(place, entry["properties"])
    if answer is None:
        # Some roles that can create a managed HSM cannot check names. Azure refuses the creation if the name is taken.
        return None
    raise NameTaken(
        "the name is taken, but not by a vault of this resource group or a soft-deleted one that is visible to the "
        "operator in this subscription",
        plane="Azure",
        obj=place.label,
        server_words=str(answer.get("message") or answer.get("reason") or ""),
        next_step="choose another name, or check resource_group and subscription_id. A soft-deleted vault of another "
        "subscription also holds its name, and must be recovered or purged there",
    )


def if_allowed(read: Callable[[], T]) -> T | None:
    """What is read; None without read permission."""
    try:
        return read()
    except AzureError as error:
        if error.status != FORBIDDEN:
            raise
        return None


def _deleted(place: VaultAddress, properties: Mapping[str, Any]) -> DeletedVault:
    member = "mhsmId" if place.kind == MANAGED_HSM else "vaultId"
    return DeletedVault(
        resource_id=text_in(properties, member, plane="Azure", obj=place.label),
        location=text_in(properties, "location", plane="Azure", obj=place.label),
        purge_date=str(properties.get("scheduledPurgeDate") or ""),
        purge_protection=properties.get("purgeProtectionEnabled") is True,
        tags=dict(properties.get("tags") or {}),
    )


def recover(arm: Channel, place: VaultAddress, gone: DeletedVault, tenant_id: str) -> None:
    """Recover a soft-deleted one with its former settings: Azure ignores other settings in this request."""
    properties: dict[str, Any] = {"tenantId": tenant_id, "createMode": "recover"}
    sku = {"family": "B", "name": "Standard_B1"}
    if place.kind != MANAGED_HSM:
        properties["sku"] = {"family": "A", "name": "standard"}
    body = {"location": gone.location, "properties": properties, **({"sku": sku} if place.kind == MANAGED_HSM else {})}
    arm.send("PUT", place.resource_id, obj=place.label, query=API, body=body)
