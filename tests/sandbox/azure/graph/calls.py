# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single calls of Microsoft Graph: routes, tokens and permissions, error shape (Azure contract §3)."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from ...wire import json_response
from ..entra.tokens import Caller, TokenRefused
from ..service import Service, announce
from .credentials import GraphCredentials
from .directory import GraphDirectory, Route
from .queries import Call, GraphError, Reply, require_served
from .recycle_bin import GraphRecycleBin
from .writes import GraphWrites

VERSION = "/v1.0"
_REFUSALS = {
    "missing": "Access token is empty.",
    "expired": "Lifetime validation failed, the token is expired.",
    "audience": "Access token validation failure. Invalid audience.",
    "issuer": "Access token validation failure. Invalid issuer.",
    "invalid": "Access token validation failure. Signature is invalid.",
}


class GraphCalls:
    def __init__(self, service: Service) -> None:
        self.service = service
        reads = GraphDirectory(service.state)
        state = service.state
        writers = (GraphWrites(state, reads), GraphCredentials(state, reads), GraphRecycleBin(state, reads))
        self.routes = [*reads.routes(), *(route for one in writers for route in one.routes())]
        self._patterns = [(_pattern(route.template), route) for route in self.routes]

    @property
    def base(self) -> str:
        return f"https://{self.service.state.cloud.graph_host}"

    def handler(self, route: Route) -> Handler:
        """The handler of a call that comes by itself."""

        async def handle(request: web.Request) -> web.StreamResponse:
            caller = self.caller(request)
            call = Call(
                caller,
                self.base + request.path,
                dict(request.match_info),
                dict(request.query),
                {name.lower(): value for name, value in request.headers.items()},
                decoded(await request.read()),
            )
            reply = answer(route, call)
            if reply.status == 204:
                return web.Response(status=204, headers=reply.headers)
            return json_response(reply.body, reply.status, reply.headers)

        return handle

    def refused(self, error: GraphError) -> Reply:
        return Reply(error.status, error_json(self.service, error))

    def routed(self, entry: Mapping[str, Any]) -> tuple[Route | None, dict[str, str]]:
        path = "/" + unquote(urlsplit(entry["url"]).path).strip("/")
        for pattern, route in self._patterns:
            match = pattern.fullmatch(path)
            if match and route.method == entry["method"].upper():
                return route, match.groupdict()
        return None, {}

    def caller(self, request: web.Request) -> Caller:
        state = self.service.state
        try:
            authorization = request.headers.get("Authorization", "")
            caller = state.tokens.verify(authorization, (f"https://{state.cloud.graph_host}",))
        except TokenRefused as refusal:
            raise GraphError(401, "InvalidAuthenticationToken", _REFUSALS[refusal.reason]) from refusal
        return announce(request, caller)


def answer(route: Route, call: Call) -> Reply:
    if not route.permissions & call.caller.roles:
        raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    if route.method != "GET":
        require_served(call)
    return route.handle(call)


def _pattern(template: str) -> re.Pattern[str]:
    """The template as a pattern with a named group for each parameter."""
    escaped = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
    return re.compile(escaped)


def decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError as error:
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.") from error


def unknown(path: str) -> GraphError:
    """Graph has no 404 for a path that it does not know: it fails to parse it, from its version on."""
    version = path.strip("/").partition("/")[0]
    if f"/{version}" != VERSION and path.startswith("/"):
        return GraphError(400, "BadRequest", f"Invalid version: {version}")
    return GraphError(400, "BadRequest", f"Resource not found for the segment '{path.rpartition('/')[2]}'.")


def error_json(service: Service, error: GraphError) -> dict[str, Any]:
    request_id = str(uuid.uuid4())
    inner = {
        "date": service.runtime.clock.utc().strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": request_id,
        "client-request-id": request_id,
    }
    return {"error": {"code": error.code, "message": error.message, "innerError": inner}}
