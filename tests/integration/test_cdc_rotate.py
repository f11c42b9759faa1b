# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role and the playbook that keep the credentials of all applications current."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.azure_rights import AzureRights
from support.playbook import ROOT, Ansible, Run
from support.role_in_process import PlaybookPlayer, RoleRun
from support.rotations import DUE, LONG, Rotations

ROTATE = ROOT / "playbooks" / "rotate_credentials.yml"


@pytest.fixture
def rotations(azure: AzureRights) -> Rotations:
    return Rotations(azure)


# What the test has created is seconds old.
GIVEN = {
    "cdc_rotate_renew_before_days": DUE,
    "cdc_rotate_valid_days": LONG,
    "cdc_rotate_wait_timeout": 20,
    "cdc_rotate_takeover_after": 0,
}


@pytest.fixture
def rotate(rotations: Rotations, tmp_path: Path) -> Any:
    ansible = Ansible(rotations.azure.sandbox.environment(), tmp_path)

    def run(**variables: Any) -> Run:
        show = {"ANSIBLE_SHOW_CUSTOM_STATS": "1"}
        return ansible.playbook(ROTATE, variables={**GIVEN, **variables}, environment=show)

    return run


def in_process(rotations: Rotations, *, check: bool = False, **variables: Any) -> RoleRun:
    azure = rotations.azure
    options, given = {**azure.operator, **azure.dsm_login}, {**GIVEN, **variables}
    return PlaybookPlayer("rotate_credentials").play(RoleRun(given, options, azure.sandbox.proxy_url, check))


def results(run: Run) -> list[dict[str, Any]]:
    facts = [one for one in run.outcomes if "Application | Keep the summary" in one.task]
    found: list[dict[str, Any]] = facts[-1]["ansible_facts"]["cdc_rotate_results"]
    return found


@pytest.mark.every_core
def test_every_application_that_groups_use_is_seen_to(rotations: Rotations, rotate: Any) -> None:
    rotations.started("one", "two", type="secret")

    made = rotate()

    assert made.code == 0, made.output
    (told,) = results(made)
    assert (told["changed"], told["planned"], told["groups"]) == (True, False, 2)
    assert f'"next_end": "{told["ends"]}"' in made.output
    (only,) = rotations.ours()
    assert rotations.held() == {"one": only, "two": only}


def test_an_application_is_planned_for_seen_to_and_then_left_alone(rotations: Rotations) -> None:
    rotations.started("one", "two", type="secret")
    mark = rotations.azure.sandbox.journal.mark()

    planned = in_process(rotations, check=True)
    assert rotations.azure.sandbox.journal.writes(since=mark) == []
    made = in_process(rotations)
    mark = rotations.azure.sandbox.journal.mark()
    again = in_process(rotations)

    assert [run.failure for run in (planned, made, again)] == [None, None, None]
    told = [run.facts["cdc_rotate_results"][0] for run in (planned, made, again)]
    assert [(one["changed"], one["planned"]) for one in told] == [(True, True), (True, False), (False, False)]
    assert rotations.azure.sandbox.journal.writes(since=mark) == []
    (only,) = rotations.ours()
    assert rotations.held() == {"one": only, "two": only}


MISSING = "00000000-0000-4000-8000-000000000009"
NONE_SUCH = f"{MISSING}: Entra, application {MISSING}: this application does not exist"


def test_an_application_that_fails_does_not_stop_the_others(rotations: Rotations) -> None:
    rotations.started("one", type="secret")
    both = [{"client_id": MISSING}, {"client_id": rotations.azure.app}]

    run = in_process(rotations, cdc_rotate_applications=both)

    told = run.facts["cdc_rotate_results"]
    assert [(bool(one["error"]), one["changed"]) for one in told] == [(True, False), (False, True)]
    assert NONE_SUCH in str(run.failure)


@pytest.mark.long
@pytest.mark.every_core
def test_an_application_that_fails_does_not_stop_the_others_in_ansible(rotations: Rotations, rotate: Any) -> None:
    rotations.started("one", type="secret")

    run = rotate(cdc_rotate_applications=[{"client_id": MISSING}, {"client_id": rotations.azure.app}])

    assert run.code != 0
    assert [bool(one["error"]) for one in results(run)] == [True, False]
    assert results(run)[1]["changed"]
    stop = run.named("Fail if a credential could not be checked or renewed")
    assert NONE_SUCH in stop["msg"]
