# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""DSM's refusals as errors, and what to do about each (DSM contract §1.7)."""

from __future__ import annotations

import json
import re
from typing import Any

from ..._errors import TaskError

# Of a longer body, the rest is not looked at: the words are quoted in a message.
_LONGEST_BODY = 10_000
APPROVAL_TEXT = "requires approval"

_NEXT_STEPS = {
    400: "correct the value that the server names",
    401: "check dsm_api_key, dsm_username and dsm_password, or dsm_client_cert with dsm_app_id: DSM does not accept "
    "this login",
    403: "use a login that may do this: an administrative app or an account administrator manages groups, "
    "and SYNC KEYS needs SCAN_EXTERNAL_SOBJECTS in the group",
    404: "check the ID and the account: this login does not see the object",
    409: "an object of this name exists already, perhaps one that this login does not see",
    423: "have an administrator unlock the account or the user",
    429: "DSM limits the rate of requests: run again later or with fewer forks",
}
_PROVE_NOTHING = frozenset({408, 429})
_SERVER_TROUBLE = "DSM or something in front of it is in trouble: run again when it is healthy"


def proves_refusal(status: int) -> bool:
    """Whether a write that was answered with this status has changed nothing.

    A server in trouble, or a gateway that limits rates or times, may answer after the work was done.
    """
    return 400 <= status < 500 and status not in _PROVE_NOTHING


class DsmError(TaskError):
    """DSM answered a request with anything but 2xx."""

    def __init__(self, status: int, words: str, *, method: str, route: str, obj: str = "", next_step: str = "") -> None:
        self.status = status
        self.words = words
        self.method = method
        self.route = route
        # An answer about the caller and not about the link that was tried (DSM contract §3.1).
        self.is_about_caller = status in (401, 403, 404, 429)
        proven = proves_refusal(status)
        super().__init__(
            f"{method} {route} was {'refused' if proven else 'answered'} with HTTP status {status}",
            plane="DSM",
            obj=obj,
            server_words=words,
            next_step=next_step or _NEXT_STEPS.get(status, _SERVER_TROUBLE if status >= 500 else ""),
            status=status,
            **({"retryable": True} if status == 429 or status >= 500 else {}),
        )

    @property
    def proves_refusal(self) -> bool:
        return proves_refusal(self.status)

    def advising(self, next_step: str) -> DsmError:
        """The same refusal with another next step."""
        return DsmError(
            self.status, self.words, method=self.method, route=self.route, obj=self.obj, next_step=next_step
        )


class ApprovalRequired(DsmError):
    """A quorum policy guards the operation (DSM contract §2.10): a normal state of DSM, not a fault."""

    def __init__(self, words: str, *, method: str, route: str, obj: str = "") -> None:
        super().__init__(
            403,
            words,
            method=method,
            route=route,
            obj=obj,
            next_step="an approval policy guards this: do it in DSM's user interface, where the approvers are asked",
        )


class NotDone(TaskError):
    """A failure of a write that has certainly changed nothing in DSM, and has filed no request for an approval."""


class UnreadableAnswer(TaskError):
    """DSM, or something before it, answered 2xx with something other than JSON, or than what its API describes."""


def outcome_is_open(failure: TaskError) -> bool:
    """Whether a write that failed in this way may have been carried out.

    Something answered in the place of DSM, or DSM did, and has carried it out, or nobody answered.
    """
    if isinstance(failure, DsmError):
        return not failure.proves_refusal and failure.status >= 400
    return isinstance(failure, (OutcomeUnknown, UnreadableAnswer))


class OutcomeUnknown(TaskError):
    """The connection broke after a write was sent: DSM may or may not have carried it out."""

    tells_unknown = True


def refusal(
    status: int, content_type: str, body: bytes, *, method: str, route: str, obj: str = "", next_step: str = ""
) -> DsmError:
    """The error for a response that is not 2xx. ``next_step``: in place of the usual one for the status."""
    words = server_words(content_type, body)
    if status == 403 and APPROVAL_TEXT in words.lower():
        return ApprovalRequired(words, method=method, route=route, obj=obj)
    return DsmError(status, words, method=method, route=route, obj=obj, next_step=next_step)


def server_words(content_type: str, body: bytes) -> str:
    """The message in an error body: usually plain text, in some versions or behind gateways JSON or HTML."""
    text = body[:_LONGEST_BODY].decode("utf-8", errors="replace").strip()
    if "html" in content_type.lower() or text[:1] == "<":
        return "HTML page: " + re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).strip()
    try:
        return _message_in(json.loads(text)) or text
    except (ValueError, RecursionError):
        return text


def _message_in(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        for name in ("message", "Message", "error", "errors"):
            if value.get(name):
                return _message_in(value[name])
    if isinstance(value, list):
        return "; ".join(filter(None, map(_message_in, value)))
    return ""
