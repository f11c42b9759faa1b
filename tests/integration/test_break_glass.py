# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks of an emergency: break_glass.yml and restore_access.yml, as the person on call runs them.

One emergency is run by ansible-playbook, from the plan to the way back; all others by the same tasks in this process.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_sync
from sandbox import Fault, Profile, Sandbox
from support.azure_rights import AzureRights
from support.cutoff import OFFICER, Cutoff
from support.operate import Operator
from support.playbook import ROOT, Ansible, Run
from support.role_in_process import PlaybookPlayer, RoleRun
from support.wrong_answers import REFUSAL

BREAK_GLASS = ROOT / "playbooks" / "break_glass.yml"
RESTORE = ROOT / "playbooks" / "restore_access.yml"
SWITCH = ("graph", "PATCH", "/v1.0/servicePrincipals/{id}")


class Emergency:
    """One application that a group in DSM uses, with the files of the emergency in a directory of its own."""

    def __init__(self, sandbox: Sandbox, directory: Path) -> None:
        self.azure = AzureRights(sandbox, vault="akv-sandbox-prem")
        self.cutoff = Cutoff(self.azure, names=("akv-sandbox-prem",))
        self.group = self.azure.group()
        self.files = directory / "break-glass"
        environment = {**sandbox.environment(), **sandbox.operator_environment(sandbox.world.public)}
        self._ansible = Ansible(environment, directory)

    @property
    def sandbox(self) -> Sandbox:
        return self.azure.sandbox

    def cut(self, *, check: bool = False, **more: Any) -> RoleRun:
        return self._in_process("break_glass", {**self._cut, **more}, check)

    def restore(self, *, check: bool = False, **more: Any) -> RoleRun:
        return self._in_process("restore_access", {**self._restore, **more}, check)

    def run_cut(self, *, check: bool = False, diff: bool = False, **more: Any) -> Run:
        return self._ansible.playbook(BREAK_GLASS, variables={**self._cut, **more}, check=check, diff=diff)

    def run_restore(self, *, check: bool = False) -> Run:
        return self._ansible.playbook(RESTORE, variables=self._restore, check=check)

    @property
    def _cut(self) -> dict[str, Any]:
        return {
            "break_glass_client_id": self.azure.app,
            "break_glass_confirm": self.azure.app,
            "break_glass_directory": str(self.files),
            "break_glass_who": "somebody on call",
        }

    @property
    def _restore(self) -> dict[str, Any]:
        return {
            "restore_access_client_id": self.azure.app,
            "restore_access_directory": str(self.files),
            "restore_access_retries": 1,
            "restore_access_delay": 0,
        }

    def _in_process(self, playbook: str, variables: Mapping[str, Any], check: bool) -> RoleRun:
        # Nothing lags here, so there is nothing to wait for between two looks.
        options = {**self.azure.operator, **self.azure.dsm_login, "wait_interval": 0}
        return PlaybookPlayer(playbook).play(RoleRun(variables, options, self.sandbox.proxy_url, check))

    def writes(self, mark: int = 0) -> list[tuple[str, str]]:
        return [(entry.plane, entry.route) for entry in self.sandbox.journal.writes(since=mark)]

    def stored(self, state: Any) -> Any:
        """The group in the state of the simulated DSM."""
        return state.dsm.default_account.groups.named(self.group)

    @property
    def record(self) -> Path:
        return self.files / f"record-{self.azure.app}.json"

    @property
    def evidence(self) -> list[Path]:
        return sorted(self.files.glob("evidence-*.json"))


@pytest.fixture
def emergency(azure: AzureRights, tmp_path: Path) -> Emergency:
    return Emergency(azure.sandbox, tmp_path)


