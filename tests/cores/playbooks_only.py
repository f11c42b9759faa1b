# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pytest plugin: of the integration tests only those that run a playbook, each in one variant.

What differs between releases of ansible-core is how a playbook is read, templated and reported; what a module then does
over the wire is the same code, and `make test` has run all variants of it.
"""

from __future__ import annotations

import os

import pytest
from ansible.release import __version__

# Fixtures that run playbooks.
PLAYBOOKS = {"ansible", "chain", "compliance", "emergency", "many", "rotate"}


def pytest_configure() -> None:
    """An environment with another core than the one meant would prove nothing."""
    expected = os.environ["EXPECTED_ANSIBLE_CORE"]
    if __version__ != expected:
        raise pytest.UsageError(f"ansible-core {__version__} is installed here, not {expected}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what does not start one of Ansible's commands, and all variants of a playbook test but its first."""
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    seen: set[str] = set()
    for item in items:
        function = item.nodeid.partition("[")[0]
        fixtures = getattr(item, "fixturenames", ())
        wanted = "ansible_doc" in fixtures or (PLAYBOOKS & set(fixtures) and function not in seen)
        (kept if wanted else dropped).append(item)
        seen.add(function)
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept
