# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What DSM does to keys in a vault, with the link's own identity, in Azure's words (DSM contract §4.8)."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from ...custody.public_keys import DSM_OPERATIONS, encoded, jwk_of
from ..azure_egress import AzureEgress, AzureFailure, as_expected, handed_on
from ..context import Dsm
from ..errors import bad_request
from ..external_kms import stored_form
from ..values import Group, SecurityObject
from .requests import KeyRequest, seconds_of

TAG = "azure-tag-"
"""How tags are told, if at all: as those of AWS are (DSM contract §7, Q53)."""
_AZURE_OPERATIONS = {dsm: azure for azure, dsm in DSM_OPERATIONS.items()}
_PRIVATE = {"RSA": ("d", "dp", "dq", "qi", "p", "q"), "EC": ("d",)}


@asynccontextmanager
async def over_link(dsm: Dsm, group: Group) -> AsyncIterator[AzureEgress]:
    """The way to the vault of a group; whatever refuses there is DSM's refusal with the words of Azure."""
    if not group.hmg:
        raise bad_request("The group is not linked to an external KMS")
    first, *_others = group.hmg.values()
    link = stored_form(first)
    if not link["url"]:
        raise bad_request("No key vault has been chosen for this group yet")
    try:
        async with AzureEgress(link, dsm) as azure:
            yield azure
    except AzureFailure as failure:
        raise handed_on(failure, dsm.profile) from failure


def identity_of(key: SecurityObject) -> tuple[str, str]:
    """Azure's name and version of a virtual key."""
    identity = (key.external or {})["id"]
    return identity["label"], uuid.UUID(identity["version"]).hex


def identity_in(bundle: Mapping[str, Any]) -> tuple[str, str]:
    """The same, of a key as Azure has answered it."""
    with as_expected("vault"):
        _start, name, version = str(bundle["key"]["kid"]).rsplit("/", 2)
        return name, uuid.UUID(hex=version).hex


# Deeds ----------------------------------------------------------------------------------------------------------------


async def generate(
    azure: AzureEgress, name: str, kind: tuple[str, int, str], hardware: bool, details: Mapping[str, Any]
) -> dict[str, Any]:
    """Let Azure make a key, or a version of it, of a type, size and curve."""
    obj_type, size, curve = kind
    form = {"crv": curve} if obj_type == "EC" else {"key_size": size}
    body = {"kty": f"{obj_type}-HSM" if hardware or azure.managed else obj_type, **form, **details}
    return await azure.write("POST", f"keys/{_quoted(name)}/create", body)


async def rotate(azure: AzureEgress, name: str) -> dict[str, Any]:
    """Let Azure make a version of a key that is there, of the same kind and with the same operations."""
    return await azure.write("POST", f"keys/{_quoted(name)}/rotate")


async def bring(
    azure: AzureEgress, name: str, source: SecurityObject, hardware: bool, details: Mapping[str, Any]
) -> dict[str, Any]:
    """Import the material of a source key, and look at what has become of it.

    The private members are random octets: nobody computes with the keys of the sandbox.
    """
    assert source.pub_key is not None
    public = jwk_of(source.pub_key)
    inside = hardware or azure.managed
    private = {member: encoded(secrets.token_bytes(32)) for member in _PRIVATE[source.obj_type]}
    key = {"kty": f"{source.obj_type}-HSM" if inside else source.obj_type, **public, **private}
    rest = dict(details)
    body = {"key": key | {"key_ops": rest.pop("key_ops")}, "Hsm": inside, **rest}
    made = await azure.write("PUT", f"keys/{_quoted(name)}", body)
    return await azure.key(*identity_in(made)) or made


async def change(azure: AzureEgress, key: SecurityObject, details: Mapping[str, Any]) -> None:
    name, version = identity_of(key)
    await azure.write("PATCH", f"keys/{_quoted(name)}/{version}", details)


async def soft_delete(azure: AzureEgress, name: str) -> None:
    await azure.write("DELETE", f"keys/{_quoted(name)}")


async def purge(azure: AzureEgress, name: str) -> None:
    await azure.write("DELETE", f"deletedkeys/{_quoted(name)}")


async def recover(azure: AzureEgress, name: str) -> None:
    await azure.write("POST", f"deletedkeys/{_quoted(name)}/recover")


async def back_up(azure: AzureEgress, name: str) -> str:
    answer = await azure.write("POST", f"keys/{_quoted(name)}/backup")
    with as_expected("vault"):
        return str(answer["value"])


async def restore(azure: AzureEgress, backup: str) -> None:
    await azure.write("POST", "keys/restore", {"value": backup})


def _quoted(name: str) -> str:
    """A name as one segment of a path, whatever it is: what Azure makes of it is Azure's to say."""
    return quote(name, safe="")


# Attributes -----------------------------------------------------------------------------------------------------------


def new_details(wanted: KeyRequest, operations: Iterable[str], pushes: str) -> dict[str, Any]:
    """The members of a new key besides its type: operations, and what is handed on of the rest (Q53)."""
    return {"key_ops": in_azures_words(operations), **_attributes(wanted, pushes)}


def changed_details(wanted: KeyRequest, pushes: str) -> dict[str, Any]:
    """What of a change is handed on to Azure (Q53); nothing if it is empty."""
    operations = {} if wanted.key_ops is None or pushes != "all" else {"key_ops": in_azures_words(wanted.key_ops)}
    return {**operations, **_attributes(wanted, pushes)}


def in_azures_words(operations: Iterable[str]) -> list[str]:
    return [_AZURE_OPERATIONS[name] for name in operations if name in _AZURE_OPERATIONS]


def _attributes(wanted: KeyRequest, pushes: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if pushes != "none" and wanted.enabled is not None:
        attributes["enabled"] = wanted.enabled
    if pushes in ("enabled+dates", "all"):
        dates = {"nbf": wanted.activation_date, "exp": wanted.deactivation_date}
        attributes |= {name: int(seconds_of(stamp)) for name, stamp in dates.items() if stamp}
    details: dict[str, Any] = {"attributes": attributes} if attributes else {}
    tags = {name.removeprefix(TAG): v for name, v in (wanted.custom_metadata or {}).items() if name.startswith(TAG)}
    return {**details, "tags": tags} if tags and pushes == "all" else details
