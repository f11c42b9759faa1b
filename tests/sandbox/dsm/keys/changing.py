# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of a key's members and of its state, and the deletion of its record (DSM contract §4.6, §4.7)."""

from __future__ import annotations

from typing import Any

from ..context import Dsm, require_uuid
from ..errors import DsmError, bad_request, not_found
from ..permissions import Principal
from ..state import Account
from ..values import Group, SecurityObject
from . import states
from .records import require_free, scheduled
from .requests import KeyRequest, judge_dates, judge_export_policy, judge_operations, key_request
from .rights import Need, group_of, key_of, need, permit
from .shapes import written_json
from .vault import change, changed_details, over_link

_PERMISSIONS = {
    "name": "UPDATE_SOBJECTS_PROFILE",
    "description": "UPDATE_SOBJECTS_PROFILE",
    "custom_metadata": "UPDATE_SOBJECTS_PROFILE",
    "activation_date": "UPDATE_SOBJECTS_PROFILE",
    "deactivation_date": "UPDATE_SOBJECTS_PROFILE",
    "enabled": "UPDATE_SOBJECTS_ENABLED_STATE",
    "key_ops": "UPDATE_KEY_OPS",
    "rotation_policy": "UPDATE_SOBJECT_POLICIES",
    "export_policy": "UPDATE_SOBJECT_POLICIES",
}
"""Member -> permission. For dates and these two policies no source names one."""
_DEEDS = {"destroy": "DESTROY_SOBJECTS", "revoke": "REVOKE_SOBJECTS", "activate": "ACTIVATE_SOBJECTS"}


class Changing:
    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm

    @property
    def _now(self) -> float:
        return self._dsm.runtime.clock.now()

    def _found(self, principal: Principal, kid: str, needs: list[Need], approved: bool) -> SecurityObject:
        """The key, if the principal may do what has these needs, and no quorum stands in the way."""
        key = states.settle(key_of(principal, kid), self._now)
        permit(principal, needs, self._dsm.profile, approved=approved, changed=key)
        return key

    # Members -------------------------------------------------------------------------------------------------------

    @staticmethod
    def needs_to_change(account: Account, key: SecurityObject, body: dict[str, Any]) -> list[Need]:
        group = group_of(account, key)
        permissions = {permission for name, permission in _PERMISSIONS.items() if body.get(name) is not None}
        target_id = key.group_id if body.get("group_id") is None else require_uuid(body["group_id"], "group_id")
        if target_id == key.group_id:
            return [need(group, *(permissions or {"UPDATE_SOBJECTS_PROFILE"}))]
        target = account.groups.get(target_id)
        if target is None:
            raise not_found("group does not exist")
        return [need(group, "MOVE_SOBJECTS", *permissions), need(target, "CREATE_SOBJECTS")]

    async def change(
        self, principal: Principal, kid: str, body: dict[str, Any], approved: bool = False
    ) -> tuple[int, Any]:
        wanted = key_request(body)
        seen = key_of(principal, kid)
        key = self._found(principal, kid, self.needs_to_change(principal.account, seen, body), approved)
        states.require_modifiable(key)
        self._judge(principal.account, key, wanted)
        if key.external:
            await self._change_in_azure(group_of(principal.account, key), key, wanted)
        self._apply(principal.account, key, wanted)
        return 200, written_json(key, self._dsm.profile)

    def _judge(self, account: Account, key: SecurityObject, wanted: KeyRequest) -> None:
        if wanted.name is not None:
            require_free(account, wanted.name, key)
        if wanted.key_ops is not None:
            judge_operations(key.obj_type, wanted.key_ops)
            if "EXPORT" in wanted.key_ops and "EXPORT" not in (key.original_key_ops or key.key_ops):
                raise bad_request("EXPORT cannot be added to a key that was created without it")
        if wanted.export_policy is not None:
            judge_export_policy(key, wanted.export_policy)
        judge_dates(wanted, self._now, key)
        target = account.groups.get(wanted.group_id or key.group_id)
        if wanted.group_id not in (None, key.group_id) and (key.external or (target and target.hmg)):
            raise bad_request("A key cannot be moved out of a group that is linked to an external KMS, or into one")

    async def _change_in_azure(self, group: Group, key: SecurityObject, wanted: KeyRequest) -> None:
        details = changed_details(wanted, self._dsm.profile.pushes)
        if details:
            async with self._dsm.lock(group.group_id), over_link(self._dsm, group) as azure:
                await change(azure, key, details)

    def _apply(self, account: Account, key: SecurityObject, wanted: KeyRequest) -> None:
        if wanted.name is not None:
            account.keys.rename(key, wanted.name)
        if wanted.group_id not in (None, key.group_id):
            account.keys.move(key, str(wanted.group_id))
        for name in ("description", "enabled", "key_ops", "activation_date", "deactivation_date", "export_policy"):
            value = getattr(wanted, name)
            if value is not None:
                setattr(key, name, value)
        if wanted.custom_metadata is not None:
            kept = key.custom_metadata if self._dsm.profile.metadata_patch == "merge" else {}
            own = {n: v for n, v in key.custom_metadata.items() if n == "azure-key-state"}
            key.custom_metadata = {**kept, **wanted.custom_metadata, **own}
        if wanted.rotation_policy is not None:
            key.rotation_policy = wanted.rotation_policy or None
            key.scheduled_rotation = scheduled(key.rotation_policy, self._now)

    # States --------------------------------------------------------------------------------------------------------

    async def state_deed(
        self, principal: Principal, kid: str, body: dict[str, Any], deed: str, approved: bool = False
    ) -> tuple[int, Any]:
        """`destroy`, `revoke` or `activate`: what they do to a key in Azure is not public; nothing here (Q62)."""
        key = self._found(principal, kid, self.needs_of(principal.account, key_of(principal, kid), deed), approved)
        clock = self._dsm.runtime.clock
        if deed == "destroy":
            states.destroy(key, clock)
        elif deed == "revoke":
            states.revoke(key, body, clock)
        else:
            states.activate(key, clock)
        return 204, {}

    @staticmethod
    def needs_of(account: Account, key: SecurityObject, deed: str) -> list[Need]:
        return [need(group_of(account, key), _DEEDS.get(deed, "DELETE_SOBJECTS"))]

    async def remove(
        self, principal: Principal, kid: str, _body: dict[str, Any], approved: bool = False
    ) -> tuple[int, Any]:
        """Delete the record. When that is possible for a key of Azure is not public (Q56)."""
        needs = self.needs_of(principal.account, key_of(principal, kid), "delete")
        key = self._found(principal, kid, needs, approved)
        gone = key.custom_metadata.get("azure-key-state") in ("deleted", "purged")
        possible = {"destroyed": False, "deleted": gone, "any": True}[self._dsm.profile.delete_when]
        if key.external and key.state != "Destroyed" and not possible:
            raise DsmError(self._dsm.profile.delete_early, f"sobject is {key.state} and cannot be deleted")
        principal.account.keys.remove(key)
        return 204, {}
