# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups: list, get, create, patch, delete (DSM contract §2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ..profiles import Profile
from ..wire import json_response
from . import external_kms
from .context import Dsm, caller, json_object, path_uuid, require_uuid
from .errors import DsmError, bad_request, not_found
from .listing import page_of_groups
from .permissions import (
    Principal,
    changeable_group,
    readable_group,
    require_account_permission,
    require_feature,
)
from .quorum import gate, gate_new_group
from .values import Group, new_id

_NAME = re.compile(r"[^\n]*[^\s\n][^\n]*")
_LIMITED_ENTRIES, _LIMITED_VALUE = 8, 64
_FLAGS = ("hmg_sync", "hmg_segregation")
_REMOVABLE = (
    "auto_scan",
    "cryptographic_policy",
    "key_history_policy",
    "key_metadata_policy",
    "google_access_reason_policy",
    "custodian_policy",
    "export_policy",
    "client_configurations",
    "wrapping_key_name",
)


@dataclass
class _Changes:
    """A request that has been judged as a whole; applying it cannot fail any more."""

    name: str | None = None
    description: str | None = None
    hmg: dict[str, dict[str, Any]] | None = None
    custom_metadata: dict[str, str] | None = None
    approval_policy: dict[str, Any] | None = None
    set_extras: dict[str, Any] = field(default_factory=dict)
    remove_extras: set[str] = field(default_factory=set)


class Groups:
    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm

    async def list_groups(self, request: web.Request) -> web.Response:
        page = page_of_groups(caller(request), request.query, self._dsm.profile)
        items = [group_json(group, self._dsm.profile) for group in page.groups]
        if not page.with_metadata:
            return json_response(items)
        metadata = {"count": page.total, "count_accuracy": {"$type": "Exact"}}
        if page.next_token:
            metadata["continuation_token"] = page.next_token
        return json_response({"items": items, "metadata": metadata})

    async def get(self, request: web.Request) -> web.Response:
        group = readable_group(caller(request), path_uuid(request, "group_id"), self._dsm.profile)
        return json_response(group_json(group, self._dsm.profile))

    async def create(self, request: web.Request) -> web.Response:
        status, shown = self.created(caller(request), await json_object(request))
        return json_response(shown, status)

    def created(self, principal: Principal, body: dict[str, Any], approved: bool = False) -> tuple[int, Any]:
        """The creation itself, direct or `approved`: status and body of the answer."""
        external = bool(body.get("add_hmg"))
        require_account_permission(principal, "CREATE_EXTERNAL_GROUPS" if external else "CREATE_LOCAL_GROUPS")
        if not approved:
            gate_new_group(principal.account, self._dsm.profile)
        if not isinstance(body.get("name"), str):
            raise bad_request("name is missing")
        clock = self._dsm.runtime.clock
        group = Group(new_id(), principal.account.acct_id, "", clock.dsm_stamp(), principal.as_creator)
        changes = self._judge(principal, group, body)
        _apply(group, changes)
        group.name = changes.name or ""
        principal.account.groups.add(group)
        if principal.membership and not principal.is_administrator:
            principal.membership.groups[group.group_id] = ["GROUPADMINISTRATOR"]
        return self._dsm.profile.create_status, group_json(group, self._dsm.profile)

    async def patch(self, request: web.Request) -> web.Response:
        group_id = path_uuid(request, "group_id")
        status, shown = self.changed(caller(request), group_id, await json_object(request))
        return json_response(shown, status)

    def changed(
        self, principal: Principal, group_id: str, body: dict[str, Any], approved: bool = False
    ) -> tuple[int, Any]:
        """The change itself, direct or `approved`: status and body of the answer."""
        links = any(body.get(name) for name in ("add_hmg", "mod_hmg", "del_hmg"))
        permission = "UPDATE_GROUP_EXTERNAL_LINKS" if links else "UPDATE_GROUP_PROFILE"
        group = changeable_group(principal, group_id, permission, self._dsm.profile)
        if not approved:
            gate(group, self._dsm.profile, body)
        changes = self._judge(principal, group, body)
        if changes.name is not None and changes.name != group.name:
            principal.account.groups.rename(group, changes.name)
        _apply(group, changes)
        return 200, group_json(group, self._dsm.profile)

    async def delete(self, request: web.Request) -> web.Response:
        status, _nothing = self.removed(caller(request), path_uuid(request, "group_id"))
        return web.Response(status=status)

    def removed(self, principal: Principal, group_id: str, approved: bool = False) -> tuple[int, Any]:
        """The deletion itself, direct or `approved`: the status of the answer."""
        group = changeable_group(principal, group_id, "DELETE_GROUP", self._dsm.profile)
        if not approved:
            gate(group, self._dsm.profile)
        if principal.account.keys.has_any(group.group_id):
            status = self._dsm.profile.delete_not_empty
            raise DsmError(status, "group is not empty: it still holds security objects")
        if group.hmg and self._dsm.profile.delete_linked == "refused":
            raise bad_request("group is still linked to an external KMS: remove the hmg configuration first")
        principal.account.groups.remove(group)
        return 204, {}

    def _judge(self, principal: Principal, group: Group, body: dict[str, Any]) -> _Changes:
        """Validate a GroupRequest against the group as it stands. Nothing is changed here."""
        changes = _Changes(name=_name(body), description=_text(body, "description"))
        other = principal.account.groups.named(changes.name) if changes.name is not None else None
        if other is not None and other is not group:
            raise DsmError(self._dsm.profile.duplicate_name, "group already exists")
        changes.hmg = self._links(principal, group, body)
        changes.custom_metadata = _metadata(body)
        self._check_metadata(group, changes)
        policy = body.get("approval_policy")
        if policy is not None and not isinstance(policy, dict):
            raise bad_request("approval_policy must be an object")
        changes.approval_policy = policy
        _judge_extras(body, changes)
        return changes

    def _links(self, principal: Principal, group: Group, body: dict[str, Any]) -> dict[str, dict[str, Any]] | None:
        """The group's links after del, then mod, then add (DSM contract §2.4); None when the request names none."""
        added, modified, deleted = (body.get(name) for name in ("add_hmg", "mod_hmg", "del_hmg"))
        if added is None and modified is None and deleted is None:
            return None
        profile = self._dsm.profile
        links = dict(group.hmg)
        for hmg_id in _list(deleted, "del_hmg"):
            if links.pop(require_uuid(hmg_id, "del_hmg"), None) is None:
                raise not_found("hmg configuration does not exist")
        for hmg_id, config in _object(modified, "mod_hmg").items():
            stored = links.get(require_uuid(hmg_id, "mod_hmg"))
            if stored is None:
                raise not_found("hmg configuration does not exist")
            link = external_kms.validated(config, profile, stored)
            if link["url"] != stored.get("url"):
                self._require_movable(principal, group)
            links[hmg_id.lower()] = link
        for config in _list(added, "add_hmg"):
            link = external_kms.validated(config, profile)
            require_feature(principal.account, link["kind"])
            self._require_movable(principal, group)
            links[new_id()] = link
        return links

    def _require_movable(self, principal: Principal, group: Group) -> None:
        """Whether a group with keys may be linked to another vault is not public (Q45)."""
        if self._dsm.profile.relink_with_keys == "refused" and principal.account.keys.has_any(group.group_id):
            raise bad_request("The group holds security objects and cannot be linked to another key vault")

    def _check_metadata(self, group: Group, changes: _Changes) -> None:
        linked = group.hmg if changes.hmg is None else changes.hmg
        if not linked or not changes.custom_metadata:
            return
        if self._dsm.profile.metadata == "refused":
            raise bad_request("custom_metadata is not supported for groups linked to an external KMS")
        too_long = any(len(value) > _LIMITED_VALUE for value in changes.custom_metadata.values())
        too_many = len(changes.custom_metadata) > _LIMITED_ENTRIES
        if self._dsm.profile.metadata == "limited" and (too_long or too_many):
            raise bad_request(
                f"custom_metadata takes at most {_LIMITED_ENTRIES} entries of {_LIMITED_VALUE} characters here"
            )


