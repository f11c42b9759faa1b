# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a grant counts as effective, and what happens when something comes between."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._waiter import Patience
from sandbox import Fault
from support.azure_rights import (
    TEN,
    AzureRights,
    custom_role,
    roles_at_the_vault,
    writes,
)

CONTRIBUTOR = "Key Vault Contributor"


# When it counts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["policies", "rbac"])
def test_reads_that_lag_are_waited_for(request: pytest.FixtureRequest, setting: str) -> None:
    azure: AzureRights = request.getfixturevalue(setting)
    azure.do(lambda state: state.slow_rights(reads=5))

    assert azure.repair()["effect"] == "effective"


def test_a_grant_is_looked_at_three_times_in_a_row(policies: AzureRights) -> None:
    """Azure answers from several places, which learn of a change one after the other."""
    mark = policies.sandbox.journal.mark()

    policies.repair()

    entries = policies.sandbox.journal.requests(mark, "arm")
    last = max(number for number, entry in enumerate(entries) if entry.kind == "write")
    assert [entry.path for entry in entries[last:]].count(policies.resource_id) == 3


def test_what_is_not_seen_in_time_is_granted_and_not_yet_effective(policies: AzureRights) -> None:
    policies.do(lambda state: state.slow_rights(read_lag=600))

    result = policies.repair(wait_timeout=0)

    assert (result["changed"], result["effect"], result["proof"]) == (True, "granted_not_yet_effective", None)
    assert [line for line in policies.warnings if "not effective everywhere yet" in line]


@pytest.mark.parametrize("setting", ["policies", "rbac"])
def test_the_proof_is_a_sync_that_turns_from_failing_to_working(request: pytest.FixtureRequest, setting: str) -> None:
    azure: AzureRights = request.getfixturevalue(setting)
    group = azure.group()
    azure.do(lambda state: state.slow_rights(uses=3))

    result = azure.repair(**azure.dsm_login, group_name=group)

    assert (result["effect"], result["proof"]) == ("effective", "sync")
    assert syncs(azure) > 1
    assert [line for line in azure.warnings if "sync" in line] == []


def test_a_sync_that_does_not_work_in_time_is_no_proof(policies: AzureRights, monkeypatch: pytest.MonkeyPatch) -> None:
    group = policies.group()
    policies.do(lambda state: state.slow_rights(delay=3600))
    # The time is over after the first sync, however slow the machine is.
    monkeypatch.setattr(Patience, "pause", lambda _patience, _least=0.0: syncs(policies) == 0)

    result = policies.repair(**policies.dsm_login, group_name=group)

    assert (result["effect"], result["proof"]) == ("granted_not_yet_effective", None)
    assert [line for line in policies.warnings if "does not succeed yet" in line]


def test_a_sync_that_fails_for_another_reason_is_not_waited_for(policies: AzureRights) -> None:
    """A firewall does not open by waiting."""
    group = policies.group()
    policies.do(lambda state: state.set_firewall(policies.vault, default_action="Deny"))

    result = policies.repair(**policies.dsm_login, group_name=group, wait_timeout=600)

    assert (result["effect"], result["proof"], syncs(policies)) == ("granted_not_yet_effective", None, 1)
    (told,) = [line for line in policies.warnings if "waiting does not help" in line]
    assert "fortanix.dsm.cdc_connection" in told


def syncs(azure: AzureRights) -> int:
    return [entry.route for entry in azure.sandbox.journal.since(0)].count("/sys/v1/groups/{group_id}/hmg/scan")


def test_a_group_that_is_not_there_is_told(policies: AzureRights) -> None:
    with pytest.raises(TaskError, match="nowhere"):
        policies.repair(**policies.dsm_login, group_name="nowhere")


# Trouble on the way -------------------------------------------------------------------------------------------------


def test_the_same_grant_of_somebody_else_does_no_harm(rbac: AzureRights) -> None:
    """His has another name, and reads do not show it yet."""
    rbac.do(lambda state: state.slow_rights(reads=3))
    rbac.do(lambda state: state.assign_role(rbac.app, rbac.vault, CONTRIBUTOR))

    rbac.repair()

    assert roles_at_the_vault(rbac).count(CONTRIBUTOR) == 1


@pytest.mark.parametrize("setting", ["policies", "rbac"])
def test_two_repairs_at_once_do_no_harm(request: pytest.FixtureRequest, setting: str) -> None:
    azure: AzureRights = request.getfixturevalue(setting)
    results: list[str] = []
    runs = [threading.Thread(target=lambda: results.append(azure.repair()["effect"])) for _number in range(2)]

    for run in runs:
        run.start()
    for run in runs:
        run.join()

    assert set(results) <= {"effective", "unchanged"}
    assert (len(results), azure.usable(), roles_at_the_vault(azure).count(CONTRIBUTOR)) == (2, set(TEN), 1)


def unknown_principal(times: int | None) -> Fault:
    body = '{"error": {"code": "PrincipalNotFound", "message": "Principal does not exist in the directory."}}'
    return Fault(plane="arm", method="PUT", status=400, body=body, content_type="application/json", times=times)


def test_a_principal_that_is_not_replicated_yet_is_asked_for_again(rbac: AzureRights) -> None:
    guid = custom_role(rbac, "Microsoft.KeyVault/vaults/keys/*")
    rbac.sandbox.faults.add(unknown_principal(times=2))
    mark = rbac.sandbox.journal.mark()

    result = rbac.repair(data_role=guid)

    assert (result["effect"], [entry.status for entry in rbac.sandbox.journal.writes(mark)]) == (
        "effective",
        [400, 400, 201, 201],
    )


def test_a_principal_that_stays_unknown_is_an_error(rbac: AzureRights) -> None:
    rbac.sandbox.faults.add(unknown_principal(times=None))

    with pytest.raises(TaskError, match="Resource Manager does not know the service principal"):
        rbac.repair(wait_timeout=0)


@pytest.fixture
def half_done(policies: AzureRights) -> AzureRights:
    """The first write is the role's assignment, the second one the policy's."""
    body = '{"error": {"code": "ConflictError", "message": "A conflict occurred."}}'
    fault = Fault(plane="arm", method="PUT", status=409, body=body, content_type="application/json", skip=1, times=None)
    policies.sandbox.faults.add(fault)
    return policies


def test_a_failure_midway_says_what_was_done(half_done: AzureRights) -> None:
    with pytest.raises(TaskError, match=r"\(already done: 1 grant\)") as refused:
        half_done.repair()

    assert [change["action"] for change in refused.value.details["done"]] == ["assign role"]


def test_a_run_after_a_failure_midway_completes(half_done: AzureRights) -> None:
    with pytest.raises(TaskError):
        half_done.repair()
    half_done.sandbox.faults.clear()

    result = half_done.repair()

    assert ([change["action"] for change in result["plan"]], half_done.usable()) == (["add to access policy"], set(TEN))


def test_a_provider_that_is_not_registered_is_told_and_not_registered(policies: AzureRights) -> None:
    """Azure contract, T34: the SDK's clients would register it, and wait for that without end."""
    policies.do(lambda state: state.assign_role(policies.app, policies.vault))
    policies.do(lambda state: state.unregister_provider(policies.view.subscription_id))
    mark = policies.sandbox.journal.mark()

    with pytest.raises(TaskError, match="az provider register"):
        policies.repair()

    assert writes(policies, mark) == [f"PUT {policies.resource_id}/accessPolicies/add"]
