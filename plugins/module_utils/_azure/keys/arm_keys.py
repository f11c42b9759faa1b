# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads keys through Resource Manager, for an operator whom the vault or its firewall rejects (Azure contract §1.2).

It returns names, versions, attributes and tags: neither soft-deleted keys, nor which ones back certificates, nor
`hsmPlatform`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..._names import name_key
from ..._rest.statuses import NOT_FOUND
from ..._timestamps import from_unix
from ..wire.channel import Channel
from ..wire.errors import AzureError
from .key_records import KeyAttributes, VaultKey
from .vault_reading import VaultContents, versions_unread

_API = {"api-version": "2026-02-01"}
# Resource Manager includes it in the addresses of keys.
_PORT = ":443/"


def read_vault(
    arm: Channel, vault_id: str, label: str, *, most: int | None, names: Collection[str], why: str
) -> VaultContents:
    """As :func:`vault_reading.read_vault`.

    Args:
        vault_id: Resource ID of the vault or Managed HSM.
        why: the vault did not let the operator read its keys.

    Raises:
        AzureError: the operator has no permission to list keys in Resource Manager, either.
    """
    listed = map(_key, arm.pages(f"{vault_id}/keys", obj=f"keys of {label}", query=_API))
    found = sorted((key for key in listed if not names or name_key(key.name) in names), key=lambda key: key.name)
    count = most or 0
    keys = (*(with_versions(arm, vault_id, key, label) for key in found[:count]), *found[count:])
    unread = {"deleted_keys": why}
    if most is not None:
        unread.update(public_keys=why, rotation_policies=why, **versions_unread(keys, most, label))
    return VaultContents(keys, None, unread)


def with_versions(arm: Channel, vault_id: str, key: VaultKey, label: str) -> VaultKey:
    """The key with its versions; None of them if Resource Manager returns none.

    Raises:
        AzureError: the operator has no permission to list them.
    """
    try:
        listed = list(arm.pages(f"{vault_id}/keys/{key.name}/versions", obj=f"key {key.name} of {label}", query=_API))
    except AzureError as error:
        if error.status != NOT_FOUND:
            raise
        listed = []
    return key.with_versions((one["name"], _attributes(one)) for one in listed)


def _key(listed: Mapping[str, Any]) -> VaultKey:
    uri = str(listed["properties"].get("keyUri") or "").replace(_PORT, "/", 1)
    return VaultKey(name=str(listed["name"]), uri=uri, managed=None, listed=_attributes(listed))


def _attributes(listed: Mapping[str, Any]) -> KeyAttributes:
    found = listed["properties"].get("attributes") or {}
    return KeyAttributes(
        enabled=found.get("enabled") is not False,
        created=from_unix(found.get("created")),
        updated=from_unix(found.get("updated")),
        not_before=from_unix(found.get("nbf")),
        expires=from_unix(found.get("exp")),
        recovery_level=found.get("recoveryLevel"),
        exportable=found.get("exportable"),
        tags=dict(listed.get("tags") or {}),
    )
