# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application that is cut off from the keys, and brought back: what goes, what stays, what is said."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.applications import registrations
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.break_glass import access_requests
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.break_glass.access_steps import RoleStep
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from sandbox import Fault, Sandbox
from support.azure_rights import AzureRights, finding, ids, writes
from support.cutoff import OFFICER, POLICY_VAULT, POOL, RBAC_VAULT, STORES, Cutoff
from support.matrix import thinned
from support.playbook import Ansible
from support.wrong_answers import REFUSAL

_VAULT = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
_ROLE = "/{scope}providers/Microsoft.Authorization/roleAssignments/{name}"


@pytest.fixture
def everywhere(azure: AzureRights) -> Cutoff:
    """A vault with access policies, one in RBAC mode, and a managed HSM."""
    made = Cutoff(azure)
    made.prepare()
    return made


@pytest.fixture
def cutoff(everywhere: Cutoff) -> Cutoff:
    """The vault in RBAC mode alone, which takes the fewest requests."""
    everywhere.names = (RBAC_VAULT,)
    return everywhere


@pytest.fixture
def policies(everywhere: Cutoff) -> Cutoff:
    """The vault with access policies alone."""
    everywhere.names = (POLICY_VAULT,)
    return everywhere


def nothing_held(cutoff: Cutoff) -> dict[str, Any]:
    return {"policies": [], "roles": [], "local": [], "enabled": False}


# Cutting off --------------------------------------------------------------------------------------------------------


def test_everything_that_the_application_was_given_at_the_vaults_is_taken(everywhere: Cutoff) -> None:
    result = everywhere.cut()

    assert everywhere.held() == nothing_held(everywhere)
    assert (result["changed"], result["complete"], {step["state"] for step in result["steps"]}) == (
        True,
        True,
        {"done"},
    )


def test_rights_go_first_and_credentials_last(everywhere: Cutoff) -> None:
    mark = everywhere.azure.sandbox.journal.mark()

    everywhere.cut(cut_credentials=True)

    routes = [entry.route for entry in everywhere.azure.sandbox.journal.writes(since=mark)]
    switch = routes.index("/v1.0/servicePrincipals/{id}")
    assert all(route.startswith("/v1.0/applications") for route in routes[switch + 1 :])
    assert not any(route.startswith("/v1.0/applications") for route in routes[:switch])


def test_what_belongs_to_others_is_not_touched(everywhere: Cutoff) -> None:
    before = everywhere.of_others()

    everywhere.cut(cut_credentials=True)

    assert everywhere.of_others() == before


def test_a_second_cut_changes_and_writes_nothing(everywhere: Cutoff) -> None:
    everywhere.cut()
    record, mark = everywhere.record, everywhere.azure.sandbox.journal.mark()

    again = everywhere.cut()

    assert (again["changed"], again["steps"], writes(everywhere.azure, mark)) == (False, [], [])
    assert everywhere.record == record


def test_check_mode_predicts_the_cut_and_writes_nothing(everywhere: Cutoff) -> None:
    mark = everywhere.azure.sandbox.journal.mark()

    planned = everywhere("revoked", check_mode=True, cut_credentials=True)
    written = writes(everywhere.azure, mark)
    done = everywhere.cut(cut_credentials=True)

    assert written == []
    assert (planned["plan"], planned["diff"]) == (done["plan"], done["diff"])
    assert planned["still_valid_until"] is None


def test_credentials_stay_unless_they_are_to_go(cutoff: Cutoff) -> None:
    before = cutoff.credentials()

    result = cutoff.cut()

    assert cutoff.credentials() == before
    assert finding(result, "credentials-stay")["status"] == "warning"


def test_credentials_go_when_they_are_to(cutoff: Cutoff) -> None:
    result = cutoff.cut(cut_credentials=True)

    assert cutoff.credentials() == ([], [])
    assert (result["application"]["certificates"], result["application"]["secrets"]) == ([], [])


