# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal's command and its service: what can be broken is listed, done once, and undone; files are private."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3

from sandbox import Sandbox
from sandbox.rehearsal.breaks import BREAKS
from sandbox.rehearsal.files import CONTROL, ENVIRONMENT, VARIABLES, write_files

TESTS = Path(__file__).resolve().parent.parent.parent
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def own() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        write_files(sandbox.directory, sandbox.environment(), sandbox.world.public, sandbox.control_url)
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture
def run(own: Sandbox) -> Run:
    """The command, in the environment that a newcomer has after reading the file."""

    def run(*arguments: str, directory: Path = own.directory) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sandbox.rehearsal", "--directory", str(directory), *arguments]
        variables = {**os.environ, **own.environment(), "PYTHONPATH": str(TESTS)}
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)

    return run


def test_the_command_lists_breaks_and_restores(run: Run, own: Sandbox) -> None:
    listed = run().stdout
    broken = run("firewall")
    closed = own.do(lambda state: state.azure.public.vault("akv-sandbox-std").firewall.default_action)
    restored = run("restore").stdout
    again = own.do(lambda state: state.azure.public.vault("akv-sandbox-std").firewall.default_action)

    assert [line.split()[0] for line in listed.splitlines()] == list(BREAKS)
    assert "cdc_connection" in broken.stdout
    assert (closed, again) == ("Deny", "Allow")
    assert restored == "Restored. Undone: firewall.\n"


def test_the_command_says_what_is_wrong(run: Run, tmp_path: Path) -> None:
    unknown, nowhere = run("everything"), run(directory=tmp_path)

    assert (unknown.returncode, unknown.stderr.startswith("There is no break 'everything'. One of: permission")) == (
        1,
        True,
    )
    assert (nowhere.returncode, nowhere.stderr.startswith("No sandbox is running in ")) == (1, True)


@pytest.mark.parametrize(
    ("what", "status", "words"),
    [("rename", 409, "There is no group akv-production in DSM"), ("nothing", 404, "There is no break 'nothing'")],
)
def test_a_break_that_is_not_possible_leaves_everything_alone(own: Sandbox, what: str, status: int, words: str) -> None:
    answer = urllib3.request("POST", f"{own.control_url}/breaks/{what}", retries=False)

    assert (answer.status, answer.json()["message"].startswith(words)) == (status, True)
    assert urllib3.request("POST", f"{own.control_url}/restore", retries=False).json() == {"undone": []}


def test_a_break_is_done_once(own: Sandbox) -> None:
    first, second = (urllib3.request("POST", f"{own.control_url}/breaks/secret", retries=False) for _turn in range(2))
    listed = urllib3.request("GET", f"{own.control_url}/breaks", retries=False).json()
    urllib3.request("POST", f"{own.control_url}/restore", retries=False)

    assert (first.status, second.status) == (200, 409)
    assert [one["name"] for one in listed if one["in_force"]] == ["secret"]


def test_the_files_are_private_and_lead_into_the_sandbox(own: Sandbox) -> None:
    paths = [own.directory / name for name in (ENVIRONMENT, VARIABLES, CONTROL)]

    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert f"export HTTPS_PROXY={own.proxy_url}\n" in paths[0].read_text()
    assert f'"{own.world.public.client_secret}"' in paths[1].read_text()


def test_an_empty_sandbox_has_no_variables_and_breaks_nothing(tmp_path: Path) -> None:
    with Sandbox.start(empty=True) as empty:
        written = write_files(tmp_path, empty.environment(), empty.world.public, empty.control_url)
        answer = urllib3.request("POST", f"{empty.control_url}/breaks/firewall", retries=False)

    assert [path.name for path in written] == [ENVIRONMENT, CONTROL]
    assert (answer.status, "A sandbox that was started empty has none." in answer.json()["message"]) == (409, True)
