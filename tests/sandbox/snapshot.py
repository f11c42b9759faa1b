# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the simulated services, remembered and put back in place.

Servers, indexes and histories keep references to parts of the state. So nothing is copied: each object that can change
gets back the contents that it had, and stays the same object. Whatever was reachable at the snapshot is covered; what
came into being afterwards becomes unreachable. What cached properties have computed is derived, and stays.
"""

from __future__ import annotations

import itertools
import threading
import types
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from enum import Enum
from functools import cached_property, partial
from typing import Any

_PACKAGE = __name__.rpartition(".")[0]
_UNCHANGING = (
    str,
    bytes,
    int,
    float,
    complex,
    bool,
    type(None),
    type,
    date,
    timedelta,
    Enum,
    range,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    itertools.count,
    type(threading.Lock()),
)
# `typing`: an instance of a generic class refers to the class with its parameters.
_UNCHANGING_PACKAGES = ("cryptography", "ssl", "typing")


class Snapshot:
    """What can change below these roots, with its contents, and single members of objects that are not walked."""

    def __init__(self, roots: Iterable[Any], members: Iterable[tuple[Any, str]] = ()) -> None:
        self._restorers: list[Callable[[], None]] = []
        for owner, name in members:
            self._restorers.append(partial(setattr, owner, name, getattr(owner, name)))
        # The object itself is kept, so that its id is not given to another one while this exists.
        self._seen: dict[int, Any] = {}
        waiting = list(roots)
        while waiting:
            found = waiting.pop()
            if isinstance(found, _UNCHANGING) or id(found) in self._seen:
                continue
            self._seen[id(found)] = found
            waiting.extend(self._remember(found))

    def __len__(self) -> int:
        """How many objects are put back."""
        return len(self._restorers)

    def restore(self) -> None:
        """Put everything back. May be called any number of times."""
        for put_back in self._restorers:
            put_back()

    def _remember(self, found: Any) -> Iterable[Any]:
        """Keep the contents of one object; the objects in it."""
        if isinstance(found, dict):
            return self._remember_dict(found)
        if isinstance(found, list):
            items = list(found)
            self._restorers.append(lambda: found.__setitem__(slice(None), items))
            return items
        if isinstance(found, set):
            members = set(found)

            def put_back() -> None:
                found.clear()
                found.update(members)

            self._restorers.append(put_back)
            return members
        if isinstance(found, (tuple, frozenset)):
            return found
        if isinstance(found, types.MethodType):
            return (found.__self__,)
        if isinstance(found, types.MappingProxyType):
            return found.values()
        module = type(found).__module__
        if module.partition(".")[0] in _UNCHANGING_PACKAGES:
            return ()
        if module != _PACKAGE and not module.startswith(f"{_PACKAGE}."):
            raise TypeError(f"a snapshot does not know what to do with {type(found)!r}")
        return self._remember_instance(found)

    def _remember_dict(self, found: dict[Any, Any]) -> Iterable[Any]:
        contents = dict(found)

        def put_back() -> None:
            found.clear()
            found.update(contents)

        self._restorers.append(put_back)
        return (*contents, *contents.values())

    def _remember_instance(self, found: Any) -> Iterable[Any]:
        members = vars(found)
        contents = dict(members)
        parameters: Any = getattr(type(found), "__dataclass_params__", None)
        if parameters is None or not parameters.frozen:

            def put_back() -> None:
                derived = {
                    name: value
                    for name, value in members.items()
                    if name not in contents and isinstance(getattr(type(found), name, None), cached_property)
                }
                members.clear()
                members.update(contents | derived)

            self._restorers.append(put_back)
        return contents.values()
