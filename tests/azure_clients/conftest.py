# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure CLI in an environment of its own, which is installed once below .build, and a sandbox for all clients."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox import Sandbox
from support.environments import made_once

AZURE_CLI = "azure-cli==2.91.0"
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
    login = ("--username", azure.operator_client_id, f"--password={azure.operator_client_secret}")
    run("login", "--service-principal", *login, "--tenant", azure.tenant_id)
    return run
