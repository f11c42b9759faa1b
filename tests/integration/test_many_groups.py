# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One group for each host of an inventory; what they share is made once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from sandbox import Sandbox
from support.playbook import ROOT, Ansible, Run

SETUP = ROOT / "playbooks" / "setup.yml"
SCAN = "/sys/v1/groups/{group_id}/hmg/scan"
HOSTS, APPLICATIONS, VAULTS = 20, 2, 3
PAIRS = APPLICATIONS * VAULTS


def inventory(sandbox: Sandbox, directory: Path) -> Path:
    view = sandbox.world.public
    hosts = {}
    for number in range(HOSTS):
        application, vault = number % APPLICATIONS, number % VAULTS
        pair = {
            "certificate_path": f"{directory}/app-{application}.crt",
            "key_path": f"{directory}/app-{application}.key",
        }
        hosts[f"akv-{number:02}"] = {
            "cdc_setup_name": f"akv-{number:02}",
            "cdc_setup_application": {"unique_name": f"fortanix-{application}", "generate_certificate": pair},
            "cdc_setup_azure_vault": {
                "name": f"akv-shared-{vault}",
                "resource_group": "rg-keys",
                "location": "westeurope",
                "type": "premium",
                "permission_model": "rbac",
            },
        }
    shared = {
        "cdc_setup_link_tenant_id": view.tenant_id,
        "cdc_setup_link_subscription_id": view.subscription_id,
        "cdc_setup_repair_prerequisites": True,
        "cdc_setup_wait_interval": 0,
    }
    file = directory / "groups.yml"
    file.write_text(yaml.safe_dump({"all": {"vars": shared, "children": {"cdc": {"hosts": hosts}}}}), encoding="utf-8")
    return file


class Setup:
    """The playbook, run on the inventory."""

    def __init__(self, sandbox: Sandbox, directory: Path) -> None:
        self._ansible = Ansible(sandbox.environment(), directory)
        self._inventory = inventory(sandbox, directory)

    def __call__(self, *arguments: str, check: bool = False) -> Run:
        given = ["-i", str(self._inventory), "--forks", "10", *arguments]
        return self._ansible.playbook(SETUP, variables={"cdc_setup_hosts": "cdc"}, arguments=given, check=check)


@pytest.fixture
def set_up(own_sandbox: Sandbox, tmp_path: Path) -> Setup:
    return Setup(own_sandbox, tmp_path)


def test_twenty_hosts_make_two_applications_and_three_vaults_once(own_sandbox: Sandbox, set_up: Setup) -> None:
    made = set_up()
    assert made.code == 0, made.output
    counted = Counter(entry.plane for entry in own_sandbox.journal.writes())
    assert counted == {
        # The application, its service principal, its certificate and permission.
        "graph": 3 * APPLICATIONS,
        # The vaults, one role for the whole subscription, and two assignments for each pair.
        "arm": VAULTS + 1 + 2 * PAIRS,
        # The group with its link, and the sync.
        "dsm": 2 * HOSTS,
    }

    mark = own_sandbox.journal.mark()
    limited = set_up("--limit", "akv-07")
    assert {outcome.host for outcome in limited.outcomes} == {"akv-07"}
    # The vault is empty, and a group without keys is synced each time.
    assert {entry.route for entry in own_sandbox.journal.writes(since=mark)} <= {SCAN}


def test_many_hosts_are_planned_with_what_they_share(own_sandbox: Sandbox, set_up: Setup) -> None:
    planned = set_up("--limit", "akv-00,akv-01,akv-02,akv-03", check=True)

    assert planned.code == 0, planned.output
    assert own_sandbox.journal.writes() == []
    made = Counter(outcome.task.rpartition(" : ")[2] for outcome in planned.outcomes if outcome.changed)
    assert made["Application | Register it, with its certificate (guide 4.1)"] == 2
    assert made["Vault | Make it, or look whether it is as wanted (guide 4.1)"] == 3
    assert made["Group | The group and its link (guide 4.3)"] == 4
