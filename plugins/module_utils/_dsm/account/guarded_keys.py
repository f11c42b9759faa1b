# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Which key an approval request would create or change (DSM contract §2.10, §4.6 to §4.8). No I/O.

One key of a vault has many paths in DSM: that of each of its records, which are its versions, and those where the body
names it. Whether DSM shows that body is not public.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..._ids import is_uuid
from ..._names import is_within, name_key, path_key
from ..wire import routes

# Below the path of all keys: what creates a key, and what finds the key to change by its name. All others are reads,
# uses of a key, or begin with the ID of a key.
_CREATIONS = frozenset({"", "copy", "persist", "components/import"})
_ROTATIONS = frozenset({"rekey", "replace"})


@dataclass(frozen=True)
class VaultKey:
    """One key of a vault, whatever operation is about it.

    Attributes:
        place: ID of the group and name in the vault, as comparison keys; None if DSM does not show them.
        kids: IDs of its records in DSM.
        name: in DSM.
    """

    place: tuple[str, str] | None
    kids: frozenset[str] = frozenset()
    name: str | None = None

    @property
    def mark(self) -> str | None:
        """What requests of this collection have in their descriptions."""
        return None if self.place is None else short_hash(self.place)


@dataclass(frozen=True)
class KeyChange:
    """What a request shows of the key that it would create or change.

    Attributes:
        kids, names: of keys in DSM.
        place: as in :class:`VaultKey`.
        creates: whether it creates a version of the key.
        shown: whether it shows the content that names the key.
        groups: IDs of groups that DSM names as its subjects.
    """

    kids: frozenset[str]
    names: frozenset[str]
    place: tuple[str, str] | None
    creates: bool
    shown: bool
    groups: frozenset[str]

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> KeyChange | None:
        """None if it changes no key."""
        below = _below_keys(stored["operation"])
        if below is None or str(stored["method"]).upper() == "GET":
            return None
        content = stored.get("body")
        body: Mapping[str, Any] = content if isinstance(content, dict) else {}
        subjects = [one for one in stored.get("subjects") or () if isinstance(one, dict)]
        groups = _named(subjects, "group")
        kid = below.partition("/")[0]
        if is_uuid(kid):
            return cls(frozenset({kid}), frozenset(), None, False, True, groups)
        if below in _CREATIONS:
            return cls(frozenset(), _text(body.get("name")), _place(body), True, bool(body), groups)
        if below not in _ROTATIONS:
            return None
        described = [body, *(body[one] for one in ("replaced", "replacement") if isinstance(body.get(one), dict))]
        names = frozenset().union(*(_text(one.get("name")) for one in described))
        kids = _named(described, "kid") | _named(subjects, "sobject")
        return cls(kids, names, _place(body), True, bool(body) or bool(kids), groups)

    def is_of(self, key: VaultKey) -> bool:
        """Whether it shows that it is about this key."""
        same_place = self.place is not None and self.place == key.place
        return same_place or bool(self.kids & set(map(name_key, key.kids))) or key.name in self.names

    def may_be_of(self, key: VaultKey) -> bool:
        """Whether it does not show which key it is about, and may be about this one."""
        return not self.shown and (key.place is None or not self.groups or key.place[0] in self.groups)


def short_hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def creates_version(operation: str) -> bool:
    """Whether a write to this path creates a key, or a version of one."""
    below = _below_keys(operation)
    return below is not None and (below in _CREATIONS or below in _ROTATIONS)


def place_of(group_id: object, name: object) -> tuple[str, str]:
    return name_key(group_id), name_key(name)


def _below_keys(operation: str) -> str | None:
    """The rest of the path after that of all keys; None if it is not below."""
    path, keys = path_key(operation), path_key(routes.KEYS)
    return path[len(keys) :].strip("/") if is_within(path, keys) else None


def _place(body: Mapping[str, Any]) -> tuple[str, str] | None:
    """Where a body creates a key. Without a name for the vault, DSM may take its own."""
    metadata = body.get("custom_metadata")
    name = metadata.get("azure-key-name") if isinstance(metadata, dict) else None
    found = name or body.get("name")
    return None if found is None or body.get("group_id") is None else place_of(body["group_id"], found)


def _named(found: Iterable[Mapping[str, Any]], member: str) -> frozenset[str]:
    values = [one.get(member) for one in found]
    return frozenset(name_key(value) for value in values if isinstance(value, str) and is_uuid(value))


def _text(name: object) -> frozenset[str]:
    return frozenset({name}) if isinstance(name, str) else frozenset()
