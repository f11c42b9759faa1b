# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Connections of urllib3 that keep to the limits of a request (``limits.py``), and bodies that are read within them.

The time is checked before each read and write of a socket, whatever it is for: TLS handshake, tunnel of a proxy, head
or body of a response. This works in every thread and in forks, without signals and without a thread of its own.
"""

from __future__ import annotations

import socket
import ssl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from .. import _deps
from . import limits

# Bytes.
_CHUNK, _LARGEST_PIECE = 2**16, 2**20
_GZIP_NAMES = ("gzip", "x-gzip")


@contextmanager
def _in_time(sock: Any) -> Iterator[limits.Limits | None]:
    """One operation of the socket, with a timeout of no more than what is left of the request."""
    running = limits.current()
    if running is None:
        yield None
        return
    configured = sock.gettimeout()
    left = running.time_left()
    sock.settimeout(left if configured is None else min(configured, left))
    try:
        yield running
    except TimeoutError:
        # To notice if this was the limit of the request.
        running.time_left()
        raise
    finally:
        sock.settimeout(configured)


class _Tcp(socket.socket):
    __slots__ = ()

    def recv(self, *args: Any) -> bytes:
        with _in_time(self) as running:
            data = super().recv(*args)
            if running is not None:
                running.count_received(len(data))
            return data

    def recv_into(self, *args: Any) -> int:
        with _in_time(self) as running:
            number = super().recv_into(*args)
            if running is not None:
                running.count_received(number)
            return number

    def sendall(self, *args: Any) -> None:
        with _in_time(self):
            super().sendall(*args)


class _Tls(ssl.SSLSocket):
    # Both `recv` and `recv_into` call this, and `sendall` calls `send`.
    def read(self, *args: Any) -> Any:
        with _in_time(self) as running:
            found: Any = super().read(*args)
            if running is not None:
                running.count_received(found if isinstance(found, int) else len(found))
            return found

    def send(self, *args: Any) -> int:
        with _in_time(self):
            return super().send(*args)


def _bounded(sock: Any) -> Any:
    """The same socket, within the limits of the request."""
    # A copy would need the context and the session of TLS; the class is all that has to change.
    if isinstance(sock, ssl.SSLSocket):
        sock.__class__ = _Tls
    elif isinstance(sock, socket.socket):
        sock.__class__ = _Tcp
    return sock


class _Bounded:
    """For connections of urllib3: goes before their class."""

    _dns_host: str
    port: int
    timeout: Any
    sock: Any

    def _new_conn(self) -> Any:
        name, timeout = self._dns_host, self.timeout
        try:
            sock = self._first_reachable(timeout)
        finally:
            self._dns_host, self.timeout = name, timeout
        sock.settimeout(_within(timeout))
        return _bounded(sock)

    def _first_reachable(self, timeout: Any) -> Any:
        """Connect to one address of the host after the other: urllib3 would allow each of them the complete time."""
        exceptions = _deps.load("urllib3.exceptions")
        *others, last = self._addresses()
        for address in others:
            self._dns_host, self.timeout = address, _within(timeout)
            with suppress(exceptions.NewConnectionError, exceptions.ConnectTimeoutError):
                return super()._new_conn()  # type: ignore[misc]
        self._dns_host, self.timeout = last, _within(timeout)
        return super()._new_conn()  # type: ignore[misc]

    def _addresses(self) -> list[str]:
        family = _deps.load("urllib3.util.connection").allowed_gai_family()
        try:
            found = socket.getaddrinfo(self._dns_host.strip("[]"), self.port, family, socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            # urllib3 fails in the same way, in its own words.
            return [self._dns_host]
        # The name of a single one is part of more error texts than its address.
        return [str(one[4][0]) for one in found] if len(found) > 1 else [self._dns_host]

    def _tunnel(self) -> None:
        super()._tunnel()  # type: ignore[misc]
        # The TLS library applies the timeout to the complete handshake.
        self.sock.settimeout(_within(self.timeout))

    def _connect_tls_proxy(self, hostname: str, sock: Any) -> Any:
        return _bounded(super()._connect_tls_proxy(hostname, sock))  # type: ignore[misc]

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]
        except TimeoutError:
            # To notice if the handshake reached the limit of the request.
            _within(None)
            raise
        self.sock = _bounded(self.sock)

    def request(self, *args: Any, **options: Any) -> None:
        running = limits.current()
        if running is not None:
            running.sent = True
        super().request(*args, **options)  # type: ignore[misc]


def _within(timeout: Any) -> Any:
    """The timeout, of no more than what is left of the request."""
    running = limits.current()
    if running is None:
        return timeout
    left = running.time_left()
    return min(timeout, left) if isinstance(timeout, (int, float)) else left


@cache
def pool_classes() -> dict[str, Any]:
    """The classes of connection pools for a PoolManager of urllib3: ``manager.pool_classes_by_scheme``."""
    connections, pools = _deps.load("urllib3.connection"), _deps.load("urllib3.connectionpool")
    kinds = {}
    for scheme, pool, connection in (
        ("http", pools.HTTPConnectionPool, connections.HTTPConnection),
        ("https", pools.HTTPSConnectionPool, connections.HTTPSConnection),
    ):
        bounded = type(f"Bounded{connection.__name__}", (_Bounded, connection), {})
        kinds[scheme] = type(f"Bounded{pool.__name__}", (pool,), {"ConnectionCls": bounded})
    return kinds


def read_body(response: Any) -> bytes:
    """The unpacked body of a response of urllib3 that was requested with ``preload_content=False``.

    Raises:
        HTTPError: of urllib3.
        OSError: a limit is exceeded; the limits say which.
        LimitExceeded: it is packed in a way that cannot be unpacked within limits.
    """
    running = limits.current()
    if running is None:
        raise AssertionError("a response is read within the limits of its request")
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    chunks = response.stream(_CHUNK, decode_content=False)
    parts = []
    try:
        for chunk in _as_packed(packing, chunks, running):
            running.count_decoded(len(chunk))
            running.time_left()
            parts.append(chunk)
    except BaseException:
        # The rest of the response would be taken for the next one.
        response.close()
        raise
    response.release_conn()
    return b"".join(parts)


def _as_packed(packing: str, chunks: Any, running: limits.Limits) -> Any:
    if packing in ("", "identity"):
        return chunks
    if packing in _GZIP_NAMES:
        return _unpacked(chunks, running)
    raise limits.LimitExceeded(f"its Content-Encoding is {packing[:50]}, which was not requested")


def _unpacked(chunks: Any, running: limits.Limits) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    began, problem = False, ""
    try:
        for chunk in chunks:
            packed, began = chunk, True
            while packed and not unpacker.eof:
                yield unpacker.decompress(packed, min(_LARGEST_PIECE, running.room))
                packed = unpacker.unconsumed_tail
    except zlib.error as error:
        problem = str(error)
    if problem or (began and not unpacker.eof):
        raise limits.LimitExceeded(f"it cannot be unpacked: {problem or 'it is incomplete'}")
