# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals of Entra and Azure that DSM passes on: each module tells them with the diagnosis of a connection test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    cdc_compliance_info,
    cdc_group,
    cdc_sync,
    cdc_tls,
    cdc_vault_info,
    cdc_vault_select,
)
from sandbox import Fault, Sandbox
from support.operate import Operator

Given = Callable[..., dict[str, Any]]
SCAN = "/sys/v1/groups/{group_id}/hmg/scan"
VAULTS = "/sys/v1/groups/hmg/azure_vaults"
CHECK_CONFIG = "/sys/v1/groups/hmg/check"
CHECK_GROUP = "/sys/v1/groups/{group_id}/hmg/check"
FIREWALL = (
    "Client address is not authorized and caller is not a trusted service.\r\nClient address: 203.0.113.7\r\nCaller: "
    "appid=0f1e;oid=9d8c;iss=https://sts.windows.net/5a3f/\r\nVault: akv-sandbox-prem;location=westeurope"
)
EXPIRED = "AADSTS700027: x [Reason - The key used is expired., Found key 'Start=08/03/2025, End=08/03/2026']"
PAGE = "<html><head><title>Blocked</title></head><body>You have no permission to see this site</body></html>"
# Module, route that fails, and options besides those of the group and its credential.
REQUESTS: list[tuple[Any, str, dict[str, Any]]] = [
    (cdc_sync, SCAN, {}),
    (cdc_vault_info, VAULTS, {"credential": True}),
    (cdc_vault_select, VAULTS, {"credential": True, "vault": {"name": "akv-sandbox-std"}}),
    (cdc_vault_select, CHECK_CONFIG, {"credential": True, "vault": {"name": "akv-sandbox-std"}, "allow_move": True}),
    (cdc_tls, CHECK_CONFIG, {"credential": True, "validate_host": False}),
]


def refused(
    operate: Operator, name: str, link: Mapping[str, str], request: tuple[Any, str, dict[str, Any]]
) -> TaskError:
    operation, _route, more = request
    given = {key: value for key, value in more.items() if key != "credential"}
    if "credential" in more:
        given["link_client_secret"] = link["link_client_secret"]
    with pytest.raises(TaskError) as caught:
        operate(operation, group_name=name, **given)
    return caught.value


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: f"{one[0].__name__.rpartition('.')[2]} {one[1]}")
@pytest.mark.parametrize(
    ("status", "words", "plane", "expected", "advice"),
    [
        (400, "HTTP 403 Forbidden/AccessDenied: no keys list permission", "Azure", "keys-denied-by-policy", "ten key"),
        (403, FIREWALL, "Azure", "firewall-blocks-dsm", "add DSM's egress IP addresses"),
        (400, EXPIRED, "Entra", "certificate-expired", "create a new certificate"),
    ],
)
def test_what_azure_refuses_is_told_with_its_diagnosis(
    operate: Operator,
    sandbox: Sandbox,
    name: str,
    link: dict[str, str],
    given_group: Given,
    request_: tuple[Any, str, dict[str, Any]],
    status: int,
    words: str,
    plane: str,
    expected: str,
    advice: str,
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    sandbox.faults.add(Fault("dsm", "POST", request_[1], status=status, body=words, times=None))

    failure = refused(operate, name, link, request_)

    assert (failure.plane, failure.details["diagnosis"]["class"]) == (plane, expected)
    assert advice in failure.next_step
    assert "use a DSM identity" not in str(failure)
    assert "sts.windows.net" not in str(failure.details["diagnosis"]["host"])


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: f"{one[0].__name__.rpartition('.')[2]} {one[1]}")
@pytest.mark.parametrize("status", [403, 404])
def test_a_page_in_front_of_dsm_is_no_verdict_of_anybody(
    operate: Operator,
    sandbox: Sandbox,
    name: str,
    link: dict[str, str],
    given_group: Given,
    request_: tuple[Any, str, dict[str, Any]],
    status: int,
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    sandbox.faults.add(
        Fault("dsm", "POST", request_[1], status=status, body=PAGE, content_type="text/html", times=None)
    )

    failure = refused(operate, name, link, request_)

    assert "is not from DSM" in failure.problem
    assert "diagnosis" not in failure.details


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(403, PAGE, "text/html"), (503, PAGE, "text/html"), (502, "no healthy upstream", "text/plain")],
)
def test_a_gateway_that_answers_the_connection_test_leaves_it_unknown_in_a_report(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given, status: int, body: str, kind: str
) -> None:
    given_group(vault={"name": "akv-sandbox-prem"})
    sandbox.faults.add(Fault("dsm", "POST", CHECK_GROUP, status=status, body=body, content_type=kind, times=None))

    (group,) = operate(cdc_compliance_info, group_names=[name], look_in_azure=False)["groups"]

    found = {one["id"]: one["status"] for one in group["findings"]}
    assert found["connection-not-tested"] == "unknown"
    assert "not-connected" not in found


def test_a_page_while_a_group_is_created_leaves_it_open(
    operate: Operator, sandbox: Sandbox, name: str, link: dict[str, str]
) -> None:
    sandbox.faults.add(Fault("dsm", "POST", "/sys/v1/groups", status=403, body=PAGE, content_type="text/html"))

    with pytest.raises(TaskError, match="is not from DSM") as caught:
        operate(cdc_group, name=name, **link)

    assert [write.outcome for write in caught.value.wrote] == ["unknown"]
    assert operate(cdc_group, name=name, **link)["group"]["exists"]
