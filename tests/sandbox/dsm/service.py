# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Version and health of the simulated DSM (DSM contract §6)."""

from __future__ import annotations

from aiohttp import web

from ..wire import json_response

VERSION = {"version": "5.8.2410", "api_version": "v1-20260710-sandbox", "server_mode": "Software"}


async def version(_request: web.Request) -> web.Response:
    return json_response(VERSION)


async def info(_request: web.Request) -> web.Response:
    return json_response({**VERSION, "external_entropy": None})


async def health(_request: web.Request) -> web.Response:
    return web.Response(status=204)
