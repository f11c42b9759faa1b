# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Graph on the wire: tokens and permissions, batches, error shape (Azure contract §3)."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ...faults import Fault
from ...journal import kind_of
from ...wire import crash_report, date_middleware, fault_middleware, journal_middleware, json_response, judge_kind
from ..entra.tokens import Caller, TokenRefused
from ..service import Service, announce
from .credentials import GraphCredentials
from .directory import GraphDirectory, Route
from .queries import Call, GraphError, Reply
from .recycle_bin import GraphRecycleBin
from .writes import GraphWrites

_VERSION = "/v1.0"
_BATCH = f"{_VERSION}/$batch"
_MOST_IN_BATCH = 20
_REFUSALS = {
    "missing": "Access token is empty.",
    "expired": "Lifetime validation failed, the token is expired.",
    "audience": "Access token validation failure. Invalid audience.",
    "issuer": "Access token validation failure. Invalid issuer.",
    "invalid": "Access token validation failure. Signature is invalid.",
}


def graph_application(service: Service) -> web.Application:
    graph = Graph(service)
    runtime = service.runtime
    app = web.Application(
        middlewares=[
            journal_middleware("graph", runtime),
            date_middleware("graph", runtime),
            fault_middleware("graph", runtime),
            _error_middleware(service),
        ]
    )
    for route in graph.routes:
        app.router.add_route(route.method, _VERSION + route.template, graph.handler(route))
    app.router.add_post(_BATCH, graph.batch)
    return app


def _error_middleware(service: Service) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except GraphError as error:
            headers = {"WWW-Authenticate": 'Bearer realm=""'} if error.status == 401 else None
            return json_response(_error_json(service, error), error.status, headers)
        except web.HTTPException as error:
            unknown = _unknown(request.path) if error.status == 404 else GraphError(error.status, "BadRequest", "")
            return json_response(_error_json(service, unknown), unknown.status)
        except Exception as error:
            crash_report(service.runtime, error)
            defect = GraphError(500, "generalException", "sandbox defect")
            return json_response(_error_json(service, defect), 500)

    return middleware


def _unknown(path: str) -> GraphError:
    """Graph has no 404 for a path that it does not know: it fails to parse it."""
    return GraphError(400, "BadRequest", f"Resource not found for the segment '{path.rpartition('/')[2]}'.")


def _error_json(service: Service, error: GraphError) -> dict[str, Any]:
    request_id = str(uuid.uuid4())
    inner = {
        "date": service.runtime.clock.utc().strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": request_id,
        "client-request-id": request_id,
    }
    return {"error": {"code": error.code, "message": error.message, "innerError": inner}}


