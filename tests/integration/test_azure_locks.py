# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks are read before the first write, in check mode too; Azure Policy is told by its name."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault
from sandbox.azure.rights.governance import CAN_NOT_DELETE, DENY, MODIFY, READ_ONLY, ROLE_ASSIGNMENTS
from support.azure_rights import AzureRights, writes
from support.azure_vaults import NEW, Vaults
from support.wrong_answers import REFUSAL

NAMED = {"name": "kv-new", "resource_group": "rg-keys"}
GRAPH = ("Application.Read.All", "GroupMember.Read.All", "DelegatedPermissionGrant.Read.All")
each_mode = pytest.mark.parametrize("check_mode", [True, False], ids=["check", "run"])
# How many parts of the resource ID of the vault are above it there.
each_scope = pytest.mark.parametrize("above", [0, 4, 6], ids=["vault", "group", "subscription"])


@pytest.fixture
def vaults(azure: AzureRights) -> Vaults:
    return Vaults(azure)


def lock(azure: AzureRights, level: str, above: int = 0, scope: str | None = None) -> str:
    """Put a lock at the vault, or so many parts of its ID above it; the scope."""
    at = scope or "/".join(azure.resource_id.split("/")[: -above or None])
    azure.do(lambda state: state.lock(at, "hands-off", level))
    return at


def lists_of_locks(azure: AzureRights, mark: int) -> int:
    return len([entry for entry in azure.sandbox.journal.since(mark) if entry.route.endswith("/locks")])


# The vault ------------------------------------------------------------------------------------------------------------


@each_mode
@each_scope
def test_a_lock_forbids_the_deletion_before_the_first_write(vaults: Vaults, above: int, check_mode: bool) -> None:
    scope = lock(vaults.azure, CAN_NOT_DELETE, above)
    mark = vaults.mark()

    with pytest.raises(TaskError, match=r'lock "hands-off" \(CanNotDelete\)') as refused:
        vaults({**vaults.there, "state": "absent", "delete_vault_named": vaults.azure.vault}, check_mode=check_mode)

    assert [one["scope"] for one in refused.value.details["locks"]] == [scope]
    assert vaults.writes(mark) == []


@each_mode
def test_a_lock_for_reading_forbids_a_change(vaults: Vaults, check_mode: bool) -> None:
    lock(vaults.azure, READ_ONLY, 4)
    mark = vaults.mark()

    with pytest.raises(TaskError, match=r"\(ReadOnly\).* forbids Microsoft.KeyVault/vaults/write"):
        vaults({**vaults.there, "tags": {"a": "b"}}, check_mode=check_mode)

    assert vaults.writes(mark) == []


@each_mode
def test_a_lock_for_reading_forbids_a_new_vault(vaults: Vaults, check_mode: bool) -> None:
    lock(vaults.azure, READ_ONLY, 4)

    with pytest.raises(TaskError, match="hands-off"):
        vaults(NEW, check_mode=check_mode)


def test_a_lock_against_deletion_lets_a_change_pass_and_is_shown(vaults: Vaults) -> None:
    lock(vaults.azure, CAN_NOT_DELETE)

    result = vaults({**vaults.there, "tags": {"a": "b"}})

    assert (result["changed"], [one["level"] for one in result["locks"]]) == (True, [CAN_NOT_DELETE])


def test_nothing_is_asked_of_locks_when_there_is_nothing_to_write(vaults: Vaults) -> None:
    lock(vaults.azure, READ_ONLY)
    mark = vaults.mark()

    result = vaults(vaults.there)

    assert (result["changed"], result["locks"], lists_of_locks(vaults.azure, mark)) == (False, [], 0)


