# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first minute of a newcomer, against the sandbox: a set-up, and a vault whose rights only look right.

Run by ``make demo``. It fails when a step does not show what it claims.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox import Profile, Sandbox, State

ROOT = Path(__file__).resolve().parent.parent
RBAC_VAULT = "akv-sandbox-std"
VARIABLES = ["-e", "@demo/vars.yml"]
SETUP = ["playbooks/setup.yml", *VARIABLES]
RIGHTS = ["demo/rights.yml", *VARIABLES]
DRY = ["--check", "--diff"]


@dataclass(frozen=True)
class Step:
    """A run of ansible-playbook. ``said``: pattern of what it must print. ``writes``: whether it has to write."""

    title: str
    arguments: Sequence[str]
    writes: bool
    said: str


STEPS = (
    Step("Plan: what would be done in the empty account", [*SETUP, *DRY], False, "vault akv-sandbox-prem, .*planned"),
    Step("Set up: group, link, connection, vault, keys", SETUP, True, r"keys 4, changed"),
    Step("The same again: nothing changes, nothing is written", SETUP, False, r"keys 4, unchanged"),
    Step("Look at what is there now", ["demo/show.yml", *VARIABLES], False, '"synced_keys": 4'),
    Step(
        "A vault that looks right: DSM connects, and the sync fails",
        ["demo/looks_right.yml", *VARIABLES],
        True,
        '"connection": "connected"',
    ),
    Step("Verdict and plan: why it fails, and what would be granted", [*RIGHTS, *DRY], False, '"effect": "planned"'),
    Step("Repair: what is missing is granted, and the sync works", RIGHTS, True, '"proof": "sync"'),
    Step("Once more: nothing is left to repair", RIGHTS, False, '"effect": "unchanged"'),
)


def main() -> int:
    started = time.monotonic()
    rows: list[tuple[str, int, int, int, float]] = []
    # How far DSM's own test of a connection goes is not public. This one asks for the vaults, and for no key.
    with Sandbox.start(profile=Profile(check_depth="arm_list")) as sandbox:
        print(f"Simulated DSM and Azure are up after {time.monotonic() - started:.1f} s. Nothing leaves this machine.")
        sandbox.do(use_rbac)
        # PYTHONPATH leads to the sandbox; Ansible and its modules are to do without it.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment = {**inherited, **sandbox.environment(), **demo_variables(sandbox)}
        for number, step in enumerate(STEPS, start=1):
            print(f"\n=== {number}/{len(STEPS)}  {step.title}")
            print(f"    ansible-playbook {' '.join(step.arguments)}\n", flush=True)
            mark, begun = sandbox.journal.mark(), time.monotonic()
            code, output = play(step.arguments, environment)
            seconds = time.monotonic() - begun
            # What DSM asks Azure for is its own affair.
            planes = [entry.plane for entry in sandbox.journal.since(mark) if entry.origin == "client"]
            to_dsm, writes = planes.count("dsm"), len(sandbox.journal.writes(since=mark))
            rows.append((step.title.partition(":")[0], to_dsm, len(planes) - to_dsm, writes, seconds))
            if problem := shortcoming(step, code, output, writes):
                print(f"Step {number} {problem}.", file=sys.stderr)
                return 1
    print_table(rows)
    print(
        "\nWhere to go next:\n"
        "  make sandbox                          keep the simulated services up and try your own playbooks\n"
        "  playbooks/vars/setup.example.yml      the variables, with comments\n"
        "  playbooks/step_by_step.yml            the same with one task for each step of the guide\n"
        "  README.md                             the first playbook against a real DSM"
    )
    return 0


def use_rbac(state: State) -> None:
    """The second vault of the demo was made with Azure's default of today: its access policies have no effect."""
    state.azure.public.vault(RBAC_VAULT).rbac = True


def play(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run ansible-playbook, show what it prints while it runs; its exit status, and what it printed."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), *arguments]
    printed = []
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            printed.append(line)
    return process.returncode, "".join(printed)


def shortcoming(step: Step, code: int, output: str, writes: int) -> str | None:
    """What the step has failed to show; None when all is as its title says."""
    if code != 0:
        return f"failed with exit status {code}"
    if re.search(step.said, output) is None:
        return f"did not print {step.said}"
    if bool(writes) != step.writes:
        return f"has made {writes} writes, and {'some were' if step.writes else 'none was'} expected: that is a defect"
    return None


def demo_variables(sandbox: Sandbox) -> dict[str, str]:
    """What demo/vars.yml looks up. In the environment, as arguments would be visible to other processes."""
    azure = sandbox.world.public
    return {
        "DEMO_TENANT_ID": azure.tenant_id,
        "DEMO_CLIENT_ID": azure.client_id,
        "DEMO_SUBSCRIPTION_ID": azure.subscription_id,
        "DEMO_CLIENT_SECRET": azure.client_secret,
    }


def print_table(rows: Iterable[tuple[str, int, int, int, float]]) -> None:
    """What each step has cost."""
    print(f"\n{'step':<28}{'requests to DSM':>16}{'to Azure':>10}{'writes':>8}{'seconds':>9}")
    for title, dsm, azure, writes, seconds in rows:
        print(f"{title:<28}{dsm:>16}{azure:>10}{writes:>8}{seconds:>9.1f}")


if __name__ == "__main__":
    sys.exit(main())
