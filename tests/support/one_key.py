# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One key of a group with its vault, its source and its operator: for operations in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.azure_link import ENDPOINTS
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_key
from sandbox import Sandbox

from .azure_rights import AzureRights
from .operate import Operator


def add_source(sandbox: Sandbox, name: str, **fields: Any) -> str:
    """The ID of a key that DSM generated twenty days ago, in a group without a link."""

    def deed(state: Any) -> str:
        group = state.dsm.find_group("sources") or state.dsm.add_group("sources")
        kid: str = state.dsm.add_source_key(group.group_id, name, days_ago=20.0, **fields).kid
        return kid

    found: str = sandbox.do(deed)
    return found


class OneKey:
    """A group with its link, an empty vault, an operator that may read keys, and a source in another group."""

    def __init__(self, azure: AzureRights) -> None:
        self.azure = azure
        self.group = azure.group(
            **({} if azure.cloud == "public" else {"endpoints": ENDPOINTS["us_government"]}),
        )
        self.warnings: list[str] = []

        def deed(state: Any) -> None:
            state.store(azure.vault).keys.clear()
            if azure.stores[azure.vault].type == "MANAGED":
                for role in ("Managed HSM Crypto User", "Managed HSM Crypto Officer"):
                    state.assign_local_role(azure.vault, azure.view.operator_client_id, role)
            else:
                state.set_access_policy(azure.vault, azure.view.operator_client_id, ["get", "list", "update"])

        azure.do(deed)

    def diff(self, before: dict[str, Any], after: dict[str, Any], name: str = "payments") -> dict[str, Any]:
        """The diff of a task on the key."""
        label = f'key "{name}" of group "{self.group}"'
        return {"before_header": label, "after_header": label, "before": before, "after": after}

    def source(self, name: str, **fields: Any) -> str:
        return add_source(self.azure.sandbox, name, **fields)

    def __call__(self, name: str = "payments", *, with_azure: bool = True, **options: Any) -> dict[str, Any]:
        login = self.azure.operator if with_azure else {"look_in_azure": False}
        operator = Operator(self.azure.sandbox.environment(), self.warnings)
        given = {name: value for name, value in options.items() if value is not None}
        result: dict[str, Any] = operator(cdc_key, group_name=self.group, name=name, **login, **given)
        return result

    def copy(self, kid: str, **options: Any) -> dict[str, Any]:
        return self(**{"origin": "copy", "source": {"kid": kid}, "protection": "hsm", **options})

    def generate(self, **options: Any) -> dict[str, Any]:
        return self(**{"origin": "azure", "type": "RSA", "size": 2048, "protection": "hsm", **options})

    def failed(self, act: Callable[..., Any], *given: Any, **options: Any) -> TaskError:
        with pytest.raises(TaskError) as failed:
            act(*given, **options)
        return failed.value

    def guard(self, group: str, *, off: bool = False, **covered: Any) -> None:
        """Put a group under the approval of the administrator of the account."""
        policy = None if off else {"user": self.azure.sandbox.world.administrator.user_id, **covered}

        def deed(state: Any) -> None:
            found = state.dsm.find_group(group) or state.dsm.add_group(group)
            found.approval_policy = policy

        self.azure.sandbox.do(deed)

    def mark(self) -> int:
        found: int = self.azure.sandbox.journal.mark()
        return found

    def writes(self, mark: int) -> list[tuple[str, str, str]]:
        """Of both planes, also those that DSM sends to Azure."""
        journal = self.azure.sandbox.journal
        return [(entry.plane, entry.method, entry.route) for entry in journal.writes(since=mark)]

    def versions(self, name: str = "payments") -> list[Any]:
        found: list[Any] = self.azure.do(lambda state: list(state.store(self.azure.vault).keys[name].versions))
        return found
