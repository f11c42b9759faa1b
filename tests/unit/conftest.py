# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of the property tests, a clock for time limits, and the documentation as Ansible reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

from support.clocks import ClientClock
from unit.builders import MODULES, ROOT

# No deadline: a slow machine is not a defect. Failures that were found are kept where `make clean` removes them.
settings.register_profile(
    "unit", deadline=None, database=DirectoryBasedExampleDatabase(ROOT / ".build/cache/hypothesis/examples")
)
settings.register_profile("everyday", settings.get_profile("unit"), max_examples=25)


def pytest_configure(config: pytest.Config) -> None:
    """A run without the long tests looks at fewer examples of each property."""
    settings.load_profile("everyday" if config.option.markexpr == "not long" else "unit")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ClientClock:
    return ClientClock(monkeypatch)


@pytest.fixture(scope="session")
def ansible_doc(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Module -> ``doc``, ``examples`` and ``return``, with the fragments merged, from one run of ansible-doc."""
    home = tmp_path_factory.mktemp("ansible")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-doc")),
            "--json",
            "--type=module",
            *(f"fortanix.dsm.{name}" for name in MODULES),
        ],
        env={
            **environment,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"),
            "ANSIBLE_CONFIG": str(ROOT / "tests/ansible.cfg"),
            "ANSIBLE_HOME": str(home),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {name: found[f"fortanix.dsm.{name}"] for name in MODULES}
