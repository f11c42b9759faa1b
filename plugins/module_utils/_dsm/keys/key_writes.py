# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The requests that create and change a virtual key (DSM contract §4.6). No I/O.

Key material is in none of them: DSM transfers it to Azure itself, or Azure generates it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..._timestamps import compact
from ..account.approval_requests import GuardedOperation
from ..wire import routes
from .key_records import HARDWARE, ORIGIN_ENTRY, DsmKey


@dataclass(frozen=True)
class NewKey:
    """A key to create, in DSM's terms.

    Attributes:
        name: in DSM.
        azure_name: in the vault.
        group_id: of the group with the link.
        label: for messages.
        origin: what is recorded about its origin.
        hardware: whether Azure is asked for protection by an HSM, in a Premium vault.
        operations: DSM's names; None if DSM decides.
        enabled, not_before, expires: None for DSM's defaults.
        valid_days: what ``expires`` was computed from, if it depends on the time of the run.
        kids: IDs of the records that the key has already.
    """

    name: str
    azure_name: str
    group_id: str
    label: str
    origin: str
    hardware: bool = False
    operations: tuple[str, ...] | None = None
    enabled: bool | None = None
    not_before: datetime | None = None
    expires: datetime | None = None
    valid_days: int | None = None
    kids: frozenset[str] = frozenset()

    def body(self) -> dict[str, Any]:
        metadata = {"azure-key-name": self.azure_name, ORIGIN_ENTRY: self.origin}
        if self.hardware:
            metadata["azure-key-type"] = HARDWARE
        return {
            "name": self.name,
            "group_id": self.group_id,
            "custom_metadata": metadata,
            **_attributes(self.operations, self.enabled, self.not_before, self.expires),
        }


def copy_of(new: NewKey, source_kid: str) -> GuardedOperation:
    """A copy of a key in DSM. DSM imports the material of the source into the vault."""
    body = {"key": {"kid": source_kid}, **new.body()}
    return _creation(routes.KEYS_COPY, new, "copy of a key", body)


def generation(new: NewKey, kind: str, size: int | None, curve: str | None) -> GuardedOperation:
    """A key that Azure generates. ``curve``: DSM's name."""
    form: dict[str, Any] = {"obj_type": kind}
    if size is not None:
        form["key_size"] = size
    if curve is not None:
        form["elliptic_curve"] = curve
    body = {**new.body(), **form}
    return _creation(routes.KEYS, new, "new key, generated in Azure", body)


def _creation(route: str, new: NewKey, summary: str, body: Mapping[str, Any]) -> GuardedOperation:
    return GuardedOperation(
        "POST",
        route,
        new.label,
        summary,
        body=body,
        name=new.name,
        vault_key=(new.group_id, new.azure_name),
        kids=new.kids,
        undated={} if new.valid_days is None else {"deactivation_date": f"{new.valid_days} days"},
    )


def update(
    current: DsmKey,
    label: str,
    *,
    records: Iterable[DsmKey] = (),
    operations: tuple[str, ...] | None = None,
    enabled: bool | None = None,
    not_before: datetime | None = None,
    expires: datetime | None = None,
) -> GuardedOperation:
    """A change of the members that are set. DSM does not change omitted ones. ``records``: all of the key."""
    body = _attributes(operations, enabled, not_before, expires)
    return on_record(
        "PATCH", routes.KEY, current, records, label, f"change of {', '.join(sorted(body))}", body, shown(current, body)
    )


def on_record(
    method: str,
    route: str,
    current: DsmKey,
    records: Iterable[DsmKey],
    label: str,
    summary: str,
    body: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
) -> GuardedOperation:
    """An operation on an existing key, by the path of a record.

    Args:
        current: the record.
        records: all of the key, so that requests for its other versions are seen.
        before: what the operation replaces, as :attr:`GuardedOperation.before`.
    """
    kids = {current.key.kid, *(one.key.kid for one in records)}
    azure_name, group_id = current.key.azure_name, current.group_id
    return GuardedOperation(
        method,
        route,
        label,
        summary,
        path={"kid": current.key.kid},
        body=body,
        name=current.key.name or None,
        vault_key=None if azure_name is None or group_id is None else (group_id, azure_name),
        kids=frozenset(kids),
        before=before or {},
    )


def shown(stored: DsmKey, names: Iterable[str]) -> dict[str, Any]:
    """These members of a change as the key has them, in the form of a change."""
    members = {
        "key_ops": sorted(stored.operations),
        "enabled": stored.key.enabled,
        "activation_date": None if stored.activates is None else compact(stored.activates),
        "deactivation_date": None if stored.expires is None else compact(stored.expires),
    }
    return {name: members[name] for name in names}


def _attributes(
    operations: tuple[str, ...] | None, enabled: bool | None, not_before: datetime | None, expires: datetime | None
) -> dict[str, Any]:
    members = {
        "key_ops": None if operations is None else sorted(operations),
        "enabled": enabled,
        "activation_date": None if not_before is None else compact(not_before),
        "deactivation_date": None if expires is None else compact(expires),
    }
    return {name: value for name, value in members.items() if value is not None}