def _name(body: dict[str, Any]) -> str | None:
    name = _text(body, "name")
    if name is not None and (len(name) > 4096 or not _NAME.fullmatch(name)):
        raise bad_request("name must have 1 to 4096 characters on one line and not be blank")
    return name


def _text(body: dict[str, Any], member: str) -> str | None:
    value = body.get(member)
    if value is not None and not isinstance(value, str):
        raise bad_request(f"{member} must be a string")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise bad_request(f"{what} must be an array")
    return value or []


def _object(value: Any, what: str) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise bad_request(f"{what} must be an object")
    return value or {}


def _metadata(body: dict[str, Any]) -> dict[str, str] | None:
    value = body.get("custom_metadata")
    if value is None:
        return None
    if not all(isinstance(entry, str) for entry in _object(value, "custom_metadata").values()):
        raise bad_request("custom_metadata must map strings to strings")
    return dict(value)


def _judge_extras(body: dict[str, Any], changes: _Changes) -> None:
    """Members that the simulator stores and shows without acting on them."""
    for name in _FLAGS:
        if body.get(name) is not None:
            if not isinstance(body[name], bool):
                raise bad_request(f"{name} must be a boolean")
            changes.set_extras[name] = body[name]
    redundancy = body.get("hmg_redundancy")
    if redundancy not in (None, "PriorityFailover", "remove"):
        raise bad_request("hmg_redundancy has an unknown value")
    for name in ("hmg_redundancy", *_REMOVABLE):
        value = body.get(name)
        if value == "remove":
            changes.remove_extras.add(name)
        elif value is not None:
            changes.set_extras[name] = value


def _apply(group: Group, changes: _Changes) -> None:
    if changes.description is not None:
        group.description = changes.description
    if changes.hmg is not None:
        group.hmg = changes.hmg
    if changes.custom_metadata is not None:
        group.custom_metadata = changes.custom_metadata
    if changes.approval_policy is not None:
        group.approval_policy = changes.approval_policy or None
    group.extras.update(changes.set_extras)
    for name in changes.remove_extras:
        group.extras.pop(name, None)


def group_json(group: Group, profile: Profile) -> dict[str, Any]:
    """A group as the API shows it: unset members are left out (DSM contract §2.3)."""
    shown: dict[str, Any] = {
        "acct_id": group.acct_id,
        "client_configurations": {},
        "created_at": group.created_at,
        "creator": group.creator,
        "group_id": group.group_id,
        "name": group.name,
    }
    optional = {
        "description": group.description,
        "hmg": {hmg_id: external_kms.shown(link, profile) for hmg_id, link in group.hmg.items()},
        "approval_policy": group.approval_policy,
    }
    shown |= {name: value for name, value in optional.items() if value}
    if profile.blank_description == "empty":
        shown.setdefault("description", "")
    if group.custom_metadata is not None:
        shown["custom_metadata"] = group.custom_metadata
    return shown | group.extras
