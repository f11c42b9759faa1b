# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each step of cdc_groups has the parameters of the task of the role cdc_setup, for the same declaration and results.

Neither does anything here: what the steps return is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups.stored_groups import Group
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.azure_link import Link
from ansible_collections.fortanix.dsm.plugins.module_utils._fleet.logins import Operators
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    azure_kv_app,
    azure_kv_prereqs,
    azure_kv_prereqs_info,
    azure_kv_vault,
    cdc_account_info,
    cdc_connection,
    cdc_credential,
    cdc_group,
    cdc_groups,
    cdc_sync,
    cdc_tls,
    cdc_vault_select,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._options import AZURE, DSM
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task
from sandbox.authorities import self_signed
from support.role_in_process import RolePlayer, RoleRun

TENANT, CLIENT, SUBSCRIPTION = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "abc")
MADE = "dddddddd-1111-4111-8111-111111111111"
VAULT_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/akv-made"
URI = "https://akv-made.vault.azure.net/"
LOGIN = {"dsm_endpoint": "https://dsm.example.com", "dsm_api_key": "bm90OmE="}
OPERATIONS = (
    azure_kv_app,
    azure_kv_vault,
    azure_kv_prereqs,
    azure_kv_prereqs_info,
    cdc_credential,
    cdc_group,
    cdc_tls,
    cdc_connection,
    cdc_vault_select,
    cdc_sync,
)
NAMES = {operation: operation.__name__.rpartition(".")[2] for operation in OPERATIONS}


def group(planned: bool) -> dict[str, Any]:
    link = Link("global", TENANT, CLIENT, SUBSCRIPTION, vault_uri=URI, vault_type="premium")
    found = Group("akv", None if planned else MADE, external_kms="AzureKeyVault", link=link, planned=planned)
    return found.record(exists=not planned)


def results(planned: bool) -> dict[str, dict[str, Any]]:
    """What each module returns. ``planned``: as in check mode, on nothing that is there."""
    nil = "00000000-0000-0000-0000-000000000000"
    client_id = nil if planned else MADE
    vault = {"name": "akv-made", "uri": URI, "resource_id": VAULT_ID, "type": "premium", "permission_model": "rbac"}
    edit = {"changed": True, "pending": False, "group": group(planned)}
    return {
        "azure_kv_app": {
            "changed": True,
            "application": {"client_id": client_id, "object_id": client_id},
            "certificate": {"planned": planned},
            "credential_planned": planned,
        },
        "azure_kv_vault": {"changed": True, "vault": {**vault, "planned": planned}},
        "azure_kv_prereqs": {"changed": True, "verdict": "ok", "findings": []},
        "azure_kv_prereqs_info": {"changed": False, "verdict": "ok", "findings": []},
        "cdc_credential": {"changed": True, "new_groups": [{"name": "akv", "exists": not planned, "planned": planned}]},
        "cdc_group": edit,
        "cdc_tls": edit,
        "cdc_connection": {"changed": False, "status": "unknown" if planned else "connected"},
        "cdc_vault_select": edit,
        "cdc_sync": {"changed": True, "prediction": None, "key_count": 1},
    }


