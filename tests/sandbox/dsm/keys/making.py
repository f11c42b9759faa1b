# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New keys and new versions of keys: generation and rotation, in DSM or over a link (DSM contract §4.8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..context import Dsm, require_uuid
from ..errors import DsmError, bad_request, not_found
from ..permissions import Principal, readable_group
from ..state import Account
from ..values import Group, SecurityObject
from .records import CREATED, members_of, record_version, require_free, scheduled
from .requests import OPERATIONS, KeyRequest, judge_dates, judge_operations, judge_type, key_request
from .rights import Need, group_of, need, permit, visible
from .shapes import written_json
from .states import require_rotatable, settle
from .vault import generate, identity_of, new_details, over_link, rotate

AZURE_TYPES = ("RSA", "EC")


def default_operations(obj_type: str) -> list[str]:
    return [*OPERATIONS[obj_type], "APPMANAGEABLE"]


class Making:
    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm

    @property
    def _now(self) -> float:
        return self._dsm.runtime.clock.now()

    # Generation ----------------------------------------------------------------------------------------------------

    @staticmethod
    def needs_to_create(account: Account, body: dict[str, Any]) -> list[Need]:
        group = account.groups.get(require_uuid(body.get("group_id"), "group_id"))
        if group is None:
            raise not_found("group does not exist")
        return [need(group, "CREATE_SOBJECTS")]

    async def create(self, principal: Principal, body: dict[str, Any], approved: bool = False) -> tuple[int, Any]:
        profile = self._dsm.profile
        wanted = key_request(body)
        group = readable_group(principal, wanted.needed("group_id"), profile)
        needs = self.needs_to_create(principal.account, body)
        permit(principal, needs, profile, approved=approved)
        name, kind = wanted.needed("name"), judge_type(wanted)
        operations = wanted.key_ops or default_operations(kind[0])
        judge_operations(kind[0], operations)
        judge_dates(wanted, self._now)
        require_free(principal.account, name)
        if group.hmg:
            made = await self._generate_in_azure(principal, group, wanted, kind, operations)
        else:
            made = self._generate(principal, group.group_id, name, kind, members_of(wanted, self._now, operations))
            self._set_export(made, wanted)
        return CREATED, written_json(made, profile)

    def _generate(
        self, principal: Principal, group_id: str, name: str, kind: tuple[str, int, str], members: dict[str, Any]
    ) -> SecurityObject:
        obj_type, size, curve = kind
        creator = principal.as_creator
        return self._dsm.state.add_source_key(group_id, name, obj_type, size, curve, **members, creator=creator)

    @staticmethod
    def _set_export(made: SecurityObject, wanted: KeyRequest) -> None:
        made.never_exportable = "EXPORT" not in made.key_ops
        made.export_policy = wanted.export_policy or made.export_policy

    async def _generate_in_azure(
        self, principal: Principal, group: Group, wanted: KeyRequest, kind: tuple[str, int, str], operations: list[str]
    ) -> SecurityObject:
        profile, name, azure_name = self._dsm.profile, wanted.needed("name"), wanted.azure_name
        if kind[0] not in AZURE_TYPES:
            raise bad_request(f"Keys of type {kind[0]} cannot be generated in Azure Key Vault")
        details = new_details(wanted, operations, profile.pushes)
        async with self._dsm.lock(group.group_id), over_link(self._dsm, group) as azure:
            if profile.create_on_existing == "409" and await azure.key(azure_name) is not None:
                raise DsmError(409, f"a key with the name {azure_name} exists in Azure Key Vault already")
            made = await generate(azure, azure_name, kind, is_hardware(wanted), details)
            members = members_of(wanted, self._now, operations)
            return record_version(self._dsm, principal, group.group_id, name, made, members)

    # Rotation ------------------------------------------------------------------------------------------------------

    @staticmethod
    def rotated(account: Account, body: dict[str, Any]) -> SecurityObject | None:
        """The key that a rotation is about, which is known by its name."""
        name = body.get("name")
        if not isinstance(name, str):
            raise bad_request("name is missing")
        return account.keys.named(name)

    @staticmethod
    def needs_to_rotate(account: Account, key: SecurityObject) -> list[Need]:
        return [need(group_of(account, key), "ROTATE_SOBJECTS")]

    async def rekey(self, principal: Principal, body: dict[str, Any], approved: bool = False) -> tuple[int, Any]:
        profile, clock = self._dsm.profile, self._dsm.runtime.clock
        old = settle(visible(principal, self.rotated(principal.account, body)), self._now)
        permit(principal, self.needs_to_rotate(principal.account, old), profile, approved=approved, changed=old)
        wanted = _kept(old, key_request(body))
        require_rotatable(old, profile)
        if "replacement" in old.links:
            raise bad_request("sobject has been rotated already")
        kind, operations = judge_type(wanted), wanted.key_ops or []
        judge_operations(kind[0], operations)
        judge_dates(wanted, self._now)
        if old.external:
            made = await self._rekey_in_azure(principal, group_of(principal.account, old), old, wanted, kind)
        else:
            name = self._dsm.state.set_aside(old)
            members = members_of(wanted, self._now, operations)
            made = self._generate(principal, old.group_id, name, kind, members)
            self._set_export(made, replace(wanted, export_policy=wanted.export_policy or old.export_policy))
            self._dsm.state.link_rotation(old, made)
        old.rotation_policy = old.scheduled_rotation = None
        made.scheduled_rotation = scheduled(made.rotation_policy, self._now)
        if body.get("deactivate_rotated_key"):
            # Whether the version in Azure is disabled, too, is not public (Q62): it is not.
            old.state, old.deactivation_date = "Deactivated", clock.dsm_stamp()
        return CREATED, written_json(made, profile)

    async def _rekey_in_azure(
        self, principal: Principal, group: Group, old: SecurityObject, wanted: KeyRequest, kind: tuple[str, int, str]
    ) -> SecurityObject:
        operations = wanted.key_ops or []
        details = new_details(wanted, operations, self._dsm.profile.pushes)
        async with self._dsm.lock(group.group_id), over_link(self._dsm, group) as azure:
            name = identity_of(old)[0]
            by_rotation = self._dsm.profile.native_rekey == "rotate"
            making = rotate(azure, name) if by_rotation else generate(azure, name, kind, is_hardware(wanted), details)
            made = await making
            members = members_of(wanted, self._now, operations)
            return record_version(self._dsm, principal, group.group_id, old.name, made, members, old)


def is_hardware(wanted: KeyRequest) -> bool:
    return (wanted.custom_metadata or {}).get("azure-key-type", "").lower() == "hardware"


def _kept(old: SecurityObject, wanted: KeyRequest) -> KeyRequest:
    """A rotation's request, completed by what the new object has of the old one. Dates are those of the request."""
    metadata = {name: value for name, value in old.custom_metadata.items() if name != "azure-key-state"}
    return replace(
        wanted,
        name=old.name,
        obj_type=old.obj_type,
        key_size=wanted.key_size or old.key_size,
        elliptic_curve=wanted.elliptic_curve or old.elliptic_curve,
        key_ops=wanted.key_ops or list(old.key_ops),
        enabled=old.enabled if wanted.enabled is None else wanted.enabled,
        description=old.description if wanted.description is None else wanted.description,
        custom_metadata=metadata if wanted.custom_metadata is None else wanted.custom_metadata,
        rotation_policy=old.rotation_policy if wanted.rotation_policy is None else wanted.rotation_policy,
    )
