# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The common request for security objects: what it may hold, judged as a whole (DSM contract §4.6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ...custody.public_keys import AZURE_CURVES
from ..context import require_uuid
from ..errors import DsmError, bad_request
from ..values import SecurityObject

OPERATIONS: dict[str, tuple[str, ...]] = {
    "RSA": ("SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY"),
    "EC": ("SIGN", "VERIFY", "AGREEKEY"),
    "AES": ("ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "DERIVEKEY", "MACGENERATE", "MACVERIFY"),
}
"""What is implemented for a type, and so enabled unless a request names operations."""
_FOR_ALL_TYPES = ("EXPORT", "APPMANAGEABLE", "HIGHVOLUME")
_SIZES = {"RSA": (1024, 2048, 3072, 4096, 8192), "AES": (128, 192, 256)}
_NAME = re.compile(r"[^\n]*[^\s\n][^\n]*")
_TIME = "%Y%m%dT%H%M%SZ"
_SERVERS_OWN = ("azure-key-state", "azure-backup")
"""Entries of the metadata that tell what DSM knows; what a request says of them does not count."""


@dataclass(frozen=True)
class KeyRequest:
    """A request whose members are well-formed; None is what it does not name."""

    name: str | None = None
    group_id: str | None = None
    obj_type: str | None = None
    key_size: int | None = None
    elliptic_curve: str | None = None
    key_ops: list[str] | None = None
    enabled: bool | None = None
    description: str | None = None
    activation_date: str | None = None
    deactivation_date: str | None = None
    state: str | None = None
    custom_metadata: dict[str, str] | None = None
    rotation_policy: dict[str, Any] | None = None
    export_policy: dict[str, Any] | None = None

    @property
    def azure_name(self) -> str:
        """Azure's name of the key. That it must be given is documented for copies only."""
        name = (self.custom_metadata or {}).get("azure-key-name")
        if not name:
            raise bad_request("custom_metadata.azure-key-name is missing")
        return name

    def needed(self, member: str) -> Any:
        value = getattr(self, member)
        if value is None:
            raise bad_request(f"{member} is missing")
        return value


def key_request(body: Mapping[str, Any]) -> KeyRequest:
    """The members of a body that are simulated, or 400. Unknown ones are ignored."""
    if body.get("value") is not None:
        raise bad_request("value is for the import of a security object only")
    if body.get("transient"):
        raise bad_request("Transient security objects are not simulated")
    nested = body.get("rsa")
    size = body.get("key_size", nested.get("key_size") if isinstance(nested, dict) else None)
    metadata = _typed(body, "custom_metadata", dict)
    if metadata is not None and not all(isinstance(value, str) for value in metadata.values()):
        raise bad_request("custom_metadata must map strings to strings")
    if metadata is not None and metadata.get("azure-key-type", "software").lower() not in ("software", "hardware"):
        raise bad_request("custom_metadata.azure-key-type must be software or hardware")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool)):
        raise bad_request("key_size must be a number")
    return KeyRequest(
        name=_name(body),
        group_id=None if body.get("group_id") is None else require_uuid(body["group_id"], "group_id"),
        obj_type=_typed(body, "obj_type", str),
        key_size=size,
        elliptic_curve=_typed(body, "elliptic_curve", str),
        key_ops=_operations(body),
        enabled=_typed(body, "enabled", bool),
        description=_typed(body, "description", str),
        activation_date=_time(body, "activation_date"),
        deactivation_date=_time(body, "deactivation_date"),
        state=_typed(body, "state", str),
        custom_metadata=None
        if metadata is None
        else {name: value for name, value in metadata.items() if name not in _SERVERS_OWN},
        rotation_policy=_rotation_policy(body),
        export_policy=_export_policy(body),
    )


def seconds_of(stamp: str) -> float:
    return datetime.strptime(stamp, _TIME).replace(tzinfo=UTC).timestamp()


def judge_type(wanted: KeyRequest) -> tuple[str, int, str]:
    """Type, size and curve of a key that is to be generated, or 400; size 0 where it is the curve that counts."""
    obj_type = wanted.needed("obj_type")
    if obj_type not in OPERATIONS:
        raise bad_request(f"Security objects of type {obj_type} cannot be generated here")
    if obj_type == "EC":
        curve = AZURE_CURVES.get(wanted.needed("elliptic_curve"))
        if curve is None:
            raise bad_request(f"The elliptic curve {wanted.elliptic_curve} is not supported")
        return obj_type, 0, curve
    size = wanted.needed("key_size")
    if size not in _SIZES[obj_type]:
        raise bad_request(f"Keys of type {obj_type} cannot have {size} bits")
    return obj_type, size, ""


