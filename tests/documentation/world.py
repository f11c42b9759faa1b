# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What exists where the examples are run: the vaults, the application and the groups that they name."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import azure_kv_app, cdc_group
from sandbox import Sandbox
from sandbox.azure.rights import local_roles as hsm_rights
from sandbox.world import AzureView
from support.azure_rights import TEN, AzureRights
from support.operate import Operator
from support.set_ups import way_to

GROUP, VAULT, POOL, APPLICATION = "akv-production", "akv-production", "hsm-production", "fortanix-dsm-production"


def operate(sandbox: Sandbox, operation: ModuleType, **options: Any) -> dict[str, Any]:
    """An operation with the operator's credentials, in this process: Azure's SDK reads the environment."""
    with pytest.MonkeyPatch.context() as patch:
        way_to(sandbox, patch)
        return Operator(sandbox.environment())(operation, **AzureRights(sandbox).operator, **options)


def add_vaults(sandbox: Sandbox, *names: str, cloud: str = "public") -> None:
    """Premium vaults in rg-keys, each with a key, at which the application has the permissions of guide 4.2."""
    view: AzureView = getattr(sandbox.world, cloud)

    def deed(state: Any) -> None:
        azure = getattr(state.azure, cloud)
        for name in names:
            vault = azure.add_vault(name, "premium", tags={"environment": name.rpartition("-")[2]})
            azure.assign_role(view.client_id, vault)
            azure.set_access_policy(vault, view.client_id, TEN)
            azure.add_key(vault, "payments", kty="RSA-HSM")

    sandbox.do(deed)


def add_pool(sandbox: Sandbox) -> None:
    """A Managed HSM in rg-keys, which the operator administers."""
    view = sandbox.world.public

    def deed(state: Any) -> None:
        pool = state.azure.public.add_managed_hsm(POOL, "rg-keys")
        state.azure.public.assign_local_role(pool, view.operator_object_id, hsm_rights.ADMINISTRATOR)

    sandbox.do(deed)


def vault_resource_id(sandbox: Sandbox, name: str = VAULT) -> str:
    found: str = sandbox.do(lambda state: state.azure.public.vault(name).resource_id)
    return found


def add_group(sandbox: Sandbox, name: str = GROUP, **options: Any) -> dict[str, Any]:
    """A group that is linked to the subscription by the application."""
    view = sandbox.world.public
    link = {
        "link_tenant_id": view.tenant_id,
        "link_client_id": view.client_id,
        "link_subscription_id": view.subscription_id,
        "link_client_secret": view.client_secret,
    }
    group: dict[str, Any] = Operator(sandbox.environment())(cdc_group, name=name, **link, **options)["group"]
    return group


def add_source_key(sandbox: Sandbox, name: str) -> None:
    """A key with material in DSM, in a group without a link."""
    sandbox.do(lambda state: state.dsm.add_source_key(state.dsm.add_group("Payments").group_id, name))


def let_operator_read_keys(sandbox: Sandbox, vault: str) -> None:
    client_id = sandbox.world.public.operator_client_id
    sandbox.do(lambda state: state.azure.public.set_access_policy(vault, client_id, ["get", "list", "update"]))


def add_application(sandbox: Sandbox) -> str:
    """The application of production, without a credential; its client ID."""
    made = operate(sandbox, azure_kv_app, app_unique_name=APPLICATION, display_name="Fortanix DSM production")
    found: str = made["application"]["client_id"]
    return found


def variables(sandbox: Sandbox, cloud: str = "public") -> dict[str, Any]:
    """What examples and pages take from variables of the user, secrets among them."""
    view: AzureView = getattr(sandbox.world, cloud)
    return {
        "tenant_id": view.tenant_id,
        "subscription_id": view.subscription_id,
        "subscription": view.subscription_id,
        "link_client_id": view.client_id,
        "link_client_secret": view.client_secret,
        "vaulted_client_secret": view.client_secret,
        "vaulted_new_client_secret": view.client_secret,
        "my_vaulted_client_secret": view.client_secret,
        "my_vaulted_operator_secret": view.operator_client_secret,
        "my_vaulted_api_key": sandbox.world.admin_app.api_key,
    }
