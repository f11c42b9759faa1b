# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module process that is told to end says what it has done, and of which write the outcome is unknown."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from sandbox import Fault, Sandbox
from support.playbook import ROOT
from support.shell import expect_clear_failure

GROUPS = "/sys/v1/groups"


def start(sandbox: Sandbox, module: str, arguments: Mapping[str, Any]) -> subprocess.Popen[str]:
    """The module as Ansible starts it, with its arguments on the standard input."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"ansible_collections.fortanix.dsm.plugins.modules.{module}"],
        env={**os.environ, **sandbox.environment(), "PYTHONPATH": str(ROOT / ".build/collections")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": dict(arguments)}))
    process.stdin.close()
    process.stdin = None
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_write_on_its_way_is_reported_as_unknown(
    sandbox: Sandbox, name: str, link: Mapping[str, str], number: signal.Signals
) -> None:
    sent = threading.Event()
    sandbox.faults.add(Fault(plane="dsm", method="POST", route=GROUPS, drip="head", drip_pause=0.1, then=sent.set))
    process = start(sandbox, "cdc_group", {"name": name, **link})
    assert sent.wait(60)

    process.send_signal(number)
    output, errors = process.communicate(timeout=60)

    result = json.loads(output)
    expect_clear_failure(result, f"the task was stopped by the signal {number.name}", "Next: run the task again")
    assert f'It is unknown whether this was carried out: DSM, group "{name}" (POST /sys/v1/groups).' in result["msg"]
    assert (result["changed"], errors) == (True, "")
    assert [one["outcome"] for one in result["failure"]["unknown"]] == ["unknown"]


def test_a_task_that_reads_has_changed_nothing(sandbox: Sandbox, name: str) -> None:
    sent = threading.Event()
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, drip="head", drip_pause=0.1, then=sent.set))
    process = start(sandbox, "cdc_group_info", {})
    assert sent.wait(60)

    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)

    result = json.loads(output)
    assert result["msg"] == (
        "Controller, task: the task was stopped by the signal SIGTERM. "
        "Next: run the task again: it reads the current state before it changes anything."
    )
    assert (result["changed"], errors) == (False, "")