def test_entra_issues_no_token_any_more(cutoff: Cutoff) -> None:
    cutoff.cut()

    error = cutoff.azure.sync_error()

    assert error is not None
    assert "AADSTS7000112" in error


def test_the_groups_in_dsm_say_which_vaults_are_meant(cutoff: Cutoff) -> None:
    cutoff.azure.vault = RBAC_VAULT
    name = cutoff.azure.group()

    result = cutoff("revoked", check_mode=True, vaults=[], **cutoff.azure.dsm_login)

    assert [group["name"] for group in result["groups"]] == [name]
    assert [store["name"] for store in result["record"]["stores"]] == [RBAC_VAULT]


@pytest.mark.usefixtures("passing")
def test_without_dsm_the_vaults_that_are_named_are_cut_and_the_task_fails(cutoff: Cutoff) -> None:
    cutoff.azure.sandbox.faults.add(Fault("dsm", status=503, times=None))
    cutoff.keep(cutoff("revoked", check_mode=True))

    with pytest.raises(TaskError) as failure:
        cutoff("revoked", **cutoff.azure.dsm_login)

    assert cutoff.held() == nothing_held(cutoff)
    assert [step["plane"] for step in failure.value.details["steps"] if step["state"] == "unreadable"] == ["DSM"]


def test_what_remains_from_above_is_said_and_not_touched(everywhere: Cutoff) -> None:
    azure = everywhere.azure
    azure.do(lambda state: state.assign_role(azure.app, azure.subscription, OFFICER))

    result = everywhere.cut()

    remains = [one for one in result["findings"] if one["id"] == "access-remains"]
    assert [one["object"] for one in remains] == [f"vault {RBAC_VAULT}"]
    assert remains[0]["evidence"]["sources"][0]["origin"] == "subscription"
    assert len(everywhere.held()["roles"]) == 1


def test_what_remains_through_a_group_is_said_and_not_touched(cutoff: Cutoff) -> None:
    azure = cutoff.azure

    def deed(state: Any) -> None:
        group = state.add_group(azure.view.tenant_id, "key-users", [azure.app])
        state.assign_role(group, RBAC_VAULT, OFFICER)

    azure.do(deed)
    before = cutoff.of_others()

    result = cutoff.cut()

    assert "through the group" in finding(result, "access-remains")["actual"]
    assert cutoff.of_others() == before


def test_nothing_remains_where_all_was_given_at_the_vault(cutoff: Cutoff) -> None:
    assert ids(cutoff.cut()) == {"credentials-stay"}


def test_tokens_live_at_most_as_long_as_is_said_from_the_moment_of_disabling(cutoff: Cutoff) -> None:
    first = cutoff.cut(token_lifetime=120)
    second = cutoff.cut(token_lifetime=120)

    record = json.loads(cutoff.record)
    assert record["disabled_at"] is not None
    assert first["still_valid_until"] == second["still_valid_until"] > record["disabled_at"]


@pytest.mark.parametrize(
    ("plane", "method", "route"),
    [
        ("arm", "PUT", f"{_VAULT}/accessPolicies/{{operation}}"),
        ("arm", "DELETE", _ROLE),
        ("graph", "PATCH", "/v1.0/servicePrincipals/{id}"),
    ],
)
def test_a_refusal_at_one_place_stops_nothing_elsewhere(policies: Cutoff, plane: str, method: str, route: str) -> None:
    policies.keep(policies("revoked", check_mode=True))
    policies.azure.sandbox.faults.add(Fault(plane, method, route, times=1, status=403, body=REFUSAL))

    with pytest.raises(TaskError) as failure:
        policies("revoked")

    states = [step["state"] for step in failure.value.details["steps"]]
    assert (states.count("failed"), set(states)) == (1, {"done", "failed"})
    assert failure.value.details["record"]["application"]["client_id"] == policies.azure.app
    policies.azure.sandbox.faults.clear()
    policies.cut()
    assert policies.held() == nothing_held(policies)


