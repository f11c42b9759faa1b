# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads, creates, updates and deletes a vault or managed HSM (Azure contract §1.2, §1.6). Never purges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..._errors import TaskError
from ..._ids import is_uuid
from ..._names import name_key
from ..._rest.replacement import EQUAL_READS, Incomplete
from ..._rest.statuses import NOT_FOUND
from ..._waiter import Patience
from ..rights.facts import MANAGED_HSM, VAULT
from ..wire.channel import Channel
from ..wire.errors import AzureError
from ..wire.meanings import GROUP_NOT_FOUND, SUBSCRIPTION_NOT_FOUND
from ..wire.optional_reads import Unread, optional
from ..wire.session import Azure
from .soft_deleted import PROVIDER
from .vault_lookup import API, VaultAddress, checked, gaps

_RESOURCES_API = {"api-version": "2021-04-01"}
_SUBSCRIPTIONS_API = {"api-version": "2022-12-01"}
# Codes of a 404 that concern more than the vault.
NOWHERE = frozenset({GROUP_NOT_FOUND, SUBSCRIPTION_NOT_FOUND})
# A managed HSM also reports `Activated`, and `SecurityDomainRestore` while it waits for key
# holders (Azure contract §1.6).
_SETTLED = frozenset({"", "succeeded", "activated", "securitydomainrestore"})
# The other final states of every operation of Resource Manager (Azure contract §1.2).
_FAILED = frozenset({"failed", "canceled", "cancelled"})
# That many equal answers in a row are final. A managed HSM applies a change some time after it has accepted it.
_EQUAL_READS: Mapping[str, int] = {VAULT: EQUAL_READS, MANAGED_HSM: 12}
# Answers that are read until one is usable.
_MOST_READS = 5
AGAIN = "run the task again; it continues from the current state"


class DeletedMeanwhile(TaskError):
    """The vault existed when this run started, and no longer exists."""


def look(arm: Channel, place: VaultAddress, *, confirm: bool = False) -> dict[str, Any] | None:
    """The body of the vault; None when it does not exist.

    An answer that lacks optional members counts if the next one lacks the same. An answer that lacks what every vault
    has is read again. ``confirm``: whether two answers in a row must show that it does not exist.

    Raises:
        AzureError: its resource group does not exist, or it cannot be read.
        Incomplete: no answer is usable.
    """
    last: frozenset[str] | None = None
    failure = Incomplete("the responses contradict each other", plane="Azure", obj=place.label)
    absent = 0
    for _read in range(_MOST_READS):
        try:
            body = _read_once(arm, place)
        except Incomplete as error:
            failure, last, absent = error, None, 0
            continue
        if body is None:
            absent, last = absent + 1, None
            if absent == 2 or not confirm:
                return None
            continue
        absent, lacking = 0, gaps(place.kind, body)
        if not lacking or lacking == last:
            return body
        last = lacking
    raise failure


def _read_once(arm: Channel, place: VaultAddress) -> dict[str, Any] | None:
    try:
        return checked(place, arm.get(place.resource_id, obj=place.label, query=API))
    except AzureError as error:
        if error.status != NOT_FOUND or error.code in NOWHERE:
            raise
        return None


def tenant_of(azure: Azure, place: VaultAddress) -> str:
    """The tenant of a new vault: the operator's. Its ID is read from Azure if the operator's options lack it."""
    given = azure.operator.tenant_id or ""
    if is_uuid(given):
        return name_key(given)
    path = f"/subscriptions/{place.subscription_id}"
    obj = f"subscription {place.subscription_id}"
    found = azure.arm.get(path, obj=obj, query=_SUBSCRIPTIONS_API).get("tenantId")
    if not isinstance(found, str) or not is_uuid(found):
        raise Incomplete("the response has no usable tenantId", plane="Azure", obj=obj)
    return found


def refuse_unregistered(arm: Channel, place: VaultAddress) -> None:
    """Fail before the first write if the resource provider is not registered (T34). It is never registered here.

    Raises:
        TaskError: it is not registered. If that cannot be read, the first write fails instead.
    """
    obj = f"subscription {place.subscription_id}"
    path = f"/subscriptions/{place.subscription_id}/providers/{PROVIDER}"
    found = optional(lambda: arm.get(path, obj=obj, query=_RESOURCES_API))
    if isinstance(found, Unread):
        return
    if str(found.get("registrationState") or "").lower() == "notregistered":
        raise TaskError(
            f"the resource provider {PROVIDER} is not registered in the subscription",
            plane="Azure",
            obj=obj,
            next_step=f"run `az provider register --namespace {PROVIDER}` once; this collection never registers it",
        )


# Writes ---------------------------------------------------------------------------------------------------------------


def create(arm: Channel, place: VaultAddress, body: Mapping[str, Any]) -> dict[str, Any]:
    """One PUT; its answer. Never for an existing vault: it would replace the access policies. See safe_writes.py."""
    return arm.send("PUT", place.resource_id, obj=place.label, query=API, body=body)


def update(arm: Channel, place: VaultAddress, body: Mapping[str, Any]) -> dict[str, Any]:
    """Change only what is in the body; return the answer."""
    return arm.send("PATCH", place.resource_id, obj=place.label, query=API, body=body)


