# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operator's login to Azure: where it comes from, and that it is shown nowhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    azure_kv_prereqs_info,
    cdc_compliance_info,
    cdc_key,
    cdc_key_info,
)
from sandbox import Sandbox
from support.playbook import Ansible
from support.shell import Shell
from unit.builders import CANARY

Judge = Callable[..., dict[str, Any]]
WRONG = "Entra, operator: the operator's client secret is wrong."
FAMILIES = {
    "azcollection": ("AZURE_TENANT", "AZURE_CLIENT_ID", "AZURE_SECRET"),
    "sdk": ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
}


@pytest.fixture
def rights(sandbox: Sandbox) -> dict[str, Any]:
    """The world's vault is to be judged."""
    view = sandbox.world.public
    return {"vault": {"resource_id": view.vaults["akv-sandbox-std"].resource_id}, "app_client_id": view.client_id}


@pytest.fixture
def no_login(sandbox: Sandbox) -> dict[str, None]:
    """Takes the login of the sandbox's environment away; only the one of the test is to count."""
    return {**dict.fromkeys(sandbox.operator_environment(sandbox.world.public)), "ANSIBLE_AZURE_AUTH_SOURCE": None}


@pytest.fixture
def judge(sandbox: Sandbox, rights: dict[str, Any], no_login: dict[str, None]) -> Judge:
    """Judges the vault, with these options and variables for the operator."""

    def run(environment: dict[str, str] | None = None, **options: Any) -> dict[str, Any]:
        shell = Shell(sandbox.environment())
        return shell(azure_kv_prereqs_info, **rights, **options, environment={**no_login, **(environment or {})})

    return run


@pytest.fixture
def operator(sandbox: Sandbox) -> dict[str, str]:
    view = sandbox.world.public
    return {"tenant": view.tenant_id, "client_id": view.operator_client_id, "secret": view.operator_client_secret}


def principals(sandbox: Sandbox, mark: int) -> set[str]:
    return {entry.principal for entry in sandbox.journal.requests(mark, "arm")}


def test_the_operator_of_the_task_asks_azure(judge: Judge, sandbox: Sandbox, operator: dict[str, str]) -> None:
    mark = sandbox.journal.mark()

    result = judge(**operator)

    assert result["verdict"], result
    assert len(principals(sandbox, mark)) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_the_operator_of_the_environment_asks_azure(judge: Judge, operator: dict[str, str], family: str) -> None:
    result = judge(dict(zip(FAMILIES[family], operator.values(), strict=True)))

    assert result["verdict"], result


def test_the_operator_of_the_credential_file_asks_azure(judge: Judge, operator: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / ".azure/credentials"
    file.parent.mkdir()
    file.write_text("[prod]\n" + "".join(f"{name} = {value}\n" for name, value in operator.items()), "utf-8")

    result = judge({"HOME": str(tmp_path)}, profile="prod")

    assert result["verdict"], result


def test_a_login_that_cannot_be_right_is_refused_by_its_option(judge: Judge, operator: dict[str, str]) -> None:
    result = judge(**{**operator, "secret": " "})

    assert result["msg"].startswith("Option secret: it is empty.")


def test_a_source_that_contradicts_the_task_is_refused(judge: Judge, operator: dict[str, str]) -> None:
    result = judge({"ANSIBLE_AZURE_AUTH_SOURCE": "env"}, **operator)

    assert result["msg"].startswith("Option auth_source: ")


def test_without_any_login_nothing_is_asked(judge: Judge, sandbox: Sandbox, tmp_path: Path) -> None:
    mark = sandbox.journal.mark()

    result = judge({"HOME": str(tmp_path)})

    assert "no operator credentials were found" in result["msg"]
    assert "look_in_azure" not in result["msg"]
    assert sandbox.journal.since(mark) == []


@pytest.mark.parametrize(
    ("module", "options"),
    [
        (cdc_key, {"group_name": "akv", "name": "one", "origin": "azure"}),
        (cdc_key_info, {"group_name": "akv"}),
        (cdc_compliance_info, {}),
    ],
    ids=["cdc_key", "cdc_key_info", "cdc_compliance_info"],
)
def test_a_module_that_can_do_without_a_login_tells_how(
    sandbox: Sandbox, no_login: dict[str, None], tmp_path: Path, module: ModuleType, options: dict[str, Any]
) -> None:
    mark = sandbox.journal.mark()

    result = Shell(sandbox.environment())(module, **options, environment={**no_login, "HOME": str(tmp_path)})

    assert "no operator credentials were found" in result["msg"]
    assert "set look_in_azure: false" in result["failure"]["next_step"]
    assert sandbox.journal.since(mark) == []


@pytest.mark.every_core
def test_a_playbook_takes_the_operator_of_the_task_or_the_environment_and_shows_no_secret(
    ansible: Ansible,
    sandbox: Sandbox,
    rights: dict[str, Any],
    no_login: dict[str, None],
    operator: dict[str, str],
) -> None:
    environment = dict(zip(FAMILIES["sdk"], {**operator, "secret": f"{CANARY}-env"}.values(), strict=True))
    module = "fortanix.dsm.azure_kv_prereqs_info"

    run = ansible.tasks(
        {"name": "task", module: {**rights, **operator}},
        {"name": "wrong task", module: {**rights, **operator, "secret": f"{CANARY}-task"}, "ignore_errors": True},
        {"name": "wrong environment", module: rights, "ignore_errors": True},
        environment={**no_login, **environment},
        verbosity=3,
    )

    assert [outcome.status for outcome in run.outcomes] == ["ok", "failed", "failed"], run.output
    assert [outcome["msg"].startswith(WRONG) for outcome in run.outcomes[1:]] == [True, True]
    left = run.output + "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in run.directory.rglob("*")
        if path.is_file() and path.name != "playbook.yml"
    )
    assert [secret for secret in (CANARY, operator["secret"]) if secret in left] == []
