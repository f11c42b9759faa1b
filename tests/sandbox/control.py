# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small plain-HTTP service on loopback for people and other processes: what has happened in the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from aiohttp import web

from .journal import Journal
from .wire import json_response

_TEXT = """Sandbox of fortanix.dsm: simulated Fortanix DSM and Azure.

GET /journal            every request that the simulated services answered, as JSON; ?since=N for those after number N
GET /proxy-log          every name that was asked of the CONNECT proxy, and what it decided
"""


class _Loggable(Protocol):
    def as_dict(self) -> dict[str, Any]: ...


def application(journal: Journal, proxy_log: Callable[[], Sequence[_Loggable]]) -> web.Application:
    async def text(_request: web.Request) -> web.Response:
        return web.Response(text=_TEXT)

    async def entries(request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        if not since.isdigit():
            return web.Response(status=400, text="since must be a number")
        return json_response([entry.as_dict() for entry in journal.since(int(since))])

    async def proxied(_request: web.Request) -> web.Response:
        return json_response([entry.as_dict() for entry in proxy_log()])

    app = web.Application()
    app.router.add_get("/", text)
    app.router.add_get("/journal", entries)
    app.router.add_get("/proxy-log", proxied)
    return app