def read(path: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


# By ansible-playbook --------------------------------------------------------------------------------------------------

EVIL = "akv\x1b[2J\u202eprod\nok: [localhost]"


@dataclass(frozen=True)
class Course:
    """An emergency from the plan to the way back. ``held``: what the application holds before each run, and at last.

    ``untouched``: whether there was neither a write nor a file after the plan.
    """

    emergency: Emergency
    planned: Run
    untouched: bool
    cut: Run
    record: str
    restored: Run
    held: list[dict[str, Any]]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    with Sandbox.start() as sandbox:
        emergency = Emergency(sandbox, tmp_path_factory.mktemp("course"))
        held = [emergency.cutoff.held()]
        group = sandbox.do(emergency.stored)
        name = group.name
        sandbox.do(lambda _state: setattr(group, "name", EVIL))
        planned = emergency.run_cut(check=True, diff=True)
        untouched = emergency.writes() == [] and not emergency.files.exists()
        sandbox.do(lambda _state: setattr(group, "name", name))
        held.append(emergency.cutoff.held())
        cut = emergency.run_cut(break_glass_reason="a drill")
        record = emergency.record.read_text()
        held.append(emergency.cutoff.held())
        restored = emergency.run_restore()
        held.append(emergency.cutoff.held())
        yield Course(emergency, planned, untouched, cut, record, restored, held)
        assert sandbox.crashes == []


@pytest.mark.every_core
def test_the_plan_is_shown_and_nothing_is_written(course: Course) -> None:
    assert course.planned.code == 0, course.planned.output
    assert "disable service principal" in course.planned.output
    assert course.untouched


def test_the_name_of_a_group_does_not_steer_the_terminal(course: Course) -> None:
    assert "akv [2J prod ok: [localhost]" in course.planned.output
    assert not {"\x1b", "\u202e"} & set(course.planned.output)


@pytest.mark.every_core
def test_the_application_is_cut_off_and_dsm_proves_it(course: Course) -> None:
    emergency, run = course.emergency, course.cut

    assert run.code == 0, run.output
    assert course.held[2] == {"policies": [], "roles": [], "local": [], "enabled": False}
    (evidence,) = emergency.evidence
    told = read(evidence)
    assert [(proof["group"], proof["verdict"]) for proof in told["proofs"]] == [(emergency.group, "cut off")]
    assert (told["who"], told["reason"], told["complete"]) == ("somebody on call", "a drill", True)
    assert told["started"].replace(":", "") in evidence.name
    assert told["before"]["service_principal"] != told["after"]["service_principal"]
    assert hashlib.sha256(evidence.read_bytes()).hexdigest() in run.output
    assert {path.stat().st_mode & 0o777 for path in (emergency.record, evidence)} == {0o600}
    assert emergency.azure.view.client_secret not in course.record + evidence.read_text() + run.output


@pytest.mark.every_core
def test_access_comes_back_from_the_record(course: Course) -> None:
    before, _after_plan, _cut, restored = course.held

    assert (course.restored.code, restored) == (0, before), course.restored.output


@pytest.mark.long
@pytest.mark.every_core
def test_a_planned_way_back_changes_nothing(emergency: Emergency) -> None:
    """In this process, too: test_check_mode_of_the_way_back_changes_nothing."""
    emergency.run_cut()
    cut, mark = emergency.cutoff.held(), emergency.sandbox.journal.mark()

    planned = emergency.run_restore(check=True)

    assert (planned.code, emergency.cutoff.held(), emergency.writes(mark)) == (0, cut, []), planned.output


@pytest.mark.every_core
def test_without_the_confirmation_nothing_is_asked(emergency: Emergency) -> None:
    refused = emergency.run_cut(break_glass_confirm="0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")

    assert "Set break_glass_client_id" in refused.message
    assert emergency.sandbox.journal.since(0) == []


# By the same tasks in this process ------------------------------------------------------------------------------------


def test_a_second_run_changes_nothing_in_azure_and_keeps_the_record(emergency: Emergency) -> None:
    emergency.cut()
    record, mark = emergency.record.read_bytes(), emergency.sandbox.journal.mark()

    again = emergency.cut()

    assert (again.failure, again.changed, emergency.record.read_bytes()) == (None, [], record)
    # DSM tries to sync, which is the proof.
    assert {plane for plane, _route in emergency.writes(mark)} == {"dsm"}


def test_a_directory_below_home_keeps_the_record_as_any_other(emergency: Emergency) -> None:
    """The record was not found again, and a second run wrote one over it that had nothing of what was cut."""
    below_home = f"~/{os.path.relpath(emergency.files, Path.home())}"
    emergency.cut(break_glass_directory=below_home)
    record = emergency.record.read_bytes()

    again = emergency.cut(break_glass_directory=below_home)
    restored = emergency.restore(restore_access_directory=below_home)

    assert (again.failure, restored.failure) == (None, None)
    assert record != emergency.record.read_bytes()
    assert emergency.cutoff.held()["enabled"] is True
    assert read(emergency.record)["stores"] == json.loads(record)["stores"]


def test_check_mode_tells_of_a_place_where_no_record_can_be_kept(emergency: Emergency, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    below_file = emergency.cut(break_glass_directory=str(tmp_path / "file" / "evidence"), check=True)
    relative = emergency.cut(break_glass_directory="evidence", check=True)
    restore = emergency.restore(restore_access_directory="evidence")

    assert f'"{tmp_path / "file"}" is not a directory' in str(below_file.failure)
    assert "is not an absolute path" in str(relative.failure)
    assert "the absolute path of the record" in str(restore.failure)
    assert emergency.sandbox.journal.since(0) == []


def test_a_token_that_dsm_has_kept_is_no_success(emergency: Emergency) -> None:
    """With rights from above the vault, which are not cut, and a token from before."""
    azure = emergency.azure

    def deed(state: Any) -> None:
        state.vault(azure.vault).rbac = True
        for role in ("Reader", OFFICER):
            state.assign_role(azure.app, azure.subscription, role)

    azure.do(deed)
    emergency.sandbox.profile = Profile(dsm_token_cache="until_expiry")
    Operator(emergency.sandbox.environment())(cdc_sync, group_name=emergency.group)

    run = emergency.cut()

    (evidence,) = map(read, emergency.evidence)
    assert [proof["verdict"] for proof in evidence["proofs"]] == ["still connected"]
    assert evidence["complete"] is True
    assert f"DSM may use its current token until {evidence['still_valid_until']}" in str(run.failure)

    emergency.sandbox.clock.advance(3600)
    assert emergency.cut().failure is None


def test_a_sync_that_waits_for_an_approval_is_no_access(emergency: Emergency) -> None:
    emergency.sandbox.profile = Profile(scan_gated="gated")
    policy = {"quorum": {"n": 1, "members": [{"user": emergency.sandbox.world.administrator.user_id}]}}
    emergency.sandbox.do(lambda state: setattr(emergency.stored(state), "approval_policy", policy))

    run = emergency.cut()

    (evidence,) = map(read, emergency.evidence)
    (proof,) = evidence["proofs"]
    assert (proof["verdict"], evidence["complete"]) == ("unknown", True)
    assert "DSM requires an approval for this operation" in proof["sync"]
    assert (run.failure is not None, proof["diagnosis"]) == (True, "application-disabled")


def test_what_is_refused_is_told_with_everything_else_done_and_can_be_finished(emergency: Emergency) -> None:
    emergency.sandbox.faults.add(Fault(*SWITCH, status=403, body=REFUSAL))

    stopped = emergency.cut()
    (evidence,) = map(read, emergency.evidence)
    emergency.sandbox.faults.clear()
    finished = emergency.cut()

    assert "1 of 3 steps failed" in str(stopped.failure)
    assert [step["state"] for step in evidence["steps"]] == ["done", "done", "failed"]
    assert finished.failure is None
    assert emergency.cutoff.held()["enabled"] is False
    assert len(read(emergency.record)["stores"][0]["policies"]) == 1


@pytest.mark.usefixtures("passing")
def test_dsm_that_does_not_answer_keeps_nothing_from_being_cut(emergency: Emergency) -> None:
    emergency.sandbox.faults.add(Fault("dsm", status=503, times=None))

    run = emergency.cut(break_glass_vaults=[{"resource_id": emergency.azure.resource_id}])

    assert run.failure is not None
    assert emergency.cutoff.held() == {"policies": [], "roles": [], "local": [], "enabled": False}


def test_check_mode_of_the_way_back_changes_nothing(emergency: Emergency) -> None:
    emergency.cut()
    record, cut, mark = emergency.record.read_bytes(), emergency.cutoff.held(), emergency.sandbox.journal.mark()

    planned = emergency.restore(check=True)

    assert (planned.failure, emergency.cutoff.held(), emergency.writes(mark)) == (None, cut, [])
    assert emergency.record.read_bytes() == record


def test_a_second_restore_changes_nothing(emergency: Emergency) -> None:
    emergency.cut()
    emergency.restore()

    again = emergency.restore()

    assert (again.failure, again.changed) == (None, [])


def test_a_new_credential_goes_to_the_groups_when_the_old_one_is_gone(emergency: Emergency) -> None:
    emergency.cut(break_glass_cut_credentials=True)
    secret = emergency.azure.do(lambda state: state.add_secret(emergency.azure.app).value)

    restored = emergency.restore(restore_access_link_client_secret=secret)

    assert restored.failure is None
    assert "cannot be restored" in str(restored.named("Report the result")["msg"])
    assert restored.named("Test the connections in DSM")["connected"] is True
    assert secret not in str(restored.steps)


def test_without_a_record_nothing_is_restored(emergency: Emergency) -> None:
    refused = emergency.restore()

    assert "No record was found at" in str(refused.failure)
    assert emergency.sandbox.journal.since(0) == []
