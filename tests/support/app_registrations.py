# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applications in the sandbox's Entra: registered by our operation, looked at as the sandbox holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import azure_kv_app
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task, perform
from sandbox.azure.entra.directory import Application

from .azure_rights import AzureRights


@dataclass
class Apps:
    """Runs ``azure_kv_app`` in this process, for files in a directory of the test's own."""

    azure: AzureRights
    directory: Path
    warnings: list[str] = field(default_factory=list)

    def __call__(self, *, check_mode: bool = False, no_log: bool = False, **options: Any) -> dict[str, Any]:
        """Looks again at once, as the sandbox's Entra learns by being asked."""
        given = {**self.azure.operator, "wait_interval": 0, "wait_timeout": 20, **options}
        validated = ModuleArgumentSpecValidator(**azure_kv_app.SPEC.as_module_arguments()).validate(given)
        assert not validated.error_messages, validated.error_messages
        task = Task(
            params=validated.validated_parameters,
            check_mode=check_mode,
            proxy=self.azure.sandbox.proxy_url,
            warn=self.warnings.append,
            no_log=no_log,
        )
        return perform(azure_kv_app, task)

    def pair(self, **changes: Any) -> dict[str, Any]:
        """The option ``generate_certificate``, with a key that is made quickly."""
        paths = {"certificate_path": str(self.directory / "app.crt"), "key_path": str(self.directory / "app.key")}
        return {**paths, "key_size": 2048, **changes}

    # What is there ---------------------------------------------------------------------------------------------------

    def all(self) -> dict[str, Application]:
        """Every application of the cloud, by display name."""
        return self.azure.do(lambda state: {app.name: app for app in state.directory.applications.values()})

    def add(self, name: str, **members: Any) -> Application:
        """An application that somebody else has made."""

        def deed(state: Any) -> Application:
            made: Application = state.add_application(self.azure.view.tenant_id, name)
            for member, value in members.items():
                setattr(made, member, value)
            return made

        return self.azure.do(deed)

    def scopes(self, app: Application) -> list[str]:
        """The scopes of all consents in which the application is the client."""

        def look(state: Any) -> list[str]:
            grants = state.directory.grants.values()
            return [one.scope for one in grants if one.client_principal_id == app.service_principal_id]

        return self.azure.do(look)

    # What was asked --------------------------------------------------------------------------------------------------

    def mark(self) -> int:
        return self.azure.sandbox.journal.mark()

    def writes(self, since: int = 0) -> list[str]:
        """Method and route of what was written."""
        return [f"{entry.method} {entry.route}" for entry in self.azure.sandbox.journal.writes(since)]


def thumbprints(record: Mapping[str, Any]) -> list[str]:
    """Of the certificates in a record of an application."""
    return [one["thumbprint"] for one in record["credentials"] if one["type"] == "certificate"]