def test_a_vault_that_is_gone_stops_nothing_elsewhere(everywhere: Cutoff) -> None:
    gone = everywhere.resource_id(POLICY_VAULT) + "x"
    named = [{"resource_id": one} for one in (gone, *map(everywhere.resource_id, STORES))]
    everywhere.keep(everywhere("revoked", check_mode=True, vaults=named))

    with pytest.raises(TaskError, match=r"1 of .* steps failed"):
        everywhere("revoked", vaults=named)

    assert everywhere.held() == nothing_held(everywhere)


def test_roles_that_may_not_be_read_are_no_success(cutoff: Cutoff) -> None:
    cutoff.keep(cutoff("revoked", check_mode=True))
    denied = json.dumps({"error": {"code": "AuthorizationFailed", "message": "not for you"}})
    route = "/{scope}providers/Microsoft.Authorization/roleAssignments"
    cutoff.azure.sandbox.faults.add(Fault("arm", "GET", route, times=None, status=403, body=denied))

    with pytest.raises(TaskError) as failure:
        cutoff("revoked")

    assert "unreadable" in [step["state"] for step in failure.value.details["steps"]]
    assert cutoff.held()["enabled"] is False


def test_an_operator_without_rights_is_told_in_check_mode(policies: Cutoff) -> None:
    reader = policies.azure.another_operator("Reader", graph=("Application.Read.All", "GroupMember.Read.All"))

    planned = policies(
        "revoked", check_mode=True, vaults=[{"resource_id": policies.resource_id(POLICY_VAULT)}], **reader
    )

    lacking = finding(planned, "operator-lacks-rights")["actual"]
    assert "accessPolicies/write" in lacking
    assert "roleAssignments/delete" in lacking


@pytest.mark.parametrize("level", ["CanNotDelete", "ReadOnly"])
def test_a_lock_in_the_way_is_told_in_check_mode(policies: Cutoff, level: str) -> None:
    vault = policies.resource_id(POLICY_VAULT)
    policies.azure.do(lambda state: state.lock(vault, "keep", level))

    planned = policies("revoked", check_mode=True, vaults=[{"resource_id": vault}])

    locked = finding(planned, "change-locked")["actual"]
    assert f'lock "keep" ({level}) at ' in locked
    assert "roleAssignments/delete" in locked
    assert ("accessPolicies/write" in locked) is (level == "ReadOnly")


def test_locks_that_cannot_be_read_are_told_in_check_mode(policies: Cutoff) -> None:
    route = "/{scope}providers/Microsoft.Authorization/locks"
    policies.azure.sandbox.faults.add(Fault("arm", "GET", route, times=None, status=403, body=REFUSAL))

    planned = policies("revoked", check_mode=True, vaults=[{"resource_id": policies.resource_id(POLICY_VAULT)}])

    assert finding(planned, "locks-unknown")["status"] == "unknown"


def test_a_vault_that_is_gone_is_no_success_as_its_policies_may_come_back(policies: Cutoff) -> None:
    vault = policies.resource_id(POLICY_VAULT)
    policies.keep(policies("revoked", check_mode=True, vaults=[{"resource_id": vault}]))
    policies.azure.sandbox.faults.add(
        Fault("arm", "GET", _VAULT, times=None, status=404, body='{"error": {"code": "ResourceNotFound"}}')
    )

    with pytest.raises(TaskError, match="a recovery restores its access policies") as failure:
        policies("revoked", vaults=[{"resource_id": vault}])

    assert (failure.value.details["complete"], policies.held()["enabled"]) == (False, False)
    assert str(failure.value).count("Next:") == 1


