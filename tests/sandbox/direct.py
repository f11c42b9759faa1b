# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way in for clients that know no proxies: one port on loopback, for all names.

The client is brought there by the hosts file, a resolver, or an option such as curl's `--connect-to`. Which service it
means is the server name of its handshake, which is read without being taken: the service gets the connection untouched.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping

from .network import Address, Network, Origins
from .wire import Callers, Listener

_HELLO = 65536
_PATIENCE, _LOOK_AGAIN = 5.0, 0.01


class Direct:
    def __init__(self, network: Network, origins: Origins, listeners: Mapping[Address, Listener]) -> None:
        self._network = network
        self._origins = origins
        self._listeners = listeners

    def start(self, port: int) -> int:
        """Listen on loopback and return the port."""
        self._callers = Callers(self._serve, port)
        return self._callers.address.port

    async def stop(self) -> None:
        await self._callers.close()

    async def _serve(self, sock: socket.socket) -> None:
        address = self._network.resolve(await _wanted(sock))
        if address is None:
            # As at an address behind which nobody serves the name.
            sock.close()
            return
        self._origins.record(sock.getpeername()[1], "client")
        await self._listeners[address].serve(sock)


async def _wanted(sock: socket.socket) -> str:
    """The server name in the first message of a connection; empty where there is none, or no TLS."""
    try:
        async with asyncio.timeout(_PATIENCE):
            while True:
                try:
                    return _server_name(sock.recv(_HELLO, socket.MSG_PEEK))
                except (BlockingIOError, ssl.SSLWantReadError):
                    await asyncio.sleep(_LOOK_AGAIN)
    except TimeoutError:
        return ""


def _server_name(hello: bytes) -> str:
    """The name that a client asks for, from a handshake that is begun for that and never continued."""
    if not hello:
        return ""
    names: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _tls, name, _context: names.append(name or "")
    incoming = ssl.MemoryBIO()
    incoming.write(hello)
    try:
        context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True).do_handshake()
    except ssl.SSLWantReadError:
        raise
    except ssl.SSLError:
        # Without a certificate, a handshake fails right after the name.
        return names[0] if names else ""
    return ""
