# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes tests/README.md, with what each file of tests proves: the first sentence of its docstring.

PYTHONPATH=docs:tests:.build/collections .venv/bin/python -m make.tests_page
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from support.playbook import ROOT

TESTS = ROOT / "tests"
PAGE = TESTS / "README.md"

_HEAD = """
<!-- Made by docs/make/tests_page.py out of the docstrings of the tests: edit those. -->

# Tests

| Command | What it runs |
| --- | --- |
| `make test` | all tests but those marked `long` |
| `make test-all` | all tests |
| `make test-cores` | the tests marked `every_core`, with the oldest and the newest ansible-core |
| `make test-browser` | the compliance page in a browser |
| `make molecule` | the Molecule scenarios of the roles |
| `make explore`, `make explore-mutations` | the complete exploration; each fix taken back, and a test seen to fail |
| `make lint` | linters and ansible-test sanity |

## How a behaviour is tested

Take the first of these that can prove it. Each is cheaper than the next by about a factor of ten.

1. **A pure function**, called directly (`unit/`). Plans, findings, verdicts and messages are pure.
2. **An operation over the wire**, in the test's process (`support/operate.py`, `support/azure_rights.py`): requests,
   faults, races, unknown behaviour of servers. Most of `integration/` is of this kind. Where the environment counts, or
   the words of a failure as a user reads them, `support/shell.py` runs it as Ansible's process does.
3. **The tasks of a role over the wire**, in the test's process (`support/role_in_process.py`): forms of a set-up, parts
   that are missing, stops at each write.
4. **A playbook**, run by ansible-playbook (`support/playbook.py`): what Ansible itself does. These are options, check
   mode, diff, output, secrets in it, tags, hosts, and one run to the end of each role and playbook.
5. **A module in a process of its own**: one run of each module (`integration/test_in_process.py`), and what only a
   process can show (syslog, arguments, a run that is killed).

- `long` marks a sweep over all positions, or a playbook whose case has a cheaper test in `make test`.
- `every_core` marks what is up to Ansible itself, and so may differ with its release.
- No test depends on the speed of the machine: an event is waited for, not a time, and limits of time are only there to
  end a test that hangs.
- The sandbox knows nothing of the client. A test asserts what the sandbox has seen (its journal) and holds (its state).

## What each file proves
"""


def _sections() -> Iterator[str]:
    for folder in sorted(path for path in TESTS.iterdir() if path.is_dir()):
        files = sorted(folder.rglob("test_*.py"))
        if files:
            yield f"\n### {folder.name}\n\n| File | Proves |\n| --- | --- |\n"
            yield "".join(f"| `{path.relative_to(folder)}` | {_proves(path)} |\n" for path in files)


def _proves(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if docstring is None:
        raise AssertionError(f"{path} does not say what it proves")
    return " ".join(docstring.split("\n\n")[0].split()).replace("|", "\\|")


def render() -> str:
    return _HEAD.lstrip() + "".join(_sections())


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
