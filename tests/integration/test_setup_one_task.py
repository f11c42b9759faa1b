# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The set-up of the groups of all hosts by one task (``cdc_setup_in_one_task``): the role's variables and results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import link_options
from integration.test_secrets import assert_none_in
from sandbox import Sandbox
from support.many_hosts import SETUP, Setup
from support.playbook import Run

ONE_TASK = {"cdc_setup_in_one_task": True}
HOSTS = 3


@pytest.fixture
def many(own_sandbox: Sandbox, tmp_path: Path) -> Callable[[int], Setup]:
    return lambda count: Setup(own_sandbox, tmp_path, count)


def recap(run: Run) -> dict[str, tuple[bool, bool]]:
    """Host -> whether one of its tasks has changed something, whether one has failed."""
    return {
        host: (
            any(one.host == host and one.changed for one in run.outcomes),
            any(one.host == host and one.status == "failed" for one in run.outcomes),
        )
        for host in {one.host for one in run.outcomes}
    }


def kept(run: Run) -> set[str]:
    """The names of the groups in the statistics of the run."""
    data = [one.result["ansible_stats"]["data"] for one in run.outcomes if "ansible_stats" in one.result]
    return {name for one in data for name in one["cdc_setup"]["groups"]}


def own_plan(run: Run, host: str) -> set[str]:
    """The objects that the report of a host names."""
    reports = {one.host: one for one in run.outcomes if one.task.endswith("Report the groups of this host")}
    report = reports[host]
    return {change["object"] for change in report.result["plan"]}


@pytest.mark.every_core
def test_hosts_are_planned_set_up_and_done_each_with_its_own_report(many: Callable[[int], Setup]) -> None:
    set_up = many(HOSTS)

    planned = set_up(check=True, diff=True, more=ONE_TASK)

    assert planned.code == 0, planned.output
    assert set_up.writes() == {}
    # Two applications and three vaults: each host has something to report.
    assert recap(planned) == dict.fromkeys(set_up.hosts, (True, False))
    named = own_plan(planned, "akv-02")
    assert {name for name in named if name.startswith("group ")} == {'group "akv-02"'}
    assert any("akv-shared-2" in name for name in named)
    assert not any("akv-shared-0" in name for name in named)
    assert "[WARNING]" not in planned.output

    made = set_up(more=ONE_TASK)

    assert made.code == 0, made.output
    assert set_up.writes()["dsm"] == 2 * HOSTS
    assert kept(made) == set(set_up.hosts)

    set_up.add_keys()
    mark = set_up.sandbox.journal.mark()
    again = set_up(more=ONE_TASK)

    assert (again.code, again.changed, set_up.writes(mark)) == (0, [], {}), again.output
    # The role, step by step, finds done what the one task did.
    by_steps = set_up()
    assert (by_steps.code, by_steps.changed, set_up.writes(mark)) == (0, [], {}), by_steps.output


def test_a_host_whose_group_fails_is_the_only_one_to_fail(many: Callable[[int], Setup], own_sandbox: Sandbox) -> None:
    set_up = many(HOSTS)
    link = link_options(own_sandbox)
    # One host with two groups of a list, an application of their own, and its secret in the list.
    listed = [{"name": f"akv-listed-{number}", "vault": {"name": "akv-sandbox-prem"}, **link} for number in (1, 2)]
    set_up.hosts["akv-list"] = {"cdc_setup_groups": listed, "cdc_setup_repair_prerequisites": False}
    set_up.hosts["akv-00"]["cdc_setup_azure_vault"]["resource_group"] = "rg-not-there"

    run = set_up(verbosity=3, more=ONE_TASK)

    assert run.code != 0
    assert {host for host, (_changed, failed) in recap(run).items() if failed} == {"akv-00"}
    # It is the first to declare its application, which was created.
    assert recap(run)["akv-00"] == (True, True)
    assert "rg-not-there" in run.message
    assert kept(run) == {"akv-00", "akv-01", "akv-02", "akv-listed-1", "akv-listed-2"}
    assert_none_in(run, [link["link_client_secret"], own_sandbox.world.admin_app.api_key])

    set_up.hosts["akv-00"]["cdc_setup_azure_vault"]["resource_group"] = "rg-keys"
    mark = own_sandbox.journal.mark()
    limited = set_up("--limit", "akv-00", more=ONE_TASK)

    assert limited.code == 0, limited.output
    assert set(recap(limited)) == {"akv-00"}
    # The vault, its two assignments of roles, the group and its sync.
    assert set_up.writes(mark) == {"arm": 3, "dsm": 2}


def test_a_secret_that_only_the_play_has_is_refused_for_several_hosts(
    many: Callable[[int], Setup], own_sandbox: Sandbox
) -> None:
    set_up = many(2)
    link = link_options(own_sandbox)
    secret = link.pop("link_client_secret")
    for host in set_up.hosts:
        del set_up.hosts[host]["cdc_setup_application"]
        set_up.hosts[host] |= {f"cdc_setup_{name}": value for name, value in link.items()}
    roles: list[dict[str, Any]] = [
        {
            "hosts": "cdc",
            "connection": "local",
            "gather_facts": False,
            "vars": {
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                "cdc_setup_link_client_secret": secret,
            },
            "tasks": [{"import_role": {"name": "fortanix.dsm.cdc_setup", "tasks_from": "one_task"}}],
        }
    ]

    refused = set_up(playbook=roles)

    assert refused.code != 0
    messages = [str(one["msg"]) for one in refused.outcomes if one.status == "failed"]
    assert len(messages) == 2
    assert all("cdc_setup_link_client_secret" in one and "host_vars" in one for one in messages)
    assert set_up.sandbox.journal.since() == []
    assert_none_in(refused, [secret])

    # One host reads its own variables.
    alone = set_up("--limit", "akv-00", playbook=roles)

    assert alone.code == 0, alone.output


def test_tags_of_the_role_are_refused_before_the_first_request(many: Callable[[int], Setup]) -> None:
    set_up = many(2)

    refused = set_up("--skip-tags", "group", more=ONE_TASK)

    assert refused.code != 0
    assert "do not apply to a setup in one task" in refused.message
    assert set_up.sandbox.journal.since() == []


@pytest.mark.long
def test_hosts_that_contradict_each_other_are_all_refused_before_the_first_request(
    many: Callable[[int], Setup],
) -> None:
    set_up = many(2)
    set_up.hosts["akv-01"]["cdc_setup_azure_vault"] = {
        **set_up.hosts["akv-00"]["cdc_setup_azure_vault"],
        "location": "northeurope",
    }

    refused = set_up(more=ONE_TASK)

    assert refused.code != 0
    assert "of host akv-00" in refused.message
    assert "of host akv-01" in refused.message
    assert "location" in refused.message
    assert set_up.sandbox.journal.since() == []


@pytest.mark.long
def test_a_list_of_one_host_is_set_up_by_the_same_switch(many: Callable[[int], Setup], own_sandbox: Sandbox) -> None:
    set_up = many(0)
    link = {f"cdc_setup_{name}": value for name, value in link_options(own_sandbox).items()}
    groups = [{"name": f"akv-{number}", "vault": {"name": "akv-sandbox-prem"}} for number in (1, 2)]
    given = {**link, "cdc_setup_groups": groups, "cdc_setup_repair_prerequisites": False, **ONE_TASK}

    run = set_up(playbook=SETUP, hosts="localhost", more=given)

    assert run.code == 0, run.output
    assert kept(run) == {"akv-1", "akv-2"}
    assert [outcome.task for outcome in run.outcomes if outcome.status == "failed"] == []
