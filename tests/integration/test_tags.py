# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tags of the role: each phase of a set-up alone, and a set-up without what others look after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.azure_rights import AzureRights
from support.chain import Chain
from support.playbook import ROOT, Ansible, Run

SETUP = ROOT / "playbooks" / "setup.yml"


@pytest.fixture
def chain(azure: AzureRights, tmp_path: Path) -> Chain:
    chain = Chain(azure.sandbox, tmp_path, "public", "rbac", "certificate")
    chain.variables["cdc_setup_wait_interval"] = 0
    return chain


@pytest.fixture
def set_up(ansible: Ansible, chain: Chain) -> Callable[..., tuple[Run, list[str]]]:
    """Runs the playbook with these arguments; gives back the planes that it has written to, too."""

    def run(*arguments: str) -> tuple[Run, list[str]]:
        mark = chain.sandbox.journal.mark()
        environment = {**chain.sandbox.environment()}
        done = ansible.playbook(SETUP, variables=chain.variables, arguments=arguments, environment=environment)
        assert done.code == 0, done.output
        return done, chain.writes(mark)

    return run


@pytest.mark.every_core
def test_a_phase_runs_alone_by_its_tag(set_up: Callable[..., tuple[Run, list[str]]]) -> None:
    registered, written = set_up("--tags", "application")

    assert written == ["graph"] * 3
    assert len(registered.named("Application | Register the application")["results"]) == 1


def test_phases_are_left_out_by_their_tags(set_up: Callable[..., tuple[Run, list[str]]], chain: Chain) -> None:
    made = chain.in_process()
    assert made.failure is None
    chain.add_key()
    # What a phase that is left out would have told is said by hand, as the guide says.
    registered = made.named("Application | Register the application")["application"]
    chain.variables["cdc_setup_link_client_id"] = registered["client_id"]

    again, written = set_up("--skip-tags", "application,azure_vault,prerequisites")

    assert (written, again.changed) == ([], [])
    # DSM is asked first all the same, and nobody asks Azure in the operator's name.
    assert again.named("Check that DSM and the account support the setup").status == "ok"
    assert {outcome.task for outcome in again.outcomes if "Vault |" in outcome.task} == set()


@pytest.mark.long
@pytest.mark.every_core
def test_each_phase_runs_alone_by_its_tag(set_up: Callable[..., tuple[Run, list[str]]], chain: Chain) -> None:
    registered, written = set_up("--tags", "application")
    assert written == ["graph"] * 3
    (made,) = registered.named("Application | Register the application")["results"]
    chain.variables["cdc_setup_link_client_id"] = made["application"]["client_id"]
    assert set_up("--tags", "azure_vault")[1] == ["arm"]
    assert set_up("--tags", "prerequisites")[1] == ["arm"] * 3
    assert set_up("--tags", "group")[1] == ["dsm"] * 2

    chain.add_key(sync=False)
    assert set_up("--skip-tags", "application,azure_vault,prerequisites")[1] == ["dsm"]
