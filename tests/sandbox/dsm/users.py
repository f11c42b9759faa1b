# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users: read only (DSM contract §5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ..wire import json_response
from .context import Dsm, caller, flag, path_uuid, require_uuid, whole_number
from .errors import bad_request, forbidden, not_found
from .permissions import Principal, require_overview
from .state import ADMINISTRATOR, AUDITOR, Account, App, Membership, User

_DEFAULT_LIMIT = 100
_WITH_GROUPS = ("all", "explicit_only", "none")

_ADMINISTRATORS = ["MANAGE_ACCOUNT_USERS", "CREATE_LOCAL_GROUPS", "CREATE_EXTERNAL_GROUPS", "GET_ALL_USERS"]
_MEMBERS = ["CREATE_LOCAL_GROUPS", "CREATE_EXTERNAL_GROUPS"]
_AUDITORS = ["GET_ALL_USERS", "GET_ALL_APPROVAL_REQUESTS"]
_GROUP_READING = ["GET_GROUP", "GET_SOBJECTS", "GET_APPS", "GET_AUDIT_LOGS"]
_GROUP_ADMINISTRATION = [
    "UPDATE_GROUP_EXTERNAL_LINKS",
    "UPDATE_GROUP_PROFILE",
    "DELETE_GROUP",
    "CREATE_SOBJECTS",
    "COPY_SOBJECTS",
    "ROTATE_SOBJECTS",
    "DELETE_SOBJECTS",
    "SCAN_EXTERNAL_SOBJECTS",
    *_GROUP_READING,
]
# What follows from another permission; shown on request only.
_IMPLIED = {
    "MANAGE_ACCOUNT_USERS": ["INVITE_USERS_TO_ACCOUNT", "DELETE_USERS_FROM_ACCOUNT", "UPDATE_USERS_ACCOUNT_ROLE"],
}
_ROLE_SPELLINGS = {"GROUPADMINISTRATOR": "GroupAdministrator", "GROUPAUDITOR": "GroupAuditor"}


class Users:
    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm

    async def own_accounts(self, request: web.Request) -> web.Response:
        subject = request["subject"]
        if not isinstance(subject, User):
            raise forbidden("Only users have an account list of this kind")
        return json_response({acct_id: member.flags for acct_id, member in subject.memberships.items()})

    async def list_users(self, request: web.Request) -> web.Response:
        """A bare array, by `limit` and `offset`, or by `sort=user_id:...` and `start`."""
        principal, query = caller(request), request.query
        require_overview(principal, "GET_ALL_USERS")
        account = principal.account
        if query.get("acct_id") not in (None, account.acct_id):
            raise forbidden("The session belongs to another account")
        found = [user for user in self._dsm.state.users.values() if account.acct_id in user.memberships]
        group_id = query.get("group_id")
        if group_id is not None:
            group_id = require_uuid(group_id, "group_id")
            found = [user for user in found if group_id in user.memberships[account.acct_id].groups]
        limit = whole_number(query.get("limit"), "limit")
        offset = whole_number(query.get("offset"), "offset") or 0
        page = _sorted(found, query)[offset : offset + (_DEFAULT_LIMIT if limit is None else limit)]
        return json_response([self._user_json(user, account, query) for user in page])

    async def get_user(self, request: web.Request) -> web.Response:
        user_id = path_uuid(request, "user_id")
        principal: Principal | None = request.get("caller")
        subject = request["subject"]
        if isinstance(subject, User) and user_id == subject.user_id:
            return json_response(self._user_json(subject, principal.account if principal else None, request.query))
        if principal is None:
            raise forbidden("Select an account to read other users")
        require_overview(principal, "GET_ALL_USERS")
        user = self._dsm.state.users.get(user_id)
        if user is None or principal.account.acct_id not in user.memberships:
            raise not_found("user does not exist")
        return json_response(self._user_json(user, principal.account, request.query))

    async def own_permissions(self, request: web.Request) -> web.Response:
        """What the caller may do in the account, and in which groups."""
        principal = caller(request)
        if isinstance(principal.subject, App) and self._dsm.profile.app_permissions == "refused":
            raise forbidden("Only users have permissions of this kind")
        account = _account_permissions(principal)
        if flag(request.query.get("with_implied")):
            account = [*account, *(implied for name in account for implied in _IMPLIED.get(name, []))]
        answer: dict[str, Any] = {
            "account": account,
            "groups": {group_id: _group_permissions(principal, held) for group_id, held in principal.groups.items()},
        }
        if principal.sees_all_groups:
            answer["all_groups"] = _GROUP_ADMINISTRATION if principal.is_administrator else _GROUP_READING
        return json_response(answer)

    def _user_json(self, user: User, account: Account | None, query: Mapping[str, str]) -> dict[str, Any]:
        """One user as seen in one account; before an account is selected there are no roles to tell."""
        membership = user.memberships.get(account.acct_id) if account else None
        shown: dict[str, Any] = {
            "user_id": user.user_id,
            "user_email": user.email,
            "account_role": membership.flags if membership else [],
            "mfa_devices": [],
            "u2f_devices": [],
            "created_at": user.created_at,
            "email_verified": True,
            "has_password": True,
        }
        wanted = query.get("with_groups", "all")
        if wanted not in _WITH_GROUPS:
            raise bad_request("with_groups must be all, explicit_only or none")
        if account is None or membership is None or wanted == "none":
            return shown
        explicit = self._spelled(membership.groups)
        shown |= self._member("explicit_groups", explicit)
        if wanted == "all":
            shown |= self._member("groups", self._all_groups(account, membership) | explicit)
        return shown

    def _all_groups(self, account: Account, membership: Membership) -> dict[str, list[str]]:
        """The groups that an account's role brings. Whether they are listed is not public (Q16)."""
        if self._dsm.profile.administrator_groups == "explicit" or ADMINISTRATOR not in membership.flags:
            return {}
        return self._spelled({group.group_id: ["GROUPADMINISTRATOR"] for group in account.groups})

    def _spelled(self, groups: Mapping[str, list[str]]) -> dict[str, list[str]]:
        if self._dsm.profile.group_role_spelling == "upper":
            return dict(groups)
        return {group_id: [_ROLE_SPELLINGS.get(role, role) for role in roles] for group_id, roles in groups.items()}

    def _member(self, name: str, groups: dict[str, list[str]]) -> dict[str, Any]:
        setting = self._dsm.profile.user_groups
        if groups or setting == "map":
            return {name: groups}
        return {name: None} if setting == "null" else {}


def _sorted(users: list[User], query: Mapping[str, str]) -> list[User]:
    direction = query.get("sort", "user_id:asc")
    if direction not in ("user_id:asc", "user_id:desc"):
        raise bad_request(f"Users cannot be sorted by {direction!r}")
    descending, start = direction.endswith("desc"), query.get("start")
    ordered = sorted(users, key=lambda user: user.user_id, reverse=descending)
    if start is None:
        return ordered
    return [user for user in ordered if (user.user_id < start if descending else user.user_id > start)]


def _account_permissions(principal: Principal) -> list[str]:
    if principal.is_administrator:
        return list(_ADMINISTRATORS)
    if isinstance(principal.subject, App):
        return []
    return list(_AUDITORS if principal.membership and AUDITOR in principal.membership.flags else _MEMBERS)


def _group_permissions(principal: Principal, held: list[str]) -> list[str]:
    """An app's permissions in a group are what it was given; a user's follow from the role."""
    if isinstance(principal.subject, App):
        return held
    return list(_GROUP_ADMINISTRATION if "GROUPADMINISTRATOR" in held else _GROUP_READING)
