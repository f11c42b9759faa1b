# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set-up, rotation and compliance as AWX runs them: ansible-runner, the credential type, and the built collection.

The jobs follow each other in one account, from an empty subscription on, and run once; the tests look at them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
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


@dataclass(frozen=True)
class Jobs:
    """All jobs, in their order, and what there was to be seen of them."""

    set_up: Launched
    nothing_due: Launched
    due: Launched
    renewed: Launched
    slices: list[dict[str, Any]]
    checked: Launched
    reports: Path
    secrets: set[str]
    rotator: str

    @property
    def all(self) -> list[Launched]:
        return [self.set_up, self.nothing_due, self.due, self.renewed, self.checked]


@pytest.fixture(scope="module")
def jobs(
    bare_ansible: Path,
    collections: Path,
    once_for_all_workers: Callable[[str, Callable[[], Jobs]], Jobs],
    tmp_path_factory: pytest.TempPathFactory,
) -> Jobs:
    scratch = tmp_path_factory.mktemp("awx")
    return once_for_all_workers("awx-jobs", lambda: all_jobs(bare_ansible, collections, scratch))


def all_jobs(ansible: Path, collections: Path, scratch: Path) -> Jobs:
    with Sandbox.start(empty=True) as sandbox:
        logins = ("DSM_", "AZURE_")
        task_env = {name: value for name, value in sandbox.environment().items() if not name.startswith(logins)}
        account = Account(sandbox, Awx(ansible, collections, scratch, task_env), scratch / "compliance")
        set_up = account.run("CDC setup", login=account.by_key, extra_vars=survey(sandbox), verbosity=3)
        assert set_up.job.rc == 0, set_up
        nothing_due = account.run("CDC rotation", login=account.by_certificate, verbosity=0)
        due = account.run("CDC rotation: what is due", login=account.by_key, extra_vars=IS_DUE, verbosity=0)
        # With a login by files that the credential injects.
        renewed = account.run("CDC rotation", login=account.by_certificate, extra_vars=IS_DUE, verbosity=3)
        parts = slices(account)
        # The first slice, by a policy for which everything is a failure.
        checked = account.run(
            "CDC compliance",
            login=account.by_certificate,
            extra_vars={
                "compliance_directory": str(account.reports),
                "cdc_compliance_policy": {"fail_on": "info"},
                "cdc_compliance_formats": ["json"],
            },
            inventory=parts[0],
            verbosity=3,
        )
        assert sandbox.crashes == []
        rotator = f"app:{sandbox.world.cert_app.name}"
        return Jobs(set_up, nothing_due, due, renewed, parts, checked, account.reports, account.secrets, rotator)


def survey(sandbox: Sandbox) -> dict[str, Any]:
    """The survey answered, and defaults taken where a question has one."""
    azure = sandbox.world.public
    questions = template("CDC setup")["survey"]["spec"]
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
    return {**answers, "cdc_setup_wait_interval": 0}


def slices(account: Account) -> list[dict[str, Any]]:
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


def test_a_set_up_from_a_survey_keeps_what_it_did(jobs: Jobs) -> None:
    job = jobs.set_up.job
    assert (job.status, job.rc) == ("successful", 0), jobs.set_up
    kept = job.artifacts["cdc_setup"]["groups"][GROUP]
    assert {name: kept[name] for name in ("status", "vault", "changed", "planned")} == {
        "status": "connected",
        "vault": "akv-awx",
        "changed": True,
        "planned": False,
    }
    assert job.changed != []


def test_a_rotation_with_nothing_due_changes_nothing(jobs: Jobs) -> None:
    job = jobs.nothing_due.job
    assert (job.status, job.rc) == ("successful", 0), jobs.nothing_due
    assert (job.changed, jobs.nothing_due.writes) == ([], [])
    (only,) = job.artifacts["cdc_rotate"]["applications"]
    assert (only["changed"], only["error"], only["groups"]) == (False, None, 1)


def test_what_is_due_is_told_in_check_mode_and_nothing_is_written(jobs: Jobs) -> None:
    job = jobs.due.job
    assert (job.status, job.rc, "--check" in job.command) == ("successful", 0, True), jobs.due
    (only,) = job.artifacts["cdc_rotate"]["applications"]
    assert (only["changed"], only["planned"], only["error"]) == (True, True, None)
    assert jobs.due.writes == []


def test_a_rotation_renews_what_was_told(jobs: Jobs) -> None:
    assert (jobs.renewed.job.status, jobs.renewed.job.rc) == ("successful", 0), jobs.renewed
    (told,), (done,) = (one.job.artifacts["cdc_rotate"]["applications"] for one in (jobs.due, jobs.renewed))
    assert (done["application"], done["groups"]) == (told["application"], told["groups"])
    assert (done["changed"], done["planned"], done["error"]) == (True, False, None)
    assert {write.principal for write in jobs.renewed.writes if write.plane == "dsm"} == {jobs.rotator}
    assert {write.plane for write in jobs.renewed.writes} == {"dsm", "graph"}


def test_a_check_fails_by_the_policy_and_writes_nothing(jobs: Jobs) -> None:
    job = jobs.checked.job
    assert (job.status, job.rc, "--check" in job.command) == ("failed", 2, True), jobs.checked
    assert job.artifacts["cdc_compliance"]["verdict"] == "fail"
    assert jobs.checked.writes == []
    reports = jobs.reports / f"job-{len(jobs.all)}"
    assert sorted(path.name for path in reports.iterdir()) == sorted(job.artifacts["cdc_compliance"]["files"])


def test_a_slice_checks_the_groups_of_its_part_of_the_inventory(jobs: Jobs) -> None:
    assert [len(one["cdc"]["hosts"]) for one in jobs.slices] == [1, 1]
    assert jobs.checked.job.artifacts["cdc_compliance"]["summary"]["groups"] == 1
    assert "akv-other" not in jobs.checked.job.output


def test_no_secret_is_in_what_is_left_of_the_jobs(jobs: Jobs) -> None:
    """Each by itself: in events, artefacts, files of the jobs and reports."""
    done = [one.job for one in jobs.all]
    texts = {f"{one.directory}: {where}": text for one in done for where, text in one.texts.items()}
    texts |= {str(path): path.read_text(encoding="utf-8") for path in jobs.reports.rglob("*") if path.is_file()}

    # Two client secrets, since the first was replaced, and what was given; the same as base64; the lines of a key.
    assert len(jobs.secrets) > 10
    assert [where for secret in jobs.secrets for where, text in texts.items() if secret in text] == []


def test_events_tell_how_each_task_ended(jobs: Jobs) -> None:
    for one in jobs.all:
        kinds = [event["event"] for event in one.job.events if event["event"] != "verbose"]
        begun, ended = (
            {event["event_data"]["task_uuid"] for event in one.job.events if event["event"] in names}
            for names in (["playbook_on_task_start"], ["runner_on_ok", "runner_on_failed", "runner_on_skipped"])
        )
        assert (kinds[0], kinds[-1]) == ("playbook_on_start", "playbook_on_stats")
        assert len(begun) > 5
        assert ended == begun
