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
from .rotation_policies import RotationPolicy


@dataclass(frozen=True)
class Attributes:
    """Attributes of a key to send, in DSM's terms; None for those that are not.

    ``operations``: DSM's names. ``metadata``: all entries of the user.
    """

    operations: tuple[str, ...] | None = None
    enabled: bool | None = None
    not_before: datetime | None = None
    expires: datetime | None = None
    description: str | None = None
    metadata: Mapping[str, str] | None = None
    rotation_policy: RotationPolicy | None = None

    def body(self, rotation: Mapping[str, Any]) -> dict[str, Any]:
        """Without the metadata. ``rotation``: the stored rotation policy."""
        members = {
            "key_ops": None if self.operations is None else sorted(self.operations),
            "enabled": self.enabled,
            "activation_date": None if self.not_before is None else compact(self.not_before),
            "deactivation_date": None if self.expires is None else compact(self.expires),
            "description": self.description,
            "rotation_policy": None if self.rotation_policy is None else self.rotation_policy.body(rotation),
        }
        return {name: value for name, value in members.items() if value is not None}


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
        attributes: None for DSM's defaults.
        valid_days: what its expiry was computed from, if it depends on the time of the run.
        kids: IDs of the records that the key has already.
    """

    name: str
    azure_name: str
    group_id: str
    label: str
    origin: str
    hardware: bool = False
    attributes: Attributes = Attributes()
    valid_days: int | None = None
    kids: frozenset[str] = frozenset()

    def body(self) -> dict[str, Any]:
        metadata = {"azure-key-name": self.azure_name, ORIGIN_ENTRY: self.origin}
        if self.hardware:
            metadata["azure-key-type"] = HARDWARE
        return {
            "name": self.name,
            "group_id": self.group_id,
            **self.attributes.body({}),
            "custom_metadata": {**(self.attributes.metadata or {}), **metadata},
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


def update(current: DsmKey, label: str, attributes: Attributes, *, records: Iterable[DsmKey] = ()) -> GuardedOperation:
    """A change of the attributes that are set. DSM does not change omitted ones. ``records``: all of the key.

    Whether entries of the metadata that are omitted stay is not public (DSM contract §7, Q58): all are sent, with those
    that are not the user's.
    """
    body = attributes.body(current.rotation)
    if attributes.metadata is not None:
        kept = {name: value for name, value in current.metadata.items() if name not in current.own_metadata}
        body["custom_metadata"] = {**attributes.metadata, **kept}
    summary = f"change of {', '.join(sorted(body))}"
    return on_record("PATCH", routes.KEY, current, records, label, summary, body, shown(current, body))


def disabling(record: DsmKey, label: str) -> GuardedOperation:
    """The end of one version, which waits for nothing that is pending for another version of the key."""
    return GuardedOperation(
        "PATCH",
        routes.KEY,
        label,
        f"disabling of version {record.key.azure_version}",
        path={"kid": record.key.kid},
        body={"enabled": False},
        before={"enabled": True},
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
        "description": stored.description,
        "custom_metadata": dict(stored.metadata),
        "rotation_policy": dict(stored.rotation),
    }
    return {name: members[name] for name in names}
