# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all requests for keys have in common: the store of the host name, the caller, and what the caller may do."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from aiohttp import web

from ...wire import source_address
from ..entra.tokens import Caller, TokenRefused
from ..keys.bodies import refused
from ..keys.rotation import Rules
from ..keys.shapes import VAULT_VERSIONS, latest_stable
from ..keys.values import Key
from ..service import AzureError, Service, announce
from ..vaults import KeyStore, Vault
from .refusals import forbidden, kept_out, not_found, of_a_certificate

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_REFUSALS = {
    "missing": "AKV10000: Request is missing a Bearer or PoP token.",
    "audience": "AKV10022: Invalid audience.",
    "issuer": "AKV10032: Invalid issuer.",
    "expired": "AKV10000: The token has expired.",
    "invalid": "AKV10000: The token cannot be validated.",
}


class KeyPlane:
    """The data plane of vaults; managed HSMs say what is different with them."""

    versions_served: ClassVar[tuple[str, ...]] = VAULT_VERSIONS
    rotation_rules: ClassVar[Rules] = Rules(notifies=True, least_days=7, needs_policy=False)

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def _now(self) -> float:
        return self._service.state.clock.now()

    @property
    def audience(self) -> str:
        return self._service.state.cloud.vault_audience

    def store(self, label: str) -> KeyStore | None:
        """The vault of that name."""
        return self._service.state.vaults.get(label)

    def refusal(self, caller: Caller, store: KeyStore, permission: str, name: str | None) -> AzureError | None:
        """Why the caller may not do that to the key of that name, or (None) to keys in general."""
        assert isinstance(store, Vault)
        rights = self._service.state.rights
        inner = rights.may_use_keys(caller.object_id, caller.tenant_id, permission, store, name)
        return forbidden(caller, store, permission, inner, name) if inner else None

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
        _require_version(api_version(request), self.versions_served)
        refusal = store.firewall.refusal(source_address(request, self._service.runtime))
        if refusal:
            raise kept_out(caller, store, refusal)
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

    def _key(self, request: web.Request, store: KeyStore) -> Key:
        """The key of the path. One that is being recovered is not found yet."""
        key = store.present_key(request.match_info["name"], self._now)
        if key is None:
            raise not_found(request.match_info["name"])
        return key

    def _own_key(self, request: web.Request, store: KeyStore) -> Key:
        """The key of the path, which must be no certificate's."""
        key = self._key(request, store)
        if key.managed:
            raise of_a_certificate(key.name)
        return key


def new_name(request: web.Request) -> str:
    """The name of the path, as a key may have it."""
    name = request.match_info["name"]
    if not _NAME.fullmatch(name):
        raise refused(f"The request URI contains an invalid name: {name}")
    return name


def api_version(request: web.Request) -> str:
    return request.query.get("api-version", "")


def _require_version(version: str, served: tuple[str, ...]) -> None:
    """Refuse a missing and an unknown api-version. The text: Azure/azure-sdk-for-python issue 28595."""
    if not version:
        raise refused("api-version must be specified")
    if version.lower() not in served:
        message = (
            f"The specified version ({version}) is not recognized. Consider using the latest supported version "
            f"({latest_stable(served)})."
        )
        raise refused(message)


async def body_of(request: web.Request) -> dict[str, Any]:
    try:
        value = json.loads(await request.read())
    except ValueError as error:
        raise refused("The request body is not valid JSON") from error
    if not isinstance(value, dict):
        raise refused("The request body must be an object")
    return value
