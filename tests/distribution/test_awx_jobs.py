# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set-up, compliance and rotation as AWX runs them: ansible-runner, the credential type, and the built collection.

The jobs follow each other in one account, from an empty subscription on, and each test is about one of them.
"""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from distribution.installation import build_and_install, plain_environment, said
from sandbox import Sandbox
from support.awx import Awx, Injected, Job, Loader, azure_resource_manager, inject, slice_of
from support.playbook import ROOT

PATTERN = "extensions/patterns/cdc_groups"
GROUP, OTHER = "akv-awx", "akv-other"


@dataclass
class Account:
    """One account in DSM, one subscription, and AWX beside them."""

    sandbox: Sandbox
    awx: Awx
    reports: Path

    def credentials(self, number: int, **dsm: str) -> Injected:
        """Both credentials of a job: the login to DSM, and the operator in Azure."""
        (type_of_dsm,) = settings()["controller_credential_types"]
        azure = self.sandbox.world.public
        login = inject(
            type_of_dsm, {"dsm_endpoint": self.sandbox.world.dsm_endpoint, **dsm}, self.awx.directory(number) / "env"
        )
        return login | azure_resource_manager(
            azure.operator_client_id, azure.operator_client_secret, azure.tenant_id, azure.subscription_id
        )

    def run(self, number: int, template: str, *, login: dict[str, str] | None = None, **options: Any) -> Job:
        """Launch a job template of the pattern, as it is there."""
        (wanted,) = [one for one in templates() if one["name"] == template]
        credentials = self.credentials(number, **(login or self.by_key))
        playbook = f"{PATTERN}/playbooks/{wanted['playbook']}"
        return self.awx.launch(number, playbook, credentials=credentials, job_type=wanted["job_type"], **options)

    @property
    def by_key(self) -> dict[str, str]:
        ca = self.sandbox.ca_bundle.read_text(encoding="utf-8")
        return {"dsm_api_key": self.sandbox.world.admin_app.api_key, "dsm_ca": ca}

    @property
    def by_certificate(self) -> dict[str, str]:
        app = self.sandbox.world.cert_app
        certificate, key = (path.read_text(encoding="utf-8") for path in (app.certificate_path, app.key_path))
        return {"dsm_client_cert": certificate, "dsm_client_key": key, "dsm_app_id": app.app_id}

    def secrets(self) -> dict[str, str]:
        """Everything that is secret by now, with what it is: what was given, and what was made."""
        world = self.sandbox.world

        def made(state: Any) -> dict[str, str]:
            links = [link for group in state.dsm.default_account.groups for link in group.hmg.values()]
            entra = [one.value for app in state.azure.public.applications for one in app.secrets]
            return {"of links": json.dumps(links), **{f"Entra {n}": value for n, value in enumerate(entra)}}

        return {
            "API key": world.admin_app.api_key,
            "secret of the API key": base64.b64decode(world.admin_app.api_key).decode().partition(":")[2],
            "key of the app": self.by_certificate["dsm_client_key"].splitlines()[1],
            "operator": world.public.operator_client_secret,
            **self.sandbox.do(made),
        }


def settings() -> dict[str, Any]:
    """The data of playbooks/awx.yml."""
    text = (ROOT / "playbooks/vars/awx.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader)
    return loaded


def templates() -> list[dict[str, Any]]:
    pattern = json.loads((ROOT / PATTERN / "meta/pattern.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = pattern["aap_resources"]["controller_job_templates"]
    return found


@pytest.fixture(scope="module")
def account(bare_ansible: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    scratch = tmp_path_factory.mktemp("awx")
    with Sandbox.start(empty=True) as sandbox:
        task_env = {
            name: value for name, value in sandbox.environment().items() if not name.startswith(("DSM_", "AZURE_"))
        }
        awx = Awx(bare_ansible, build_and_install(ROOT, scratch), scratch, task_env)
        yield Account(sandbox, awx, scratch / "compliance")
        assert sandbox.crashes == []


@pytest.fixture(scope="module")
def set_up(account: Account) -> Job:
    """The survey answered, and defaults taken where a question has one."""
    (template,) = [one for one in templates() if one["name"] == "CDC set-up"]
    azure = account.sandbox.world.public
    defaults = {one["variable"]: one["default"] for one in template["survey"]["spec"] if "default" in one}
    answers = {
        "cdc_setup_name": GROUP,
        "cdc_setup_link_tenant_id": azure.tenant_id,
        "cdc_setup_link_subscription_id": azure.subscription_id,
        "setup_application": "fortanix-dsm-awx",
        "setup_credential_type": "secret",
        "setup_vault": "akv-awx",
        "setup_resource_group": "rg-keys",
        "setup_location": "westeurope",
    }
    # Not a question: the simulated Azure lags behind nowhere.
    return account.run(1, "CDC set-up", extra_vars={**defaults, **answers, "cdc_setup_wait_interval": 0})


def test_print(account: Account, set_up: Job) -> None:
    print(set_up.status, set_up.rc, set_up.artifacts)
    print(set_up.output[-6000:])
    assert set_up.status == "successful"
