# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A set-up from an empty subscription on: as a playbook, or as the role's tasks in this process."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_sync
from sandbox import Sandbox
from support.azure_rights import AzureRights
from support.operate import Operator
from support.playbook import ROOT, Ansible, Run, local_play
from support.role_in_process import PlaybookPlayer, RolePlayer, RoleRun

TEARDOWN = ROOT / "playbooks" / "teardown.yml"
VAULT = "akv-from-nothing"
NAME = "akv-chain"
DISPLAY_NAME = "Fortanix chain"
_PROVIDER = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
_ROLES = "/{scope}providers/Microsoft.Authorization"
# The writes of a set-up on a vault in RBAC mode, in their order: plane, method, route.
WRITES = [
    ("graph", "PATCH", "/v1.0/applications(uniqueName='{unique_name}')"),
    ("graph", "POST", "/v1.0/servicePrincipals"),
    ("graph", "PATCH", "/v1.0/applications/{id}"),
    ("arm", "PUT", _PROVIDER),
    ("arm", "PUT", f"{_ROLES}/roleAssignments/{{name}}"),
    ("arm", "PUT", f"{_ROLES}/roleDefinitions/{{name}}"),
    ("arm", "PUT", f"{_ROLES}/roleAssignments/{{name}}"),
    ("dsm", "POST", "/sys/v1/groups"),
    ("dsm", "POST", "/sys/v1/groups/{group_id}/hmg/scan"),
]
REFUSED = '{"error": {"code": "Stopped", "message": "stopped by the test"}}'

# A client secret is returned to a task that keeps it out of all output, once.
_MAKE_SECRET = {
    "name": "Application with a client secret",
    "fortanix.dsm.azure_kv_app": {
        "app_unique_name": "{{ cdc_setup_application.unique_name }}",
        "display_name": "{{ cdc_setup_application.display_name }}",
        "return_secret": True,
    },
    "no_log": True,
    "register": "chain_made",
}


class Chain:
    """The complete set-up in one cloud. ``form`` of the credential: certificate, secret, or made by cdc_credential."""

    def __init__(self, sandbox: Sandbox, directory: Path, cloud: str, model: str, form: str) -> None:
        self.sandbox, self.cloud, self.form = sandbox, cloud, form
        self.written: list[tuple[str, str, str]] = []
        view = getattr(sandbox.world, cloud)
        operator = sandbox.operator_environment(view)
        self._ansible = Ansible({**sandbox.environment(), **operator}, directory)
        self.variables: dict[str, Any] = {
            "cdc_setup_name": NAME,
            "cdc_setup_link_tenant_id": view.tenant_id,
            "cdc_setup_link_subscription_id": view.subscription_id,
            "cdc_setup_repair_prerequisites": True,
            "cdc_setup_application": {
                "unique_name": "fortanix-chain",
                "display_name": DISPLAY_NAME,
                "generate_certificate": {
                    "certificate_path": str(directory / "app.crt"),
                    "key_path": str(directory / "app.key"),
                    "key_size": 2048,
                },
            },
            "cdc_setup_azure_vault": {
                "name": VAULT,
                "resource_group": "rg-keys",
                "location": "westeurope",
                "type": "premium",
                "permission_model": model,
            },
        }
        if cloud == "government":
            self.variables["cdc_setup_azure_service"] = "us_government"
        if form == "made":
            application = self.variables["cdc_setup_application"]
            del application["generate_certificate"]
            application["credential"] = {"type": "secret"}
        if form == "secret":
            del self.variables["cdc_setup_application"]["generate_certificate"]
            # Made in this play: only the run that makes it has it, and a run that changes no link needs none.
            self.variables["cdc_setup_link_client_secret"] = "{{ chain_made.client_secret | default(omit, true) }}"

    def set_up(self, *, check: bool = False) -> Run:
        play = local_play(
            # Nothing lags here, so there is nothing to wait for between two looks.
            module_defaults={
                f"fortanix.dsm.{module}": {"wait_interval": 0}
                for module in ("azure_kv_app", "azure_kv_vault", "azure_kv_prereqs")
            },
            pre_tasks=[_MAKE_SECRET] if self.form == "secret" else [],
            roles=[{"role": "fortanix.dsm.cdc_setup"}],
        )
        return self._ansible.playbook([play], variables=self.variables, check=check)

    @cached_property
    def _player(self) -> RolePlayer:
        """Read when it is used: it knows ansible-core from 2.19 on only."""
        return RolePlayer("cdc_setup")

    def in_process(self, *, check_mode: bool = False) -> RoleRun:
        """The same by the role's tasks in this process, which has to have the sandbox's way out in its environment."""
        return self._player.play(self._run({**self.variables, "cdc_setup_wait_interval": 0}, check_mode))

    def take_down_in_process(self, *, check_mode: bool = False, **more: Any) -> RoleRun:
        return PlaybookPlayer("teardown").play(self._run({**self.variables, **more}, check_mode, wait_interval=0))

    def _run(self, variables: dict[str, Any], check_mode: bool, **options: Any) -> RoleRun:
        azure = AzureRights(self.sandbox, self.cloud)
        return RoleRun(variables, {**azure.operator, **azure.dsm_login, **options}, self.sandbox.proxy_url, check_mode)

    def take_down(self, *, check: bool = False, **more: Any) -> Run:
        return self._ansible.playbook(TEARDOWN, variables={**self.variables, **more}, check=check)

    def lead_through_proxy(self) -> None:
        """DSM reaches Azure through a proxy that opens TLS and wants a certificate of its clients."""
        fronts = self.sandbox.fronts
        fronts.put("all", client_certificate=True)
        self.variables["cdc_setup_tls"] = {
            "ca_certificates": [fronts.ca_pem],
            "client_certificate": fronts.client_pair.certificate_pem,
            "client_key": fronts.client_pair.key_pem,
        }

    def add_key(self, *, vault: str = VAULT, sync: bool = True) -> None:
        """A key in the vault, that DSM knows: a group without any is synced in every run."""
        self.sandbox.do(lambda state: getattr(state.azure, self.cloud).add_key(vault, "first"))
        if sync:
            Operator(self.sandbox.environment())(cdc_sync, group_name=NAME)

    def writes(self, mark: int = 0) -> list[str]:
        return [entry.plane for entry in self.sandbox.journal.writes(since=mark)]

    def done(self) -> list[tuple[str, str, str]]:
        """Plane, method and route of each write that was not refused, in their order."""
        entries = self.sandbox.journal.writes()
        return [(entry.plane, entry.method, entry.route) for entry in entries if entry.status < 300]

    def results(self, run: Run) -> Any:
        return run.named("Group | Keep the summary")["ansible_facts"]["cdc_setup_results"][0]
