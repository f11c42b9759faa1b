# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the process of a module writes to syslog or the journal, which Ansible does before any of our code runs.

In the control process nothing of ours is logged, so these tests switch that off.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.authorities import Pair, self_signed
from support.playbook import Ansible, Run

# The interpreter of the module runs this first. The machine has no log service that a test could read.
_SYSLOG = """
import os, syslog
def write(*words):
    with open(os.environ["CAPTURED_LOG"], "a", encoding="utf-8") as file:
        file.write(f"{words[-1]}\\n")
syslog.syslog = write
"""
_JOURNAL = """
import os
def sendv(*fields): raise AssertionError(fields)
def send(**fields):
    with open(os.environ["CAPTURED_LOG"], "a", encoding="utf-8") as file:
        file.write(f"{fields}\\n")
"""
_DAEMON = "def booted(): return True\n"

Captured = Callable[..., tuple[Run, str]]


@pytest.fixture(params=["syslog", "journal"])
def captured(request: pytest.FixtureRequest, ansible: Ansible, tmp_path: Path) -> Captured:
    """Runs a task at -vvvv; returns the run, and what its module has logged."""
    library, log = tmp_path / "library", tmp_path / "captured.log"
    files = {"sitecustomize.py": _SYSLOG}
    if request.param == "journal":
        files = {"systemd/__init__.py": "", "systemd/journal.py": _JOURNAL, "systemd/daemon.py": _DAEMON}
    for name, content in files.items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(content, encoding="utf-8")
    log.touch()

    def run(task: Mapping[str, Any]) -> tuple[Run, str]:
        environment = {
            "PYTHONPATH": str(library),
            "CAPTURED_LOG": str(log),
            "ANSIBLE_LOG_PATH": str(tmp_path / "log"),
            "FORTANIX_DSM_IN_PROCESS": "false",
        }
        done = ansible.tasks(task, verbosity=4, environment=environment)
        return done, log.read_text(encoding="utf-8")

    return run


@pytest.fixture(scope="module")
def pair() -> Pair:
    return self_signed("canary", algorithm="rsa")


def lines_of(pair: Pair) -> list[str]:
    return pair.key_pem.splitlines()[1:-1]


def arguments(name: str, link: Mapping[str, str], pair: Pair, case: str) -> dict[str, Any]:
    combined, ids = pair.certificate_pem + pair.key_pem, {k: v for k, v in link.items() if k != "link_client_secret"}
    apart = {"client_certificate": pair.certificate_pem, "client_key": pair.key_pem}
    cases: dict[str, dict[str, Any]] = {
        "key in a dict": {**link, "tls": apart},
        "combined": {**ids, "link_certificate": combined, "link_private_key": combined},
        "combined in a dict": {**link, "tls": {"client_certificate": combined, "client_key": combined}},
        "combined in a list": {**link, "tls": {"ca_certificates": [combined]}},
        "bad input": {**link, "tls": apart, "state": "maybe"},
        "misplaced": {**link, "client_key": pair.key_pem},
    }
    return {"name": name, **cases[case]}


@pytest.mark.every_core
@pytest.mark.parametrize("case", ["key in a dict", "combined", "combined in a dict", "combined in a list"])
def test_a_private_key_is_not_in_the_log_of_the_system(
    captured: Captured, sandbox: Sandbox, name: str, link: Mapping[str, str], pair: Pair, case: str
) -> None:
    sandbox.do(lambda state: state.azure.public.add_certificate(link["link_client_id"], pair.certificate))

    _run, log = captured({"cdc_group": arguments(name, link, pair, case)})

    assert f"name={name}" in log
    assert [line for line in lines_of(pair) if line in log] == []


def test_a_passphrase_that_looks_like_an_address_is_not_in_the_log(
    captured: Captured, name: str, link: Mapping[str, str], pair: Pair
) -> None:
    """Ansible's search for passwords in addresses takes the part before the @ only."""
    key = {
        "client_key": pair.encrypted_key_pem("open:it@sesame-canary"),
        "client_key_passphrase": "open:it@sesame-canary",
    }
    tls = {"client_certificate": pair.certificate_pem, **key}

    _run, log = captured({"cdc_group": {"name": name, **link, "tls": tls}})

    assert f"name={name}" in log
    assert "sesame-canary" not in log


@pytest.mark.every_core
@pytest.mark.parametrize("in_process", ["true", "false"])
@pytest.mark.parametrize("case", ["combined", "combined in a dict", "combined in a list", "bad input", "misplaced"])
def test_a_private_key_is_not_in_what_a_run_prints_and_logs(
    ansible: Ansible,
    sandbox: Sandbox,
    name: str,
    link: Mapping[str, str],
    pair: Pair,
    tmp_path: Path,
    case: str,
    in_process: str,
) -> None:
    sandbox.do(lambda state: state.azure.public.add_certificate(link["link_client_id"], pair.certificate))
    log = tmp_path / "ansible.log"

    run = ansible.tasks(
        {"cdc_group": arguments(name, link, pair, case)},
        verbosity=4,
        diff=True,
        environment={"ANSIBLE_LOG_PATH": str(log), "FORTANIX_DSM_IN_PROCESS": in_process},
    )

    assert "module_args" in run.output
    assert os.path.getsize(log) > 0
    assert [line for line in lines_of(pair) if line in run.output + log.read_text(encoding="utf-8")] == []
