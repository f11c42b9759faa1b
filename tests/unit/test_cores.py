# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tests that run with older ansible-cores import nothing that the environments made for them lack."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from cores.run import TESTS, TOOLS
from support.environments import distribution, lines_of
from unit.builders import ROOT

OWN = {"ansible_collections", *(path.name for path in (ROOT / "tests").iterdir() if path.is_dir())}


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, in full."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def files_of_the_tests() -> set[Path]:
    """Where the tests start, what pytest loads beside them, the sandbox, and all of our own that these import."""
    tests = ROOT / "tests"
    starts = [path for name in TESTS for path in sorted((ROOT / name).glob("*.py")) or [ROOT / name]]
    waiting, found = [*starts, *(tests / "unit").glob("conftest.py"), *(tests / "sandbox").rglob("*.py")], set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            names = [tests / name.replace(".", "/") for name in imported(path)]
            waiting += [file for name in names if (file := name.with_suffix(".py")).exists()]
    return found


def test_the_tests_import_only_what_the_environments_of_older_cores_have() -> None:
    installed = {distribution(line) for line in (*TOOLS, *lines_of("requirements.txt"), "ansible-core")}
    installed |= {distribution(line) for line in requires("ansible-core") or ()}
    distributions = packages_distributions()

    files = files_of_the_tests()
    lacking = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported(path)
        if (top := name.partition(".")[0]) not in {*sys.stdlib_module_names, *OWN}
        and installed.isdisjoint(map(distribution, distributions.get(top, ())))
    }

    assert ROOT / "tests/support/playbook.py" in files
    assert lacking == set()
