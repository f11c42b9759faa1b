# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first minute of a newcomer: plan, set-up, second run, against the sandbox. Run by ``make demo``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent
SETUP = ["playbooks/setup.yml", "-e", "@demo/vars.yml"]
STEPS = (
    ("Plan: what would be done in the empty account", [*SETUP, "--check", "--diff"]),
    ("Set up: group, link, connection, vault, keys", SETUP),
    ("The same again: nothing changes, nothing is written", SETUP),
    ("Look at what is there now", ["demo/show.yml", "-e", "@demo/vars.yml"]),
)


def main() -> int:
    started = time.monotonic()
    rows = []
    with Sandbox.start() as sandbox:
        print(f"Simulated DSM and Azure are up after {time.monotonic() - started:.1f} s. Nothing leaves this machine.")
        # PYTHONPATH leads to the sandbox; Ansible and its modules are to do without it.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment = {**inherited, **sandbox.environment(), **demo_variables(sandbox)}
        for number, (title, arguments) in enumerate(STEPS, start=1):
            print(f"\n=== {number}/{len(STEPS)}  {title}\n    ansible-playbook {' '.join(arguments)}\n", flush=True)
            mark, begun = sandbox.journal.mark(), time.monotonic()
            code = subprocess.run(
                [str(Path(sys.executable).with_name("ansible-playbook")), *arguments],
                cwd=ROOT,
                env=environment,
                check=False,
            ).returncode
            if code != 0:
                print(f"Step {number} failed with exit status {code}.", file=sys.stderr)
                return 1
            requests = len(sandbox.journal.requests(since=mark, plane="dsm"))
            writes = len(sandbox.journal.writes(since=mark))
            rows.append((title.partition(":")[0], requests, writes, time.monotonic() - begun))
    print_table(rows)
    if rows[0][2] or rows[2][2]:
        print("The plan or the second run has written something: that is a defect.", file=sys.stderr)
        return 1
    print(
        "\nWhere to go next:\n"
        "  make sandbox                          keep the simulated services up and try your own playbooks\n"
        "  playbooks/vars/setup.example.yml      the variables, with comments\n"
        "  playbooks/step_by_step.yml            the same with one task for each step of the guide\n"
        "  README.md                             the first playbook against a real DSM"
    )
    return 0


def demo_variables(sandbox: Sandbox) -> dict[str, str]:
    """What demo/vars.yml looks up. In the environment, as arguments would be visible to other processes."""
    azure = sandbox.world.public
    return {
        "DEMO_TENANT_ID": azure.tenant_id,
        "DEMO_CLIENT_ID": azure.client_id,
        "DEMO_SUBSCRIPTION_ID": azure.subscription_id,
        "DEMO_CLIENT_SECRET": azure.client_secret,
    }


def print_table(rows: list[tuple[str, int, int, float]]) -> None:
    print(f"\n{'step':<28}{'requests to DSM':>16}{'writes':>8}{'seconds':>9}")
    for title, requests, writes, seconds in rows:
        print(f"{title:<28}{requests:>16}{writes:>8}{seconds:>9.1f}")


if __name__ == "__main__":
    sys.exit(main())
