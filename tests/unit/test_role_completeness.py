# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option of a module that a role runs can be set through the role, or is listed here with the reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fortanix.dsm.plugins.module_utils._options import AZURE, DSM
from unit.builders import ROOT, spec_of
from unit.test_specs_agree import calls_in, tasks_in

LOGINS = {*DSM.argument_spec, *AZURE.argument_spec} - {"subscription_id", "cloud_environment"}
_OF_THE_LINK = "the group of the step before has it, and a group that is only planned is tried with what it will have"
_REMOVAL = "the role sets up; playbooks/teardown.yml takes down"
_BY_RECORD = "the step takes the group that the step before has returned"
# (role, module) -> option -> why it cannot be set.
NOT_SET: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("cdc_setup", "azure_kv_app"): {
        "state": _REMOVAL,
        "remove_application": _REMOVAL,
        "group": _REMOVAL,
        "return_secret": "a secret would be in a result; application.credential hands it to DSM alone",
        "secret_days": "as return_secret",
        "subscription_id": "Entra knows no subscriptions",
    },
    ("cdc_setup", "azure_kv_vault"): {"state": _REMOVAL, "delete_vault_named": _REMOVAL, "group": _REMOVAL},
    ("cdc_setup", "azure_kv_prereqs"): {
        "state": _REMOVAL,
        "confirm_remove_policy": _REMOVAL,
        "group": _REMOVAL,
        "group_id": _REMOVAL,
        "group_name": _REMOVAL,
    },
    ("cdc_setup", "azure_kv_prereqs_info"): {},
    ("cdc_setup", "cdc_account_info"): {},
    ("cdc_setup", "cdc_credential"): {
        "state": "it has one value",
        "app_unique_name": "the step takes the client ID of the application",
        "app_display_name": "the step takes the client ID of the application",
        "link_certificate": "DSM alone gets the credential that the step makes",
        "link_private_key": "as link_certificate",
        "link_private_key_passphrase": "as link_certificate",
        "current_credential": "the role cdc_rotate migrates links that have another credential",
        "tls": "new_groups carry it",
        "keep_old_cas": "it is for links that have a TLS configuration already, which cdc_rotate renews",
        "subscription_id": "Entra knows no subscriptions",
    },
    ("cdc_setup", "cdc_group"): {"state": _REMOVAL, "group_id": "the role finds a group by its name"},
    ("cdc_setup", "cdc_tls"): {
        "group_id": _BY_RECORD,
        "group_name": _BY_RECORD,
        "state": "what is not declared stays as it is; tls declares what is to be there",
    },
    ("cdc_setup", "cdc_connection"): {
        "group_id": _BY_RECORD,
        "group_name": _BY_RECORD,
        **dict.fromkeys(("azure_service", "link_tenant_id", "link_client_id", "link_subscription_id"), _OF_THE_LINK),
    },
    ("cdc_setup", "cdc_vault_select"): {"group_id": _BY_RECORD, "group_name": _BY_RECORD},
    ("cdc_setup", "cdc_sync"): {"group_id": _BY_RECORD, "group_name": _BY_RECORD},
    ("cdc_setup", "cdc_groups"): dict.fromkeys(
        ("approval", "approval_wait", "subscription_id", "cloud_environment"), "each group of the list has its own"
    ),
    ("cdc_setup", "cdc_groups_report"): {},
    ("checked_variables", "cdc_groups_report"): dict.fromkeys(
        ("shared", "diff"), "the task is there for its code alone"
    ),
    ("azure_prereqs", "azure_kv_prereqs_info"): {
        "credential_planned": "the role registers no credential, so it has none to plan",
        "subscription_id": "it comes with the operator's login",
        "cloud_environment": "it comes with the operator's login",
    },
    ("azure_prereqs", "azure_kv_prereqs"): {
        "credential_planned": "the role registers no credential, so it has none to plan",
        "state": "the role judges and repairs; it takes no permission back",
        "confirm_remove_policy": "as state",
        "group": "as state",
        "group_id": "as state",
        "group_name": "as state",
        "wait_interval": "module_defaults of the play",
        "subscription_id": "it comes with the operator's login",
        "cloud_environment": "it comes with the operator's login",
    },
    ("cdc_rotate", "cdc_group_info"): {
        "kind": "only groups with a link to Azure have such a credential",
        "name": "applications names those that are meant",
        "group_id": "as name",
    },
    ("cdc_rotate", "cdc_credential"): {
        "state": "it has one value",
        "principal_planned": "groups log in with the application, so that it has one",
        "app_display_name": "a name that several applications may have is no way to find one each night",
        "link_certificate": "one certificate is of one application: a task of the module, and not a role for all",
        "link_private_key": "as link_certificate",
        "link_private_key_passphrase": "as link_certificate",
        "current_credential": "as link_certificate: the guide's migration is a task (docs/rotation.md)",
        "tls": "as link_certificate",
        "keep_old_cas": "as link_certificate",
        "new_groups": "the role cdc_setup makes groups",
        "subscription_id": "Entra knows no subscriptions",
        "wait_interval": "module_defaults of the play",
    },
    ("cdc_compliance", "cdc_group_info"): {
        "kind": "only groups with a link to Azure are checked",
        "name": "the list is read only where all groups are checked",
        "group_id": "as name",
    },
    ("cdc_compliance", "cdc_compliance_info"): {
        "subscription_id": "the report looks into the subscription of each link",
        "cloud_environment": "it comes with the operator's login",
    },
}


