# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A vault or managed HSM from its name to its deletion, over the wire (Azure contract §1.2, §1.6). Never purges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from .. import _time
from .._errors import TaskError
from .._ids import is_uuid
from .errors import AzureError
from .facts import MANAGED_HSM
from .pipeline import Channel
from .session import Azure
from .vaults import API, Place

T = TypeVar("T")
PROVIDER = "Microsoft.KeyVault"
_RESOURCES_API = {"api-version": "2021-04-01"}
_SUBSCRIPTIONS_API = {"api-version": "2022-12-01"}
_FORBIDDEN, _NOT_FOUND = 403, 404
# Codes of a 404 that are about more than the vault.
NOWHERE = frozenset({"ResourceGroupNotFound", "SubscriptionNotFound"})
# A pool says `Activated` too, and `SecurityDomainRestore` while it waits for people (Azure contract §1.6).
_SETTLED = frozenset({"", "succeeded", "activated", "securitydomainrestore"})


@dataclass(frozen=True)
class Deleted:
    """A soft-deleted vault or pool that holds the name. ``resource_id``: what it had, and gets back when recovered."""

    resource_id: str
    location: str
    purge_date: str
    purge_protection: bool
    tags: Mapping[str, str]


def look(arm: Channel, place: Place) -> dict[str, Any] | None:
    """The body of the vault; None when there is none.

    Raises:
        AzureError: there is not even its resource group, or it may not be read.
    """
    try:
        return arm.get(place.resource_id, obj=place.label, query=API)
    except AzureError as error:
        if error.status != _NOT_FOUND or error.code in NOWHERE:
            raise
        return None


def tenant_of(azure: Azure, place: Place) -> str:
    """The tenant of a new vault: the operator's, whose ID is looked up where it logs in without saying it."""
    given = azure.operator.tenant_id or ""
    if is_uuid(given):
        return given.lower()
    path = f"/subscriptions/{place.subscription_id}"
    return str(azure.arm.get(path, obj=f"subscription {place.subscription_id}", query=_SUBSCRIPTIONS_API)["tenantId"])


def refuse_unregistered(arm: Channel, place: Place) -> None:
    """Tell before the first write that the resource provider is not registered (T34). It is never registered here.

    Raises:
        TaskError: it is not. An operator who may not look gets the answer from the first write.
    """
    obj = f"subscription {place.subscription_id}"
    path = f"/subscriptions/{place.subscription_id}/providers/{PROVIDER}"
    found = _if_allowed(lambda: arm.get(path, obj=obj, query=_RESOURCES_API)) or {}
    if str(found.get("registrationState") or "").lower() == "notregistered":
        raise TaskError(
            f"the resource provider {PROVIDER} is not registered in the subscription",
            plane="Azure",
            obj=obj,
            next_step=f"run `az provider register --namespace {PROVIDER}` once; this collection never registers it by "
            "itself",
        )


# Names ----------------------------------------------------------------------------------------------------------------


def namesake(arm: Channel, place: Place) -> Deleted | None:
    """The soft-deleted vault that holds the name (T26); None when the name is free.

    Raises:
        TaskError: somebody else has the name, or what has it cannot be seen.
    """
    provider = f"/subscriptions/{place.subscription_id}/providers/{PROVIDER}"
    is_hsm = place.kind == MANAGED_HSM
    question = f"{provider}/check{'Mhsm' if is_hsm else ''}NameAvailability"
    body = {"name": place.name, **({} if is_hsm else {"type": f"{PROVIDER}/vaults"})}
    answer = _if_allowed(lambda: arm.send("POST", question, obj=f"name {place.name}", query=API, body=body))
    if answer and answer.get("nameAvailable"):
        return None
    segment = "deletedManagedHSMs" if is_hsm else "deletedVaults"
    listed = _if_allowed(lambda: list(arm.pages(f"{provider}/{segment}", obj="soft-deleted vaults", query=API)))
    for entry in listed or []:
        if str(entry["name"]).lower() == place.name.lower():
            return _deleted(entry["properties"])
    if answer is None:
        # Not every role that may make a pool may ask for names. Azure refuses the creation if this one is taken.
        return None
    raise TaskError(
        "the name is taken, and not by a vault of this resource group or a soft-deleted one that the operator sees in "
        "this subscription",
        plane="Azure",
        obj=place.label,
        server_words=str(answer.get("message") or answer.get("reason") or ""),
        next_step="choose another name, or check resource_group and subscription_id; a soft-deleted vault of another "
        "subscription holds its name too, and is recovered or purged there",
    )


