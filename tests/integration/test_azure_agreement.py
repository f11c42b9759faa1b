# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two evaluators that know nothing of each other, in random worlds: our verdicts, and what the sandbox decides."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sandbox.azure.rights.local_roles import DATA_ACTIONS as LOCAL_ACTIONS
from sandbox.azure.rights.roles import PermissionSet
from support.azure_rights import TEN, AzureRights, granted, verdicts
from support.matrix import thinned

KEYS = "Microsoft.KeyVault/vaults/keys"
PATTERNS = (
    "*",
    "Microsoft.KeyVault/*",
    "microsoft.keyvault/VAULTS/keys/*",
    f"{KEYS}/*/action",
    f"{KEYS}/re*",
    f"{KEYS}/read",
    f"{KEYS}/delete",
    *(f"{KEYS}/{verb}/action" for verb in ("update", "create", "import", "recover", "backup", "restore", "purge")),
)
MANAGEMENT = (
    "*",
    "*/read",
    "Microsoft.KeyVault/*",
    "Microsoft.KeyVault/vaults/*",
    "Microsoft.KeyVault/vaults/read",
    "Microsoft.KeyVault/vaults/write",
    "Microsoft.KeyVault/vaults/accessPolicies/write",
)
BUILT_IN = (
    "Key Vault Contributor",
    "Key Vault Crypto Officer",
    "Key Vault Administrator",
    "Key Vault Crypto User",
    "Key Vault Reader",
    "Reader",
    "Contributor",
    "Owner",
)
NAMES = (*TEN, "all", "Get", "LIST", "sign", "wrapKey")
READS = {True: "Microsoft.KeyVault/managedHSMs/read", False: "Microsoft.KeyVault/vaults/read"}
LOCAL_ROLES = ("Crypto User", "Crypto Officer", "Crypto Auditor", "Backup User", "Restore User", "Administrator")


class Deeds:
    """Random deeds of an administrator, the same for the same seed."""

    def __init__(self, azure: AzureRights, state: Any, seed: int) -> None:
        self.azure, self.state, self.view = azure, state, azure.view
        self.random = random.Random(seed)
        inner = state.add_group(self.view.tenant_id, f"inner-{seed}", [azure.app])
        outer = state.add_group(self.view.tenant_id, f"outer-{seed}", [inner])
        other = state.add_group(self.view.tenant_id, f"other-{seed}")
        corp = state.add_management_group(self.view.tenant_id, f"corp-{seed}")
        root = state.add_management_group(self.view.tenant_id, f"root-{seed}")
        state.rights.parents[corp.lower()] = root
        state.place_subscription(self.view.subscription_id, corp)
        ours = (self.view.service_principal_id, inner.group_id, outer.group_id)
        # Those who hold it, twice, and those who do not.
        self.holders = (*ours, *ours, other.group_id, self.view.operator_object_id)
        self.ids = (*self.holders, self.view.application_object_id, self.view.client_id)
        base = azure.subscription
        here = azure.resource_id
        self.scopes = (
            here,
            here.upper(),
            here.rpartition("/providers")[0],
            base,
            corp,
            root,
            f"{base}/resourceGroups/rg-elsewhere",
            azure.stores["akv-sandbox-std"].resource_id,
        )

    def some(self, pool: Any, most: int) -> list[Any]:
        return self.random.sample(list(pool), self.random.randint(0, min(most, len(pool))))

    def one(self, pool: Any) -> Any:
        return self.random.choice(list(pool))

    def often(self, chance: float) -> bool:
        return self.random.random() < chance

    def permission_set(self) -> PermissionSet:
        return PermissionSet(
            actions=tuple(self.some(MANAGEMENT, 2)),
            not_actions=tuple(self.some(MANAGEMENT[4:], 1)),
            data_actions=tuple(self.some(PATTERNS, 3)),
            not_data_actions=tuple(self.some(PATTERNS[4:], 2)),
        )

    def role(self) -> str:
        if self.often(0.5):
            return str(self.one(BUILT_IN))
        sets = [self.permission_set() for _number in range(self.random.randint(1, 2))]
        name = f"custom-{self.random.random()}"
        return str(self.state.add_custom_role(self.view.tenant_id, name, *sets, scopes=["/"]))

    def store(self) -> None:
        """Roles, denials and, in a vault, policies."""
        for _number in range(self.random.randint(0, 5)):
            self.state.assign_role(self.one(self.holders), self.one(self.scopes), self.role())
        for _number in range(self.random.choice((0, 1))):
            members = {
                **({"principals": tuple(self.some(self.holders, 2))} if self.often(0.5) else {}),
                # The operator can always read: what is unknown for want of rights is another matter.
                "exclude_principals": (self.view.operator_object_id, *self.some(self.holders, 2)),
                "do_not_apply_to_child_scopes": self.often(0.3),
            }
            self.state.add_deny_assignment(self.one(self.scopes), self.permission_set(), **members)

    def policies(self) -> None:
        vault = self.state.vault(self.azure.vault)
        vault.rbac = self.one((True, False, None))
        vault.purge_protection = self.often(0.3)
        self.state.rights.set_policies(vault, [])
        elsewhere = self.state.add_tenant("elsewhere.example")
        for _number in range(self.random.randint(0, 3)):
            self.state.add_access_policy(
                vault,
                self.one((str.upper, str.lower))(self.one(self.ids)),
                self.some(NAMES, 8),
                tenant_id=self.one((None, None, None, elsewhere)),
                application_id=self.one((None, None, None, self.azure.app)),
            )

    def local_roles(self) -> None:
        pool = self.state.managed_hsm(self.azure.vault)
        pool.activated = self.often(0.9)
        pool.local_roles = [entry for entry in pool.local_roles if entry.principal_id == self.view.operator_object_id]
        del pool.local_roles[1:]
        for _number in range(self.random.randint(0, 3)):
            role = f"Managed HSM {self.one(LOCAL_ROLES)}"
            if self.often(0.4):
                actions = self.some(LOCAL_ACTIONS.values(), 5)
                role = self.state.add_local_role(pool, f"custom-{self.random.random()}", actions).guid
            scope = self.one(("/", "/keys", "/keys/root-of-trust"))
            self.state.assign_local_role(pool, self.one(self.holders), role, scope)


