# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as others get it: built, installed in another place, run by an Ansible that has nothing else."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from distribution.installation import build, install
from sandbox import Sandbox
from support.environments import chosen, lines_of, made_once
from support.playbook import ROOT

Once = Callable[[str, Callable[[], Any]], Any]


@pytest.fixture(scope="session")
def once_for_all_workers(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Once:
    """Gives what one worker of pytest-xdist has made to all of them: the tests of a file may run in several."""

    def made(name: str, make: Callable[[], Any]) -> Any:
        file = tmp_path_factory.getbasetemp().parent / f"{name}-{testrun_uid}"
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                file.write_bytes(pickle.dumps(make()))
        return pickle.loads(file.read_bytes())

    return made


@pytest.fixture(scope="session")
def bare_ansible() -> Path:
    """The commands of what an execution environment has: ansible-core, ansible-runner, requirements.txt."""
    core = chosen("requirements-sandbox.txt", {"ansible-core"})
    requirements = [*lines_of("requirements.txt"), *core, *chosen("requirements-dev.txt", {"ansible-runner"})]
    return made_once("bare", requirements).parent


@pytest.fixture(scope="session")
def archive(once_for_all_workers: Once, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This collection, built."""
    archive: Path = once_for_all_workers("archive", lambda: build(ROOT, tmp_path_factory.mktemp("build")))
    return archive


@pytest.fixture(scope="session")
def collections(archive: Path, once_for_all_workers: Once, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of collections that holds this one alone, installed from the archive. Nobody writes there."""
    folder: Path = once_for_all_workers("installed", lambda: install(archive, tmp_path_factory.mktemp("install")))
    return folder


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