def test_a_defect_in_one_step_keeps_no_other_from_being_done(cutoff: Cutoff, monkeypatch: pytest.MonkeyPatch) -> None:
    cutoff.keep(cutoff("revoked", check_mode=True))
    original = access_requests.cut

    def broken(azure: Any, step: Any, patience: Any) -> bool:
        if isinstance(step, RoleStep):
            raise ZeroDivisionError("broken")
        return original(azure, step, patience)

    monkeypatch.setattr(access_requests, "cut", broken)

    with pytest.raises(TaskError, match=r"unexpected error in the collection \(ZeroDivisionError\)") as failure:
        cutoff("revoked")

    told = failure.value.to_fail_json()
    assert (told["changed"], told["failure"]["complete"], cutoff.held()["enabled"]) == (True, False, False)
    assert {step["state"] for step in told["failure"]["steps"]} >= {"done", "failed"}
    assert told["failure"]["record"]["application"]["client_id"] == cutoff.azure.app
    assert isinstance(failure.value.__cause__, ZeroDivisionError)


def test_a_change_that_azure_does_not_show_yet_is_said(cutoff: Cutoff) -> None:
    cutoff.keep(cutoff("revoked", check_mode=True))
    cutoff.azure.do(lambda state: state.slow_rights(read_lag=600))

    result = cutoff("revoked", wait_timeout=0)

    assert "access-still-listed" in ids(result)


def test_rights_that_came_up_after_the_record_are_left_and_said(cutoff: Cutoff) -> None:
    azure = cutoff.azure
    cutoff.keep(cutoff("revoked", check_mode=True))
    azure.do(lambda state: state.assign_role(azure.app, RBAC_VAULT, "Key Vault Administrator"))

    with pytest.raises(TaskError, match="because the record does not contain it"):
        cutoff("revoked")

    assert (len(cutoff.held()["roles"]), cutoff.held()["enabled"]) == (1, False)
    cutoff.cut()
    assert cutoff.held() == nothing_held(cutoff)


@pytest.mark.every_core
def test_a_playbook_shows_the_plan_in_check_mode_and_needs_a_record(sandbox: Sandbox, tmp_path: Path) -> None:
    view = sandbox.world.public
    ansible = Ansible({**sandbox.environment(), **sandbox.operator_environment(view)}, tmp_path)
    options = {
        "state": "revoked",
        "app_client_id": view.client_id,
        "confirm_client_id": view.client_id,
        "vaults": [{"resource_id": view.vaults[POLICY_VAULT].resource_id}],
    }
    mark = sandbox.journal.mark()

    task = {"azure_kv_access": options}

    run = ansible.tasks({**task, "check_mode": True}, task, diff=True)

    assert (run[0].status, run[0].changed) == ("ok", True), run.output
    assert '"account_enabled": false' in run.output
    assert "it is missing, so the removed access could not be restored" in run.message
    assert sandbox.journal.writes(since=mark) == []


# Refused before anything is asked -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "given"),
    [
        ("confirm_client_id", {"confirm_client_id": "11111111-2222-4333-8444-555555555555"}),
        ("app_client_id", {"app_client_id": "not-an-id"}),
        ("token_lifetime", {"token_lifetime": 0}),
        ("vaults", {"vaults": []}),
        ("vaults.resource_group", {"vaults": [{"uri": "https://akv.vault.azure.net/", "resource_group": "rg"}]}),
        ("record", {"record": {"format": "something else"}}),
        ("record", {"record": {"format": "fortanix.dsm.access-record", "version": 3}}),
        ("record", {"record": {"format": "fortanix.dsm.access-record", "version": 1}}),
    ],
)
def test_what_is_wrong_is_refused_before_the_first_request(cutoff: Cutoff, option: str, given: dict[str, Any]) -> None:
    mark = cutoff.azure.sandbox.journal.mark()

    with pytest.raises(InvalidInput) as refused:
        cutoff("revoked", **given)

    assert refused.value.details["option"] == option
    assert cutoff.azure.sandbox.journal.since(mark) == []


def test_the_operator_does_not_lock_himself_out(cutoff: Cutoff) -> None:
    with pytest.raises(InvalidInput, match="the operator's own application"):
        cutoff("revoked", app_client_id=cutoff.azure.view.operator_client_id)


