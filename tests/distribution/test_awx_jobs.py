# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set-up, compliance and rotation as AWX runs them: ansible-runner, the credential type, and the built collection.

The jobs follow each other in one account, from an empty subscription on, and each test is about one of them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from distribution.installation import build_and_install
from sandbox import Sandbox
from support.awx import Awx, Injected, Job, Loader, azure_resource_manager, inject
from support.playbook import ROOT

PATTERN = "extensions/patterns/cdc_groups"
GROUP = "akv-awx"


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
            entra = [one.value for app in state.azure.public.directory.applications.values() for one in app.secrets]
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


def shown(job: Job) -> str:
    return f"{job.status}\n{job.output[-4000:]}"


def test_set_up_makes_the_group_and_keeps_what_it_did(account: Account, set_up: Job) -> None:
    assert (set_up.status, set_up.rc) == ("successful", 0), shown(set_up)
    kept = set_up.artifacts["cdc_setup"]["groups"][GROUP]
    assert (kept["status"], kept["vault"]) == ("connected", "akv-awx")
    assert set_up.changed != []


def test_the_summary_says_that_the_group_was_made(set_up: Job) -> None:
    assert set_up.artifacts["cdc_setup"]["groups"][GROUP]["changed"] is True


def test_a_failing_policy_fails_the_check_which_writes_nothing(account: Account, set_up: Job) -> None:
    assert set_up.status == "successful", shown(set_up)
    mark = account.sandbox.journal.mark()

    job = account.run(
        2,
        "CDC compliance",
        extra_vars={"compliance_directory": str(account.reports), "cdc_compliance_policy": {"fail_on": "info"}},
    )

    assert (job.status, job.rc, "--check" in job.command) == ("failed", 2, True), shown(job)
    assert job.artifacts["cdc_compliance"]["verdict"] == "fail"
    assert account.sandbox.journal.writes(since=mark) == []
    assert (account.reports / "job-2").is_dir()


@pytest.fixture(scope="module")
def due(account: Account, set_up: Job) -> Job:
    assert set_up.status == "successful", shown(set_up)
    mark = account.sandbox.journal.mark()
    job = account.run(3, "CDC rotation: what is due")
    assert account.sandbox.journal.writes(since=mark) == []
    return job


def test_rotation_in_check_mode_tells_what_is_due_and_writes_nothing(due: Job) -> None:
    assert (due.status, due.rc) == ("successful", 0), shown(due)
    assert len(due.artifacts["cdc_rotate"]["applications"]) == 1


def test_a_rotation_with_nothing_due_changes_nothing(account: Account, set_up: Job) -> None:
    assert set_up.status == "successful", shown(set_up)

    job = account.run(4, "CDC rotation")

    assert (job.status, job.changed) == ("successful", []), shown(job)


def test_what_awx_keeps_of_jobs_has_no_secret(account: Account, set_up: Job, due: Job) -> None:
    secrets = account.secrets()
    assert any(name.startswith("Entra") for name in secrets)
    for job in (set_up, due):
        everything = {**job.kept, "events": json.dumps(list(job.events), default=str)}
        found = [
            (what, where) for what, value in secrets.items() for where, text in everything.items() if value in text
        ]
        assert found == []


def test_questions_of_surveys_are_variables_of_the_playbooks() -> None:
    for template in templates():
        if "survey" not in template:
            continue
        meta = ROOT / PATTERN / "playbooks" / template["playbook"].replace(".yml", ".meta.yml")
        (spec,) = yaml.safe_load(meta.read_text(encoding="utf-8"))["argument_specs"].values()
        asked = {one["variable"] for one in template["survey"]["spec"]}
        assert asked <= set(spec["options"]), template["name"]


def test_a_field_that_is_empty_is_an_empty_variable_and_secrets_are_hidden() -> None:
    (kind,) = settings()["controller_credential_types"]

    login = inject(kind, {"dsm_endpoint": "https://dsm.example.com", "dsm_client_key": "the key"}, Path("/runner/env"))

    assert login.env["DSM_API_KEY"] == login.env["DSM_CA_PATH"] == ""
    assert login.env["DSM_CLIENT_KEY"] == "/runner/env/tmp_dsm_client_key"
    assert login.files["tmp_dsm_client_key"] == "the key"
    assert "the key" not in json.dumps(login.env) + json.dumps(login.shown)
