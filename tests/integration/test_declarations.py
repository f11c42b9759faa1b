# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user declares is what the roles do: nothing is dropped, and a mistake is refused before any request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fortanix.dsm.plugins.filter.declared_groups import declared_groups
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_compliance_info
from integration.test_compliance_drift import compared
from sandbox import Sandbox
from support.azure_rights import AzureRights
from support.operate import Operator
from support.playbook import ROOT, Ansible, Run
from support.role_in_process import PlaybookPlayer, RolePlayer, RoleRun

PLAYBOOKS = ROOT / "playbooks"
CLOSED: dict[str, Any] = {
    "name": "akv-closed",
    "resource_group": "rg-keys",
    "location": "westeurope",
    "type": "premium",
    "permission_model": "rbac",
    "public_network_access": "disabled",
    "default_action": "deny",
    "ip_rules": ["192.0.2.0/24"],
    "purge_protection": False,
}


@pytest.fixture
def started(own_sandbox: Sandbox, tmp_path: Path) -> Ansible:
    return Ansible(own_sandbox.environment(), tmp_path)


def group(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    view = sandbox.world.public
    return {
        "cdc_setup_name": "akv-closed",
        "cdc_setup_link_client_id": view.client_id,
        "cdc_setup_link_tenant_id": view.tenant_id,
        "cdc_setup_link_subscription_id": view.subscription_id,
        "cdc_setup_wait_interval": 0,
        **more,
    }


def refused(run: Run, sandbox: Sandbox) -> str:
    """Why the run has ended, all in words and before the first request."""
    assert run.code != 0
    assert sandbox.journal.since() == []
    assert "undefined" not in run.output
    return run.output


def run_of(azure: AzureRights, variables: dict[str, Any], *, check_mode: bool = False) -> RoleRun:
    """A run in this process that is still to be played."""
    options = {**azure.operator, **azure.dsm_login}
    return RoleRun(variables, options, azure.sandbox.proxy_url, check_mode)


def refused_in_process(run: RoleRun, azure: AzureRights) -> str:
    """The same of a run in this process."""
    told = str(run.failure)
    assert run.failure is not None
    assert azure.sandbox.journal.since() == []
    assert "undefined" not in told
    return told


@pytest.mark.every_core
def test_a_typo_stops_a_play_before_anything_is_asked(own_sandbox: Sandbox, started: Ansible) -> None:
    misspelt = {name: value for name, value in CLOSED.items() if name != "purge_protection"} | {
        "purge_protecton": False
    }

    run = started.playbook(PLAYBOOKS / "setup.yml", variables=group(own_sandbox, cdc_setup_azure_vault=misspelt))

    told = "cdc_setup_azure_vault: unknown key purge_protecton: did you mean purge_protection?"
    assert told in refused(run, own_sandbox)


def test_a_vault_is_made_as_it_is_declared(azure: AzureRights) -> None:
    given = group(azure.sandbox, cdc_setup_azure_vault=CLOSED, cdc_setup_check_prerequisites=False)

    made = RolePlayer("cdc_setup").play(run_of(azure, given), "shared")

    assert made.failure is None
    vault = azure.do(lambda state: state.vaults["akv-closed"])
    assert vault is not None
    changes = made.named("Vault | Make it")["diff"]["after"]
    shown = {name: changes[name] for name in CLOSED if name in changes}
    assert {
        "public_network_access": "disabled",
        "default_action": "deny",
        "purge_protection": False,
    }.items() <= shown.items()
    assert shown["ip_rules"] == ["192.0.2.0/24"]


def test_network_rules_that_are_declared_are_compared(azure: AzureRights) -> None:
    name = azure.group()
    vault = {
        "name": azure.vault,
        "resource_group": "rg-keys",
        "default_action": "deny",
        "public_network_access": "disabled",
    }
    hosts = {
        "payments": {
            "cdc_setup_name": name,
            "cdc_setup_link_client_id": azure.app,
            "cdc_setup_link_client_secret": "canary",
            "cdc_setup_azure_vault": {**vault, "initial_admin_object_ids": ["id"], "on_soft_deleted": "recover"},
            "cdc_setup_check_prerequisites": False,
        }
    }

    found = compared(azure, declared_groups(hosts, ["payments"]))

    (change,) = found["vault-differs-from-declared"]["evidence"]["changes"]
    assert change["before"] == {"default_action": "allow", "public_network_access": "enabled"}
    assert change["after"] == {"default_action": "deny", "public_network_access": "disabled"}
    assert found["vault-differs-from-declared"]["evidence"]["not_compared"].keys() == {
        "link_client_secret",
        "azure_vault.initial_admin_object_ids",
    }


def test_what_is_declared_and_not_compared_is_said_where_nothing_differs(azure: AzureRights) -> None:
    name = azure.group()
    hosts = {"payments": {"cdc_setup_name": name, "cdc_setup_link_client_secret": "canary"}}

    found = compared(azure, declared_groups(hosts, ["payments"]))

    fine = found["as-declared"]
    assert fine["status"] == "ok"
    assert "Not compared: link_client_secret" in fine["actual"]
    assert fine["evidence"]["declared_by"] == "payments"
    assert "canary" not in str(found)


def test_admin_consent_that_is_declared_is_compared(azure: AzureRights) -> None:
    name = azure.group()
    declared = {
        "name": name,
        "application": {"client_id": azure.app, "admin_consent": True},
        "check_prerequisites": False,
    }

    report = Operator(azure.sandbox.environment())(
        cdc_compliance_info, **azure.operator, declared=[declared], check_connections=False
    )

    (found,) = [one for one in report["groups"][0]["findings"] if one["id"] == "application-differs-from-declared"]
    (change,) = found["evidence"]["changes"]
    assert (change["before"], change["after"]) == ({}, {"scope": "user_impersonation"})


# Forgotten and misspelt variables -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("playbook", "variables", "words"),
    [
        ("setup", {}, "cdc_setup_name is not set, and cdc_setup_groups is empty: there is no group to set up."),
        ("setup", {"cdc_setup_grup": [{"name": "a"}]}, "did you mean cdc_setup_groups?"),
        ("setup", {"cdc_setup_groups": [{"name": "a"}, {"name": "a"}]}, 'cdc_setup_groups lists the name "a" twice'),
        ("step_by_step", {}, "cdc_setup_name is not set"),
        (
            "step_by_step",
            {"cdc_setup_groups": [{"name": "a"}], "cdc_setup_link_tenant_id": "t"},
            "cdc_setup_groups is set but not used here. Give the variables with -e @my-group.yml.",
        ),
        ("rotate_credentials", {"cdc_rotate_valid_dais": 9}, "did you mean cdc_rotate_valid_days?"),
        (
            "rotate_credentials",
            {"cdc_rotate_applications": [{"clientid": "x"}]},
            "unknown key clientid: did you mean client_id?",
        ),
        ("compliance", {"cdc_compliance_polcy": {"fail_on": "never"}}, "did you mean cdc_compliance_policy?"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_playbook_says_what_is_missing_or_misspelt(
    azure: AzureRights, playbook: str, variables: dict[str, Any], words: str
) -> None:
    run = PlaybookPlayer(playbook).play(run_of(azure, variables))

    assert words in refused_in_process(run, azure)


def test_names_that_are_templates_are_compared_when_they_are_known(azure: AzureRights) -> None:
    from ansible.template import trust_as_template

    names = [{"name": trust_as_template("{{ prefix }}-1")}, {"name": "akv-1"}]
    given = group(azure.sandbox, cdc_setup_groups=names, prefix="akv")

    run = PlaybookPlayer("setup").play(run_of(azure, given))

    assert 'both declare the group "akv-1"' in refused_in_process(run, azure)


def test_hosts_that_do_not_wait_for_each_other_are_refused(
    own_sandbox: Sandbox, started: Ansible, tmp_path: Path
) -> None:
    shared = group(own_sandbox, cdc_setup_azure_vault=CLOSED)
    hosts = {f"akv-{number}": {"cdc_setup_name": f"akv-{number}"} for number in range(2)}
    inventory = tmp_path / "groups.yml"
    inventory.write_text(yaml.safe_dump({"cdc": {"hosts": hosts, "vars": shared}}), encoding="utf-8")

    run = started.playbook(
        PLAYBOOKS / "setup.yml",
        variables={"cdc_setup_hosts": "cdc"},
        arguments=["-i", str(inventory)],
        environment={"ANSIBLE_STRATEGY": "free"},
    )

    assert "strategy: linear" in refused(run, own_sandbox)
    assert "HostVarsVars" not in run.output


@pytest.mark.parametrize("value", [False, "false"])
def test_the_steps_go_on_without_a_check_of_the_prerequisites(azure: AzureRights, value: Any) -> None:
    given = {
        "cdc_setup_vault": {"name": "akv-sandbox-prem"},
        "cdc_setup_link_client_secret": azure.view.client_secret,
        "cdc_setup_check_prerequisites": value,
    }

    run = PlaybookPlayer("step_by_step").play(run_of(azure, group(azure.sandbox, **given), check_mode=True))

    assert run.failure is None
    assert run.steps[0].name == "4.3 Configure the group with its link"