def _if_allowed(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except AzureError as error:
        if error.status != _FORBIDDEN:
            raise
        return None


def _deleted(properties: Mapping[str, Any]) -> Deleted:
    return Deleted(
        resource_id=str(properties.get("vaultId") or properties.get("mhsmId") or ""),
        location=str(properties.get("location") or ""),
        purge_date=str(properties.get("scheduledPurgeDate") or ""),
        purge_protection=properties.get("purgeProtectionEnabled") is True,
        tags=dict(properties.get("tags") or {}),
    )


# Writes ---------------------------------------------------------------------------------------------------------------


def create(arm: Channel, place: Place, body: Mapping[str, Any]) -> None:
    """Make what is not there yet. Never to be sent to a vault that exists: it would replace its access policies."""
    arm.send("PUT", place.resource_id, obj=place.label, query=API, body=body)


def recover(arm: Channel, place: Place, gone: Deleted, tenant_id: str) -> None:
    """Bring a soft-deleted one back, with the settings that it had: Azure passes over the others in this request."""
    properties: dict[str, Any] = {"tenantId": tenant_id, "createMode": "recover"}
    sku = {"family": "B", "name": "Standard_B1"}
    if place.kind != MANAGED_HSM:
        properties["sku"] = {"family": "A", "name": "standard"}
    body = {"location": gone.location, "properties": properties, **({"sku": sku} if place.kind == MANAGED_HSM else {})}
    arm.send("PUT", place.resource_id, obj=place.label, query=API, body=body)


def update(arm: Channel, place: Place, body: Mapping[str, Any]) -> None:
    """Change what is in the body and nothing else."""
    arm.send("PATCH", place.resource_id, obj=place.label, query=API, body=body)


def delete(arm: Channel, place: Place) -> None:
    """Soft-delete."""
    arm.send("DELETE", place.resource_id, obj=place.label, query=API)


# Waiting --------------------------------------------------------------------------------------------------------------


def settle(
    arm: Channel, place: Place, is_done: Callable[[Mapping[str, Any]], bool], *, deadline: float, interval: float
) -> dict[str, Any]:
    """Look until Resource Manager has finished and shows what was written; the body that it shows then.

    The vault's name in DNS is not waited for.

    Raises:
        TaskError: it failed, or is not finished in time.
    """
    while True:
        # A list of places that learn of a new vault one after the other: it may not be known to all yet.
        body = look(arm, place)
        state = is_settled(body)
        if body is not None and state == "failed":
            raise TaskError(
                "Azure says that it has failed",
                plane="Azure",
                obj=place.label,
                server_words=str(body["properties"].get("statusMessage") or ""),
                next_step="look at its activity log in the portal; nothing is cleaned up here",
            )
        if body is not None and state == "settled" and is_done(body):
            return body
        if _time.monotonic() + interval > deadline:
            raise TaskError(
                "it is not finished, and wait_timeout is over"
                if state != "settled"
                else "it does not show what was written, and wait_timeout is over",
                plane="Azure",
                obj=place.label,
                server_words=str(((body or {}).get("properties") or {}).get("statusMessage") or ""),
                next_step="run the task again, which goes on waiting; a managed HSM takes half an hour and more",
            )
        _time.sleep(interval)


def is_settled(body: Mapping[str, Any] | None) -> str:
    """`settled`, `failed`, or `moving` for what is not finished."""
    if body is None:
        return "moving"
    state = str(body["properties"].get("provisioningState") or "").lower()
    return "settled" if state in _SETTLED else "failed" if state == "failed" else "moving"


def wait_until_gone(arm: Channel, place: Place, *, deadline: float, interval: float) -> bool:
    """Whether it is not shown any more before the time is over."""
    while look(arm, place) is not None:
        if _time.monotonic() + interval > deadline:
            return False
        _time.sleep(interval)
    return True


# What is in it --------------------------------------------------------------------------------------------------------


def contents(arm: Channel, place: Place) -> list[str]:
    """What is in the vault, by kind: `keys`, `secrets`. Certificates have one of each.

    Resource Manager tells, so that neither rights in the vault nor its firewall matter. One page is enough.

    Raises:
        AzureError: it cannot be told.
    """
    kinds = ("keys",) if place.kind == MANAGED_HSM else ("keys", "secrets")
    return [
        kind
        for kind in kinds
        if any(True for _entry in arm.pages(f"{place.resource_id}/{kind}", obj=f"{kind} of {place.label}", query=API))
    ]
