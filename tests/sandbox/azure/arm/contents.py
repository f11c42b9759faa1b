# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a vault or pool, as Resource Manager shows it (Azure contract §1.2, keys through ARM).

Rights in Azure decide, and neither those in the vault nor its firewall. Members and spelling are those of
Azure/azure-rest-api-specs, specification/keyvault/resource-manager/Microsoft.KeyVault/KeyVault: Key.tsp, and the
examples listKeys and getKeyVersion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from aiohttp import web

from ...custody.public_keys import public_number
from ...wire import json_response
from ..keys.values import Key, KeyVersion, RotationPolicy
from ..service import AzureError, Service, page_of
from ..vaults import KeyStore
from .plane import ArmPlane, not_found

_BASE = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault"


def add_contents_routes(app: web.Application, service: Service) -> None:
    plane = Contents(service)
    for segment in ("vaults", "managedHSMs"):
        keys = f"{_BASE}/{segment}/{{name}}/keys"
        app.router.add_get(keys, partial(plane.keys, segment))
        app.router.add_get(f"{keys}/{{key}}", partial(plane.key, segment))
        app.router.add_get(f"{keys}/{{key}}/versions", partial(plane.versions, segment))
        app.router.add_get(f"{keys}/{{key}}/versions/{{version}}", partial(plane.version, segment))
    app.router.add_get(f"{_BASE}/vaults/{{name}}/secrets", plane.secrets)


class Contents(ArmPlane):
    async def keys(self, segment: str, request: web.Request) -> web.Response:
        store = self._store(request, segment, "keys")
        keys = store.present(self._state.clock.now())
        return self._page(request, sorted(keys), lambda name: _item_json(store, segment, keys[name]))

    async def key(self, segment: str, request: web.Request) -> web.Response:
        store = self._store(request, segment, "keys")
        key = self._key(request, store)
        return json_response(_key_json(store, segment, key, key.current))

    async def versions(self, segment: str, request: web.Request) -> web.Response:
        store = self._store(request, segment, "keys/versions")
        key = self._key(request, store)
        return self._page(request, key.versions, lambda found: _item_json(store, segment, key, found))

    async def version(self, segment: str, request: web.Request) -> web.Response:
        store = self._store(request, segment, "keys/versions")
        key = self._key(request, store)
        found = key.version(request.match_info["version"])
        if found is None:
            raise _no_key(f"{key.name}/{request.match_info['version']}")
        return json_response(_key_json(store, segment, key, found, with_version=True))

    async def secrets(self, request: web.Request) -> web.Response:
        store = self._store(request, "vaults", "secrets")
        kind = "Microsoft.KeyVault/vaults/secrets"
        return self._page(
            request,
            sorted(store.secrets),
            lambda name: {"id": f"{store.resource_id}/secrets/{name}", "name": name, "type": kind},
        )

    # Helpers -------------------------------------------------------------------------------------------------------

    def _store(self, request: web.Request, segment: str, what: str) -> KeyStore:
        """The vault or pool of a path, if the caller may read that of it."""
        caller = self._caller(request)
        names = request.match_info
        subscription = self._subscription(names["subscription"], caller)
        scope = (
            f"{subscription.scope}/resourceGroups/{names['group']}/providers/Microsoft.KeyVault/{segment}"
            f"/{names['name']}"
        )
        self._require(caller, f"Microsoft.KeyVault/{segment}/{what}/read", scope)
        store: KeyStore | None = (self._state.vaults if segment == "vaults" else self._state.managed_hsms).get(
            names["name"].lower()
        )
        if store is None or store.resource_id.lower() != scope.lower():
            raise not_found(segment, names["name"], names["group"])
        return store

    def _key(self, request: web.Request, store: KeyStore) -> Key:
        key = store.present_key(request.match_info["key"], self._state.clock.now())
        if key is None:
            raise _no_key(request.match_info["key"])
        return key

    def _page(
        self, request: web.Request, items: Sequence[Any], render: Callable[[Any], dict[str, Any]]
    ) -> web.Response:
        return json_response(page_of(items, request, self._state.arm_page_size, render, "$top"))


def _no_key(name: str) -> AzureError:
    """The words are those of the data plane, to which Resource Manager passes the question on (inferred)."""
    return AzureError(404, "KeyNotFound", f"A key with (name/id) {name} was not found in this key vault.")


def _uri(store: KeyStore, key: Key, version: KeyVersion | None = None) -> str:
    """Resource Manager spells the port out."""
    base = f"{store.uri.rstrip('/')}:443/keys/{key.name}"
    return f"{base}/{version.version}" if version else base


def _envelope(store: KeyStore, segment: str, key: Key, version: KeyVersion | None) -> dict[str, Any]:
    kind, place = f"Microsoft.KeyVault/{segment}/keys", f"{store.resource_id}/keys/{key.name}"
    if version is not None:
        kind, place = f"{kind}/versions", f"{place}/versions/{version.version}"
    tags = (version or key.current).tags
    return {
        "id": place,
        "name": version.version if version else key.name,
        "type": kind,
        "location": store.location,
        **({"tags": tags} if tags else {}),
    }


def _item_json(store: KeyStore, segment: str, key: Key, version: KeyVersion | None = None) -> dict[str, Any]:
    """One line of a list: attributes and address, and nothing of the key itself."""
    properties: dict[str, Any] = {
        "attributes": _attributes(store, version or key.current),
        "keyUri": _uri(store, key),
    }
    if version is not None:
        properties["keyUriWithVersion"] = _uri(store, key, version)
    return {**_envelope(store, segment, key, version), "properties": properties}


def _key_json(
    store: KeyStore, segment: str, key: Key, version: KeyVersion, *, with_version: bool = False
) -> dict[str, Any]:
    material = version.material
    size = public_number(material["n"]).bit_length() if "n" in material else version.size
    optional = {
        "keySize": size,
        "curveName": material.get("crv"),
        "rotationPolicy": _policy(key.rotation_policy) if key.rotation_policy else None,
    }
    properties = {
        "attributes": _attributes(store, version),
        "kty": version.kty,
        "keyOps": version.key_ops,
        "keyUri": _uri(store, key),
        "keyUriWithVersion": _uri(store, key, version),
        **{name: value for name, value in optional.items() if value is not None},
    }
    return {**_envelope(store, segment, key, version if with_version else None), "properties": properties}


def _attributes(store: KeyStore, version: KeyVersion) -> dict[str, Any]:
    optional = {"exp": version.expires, "nbf": version.not_before}
    return {
        "enabled": version.enabled,
        "created": version.created,
        "updated": version.updated,
        "recoveryLevel": store.recovery_level,
        "exportable": version.exportable,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _policy(policy: RotationPolicy) -> dict[str, Any]:
    """Actions are spelled small here, and in title case by the data plane."""
    return {
        "attributes": {
            "created": policy.created,
            "updated": policy.updated,
            **({"expiryTime": policy.expiry_time} if policy.expiry_time else {}),
        },
        "lifetimeActions": [
            {
                "action": {"type": action.action.lower()},
                "trigger": {
                    name: value
                    for name, value in (
                        ("timeAfterCreate", action.after_create),
                        ("timeBeforeExpiry", action.before_expiry),
                    )
                    if value
                },
            }
            for action in policy.actions
        ],
    }
