# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The virtual keys of a group, and SYNC KEYS (DSM contract §3.3, §4.1, §4.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..._names import name_key, same_name
from ..account import approvals
from ..account.approval_requests import GuardedOperation
from ..account.approvals import Asking, WriteResult
from ..link.azure_link import Link
from ..link.handed_on import explained
from ..wire import routes
from ..wire.client import DsmClient
from ..wire.paging import PAGE, all_pages, foreign, items

_GONE = frozenset({"destroyed", "deleted"})


@dataclass(frozen=True)
class VirtualKey:
    """DSM's record of a key whose material is in Azure. ``azure_version``: 32 hex digits, as Azure writes it."""

    kid: str
    name: str
    azure_name: str | None
    azure_version: str | None
    state: str
    enabled: bool
    azure_state: str | None

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> VirtualKey:
        external = (stored.get("external") or {}).get("id") or {}
        metadata = stored.get("custom_metadata") or {}
        version = external.get("version")
        return cls(
            kid=str(stored["kid"]),
            name=str(stored.get("name") or ""),
            azure_name=external.get("label") or metadata.get("azure-key-name"),
            azure_version=name_key(version).replace("-", "") if version else None,
            state=str(stored.get("state") or "").lower(),
            enabled=bool(stored.get("enabled")),
            azure_state=str(metadata["azure-key-state"]).lower() if metadata.get("azure-key-state") else None,
        )

    @property
    def gone(self) -> bool:
        """Whether the key is deleted or destroyed, according to DSM or Azure."""
        return self.state in _GONE or self.azure_state in ("deleted", "purged")

    def record(self) -> dict[str, Any]:
        return {
            "kid": self.kid,
            "name": self.name,
            "azure_key_name": self.azure_name,
            "azure_key_version": self.azure_version,
            "azure_key_state": self.azure_state,
            "state": self.state,
            "enabled": self.enabled,
        }


@dataclass(frozen=True)
class KeyChanges:
    """What a sync changed, each list sorted by name."""

    new: tuple[VirtualKey, ...]
    updated: tuple[VirtualKey, ...]
    vanished: tuple[VirtualKey, ...]

    def __bool__(self) -> bool:
        return bool(self.new or self.updated or self.vanished)


def list_keys(dsm: DsmClient, group_id: str, label: str) -> Iterator[VirtualKey]:
    """All keys of the group, with deleted and destroyed ones, page by page."""
    return map(VirtualKey.from_stored, stored_keys(dsm, group_id, label))


def stored_keys(dsm: DsmClient, group_id: str, label: str, *, public_keys: bool = False) -> Iterator[Mapping[str, Any]]:
    """The same keys as DSM returns them. ``public_keys``: with their public halves, where DSM has them."""

    def page(offset: int) -> list[dict[str, Any]]:
        query = {
            "group_id": group_id,
            "limit": PAGE,
            "offset": offset,
            "sort": "kid:asc",
            "show_destroyed": "true",
            "show_deleted": "true",
            **({"show_pub_key": "true"} if public_keys else {}),
        }
        found = items(dsm.call("GET", routes.KEYS, query=query, obj=f"keys of {label}"), "keys")
        if any(one.get("group_id") is not None and not same_name(one["group_id"], group_id) for one in found):
            raise foreign("the response contains keys of another group", f"keys of {label}")
        return found

    return all_pages(page, "kid", f"keys of {label}")


@dataclass(frozen=True)
class SyncedGroup:
    """The group whose keys are synced. ``link``: for the diagnosis of a failure in Azure."""

    group_id: str
    label: str
    link: Link | None


def scan(dsm: DsmClient, group: SyncedGroup, timeout: float, asking: Asking) -> WriteResult:
    """SYNC KEYS. Synchronous: it takes longer for larger vaults. The response has the new keys."""
    path = {"group_id": group.group_id}
    operation = GuardedOperation(
        "POST", routes.SCAN, group.label, "sync of the keys", path=path, body={}, timeout=timeout
    )
    with explained("sync the keys", group.link):
        return approvals.carry_out(dsm, operation, asking)


def compare(
    before: Iterator[VirtualKey] | list[VirtualKey], after: Iterator[VirtualKey] | list[VirtualKey]
) -> KeyChanges:
    """The changes between two lists of one group. A key that became deleted or destroyed counts as vanished."""
    old = {key.kid: key for key in before}
    new = {key.kid: key for key in after}
    both = [(old[kid], new[kid]) for kid in old.keys() & new.keys() if old[kid] != new[kid]]
    vanished = [old[kid] for kid in old.keys() - new.keys()] + [now for was, now in both if now.gone and not was.gone]
    return KeyChanges(
        new=_sorted([new[kid] for kid in new.keys() - old.keys()]),
        updated=_sorted([now for was, now in both if was.gone or not now.gone]),
        vanished=_sorted(vanished),
    )


def _sorted(keys: list[VirtualKey]) -> tuple[VirtualKey, ...]:
    return tuple(sorted(keys, key=lambda key: (key.name, key.kid)))