OTHER_TENANT = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("home", "words"),
    [
        (None, "the operator cannot read the app registration, .*Next: grant the operator Application.ReadWrite.All"),
        (
            OTHER_TENANT,
            rf"registered in another tenant \({OTHER_TENANT}\), .*Next: have the credentials removed in that",
        ),
    ],
)
def test_why_credentials_remain_registered_is_reported(
    cutoff: Cutoff, monkeypatch: pytest.MonkeyPatch, home: str | None, words: str
) -> None:
    found = registrations.registration

    def of_home(*given: Any) -> registrations.Registration:
        known = found(*given)
        return replace(known, identity=replace(known.identity, home_tenant_id=home or known.identity.home_tenant_id))

    monkeypatch.setattr(registrations, "registration", of_home)
    application = "/v1.0/applications(appId='{app_id}')"
    cutoff.azure.sandbox.faults.add(Fault("graph", "GET", application, status=403, body=REFUSAL, times=None))

    with pytest.raises(TaskError, match=words):
        cutoff.cut(cut_credentials=True)


def test_nothing_is_removed_without_a_record(cutoff: Cutoff) -> None:
    before = cutoff.held()

    with pytest.raises(TaskError, match="it is missing, so the removed access could not be restored"):
        cutoff("revoked")

    assert cutoff.held() == before


@pytest.mark.parametrize(
    ("member", "value"),
    [("cloud", "AzureUSGovernment"), ("tenant_id", "11111111-2222-4333-8444-555555555555"), ("application", None)],
)
def test_a_record_of_something_else_is_refused(cutoff: Cutoff, member: str, value: Any) -> None:
    cutoff.cut()
    record = json.loads(cutoff.record)
    if member == "application":
        record["application"]["client_id"] = cutoff.azure.view.operator_client_id
    else:
        record[member] = value
    mark = cutoff.azure.sandbox.journal.mark()

    with pytest.raises(InvalidInput, match="it belongs to the"):
        cutoff("restored", record=record)

    assert cutoff.azure.sandbox.journal.since(mark) == []


# Bringing back ------------------------------------------------------------------------------------------------------


def test_everything_comes_back_as_it_was(everywhere: Cutoff) -> None:
    before = everywhere.held()
    everywhere.cut()

    result = everywhere.restore()

    assert everywhere.held() == before
    assert (result["complete"], json.loads(everywhere.record)["restored_at"] is not None) == (True, True)
    assert everywhere.azure.sync_error() is None


def test_a_second_return_changes_and_writes_nothing(cutoff: Cutoff) -> None:
    cutoff.cut()
    cutoff.restore()
    record, mark = cutoff.record, cutoff.azure.sandbox.journal.mark()

    again = cutoff.restore()

    assert (again["changed"], writes(cutoff.azure, mark), cutoff.record) == (False, [], record)


def test_check_mode_predicts_the_return_and_writes_nothing(everywhere: Cutoff) -> None:
    everywhere.cut(cut_credentials=True)
    mark = everywhere.azure.sandbox.journal.mark()

    planned = everywhere("restored", check_mode=True)
    written = writes(everywhere.azure, mark)
    done = everywhere.restore()

    assert written == []
    assert planned["plan"] == done["plan"]
    # Graph gives a certificate a new ID; what is shown of it is the thumbprint.
    assert planned["diff"] == done["diff"]


def test_certificates_come_back_and_secrets_do_not(cutoff: Cutoff) -> None:
    certificates, secrets = cutoff.credentials()
    cutoff.cut(cut_credentials=True)

    result = cutoff.restore()

    assert cutoff.credentials() == (certificates, [])
    lost = finding(result, "access-not-restorable")
    assert lost["evidence"]["key_ids"] == secrets
    assert "new credential" in lost["remedy"]


def test_what_was_changed_since_stays(policies: Cutoff) -> None:
    azure = policies.azure
    before = policies.held()
    policies.cut()
    azure.do(lambda state: state.add_access_policy(POLICY_VAULT, azure.view.service_principal_id, ["encrypt"]))
    azure.do(lambda state: state.assign_role(azure.app, POLICY_VAULT, "Key Vault Reader"))

    policies.restore()

    after = policies.held()
    assert set(after["policies"][0].key_permissions) == {"encrypt", *before["policies"][0].key_permissions}
    assert len(after["roles"]) == len(before["roles"]) + 1


