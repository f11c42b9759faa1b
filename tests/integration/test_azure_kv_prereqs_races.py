# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Grants and removals where an answer lags behind or somebody else comes between: what is said is what was read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._removal import rights
from sandbox import Fault
from support.azure_rights import TEN, AzureRights, granted, roles_at_the_vault, verdicts, writes

CONTRIBUTOR = "Key Vault Contributor"
_VAULT = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
_ROLES = "/{scope}providers/Microsoft.Authorization/roleAssignments"
_SCAN = "/sys/v1/groups/{group_id}/hmg/scan"


def with_policy(azure: AzureRights, *permissions: str) -> Callable[[bytes], bytes]:
    """The vault as a place of Azure shows it that has another policy of the application."""

    def rewrite(body: bytes) -> bytes:
        document = json.loads(body)
        entry = {
            "tenantId": azure.view.tenant_id,
            "objectId": azure.view.service_principal_id,
            "permissions": {"keys": list(permissions)},
        }
        policies = document["properties"].get("accessPolicies") or []
        others = [one for one in policies if one["objectId"] != azure.view.service_principal_id]
        document["properties"]["accessPolicies"] = [*others, entry]
        return json.dumps(document).encode()

    return rewrite


def first_look_shows(azure: AzureRights, *permissions: str) -> None:
    azure.sandbox.faults.add(Fault("arm", "GET", _VAULT, times=1, rewrite=with_policy(azure, *permissions)))


def assert_true(azure: AzureRights, result: dict[str, Any]) -> None:
    """A result that says ``effective`` lists every right, and the application has it."""
    lacking = {name for name, word in verdicts(result).items() if word in ("missing", "ineffective")}
    assert (result["effect"] == "effective") == (not lacking), (result["effect"], lacking)
    if result["effect"] == "effective":
        assert granted(result) == azure.usable() == set(TEN)


def test_what_a_first_look_has_hidden_is_granted_too(policies: AzureRights) -> None:
    """Azure first shows the policy as it was before somebody has emptied it."""
    first_look_shows(policies, *TEN[1:])

    result = policies.repair()

    assert (result["effect"], policies.usable()) == ("effective", set(TEN))
    assert_true(policies, result)
    assert [change["action"] for change in result["plan"]].count("add to access policy") == 2


def test_without_time_for_a_second_look_it_is_not_said_to_be_effective(policies: AzureRights) -> None:
    first_look_shows(policies, *TEN[1:])

    result = policies.repair(wait_timeout=0)

    assert result["effect"] == "granted_not_yet_effective"
    assert_true(policies, result)
    assert [line for line in policies.warnings if "not visible when last read" in line]


def test_one_answer_that_lags_is_no_reason_to_grant_more(policies: AzureRights) -> None:
    policies.do(lambda state: state.assign_role(policies.app, policies.vault))
    # The first of the looks after the grant.
    empty = with_policy(policies)
    policies.sandbox.faults.add(Fault("arm", "GET", _VAULT, skip=1, times=1, rewrite=empty))
    mark = policies.sandbox.journal.mark()

    result = policies.repair()

    assert (result["effect"], writes(policies, mark)) == (
        "effective",
        [f"PUT {policies.resource_id}/accessPolicies/add"],
    )


def test_a_role_that_is_taken_while_rights_are_granted_is_granted_again(policies: AzureRights) -> None:
    policies.do(lambda state: state.assign_role(policies.app, policies.vault, CONTRIBUTOR))
    taken: list[bool] = []

    def take() -> None:
        if not taken:
            taken.append(True)
            policies.sandbox._state.azure.public.revoke_role(policies.app, policies.vault, CONTRIBUTOR)

    policies.sandbox.faults.add(Fault("arm", "PUT", f"{_VAULT}/accessPolicies/{{operation}}", then=take))

    result = policies.repair()

    assert (result["effect"], roles_at_the_vault(policies)) == ("effective", [CONTRIBUTOR])
    assert_true(policies, result)


def test_a_second_pass_is_the_last_one(policies: AzureRights) -> None:
    """Somebody takes away what is granted, again and again."""
    empty = with_policy(policies)
    policies.sandbox.faults.add(Fault("arm", "GET", _VAULT, skip=1, times=None, rewrite=empty))
    first_look_shows(policies, *TEN[1:])
    mark = policies.sandbox.journal.mark()

    result = policies.repair(wait_timeout=1)

    assert result["effect"] == "granted_not_yet_effective"
    assert writes(policies, mark).count(f"PUT {policies.resource_id}/accessPolicies/add") == 2


