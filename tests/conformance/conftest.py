# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sandbox for all tests of the wire, and a record of what is exchanged with its DSM."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from conformance.wire import Exchange, recorded
from sandbox import Profile, Sandbox, State
from support.operate import Operator


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The shared sandbox; its profile is back at the default afterwards, and its groups are gone."""
    yield shared_sandbox
    shared_sandbox.profile = Profile()
    shared_sandbox.do(remove_groups)


def remove_groups(state: State) -> None:
    for account in state.dsm.accounts.values():
        for group_id in list(account.groups.by_id.ids()):
            state.dsm.remove_group(group_id)


@pytest.fixture
def operate(sandbox: Sandbox) -> Operator:
    return Operator(sandbox.environment())


@pytest.fixture
def exchanges(sandbox: Sandbox) -> Iterator[list[Exchange]]:
    host = urlsplit(sandbox.world.dsm_endpoint).hostname
    assert host
    with recorded(host) as record:
        yield record
