# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of keys: opaque to whoever holds them, and good in the same subscription and geography only.

Source: learn.microsoft.com, "Azure Key Vault backup". A managed HSM restores what one with its security domain has
backed up, which here is the same one.
"""

from __future__ import annotations

import base64
import copy
import secrets
from dataclasses import dataclass

from ..vaults import KeyStore, ManagedHsm
from .values import Key

_MARK = b"&AzureKeyVaultKeyBackupV1.microsoft.com"
"""With which a backup begins (recordings of Azure/azure-sdk-for-js)."""
_SIZE = 750
_GEOGRAPHIES = {
    "Europe": ("westeurope", "northeurope"),
    "United States": (
        "eastus",
        "eastus2",
        "westus",
        "westus2",
        "westus3",
        "centralus",
        "northcentralus",
        "southcentralus",
    ),
    "United Kingdom": ("uksouth", "ukwest"),
    "Azure Government": ("usgovvirginia", "usgovarizona", "usgovtexas"),
}
"""learn.microsoft.com, "List of Azure regions". Any other region is taken for a geography of its own."""


@dataclass(frozen=True)
class Backup:
    """All versions of a key at one time, and where they may be restored."""

    key: Key
    place: tuple[str, ...]


class WrongPlace(Exception):
    """A backup of another subscription or geography."""


def place_of(store: KeyStore) -> tuple[str, ...]:
    if isinstance(store, ManagedHsm):
        return ("managed HSM", store.name.lower())
    region = store.location.lower().replace(" ", "")
    geography = next((name for name, regions in _GEOGRAPHIES.items() if region in regions), region)
    return ("vault", store.subscription_id.lower(), geography)


def made(backups: dict[str, Backup], store: KeyStore, key: Key) -> str:
    """Make a backup; its text."""
    raw = _MARK + secrets.token_bytes(_SIZE)
    value = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    backups[value] = Backup(copy.deepcopy(key), place_of(store))
    return value


def opened(backups: dict[str, Backup], store: KeyStore, value: str) -> Key | None:
    """The key in a backup, None for what is none."""
    try:
        raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        return None
    if not raw.startswith(_MARK):
        return None
    backup = backups.get(value.rstrip("="))
    if backup is None or backup.place != place_of(store):
        raise WrongPlace
    return copy.deepcopy(backup.key)
