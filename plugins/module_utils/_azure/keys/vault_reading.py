# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads a vault for a comparison with DSM: its keys, the deleted ones, and details of those that need them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..._names import name_key
from ..._rest.statuses import FORBIDDEN
from ..wire.channel import Channel
from ..wire.cloud import is_hsm_uri
from ..wire.errors import AzureError
from . import vault_keys
from .key_records import DeletedKey, VaultKey


def label_of(uri: str) -> str:
    """A vault or Managed HSM, for messages."""
    return f"{'managed HSM' if is_hsm_uri(uri) else 'vault'} {uri}"


@dataclass(frozen=True)
class VaultContents:
    """``deleted``: None if they were not read. ``unread``: what was not read, and why."""

    keys: tuple[VaultKey, ...]
    deleted: tuple[DeletedKey, ...] | None
    unread: Mapping[str, str] = field(default_factory=dict)


def read_vault(vault: Channel, label: str, *, most: int | None, names: Collection[str] = ()) -> VaultContents:
    """The keys of a vault; versions only of the first ``most`` keys by name, and the public keys of these versions.

    No versions are wanted if ``most`` is None.

    A key with one version has no other one to be compared with: its public key is read in :func:`with_details`.

    Args:
        names: comparison keys of the names of the only keys that are wanted; empty for all keys.

    Raises:
        AzureError: the operator has no permission to list keys, or the vault does not answer.
    """
    keys = tuple(key for key in vault_keys.list_keys(vault, label) if not names or name_key(key.name) in names)
    unread: dict[str, str] = {}

    def with_versions(key: VaultKey) -> VaultKey:
        read = vault_keys.with_versions(vault, key, label)
        several = len(read.versions or ()) > 1 and not read.managed
        return _with_public_keys(vault, read, label, unread) if several else read

    count = most or 0
    keys = (*map(with_versions, keys[:count]), *keys[count:])
    if most is not None:
        unread.update(versions_unread(keys, most, label))
    try:
        found = vault_keys.list_deleted(vault, label)
    except AzureError as error:
        if error.status != FORBIDDEN:
            raise
        # An answer about the permission, not about the keys: nothing is known about deleted ones.
        unread["deleted_keys"] = error.reason
        return VaultContents(keys, None, unread)
    return VaultContents(keys, tuple(key for key in found if not names or name_key(key.name) in names), unread)


def versions_unread(keys: Sequence[VaultKey], most: int, label: str) -> dict[str, str]:
    """Why versions are missing, if they are. ``most``: of so many keys, they were requested."""
    if most < len(keys):
        return {"versions": f"max_keys is {most}, and {label} has {len(keys)} keys"}
    without = sum(key.versions is None for key in keys)
    if without:
        return {"versions": f"{label} lists {without} keys, and returns no versions of them; run the task again"}
    return {}


def _with_public_keys(vault: Channel, key: VaultKey, label: str, unread: dict[str, str]) -> VaultKey:
    read = vault_keys.with_public_keys(vault, key, label)
    if any(version.public is None for version in read.versions or ()):
        unread["public_keys"] = "the operator has no permission to read all of them"
    return read


def with_versions_of(
    contents: VaultContents, names: Collection[str], read: Callable[[VaultKey], VaultKey]
) -> VaultContents:
    """The same contents with the versions of these keys.

    Args:
        names: comparison keys of their names.
        read: returns a key with its versions.
    """
    keys = tuple(read(key) if name_key(key.name) in names else key for key in contents.keys)
    return replace(contents, keys=keys)


def with_details(
    vault: Channel, label: str, contents: VaultContents, *, copies: Collection[str], rotating: Collection[str]
) -> VaultContents:
    """The same contents with the public keys of copies, and the rotation policies of copies and of rotating keys.

    Keys whose versions were not read are left as they are.

    Args:
        copies: comparison keys of the names of keys whose material comes from DSM.
        rotating: the same, of keys that DSM rotates.

    Raises:
        AzureError: the vault does not answer.
    """
    unread = dict(contents.unread)

    def detailed(key: VaultKey) -> VaultKey:
        name = name_key(key.name)
        if key.versions is None or key.managed or (name not in copies and name not in rotating):
            return key
        if name in copies and len(key.versions) == 1:
            key = _with_public_keys(vault, key, label, unread)
        key = vault_keys.with_rotation_policy(vault, key, label)
        if key.azure_rotates is None:
            unread["rotation_policies"] = "the operator has no permission to read all of them"
        return key

    return replace(contents, keys=tuple(map(detailed, contents.keys)), unread=unread)


def read_one(vault: Channel, name: str, label: str, *, with_rotation: bool = False) -> VaultContents:
    """The key of this name in its current version; if there is none, the soft-deleted one.

    Args:
        with_rotation: whether to read the rotation policy, too. It stays unknown if the operator cannot read it.

    Raises:
        AzureError: the operator has no permission to read the key, or the vault does not answer.
    """
    found = vault_keys.read_key(vault, name, label)
    if found is not None:
        if with_rotation and not found.managed:
            found = vault_keys.with_rotation_policy(vault, found, label)
        return VaultContents((found,), ())
    try:
        deleted = vault_keys.read_deleted(vault, name, label)
    except AzureError as error:
        if error.status != FORBIDDEN:
            raise
        # An answer about the permission, not about the key.
        return VaultContents((), None, {"deleted_keys": error.reason})
    return VaultContents((), () if deleted is None else (deleted,))
