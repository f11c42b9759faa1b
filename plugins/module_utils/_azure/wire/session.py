# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The operator in Azure for the time of one task: the ways to the services, under one login."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from ..._errors import TaskError
from . import channel
from .channel import Channel
from .credential import Operator
from .errors import may_pass
from .sdk_failures import UNREADABLE, unreadable


@dataclass(frozen=True)
class Azure:
    """``arm`` and ``graph`` are open; a pool has a host of its own and is opened on demand."""

    operator: Operator
    arm: Channel
    graph: Channel
    read_only: bool

    def pool(self, uri: str) -> Channel:
        """The local roles of a managed HSM; to be closed by the caller."""
        return channel.hsm_access(self.operator, uri, read_only=self.read_only)

    def now(self) -> datetime:
        """The present time by the clocks of the services, which decide what has expired."""
        return self.operator.clock.now()


@contextmanager
def connect(operator: Operator, *, read_only: bool) -> Iterator[Azure]:
    """The services of the operator's cloud. With ``read_only``, writing is impossible by construction."""
    with (
        channel.arm(operator, read_only=read_only) as arm,
        channel.graph(operator, read_only=read_only) as graph,
    ):
        yield Azure(operator, arm, graph, read_only)


@contextmanager
def retryable() -> Iterator[None]:
    """Marks failures that a repetition of the task may mend: ``failure.retryable`` is true in the result."""
    try:
        yield
    except TaskError as error:
        if may_pass(error):
            error.details.setdefault("retryable", True)
        raise


@contextmanager
def understood(obj: str, *, plane: str = "Azure") -> Iterator[None]:
    """Turns an answer without the members that it must have into an error: most likely it is not from Azure."""
    cause = ""
    try:
        yield
    except UNREADABLE as error:
        cause = f"{type(error).__name__}: {error}"
    if cause:
        raise unreadable(cause, plane=plane, obj=obj)
