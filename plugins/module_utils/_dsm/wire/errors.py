# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What each HTTP status of DSM means, and the errors for refused requests (DSM contract §1.7). No I/O.

``MEANINGS`` is the only place that defines what a status means and what follows from it; everything else is derived
from it. DSM documents no error codes: only the status and the error text are available.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._errors import TaskError, printable
from ..._rest import statuses
from ..._rest.pages import PAGE, page_text, tells_trouble


@dataclass(frozen=True)
class Meaning:
    """What a status means to the caller, and what follows from it.

    ``next_step``: empty if unknown. ``proves_refusal``: whether a write that got this status has certainly changed
    nothing. ``retryable``: whether running the task again may help. ``read_again``: whether the same read may succeed a
    moment later. ``about_caller``: whether the status of a connection test is about the DSM identity and not about the
    link (DSM contract §3.1).
    """

    next_step: str = ""
    proves_refusal: bool = False
    retryable: bool = False
    read_again: bool = False
    about_caller: bool = False


_IN_TROUBLE = "run the task again when DSM is healthy: DSM or a gateway in front of it is failing"
_SERVER_ERROR = Meaning(_IN_TROUBLE, retryable=True)
# From a gateway or an overloaded DSM. DSM may have carried out the request all the same.
_GATEWAY = Meaning(_IN_TROUBLE, retryable=True, read_again=True)

# RFC 9110 §15 (HTTP Semantics), RFC 4918 §11.3 (423), RFC 6585 §4 (429); for what DSM uses them: DSM contract §1.7.
MEANINGS: Mapping[int, Meaning] = {
    statuses.BAD_REQUEST: Meaning("correct the value that the server's error text names", proves_refusal=True),
    statuses.UNAUTHORIZED: Meaning(
        "check dsm_api_key, dsm_username and dsm_password, or dsm_client_cert with dsm_app_id: DSM does not accept "
        "these credentials",
        proves_refusal=True,
        about_caller=True,
    ),
    statuses.FORBIDDEN: Meaning(
        "use a DSM identity that has permission for this: an administrative app or an account administrator manages "
        "groups, and SYNC KEYS needs SCAN_EXTERNAL_SOBJECTS in the group. A new key needs CREATE_SOBJECTS there, and "
        "a copy COPY_SOBJECTS and EXPORT_SOBJECTS in the group of its source",
        proves_refusal=True,
        about_caller=True,
    ),
    statuses.NOT_FOUND: Meaning(
        "check the ID and the account: this DSM identity does not see the object",
        proves_refusal=True,
        about_caller=True,
    ),
    # A gateway may limit times and rates after it has forwarded the request.
    statuses.REQUEST_TIMEOUT: Meaning(),
    statuses.CONFLICT: Meaning(
        "check whether an object with this name already exists, possibly one that this DSM identity does not see",
        proves_refusal=True,
    ),
    statuses.LOCKED: Meaning("have an administrator unlock the account or the user", proves_refusal=True),
    statuses.TOO_MANY_REQUESTS: Meaning(
        "run the task again later or with fewer forks: DSM limits the rate of requests",
        retryable=True,
        read_again=True,
        about_caller=True,
    ),
    statuses.INTERNAL_SERVER_ERROR: _SERVER_ERROR,
    statuses.BAD_GATEWAY: _GATEWAY,
    statuses.SERVICE_UNAVAILABLE: _GATEWAY,
    statuses.GATEWAY_TIMEOUT: _GATEWAY,
}
# A conflict of a request that creates nothing: the name is only one of its causes.
_CONFLICT_OF_CHANGE = Meaning(
    "check what the server's error text names: another client may have changed the object at the same time, its "
    "contents may prevent this, or a new name may be taken. Then run the task again",
    proves_refusal=True,
)
_OTHER_REFUSAL = Meaning(proves_refusal=True)
_OTHER_STATUS = Meaning()

# DSM's error text contains this when a quorum policy guards the operation.
APPROVAL_TEXT = "requires approval"
# A longer body is truncated: the error text is quoted in a message.
_LONGEST_BODY = 10_000


def meaning_of(status: int) -> Meaning:
    """What a status means; one without a row means what its class does (RFC 9110 §15)."""
    if status in MEANINGS:
        return MEANINGS[status]
    if status >= statuses.INTERNAL_SERVER_ERROR:
        return _SERVER_ERROR
    return _OTHER_REFUSAL if status in statuses.CLIENT_ERRORS else _OTHER_STATUS


def proves_refusal(status: int) -> bool:
    """Whether a write that got this status has certainly changed nothing.

    A failing server, or a gateway that limits rates or times, may respond although the write was carried out.
    """
    return meaning_of(status).proves_refusal


