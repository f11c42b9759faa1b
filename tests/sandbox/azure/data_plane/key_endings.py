# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleting, recovering and purging keys (Azure contract §1.11).

Key Vault answers before it is done. Until then the name is 409, and the key is in neither list, save that a recovered
key can be read some time before its name is free.
"""

from __future__ import annotations

from typing import Literal

from aiohttp import web

from ...wire import json_response
from ..keys.shapes import bundle_json, deleted_json
from ..keys.values import DeletedKey, Transition
from ..service import AzureError
from ..vaults import KeyStore
from .plane import KeyPlane, api_version
from .refusals import busy, cannot_purge, not_found

_LONGEST_PURGE = 5
"""For how many seconds a purged name was seen to be taken (Azure/azure-sdk-for-net issue 26027)."""


class KeyEndings(KeyPlane):
    async def delete(self, request: web.Request) -> web.Response:
        """Soft-delete a key with all its versions, or remove it for good where the vault has no soft-delete."""
        store = self._allowed(request, "delete")
        self._require_idle(store, request.match_info["name"])
        key = self._own_key(request, store)
        del store.keys[key.name.lower()]
        version = api_version(request)
        if not store.soft_delete:
            return json_response(bundle_json(store, key, key.current, version))
        now = int(self._now)
        gone = DeletedKey(key, now, now + store.retention_days * 86400)
        store.deleted_keys[key.name.lower()] = gone
        self._begin(store, key.name, "deleting")
        return json_response(deleted_json(store, gone, key.current, version, whole=True))

    async def recover(self, request: web.Request) -> web.Response:
        store = self._allowed(request, "recover")
        key = self._gone(request, store).key
        del store.deleted_keys[key.name.lower()]
        store.keys[key.name.lower()] = key
        self._begin(store, key.name, "recovering")
        return json_response(bundle_json(store, key, key.current, api_version(request)))

    async def purge(self, request: web.Request) -> web.Response:
        store = self._allowed(request, "purge")
        key = self._gone(request, store).key
        if "Purgeable" not in store.recovery_level:
            raise cannot_purge(store)
        del store.deleted_keys[key.name.lower()]
        self._begin(store, key.name, "purging")
        return web.Response(status=204)

    def _gone(self, request: web.Request, store: KeyStore) -> DeletedKey:
        """The deleted key of the path. One that is unknown is refused as a key is, not as a deleted one."""
        name = request.match_info["name"]
        if not store.soft_delete:
            raise AzureError(400, "NotSupported", "Operation is not supported on a vault without soft delete enabled.")
        self._require_idle(store, name)
        gone = store.still_deleted(self._now).get(name.lower())
        if gone is None:
            raise not_found(name)
        return gone

    def _require_idle(self, store: KeyStore, name: str) -> None:
        state = store.under_way(name, self._now)
        if state is not None and state != "purging":
            raise busy(state)

    def _begin(self, store: KeyStore, name: str, state: Literal["deleting", "recovering", "purging"]) -> None:
        seconds = self._service.profile.key_transition
        lasts = min(seconds, _LONGEST_PURGE) if state == "purging" else seconds
        hidden = lasts / 2 if state == "recovering" else lasts
        if lasts:
            store.transitions[name.lower()] = Transition(state, self._now + lasts, self._now + hidden)
