# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to Entra and Azure over the real wire: each ends in time, whichever SDK sends it, and no list is endless."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.authorization import managed_hsm, role_assignments
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire import channel as channel_module
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.channel import (
    arm,
    graph,
    hsm_access,
    keys,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.credential import Operator, operator_of
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import AzureError
from ansible_collections.fortanix.dsm.plugins.module_utils._options import AZURE
from ansible_collections.fortanix.dsm.plugins.module_utils._rest import limits
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task
from sandbox import EndlessList, Fault, Sandbox
from support.clocks import ClientClock

API = {"api-version": "2026-02-01"}


Login = Callable[..., Operator]


@pytest.fixture
def login(sandbox: Sandbox, clock: ClientClock) -> Login:
    """Makes operators that have no token yet."""
    view = sandbox.world.public
    operator = (view.operator_client_id, view.operator_client_secret)
    # Keys are listed by the application alone.
    application = (view.client_id, view.client_secret)

    def make(plane: str = "") -> Operator:
        client_id, secret = application if plane == "vault" else operator
        given = {
            "tenant": view.tenant_id,
            "client_id": client_id,
            "secret": secret,
            "subscription_id": view.subscription_id,
        }
        return operator_of(Task(params={**AZURE.defaults(), **given}, check_mode=False, proxy=None, warn=pytest.fail))

    return make


def read_arm(operator: Operator) -> object:
    with arm(operator, read_only=True) as channel:
        path = f"/subscriptions/{operator.subscription}/providers/Microsoft.KeyVault/vaults"
        return list(channel.pages(path, obj="vaults", query=API))


def read_roles(operator: Operator) -> object:
    with arm(operator, read_only=True) as channel:
        return role_assignments.assignments(channel, f"/subscriptions/{operator.subscription}")


def read_graph(operator: Operator) -> object:
    with graph(operator, read_only=True) as channel:
        return list(channel.pages("/v1.0/applications", obj="applications"))


def read_vault(operator: Operator) -> object:
    with keys(operator, "https://akv-sandbox-prem.vault.azure.net") as channel:
        return list(channel.pages("/keys", obj="keys", query={"api-version": "2025-07-01"}))


def read_pool(operator: Operator) -> object:
    with hsm_access(operator, "https://hsm-sandbox.managedhsm.azure.net", read_only=True) as channel:
        return managed_hsm.assignments(channel)


# What reads, the plane that disturbs it, and how the message begins.
READS: dict[str, tuple[Callable[[Operator], object], str, str]] = {
    "arm": (read_arm, "arm", "Azure, vaults: "),
    "roles": (read_roles, "arm", "Azure, role assignments at .*: "),
    "graph": (read_graph, "graph", "Entra, applications: "),
    "vault": (read_vault, "vault", "Azure, keys: "),
    "pool": (read_pool, "vault", "Azure, .*"),
    "entra": (read_arm, "entra", "Entra, .*"),
}
every_plane = pytest.mark.parametrize("plane", READS)


@pytest.mark.parametrize("part", ["head", "body"])
@every_plane
def test_a_response_that_drips_ends_with_the_limit_and_is_not_requested_again(
    sandbox: Sandbox, login: Login, clock: ClientClock, plane: str, part: Any
) -> None:
    read, where, begins = READS[plane]
    assert read(login(plane)) is not None
    # Some answers are shorter than two minutes of drip.
    padded = Fault(
        plane=where, drip=part, drip_pause=0, on_drip=clock.advance, times=None, rewrite=lambda body: body + b" " * 200
    )
    sandbox.faults.add(padded)
    mark, began = sandbox.journal.mark(), clock.ahead

    with pytest.raises(AzureError, match=rf"^{begins}the response.*complete within 60 seconds\. Next: ") as raised:
        read(login(plane))

    assert (raised.value.details["retryable"], raised.value.tells_unknown) == (True, False)
    assert len(sandbox.journal.requests(mark, where)) == 1
    assert clock.ahead - began >= 60


@every_plane
def test_a_packed_bomb_is_refused_and_not_requested_again(
    sandbox: Sandbox, login: Login, monkeypatch: pytest.MonkeyPatch, plane: str
) -> None:
    read, where, begins = READS[plane]
    monkeypatch.setattr(limits, "MOST_BYTES", 3_000_000)
    sandbox.faults.add(Fault(plane=where, bomb=20_000_000, times=None))
    mark = sandbox.journal.mark()

    with pytest.raises(AzureError, match=rf"^{begins}the response.*larger than 2 MiB\. Next: ") as raised:
        read(login(plane))

    assert "check whether a proxy" in raised.value.next_step
    assert len(sandbox.journal.requests(mark, where)) == 1


@every_plane
def test_a_packed_response_within_the_limit_is_read(sandbox: Sandbox, login: Login, plane: str) -> None:
    read, where, _begins = READS[plane]
    sandbox.faults.add(Fault(plane=where, bomb=1_000_000, times=None))

    assert read(login(plane)) == read(login(plane))


@pytest.mark.parametrize(
    ("plane", "link"),
    [
        ("arm", "nextLink"),
        ("roles", "nextLink"),
        ("graph", "@odata.nextLink"),
        ("vault", "nextLink"),
        ("pool", "nextLink"),
    ],
)
def test_a_list_that_continues_at_fresh_addresses_for_ever_is_given_up(
    sandbox: Sandbox, login: Login, monkeypatch: pytest.MonkeyPatch, plane: str, link: str
) -> None:
    read, where, begins = READS[plane]
    monkeypatch.setattr(channel_module, "MOST_PAGES", 5)
    sandbox.faults.add(Fault(plane=where, method="GET", times=None, endless=EndlessList(link)))
    mark = sandbox.journal.mark()

    with pytest.raises(AzureError, match=rf"^{begins}the response.*the list does not end within 5 pages\. Next: "):
        read(login(plane))

    assert len([one for one in sandbox.journal.requests(mark, where) if one.status == 200]) == 5


@pytest.mark.parametrize("plane", ["arm", "roles", "graph", "vault"])
def test_a_redirect_to_itself_is_followed_nowhere(sandbox: Sandbox, login: Login, plane: str) -> None:
    read, where, begins = READS[plane]
    sandbox.faults.add(
        Fault(plane=where, status=302, headers={"Location": "https://management.azure.com/"}, times=None)
    )
    mark = sandbox.journal.mark()

    with pytest.raises(AzureError, match=f"^{begins}"):
        read(login(plane))

    assert len(sandbox.journal.requests(mark, where)) == 1


@pytest.mark.parametrize(
    "asked", ["3600", "1" + "0" * 30, "1e400", "nan", "-1", "soon", "Fri, 31 Dec 9999 23:59:59 GMT"]
)
@every_plane
def test_no_server_decides_how_long_a_task_sleeps(
    sandbox: Sandbox, login: Login, clock: ClientClock, plane: str, asked: str
) -> None:
    read, where, _begins = READS[plane]
    sandbox.faults.add(Fault(plane=where, status=429, headers={"Retry-After": asked}, times=None))

    with pytest.raises(AzureError):
        read(login(plane))

    assert sum(clock.slept) <= 20
    assert len(clock.slept) <= 3


@pytest.mark.parametrize("part", ["head", "body"])
def test_the_outcome_of_a_write_that_drips_is_unknown(
    sandbox: Sandbox, login: Login, clock: ClientClock, part: Any
) -> None:
    operator = login()
    sandbox.faults.add(Fault(plane="graph", method="POST", drip=part, drip_pause=0, on_drip=clock.advance))

    with graph(operator, read_only=False) as channel, pytest.raises(AzureError, match="unknown whether") as raised:
        channel.send("POST", "/v1.0/applications", obj="application x", body={"displayName": "x"})

    assert raised.value.tells_unknown
    assert [one.outcome for one in operator.journal.writes] == ["unknown"]


def test_a_write_whose_response_stops_in_the_middle_may_have_been_carried_out(
    sandbox: Sandbox, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK takes a body that stops for a connection that failed, after which nothing would have been sent."""
    operator = login()
    operator = replace(operator, network={**operator.network, "read_timeout": 0.2})
    sandbox.faults.add(Fault(plane="graph", method="POST", drip="body", drip_pause=1))
    mark = sandbox.journal.mark()

    with graph(operator, read_only=False) as channel, pytest.raises(AzureError):
        channel.send("POST", "/v1.0/applications", obj="application x", body={"displayName": "x"})

    assert [one.outcome for one in operator.journal.writes] == ["unknown"]
    assert len(sandbox.journal.requests(mark, "graph")) == 1


def test_nothing_was_sent_if_the_token_does_not_arrive_in_time(
    sandbox: Sandbox, login: Login, clock: ClientClock
) -> None:
    operator = login()
    sandbox.faults.add(Fault(plane="entra", drip="body", drip_pause=0, on_drip=clock.advance, times=None))

    with graph(operator, read_only=False) as channel, pytest.raises(AzureError, match=r"^Entra, ") as raised:
        channel.send("POST", "/v1.0/applications", obj="application x", body={"displayName": "x"})

    assert not raised.value.tells_unknown
    assert operator.journal.writes == []


# --- Numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expires",
    [b"1" + b"0" * 30, b"1e400", b"NaN", b"-5", b"null", b'"x"', b'"9999999999999999999"', b"[]", b"1" * 5000],
)
@pytest.mark.parametrize("member", [b"expires_in", b"ext_expires_in", b"refresh_in"])
def test_no_lifetime_of_a_token_is_a_defect(sandbox: Sandbox, login: Login, member: bytes, expires: bytes) -> None:
    def rewrite(body: bytes) -> bytes:
        told = {**json.loads(body), member.decode(): "HERE"}
        return json.dumps(told).encode().replace(b'"HERE"', expires)

    sandbox.faults.add(Fault(plane="entra", method="POST", rewrite=rewrite, times=None))
    told = ""
    try:
        read_arm(login())
    except AzureError as failure:
        told = str(failure)

    assert not told or told.startswith("Entra, ")


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", b"1e999", b"1" * 5000])
@pytest.mark.parametrize("plane", ["arm", "roles", "graph"])
def test_a_number_that_is_none_is_no_json(sandbox: Sandbox, login: Login, plane: str, number: bytes) -> None:
    read, where, begins = READS[plane]
    sandbox.faults.add(Fault(plane=where, rewrite=lambda body: b'{"x": %s, %s' % (number, body[1:]), times=None))

    with pytest.raises(AzureError, match=rf"^{begins}the response"):
        read(login(plane))
