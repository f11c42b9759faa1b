# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web application of the simulated DSM: routes, and errors as DSM words them."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ..wire import (
    crash_report,
    date_middleware,
    fault_middleware,
    journal_middleware,
    json_response,
    route_of,
)
from .accounts import Accounts
from .approvals import Approvals, Deed
from .context import Dsm
from .errors import DsmError
from .groups import Groups
from .keys.operations import KeyOperations
from .keys.reads import KeyReads
from .links import Links
from .permissions import Principal
from .service import Service
from .sessions import Sessions, authenticate
from .users import Users

_MEGABYTE = 1024 * 1024


def application(dsm: Dsm) -> web.Application:
    middlewares = [
        journal_middleware("dsm", dsm.runtime),
        date_middleware("dsm", dsm.runtime),
        fault_middleware("dsm", dsm.runtime),
        _error_middleware(dsm),
        _auth_middleware(dsm),
    ]
    app = web.Application(middlewares=middlewares, client_max_size=_MEGABYTE)
    _add_session_routes(app.router, dsm)
    operations = KeyOperations(dsm)
    _add_group_routes(app.router, dsm, operations)
    _add_key_routes(app.router, dsm, operations)
    return app


def _add_session_routes(router: web.UrlDispatcher, dsm: Dsm) -> None:
    service, sessions, accounts, users = Service(dsm), Sessions(dsm), Accounts(dsm), Users(dsm)
    router.add_get("/sys/v1/version", service.version)
    router.add_get("/sys/v1/info", service.info)
    router.add_get("/sys/v1/health", service.health)
    router.add_post("/sys/v1/session/auth", sessions.auth)
    router.add_post("/sys/v1/session/select_account", sessions.select_account)
    router.add_post("/sys/v1/session/refresh", sessions.refresh)
    router.add_post("/sys/v1/session/reauth", sessions.reauth)
    router.add_post("/sys/v1/session/terminate", sessions.terminate)
    router.add_get("/sys/v1/accounts", accounts.list_accounts)
    router.add_get("/sys/v1/accounts/{acct_id}", accounts.get_account)
    router.add_get("/sys/v1/users", users.list_users)
    router.add_get("/sys/v1/users/accounts", users.own_accounts)
    router.add_get("/sys/v1/users/permissions", users.own_permissions)
    router.add_get("/sys/v1/users/{user_id}", users.get_user)
    router.add_get("/sys/v1/apps", accounts.list_apps)
    router.add_get("/sys/v1/apps/{app_id}", accounts.get_app)


def _add_group_routes(router: web.UrlDispatcher, dsm: Dsm, operations: KeyOperations) -> None:
    groups, links = Groups(dsm), Links(dsm)
    _add_approval_routes(router, Approvals(dsm, _deeds(groups, links), operations))
    router.add_get("/sys/v1/groups", groups.list_groups)
    router.add_post("/sys/v1/groups", groups.create)
    router.add_post("/sys/v1/groups/hmg/check", links.check_config)
    router.add_post("/sys/v1/groups/hmg/azure_vaults", links.azure_vaults)
    router.add_get("/sys/v1/groups/{group_id}", groups.get)
    router.add_patch("/sys/v1/groups/{group_id}", groups.patch)
    router.add_delete("/sys/v1/groups/{group_id}", groups.delete)
    router.add_post("/sys/v1/groups/{group_id}/hmg/check", links.check_group)
    router.add_post("/sys/v1/groups/{group_id}/hmg/scan", links.scan)
    router.add_post("/sys/v1/groups/{group_id}/hmg/scans", links.start_scan)
    router.add_get("/sys/v1/groups/{group_id}/hmg/scans", links.list_scans)
    router.add_get("/sys/v1/groups/{group_id}/hmg/scans/{scan_id}", links.get_scan)


