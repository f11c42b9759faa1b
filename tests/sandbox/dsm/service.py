# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Version and health of the simulated DSM (DSM contract §6)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..wire import json_response
from .context import Dsm


class Service:
    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm

    def _version(self) -> dict[str, Any]:
        return {"version": self._dsm.profile.version, "api_version": "v1-20260710-sandbox", "server_mode": "Software"}

    async def version(self, _request: web.Request) -> web.Response:
        return json_response(self._version())

    async def info(self, _request: web.Request) -> web.Response:
        return json_response(self._version())

    async def health(self, _request: web.Request) -> web.Response:
        return web.Response(status=204)
