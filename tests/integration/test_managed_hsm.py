# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.5: a Managed HSM instead of a vault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    cdc_connection,
    cdc_group,
    cdc_sync,
    cdc_vault_info,
    cdc_vault_select,
)
from sandbox import Profile, Sandbox
from sandbox.__main__ import welcome
from support.operate import Operator
from support.playbook import ROOT, Ansible

from .conftest import link_options

Given = Callable[..., dict[str, Any]]
POOL = {"name": "hsm-sandbox", "type": "managed_hsm"}


def test_a_pool_is_listed_chosen_tested_and_synced(operate: Operator, name: str, link: dict[str, str]) -> None:
    (pool,) = operate(cdc_vault_info, **link, type="managed_hsm")["vaults"]
    assert pool["uri"] == "https://hsm-sandbox.managedhsm.azure.net/"
    operate(cdc_group, name=name, **link)
    chosen = {"group_name": name, "vault": POOL, "link_client_secret": link["link_client_secret"]}
    assert [operate(cdc_vault_select, **chosen)["changed"] for _time in range(2)] == [True, False]
    group = operate(cdc_group, name=name, vault=POOL)["group"]
    assert group["link"]["vault"] == {**POOL, "uri": pool["uri"]}
    assert operate(cdc_connection, group_name=name)["connected"]
    assert operate(cdc_sync, group_name=name)["prediction"] is None


def test_a_pool_of_that_name_is_not_taken_for_a_vault(operate: Operator, name: str, link: dict[str, str]) -> None:
    with pytest.raises(TaskError, match="the type of the vault is not premium"):
        operate(cdc_group, name=name, **link, vault={"name": "hsm-sandbox", "type": "premium"})


@pytest.mark.parametrize("settings", [{"managed_hsm": "unknown", "version": "4.5.1"}, {"hsm_list_denied": "omitted"}])
def test_a_pool_that_is_not_seen_is_told_with_what_it_needs(own_sandbox: Sandbox, settings: dict[str, Any]) -> None:
    own_sandbox.profile = Profile(**settings)
    client_id = own_sandbox.world.public.client_id
    own_sandbox.do(lambda state: state.azure.public.revoke_role(client_id, "hsm-sandbox", "Reader"))
    with pytest.raises(TaskError, match=r"version 4\.6 or later") as refused:
        Operator(own_sandbox.environment())(cdc_group, name="akv", **link_options(own_sandbox), vault=POOL)
    assert "Key Vault Contributor does not include it" in str(refused.value)


def test_the_role_stops_early_when_dsm_is_too_old(own_sandbox: Sandbox, tmp_path: Path) -> None:
    own_sandbox.profile = Profile(managed_hsm="unknown", version="4.5.1")
    variables = {f"cdc_setup_{key}": value for key, value in link_options(own_sandbox).items()}
    run = Ansible(own_sandbox.environment(), tmp_path).playbook(
        ROOT / "playbooks" / "setup.yml", variables={**variables, "cdc_setup_name": "akv", "cdc_setup_vault": POOL}
    )
    assert "4.6" in run.message
    assert own_sandbox.journal.writes() == []


def test_the_pool_of_the_sandbox_is_set_up_with_a_repair_as_its_start_says(
    own_sandbox: Sandbox, tmp_path: Path
) -> None:
    world = own_sandbox.world
    variables = {f"cdc_setup_{key}": value for key, value in link_options(own_sandbox).items()}
    variables |= {"cdc_setup_name": "akv", "cdc_setup_vault": POOL}
    environment = own_sandbox.environment() | own_sandbox.operator_environment(world.public)
    play, ansible = ROOT / "playbooks" / "setup.yml", Ansible(environment, tmp_path)
    (line,) = [one for one in welcome(own_sandbox).splitlines() if world.public.managed_hsms["hsm-sandbox"].uri in one]

    refused = ansible.playbook(play, variables=variables)
    assert all(one in refused.message and one in line for one in ("keys/recover", "keys/purge"))
    assert "cdc_setup_repair_prerequisites: true" in line
    repaired = ansible.playbook(play, variables={**variables, "cdc_setup_repair_prerequisites": True})
    assert (repaired.code, Operator(environment)(cdc_connection, group_name="akv")["connected"]) == (0, True)
