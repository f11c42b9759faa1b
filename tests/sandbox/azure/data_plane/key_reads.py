# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading keys, their versions, rotation policies and deleted keys (Azure contract §1.9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from ...wire import json_response
from ..keys.shapes import bundle_json, deleted_json, item_json, knows_rotation, rotation_policy_json
from ..keys.values import Key, KeyVersion
from ..service import AzureError, page_of
from .plane import KeyPlane, api_version
from .refusals import not_found


class KeyReads(KeyPlane):
    async def list_keys(self, request: web.Request) -> web.Response:
        store, version = self._allowed(request, "list"), api_version(request)

        keys = store.present(self._now)

        def shown(name: str) -> dict[str, Any]:
            return item_json(store, keys[name], self._named(keys[name]), version, with_version=False)

        return self._page(request, sorted(keys), shown)

    async def versions(self, request: web.Request) -> web.Response:
        store, version = self._allowed(request, "list"), api_version(request)
        key = self._key(request, store)
        found = key.versions
        if self._service.profile.key_version_order == "id":
            found = sorted(found, key=lambda one: one.version)
        return self._page(request, found, lambda one: item_json(store, key, one, version, with_version=True))

    async def get(self, request: web.Request) -> web.Response:
        store = self._allowed(request, "get")
        key = self._key(request, store)
        found = key.version(request.match_info.get("version", ""))
        if found is None:
            raise not_found(key.name)
        return json_response(bundle_json(store, key, found, api_version(request)))

    async def rotation_policy(self, request: web.Request) -> web.Response:
        """The rotation policy; before there were any, the path named a version that does not exist."""
        if not knows_rotation(api_version(request)):
            raise not_found(self._key(request, self._allowed(request, "get")).name)
        store = self._allowed(request, "getrotationpolicy")
        key = self._key(request, store)
        unset = self._service.profile.rotation_policy_unset
        return json_response(rotation_policy_json(store, key, notifies=self.rotation_rules.notifies, unset=unset))

    async def list_deleted(self, request: web.Request) -> web.Response:
        store, version = self._allowed(request, "list", deleted=True), api_version(request)
        deleted = store.present_deleted(self._now)

        def shown(name: str) -> dict[str, Any]:
            return deleted_json(store, deleted[name], self._named(deleted[name].key), version)

        return self._page(request, sorted(deleted), shown)

    async def get_deleted(self, request: web.Request) -> web.Response:
        store = self._allowed(request, "get", deleted=True)
        gone = store.present_deleted(self._now).get(request.match_info["name"].lower())
        if gone is None:
            raise AzureError(404, "KeyNotFound", f"Deleted Key not found: {request.match_info['name']}")
        return json_response(deleted_json(store, gone, gone.key.current, api_version(request), whole=True))

    def _page(self, request: web.Request, items: list[Any], render: Callable[[Any], dict[str, Any]]) -> web.Response:
        page = page_of(items, request, self._service.state.key_page_size, render, "maxresults")
        if page["nextLink"] is not None:
            # Key Vault names the default port.
            page["nextLink"] = page["nextLink"].replace(f"//{request.url.host}/", f"//{request.url.host}:443/", 1)
        return json_response(page)

    def _named(self, key: Key) -> KeyVersion:
        """The version whose attributes stand beside a name without version in a list."""
        return key.versions[0] if self._service.profile.key_item_shows == "first" else key.current