class Graph:
    def __init__(self, service: Service) -> None:
        self._service = service
        reads = GraphDirectory(service.state)
        state = service.state
        writers = (GraphWrites(state, reads), GraphCredentials(state, reads), GraphRecycleBin(state, reads))
        self.routes = [*reads.routes(), *(route for one in writers for route in one.routes())]
        self._patterns = [(_pattern(route.template), route) for route in self.routes]

    @property
    def _base(self) -> str:
        return f"https://{self._service.state.cloud.graph_host}"

    def handler(self, route: Route) -> Handler:
        """The handler of a call that comes by itself."""

        async def handle(request: web.Request) -> web.StreamResponse:
            caller = self._caller(request)
            call = Call(
                caller,
                self._base + request.path,
                dict(request.match_info),
                dict(request.query),
                {name.lower(): value for name, value in request.headers.items()},
                _json(await request.read()),
            )
            reply = _answer(route, call)
            if reply.status == 204:
                return web.Response(status=204, headers=reply.headers)
            return json_response(reply.body, reply.status, reply.headers)

        return handle

    async def batch(self, request: web.Request) -> web.Response:
        """Up to twenty calls in one. They are judged one by one; the journal has one entry for all of them."""
        raw = await request.read()
        try:
            inner = _inner_requests(_json(raw))
        except GraphError:
            self._caller(request)
            raise
        kinds = {self._kind(entry) for entry in inner}
        judge_kind(request, "read" if kinds == {"read"} else "write")
        caller = self._caller(request)
        done: dict[str, Reply] = {}
        for entry in inner:
            broken = any(done[name].status >= 400 for name in entry.get("dependsOn") or [] if name in done)
            failed = GraphError(424, "FailedDependency", "A request that this one depends on has failed.")
            done[entry["id"]] = self._refused(failed) if broken else self._within_batch(caller, entry)
        # Clients must not rely on the order of the answers.
        answers = [
            {
                "id": name,
                "status": reply.status,
                "headers": {"Content-Type": "application/json", **reply.headers},
                "body": reply.body,
            }
            for name, reply in reversed(done.items())
        ]
        return json_response({"responses": answers})

    def _within_batch(self, caller: Caller, entry: Mapping[str, Any]) -> Reply:
        """One call of a batch: routed, disturbed by faults and judged as if it had come by itself."""
        parts = urlsplit(entry["url"])
        route, params = self._routed(entry)
        if route is None:
            return self._refused(_unknown(parts.path))
        rules, template = self._service.runtime.faults, _VERSION + route.template
        fault = rules.pick("graph", route.method, template, "client", only_answers=True)
        if fault is not None and fault.status is not None:
            return _faulty(fault, fault.status)
        call = Call(
            caller,
            f"{self._base}{_VERSION}/{parts.path.lstrip('/')}",
            params,
            dict(parse_qsl(parts.query)),
            {name.lower(): str(value) for name, value in (entry.get("headers") or {}).items()},
            entry.get("body"),
        )
        try:
            reply = _answer(route, call)
        except GraphError as error:
            reply = self._refused(error)
        if fault is not None and fault.rewrite is not None:
            return replace(reply, body=_in_batch(fault.rewrite(json.dumps(reply.body).encode())))
        return reply

    def _refused(self, error: GraphError) -> Reply:
        return Reply(error.status, _error_json(self._service, error))

    def _routed(self, entry: Mapping[str, Any]) -> tuple[Route | None, dict[str, str]]:
        path = "/" + unquote(urlsplit(entry["url"]).path).strip("/")
        for pattern, route in self._patterns:
            match = pattern.fullmatch(path)
            if match and route.method == entry["method"].upper():
                return route, match.groupdict()
        return None, {}

    def _kind(self, entry: Mapping[str, Any]) -> str:
        route, _params = self._routed(entry)
        return kind_of("graph", entry["method"].upper(), _VERSION + route.template if route else "?")

    def _caller(self, request: web.Request) -> Caller:
        state = self._service.state
        try:
            authorization = request.headers.get("Authorization", "")
            caller = state.tokens.verify(authorization, (f"https://{state.cloud.graph_host}",))
        except TokenRefused as refusal:
            raise GraphError(401, "InvalidAuthenticationToken", _REFUSALS[refusal.reason]) from refusal
        return announce(request, caller)


def _answer(route: Route, call: Call) -> Reply:
    if not route.permissions & call.caller.roles:
        raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    return route.handle(call)


def _faulty(fault: Fault, status: int) -> Reply:
    """A fault inside a batch."""
    body = fault.body.encode() if isinstance(fault.body, str) else fault.body
    return Reply(status, _in_batch(body), dict(fault.answer_headers()))


def _in_batch(body: bytes) -> Any:
    """A body as an answer inside a batch. What is no JSON travels as text."""
    try:
        return json.loads(body or b"null")
    except ValueError:
        return body.decode(errors="replace")


def _pattern(template: str) -> re.Pattern[str]:
    """The template as a pattern with a named group for each parameter."""
    escaped = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
    return re.compile(escaped)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError as error:
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.") from error


def _inner_requests(body: Any) -> list[dict[str, Any]]:
    """The requests of a batch, whose form is checked as a whole."""
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not requests:
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    if len(requests) > _MOST_IN_BATCH:
        message = f"Number of batch request steps exceeds the maximum value of {_MOST_IN_BATCH}."
        raise GraphError(400, "MaximumValueExceeded", message)
    for entry in requests:
        if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in ("id", "method", "url")):
            raise GraphError(400, "BadRequest", "Each request of a batch needs id, method and url.")
        if urlsplit(entry["url"]).scheme:
            raise GraphError(400, "BadRequest", f"The url of request id '{entry['id']}' must be relative.")
        headers = {name.lower() for name in entry.get("headers") or {}}
        if entry.get("body") is not None and "content-type" not in headers:
            message = f"Write request id : {entry['id']} does not contain Content-Type header or body."
            raise GraphError(400, "BadRequest", message)
    if len({entry["id"] for entry in requests}) < len(requests):
        raise GraphError(400, "BadRequest", "Request ids of a batch must be unique.")
    return requests
