# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as others get it: built, installed in another place, run by an Ansible that has nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distribution.installation import build, install
from sandbox import Sandbox
from support.environments import chosen, lines_of, made_once
from support.playbook import ROOT


@pytest.fixture(scope="session")
def bare_ansible() -> Path:
    """The commands of what an execution environment has: ansible-core, ansible-runner, requirements.txt."""
    core = chosen("requirements-sandbox.txt", {"ansible-core"})
    requirements = [*lines_of("requirements.txt"), *core, *chosen("requirements-dev.txt", {"ansible-runner"})]
    return made_once("bare", requirements).parent


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This collection, built."""
    return build(ROOT, tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="session")
def collections(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of collections that holds this one alone, installed from the archive. Nobody writes there."""
    return install(archive, tmp_path_factory.mktemp("install"))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture(scope="session")
def variables(sandbox: Sandbox) -> dict[str, Any]:
    """What the role needs to know."""
    azure = sandbox.world.public
    return {
        "cdc_setup_name": "akv-packaged",
        "cdc_setup_vault": {"name": "akv-sandbox-prem"},
        "cdc_setup_link_tenant_id": azure.tenant_id,
        "cdc_setup_link_client_id": azure.client_id,
        "cdc_setup_link_subscription_id": azure.subscription_id,
        "cdc_setup_link_client_secret": azure.client_secret,
    }
