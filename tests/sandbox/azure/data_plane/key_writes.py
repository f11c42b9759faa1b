# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making, importing and changing keys (Azure contract §1.11)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from ...wire import json_response
from ..keys import bodies, limits, transfer
from ..keys.shapes import bundle_json
from ..keys.values import Key, KeyVersion, new_version, version_of
from ..vaults import KeyStore
from .plane import KeyPlane, api_version, body_of, new_name
from .refusals import name_taken, not_found, of_a_certificate, throttled


class KeyWrites(KeyPlane):
    types: ClassVar[tuple[str, ...]] = ("RSA", "RSA-HSM", "EC", "EC-HSM")
    most_versions: ClassVar[int | None] = None
    """Versions that a key can have."""

    async def create(self, request: web.Request) -> web.Response:
        store, name = self._allowed(request, "create"), new_name(request)
        body = await body_of(request)
        kty = self.key_type(store, body.get("kty"))
        size, curve = bodies.size_and_curve(body, kty)
        given = bodies.members(body, kty, body.get("key_ops"))
        version = new_version(self._service.runtime.clock.utc(), kty, size, curve)
        if given.get("key_ops") == ["import"]:
            await asyncio.to_thread(version.make_exchangeable)
        return self._added(request, store, name, version, given, "create")

    async def import_(self, request: web.Request) -> web.Response:
        """A key from outside. Of its material, only the public numbers are kept."""
        store, name = self._allowed(request, "import"), new_name(request)
        body = await body_of(request)
        jwk = bodies.imported(body)
        kty = self.imported_type(store, jwk.get("kty"), bool(body.get("Hsm", body.get("hsm"))))
        given = bodies.members(body, kty, jwk.get("key_ops"))
        material = dict(self._material(store, kty, jwk))
        version = version_of(self._service.runtime.clock.utc(), kty, material, material.pop("size", None))
        return self._added(request, store, name, version, given, self._service.profile.import_limit)

    async def update(self, request: web.Request) -> web.Response:
        """Change one version; what the request does not name stays."""
        store = self._allowed(request, "update")
        body, key = await body_of(request), self._own_key(request, store)
        version = key.version(request.match_info.get("version", ""))
        if version is None:
            raise not_found(key.name)
        given = bodies.members(body, version.kty, body.get("key_ops"))
        given.pop("exportable", None)
        bodies.check_change(version, given)
        vars(version).update(given)
        version.updated = int(self._now)
        return json_response(bundle_json(store, key, version, api_version(request)))

    def _material(self, store: KeyStore, kty: str, jwk: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is kept of an imported key, which comes in the clear or wrapped."""
        if jwk.get("key_hsm") is None:
            return bodies.public_numbers(jwk, kty.removesuffix("-HSM"))

        def kek_of(kid: str) -> KeyVersion | None:
            start, _slash, version = kid.rpartition("/")
            key = store.present_key(start.removeprefix(f"{store.uri}keys/"), self._now)
            found = key.version(version) if key and version else None
            return None if found and found.expires and found.expires <= self._now else found

        form = self._service.profile.key_hsm_form
        return transfer.received(jwk["key_hsm"], form, kty, jwk.get("crv"), kek_of)

    # What stores take ------------------------------------------------------------------------------------------------

    def key_type(self, store: KeyStore, kty: object) -> str:
        """The type that a new key gets. The refusal's text: Azure/azure-sdk-for-net issue 6551."""
        known = bodies.key_type(kty, self.types)
        if known.endswith("-HSM") and store.sku.lower() != "premium":
            raise bodies.refused("Hardware key operation not allowed on standard vault")
        return known

    def imported_type(self, store: KeyStore, kty: object, hsm: bool) -> str:
        """The type that an imported key gets: its own, in the HSM where that is asked for."""
        known = bodies.key_type(kty, self.types)
        return self.key_type(store, f"{known.removesuffix('-HSM')}-HSM" if hsm else known)

    def _added(
        self,
        request: web.Request,
        store: KeyStore,
        name: str,
        version: KeyVersion,
        given: dict[str, Any],
        counted: str,
    ) -> web.Response:
        """Make a key, or a new version of it, of a version and what the request says of it."""
        vars(version).update(given)
        bodies.check_export(version)
        taken = store.taken(name, self._now)
        if taken:
            raise name_taken(name, taken)
        key = store.key(name) or Key(name)
        if key.managed:
            raise of_a_certificate(name)
        self._append(store, key, version, counted)
        store.keys[name.lower()] = key
        return json_response(bundle_json(store, key, version, api_version(request)))

    def _append(self, store: KeyStore, key: Key, version: KeyVersion, counted: str) -> None:
        """Give a key one more version, unless the store makes or keeps no more of them."""
        if self.most_versions is not None and len(key.versions) >= self.most_versions:
            raise bodies.refused(f"The key {key.name} has the largest number of versions ({self.most_versions}).")
        wait = limits.wait_for(store, version.kty, counted, self._now)
        if wait:
            raise throttled(wait if self._service.profile.throttled_retry_after == "sent" else None)
        version.hsm_platform = store.platform_of(version.kty)
        key.versions.append(version)
