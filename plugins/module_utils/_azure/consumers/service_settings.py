# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads the properties of a resource as those of a consumer of keys (Azure contract §1.10). Pure.

How a service follows new versions is known of the types in ``consumer_records.SERVICES`` and :data:`_SWITCHES`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..._names import name_key, same_name
from ..._timestamps import parse_iso_or_none
from .consumer_records import DISKS, STORAGE, Consumer, Mention, type_of
from .key_references import Host, Reference, references, versions_of

_PREVIOUS = "previouskeys"
# Resource type -> where its properties say whether it follows new versions: objects, and the member of the last one.
_SWITCHES = {
    "microsoft.sql/servers/databases": ("encryptionProtectorAutoRotation",),
    "microsoft.containerregistry/registries": ("encryption", "keyVaultProperties", "keyRotationEnabled"),
}


def consumers_of(resource_id: str, properties: Any, host: Host, read_from: str) -> Iterator[Consumer | Mention]:
    """What a resource uses of the keys of a vault: one consumer for each key."""
    found = references(properties, host)
    unclear = tuple(dict.fromkeys(_shown(one.path) for one in found if not one.name))
    if unclear:
        yield Mention(resource_id, unclear)
    for key in dict.fromkeys(one.name for one in found if one.name):
        named = [one for one in found if one.name == key]
        consumer = replace(_consumer(resource_id, key, named), read_from=read_from)
        kind = type_of(resource_id)
        if same_name(kind, STORAGE):
            consumer = _of_storage(consumer, properties)
        elif same_name(kind, DISKS):
            consumer = _of_disks(consumer, properties)
        elif name_key(kind) in _SWITCHES:
            consumer = replace(consumer, follows=_switch(properties, _SWITCHES[name_key(kind)]))
        yield consumer


def _consumer(resource_id: str, key: str, named: list[Reference]) -> Consumer:
    previous = [one for one in named if name_key(one.path[:1] and one.path[0]) == _PREVIOUS]
    current = versions_of([one for one in named if one not in previous])
    return Consumer(
        resource_id,
        key,
        versions=current,
        previous_versions=tuple(one for one in versions_of(previous) if one not in current),
        properties=tuple(dict.fromkeys(_shown(one.path) for one in named)),
    )


def _of_storage(consumer: Consumer, properties: Any) -> Consumer:
    """An account follows new versions if its settings name none."""
    settings = _member(_member(properties, "encryption"), "keyvaultproperties")
    if not same_name(_text(settings, "keyname"), consumer.key):
        return consumer
    return replace(
        consumer,
        follows=not _text(settings, "keyversion"),
        last_rotation=parse_iso_or_none(_text(settings, "lastKeyRotationTimestamp")),
    )


def _of_disks(consumer: Consumer, properties: Any) -> Consumer:
    """The key of a disk encryption set is always named with its version; a setting says whether it is replaced."""
    failure = _member(properties, "autoKeyRotationError")
    words = [text for text in (_text(failure, "code"), _text(failure, "message")) if text]
    return replace(
        consumer,
        follows=_member(properties, "rotationToLatestKeyVersionEnabled") is True,
        last_rotation=parse_iso_or_none(_text(properties, "lastKeyRotationTimestamp")),
        problem=": ".join(words) or None,
    )


def _switch(properties: Any, path: tuple[str, ...]) -> bool | None:
    """What a setting says; None if it is not set."""
    found = properties
    for name in path:
        found = _member(found, name)
    return found if isinstance(found, bool) else None


def _member(value: Any, name: str) -> Any:
    """A member of an object, whatever the letter case of its name; None for none."""
    if not isinstance(value, Mapping):
        return None
    return next((one for member, one in value.items() if same_name(member, name)), None)


def _text(value: Any, name: str) -> str:
    found = _member(value, name)
    return found.strip() if isinstance(found, str) else ""


def _shown(path: tuple[str, ...]) -> str:
    return ".".join(("properties", *path))
