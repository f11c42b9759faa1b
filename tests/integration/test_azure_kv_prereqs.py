# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.2, made so: what is granted where, what is left alone, what is refused before the first write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from sandbox import Sandbox
from sandbox.azure.rights.roles import PermissionSet
from support.azure_rights import (
    STRANGER,
    TEN,
    AzureRights,
    assignments,
    custom_role,
    ids,
    key_policies,
    roles_at_the_vault,
    writes,
)
from support.playbook import Ansible

CONTRIBUTOR = "Key Vault Contributor"
OFFICER = "Key Vault Crypto Officer"
NINE = set(TEN) - {"purge"}


# Prediction, repair, and nothing after it ---------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["guide", "least_privilege"])
def test_a_repair_gives_what_the_profile_wants(bare: AzureRights, profile: str) -> None:
    result = bare.repair(rights_profile=profile)

    assert (result["changed"], result["effect"], result["proof"]) == (True, "effective", "reads")
    assert bare.usable() == (set(TEN) if profile == "guide" else NINE)


def test_a_repair_makes_the_sync_work(bare: AzureRights) -> None:
    before = bare.sync_error()

    bare.repair()

    assert (before is not None, bare.sync_error()) == (True, None)


def test_check_mode_predicts_what_the_repair_does(bare: AzureRights) -> None:
    predicted = bare.repair(check_mode=True)

    done = bare.repair()

    assert [predicted[name] for name in ("changed", "plan", "diff")] == [
        done[name] for name in ("changed", "plan", "diff")
    ]


def test_check_mode_writes_nothing(bare: AzureRights) -> None:
    mark = bare.sandbox.journal.mark()

    result = bare.repair(check_mode=True)

    assert (result["effect"], writes(bare, mark)) == ("planned", [])


def test_a_second_repair_changes_nothing(bare: AzureRights) -> None:
    bare.repair()
    mark = bare.sandbox.journal.mark()

    result = bare.repair()

    assert (result["changed"], result["plan"], result["effect"], writes(bare, mark)) == (False, [], "unchanged", [])


def test_an_explicit_profile_gives_its_permissions_only(bare: AzureRights) -> None:
    wanted = ["get", "list"]

    bare.repair(rights_profile="explicit", key_permissions=wanted)

    # The narrowest built-in role of a pool for these two is the Crypto User.
    more = set(TEN) - {"recover", "purge"} if bare.vault == "hsm-sandbox" else set(wanted)
    assert bare.usable() == more


# A vault with access policies ---------------------------------------------------------------------------------------


def test_only_what_is_missing_is_added_to_the_policy(policies: AzureRights) -> None:
    policies.do(lambda state: state.set_access_policy(policies.vault, policies.app, ["get", "sign"]))

    policies.repair()

    assert set(key_policies(policies)[policies.view.service_principal_id]) == {*TEN, "sign"}


def test_the_entries_of_others_stay_as_they_are(policies: AzureRights) -> None:
    policies.repair()

    assert key_policies(policies)[STRANGER] == ["Get", "sign"]


def test_all_is_completed_by_purge(policies: AzureRights) -> None:
    policies.do(lambda state: state.set_access_policy(policies.vault, policies.app, ["all"]))

    policies.repair()

    assert set(key_policies(policies)[policies.view.service_principal_id]) == {"all", "purge"}


def test_the_list_of_policies_is_never_replaced(policies: AzureRights) -> None:
    mark = policies.sandbox.journal.mark()

    policies.repair(rights_profile="least_privilege")

    (written,) = [line for line in writes(policies, mark) if "Microsoft.Authorization" not in line]
    assert written == f"PUT {policies.resource_id}/accessPolicies/add"


# A vault in RBAC mode -----------------------------------------------------------------------------------------------


def test_a_custom_role_has_just_the_data_actions(rbac: AzureRights) -> None:
    rbac.repair()

    def deed(state: Any) -> list[Any]:
        return [role.permissions for role in state.rights.roles.values() if role.custom]

    ((allowed,),) = rbac.do(deed)
    assert (allowed.actions, len(allowed.data_actions), "*" in "".join(allowed.data_actions)) == ((), 9, False)


def test_crypto_officer_is_given_when_asked_for_and_called_wide(rbac: AzureRights) -> None:
    result = rbac.repair(data_role="crypto_officer")

    assert roles_at_the_vault(rbac) == [CONTRIBUTOR, OFFICER]
    assert "app-may-use-keys" in ids(result)


