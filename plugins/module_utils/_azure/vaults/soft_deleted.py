# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Soft-deleted vaults and managed HSMs: which one holds a name, and its recovery. lifecycle.py waits for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..._errors import TaskError
from ..._names import same_name
from ..._rest.replacement import Incomplete, text_in
from ..._rest.statuses import CONFLICT, FORBIDDEN
from ..rights.facts import MANAGED_HSM, VAULT
from ..wire.channel import Channel
from ..wire.errors import AzureError
from ..wire.meanings import NAME_TAKEN
from .vault_lookup import API, VaultAddress

T = TypeVar("T")
PROVIDER = "Microsoft.KeyVault"
# A reason of the check of a name. The other one is `AlreadyExists`.
_NAME_INVALID = "AccountNameInvalid"
# The actions to list the soft-deleted ones of a subscription.
_LIST_DELETED = {VAULT: f"{PROVIDER}/deletedVaults/read", MANAGED_HSM: f"{PROVIDER}/deletedManagedHsms/read"}
# Of a `ConflictError` (Azure contract, T26): "A vault with the same name already exists in deleted state".
_NAMES_A_DELETED_ONE = re.compile(r"\bdeleted state\b", re.IGNORECASE)


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


class HeldByDeleted(Exception):
    """A soft-deleted vault holds the name of the vault to be created. ``gone``: that vault."""

    def __init__(self, gone: DeletedVault) -> None:
        super().__init__(gone.resource_id)
        self.gone = gone


def namesake(arm: Channel, place: VaultAddress) -> DeletedVault | None:
    """The soft-deleted vault that holds the name (Azure contract, T26); None when nothing that is visible holds it.

    The deleted ones are listed whatever Azure's check of the name returns: it has reported names as available that are
    not, and an identity may lack permission for it.

    Raises:
        NameTaken: another owner has the name, or the vault with that name is not visible.
    """
    answer = _checked_name(arm, place)
    listed = _deleted_ones(arm, place)
    if listed.found is not None:
        return listed.found
    if answer is None or answer["nameAvailable"]:
        # Azure refuses the creation if the name is taken.
        return None
    raise _taken(place, listed, str(answer.get("message") or answer.get("reason") or ""))


def refuse_held(arm: Channel, place: VaultAddress, refusal: AzureError) -> None:
    """Raise if Azure has refused the creation because of the name.

    The code does not tell: `ConflictError` is the answer to a soft-deleted namesake and to a parallel change, and
    `VaultAlreadyExists` names no owner.

    Raises:
        HeldByDeleted: a soft-deleted vault holds the name.
        NameTaken: what holds it is not visible.
    """
    if refusal.code != NAME_TAKEN and refusal.status != CONFLICT:
        return
    listed = _deleted_ones(arm, place)
    if listed.found is not None:
        raise HeldByDeleted(listed.found)
    if refusal.code == NAME_TAKEN or _NAMES_A_DELETED_ONE.search(refusal.words):
        raise _taken(place, listed, refusal.words, status=refusal.status, code=refusal.code)


def _checked_name(arm: Channel, place: VaultAddress) -> Mapping[str, Any] | None:
    """Azure's check of the name. None without permission: some roles that can create a managed HSM lack it."""
    is_hsm = place.kind == MANAGED_HSM
    question = f"{_provider(place)}/check{'Mhsm' if is_hsm else ''}NameAvailability"
    body = {"name": place.name, **({} if is_hsm else {"type": f"{PROVIDER}/vaults"})}
    answer = if_allowed(lambda: arm.send("POST", question, obj=f"name {place.name}", query=API, body=body))
    if answer is None:
        return None
    if not isinstance(answer.get("nameAvailable"), bool):
        raise Incomplete("the response does not state whether the name is available", plane="Azure", obj=place.label)
    if not answer["nameAvailable"] and same_name(str(answer.get("reason") or ""), _NAME_INVALID):
        raise TaskError(
            "Azure does not accept the name",
            plane="Azure",
            obj=place.label,
            server_words=str(answer.get("message") or _NAME_INVALID),
            next_step="choose another name",
            unchanged=True,
        )
    return answer


@dataclass(frozen=True)
class _Listed:
    """``found``: the soft-deleted namesake. ``lacking``: the action that the operator lacks to list them, or empty."""

    found: DeletedVault | None = None
    lacking: str = ""


def _deleted_ones(arm: Channel, place: VaultAddress) -> _Listed:
    segment = "deletedManagedHSMs" if place.kind == MANAGED_HSM else "deletedVaults"
    listed = if_allowed(lambda: list(arm.pages(f"{_provider(place)}/{segment}", obj="soft-deleted vaults", query=API)))
    if listed is None:
        return _Listed(lacking=_LIST_DELETED[place.kind])
    found = (entry for entry in listed if same_name(entry["name"], place.name))
    return _Listed(next((_deleted(place, entry["properties"]) for entry in found), None))


def _taken(place: VaultAddress, listed: _Listed, words: str, **details: Any) -> NameTaken:
    subscription = f"/subscriptions/{place.subscription_id}"
    if listed.lacking:
        problem = (
            "the name is taken, but not by a vault of this resource group. Whether a soft-deleted vault of this "
            f"subscription holds it is unknown: the operator lacks {listed.lacking} at {subscription}"
        )
        next_step = (
            f"assign the operator a role with {listed.lacking} at the subscription (Key Vault Contributor or Reader "
            "has it), and run the task again with on_soft_deleted: recover to restore a soft-deleted vault; or choose "
            "another name"
        )
    else:
        problem = (
            "the name is taken, but not by a vault of this resource group or a soft-deleted one that is visible to the "
            "operator in this subscription"
        )
        next_step = (
            "choose another name, or check resource_group and subscription_id. A soft-deleted vault of another "
            "subscription or tenant also holds its name, and must be recovered or purged there; a purge takes some "
            "minutes to release the name"
        )
    lacking: dict[str, Any] = {"lacking": [{"action": listed.lacking, "scope": subscription}]} if listed.lacking else {}
    return NameTaken(
        problem, plane="Azure", obj=place.label, server_words=words, next_step=next_step, **lacking, **details
    )


def _provider(place: VaultAddress) -> str:
    return f"/subscriptions/{place.subscription_id}/providers/{PROVIDER}"


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
