# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Lists that DSM returns, in the shapes and with the paging of different DSM versions (DSM contract §2.2, §4.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..._errors import TaskError
from ..._rest.limits import MOST_PAGES

PAGE = 1000


def items(answer: Any, what: str) -> list[dict[str, Any]]:
    """The list in either shape that servers use: a bare array, or ``{items, metadata}``."""
    found = answer.get("items") if isinstance(answer, dict) else answer
    if isinstance(found, list):
        return found
    raise TaskError(
        f"the response to a request for {what} is neither a list nor an object with items",
        plane="DSM",
        obj=what,
        next_step="check that dsm_endpoint is DSM's REST API",
    )


def foreign(problem: str, what: str) -> TaskError:
    """The error about a response that is not about what was requested. ``what``: for the message."""
    return TaskError(
        problem,
        plane="DSM",
        obj=what,
        next_step="check that dsm_endpoint is DSM's REST API, and that no proxy or gateway changes its responses",
    )


def all_pages(fetch: Callable[[int], list[dict[str, Any]]], key: str, what: str) -> Iterator[dict[str, Any]]:
    """All entries that ``fetch(offset)`` returns, each once, identified by ``key``. ``what``: for error messages.

    A short page is not the last one, as a server may return fewer entries than requested. Only a page without new
    entries is: an empty page, or that of a server that ignores paging and returns all entries each time.

    Raises:
        TaskError: there are more pages than any list has.
    """
    seen: set[str] = set()
    for _page in range(MOST_PAGES):
        fresh = [entry for entry in fetch(len(seen)) if entry[key] not in seen]
        if not fresh:
            return
        yield from fresh
        seen.update(entry[key] for entry in fresh)
    raise TaskError(
        f"the list does not end within {MOST_PAGES} pages",
        plane="DSM",
        obj=what,
        next_step="check that dsm_endpoint is DSM's REST API, and that no proxy or gateway changes its responses",
    )
