# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A reader who types what a page shows, in a directory of their own, with an account of the sandbox.

What a page shows is run as it is but for what a reader replaces, too: IDs, addresses, directories of the system, and
variables that hold secrets or IDs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sandbox import Sandbox
from sandbox.world import AzureView
from support.playbook import kept_in, local_play
from unit.builders import MODULES, ROOT, spec_of

from .blocks import Block, is_part_of, parsed

TENANT, CLIENT, SUBSCRIPTION, OPERATOR = (
    ("5a3f5e0c-3b1c-4f8e-9c3a-0d6f7b1c2e11", "00000000-0000-4000-8000-000000000001"),
    ("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "00000000-0000-4000-8000-000000000002", "0f1e2d3c-..."),
    ("9d8c7b6a-5f4e-3d2c-1b0a-998877665544", "00000000-0000-4000-8000-000000000003"),
    ("7c1d5a36-3a0e-4b39-8a1b-5a9d3a3f5e0c",),
)
DIRECTORIES = ("/etc/pki", "/etc/ansible", "/var/lib/compliance", "/var/cache/ansible", "/run/secrets")
WAITING = [name for name in MODULES if "wait_interval" in spec_of(name).argument_spec]
BIN = Path(sys.executable).parent


@dataclass
class Done:
    """A command that has ended."""

    command: str
    code: int
    output: str


@dataclass
class Reader:
    """``variables``: what the reader has in a vault of their own, given to each playbook."""

    sandbox: Sandbox
    directory: Path
    variables: dict[str, Any] = field(default_factory=dict)
    cloud: str = "public"

    def __post_init__(self) -> None:
        self._root = self.directory / "root"
        for name in DIRECTORIES:
            (self._root / name.lstrip("/")).mkdir(parents=True, exist_ok=True)
        self.place("/etc/pki/fortanix").mkdir()
        self.home = self.directory / "work"
        self.home.mkdir()
        self._vault = self.directory / "vault.json"
        self._write_shims()

    @property
    def view(self) -> AzureView:
        """The cloud that the reader works in."""
        view: AzureView = getattr(self.sandbox.world, self.cloud)
        return view

    def replaced(self, text: str) -> str:
        """The text with what a reader replaces."""
        view = self.view
        for names, value in (
            (TENANT, view.tenant_id),
            (CLIENT, view.client_id),
            (SUBSCRIPTION, view.subscription_id),
            (OPERATOR, view.operator_client_id),
            (("https://dsm.example.com",), self.sandbox.world.dsm_endpoint),
            (("/opt/fortanix-dsm/bin/python",), sys.executable),
            # Commands of a checkout.
            ((".venv/bin/ansible-playbook playbooks/",), f"ansible-playbook {ROOT}/playbooks/"),
        ):
            for name in names:
                text = text.replace(name, value)
        for name in DIRECTORIES:
            text = text.replace(name, str(self._root / name.lstrip("/")))
        return text

    def place(self, path: str) -> Path:
        """Where a path of the system is for the reader."""
        return Path(self.replaced(path))

    def save(self, name: str, text: str) -> Path:
        """A file in the reader's directory."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.replaced(text), encoding="utf-8")
        return path

    def run(self, command: str) -> Done:
        """A command of the shell, in the reader's directory."""
        self._vault.write_text(json.dumps(self.variables), encoding="utf-8")
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", self.replaced(command)],
            cwd=self.home,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return Done(command, done.returncode, done.stdout)

    def play(self, tasks: list[Any], *arguments: str) -> Done:
        """Tasks in a play on localhost."""
        # The sandbox's time does not pass by waiting.
        defaults = {f"fortanix.dsm.{name}": {"wait_interval": 0} for name in WAITING}
        play = local_play(module_defaults=defaults, tasks=tasks)
        self.save("tasks.yml", yaml.safe_dump([play], sort_keys=False))
        return self.run(" ".join(["ansible-playbook tasks.yml", *arguments]))

    def follow(self, block: Block) -> Iterator[Done]:
        """Do what a block shows: run it, or save it under the name that its first line says."""
        if block.language == "sh":
            yield from map(self.run, block.commands)
        elif block.file is not None and (self.home / block.file).exists() and "shortened" in block.text:
            shown, written = parsed(self.replaced(block.text)), parsed((self.home / block.file).read_text("utf-8"))
            assert is_part_of(shown, written), f"{block.label}: {shown} is not in {written}"
        elif block.file is not None:
            self.save(block.file, block.text)
        elif block.is_playbook:
            self.save("playbook.yml", block.text)
            yield self.run("ansible-playbook playbook.yml")
        else:
            yield self.play(block.data)

    def _environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AZURE_"))},
            **self.sandbox.environment(),
            **self.sandbox.operator_environment(self.view),
            "PATH": f"{self.directory / 'bin'}:{BIN}:{os.environ['PATH']}",
            "APP": self.view.client_id,
            **kept_in(self.directory),
        }

    def _write_shims(self) -> None:
        """``ansible-playbook`` and ``ansible`` with the reader's variables, as from a vault file."""
        for name in ("ansible-playbook", "ansible"):
            shim = self.directory / "bin" / name
            shim.parent.mkdir(exist_ok=True)
            shim.write_text(f'#!/bin/sh\nexec {BIN / name} -e @{self._vault} "$@"\n', encoding="utf-8")
            shim.chmod(0o755)
