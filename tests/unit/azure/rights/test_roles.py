# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role grants (Azure contract §1.8)."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import PermissionSet, RoleDefinition
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.key_permissions import (
    HSM_DATA_ACTIONS,
    VAULT_DATA_ACTIONS,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.roles import (
    CRYPTO_OFFICER,
    HSM_CRYPTO_USER,
    KEY_VAULT_CONTRIBUTOR,
    grants,
    is_disputed,
    matches,
    matches_widely,
)
from unit.azure.builders import CONTRIBUTOR_OF_VAULTS, HSM_KEYS, KEYS, TEN, TEN_ACTIONS

READ = "Microsoft.KeyVault/vaults/read"


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "*/read",
        "Microsoft.KeyVault/*",
        "Microsoft.KeyVault/vaults/read",
        "microsoft.keyvault/VAULTS/Read",
        "*KeyVault*read",
        "Microsoft.*/vaults/*",
        "**",
        "Microsoft.KeyVault/vaults/read*",
    ],
)
def test_a_pattern_means_the_action(pattern: str) -> None:
    assert matches(pattern, READ)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "*/write",
        "Microsoft.KeyVault/vaults/*/read",
        "Microsoft.KeyVault/vaults",
        "Microsoft.KeyVault/vaults/rea?",
        "Microsoft.KeyVault/vaults/[r]ead",
        "Microsoft.KeyVault/vaults/read/*",
        "*read*read",
        "*s/read/read",
        "KeyVault/vaults/read",
        "Microsoft.KeyVault/*/vaults/*",
    ],
)
def test_a_pattern_does_not_mean_the_action(pattern: str) -> None:
    assert not matches(pattern, READ)


def test_a_set_subtracts_from_itself() -> None:
    role = RoleDefinition("g", "r", (PermissionSet(actions=("*",), not_actions=("*/READ",)),))

    assert not grants(role, READ, data=False)


def test_a_set_does_not_subtract_from_another() -> None:
    role = RoleDefinition("g", "r", (PermissionSet(actions=("*",), not_actions=("*",)), PermissionSet(actions=(READ,))))

    assert grants(role, READ, data=False)


def test_actions_are_no_data_actions() -> None:
    role = RoleDefinition("g", "r", (PermissionSet(actions=("*",)),))

    assert not grants(role, f"{KEYS}/read", data=True)


def test_data_actions_are_no_actions() -> None:
    role = RoleDefinition("g", "r", (PermissionSet(data_actions=("*",)),))

    assert not grants(role, READ, data=False)


def test_data_actions_are_subtracted_among_themselves() -> None:
    role = RoleDefinition("g", "r", (PermissionSet(data_actions=("*",), not_data_actions=("*/purge/action",)),))

    assert [action for action in TEN_ACTIONS if not grants(role, action, data=True)] == [f"{KEYS}/purge/action"]


def test_the_ten_permissions_mean_these_data_actions_of_a_vault() -> None:
    assert tuple(dict.fromkeys(VAULT_DATA_ACTIONS[name] for name in TEN)) == TEN_ACTIONS


def test_the_ten_permissions_mean_these_data_actions_of_a_pool() -> None:
    assert {name: HSM_DATA_ACTIONS[name].removeprefix(f"{HSM_KEYS}/") for name in TEN} == {
        "get": "read/action",
        "list": "read/action",
        "update": "write/action",
        "create": "create",
        "import": "import/action",
        "delete": "delete",
        "recover": "deletedKeys/recover/action",
        "backup": "backup/action",
        "restore": "restore/action",
        "purge": "deletedKeys/delete",
    }


@pytest.mark.parametrize(
    "action",
    [
        READ,
        "Microsoft.KeyVault/vaults/write",
        "Microsoft.KeyVault/managedHSMs/read",
        "Microsoft.KeyVault/hsmPools/read",
        "Microsoft.KeyVault/locations/deletedVaults/purge/action",
        "Microsoft.Authorization/roleAssignments/read",
        "Microsoft.Authorization/roleAssignments/write",
    ],
)
def test_key_vault_contributor_is_known_by_heart_as_azure_defines_it(action: str) -> None:
    assert grants(KEY_VAULT_CONTRIBUTOR, action, data=False) is grants(CONTRIBUTOR_OF_VAULTS, action, data=False)


def test_crypto_officer_is_known_to_cover_the_ten() -> None:
    assert all(grants(CRYPTO_OFFICER, action, data=True) for action in TEN_ACTIONS)


def test_crypto_user_is_known_to_cover_eight_of_the_ten() -> None:
    lacking = [name for name in TEN if not grants(HSM_CRYPTO_USER, HSM_DATA_ACTIONS[name], data=True)]

    assert lacking == ["recover", "purge"]


@pytest.mark.parametrize(
    ("pattern", "is_wide"),
    [
        ("Microsoft.KeyVault/vaults/*/read", True),
        ("microsoft.keyvault/VAULTS/*/Read", True),
        ("*/vaults/*/read", True),
        ("Microsoft.KeyVault/managedHSMs/*/read", False),
        ("Microsoft.KeyVault/vaults/keys/*/read", False),
        ("Microsoft.KeyVault/vaults/*/write", False),
        ("*/read", True),
    ],
)
def test_in_the_wide_reading_a_wildcard_before_read_may_stand_for_nothing(pattern: str, is_wide: bool) -> None:
    assert matches_widely(pattern, READ) is is_wide


@pytest.mark.parametrize(
    ("actions", "not_actions", "disputed"),
    [
        (("Microsoft.KeyVault/vaults/*/read",), (), True),
        (("Microsoft.KeyVault/vaults/*/read", READ), (), False),
        (("*",), ("Microsoft.KeyVault/vaults/*/read",), True),
        (("*",), (READ,), False),
        (("Microsoft.KeyVault/vaults/keys/read",), (), False),
    ],
)
def test_a_role_is_disputed_where_the_reading_decides(
    actions: tuple[str, ...], not_actions: tuple[str, ...], disputed: bool
) -> None:
    definition = RoleDefinition("", "", (PermissionSet(actions=actions, not_actions=not_actions),))

    assert is_disputed(definition, READ, data=False) is disputed
