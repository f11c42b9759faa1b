# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.7 and 4.8: the groups table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_group_info, cdc_user_info
from sandbox import Sandbox
from support.operate import Operator
from support.playbook import ROOT, Ansible

from .conftest import link_options

Given = Callable[..., dict[str, Any]]


@pytest.mark.every_core
def test_shows_the_group_that_was_set_up(ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given) -> None:
    group = given_group(description="Keys", vault={"name": "akv-sandbox-prem"})
    mark = sandbox.journal.mark()
    run = ansible.tasks(
        {"cdc_group_info": {"name": name}},
        {"cdc_group_info": {"group_id": group["group_id"]}},
        {"cdc_group_info": {"name": name + "-missing"}},
    )
    assert run[0]["groups"] == run[1]["groups"] == [group]
    assert run[2]["groups"] == []
    assert len(sandbox.journal.since(mark)) == 3
    assert run.changed == []


def test_lists_azure_groups_among_many_others(own_sandbox: Sandbox) -> None:
    operate = Operator(own_sandbox.environment())
    own_sandbox.do(lambda state: [state.dsm.add_group(f"local-{number:04}") for number in range(2300)])
    operate(cdc_group, name="azure-1", **link_options(own_sandbox))
    mark = own_sandbox.journal.mark()
    assert [group["name"] for group in operate(cdc_group_info)["groups"]] == ["azure-1"]
    assert len(own_sandbox.journal.since(mark)) == 4  # three pages, and an empty one that ends the list
    everything = operate(cdc_group_info, kind="all")["groups"]
    assert len([group for group in everything if group["external_kms"] is None]) >= 2300


# A group that no task can manage -----------------------------------------------------------------------------------


def link_twice(sandbox: Sandbox, name: str) -> None:
    """Give a group a second link to Azure, as DSM's interface allows."""

    def deed(state: Any) -> None:
        group = state.dsm.find_group(name)
        (config,) = group.hmg.values()
        group.hmg["0d7c6a1e-9b62-4a52-8a2e-5f6f0c7d1b11"] = dict(config)

    sandbox.do(deed)


@pytest.fixture
def odd_account(own_sandbox: Sandbox) -> Sandbox:
    """Two groups that are as they should be, and one with two links."""
    operate = Operator(own_sandbox.environment())
    for name in ("akv-1", "akv-odd", "akv-2"):
        operate(cdc_group, name=name, **link_options(own_sandbox))
    link_twice(own_sandbox, "akv-odd")
    return own_sandbox


def test_a_group_with_several_links_is_named_and_hides_no_other(odd_account: Sandbox) -> None:
    operate = Operator(odd_account.environment())

    listed, everything = operate(cdc_group_info), operate(cdc_group_info, kind="all")

    assert [group["name"] for group in listed["groups"]] == ["akv-1", "akv-2"]
    (odd,) = listed["not_managed"]
    assert odd["name"] == "akv-odd"
    assert "the group has 2 Azure links (" in odd["reason"]
    assert f'group "akv-odd" ({odd["group_id"]}) in DSM cannot be managed: {odd["reason"]}.' in operate.warnings
    (shown,) = [group for group in everything["groups"] if group["name"] == "akv-odd"]
    assert (shown["external_kms"], shown["link"]) == ("AzureKeyVault", None)


@pytest.mark.parametrize("operation", [cdc_group_info, cdc_group], ids=["cdc_group_info", "cdc_group"])
def test_a_task_about_a_group_with_several_links_fails(odd_account: Sandbox, operation: ModuleType) -> None:
    with pytest.raises(TaskError, match=r'group "akv-odd": the group has 2 Azure links \(.*remove all links but one'):
        Operator(odd_account.environment())(operation, name="akv-odd")


def test_the_view_of_a_user_counts_a_group_with_several_links_and_tests_none_of_them(odd_account: Sandbox) -> None:
    operate = Operator(odd_account.environment())

    seen = operate(cdc_user_info, check_connections=True)

    states = {row["name"]: (row["azure"], row["connection"]) for row in seen["groups"]}
    assert states["akv-odd"] == (True, "unknown")
    assert states["akv-1"] == states["akv-2"] == (True, "connected")
    assert seen["azure_count"] == 3
    assert any("akv-odd" in warning for warning in operate.warnings)


def test_an_inventory_goes_on_without_a_group_with_several_links(odd_account: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "my.fortanix_dsm.yml"
    source.write_text("plugin: fortanix.dsm.cdc\n")

    listing = Ansible(odd_account.environment(), tmp_path).inventory(source)

    assert sorted(listing.hosts) == ["akv-1", "akv-2"]
    assert '"akv-odd"' in listing.output


@pytest.mark.long
def test_an_export_goes_on_without_a_group_with_several_links(odd_account: Sandbox, tmp_path: Path) -> None:
    """What the export has of it, cdc_group_info tells, as above."""
    export = {"export_file": str(tmp_path / "cdc.yml")}

    run = Ansible(odd_account.environment(), tmp_path).playbook(ROOT / "playbooks" / "export.yml", variables=export)

    assert run.code == 0, run.output
    (left_out,) = run.named("left out")["msg"]
    assert (left_out["name"], left_out["reason"]) == ("akv-odd", "it has several links to Azure")
