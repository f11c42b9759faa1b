# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""azure_rm_keyvault works against the sandbox with the SDK versions of its collection, from the `ansible` wheel."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from sandbox import Sandbox
from support.environments import made_once

_REQUIREMENTS = Path(__file__).with_name("azure-rm-requirements.txt")
_MODULE = "azure.azcollection.azure_rm_keyvault"
_LONGEST = 600


def run(sandbox: Sandbox, directory: Path, *tasks: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of a play of these tasks as the operator."""
    lines = _REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    python = made_once("azure-rm", [line for line in lines if not line.startswith("#")], pinned=False)
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    (directory / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    (directory / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    variables |= sandbox.environment()
    variables |= {"ANSIBLE_CONFIG": str(directory / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    variables |= {"AZURE_SECRET": sandbox.world.public.operator_client_secret}
    variables |= {"AZURE_TENANT": sandbox.world.public.tenant_id}
    interpreter = f"ansible_python_interpreter={python}"
    done = subprocess.run(
        [python.with_name("ansible-playbook"), *("-i", "localhost,", "-c", "local"), "-e", interpreter, "play.yml"],
        cwd=directory,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [one["hosts"]["localhost"] for one in json.loads(done.stdout)["plays"][0]["tasks"]]


def test_a_vault_is_created_once_shown_and_deleted(sandbox: Sandbox, tmp_path: Path) -> None:
    place = {"resource_group": "rg-keys", "vault_name": "kv-azure-rm"}
    wanted = {
        **place,
        "location": "westeurope",
        "vault_tenant": sandbox.world.public.tenant_id,
        "sku": {"name": "premium", "family": "A"},
        "enable_rbac_authorization": True,
    }

    created, again, shown, deleted = run(
        sandbox,
        tmp_path,
        {_MODULE: wanted},
        {_MODULE: wanted},
        {f"{_MODULE}_info": {"resource_group": "rg-keys", "name": "kv-azure-rm"}},
        {_MODULE: {**place, "state": "absent"}},
    )

    assert [one["changed"] for one in (created, again, deleted)] == [True, False, True]
    (vault,) = shown["keyvaults"]
    assert (vault["sku"]["name"], vault["enable_rbac_authorization"]) == ("premium", True)
    assert vault["vault_uri"] == "https://kv-azure-rm.vault.azure.net/"
