# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data plane of managed HSM pools: the key routes of vaults with other rights, and the pool's own roles.

Azure contract §1.6, §1.8. The roles' routes are in `hsm_roles`.
"""

from __future__ import annotations

import uuid

from aiohttp import web

from ..entra.tokens import Caller
from ..keys import bodies
from ..keys.rotation import Rules
from ..keys.shapes import POOL_VERSIONS
from ..rights import local_roles as hsm_rights
from ..service import AzureError, Service
from ..vaults import KeyStore, ManagedHsm
from .hsm_roles import HsmRoles, add_role_routes
from .key_vault import KeyVault, keys_application


def managed_hsm_application(service: Service) -> web.Application:
    plane = ManagedHsmPlane(service)
    app = keys_application(plane, service)
    add_role_routes(app, HsmRoles(service, plane.entered_for))
    return app


class ManagedHsmPlane(KeyVault):
    versions_served = POOL_VERSIONS
    rotation_rules = Rules(notifies=False, least_days=28, needs_policy=True)
    types = ("RSA-HSM", "EC-HSM", "oct-HSM")
    most_versions = 100

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
        action = (hsm_rights.DATA_ACTIONS | hsm_rights.FURTHER_ACTIONS)[permission]
        return self._refusal(caller, store, action, f"/keys/{name}" if name else "/keys")

    async def rotation_policy(self, request: web.Request) -> web.Response:
        self._require_rotation(request, "getrotationpolicy")
        return await super().rotation_policy(request)

    async def set_rotation_policy(self, request: web.Request) -> web.Response:
        self._require_rotation(request, "setrotationpolicy")
        return await super().set_rotation_policy(request)

    async def rotate(self, request: web.Request) -> web.Response:
        self._require_rotation(request, "rotate")
        return await super().rotate(request)

    def _require_rotation(self, request: web.Request, permission: str) -> None:
        """Two pages of Microsoft contradict each other on whether pools rotate keys (Azure contract §1.9)."""
        if self._service.profile.hsm_rotation == "400":
            self._allowed(request, permission)
            raise AzureError(400, "NotSupported", "Key rotation is not supported by this managed HSM.")

    def entered_for(self, request: web.Request, action: str, scope: str) -> ManagedHsm:
        """The pool, if the caller may perform the data action at the scope."""
        store, caller = self.enter(request)
        assert isinstance(store, ManagedHsm)
        refusal = self._refusal(caller, store, action, scope)
        if refusal:
            raise refusal
        return store

    def _refusal(self, caller: Caller, pool: ManagedHsm, action: str, scope: str) -> AzureError | None:
        """Why the caller may not perform the data action at the scope: a pool that sleeps, or no local role for it."""
        if not pool.activated:
            return AzureError(403, "Forbidden", f"The managed HSM {pool.name} has not been activated.")
        oid = caller.object_id.lower()
        identities = {oid} | self._service.state.directory.groups_of(oid)
        if hsm_rights.may(pool.local_roles, pool.roles, identities, action, scope):
            return None
        message = f"Not authorized to access {action} on {scope} (Activity ID: {uuid.uuid4()})"
        return AzureError(403, "AccessDenied", message)

    def key_type(self, store: KeyStore, kty: object) -> str:
        """All keys of a pool are HSM-protected. Whether it takes another type for that is not known."""
        if self._service.profile.hsm_software_kty == "hardened" and kty in ("RSA", "EC", "oct"):
            kty = f"{kty}-HSM"
        return bodies.key_type(kty, self.types)

    def imported_type(self, store: KeyStore, kty: object, hsm: bool) -> str:
        """A JWK has its own type, and its key ends up in the HSM."""
        return bodies.key_type(f"{str(kty).removesuffix('-HSM')}-HSM", self.types)
