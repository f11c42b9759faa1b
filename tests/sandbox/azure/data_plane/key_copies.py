# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup and restore, Azure's own rotation, and release, which nobody gets here (Azure contract §1.11)."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ...wire import json_response
from ..keys import backups
from ..keys.bodies import refused
from ..keys.rotation import days_of, policy_of
from ..keys.shapes import bundle_json, knows_rotation, rotation_policy_json
from ..keys.values import Key, new_version
from ..service import AzureError
from ..vaults import KeyStore
from .key_writes import KeyWrites
from .plane import api_version, body_of
from .refusals import already_there, malformed_backup, name_taken, not_found

_MOST_IN_A_BACKUP = 500


class KeyCopies(KeyWrites):
    # Backups ---------------------------------------------------------------------------------------------------------

    async def backup(self, request: web.Request) -> web.Response:
        store = self._allowed(request, "backup")
        key = self._key(request, store)
        if len(key.versions) > _MOST_IN_A_BACKUP:
            raise refused(f"A key with more than {_MOST_IN_A_BACKUP} versions cannot be backed up.")
        return json_response({"value": backups.made(self._service.state.key_backups, store, key)})

    async def restore(self, request: web.Request) -> web.Response:
        """Put a backup back: the same versions with the same ids, under a name that must be free."""
        store = self._allowed(request, "restore")
        value = (await body_of(request)).get("value")
        if not isinstance(value, str) or not value:
            raise refused("Property value is invalid.")
        try:
            key = backups.opened(self._service.state.key_backups, store, value)
        except backups.WrongPlace as error:
            # The words: Azure/azure-cli issue 8767.
            raise refused("Cannot decrypt backup blob.") from error
        if key is None:
            raise malformed_backup()
        for version in key.versions:
            if version.kty.endswith("-HSM"):
                self.key_type(store, version.kty)
        taken = store.taken(key.name, self._now)
        if taken:
            raise name_taken(key.name, taken)
        if store.key(key.name) is not None:
            raise already_there()
        store.keys[key.name.lower()] = key
        return json_response(bundle_json(store, key, key.current, api_version(request)))

    # Rotation --------------------------------------------------------------------------------------------------------

    async def rotate(self, request: web.Request) -> web.Response:
        """A new version with new material of the same kind, which expires as the policy says."""
        store, key = self._rotated(request, "rotate")
        if key.rotation_policy is None and self.rotation_rules.needs_policy:
            raise refused(f"The key {key.name} has no rotation policy.")
        before, now = key.current, self._service.runtime.clock.utc()
        size, curve = before.bits, before.material.get("crv", "")
        version = new_version(now, before.kty, size, curve)
        policy = key.rotation_policy
        version.key_ops = list(before.key_ops)
        if version.key_ops == ["import"]:
            await asyncio.to_thread(version.make_exchangeable)
        version.exportable, version.release_policy = before.exportable, before.release_policy
        if policy is not None and policy.expiry_time:
            version.expires = int(self._now) + days_of(policy.expiry_time) * 86400
        if self._service.profile.rotated_tags == "kept":
            version.tags = dict(before.tags)
        self._append(store, key, version, "create")
        return json_response(bundle_json(store, key, version, api_version(request)))

    async def set_rotation_policy(self, request: web.Request) -> web.Response:
        store, key = self._rotated(request, "setrotationpolicy")
        body = await body_of(request)
        key.rotation_policy = policy_of(body, self.rotation_rules, key.rotation_policy, int(self._now))
        unset = self._service.profile.rotation_policy_unset
        shown = rotation_policy_json(store, key, notifies=self.rotation_rules.notifies, unset=unset)
        return json_response(shown)

    # Release ---------------------------------------------------------------------------------------------------------

    async def release(self, request: web.Request) -> web.Response:
        """Only enclaves get keys, and there are none here."""
        store = self._allowed(request, "release")
        key = self._key(request, store)
        found = key.version(request.match_info.get("version", ""))
        if found is None:
            raise not_found(key.name)
        if not found.exportable:
            raise refused("The key is not exportable.")
        raise AzureError(403, "Forbidden", "Target environment attestation statement cannot be verified.")

    def _rotated(self, request: web.Request, permission: str) -> tuple[KeyStore, Key]:
        """The store and the key of a request about rotation, which older versions of the API do not know."""
        if not knows_rotation(api_version(request)):
            raise AzureError(404, "NotFound", "Not Found")
        store = self._allowed(request, permission)
        return store, self._own_key(request, store)
