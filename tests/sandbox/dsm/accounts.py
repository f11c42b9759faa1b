# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts and apps: read only (DSM contract §1.5, §1.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ..wire import json_response
from .context import Dsm, caller, flag, path_uuid, require_uuid, whole_number
from .errors import forbidden, not_found
from .permissions import require_overview
from .state import Account, App

# As the published API says of ListApps.
_DEFAULT_LIMIT = 1001


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

    async def list_apps(self, request: web.Request) -> web.Response:
        """A bare array, by `limit` and `offset`: all apps that the caller may see, or those of one group."""
        principal, query = caller(request), request.query
        if isinstance(principal.subject, App) and not principal.sees_all_groups:
            raise forbidden("The operation needs the permission GET_APPS")
        found = [app for app in self._dsm.state.apps.values() if app.acct_id == principal.account.acct_id]
        if not principal.sees_all_groups:
            found = [app for app in found if app.groups.keys() & principal.groups.keys()]
        if (group_id := query.get("group_id")) is not None:
            wanted = require_uuid(group_id, "group_id")
            found = [app for app in found if wanted in app.groups]
        limit = whole_number(query.get("limit"), "limit")
        offset = whole_number(query.get("offset"), "offset") or 0
        page = sorted(found, key=lambda app: app.app_id)[offset : offset + (_DEFAULT_LIMIT if limit is None else limit)]
        return json_response([_app_json(app, self._with_permissions(query)) for app in page])

    async def get_app(self, request: web.Request) -> web.Response:
        principal = caller(request)
        app = self._dsm.state.apps.get(path_uuid(request, "app_id"))
        if app is None or app.acct_id != principal.account.acct_id:
            raise not_found("app does not exist")
        if app is not principal.subject:
            require_overview(principal, "GET_APPS")
        return json_response(_app_json(app, self._with_permissions(request.query)))

    def _with_permissions(self, query: Mapping[str, str]) -> bool:
        wanted = self._dsm.profile.app_groups
        return wanted == "map" or (wanted == "on_request" and flag(query.get("group_permissions")))

    def _account_json(self, account: Account) -> dict[str, Any]:
        state = self._dsm.state
        policy = {"approval_policy": account.approval_policy} if account.approval_policy else {}
        return {
            **policy,
            "acct_id": account.acct_id,
            "name": account.name,
            "created_at": account.created_at,
            "enabled": True,
            "logging_configs": {},
            "mark_key_disable_when_deactivated": False,
            "original_purpose": {"$type": "Standard"},
            "purpose": {"$type": "Standard"},
            "subscription": _subscription(account),
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


def _subscription(account: Account) -> dict[str, Any]:
    """A custom package names its features; an enterprise subscription has them all and names none."""
    if account.features is None:
        return {"enterprise": {}}
    return {"custom": {"package_name": "Sandbox", "features": sorted(account.features)}}


def _auth_json(types: tuple[str, ...]) -> dict[str, Any]:
    """One way to log in by its name, several as `All` with their list."""
    return {"auth_type": types[0]} if len(types) == 1 else {"auth_type": "All", "auth_type_all": list(types)}


def _app_json(app: App, with_permissions: bool) -> dict[str, Any]:
    """An app; its groups as a map to permissions, or as a list of ids."""
    role = "AccountAdministrator" if app.role == "admin" else "AccountMember"
    shown = {
        "app_id": app.app_id,
        "acct_id": app.acct_id,
        "name": app.name,
        "app_type": "",
        **_auth_json(app.auth_types or ("Certificate" if app.certificate else "Secret",)),
        "role": app.role,
        "enabled": app.enabled,
        "created_at": app.created_at,
        "creator": "system",
        "groups": app.groups if with_permissions else list(app.groups),
        "client_configurations": {},
        "ip_address_policy": "allow_all",
        "last_operations": {},
        "legacy_access": False,
        "account_membership": {"roles": [{"$type": "SystemDefined", "value": role}]},
    }
    if app.certificate:
        shown["cert_not_after"] = app.certificate.not_valid_after_utc.strftime("%Y%m%dT%H%M%SZ")
    return shown
