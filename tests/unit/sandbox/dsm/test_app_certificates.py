# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-in of apps with a client certificate (DSM contract §1.3)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import urllib3

from sandbox import Sandbox
from sandbox.authorities import Pair, self_signed, write_privately

AUTH, GROUPS = "/sys/v1/session/auth", "/sys/v1/groups"


@pytest.fixture
def presenting(sb: Sandbox, anonymous: Any, tmp_path: Path) -> Iterator[Callable[[Pair], Any]]:
    """Make an anonymous client that presents a certificate."""
    managers: list[urllib3.ProxyManager] = []

    def make(pair: Pair) -> Any:
        path = tmp_path / f"{len(managers)}.pem"
        write_privately(path, pair.key_pem + pair.certificate_pem)
        managers.append(urllib3.ProxyManager(sb.proxy_url, ca_certs=str(sb.ca_bundle), cert_file=str(path)))
        return type(anonymous)(managers[-1], anonymous.base)

    yield make
    for manager in managers:
        manager.clear()


@pytest.fixture
def owner(sb: Sandbox, presenting: Any) -> Any:
    """A client with the certificate of the world's app."""
    app = sb.world.cert_app
    return presenting(Pair(app.certificate_pem, app.key_pem))


def named(app_id: str, secret: str = "") -> str:
    return "Basic " + base64.b64encode(f"{app_id}:{secret}".encode()).decode()


@pytest.mark.parametrize("by_id", [True, False])
def test_an_app_logs_in_with_its_certificate_with_or_without_its_id(sb: Sandbox, owner: Any, by_id: bool) -> None:
    app_id = sb.world.cert_app.app_id

    answer = owner.as_(named(app_id) if by_id else None)("POST", AUTH)

    assert answer.json["entity_id"] == app_id
    assert owner.as_(f"Bearer {answer.json['access_token']}")("GET", GROUPS).status == 200


def test_the_files_of_the_world_hold_the_pair(sb: Sandbox) -> None:
    app = sb.world.cert_app

    assert (app.certificate_path.read_text(), app.key_path.read_text()) == (app.certificate_pem, app.key_pem)
    assert app.key_path.stat().st_mode & 0o077 == 0


def test_each_later_request_must_present_the_certificate(owner: Any, anonymous: Any) -> None:
    token = owner("POST", AUTH).json["access_token"]

    answer = anonymous.as_(f"Bearer {token}")("GET", GROUPS)

    assert answer.status == 401
    assert "client certificate" in answer.text


def test_the_id_without_the_certificate_is_not_enough(sb: Sandbox, anonymous: Any) -> None:
    assert anonymous.as_(named(sb.world.cert_app.app_id))("POST", AUTH).status == 401


def test_a_certificate_app_has_no_secret(sb: Sandbox, owner: Any) -> None:
    assert owner.as_(named(sb.world.cert_app.app_id, "guess"))("POST", AUTH).status == 401


def test_the_certificate_of_another_app_is_refused(sb: Sandbox, owner: Any, names: Any) -> None:
    other = sb.do(lambda state: state.dsm.add_certificate_app(names.new(), self_signed("other").certificate))

    assert owner.as_(named(other.app_id))("POST", AUTH).status == 401


def test_a_certificate_that_dsm_takes_but_no_app_has_is_401(sb: Sandbox, presenting: Any) -> None:
    pair = self_signed("nobody")
    sb.do(lambda state: state.dsm.accept_client_certificate(pair.certificate))

    assert presenting(pair)("POST", AUTH).status == 401


def test_a_strangers_certificate_fails_in_the_handshake(presenting: Any) -> None:
    with pytest.raises(urllib3.exceptions.HTTPError):
        presenting(self_signed("stranger"))("POST", AUTH)


def test_a_certificate_issued_by_a_ca_counts_without_the_ca(sb: Sandbox, presenting: Any, names: Any) -> None:
    issued = trustme.CA().issue_cert("app.example")
    pair = Pair(issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode())
    app = sb.do(lambda state: state.dsm.add_certificate_app(names.new(), pair.certificate))

    assert presenting(pair).as_(named(app.app_id))("POST", AUTH).status == 200


def test_two_apps_with_one_certificate_are_told_apart_by_id_only(sb: Sandbox, presenting: Any, names: Any) -> None:
    pair = self_signed("shared")
    apps = [
        sb.do(lambda state: state.dsm.add_certificate_app(names.new(), pair.certificate).app_id) for _number in range(2)
    ]
    client = presenting(pair)

    assert client("POST", AUTH).status == 401
    assert client.as_(named(apps[1]))("POST", AUTH).json["entity_id"] == apps[1]


def test_an_expired_certificate_is_refused(presenting: Any, names: Any) -> None:
    pair = self_signed("short", days=1)
    with Sandbox.start() as own:
        app = own.do(lambda state: state.dsm.add_certificate_app(names.new(), pair.certificate))
        own.clock.advance(2 * 86400)
        here = presenting(pair)
        with urllib3.ProxyManager(
            own.proxy_url, ca_certs=str(own.ca_bundle), cert_file=here.pool.connection_pool_kw["cert_file"]
        ) as pool:
            answer = type(here)(pool, here.base, named(app.app_id))("POST", AUTH)

    assert (answer.status, answer.text) == (401, "The app's certificate has expired")


def test_an_app_says_how_it_logs_in(sb: Sandbox, admin: Any) -> None:
    shown = [
        admin("GET", f"/sys/v1/apps/{app.app_id}").json["auth_type"] for app in (sb.world.cert_app, sb.world.admin_app)
    ]

    assert shown == ["Certificate", "Secret"]


def test_the_usual_clients_come_without_a_certificate(admin: Any) -> None:
    assert admin("GET", GROUPS).status == 200