def clean(state: Any) -> None:
    """No rights but the operator's."""
    operator = [entry for entry in state.rights.assignments if state.rights.roles[entry.role_guid].name == "Owner"]
    state.rights.assignments = operator[:1]
    state.rights.deny_assignments = []


def disagreements(azure: AzureRights, seeds: range, *, hsm: bool) -> list[str]:
    """One line for each world in which a verdict differs from what the sandbox decides."""
    found = []
    for seed in seeds:

        def deed(state: Any, seed: int = seed) -> None:
            clean(state)
            deeds = Deeds(azure, state, seed)
            deeds.store()
            deeds.local_roles() if hsm else deeds.policies()

        azure.do(deed)
        result = azure.judge()
        if granted(result) != azure.usable():
            found.append(f"seed {seed}: verdict {sorted(granted(result))}, decision {sorted(azure.usable())}")
        words = verdicts(result)
        if not hsm and (words["Key Vault Contributor"] in ("ok", "ok_with_warning")) and not azure.manages():
            found.append(f"seed {seed}: the guide's role is said to be held")
        if hsm and (words["managedHSMs/read"] in ("ok", "ok_with_warning")) is not azure.manages(READS[True]):
            found.append(f"seed {seed}: reading the pool is {words['managedHSMs/read']}")
        if "unknown" in words.values():
            found.append(f"seed {seed}: something is unknown, though all can be read")
    return found


@pytest.mark.parametrize("first", thinned(range(0, 150, 25), 0))
def test_the_verdict_on_a_vault_is_what_azure_decides(azure: AzureRights, first: int) -> None:
    assert disagreements(azure, range(first, first + 25), hsm=False) == []


@pytest.mark.parametrize("first", thinned(range(1000, 1050, 25), 1000))
def test_the_verdict_on_a_pool_is_what_azure_decides(pool: AzureRights, first: int) -> None:
    assert disagreements(pool, range(first, first + 25), hsm=True) == []
