# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads that a task can do without: whatever fails, the task continues, and reports what is unknown.

A read is optional if the rest of the task is right without it, such as the end of a temporary role. One on which the
result or a write depends is required, and fails the task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ..._rest.statuses import FORBIDDEN, NOT_FOUND
from .errors import LOGIN, AzureError

T = TypeVar("T")


@dataclass(frozen=True)
class Unread:
    """``why``: the server's error text, or the problem. ``status``: of HTTP, None without a response."""

    why: str
    status: int | None = None

    @property
    def refused(self) -> bool:
        """Whether the operator has no permission to read it."""
        return self.status == FORBIDDEN

    @property
    def absent(self) -> bool:
        """Whether Azure does not know the object, or this kind of list."""
        return self.status == NOT_FOUND


def optional(read: Callable[[], T]) -> T | Unread:
    """What is read, or why it cannot be read.

    Raises:
        AzureError: the operator's authentication fails, so that nothing can be read.
    """
    try:
        return read()
    except AzureError as error:
        if error.obj == LOGIN:
            raise
        return Unread(error.server_words or error.problem, error.status)
