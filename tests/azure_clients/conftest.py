# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure's own clients in environments of their own, which are installed once below .build, and a sandbox for them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox import Sandbox
from support.environments import added_once, made_once

AZURE_CLI = "azure-cli==2.91.0"
ANSIBLE = "ansible==12.3.0"
"""It contains azure.azcollection."""
_COLLECTION = "ansible_collections/azure/azcollection"
_LONGEST = 300


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture(scope="session")
def az(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Runs Azure CLI, logged in as the operator; what it prints, read as JSON."""
    python = made_once("azure-cli", [AZURE_CLI], pinned=False)
    variables = {
        **os.environ,
        **sandbox.environment(),
        "AZURE_CONFIG_DIR": str(tmp_path_factory.mktemp("azure-config")),
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
        "AZURE_CORE_ONLY_SHOW_ERRORS": "yes",
    }

    def run(*arguments: str, fails: bool = False) -> Any:
        done = subprocess.run(
            [python, "-m", "azure.cli", *arguments],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else json.loads(done.stdout or "null")

    azure = sandbox.world.public
    login = ("--username", azure.operator_client_id, "--password", azure.operator_client_secret)
    run("login", "--service-principal", *login, "--tenant", azure.tenant_id)
    return run


@pytest.fixture(scope="session")
def azcollection(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """Runs a module of azure.azcollection, with the SDKs that the collection asks for; its result."""
    python = made_once("azure-collection", [ANSIBLE], pinned=False)
    (listed,) = python.parent.parent.glob(f"lib/python*/site-packages/{_COLLECTION}/requirements.txt")
    added_once(python, listed)
    folder = tmp_path_factory.mktemp("azure-collection")
    variables = {
        **os.environ,
        **sandbox.environment(),
        "ANSIBLE_CONFIG": os.devnull,
        "ANSIBLE_COLLECTIONS_PATH": "",
        "ANSIBLE_HOME": str(folder),
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "AZURE_SECRET": sandbox.world.public.operator_client_secret,
        "AZURE_TENANT": sandbox.world.public.tenant_id,
    }

    def run(module: str, **arguments: Any) -> dict[str, Any]:
        command = [python.with_name("ansible"), "localhost", "--module-name", f"azure.azcollection.{module}"]
        interpreter = ["--extra-vars", json.dumps({"ansible_python_interpreter": str(python)})]
        done = subprocess.run(
            [*command, "--args", json.dumps(arguments), *interpreter],
            env=variables,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
        try:
            ((play,),) = [one["tasks"] for one in json.loads(done.stdout)["plays"]]
        except ValueError:
            pytest.fail(done.stdout + done.stderr)
        return play["hosts"]["localhost"]

    return run
