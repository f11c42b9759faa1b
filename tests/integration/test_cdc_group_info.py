# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.7 and 4.8: the groups table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_group_info
from sandbox import Sandbox
from support.operate import Operator
from support.playbook import Ansible

from .conftest import link_options

Given = Callable[..., dict[str, Any]]


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
