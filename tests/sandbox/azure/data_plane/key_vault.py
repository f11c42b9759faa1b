# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key Vault's data plane: reading and creating keys, with the rights enforced (Azure contract §1.9)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from ...custody.public_keys import CURVES
from ...wire import json_response, source_address
from ..entra.tokens import Caller, TokenRefused
from ..keys.shapes import (
    VAULT_VERSIONS,
    bundle_json,
    deleted_json,
    item_json,
    knows_rotation,
    latest_stable,
    rotation_policy_json,
)
from ..keys.values import Key, KeyVersion, new_version
from ..rights.effective import DATA_ACTIONS, ROTATION_POLICY_ACTIONS
from ..service import AzureError, Service, announce, application, page_of
from ..vaults import KeyStore, Vault

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_TYPES = ("RSA", "RSA-HSM", "EC", "EC-HSM")
_SIZES = (2048, 3072, 4096)

def key_vault_application(service: Service) -> web.Application:
    return keys_application(KeyVault(service), service)


def keys_application(vaults: KeyVault, service: Service) -> web.Application:
    """The key routes, which vaults and managed HSMs have in common."""
    app = application("vault", service)
    app.router.add_get("/keys", vaults.list_keys)
    app.router.add_get("/keys/{name}/versions", vaults.versions)
    # A client that wants the current version sends an empty version segment.
    app.router.add_get("/keys/{name}", vaults.get)
    app.router.add_get("/keys/{name}/", vaults.get)
    app.router.add_get("/keys/{name}/rotationpolicy", vaults.rotation_policy)
    app.router.add_get("/keys/{name}/{version}", vaults.get)
    app.router.add_post("/keys/{name}/create", vaults.create)
    app.router.add_get("/deletedkeys", vaults.list_deleted)
    app.router.add_get("/deletedkeys/{name}", vaults.get_deleted)
    return app


