# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runner of the Molecule scenarios is not content with less than all steps of all scenarios."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pytest

from unit.builders import ROOT

GOOD = "actions=9  successful=9  disabled=0  skipped=0  missing=0  failed=0"


@pytest.fixture(scope="module")
def complaints_about() -> Callable[[str, list[str]], list[str]]:
    spec = importlib.util.spec_from_file_location("molecule_runner", ROOT / "extensions" / "molecule" / "run.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[[str, list[str]], list[str]] = module.complaints_about
    return function


def recap(**scenarios: str) -> str:
    return "DETAILS\n\nSCENARIO RECAP\n" + "".join(f"{name:<26}: {counts}\n" for name, counts in scenarios.items())


def test_is_content_when_all_steps_succeeded(complaints_about: Callable[[str, list[str]], list[str]]) -> None:
    assert complaints_about(recap(default=GOOD, government=GOOD), ["default", "government"]) == []


@pytest.mark.parametrize(
    "said",
    [
        recap(government=GOOD),
        recap(default="actions=9  successful=8  disabled=0  skipped=0  missing=1  failed=0", government=GOOD),
        recap(default="actions=9  successful=8  disabled=0  skipped=1  missing=0  failed=0", government=GOOD),
        recap(default="actions=0  successful=0  disabled=0  skipped=0  missing=0  failed=0", government=GOOD),
        "",
    ],
    ids=["scenario that did not run", "missing playbook", "skipped step", "no step at all", "no recap"],
)
def test_complains_about(complaints_about: Callable[[str, list[str]], list[str]], said: str) -> None:
    complaints = complaints_about(said, ["default", "government"])

    assert "default" in complaints[0]
