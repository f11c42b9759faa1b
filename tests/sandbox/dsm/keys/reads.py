# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading security objects (DSM contract §4.1, §4.3, §4.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from aiohttp import web

from ...wire import json_response
from ..context import Dsm, caller, flag, json_object, path_uuid, require_uuid, whole_number
from ..errors import bad_request, forbidden, not_found
from ..indexes import KeyIndex
from ..permissions import Principal, readable_group, require_usable
from ..values import SecurityObject
from .shapes import hidden, key_json
from .states import settle

_DEFAULT_LIMIT = 1000


class KeyReads:
    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm

    async def list_keys(self, request: web.Request) -> web.Response:
        principal, query = caller(request), request.query
        require_usable(principal, "GET_SOBJECTS", self._dsm.profile)
        if "filter" in query or any(name.startswith("custom_metadata.") for name in query):
            raise bad_request("Filters on security objects are not simulated")
        group_id = query.get("group_id")
        if group_id is not None:
            group_id = require_uuid(group_id, "group_id")
            readable_group(principal, group_id, self._dsm.profile)
        limit = whole_number(query.get("limit"), "limit")
        offset = whole_number(query.get("offset"), "offset") or 0
        end = offset + (_DEFAULT_LIMIT if limit is None else limit)
        after = _after(query)
        items = [
            key_json(key, self._dsm.profile, with_pub_key=flag(query.get("show_pub_key")))
            for key in islice(self._selected(principal, group_id, query, after), offset, end)
        ]
        if not flag(query.get("with_metadata")):
            return json_response(items)
        total = sum(1 for _index in self._selected(principal, group_id, {}, None))
        filtered = sum(1 for _index in self._selected(principal, group_id, query, None))
        return json_response({"metadata": {"total_count": total, "filtered_count": filtered}, "items": items})

    def _selected(
        self, principal: Principal, group_id: str | None, query: Mapping[str, str], after: str | None
    ) -> Iterator[SecurityObject]:
        """The keys that the principal may read and the query asks for, in the order of their ids."""
        keys, now = principal.account.keys, self._dsm.runtime.clock.now()
        for key in _candidates(keys, group_id, query, after):
            settle(key, now)
            if self._wanted(key, query) and self._may_read(principal, key):
                yield key

    @staticmethod
    def _wanted(key: SecurityObject, query: Mapping[str, str]) -> bool:
        if hidden(key, query):
            return False
        return query.get("name") in (None, key.name) and query.get("obj_type") in (None, key.obj_type)

    @staticmethod
    def _may_read(principal: Principal, key: SecurityObject) -> bool:
        return principal.sees_all_groups or key.group_id in principal.groups

    async def info(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        keys = caller(request).account.keys
        if "kid" in body:
            key = keys.get(require_uuid(body["kid"], "kid"))
        elif isinstance(body.get("name"), str):
            key = keys.named(body["name"])
        else:
            raise bad_request("Either kid or name is needed")
        return self._one(request, key)

    async def get(self, request: web.Request) -> web.Response:
        """Not in the API's description, and so perhaps not served (Q61)."""
        if self._dsm.profile.key_by_path == "404":
            raise not_found("Not Found")
        return self._one(request, caller(request).account.keys.get(path_uuid(request, "kid")))

    def _one(self, request: web.Request, key: SecurityObject | None) -> web.Response:
        principal, query = caller(request), request.query
        require_usable(principal, "GET_SOBJECTS", self._dsm.profile)
        if key is None or hidden(settle(key, self._dsm.runtime.clock.now()), query):
            raise not_found("sobject does not exist")
        if not self._may_read(principal, key):
            raise forbidden("The operation needs the permission GET_SOBJECTS in the key's group")
        return json_response(key_json(key, self._dsm.profile, with_pub_key=flag(query.get("show_pub_key"))))


def _candidates(
    keys: KeyIndex, group_id: str | None, query: Mapping[str, str], after: str | None
) -> Iterator[SecurityObject]:
    """The keys to look at: one of that name, or those of the group in the order of their ids."""
    if "name" in query:
        named = keys.named(query["name"])
        ids = iter([named.kid] if named and group_id in (None, named.group_id) else [])
    else:
        ids = keys.ids(group_id, query.get("sort", "kid:asc").endswith(":desc"), after)
    return (key for kid in ids if (key := keys.get(kid)))


def _after(query: Mapping[str, str]) -> str | None:
    """The keyset position. Only the order by `kid` is simulated."""
    if "sort" in query and query["sort"] not in ("kid:asc", "kid:desc"):
        raise bad_request(f"Security objects cannot be sorted by {query['sort']!r}")
    return query.get("start")
