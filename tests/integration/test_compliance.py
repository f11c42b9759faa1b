# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role cdc_compliance and its playbook: reports in either mode, a verdict by the policy, no write elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from sandbox import Sandbox
from support.azure_rights import AzureRights
from support.playbook import ROOT, Ansible, Run
from support.role_in_process import PlaybookPlayer, RoleRun

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
    failed = "2 finding(s) fail, in 2 of 2 group(s): group-not-manageable, keys-not-checked"
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


@pytest.mark.every_core
def test_a_policy_with_a_slip_is_refused_before_anything_is_asked(compliance: Compliance) -> None:
    mark = compliance.azure.sandbox.journal.mark()

    run = compliance.run(cdc_compliance_policy={"fail_onn": "never"})

    assert run.code != 0
    assert "unknown key fail_onn" in re.sub(r"\s+", " ", run.output)
    assert (compliance.azure.sandbox.journal.since(mark), compliance.reports.exists()) == ([], False)


def test_a_relative_directory_is_refused_before_anything_is_asked(azure: AzureRights) -> None:
    player = PlaybookPlayer("compliance")

    run = player.play(RoleRun({"cdc_compliance_directory": "reports"}, azure.dsm_login, azure.sandbox.proxy_url))

    assert "reports is a relative path. Give an absolute one" in str(run.failure)
    assert azure.sandbox.journal.since(0) == []


# One run over several groups, with one of them declared, and a policy that waives all that fails ----------------------


@dataclass(frozen=True)
class Waived:
    """``names``: of the groups; the first is declared with another description. ``written``: requests for writes."""

    compliance: Compliance
    names: list[str]
    run: Run
    written: Sequence[Any]


@pytest.fixture(scope="module")
def waived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waived]:
    with Sandbox.start() as sandbox:
        compliance = Compliance(sandbox, tmp_path_factory.mktemp("waived"))
        names = sorted(compliance.azure.group() for _number in range(3))
        differs = {"id": "group-differs-from-declared", "group": names[0]}
        waivers = [{"id": "keys-not-checked", "group": name} for name in names] + [differs]
        compliance.reports.mkdir(mode=0o755)
        run = compliance.run(
            cdc_setup_name=names[0],
            cdc_setup_description="Keys of the payments",
            cdc_setup_link_client_secret=compliance.azure.view.client_secret,
            cdc_compliance_declared_hosts="localhost",
            cdc_compliance_batch_size=2,
            cdc_compliance_policy={
                "waivers": [{**one, "reason": "agreed", "expires": "2999-12-31"} for one in waivers],
            },
            cdc_compliance_formats=["json"],
            verbosity=3,
        )
        yield Waived(compliance, names, run, sandbox.journal.writes())
        assert sandbox.crashes == []


@pytest.mark.every_core
def test_a_run_that_passes_by_its_policy_ends_well_and_says_what_was_waived(waived: Waived) -> None:
    run, compliance = waived.run, waived.compliance
    assert run.code == 0, run.output
    assert (run.changed, waived.written) == ([], [])
    report = compliance.report
    Draft202012Validator(SCHEMA).validate(report)
    assert (report["verdict"], report["status"], report["summary"]["waived"]) == ("pass", "failed", 4)
    assert {path.suffix for path in compliance.reports.iterdir()} == {".json", ".sha256"}
    # It was there, and is somebody's.
    assert compliance.reports.stat().st_mode & 0o777 == 0o755
    kept = run.named("Keep the verdict")["ansible_stats"]["data"]["cdc_compliance"]
    assert (kept["verdict"], kept["summary"]["groups"], len(kept["files"])) == ("pass", 3, 2)


@pytest.mark.every_core
def test_all_groups_are_checked_in_batches_of_whole_vaults_and_make_one_report(waived: Waived) -> None:
    assert "groups 1 to 2 of 3" in waived.run.output
    assert "groups 3 to 3 of 3" in waived.run.output
    report = waived.compliance.report
    assert [group["name"] for group in report["groups"]] == waived.names
    assert (report["options"]["all_groups"], report["findings"]) == (True, [])


@pytest.mark.every_core
def test_a_group_is_compared_with_what_variables_without_an_inventory_declare(waived: Waived) -> None:
    report = waived.compliance.report
    assert report["options"]["compared_with_declared"]
    found = [(group["name"], one) for group in report["groups"] for one in group["findings"]]
    differs = {one["id"]: (name, one) for name, one in found if one["check"] == "drift" and one["status"] == "failed"}
    assert differs.keys() == {"group-differs-from-declared"}
    name, told = differs["group-differs-from-declared"]
    assert (name, told["actual"]) == (waived.names[0], "differs in: description")
    assert "localhost" in told["expected"]
    assert waived.compliance.azure.view.client_secret not in waived.run.output
