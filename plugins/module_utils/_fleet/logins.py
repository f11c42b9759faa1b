# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The logins of a task over a list: one for each plane and cloud, and a client of DSM for each thread."""

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
    """The clients of DSM. One is for one thread at a time."""

    def __init__(self, clients: Sequence[DsmClient]) -> None:
        # The last one back is the next one out: no more of them log in than are needed, and the first one has.
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
    """The client for one step, which has the complete ``dsm_timeout`` and a journal of its own."""
    before, client.journal = client.journal, journal
    client.begin_anew()
    try:
        yield client
    finally:
        client.journal = before


class Operators:
    """The operator in each cloud. Nobody logs in, and no library is imported, before one is asked for."""

    def __init__(self) -> None:
        self._known: dict[str | None, Operator] = {}
        self._guard = Lock()

    def of(self, step: Task) -> Operator:
        """The operator of a step: its own subscription and journal, the login of all.

        Raises:
            InvalidInput: an option that is missing or cannot be right.
            TaskError: there is no login anywhere, or a library is not installed.
        """
        cloud = step.params["cloud_environment"]
        with self._guard:
            if cloud not in self._known:
                self._known[cloud] = operator_of(step)
        subscription = step.params["subscription_id"]
        own = None if subscription is None else name_key(subscription.strip())
        return replace(self._known[cloud], subscription_id=own, journal=step.journal)
