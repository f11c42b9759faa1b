# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judging and repairing in real playbooks: certificates, module_defaults, check mode and diff, secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from sandbox import Sandbox
from sandbox.authorities import Pair, self_signed
from support.azure_rights import TEN, AzureRights, granted
from support.playbook import Ansible, Run

PASSWORD = "Canary, a password of a key"
AT_ONCE = {"fortanix.dsm.azure_kv_prereqs": {"wait_interval": 0}}


# An operator with a certificate -------------------------------------------------------------------------------------


@pytest.fixture
def pair() -> Pair:
    return self_signed("operator", algorithm="rsa")


def certificate_login(azure: AzureRights, path: Path, pem: str) -> dict[str, Any]:
    path.write_text(pem, encoding="utf-8")
    return {"secret": None, "x509_certificate_path": str(path)}


def test_a_registered_certificate_logs_in(azure: AzureRights, pair: Pair, tmp_path: Path) -> None:
    azure.do(lambda state: state.add_certificate(azure.view.operator_client_id, pair.certificate))

    result = azure.judge(**certificate_login(azure, tmp_path / "pair.pem", pair.key_pem + pair.certificate_pem))

    assert granted(result) == set(TEN)


def test_an_encrypted_key_needs_its_password(azure: AzureRights, pair: Pair, tmp_path: Path) -> None:
    azure.do(lambda state: state.add_certificate(azure.view.operator_client_id, pair.certificate))
    login = certificate_login(azure, tmp_path / "pair.pem", pair.encrypted_key_pem(PASSWORD) + pair.certificate_pem)

    result = azure.judge(**login, x509_certificate_password=PASSWORD)

    assert granted(result) == set(TEN)


def test_a_wrong_password_of_a_key_is_refused_before_anything_is_sent(
    azure: AzureRights, pair: Pair, tmp_path: Path
) -> None:
    login = certificate_login(azure, tmp_path / "pair.pem", pair.encrypted_key_pem(PASSWORD) + pair.certificate_pem)
    mark = azure.sandbox.journal.mark()

    with pytest.raises(InvalidInput, match="x509_certificate_path"):
        azure.judge(**login, x509_certificate_password="another")

    assert azure.sandbox.journal.since(mark) == []


def test_a_certificate_that_is_not_registered_says_so(azure: AzureRights, pair: Pair, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="certificate is not registered") as refused:
        azure.judge(**certificate_login(azure, tmp_path / "pair.pem", pair.key_pem + pair.certificate_pem))

    assert refused.value.plane == "Entra"


def test_a_federated_token_that_is_not_trusted_is_refused_by_entra(azure: AzureRights) -> None:
    with pytest.raises(TaskError) as refused:
        azure.judge(secret=None, oidc_token="eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl")

    assert (refused.value.plane, bool(refused.value.next_step)) == ("Entra", True)


# Playbooks ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def vault(own_sandbox: Sandbox) -> AzureRights:
    """A vault that looks right and is not: the guide's policy, in RBAC mode."""
    azure = AzureRights(own_sandbox)
    azure.do(lambda state: setattr(state.vault(azure.vault), "rbac", True))
    return azure


@pytest.fixture
def play(vault: AzureRights, tmp_path: Path) -> Ansible:
    """Without the operator's login in the environment, where the sandbox puts it."""
    environment = vault.sandbox.environment()
    return Ansible({name: value for name, value in environment.items() if not name.startswith("AZURE_")}, tmp_path)


def operator_of(azure: AzureRights) -> dict[str, Any]:
    """Its login for the whole action group, and no time spent between two looks."""
    return {"group/fortanix.dsm.azure": azure.operator, **AT_ONCE}


def task(azure: AzureRights, **options: Any) -> dict[str, Any]:
    return {
        "fortanix.dsm.azure_kv_prereqs": {
            "vault": {"resource_id": azure.resource_id},
            "app_client_id": azure.app,
            "rights_profile": "guide",
            **options,
        }
    }


def left_behind(run: Run) -> str:
    """All that a run has printed, and all files that it has left but for the play, in which the user put secrets."""
    return run.output + "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in run.directory.rglob("*")
        if path.is_file() and path.name != "playbook.yml"
    )


@pytest.mark.every_core
def test_a_vault_that_looks_right_is_judged_and_repaired_until_the_sync_works(
    play: Ansible, vault: AzureRights, tmp_path: Path
) -> None:
    """The login comes from module_defaults of the action group. Check mode shows a diff; nothing shows a secret."""
    group = vault.group()
    judge = {"fortanix.dsm.azure_kv_prereqs_info": {"vault": {"name": vault.vault}, "app_client_id": vault.app}}
    sync = {"cdc_sync": {"group_name": group}}
    token, pair = "eyJhbGciOiJSUzI1NiJ9.Y2FuYXJ5.c2lnbmF0dXJl", self_signed("dsm")
    (file := tmp_path / "token").write_text(token, encoding="utf-8")
    certificate = tmp_path / "certificate.pem"
    certificate.write_text(pair.key_pem + pair.certificate_pem, encoding="utf-8")
    federated = {"oidc_token_file_path": str(file), "secret": "{{ omit }}", "app_certificate": str(certificate)}

    run = play.tasks(
        {**task(vault), "name": "plan", "check_mode": True},
        {**judge, "name": "judge"},
        {**task(vault, **federated), "name": "federated", "ignore_errors": True},
        {**sync, "name": "early sync", "ignore_errors": True},
        {**task(vault, group_name=group), "name": "repair"},
        {**task(vault), "name": "again"},
        {**sync, "name": "late sync"},
        defaults=operator_of(vault),
        diff=True,
        verbosity=3,
    )

    assert run.code == 0, run.output
    planned, judged, refused, failing, repaired, again, working = run.outcomes
    assert (planned.changed, judged["verdict"], repaired.changed) == (True, "failed", True)
    (shown, _rest) = run.output.split("TASK [judge]")
    assert [line for line in shown.splitlines() if line.startswith("+") and "keys/get" in line and "ok" in line]
    assert (refused.status, refused["failure"]["plane"], failing.status) == ("failed", "Entra", "failed")
    assert (repaired["effect"], repaired["proof"], again.changed) == ("effective", "sync", False)
    assert working["key_count"] > 0
    secrets = {
        "operator": vault.view.operator_client_secret,
        "application": vault.view.client_secret,
        "dsm": vault.sandbox.world.admin_app.api_key,
        "token": token,
        "key": pair.key_pem.splitlines()[1],
    }
    text = left_behind(run)
    assert [name for name, secret in secrets.items() if secret in text] == []
