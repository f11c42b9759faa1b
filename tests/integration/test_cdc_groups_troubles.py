# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A list of groups where something fails, waits or comes between: each group is told what is true of it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._fleet import run as fleet_run
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_groups
from sandbox import Fault, Profile, Sandbox
from support.approver import logged_in
from support.azure_rights import AzureRights
from support.chain import REFUSED, WRITES, Chain
from support.operate import Operator

from .test_cdc_groups import declarations, declared, requests


@pytest.fixture
def operate(azure: AzureRights) -> Operator:
    return Operator(azure.sandbox.environment())


def with_credential(sandbox: Sandbox, directory: Path, *applications: dict[str, Any]) -> list[dict[str, Any]]:
    """A group for each application, whose credential the task creates."""
    one = {**declared(Chain(sandbox, directory, "public", "rbac", "made")), "wait_interval": 0}
    return [
        {**deepcopy(one), "name": f"akv-{index}", "application": {**application, "credential": {"type": "secret"}}}
        for index, application in enumerate(applications)
    ]


def clients(sandbox: Sandbox) -> dict[str, str]:
    """The application of each group in DSM."""
    return sandbox.do(
        lambda state: {
            group.name: link["client_id"] for group in state.dsm.default_account.groups for link in group.hmg.values()
        }
    )


def test_two_applications_that_are_called_the_same_keep_their_credentials_apart(
    azure: AzureRights, operate: Operator, tmp_path: Path
) -> None:
    applications = {"unique_name": "same", "display_name": "One"}, {"display_name": "same"}
    groups = with_credential(azure.sandbox, tmp_path, *applications)

    made = operate(cdc_groups, groups=groups, **azure.operator)

    assert [one["status"] for one in made["groups"]] == ["connected", "connected"]
    found = clients(azure.sandbox)
    assert found["akv-0"] != found["akv-1"]


def test_a_sync_that_waits_for_an_approval_is_waited_for_and_reported(azure: AzureRights, operate: Operator) -> None:
    sandbox, groups = azure.sandbox, declarations(azure.sandbox, 2)
    operate(cdc_groups, groups=groups)
    sandbox.profile = Profile(scan_gated="gated", approvable="all", link_edits_gated="free")
    changed = [{**one, "tls": {"validate_host": False}} for one in groups]

    with logged_in(sandbox) as approver:
        for one in groups:
            approver.guard(one["name"])
        result = operate(cdc_groups, groups=changed, approval_wait=1)
        waiting = len(approver.pending())

    assert waiting == len(groups)
    assert result["pending"] == [one["name"] for one in groups]
    assert all(one["changed"] for one in result["groups"])


def test_after_a_failure_no_credential_of_another_application_is_created(
    azure: AzureRights, operate: Operator, tmp_path: Path
) -> None:
    groups = with_credential(azure.sandbox, tmp_path, {"unique_name": "one"}, {"unique_name": "other"})
    azure.sandbox.faults.add(Fault(*WRITES[0], status=403, body=REFUSED))

    with pytest.raises(TaskError) as failure:
        operate(cdc_groups, groups=groups, on_error="stop", **azure.operator)

    returned = failure.value.returned
    assert [one["status"] for one in returned["groups"]] == ["failed", "unfinished"]
    # What they share was made for both: the vault, and for the second one its application.
    assert [one["changed"] for one in returned["groups"]] == [True, True]
    assert "credential" not in {one["kind"] for one in returned["shared"]}
    assert clients(azure.sandbox) == {}


def test_a_listing_that_is_old_is_not_taken_for_what_there_is(
    azure: AzureRights, operate: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = declarations(azure.sandbox, 2)
    operate(cdc_groups, groups=groups)
    monkeypatch.setattr(fleet_run, "LISTING_LASTS", 0)
    mark = azure.sandbox.journal.mark()

    again = operate(cdc_groups, groups=groups)

    assert not again["changed"]
    # The listing, and each group by its name.
    assert requests(azure.sandbox, mark)["GET /sys/v1/groups"] == 2 + len(groups)


def test_a_sync_that_finds_nothing_new_is_no_change(azure: AzureRights, operate: Operator) -> None:
    groups = declarations(azure.sandbox, 2)
    operate(cdc_groups, groups=groups)

    again = operate(cdc_groups, groups=[{**one, "sync": "always"} for one in groups])

    assert (again["changed"], [one["changed"] for one in again["groups"]]) == (False, [False, False])


def test_groups_of_one_new_credential_agree_on_approvals(azure: AzureRights, operate: Operator, tmp_path: Path) -> None:
    groups = with_credential(azure.sandbox, tmp_path, {"unique_name": "one"}, {"unique_name": "one"})
    groups[1]["approval"] = "fail"

    with pytest.raises(InvalidInput, match=r'groups\[0\] "akv-0" and groups\[1\] "akv-1" share a credential'):
        operate(cdc_groups, groups=groups, **azure.operator)

    assert azure.sandbox.journal.since(0) == []


def test_a_blank_application_is_refused_with_its_group(azure: AzureRights, operate: Operator) -> None:
    groups = declarations(azure.sandbox, 2)
    groups[1]["application"] = {"unique_name": ""}

    with pytest.raises(InvalidInput, match=r'groups\[1\]\.application.*"akv-fleet-1".*it identifies no application'):
        operate(cdc_groups, groups=groups, **azure.operator)
