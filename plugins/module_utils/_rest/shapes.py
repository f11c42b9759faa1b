# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Shapes: checks of the types in an answer, built from small parts. Pure.

A shape gets a value and its place (``value[2].properties.vaultUri``), and yields one complaint for each part with a
wrong type. The services' own shapes are in ``_dsm/wire/shapes.py`` and ``_azure/wire/shapes.py``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

# Checks a value at a place, and yields what is wrong with it.
Shape = Callable[[Any, str], Iterator[str]]

_NAMES = (
    (bool, "a boolean"),
    (str, "text"),
    (int, "a number"),
    (float, "a number"),
    (list, "a list"),
    (dict, "an object"),
)


def from_json(content: bytes | str) -> Any:
    """The value of a body. Numbers that JSON has no form for, and that no result may contain, are not accepted.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deep.
    """
    return json.loads(content, parse_constant=_refuse, parse_float=_finite)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def text(value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield complaint(value, place, "text")


def number(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int):
        yield complaint(value, place, "a number")


def boolean(value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield complaint(value, place, "a boolean")


def anything(_value: Any, _place: str) -> Iterator[str]:
    return iter(())


def optional(shape: Shape) -> Shape:
    """The value may be absent or null."""

    def check(value: Any, place: str) -> Iterator[str]:
        return iter(()) if value is None else shape(value, place)

    return check


def record(**fields: Shape) -> Shape:
    """An object with at least these fields."""
    return members(fields)


def members(fields: dict[str, Shape]) -> Shape:
    """As :func:`record`, for names that are not identifiers."""

    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield complaint(value, place, "an object")
            return
        for name, shape in fields.items():
            yield from shape(value.get(name), f"{place}.{name}")

    return check


def map_of(shape: Shape) -> Shape:
    """An object whose keys are IDs."""

    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield complaint(value, place, "an object")
            return
        for name, item in value.items():
            yield from shape(item, f"{place}.{name}")

    return check


def list_of(shape: Shape) -> Shape:
    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield complaint(value, place, "a list")
            return
        for index, item in enumerate(value):
            yield from shape(item, f"{place}[{index}]")

    return check


def either(first: Shape, second: Shape) -> Shape:
    """A value that matches one of two shapes; the complaints are those of the first."""

    def check(value: Any, place: str) -> Iterator[str]:
        complaints = list(first(value, place))
        if complaints and any(True for _complaint_of_second in second(value, place)):
            yield from complaints

    return check


def complaint(value: Any, place: str, wanted: str) -> str:
    """The sentence about a value with a wrong type. ``wanted``: the required type, with its article."""
    found = (
        "missing or null" if value is None else next((n for t, n in _NAMES if isinstance(value, t)), "something else")
    )
    return f"{place} is {found}, but must be {wanted}"
