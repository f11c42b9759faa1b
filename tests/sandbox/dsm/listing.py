# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listing groups: the modern parameters, the older ones, and none at all (DSM contract §2.2)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from ..profiles import Profile
from . import filters
from .context import whole_number
from .errors import bad_request
from .permissions import Principal
from .values import Group


@dataclass(frozen=True)
class Page:
    """Some groups, and how to go on. `total` is only counted where the reply shows it."""

    groups: list[Group]
    with_metadata: bool = False
    next_token: str | None = None
    total: int = 0


@dataclass(frozen=True)
class _Order:
    by_name: bool = False
    descending: bool = False
    after: str | None = None


def page_of_groups(principal: Principal, query: Mapping[str, str], profile: Profile) -> Page:
    """The page that the query asks for."""
    index = principal.account.groups
    if profile.group_paging == "none":
        return Page(list(principal.visible(index.by_id.ids())))
    if profile.group_paging == "middle":
        query = {name: value for name, value in query.items() if name in ("limit", "offset", "sort", "start")}
    limit = whole_number(query.get("limit"), "limit")
    offset = whole_number(query.get("offset"), "offset") or 0
    order = _order(query, profile)
    token = query.get("continuation_token")
    if token:
        order = _Order(order.by_name, order.descending, _decode(token))
        offset = 0
    if token is None:
        return Page(list(islice(_selected(principal, query, order, profile), offset, limit and offset + limit)))
    return _token_page(principal, query, order, profile, limit, offset)


def _token_page(
    principal: Principal, query: Mapping[str, str], order: _Order, profile: Profile, limit: int | None, offset: int
) -> Page:
    found = _selected(principal, query, order, profile)
    groups = list(islice(found, offset, limit and offset + limit))
    more = next(found, None) is not None
    last = groups[-1] if groups else None
    token = _encode(last.name if order.by_name else last.group_id) if more and last else None
    everything = _selected(principal, query, _Order(order.by_name), profile)
    return Page(groups, True, token, sum(1 for _index in everything))


def _selected(principal: Principal, query: Mapping[str, str], order: _Order, profile: Profile) -> Iterator[Group]:
    """The groups that fit the filter, in order. A filter by exact name goes through the name index."""
    index = principal.account.groups
    text = query.get("filter")
    if text is None or profile.group_filter == "ignored":
        return principal.visible(_ids(principal, order))
    parsed = filters.parse(text)
    fits = filters.predicate(parsed)
    names = filters.exact_names(parsed)
    if names is None:
        return (group for group in principal.visible(_ids(principal, order)) if fits(group))
    found = [group for name in names if (group := index.named(name)) and principal.may_read(group) and fits(group)]
    found.sort(key=lambda group: _value(group, order), reverse=order.descending)
    return (group for group in found if order.after is None or _is_behind(_value(group, order), order))


def _value(group: Group, order: _Order) -> str:
    return group.name if order.by_name else group.group_id


def _is_behind(value: str, order: _Order) -> bool:
    return order.after is None or (value < order.after if order.descending else value > order.after)


def _ids(principal: Principal, order: _Order) -> Iterator[str]:
    index = principal.account.groups
    return (index.by_name if order.by_name else index.by_id).ids(order.descending, order.after)


def _order(query: Mapping[str, str], profile: Profile) -> _Order:
    """`sort_by` with its previous_* value, or the middle era's `sort` with `start`."""
    if "sort_by" in query:
        field, direction = _sort(query["sort_by"], ("group_id", "group_name"))
        by_name = field == "group_name"
        after = query.get("previous_sort_value" if by_name else "previous_id")
        if after is None and profile.sort_by_alone == "refused":
            raise bad_request("sort_by needs previous_sort_value" if by_name else "sort_by needs previous_id")
        return _Order(by_name, direction, after)
    if "sort" in query:
        _field, direction = _sort(query["sort"], ("group_id",))
        return _Order(False, direction, query.get("start"))
    return _Order()


def _sort(text: str, allowed: tuple[str, ...]) -> tuple[str, bool]:
    field, _separator, direction = text.partition(":")
    if field not in allowed or direction not in ("asc", "desc"):
        raise bad_request(f"Groups cannot be sorted by {text!r}")
    return field, direction == "desc"


def _encode(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode()


def _decode(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise bad_request("continuation_token is not valid") from error
