# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire side that all planes share: listeners on loopback, and the middlewares for journal and faults."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .faults import EndlessList, Fault
from .journal import Kind, kind_of, shown_query
from .network import Address
from .runtime import Runtime

_LONGEST_HOLD, _LOOK_AGAIN = 120.0, 0.02

_log = logging.getLogger("sandbox")

RESET_STATUS = 0
"""The journal's status of a call whose connection was cut."""


class Listener:
    """A port on loopback. What serves it is built for the first caller: few tests call on every service."""

    def __init__(
        self,
        application: Callable[[], web.Application],
        context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        """Listens at once, in the running loop."""
        self._application = application
        self._context = context
        self._building = asyncio.Lock()
        self._runner: web.AppRunner | None = None
        self._tls: ssl.SSLContext | None = None
        self._callers = Callers(self.serve)
        self._open: set[_Acknowledging] = set()

    @property
    def address(self) -> Address:
        return self._callers.address

    async def serve(self, sock: socket.socket) -> None:
        """Take over a connection; its caller is the one at the other end of the socket."""
        async with self._building:
            if self._runner is None:
                self._runner = await self._built()
        server = self._runner.server
        assert server is not None
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: _Acknowledging(server(), self._open), sock, ssl=self._tls)

    async def close(self) -> None:
        await self._callers.close()
        if self._runner is not None:
            await self._runner.cleanup()
        # To close TLS takes an answer, and clients that keep a connection give none.
        for connection in self._open:
            connection.abort()

    async def _built(self) -> web.AppRunner:
        runner = web.AppRunner(self._application(), access_log=None, handle_signals=False, shutdown_timeout=0.2)
        await runner.setup()
        self._tls = self._context() if self._context is not None else None
        return runner


class Callers:
    """Accepts connections on a loopback port and hands each to ``serve``, until closed."""

    def __init__(self, serve: Callable[[socket.socket], Coroutine[Any, Any, None]], port: int = 0) -> None:
        """Listens at once, in the running loop."""
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", port), backlog=128)
        self._socket.setblocking(False)
        self.address = Address(*self._socket.getsockname())
        self._tasks = {asyncio.create_task(self._accept())}

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _peer = await loop.sock_accept(self._socket)
            task = asyncio.create_task(self._greet(sock))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _greet(self, sock: socket.socket) -> None:
        try:
            await self._serve(sock)
        except (OSError, asyncio.CancelledError):
            # The peer went away or failed its handshake, or the sandbox stops: there is nobody left to tell.
            sock.close()


class _Acknowledging(asyncio.Protocol):
    """Passes all on to the protocol of the web server. Where the system offers it, the ACK is not delayed.

    Clients such as urllib3 leave Nagle's algorithm on towards a proxy, and then each request with a body would wait
    40 ms for our delayed ACK. The option holds only until the kernel thinks otherwise, so each chunk sets it anew.
    """

    def __init__(self, inner: asyncio.Protocol, connections: set[_Acknowledging]) -> None:
        self._inner = inner
        self._connections = connections
        self._socket: Any = None

    def abort(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)
        if hasattr(socket, "TCP_QUICKACK"):
            self._socket = transport.get_extra_info("socket")
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    body = json.dumps(value, separators=(",", ":")).encode()
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def route_of(request: web.Request) -> str:
    """The route template, `?` for a path that is not served."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "?"


def name_principal(request: web.Request, label: str) -> None:
    """Tell the journal who is asking."""
    request["principal"] = label


def judge_kind(request: web.Request, kind: Kind) -> None:
    """Tell the journal what the request does, where its route alone does not say (a batch)."""
    request["kind"] = kind


def crash_report(runtime: Runtime, error: BaseException) -> None:
    """A defect of the sandbox itself: keep it for the tests, print it for people."""
    if isinstance(error, ConnectionResetError):
        _log.info("a client went away before it was answered")
        return
    runtime.crashes.append(error)
    _log.error("the sandbox failed to answer", exc_info=error)


def journal_middleware(plane: str, runtime: Runtime) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        response = await handler(request)
        # Written before the answer leaves, so that a client which has the answer also finds the entry.
        runtime.journal.record(_facts(plane, runtime, request, response.status, time.perf_counter() - began))
        if "drip" in request:
            return await _drip(request, response, request["drip"])
        return await _cut(request, response) if request.get("cut") else response

    return middleware


def _facts(plane: str, runtime: Runtime, request: web.Request, status: int, duration: float) -> dict[str, Any]:
    route = route_of(request)
    port = _source_port(request)
    return {
        "time": runtime.clock.now(),
        "plane": plane,
        "method": request.method,
        "host": request.host,
        "path": request.path,
        "query": shown_query(request.query.items()),
        "route": route,
        "principal": request.get("principal", "anonymous"),
        "status": RESET_STATUS if request.get("cut") == "reset" else status,
        "kind": request.get("kind") or kind_of(plane, request.method, route),
        "duration": duration,
        "origin": runtime.origins.of(port),
    }


def _source_port(request: web.Request) -> int:
    """The port from which the request came, 0 when its connection is gone."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return int(peer[1]) if peer else 0


