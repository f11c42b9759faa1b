# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""azure.azcollection, of the ansible wheel and with the SDKs that it pins, works against the sandbox as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox import Sandbox

Run = Callable[..., dict[str, Any]]


def test_a_vault_is_read(azcollection: Run) -> None:
    result = azcollection("azure_rm_keyvault_info", resource_group="rg-keys", name="akv-sandbox-std")

    (found,) = result["keyvaults"]
    assert found["vault_uri"] == "https://akv-sandbox-std.vault.azure.net/"


def test_a_vault_is_created_once_and_deleted(azcollection: Run, sandbox: Sandbox) -> None:
    azure = sandbox.world.public
    wanted = {
        "resource_group": "rg-keys",
        "vault_name": "kv-of-azcollection",
        "vault_tenant": azure.tenant_id,
        "location": "westeurope",
        "sku": {"name": "premium", "family": "A"},
        "access_policies": [
            {"tenant_id": azure.tenant_id, "object_id": azure.service_principal_id, "keys": ["get", "list"]}
        ],
    }

    created = azcollection("azure_rm_keyvault", **wanted)
    again = azcollection("azure_rm_keyvault", **wanted)
    there = sandbox.do(lambda state: state.azure.public.vault("kv-of-azcollection").sku)
    gone = azcollection("azure_rm_keyvault", **wanted, state="absent")

    assert (created["changed"], again["changed"], gone["changed"]) == (True, False, True)
    assert there == "premium"


def test_a_role_is_assigned(azcollection: Run, sandbox: Sandbox) -> None:
    azure = sandbox.world.public
    scope = f"/subscriptions/{azure.subscription_id}/resourceGroups/rg-keys"
    officer = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/14b46e9e-c2b7-41b4-b07b-48a6ebf60603"
    wanted = {"scope": scope, "assignee_object_id": azure.service_principal_id, "role_definition_id": officer}

    assert azcollection("azure_rm_roleassignment", **wanted)["changed"] is True
