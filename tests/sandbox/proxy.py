# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CONNECT proxy that knows the simulated world only.

It leads to the published names on port 443 and refuses everything else, so nothing that runs behind it can reach the
real services by mistake. HTTP is parsed by h11. A tunnel has its end in this process: the service takes the connection
over as it is, and nothing is copied.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import h11

from .network import Address, Network, Origins
from .wire import Callers, Listener

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
    def __init__(self, network: Network, origins: Origins, listeners: Mapping[Address, Listener]) -> None:
        self._network = network
        self._origins = origins
        self._listeners = listeners
        self.log = ProxyLog()

    def start(self, port: int = 0) -> int:
        """Listen on loopback and return the port."""
        self._callers = Callers(self._serve, port)
        return self._callers.address.port

    async def stop(self) -> None:
        await self._callers.close()

    async def _serve(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        connection = h11.Connection(h11.SERVER)
        try:
            request = await _read_request(connection, sock)
        except h11.RemoteProtocolError:
            request = None
        if request is None:
            sock.close()
            return
        host, port = _target(request)
        address = self._network.resolve(host, port) if request.method == b"CONNECT" else None
        why = ""
        if address is None:
            why = f"does not lead to {host}:{port}; only the simulated services exist"
        elif connection.trailing_data[0]:
            # The service takes over the connection, and so cannot be given what was read of it.
            why = "answers CONNECT before it takes what goes through the tunnel"
        if address is None or why:
            self.log.record(host, port, "refused")
            await loop.sock_sendall(sock, _refusal(connection, why))
            sock.close()
            return
        self._origins.record(sock.getpeername()[1], "client")
        self.log.record(host, port, "tunnel")
        established = h11.Response(status_code=200, headers=[], reason=b"Connection established")
        await loop.sock_sendall(sock, _bytes(connection.send(established)))
        await self._listeners[address].serve(sock)


async def _read_request(connection: h11.Connection, sock: socket.socket) -> h11.Request | None:
    """Read up to the end of one request's head; None when the peer leaves before that."""
    loop = asyncio.get_running_loop()
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if isinstance(event, h11.ConnectionClosed):
            return None
        if event is h11.NEED_DATA:
            connection.receive_data(await loop.sock_recv(sock, _CHUNK))


def _target(request: h11.Request) -> tuple[str, int]:
    """Host and port of the request line: authority form for CONNECT, absolute form for plain HTTP."""
    target = request.target.decode("ascii", "replace")
    if request.method != b"CONNECT":
        authority = target.partition("://")[2].partition("/")[0]
        host, _separator, port = authority.partition(":")
        return host or target, int(port) if port.isdigit() else 80
    host, _separator, port = target.rpartition(":")
    return host, int(port) if port.isdigit() else 0


def _refusal(connection: h11.Connection, why: str) -> bytes:
    text = f"The sandbox's proxy {why}.\n".encode()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text))), ("Connection", "close")]
    events = (
        h11.Response(status_code=403, headers=headers, reason=b"Forbidden"),
        h11.Data(data=text),
        h11.EndOfMessage(),
    )
    return b"".join(_bytes(connection.send(event)) for event in events)


def _bytes(data: bytes | None) -> bytes:
    return data or b""
