# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a compliance run of many groups costs: requests, seconds, memory. Started by `make bench-compliance`.

Nothing here passes or fails by time. The groups, ten to a vault, are put straight into the sandbox: what is measured
only reads them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from sandbox import Fault, Sandbox
from support.azure_rights import AzureRights

ROOT = Path(__file__).resolve().parents[2]
_PLANES = {"DSM": {"dsm"}, "Entra": {"entra", "graph"}, "Azure": {"arm", "vault"}}
_TO_A_VAULT = 10
# As if this collection had written the credential of each link, so that links can be compared.
_RECORDED = {"fortanix-dsm-ansible-link-credential": "client-secret:0123456789"}
_POLICY = {"fail_on": "never", "fail_on_unknown": False}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make bench-compliance BENCH_ARGS=...", description="Measure a compliance run of many groups."
    )
    parser.add_argument("--groups", type=int, nargs="+", default=[100, 1000], help="how many groups (100 1000)")
    parser.add_argument("--batch", type=int, default=100, help="groups of a batch (100)")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[16], help="groups at a time (16)")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that DSM takes more for each test (0)")
    parser.add_argument("--links-once", action="store_true", help="groups with the same link share a test")
    options = parser.parse_args()
    print(
        "| groups | at a time | DSM | Entra | Azure | writes | seconds | ansible-playbook MB"
        " | largest other process MB | page MB |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for count in options.groups:
        for concurrency in options.concurrency:
            with tempfile.TemporaryDirectory() as directory:
                given = {
                    "cdc_compliance_directory": directory,
                    "cdc_compliance_batch_size": options.batch,
                    "cdc_compliance_concurrency": concurrency,
                    "cdc_compliance_test_links_once": options.links_once,
                    "cdc_compliance_policy": _POLICY,
                }
                _measure(Path(directory), count, given, options.delay)
    return 0


def _measure(directory: Path, count: int, given: dict[str, Any], delay: float) -> None:
    with Sandbox.start() as sandbox:
        view = sandbox.world.public
        fill(AzureRights(sandbox), count)
        if delay:
            test = "/sys/v1/groups/{group_id}/hmg/check"
            sandbox.faults.add(Fault(plane="dsm", method="POST", route=test, delay=delay, times=None))
        environment = {**os.environ, **sandbox.environment(), **sandbox.operator_environment(view)}
        mark, started = sandbox.journal.mark(), time.perf_counter()
        with (directory / "output.txt").open("w", encoding="utf-8") as output:
            run = subprocess.Popen(
                ["ansible-playbook", str(ROOT / "playbooks/compliance.yml"), "--check", "-e", json.dumps(given)],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            memory = Memory(run.pid)
            code = run.wait()
        # Not those that the simulated DSM sends to test connections.
        seconds, entries = (
            time.perf_counter() - started,
            [one for one in sandbox.journal.since(mark) if one.origin == "client"],
        )
        if code != 0:
            raise SystemExit((directory / "output.txt").read_text(encoding="utf-8"))
        planes = Counter(plane for entry in entries for plane, names in _PLANES.items() if entry.plane in names)
        (page,) = directory.glob("*.html")
        cells = [
            given["cdc_compliance_concurrency"],
            *(planes[plane] for plane in _PLANES),
            sum(entry.kind == "write" for entry in entries),
            f"{seconds:.0f}",
            *(f"{kilobytes / 1024:.0f}" for kilobytes in memory.peaks()),
            f"{page.stat().st_size / 1e6:.1f}",
        ]
        print(f"| {count} | {' | '.join(map(str, cells))} |", flush=True)


def fill(rights: AzureRights, count: int) -> None:
    """Add groups, ten to a vault with one key each; the application and the operator have what they need."""
    for number in range(0, count, _TO_A_VAULT):
        uri = rights.do(lambda azure, number=number: _add_vault(azure, rights, f"akv-scale-{number}"))
        link = rights.link(url=uri, key_vault_type="PREMIUM")
        for member in range(number, min(number + _TO_A_VAULT, count)):
            rights.sandbox.do(
                lambda state, name=f"akv-{member:04}", link=link: state.dsm.add_group(
                    name, hmg=link, custom_metadata=_RECORDED
                )
            )


def _add_vault(azure: Any, rights: AzureRights, name: str) -> str:
    vault = azure.add_vault(name, "premium", rbac=True, subscription_id=rights.view.subscription_id)
    for role in ("Key Vault Contributor", "Key Vault Crypto Officer"):
        azure.assign_role(rights.app, name, role)
    azure.assign_role(rights.view.operator_client_id, name, "Key Vault Reader")
    azure.add_key(name, "payments", kty="EC-HSM")
    return str(vault.uri)


class Memory:
    """The most memory (VmHWM of Linux) of one process, and of the largest one that it has started. In kilobytes."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._most: dict[int, int] = {}
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def peaks(self) -> tuple[int, int]:
        self._thread.join()
        return self._most.pop(self._pid, 0), max(self._most.values(), default=0)

    def _look(self) -> None:
        while (family := _family(self._pid)) and self._pid in family:
            for pid, kilobytes in family.items():
                self._most[pid] = max(self._most.get(pid, 0), kilobytes)
            time.sleep(0.05)


def _family(root: int) -> dict[int, int]:
    """Process -> its peak in kilobytes, of a living process and all below it."""
    facts: dict[int, dict[str, str]] = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError:
            # It has ended meanwhile.
            continue
        facts[int(path.parent.name)] = dict(line.split(":", 1) for line in lines if ":" in line)
    found: dict[int, int] = {}
    wanted = [root]
    while wanted:
        pid = wanted.pop()
        if "VmHWM" in facts.get(pid, {}):
            found[pid] = int(facts[pid]["VmHWM"].split()[0])
            wanted += [child for child, fact in facts.items() if int(fact["PPid"]) == pid]
    return found


if __name__ == "__main__":
    sys.exit(main())
