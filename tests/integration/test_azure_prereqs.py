# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role azure_prereqs: several vaults judged, repaired when told so, and a stop on what must not be.

One judgement and one repair are run by ansible-playbook; the others are the role's tasks in this process.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.azure_rights import TEN, AzureRights
from support.playbook import Ansible, Run, local_play
from support.role_in_process import RolePlayer, RoleRun

GOOD, BAD = "akv-sandbox-std", "akv-sandbox-prem"


@pytest.fixture
def vaults(azure: AzureRights) -> AzureRights:
    """One vault that is right, and one that lacks the guide's permissions."""
    azure = AzureRights(azure.sandbox, vault=BAD)
    azure.do(lambda state: state.set_access_policy(BAD, azure.app, ["get"]))
    return azure


class Role:
    """Runs the role by ansible-playbook, with the operator's login from the environment; or its tasks in process."""

    def __init__(self, azure: AzureRights, directory: Path) -> None:
        self.azure, self.ansible = azure, Ansible(azure.sandbox.environment(), directory)

    def __call__(self, **options: Any) -> Run:
        view = self.azure.view
        play = local_play(
            module_defaults={"fortanix.dsm.azure_kv_prereqs": {"wait_interval": 0}},
            roles=["fortanix.dsm.azure_prereqs"],
        )
        environment = {
            "AZURE_TENANT_ID": view.tenant_id,
            "AZURE_CLIENT_ID": view.operator_client_id,
            "AZURE_CLIENT_SECRET": view.operator_client_secret,
            "AZURE_SUBSCRIPTION_ID": view.subscription_id,
        }
        return self.ansible.playbook([play], variables=self._variables(options), environment=environment)

    def in_process(self, *, check: bool = False, **options: Any) -> RoleRun:
        login = {**self.azure.operator, "wait_interval": 0}
        run = RoleRun(self._variables(options), login, self.azure.sandbox.proxy_url, check)
        return RolePlayer("azure_prereqs").play(run)

    def _variables(self, options: dict[str, Any]) -> dict[str, Any]:
        return {
            "azure_prereqs_vaults": [{"name": GOOD}, {"resource_id": self.azure.resource_id}],
            "azure_prereqs_app_client_id": self.azure.app,
            **{f"azure_prereqs_{name}": value for name, value in options.items()},
        }


@pytest.fixture
def role(vaults: AzureRights, tmp_path: Path) -> Role:
    return Role(vaults, tmp_path)


@pytest.mark.every_core
def test_the_role_stops_on_a_vault_that_lacks_a_right_and_writes_nothing(role: Role, vaults: AzureRights) -> None:
    mark = vaults.sandbox.journal.mark()

    run = role()

    assert run.code != 0
    assert f"{BAD} (failed):" in run.message
    assert f"{GOOD} (" not in run.message
    assert vaults.sandbox.journal.writes(since=mark) == []


@pytest.mark.every_core
def test_a_play_repairs(role: Role, vaults: AzureRights) -> None:
    run = role(repair=True)

    assert (run.code, len(run.changed)) == (0, 1), run.output
    assert vaults.usable() == set(TEN)


def test_the_role_repairs_and_then_changes_nothing(role: Role, vaults: AzureRights) -> None:
    runs = [role.in_process(repair=True) for _time in range(2)]

    assert [(run.failure, len(run.changed)) for run in runs] == [(None, 1), (None, 0)]
    assert vaults.usable() == set(TEN)


def test_the_role_tells_of_all_vaults_when_it_is_not_to_stop(role: Role) -> None:
    run = role.in_process(fail_on=[])

    results = run.facts["azure_prereqs_results"]
    assert [(one["vault"], one["verdict"]) for one in results] == [(GOOD, "warning"), (BAD, "failed")]


def test_the_role_predicts_its_repair_in_check_mode(role: Role, vaults: AzureRights) -> None:
    mark = vaults.sandbox.journal.mark()

    run = role.in_process(check=True, repair=True)

    assert (run.failure, len(run.changed)) == (None, 1)
    assert vaults.sandbox.journal.writes(since=mark) == []


def test_the_role_has_a_profile_of_its_own_choice(role: Role, vaults: AzureRights) -> None:
    run = role.in_process(repair=True, rights_profile="explicit", key_permissions=["get", "list"])

    assert (run.failure, vaults.usable()) == (None, {"get", "list"})
