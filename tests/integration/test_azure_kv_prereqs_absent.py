# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection has granted, taken back: only that, and only when nothing uses it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from support.azure_rights import (
    STRANGER,
    TEN,
    AzureRights,
    assignments,
    key_policies,
    roles_at_the_vault,
    writes,
)

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


@pytest.mark.parametrize("check_mode", [True, False])
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

    assert [line for line in policies.warnings if "not looked at whether a group in DSM" in line]