def judge_operations(obj_type: str, operations: list[str]) -> None:
    foreign = [name for name in operations if name not in (*OPERATIONS[obj_type], *_FOR_ALL_TYPES)]
    if foreign:
        raise bad_request(f"Keys of type {obj_type} cannot have the operations {', '.join(foreign)}")


def judge_dates(wanted: KeyRequest, now: float, key: SecurityObject | None = None) -> None:
    """The dates of a key as they would be after the request, or 400."""
    begin = wanted.activation_date or (key.activation_date if key else None)
    end = wanted.deactivation_date or (key.deactivation_date if key else None)
    if wanted.deactivation_date and seconds_of(wanted.deactivation_date) <= now:
        raise bad_request("deactivation_date must be in the future")
    if begin and end and seconds_of(begin) >= seconds_of(end):
        raise bad_request("deactivation_date must be after activation_date")
    if wanted.activation_date and key and key.state != "PreActive" and wanted.activation_date != key.activation_date:
        raise bad_request("activation_date of an active security object cannot be changed")


def judge_export_policy(key: SecurityObject, wanted: dict[str, Any]) -> None:
    """A policy without `allow_weakening` can be made stricter only."""
    old = key.export_policy or {"$type": "Unrestricted", "allow_weakening": True}
    if old["allow_weakening"] or _is_as_strict(old, wanted):
        return
    raise bad_request("export_policy cannot be weakened")


def _is_as_strict(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if old["$type"] != "Wrapped":
        return True
    if new["$type"] != "Wrapped" or new["allow_weakening"]:
        return False
    if old["by"].get("$type") != "Only":
        return True
    return new["by"].get("$type") == "Only" and set(new["by"].get("keys", ())) <= set(old["by"].get("keys", ()))


# Members --------------------------------------------------------------------------------------------------------------


def _typed(body: Mapping[str, Any], member: str, kind: type) -> Any:
    value = body.get(member)
    if value is not None and not isinstance(value, kind):
        raise _malformed(member)
    return value


def _malformed(member: str) -> DsmError:
    return bad_request(f"{member} has not the expected form")


def _name(body: Mapping[str, Any]) -> str | None:
    name: str | None = _typed(body, "name", str)
    if name is not None and (len(name) > 4096 or not _NAME.fullmatch(name)):
        raise bad_request("name must have 1 to 4096 characters on one line and not be blank")
    return name


def _operations(body: Mapping[str, Any]) -> list[str] | None:
    operations = _typed(body, "key_ops", list)
    if operations is None:
        return None
    known = {
        *_FOR_ALL_TYPES,
        "TRANSFORM",
        "ENCAPSULATE",
        "DECAPSULATE",
        *(o for all_ in OPERATIONS.values() for o in all_),
    }
    unknown = [name for name in operations if not isinstance(name, str) or name not in known]
    if unknown:
        raise bad_request(f"key_ops has unknown members: {unknown}")
    return list(dict.fromkeys(operations))


def _time(body: Mapping[str, Any], member: str) -> str | None:
    value: str | None = _typed(body, member, str)
    if value is not None:
        try:
            datetime.strptime(value, _TIME)
        except ValueError as error:
            raise _malformed(member) from error
    return value


def _rotation_policy(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """An interval in days or in months; how a policy is removed is not public, so an empty one is none."""
    policy: dict[str, Any] | None = _typed(body, "rotation_policy", dict)
    if not policy:
        return policy
    given = [policy[name] for name in ("interval_days", "interval_months") if policy.get(name) is not None]
    if len(given) != 1 or not isinstance(given[0], int) or given[0] < 1:
        raise bad_request("rotation_policy takes one of interval_days and interval_months")
    if policy.get("effective_at") is not None:
        _time(policy, "effective_at")
    linked = policy.get("rotate_copied_keys")
    if linked is not None and linked != "all_external" and not (isinstance(linked, dict) and "select" in linked):
        raise _malformed("rotation_policy.rotate_copied_keys")
    return policy


def _export_policy(body: Mapping[str, Any]) -> dict[str, Any] | None:
    policy: dict[str, Any] | None = _typed(body, "export_policy", dict)
    if policy is None:
        return None
    wrapped = policy.get("$type") == "Wrapped"
    formed = isinstance(policy.get("allow_weakening"), bool) and (not wrapped or _names_keys(policy.get("by")))
    if policy.get("$type") not in ("Wrapped", "Unrestricted") or not formed:
        raise _malformed("export_policy")
    return policy


def _names_keys(by: object) -> bool:
    """Whether this says which keys may wrap: any, or those of a list."""
    if not isinstance(by, dict) or by.get("$type") not in ("Any", "Only"):
        return False
    keys = by.get("keys")
    return by["$type"] == "Any" or (isinstance(keys, list) and all(isinstance(kid, str) for kid in keys))
