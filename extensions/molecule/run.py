# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the Molecule scenarios and checks that Molecule has run all of them. Started by `make molecule`.

Molecule reports success even if a playbook of a scenario is missing, or if it has found no scenario.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"
GLOB = "extensions/molecule/*/molecule.yml"


def main(wanted: list[str]) -> int:
    scenarios = wanted or sorted(path.parent.name for path in ROOT.glob(GLOB))
    environment = {
        **os.environ,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_ASYNC_DIR": str(ROOT / ".build" / "ansible" / "async"),
        "MOLECULE_GLOB": GLOB,
        "NO_COLOR": "1",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    names = [f"--scenario-name={name}" for name in scenarios]
    command = [str(BIN / "molecule"), "test", *names, "--destroy=always"]
    said = []
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as molecule:
        assert molecule.stdout
        for line in molecule.stdout:
            said.append(line)
            print(line, end="", flush=True)
    complaints = complaints_about("".join(said), scenarios)
    print("\n".join(complaints))
    return molecule.returncode or bool(complaints)


def complaints_about(output: str, scenarios: list[str]) -> list[str]:
    """The scenarios for which the recap does not show that all steps were run."""
    recap = output.rpartition("SCENARIO RECAP")[2]
    complaints = []
    for name in scenarios:
        line = re.search(rf"^{re.escape(name)}\s*:(.*)$", recap, re.MULTILINE)
        counts = dict(re.findall(r"(\w+)=(\d+)", line[1])) if line else {}
        if not counts or counts.get("actions") != counts.get("successful") or counts.get("actions") == "0":
            complaints.append(f"Scenario {name} did not run all its steps: {counts or 'it is not in the recap'}")
    return complaints


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