def test_rights_that_go_during_the_proof_are_not_effective(policies: AzureRights) -> None:
    group = policies.group()

    def take() -> None:
        policies.sandbox._state.azure.public.set_access_policy(policies.vault, policies.app, ["get", "list"])

    policies.sandbox.faults.add(Fault("dsm", "POST", _SCAN, times=None, then=take))

    result = policies.repair(**policies.dsm_login, group_name=group)

    assert (result["effect"], result["proof"]) == ("granted_not_yet_effective", None)
    assert_true(policies, result)


def test_a_failure_to_read_after_a_grant_says_what_was_granted(policies: AzureRights) -> None:
    policies.sandbox.faults.add(Fault("arm", "GET", _VAULT, skip=1, times=None, status=503))

    with pytest.raises(TaskError, match=r"\(already done: 2 grants\)") as failure:
        policies.repair()

    told = failure.value.to_fail_json()
    assert (told["changed"], len(told["failure"]["done"]), told["failure"]["retryable"]) == (True, 2, True)


@pytest.mark.parametrize("made", [0, 1])
def test_a_conflict_with_another_change_is_retryable(policies: AzureRights, made: int) -> None:
    body = '{"error": {"code": "ConflictError", "message": "A conflict occurred."}}'
    policies.sandbox.faults.add(Fault("arm", "PUT", status=409, body=body, skip=made, times=None))

    with pytest.raises(TaskError) as failure:
        policies.repair()

    assert failure.value.details["retryable"] is True


def test_a_lack_of_rights_is_not_retryable(policies: AzureRights) -> None:
    body = '{"error": {"code": "AuthorizationFailed", "message": "not for you"}}'
    policies.sandbox.faults.add(Fault("arm", "PUT", status=403, body=body))

    with pytest.raises(TaskError) as failure:
        policies.repair()

    assert "retryable" not in failure.value.details


# Taking back --------------------------------------------------------------------------------------------------------


def take_back(azure: AzureRights, **options: Any) -> dict[str, Any]:
    return azure.repair(state="absent", confirm_remove_policy=True, **{**azure.dsm_login, **options})


def test_one_answer_that_shows_no_right_is_no_proof_that_there_is_none(policies: AzureRights) -> None:
    policies.repair()

    first_look_shows(policies)

    result = take_back(policies)

    assert (result["effect"], policies.usable()) == ("removed", set())


@pytest.mark.parametrize("setting", ["policies", "rbac"])
def test_a_removal_that_lags_is_waited_for(request: pytest.FixtureRequest, setting: str) -> None:
    azure: AzureRights = request.getfixturevalue(setting)
    azure.repair()
    azure.do(lambda state: state.slow_rights(reads=5))

    result = take_back(azure)

    assert (result["effect"], granted(result), azure.usable()) == ("removed", set(), set())


@pytest.mark.parametrize("setting", ["policies", "rbac"])
def test_a_removal_that_does_not_show_is_not_said_to_be_done(request: pytest.FixtureRequest, setting: str) -> None:
    azure: AzureRights = request.getfixturevalue(setting)
    azure.repair()
    azure.do(lambda state: state.slow_rights(read_lag=600))

    result = take_back(azure, wait_timeout=0)

    assert (result["changed"], result["effect"], granted(result)) == (True, "removed_not_yet_effective", set(TEN))
    assert [line for line in azure.warnings if "still shows some of the permissions" in line]


def test_a_removal_that_fails_midway_says_what_is_gone(policies: AzureRights) -> None:
    policies.repair()
    body = '{"error": {"code": "ConflictError", "message": "A conflict occurred."}}'
    route = f"{_VAULT}/accessPolicies/{{operation}}"
    policies.sandbox.faults.add(Fault("arm", "PUT", route, status=409, body=body, times=None))

    with pytest.raises(TaskError, match=r"\(already done: 1 removal\)") as failure:
        take_back(policies)

    details = failure.value.details
    assert ([change["action"] for change in details["done"]], details["retryable"]) == (
        ["remove role assignment"],
        True,
    )


def test_two_removals_at_once_are_both_done(policies: AzureRights, monkeypatch: pytest.MonkeyPatch) -> None:
    policies.repair()
    original, pending = rights._remove, [True]

    def remove(*given: Any) -> None:
        if pending:
            pending.clear()
            take_back(policies)
        original(*given)

    monkeypatch.setattr(rights, "_remove", remove)

    result = take_back(policies)

    assert (result["effect"], granted(result), policies.usable()) == ("removed", set(), set())
