# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the operator may not read is unknown, and an outage is an error: neither is ever a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire import credential
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault
from sandbox.azure.rights.roles import PermissionSet
from support.azure_rights import TEN, AzureRights, finding, granted, verdicts


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the retries, which take five seconds."""
    monkeypatch.setitem(dict_of(credential.NETWORK), "retry_total", 0)


def dict_of(mapping: Any) -> dict[str, Any]:
    assert isinstance(mapping, dict)
    return mapping


def test_without_graph_the_object_id_is_asked_for(azure: AzureRights) -> None:
    operator = azure.another_operator("Reader")

    with pytest.raises(TaskError, match="set app_object_id") as refused:
        azure.judge(**operator)

    assert refused.value.plane == "Entra"


def test_without_graph_an_object_id_is_enough_for_the_rights(azure: AzureRights) -> None:
    operator = azure.another_operator("Reader")

    result = azure.judge(**operator, app_object_id=azure.view.service_principal_id)

    assert (granted(result), finding(result, "application-unreadable")["status"]) == (set(TEN), "unknown")


def test_without_a_role_at_the_vault_the_action_is_named(azure: AzureRights) -> None:
    operator = azure.another_operator(graph=("Application.Read.All",))

    with pytest.raises(TaskError, match=r"has no permission for Microsoft\.KeyVault/vaults/read"):
        azure.judge(**operator)


def test_assignments_that_may_not_be_read_leave_it_unknown(azure: AzureRights) -> None:
    azure.do(lambda state: setattr(state.vault(azure.vault), "rbac", True))

    def deed(state: Any) -> str:
        what = PermissionSet(actions=("Microsoft.KeyVault/vaults/read",))
        return str(state.add_custom_role(azure.view.tenant_id, "blind", what, scopes=[azure.subscription]))

    operator = azure.another_operator(azure.do(deed), graph=("Application.Read.All", "GroupMember.Read.All"))

    result = azure.judge(**operator)

    assert set(verdicts(result).values()) == {"unknown"}


@pytest.mark.parametrize(
    ("plane", "status", "words"),
    [
        ("graph", 429, "limits the rate"),
        ("graph", 500, "is failing"),
        ("arm", 429, "limits the rate"),
        ("arm", 500, "is failing"),
        ("arm", 503, "is failing"),
        ("entra", 500, "temporarily unavailable"),
    ],
)
def test_an_outage_is_an_error_and_no_verdict(
    azure: AzureRights, at_once: None, plane: str, status: int, words: str
) -> None:
    azure.sandbox.faults.add(Fault(plane=plane, status=status, times=None))

    with pytest.raises(TaskError, match=words):
        azure.judge()


def test_a_server_that_asks_for_a_long_pause_gets_none(azure: AzureRights) -> None:
    azure.sandbox.faults.add(Fault(plane="arm", status=429, times=None, retry_after=120))
    mark = azure.sandbox.journal.mark()

    with pytest.raises(TaskError, match="Retry-After 120"):
        azure.judge()

    assert len(azure.sandbox.journal.requests(mark, "arm")) == 1


def test_a_short_outage_is_sat_out(azure: AzureRights) -> None:
    azure.sandbox.faults.add(Fault(plane="arm", method="GET", status=503, times=1, retry_after=0))

    assert granted(azure.judge()) == set(TEN)


def test_a_connection_that_breaks_is_an_error_with_a_next_step(azure: AzureRights, at_once: None) -> None:
    azure.sandbox.faults.add(Fault(plane="arm", reset="before", times=None))

    with pytest.raises(TaskError, match="cannot be reached") as refused:
        azure.judge()

    assert refused.value.next_step


@pytest.mark.parametrize("plane", ["arm", "graph"])
def test_a_server_that_does_not_answer_is_an_error_with_a_next_step(
    azure: AzureRights, at_once: None, monkeypatch: pytest.MonkeyPatch, plane: str
) -> None:
    monkeypatch.setitem(dict_of(credential.NETWORK), "read_timeout", 0.3)
    azure.sandbox.faults.add(Fault(plane=plane, delay=1.0, times=None))

    with pytest.raises(TaskError, match="did not respond in time") as refused:
        azure.judge()

    assert refused.value.next_step


@pytest.mark.parametrize("body", ["<html>", "[]", '{"value": 7}', '{"id": 1}'])
def test_an_answer_that_makes_no_sense_is_an_error_with_a_next_step(azure: AzureRights, body: str) -> None:
    azure.sandbox.faults.add(Fault(plane="arm", status=200, body=body, content_type="application/json", times=None))

    with pytest.raises(TaskError) as refused:
        azure.judge()

    assert refused.value.next_step
