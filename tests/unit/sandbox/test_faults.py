# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on request: each disturbs what it says, as often as it says, and nothing else."""

from __future__ import annotations

import itertools
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import urllib3

from sandbox import EndlessList, Fault, Sandbox

GROUPS = "/sys/v1/groups"


def test_a_status_with_body_and_type_replaces_the_answer_once(sb: Sandbox, admin: Any) -> None:
    sb.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, status=200, body="<html>…", content_type="text/html"))

    first, second = admin("GET", GROUPS), admin("GET", GROUPS)

    assert (first.text, first.headers["Content-Type"]) == ("<html>…", "text/html")
    assert isinstance(second.json, list)


def test_other_routes_methods_and_planes_are_left_alone(sb: Sandbox, admin: Any) -> None:
    sb.faults.add(Fault(plane="dsm", method="DELETE", route=GROUPS, status=500, times=None))
    sb.faults.add(Fault(plane="arm", status=500, times=None))

    assert admin("GET", GROUPS).status == 200


def test_the_nth_call_is_hit(sb: Sandbox, admin: Any) -> None:
    sb.faults.add(Fault(plane="dsm", route=GROUPS, skip=2, times=2, status=503))

    assert [admin("GET", GROUPS).status for _index in range(5)] == [200, 200, 503, 503, 200]


def test_a_throttled_answer_carries_retry_after(sb: Sandbox, admin: Any) -> None:
    sb.faults.add(Fault(plane="dsm", status=429, retry_after=7))

    answer = admin("GET", GROUPS)

    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


def test_an_answer_is_rewritten_after_the_work(sb: Sandbox, admin: Any, names: Any) -> None:
    name = names.new()
    sb.faults.add(Fault(plane="dsm", method="POST", route=GROUPS, rewrite=lambda body: b"{}" if body else body))

    answer = admin("POST", GROUPS, {"name": name})

    assert (answer.status, answer.json) == (201, {})
    assert sb.do(lambda state: state.dsm.find_group(name)) is not None


def test_a_delay_delays(sb: Sandbox, admin: Any) -> None:
    sb.faults.add(Fault(plane="dsm", delay=0.2))
    began = time.perf_counter()

    assert admin("GET", GROUPS).status == 200

    assert time.perf_counter() - began >= 0.2


@pytest.mark.parametrize(("moment", "made"), [("before", False), ("after", True)])
def test_a_reset_comes_before_or_after_the_work(sb: Sandbox, admin: Any, names: Any, moment: Any, made: bool) -> None:
    name = names.new()
    sb.faults.add(Fault(plane="dsm", method="POST", route=GROUPS, reset=moment))

    with pytest.raises(urllib3.exceptions.HTTPError):
        admin("POST", GROUPS, {"name": name})

    assert sb.do(lambda state: state.dsm.find_group(name) is not None) is made
    assert sb.journal.since()[-1].status == 0


def test_an_error_may_come_after_the_work_is_done(sb: Sandbox, admin: Any, names: Any) -> None:
    name = names.new()
    sb.faults.add(Fault(plane="dsm", method="POST", route=GROUPS, status=503, after_work=True))

    assert admin("POST", GROUPS, {"name": name}).status == 503

    assert sb.do(lambda state: state.dsm.find_group(name)) is not None


def test_a_truncated_body_ends_early(sb: Sandbox, admin: Any, group: Any) -> None:
    sb.faults.add(Fault(plane="dsm", truncate=True))

    with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
        admin("GET", f"{GROUPS}/{group['group_id']}")


@pytest.mark.parametrize(
    ("plane", "leg"),
    [("entra", "login.microsoftonline.com"), ("arm", "management.azure.com"), ("vault", ".vault.azure.net")],
)
def test_an_outage_of_azure_shows_in_dsms_check(sb: Sandbox, admin: Any, estate: Any, plane: str, leg: str) -> None:
    sb.faults.add(Fault(plane=plane, status=503, body="Service unavailable"))

    answer = admin("POST", f"{GROUPS}/hmg/check", estate.link())

    assert answer.status == 400
    assert leg in answer.text
    assert "503" in answer.text


def test_a_broken_connection_to_azure_shows_in_dsms_check(sb: Sandbox, admin: Any, estate: Any) -> None:
    sb.faults.add(Fault(plane="arm", reset="before", times=2))

    answer = admin("POST", f"{GROUPS}/hmg/check", estate.link())

    assert answer.status == 400
    assert "management.azure.com" in answer.text


def test_a_page_of_html_from_azure_shows_in_dsms_check(sb: Sandbox, admin: Any, estate: Any) -> None:
    sb.faults.add(Fault(plane="arm", status=200, body="<html>", content_type="text/html"))

    answer = admin("POST", f"{GROUPS}/hmg/check", estate.link())

    assert (answer.status, "not JSON" in answer.text) == (400, True)


