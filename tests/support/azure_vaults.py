# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Vaults that a test makes, changes and removes by our operation, in a sandbox of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import azure_kv_vault
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task, perform

from .azure_rights import AzureRights

# All that a new vault needs.
NEW = {
    "name": "kv-new",
    "resource_group": "rg-keys",
    "location": "westeurope",
    "type": "premium",
    "permission_model": "access_policy",
}
ADMINISTRATOR = "77777777-2222-4333-8444-555555555555"
NEW_POOL = {
    "name": "hsm-new",
    "resource_group": "rg-hsm",
    "location": "westeurope",
    "type": "managed_hsm",
    "initial_admin_object_ids": [ADMINISTRATOR],
    "i_accept_hourly_cost": True,
}


@dataclass
class Vaults:
    """``azure.vault`` is the one that is there; ``there`` names it as options do."""

    azure: AzureRights

    @property
    def there(self) -> dict[str, Any]:
        store = self.azure.stores[self.azure.vault]
        named = {"name": self.azure.vault, "resource_group": store.resource_group}
        return {**named, "type": "managed_hsm"} if store.type == "MANAGED" else named

    @property
    def warnings(self) -> list[str]:
        return self.azure.warnings

    def __call__(self, options: Mapping[str, Any], *, check_mode: bool = False, **more: Any) -> dict[str, Any]:
        """Looks again at once, as the sandbox's time does not pass by waiting."""
        given = {**self.azure.operator, "wait_interval": 0, "wait_timeout": 30, **options, **more}
        given = {name: value for name, value in given.items() if value is not None}
        validated = ModuleArgumentSpecValidator(**azure_kv_vault.SPEC.as_module_arguments()).validate(given)
        assert not validated.error_messages, validated.error_messages
        task = Task(
            params=validated.validated_parameters,
            check_mode=check_mode,
            proxy=self.azure.sandbox.proxy_url,
            warn=self.azure.warnings.append,
        )
        result: dict[str, Any] = perform(azure_kv_vault, task)
        return result

    def stored(self, name: str) -> Any:
        return self.azure.do(lambda state: state.store(name))

    def mark(self) -> int:
        return self.azure.sandbox.journal.mark()

    def requests(self, mark: int) -> int:
        return len(self.azure.sandbox.journal.since(mark))

    def writes(self, mark: int) -> list[str]:
        """Method and last part of the path."""
        entries = self.azure.sandbox.journal.writes(since=mark)
        return [f"{entry.method} {entry.path.rpartition('/')[2]}" for entry in entries]
