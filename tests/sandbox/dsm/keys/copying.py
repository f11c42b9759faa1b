# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of a key: in another group of DSM, or in a vault (bring your own key), where they can be a rotation."""

from __future__ import annotations

from typing import Any

from ...custody.public_keys import AZURE_CURVES
from ..context import Dsm, require_uuid
from ..errors import bad_request, not_found
from ..permissions import Principal, readable_group
from ..state import Account
from ..values import Group, SecurityObject
from .making import AZURE_TYPES, is_hardware
from .records import CREATED, members_of, record_version, require_free
from .requests import KeyRequest, judge_dates, judge_operations, key_request
from .rights import Need, described, need, permit
from .shapes import written_json
from .states import require_active, require_rotatable, settle
from .vault import bring, identity_of, in_azures_words, new_details, over_link

_SIZES = (2048, 3072, 4096)


class Copying:
    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm

    @property
    def _now(self) -> float:
        return self._dsm.runtime.clock.now()

    @staticmethod
    def needs(account: Account, source: SecurityObject, body: dict[str, Any]) -> list[Need]:
        """In both groups. The material leaves the source's group; to where it goes decides what that needs."""
        target = account.groups.get(require_uuid(body.get("group_id") or source.group_id, "group_id"))
        home = account.groups.get(source.group_id)
        if target is None or home is None:
            raise not_found("group does not exist")
        permissions = ["COPY_SOBJECTS", *(["EXPORT_SOBJECTS"] if target.hmg else [])]
        return [need(home, *permissions, exports=True), need(target, "CREATE_SOBJECTS")]

    async def copy(self, principal: Principal, body: dict[str, Any], approved: bool = False) -> tuple[int, Any]:
        profile = self._dsm.profile
        wanted = key_request(body)
        source = settle(described(principal, body.get("key")), self._now)
        target = readable_group(principal, wanted.group_id or source.group_id, profile)
        needs = self.needs(principal.account, source, body)
        permit(principal, needs, profile, approved=approved)
        wanted.needed("name")
        judge_dates(wanted, self._now)
        if source.external:
            raise bad_request("The material of a virtual key is not in DSM: it cannot be copied")
        require_active(source)
        make = self._copy_to_azure if target.hmg else self._copy_within
        made = await make(principal, target, source, wanted)
        self._dsm.state.link_copy(source, made)
        return CREATED, written_json(made, profile)

    async def _copy_within(
        self, principal: Principal, target: Group, source: SecurityObject, wanted: KeyRequest
    ) -> SecurityObject:
        name = wanted.needed("name")
        require_free(principal.account, name)
        operations = wanted.key_ops or list(source.key_ops)
        judge_operations(source.obj_type, operations)
        return self._dsm.state.add_key(
            target.group_id,
            name,
            source.obj_type,
            source.key_size,
            elliptic_curve=source.elliptic_curve,
            pub_key=source.pub_key,
            export_policy=wanted.export_policy or source.export_policy,
            never_exportable=source.never_exportable,
            key_creation_method=source.key_creation_method,
            creator=principal.as_creator,
            **members_of(wanted, self._now, operations),
        )

    # Into a vault ----------------------------------------------------------------------------------------------------

    async def _copy_to_azure(
        self, principal: Principal, target: Group, source: SecurityObject, wanted: KeyRequest
    ) -> SecurityObject:
        self.judge_source(source)
        azure_name, name = wanted.azure_name, wanted.needed("name")
        operations = wanted.key_ops or _fitting(source.key_ops)
        judge_operations(source.obj_type, operations)
        details = new_details(wanted, operations, self._dsm.profile.pushes)
        async with self._dsm.lock(target.group_id):
            replaced = self._replaced(principal.account, target, name, azure_name)
            async with over_link(self._dsm, target) as azure:
                made = await bring(azure, azure_name, source, is_hardware(wanted), details)
            members = members_of(wanted, self._now, operations)
            return record_version(self._dsm, principal, target.group_id, name, made, members, replaced)

    def judge_source(self, source: SecurityObject) -> None:
        """Whether a key can go to Azure, or 400."""
        if source.obj_type not in AZURE_TYPES or source.public_only:
            raise bad_request(f"Keys of type {source.obj_type} cannot be copied to Azure Key Vault")
        if not (source.key_size in _SIZES if source.obj_type == "RSA" else source.elliptic_curve in AZURE_CURVES):
            raise bad_request("The size or curve of the source is not supported by Azure Key Vault")
        if "EXPORT" not in source.key_ops:
            raise bad_request("The source is not exportable: it lacks the operation EXPORT")
        if not source.enabled:
            raise bad_request("sobject is disabled")
        wrapped = (source.export_policy or {}).get("$type") == "Wrapped"
        if wrapped and self._dsm.profile.copy_wrapped_only == "refused":
            raise bad_request("The export policy of the source demands that it is wrapped")

    def _replaced(self, account: Account, target: Group, name: str, azure_name: str) -> SecurityObject | None:
        """The virtual key that the copy rotates, if it is a rotation (Q48)."""
        holder = account.keys.named(name)
        ours = holder if holder and holder.external and holder.group_id == target.group_id else None
        newest = self._newest(target, azure_name)
        setting = self._dsm.profile.copy_rotates_by
        rotated = {"dsm_name": ours, "azure_name": newest, "either": ours or newest, "never": None}[setting]
        require_free(account, name, rotated)
        if rotated is not None:
            settle(rotated, self._now)
            if identity_of(rotated)[0].lower() != azure_name.lower():
                raise bad_request("azure-key-name is not that of the key that is to be rotated")
            require_rotatable(rotated, self._dsm.profile)
        return rotated

    def _newest(self, target: Group, azure_name: str) -> SecurityObject | None:
        records = [
            key
            for key in self._dsm.state.keys_in(target.group_id)
            if key.external
            and identity_of(key)[0].lower() == azure_name.lower()
            and "replacement" not in key.links
            and key.state != "Destroyed"
        ]
        return records[-1] if records else None


def _fitting(operations: list[str]) -> list[str]:
    """Those of a source's operations that a key in Azure can have, and whether apps may manage it."""
    return [name for name in operations if in_azures_words([name]) or name == "APPMANAGEABLE"]
