# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads a vault for a comparison with DSM: its keys, the deleted ones, and details of those that need them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from ..._names import name_key
from ..._rest.statuses import FORBIDDEN
from ..wire.channel import Channel
from ..wire.errors import AzureError
from . import vault_keys
from .key_records import DeletedKey, VaultKey


@dataclass(frozen=True)
class VaultContents:
    """``deleted``: None if they were not read. ``unread``: what was not read, and why."""

    keys: tuple[VaultKey, ...]
    deleted: tuple[DeletedKey, ...] | None
    unread: Mapping[str, str] = field(default_factory=dict)


def read_vault(vault: Channel, label: str, *, most: int) -> VaultContents:
    """The keys of a vault; versions only of the first ``most`` keys by name.

    Raises:
        AzureError: the operator has no permission to list keys, or the vault does not answer.
    """
    listed = vault_keys.list_keys(vault, label)
    keys = tuple(
        vault_keys.with_versions(vault, key, label) if number < most else key for number, key in enumerate(listed)
    )
    unread: dict[str, str] = {}
    if 0 < most < len(keys):
        unread["versions"] = f"max_keys is {most}, and {label} has {len(keys)} keys"
    try:
        deleted: tuple[DeletedKey, ...] | None = vault_keys.list_deleted(vault, label)
    except AzureError as error:
        if error.status != FORBIDDEN:
            raise
        # An answer about the permission, not about the keys: nothing is known about deleted ones.
        deleted, unread["deleted_keys"] = None, f"{error.problem}: {error.words}" if error.words else error.problem
    return VaultContents(keys, deleted, unread)


def with_versions_of(vault: Channel, label: str, contents: VaultContents, names: Collection[str]) -> VaultContents:
    """The same contents with the versions of these keys. One request for each.

    Args:
        names: comparison keys of their names.

    Raises:
        AzureError: the vault does not answer.
    """
    keys = tuple(
        vault_keys.with_versions(vault, key, label) if name_key(key.name) in names else key for key in contents.keys
    )
    return replace(contents, keys=keys)


def with_details(
    vault: Channel, label: str, contents: VaultContents, *, copies: Collection[str], rotating: Collection[str]
) -> VaultContents:
    """The same contents with what a comparison of key material and of rotation policies needs.

    Args:
        copies: comparison keys of the names of keys whose material comes from DSM.
        rotating: the same, of keys that DSM rotates.

    Public keys are read of copies, and of keys with several versions, unless the contents have them. Policies are read
    of copies and of keys that DSM rotates. Keys whose versions were not read are left as they are.

    Raises:
        AzureError: the vault does not answer.
    """
    unread = dict(contents.unread)

    def detailed(key: VaultKey) -> VaultKey:
        if key.versions is None or key.managed:
            return key
        name = name_key(key.name)
        if (name in copies or len(key.versions) > 1) and all(version.public is None for version in key.versions):
            key = vault_keys.with_public_keys(vault, key, label)
            if any(version.public is None for version in key.versions or ()):
                unread["public_keys"] = "the operator has no permission to read all of them"
        if name in copies or name in rotating:
            key = vault_keys.with_rotation_policy(vault, key, label)
            if key.azure_rotates is None:
                unread["rotation_policies"] = "the operator has no permission to read all of them"
        return key

    keys = tuple(map(detailed, contents.keys))
    return replace(contents, keys=keys, unread=unread)
