# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application that holds rights of every sort, cut off and brought back; what it holds as the sandbox knows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import azure_kv_access
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task, perform
from sandbox.authorities import self_signed

from .azure_rights import STRANGER, AzureRights

POLICY_VAULT, RBAC_VAULT, POOL = "akv-sandbox-prem", "akv-sandbox-std", "hsm-sandbox"
STORES = (POLICY_VAULT, RBAC_VAULT, POOL)
OFFICER = "Key Vault Crypto Officer"


@dataclass
class Cutoff:
    """Runs ``azure_kv_access`` in this process for the vaults and pools of these names.

    ``record``: kept as the playbook keeps it, as the text of a file.
    """

    azure: AzureRights
    names: tuple[str, ...] = STORES
    record: str = ""
    warnings: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """A vault with policies, one with roles, one of them at a single key, and a pool; strangers everywhere."""
        view = self.azure.view

        def deed(state: Any) -> None:
            app = view.client_id
            vault = state.vault(POLICY_VAULT)
            # As a person may have typed it, and with more than keys.
            members = {"key_permissions": ["Get", "List", "wrapKey"], "secret_permissions": ["Get"]}
            mine = next(entry for entry in vault.access_policies if entry.object_id == view.service_principal_id)
            state.rights.set_policies(vault, [replace(mine, **members)])
            state.add_access_policy(POLICY_VAULT, STRANGER, ["Get", "sign"])
            state.vault(RBAC_VAULT).rbac = True
            state.assign_role(app, RBAC_VAULT, OFFICER)
            key = f"{state.vault(RBAC_VAULT).resource_id}/keys/app-signing"
            state.assign_role(app, key, "Key Vault Crypto User")
            state.assign_role(view.operator_client_id, RBAC_VAULT, OFFICER)
            state.add_certificate(app, self_signed("fortanix-dsm-cdc").certificate)

        self.azure.do(deed)

    def __call__(self, state: str, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        """Looks again at once, as the sandbox's Azure learns by being asked."""
        given = {
            **self.azure.operator,
            "state": state,
            "app_client_id": self.azure.app,
            "confirm_client_id": self.azure.app,
            "wait_interval": 0,
            "wait_timeout": 20,
            "vaults": [] if state == "restored" else [{"resource_id": self.resource_id(name)} for name in self.names],
            "record": json.loads(self.record) if self.record else None,
            **options,
        }
        given = {name: value for name, value in given.items() if value is not None}
        validated = ModuleArgumentSpecValidator(**azure_kv_access.SPEC.as_module_arguments()).validate(given)
        assert not validated.error_messages, validated.error_messages
        task = Task(
            params=validated.validated_parameters,
            check_mode=check_mode,
            proxy=self.azure.sandbox.proxy_url,
            warn=self.warnings.append,
        )
        return perform(azure_kv_access, task)

    def cut(self, **options: Any) -> dict[str, Any]:
        """As the playbook does: the record first, then the removal, then the record again."""
        self.keep(self("revoked", check_mode=True, **options))
        done = self("revoked", **options)
        self.keep(done)
        return done

    def restore(self, **options: Any) -> dict[str, Any]:
        done = self("restored", **options)
        self.keep(done)
        return done

    def keep(self, result: Mapping[str, Any]) -> None:
        self.record = json.dumps(result["record"])

    def resource_id(self, name: str) -> str:
        return self.azure.stores[name].resource_id

    # What is really so -----------------------------------------------------------------------------------------------

    def held(self) -> dict[str, Any]:
        """All that the application holds, credentials apart."""
        principal = self.azure.view.service_principal_id

        def look(state: Any) -> dict[str, Any]:
            stores = [state.store(name) for name in self.names]
            elsewhere = [one.resource_id for one in state.vaults.values() if one.name not in self.names]
            elsewhere += [one.resource_id for one in state.managed_hsms.values() if one.name not in self.names]
            return {
                "policies": [
                    entry
                    for store in stores
                    for entry in getattr(store, "access_policies", [])
                    if entry.object_id == principal
                ],
                "roles": sorted(
                    (one.scope, one.role_guid, one.name, one.condition, one.description)
                    for one in state.rights.assignments
                    if one.principal_id == principal and not one.scope.startswith(tuple(elsewhere))
                ),
                "local": sorted(
                    (one.scope, one.role_guid, one.name)
                    for store in stores
                    for one in getattr(store, "local_roles", [])
                    if one.principal_id == principal
                ),
                "enabled": state.application(self.azure.app).service_principal_enabled,
            }

        return self.azure.do(look)

    def of_others(self) -> Any:
        """Everything that belongs to somebody else, as one value to compare."""
        principal = self.azure.view.service_principal_id

        def look(state: Any) -> Any:
            stores = [*state.vaults.values()]
            return (
                [[entry for entry in store.access_policies if entry.object_id != principal] for store in stores],
                [one for one in state.rights.assignments if one.principal_id != principal],
                [one for one in state.managed_hsm(POOL).local_roles if one.principal_id != principal],
                {
                    app.client_id: (app.service_principal_enabled, len(app.secrets), len(app.certificates))
                    for app in state.directory.applications.values()
                    if app.client_id != self.azure.app
                },
            )

        return self.azure.do(look)

    def credentials(self) -> tuple[list[str], list[str]]:
        """Thumbprints and IDs of secrets."""

        def look(state: Any) -> tuple[list[str], list[str]]:
            app = state.application(self.azure.app)
            return [one.sha1.hex().upper() for one in app.certificates], [one.key_id for one in app.secrets]

        return self.azure.do(look)
