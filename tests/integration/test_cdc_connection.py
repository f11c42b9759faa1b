# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.3 step 4 and 4.6: TEST CONNECTION."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_connection
from sandbox import Sandbox
from support.operate import Operator
from support.playbook import Ansible

Given = Callable[..., dict[str, Any]]
WRONG = "wrong~Value.that_nobody-gave-out-0123456789"


def test_a_saved_link_is_tested_with_the_secret_that_dsm_holds(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group()
    mark = sandbox.journal.mark()
    result = operate(cdc_connection, group_name=name)
    assert (result["connected"], result["status"], result["form"]) == (True, "connected", "stored")
    assert result["proves"] == ["dsm_check"]
    assert (result["diagnosis"], result["findings"]) == (None, [])
    assert not result["changed"]
    # The test is a consequence: DSM really went to Entra.
    assert sandbox.journal.requests(since=mark, plane="entra")


def test_a_link_is_tested_before_it_is_saved(operate: Operator, sandbox: Sandbox, link: Mapping[str, str]) -> None:
    mark = sandbox.journal.mark()
    result = operate(cdc_connection, **link)
    assert (result["connected"], result["form"], result["group"]) == (True, "proposed", None)
    assert sandbox.journal.writes(since=mark) == []
    # Its vaults were compared with it, too.
    assert "/sys/v1/groups/hmg/azure_vaults" in [entry.route for entry in sandbox.journal.since(mark)]


def test_a_saved_link_costs_one_request_besides_finding_the_group(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group(link_client_secret=WRONG)
    mark = sandbox.journal.mark()
    operate(cdc_connection, group_name=name, on_not_connected="ignore")
    routes = [entry.route for entry in sandbox.journal.requests(since=mark, plane="dsm")]
    assert routes == ["/sys/v1/groups", "/sys/v1/groups/{group_id}/hmg/check"]


def test_another_secret_is_tried_on_a_saved_link(operate: Operator, name: str, given_group: Given) -> None:
    given_group()
    tried = operate(cdc_connection, group_name=name, link_client_secret=WRONG, on_not_connected="ignore")
    stored = operate(cdc_connection, group_name=name)
    assert [tried["status"], stored["status"]] == ["not_connected", "connected"]
    assert "AADSTS7000215" in tried["message"]
    assert tried["diagnosis"]["class"] == "secret-wrong"


def test_an_unknown_group_fails_in_check_mode_as_in_a_real_run(operate: Operator, name: str) -> None:
    messages = []
    for check_mode in (True, False):
        with pytest.raises(TaskError, match="the group does not exist") as refused:
            operate(cdc_connection, group_name=name, check_mode=check_mode)
        messages.append(str(refused.value))
    assert messages[0] == messages[1]


def test_neither_group_nor_link_is_refused_before_any_request(operate: Operator, sandbox: Sandbox) -> None:
    mark = sandbox.journal.mark()
    with pytest.raises(InvalidInput, match="no group is selected"):
        operate(cdc_connection, link_tenant_id="0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")
    assert sandbox.journal.since(mark) == []


# By playbook ----------------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_not_connected_is_a_failure_a_warning_or_a_result_to_go_on_with(
    ansible: Ansible, name: str, given_group: Given
) -> None:
    given_group(link_client_secret=WRONG)
    run = ansible.tasks(
        {"cdc_connection": {"group_name": name}, "ignore_errors": True},
        {"cdc_connection": {"group_name": name, "on_not_connected": "warn"}, "register": "test"},
        {"ansible.builtin.assert": {"that": ["test.diagnosis.class == 'secret-wrong'", "test.findings == []"]}},
    )
    assert run.code == 0, run.output
    failed, warned, _asserted = run.outcomes
    assert failed.status == "failed"
    assert "AADSTS7000215" in failed["msg"]
    assert "Next: " in failed["msg"]
    assert failed["failure"]["diagnosis"]["class"] == "secret-wrong"
    assert failed["failure"]["plane"] == "Entra"
    assert warned["connected"] is False
    assert "AADSTS7000215" in warned["warnings"][0]


def test_a_planned_group_is_tried_with_its_secret_and_else_waited_for(
    ansible: Ansible, name: str, link: Mapping[str, str]
) -> None:
    run = ansible.tasks(
        {"cdc_group": {"name": name, **link}, "register": "made"},
        {"cdc_connection": {"group": "{{ made.group }}", "link_client_secret": link["link_client_secret"]}},
        {"cdc_connection": {"group": "{{ made.group }}"}},
        check=True,
    )
    assert (run[1]["status"], run[1]["form"]) == ("connected", "proposed")
    assert run[2]["status"] == "unknown"
    assert f'group "{name}", which a previous step has only planned' in run[2]["waits_for"]
