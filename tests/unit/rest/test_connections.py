# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections within the limits of a request: whatever drips, and however small it was packed."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme
import urllib3

from ansible_collections.fortanix.dsm.plugins.module_utils._rest import connections, limits
from ansible_collections.fortanix.dsm.plugins.module_utils._rest.limits import LimitExceeded, Limits, limited
from support.client_clock import ClientClock

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
TUNNEL = b"HTTP/1.1 200 Connection established\r\n"
# So many bytes drip for a thousand seconds of the client's clock. The limit is three; a busy machine reads late.
MANY, LATE = 2000, 500
PADDING = b"X-Padding: " + b"x" * MANY + b"\r\n\r\n"
Serve = Callable[[socket.socket], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ClientClock:
    return ClientClock(monkeypatch)


@pytest.fixture
def server() -> Iterator[Callable[[Serve], int]]:
    """Starts servers for one connection each; returns the port."""
    with socket.socket() as listening:
        threads = []

        def start(serve: Serve) -> int:
            listening.bind(("127.0.0.1", 0))
            listening.listen()

            def run() -> None:
                connection, _peer = listening.accept()
                with connection:
                    try:
                        serve(connection)
                    except OSError:
                        # The client has seen enough.
                        return

            threads.append(threading.Thread(target=run))
            threads[-1].start()
            return int(listening.getsockname()[1])

        yield start
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()


def drip(clock: ClientClock, data: bytes, before: bytes = b"") -> Serve:
    """Takes a request and answers it byte by byte, with half a second between them."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(before)
        for byte in data:
            clock.advance()
            connection.sendall(bytes([byte]))
            # A chance for the client to read it alone.
            time.sleep(0.002)

    return serve


def answering(data: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)

    return serve


def get(url: str, *, proxy: str = "", seconds: float = 3, **options: Any) -> bytes:
    """The body. The timeouts of urllib3 are longer than the limit."""
    manager = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
    manager.pool_classes_by_scheme = connections.pool_classes()
    with limited(Limits(seconds)):
        response = manager.request("GET", url, retries=False, timeout=10, preload_content=False, decode_content=False)
        return connections.read_body(response)


@pytest.mark.parametrize(
    ("drips", "before"),
    [
        (b"HTTP/1.1 200 OK\r\n" + PADDING, b""),
        (b"x" * MANY, HEAD % MANY),
        (b"1\r\nx\r\n" * MANY, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (b"1" * MANY, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 80, b""),
    ],
    ids=["head", "body", "chunks", "size of a chunk", "endless 100 Continue"],
)
def test_a_response_that_drips_ends_with_the_limit(
    server: Callable[[Serve], int], clock: ClientClock, drips: bytes, before: bytes
) -> None:
    port = server(drip(clock, drips, before))

    with pytest.raises(LimitExceeded, match="not complete within 3 seconds") as raised:
        get(f"http://127.0.0.1:{port}/")

    assert (raised.value.sent, raised.value.timed_out) == (True, True)
    assert clock.ahead < LATE


def test_the_tunnel_of_a_proxy_that_drips_ends_with_the_limit_and_nothing_was_sent(
    server: Callable[[Serve], int], clock: ClientClock
) -> None:
    port = server(drip(clock, TUNNEL + PADDING))

    with pytest.raises(LimitExceeded, match="not complete within 3 seconds") as raised:
        get("https://dsm.example.com/", proxy=f"http://127.0.0.1:{port}")

    assert not raised.value.sent
    assert clock.ahead < LATE


@pytest.mark.parametrize("begins", [b"", TUNNEL + b"\r\n"], ids=["direct", "tunnel"])
def test_a_handshake_that_drips_ends_with_the_limit(server: Callable[[Serve], int], begins: bytes) -> None:
    """The TLS library reads by itself: its time is bounded as a whole, by the real clock."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        if begins:
            connection.sendall(begins)
            connection.recv(65536)
        # The head of a record of 8 KiB, and then a byte of it now and then.
        connection.sendall(b"\x16\x03\x03\x20\x00\x02\x00\x1f\xfc")
        while True:
            time.sleep(0.05)
            connection.sendall(b"x")

    port, began = server(serve), time.monotonic()
    address = f"http://127.0.0.1:{port}" if begins else ""

    with pytest.raises(LimitExceeded) as raised:
        get("https://dsm.example.com/" if begins else f"https://127.0.0.1:{port}/", proxy=address, seconds=0.3)

    assert not raised.value.sent
    # Dripping goes on for minutes; a busy machine may take seconds.
    assert time.monotonic() - began < 20


def in_tls(serve: Serve) -> tuple[Serve, ssl.SSLContext]:
    """The server with TLS around it, and the client's context."""
    authority, mine, theirs = trustme.CA(), ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "dsm.example.com").configure_cert(theirs)
    authority.configure_trust(mine)

    def wrapped(connection: socket.socket) -> None:
        with theirs.wrap_socket(connection, server_side=True) as tls:
            serve(tls)

    return wrapped, mine