@pytest.mark.parametrize("plane", ["entra", "arm"])
@pytest.mark.parametrize("body", ["{}", '{"value":[{}]}', '{"value":7}', "[]", "null"])
def test_an_answer_of_another_shape_is_azures_failure_not_dsms(
    sb: Sandbox, admin: Any, estate: Any, plane: str, body: str
) -> None:
    sb.faults.add(Fault(plane=plane, status=200, body=body, content_type="application/json"))

    assert admin("POST", f"{GROUPS}/hmg/check", estate.link()).status == 400


@pytest.mark.parametrize("route", ["/keys", "/keys/{name}/"])
@pytest.mark.parametrize("body", ["{}", '{"key":{"kid":"x","kty":"RSA"},"value":[{}]}', '{"value":7}', "[]"])
def test_a_vault_that_answers_in_another_shape_fails_the_scan_and_makes_no_key(
    sb: Sandbox, admin: Any, linked: Any, route: str, body: str
) -> None:
    fault = Fault(plane="vault", route=route, status=200, body=body, content_type="application/json")
    sb.faults.add(fault)

    answer = admin("POST", f"{GROUPS}/{linked['group_id']}/hmg/scan", {})

    assert (answer.status, answer.text.startswith("Azure Key Vault")) == (400, True)
    assert sb.do(lambda state: state.dsm.keys_in(linked["group_id"])) == []


@pytest.mark.parametrize("seconds", [7200, -7200])
def test_every_answer_has_the_time_of_the_sandbox(sb: Sandbox, anonymous: Any, seconds: int) -> None:
    sb.clock.advance(seconds)
    try:
        told = anonymous("GET", "/sys/v1/version").headers["Date"]
        there = sb.clock.utc()
    finally:
        sb.clock.advance(-seconds)

    assert abs(parsedate_to_datetime(told) - there) < timedelta(seconds=60)


@pytest.mark.parametrize("part", ["head", "body"])
def test_an_answer_drips_byte_by_byte(sb: Sandbox, admin: Any, group: Any, part: Any) -> None:
    told = itertools.count()
    sb.faults.add(Fault(plane="dsm", drip=part, drip_pause=0, on_drip=lambda: next(told)))

    answer = admin("GET", f"{GROUPS}/{group['group_id']}")

    assert answer.json["group_id"] == group["group_id"]
    assert next(told) >= 100
    assert admin("GET", GROUPS).status == 200


def test_a_drip_takes_its_time(sb: Sandbox, admin: Any) -> None:
    began = time.perf_counter()
    sb.faults.add(Fault(plane="dsm", drip="body", drip_pause=0.05, status=200, body="12345"))

    assert admin("GET", GROUPS).text == "12345"

    assert time.perf_counter() - began >= 0.2


def test_a_drip_may_come_after_the_work(sb: Sandbox, admin: Any, names: Any) -> None:
    name = names.new()
    sb.faults.add(Fault(plane="dsm", method="POST", route=GROUPS, drip="head", drip_pause=0))

    assert admin("POST", GROUPS, {"name": name}).status == 201
    assert sb.do(lambda state: state.dsm.find_group(name)) is not None


def test_a_bomb_is_a_thousand_times_larger_than_on_the_wire(sb: Sandbox, admin: Any, group: Any) -> None:
    sb.faults.add(Fault(plane="dsm", bomb=5_000_000))

    answer = admin("GET", f"{GROUPS}/{group['group_id']}")

    assert (len(answer.body), answer.json["group_id"]) == (5_000_000, group["group_id"])
    assert int(answer.headers["Content-Length"]) < 10_000


def test_a_list_without_an_end_continues_at_fresh_addresses(sb: Sandbox, admin: Any) -> None:
    sb.faults.add(
        Fault(plane="dsm", route=GROUPS, times=None, status=200, body='{"value": [1]}', endless=EndlessList("nextLink"))
    )

    pages = [admin("GET", GROUPS).json for _page in range(3)]

    assert [page["value"] for page in pages] == [[1]] * 3
    assert len({page["nextLink"] for page in pages}) == 3


def test_a_list_without_an_end_has_fresh_elements(sb: Sandbox, admin: Any, group: Any) -> None:
    sb.faults.add(Fault(plane="dsm", route=GROUPS, times=None, endless=EndlessList(key="group_id")))

    pages = [admin("GET", f"{GROUPS}?limit=1&offset={offset}").json for offset in range(3)]

    assert len({element["group_id"] for page in pages for element in page}) == sum(map(len, pages)) >= 3
