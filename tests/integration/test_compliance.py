# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role cdc_compliance and its playbook: reports in either mode, a verdict by the policy, no write elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from sandbox import Sandbox
from support.azure_rights import AzureRights
from support.playbook import ROOT, Ansible, Run

SCHEMA = json.loads((ROOT / "docs/compliance-report.schema.json").read_text(encoding="utf-8"))
# In one name: markup of each format, an escape sequence, a line break, a template.
HOSTILE = 'akv <script>alert(1)</script> | [x](http://a) \x1b[31m\n"& {{ 6*7 }}'


class Compliance:
    """One account with a group, and the playbook against it."""

    def __init__(self, sandbox: Sandbox, directory: Path) -> None:
        self.azure = AzureRights(sandbox)
        self.reports = directory / "reports"
        environment = {**sandbox.environment(), **sandbox.operator_environment(sandbox.world.public)}
        self._ansible = Ansible(environment, directory)

    def run(self, *, check: bool = False, verbosity: int = 0, **variables: Any) -> Run:
        given = {"cdc_compliance_directory": str(self.reports), **variables}
        playbook = ROOT / "playbooks/compliance.yml"
        return self._ansible.playbook(playbook, variables=given, check=check, verbosity=verbosity)

    def file(self, suffix: str) -> Path:
        (found,) = self.reports.glob(f"compliance-*.{suffix}")
        return found

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file("json").read_text(encoding="utf-8"))
        return found


@pytest.fixture
def compliance(own_sandbox: Sandbox, tmp_path: Path) -> Compliance:
    return Compliance(own_sandbox, tmp_path)


@pytest.mark.every_core
def test_in_check_mode_the_reports_are_written_the_play_fails_and_nothing_else_is_changed(
    compliance: Compliance,
) -> None:
    link = compliance.azure.link()
    compliance.azure.sandbox.do(lambda state: state.dsm.add_group(HOSTILE, hmg=link))
    # Of a group with two links, a warning tells the name.
    compliance.azure.sandbox.do(lambda state: state.dsm.add_group(f"{HOSTILE} 2", hmg=[link, link]))
    mark = compliance.azure.sandbox.journal.mark()

    run = compliance.run(check=True, verbosity=1)

    assert run.code != 0
    failed = "2 finding(s) fail, in 2 of 2 group(s): group-not-manageable, keys-not-seen"
    assert failed in re.sub(r"\s+", " ", run.output)
    assert "cannot be managed" in run.output
    assert (run.changed, compliance.azure.sandbox.journal.writes(since=mark)) == ([], [])
    assert (
        compliance.reports.stat().st_mode & 0o777,
        {path.stat().st_mode & 0o777 for path in compliance.reports.iterdir()},
    ) == (
        0o700,
        {0o600},
    )
    report = compliance.report
    Draft202012Validator(SCHEMA).validate(report)
    assert (report["verdict"], report["status"], report["groups"][0]["name"]) == ("fail", "unknown", HOSTILE)
    assert ElementTree.fromstring(compliance.file("junit.xml").read_text(encoding="utf-8")).get("name")
    for line in compliance.file("sha256").read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ", 1)
        assert hashlib.sha256((compliance.reports / name).read_bytes()).hexdigest() == digest
    every = [path.read_text(encoding="utf-8") for path in compliance.reports.iterdir()]
    assert len(every) == 6
    for text in (*every, run.output):
        assert "\x1b" not in text
        assert compliance.azure.view.client_secret not in text
    # Markdown escapes the braces; elsewhere they are what they were, and nothing has evaluated them.
    assert all("6*7" in text or r"6\*7" in text for text in every if "akv" in text)


def test_a_run_that_passes_by_its_policy_ends_well_and_says_what_was_waived(compliance: Compliance) -> None:
    name = compliance.azure.group()
    waiver = {"id": "keys-not-seen", "group": name, "reason": "agreed", "expires": "2999-12-31"}

    run = compliance.run(cdc_compliance_policy={"waivers": [waiver]}, cdc_compliance_formats=["json"])

    assert run.code == 0, run.output
    assert run.changed == []
    report = compliance.report
    assert (report["verdict"], report["status"], report["summary"]["waived"]) == ("pass", "unknown", 1)
    assert {path.suffix for path in compliance.reports.iterdir()} == {".json", ".sha256"}
    kept = run.named("Keep the verdict")["ansible_stats"]["data"]["cdc_compliance"]
    assert (kept["verdict"], kept["summary"]["groups"], len(kept["files"])) == ("pass", 1, 2)


@pytest.mark.every_core
def test_a_policy_with_a_slip_is_refused_before_anything_is_asked(compliance: Compliance) -> None:
    mark = compliance.azure.sandbox.journal.mark()

    run = compliance.run(cdc_compliance_policy={"fail_onn": "never"})

    assert run.code != 0
    assert "it does not know fail_onn" in re.sub(r"\s+", " ", run.output)
    assert (compliance.azure.sandbox.journal.since(mark), compliance.reports.exists()) == ([], False)


@pytest.mark.every_core
def test_all_groups_are_checked_in_batches_of_whole_vaults_and_make_one_report(compliance: Compliance) -> None:
    names = [compliance.azure.group() for _number in range(5)]
    mark = compliance.azure.sandbox.journal.mark()

    run = compliance.run(cdc_compliance_batch_size=2, cdc_compliance_enforce=False, cdc_compliance_formats=["json"])

    assert run.code == 0, run.output
    for label in ("groups 1 to 2 of 5", "groups 3 to 4 of 5", "groups 5 to 5 of 5"):
        assert label in run.output
    report = compliance.report
    assert [group["name"] for group in report["groups"]] == sorted(names)
    assert (report["options"]["all_groups"], report["findings"]) == (True, [])
    assert compliance.azure.sandbox.journal.writes(since=mark) == []


def test_a_relative_directory_is_refused_before_anything_is_asked(compliance: Compliance) -> None:
    mark = compliance.azure.sandbox.journal.mark()

    run = compliance.run(cdc_compliance_directory="reports")

    assert run.code != 0
    assert "reports is a relative path. Give an absolute one" in re.sub(r"\s+", " ", run.output)
    assert compliance.azure.sandbox.journal.since(mark) == []


def test_a_group_is_compared_with_what_variables_without_an_inventory_declare(compliance: Compliance) -> None:
    name = compliance.azure.group()
    secret = compliance.azure.view.client_secret
    declared = {
        "cdc_setup_name": name,
        "cdc_setup_description": "Keys of the payments",
        "cdc_setup_link_client_secret": secret,
    }

    run = compliance.run(
        **declared,
        cdc_compliance_declared_hosts="localhost",
        cdc_compliance_enforce=False,
        cdc_compliance_formats=["json"],
        verbosity=3,
    )

    assert run.code == 0, run.output
    report = compliance.report
    Draft202012Validator(SCHEMA).validate(report)
    (group,) = report["groups"]
    assert report["options"]["compared_with_declared"]
    (differs,) = [one for one in group["findings"] if one["check"] == "drift"]
    assert (differs["id"], differs["actual"]) == ("group-differs-from-declared", "differs in: description")
    assert "localhost" in differs["expected"]
    assert secret not in run.output
