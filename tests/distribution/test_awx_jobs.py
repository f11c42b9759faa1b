# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set-up, rotation and compliance as AWX runs them: ansible-runner, the credential type, and the built collection.

The jobs follow each other in one account, from an empty subscription on, in the order in which the tests stand here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from distribution.awx_data import PATTERN, credential_type, template
from sandbox import Sandbox
from sandbox.journal import Entry
from support.awx import Awx, Injected, Job, azure_resource_manager, inject

GROUP = "akv-awx"
# What the first credential has left, 180 days, is too little.
IS_DUE = {"cdc_rotate_renew_before_days": 200, "cdc_rotate_valid_days": 365}

pytestmark = pytest.mark.xdist_group("jobs of AWX")


@dataclass(frozen=True)
class Launched:
    """A job and the writes that the services have seen meanwhile."""

    job: Job
    writes: list[Entry]

    def __str__(self) -> str:
        return f"{self.job.status}, exit status {self.job.rc}\n{self.job.output[-4000:]}"


@dataclass
class Account:
    """One account in DSM, one subscription, and AWX beside them."""

    sandbox: Sandbox
    awx: Awx
    reports: Path
    launched: list[Launched] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)

    def run(self, name: str, *, login: Mapping[str, str], **options: Any) -> Launched:
        """Launch a job template of the pattern, as it is there."""
        wanted, number = template(name), len(self.launched) + 1
        playbook = f"{PATTERN}/playbooks/{wanted['playbook']}"
        mark = self.sandbox.journal.mark()
        self.secrets |= self._secrets_now()
        job = self.awx.launch(
            number,
            playbook,
            credentials=self.dsm(number, login) | self._operator,
            job_type=wanted["job_type"],
            **options,
        )
        self.secrets |= self._secrets_now()
        self.launched.append(Launched(job, self.sandbox.journal.writes(since=mark)))
        return self.launched[-1]

    def dsm(self, number: int, login: Mapping[str, str]) -> Injected:
        """The credential of the type Fortanix DSM, with the CA in a file, as a certificate and its key are."""
        inputs = {
            "dsm_endpoint": self.sandbox.world.dsm_endpoint,
            "dsm_ca": self.sandbox.ca_bundle.read_text(encoding="utf-8"),
        }
        return inject(credential_type(), {**inputs, **login}, self.awx.directory(number) / "env")

    @property
    def by_key(self) -> dict[str, str]:
        return {"dsm_api_key": self.sandbox.world.admin_app.api_key}

    @property
    def by_certificate(self) -> dict[str, str]:
        """Of an app that has no API key, from files that AWX writes."""
        app = self.sandbox.world.cert_app
        return {"dsm_client_cert": app.certificate_pem, "dsm_client_key": app.key_pem, "dsm_app_id": app.app_id}

    @property
    def _operator(self) -> Injected:
        azure = self.sandbox.world.public
        return azure_resource_manager(
            azure.operator_client_id, azure.operator_client_secret, azure.tenant_id, azure.subscription_id
        )

    def _secrets_now(self) -> set[str]:
        """Each secret that was given to jobs, or that they have made and the services still know."""
        world = self.sandbox.world

        def made(state: Any) -> list[str]:
            links = [link for group in state.dsm.default_account.groups for link in group.hmg.values()]
            applications = state.azure.public.directory.applications.values()
            entra = [one.value for application in applications for one in application.secrets]
            return [*entra, *state.dsm.sessions, *(text for link in links for text in hidden_in(link))]

        whole = [
            world.admin_app.api_key,
            base64.b64decode(world.admin_app.api_key).decode().partition(":")[2],
            world.cert_app.key_pem,
            world.public.operator_client_secret,
            *self.sandbox.do(made),
        ]
        return {part for secret in whole for part in parts_of(secret)}


def hidden_in(link: Any) -> Iterator[str]:
    """The secret members of a link as DSM stores it."""
    for name, value in link.items():
        if isinstance(value, dict):
            yield from hidden_in(value)
        elif name in ("client_secret", "client_key", "secret_key") and value:
            yield value


def parts_of(secret: str) -> list[str]:
    """The forms in which a secret may be found: a key line by line, as line breaks are written in many ways."""
    lines = secret.splitlines()
    return lines[1:-1] if len(lines) > 1 else [secret, base64.b64encode(secret.encode()).decode()]


