# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter language on groups (DSM contract §2.2, §4.2): the part of it that this simulator honours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .errors import bad_request
from .values import Group

_FIELDS: dict[str, Callable[[Group], str | None]] = {
    "name": lambda group: group.name,
    "created_at": lambda group: group.created_at,
    "description": lambda group: group.description,
    "wrapping_key_name": lambda group: group.extras.get("wrapping_key_name"),
}

Predicate = Callable[[Group], bool]


def parse(text: str) -> dict[str, Any]:
    """The query object of a `filter` parameter, or 400."""
    try:
        query = json.loads(text)
    except ValueError as error:
        raise bad_request("filter is not valid JSON") from error
    if not isinstance(query, dict):
        raise bad_request("filter must be a JSON object")
    return query


def exact_names(query: dict[str, Any]) -> list[str] | None:
    """The names that a query narrows the result to, None when it does not go by name: lets an index be used."""
    condition = query.get("name")
    if not isinstance(condition, dict):
        return None
    if isinstance(condition.get("$eq"), str):
        return [condition["$eq"]]
    wanted = condition.get("$in")
    return sorted(set(wanted)) if isinstance(wanted, list) and all(isinstance(name, str) for name in wanted) else None


def predicate(query: dict[str, Any]) -> Predicate:
    """A test for one group. All members of the query object must hold."""
    parts = [_member(name, value) for name, value in query.items()]
    return lambda group: all(part(group) for part in parts)


def _member(name: str, value: Any) -> Predicate:
    if name in ("$and", "$or"):
        if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
            raise bad_request(f"{name} takes a list of queries")
        parts = [predicate(part) for part in value]
        combine = all if name == "$and" else any
        return lambda group: combine(part(group) for part in parts)
    if name == "$not":
        if not isinstance(value, dict):
            raise bad_request("$not takes a query")
        inner = predicate(value)
        return lambda group: not inner(group)
    if name == "$text":
        word = _search_word(value)
        return lambda group: word in group.name.lower() or word in group.description.lower()
    if name not in _FIELDS:
        raise bad_request(f"Groups cannot be filtered by {name}")
    return _condition(_FIELDS[name], value)


def _search_word(value: Any) -> str:
    word = value.get("$search") if isinstance(value, dict) else None
    if not isinstance(word, str):
        raise bad_request("$text takes an object with the member $search")
    return word.lower()


def _condition(read: Callable[[Group], str | None], value: Any) -> Predicate:
    if not isinstance(value, dict) or len(value) != 1:
        raise bad_request("A condition takes an object with one operator")
    operator, operand = next(iter(value.items()))
    if operator == "$text":
        word = _search_word(operand)
        return lambda group: word in (read(group) or "").lower()
    if operator in ("$in", "$nin"):
        if not isinstance(operand, list):
            raise bad_request(f"{operator} takes a list")
        return lambda group: (read(group) in operand) == (operator == "$in")
    if operator in ("$eq", "$ne"):
        return lambda group: (read(group) == operand) == (operator == "$eq")
    raise bad_request(f"The operator {operator} is not known")