@each_mode
def test_locks_that_cannot_be_read_are_an_unknown_and_no_failure(vaults: Vaults, check_mode: bool) -> None:
    route = "/{scope}providers/Microsoft.Authorization/locks"
    vaults.azure.sandbox.faults.add(Fault("arm", "GET", route, times=None, status=403, body=REFUSAL))

    result = vaults({**vaults.there, "tags": {"a": "b"}}, check_mode=check_mode)

    assert (result["changed"], result["locks"]) == (True, None)
    assert [line for line in vaults.warnings if "It is unknown whether a lock forbids" in line]


def test_a_lock_that_could_not_be_read_is_told_by_azure(vaults: Vaults) -> None:
    route = "/{scope}providers/Microsoft.Authorization/locks"
    vaults.azure.sandbox.faults.add(Fault("arm", "GET", route, times=None, status=403, body=REFUSAL))
    scope = lock(vaults.azure, READ_ONLY)

    with pytest.raises(TaskError, match=f"a lock at {scope} forbids this"):
        vaults({**vaults.there, "tags": {"a": "b"}})


# Rights ---------------------------------------------------------------------------------------------------------------


@each_mode
def test_a_lock_for_reading_forbids_a_grant(rbac: AzureRights, check_mode: bool) -> None:
    lock(rbac, READ_ONLY, 4)
    mark = rbac.sandbox.journal.mark()

    with pytest.raises(TaskError, match=r"forbids Microsoft.Authorization/roleAssignments/write"):
        rbac.repair(check_mode=check_mode)

    assert writes(rbac, mark) == []


@each_mode
@each_scope
def test_a_lock_forbids_to_take_roles_back(rbac: AzureRights, above: int, check_mode: bool) -> None:
    rbac.repair()
    lock(rbac, CAN_NOT_DELETE, above)
    mark = rbac.sandbox.journal.mark()

    with pytest.raises(TaskError, match=r"forbids Microsoft.Authorization/roleAssignments/delete"):
        rbac.repair(state="absent", check_mode=check_mode, **rbac.dsm_login)

    assert writes(rbac, mark) == []


def test_what_no_lock_forbids_is_taken_back_all_the_same(policies: AzureRights) -> None:
    policies.repair()
    lock(policies, CAN_NOT_DELETE)
    options = {"state": "absent", "confirm_remove_policy": True, **policies.dsm_login}

    with pytest.raises(TaskError) as planned:
        policies.repair(check_mode=True, **options)
    with pytest.raises(TaskError, match="hands-off") as failed:
        policies.repair(**options)

    assert [one["action"] for one in failed.value.details["done"]] == ["remove from access policy"]
    assert planned.value.details["plan"] == failed.value.details["done"]
    assert policies.usable() == set()


def test_the_roles_inside_a_pool_are_behind_no_lock(bare_pool: AzureRights) -> None:
    bare_pool.repair()
    lock(bare_pool, READ_ONLY)
    assert bare_pool.usable() != set()

    with pytest.raises(TaskError, match="hands-off"):
        bare_pool.repair(state="absent", **bare_pool.dsm_login)

    assert bare_pool.usable() == set()


def test_a_removal_that_fails_does_not_keep_the_next_one_from_being_tried(policies: AzureRights) -> None:
    policies.repair()
    route = "/{scope}providers/Microsoft.Authorization/roleAssignments/{name}"
    refusal = '{"error": {"code": "Stopped", "message": "stopped by the test"}}'
    policies.sandbox.faults.add(Fault("arm", "DELETE", route, times=None, status=403, body=refusal))

    with pytest.raises(TaskError, match="stopped by the test"):
        policies.repair(state="absent", confirm_remove_policy=True, **policies.dsm_login)

    assert policies.usable() == set()


def test_an_operator_who_repairs_may_read_locks(rbac: AzureRights) -> None:
    lock(rbac, CAN_NOT_DELETE, 4)
    operator = rbac.another_operator("Key Vault Contributor", "User Access Administrator", graph=GRAPH)

    assert len(rbac.repair(**operator)["locks"]) == 1


# Azure Policy ---------------------------------------------------------------------------------------------------------


