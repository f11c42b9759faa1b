# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads that a task can do without: whatever fails, it goes on and says what is unknown. Required reads still fail."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire import credential
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault, Profile
from sandbox.azure.entra.app_policies import Restriction
from sandbox.azure.rights.roles import PermissionSet
from support.app_registrations import Apps
from support.azure_rights import (
    TEN,
    AzureRights,
    finding,
    granted,
    ids,
    right,
    roles_at_the_vault,
    use_rbac,
    verdicts,
)

AT = "/{scope}providers/Microsoft.Authorization"
ACTIVE, ELIGIBLE = f"{AT}/roleAssignmentScheduleInstances", f"{AT}/roleEligibilityScheduleInstances"
DENIES, LOCKS, PERMISSIONS = f"{AT}/denyAssignments", f"{AT}/locks", f"{AT}/permissions"
# What a list answers that a cloud or a tenant does not serve, and what one answers that fails.
FAILURES = [
    pytest.param({"status": 400, "body": '{"error": {"code": "InvalidFilter", "message": "no"}}'}, id="400"),
    pytest.param({"status": 403, "body": '{"error": {"code": "AuthorizationFailed", "message": "no"}}'}, id="403"),
    pytest.param({"status": 404, "body": '{"error": {"code": "InvalidResourceType", "message": "no"}}'}, id="404"),
    pytest.param({"status": 500, "body": "<html>"}, id="500"),
    pytest.param({"status": 200, "body": "<html>"}, id="no JSON"),
    pytest.param({"reset": "before"}, id="reset"),
]
OFFICER = "Key Vault Crypto Officer"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the retries, which take seconds."""
    monkeypatch.setattr(credential, "NETWORK", {**credential.NETWORK, "retry_total": 0})


def fails(azure: AzureRights, route: str, failure: dict[str, Any], method: str = "GET", plane: str = "arm") -> None:
    azure.sandbox.faults.add(Fault(plane, method, route, times=None, **failure))


# --- Privileged Identity Management -----------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_list_of_activations_leaves_only_the_expiry_unknown(azure: AzureRights, failure: Any) -> None:
    fails(azure, ACTIVE, failure)

    result = azure.judge()

    assert granted(result) == set(TEN)
    assert finding(result, "role-expiry-unreadable")["status"] == "unknown"


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_list_of_eligible_roles_is_noted_beside_the_missing_permission(
    rbac: AzureRights, failure: Any
) -> None:
    fails(rbac, ELIGIBLE, failure)

    result = rbac.judge()

    assert set(verdicts(result).values()) >= {"missing"}
    assert finding(result, "role-eligibility-unreadable")["status"] == "unknown"


def test_only_a_refusal_advises_to_grant_a_role(azure: AzureRights) -> None:
    fails(azure, ACTIVE, {"status": 500})
    outage = finding(azure.judge(), "role-expiry-unreadable")["remedy"]
    azure.sandbox.faults.clear()
    fails(azure, ACTIVE, {"status": 403, "body": '{"error": {"code": "AuthorizationFailed", "message": "no"}}'})
    refusal = finding(azure.judge(), "role-expiry-unreadable")["remedy"]

    assert ("Reader" in outage, "Reader" in refusal) == (False, True)


@pytest.mark.parametrize("failure", FAILURES)
def test_a_repair_and_a_removal_do_without_both_lists(rbac: AzureRights, failure: Any) -> None:
    fails(rbac, ACTIVE, failure)
    fails(rbac, ELIGIBLE, failure)

    repaired = rbac.repair()
    there = roles_at_the_vault(rbac)
    removed = rbac.repair(state="absent")

    assert (repaired["changed"], repaired["effect"], bool(there)) == (True, "effective", True)
    assert (removed["changed"], roles_at_the_vault(rbac)) == (True, [])


def test_filters_of_schedule_instances_are_not_combined(rbac: AzureRights) -> None:
    """The API documents each of them alone."""
    rbac.sandbox.profile = Profile(pim_filters="single")
    rbac.do(lambda state: state.make_eligible(rbac.app, rbac.vault, OFFICER))

    found = ids(rbac.judge())

    assert {"role-expiry-unreadable", "role-eligibility-unreadable"}.isdisjoint(found)
    assert "role-eligible-only" in found


# --- Deny assignments -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_list_of_deny_assignments_makes_permissions_unknown(azure: AzureRights, failure: Any) -> None:
    use_rbac(azure, OFFICER)
    fails(azure, DENIES, failure)

    result = azure.judge(rights_profile="explicit", key_permissions=["get"])

    found = right(result, "keys/get")
    assert (found["verdict"], "right-unreadable" in found["notes"]) == ("unknown", True)


def deny_everyone(azure: AzureRights, effect: str) -> None:
    use_rbac(azure, OFFICER)
    what = PermissionSet(data_actions=("*",))
    azure.do(
        lambda state: state.add_deny_assignment(
            azure.vault, what, effect=effect, system_protected=False, display_name="made by a user"
        )
    )


@pytest.mark.parametrize("listed", ["listed", "omitted"])
def test_a_deny_assignment_that_only_audits_blocks_nothing(azure: AzureRights, listed: Any) -> None:
    azure.sandbox.profile = Profile(audit_denials=listed)
    deny_everyone(azure, "audit")

    result = azure.judge(rights_profile="explicit", key_permissions=["get"])

    assert right(result, "keys/get")["verdict"] in ("ok", "ok_with_warning")
    assert "get" in azure.usable()


def test_one_that_is_enforced_blocks(azure: AzureRights) -> None:
    deny_everyone(azure, "enforced")

    result = azure.judge(rights_profile="explicit", key_permissions=["get"])

    assert "made by a user" in right(result, "keys/get")["reason"]
    assert "get" not in azure.usable()


def test_without_an_effect_a_deny_assignment_counts_as_enforced(azure: AzureRights) -> None:
    """In a cloud that does not serve the preview version."""
    azure.sandbox.profile = Profile(deny_effect="unknown")
    deny_everyone(azure, "audit")

    result = azure.judge(rights_profile="explicit", key_permissions=["get"])

    assert right(result, "keys/get")["verdict"] == "ineffective"


def test_the_effect_is_only_asked_for_where_there_are_deny_assignments(azure: AzureRights) -> None:
    mark = azure.sandbox.journal.mark()

    azure.judge()

    assert [entry.route for entry in azure.sandbox.journal.requests(mark, "arm")].count(DENIES) == 1


# --- Before the first write -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(("route", "told"), [(LOCKS, "a lock"), (PERMISSIONS, "own permissions cannot be read")])
def test_a_repair_goes_on_with_a_warning_where_its_preflight_cannot_read(
    rbac: AzureRights, failure: Any, route: str, told: str
) -> None:
    fails(rbac, route, failure)

    result = rbac.repair()

    assert (result["changed"], result["effect"]) == (True, "effective")
    assert any(told in warning for warning in rbac.warnings), rbac.warnings


# --- Microsoft Graph --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_an_own_policy_that_cannot_be_read_does_not_make_the_tenants_final(
    azure: AzureRights, tmp_path: Any, status: int
) -> None:
    """The application may be exempt: Entra decides."""
    apps = Apps(azure, tmp_path)
    app = apps.add("exempt")
    azure.do(lambda state: state.restrict_credentials(azure.view.tenant_id, Restriction("passwordLifetime", 1)))
    azure.do(lambda state: state.restrict_credentials(azure.view.tenant_id, only_for=app))
    azure.do(lambda state: state.allow_graph(azure.view.operator_client_id, "Policy.Read.All"))
    fails(azure, "/v1.0/applications/{id}/appManagementPolicies", {"status": status}, plane="graph")

    result = apps(app_client_id=app.client_id, return_secret=True, secret_days=30, no_log=True)

    assert result["changed"] is True


@pytest.mark.parametrize("status", [400, 500])
def test_a_recycle_bin_that_cannot_be_read_does_not_stop_a_creation(
    azure: AzureRights, tmp_path: Any, status: int
) -> None:
    fails(azure, "/v1.0/directory/deletedItems/microsoft.graph.application", {"status": status}, plane="graph")
    apps = Apps(azure, tmp_path)

    assert apps(app_unique_name="cdc-new")["changed"] is True
    assert any("Deleted applications cannot be read" in warning for warning in apps.warnings)


def test_a_group_list_that_fails_is_not_a_missing_permission(azure: AzureRights) -> None:
    fails(azure, "/v1.0/servicePrincipals(appId='{app_id}')/transitiveMemberOf", {"status": 503}, plane="graph")

    found = finding(azure.judge(), "application-unreadable")

    assert ("grant" in found["remedy"], "check again later" in found["remedy"]) == (False, True)


# --- What is required -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", [f"{AT}/roleAssignments", f"{AT}/roleDefinitions/{{name}}"])
@pytest.mark.parametrize("status", [400, 500])
def test_a_required_read_still_fails(azure: AzureRights, route: str, status: int) -> None:
    fails(azure, route, {"status": status})

    with pytest.raises(TaskError):
        azure.judge()


def test_an_operator_who_cannot_sign_in_is_no_unknown(azure: AzureRights) -> None:
    """After the login is refused, nothing can be read, optional or not."""
    fails(azure, "/{tenant}/oauth2/v2.0/token", {"status": 401, "body": "{}"}, method="POST", plane="entra")

    with pytest.raises(TaskError, match="Entra, operator"):
        azure.judge()
