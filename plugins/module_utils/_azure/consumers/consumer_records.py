# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Resources in Azure that use keys, and what a search for them has covered, as values. Pure.

A search that found nothing is never a proof that a key is not in use: :data:`BLIND_SPOTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..._names import name_key
from ..._timestamps import iso

STORAGE = "Microsoft.Storage/storageAccounts"
DISKS = "Microsoft.Compute/diskEncryptionSets"
SQL_SERVER = "Microsoft.Sql/servers"
SQL_INSTANCE = "Microsoft.Sql/managedInstances"
# Resource type -> value of `service`. Those that this collection reads from the services themselves.
SERVICES: Mapping[str, str] = {
    STORAGE: "storage_account",
    DISKS: "disk_encryption_set",
    SQL_SERVER: "sql_server",
    SQL_INSTANCE: "sql_managed_instance",
}
OTHER = "other"
# Value of `status`: there is none that says that a key is not in use.
FOUND, NONE_FOUND, UNKNOWN = "found", "none_found", "unknown"
# Value of `access`: what the operator can read in a subscription.
ALL, PART = "all", "part"
# Value of `read_from`.
RESOURCE_GRAPH, SERVICE = "resource_graph", "service"

_PROVIDERS = "/providers/"
_LAGS = "Azure Resource Graph shows new and changed resources some minutes late"
_LAG = {
    False: f"{_LAGS}; read_services reads storage accounts, disk encryption sets and SQL servers from the services.",
    True: f"{_LAGS}. This does not affect storage accounts, disk encryption sets and SQL servers, which were read from "
    "the services.",
}
# What no search covers, whatever it has found.
BLIND_SPOTS = (
    "Other tenants, subscriptions that the operator cannot read, and resources that a deny assignment or a condition "
    "hides. Azure omits them without a sign.",
    "Applications that call the vault themselves, client-side encryption, and SQL Always Encrypted. Only the audit log "
    "of the vault shows them.",
    "Data outside of resources, such as backups, SQL backups and logs, exported disks and signed documents. It needs "
    "the version with which it was protected, however old.",
    "What is not in the table of resources of Azure Resource Graph, such as encryption scopes of storage accounts and "
    "volume groups of Elastic SAN, and resources that name a key without the address of the vault.",
)


@dataclass(frozen=True)
class Consumer:
    """A resource and one key that it uses.

    ``key``: comparison key of its name. ``versions``: in use, or named by the resource; empty if it names none.
    ``previous_versions``: those that it still needs, or may need. ``follows``: whether it takes new versions by itself;
    None if that is not known. ``problem``: of its last rotation, in the words of the service. ``properties``: where it
    names the key. ``disks``: of a disk encryption set, None if not read.
    """

    resource_id: str
    key: str
    versions: tuple[str, ...] = ()
    previous_versions: tuple[str, ...] = ()
    follows: bool | None = None
    last_rotation: datetime | None = None
    problem: str | None = None
    properties: tuple[str, ...] = ()
    read_from: str = RESOURCE_GRAPH
    disks: int | None = None

    def record(self) -> dict[str, Any]:
        parts = segments_of(self.resource_id)
        return {
            "resource_id": self.resource_id,
            "name": self.resource_id.rpartition("/")[2],
            "type": type_of(self.resource_id),
            "service": service_of(type_of(self.resource_id)),
            "subscription_id": parts.get("subscriptions", ""),
            "resource_group": parts.get("resourcegroups"),
            "versions": list(self.versions),
            "previous_versions": list(self.previous_versions),
            "follows_new_versions": self.follows,
            "last_rotation": None if self.last_rotation is None else iso(self.last_rotation),
            "problem": self.problem,
            "properties": list(self.properties),
            "read_from": self.read_from,
            "disks": self.disks,
        }


@dataclass(frozen=True)
class Mention:
    """A resource that names the vault, but no key that is recognized."""

    resource_id: str
    properties: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        return {
            "resource_id": self.resource_id,
            "type": type_of(self.resource_id),
            "properties": list(self.properties),
        }


@dataclass(frozen=True)
class Subscription:
    """A subscription that was searched. ``access``: what of it the operator can read: all, a part, or unknown."""

    subscription_id: str
    name: str
    access: str = UNKNOWN

    def record(self) -> dict[str, Any]:
        return {"subscription_id": self.subscription_id, "name": self.name, "access": self.access}


@dataclass(frozen=True)
class ConsumerSearch:
    """What a search for the consumers of the keys of one vault has found, and what it has covered.

    ``requested``: the subscriptions that were to be searched, empty for all. ``unread``: what was not read, and why.
    ``read_services``: whether storage accounts, disk encryption sets and SQL servers are from the services themselves.
    """

    consumers: tuple[Consumer, ...]
    mentions: tuple[Mention, ...] = ()
    searched: tuple[Subscription, ...] = ()
    requested: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    read_services: bool = False

    @property
    def not_searched(self) -> tuple[str, ...]:
        """Requested subscriptions that Azure has omitted."""
        found = {one.subscription_id for one in self.searched}
        return tuple(one for one in self.requested if one not in found)

    @property
    def gaps(self) -> dict[str, str]:
        """What was to be covered and is not, and why."""
        found = dict(self.unread)
        if not self.searched:
            found.setdefault("subscriptions", "the operator cannot read any of the subscriptions")
        elif self.not_searched:
            found["subscriptions"] = f"the operator cannot read {', '.join(self.not_searched)}"
        partly = [one.subscription_id for one in self.searched if one.access == PART]
        unclear = [one.subscription_id for one in self.searched if one.access == UNKNOWN]
        reasons = [
            reason
            for ids, reason in (
                (partly, f"the operator cannot read everything in {', '.join(partly)}"),
                (unclear, f"it is unknown whether the operator can read everything in {', '.join(unclear)}"),
            )
            if ids
        ]
        if reasons:
            found["resources"] = "; ".join(reasons)
        if self.mentions:
            found["mentions"] = f"resources that name the vault, but no key that is recognized: {len(self.mentions)}"
        return found

    @property
    def is_complete(self) -> bool:
        """Whether everything that was to be covered is. The blind spots remain."""
        return not self.gaps

    @property
    def blind_spots(self) -> tuple[str, ...]:
        return (*BLIND_SPOTS, _LAG[self.read_services])

    @property
    def keys(self) -> tuple[str, ...]:
        """Comparison keys of the names of the keys that are in use."""
        return tuple(sorted({one.key for one in self.consumers}))

    def of(self, name: str) -> tuple[Consumer, ...]:
        key = name_key(name)
        return tuple(one for one in self.consumers if one.key == key)

    def status(self, name: str) -> str:
        """``none_found`` is no proof that the key is not in use; ``unknown``: nothing was found, and not all read."""
        if self.of(name):
            return FOUND
        return NONE_FOUND if self.is_complete else UNKNOWN


def segments_of(resource_id: str) -> dict[str, str]:
    """The names in a resource ID by the lower-case words before them."""
    parts = resource_id.strip("/").split("/")
    return {name_key(parts[index]): parts[index + 1] for index in range(0, len(parts) - 1, 2)}


def type_of(resource_id: str) -> str:
    """The type of a resource as its ID spells it: Azure Resource Graph returns types in lower case."""
    # Azure ignores letter case in IDs, also in this word.
    start = name_key(resource_id).rfind(_PROVIDERS)
    provider, *parts = resource_id[start + len(_PROVIDERS) if start >= 0 else 0 :].split("/")
    return "/".join([provider, *parts[::2]])


def service_of(resource_type: str) -> str:
    return next((service for kind, service in SERVICES.items() if name_key(kind) == name_key(resource_type)), OTHER)