def test_a_policy_that_denies_a_vault_is_told_by_name_and_assignment(vaults: Vaults) -> None:
    member = {"member": "properties.publicNetworkAccess", "value": "enabled"}
    made = vaults.azure.do(
        lambda state: state.assign_policy(vaults.azure.subscription, "No public vaults", DENY, **member)
    )

    with pytest.raises(TaskError, match='an Azure Policy forbids this: "No public vaults"') as refused:
        vaults({**NEW, "public_network_access": "enabled"})

    (policy,) = refused.value.details["policies"]
    assert (policy["assignment"], policy["effect"]) == (made.assignment_id, DENY)
    assert "permission model rbac" not in refused.value.next_step


def test_a_policy_that_denies_role_assignments_is_told_by_name(rbac: AzureRights) -> None:
    rbac.do(
        lambda state: state.assign_policy(rbac.subscription, "No roles by hand", DENY, resource_type=ROLE_ASSIGNMENTS)
    )

    with pytest.raises(TaskError, match="No roles by hand"):
        rbac.repair()


REWRITES: list[tuple[str, Any, dict[str, Any], str]] = [
    ("properties.publicNetworkAccess", "disabled", {"public_network_access": "enabled"}, "public_network_access"),
    ("properties.networkAcls.defaultAction", "Deny", {"default_action": "allow"}, "default_action"),
    ("tags.environment", "prod", {"tags": {"environment": "dev"}}, "tags.environment"),
]


@pytest.mark.parametrize(("member", "value", "option", "named"), REWRITES, ids=[one[3] for one in REWRITES])
def test_a_value_that_policy_rewrites_in_a_new_vault_ends_the_wait_at_once(
    vaults: Vaults, member: str, value: Any, option: dict[str, Any], named: str
) -> None:
    where = vaults.azure.subscription
    vaults.azure.do(lambda state: state.assign_policy(where, "Rewrites", MODIFY, member=member, value=value))
    mark = vaults.mark()

    with pytest.raises(TaskError, match="an Azure Policy with the effect modify") as failed:
        vaults({**NEW, **option})

    differing = failed.value.details["differing"][named]
    assert differing["shown"] == str(value).lower()
    assert failed.value.details["done"] != []
    assert "retryable" not in failed.value.details
    # The answer to the write has shown it: no look came after that.
    assert [entry.method for entry in vaults.azure.sandbox.journal.since(mark)][-1] == "PUT"


@pytest.mark.parametrize(("member", "value", "option", "named"), REWRITES, ids=[one[3] for one in REWRITES])
def test_a_value_that_policy_rewrites_in_a_change_ends_the_wait_at_once(
    vaults: Vaults, member: str, value: Any, option: dict[str, Any], named: str
) -> None:
    vaults(NEW)
    opposite = {"public_network_access": "disabled", "default_action": "deny"}
    (name,) = option
    if name in opposite:
        vaults({**NAMED, name: opposite[name], "allow_disruptive": [name]})
    where = vaults.azure.subscription
    vaults.azure.do(lambda state: state.assign_policy(where, "Rewrites", MODIFY, member=member, value=value))
    mark = vaults.mark()

    with pytest.raises(TaskError, match="an Azure Policy with the effect modify") as failed:
        vaults({**NAMED, **option, **({"allow_disruptive": [name]} if name in opposite else {})})

    assert named in failed.value.details["differing"]
    assert "Running the task again does not help" in failed.value.next_step
    assert vaults.writes(mark) == ["PATCH kv-new"]


def test_a_policy_that_rewrites_what_nobody_set_is_no_failure(vaults: Vaults) -> None:
    where, member = vaults.azure.subscription, {"member": "tags.environment", "value": "prod"}
    vaults.azure.do(lambda state: state.assign_policy(where, "Tags", MODIFY, **member))

    assert vaults(NEW)["changed"] is True
    assert vaults.stored("kv-new").tags == {"environment": "prod"}
