# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One group for each host of an inventory; what they share is made once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest

from integration.conftest import link_options
from integration.test_secrets import assert_none_in
from sandbox import Sandbox
from support.azure_rights import AzureRights
from support.many_hosts import APPLICATIONS, VAULTS, Setup
from support.set_ups import SetUp

pytestmark = pytest.mark.long

# Pairs of an application and a vault that overlap, and one of them twice; what twenty cost is for the benchmarks.
PAIRS, HOSTS = 4, 5


@pytest.fixture
def many(own_sandbox: Sandbox, tmp_path: Path) -> Callable[[int], Setup]:
    return lambda count: Setup(own_sandbox, tmp_path, count)


@pytest.fixture
def everyone(own_sandbox: Sandbox, tmp_path: Path) -> Setup:
    everyone = Setup(own_sandbox, tmp_path, HOSTS)
    first = everyone.hosts["akv-00"]
    everyone.hosts["akv-04"] |= {name: first[name] for name in ("cdc_setup_application", "cdc_setup_azure_vault")}
    return everyone


def test_many_hosts_are_planned_set_up_and_done(everyone: Setup) -> None:
    planned = everyone(check=True)
    assert planned.code == 0, planned.output
    assert everyone.writes() == {}
    planes = [change["plane"] for change in planned.plan]
    # One plan: what is shared once, then each group with its link.
    assert len({change["object"] for change in planned.plan if change["plane"] == "DSM"}) == HOSTS
    assert planes.index("Entra") < planes.index("Azure") < planes.index("DSM")

    made = everyone()
    assert made.code == 0, made.output
    assert everyone.writes() == {
        # The application, its service principal, its certificate and permission.
        "graph": 3 * APPLICATIONS,
        # The vaults, one role for the whole subscription, and two assignments for each pair.
        "arm": VAULTS + 1 + 2 * PAIRS,
        # The group with its link, and the sync.
        "dsm": 2 * HOSTS,
    }
    assert "[WARNING]" not in planned.output + made.output
    # Hosts go through the tasks together, as many at a time as there are forks.
    tasks = [name for name, _outcomes in groupby(outcome.task for outcome in made.outcomes)]
    # The variables are checked in each of the two plays.
    of_each_play = ("Fail if variables are misspelled", "Load the code")
    checks = {
        task for task in tasks if "Fail if variables of a role are misspelled" in task or task.startswith(of_each_play)
    }
    assert {task for task in tasks if tasks.count(task) > 1} == checks

    everyone.add_keys()
    mark = everyone.sandbox.journal.mark()
    again = everyone()
    assert (again.code, again.changed, everyone.writes(mark)) == (0, [], {}), again.output


@pytest.mark.every_core
def test_a_shared_vault_that_cannot_be_made_stops_the_hosts_that_need_it(
    many: Callable[[int], Setup], own_sandbox: Sandbox
) -> None:
    set_up = many(4)
    # Two groups of one host with an application of their own, and its secret in the list.
    link = link_options(own_sandbox)
    listed = [{"name": f"akv-listed-{number}", "vault": {"name": "akv-sandbox-prem"}, **link} for number in (1, 2)]
    set_up.hosts["akv-list"] = {"cdc_setup_groups": listed, "cdc_setup_repair_prerequisites": False}
    set_up.hosts["akv-00"]["cdc_setup_azure_vault"]["resource_group"] = "rg-not-there"
    set_up.hosts["akv-03"]["cdc_setup_azure_vault"]["resource_group"] = "rg-not-there"

    run = set_up(verbosity=3, more={"cdc_setup_serial": 2})

    results = {
        outcome.host: outcome for outcome in run.outcomes if outcome.task.endswith("Fail if prerequisites are missing")
    }
    stopped = {host for host, outcome in results.items() if outcome.status == "failed"}
    assert stopped == {"akv-00", "akv-03"}
    assert all('vault "akv-shared-0" failed on host akv-00' in results[host]["msg"] for host in stopped)
    assert all("rg-not-there" in results[host]["msg"] for host in stopped)
    done = {outcome.host for outcome in run.outcomes if outcome.task.endswith("Keep the summary")}
    assert done == {"akv-01", "akv-02", "akv-list"}
    assert_none_in(run, [link["link_client_secret"], own_sandbox.world.admin_app.api_key])

    # A part of the hosts is a run of its own.
    for host in stopped:
        set_up.hosts[host]["cdc_setup_azure_vault"]["resource_group"] = "rg-keys"
    mark = own_sandbox.journal.mark()
    limited = set_up("--limit", "akv-03")
    assert limited.code == 0, limited.output
    assert {outcome.host for outcome in limited.outcomes} == {"akv-03"}
    # The vault, two assignments of roles (one is defined), the group and its sync.
    assert set_up.writes(mark) == {"arm": 3, "dsm": 2}


def test_hosts_that_contradict_each_other_are_refused_before_anything_is_asked(many: Callable[[int], Setup]) -> None:
    set_up = many(4)
    set_up.hosts["akv-03"]["cdc_setup_azure_vault"]["location"] = "northeurope"

    refused = set_up()

    assert refused.code != 0
    both = 'akv-00 and akv-03 declare the vault "akv-shared-0" differently: location (westeurope, northeurope).'
    assert both in refused.message
    assert set_up.sandbox.journal.since() == []


@pytest.mark.every_core
def test_a_host_with_a_wrong_option_is_refused_before_anything_is_asked(many: Callable[[int], Setup]) -> None:
    set_up = many(1)
    set_up.hosts["akv-00"]["cdc_setup_rights_profile"] = "everything"

    refused = set_up()

    assert refused.code != 0
    assert "cdc_setup_rights_profile must be one of" in refused.output
    assert set_up.sandbox.journal.since() == []


def test_one_host_among_many_is_taken_down_without_what_others_use(
    azure: AzureRights, many: Callable[[int], Setup], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hosts one after another, by the same tasks in this process."""
    hosts = many(3)
    hosts.hosts["akv-02"]["cdc_setup_azure_vault"]["name"] = "akv-shared-0"
    for host in hosts.hosts:
        given = SetUp(azure.sandbox, monkeypatch, hosts.variables(host))
        assert given(cdc_setup_sync="never").failure is None
    first = SetUp(azure.sandbox, monkeypatch, {**hosts.variables("akv-00"), "teardown_group": "akv-00"})

    mark = azure.sandbox.journal.mark()
    for forbidden in ("teardown_remove_application", "teardown_remove_vault"):
        assert "akv-02" in str(first(playbook="teardown", **{forbidden: True}).failure)
    assert hosts.writes(mark) == {}

    assert first(playbook="teardown").failure is None
    # The group, and nothing of what akv-02 uses: not the rights, nor the application's credential.
    assert hosts.writes(mark) == {"dsm": 1}
    alone = SetUp(azure.sandbox, monkeypatch, {**hosts.variables("akv-01"), "teardown_group": "akv-01"})
    assert alone(playbook="teardown").failure is None
    # Its rights and its credential go with it.
    assert hosts.writes(mark).keys() == {"dsm", "arm", "graph"}
