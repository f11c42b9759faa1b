# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes over one account's groups and security objects."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from .values import Group, SecurityObject


class SortedNames:
    """Pairs of (sort value, id) in order; the place after a value is found by bisection."""

    def __init__(self) -> None:
        self._pairs: list[tuple[str, str]] = []

    def add(self, value: str, identity: str) -> None:
        insort(self._pairs, (value, identity))

    def remove(self, value: str, identity: str) -> None:
        del self._pairs[bisect_left(self._pairs, (value, identity))]

    def ids(self, descending: bool = False, after: str | None = None) -> Iterator[str]:
        """Ids in order, beginning behind the value `after`."""
        if descending:
            start = len(self._pairs) if after is None else bisect_left(self._pairs, (after, ""))
            return (self._pairs[place][1] for place in range(start - 1, -1, -1))
        start = 0 if after is None else bisect_left(self._pairs, (after, "\U0010ffff"))
        return (self._pairs[place][1] for place in range(start, len(self._pairs)))


class GroupIndex:
    """The groups of an account by id and by name; names are unique."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}
        self._names: dict[str, str] = {}
        self.by_id = SortedNames()
        self.by_name = SortedNames()

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def get(self, group_id: str) -> Group | None:
        return self._groups.get(group_id)

    def named(self, name: str) -> Group | None:
        return self._groups.get(self._names.get(name, ""))

    def add(self, group: Group) -> None:
        if group.name in self._names:
            raise ValueError(f"there is a group {group.name!r} already")
        self._groups[group.group_id] = group
        self._names[group.name] = group.group_id
        self.by_id.add(group.group_id, group.group_id)
        self.by_name.add(group.name, group.group_id)

    def remove(self, group: Group) -> None:
        del self._groups[group.group_id]
        del self._names[group.name]
        self.by_id.remove(group.group_id, group.group_id)
        self.by_name.remove(group.name, group.group_id)

    def rename(self, group: Group, name: str) -> None:
        self.remove(group)
        group.name = name
        self.add(group)


class KeyIndex:
    """The security objects of an account by id, by name and by group."""

    def __init__(self) -> None:
        self._keys: dict[str, SecurityObject] = {}
        self._names: dict[str, str] = {}
        self._sorted: dict[str | None, SortedNames] = {}
        self._groups: dict[str, dict[str, SecurityObject]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, kid: str) -> SecurityObject | None:
        return self._keys.get(kid)

    def named(self, name: str) -> SecurityObject | None:
        return self._keys.get(self._names.get(name, ""))

    def in_group(self, group_id: str) -> list[SecurityObject]:
        return list(self._groups.get(group_id, {}).values())

    def has_any(self, group_id: str) -> bool:
        return bool(self._groups.get(group_id))

    def ids(self, group_id: str | None, descending: bool = False, after: str | None = None) -> Iterator[str]:
        """Key ids in order, of one group or (None) of the account."""
        index = self._sorted.get(group_id)
        return index.ids(descending, after) if index else iter(())

    def add(self, key: SecurityObject) -> None:
        if key.name in self._names:
            raise ValueError(f"there is a security object {key.name!r} already")
        self._keys[key.kid] = key
        self._names[key.name] = key.kid
        self._groups.setdefault(key.group_id, {})[key.kid] = key
        for scope in (None, key.group_id):
            self._sorted.setdefault(scope, SortedNames()).add(key.kid, key.kid)

    def remove(self, key: SecurityObject) -> None:
        del self._keys[key.kid]
        del self._names[key.name]
        del self._groups[key.group_id][key.kid]
        for scope in (None, key.group_id):
            self._sorted[scope].remove(key.kid, key.kid)

    def rename(self, key: SecurityObject, name: str) -> None:
        self.remove(key)
        key.name = name
        self.add(key)

    def move(self, key: SecurityObject, group_id: str) -> None:
        self.remove(key)
        key.group_id = group_id
        self.add(key)
