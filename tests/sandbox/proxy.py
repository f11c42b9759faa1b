# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CONNECT proxy that knows the simulated world only.

It tunnels the published names on port 443 to their loopback listeners and refuses everything else, so nothing that runs
behind it can reach the real services by mistake. HTTP is parsed by h11; the tunnel itself is copied blindly.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

import h11

from .network import Network, Origins

_CHUNK = 65536


@dataclass(frozen=True)
class ProxyEntry:
    """One request to the proxy and what became of it."""

    time: float
    host: str
    port: int
    decision: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class ProxyLog:
    def __init__(self) -> None:
        self._entries: list[ProxyEntry] = []
        self._lock = threading.Lock()

    def record(self, host: str, port: int, decision: str) -> None:
        with self._lock:
            self._entries.append(ProxyEntry(time.time(), host, port, decision))

    def entries(self) -> list[ProxyEntry]:
        with self._lock:
            return list(self._entries)


class Proxy:
    def __init__(self, network: Network, origins: Origins) -> None:
        self._network = network
        self._origins = origins
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.log = ProxyLog()

    async def start(self, port: int = 0) -> int:
        """Listen on loopback and return the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await self._serve(reader, writer)
        except (OSError, h11.RemoteProtocolError, asyncio.CancelledError):
            # The peer went away or talks no HTTP, or the sandbox stops: in each case there is nobody left to tell.
            writer.transport.abort()
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        request = await _read_request(connection, reader)
        if request is None:
            return
        host, port = _target(request)
        address = self._network.resolve(host, port) if request.method == b"CONNECT" else None
        if address is None:
            self.log.record(host, port, "refused")
            await _refuse(connection, writer, host, port)
            return
        upstream = await asyncio.open_connection(address.host, address.port)
        self._origins.record(upstream[1].get_extra_info("sockname")[1], "client")
        self.log.record(host, port, "tunnel")
        established = h11.Response(status_code=200, headers=[], reason=b"Connection established")
        writer.write(_bytes(connection.send(established)))
        upstream[1].write(connection.trailing_data[0])
        await _tunnel((reader, writer), upstream)


async def _read_request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """Read up to the end of one request's head; None when the peer leaves before that."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if isinstance(event, h11.ConnectionClosed):
            return None
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))


def _target(request: h11.Request) -> tuple[str, int]:
    """Host and port of the request line: authority form for CONNECT, absolute form for plain HTTP."""
    target = request.target.decode("ascii", "replace")
    if request.method != b"CONNECT":
        authority = target.partition("://")[2].partition("/")[0]
        host, _separator, port = authority.partition(":")
        return host or target, int(port) if port.isdigit() else 80
    host, _separator, port = target.rpartition(":")
    return host, int(port) if port.isdigit() else 0


async def _refuse(connection: h11.Connection, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    text = f"The sandbox's proxy does not lead to {host}:{port}; only the simulated services exist.\n".encode()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text))), ("Connection", "close")]
    writer.write(_bytes(connection.send(h11.Response(status_code=403, headers=headers, reason=b"Forbidden"))))
    writer.write(_bytes(connection.send(h11.Data(data=text))) + _bytes(connection.send(h11.EndOfMessage())))
    await writer.drain()


def _bytes(data: bytes | None) -> bytes:
    return data or b""


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _tunnel(client: _Stream, upstream: _Stream) -> None:
    """Copy both ways until both ends are done; a reset on one side becomes a reset on the other."""
    try:
        await asyncio.gather(_pump(client, upstream[1]), _pump(upstream, client[1]))
    except OSError:
        client[1].transport.abort()
        upstream[1].transport.abort()
    finally:
        upstream[1].close()


async def _pump(source: _Stream, sink: asyncio.StreamWriter) -> None:
    _acknowledge_at_once(source[1])
    while data := await source[0].read(_CHUNK):
        _acknowledge_at_once(source[1])
        sink.write(data)
        await sink.drain()
    sink.write_eof()


def _acknowledge_at_once(writer: asyncio.StreamWriter) -> None:
    """Where the system offers it, do not delay the ACK.

    Clients such as urllib3 leave Nagle's algorithm on towards a proxy, and then each request with a body would wait
    40 ms for our delayed ACK. The option holds only until the kernel thinks otherwise, so each chunk sets it anew.
    """
    sock = writer.get_extra_info("socket")
    if sock is not None and hasattr(socket, "TCP_QUICKACK"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
