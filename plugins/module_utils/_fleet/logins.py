# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The sessions of a task over a list: one operator for each cloud, and one DSM client for each thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from queue import LifoQueue
from threading import Lock

from .._azure.wire.credential import Operator, operator_of
from .._dsm.wire.client import DsmClient
from .._journal import Journal
from .._names import name_key
from .._task import Task


class Clients:
    """The clients of DSM. Each is used by one thread at a time."""

    def __init__(self, clients: Sequence[DsmClient]) -> None:
        # Last in, first out: only as many clients authenticate as are needed, and the first one already has.
        self._free: LifoQueue[DsmClient] = LifoQueue()
        for client in reversed(clients):
            self._free.put(client)

    @contextmanager
    def one(self) -> Iterator[DsmClient]:
        client = self._free.get()
        try:
            yield client
        finally:
            self._free.put(client)


@contextmanager
def step_of(client: DsmClient, journal: Journal) -> Iterator[DsmClient]:
    """The client for one step, with the full ``dsm_timeout`` and a separate journal."""
    before, client.journal = client.journal, journal
    client.begin_anew()
    try:
        yield client
    finally:
        client.journal = before


class Operators:
    """The operator in each cloud. It authenticates, and libraries are imported, only when it is first used."""

    def __init__(self) -> None:
        self._known: dict[str | None, Operator] = {}
        self._guard = Lock()

    def of(self, step: Task) -> Operator:
        """The operator of a step: with the step's subscription and journal, and the task's credentials.

        Raises:
            InvalidInput: an option is missing or invalid.
            TaskError: no operator credentials were found, or a library is not installed.
        """
        cloud = step.params["cloud_environment"]
        with self._guard:
            if cloud not in self._known:
                self._known[cloud] = operator_of(step)
        subscription = step.params["subscription_id"]
        own = None if subscription is None else name_key(subscription.strip())
        return replace(self._known[cloud], subscription_id=own, journal=step.journal)
