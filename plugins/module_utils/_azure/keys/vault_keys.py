# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The keys of a vault or a managed HSM that the operator can list; never their material (Azure contract §1.9)."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..._names import name_key
from ..._timestamps import from_unix
from ..wire.channel import Channel

API = {"api-version": "2025-07-01"}


@dataclass(frozen=True)
class KeyVersion:
    """``id``: 32 hex digits. ``created`` and ``ends``: UTC. They and ``hsm_platform``: None if Azure omits them."""

    id: str
    enabled: bool
    created: datetime | None = None
    ends: datetime | None = None
    hsm_platform: str | None = None


@dataclass(frozen=True)
class VaultKey:
    """``managed``: it backs a certificate. ``versions``: None when they were not read."""

    name: str
    managed: bool = False
    versions: tuple[KeyVersion, ...] | None = None

    @property
    def current(self) -> tuple[KeyVersion, ...]:
        """The latest version, which is used when none is named; several if they were created in the same second."""
        never = datetime.min.replace(tzinfo=timezone.utc)
        last = max((version.created or never for version in self.versions or ()), default=never)
        return tuple(version for version in self.versions or () if (version.created or never) == last)


def list_keys(vault: Channel, label: str, most: int) -> tuple[VaultKey, ...]:
    """All keys by name; versions (one request each) only for the first ``most`` keys.

    Raises:
        AzureError: the operator has no permission to list them, or the vault does not answer.
    """
    found = sorted((_key(entry) for entry in vault.pages("/keys", obj=f"keys of {label}", query=API)), key=_name)
    return tuple(
        VaultKey(key.name, key.managed, _versions(vault, key.name, label)) if number < most else key
        for number, key in enumerate(found)
    )


def _versions(vault: Channel, name: str, label: str) -> tuple[KeyVersion, ...]:
    path = f"/keys/{urllib.parse.quote(name, safe='')}/versions"
    return tuple(_version(entry) for entry in vault.pages(path, obj=f"key {name} of {label}", query=API))


def _key(entry: Mapping[str, Any]) -> VaultKey:
    return VaultKey(_segments(entry)[1], entry.get("managed") is True)


def _version(entry: Mapping[str, Any]) -> KeyVersion:
    attributes = entry.get("attributes") or {}
    return KeyVersion(
        id=name_key(_segments(entry)[2]),
        enabled=attributes.get("enabled") is not False,
        created=from_unix(attributes.get("created")),
        ends=from_unix(attributes.get("exp")),
        hsm_platform=None if attributes.get("hsmPlatform") is None else str(attributes["hsmPlatform"]),
    )


def _segments(entry: Mapping[str, Any]) -> list[str]:
    """``keys``, the name and, if present, the version of a key's ID."""
    return [*urllib.parse.urlsplit(str(entry["kid"])).path.strip("/").split("/"), ""]


def _name(key: VaultKey) -> str:
    return key.name
