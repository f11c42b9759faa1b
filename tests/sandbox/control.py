# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small plain-HTTP service on loopback for people and other processes: what has happened, and what to break."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from aiohttp import web

from .journal import Journal
from .rehearsal.breaks import BREAKS, Break, NotPossible
from .rehearsal.stage import Rehearsal
from .wire import json_response

_TEXT = """Sandbox of fortanix.dsm: simulated Fortanix DSM and Azure.

GET /journal            every request that the simulated services answered, as JSON; ?since=N for those after number N
GET /proxy-log          every name that was asked of the CONNECT proxy, and what it decided
GET /breaks             what can be broken on purpose, and which of it is in force
POST /breaks/NAME       break it
POST /restore           put back everything as it was before the first break
"""


class _Loggable(Protocol):
    def as_dict(self) -> dict[str, Any]: ...


def application(
    journal: Journal, proxy_log: Callable[[], Sequence[_Loggable]], rehearsal: Rehearsal
) -> web.Application:
    async def text(_request: web.Request) -> web.Response:
        return web.Response(text=_TEXT)

    async def entries(request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        if not since.isdigit():
            return web.Response(status=400, text="since must be a number")
        return json_response([entry.as_dict() for entry in journal.since(int(since))])

    async def proxied(_request: web.Request) -> web.Response:
        return json_response([entry.as_dict() for entry in proxy_log()])

    async def breaks(_request: web.Request) -> web.Response:
        return json_response([_shown(name, one, name in rehearsal.broken) for name, one in BREAKS.items()])

    async def break_(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        try:
            return json_response(_shown(name, rehearsal.break_(name), True))
        except NotPossible as error:
            return json_response({"message": str(error)}, 409 if name in BREAKS else 404)

    async def restore(_request: web.Request) -> web.Response:
        return json_response({"undone": rehearsal.restore()})

    app = web.Application()
    app.router.add_get("/", text)
    app.router.add_get("/journal", entries)
    app.router.add_get("/proxy-log", proxied)
    app.router.add_get("/breaks", breaks)
    app.router.add_post("/breaks/{name}", break_)
    app.router.add_post("/restore", restore)
    return app


def _shown(name: str, one: Break, in_force: bool) -> dict[str, Any]:
    return {
        "name": name,
        "happened": one.happened,
        "found_with": one.found_with,
        "in_force": in_force,
    }
