# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code blocks of the pages, the commands in the headers of the playbooks, and the EXAMPLES of the plugins."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.markdown import Fence, fences
from unit.builders import ROOT

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "roles/*/README.md", "extensions/**/README.md")
    for path in ROOT.glob(pattern)
)
PLAYBOOKS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "playbooks").glob("*.yml"))

_FILE = re.compile(r"# ([\w./-]+\.ya?ml)\b")
_HEADER_COMMAND = re.compile(r"^# {3,}(?P<line>\S.*)$")


class _Loader(yaml.SafeLoader):
    """YAML with the tag of Ansible for texts that are no templates."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def parsed(text: str) -> Any:
    return yaml.load(text, _Loader)


def is_part_of(shown: Any, complete: Any) -> bool:
    """Whether all keys of a dict, at any depth, are in the other one, with the same values."""
    if isinstance(shown, dict) and isinstance(complete, dict):
        return all(key in complete and is_part_of(value, complete[key]) for key, value in shown.items())
    return bool(shown == complete)


@dataclass(frozen=True)
class Block:
    """A block of code of a page. ``page``: its path in the tree."""

    page: str
    fence: Fence

    @property
    def language(self) -> str:
        return self.fence.language

    @property
    def section(self) -> str:
        return self.fence.section

    @property
    def text(self) -> str:
        return self.fence.text

    @property
    def label(self) -> str:
        return f"{self.page}:{self.fence.line}"

    @property
    def data(self) -> Any:
        return parsed(self.text)

    @property
    def file(self) -> str | None:
        """The name of the file that the first line says the block is."""
        match = _FILE.match(self.text)
        return match[1] if match else None

    @property
    def is_playbook(self) -> bool:
        data = self.data
        return isinstance(data, list) and all("hosts" in play for play in data)

    @property
    def commands(self) -> list[str]:
        """The commands of a shell block: each with the lines that it is continued on, and without its comment."""
        lines = (line.partition(" #")[0].rstrip() for line in self.text.replace("\\\n", " ").splitlines())
        return [line for line in lines if line and not line.startswith("#")]


def blocks_of(page: str) -> list[Block]:
    return [Block(page, fence) for fence in fences((ROOT / page).read_text(encoding="utf-8"))]


def header_of(playbook: str) -> Block:
    """The commands that the header of a playbook shows: comments that are indented by three spaces."""
    lines = []
    for line in (ROOT / playbook).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "---")):
            break
        match = _HEADER_COMMAND.match(line)
        if match:
            # What follows a command after several spaces is a remark on it.
            lines.append(re.split(r" {2,}\(| \(--", match["line"])[0].strip())
    return Block(playbook, Fence("", 1, "sh", "\n".join(lines) + "\n"))


def examples_of(kind: str) -> dict[str, str]:
    """Plugin -> its EXAMPLES. ``kind``: the folder in plugins."""
    found = {}
    for path in sorted((ROOT / "plugins" / kind).glob("[!_]*.py")):
        for name, value in _assigned(path):
            if name == "EXAMPLES":
                found[path.stem] = value
    return found


def _assigned(path: Path) -> Iterator[tuple[str, str]]:
    """The texts that are assigned to names at the top of a file."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield node.targets[0].id, value.value