def test_the_same_role_under_another_name_is_as_good(cutoff: Cutoff) -> None:
    azure = cutoff.azure
    before = cutoff.held()
    cutoff.cut()
    azure.do(lambda state: state.assign_role(azure.app, RBAC_VAULT, OFFICER))

    cutoff.restore()

    assert [entry[:2] for entry in cutoff.held()["roles"]] == [entry[:2] for entry in before["roles"]]


def test_conditions_come_back(policies: Cutoff) -> None:
    azure = policies.azure
    condition = "(@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals 'a')"
    azure.do(lambda state: state.assign_role(azure.app, POLICY_VAULT, "Key Vault Reader", condition=condition))
    before = policies.held()
    policies.cut()

    policies.restore()

    assert policies.held() == before


def test_a_role_that_was_active_for_a_time_is_not_made_permanent(policies: Cutoff) -> None:
    azure = policies.azure
    azure.do(lambda state: state.assign_role(azure.app, POLICY_VAULT, "Key Vault Reader", ends_in=timedelta(hours=4)))
    before = policies.held()
    policies.cut()

    result = policies.restore()

    assert len(policies.held()["roles"]) == len(before["roles"]) - 1
    assert "Privileged Identity Management" in finding(result, "access-not-restorable")["remedy"]


def test_a_principal_that_was_disabled_before_stays_disabled(cutoff: Cutoff) -> None:
    cutoff.azure.do(lambda state: state.disable_service_principal(cutoff.azure.app))
    before = cutoff.held()
    cutoff.cut()

    cutoff.restore()

    assert cutoff.held() == before


def test_a_service_principal_that_was_made_anew_is_refused(cutoff: Cutoff) -> None:
    cutoff.cut()
    # As the record would be, had the application had another service principal when it was cut off.
    present = json.loads(cutoff.record)["application"]["object_id"]
    record = cutoff.record.replace(present, "11111111-2222-4333-8444-555555555555")

    with pytest.raises(TaskError, match="the record belongs to the service principal"):
        cutoff("restored", record=json.loads(record))


def test_the_next_cut_after_a_return_begins_a_record_of_its_own(cutoff: Cutoff) -> None:
    azure = cutoff.azure
    cutoff.cut()
    cutoff.restore()
    azure.do(lambda state: state.revoke_role(azure.app, RBAC_VAULT, OFFICER))
    before = cutoff.held()

    cutoff.cut()
    cutoff.restore()

    assert cutoff.held() == before


# Stopped at any write -----------------------------------------------------------------------------------------------

# The writes of a cut at a vault with policies and a pool, and those of the return: plane, method, route.
_SWITCH = ("graph", "PATCH", "/v1.0/servicePrincipals/{id}")
_CERTIFICATES = ("graph", "PATCH", "/v1.0/applications/{id}")
CUT = [
    ("arm", "PUT", f"{_VAULT}/accessPolicies/{{operation}}"),
    ("arm", "DELETE", _ROLE),
    ("arm", "DELETE", _ROLE),
    ("vault", "DELETE", _ROLE),
    _SWITCH,
    _CERTIFICATES,
    ("graph", "POST", "/v1.0/applications/{id}/removePassword"),
]
RETURN = [
    _CERTIFICATES,
    _SWITCH,
    ("arm", "PUT", f"{_VAULT}/accessPolicies/{{operation}}"),
    ("arm", "PUT", _ROLE),
    ("arm", "PUT", _ROLE),
    ("vault", "PUT", _ROLE),
]


