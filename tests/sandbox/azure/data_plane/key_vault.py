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

from ...wire import json_response, source_address
from ..entra.tokens import Caller, TokenRefused
from ..keys.material import CURVES
from ..rights.effective import DATA_ACTIONS
from ..service import AzureError, Service, announce, application, page_of
from ..vaults import DeletedKey, Key, KeyStore, KeyVersion, Vault, new_version

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_TYPES = ("RSA", "RSA-HSM", "EC", "EC-HSM")
_SIZES = (2048, 3072, 4096)
_OLDEST = ("2015-06-01", "2016-10-01", "7.0", "7.1")
POOL_VERSIONS = (
    *("7.2-preview", "7.2", "7.3-preview", "7.3", "7.4-preview.1", "7.4", "7.5-preview.1", "7.5", "7.6-preview.2", "7.6"),
    *("2025-06-01-preview", "2025-07-01"),
)
"""The api-versions that managed HSMs know, the newest last (the list of azure-keyvault-keys; Azure contract §1.1)."""


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
    app.router.add_get("/keys/{name}/{version}", vaults.get)
    app.router.add_post("/keys/{name}/create", vaults.create)
    app.router.add_get("/deletedkeys", vaults.list_deleted)
    app.router.add_get("/deletedkeys/{name}", vaults.get_deleted)
    return app


class KeyVault:
    versions_served: tuple[str, ...] = (*_OLDEST, *POOL_VERSIONS)

    def __init__(self, service: Service) -> None:
        self._service = service

    async def list_keys(self, request: web.Request) -> web.Response:
        vault = self._allowed(request, "list")
        keys = sorted(vault.keys.values(), key=lambda key: key.name.lower())
        return self._page(request, keys, lambda key: _item_json(vault, key, key.current, with_version=False))

    async def versions(self, request: web.Request) -> web.Response:
        vault = self._allowed(request, "list")
        key = self._key(request, vault)
        return self._page(request, key.versions, lambda version: _item_json(vault, key, version, with_version=True))

    async def get(self, request: web.Request) -> web.Response:
        vault = self._allowed(request, "get")
        key = self._key(request, vault)
        version = key.version(request.match_info.get("version", ""))
        if version is None:
            raise _not_found(key.name)
        return json_response(_bundle(vault, key, version))

    async def create(self, request: web.Request) -> web.Response:
        vault = self._allowed(request, "create")
        name = request.match_info["name"]
        if not _NAME.fullmatch(name):
            raise AzureError(400, "BadParameter", f"The request URI contains an invalid name: {name}")
        if name.lower() in vault.deleted_keys:
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
        return json_response(_bundle(vault, key, version))

    async def list_deleted(self, request: web.Request) -> web.Response:
        vault = self._allowed(request, "list", deleted=True)
        return self._page(request, list(vault.deleted_keys.values()), lambda gone: _deleted_json(vault, gone, False))

    async def get_deleted(self, request: web.Request) -> web.Response:
        vault = self._allowed(request, "get", deleted=True)
        gone = vault.deleted_keys.get(request.match_info["name"].lower())
        if gone is None:
            raise AzureError(404, "KeyNotFound", f"Deleted Key not found: {request.match_info['name']}")
        return json_response(_deleted_json(vault, gone, True))

    # Helpers -------------------------------------------------------------------------------------------------------

    def _page(self, request: web.Request, items: list[Any], render: Callable[[Any], dict[str, Any]]) -> web.Response:
        return json_response(page_of(items, request, self._service.state.key_page_size, render, "maxresults"))

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
        _require_version(request.query.get("api-version", ""), self.versions_served)
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
        return version


_REFUSALS = {
    "missing": "AKV10000: Request is missing a Bearer or PoP token.",
    "audience": "AKV10022: Invalid audience.",
    "issuer": "AKV10032: Invalid issuer.",
    "expired": "AKV10000: The token has expired.",
    "invalid": "AKV10000: The token cannot be validated.",
}


def _require_version(version: str, served: tuple[str, ...]) -> None:
    """Refuse a missing and an unknown api-version. The text: Azure/azure-sdk-for-python issue 28595."""
    if not version:
        raise AzureError(400, "BadParameter", "api-version must be specified")
    if version.lower() not in served:
        message = (
            f"The specified version ({version}) is not recognized. Consider using the latest supported version "
            f"({served[-1]})."
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
        message = (
            "Caller is not authorized to perform action on resource. If role assignments, deny assignments or role "
            "definitions were changed recently, please observe propagation time. "
            f"Caller: {who} Action: '{DATA_ACTIONS[permission]}' Resource: '{vault.resource_id}' Assignment: (not "
            f"found) Vault: {vault.name};location={vault.location}"
        )
    else:
        message = (
            f"The user, group or application '{who}' does not have keys {permission} permission on key vault "
            f"'{vault.name};location={vault.location}'."
        )
    return AzureError(403, "Forbidden", message, inner)


def _attributes(vault: KeyStore, version: KeyVersion) -> dict[str, Any]:
    optional = {"exp": version.expires, "nbf": version.not_before}
    return {
        "enabled": version.enabled,
        "created": version.created,
        "updated": version.updated,
        "recoveryLevel": "Recoverable" if vault.purge_protection else "Recoverable+Purgeable",
        "recoverableDays": vault.retention_days,
        # 0 is software; HSM keys are made on platform 2 today (Azure: About keys). Pools say nothing here: unknown.
        **({"hsmPlatform": "2" if version.kty.endswith("-HSM") else "0"} if isinstance(vault, Vault) else {}),
        **{name: value for name, value in optional.items() if value is not None},
    }


def _kid(vault: KeyStore, key: Key, version: KeyVersion | None) -> str:
    base = f"{vault.uri}keys/{key.name}"
    return f"{base}/{version.version}" if version else base


def _item_json(vault: KeyStore, key: Key, version: KeyVersion, with_version: bool) -> dict[str, Any]:
    item: dict[str, Any] = {
        "kid": _kid(vault, key, version if with_version else None),
        "attributes": _attributes(vault, version),
        "tags": version.tags,
    }
    return {**item, "managed": True} if key.managed else item


def _bundle(vault: KeyStore, key: Key, version: KeyVersion) -> dict[str, Any]:
    jwk = {"kid": _kid(vault, key, version), "kty": version.kty, "key_ops": version.key_ops, **version.material}
    bundle = {"key": jwk, "attributes": _attributes(vault, version), "tags": version.tags}
    return {**bundle, "managed": True} if key.managed else bundle


def _deleted_json(vault: KeyStore, gone: DeletedKey, whole: bool) -> dict[str, Any]:
    version = gone.key.current
    shown = _bundle(vault, gone.key, version) if whole else _item_json(vault, gone.key, version, with_version=False)
    return {
        **shown,
        "recoveryId": f"{vault.uri}deletedkeys/{gone.key.name}",
        "deletedDate": gone.deleted,
        "scheduledPurgeDate": gone.deleted + vault.retention_days * 86400,
    }
