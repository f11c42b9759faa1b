# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Azure Resource Graph: one question over all subscriptions that the operator can read (Azure contract §1.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..._names import path_key
from ..._rest.limits import MOST_PAGES
from ..._rest.statuses import BAD_REQUEST, FORBIDDEN
from ..wire.channel import Channel
from ..wire.errors import AzureError
from ..wire.meanings import NO_VALID_SUBSCRIPTIONS
from ..wire.sdk_failures import unreadable

_PATH = "/providers/Microsoft.ResourceGraph/resources"
# The version that Microsoft's client libraries request.
_API = {"api-version": "2021-03-01"}
# Rows in one response. The service accepts 1000, and rejects responses of more than 16 MB.
_ROWS = 200
# The most subscriptions that one request may name.
_MOST_SUBSCRIPTIONS = 1000


@dataclass(frozen=True)
class Rows:
    """``incomplete``: why rows may be missing; empty if none are."""

    rows: tuple[dict[str, Any], ...]
    incomplete: str = ""


def literal(text: str) -> str:
    """A text as a literal in a query."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def ask(arm: Channel, query: str, subscriptions: Sequence[str], *, obj: str) -> Rows | None:
    """The rows of a query; None if the operator cannot read any of the subscriptions.

    Azure omits the other subscriptions that the operator cannot read, without a sign.

    Args:
        query: With the column ``id``, sorted by it: otherwise pages may overlap.
        subscriptions: IDs; empty for all that the operator can read.

    Raises:
        AzureError: the query is rejected, or Resource Graph does not answer.
    """
    parts = [subscriptions[at : at + _MOST_SUBSCRIPTIONS] for at in range(0, len(subscriptions), _MOST_SUBSCRIPTIONS)]
    answers = [found for part in parts or [()] if (found := _ask(arm, query, part, obj)) is not None]
    if not answers:
        return None
    rows = tuple(row for answer in answers for row in answer.rows)
    return Rows(rows, "; ".join(dict.fromkeys(one.incomplete for one in answers if one.incomplete)))


def _ask(arm: Channel, query: str, subscriptions: Sequence[str], obj: str) -> Rows | None:
    body: dict[str, Any] = {"query": query, "options": {"$top": _ROWS, "resultFormat": "objectArray"}}
    if subscriptions:
        body["subscriptions"] = list(subscriptions)
    # Each resource once: pages that overlap must not hide that another resource is missing.
    rows: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()
    while True:
        try:
            page = arm.send("POST", _PATH, obj=obj, query=_API, body=body)
        except AzureError as error:
            if not rows and _reads_nothing(error, subscriptions):
                return None
            raise
        rows.update((path_key(row["id"]), row) for row in page["data"])
        token = page.get("$skipToken")
        if not token:
            return Rows(tuple(rows.values()), _what_is_missing(page, len(rows)))
        if token in seen or len(seen) >= MOST_PAGES:
            raise unreadable("the pages of the response do not end", plane=arm.plane, obj=obj)
        seen.add(token)
        body = {**body, "options": {**body["options"], "$skipToken": token}}


def _reads_nothing(error: AzureError, subscriptions: Sequence[str]) -> bool:
    """Whether the operator cannot read any subscription. If the request lists none, sources disagree on the status."""
    if error.status == BAD_REQUEST:
        return error.code == NO_VALID_SUBSCRIPTIONS
    return error.status == FORBIDDEN and not subscriptions


def _what_is_missing(last_page: dict[str, Any], number: int) -> str:
    """Why there may be more rows than those that were returned; empty if there are not."""
    if str(last_page.get("resultTruncated")).lower() == "true":
        return "Azure Resource Graph has truncated its response"
    total = last_page.get("totalRecords")
    if isinstance(total, int) and number < total:
        return f"Azure Resource Graph returned {number} of {total} resources"
    return ""
