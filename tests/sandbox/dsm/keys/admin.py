# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security objects put straight into the world, as an administrator or an operation of DSM leaves them behind."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from ...clock import Clock
from ...custody.public_keys import AZURE_CURVES, DSM_CURVES, random_ec, random_rsa, spki_of
from ...profiles import Profile
from ..values import Group, SecurityObject, new_id

if TYPE_CHECKING:
    from ..state import Account

_OPERATIONS = {
    "RSA": ["SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY"],
    "EC": ["SIGN", "VERIFY"],
    "AES": ["ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY"],
}
_DAY = 86400


class KeyAdmin:
    """What DSM's state offers for security objects."""

    clock: Clock
    accounts: dict[str, Account]

    def group(self, group_id: str) -> Group | None:
        raise NotImplementedError

    def add_key(
        self,
        group_id: str,
        name: str | None = None,
        obj_type: str = "AES",
        key_size: int | None = 256,
        *,
        days_ago: float = 0.0,
        **fields: Any,
    ) -> SecurityObject:
        """Put a security object straight into a group. `fields` are members of SecurityObject."""
        group = self.group(group_id)
        if group is None:
            raise KeyError(group_id)
        kid = new_id()
        stamp = self.clock.dsm_stamp_of(self.clock.now() - days_ago * _DAY)
        fields.setdefault("creator", {"app": new_id()})
        key = SecurityObject(
            kid, group.acct_id, group_id, name or f"key-{kid}", obj_type, stamp, key_size=key_size, **fields
        )
        self.accounts[group.acct_id].keys.add(key)
        return key

    def keys_in(self, group_id: str) -> list[SecurityObject]:
        group = self.group(group_id)
        return self.accounts[group.acct_id].keys.in_group(group_id) if group else []

    def security_object(self, kid: str) -> SecurityObject:
        """The object of that id in whatever account."""
        return next(found for account in self.accounts.values() if (found := account.keys.get(kid)))

    # Sources -------------------------------------------------------------------------------------------------------

    def add_source_key(
        self,
        group_id: str,
        name: str,
        obj_type: str = "RSA",
        size: int = 2048,
        curve: str = "P-256",
        *,
        exportable: bool = True,
        **fields: Any,
    ) -> SecurityObject:
        """A key that DSM generated, with a public key of its own: the source of copies if it is `exportable`."""
        operations = [*_OPERATIONS[obj_type], *(["EXPORT"] if exportable else []), "APPMANAGEABLE"]
        material = {"RSA": lambda: random_rsa(size), "EC": lambda: random_ec(curve)}.get(obj_type)
        made: dict[str, Any] = {
            "key_ops": operations,
            "original_key_ops": list(operations),
            "pub_key": spki_of(material()) if material else None,
            "elliptic_curve": DSM_CURVES[curve] if obj_type == "EC" else None,
            "export_policy": {"$type": "Unrestricted", "allow_weakening": True},
            "never_exportable": not exportable,
            "key_creation_method": {"method": "Generate"},
        }
        return self.add_key(group_id, name, obj_type, None if obj_type == "EC" else size, **made | fields)

    def add_scratch_key(self, group_id: str, name: str, wrapping_kid: str, **fields: Any) -> SecurityObject:
        """An AES key that only one other key may wrap."""
        policy = {
            "$type": "Wrapped",
            "by": {"$type": "Only", "keys": [wrapping_kid]},
            "allow_weakening": False,
        }
        made: dict[str, Any] = {"export_policy": policy, "never_exportable": False}
        return self.add_source_key(group_id, name, "AES", 256, **made | fields)

    def rekey(self, kid: str, *, days_ago: float = 0.0, **fields: Any) -> SecurityObject:
        """Rotate: another object of the same kind takes the name, the old one is renamed, and both are linked."""
        old = self.security_object(kid)
        name = self.set_aside(old, days_ago=days_ago)
        kept: dict[str, Any] = {
            "key_ops": list(old.key_ops),
            "rotation_policy": old.rotation_policy,
            "description": old.description,
        }
        curve = AZURE_CURVES.get(old.elliptic_curve or "", "P-256")
        new = self.add_source_key(
            old.group_id, name, old.obj_type, old.key_size or 0, curve, days_ago=days_ago, **kept | fields
        )
        self.link_rotation(old, new)
        return new

    def set_aside(self, old: SecurityObject, *, days_ago: float = 0.0) -> str:
        """Rename an object that is about to be replaced; the name that is free now."""
        name, when = old.name, self.clock.dsm_stamp_of(self.clock.now() - days_ago * _DAY)
        keys = self.accounts[old.acct_id].keys
        renamed = f"{name} (rotated at {when})"
        keys.rename(old, renamed if keys.named(renamed) is None else f"{renamed} {new_id()}")
        return name

    @staticmethod
    def link_copy(source: SecurityObject, copy: SecurityObject) -> None:
        copy.links["copiedFrom"] = source.kid
        source.links.setdefault("copiedTo", []).append(copy.kid)

    @staticmethod
    def link_rotation(old: SecurityObject, new: SecurityObject) -> None:
        old.links["replacement"] = new.kid
        new.links["replaced"] = old.kid

    # Virtual keys --------------------------------------------------------------------------------------------------

    def add_virtual_key(
        self, group_id: str, azure_name: str, version: str, name: str | None = None, **fields: Any
    ) -> SecurityObject:
        """A record of one version of a key in the group's vault, as operations of DSM and not scans make it."""
        metadata = {"azure-key-name": azure_name, "azure-key-state": "created", **fields.pop("custom_metadata", {})}
        made: dict[str, Any] = {
            "origin": "External",
            "external": {
                "hsm_group_id": group_id,
                "id": {"version": str(uuid.UUID(hex=version)), "label": azure_name},
            },
            "custom_metadata": metadata,
            "made_by_dsm": True,
        }
        return self.add_key(group_id, name or azure_name, **made | fields)

    def mark(self, record: SecurityObject, word: str, profile: Profile) -> None:
        """Let virtual keys tell what DSM has done to the whole key in Azure: which ones, and when, is not public.

        `word` is what `azure-key-state` becomes: `created`, `deleted` or `purged` (Q52, Q60).
        """
        if profile.state_after_delete == "after_scan":
            return
        for sibling in self.versions_of(record):
            if sibling is record or profile.siblings_after_delete == "all":
                if word == "deleted":
                    sibling.enabled_before = sibling.enabled
                sibling.custom_metadata["azure-key-state"] = word
                sibling.enabled = sibling.enabled_before if word == "created" else False

    def versions_of(self, record: SecurityObject) -> list[SecurityObject]:
        """The virtual keys of the same key in Azure; its names compare without case."""
        assert record.external is not None
        label = record.external["id"]["label"].lower()
        keys = self.keys_in(record.group_id)
        return [key for key in keys if key.external and key.external["id"]["label"].lower() == label]
