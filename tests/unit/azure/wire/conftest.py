# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox for each module that sends requests, and a process whose environment leads into it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from support.challenges import forget_challenges
from support.client_clock import ClientClock


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture
def sandbox(running: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    for name, value in running.environment().items():
        monkeypatch.setenv(name, value)
    # The SDK keeps the tenant of a pool for the time of a process, and each sandbox has another one.
    forget_challenges()
    yield running
    running.faults.clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ClientClock:
    return ClientClock(monkeypatch)
