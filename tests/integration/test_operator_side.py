# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way to DSM as operators have it: proxies, own CAs, slow and overloaded servers, gateways that garble answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.budget import OutOfTime
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.errors import DsmError, OutcomeUnknown
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    cdc_account_info,
    cdc_group,
    cdc_group_info,
    cdc_sync,
    cdc_user_info,
    cdc_vault_info,
)
from sandbox import Fault, Sandbox
from support.operate import Operator
from support.shell import Shell, expect_clear_failure

Given = Callable[..., dict[str, Any]]
GROUPS = "/sys/v1/groups"
GROUP = "/sys/v1/groups/{group_id}"


@pytest.fixture
def shell(sandbox: Sandbox) -> Shell:
    return Shell(sandbox.environment())


def number_of(sandbox: Sandbox, mark: int, method: str = "GET") -> int:
    return len([entry for entry in sandbox.journal.since(mark) if entry.method == method])


# --- Proxy and CA -----------------------------------------------------------------------------------------------------


def test_a_host_in_no_proxy_is_reached_without_the_proxy(shell: Shell, sandbox: Sandbox, name: str) -> None:
    address = sandbox.network.resolve("dsm.sandbox.example")
    assert address is not None
    direct = {"dsm_endpoint": f"https://{address.host}:{address.port}", "dsm_validate_certs": False}
    tunnels = len(sandbox.proxy_log)
    environment = {"NO_PROXY": address.host, "no_proxy": address.host}
    assert shell(cdc_group_info, name=name, **direct, environment=environment)["groups"] == []
    assert len(sandbox.proxy_log) == tunnels


@pytest.mark.usefixtures("passing")
def test_a_proxy_that_is_not_there(shell: Shell, name: str) -> None:
    proxy = "http://127.0.0.1:9"
    result = shell(cdc_group_info, name=name, environment={"HTTPS_PROXY": proxy, "https_proxy": proxy})
    expect_clear_failure(result, "cannot be reached", "check HTTPS_PROXY")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "http://user:canary-password@[::1", "http://host:port"])
def test_a_proxy_address_that_cannot_be_used_is_not_quoted(shell: Shell, proxy: str) -> None:
    result = shell(cdc_group_info, environment={"HTTPS_PROXY": proxy, "https_proxy": proxy})
    expect_clear_failure(result, "Controller, environment variable HTTPS_PROXY: ")
    assert "canary-password" not in str(result)


def test_an_own_ca_comes_from_the_option(operate: Operator, sandbox: Sandbox, name: str) -> None:
    assert operate(cdc_group_info, name=name, dsm_ca_path=str(sandbox.ca_bundle))["groups"] == []


def test_an_own_ca_comes_from_its_variable_before_that_of_other_tools(
    shell: Shell, sandbox: Sandbox, name: str
) -> None:
    environment = {
        "DSM_CA_PATH": str(sandbox.ca_bundle),
        "REQUESTS_CA_BUNDLE": "/nowhere/ca.pem",
        "SSL_CERT_FILE": None,
        "SSL_CERT_DIR": None,
    }
    assert shell(cdc_group_info, name=name, environment=environment)["groups"] == []


# --- Time budget ------------------------------------------------------------------------------------------------------


def test_a_read_without_answer_ends_with_the_time_of_the_task(shell: Shell, sandbox: Sandbox, name: str) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, delay=6, times=None))
    mark = sandbox.journal.mark()
    result = shell(cdc_group_info, name=name, dsm_timeout=1)
    expect_clear_failure(
        result, "no response arrived within the time limit (dsm_timeout: 1 seconds)", "raise dsm_timeout"
    )
    assert number_of(sandbox, mark) <= 1


