# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Requests that change keys in a vault or a Managed HSM with the operator's permissions (Azure contract §1.11).

Each is sent once. Azure answers before it is done; nobody waits here.
"""

from __future__ import annotations

from functools import partial

from ..wire.channel import Channel
from ..wire.shapes import DELETED_KEY, KEY_BUNDLE


def delete(vault: Channel, name: str, label: str) -> None:
    """Soft-delete the key with all its versions.

    Raises:
        AzureError: the vault refuses, or its response was lost.
    """
    # The poller of the SDK waits only when it is asked to.
    vault.write(partial(vault.sdk.begin_delete_key, name), obj=f"key {name} of {label}", shape=DELETED_KEY)


def recover(vault: Channel, name: str, label: str) -> None:
    """Recover the soft-deleted key with all its versions.

    Raises:
        AzureError: as :func:`delete`.
    """
    obj = f"deleted key {name} of {label}"
    vault.write(partial(vault.sdk.begin_recover_deleted_key, name), obj=obj, shape=KEY_BUNDLE)


def purge(vault: Channel, name: str, label: str) -> None:
    """Destroy the soft-deleted key for good.

    Raises:
        AzureError: as :func:`delete`.
    """
    vault.write(partial(vault.sdk.purge_deleted_key, name), obj=f"deleted key {name} of {label}")
