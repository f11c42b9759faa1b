# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy leads to the simulated world only, and the journal misses nothing and tells no secret."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox import Sandbox
from sandbox.journal import kind_of, shown_query
from sandbox.network import Address, Network


def proxy_port(sb: Sandbox) -> int:
    return urlsplit(sb.proxy_url).port or 0


def raw(sb: Sandbox, data: bytes) -> bytes:
    """Send bytes to the proxy and read all that comes back."""
    with socket.create_connection(("127.0.0.1", proxy_port(sb)), timeout=5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("example.com", 443),
        ("no-such-vault.vault.azure.net", 443),
        ("vault.azure.net", 443),
        ("dsm.sandbox.example", 80),
        ("127.0.0.1", 443),
        ("login.microsoftonline.com.evil.example", 443),
    ],
)
def test_the_proxy_refuses_and_logs_what_is_not_published(sb: Sandbox, host: str, port: int) -> None:
    answer = raw(sb, f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 403 ")
    entry = sb.proxy_log[-1]
    assert (entry.host, entry.port, entry.decision) == (host, port, "refused")


def test_who_sends_before_the_tunnel_is_there_is_told_so(sb: Sandbox) -> None:
    answer = raw(sb, b"CONNECT dsm.sandbox.example:443 HTTP/1.1\r\nHost: dsm.sandbox.example\r\n\r\nearly")

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"answers CONNECT before" in answer
    assert b"does not lead to" not in answer


def test_the_proxy_does_not_fetch_plain_http(sb: Sandbox) -> None:
    answer = raw(sb, b"GET http://dsm.sandbox.example/ HTTP/1.1\r\nHost: dsm.sandbox.example\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert sb.proxy_log[-1].host == "dsm.sandbox.example"


def test_the_proxy_survives_noise(sb: Sandbox, admin: Any) -> None:
    raw(sb, b"\x16\x03\x01 not http at all\r\n\r\n")
    raw(sb, b"")

    assert admin("GET", "/sys/v1/version").status == 200


def test_a_tunnel_is_logged(sb: Sandbox, pool: Any) -> None:
    pool.clear()

    pool.request("GET", f"{sb.world.dsm_endpoint}/sys/v1/version")

    entry = sb.proxy_log[-1]
    assert (entry.host, entry.port, entry.decision) == ("dsm.sandbox.example", 443, "tunnel")


def test_the_vaults_of_both_clouds_have_names_as_long_as_they_exist(sb: Sandbox, estate: Any) -> None:
    host = f"{estate.vault}.vault.azure.net"
    before = sb.network.knows(host)

    estate.do(lambda azure: azure.delete_vault(estate.vault))

    assert (before, sb.network.knows(host)) == (True, False)


def test_a_child_table_shadows_its_parent_only_for_itself() -> None:
    parent = Network()
    parent.publish("a.example", Address("127.0.0.1", 1))
    child = Network(parent)
    child.publish("A.example", Address("127.0.0.1", 2))

    assert (parent.resolve("a.example"), child.resolve("a.example")) == (
        Address("127.0.0.1", 1),
        Address("127.0.0.1", 2),
    )
    child.withdraw("a.example")
    assert child.resolve("a.example.") == Address("127.0.0.1", 1)


# Journal ------------------------------------------------------------------------------------------------------------


def test_an_answered_request_is_in_the_journal_already(sb: Sandbox, admin: Any, group: Any) -> None:
    mark = sb.journal.mark()

    admin("PATCH", f"/sys/v1/groups/{group['group_id']}", {"description": "x"})

    (entry,) = sb.journal.since(mark)
    assert (entry.plane, entry.method, entry.route) == ("dsm", "PATCH", "/sys/v1/groups/{group_id}")
    assert (entry.status, entry.kind, entry.principal, entry.origin) == (200, "write", "app:sandbox-admin", "client")
    assert entry.number == mark + 1


def test_refused_and_unknown_requests_are_journalled_too(sb: Sandbox, anonymous: Any) -> None:
    mark = sb.journal.mark()

    anonymous("GET", "/sys/v1/groups")
    anonymous("GET", "/sys/v1/no-such-thing")

    assert [(entry.status, entry.route) for entry in sb.journal.since(mark)] == [(401, "/sys/v1/groups"), (404, "?")]


@pytest.mark.parametrize(
    ("plane", "method", "route", "kind"),
    [
        ("dsm", "GET", "/sys/v1/groups", "read"),
        ("dsm", "POST", "/sys/v1/groups", "write"),
        ("dsm", "POST", "/sys/v1/groups/hmg/check", "read"),
        ("dsm", "POST", "/sys/v1/groups/{group_id}/hmg/scan", "write"),
        ("dsm", "POST", "/sys/v1/session/auth", "login"),
        ("dsm", "POST", "/something/new", "write"),
        ("entra", "POST", "/{tenant}/oauth2/v2.0/token", "login"),
        ("vault", "POST", "/keys/{name}/create", "write"),
    ],
)
def test_every_request_has_a_kind_and_the_unknown_is_a_write(plane: str, method: str, route: str, kind: str) -> None:
    assert kind_of(plane, method, route) == kind


def test_only_listed_query_values_are_kept() -> None:
    assert shown_query([("limit", "5"), ("client_secret", "hush")]) == (("limit", "5"), ("client_secret", "…"))


def test_writes_are_told_apart(sb: Sandbox, admin: Any, linked: Any) -> None:
    mark = sb.journal.mark()

    admin("POST", f"/sys/v1/groups/{linked['group_id']}/hmg/check", {})
    admin("POST", f"/sys/v1/groups/{linked['group_id']}/hmg/scan", {})

    assert [entry.route.rpartition("/")[2] for entry in sb.journal.writes(since=mark)] == ["scan"]
    assert len(sb.journal.requests(since=mark, plane="dsm")) == 2


def test_no_secret_is_in_the_journal(sb: Sandbox, admin: Any, linked: Any, log_in: Any, estate: Any) -> None:
    admin("POST", f"/sys/v1/groups/{linked['group_id']}/hmg/scan", {})
    session = log_in(sb.world.administrator, sb.world.account_id)
    session("GET", "/sys/v1/groups", password=sb.world.administrator.password)
    w = sb.world
    secrets = [w.admin_app.api_key, w.administrator.password, estate.client_secret, session.authorization]

    text = json.dumps([entry.as_dict() for entry in sb.journal.since()])

    assert [secret for secret in secrets if secret.removeprefix("Bearer ") in text] == []


# Control ------------------------------------------------------------------------------------------------------------


def control(sb: Sandbox, path: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sb.control_url + path) as answer:
        return bytes(answer.read())


def test_the_control_service_tells_journal_and_proxy_log(sb: Sandbox, admin: Any) -> None:
    mark = sb.journal.mark()
    admin("GET", "/sys/v1/version")

    (entry,) = json.loads(control(sb, f"/journal?since={mark}"))

    assert entry["path"] == "/sys/v1/version"
    assert json.loads(control(sb, "/proxy-log"))[0]["decision"] in ("tunnel", "refused")
    assert b"/journal" in control(sb, "/")


def test_the_control_service_listens_on_loopback_without_the_planes(sb: Sandbox) -> None:
    url = urlsplit(sb.control_url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port)
    connection.request("GET", "/sys/v1/version")

    status = connection.getresponse().status
    connection.close()

    assert (url.hostname, status) == ("127.0.0.1", 404)
