# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Several reads of Microsoft Graph in one request (Azure contract §3, JSON batching).

The SDK repeats a request that is throttled or that a failing server answers. Within a batch that answers 200, it does
not see such an answer of a single part, so these are repeated here. No write is ever sent in a batch: after a lost or
failed answer, the state of its object must be read before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ... import _time
from ..._errors import quotable
from ..._rest.pages import tells_trouble
from ..._rest.statuses import (
    BAD_GATEWAY,
    FORBIDDEN,
    GATEWAY_TIMEOUT,
    INTERNAL_SERVER_ERROR,
    OK,
    REQUEST_TIMEOUT,
    SERVICE_UNAVAILABLE,
    TOO_MANY_REQUESTS,
)
from . import credential
from .channel import Channel
from .errors import AzureError, denied, refusal, seconds_of
from .foreign import is_refusal
from .transport import LONGEST_PAUSE

# Those that the SDK repeats for a GET (Azure contract §0.10).
_REPEATED = frozenset(
    {
        REQUEST_TIMEOUT,
        TOO_MANY_REQUESTS,
        INTERNAL_SERVER_ERROR,
        BAD_GATEWAY,
        SERVICE_UNAVAILABLE,
        GATEWAY_TIMEOUT,
    }
)
# Seconds before the first repetition, unless the server names them; each further pause is twice as long.
_FIRST_PAUSE = 1.0


@dataclass(frozen=True)
class Answer:
    """One answer of a batch. ``body``: None for a refusal; ``words`` is then the server's error text.

    ``status``: 0 without a usable answer. ``retry_after``: as the server sent it, if it did.
    """

    status: int
    body: Mapping[str, Any] | None
    words: str = ""
    code: str = ""
    retry_after: str | None = None

    def failure(self, action: str, permission: str, obj: str) -> AzureError:
        """The error of a part that has no body. ``permission``: of Graph, which ``action`` requires."""
        if self.status == FORBIDDEN:
            return denied(action, permission, obj, self.words)
        body = {"error": {"code": self.code, "message": self.words}}
        status = self.status or SERVICE_UNAVAILABLE
        return refusal(status, body, plane="Entra", obj=obj, retry_after=self.retry_after)


def batch(graph: Channel, reads: Mapping[str, str], *, obj: str) -> dict[str, Answer]:
    """Several GETs in one request, by name. At most twenty. A refusal of one does not affect the others.

    Parts that are throttled, or that a failing server answers, are requested again, and only these.

    Raises:
        AzureError: the batch itself is refused.
    """
    answers = _answers(graph, reads, obj)
    for attempt in range(credential.NETWORK["retry_total"]):
        open_parts = {name: reads[name] for name, answer in answers.items() if answer.status in _REPEATED}
        if not open_parts:
            break
        requested = [seconds_of(answers[name].retry_after) for name in open_parts]
        pause = max(_FIRST_PAUSE * 2**attempt if one is None else one for one in requested)
        if pause > LONGEST_PAUSE:
            break
        _time.sleep(pause)
        answers |= _answers(graph, open_parts, obj)
    return answers


def _answers(graph: Channel, reads: Mapping[str, str], obj: str) -> dict[str, Answer]:
    requests = [{"id": name, "method": "GET", "url": url} for name, url in reads.items()]
    answered = graph.send("POST", "/v1.0/$batch", obj=obj, body={"requests": requests})
    # The types of this and of the single bodies have been checked by the channel.
    found = {str(one["id"]): _answer(one) for one in answered.get("responses") or []}
    missing = Answer(0, None, "Graph did not answer it")
    return {name: found.get(name, missing) for name in reads}


def _answer(one: Mapping[str, Any]) -> Answer:
    status, body = int(one["status"]), one.get("body")
    if status == OK and isinstance(body, Mapping):
        return Answer(status, body)
    if status == OK:
        return Answer(0, None, "an answer without a body")
    if not is_refusal(body) and not tells_trouble(status):
        # Not a verdict of Graph: something on the way answered.
        return Answer(0, None, quotable(f"HTTP status {status} with a text that is not Graph's"))
    error = body.get("error") if isinstance(body, Mapping) else None
    error = error if isinstance(error, Mapping) else {}
    words = quotable(str(error.get("message") or f"HTTP status {status}"))
    return Answer(status, None, words, str(error.get("code") or ""), _retry_after(one.get("headers")))


def _retry_after(headers: Any) -> str | None:
    if not isinstance(headers, Mapping):
        return None
    return next((str(value) for name, value in headers.items() if str(name).lower() == "retry-after"), None)
