# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The clients for one task: connections to the services with the operator's credentials."""

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
    """``arm`` and ``graph`` are open; a Managed HSM has its own host and is opened on demand."""

    operator: Operator
    arm: Channel
    graph: Channel
    read_only: bool

    def pool(self, uri: str) -> Channel:
        """The client for local roles of a Managed HSM; the caller closes it."""
        return channel.hsm_access(self.operator, uri, read_only=self.read_only)

    def now(self) -> datetime:
        """The current time by the clocks of the services, which decide what has expired."""
        return self.operator.clock.now()


@contextmanager
def connect(operator: Operator, *, read_only: bool) -> Iterator[Azure]:
    """The services of the operator's cloud. With ``read_only``, the clients reject all writes."""
    with (
        channel.arm(operator, read_only=read_only) as arm,
        channel.graph(operator, read_only=read_only) as graph,
    ):
        yield Azure(operator, arm, graph, read_only)


@contextmanager
def retryable() -> Iterator[None]:
    """Marks failures that a repetition of the task may solve: ``failure.retryable`` is true in the result."""
    try:
        yield
    except TaskError as error:
        if may_pass(error):
            error.details.setdefault("retryable", True)
        raise


@contextmanager
def understood(obj: str, *, plane: str = "Azure") -> Iterator[None]:
    """Turns a response without required members into an error: most likely it is not from Azure."""
    cause = ""
    try:
        yield
    except UNREADABLE as error:
        cause = f"{type(error).__name__}: {error}"
    if cause:
        raise unreadable(cause, plane=plane, obj=obj)
