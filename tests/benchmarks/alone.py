# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one operation in a process without Ansible around it, and prints the most memory of that process.

`python -m benchmarks.alone` reads `{"operation": ..., "params": {...}, "environment": {...}}` from standard input. The
result is made JSON, as a module does it, and dropped.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from support.operate import Operator

_OPERATIONS = "ansible_collections.fortanix.dsm.plugins.module_utils._operations"


def main() -> None:
    given: dict[str, Any] = json.load(sys.stdin)
    operation = importlib.import_module(f"{_OPERATIONS}.{given['operation']}")
    json.dumps(Operator(given["environment"])(operation, **given["params"]))
    print(_peak())


def _peak() -> int:
    """In kilobytes, by VmHWM of Linux: what `getrusage` returns includes the process that started this one."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
