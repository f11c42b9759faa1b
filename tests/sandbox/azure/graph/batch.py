# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches of Microsoft Graph: up to twenty calls in one request (JSON batching; Azure contract §3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from ...faults import Fault
from ...journal import kind_of
from ...wire import json_response, judge_kind
from ..entra.tokens import Caller
from .calls import VERSION, GraphCalls, answer, decoded, unknown
from .queries import Call, GraphError, Reply

PATH = f"{VERSION}/$batch"
_MOST = 20


class Batches:
    def __init__(self, graph: GraphCalls) -> None:
        self._graph = graph

    async def answer(self, request: web.Request) -> web.Response:
        """Up to twenty calls in one. They are judged one by one; the journal has one entry for all of them."""
        raw = await request.read()
        try:
            inner = _inner_requests(decoded(raw))
        except GraphError:
            self._graph.caller(request)
            raise
        kinds = {self._kind(entry) for entry in inner}
        judge_kind(request, "read" if kinds == {"read"} else "write")
        caller = self._graph.caller(request)
        done: dict[str, Reply] = {}
        for entry in inner:
            broken = any(done[name].status >= 400 for name in entry.get("dependsOn") or [] if name in done)
            failed = GraphError(424, "FailedDependency", "A request that this one depends on has failed.")
            done[entry["id"]] = self._graph.refused(failed) if broken else self._within_batch(caller, entry)
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
        route, params = self._graph.routed(entry)
        if route is None:
            return self._graph.refused(unknown(parts.path))
        rules, template = self._graph.service.runtime.faults, VERSION + route.template
        fault = rules.pick("graph", route.method, template, "client", only_answers=True)
        if fault is not None and fault.status is not None:
            return _faulty(fault, fault.status)
        call = Call(
            caller,
            f"{self._graph.base}{VERSION}/{parts.path.lstrip('/')}",
            params,
            dict(parse_qsl(parts.query)),
            {name.lower(): str(value) for name, value in (entry.get("headers") or {}).items()},
            entry.get("body"),
        )
        try:
            reply = answer(route, call)
        except GraphError as error:
            reply = self._graph.refused(error)
        if fault is not None and fault.rewrite is not None:
            return replace(reply, body=_in_batch(fault.rewrite(json.dumps(reply.body).encode())))
        return reply

    def _kind(self, entry: Mapping[str, Any]) -> str:
        route, _params = self._graph.routed(entry)
        return kind_of("graph", entry["method"].upper(), VERSION + route.template if route else "?")


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


def _inner_requests(body: Any) -> list[dict[str, Any]]:
    """The requests of a batch, whose form is checked as a whole."""
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not requests:
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    if len(requests) > _MOST:
        message = f"Number of batch request steps exceeds the maximum value of {_MOST}."
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
