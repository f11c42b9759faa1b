# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds a collection, installs it in another place, runs it there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

GALAXY = (Path(sys.executable).with_name("ansible-galaxy"), "collection")


@dataclass(frozen=True)
class Installation:
    """A place with one installed collection, and the Ansible that is to run it."""

    collections: Path
    ansible: Path
    environment: Mapping[str, str]
    scratch: Path

    def play(self, playbook: str | Sequence[Mapping[str, Any]], **variables: Any) -> str:
        """All that a playbook prints, given by its name or as data; an error with these words when it fails."""
        if not isinstance(playbook, str):
            file = self.scratch / "playbook.yml"
            file.write_text(yaml.safe_dump(playbook), encoding="utf-8")
            playbook = str(file)
        values = self.scratch / "variables.json"
        values.write_text(json.dumps(variables), encoding="utf-8")
        environment = {
            **plain_environment(),
            **self.environment,
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_HOME": str(self.scratch / "home"),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
        }
        command = [self.ansible / "ansible-playbook", playbook, "-e", f"@{values}"]
        return said(command, cwd=self.scratch, env=environment)


def plain_environment() -> dict[str, str]:
    """The caller's environment without what leads Ansible to this checkout: it would find the collection installed."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}


def said(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a command says on both streams; an error with these words when it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def build(source: Path, scratch: Path) -> Path:
    """The archive of the collection of a source tree."""
    said([*GALAXY, "build", "--output-path", scratch / "built"], cwd=source, env=_environment(scratch))
    (archive,) = (scratch / "built").glob("*.tar.gz")
    return archive


def install(archive: Path, scratch: Path) -> Path:
    """The folder of collections into which an archive has been installed."""
    collections = scratch / "collections"
    where = ["--offline", "--collections-path", collections]
    said([*GALAXY, "install", archive, *where], cwd=scratch, env=_environment(scratch))
    return collections


def _environment(scratch: Path) -> dict[str, str]:
    return {**plain_environment(), "ANSIBLE_HOME": str(scratch / "home")}