class KeyVault:
    versions_served: tuple[str, ...] = VAULT_VERSIONS
    notifies = True
    """Whether rotation policies can notify."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def list_keys(self, request: web.Request) -> web.Response:
        store, version = self._allowed(request, "list"), _api_version(request)

        def shown(name: str) -> dict[str, Any]:
            key = store.keys[name]
            return item_json(store, key, self._named(key), version, with_version=False)

        return self._page(request, sorted(store.keys), shown)

    async def versions(self, request: web.Request) -> web.Response:
        store, version = self._allowed(request, "list"), _api_version(request)
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
            raise _not_found(key.name)
        return json_response(bundle_json(store, key, found, _api_version(request)))

    async def rotation_policy(self, request: web.Request) -> web.Response:
        """The rotation policy; before there were any, the path named a version that does not exist."""
        if not knows_rotation(_api_version(request)):
            raise _not_found(self._key(request, self._allowed(request, "get")).name)
        store = self._allowed(request, "getrotationpolicy")
        key = self._key(request, store)
        unset = self._service.profile.rotation_policy_unset
        return json_response(rotation_policy_json(store, key, notifies=self.notifies, unset=unset))

    async def create(self, request: web.Request) -> web.Response:
        vault = self._allowed(request, "create")
        name = request.match_info["name"]
        if not _NAME.fullmatch(name):
            raise AzureError(400, "BadParameter", f"The request URI contains an invalid name: {name}")
        if name.lower() in vault.still_deleted(self._now):
            raise AzureError(
                409,
                "Conflict",
                f"Key {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this "
                "state, the key can only be recovered or purged.",
                "ObjectIsDeletedButRecoverable",
            )
        version = self._new_version(vault, await body_of(request))
        key = vault.keys.setdefault(name.lower(), Key(name))
        key.versions.append(version)
        return json_response(bundle_json(vault, key, version, _api_version(request)))

    async def list_deleted(self, request: web.Request) -> web.Response:
        store, version = self._allowed(request, "list", deleted=True), _api_version(request)
        deleted = store.still_deleted(self._now)

        def shown(name: str) -> dict[str, Any]:
            return deleted_json(store, deleted[name], self._named(deleted[name].key), version)

        return self._page(request, sorted(deleted), shown)

    async def get_deleted(self, request: web.Request) -> web.Response:
        store = self._allowed(request, "get", deleted=True)
        gone = store.still_deleted(self._now).get(request.match_info["name"].lower())
        if gone is None:
            raise AzureError(404, "KeyNotFound", f"Deleted Key not found: {request.match_info['name']}")
        return json_response(deleted_json(store, gone, gone.key.current, _api_version(request), whole=True))

    # Helpers -------------------------------------------------------------------------------------------------------

    def _page(self, request: web.Request, items: list[Any], render: Callable[[Any], dict[str, Any]]) -> web.Response:
        return json_response(page_of(items, request, self._service.state.key_page_size, render, "maxresults"))

    @property
    def _now(self) -> float:
        return self._service.state.clock.now()

    def _named(self, key: Key) -> KeyVersion:
        """The version whose attributes stand beside a name without version in a list."""
        return key.versions[0] if self._service.profile.key_item_shows == "first" else key.current

    @property
    def audience(self) -> str:
        return self._service.state.cloud.vault_audience

    def store(self, label: str) -> KeyStore | None:
        """The vault of that name."""
        return self._service.state.vaults.get(label)

    def refusal(self, caller: Caller, store: KeyStore, permission: str, name: str | None) -> AzureError | None:
        """Why the caller may not do that to the key of that name, or (None) to keys in general."""
        assert isinstance(store, Vault)
        inner = self._service.state.rights.may_use_keys(caller.object_id, caller.tenant_id, permission, store)
        return _forbidden(caller, store, permission, inner) if inner else None

    def _store(self, request: web.Request) -> KeyStore:
        """The store of the host name. DNS ends before the store does, so a stale connection may ask in vain."""
        label = request.host.partition(".")[0].lower()
        store = self.store(label)
        if store is None:
            raise AzureError(404, "VaultNotFound", f"The vault {label} does not exist.")
        return store

    def _allowed(self, request: web.Request, permission: str, deleted: bool = False) -> KeyStore:
        """The store, if the token is good and its bearer holds the key permission."""
        store, caller = self.enter(request)
        refusal = self.refusal(caller, store, self.wanted(permission, deleted), request.match_info.get("name"))
        if refusal:
            raise refusal
        return store

    def enter(self, request: web.Request) -> tuple[KeyStore, Caller]:
        """The store and the caller, if the token is good and the firewall lets the caller's address in."""
        store = self._store(request)
        caller = self._caller(request, store)
        _require_version(_api_version(request), self.versions_served)
        address = source_address(request, self._service.runtime)
        inner = store.firewall.refusal(address)
        if inner:
            raise _kept_out(caller, store, inner, address)
        return store, caller

    @staticmethod
    def wanted(permission: str, deleted: bool) -> str:
        """The permission that counts. Vaults know no difference between keys and deleted keys in reading."""
        del deleted
        return permission

    def _caller(self, request: web.Request, vault: KeyStore) -> Caller:
        cloud = self._service.state.cloud
        challenge = {
            "WWW-Authenticate": f'Bearer authorization="https://{cloud.login_host}/{vault.tenant_id}", '
            f'resource="{self.audience}"'
        }
        try:
            authorization = request.headers.get("Authorization", "")
            caller = self._service.state.tokens.verify(authorization, (self.audience,))
        except TokenRefused as refusal:
            raise AzureError(401, "Unauthorized", _REFUSALS[refusal.reason], headers=challenge) from refusal
        if caller.tenant_id != vault.tenant_id:
            message = f"AKV10032: Invalid issuer. Expected one of https://{cloud.login_host}/{vault.tenant_id}/"
            raise AzureError(401, "Unauthorized", message, headers=challenge)
        return announce(request, caller)

    @staticmethod
    def _key(request: web.Request, vault: KeyStore) -> Key:
        key = vault.key(request.match_info["name"])
        if key is None:
            raise _not_found(request.match_info["name"])
        return key

    def key_type(self, store: KeyStore, kty: str) -> str:
        """The type that a new key gets."""
        if kty.endswith("-HSM") and store.sku.lower() != "premium":
            raise AzureError(400, "BadParameter", "HSM-protected keys are supported in premium vaults only")
        return kty

    def _new_version(self, vault: KeyStore, body: dict[str, Any]) -> KeyVersion:
        kty = body.get("kty")
        if kty not in _TYPES:
            raise AzureError(400, "BadParameter", f"Property kty has an unsupported value: {kty}")
        kty = self.key_type(vault, kty)
        size, curve = body.get("key_size") or 2048, body.get("crv") or "P-256"
        if size not in _SIZES or curve not in CURVES:
            raise AzureError(400, "BadParameter", f"Unsupported key size or curve: {size}, {curve}")
        version = new_version(self._service.runtime.clock.utc(), kty, size, curve)
        attributes = body.get("attributes") or {}
        version.enabled = attributes.get("enabled", True)
        version.expires, version.not_before = attributes.get("exp"), attributes.get("nbf")
        version.key_ops = body.get("key_ops") or version.key_ops
        version.tags = body.get("tags") or {}
        if isinstance(vault, Vault):
            version.hsm_platform = "2" if kty.endswith("-HSM") else "0"
        return version


