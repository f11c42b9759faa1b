# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Lists of DSM, in the shapes and with the paging of servers of different age (DSM contract §2.2, §4.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..._errors import TaskError

PAGE = 1000


def items(answer: Any, what: str) -> list[dict[str, Any]]:
    """The list in either shape that servers use: a bare array, or ``{items, metadata}``."""
    found = answer.get("items") if isinstance(answer, dict) else answer
    if isinstance(found, list):
        return found
    raise TaskError(
        f"the answer to a list of {what} is neither a list nor an object with items",
        plane="DSM",
        obj=what,
        next_step="check that dsm_endpoint is DSM's REST API",
    )


def all_pages(fetch: Callable[[int], list[dict[str, Any]]], key: str) -> Iterator[dict[str, Any]]:
    """Everything that ``fetch(offset)`` gives, each once, told apart by ``key``.

    A short page is no end, as a server may cap pages below what was asked for. Only a page with nothing new is: an
    empty one, or one of a server that ignores paging and answers with everything each time.
    """
    seen: set[str] = set()
    while True:
        fresh = [entry for entry in fetch(len(seen)) if entry[key] not in seen]
        if not fresh:
            return
        yield from fresh
        seen.update(entry[key] for entry in fresh)
