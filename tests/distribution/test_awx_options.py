# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""playbooks/awx.yml against the modules of awx.awx, as they are in the community package `ansible`. No AWX is asked."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from support.playbook import ROOT

RELEASE = "12.3.0"

OptionsOf = Callable[[str], Mapping[str, Any]]


@pytest.fixture(scope="module")
def options_of() -> OptionsOf:
    """The documented options of a module. Without the package the tests fail."""
    directory = ROOT / ".build" / "wheels"
    wheel = directory / f"ansible-{RELEASE}-py3-none-any.whl"
    if not wheel.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "--dest", str(directory), f"ansible=={RELEASE}"], check=True)

    def read(module: str) -> Mapping[str, Any]:
        name = module.removeprefix("awx.awx.")
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read(f"ansible_collections/awx/awx/plugins/modules/{name}.py").decode()
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "DOCUMENTATION":
                options: Mapping[str, Any] = yaml.safe_load(ast.literal_eval(node.value))["options"]
                return options
        raise AssertionError(f"{module} has no documentation")

    return read


def tasks() -> list[tuple[str, str, Mapping[str, Any]]]:
    """Name, module and options of each task."""
    (play,) = yaml.safe_load((ROOT / "playbooks/awx.yml").read_text(encoding="utf-8"))
    return [
        (task["name"], module, options)
        for task in play["tasks"]
        for module, options in task.items()
        if module.startswith("awx.awx.")
    ]


def wrong(module: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """What a module would refuse of these options."""
    names = set(module) | {alias for one in module.values() for alias in one.get("aliases", [])}
    unknown = [f"unknown: {name}" for name in given if name not in names]
    missing = [
        f"missing: {name}"
        for name, one in module.items()
        if one.get("required") and not {name, *one.get("aliases", [])} & set(given)
    ]
    choices = [
        f"not a choice: {name}"
        for name, value in given.items()
        if "choices" in module.get(name, {}) and "{{" not in str(value) and value not in module[name]["choices"]
    ]
    return unknown + missing + choices


@pytest.mark.parametrize(("name", "module", "given"), tasks(), ids=[name for name, _, _ in tasks()])
def test_a_task_has_options_that_its_module_has(
    options_of: OptionsOf, name: str, module: str, given: Mapping[str, Any]
) -> None:
    assert wrong(options_of(module), given) == []


def test_an_option_that_is_not_there_is_found(options_of: OptionsOf) -> None:
    found = wrong(options_of("awx.awx.job_template"), {"job_kind": "check", "job_type": "dry"})

    assert found == ["unknown: job_kind", "missing: name", "not a choice: job_type"]
