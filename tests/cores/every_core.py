# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pytest plugin: of the tests only those that are marked with ``every_core``, each in its first variant.

What differs between releases of ansible-core is what Ansible does around a module: how a playbook, its options and its
inventory are read, templated and reported. What a module then does over the wire is the same code, and `make test` has
run all of it. A test is marked when what it proves is up to Ansible:

- of each module a run, and over all modules what check mode, diff, warnings and each kind of failure look like;
- of each role and playbook a run to its end, with tags, lists, many hosts and a login that is set for the whole play;
- all of the inventory plugin;
- that no secret is shown.

Tests of what Ansible reads in the documentation of modules (fixture ``ansible_doc``) need no mark.

Whether the choice still has each module, role and playbook is not left to who reads it: run.py compares with what ran.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible.release import __version__

MARK, DOCUMENTATION = "every_core", "ansible_doc"


def pytest_configure() -> None:
    """An environment with another core than the one meant would prove nothing."""
    expected = os.environ["EXPECTED_ANSIBLE_CORE"]
    if __version__ != expected:
        raise pytest.UsageError(f"ansible-core {__version__} is installed here, not {expected}")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """A file in which no test can be wanted needs no import."""
    if not collection_path.name.startswith("test_"):
        return None
    text = collection_path.read_text(encoding="utf-8")
    return None if MARK in text or DOCUMENTATION in text else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    seen: set[str] = set()
    for item in items:
        function = item.nodeid.partition("[")[0]
        marked = item.get_closest_marker(MARK) and function not in seen
        wanted = marked or DOCUMENTATION in getattr(item, "fixturenames", ())
        (kept if wanted else dropped).append(item)
        seen.add(function)
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept
