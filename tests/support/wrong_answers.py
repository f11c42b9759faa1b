# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that are not what a service's contract has, from good ones: every part of another type, or missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
# A refusal by Resource Manager or Graph, in their form (Azure contract §1.1).
REFUSAL = json.dumps({"error": {"code": "Forbidden", "message": "no"}})
_HTML = b"<html><body>Please sign in</body></html>"
# What takes the place of a part: one value of each type of JSON.
_VALUES: tuple[Any, ...] = (None, 7, True, "text", [], {}, ["text"], {"text": "text"})
_REMOVED = object()


@dataclass(frozen=True)
class Wrong:
    """One way in which an answer is wrong. ``is_typed``: whether a part has another type, null and absence apart."""

    what: str
    path: Path | None
    value: Any
    is_typed: bool

    def body(self, good: bytes) -> bytes:
        """The wrong answer. A good one without that part stays as it is."""
        if self.path is None:
            return good[: len(good) // 2] if self.value is _REMOVED else bytes(self.value)
        try:
            found = json.loads(good)
            holder = _at(found, self.path[:-1])
            _at(holder, self.path[-1:])
        except (ValueError, LookupError, TypeError):
            return good
        if self.value is _REMOVED:
            del holder[self.path[-1]]
        else:
            holder[self.path[-1]] = self.value
        return json.dumps(found).encode()


def wrong_answers(good: bytes) -> Iterator[Wrong]:
    """Every wrong answer that follows from this one: of a list, the first element stands for all."""
    try:
        found = json.loads(good)
    except ValueError:
        return
    yield Wrong("truncated", None, _REMOVED, True)
    yield Wrong("HTML", None, _HTML, True)
    for value in _VALUES:
        yield Wrong(f"{value!r}", None, json.dumps(value).encode(), not isinstance(value, (dict, type(None))))
    for path in _paths(found):
        name, old = ".".join(map(str, path)), _at(found, path)
        yield Wrong(f"without {name}", path, _REMOVED, False)
        for value in _VALUES:
            typed = value is not None and old is not None and type(value) is not type(old)
            yield Wrong(f"{name} is {value!r}", path, value, typed)


def _paths(found: Any) -> Iterator[Path]:
    """The places of all members, and of the parts of a batch."""
    if isinstance(found, dict):
        for name, value in found.items():
            yield (name,)
            elements = enumerate(value) if name == "responses" and isinstance(value, list) else [(0, value)]
            if isinstance(value, list) and value:
                for index, element in elements if name == "responses" else [(0, value[0])]:
                    yield (name, index)
                    yield from ((name, index, *rest) for rest in _paths(element))
            else:
                yield from ((name, *rest) for rest in _paths(value))


def _at(found: Any, path: Path) -> Any:
    for step in path:
        found = found[step]
    return found