class DsmError(TaskError):
    """DSM returned a status other than 2xx."""

    def __init__(self, status: int, words: str, *, method: str, route: str, obj: str = "", next_step: str = "") -> None:
        self.status = status
        self.words = words
        self.method = method
        self.route = route
        meaning = meaning_of(status) if status != statuses.CONFLICT or method == "POST" else _CONFLICT_OF_CHANGE
        self.is_about_caller = meaning.about_caller
        super().__init__(
            f"{method} {route} was {'rejected' if meaning.proves_refusal else 'answered'} with HTTP status {status}",
            plane="DSM",
            obj=obj,
            server_words=words,
            next_step=next_step or meaning.next_step,
            status=status,
            **({"retryable": True} if meaning.retryable else {}),
        )

    @property
    def proves_refusal(self) -> bool:
        return proves_refusal(self.status)

    def advising(self, next_step: str) -> DsmError:
        """The same refusal with another next step."""
        return DsmError(
            self.status, self.words, method=self.method, route=self.route, obj=self.obj, next_step=next_step
        )

    def of_azure(self, problem: str, *, plane: str, next_step: str, **details: Any) -> DsmError:
        """The same refusal, told as a response of Entra or Azure that DSM has passed on."""
        told = self.advising(next_step)
        told.problem, told.plane = printable(problem), plane
        told.details.update(details)
        told.args = (told._message(),)
        return told


class ApprovalRequired(DsmError):
    """A quorum policy guards the operation (DSM contract §2.10): a normal state of DSM, not a fault."""

    def __init__(self, words: str, *, method: str, route: str, obj: str = "") -> None:
        super().__init__(
            statuses.FORBIDDEN,
            words,
            method=method,
            route=route,
            obj=obj,
            next_step="make this change in DSM's user interface, which asks the approvers of the policy",
        )


class NotDone(TaskError):
    """A failed write that has certainly changed nothing in DSM and has filed no approval request."""


class UnreadableAnswer(TaskError):
    """DSM, or a gateway in front of it, returned 2xx with a body that is not JSON or does not match DSM's API."""


class NotFromDsm(UnreadableAnswer):
    """A page of a proxy, a gateway or a captive portal: its status says nothing about permissions or objects.

    ``refused``: what the status would mean if DSM had sent it, for reads whose result may be missing.
    """

    def __init__(self, refused: DsmError) -> None:
        self.refused = refused
        advice = (
            "check dsm_endpoint, HTTPS_PROXY and NO_PROXY, and have the proxy, gateway or captive portal that responds "
            "instead of DSM let this host pass; this says nothing about permissions or objects"
        )
        if "certificate" in refused.words.lower():
            advice = (
                f"set dsm_client_cert if the gateway in front of DSM requires a client certificate; otherwise {advice}"
            )
        super().__init__(
            f"the response to {refused.method} {refused.route} is not from DSM: HTTP status {refused.status} with an "
            "HTML page",
            plane="DSM",
            obj=refused.obj,
            server_words=refused.words,
            next_step=advice,
        )


def outcome_is_open(failure: TaskError) -> bool:
    """Whether a write that failed in this way may have been carried out.

    A gateway answered instead of DSM, or DSM carried out the write and then failed, or no response arrived.
    """
    if isinstance(failure, DsmError):
        return not failure.proves_refusal and failure.status >= statuses.BAD_REQUEST
    return isinstance(failure, (OutcomeUnknown, UnreadableAnswer))


class OutcomeUnknown(TaskError):
    """The connection broke after a write was sent: DSM may or may not have carried it out."""

    tells_unknown = True


def refusal(
    status: int, content_type: str, body: bytes, *, method: str, route: str, obj: str = "", next_step: str = ""
) -> TaskError:
    """The error for a response that is not 2xx. ``next_step``: instead of the usual one for the status.

    The shape counts before the status: DSM answers in text or JSON (DSM contract §1.7), never with a page.
    """
    words = server_words(content_type, body)
    if words.startswith(PAGE) and not tells_trouble(status):
        return NotFromDsm(DsmError(status, words, method=method, route=route, obj=obj))
    if status == statuses.FORBIDDEN and APPROVAL_TEXT in words.lower():
        return ApprovalRequired(words, method=method, route=route, obj=obj)
    return DsmError(status, words, method=method, route=route, obj=obj, next_step=next_step)


def server_words(content_type: str, body: bytes) -> str:
    """The message in an error body: usually plain text, in some versions or behind gateways JSON or HTML."""
    text = body[:_LONGEST_BODY].decode("utf-8", errors="replace").strip()
    page = page_text(content_type, text)
    if page is not None:
        return PAGE + page
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