def test_a_role_that_exists_is_used_when_it_is_named(rbac: AzureRights) -> None:
    guid = custom_role(rbac, "Microsoft.KeyVault/vaults/keys/*")

    rbac.repair(data_role=guid)

    assert roles_at_the_vault(rbac) == [CONTRIBUTOR, "own"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_named_role_that_lacks_something_is_refused_before_any_write(rbac: AzureRights, check_mode: bool) -> None:
    guid = custom_role(rbac, "Microsoft.KeyVault/vaults/keys/read")
    mark = rbac.sandbox.journal.mark()

    with pytest.raises(TaskError, match="does not grant the missing permissions"):
        rbac.repair(check_mode=check_mode, data_role=guid)

    assert writes(rbac, mark) == []


def test_a_named_role_that_is_not_there_is_refused(rbac: AzureRights) -> None:
    with pytest.raises(InvalidInput, match="data_role"):
        rbac.repair(data_role=STRANGER)


@pytest.mark.parametrize("given", ["", " ", "/"])
def test_a_data_role_without_a_name_is_refused(rbac: AzureRights, given: str) -> None:
    with pytest.raises(InvalidInput, match="data_role: it names no role"):
        rbac.repair(data_role=given)


def test_a_custom_role_that_somebody_has_changed_is_corrected(rbac: AzureRights) -> None:
    rbac.repair(rights_profile="least_privilege")

    def deed(state: Any) -> None:
        (role,) = [role for role in state.rights.roles.values() if role.custom]
        state.rights.roles[role.guid] = replace(role, actions=(), data_actions=role.data_actions[:1])

    rbac.do(deed)

    result = rbac.repair(rights_profile="least_privilege")

    assert "correct role definition" in [change["action"] for change in result["plan"]]
    assert rbac.usable() == NINE


def test_names_of_assignments_follow_from_what_they_are(rbac: AzureRights) -> None:
    rbac.repair()
    first = assignments(rbac)
    held = roles_at_the_vault(rbac)
    rbac.do(lambda state: [state.revoke_role(rbac.app, rbac.vault, role) for role in held])

    rbac.repair()

    assert sorted(assignments(rbac)) == sorted(first)


def test_the_principal_is_said_to_be_a_service_principal(rbac: AzureRights) -> None:
    """Without it, Azure takes it for a user and refuses: the sandbox does, too."""
    rbac.repair()

    def deed(state: Any) -> set[str]:
        return {
            entry.principal_type
            for entry in state.rights.assignments
            if entry.principal_id == rbac.view.service_principal_id
        }

    assert rbac.do(deed) == {"ServicePrincipal"}


def test_everything_is_granted_at_the_vault_alone(rbac: AzureRights) -> None:
    elsewhere = [entry for entry in assignments(rbac) if entry[1].lower() != rbac.resource_id.lower()]

    rbac.repair()

    assert [entry for entry in assignments(rbac) if entry[1].lower() != rbac.resource_id.lower()] == elsewhere


@pytest.mark.parametrize("through_group", [False, True])
def test_what_is_inherited_is_not_granted_again(rbac: AzureRights, through_group: bool) -> None:
    def deed(state: Any) -> None:
        group = state.add_group(rbac.view.tenant_id, "apps", [rbac.app])
        for role in (CONTRIBUTOR, OFFICER):
            state.assign_role(group if through_group else rbac.app, rbac.subscription, role)

    rbac.do(deed)
    mark = rbac.sandbox.journal.mark()

    result = rbac.repair()

    assert (result["changed"], writes(rbac, mark)) == (False, [])


# A managed HSM ------------------------------------------------------------------------------------------------------


def local_roles(pool: AzureRights) -> dict[str, str]:
    """Role -> scope, of what the application has in the pool."""

    def deed(state: Any) -> dict[str, str]:
        found = state.managed_hsm(pool.vault)
        return {
            found.roles[entry.role_guid].name: entry.scope
            for entry in found.local_roles
            if entry.principal_id == pool.view.service_principal_id
        }

    return pool.do(deed)


def test_a_pool_gets_crypto_user_and_a_custom_role_and_never_crypto_officer(bare_pool: AzureRights) -> None:
    bare_pool.repair()

    user, *rest = sorted(local_roles(bare_pool), key=lambda name: "Crypto User" not in name)
    assert (user, len(rest), rest[0].startswith("Fortanix DSM CDC")) == ("Managed HSM Crypto User", 1, True)


def test_a_repaired_pool_leaves_the_application_without_power_over_it(bare_pool: AzureRights) -> None:
    assert "app-can-administer-hsm" not in ids(bare_pool.repair())


def test_the_local_roles_of_others_stay(bare_pool: AzureRights) -> None:
    def others(state: Any) -> list[Any]:
        return [
            entry
            for entry in state.managed_hsm(bare_pool.vault).local_roles
            if entry.principal_id != bare_pool.view.service_principal_id
        ]

    before = bare_pool.do(others)

    bare_pool.repair()

    assert bare_pool.do(others) == before


# Refused before the first write -------------------------------------------------------------------------------------


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("setting", "action"),
    [
        ("policies", "Microsoft.KeyVault/vaults/accessPolicies/write"),
        ("rbac", "Microsoft.Authorization/roleAssignments/write"),
    ],
)
def test_an_operator_who_may_only_read_is_told_which_action_lacks_where(
    request: pytest.FixtureRequest, setting: str, action: str, check_mode: bool
) -> None:
    azure: AzureRights = request.getfixturevalue(setting)
    operator = azure.another_operator("Reader", graph=("Application.Read.All", "GroupMember.Read.All"))
    mark = azure.sandbox.journal.mark()

    with pytest.raises(TaskError, match=f"{action} at {azure.resource_id}"):
        azure.repair(check_mode=check_mode, **operator)

    assert writes(azure, mark) == []


