# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the modules of awx.awx: takes the options that they document, refuses others, and asks no AWX.

The documentation comes from the community package `ansible`, of which nothing else is unpacked.
"""

from __future__ import annotations

import ast
import fcntl
import json
import subprocess
import sys
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from support.playbook import ROOT

RELEASE = "12.3.0"
PLUGINS = "ansible_collections/awx/awx/plugins"

# Ansible's own check of arguments, as for a module, and a record of what was given.
ACTION = """
import json
import os
import pathlib

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        here = pathlib.Path(__file__)
        spec = json.loads(here.with_suffix(".json").read_text())
        _, given = self.validate_argument_spec(argument_spec=spec)
        with open(os.environ["AWX_CALLS"], "a") as calls:
            calls.write(json.dumps({"module": here.stem, "options": given}) + "\\n")
        return {"changed": True}
"""


def package() -> Path:
    """The package as a file, fetched once for this folder."""
    directory = ROOT / ".build" / "wheels"
    directory.mkdir(parents=True, exist_ok=True)
    wheel = directory / f"ansible-{RELEASE}-py3-none-any.whl"
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wheel.exists():
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            subprocess.run([*pip, "--dest", str(directory), f"ansible=={RELEASE}"], check=True)
    return wheel


def write_collection(target: Path, modules: Collection[str]) -> None:
    """A collection awx.awx with these modules, below a folder of collections; an error for one that awx.awx lacks."""
    actions = target / PLUGINS / "action"
    actions.mkdir(parents=True)
    with zipfile.ZipFile(package()) as wheel:
        login = _documented(wheel, "doc_fragments/auth")
        for module in modules:
            spec = _spec({**login, **_documented(wheel, f"modules/{module}")})
            (actions / f"{module}.py").write_text(ACTION, encoding="utf-8")
            (actions / f"{module}.json").write_text(json.dumps(spec), encoding="utf-8")


def _documented(wheel: zipfile.ZipFile, plugin: str) -> Mapping[str, Any]:
    """The options that a module or fragment documents."""
    for node in ast.walk(ast.parse(wheel.read(f"{PLUGINS}/{plugin}.py"))):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "DOCUMENTATION":
            options: Mapping[str, Any] = yaml.safe_load(ast.literal_eval(node.value))["options"]
            return options
    raise AssertionError(f"{plugin} has no documentation")


def _spec(options: Mapping[str, Any]) -> dict[str, Any]:
    """An argument spec with what the documentation tells. Defaults are the module's own matter."""
    kept = ("type", "elements", "choices", "required", "aliases")
    return {
        name: {
            **{key: value for key, value in option.items() if key in kept},
            **({"options": _spec(option["suboptions"])} if "suboptions" in option else {}),
        }
        for name, option in options.items()
    }
