# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts, users and apps: read only (DSM contract §1.5, §5)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..wire import json_response
from .context import Dsm, caller, path_uuid
from .errors import forbidden, not_found
from .permissions import Principal
from .state import Account, App, Membership, User


class Accounts:
    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm

    async def list_accounts(self, request: web.Request) -> web.Response:
        subject = request["subject"]
        ids = [subject.acct_id] if isinstance(subject, App) else list(subject.memberships)
        return json_response([self._account_json(self._dsm.state.accounts[acct_id]) for acct_id in ids])

    async def get_account(self, request: web.Request) -> web.Response:
        account = caller(request).account
        if path_uuid(request, "acct_id") != account.acct_id:
            raise forbidden("The session belongs to another account")
        return json_response(self._account_json(account))

    async def users_accounts(self, request: web.Request) -> web.Response:
        subject = request["subject"]
        if not isinstance(subject, User):
            raise forbidden("Only users have an account list of this kind")
        return json_response({acct_id: member.flags for acct_id, member in subject.memberships.items()})

    async def list_users(self, request: web.Request) -> web.Response:
        principal = caller(request)
        _require_overview(principal, "GET_ALL_USERS")
        acct_id = principal.account.acct_id
        users = [user for user in self._dsm.state.users.values() if acct_id in user.memberships]
        return json_response([_user_json(user, user.memberships[acct_id]) for user in users])

    async def get_user(self, request: web.Request) -> web.Response:
        user_id = path_uuid(request, "user_id")
        principal: Principal | None = request.get("caller")
        subject = request["subject"]
        if isinstance(subject, User) and user_id == subject.user_id:
            return json_response(_user_json(subject, principal.membership if principal else None))
        if principal is None:
            raise forbidden("Select an account to read other users")
        _require_overview(principal, "GET_ALL_USERS")
        user = self._dsm.state.users.get(user_id)
        membership = user.memberships.get(principal.account.acct_id) if user else None
        if user is None or membership is None:
            raise not_found("user does not exist")
        return json_response(_user_json(user, membership))

    async def get_app(self, request: web.Request) -> web.Response:
        principal = caller(request)
        app = self._dsm.state.apps.get(path_uuid(request, "app_id"))
        if app is None or app.acct_id != principal.account.acct_id:
            raise not_found("app does not exist")
        if app is not principal.subject:
            _require_overview(principal, "GET_APPS")
        return json_response(_app_json(app))

    def _account_json(self, account: Account) -> dict[str, Any]:
        state = self._dsm.state
        return {
            "acct_id": account.acct_id,
            "name": account.name,
            "created_at": account.created_at,
            "enabled": True,
            "logging_configs": {},
            "mark_key_disable_when_deactivated": False,
            "original_purpose": {"$type": "Standard"},
            "purpose": {"$type": "Standard"},
            "subscription": {"custom": {"package_name": "Sandbox", "features": sorted(account.features)}},
            "totals": {
                "groups": len(account.groups),
                "apps": sum(app.acct_id == account.acct_id for app in state.apps.values()),
                "users": sum(account.acct_id in user.memberships for user in state.users.values()),
                "plugins": 0,
                "sobjects": len(account.keys),
                "sobjects_accuracy": {"$type": "Exact"},
                "child_accounts": 0,
            },
        }


def _require_overview(principal: Principal, permission: str) -> None:
    if not (principal.is_administrator or principal.is_auditor):
        raise forbidden(f"The operation needs the account permission {permission}")


def _user_json(user: User, membership: Membership | None) -> dict[str, Any]:
    """One user as seen in one account; before an account is selected there are no roles to tell.

    An administrator is administrator of all groups by implication: those are not listed (DSM contract §5).
    """
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
    if membership:
        shown |= {"groups": membership.groups, "explicit_groups": membership.groups}
    return shown


def _app_json(app: App) -> dict[str, Any]:
    return {
        "app_id": app.app_id,
        "acct_id": app.acct_id,
        "name": app.name,
        "app_type": "",
        "auth_type": "Secret",
        "role": app.role,
        "enabled": app.enabled,
        "created_at": app.created_at,
        "creator": "system",
        "groups": app.groups,
        "client_configurations": {},
        "ip_address_policy": "allow_all",
        "last_operations": {},
        "legacy_access": False,
    }
