# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tags of the role: each phase of a set-up alone, and a set-up without what others look after."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import Sandbox
from support.chain import Chain
from support.playbook import ROOT, Ansible, Run

SETUP = ROOT / "playbooks" / "setup.yml"


@pytest.fixture
def chain(own_sandbox: Sandbox, tmp_path: Path) -> Chain:
    chain = Chain(own_sandbox, tmp_path, "public", "rbac", "certificate")
    chain.variables["cdc_setup_wait_interval"] = 0
    return chain


@pytest.mark.every_core
def test_each_phase_runs_alone_by_its_tag(ansible: Ansible, chain: Chain) -> None:
    def run(*arguments: str) -> tuple[Run, list[str]]:
        mark = chain.sandbox.journal.mark()
        environment = {**chain.sandbox.environment()}
        done = ansible.playbook(SETUP, variables=chain.variables, arguments=arguments, environment=environment)
        assert done.code == 0, done.output
        return done, chain.writes(mark)

    registered, written = run("--tags", "application")
    assert written == ["graph"] * 3
    (made,) = registered.named("Application | Register it")["results"]
    # What a phase that is left out would have told is said by hand, as the guide says.
    chain.variables["cdc_setup_link_client_id"] = made["application"]["client_id"]
    assert run("--tags", "azure_vault")[1] == ["arm"]
    assert run("--tags", "prerequisites")[1] == ["arm"] * 3
    assert run("--tags", "group")[1] == ["dsm"] * 2

    chain.add_key(sync=False)
    without = ("--skip-tags", "application,azure_vault,prerequisites")
    assert run(*without)[1] == ["dsm"]
    again, written = run(*without)
    assert written == []
    assert again.changed == []
    # DSM is asked first all the same, and nobody asks Azure in the operator's name.
    assert again.named("Look whether DSM and the account allow this").status == "ok"
    assert {outcome.task for outcome in again.outcomes if "Vault |" in outcome.task} == set()