def _deeds(groups: Groups, links: Links) -> dict[tuple[str, str], Deed]:
    """What an approval request can carry out: the direct calls, past the gate."""

    async def create(principal: Principal, _group_id: str, body: dict[str, Any]) -> tuple[int, Any]:
        return groups.created(principal, body, approved=True)

    async def change(principal: Principal, group_id: str, body: dict[str, Any]) -> tuple[int, Any]:
        return groups.changed(principal, group_id, body, approved=True)

    async def remove(principal: Principal, group_id: str, _body: dict[str, Any]) -> tuple[int, Any]:
        return groups.removed(principal, group_id, approved=True)

    async def scan(principal: Principal, group_id: str, _body: dict[str, Any]) -> tuple[int, Any]:
        return await links.scanned(principal, group_id, approved=True)

    return {("POST", "groups"): create, ("PATCH", "group"): change, ("DELETE", "group"): remove, ("POST", "scan"): scan}


def _add_approval_routes(router: web.UrlDispatcher, approvals: Approvals) -> None:
    router.add_get("/sys/v1/approval_requests", approvals.list_requests)
    router.add_post("/sys/v1/approval_requests", approvals.create)
    router.add_get("/sys/v1/approval_requests/{req_id}", approvals.get)
    router.add_delete("/sys/v1/approval_requests/{req_id}", approvals.withdraw)
    router.add_post("/sys/v1/approval_requests/{req_id}/approve", approvals.approve)
    router.add_post("/sys/v1/approval_requests/{req_id}/deny", approvals.deny)
    router.add_post("/sys/v1/approval_requests/{req_id}/result", approvals.result)


def _add_key_routes(router: web.UrlDispatcher, dsm: Dsm, operations: KeyOperations) -> None:
    keys = KeyReads(dsm)
    router.add_get("/crypto/v1/keys", keys.list_keys)
    router.add_post("/crypto/v1/keys/info", keys.info)
    router.add_get("/crypto/v1/keys/{kid}", keys.get)
    router.add_post("/crypto/v1/keys", operations.create)
    router.add_post("/crypto/v1/keys/copy", operations.copy)
    router.add_post("/crypto/v1/keys/rekey", operations.rekey)
    router.add_patch("/crypto/v1/keys/{kid}", operations.change)
    router.add_delete("/crypto/v1/keys/{kid}", operations.delete)
    router.add_post("/crypto/v1/keys/{kid}/destroy", operations.deed)
    router.add_post("/crypto/v1/keys/{kid}/revoke", operations.deed)
    router.add_post("/crypto/v1/keys/{kid}/activate", operations.deed)
    router.add_post("/crypto/v1/keys/{kid}/schedule_deletion", operations.deed)
    router.add_post("/crypto/v1/keys/{kid}/delete_key_material", operations.deed)
    router.add_post("/crypto/v1/keys/{kid}/cancel_deletion", operations.deed)
    router.add_post("/crypto/v1/keys/{kid}/restore", operations.deed)


def _auth_middleware(dsm: Dsm) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # A path that is not served is reported as such, whoever asks.
        if request.match_info.http_exception is None:
            authenticate(dsm, request, route_of(request))
        return await handler(request)

    return middleware


def _error_middleware(dsm: Dsm) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except DsmError as error:
            return _refusal(dsm, error.status, error.message)
        except web.HTTPException as error:
            return _refusal(dsm, error.status, error.reason)
        except Exception as error:
            crash_report(dsm.runtime, error)
            return _refusal(dsm, 500, "Internal error of the simulated service")

    return middleware


def _refusal(dsm: Dsm, status: int, message: str) -> web.Response:
    """One line of text, or JSON where the profile wants it (DSM contract §1.7)."""
    if dsm.profile.error_body == "text":
        return web.Response(status=status, text=message)
    bodies = {"json": {"message": message}, "json_errors": {"errors": [{"message": message}]}, "json_string": message}
    return json_response(bodies[dsm.profile.error_body], status)
