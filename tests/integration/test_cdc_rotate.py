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
from support.rotations import DUE, LONG, Rotations

ROTATE = ROOT / "playbooks" / "rotate_credentials.yml"


@pytest.fixture
def rotations(azure: AzureRights) -> Rotations:
    return Rotations(azure)


@pytest.fixture
def rotate(rotations: Rotations, tmp_path: Path) -> Any:
    ansible = Ansible(rotations.azure.sandbox.environment(), tmp_path)

    def run(check: bool = False, **variables: Any) -> Run:
        given = {"cdc_rotate_renew_before_days": DUE, "cdc_rotate_valid_days": LONG, "cdc_rotate_wait_timeout": 20}
        # What the test has created is seconds old.
        given["cdc_rotate_takeover_after"] = 0
        show = {"ANSIBLE_SHOW_CUSTOM_STATS": "1"}
        return ansible.playbook(ROTATE, variables={**given, **variables}, check=check, environment=show)

    return run


def results(run: Run) -> list[dict[str, Any]]:
    facts = [one for one in run.outcomes if "Application | Summary" in one.task]
    found: list[dict[str, Any]] = facts[-1]["ansible_facts"]["cdc_rotate_results"]
    return found


@pytest.mark.every_core
def test_every_application_that_groups_use_is_seen_to_and_then_left_alone(rotations: Rotations, rotate: Any) -> None:
    rotations.started("one", "two", type="secret")
    mark = rotations.azure.sandbox.journal.mark()

    planned = rotate(check=True)
    assert rotations.azure.sandbox.journal.writes(since=mark) == []
    made = rotate()
    mark = rotations.azure.sandbox.journal.mark()
    again = rotate()

    assert [run.code for run in (planned, made, again)] == [0, 0, 0], made.output
    assert [results(run)[0][name] for run in (planned, made, again) for name in ("changed", "planned")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert results(made)[0]["groups"] == 2
    assert f'"next_end": "{results(again)[0]["ends"]}"' in again.output
    assert rotations.azure.sandbox.journal.writes(since=mark) == []
    (only,) = rotations.ours()
    assert rotations.held() == {"one": only, "two": only}


@pytest.mark.every_core
def test_an_application_that_fails_does_not_stop_the_others(rotations: Rotations, rotate: Any) -> None:
    rotations.started("one", type="secret")
    missing = "00000000-0000-4000-8000-000000000009"

    run = rotate(cdc_rotate_applications=[{"client_id": missing}, {"client_id": rotations.azure.app}])

    assert run.code != 0
    assert [bool(one["error"]) for one in results(run)] == [True, False]
    assert results(run)[1]["changed"]
    stop = run.named("Stop when an application could not be seen to")
    assert f"{missing}: Entra, application {missing}: there is no such application" in stop["msg"]
