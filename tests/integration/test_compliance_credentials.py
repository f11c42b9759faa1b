# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credential of a link in a compliance run, over the wire: each kind, in each way that one comes into a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_compliance_info, cdc_group
from sandbox.authorities import self_signed
from support.app_registrations import Apps
from support.azure_rights import AzureRights
from support.operate import Operator
from support.playbook import ROOT, Ansible
from support.rotations import LONG, Rotations

NAME = "akv"


def linked(azure: AzureRights, **credential: Any) -> None:
    options = Rotations(azure).new_group(NAME, link_client_id=azure.app, **credential)
    Operator(azure.sandbox.environment())(cdc_group, **options)


def secret_given(azure: AzureRights, _directory: Path) -> None:
    linked(azure, link_client_secret=azure.view.client_secret)


def certificate_given(azure: AzureRights, _directory: Path) -> None:
    pair = self_signed("given", algorithm="rsa")
    azure.do(lambda state: state.add_certificate(azure.app, pair.certificate))
    linked(azure, link_certificate=pair.certificate_pem, link_private_key=pair.key_pem)


def certificate_in_files(azure: AzureRights, directory: Path) -> None:
    apps = Apps(azure, directory)
    pair = apps.pair()
    apps(app_client_id=azure.app, generate_certificate=pair)
    linked(azure, link_certificate=pair["certificate_path"], link_private_key=pair["key_path"])


def secret_created(azure: AzureRights, _directory: Path) -> None:
    rotations = Rotations(azure)
    rotations(new_groups=[rotations.new_group(NAME)], type="secret", valid_days=LONG)


def certificate_created(azure: AzureRights, _directory: Path) -> None:
    rotations = Rotations(azure)
    rotations(new_groups=[rotations.new_group(NAME)], type="certificate", valid_days=LONG)


WAYS = (secret_given, certificate_given, certificate_in_files, secret_created, certificate_created)
# Of a secret that somebody gives, the record has no ID by which Entra knows it.
RECORDED = WAYS[1:]


def credential_findings(azure: AzureRights) -> list[Mapping[str, Any]]:
    result = Operator(azure.sandbox.environment())(cdc_compliance_info, **azure.operator)
    (group,) = result["groups"]
    return [one for one in group["findings"] if one["check"] == "credential"]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_registered_credential_is_in_order(
    azure: AzureRights, tmp_path: Path, way: Callable[[AzureRights, Path], None]
) -> None:
    way(azure, tmp_path)

    (found,) = credential_findings(azure)

    assert (found["id"], found["status"]) == ("credential-in-order", "ok")
    assert found["evidence"]["source"].startswith("entra")


@pytest.mark.parametrize("way", RECORDED, ids=lambda way: way.__name__)
def test_a_credential_that_was_removed_in_entra_is_told_as_that(
    azure: AzureRights, tmp_path: Path, way: Callable[[AzureRights, Path], None]
) -> None:
    way(azure, tmp_path)

    def remove(state: Any) -> None:
        app = state.directory.applications[azure.app]
        app.certificates.clear()
        # The sandbox's own one stays: of another kind, or another one than is on record.
        del app.secrets[1:]

    azure.do(remove)

    assert ("link-credential-not-in-entra", "failed") in [(f["id"], f["status"]) for f in credential_findings(azure)]


@pytest.mark.parametrize("way", [certificate_given, certificate_in_files], ids=lambda way: way.__name__)
def test_a_certificate_beside_others_is_told_apart_from_them(
    azure: AzureRights, tmp_path: Path, way: Callable[[AzureRights, Path], None]
) -> None:
    other = self_signed("another", algorithm="rsa")
    azure.do(lambda state: state.add_certificate(azure.app, other.certificate))
    way(azure, tmp_path)

    (found,) = credential_findings(azure)

    assert (found["status"], found["evidence"]["source"]) == ("ok", "entra and record")


@pytest.mark.long
@pytest.mark.parametrize("form", ["generate_certificate", "credential"])
def test_a_set_up_as_the_guide_for_beginners_has_it_passes(azure: AzureRights, tmp_path: Path, form: str) -> None:
    """docs/getting-started.md, with both kinds of its certificate."""
    sandbox, view = azure.sandbox, azure.view
    paths = {"certificate_path": str(tmp_path / "app.crt"), "key_path": str(tmp_path / "app.key")}
    credential = {"generate_certificate": paths, "credential": {"type": "certificate"}}[form]
    declared = {
        "cdc_setup_name": NAME,
        "cdc_setup_link_tenant_id": view.tenant_id,
        "cdc_setup_link_subscription_id": view.subscription_id,
        "cdc_setup_repair_prerequisites": True,
        "cdc_setup_wait_interval": 0,
        "cdc_setup_application": {"unique_name": "guide", "display_name": "Fortanix guide", form: credential},
        "cdc_setup_azure_vault": {
            "name": "akv-guide",
            "resource_group": "rg-keys",
            "location": "westeurope",
            "type": "premium",
            "permission_model": "rbac",
        },
    }
    ansible = Ansible({**sandbox.environment(), **sandbox.operator_environment(view)}, tmp_path)
    made = ansible.playbook(ROOT / "playbooks/setup.yml", variables=declared)
    assert made.code == 0, made.output
    azure.do(lambda state: state.assign_role(view.operator_client_id, "akv-guide", "Key Vault Reader"))

    checked = ansible.playbook(
        ROOT / "playbooks/compliance.yml",
        variables={
            **declared,
            "cdc_compliance_directory": str(tmp_path / "reports"),
            "cdc_compliance_declared_hosts": "localhost",
        },
    )

    assert checked.code == 0, checked.output