def test_a_restore_that_does_not_see_the_registration_is_not_complete(cutoff: Cutoff) -> None:
    """It said ok, marked the record as restored, and left the certificates out."""
    before = cutoff.credentials()
    cutoff.cut(cut_credentials=True)
    application = "/v1.0/applications(appId='{app_id}')"
    cutoff.azure.sandbox.faults.add(Fault("graph", "GET", application, status=429, times=None))

    with pytest.raises(TaskError, match="certificates in the record are not restored") as failed:
        cutoff("restored")

    assert failed.value.details["complete"] is False
    assert failed.value.details["record"]["restored_at"] is None
    cutoff.azure.sandbox.faults.clear()
    cutoff.restore()
    assert cutoff.credentials()[0] == before[0]


@pytest.fixture
def two(everywhere: Cutoff) -> Cutoff:
    everywhere.names = (POLICY_VAULT, POOL)
    return everywhere


def stop_at(cutoff: Cutoff, made: list[tuple[str, str, str]], position: int) -> None:
    """This write takes effect and its answer is lost; those after it are not carried out, as if the run were killed."""
    body = json.dumps({"error": {"code": "Stopped", "message": "stopped by the test"}})
    for kind in dict.fromkeys(made):
        passing = made[:position].count(kind)
        stopped = Fault(*kind, skip=passing, times=None, status=403, body=body)
        if kind == made[position]:
            cutoff.azure.sandbox.faults.add(replace(stopped, times=1, after_work=True))
        cutoff.azure.sandbox.faults.add(stopped)


def stopped(made: list[tuple[str, str, str]], position: int) -> AbstractContextManager[Any]:
    """The run fails, unless nothing was left to do: reading back shows that the last write took effect."""
    return pytest.raises(TaskError) if position < len(made) - 1 else nullcontext()


def test_a_cut_and_a_return_take_these_writes_and_no_other(two: Cutoff) -> None:
    def written(mark: int) -> list[tuple[str, str, str]]:
        return [(one.plane, one.method, one.route) for one in two.azure.sandbox.journal.writes(since=mark)]

    two.cut(cut_credentials=True)
    first, mark = written(0), two.azure.sandbox.journal.mark()
    two.restore()

    assert (first, written(mark)) == (CUT, RETURN)


@pytest.mark.parametrize("position", thinned(range(len(CUT)), 2, 5))
def test_a_cut_that_was_stopped_at_any_write_is_finished_and_undone(two: Cutoff, position: int) -> None:
    before, certificates = two.held(), two.credentials()[0]
    two.keep(two("revoked", check_mode=True, cut_credentials=True))
    stop_at(two, CUT, position)
    with stopped(CUT, position):
        two("revoked", cut_credentials=True)
    two.azure.sandbox.faults.clear()

    two.cut(cut_credentials=True)
    cut = two.held(), two.credentials()
    two.restore()

    assert cut == (nothing_held(two), ([], []))
    assert (two.held(), two.credentials()[0]) == (before, certificates)


# A half of the rights, all of them, and the credentials: what has to come back after each sort of step.
@pytest.mark.parametrize("position", thinned([1, 4, 6], 4))
def test_a_cut_that_was_stopped_is_undone_from_the_first_record(two: Cutoff, position: int) -> None:
    before, certificates = two.held(), two.credentials()[0]
    two.keep(two("revoked", check_mode=True, cut_credentials=True))
    stop_at(two, CUT, position)
    with stopped(CUT, position):
        two("revoked", cut_credentials=True)
    two.azure.sandbox.faults.clear()

    two.restore()

    assert (two.held(), two.credentials()[0]) == (before, certificates)


@pytest.mark.parametrize("position", thinned(range(len(RETURN)), 2))
def test_a_return_that_was_stopped_at_any_write_is_finished(two: Cutoff, position: int) -> None:
    before, certificates = two.held(), two.credentials()[0]
    two.cut(cut_credentials=True)
    stop_at(two, RETURN, position)
    with stopped(RETURN, position):
        two.restore()
    two.azure.sandbox.faults.clear()

    two.restore()

    assert (two.held(), two.credentials()[0]) == (before, certificates)