class Recorder(RolePlayer):
    """The role, whose modules return what is given."""

    def __init__(self, given: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__("cdc_setup")
        self._results = given
        self.steps: list[tuple[str, dict[str, Any]]] = []

    def _operation(self, run: RoleRun, module: str, arguments: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        name = module.removeprefix("fortanix.dsm.")
        if name == "cdc_account_info":
            return {"changed": False}
        operation = next(one for one, its_name in NAMES.items() if its_name == name)
        known = operation.SPEC.argument_spec
        login = {name: value for name, value in LOGIN.items() if name in known}
        validated = ModuleArgumentSpecValidator(**operation.SPEC.as_module_arguments()).validate(
            {**login, **deepcopy(dict(arguments))}
        )
        assert not validated.error_messages
        self.steps.append((name, own(validated.validated_parameters)))
        return dict(self._results[name])


def own(params: Mapping[str, Any]) -> dict[str, Any]:
    """Without the logins, but for what a step sets of them."""
    logins = {*DSM.argument_spec, *AZURE.argument_spec} - {"subscription_id", "cloud_environment"}
    return {name: value for name, value in params.items() if name not in logins}


def by_role(declared: Mapping[str, Any], check_mode: bool) -> list[tuple[str, dict[str, Any]]]:
    recorder = Recorder(results(check_mode))
    variables = {f"cdc_setup_{name}": value for name, value in declared.items()}
    run = recorder.play(RoleRun(variables, {}, "", check_mode))
    assert run.failure is None
    return recorder.steps


def by_module(
    declared: Mapping[str, Any], check_mode: bool, patch: pytest.MonkeyPatch
) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []

    def replaced(name: str) -> Any:
        def run_with(task: Task, *_others: Any, **_known: Any) -> dict[str, Any]:
            found.append((name, own(task.params)))
            return results(check_mode)[name]

        return run_with

    for operation, name in NAMES.items():
        patch.setattr(operation, "run_with", replaced(name))
    patch.setattr(cdc_account_info, "run_with", lambda *_given: {})
    patch.setattr(Operators, "of", lambda *_given: None)
    validated = ModuleArgumentSpecValidator(**cdc_groups.SPEC.as_module_arguments()).validate(
        {**LOGIN, "groups": [deepcopy(dict(declared))]}
    )
    assert not validated.error_messages
    cdc_groups.run(Task(validated.validated_parameters, check_mode, None, lambda _text: None))
    return found


LINK = {"name": "akv", "link_tenant_id": TENANT, "link_subscription_id": SUBSCRIPTION}
GIVEN = {**LINK, "link_client_id": CLIENT, "link_client_secret": "a~secret"}
AZURE_VAULT = {"name": "akv-made", "resource_group": "rg", "location": "westeurope", "type": "premium"}
CREDENTIAL = {
    "type": "secret",
    "valid_days": 90,
    "renew_before_days": 10,
    "renew": "always",
    "key_size": 4096,
    "proof": "sync",
    "grace_time": 1,
    "remove_old": False,
    "takeover_after": 7,
}
OF_THE_RUN = {
    "update_credential": "on_create",
    "allow_disconnect": True,
    "allow_move": True,
    "on_not_connected": "warn",
    "sync": "always",
    "sync_timeout": 5,
    "wait_interval": 1,
    "wait_timeout": 2,
    "link_format": "modern",
    "link_certificate_format": "pem",
    "description": "text",
    "custom_metadata": {"a": "b", "c": None},
    "azure_service": "global",
    "approval": "fail",
}
RIGHTS = {
    "rights_profile": "least_privilege",
    "key_permissions": ["get", "list"],
    "dsm_egress_addresses": ["192.0.2.1"],
    "renew_before_days": 3,
    "app_object_id": CLIENT,
    "data_role": "crypto_officer",
}
DECLARATIONS: dict[str, dict[str, Any]] = {
    "least": {**GIVEN, "check_prerequisites": False},
    "vault": {**GIVEN, "vault": {"name": "akv-made", "type": "premium", "resource_group": "rg"}},
    "run": {**GIVEN, **OF_THE_RUN, "vault": {"uri": URI}, "sync": "on_change"},
    "never": {**GIVEN, "vault": {"tags": {"a": "b"}}, "sync": "never", "tls": {"validate_host": True}},
    "rights": {**GIVEN, **RIGHTS, "vault": {"resource_id": VAULT_ID}, "repair_prerequisites": True},
    "government": {
        **GIVEN,
        "azure_service": "us_government",
        "vault": {"name": "akv-made"},
        "repair_prerequisites": True,
        **RIGHTS,
    },
    "made": {
        **LINK,
        **OF_THE_RUN,
        "application": {"unique_name": "app", "display_name": "App", "credential": CREDENTIAL},
        "azure_vault": {
            **AZURE_VAULT,
            "permission_model": "rbac",
            "purge_protection": False,
            "retention_days": 7,
            "public_network_access": "enabled",
            "default_action": "deny",
            "ip_rules": ["192.0.2.0/24"],
            "tags": {"x": "y"},
            "on_soft_deleted": "recover",
            "allow_disruptive": ["type"],
        },
        "repair_prerequisites": True,
    },
    "empty location": {**GIVEN, "azure_vault": {**AZURE_VAULT, "location": ""}, "vault": {"name": "akv-other"}},
}


def with_files(name: str, directory: Path) -> dict[str, Any]:
    """Declarations with certificates, whose files are there."""
    pair = self_signed("fortanix-dsm-cdc", algorithm="rsa")
    certificate, key = directory / "app.crt", directory / "app.key"
    certificate.write_text(pair.certificate_pem, encoding="utf-8")
    key.write_text(pair.key_pem, encoding="utf-8")
    generated = {
        "client_id": CLIENT,
        "generate_certificate": {"certificate_path": str(certificate), "key_path": str(key), "key_size": 2048},
        "api_permission": False,
        "admin_consent": True,
        "on_soft_deleted": "recover",
    }
    tls = {
        "ca_certificates": [pair.certificate_pem],
        "client_certificate": pair.certificate_pem,
        "client_key": pair.encrypted_key_pem("open sesame"),
        "client_key_passphrase": "open sesame",
    }
    certificates = {"link_certificate": str(certificate), "link_private_key": str(key)}
    return {
        "generated": {**LINK, "application": generated, "azure_vault": AZURE_VAULT, "tls": tls},
        "given certificate": {**LINK, "link_client_id": CLIENT, **certificates, "vault": {"uri": URI}, "tls": tls},
        "key in certificate": {
            **GIVEN,
            "vault": {"uri": URI},
            "tls": {"client_certificate": pair.certificate_pem + pair.key_pem},
        },
        "registered": {
            **LINK,
            "link_client_secret": "a~secret",
            "application": {"display_name": "App", "certificates": [pair.certificate_pem]},
            "vault": {"uri": URI},
            "app_certificate": pair.certificate_pem,
        },
    }[name]


@pytest.mark.parametrize("check_mode", [False, True], ids=["run", "check mode"])
@pytest.mark.parametrize("name", [*DECLARATIONS, "generated", "given certificate", "key in certificate", "registered"])
def test_the_steps_and_their_parameters_are_those_of_the_role(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, check_mode: bool
) -> None:
    declared = DECLARATIONS[name] if name in DECLARATIONS else with_files(name, tmp_path)

    expected = by_role(declared, check_mode)
    found = by_module(declared, check_mode, monkeypatch)

    assert [step for step, _params in found] == [step for step, _params in expected]
    assert found == expected


def test_null_in_a_group_of_the_roles_list_is_not_set() -> None:
    declared = next(iter(DECLARATIONS.values()))
    unset = dict.fromkeys(("allow_disconnect", "allow_move", "approval_wait", "sync_timeout", "description"))

    assert by_role({"groups": [{**declared, **unset}]}, check_mode=False) == by_role(declared, check_mode=False)
