# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as others get it: built, installed in another place, run by an Ansible that has nothing else."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distribution.installation import said
from sandbox import Sandbox
from support.playbook import ROOT

BARE = ROOT / ".build" / "bare"


@pytest.fixture(scope="session")
def bare_ansible() -> Path:
    """The commands of an environment with ansible-core and requirements.txt alone, which is made once."""
    sources = [ROOT / "requirements.txt", ROOT / "requirements-sandbox.txt", ROOT / "constraints.txt"]
    content = hashlib.sha256(f"{BARE}".encode() + b"".join(path.read_bytes() for path in sources)).hexdigest()
    (core,) = [
        line for line in sources[1].read_text(encoding="utf-8").splitlines() if line.startswith("ansible-core==")
    ]
    BARE.parent.mkdir(exist_ok=True)
    with BARE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = BARE / "made-from"
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != content:
            shutil.rmtree(BARE, ignore_errors=True)
            said([sys.executable, "-m", "venv", BARE], cwd=ROOT)
            pip = [BARE / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
            said([*pip, "--constraint", "constraints.txt", "--requirement", "requirements.txt", core], cwd=ROOT)
            stamp.write_text(content, encoding="utf-8")
    return BARE / "bin"


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture
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
