# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an enterprise puts between DSM and Azure: transparent TLS fronts, and ways that lead nowhere.

Fronts stand in DSM's egress only; clients of the sandbox go by the proxy as before. A front terminates TLS with a
certificate of the enterprise's authority and passes everything on to the real service.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from .authorities import Authorities, Pair, server_context
from .azure.clouds import GOVERNMENT, PUBLIC
from .network import Address
from .runtime import Runtime
from .tls_stream import TlsServerStream

_CHUNK = 65536
_LINGER = 1.0

_CLOUDS = (PUBLIC, GOVERNMENT)
SERVICES: dict[str, tuple[str, ...]] = {
    "entra": tuple(cloud.login_host for cloud in _CLOUDS),
    "arm": tuple(cloud.management_host for cloud in _CLOUDS),
    "vault": tuple(f"*.{suffix}" for cloud in _CLOUDS for suffix in (cloud.vault_suffix, cloud.hsm_suffix)),
}
"""Service -> the host names that it has, in both clouds."""
SERVICES["all"] = tuple(host for hosts in list(SERVICES.values()) for host in hosts)


class Fronts:
    """The enterprise's hand in DSM's egress. Places are host names, `*.suffix`, or words of `SERVICES`."""

    def __init__(
        self,
        authorities: Authorities,
        runtime: Runtime,
        run: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._authorities = authorities
        self._runtime = runtime
        self._run = run
        self._servers: list[asyncio.Server] = []
        self._sockets: list[socket.socket] = []
        self._places: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.ca_pem = authorities.enterprise_root.cert_pem.bytes().decode()
        """The enterprise's root, which a link has to pin."""
        self.client_pair: Pair = authorities.enterprise_client
        """A client certificate that fronts accept where they demand one."""
        self.stranger_pair: Pair = authorities.stranger
        """A client certificate of an authority that the fronts do not know."""

    def put(
        self,
        *places: str,
        certificate: Literal["right", "wrong_host", "expired"] = "right",
        authority: Literal["enterprise", "global"] = "enterprise",
        client_certificate: bool = False,
    ) -> None:
        """Put a front before the services; `client_certificate` makes it demand one of the enterprise's clients."""
        root = self._authorities.enterprise_root if authority == "enterprise" else self._authorities.global_root
        for host in _hosts(places):
            name = "front.enterprise.example" if certificate == "wrong_host" else host
            context = server_context(root, name, expired=certificate == "expired")
            if client_certificate:
                context.verify_mode = ssl.CERT_REQUIRED
                self._authorities.enterprise_client_root.configure_trust(context)
            self._run(self._listen(host, _Relay(self._runtime, context).serve))

    def fail(self, *places: str, how: Literal["dns", "refused", "silent"]) -> None:
        """Let names not resolve, connections be refused, or be taken and never answered."""
        for host in _hosts(places):
            if how == "dns":
                self._runtime.dsm_network.block(host)
                self._places.add(host)
            elif how == "refused":
                self._lead(host, self._closed_port())
            else:
                self._run(self._listen(host, _say_nothing))

    def clear(self) -> None:
        """Take everything away again."""
        self._run(self.close())

    async def close(self) -> None:
        for host in self._places:
            self._runtime.dsm_network.withdraw(host)
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sock in self._sockets:
            sock.close()
        self._places.clear()
        self._servers.clear()
        self._sockets.clear()

    def _lead(self, host: str, address: Address) -> None:
        self._runtime.dsm_network.publish(host, address)
        self._places.add(host)

    def _closed_port(self) -> Address:
        """A port that is taken, so that nobody else gets it, and that nobody listens on."""
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        self._sockets.append(sock)
        return Address(*sock.getsockname())

    async def _listen(
        self, host: str, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
    ) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task:
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            try:
                await serve(reader, writer)
            except (OSError, asyncio.CancelledError):
                # A failed handshake has been told to the peer, a peer that went away needs no telling.
                writer.transport.abort()
            finally:
                writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self._servers.append(server)
        self._lead(host, Address(*server.sockets[0].getsockname()[:2]))


def _hosts(places: tuple[str, ...]) -> list[str]:
    return [host for place in places for host in SERVICES.get(place, (place,))]


async def _say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    while await reader.read(_CHUNK):
        pass


class _Relay:
    """Terminates TLS and passes on to the service that the client has named in its handshake."""

    def __init__(self, runtime: Runtime, context: ssl.SSLContext) -> None:
        self._runtime = runtime
        self._context = context
        self._onwards = ssl.create_default_context(cadata=runtime.global_roots_pem)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = TlsServerStream(reader, writer, self._context)
        try:
            await stream.handshake()
        except ssl.SSLError:
            await _linger(reader, writer)
            return
        address = self._runtime.network.resolve(stream.wanted)
        if address is None:
            return
        onward = await asyncio.open_connection(
            address.host, address.port, ssl=self._onwards, server_hostname=stream.wanted
        )
        self._runtime.origins.record(onward[1].get_extra_info("sockname")[1], "dsm")
        try:
            await asyncio.gather(_forth(stream, onward[1]), _back(onward[0], stream, writer))
        finally:
            onward[1].close()


async def _forth(stream: TlsServerStream, sink: asyncio.StreamWriter) -> None:
    while data := await stream.read():
        sink.write(data)
        await sink.drain()
    sink.close()


async def _back(source: asyncio.StreamReader, stream: TlsServerStream, writer: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        await stream.write(data)
    writer.close()


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take what the client still sends: closing with unread data would be a reset, which overtakes the alert."""
    writer.write_eof()
    try:
        async with asyncio.timeout(_LINGER):
            while await reader.read(_CHUNK):
                pass
    except TimeoutError:
        return
