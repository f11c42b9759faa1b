# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data plane of managed HSM pools: the same key routes as in vaults, other rights (Azure contract §1.6, §1.8)."""

from __future__ import annotations

from aiohttp import web

from . import hsm_rights
from .key_vault import KeyVault, keys_application
from .service import AzureError, Service
from .tokens import Caller
from .vaults import KeyStore, ManagedHsm


def managed_hsm_application(service: Service) -> web.Application:
    return keys_application(ManagedHsmPlane(service), service)


class ManagedHsmPlane(KeyVault):
    @property
    def audience(self) -> str:
        return self._service.state.cloud.hsm_audience

    def store(self, label: str) -> KeyStore | None:
        return self._service.state.managed_hsms.get(label)

    @staticmethod
    def wanted(permission: str, deleted: bool) -> str:
        """Reading deleted keys is a right of its own, which the Crypto User has not."""
        return "read deleted" if deleted else permission

    def refusal(self, caller: Caller, store: KeyStore, permission: str, name: str | None) -> AzureError | None:
        assert isinstance(store, ManagedHsm)
        if not store.activated:
            return AzureError(403, "Forbidden", f"The managed HSM {store.name} has not been activated.")
        scope = f"/keys/{name}" if name else "/keys"
        if hsm_rights.may(store.local_roles, caller.object_id, permission, scope):
            return None
        action = hsm_rights.DATA_ACTIONS[permission]
        message = f"The principal {caller.object_id} is not authorized to perform {action} on scope {scope}."
        return AzureError(403, "Forbidden", message)

    def key_type(self, store: KeyStore, kty: str) -> str:
        """All keys of a pool are HSM-protected, however they were asked for."""
        return kty if kty.endswith("-HSM") else f"{kty}-HSM"
