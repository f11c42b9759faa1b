# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Requests that end a virtual key or bring it back (DSM contract §4.4). No request is sent twice.

DSM's API describes only the removal of a record. A server may not have the others: see :func:`is_not_offered`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..._errors import TaskError
from ..._rest import statuses
from ..._rest.azure_texts import BEING_CHANGED, PURGE_PROTECTED
from ..account import approvals
from ..account.approval_requests import GuardedOperation
from ..account.approvals import Asking, Checks, WriteResult
from ..account.guarded_keys import GuardedKey
from ..link.azure_link import Link
from ..link.handed_on import explained
from ..wire import routes
from ..wire.client import DsmClient
from ..wire.errors import ApprovalRequired, DsmError, outcome_is_open

Deed = Literal["delete", "purge", "recover", "remove"]
_BUSY = re.compile(BEING_CHANGED, re.IGNORECASE)
_PROTECTED = re.compile(PURGE_PROTECTED, re.IGNORECASE)
_NOT_SUPPORTED = re.compile(r"\bnot (?:supported|implemented|available)\b|\bunsupported\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Request:
    """``action``: completes "DSM cannot". ``permission``: in the group."""

    method: str
    route: str
    summary: str
    action: str
    permission: str
    body: Mapping[str, Any] | None = None


_REQUESTS: Mapping[Deed, _Request] = {
    "delete": _Request(
        "POST", routes.KEY_DELETION, "deletion in the vault", "delete the key", "DELETE_KEY_MATERIAL", {}
    ),
    "purge": _Request("POST", routes.KEY_PURGE, "purge from the vault", "purge the key", "DELETE_KEY_MATERIAL"),
    "recover": _Request("POST", routes.KEY_RECOVERY, "recovery in the vault", "recover the key", "DELETE_KEY_MATERIAL"),
    "remove": _Request("DELETE", routes.KEY, "removal of DSM's record", "delete its record", "DELETE_SOBJECTS"),
}


def operation(deed: Deed, kid: str, label: str, key: GuardedKey) -> GuardedOperation:
    """The request. All but the removal of a record are about the whole key in Azure with all its versions.

    Args:
        kid: of one of the records of the key.
        label: of the key, for messages.
        key: so that requests for its other records are seen. The removals of two records do not cross.
    """
    request = _REQUESTS[deed]
    about = GuardedKey(None, frozenset({kid})) if deed == "remove" else key
    return GuardedOperation(
        request.method,
        request.route,
        label,
        request.summary,
        path={"kid": kid},
        body=request.body,
        name=about.name,
        vault_key=about.place,
        kids=about.kids | {kid},
    )


def carry_out(
    dsm: DsmClient,
    deed: Deed,
    asked: GuardedOperation,
    asking: Asking,
    link: Link,
    *,
    guarded: bool,
    undone: Callable[[], bool],
) -> tuple[WriteResult, TaskError | None]:
    """Send the request once, or file an approval request for it; and the failure after which it is unknown whether DSM
    has carried it out. The caller reads the key again, and only then raises that failure.

    Args:
        dsm: the client.
        deed: what is done.
        asked: see :func:`operation`.
        asking: what to do if an approval is needed.
        link: for the diagnosis of a failure in Azure.
        guarded: whether the group has an approval policy.
        undone: whether nothing has happened to the key. Called for a request that was approved before this task: DSM
            may have carried it out at that time, and somebody has changed the key back since.

    Raises:
        TaskError: DSM or Azure refused.
    """
    request, checks = _REQUESTS[deed], Checks(undone=lambda _answer: undone())
    try:
        with explained(request.action, link, calls_azure=deed != "remove"):
            return approvals.carry_out(dsm, asked, asking, guarded=guarded, checks=checks), None
    except TaskError as error:
        if is_busy(error) or is_protected(error) or not outcome_is_open(error):
            raise _advised(error, request) from None
        return WriteResult(), error


def is_busy(error: TaskError) -> bool:
    """Whether Azure has refused it because another operation on the key is not complete yet."""
    return _BUSY.search(_words(error)) is not None


def is_protected(error: TaskError) -> bool:
    """Whether Azure has refused it because of purge protection."""
    return _PROTECTED.search(_words(error)) is not None


def is_not_offered(error: TaskError) -> bool:
    """Whether a server refuses like this what it does not have. A record that does not exist is answered so, too."""
    if not isinstance(error, DsmError) or isinstance(error, ApprovalRequired) or "diagnosis" in error.details:
        return False
    if error.status == statuses.BAD_REQUEST:
        return _NOT_SUPPORTED.search(error.words) is not None
    return error.status in (statuses.NOT_FOUND, statuses.METHOD_NOT_ALLOWED, statuses.NOT_IMPLEMENTED)


def _advised(error: TaskError, request: _Request) -> TaskError:
    if is_protected(error):
        return error.reworded(
            "purge protection holds the key: nobody can purge it before its retention ends, when the vault does",
            next_step="leave the key soft-deleted",
        )
    if not isinstance(error, DsmError) or isinstance(error, ApprovalRequired) or "diagnosis" in error.details:
        return error
    if error.status == statuses.FORBIDDEN:
        return error.advising(
            f"use a DSM identity with the permission {request.permission} in the group. An app with cryptographic "
            "permissions can also end only keys with the operation APPMANAGEABLE"
        )
    return error


def _words(error: TaskError) -> str:
    return error.words if isinstance(error, DsmError) else error.server_words
