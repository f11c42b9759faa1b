# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module cdc_groups: the complete set-up of a list of groups in one task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_groups
from sandbox import Sandbox
from support.azure_rights import AzureRights
from support.operate import Operator

from .conftest import link_options

VAULT = {"name": "akv-sandbox-prem", "type": "premium"}


@pytest.fixture
def operate(azure: AzureRights) -> Operator:
    """In a sandbox of its own, whose requests are counted."""
    return Operator(azure.sandbox.environment())


def declarations(sandbox: Sandbox, count: int, **more: Any) -> list[dict[str, Any]]:
    """Groups with an application and a vault that are there, of which only DSM is asked."""
    link = {**link_options(sandbox), "vault": VAULT, "check_prerequisites": False}
    return [deepcopy({"name": f"akv-fleet-{index}", **link, **more}) for index in range(count)]


def requests(sandbox: Sandbox, mark: int = 0) -> Counter[str]:
    return Counter(f"{entry.method} {entry.route}" for entry in sandbox.journal.since(mark))


def changes(result: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    return {(one["plane"].lower(), one["object"], one["action"]) for one in result["plan"]}


def test_a_list_is_planned_set_up_and_done(azure: AzureRights, operate: Operator) -> None:
    sandbox, groups = azure.sandbox, declarations(azure.sandbox, 3)

    planned = operate(cdc_groups, groups=groups, check_mode=True)
    assert sandbox.journal.writes() == []
    made = operate(cdc_groups, groups=groups)
    mark = sandbox.journal.mark()
    again = operate(cdc_groups, groups=groups)

    assert [(one["status"], one["changed"], one["planned"]) for one in planned["groups"]] == [
        ("connected", True, True)
    ] * len(groups)
    assert changes(made) == changes(planned)
    assert [one["status"] for one in made["groups"]] == ["connected"] * len(groups)
    assert (again["changed"], again["plan"], again["diff"]) == (False, [], {"before": {}, "after": {}})
    # Of each group the test of its connection and the number of its keys; once the account and the list of all groups.
    assert requests(sandbox, mark) == {
        "GET /sys/v1/accounts": 1,
        "GET /sys/v1/groups": 1,
        "POST /sys/v1/groups/{group_id}/hmg/check": len(groups),
        "GET /crypto/v1/keys": len(groups),
    }
