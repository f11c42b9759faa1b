# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operator's login to Azure in real playbooks: where it comes from, and that it is shown nowhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from support.playbook import Ansible, Run
from unit.builders import CANARY

Judge = Callable[..., Run]
WRONG = "Entra, operator: the operator's client secret is wrong."


@pytest.fixture
def judge(ansible: Ansible, sandbox: Sandbox) -> Judge:
    """Judges the world's vault, with these options and variables for the operator."""
    view = sandbox.world.public
    vault = view.vaults["akv-sandbox-std"]

    def run(environment: dict[str, str] | None = None, verbosity: int = 0, **options: Any) -> Run:
        task = {"vault": {"resource_id": vault.resource_id}, "app_client_id": view.client_id, **options}
        # The sandbox's environment has a login of its own; only the one of the test is to count.
        inherited = dict.fromkeys(sandbox.operator_environment(view))
        variables = {**inherited, "ANSIBLE_AZURE_AUTH_SOURCE": None, **(environment or {})}
        return ansible.tasks({"fortanix.dsm.azure_kv_prereqs_info": task}, environment=variables, verbosity=verbosity)

    return run


@pytest.fixture
def operator(sandbox: Sandbox) -> dict[str, str]:
    view = sandbox.world.public
    return {"tenant": view.tenant_id, "client_id": view.operator_client_id, "secret": view.operator_client_secret}


FAMILIES = {
    "azcollection": ("AZURE_TENANT", "AZURE_CLIENT_ID", "AZURE_SECRET"),
    "sdk": ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
}


def principals(sandbox: Sandbox, mark: int) -> set[str]:
    return {entry.principal for entry in sandbox.journal.requests(mark, "arm")}


def test_the_operator_of_the_task_asks_azure(judge: Judge, sandbox: Sandbox, operator: dict[str, str]) -> None:
    mark = sandbox.journal.mark()

    run = judge(**operator)

    assert run.code == 0, run.output
    assert len(principals(sandbox, mark)) == 1


@pytest.mark.every_core
@pytest.mark.parametrize("family", FAMILIES)
def test_the_operator_of_the_environment_asks_azure(judge: Judge, operator: dict[str, str], family: str) -> None:
    run = judge(dict(zip(FAMILIES[family], operator.values(), strict=True)))

    assert run.code == 0, run.output


def test_the_operator_of_the_credential_file_asks_azure(judge: Judge, operator: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / ".azure/credentials"
    file.parent.mkdir()
    file.write_text("[prod]\n" + "".join(f"{name} = {value}\n" for name, value in operator.items()), "utf-8")

    run = judge({"HOME": str(tmp_path)}, profile="prod")

    assert run.code == 0, run.output


def left_behind(run: Run) -> str:
    """All that a run has printed, and all files that it has left."""
    return run.output + "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in run.directory.rglob("*")
        if path.is_file() and path.name != "playbook.yml"
    )


def test_a_secret_of_the_environment_is_shown_nowhere(judge: Judge, operator: dict[str, str]) -> None:
    variables = dict(zip(FAMILIES["sdk"], {**operator, "secret": CANARY}.values(), strict=True))

    run = judge(variables, verbosity=3)

    assert run.message.startswith(WRONG)
    assert CANARY not in left_behind(run)


@pytest.mark.every_core
def test_a_secret_of_the_task_is_shown_nowhere(judge: Judge, operator: dict[str, str]) -> None:
    run = judge(verbosity=3, **{**operator, "secret": CANARY})

    assert run.message.startswith(WRONG)
    assert CANARY not in left_behind(run)


def test_a_login_that_cannot_be_right_is_refused_by_its_option(judge: Judge, operator: dict[str, str]) -> None:
    run = judge(**{**operator, "secret": " "})

    assert run.message.startswith("Option secret: it is empty.")


def test_a_source_that_contradicts_the_task_is_refused(judge: Judge, operator: dict[str, str]) -> None:
    run = judge({"ANSIBLE_AZURE_AUTH_SOURCE": "env"}, **operator)

    assert run.message.startswith("Option auth_source: ")


def test_without_any_login_nothing_is_asked(judge: Judge, sandbox: Sandbox, tmp_path: Path) -> None:
    mark = sandbox.journal.mark()

    run = judge({"HOME": str(tmp_path)})

    assert "there is no login for the operator" in run.message
    assert sandbox.journal.since(mark) == []
