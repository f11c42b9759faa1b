# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application, the groups that use it, and runs of ``cdc_credential``: in this process, or in one to be killed."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_connection, cdc_credential, cdc_group
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task, perform
from sandbox import Fault
from sandbox.azure.entra.directory import Application, RegisteredCertificate
from sandbox.journal import Entry

from .azure_rights import AzureRights
from .playbook import ROOT

NAME = "fortanix-dsm-ansible cdc_credential"
MODULE = "ansible_collections.fortanix.dsm.plugins.modules.cdc_credential"
# A new credential of this length is due for the runs that want DUE days, and lasts for those that want less.
SHORT, DUE, LONG = 40, 60, 200


@dataclass
class Rotations:
    """``azure``: of a sandbox of the test's own, with the environment that leads the SDK there."""

    azure: AzureRights
    warnings: list[str] = field(default_factory=list)

    @property
    def options(self) -> dict[str, Any]:
        """Looks again at once, as the sandbox learns by being asked. Short keys are made quickly."""
        login = {**self.azure.operator, **self.azure.dsm_login}
        return {
            **login,
            "app_client_id": self.azure.app,
            "key_size": 2048,
            "wait_interval": 0,
            "wait_timeout": 20,
            "takeover_after": 0,
        }

    def __call__(self, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        return self._run(cdc_credential, {**self.options, **options}, check_mode)

    def due(self, **options: Any) -> dict[str, Any]:
        """A run for which what an earlier run has made does not last long enough."""
        return self(**{"renew_before_days": DUE, "valid_days": LONG, **options})

    def _run(self, operation: Any, options: Mapping[str, Any], check_mode: bool = False) -> dict[str, Any]:
        validated = ModuleArgumentSpecValidator(**operation.SPEC.as_module_arguments()).validate(dict(options))
        assert not validated.error_messages, validated.error_messages
        proxy, warn = self.azure.sandbox.proxy_url, self.warnings.append
        result: dict[str, Any] = perform(operation, Task(validated.validated_parameters, check_mode, proxy, warn))
        return result

    # Groups -----------------------------------------------------------------------------------------------------------

    def new_group(self, name: str, **options: Any) -> dict[str, Any]:
        """The options of a group, without a credential."""
        view = self.azure.view
        return {
            "name": name,
            "link_tenant_id": view.tenant_id,
            "link_subscription_id": view.subscription_id,
            "azure_service": "global" if self.azure.cloud == "public" else "us_government",
            "vault": {"name": self.azure.vault},
            **options,
        }

    def given(self, *names: str, **options: Any) -> None:
        """Groups as somebody has made them, with the secret that the application has."""
        for name in names:
            link = {"link_client_id": self.azure.app, "link_client_secret": self.azure.view.client_secret}
            self._run(cdc_group, {**self.azure.dsm_login, **self.new_group(name), **link, **options})

    def started(self, *names: str, **options: Any) -> dict[str, Any]:
        """Groups that a first run has made, with a credential that is due soon."""
        return self(new_groups=[self.new_group(name) for name in names], valid_days=SHORT, **options)

    def connects(self, name: str) -> bool:
        options = {**self.azure.dsm_login, "group_name": name, "on_not_connected": "ignore"}
        return bool(self._run(cdc_connection, options)["status"] == "connected")

    def held(self) -> dict[str, str | None]:
        """Group -> the ID in Entra of what DSM really holds for it; None for what the application does not have."""

        def look(state: Any) -> dict[str, str | None]:
            app = _application(state, self.azure)
            groups = state.dsm.default_account.groups
            return {group.name: _key_id(app, next(iter(group.hmg.values()))) for group in groups if group.hmg}

        return self.azure.sandbox.do(look)

    # The application --------------------------------------------------------------------------------------------------

    def credentials(self) -> dict[str, str]:
        """ID -> name of what the application has in Entra."""

        def look(state: Any) -> dict[str, str]:
            app = _application(state, self.azure)
            return {one.key_id: one.name or "" for one in (*app.secrets, *app.certificates)}

        return self.azure.sandbox.do(look)

    def ours(self) -> set[str]:
        return {key_id for key_id, name in self.credentials().items() if name == NAME}

    # A run that is killed ---------------------------------------------------------------------------------------------

    def requests(self, mark: int) -> list[Entry]:
        """What our side has asked since then."""
        return [entry for entry in self.azure.sandbox.journal.since(mark) if entry.origin == "client"]

    def process(self, directory: Path, **options: Any) -> subprocess.Popen[str]:
        """The module as a process of its own."""
        arguments = directory / "arguments.json"
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**self.options, **options}}), encoding="utf-8")
        collections = str(ROOT / ".build" / "collections")
        return subprocess.Popen(
            [sys.executable, "-m", MODULE, str(arguments)],
            env={**os.environ, **self.azure.sandbox.environment(), "PYTHONPATH": collections},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def killed_after(self, number: int, directory: Path, **options: Any) -> bool:
        """Run the module, and kill it when this request of it has been carried out; whether it came so far."""
        process: list[subprocess.Popen[str]] = []

        def kill() -> None:
            process[0].send_signal(signal.SIGKILL)

        faults = self.azure.sandbox.faults
        faults.add(Fault("*", skip=number, reset="after", origin="client", then=kill))
        process.append(self.process(directory, **options))
        process[0].communicate(timeout=120)
        faults.clear()
        return process[0].returncode == -signal.SIGKILL


def _application(state: Any, azure: AzureRights) -> Application:
    found: Application = getattr(state.azure, azure.cloud).directory.applications[azure.app]
    return found


def _der(registered: RegisteredCertificate) -> str:
    return base64.b64encode(registered.certificate.public_bytes(Encoding.DER)).decode()


def _key_id(app: Application, link: Mapping[str, Any]) -> str | None:
    """Which credential of the application a stored link has."""
    auth = link.get("auth_config") or {"client_secret": link.get("secret_key")}
    secrets = {one.value: one.key_id for one in app.secrets}
    certificates = {_der(one): one.key_id for one in app.certificates}
    return secrets.get(auth.get("client_secret") or "") or certificates.get(auth.get("client_cert") or "")
