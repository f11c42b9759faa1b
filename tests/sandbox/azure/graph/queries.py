# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of Microsoft Graph and their query options: $filter, $select, $top and paging (Azure contract §3)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from ..entra.tokens import Caller
from .objects import selected

_MOST_PER_PAGE = 999
GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TEXT = r"'(?:[^']|'')*'"
_CLAUSE = re.compile(
    rf"\s*(?:(?P<property>\w+)\s+eq\s+(?P<value>{_TEXT})"
    rf"|startswith\(\s*(?P<start>\w+)\s*,\s*(?P<prefix>{_TEXT})\s*\)"
    rf"|(?P<list>\w+)/any\(\s*(?P<variable>\w+)\s*:\s*(?P=variable)\s+eq\s+(?P<member>{_TEXT})\s*\))\s*",
    re.IGNORECASE,
)
_AND = re.compile(r"and\b", re.IGNORECASE)
COLLECTION_OPTIONS = frozenset({"$filter", "$select", "$top", "$skiptoken", "$count"})
SINGLE_OPTIONS = frozenset({"$select"})
_UNSERVED_OPTIONS = frozenset({"$expand", "$orderby", "$search", "$skip", "$format", "$apply", "$compute"})
_LISTS = ("servicePrincipalNames",)
"""Properties that are lists, which only `any` filters by."""
_GUID_PROPERTIES = ("appId", "clientId", "resourceId", "principalId", "id")


class GraphError(Exception):
    """A refusal in Graph's shape."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def bad_request(message: str) -> GraphError:
    return GraphError(400, "Request_BadRequest", message)


def unparsable(message: str) -> GraphError:
    """A query that the gateway of Graph does not understand, before the directory sees it."""
    return GraphError(400, "BadRequest", message)


def unsupported(name: str, kind: str) -> GraphError:
    """A filter that makes sense, and that the directory does not offer for the property."""
    message = f"Unsupported or invalid query filter clause specified for property '{name}' of resource '{kind}'."
    return GraphError(400, "Request_UnsupportedQuery", message)


def not_found(name: str) -> GraphError:
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{name}' does not exist or one of its queried reference-property objects are not present.",
    )


@dataclass(frozen=True)
class Call:
    """One call, whether it came by itself or in a batch. Header names are in lower case."""

    caller: Caller
    url: str
    """Absolute, without its query."""
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None

    @property
    def select(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.query.get("$select", "").split(",") if name.strip())

    @property
    def advanced(self) -> bool:
        """Whether the caller asks for an advanced query: by header, and by the wish for a count."""
        eventual = self.headers.get("consistencylevel", "").lower() == "eventual"
        return eventual and self.query.get("$count", "").lower() == "true"


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def require_served(call: Call, served: frozenset[str] = frozenset()) -> None:
    """Refuse query options that the call does not take. Those without a dollar sign are none of OData's.

    The texts are those of OData's library; what of the known options is not simulated is refused as unsupported.
    """
    asked = {name.lower() for name in call.query if name.startswith("$")}
    for name in sorted(asked - served):
        if name in _UNSERVED_OPTIONS:
            raise GraphError(400, "Request_UnsupportedQuery", f"The query option '{name}' is not supported.")
        if served and name in COLLECTION_OPTIONS:
            reason = "Query options $orderby, $count, $skip, $top and $filter can be applied only on collections."
        else:
            reason = f"The query parameter '{name}' is not supported."
        raise unparsable(f"The query specified in the URI is not valid. {reason}")


def page(call: Call, items: list[dict[str, Any]], kind: str, size: int, filterable: Iterable[str] = ()) -> Reply:
    """A collection: filtered, cut into pages, and of each item what was selected."""
    require_served(call, COLLECTION_OPTIONS)
    items = _filtered(items, call.query.get("$filter", ""), kind, frozenset(filterable))
    size, start = _size(call, size), _position(call.query.get("$skiptoken"))
    shown = items[start : start + size]
    host = call.url.partition("/v1.0/")[0]
    body: dict[str, Any] = {"@odata.context": f"{host}/v1.0/$metadata#{kind}s"}
    if call.advanced:
        body["@odata.count"] = len(items)
    if start + size < len(items):
        token = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        body["@odata.nextLink"] = f"{call.url}?{urlencode({**call.query, '$skiptoken': token})}"
    return Reply(body={**body, "value": [_chosen(call, item, kind) for item in shown]})


def single(call: Call, item: dict[str, Any], kind: str) -> Reply:
    """One object, of which what was selected."""
    require_served(call, SINGLE_OPTIONS)
    host = call.url.partition("/v1.0/")[0]
    return Reply(body={"@odata.context": f"{host}/v1.0/$metadata#{kind}s/$entity", **_chosen(call, item, kind)})


def _chosen(call: Call, item: dict[str, Any], kind: str) -> dict[str, Any]:
    for name in call.select:
        if name not in item:
            raise unparsable(
                f"Parsing OData Select and Expand failed: Could not find a property named '{name}' on type "
                f"'microsoft.graph.{kind}'."
            )
    return selected(item, call.select)


def _filtered(
    items: list[dict[str, Any]], expression: str, kind: str, filterable: frozenset[str]
) -> list[dict[str, Any]]:
    """The items for which all clauses hold. Texts compare without case, as the directory does."""
    position = 0
    while expression[position:].strip():
        if position:
            joined = _AND.match(expression, position)
            if joined is None:
                raise unparsable(f"Invalid filter clause: Syntax error at position {position} in '{expression}'.")
            position = joined.end()
        clause = _CLAUSE.match(expression, position)
        if clause is None:
            raise unparsable(f"Invalid filter clause: Syntax error at position {position} in '{expression}'.")
        position = clause.end()
        name = clause["property"] or clause["start"] or clause["list"]
        wanted = (clause["value"] or clause["prefix"] or clause["member"])[1:-1].replace("''", "'").lower()
        _require_filterable(clause, name, kind, items, filterable)
        if clause["list"]:
            items = [item for item in items if wanted in [str(one).lower() for one in item[name]]]
            continue
        if clause["property"] and name in _GUID_PROPERTIES and not GUID.fullmatch(wanted):
            raise bad_request(f"Invalid value specified for property '{name}' of resource '{kind}'.")
        texts = [(item, str(item[name] or "").lower()) for item in items]
        exact = clause["property"] is not None
        items = [item for item, text in texts if (text == wanted if exact else text.startswith(wanted))]
    return items


def _require_filterable(
    clause: re.Match[str], name: str, kind: str, items: list[dict[str, Any]], filterable: frozenset[str]
) -> None:
    if name not in filterable and not any(name in item for item in items):
        message = f"Invalid filter clause: Could not find a property named '{name}' on type 'microsoft.graph.{kind}'."
        raise unparsable(message)
    by_prefix_only_names = clause["start"] and name in _GUID_PROPERTIES
    if name not in filterable or by_prefix_only_names or bool(clause["list"]) != (name in _LISTS):
        raise unsupported(name, kind)


def _size(call: Call, size: int) -> int:
    wanted = call.query.get("$top")
    if wanted is None:
        return size
    if not wanted.isdigit() or not 1 <= int(wanted) <= _MOST_PER_PAGE:
        raise bad_request(f"Invalid page size specified: '{wanted}'. Must be between 1 and {_MOST_PER_PAGE} inclusive.")
    return int(wanted)


def _position(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError) as error:
        raise bad_request("The $skiptoken is not valid.") from error
