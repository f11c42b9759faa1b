# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's side of TLS over a plain stream.

asyncio's own TLS drops the alert with which a handshake fails, so that the client sees a closed connection and no
reason. Here the alert goes out as it does from other servers: "unknown ca", "certificate required".
"""

from __future__ import annotations

import asyncio
import ssl
import weakref
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_CHUNK = 65536


_wanted: weakref.WeakKeyDictionary[ssl.SSLObject, str] = weakref.WeakKeyDictionary()


def _note(tls: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
    """Called in the middle of the handshake, by the context and hence for all of its connections."""
    if isinstance(tls, ssl.SSLObject) and name:
        _wanted[tls] = name


class TlsServerStream:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
        self._reader, self._writer = reader, writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context.sni_callback = _note
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    @property
    def wanted(self) -> str:
        """The server name that the client has asked for; known after the handshake."""
        return _wanted.get(self._tls, "")

    async def handshake(self) -> None:
        await self._pump(self._tls.do_handshake)

    async def read(self) -> bytes:
        """Some data; none at the end."""
        try:
            return await self._pump(lambda: self._tls.read(_CHUNK))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def write(self, data: bytes) -> None:
        await self._pump(lambda: self._tls.write(data))

    async def _pump(self, call: Callable[[], T]) -> T:
        """Do one TLS operation, with as much traffic as it takes."""
        while True:
            try:
                return call()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._reader.read(_CHUNK)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            finally:
                await self._flush()

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._writer.write(data)
            await self._writer.drain()