def passed_on() -> dict[tuple[str, str], set[str]]:
    """(role, module) -> the options that one of the role's tasks sets by an expression."""
    found: dict[tuple[str, str], set[str]] = {}
    for path in sorted(ROOT.glob("roles/*/tasks/*.yml")):
        tasks: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        for module, arguments in calls_in(tasks):
            found.setdefault((path.parts[-3], module), set()).update(arguments)
    return found


@pytest.mark.parametrize(("role", "module"), sorted(passed_on()))
def test_every_option_of_a_module_is_set_by_the_role_or_has_a_reason(role: str, module: str) -> None:
    options = spec_of(module).argument_spec.keys() - LOGINS
    reasons = NOT_SET[role, module]

    assert options - passed_on()[role, module] - reasons.keys() == set()


@pytest.mark.parametrize(("role", "module"), sorted(passed_on()))
def test_no_reason_is_given_for_what_the_role_sets(role: str, module: str) -> None:
    assert passed_on()[role, module] & NOT_SET[role, module].keys() == set()


@pytest.mark.parametrize("structure", ["application", "azure_vault"])
def test_every_key_of_a_structure_reaches_the_module(structure: str) -> None:
    specs = yaml.safe_load((ROOT / "roles/cdc_setup/meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = specs["argument_specs"]["main"]["options"][f"cdc_setup_{structure}"]["options"]
    files = [*ROOT.glob("roles/cdc_setup/tasks/*.yml"), *ROOT.glob("roles/cdc_setup/vars/*.yml")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    # `this_selector` is what finds the application, `this` what is noted of a group.
    read = [f"this_{structure}.{{}}", "selector.{}", "this.{}."]
    unused = [name for name in options if not any(one.format(name) in text for one in read)]

    assert unused == []


def test_every_key_of_the_credential_reaches_the_module() -> None:
    specs = yaml.safe_load((ROOT / "roles/cdc_setup/meta/argument_specs.yml").read_text(encoding="utf-8"))
    application = specs["argument_specs"]["main"]["options"]["cdc_setup_application"]["options"]
    text = (ROOT / "roles/cdc_setup/tasks/group.yml").read_text(encoding="utf-8")

    assert [name for name in application["credential"]["options"] if f"this.credential.{name} " not in text] == []


# Order only -----------------------------------------------------------------------------------------------------------

JUDGED = [
    *sorted(ROOT.glob("roles/*/tasks/*.yml")),
    *(
        ROOT / "playbooks" / f"{name}.yml"
        for name in ("awx", "compliance", "rotate_credentials", "setup", "step_by_step")
    ),
]


@pytest.mark.parametrize("path", JUDGED, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_condition_is_one_comparison(path: Path) -> None:
    conditions = [
        str(one)
        for task in tasks_in(yaml.safe_load(path.read_text(encoding="utf-8")))
        for given in (task.get("when"), task.get("ansible.builtin.assert", {}).get("that"))
        for one in (given if isinstance(given, list) else [given])
    ]

    # What is more belongs into a filter with tests.
    assert [one for one in conditions if re.search(r" and | or |selectattr|rejectattr|select\(", one)] == []


@pytest.mark.parametrize("path", JUDGED, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_message_has_no_logic(path: Path) -> None:
    messages = [
        str(task[action].get(field, ""))
        for task in tasks_in(yaml.safe_load(path.read_text(encoding="utf-8")))
        for action, field in (("ansible.builtin.assert", "fail_msg"), ("ansible.builtin.debug", "msg"))
        if action in task
    ]

    assert [one for one in messages if re.search(r"\{%| if .* else ", one)] == []
