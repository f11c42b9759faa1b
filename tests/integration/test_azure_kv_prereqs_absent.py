# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection has granted, taken back: only that, and only when nothing uses it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._removal import rights
from support.azure_rights import (
    STRANGER,
    TEN,
    AzureRights,
    assignments,
    key_policies,
    roles_at_the_vault,
    writes,
)
from support.matrix import diagonal

CONTRIBUTOR = "Key Vault Contributor"
OFFICER = "Key Vault Crypto Officer"


def take_back(azure: AzureRights, **options: Any) -> dict[str, Any]:
    return azure.repair(state="absent", **{**azure.dsm_login, **options})


def test_what_was_granted_is_taken_back(bare: AzureRights) -> None:
    bare.repair()

    result = take_back(bare, confirm_remove_policy=True)

    assert (result["changed"], result["effect"], bare.usable(), roles_at_the_vault(bare)) == (
        True,
        "removed",
        set(),
        [],
    )


def test_a_second_removal_changes_nothing(bare: AzureRights) -> None:
    bare.repair()
    take_back(bare, confirm_remove_policy=True)
    mark = bare.sandbox.journal.mark()

    result = take_back(bare, confirm_remove_policy=True)

    assert (result["changed"], result["effect"], writes(bare, mark)) == (False, "unchanged", [])


def test_check_mode_predicts_the_removal_and_writes_nothing(bare: AzureRights) -> None:
    bare.repair()
    mark = bare.sandbox.journal.mark()

    predicted = take_back(bare, check_mode=True, confirm_remove_policy=True)
    written = writes(bare, mark)
    done = take_back(bare, confirm_remove_policy=True)

    assert written == []
    assert [predicted[name] for name in ("changed", "plan", "diff", "left")] == [
        done[name] for name in ("changed", "plan", "diff", "left")
    ]


def test_policies_stay_unless_their_removal_is_confirmed(policies: AzureRights) -> None:
    policies.repair()

    result = take_back(policies)

    assert (policies.usable(), [one["permissions"] for one in result["left"]]) == (set(TEN), [list(TEN)])


def test_permissions_beyond_the_profile_stay(policies: AzureRights) -> None:
    policies.do(lambda state: state.set_access_policy(policies.vault, policies.app, ["GET", "Sign"]))

    take_back(policies, confirm_remove_policy=True)

    assert key_policies(policies) == {STRANGER: ["Get", "sign"], policies.view.service_principal_id: ["Sign"]}


def test_roles_that_others_assigned_stay(rbac: AzureRights) -> None:
    rbac.do(lambda state: state.assign_role(rbac.app, rbac.vault, OFFICER))
    rbac.do(lambda state: state.assign_role(rbac.app, rbac.subscription, "Reader"))
    rbac.repair()

    take_back(rbac)

    assert [role for _name, _scope, role in assignments(rbac) if role != CONTRIBUTOR].count("Reader") >= 1
    assert roles_at_the_vault(rbac) == [OFFICER]


@pytest.mark.parametrize(
    ("bare", "check_mode"), diagonal(["policies", "rbac", "bare_pool"], [False, True]), indirect=["bare"]
)
def test_nothing_is_taken_back_while_a_group_uses_it(bare: AzureRights, check_mode: bool) -> None:
    bare.repair()
    group = bare.group()
    mark = bare.sandbox.journal.mark()

    with pytest.raises(TaskError, match=group):
        take_back(bare, check_mode=check_mode, confirm_remove_policy=True)

    assert writes(bare, mark) == []


def test_a_group_with_another_vault_does_not_stand_in_the_way(policies: AzureRights) -> None:
    policies.repair()
    policies.group(url=policies.stores["akv-sandbox-std"].uri)

    assert take_back(policies)["effect"] == "removed"


def test_without_a_login_to_dsm_a_removal_warns(policies: AzureRights) -> None:
    policies.repair()

    policies.repair(state="absent")

    assert [line for line in policies.warnings if "not checked whether a group in DSM" in line]


