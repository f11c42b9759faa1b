# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the modules of awx.awx: takes the options that they document, refuses others, and asks no AWX.

The options are kept in awx_options.json: taken from the documentation of awx.awx in the community package `ansible`, of
which nothing else is kept. To take them anew, from the root of the project:

    python -m pip download --no-deps ansible==12.3.0
    PYTHONPATH=tests:.build/collections .venv/bin/python -m distribution.awx_modules ansible-12.3.0-py3-none-any.whl
"""

from __future__ import annotations

import ast
import json
import sys
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from support.playbook import ROOT

OPTIONS = Path(__file__).with_name("awx_options.json")
PLAYBOOK = ROOT / "playbooks" / "awx.yml"
AWX = "awx.awx."
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


def modules() -> list[str]:
    """The modules of awx.awx that the playbook calls, in order."""
    (play,) = yaml.safe_load(PLAYBOOK.read_text(encoding="utf-8"))
    return [name.removeprefix(AWX) for task in play["tasks"] for name in task if name.startswith(AWX)]


def write_collection(target: Path, modules: Collection[str]) -> None:
    """A collection awx.awx with these modules, below a folder of collections; an error for one whose options lack."""
    actions = target / PLUGINS / "action"
    actions.mkdir(parents=True)
    options = json.loads(OPTIONS.read_text(encoding="utf-8"))
    for module in modules:
        (actions / f"{module}.py").write_text(ACTION, encoding="utf-8")
        (actions / f"{module}.json").write_text(json.dumps(options[module]), encoding="utf-8")


def take_options(package: Path) -> None:
    """Keep the options of the modules that the playbook calls, from the package `ansible`."""
    with zipfile.ZipFile(package) as wheel:
        login = _documented(wheel, "doc_fragments/auth")
        specs = {
            module: _spec({**login, **_documented(wheel, f"modules/{module}")}) for module in sorted(set(modules()))
        }
    OPTIONS.write_text(json.dumps(specs, indent=1, sort_keys=True) + "\n", encoding="utf-8")


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


if __name__ == "__main__":
    take_options(Path(sys.argv[1]))