@pytest.fixture(scope="module")
def account(bare_ansible: Path, collections: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    scratch = tmp_path_factory.mktemp("awx")
    with Sandbox.start(empty=True) as sandbox:
        logins = ("DSM_", "AZURE_")
        task_env = {name: value for name, value in sandbox.environment().items() if not name.startswith(logins)}
        yield Account(sandbox, Awx(bare_ansible, collections, scratch, task_env), scratch / "compliance")
        assert sandbox.crashes == []


@pytest.fixture(scope="module")
def set_up(account: Account) -> Launched:
    """The survey answered, and defaults taken where a question has one."""
    azure = account.sandbox.world.public
    questions = template("CDC set-up")["survey"]["spec"]
    answers = {
        **{one["variable"]: one["default"] for one in questions if "default" in one},
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
    return account.run(
        "CDC set-up", login=account.by_key, extra_vars={**answers, "cdc_setup_wait_interval": 0}, verbosity=3
    )


def test_a_set_up_from_a_survey_keeps_what_it_did(set_up: Launched) -> None:
    assert (set_up.job.status, set_up.job.rc) == ("successful", 0), set_up
    kept = set_up.job.artifacts["cdc_setup"]["groups"][GROUP]
    assert {name: kept[name] for name in ("status", "vault", "changed", "planned")} == {
        "status": "connected",
        "vault": "akv-awx",
        "changed": True,
        "planned": False,
    }
    assert set_up.job.changed != []


@pytest.fixture(scope="module")
def nothing_due(account: Account, set_up: Launched) -> Launched:
    return account.run("CDC rotation", login=account.by_certificate, verbosity=0)


def test_a_rotation_with_nothing_due_changes_nothing(nothing_due: Launched) -> None:
    assert (nothing_due.job.status, nothing_due.job.rc) == ("successful", 0), nothing_due
    assert (nothing_due.job.changed, nothing_due.writes) == ([], [])
    (only,) = nothing_due.job.artifacts["cdc_rotate"]["applications"]
    assert (only["changed"], only["error"], only["groups"]) == (False, None, 1)


@pytest.fixture(scope="module")
def due(account: Account, nothing_due: Launched) -> Launched:
    return account.run("CDC rotation: what is due", login=account.by_key, extra_vars=IS_DUE, verbosity=0)


def test_what_is_due_is_told_in_check_mode_and_nothing_is_written(due: Launched) -> None:
    assert (due.job.status, due.job.rc, "--check" in due.job.command) == ("successful", 0, True), due
    (only,) = due.job.artifacts["cdc_rotate"]["applications"]
    assert (only["changed"], only["planned"], only["error"]) == (True, True, None)
    assert due.writes == []


@pytest.fixture(scope="module")
def renewed(account: Account, due: Launched) -> Launched:
    """With a login by files that the credential injects."""
    return account.run("CDC rotation", login=account.by_certificate, extra_vars=IS_DUE, verbosity=3)


def test_a_rotation_renews_what_was_told(account: Account, due: Launched, renewed: Launched) -> None:
    assert (renewed.job.status, renewed.job.rc) == ("successful", 0), renewed
    (told,), (done,) = (one.job.artifacts["cdc_rotate"]["applications"] for one in (due, renewed))
    assert (done["application"], done["groups"]) == (told["application"], told["groups"])
    assert (done["changed"], done["planned"], done["error"]) == (True, False, None)
    in_dsm = {write.principal for write in renewed.writes if write.plane == "dsm"}
    assert in_dsm == {f"app:{account.sandbox.world.cert_app.name}"}
    assert {write.plane for write in renewed.writes} == {"dsm", "graph"}


@pytest.fixture(scope="module")
def slices(account: Account, renewed: Launched) -> list[dict[str, Any]]:
    """The inventory of the plugin, cut as AWX cuts it. Each slice has one of two groups; the first has GROUP."""

    def add(state: Any) -> str:
        first = state.dsm.find_group(GROUP)
        state.dsm.add_group("akv-other", hmg=next(iter(first.hmg.values())))
        return str(first.group_id)

    wanted = account.sandbox.do(add)
    hosts = account.awx.inventory(f"{PATTERN}/cdc.fortanix_dsm.yml", account.dsm(90, account.by_key), number=90)
    names = sorted(hosts["cdc"]["hosts"], key=lambda name: name != wanted)
    cut = [(names[number::2], hosts["_meta"]["hostvars"]) for number in range(2)]
    return [
        {"cdc": {"hosts": part}, "_meta": {"hostvars": {name: variables[name] for name in part}}}
        for part, variables in cut
    ]


@pytest.fixture(scope="module")
def checked(account: Account, slices: list[dict[str, Any]]) -> Launched:
    """The first slice, by a policy for which everything is a failure."""
    return account.run(
        "CDC compliance",
        login=account.by_certificate,
        extra_vars={
            "compliance_directory": str(account.reports),
            "cdc_compliance_policy": {"fail_on": "info"},
            "cdc_compliance_formats": ["json"],
        },
        inventory=slices[0],
        verbosity=3,
    )


def test_a_check_fails_by_the_policy_and_writes_nothing(account: Account, checked: Launched) -> None:
    assert (checked.job.status, checked.job.rc, "--check" in checked.job.command) == ("failed", 2, True), checked
    assert checked.job.artifacts["cdc_compliance"]["verdict"] == "fail"
    assert checked.writes == []
    reports = account.reports / f"job-{len(account.launched)}"
    assert sorted(path.name for path in reports.iterdir()) == sorted(checked.job.artifacts["cdc_compliance"]["files"])


def test_a_slice_checks_the_groups_of_its_part_of_the_inventory(
    slices: list[dict[str, Any]], checked: Launched
) -> None:
    assert [len(one["cdc"]["hosts"]) for one in slices] == [1, 1]
    assert checked.job.artifacts["cdc_compliance"]["summary"]["groups"] == 1
    assert "akv-other" not in checked.job.output


def test_no_secret_is_in_what_is_left_of_the_jobs(account: Account, checked: Launched) -> None:
    """Each by itself: in events, artefacts, files of the jobs and reports."""
    jobs = [one.job for one in account.launched]
    texts = {f"{one.directory}: {where}": text for one in jobs for where, text in one.texts.items()}
    texts |= {str(path): path.read_text(encoding="utf-8") for path in account.reports.rglob("*") if path.is_file()}

    # Two client secrets, since the first was replaced, and what was given; the same as base64; the lines of a key.
    assert len(account.secrets) > 10
    assert [where for secret in account.secrets for where, text in texts.items() if secret in text] == []


def test_events_tell_how_each_task_ended(account: Account, checked: Launched) -> None:
    for one in account.launched:
        kinds = [event["event"] for event in one.job.events if event["event"] != "verbose"]
        begun, ended = (
            {event["event_data"]["task_uuid"] for event in one.job.events if event["event"] in names}
            for names in (["playbook_on_task_start"], ["runner_on_ok", "runner_on_failed", "runner_on_skipped"])
        )
        assert (kinds[0], kinds[-1]) == ("playbook_on_start", "playbook_on_stats")
        assert len(begun) > 5
        assert ended == begun