# What is gone already -------------------------------------------------------------------------------------------------


def delete_by_hand(azure: AzureRights) -> None:
    azure.do(
        lambda state: (state.delete_managed_hsm if azure.vault in state.managed_hsms else state.delete_vault)(
            azure.vault
        )
    )


def locators(azure: AzureRights) -> dict[str, dict[str, Any]]:
    store = azure.stores[azure.vault]
    kind = {"type": "managed_hsm"} if store.type == "MANAGED" else {}
    return {
        "resource ID": {"resource_id": azure.resource_id},
        "name and group": {"name": azure.vault, "resource_group": store.resource_group, **kind},
        "name": {"name": azure.vault},
        "URI": {"uri": store.uri},
    }


@pytest.mark.parametrize(
    ("by", "bare", "check_mode"),
    diagonal(["resource ID", "name and group", "name", "URI"], ["policies", "rbac", "bare_pool"], [False, True]),
    indirect=["bare"],
)
def test_a_vault_that_was_deleted_by_hand_has_nothing_to_take_back(
    bare: AzureRights, by: str, check_mode: bool
) -> None:
    bare.repair()
    delete_by_hand(bare)
    mark = bare.sandbox.journal.mark()

    result = take_back(bare, vault=locators(bare)[by], check_mode=check_mode, confirm_remove_policy=True)

    assert (result["changed"], result["plan"], result["effect"]) == (False, [], "unchanged")
    assert (result["vault"]["exists"], result["verdict"], writes(bare, mark)) == (False, "unknown", [])


def test_a_vault_whose_resource_group_is_gone_has_nothing_to_take_back(policies: AzureRights) -> None:
    where = {"name": policies.vault, "resource_group": "rg-nowhere"}

    assert take_back(policies, vault=where)["vault"]["exists"] is False


def test_a_vault_that_the_operator_may_not_see_is_not_gone(policies: AzureRights) -> None:
    policies.repair()
    elsewhere = policies.stores["akv-sandbox-std"].resource_id
    operator = policies.another_operator("Reader", scope=elsewhere, graph=("Application.Read.All",))

    with pytest.raises(TaskError, match="no vault that is visible to the operator matches"):
        take_back(policies, vault={"name": policies.vault}, **operator)


def test_a_vault_whose_tags_were_changed_is_not_gone(policies: AzureRights) -> None:
    with pytest.raises(TaskError, match="no vault that is visible to the operator matches"):
        take_back(policies, vault={"tags": {"no": "such"}})


def test_a_pool_that_is_named_without_its_type_is_not_gone(pool: AzureRights) -> None:
    where = {"name": pool.vault, "resource_group": pool.stores[pool.vault].resource_group}

    with pytest.raises(TaskError, match="was not found"):
        take_back(pool, vault=where)


def test_rights_are_still_missing_where_a_vault_is_gone(policies: AzureRights) -> None:
    delete_by_hand(policies)

    with pytest.raises(TaskError, match="the object does not exist or is not visible to the operator"):
        policies.repair()


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_application_that_was_deleted_by_hand_has_nothing_to_take_back(
    policies: AzureRights, check_mode: bool
) -> None:
    policies.repair()
    policies.do(lambda state: state.directory.applications.pop(policies.app))

    result = take_back(policies, check_mode=check_mode)

    assert (result["changed"], result["vault"]) == (False, None)
    assert [
        line for line in policies.warnings if "service principal of application" in line and "no longer exists" in line
    ]


def test_a_vault_that_goes_during_the_removal_takes_the_rest_with_it(
    policies: AzureRights, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies.repair()
    original = rights._wait_until_gone

    def vanish(*given: Any) -> Any:
        delete_by_hand(policies)
        return original(*given)

    monkeypatch.setattr(rights, "_wait_until_gone", vanish)

    result = take_back(policies, confirm_remove_policy=True)

    assert (result["changed"], result["effect"], result["vault"]["exists"]) == (True, "removed", False)