@pytest.mark.parametrize(
    ("drips", "before"),
    [(b"HTTP/1.1 200 OK\r\n" + PADDING, b""), (b"x" * MANY, HEAD % MANY)],
    ids=["head", "body"],
)
def test_a_response_over_tls_that_drips_ends_with_the_limit(
    server: Callable[[Serve], int], clock: ClientClock, drips: bytes, before: bytes
) -> None:
    serve, context = in_tls(drip(clock, drips, before))

    with pytest.raises(LimitExceeded, match="not complete within 3 seconds"):
        get(f"https://127.0.0.1:{server(serve)}/", ssl_context=context)

    assert clock.ahead < LATE


def test_a_tunnel_within_tls_that_drips_ends_with_the_limit(server: Callable[[Serve], int], clock: ClientClock) -> None:
    serve, context = in_tls(drip(clock, TUNNEL + PADDING))
    port = server(serve)

    with pytest.raises(LimitExceeded, match="not complete within 3 seconds") as raised:
        get("https://dsm.example.com/", proxy=f"https://127.0.0.1:{port}", proxy_ssl_context=context)

    assert not raised.value.sent


def test_a_server_that_takes_nothing_in_ends_with_the_limit(server: Callable[[Serve], int]) -> None:
    stop = threading.Event()
    port = server(lambda _connection: stop.wait(60) and None)
    manager = urllib3.PoolManager()
    manager.pool_classes_by_scheme = connections.pool_classes()
    try:
        with pytest.raises(LimitExceeded, match=r"within 0\.3 seconds"), limited(Limits(0.3)):
            manager.request("POST", f"http://127.0.0.1:{port}/", body=b"x" * 30_000_000, retries=False, timeout=10)
    finally:
        stop.set()


def test_all_addresses_of_a_host_share_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the forty accepts a connection: their queues are full. One by one, that would take twelve seconds."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        host, port = full.getsockname()
        answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda name, *rest, **more: answer * 40 if name == "many" else real(name, *rest, **more),
        )
        began = time.monotonic()

        with pytest.raises(LimitExceeded, match=r"within 0\.3 seconds"):
            get(f"http://many:{port}/", seconds=0.3)

        assert time.monotonic() - began < 6


def test_the_next_address_of_a_host_is_tried(server: Callable[[Serve], int], monkeypatch: pytest.MonkeyPatch) -> None:
    port = server(answering(HEAD % 2 + b"ok"))
    with socket.socket() as closed:
        closed.bind(("127.0.0.2", port))
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda name, *rest, **more: found if name == "two" else real(name, *rest, **more)
        )

        assert get(f"http://two:{port}/") == b"ok"


# --- Size -------------------------------------------------------------------------------------------------------------


def packed(body: bytes, packing: bytes = b"gzip") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s" % (packing, len(body), body)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BYTES", 1_000_000)


@pytest.mark.parametrize(
    "answer",
    [
        HEAD % 2_000_000 + b"x" * 2_000_000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2_000_000,
        packed(gzip.compress(b" " * 50_000_000)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1e8480\r\n" + b"x" * 2_000_000,
    ],
    ids=["plain", "without a length", "packed", "chunked"],
)
def test_a_response_that_is_too_large_is_refused(server: Callable[[Serve], int], small: None, answer: bytes) -> None:
    port = server(answering(answer))

    with pytest.raises(LimitExceeded, match="larger than 1000000 bytes") as raised:
        get(f"http://127.0.0.1:{port}/", seconds=30)

    assert not raised.value.timed_out


@pytest.mark.parametrize("packing", [b"gzip, gzip", b"br", b"zstd", b"deflate", b"x" * 5000])
def test_a_packing_that_was_not_requested_is_refused(server: Callable[[Serve], int], packing: bytes) -> None:
    twice = gzip.compress(gzip.compress(b" " * 1_000_000))
    port = server(answering(packed(twice, packing)))

    with pytest.raises(LimitExceeded, match=r"Content-Encoding is .{2,50}, which was not requested"):
        get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"x" * 1000)[:-9]], ids=["garbage", "half"])
def test_a_packed_body_that_is_broken_is_refused(server: Callable[[Serve], int], body: bytes) -> None:
    port = server(answering(packed(body)))

    with pytest.raises(LimitExceeded, match="cannot be unpacked"):
        get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("body", [b"", b"ok", b"x" * 3_000_000])
@pytest.mark.parametrize("packing", ["", "gzip", "X-GZIP", "identity"])
def test_a_body_is_read_as_it_was_sent(server: Callable[[Serve], int], body: bytes, packing: str) -> None:
    on_the_wire = gzip.compress(body) if "gzip" in packing.lower() else body
    port = server(answering(packed(on_the_wire, packing.encode()) if packing else HEAD % len(body) + body))

    assert get(f"http://127.0.0.1:{port}/", seconds=30) == body


def test_without_limits_a_connection_is_as_any_other(server: Callable[[Serve], int]) -> None:
    port = server(answering(HEAD % 2 + b"ok"))
    manager = urllib3.PoolManager()
    manager.pool_classes_by_scheme = connections.pool_classes()

    assert manager.request("GET", f"http://127.0.0.1:{port}/").data == b"ok"


def test_each_thread_has_its_own_limits() -> None:
    seen: list[Limits | None] = []
    with limited(Limits(1)):
        thread = threading.Thread(target=lambda: seen.append(limits.current()))
        thread.start()
        thread.join()

    assert seen == [None]