def source_address(request: web.Request, runtime: Runtime) -> str:
    """The public address with which the caller is seen, which firewalls and conditional access judge."""
    return runtime.origins.address_of(_source_port(request))


async def _cut(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Break the connection: at once, or in the middle of the body."""
    transport = request.transport
    if transport is None:
        return response
    if request["cut"] == "truncate" and isinstance(response, web.Response) and isinstance(response.body, bytes):
        told = {"Content-Type": response.content_type, "Date": response.headers["Date"]}
        half = web.StreamResponse(status=response.status, headers=told)
        half.content_length = max(len(response.body), 2)
        await half.prepare(request)
        await half.write(response.body[: len(response.body) // 2])
        transport.close()
        return half
    transport.abort()
    return response


async def _drip(request: web.Request, response: web.StreamResponse, fault: Fault) -> web.StreamResponse:
    """Send the answer as it is, with its head or its body byte by byte, and close the connection."""
    transport = request.transport
    body = getattr(response, "body", None)
    if not isinstance(transport, asyncio.Transport) or not isinstance(body, bytes):
        return response
    told = {**response.headers, "Content-Type": response.headers.get("Content-Type", "text/plain")}
    told.update({"Content-Length": str(len(body)), "Connection": "close"})
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{name}: {value}" for name, value in told.items())]
    head = "\r\n".join([*lines, "", ""]).encode()
    if fault.drip == "body":
        transport.write(head)
    for byte in head if fault.drip == "head" else body:
        if transport.is_closing():
            break
        transport.write(bytes([byte]))
        if fault.on_drip is not None:
            fault.on_drip()
        await asyncio.sleep(fault.drip_pause)
    else:
        if fault.drip == "head":
            transport.write(body)
    # What follows here would be a second answer; the connection takes none any more.
    transport.close()
    return response


def _packed(body: bytes, size: int) -> bytes:
    """The body, padded with white space to this size, in gzip; as it is made in steps, it is never in memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    step = b" " * 1_000_000
    parts = [packer.compress(body)]
    for left in range(size - len(body), 0, -len(step)):
        parts.append(packer.compress(step[:left]))
    return b"".join([*parts, packer.flush()])


def date_middleware(plane: str, runtime: Runtime) -> Middleware:
    """Every answer tells the time of the service that gives it; what is served below would tell the machine's."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        ahead = runtime.profile.dsm_clock_skew if plane == "dsm" else 0.0
        response.headers.setdefault("Date", runtime.clock.http_date(ahead))
        return response

    return middleware


def fault_middleware(plane: str, runtime: Runtime) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = route_of(request)
        fault = runtime.faults.pick(plane, request.method, route, runtime.origins.of(_source_port(request)))
        try:
            if fault is None:
                return await handler(request)
            await _held(fault, runtime)
            return await _disturbed(fault, request, handler)
        finally:
            runtime.faults.note_answer(request.method, route)

    return middleware


async def _held(fault: Fault, runtime: Runtime) -> None:
    if fault.until is None:
        return
    runtime.faults.holding += 1
    try:
        async with asyncio.timeout(_LONGEST_HOLD):
            while runtime.faults.holds(fault):
                await asyncio.sleep(_LOOK_AGAIN)
    finally:
        runtime.faults.holding -= 1


def _page(pages: EndlessList, request: web.Request) -> web.Response:
    address = str(request.url.with_scheme("https").without_query_params("$skiptoken"))
    return web.Response(body=pages.page(address), content_type="application/json")


async def _disturbed(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.reset == "before":
        request["cut"] = "reset"
        return web.Response(status=500)
    if fault.endless is not None and fault.endless.first is not None:
        return _page(fault.endless, request)
    replaced = fault.status is not None
    if not replaced or fault.after_work:
        response = await handler(request)
    if fault.then is not None:
        fault.then()
    if replaced:
        body = fault.body.encode() if isinstance(fault.body, str) else fault.body
        headers = {"Content-Type": fault.content_type, **fault.answer_headers()}
        response = web.Response(status=fault.status or 500, body=body, headers=headers)
    elif fault.rewrite is not None and isinstance(response, web.Response) and isinstance(response.body, bytes):
        response = web.Response(
            status=response.status, body=fault.rewrite(response.body), content_type=response.content_type
        )
    made = getattr(response, "body", None)
    if fault.endless is not None and response.status == 200 and isinstance(made, bytes):
        fault.endless.first = made
        response = _page(fault.endless, request)
    elif fault.bomb and isinstance(response, web.Response) and isinstance(made, bytes | None):
        response.body = await asyncio.to_thread(_packed, made or b"", fault.bomb)
        response.headers["Content-Encoding"] = "gzip"
    if fault.drip is not None:
        request["drip"] = fault
    if fault.reset == "after":
        request["cut"] = "reset"
    elif fault.truncate:
        request["cut"] = "truncate"
    return response
