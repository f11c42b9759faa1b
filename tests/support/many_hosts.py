# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An inventory with a group for each host, which share applications and vaults, and the set-up run on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_sync
from sandbox import Sandbox
from support.operate import Operator
from support.playbook import ROOT, Ansible, Run

SETUP = ROOT / "playbooks" / "setup.yml"
APPLICATIONS, VAULTS = 2, 3


def inventory(sandbox: Sandbox, directory: Path, count: int) -> dict[str, Any]:
    """``count`` hosts, which share applications and vaults in turn."""
    view = sandbox.world.public
    hosts = {}
    for number in range(count):
        application, vault = number % APPLICATIONS, number % VAULTS
        pair = {
            "certificate_path": f"{directory}/app-{application}.crt",
            "key_path": f"{directory}/app-{application}.key",
        }
        hosts[f"akv-{number:02}"] = {
            "cdc_setup_name": f"akv-{number:02}",
            "cdc_setup_application": {"unique_name": f"fortanix-{application}", "generate_certificate": pair},
            "cdc_setup_azure_vault": {
                "name": f"akv-shared-{vault}",
                "resource_group": "rg-keys",
                "location": "westeurope",
                "type": "premium",
                "permission_model": "rbac",
            },
        }
    shared = {
        "cdc_setup_link_tenant_id": view.tenant_id,
        "cdc_setup_link_subscription_id": view.subscription_id,
        "cdc_setup_repair_prerequisites": True,
        "cdc_setup_wait_interval": 0,
    }
    return {"cdc": {"vars": shared, "hosts": hosts}}


class Setup:
    """The playbook, run on an inventory. ``hosts``: their variables, for a test to change."""

    def __init__(self, sandbox: Sandbox, directory: Path, count: int, *, forks: int = 4, timeout: float = 300) -> None:
        self.sandbox = sandbox
        self._forks = forks
        self._ansible = Ansible(sandbox.environment(), directory, timeout=timeout)
        self._inventory = inventory(sandbox, directory, count)
        self._file = directory / "groups.yml"
        self.hosts: dict[str, dict[str, Any]] = self._inventory["cdc"]["hosts"]

    def __call__(
        self,
        *arguments: str,
        playbook: Path | Sequence[Mapping[str, Any]] = SETUP,
        hosts: str = "cdc",
        more: Any = None,
        **options: Any,
    ) -> Run:
        self._file.write_text(yaml.safe_dump(self._inventory), encoding="utf-8")
        given = ["-i", str(self._file), "--forks", str(self._forks), *arguments]
        variables = {"cdc_setup_hosts": hosts, **(more or {})}
        return self._ansible.playbook(playbook, variables=variables, arguments=given, **options)

    def variables(self, host: str) -> dict[str, Any]:
        """What the inventory says of one host."""
        shared: dict[str, Any] = self._inventory["cdc"]["vars"]
        return {**shared, **self.hosts[host]}

    def declarations(self) -> list[dict[str, Any]]:
        """The same groups as a list, for the module cdc_groups."""
        return [
            {name.removeprefix("cdc_setup_"): value for name, value in self.variables(host).items()}
            for host in self.hosts
        ]

    def add_keys(self) -> None:
        """A key in each vault, synced: a group without any is synced in every run."""
        names = {variables["cdc_setup_azure_vault"]["name"] for variables in self.hosts.values()}
        self.sandbox.do(lambda state: [state.azure.public.add_key(name, "first") for name in names])
        for variables in self.hosts.values():
            Operator(self.sandbox.environment())(cdc_sync, group_name=variables["cdc_setup_name"])

    def writes(self, mark: int = 0) -> Counter[str]:
        return Counter(entry.plane for entry in self.sandbox.journal.writes(since=mark))