def test_all_requests_of_a_task_share_its_time(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group()
    sandbox.faults.add(Fault(plane="dsm", method="GET", delay=2, times=None))
    with pytest.raises(OutOfTime, match="dsm_timeout: 3 seconds"):
        operate(cdc_sync, group_name=name, only_when_empty=True, dsm_timeout=3)


def test_a_write_without_answer_leaves_no_doubt_about_what_to_do(
    own_sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    operate = Operator(own_sandbox.environment())
    own_sandbox.faults.add(Fault(plane="dsm", method="POST", route=GROUPS, delay=9, status=503))
    with pytest.raises(
        OutcomeUnknown, match=r"unknown whether DSM carried it out.*run the task again.*raise dsm_timeout"
    ):
        operate(cdc_group, name=name, **link, dsm_timeout=4)


def test_a_redirect_of_dsm_is_not_followed(operate: Operator, sandbox: Sandbox, name: str) -> None:
    """It would send the credentials to another host."""
    there = {"Location": "https://dsm.attacker.example/sys/v1/groups"}
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, status=307, headers=there, times=None))
    mark = sandbox.journal.mark()

    with pytest.raises(TaskError, match=r"redirect to https://dsm\.attacker\.example.*set dsm_endpoint"):
        operate(cdc_group_info, name=name)

    assert number_of(sandbox, mark) == 1


# --- Overload ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_read_is_sent_again_after_passing_trouble(
    operate: Operator, sandbox: Sandbox, name: str, status: int
) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, status=status, retry_after=0))
    mark = sandbox.journal.mark()
    assert operate(cdc_group_info, name=name)["groups"] == []
    assert number_of(sandbox, mark) == 2


def test_a_read_is_sent_four_times_at_most(operate: Operator, sandbox: Sandbox, name: str) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, status=503, retry_after=0, times=None))
    mark = sandbox.journal.mark()
    with pytest.raises(DsmError, match="HTTP status 503"):
        operate(cdc_group_info, name=name)
    assert number_of(sandbox, mark) == 4


def test_a_date_in_retry_after_is_understood(operate: Operator, sandbox: Sandbox, name: str) -> None:
    past = {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, status=503, headers=past))
    assert operate(cdc_group_info, name=name)["groups"] == []


@pytest.mark.parametrize("asked", ["3600", "Wed, 21 Oct 2076 07:28:00 GMT"])
def test_a_pause_longer_than_the_time_of_the_task_is_not_begun(
    shell: Shell, sandbox: Sandbox, name: str, asked: str
) -> None:
    sandbox.faults.add(
        Fault(plane="dsm", method="GET", route=GROUPS, status=429, body="slow down", headers={"Retry-After": asked})
    )
    mark = sandbox.journal.mark()
    result = shell(cdc_group_info, name=name)
    expect_clear_failure(result, "HTTP status 429", "slow down", f"Retry-After: {asked}", "dsm_timeout")
    assert number_of(sandbox, mark) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_write_is_not_sent_again_even_if_the_server_names_a_time(
    shell: Shell, sandbox: Sandbox, name: str, link: Mapping[str, str], status: int
) -> None:
    """It may have been carried out: DSM documents neither status, and a gateway may have answered."""
    sandbox.faults.add(
        Fault(plane="dsm", method="POST", route=GROUPS, status=status, retry_after=0, after_work=True, body="busy")
    )
    mark = sandbox.journal.mark()
    result = shell(cdc_group, name=name, **link)
    expect_clear_failure(result, f"HTTP status {status}", "no write is repeated blindly")
    assert number_of(sandbox, mark, "POST") == 1
    assert not shell(cdc_group, name=name, **link)["changed"]


# --- Garbled answers --------------------------------------------------------------------------------------------------


def test_json_that_breaks_off(shell: Shell, sandbox: Sandbox, name: str) -> None:
    sandbox.faults.add(
        Fault(plane="dsm", route=GROUPS, status=200, body='[{"name": "akv', content_type="application/json")
    )
    result = shell(cdc_group_info, name=name)
    expect_clear_failure(result, "incomplete or invalid JSON", "a gateway or a proxy")


def test_an_answer_that_is_cut_is_read_again(operate: Operator, sandbox: Sandbox, name: str) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, truncate=True))
    assert operate(cdc_group_info, name=name)["groups"] == []


def test_a_cut_answer_to_a_write_leaves_its_outcome_unknown(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="POST", route=GROUPS, truncate=True))
    with pytest.raises(OutcomeUnknown, match="run the task again"):
        operate(cdc_group, name=name, **link)
    assert not operate(cdc_group, name=name, **link)["changed"]


