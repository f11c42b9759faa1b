# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential is renewed while groups are in use, and no request fails. Run by ``make demo-rotation``.

The workload does what DSM does for a group that is in use: it authenticates to Azure with the current credential of the
group, and reads keys in the vault. The demo also shows that the workload can fail.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import urllib3
from run import Cost, Failed, Step, carry_out, told

from sandbox import Sandbox, State

ROTATE = [
    "playbooks/rotate_credentials.yml",
    "-e",
    "cdc_rotate_renew_before_days=60",
    "-e",
    "cdc_rotate_wait_timeout=60",
    # The credential of the previous step is seconds old, and no other run is active.
    "-e",
    "cdc_rotate_takeover_after=0",
]
MIGRATE = ["demo/rotation_migrate.yml"]
GROUPS = 2

SET_UP = (
    Step(
        "Set up: two groups with a client secret that only DSM stores",
        ["demo/rotation_setup.yml"],
        [r"changed=1 "],
        ["graph"] + ["dsm"] * GROUPS,
    ),
)
IN_USE = (
    Step(
        "Plan: the secret expires in less than 60 days",
        [*ROTATE, "--check", "--diff"],
        [r"2\s+group\(s\),\s+planned,\s+it\s+expires"],
    ),
    Step(
        "Renew: both groups get a new secret, then the old secret is removed",
        ROTATE,
        [r"2\s+group\(s\),\s+renewed,\s+it\s+expires"],
        ["graph", *["dsm"] * GROUPS, "graph"],
    ),
    Step("Run again: nothing is due, no writes", ROTATE, [r"2\s+group\(s\),\s+unchanged"]),
    Step(
        "Migrate: from the secret to a certificate, with the same steps",
        MIGRATE,
        [r"changed=1 "],
        ["graph", *["dsm"] * GROUPS, "graph"],
    ),
)
AFTER_ACCIDENT = (
    Step(
        "Repair: the certificate was removed in Entra, and the same command replaces it",
        ROTATE,
        [r"2\s+group\(s\),\s+renewed,\s+the\s+credential\s+that\s+the\s+groups\s+have\s+is\s+no\s+longer\s+registered"],
        ["graph", *["dsm"] * GROUPS],
    ),
)
TOTAL = len(SET_UP) + len(IN_USE) + len(AFTER_ACCIDENT)


@dataclass
class Workload:
    """Uses each group repeatedly, in a separate thread."""

    sandbox: Sandbox
    done: int = 0
    failures: list[str] = field(default_factory=list)

    def once(self, http: urllib3.PoolManager, group_id: str) -> None:
        """DSM authenticates to Azure for this group and reads keys. Every other response than success is a failure."""
        world = self.sandbox.world
        url = f"{world.dsm_endpoint}/sys/v1/groups/{group_id}/hmg/check"
        headers = {"Authorization": f"Basic {world.admin_app.api_key}", "Content-Type": "application/json"}
        answer = http.request("POST", url, headers=headers, body=json.dumps({}), retries=False)
        self.done += 1
        if answer.status >= 300:
            self.failures.append(answer.data.decode(errors="replace"))

    def group_ids(self) -> list[str]:
        return self.sandbox.do(
            lambda state: [group.group_id for group in state.dsm.default_account.groups if group.hmg]
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Use the groups until the block is left."""
        stop = threading.Event()

        def work() -> None:
            with urllib3.ProxyManager(self.sandbox.proxy_url, ca_certs=str(self.sandbox.ca_bundle)) as http:
                while not stop.is_set():
                    for group_id in self.group_ids():
                        self.once(http, group_id)
                    time.sleep(0.05)

        thread = threading.Thread(target=work, name="workload")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def main() -> int:
    return told(story(), "docs/rotation.md      the steps of a renewal, and what to do if one of them fails")


def story() -> Iterator[Cost]:
    with Sandbox.start() as sandbox:
        azure = sandbox.world.public
        print("Simulated DSM and Azure are running. Nothing leaves this machine.")
        known = {"DEMO_CLIENT_ID": azure.client_id}
        yield from carry_out(sandbox, SET_UP, known, total=TOTAL)
        load = Workload(sandbox)
        with load.running():
            yield from carry_out(sandbox, IN_USE, known, begin=2, total=TOTAL)
        print(f"\nDuring these steps, the groups were used {load.done} times. {len(load.failures)} uses failed.")
        if load.failures or load.done < 50:
            raise Failed(f"The workload has failed: {load.failures[:1] or 'it has used the groups too rarely'}.")
        accident = Workload(sandbox)
        sandbox.do(lambda state: remove_certificates(state, azure.client_id))
        with accident.running():
            time.sleep(1)
        print(f"The certificate is now removed in Entra: {len(accident.failures)} of {accident.done} uses fail.")
        if len(accident.failures) != accident.done or not accident.done:
            raise Failed("The workload did not fail without a valid credential, so its success proves nothing.")
        yield from carry_out(sandbox, AFTER_ACCIDENT, known, begin=TOTAL, total=TOTAL)
        mended = Workload(sandbox)
        with mended.running():
            time.sleep(1)
        print(f"\nAfter the repair, the groups were used {mended.done} times. {len(mended.failures)} uses failed.")
        if mended.failures or not mended.done:
            raise Failed(f"The groups do not work: {mended.failures[:1]}.")


def remove_certificates(state: State, client_id: str) -> None:
    state.azure.public.remove_certificates(client_id)


if __name__ == "__main__":
    sys.exit(main())
