# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads from the services themselves what Azure Resource Graph does not have, or has late (Azure contract §1.10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from ..._names import name_key, same_name
from ..._rest.pages import tells_trouble
from ..._rest.statuses import NOT_FOUND
from ..authorization.role_assignments import callers_permissions
from ..rights.facts import PermissionSet
from ..rights.roles import covers
from ..wire.channel import Channel
from ..wire.errors import AzureError
from ..wire.meanings import NOT_REGISTERED, meaning_of
from ..wire.optional_reads import Unread, optional
from .consumer_records import ALL, DISKS, PART, SERVICE, SQL_INSTANCE, SQL_SERVER, STORAGE, UNKNOWN, Consumer, type_of
from .key_references import Host, Reference, references, versions_of

T = TypeVar("T")

_API: Mapping[str, Mapping[str, str]] = {
    STORAGE: {"api-version": "2023-05-01"},
    DISKS: {"api-version": "2024-03-02"},
    SQL_SERVER: {"api-version": "2023-08-01"},
    SQL_INSTANCE: {"api-version": "2023-08-01"},
}
# Resource type -> what its resources are called in `not_read`.
_PLURALS = {
    STORAGE: "storage_accounts",
    DISKS: "disk_encryption_sets",
    SQL_SERVER: "sql_servers",
    SQL_INSTANCE: "sql_managed_instances",
}
_READ = "*/read"
# After so many failures of Azure in a row, nothing more is requested: each of them takes the time of its repetitions.
_MOST_FAILURES = 3


@dataclass
class Reader:
    """Resource Manager, within a number of requests. A list is one request, however many pages it has."""

    arm: Channel
    host: Host
    requests: int
    _failures: dict[str, list[str]] = field(default_factory=dict)
    _in_a_row: int = 0

    @property
    def unread(self) -> dict[str, str]:
        """What was not read, and why."""
        return {
            what: reasons[0] + (f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else "")
            for what, reasons in self._failures.items()
        }

    def note(self, what: str, reason: str) -> None:
        self._failures.setdefault(what, []).append(reason)

    def access(self, subscription_id: str) -> str:
        """What the operator can read in a subscription. Deny assignments and conditions are not considered."""
        scope = f"/subscriptions/{subscription_id}"
        held = self._optional("permissions", scope, lambda: callers_permissions(self.arm, scope))
        if held is None:
            return UNKNOWN
        return ALL if any(map(_reads_everything, held)) else PART

    def listed(self, kind: str, subscription_id: str) -> list[Mapping[str, Any]] | None:
        """The resources of a type in a subscription, as their service shows them; None if they cannot be read."""
        place = f"subscription {subscription_id}"
        path = f"/subscriptions/{subscription_id}/providers/{kind}"
        return self._optional(_PLURALS[kind], place, lambda: self._list(path, f"{kind} of {place}", kind))

    def _list(self, path: str, obj: str, kind: str) -> list[Mapping[str, Any]]:
        try:
            return list(self.arm.pages(path, obj=obj, query=_API[kind]))
        except AzureError as error:
            # A subscription that never used a service has none of its resources.
            if meaning_of(error.code) is meaning_of(NOT_REGISTERED):
                return []
            raise

    def sql_consumers(self, server_id: str) -> list[Consumer] | None:
        """What an SQL server or managed instance uses of the vault; None if that cannot be read."""
        kind = next(one for one in (SQL_SERVER, SQL_INSTANCE) if same_name(one, type_of(server_id)))
        return self._optional(_PLURALS[kind], server_id, partial(self._of_server, server_id, _API[kind]), most=2)

    def _of_server(self, server_id: str, api: Mapping[str, str]) -> list[Consumer]:
        try:
            held = list(self.arm.pages(f"{server_id}/keys", obj=f"keys of {server_id}", query=api))
        except AzureError as error:
            # Azure Resource Graph shows a deleted server for some minutes.
            if error.status == NOT_FOUND:
                return []
            raise
        added = [found for one in held for found in self._named(one["properties"])]
        # Microsoft's own key is in each list: an empty one proves nothing.
        if held and not added:
            return []
        self.requests -= 1
        path = f"{server_id}/encryptionProtector/current"
        protector = self.arm.get(path, obj=f"encryption protector of {server_id}", query=api)["properties"]
        in_use = self._named(protector)
        follows = protector.get("autoRotationEnabled") is True
        return [
            _sql_consumer(server_id, key, _of_key(in_use, key), _of_key(added, key), follows)
            for key in dict.fromkeys(one.name for one in (*in_use, *added))
        ]

    def _named(self, properties: Mapping[str, Any]) -> tuple[Reference, ...]:
        """The key of a protector, or of an entry in the list of keys: by its address, without one by its name."""
        uri = properties.get("uri")
        if uri:
            return references({"uri": uri}, self.host)
        # <vault>_<key>_<version>; none of them contains an underscore.
        store, *rest = str(properties.get("serverKeyName") or "").split("_")
        if not rest or not same_name(store, self.host.store):
            return ()
        return (Reference(name_key(rest[0]), name_key(rest[1]) if len(rest) > 1 else None, ()),)

    def with_disks(self, consumer: Consumer) -> Consumer:
        """A disk encryption set, and how many resources use it."""
        path, obj = f"{consumer.resource_id}/associatedResources", f"resources of {consumer.resource_id}"
        found = self._optional("disks", consumer.resource_id, lambda: self._list(path, obj, DISKS))
        return consumer if found is None else replace(consumer, disks=len(found))

    def _optional(self, what: str, place: str, read: Callable[[], T], *, most: int = 1) -> T | None:
        """What is read; None if Azure refuses it, or no requests are left. ``most``: the requests that it may take."""
        if self.requests < most:
            self.note(what, "more requests are needed than max_requests permits")
            return None
        if self._in_a_row >= _MOST_FAILURES:
            self.note(what, "Azure did not answer several requests in a row")
            return None
        self.requests -= 1
        found = optional(read)
        if isinstance(found, Unread):
            # Everything else is an answer about this one object.
            self._in_a_row = self._in_a_row + 1 if found.status is None or tells_trouble(found.status) else 0
            self.note(what, f"{place}: {found.why}")
            return None
        self._in_a_row = 0
        return found


def _sql_consumer(server_id: str, key: str, in_use: list[Reference], added: list[Reference], follows: bool) -> Consumer:
    current = versions_of(in_use)
    return Consumer(
        server_id,
        key,
        versions=current,
        # Backups and logs need the keys that protected the databases before.
        previous_versions=tuple(one for one in versions_of(added) if one not in current),
        follows=follows if in_use else None,
        properties=("encryptionProtector",) if in_use else ("keys",),
        read_from=SERVICE,
    )


def _of_key(found: tuple[Reference, ...] | list[Reference], key: str) -> list[Reference]:
    return [one for one in found if one.name == key]


def _reads_everything(held: PermissionSet) -> bool:
    """Whether a role includes reading everything, and excludes no reads."""
    excluded = [one for one in held.not_actions if one.rpartition("/")[2] == "*" or name_key(one).endswith("/read")]
    return not excluded and covers((held,), _READ, data=False)