def delete(arm: Channel, place: VaultAddress) -> None:
    """Soft-delete."""
    arm.send("DELETE", place.resource_id, obj=place.label, query=API)


# Waiting --------------------------------------------------------------------------------------------------------------


def settle(
    arm: Channel,
    place: VaultAddress,
    differing: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    patience: Patience,
    *,
    seen: bool,
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Read until Resource Manager has finished and shows what was written.

    Does not wait for the vault's name in DNS.

    Args:
        arm: Resource Manager.
        place: Where the vault is.
        differing: What differs in a body from what was written; empty if nothing does.
        patience: Until when to read.
        seen: Whether this run has seen the vault, so that answers without it mean that it was deleted.

    Returns:
        The body, and what still differs after enough equal answers in a row.

    Raises:
        TaskError: it failed, was deleted in the meantime, or is not finished in time.
    """
    equal, last, absent = 0, None, 0
    while True:
        # Replicas learn of a new vault one after the other: some may not know it yet.
        body = look(arm, place)
        state = is_settled(body)
        if body is None:
            absent, equal, last = absent + seen, 0, None
            if absent == EQUAL_READS:
                raise deleted_meanwhile(place)
        else:
            seen, absent = True, 0
        if body is not None and state == "failed":
            raise TaskError(
                f"Azure reports that the last operation on it has ended with the state {_state(body)}",
                plane="Azure",
                obj=place.label,
                server_words=str(body["properties"].get("statusMessage") or ""),
                next_step="check its activity log in the portal; the task does not clean up anything",
            )
        if body is not None and state == "settled":
            differs = differing(body)
            if not differs:
                return body, {}
            shown = shown_settings(body)
            equal, last = equal + 1 if shown == last else 1, shown
            if equal == _EQUAL_READS[place.kind]:
                return body, differs
        else:
            equal, last = 0, None
        if not patience.pause():
            raise _not_in_time(place, body)


def deleted_meanwhile(place: VaultAddress) -> DeletedMeanwhile:
    return DeletedMeanwhile(
        "it was deleted while the task was running",
        plane="Azure",
        obj=place.label,
        next_step=AGAIN,
        retryable=True,
    )


def _not_in_time(place: VaultAddress, body: Mapping[str, Any] | None) -> TaskError:
    properties: Mapping[str, Any] = (body or {}).get("properties") or {}
    state = str(properties.get("provisioningState") or "none")
    if body is None:
        problem = "Azure does not show it yet"
    elif is_settled(body) == "settled":
        problem = "Azure does not show the change yet"
    else:
        problem = f"Azure has not finished (provisioningState {state})"
    long = ", or increase wait_timeout: creating a managed HSM takes half an hour or more"
    return TaskError(
        f"{problem}, and wait_timeout has expired",
        plane="Azure",
        obj=place.label,
        server_words=str(properties.get("statusMessage") or ""),
        next_step="run the task again to continue waiting" + (long if place.kind == MANAGED_HSM else ""),
        retryable=True,
    )


def shown_settings(body: Mapping[str, Any]) -> tuple[Any, ...]:
    """The settings that two answers must agree on. Access policies are excluded: they have their own requests."""
    others = {name: value for name, value in body["properties"].items() if name != "accessPolicies"}
    return body.get("tags"), body.get("sku"), others


def is_settled(body: Mapping[str, Any] | None) -> str:
    """`settled`, `failed`, or `moving` while it is not finished."""
    if body is None:
        return "moving"
    state = _state(body).lower()
    return "settled" if state in _SETTLED else "failed" if state in _FAILED else "moving"


def _state(body: Mapping[str, Any]) -> str:
    return str(body["properties"].get("provisioningState") or "")


def wait_until_gone(arm: Channel, place: VaultAddress, patience: Patience) -> bool:
    """Whether it is no longer shown before the time is over.

    Raises:
        TaskError: Azure still shows it, or shows it again, and is not deleting it.
    """
    shown = 0
    while True:
        body = look(arm, place)
        if body is None:
            return True
        state = is_settled(body)
        if state == "failed":
            raise TaskError(
                f"Azure accepted the deletion, but it has ended with the state {_state(body)}",
                plane="Azure",
                obj=place.label,
                server_words=str(body["properties"].get("statusMessage") or ""),
                next_step="check its activity log in the portal, and run the task again to delete it",
                retryable=True,
            )
        shown = shown + 1 if state == "settled" else 0
        if shown == _EQUAL_READS[place.kind]:
            raise TaskError(
                "Azure accepted the deletion, but still shows it unchanged: it may have been recovered or created "
                "again",
                plane="Azure",
                obj=place.label,
                next_step="find out who uses it; run the task again to delete it",
                retryable=True,
            )
        if not patience.pause():
            return False


# Contents -------------------------------------------------------------------------------------------------------------


def contents(arm: Channel, place: VaultAddress) -> list[str]:
    """What is in the vault, by kind: `keys`, `secrets`. Certificates have one of each.

    Resource Manager lists it, so neither permissions in the vault nor its firewall matter. One page is enough.

    Raises:
        AzureError: it cannot be listed.
    """
    kinds = ("keys",) if place.kind == MANAGED_HSM else ("keys", "secrets")
    return [
        kind
        for kind in kinds
        if any(True for _entry in arm.pages(f"{place.resource_id}/{kind}", obj=f"{kind} of {place.label}", query=API))
    ]
