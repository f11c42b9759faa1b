# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a key in Azure, and its return: operations that the API does not describe (DSM contract §4.4, Q50)."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from ..context import Dsm
from ..errors import DsmError, bad_request
from ..permissions import Principal
from ..state import Account
from ..values import SecurityObject
from . import vault
from .copying import Copying
from .rights import Need, group_of, key_of, need, permit
from .shapes import written_json
from .states import settle

_REFUSALS = {
    "404": (404, "Not Found"),
    "405": (405, "Method Not Allowed"),
    "400": (400, "The operation is not supported for keys of Azure Key Vault"),
}


class Ending:
    def __init__(self, dsm: Dsm, copying: Copying) -> None:
        self._dsm = dsm
        self._copying = copying
        self._deeds: dict[str, Callable[[Principal, SecurityObject], Awaitable[None]]] = {
            "schedule_deletion": self._delete,
            "delete_key_material": self._purge,
            "cancel_deletion": self._recover,
            "restore": self._restore,
        }

    def require_served(self, deed: str) -> None:
        profile = self._dsm.profile
        settings = {"cancel_deletion": profile.recover_route, "restore": profile.restore_route}
        setting: str = settings.get(deed, profile.deletion_routes)
        if setting != "served":
            raise DsmError(*_REFUSALS[setting])

    @staticmethod
    def needs(account: Account, key: SecurityObject, deed: str) -> list[Need]:
        group = group_of(account, key)
        if deed != "restore":
            return [need(group, "DELETE_KEY_MATERIAL", undocumented=True)]
        needs = [need(group, "RESTORE_EXTERNAL_SOBJECTS", undocumented=True)]
        source = account.keys.get(key.links.get("copiedFrom", ""))
        home = account.groups.get(source.group_id) if source else None
        return [*needs, need(home, "EXPORT_SOBJECTS", undocumented=True)] if home else needs

    async def carry_out(self, principal: Principal, kid: str, deed: str, approved: bool = False) -> tuple[int, Any]:
        profile = self._dsm.profile
        self.require_served(deed)
        key = settle(key_of(principal, kid), self._dsm.runtime.clock.now())
        needs = self.needs(principal.account, key, deed)
        permit(principal, needs, profile, approved=approved, changed=key)
        if not key.external:
            raise bad_request("sobject is not a key of an external KMS")
        async with self._dsm.lock(key.group_id):
            await self._deeds[deed](principal, key)
        return 200, written_json(key, profile)

    def _require(self, key: SecurityObject, *expected: str) -> None:
        told = key.custom_metadata.get("azure-key-state", "created")
        if told not in expected:
            raise bad_request(f"The key in Azure Key Vault is {told}")

    async def _delete(self, principal: Principal, key: SecurityObject) -> None:
        """The whole key with all versions: Azure deletes no single one."""
        self._require(key, "created")
        name, _version = vault.identity_of(key)
        async with vault.over_link(self._dsm, group_of(principal.account, key)) as azure:
            if self._dsm.profile.azure_backup == "set_at_delete":
                key.azure_backup = await vault.back_up(azure, name)
            await vault.soft_delete(azure, name)
        self._dsm.state.mark(key, "deleted", self._dsm.profile)

    async def _purge(self, principal: Principal, key: SecurityObject) -> None:
        self._require(key, "deleted")
        async with vault.over_link(self._dsm, group_of(principal.account, key)) as azure:
            await vault.purge(azure, vault.identity_of(key)[0])
        self._dsm.state.mark(key, "purged", self._dsm.profile)

    async def _recover(self, principal: Principal, key: SecurityObject) -> None:
        self._require(key, "deleted")
        async with vault.over_link(self._dsm, group_of(principal.account, key)) as azure:
            await vault.recover(azure, vault.identity_of(key)[0])
        self._dsm.state.mark(key, "created", self._dsm.profile)

    async def _restore(self, principal: Principal, key: SecurityObject) -> None:
        """From a backup, with the versions that it had; else from the source, as a new version of the freed name."""
        self._require(key, "purged")
        source = principal.account.keys.get(key.links.get("copiedFrom", ""))
        name, version = vault.identity_of(key)
        async with vault.over_link(self._dsm, group_of(principal.account, key)) as azure:
            if key.azure_backup is not None:
                await vault.restore(azure, key.azure_backup)
            elif source is None:
                raise bad_request("There is neither a backup of the key nor a source of its material")
            else:
                self._copying.judge_source(source)
                hardware = key.custom_metadata.get("azure-key-type") == "hardware"
                details = {"key_ops": vault.in_azures_words(key.key_ops)}
                made = await vault.bring(azure, name, source, hardware, details)
                version = vault.identity_in(made)[1]
        if key.azure_backup is not None:
            self._dsm.state.mark(key, "created", self._dsm.profile)
        assert key.external is not None
        key.external["id"]["version"] = str(uuid.UUID(hex=version))
        key.state = "Active"
        key.custom_metadata["azure-key-state"] = "created"
        key.enabled = True