def test_a_damaged_answer_to_a_write_leaves_its_outcome_unknown_too(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    fault = Fault(plane="dsm", method="POST", route=GROUPS, status=200, body="<p>Thank you", after_work=True)
    sandbox.faults.add(fault)
    with pytest.raises(TaskError, match="It is unknown whether this was carried out") as failure:
        operate(cdc_group, name=name, **link)
    assert "has carried out the request" not in str(failure.value)
    assert not operate(cdc_group, name=name, **link)["changed"]


SOME_ID = "44444444-4444-4444-8444-dddddddddddd"
WRONG = {
    "an object in place of the list of groups": (cdc_group_info, {}, GROUPS, {}),
    "text in place of the list of groups": (cdc_group_info, {}, GROUPS, "none"),
    "null in place of the list of groups": (cdc_group_info, {}, GROUPS, None),
    "items that are no list": (cdc_group_info, {}, GROUPS, {"items": {"a": 1}}),
    "a number for a name": (cdc_group_info, {}, GROUPS, [{"group_id": SOME_ID, "name": 7}]),
    "a group without ID": (cdc_group_info, {}, GROUPS, [{"name": "a"}]),
    "a number among groups": (cdc_group_info, {}, GROUPS, [7]),
    "links as a list": (cdc_group_info, {}, GROUPS, [{"group_id": SOME_ID, "name": "a", "hmg": [{}]}]),
    "endpoints as a list": (
        cdc_group_info,
        {},
        GROUPS,
        [{"group_id": SOME_ID, "name": "a", "hmg": {"x": {"kind": "AzureKeyVault", "endpoints": ["a"]}}}],
    ),
    "tls as text": (
        cdc_group_info,
        {},
        GROUPS,
        [{"group_id": SOME_ID, "name": "a", "hmg": {"x": {"kind": "AzureKeyVault", "tls": "on"}}}],
    ),
    "a list in place of a group": (cdc_group_info, {"group_id": SOME_ID}, GROUP, []),
    "a version as a number": (cdc_account_info, {}, "/sys/v1/version", {"version": 5.8}),
    "accounts as an object": (cdc_account_info, {"gather": ["account"]}, "/sys/v1/accounts", {"a": "b"}),
    "a subscription as text": (
        cdc_account_info,
        {"gather": ["account"]},
        "/sys/v1/accounts",
        [{"acct_id": SOME_ID, "subscription": "gold"}],
    ),
    "permissions as text": (cdc_account_info, {}, "/sys/v1/users/permissions", {"account": "ALL", "groups": {}}),
    "groups of an app as a number": (cdc_user_info, {}, "/sys/v1/apps/{app_id}", {"app_id": SOME_ID, "groups": 3}),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_answer_of_another_shape_is_named(operate: Operator, sandbox: Sandbox, case: str) -> None:
    operation, params, route, answer = WRONG[case]
    body = json.dumps(answer)
    sandbox.faults.add(Fault(plane="dsm", route=route, status=200, body=body, content_type="application/json"))
    with pytest.raises(TaskError, match=r"does not match DSM's API: the response.* is .*, but must be .*"):
        operate(operation, **params)


def test_vaults_of_another_shape_are_named(operate: Operator, sandbox: Sandbox, link: Mapping[str, str]) -> None:
    body = json.dumps([{"id": "x", "name": "kv", "vault_type": "PREMIUM", "uri": None}])
    route = "/sys/v1/groups/hmg/azure_vaults"
    sandbox.faults.add(Fault(plane="dsm", route=route, status=200, body=body, content_type="application/json"))
    with pytest.raises(TaskError, match=r"the response\[0\]\.uri is missing or null, but must be text"):
        operate(cdc_vault_info, **link)


def test_an_answer_of_another_shape_is_told_to_the_user(shell: Shell, sandbox: Sandbox) -> None:
    sandbox.faults.add(
        Fault(plane="dsm", route=GROUPS, status=200, body='{"groups": []}', content_type="application/json")
    )
    expect_clear_failure(shell(cdc_group_info), "is an object, but must be a list", "dsm_endpoint")