def deny(azure: AzureRights) -> None:
    what = PermissionSet(actions=("Microsoft.KeyVault/*",))
    principal = azure.view.service_principal_id
    azure.do(lambda state: state.add_deny_assignment(azure.vault, what, principals=(principal,)))


def move_to_another_tenant(azure: AzureRights) -> None:
    azure.do(lambda state: setattr(state.store(azure.vault), "tenant_id", state.add_tenant("other.example")))


@pytest.mark.parametrize(
    ("spoil", "words"), [(deny, "deny assignment"), (move_to_another_tenant, "tenant")], ids=["denied", "foreign"]
)
def test_what_no_grant_mends_is_refused_before_any_write(
    policies: AzureRights, spoil: Callable[[AzureRights], None], words: str
) -> None:
    spoil(policies)
    mark = policies.sandbox.journal.mark()

    with pytest.raises(TaskError, match=words):
        policies.repair()

    assert writes(policies, mark) == []


def test_a_pool_that_is_not_activated_is_not_repaired(bare_pool: AzureRights) -> None:
    bare_pool.do(lambda state: setattr(state.managed_hsm(bare_pool.vault), "activated", False))
    mark = bare_pool.sandbox.journal.mark()

    with pytest.raises(TaskError, match="activated"):
        bare_pool.repair()

    assert writes(bare_pool, mark) == []


def test_a_vault_of_another_model_than_wanted_is_not_changed(policies: AzureRights) -> None:
    mark = policies.sandbox.journal.mark()

    with pytest.raises(TaskError, match="permission model"):
        policies.repair(permission_model="rbac")

    assert writes(policies, mark) == []


@pytest.mark.parametrize(
    "options", [{"wait_timeout": -1}, {"wait_interval": -1}, {"group_name": "akv-production"}], ids=str
)
def test_bad_input_is_refused_before_the_first_request(azure: AzureRights, options: dict[str, Any]) -> None:
    mark = azure.sandbox.journal.mark()

    with pytest.raises(InvalidInput):
        azure.repair(**options)

    assert azure.sandbox.journal.since(mark) == []


# --- As a user runs it ------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_plans_grants_and_is_then_done_in_a_playbook(own_sandbox: Sandbox, tmp_path: Path) -> None:
    view = own_sandbox.world.public
    vault = view.vaults["akv-sandbox-std"]
    own_sandbox.do(lambda state: state.azure.public.set_access_policy(vault.name, view.client_id, ["get", "list"]))
    ansible = Ansible(own_sandbox.environment(), tmp_path)
    options = {"vault": {"resource_id": vault.resource_id}, "app_client_id": view.client_id, "rights_profile": "guide"}
    task = {"azure_kv_prereqs": {**options, "wait_interval": 0}}

    planned, made, again = ansible.tasks({**task, "check_mode": True}, task, task).outcomes

    assert (planned.changed, made.changed, again.changed) == (True, True, False)
    assert planned["diff"] == made["diff"]
    assert planned["plan"] == made["plan"]
    assert (made["effect"], again["effect"]) == ("effective", "unchanged")
    assert len(own_sandbox.journal.writes()) == 1
