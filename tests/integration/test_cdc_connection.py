# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.3 step 4 and 4.6: TEST CONNECTION."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sandbox import Sandbox
from support.playbook import Ansible

Given = Callable[..., dict[str, Any]]
WRONG = "wrong~Value.that_nobody-gave-out-0123456789"


def test_a_saved_link_is_tested_with_the_secret_that_dsm_holds(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group()
    mark = sandbox.journal.mark()
    run = ansible.tasks({"cdc_connection": {"group_name": name}})
    assert (run[0]["connected"], run[0]["status"], run[0]["form"]) == (True, "connected", "stored")
    assert run[0]["proves"] == ["dsm_check"]
    assert (run[0]["diagnosis"], run[0]["findings"]) == (None, [])
    assert not run[0].changed
    # The test is a consequence: DSM really went to Entra.
    assert sandbox.journal.requests(since=mark, plane="entra")


def test_a_link_is_tested_before_it_is_saved(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    mark = sandbox.journal.mark()
    run = ansible.tasks({"cdc_connection": dict(link)})
    assert (run[0]["connected"], run[0]["form"], run[0]["group"]) == (True, "proposed", None)
    assert sandbox.journal.writes(since=mark) == []
    # Its vaults were compared with it, too.
    assert "/sys/v1/groups/hmg/azure_vaults" in [entry.route for entry in sandbox.journal.since(mark)]


def test_a_saved_link_costs_one_request_besides_finding_the_group(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group(link_client_secret=WRONG)
    mark = sandbox.journal.mark()
    ansible.tasks({"cdc_connection": {"group_name": name, "on_not_connected": "ignore"}})
    routes = [entry.route for entry in sandbox.journal.requests(since=mark, plane="dsm")]
    assert routes == ["/sys/v1/groups", "/sys/v1/groups/{group_id}/hmg/check"]


def test_another_secret_is_tried_on_a_saved_link(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group()
    run = ansible.tasks(
        {"cdc_connection": {"group_name": name, "link_client_secret": WRONG, "on_not_connected": "ignore"}},
        {"cdc_connection": {"group_name": name}},
    )
    assert [outcome["status"] for outcome in run.outcomes] == ["not_connected", "connected"]
    assert "AADSTS7000215" in run[0]["message"]
    assert run[0]["diagnosis"]["class"] == "secret_wrong"


@pytest.mark.every_core
def test_not_connected_fails_and_says_why(ansible: Ansible, name: str, given_group: Given) -> None:
    given_group(link_client_secret=WRONG)
    run = ansible.tasks({"cdc_connection": {"group_name": name}})
    assert run.code != 0
    assert "AADSTS7000215" in run.message
    assert "Next: " in run.message
    assert run[0]["failure"]["diagnosis"]["class"] == "secret_wrong"
    assert run[0]["failure"]["plane"] == "Entra"


@pytest.mark.every_core
def test_not_connected_may_be_a_warning(ansible: Ansible, name: str, given_group: Given) -> None:
    given_group(link_client_secret=WRONG)
    run = ansible.tasks({"cdc_connection": {"group_name": name, "on_not_connected": "warn"}})
    assert run[0]["connected"] is False
    assert "AADSTS7000215" in run[0]["warnings"][0]


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


def test_an_unknown_group_fails_in_check_mode_as_in_a_real_run(ansible: Ansible, name: str) -> None:
    task = {"cdc_connection": {"group_name": name}}
    assert ansible.tasks(task, check=True).message == ansible.tasks(task).message
    assert "there is no such group" in ansible.tasks(task).message


def test_neither_group_nor_link_is_refused_before_any_request(ansible: Ansible, sandbox: Sandbox) -> None:
    mark = sandbox.journal.mark()
    run = ansible.tasks({"cdc_connection": {"link_tenant_id": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"}})
    assert "no group is named" in run.message
    assert sandbox.journal.since(mark) == []
