# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user declares: one table of options, which the roles, the modules and the report agree with; and its check."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleLookupError

from ansible_collections.fortanix.dsm.plugins.lookup.wrong_variables import LookupModule
from ansible_collections.fortanix.dsm.plugins.module_utils._declaration import applications, vaults
from ansible_collections.fortanix.dsm.plugins.module_utils._declaration.check import near_miss, wrong_variables
from ansible_collections.fortanix.dsm.plugins.module_utils._declaration.groups import (
    DECLARED,
    GROUP,
    NOT_COMPARED,
    OF_A_RUN,
    leaves,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._declaration.roles import KEPT, OF_PLAYBOOKS, ROLES
from unit.builders import ROOT, spec_of

each_role = pytest.mark.parametrize("role", sorted(ROLES))
VAULT = {"name": "akv", "resource_group": "rg"}
SETUP: Mapping[str, Any] = {"cdc_setup_groups": [], "cdc_setup_name": "akv", "cdc_setup_link_client_id": "id"}


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def stated(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as both sides state them. Whether a value is logged is said where it is a secret."""
    return {
        name: {
            "type": option.get("type", "str"),
            "choices": option.get("choices"),
            "elements": option.get("elements"),
            "required": bool(option.get("required")),
            "no_log": bool(option.get("no_log")),
            "options": stated(option.get("options") or {}),
        }
        for name, option in options.items()
    }


def setup(**given: Any) -> list[str]:
    return wrong_variables("cdc_setup", {**SETUP, **{f"cdc_setup_{name}": value for name, value in given.items()}})


# One table ------------------------------------------------------------------------------------------------------------


@each_role
def test_the_argument_specification_of_a_role_is_the_table_of_its_variables(role: str) -> None:
    specified = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]

    assert stated(specified) == stated({f"{role}_{name}": option for name, option in ROLES[role].items()})


@pytest.mark.parametrize(
    ("table", "module", "path", "names"),
    [
        (vaults.AZURE_VAULT, "azure_kv_vault", (), {}),
        (vaults.VAULT, "azure_kv_prereqs", ("vault",), {}),
        (applications.PAIR, "azure_kv_app", ("generate_certificate",), {}),
        (applications.CREDENTIAL, "cdc_credential", (), {}),
        (
            {name: one for name, one in applications.APPLICATION.items() if name != "credential"},
            "azure_kv_app",
            (),
            {"client_id": "app_client_id", "unique_name": "app_unique_name"},
        ),
    ],
    ids=["azure_vault", "vault", "generate_certificate", "credential", "application"],
)
def test_a_structure_takes_what_the_module_takes(
    table: Any, module: str, path: tuple[str, ...], names: Mapping[str, str]
) -> None:
    of_module: Any = spec_of(module).argument_spec
    for step in path:
        of_module = of_module[step]["options"]

    expected = {name: of_module[names.get(name, name)] for name in table}
    assert stated(table) == stated(expected)


def test_everything_that_can_be_declared_is_compared_or_said_not_to_be() -> None:
    compared = set(leaves(DECLARED["options"])) - {"host", "not_compared"}
    # One file stands for the structure.
    compared = (compared - {"application.certificate_path"}) | {"application.generate_certificate.certificate_path"}
    # That by which an application is found; otherwise it is not compared.
    twice = {"application.display_name"}

    assert compared | set(NOT_COMPARED) | OF_A_RUN == set(leaves(GROUP))
    assert (compared & set(NOT_COMPARED)) == twice
    assert not OF_A_RUN & (compared | set(NOT_COMPARED))


# Structures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"azure_vault": {**VAULT, "purge_protecton": False}},
            "cdc_setup_azure_vault: unknown key purge_protecton: did you mean purge_protection?",
        ),
        (
            {"azure_vault": {**VAULT, "xyz": 1}},
            "cdc_setup_azure_vault: unknown key xyz. Valid names: name, resource_group,",
        ),
        ({"azure_vault": {"name": "akv"}}, "cdc_setup_azure_vault.resource_group is not set."),
        (
            {"azure_vault": {**VAULT, "type": "premum"}},
            "cdc_setup_azure_vault.type must be one of standard, premium, managed_hsm.",
        ),
        ({"azure_vault": {**VAULT, "retention_days": "ninety"}}, "retention_days must be an integer."),
        ({"azure_vault": {**VAULT, "purge_protection": "perhaps"}}, "purge_protection must be true or false."),
        ({"azure_vault": {**VAULT, "ip_rules": {"a": 1}}}, "cdc_setup_azure_vault.ip_rules must be a list."),
        (
            {"azure_vault": {**VAULT, "location": ["westeurope"]}},
            "location must be a single value, not a list or dictionary.",
        ),
        ({"azure_vault": "akv"}, "cdc_setup_azure_vault must be a dictionary."),
        ({"vault": {"type": "premium"}}, "cdc_setup_vault requires one of name, resource_id, uri, tags."),
        ({"vault": {"name": "a", "uri": "b"}}, "cdc_setup_vault.name and uri are both set: set only one."),
        (
            {
                "application": {
                    "unique_name": "a",
                    "generate_certificate": {"certificate_path": "a.crt", "keypath": "k"},
                }
            },
            "cdc_setup_application.generate_certificate: unknown key keypath: did you mean key_path?",
        ),
        (
            {"application": {"unique_name": "a", "credential": {"valid_day": 3}}},
            "cdc_setup_application.credential: unknown key valid_day: did you mean valid_days?",
        ),
        (
            {"tls": {"validate_hosts": True}},
            "cdc_setup_tls: unknown key validate_hosts: did you mean validate_host?",
        ),
        ({"groups": {"name": "akv"}}, "cdc_setup_groups must be a list."),
        (
            {"groups": [{"name": "akv", "vualt": {}}]},
            "cdc_setup_groups[0]: unknown key vualt: did you mean vault?",
        ),
        (
            {"groups": [{"name": "akv"}, {"name": "b", "azure_vault": {**VAULT, "tag": {}}}]},
            "cdc_setup_groups[1].azure_vault: unknown key tag: did you mean tags?",
        ),
        ({"rights_profile": "everything"}, "cdc_setup_rights_profile must be one of guide, least_privilege, explicit."),
        ({"key_permissions": ["get", "gte"]}, "cdc_setup_key_permissions must be one of get, list,"),
    ],
)
def test_what_is_wrong_in_a_structure_is_named_with_its_place(given: Mapping[str, Any], problem: str) -> None:
    assert any(problem in found for found in setup(**given)), setup(**given)


@pytest.mark.parametrize(
    "given",
    [
        {
            "azure_vault": {
                **VAULT,
                "public_network_access": "disabled",
                "default_action": "deny",
                "ip_rules": ["1.2.3.4"],
            }
        },
        {"azure_vault": "{{ my_vault }}"},
        {"azure_vault": {**VAULT, "type": "{{ my_type }}", "purge_protection": "{{ my_choice }}", "location": None}},
        {"groups": "{{ my_groups }}", "name": None},
        {"groups": [{"name": "{{ prefix }}-1"}, {"name": "{{ prefix }}-1"}]},
        {"custom_metadata": {"anything": 1}, "key_permissions": "get, list"},
        {"check_prerequisites": "no", "sync_timeout": "60"},
    ],
)
def test_what_is_right_or_still_to_be_evaluated_passes(given: Mapping[str, Any]) -> None:
    assert setup(**given) == []


def test_no_value_is_evaluated_or_repeated() -> None:
    class Late:
        def __str__(self) -> str:
            raise AssertionError("evaluated")

    late = Late()
    secrets = {
        "link_client_secret": late,
        "tls": {"client_key": late, "client_kye": "canary"},
        "link_certificate": late,
    }

    (problem,) = setup(**secrets)
    assert "client_kye" in problem
    assert "canary" not in problem


# Names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("grup", "groups"),
        ("group", "groups"),
        ("azure_vualt", "azure_vault"),
        ("azurevault", "azure_vault"),
        ("applications", "application"),
        ("vaults", "vault"),
        ("naem", "name"),
        ("Name", "name"),
        ("link_tenantid", "link_tenant_id"),
        ("dsm_egress_adresses", "dsm_egress_addresses"),
        ("check_prerequisite", "check_prerequisites"),
        ("host", "hosts"),
    ],
)
def test_a_variable_that_is_close_to_one_of_the_role_is_refused(name: str, meant: str) -> None:
    (problem, *_others) = setup(**{name: ["canary"]})

    assert problem == f"cdc_setup_{name} is not a variable of the role cdc_setup: did you mean cdc_setup_{meant}?"


@pytest.mark.parametrize(
    "name", ["vault_name_prefix", "my_secret", "vault_2", "vault2", "tls_2", "region", "link_defaults", "names_of_all"]
)
def test_a_variable_of_the_users_own_passes(name: str) -> None:
    assert setup(**{name: 1}) == []


@each_role
def test_the_role_keeps_nothing_under_a_name_that_it_would_refuse(role: str) -> None:
    known = [*ROLES[role], *OF_PLAYBOOKS.get(role, ())]
    files = [*(ROOT / "roles" / role).glob("tasks/*.yml"), *(ROOT / "roles" / role).glob("vars/*.yml")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    kept = {*re.findall(rf"^\s*register: {role}_(\w+)", text, re.M)}
    made = {*re.findall(rf"^\s*{role}_(\w+):", text, re.M)}

    assert {name for name in kept if near_miss(name, known)} == set(KEPT.get(role, ()))
    assert {name for name in made if near_miss(name, known)} == set()


def test_the_result_of_a_task_is_not_taken_for_a_misspelt_variable() -> None:
    assert setup(group={"changed": False, "group": {}}, vaults={"changed": True, "results": []}) == []
    assert setup(group={"name": "akv"}) != []


def test_a_misspelt_variable_is_told_and_not_that_it_is_missing() -> None:
    given = {"cdc_compliance_directry": "/var/lib/compliance"}

    assert wrong_variables("cdc_compliance", given) == [
        "cdc_compliance_directry is not a variable of the role cdc_compliance: did you mean cdc_compliance_directory?"
    ]


# What is missing ------------------------------------------------------------------------------------------------------


def problems_of(role: str, **given: Any) -> Iterator[str]:
    yield from wrong_variables(role, {f"{role}_{name}": value for name, value in given.items()})


def test_a_set_up_without_variables_says_where_they_come_from() -> None:
    (problem,) = problems_of("cdc_setup", groups=[])

    assert problem.startswith("cdc_setup_name is not set, and cdc_setup_groups is empty")
    assert "-e @my-group.yml" in problem


@pytest.mark.parametrize(
    ("role", "given", "problem"),
    [
        ("cdc_setup", {"groups": [{"vault": {"name": "akv"}}]}, "cdc_setup_groups[0].name is not set."),
        ("cdc_setup", {"groups": [{"name": "a"}, {"name": " a "}]}, 'cdc_setup_groups lists the name "a" twice'),
        ("cdc_setup", {"groups": [{}, {}], "name": "akv"}, 'cdc_setup_groups lists the name "akv" twice'),
        (
            "cdc_setup",
            {"name": "a", "application": {"unique_name": "a", "credential": {}}, "link_subscription_id": "s"},
            "cdc_setup_link_tenant_id is not set. application.credential creates a link and requires it.",
        ),
        (
            "cdc_setup",
            {"name": "a", "vault": {"name": "akv"}, "check_prerequisites": True},
            "cdc_setup_link_client_id is not set. It is required to check the application's permissions at the vault",
        ),
        (
            "cdc_rotate",
            {"applications": [{"type": "secret"}]},
            "cdc_rotate_applications[0] requires one of client_id, unique_name",
        ),
        (
            "cdc_rotate",
            {"applications": [{"client_id": "A1"}, {"client_id": "a1"}]},
            "cdc_rotate_applications lists A1 twice",
        ),
        ("azure_prereqs", {"app_client_id": "id"}, "azure_prereqs_vaults is not set."),
        (
            "azure_prereqs",
            {"app_client_id": "id", "vaults": [{"name": "a"}, {"name": "A"}]},
            "azure_prereqs_vaults lists a twice",
        ),
        (
            "azure_prereqs",
            {
                "app_client_id": "id",
                "vaults": [{"uri": "https://a.vault.azure.net"}, {"uri": "https://A.vault.azure.net/"}],
            },
            "azure_prereqs_vaults lists https://a.vault.azure.net twice",
        ),
        (
            "azure_prereqs",
            {"app_client_id": "id", "vaults": [{"tags": {"Env": "a", "env": "b"}}]},
            "azure_prereqs_vaults[0].tags has the tag Env twice",
        ),
        (
            "cdc_setup",
            {"name": "a", "azure_vault": {"name": "akv", "resource_group": "rg", "tags": {"Env": "a", "env": "a"}}},
            "cdc_setup_azure_vault.tags has the tag Env twice",
        ),
        (
            "azure_prereqs",
            {"vaults": [{"nam": "a"}], "app_client_id": "i"},
            "vaults[0]: unknown key nam: did you mean name?",
        ),
        ("cdc_compliance", {}, "cdc_compliance_directory is not set."),
        (
            "cdc_compliance",
            {"directory": "/a", "policy": {"fial_on": "high"}},
            "cdc_compliance_policy: unknown key fial_on: did you mean fail_on?",
        ),
        (
            "cdc_compliance",
            {"directory": "/a", "policy": {"waivers": [{"id": "a", "reson": "b", "expires": "2027-01-01"}]}},
            "cdc_compliance_policy.waivers[0]: unknown key reson: did you mean reason?",
        ),
    ],
)
def test_what_is_missing_or_there_twice_is_said(role: str, given: Mapping[str, Any], problem: str) -> None:
    found = list(problems_of(role, **given))

    assert any(problem in one for one in found), found


@pytest.mark.parametrize(
    "tags", [{"ansible_run_tags": ("group",)}, {"ansible_run_tags": ("all",), "ansible_skip_tags": ("prerequisites",)}]
)
def test_nothing_is_missing_for_a_phase_that_does_not_run(tags: Mapping[str, Any]) -> None:
    given = {"cdc_setup_name": "akv", "cdc_setup_vault": {"name": "akv"}, "cdc_setup_check_prerequisites": True}

    assert wrong_variables("cdc_setup", {**given, **tags}) == []


# The lookup -----------------------------------------------------------------------------------------------------------


class Lookup(LookupModule):
    """With its options as given: Ansible reads their documentation only where it has loaded the plugin itself."""

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        self.given = {"needs": [], "ignores": [], **direct}

    def get_option(self, option: str, hostvars: Any = None) -> Any:
        return self.given[option]


def test_the_lookup_says_what_its_caller_needs_and_does_not_read() -> None:
    given = {**SETUP, "cdc_setup_groups": [{"name": "a"}], "cdc_setup_link_tenant_id": "t"}
    needs = ["cdc_setup_vault", "cdc_setup_link_tenant_id"]

    found = Lookup().run(["cdc_setup"], variables=given, needs=needs, ignores=["cdc_setup_groups"])

    assert found == ["cdc_setup_vault is not set.", "cdc_setup_groups is set but not used here."]


def test_the_lookup_refuses_a_role_that_it_does_not_know() -> None:
    with pytest.raises(AnsibleLookupError, match="Valid names: cdc_setup"):
        Lookup().run(["cdc_sutep"], variables={})
