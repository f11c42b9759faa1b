# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/sandbox.md, "Rehearse a night": each thing that can be broken is diagnosed, and undone by restoring."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    cdc_connection,
    cdc_group,
    cdc_key_info,
    cdc_sync,
)
from sandbox import Sandbox
from sandbox.rehearsal.breaks import BREAKS, GROUP, VAULT
from sandbox.rehearsal.files import VARIABLES, write_files
from support.azure_rights import AzureRights
from support.challenges import forget_challenges
from support.operate import Operator

# What the user reads after each break.
SHOWN = {
    "permission": "keys-denied-by-policy",
    "role": "vault-not-in-subscription",
    "secret": "secret-expired",
    "application": "application-disabled",
    "firewall": "firewall-blocks-dsm",
    "perimeter": "firewall-blocks-dsm",
    "delete-vault": "vault-not-in-subscription",
    "lock": "change-freeze",
    "policy": "an Azure Policy forbids this",
    "rename": "the group does not exist, or this DSM identity does not see it",
    "keys": "key-versions-only-in-azure",
    "throttle": "azure-trouble",
}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with the group of my-group.yml."""
    with Sandbox.start() as sandbox:
        directory = tmp_path_factory.mktemp("night")
        write_files(directory, sandbox.environment(), sandbox.world.public, sandbox.control_url)
        Operator(sandbox.environment())(cdc_group, **_options(directory))
        Operator(sandbox.environment())(cdc_sync, group_name=GROUP)
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture(autouse=True)
def restored(night: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The SDK reads the way into the sandbox from the environment."""
    for variable, value in night.environment().items():
        if not variable.startswith(("DSM_", "AZURE_")):
            monkeypatch.setenv(variable, value)
    yield
    _post(night, "/restore")


def _options(directory: Path) -> dict[str, Any]:
    variables = yaml.safe_load((directory / VARIABLES).read_text(encoding="utf-8"))
    return {name.removeprefix("cdc_setup_"): value for name, value in variables.items()}


def _post(sandbox: Sandbox, path: str) -> Any:
    answer = urllib3.request("POST", sandbox.control_url + path, retries=False)
    assert answer.status == 200, answer.data
    return answer.json()


def _connection(sandbox: Sandbox) -> dict[str, Any]:
    operate = Operator(sandbox.environment())
    result: dict[str, Any] = operate(cdc_connection, group_name=GROUP, on_not_connected="ignore")
    return result


def _seen(sandbox: Sandbox, found_with: str) -> str:
    """What a user reads who looks with that module."""
    forget_challenges()
    try:
        if found_with == "cdc_connection":
            return json.dumps(_connection(sandbox)["diagnosis"])
        if found_with == "cdc_key_info":
            login = AzureRights(sandbox).operator
            return json.dumps(
                Operator(sandbox.environment())(cdc_key_info, group_name=GROUP, depth="versions", **login)
            )
        return json.dumps(AzureRights(sandbox, vault=VAULT).repair())
    except TaskError as error:
        return str(error)


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_broken_is_diagnosed_and_undone(night: Sandbox, what: str) -> None:
    told = _post(night, f"/breaks/{what}")

    seen = _seen(night, told["found_with"])

    assert SHOWN[what] in seen
    assert _post(night, "/restore")["undone"] == [what]
    assert _connection(night)["connected"] is True


def test_several_breaks_are_undone_together(night: Sandbox) -> None:
    for what in ("secret", "firewall"):
        _post(night, f"/breaks/{what}")

    assert _post(night, "/restore")["undone"] == ["secret", "firewall"]
    assert _connection(night)["connected"] is True
