# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/migration.md with Fortanix's real Terraform provider: groups move between it and the collection, both ways.

`make test-terraform PROVIDER=...` runs this, with the path of the executable terraform-provider-dsm, built from
github.com/fortanix/terraform-provider-dsm v0.5.36 by `go mod tidy; go build`, and terraform on the PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_sync
from sandbox import Sandbox
from support.operate import Operator

RESOURCE = "dsm_azure_group.production"
DESCRIPTION = "Keys of the production subscription"
# Joined, as tests/distribution/rename.py renames it otherwise.
SOURCE = "/".join(("fortanix", "dsm"))
MAIN: dict[str, Any] = {
    "terraform": {"required_providers": {"dsm": {"source": SOURCE}}},
    "variable": {"api_key": {"sensitive": True}},
    "provider": {"dsm": {"api_key": "${var.api_key}"}},
}


@dataclass(frozen=True)
class Terraform:
    folder: Path
    environment: Mapping[str, str]

    def write(self, **blocks: Any) -> None:
        (self.folder / "main.tf.json").write_text(json.dumps({**MAIN, **blocks}), encoding="utf-8")

    def __call__(self, *arguments: str) -> str:
        return self._run(*arguments, check=True).stdout

    def failure(self, *arguments: str) -> str:
        return self._run(*arguments, check=False).stderr

    def _run(self, *arguments: str, check: bool) -> subprocess.CompletedProcess[str]:
        command = ["terraform", arguments[0], "-no-color", *arguments[1:]]
        return subprocess.run(
            command, cwd=self.folder, env=dict(self.environment), check=check, capture_output=True, text=True
        )


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture
def terraform(sandbox: Sandbox, tmp_path: Path) -> Terraform:
    provider = Path(os.environ["TERRAFORM_PROVIDER_DSM"])
    assert provider.is_file(), "set PROVIDER to the executable of the provider"
    assert shutil.which("terraform"), "terraform is not on the PATH"
    settings = tmp_path / "terraform.rc"
    overrides = f'dev_overrides {{\n"{SOURCE}" = "{provider.parent}"\n}}\n'
    settings.write_text(f"provider_installation {{\n{overrides}direct {{}}\n}}\n", encoding="utf-8")
    environment = {
        **os.environ,
        **sandbox.environment(),
        "DSM_ACCT_ID": sandbox.world.account_id,
        "TF_CLI_CONFIG_FILE": str(settings),
        "TF_VAR_api_key": sandbox.world.admin_app.api_key,
    }
    return Terraform(tmp_path, {name: str(value) for name, value in environment.items()})


@pytest.fixture
def operate(sandbox: Sandbox) -> Operator:
    return Operator({name: str(value) for name, value in sandbox.environment().items()})


def resource(sandbox: Sandbox, name: str, **changes: str) -> dict[str, Any]:
    azure = sandbox.world.public
    group = {
        "name": name,
        "description": DESCRIPTION,
        "url": azure.vaults["akv-sandbox-prem"].uri,
        "tenant_id": azure.tenant_id,
        "client_id": azure.client_id,
        "subscription_id": azure.subscription_id,
        "secret_key": azure.client_secret,
        "key_vault_type": "PREMIUM",
        **changes,
    }
    return {"resource": {"dsm_azure_group": {"production": group}}}


def declared(sandbox: Sandbox, name: str) -> dict[str, Any]:
    azure = sandbox.world.public
    return {
        "name": name,
        "description": DESCRIPTION,
        "link_tenant_id": azure.tenant_id,
        "link_client_id": azure.client_id,
        "link_subscription_id": azure.subscription_id,
        "vault": {"uri": azure.vaults["akv-sandbox-prem"].uri, "type": "premium"},
    }


def test_a_group_of_terraform_is_adopted_and_leaves_its_state(
    sandbox: Sandbox, terraform: Terraform, operate: Operator
) -> None:
    terraform.write(**resource(sandbox, "from-terraform"))
    terraform("apply", "-auto-approve")

    adopted = operate(cdc_group, **declared(sandbox, "from-terraform"))
    terraform.write(removed={"from": RESOURCE, "lifecycle": {"destroy": False}})
    mark = sandbox.journal.mark()
    terraform("apply", "-auto-approve")

    assert (adopted["changed"], adopted["plan"], sandbox.journal.writes(since=mark)) == (False, [], [])
    terraform.write(
        data={"dsm_azure_group": {"production": {"name": "from-terraform"}}},
        output={"group_id": {"value": "${data.dsm_azure_group.production.group_id}"}},
    )
    terraform("apply", "-auto-approve")
    assert terraform("output", "-raw", "group_id") == adopted["group"]["group_id"]


def test_terraform_imports_a_group_and_overwrites_nothing(
    sandbox: Sandbox, terraform: Terraform, operate: Operator
) -> None:
    secret = sandbox.world.public.client_secret
    group = operate(cdc_group, **declared(sandbox, "to-terraform"), link_client_secret=secret)["group"]
    terraform.write(**resource(sandbox, "to-terraform"))
    terraform("import", RESOURCE, group["group_id"])
    mark = sandbox.journal.mark()

    shown = terraform("plan")
    terraform("apply", "-auto-approve")
    other = {"name": "renamed", "description": "other", "secret_key": "other", "key_vault_type": "STANDARD"}
    terraform.write(**resource(sandbox, **other, url=sandbox.world.public.vaults["akv-sandbox-std"].uri))
    terraform("apply", "-auto-approve")

    assert "+ secret_key" in shown
    assert "1 to change, 0 to destroy" in shown
    assert sandbox.journal.writes(since=mark) == []
    again = operate(cdc_group, **declared(sandbox, "to-terraform"), link_client_secret=secret)
    assert (again["changed"], again["group"]) == (False, group)


def test_a_block_that_is_removed_plans_a_deletion_which_keys_prevent(
    sandbox: Sandbox, terraform: Terraform, operate: Operator
) -> None:
    secret = sandbox.world.public.client_secret
    group = operate(cdc_group, **declared(sandbox, "with-keys"), link_client_secret=secret)["group"]
    operate(cdc_sync, group_id=group["group_id"])
    terraform.write(**resource(sandbox, "with-keys"))
    terraform("import", RESOURCE, group["group_id"])
    terraform.write()

    assert "0 to change, 1 to destroy" in terraform("plan")
    assert "Group Not Empty" in terraform.failure("apply", "-auto-approve")
