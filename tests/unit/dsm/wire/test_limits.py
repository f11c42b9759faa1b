# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to DSM over the real wire: each ends within ``dsm_timeout``, and no response fills the memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils import _time
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups.stored_groups import list_all
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire import routes
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.budget import OutOfTime
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.client import DsmClient, connect
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.errors import OutcomeUnknown, UnreadableAnswer
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._options import DSM
from ansible_collections.fortanix.dsm.plugins.module_utils._rest import limits
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task
from sandbox import EndlessList, Fault, Sandbox
from support.client_clock import ClientClock


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    yield running
    running.faults.clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ClientClock:
    return ClientClock(monkeypatch)


@pytest.fixture
def client(sandbox: Sandbox, clock: ClientClock) -> Iterator[DsmClient]:
    given: dict[str, Any] = {
        "dsm_endpoint": sandbox.environment()["DSM_ENDPOINT"],
        "dsm_api_key": sandbox.environment()["DSM_API_KEY"],
        "dsm_ca_path": sandbox.environment()["REQUESTS_CA_BUNDLE"],
        "dsm_timeout": 10,
    }
    proxy = sandbox.environment()["HTTPS_PROXY"]
    task = Task(params={**DSM.defaults(), **given}, check_mode=False, proxy=proxy, warn=pytest.fail)
    with connect(task, read_only=False) as client:
        yield client


def read(client: DsmClient) -> Any:
    return client.call("GET", routes.GROUPS, obj="groups")


def write(client: DsmClient, name: str) -> Any:
    return client.call("POST", routes.GROUPS, body={"name": name}, obj=f'group "{name}"')


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_read_that_drips_ends_with_the_time_limit(
    sandbox: Sandbox, client: DsmClient, clock: ClientClock, part: Any
) -> None:
    write(client, f"listed-{part}")
    sandbox.faults.add(Fault(plane="dsm", drip=part, drip_pause=0, on_drip=clock.advance, times=None))

    with pytest.raises(OutOfTime, match=r"DSM, groups: .*\(dsm_timeout: 10 seconds\).* Next: raise dsm_timeout"):
        read(client)


@pytest.mark.parametrize("part", ["head", "body"])
def test_the_outcome_of_a_write_that_drips_is_unknown(
    sandbox: Sandbox, client: DsmClient, clock: ClientClock, part: Any
) -> None:
    name = f"drips-{part}"
    sandbox.faults.add(Fault(plane="dsm", method="POST", drip=part, drip_pause=0, on_drip=clock.advance))

    with pytest.raises(OutcomeUnknown, match=rf'group "{name}": .* unknown .*dsm_timeout: 10.* Next: run the task'):
        write(client, name)

    assert client.journal.writes[-1].outcome == "unknown"
    assert sandbox.do(lambda state: state.dsm.find_group(name)) is not None


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_drip_that_is_fast_enough_is_read(sandbox: Sandbox, client: DsmClient, part: Any) -> None:
    sandbox.faults.add(Fault(plane="dsm", drip=part, drip_pause=0))

    assert isinstance(read(client), list)


def test_a_packed_bomb_is_refused(sandbox: Sandbox, client: DsmClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BYTES", 5_000_000)
    sandbox.faults.add(Fault(plane="dsm", bomb=20_000_000, times=None))

    with pytest.raises(TaskError, match=r"DSM, groups: .* larger than 4 MiB\. Next: check that dsm_endpoint") as raised:
        read(client)

    assert not isinstance(raised.value, OutcomeUnknown)


def test_the_outcome_of_a_write_with_a_packed_bomb_is_unknown(
    sandbox: Sandbox, client: DsmClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_BYTES", 5_000_000)
    sandbox.faults.add(Fault(plane="dsm", method="POST", bomb=20_000_000))

    with pytest.raises(OutcomeUnknown, match=r"larger than 4 MiB, so it is unknown .* Next: check that dsm_endpoint"):
        write(client, "bomb")


def test_a_packed_response_within_the_limit_is_read(sandbox: Sandbox, client: DsmClient) -> None:
    sandbox.faults.add(Fault(plane="dsm", bomb=1_000_000))

    assert isinstance(read(client), list)


def test_a_list_without_an_end_is_given_up(
    sandbox: Sandbox, client: DsmClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.paging.MOST_PAGES", 5)
    write(client, "endless")
    mark = sandbox.journal.mark()
    sandbox.faults.add(Fault(plane="dsm", route=routes.GROUPS, times=None, endless=EndlessList(key="group_id")))

    with pytest.raises(TaskError, match=r"DSM, groups: the list does not end within 5 pages"):
        list(list_all(client))

    assert len(sandbox.journal.requests(mark, "dsm")) == 5


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", b"1e999", b"1" * 5000])
def test_a_number_that_is_none_is_no_json(sandbox: Sandbox, client: DsmClient, number: bytes) -> None:
    sandbox.faults.add(Fault(plane="dsm", rewrite=lambda _body: b"[%s]" % number, times=None))

    with pytest.raises(UnreadableAnswer, match="incomplete or invalid JSON"):
        read(client)


@pytest.mark.parametrize("asked", ["1" + "0" * 30, "1e400", "nan", "-1", "9" * 5000, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_no_server_decides_how_long_a_task_sleeps(
    sandbox: Sandbox, client: DsmClient, clock: ClientClock, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(_time, "sleep", slept.append)
    sandbox.faults.add(Fault(plane="dsm", status=503, headers={"Retry-After": asked}, times=None))

    with pytest.raises(TaskError, match="503"):
        read(client)

    assert sum(slept) < 10


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 1900 00:00:00 GMT", "x", "9" * 5000])
def test_a_date_that_no_clock_shows_is_not_used(sandbox: Sandbox, client: DsmClient, date: str) -> None:
    sandbox.faults.add(Fault(plane="dsm", status=200, body="[]", headers={"Date": date}, times=None))

    read(client)

    assert client.clock.skew("DSM") is None
    assert abs((client.clock.now("DSM") - _time.utc_now()).total_seconds()) < 60
