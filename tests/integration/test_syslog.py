# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the process of a module writes to syslog or the journal, which Ansible does before any of our code runs.

In the control process nothing of ours is logged, so these tests switch that off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.authorities import Pair, self_signed
from support.playbook import Ansible, Run

from .conftest import link_options

# The interpreter of the module finds these first. The machine has no log service that a test could read.
_LIBRARY = {
    "sitecustomize.py": """
import os, syslog
def write(*words):
    with open(os.environ["CAPTURED_LOG"], "a", encoding="utf-8") as file:
        file.write(f"{words[-1]}\\n")
if "CAPTURED_LOG" in os.environ:
    syslog.syslog = write
""",
    "systemd/__init__.py": "",
    "systemd/journal.py": """
import os
def sendv(*fields): raise AssertionError(fields)
def send(**fields):
    with open(os.environ["CAPTURED_LOG"], "a", encoding="utf-8") as file:
        file.write(f"{fields}\\n")
""",
    "systemd/daemon.py": """
import os
def booted(): return os.environ.get("LOG_SERVICE") == "journal"
""",
}
# Ansible's search for passwords in addresses takes the part before the @ only.
PASSPHRASE = "open:it@sesame-canary"
LOGGED = ["key in a dict", "combined", "combined in a dict", "combined in a list", "passphrase like an address"]
# Refused before anything is logged.
REFUSED = ["bad input", "misplaced"]


def cases_of(link: Mapping[str, str], pair: Pair) -> dict[str, dict[str, Any]]:
    combined, ids = pair.certificate_pem + pair.key_pem, {k: v for k, v in link.items() if k != "link_client_secret"}
    apart = {"client_certificate": pair.certificate_pem, "client_key": pair.key_pem}
    encrypted = {"client_key": pair.encrypted_key_pem(PASSPHRASE), "client_key_passphrase": PASSPHRASE}
    return {
        "key in a dict": {**link, "tls": apart},
        "combined": {**ids, "link_certificate": combined, "link_private_key": combined},
        "combined in a dict": {**link, "tls": {"client_certificate": combined, "client_key": combined}},
        "combined in a list": {**link, "tls": {"ca_certificates": [combined]}},
        "passphrase like an address": {**link, "tls": {**apart, **encrypted}},
        "bad input": {**link, "tls": apart, "state": "maybe"},
        "misplaced": {**link, "client_key": pair.key_pem},
    }


@dataclass(frozen=True)
class Logged:
    """A run at -vvvv of each case: by a module that logs to syslog, by one that logs to the journal, and in-process."""

    run: Run
    folder: Path
    ansible_log: str
    secrets: list[str]

    def log_of(self, service: str, case: str) -> str:
        return (self.folder / f"{service} {case}").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def logged(shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Logged:
    folder = tmp_path_factory.mktemp("syslog")
    library = folder / "library"
    for name, content in _LIBRARY.items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(content, encoding="utf-8")
    link, pair = link_options(shared_sandbox), self_signed("canary", algorithm="rsa")
    shared_sandbox.do(lambda state: state.azure.public.add_certificate(link["link_client_id"], pair.certificate))

    cases = cases_of(link, pair)

    def task(way: str, case: str) -> dict[str, Any]:
        options = {"name": f"{way} {case}", **cases[case]}
        done: dict[str, Any] = {"name": f"{way}: {case}", "cdc_group": options, "ignore_errors": True}
        if way == "here":
            return {**done, "vars": {"ansible_fortanix_dsm_in_process": True}}
        captured = {"PYTHONPATH": str(library), "CAPTURED_LOG": str(folder / f"{way} {case}"), "LOG_SERVICE": way}
        return {**done, "environment": captured}

    run = Ansible(shared_sandbox.environment(), folder).tasks(
        *(task("syslog", case) for case in [*LOGGED, *REFUSED]),
        *(task("journal", case) for case in LOGGED),
        *(task("here", case) for case in [*LOGGED, *REFUSED]),
        verbosity=4,
        diff=True,
        environment={"ANSIBLE_LOG_PATH": str(folder / "ansible.log")},
    )
    assert run.code == 0, run.output
    ansible_log = (folder / "ansible.log").read_text(encoding="utf-8")
    return Logged(run, folder, ansible_log, [*pair.key_pem.splitlines()[1:-1], "sesame-canary"])


@pytest.mark.every_core
@pytest.mark.parametrize("service", ["syslog", "journal"])
@pytest.mark.parametrize("case", LOGGED)
def test_no_key_or_passphrase_is_in_the_log_of_the_system(logged: Logged, service: str, case: str) -> None:
    log = logged.log_of(service, case)

    assert f"name={service} {case}" in log
    assert ("'NAME': " in log) == (service == "journal")
    assert [secret for secret in logged.secrets if secret in log] == []


@pytest.mark.every_core
def test_no_key_or_passphrase_is_in_what_a_run_prints_and_logs(logged: Logged) -> None:
    outcomes = logged.run.outcomes

    assert len(outcomes) == 2 * len([*LOGGED, *REFUSED]) + len(LOGGED)
    assert [outcome.task for outcome in outcomes if "module_args" not in str(outcome.result)] == []
    assert logged.run.output.count("Using module file") == len(outcomes) - len([*LOGGED, *REFUSED])
    assert "misplaced" in logged.ansible_log
    assert [secret for secret in logged.secrets if secret in logged.run.output + logged.ansible_log] == []