_REFUSALS = {
    "missing": "AKV10000: Request is missing a Bearer or PoP token.",
    "audience": "AKV10022: Invalid audience.",
    "issuer": "AKV10032: Invalid issuer.",
    "expired": "AKV10000: The token has expired.",
    "invalid": "AKV10000: The token cannot be validated.",
}


def _api_version(request: web.Request) -> str:
    return request.query.get("api-version", "")


def _require_version(version: str, served: tuple[str, ...]) -> None:
    """Refuse a missing and an unknown api-version. The text: Azure/azure-sdk-for-python issue 28595."""
    if not version:
        raise AzureError(400, "BadParameter", "api-version must be specified")
    if version.lower() not in served:
        message = (
            f"The specified version ({version}) is not recognized. Consider using the latest supported version "
            f"({latest_stable(served)})."
        )
        raise AzureError(400, "BadParameter", message)


async def body_of(request: web.Request) -> dict[str, Any]:
    try:
        value = json.loads(await request.read())
    except ValueError as error:
        raise AzureError(400, "BadParameter", "The request body is not valid JSON") from error
    if not isinstance(value, dict):
        raise AzureError(400, "BadParameter", "The request body must be an object")
    return value


def _not_found(name: str) -> AzureError:
    message = (
        f"A key with (name/id) {name} was not found in this key vault. If you recently deleted this key you may be "
        "able to recover it using the correct recovery command."
    )
    return AzureError(404, "KeyNotFound", message)


def _who(caller: Caller) -> str:
    return f"appid={caller.client_id};oid={caller.object_id};iss=https://sts.windows.net/{caller.tenant_id}/"


def _kept_out(caller: Caller, store: KeyStore, inner: str, address: str) -> AzureError:
    """The firewall's refusal. Key Vault separates the parts of this message by line breaks."""
    reason = {
        "ForbiddenByFirewall": "Client address is not authorized and caller is not a trusted service.\r\n"
        f"Client address: {address}",
        "ForbiddenByConnection": "Public network access is disabled and request is not from a trusted service nor via "
        "an approved private link.",
    }[inner]
    message = f"{reason}\r\nCaller: {_who(caller)}\r\nVault: {store.name};location={store.location}"
    return AzureError(403, "Forbidden", message, inner)


def _forbidden(caller: Caller, vault: Vault, permission: str, inner: str) -> AzureError:
    who = _who(caller)
    if inner == "ForbiddenByRbac":
        action = (DATA_ACTIONS | ROTATION_POLICY_ACTIONS)[permission]
        message = (
            "Caller is not authorized to perform action on resource. If role assignments, deny assignments or role "
            "definitions were changed recently, please observe propagation time. "
            f"Caller: {who} Action: '{action}' Resource: '{vault.resource_id}' Assignment: (not "
            f"found) Vault: {vault.name};location={vault.location}"
        )
    else:
        message = (
            f"The user, group or application '{who}' does not have keys {permission} permission on key vault "
            f"'{vault.name};location={vault.location}'."
        )
    return AzureError(403, "Forbidden", message, inner)
