# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbooks and roles print as it is: labels of loops, names of tasks, messages. No server may steer a terminal.

Names of groups, vaults and keys come from a server. Ansible prints labels and names of tasks without any change, and of
a message it changes only what JSON escapes. So each expression in them has to be an ID, a number, or printable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

PRINTABLE = "fortanix.dsm.printable"
# Other filters of the collection whose result is printable: tests/unit/filter/test_printable.py holds them to it.
ALSO_PRINTABLE = frozenset({"compliance_failure", "restore_access_summary", "setup_line"})
_EXPRESSION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_LAST_FILTER = re.compile(r"\|\s*([\w.]+)\s*(?:\([^|]*\))?\s*$")
_OF_EACH = re.compile(r"\|\s*map\('([\w.]+)'\)\s*\|\s*list\s*$")
# An ID, an index (with a sum), a path that the user gives, or the host as the user's inventory names it.
_HARMLESS = re.compile(r"[\w.]*(?:\b|_)(?:id|index|directory|file|inventory_hostname)(?:\s*\+\s*\d+)?")
_COUNT = ("length", "int", "count")
# Modules that print, and the options of theirs that are printed.
_MESSAGES = {
    "ansible.builtin.debug": ("msg", "var"),
    "ansible.builtin.fail": ("msg",),
    "ansible.builtin.pause": ("prompt",),
    "ansible.builtin.assert": ("fail_msg", "success_msg", "msg"),
}


def complaints(root: Path) -> list[str]:
    """What is printed as it comes from somewhere, as ``file: task: what``."""
    files = [*root.glob("playbooks/*.yml"), *root.glob("roles/*/tasks/*.yml"), *root.glob("roles/*/handlers/*.yml")]
    found = []
    for file in sorted(files):
        for task in tasks_of(yaml.safe_load(file.read_text(encoding="utf-8"))):
            where = f"{file.relative_to(root)}: {task.get('name', 'a task without a name')}"
            found += [f"{where}: {one}" for one in of_task(task)]
    return found


def tasks_of(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every task and play in a file, those in blocks included."""
    for one in node if isinstance(node, list) else []:
        if isinstance(one, Mapping):
            yield one
            for part in ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always"):
                yield from tasks_of(one.get(part))


def of_task(task: Mapping[str, Any]) -> Iterator[str]:
    """What one task prints as it is."""
    printed = [("name", task.get("name")), ("label", (task.get("loop_control") or {}).get("label"))]
    for module, options in _MESSAGES.items():
        arguments = task.get(module) or {}
        printed += [(option, arguments.get(option)) for option in options]
    for option, value in printed:
        for expression in expressions_in(value):
            if not is_harmless(expression):
                yield f"{option}: {{{{ {expression} }}}} may be a name that a server gives; add | {PRINTABLE}"


def expressions_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from (" ".join(one.split()) for one in _EXPRESSION.findall(value))
    elif isinstance(value, Mapping):
        yield from (one for member in value.values() for one in expressions_in(member))
    elif isinstance(value, list):
        yield from (one for member in value for one in expressions_in(member))


def is_harmless(expression: str) -> bool:
    """Whether it is an ID, a number, or has been made printable last."""
    last = _OF_EACH.search(expression) or _LAST_FILTER.search(expression)
    if last is None:
        return _HARMLESS.fullmatch(expression) is not None
    name = last[1]
    return name in _COUNT or name == PRINTABLE or name.removeprefix("fortanix.dsm.") in ALSO_PRINTABLE
