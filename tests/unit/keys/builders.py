# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of both sides, as values."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.keys.key_records import (
    KeyAttributes,
    KeyVersion,
    PublicKey,
    VaultKey,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.key_records import DsmKey, Sources
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.virtual_keys import VirtualKey

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
ONE, TWO = "1" * 32, "2" * 32
URI = "https://kv-one.vault.azure.net/"


def days(number: float) -> datetime:
    return NOW + timedelta(days=number)


LONG_AGO = days(-9)


def virtual(name: str | None, version: str | None = ONE, **members: Any) -> DsmKey:
    """DSM's record of a version. Members of the virtual key, or of the record."""
    of_key = {name: members.pop(name) for name in ("state", "enabled", "azure_state") if name in members}
    key = VirtualKey(
        kid=f"kid-{name}-{version}",
        name=members.pop("dsm_name", name or "nameless"),
        azure_name=name,
        azure_version=version,
        **{"state": "active", "enabled": True, "azure_state": "created", **of_key},
    )
    return DsmKey(key, **{"created": days(-8), **members})


def source(kid: str, **members: Any) -> DsmKey:
    key = VirtualKey(kid, f"name of {kid}", None, None, members.pop("state", "active"), True, None)
    return DsmKey(key, **members)


def sources(*keys: DsmKey, unread: frozenset[str] = frozenset()) -> Sources:
    return Sources({one.key.kid: one for one in keys}, unread)


def version(
    number: str, created: datetime | None = LONG_AGO, *, sha256: str | None = None, **attributes: Any
) -> KeyVersion:
    public = None if sha256 is None else PublicKey("RSA", 2048, None, ("sign",), sha256)
    return KeyVersion(number, KeyAttributes(created=created, **attributes), public)


OLDER, NEWER = version(ONE), version(TWO, days(-1))


def in_vault(name: str, *versions: KeyVersion, **members: Any) -> VaultKey:
    found = versions or (OLDER,)
    latest = max(found, key=lambda one: one.attributes.created or NOW)
    return VaultKey(name, f"{URI}keys/{name}", versions=found, **{"listed": latest.attributes, **members})


def listed(name: str, **attributes: Any) -> VaultKey:
    """A key whose versions were not read."""
    return VaultKey(name, f"{URI}keys/{name}", listed=KeyAttributes(**{"created": days(-9), **attributes}))
