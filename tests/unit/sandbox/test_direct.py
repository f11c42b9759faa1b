# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way in for clients that know no proxies: all services on one port, told apart by the name in the handshake."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from sandbox import Sandbox


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[Sandbox, int]]:
    with Sandbox.start() as sandbox:
        yield sandbox, sandbox.listen_directly()
        assert sandbox.crashes == []


def ask(own: tuple[Sandbox, int], host: str, path: str) -> bytes:
    """The answer to a GET that goes to the port, with the host's name in handshake and header."""
    sandbox, port = own
    context = ssl.create_default_context(cafile=str(sandbox.ca_bundle))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as sock,
        context.wrap_socket(sock, server_hostname=host) as tls,
    ):
        tls.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: tls.recv(65536), b""))


@pytest.mark.parametrize(
    ("host", "path", "answer"),
    [
        ("dsm.sandbox.example", "/sys/v1/version", b"200 OK"),
        ("management.azure.com", "/metadata/endpoints?api-version=2022-09-01", b"keyVaultDns"),
        ("login.microsoftonline.us", "/common/discovery/instance?api-version=1.1", b"tenant_discovery_endpoint"),
        ("akv-sandbox-std.vault.azure.net", "/keys?api-version=2025-07-01", b"401 Unauthorized"),
    ],
)
def test_the_name_of_the_handshake_leads_to_the_service(
    own: tuple[Sandbox, int], host: str, path: str, answer: bytes
) -> None:
    mark = own[0].journal.mark()

    assert answer in ask(own, host, path)
    assert [(entry.host, entry.origin) for entry in own[0].journal.since(mark)] == [(host, "client")]


def test_a_name_that_is_not_simulated_is_not_served(own: tuple[Sandbox, int]) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(own, "www.example.com", "/")


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_no_handshake_is_cut_off(own: tuple[Sandbox, int], sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", own[1]), timeout=30) as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)

        assert _end_of(sock) == b""


def _end_of(sock: socket.socket) -> bytes:
    """What still comes; a reset is an end, too."""
    try:
        return sock.recv(1)
    except ConnectionResetError:
        return b""


def test_a_handshake_that_comes_in_pieces_is_waited_for(own: tuple[Sandbox, int]) -> None:
    context, outgoing = ssl.create_default_context(cafile=str(own[0].ca_bundle)), ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="dsm.sandbox.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    with socket.create_connection(("127.0.0.1", own[1]), timeout=30) as sock:
        for piece in (hello[:50], hello[50:]):
            sock.sendall(piece)

        # The first byte of the server's part of a handshake.
        assert sock.recv(1) == b"\x16"


def test_the_hosts_file_has_every_service_and_vault(own: tuple[Sandbox, int]) -> None:
    assert {"dsm.sandbox.example", "graph.microsoft.us", "akv-sandbox-std.vault.azure.net"} <= set(own[0].hosts())
    assert "hsm-sandbox.managedhsm.azure.net" in own[0].hosts()
