# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Writes that may need a quorum approval: carried out at once, or filed once as a request (DSM contract §2.10).

DSM refuses a guarded write with 403. The same write is then filed as an approval request, on which the approvers
decide. Whether DSM carries it out when it is approved or when its result is requested is not public. Requesting the
result is correct in both cases, and the caller reads back the changed object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..._errors import TaskError
from ..._journal import DONE, UNKNOWN
from ..._rest.statuses import NOT_FOUND
from ..wire import routes
from ..wire.client import DsmClient
from ..wire.errors import ApprovalRequired, DsmError, NotDone, outcome_is_open, proves_refusal
from ..wire.paging import items
from .approval_requests import APPROVED, DENIED, FAILED, PENDING, ApprovalRequest, GuardedOperation, choose, crossing
from .guarded_keys import VaultKey

_LONGEST_PAUSE = 15.0


@dataclass(frozen=True)
class Asking:
    """What to do when DSM requires an approval: file a request or fail; and how many seconds to wait for a decision."""

    files: bool = True
    wait: int = 0

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Asking:
        """From the options ``approval`` and ``approval_wait``."""
        return cls(files=params["approval"] == "request", wait=params["approval_wait"])


REQUEST = Asking()
FAIL = Asking(files=False)


@dataclass(frozen=True)
class Approval:
    """An approval that a task needs or has received.

    ``status``: ``needed`` (check mode: no request yet), ``pending`` or ``approved``. ``filed``: by this task.
    """

    status: str
    request_id: str | None = None
    expires: str | None = None
    requester: str | None = None
    filed: bool = False

    @classmethod
    def of(cls, request: ApprovalRequest, status: str, *, filed: bool = False) -> Approval:
        return cls(status, request.request_id, request.expires, request.requester, filed)

    @property
    def is_pending(self) -> bool:
        return self.status == "pending"

    def record(self) -> dict[str, Any]:
        return {
            "id": self.request_id,
            "status": self.status,
            "expires": self.expires,
            "requester": self.requester,
            "filed": self.filed,
        }


def as_result(approval: Approval | None) -> dict[str, Any]:
    """The part of a result that reports approvals; the same in all modules."""
    return {
        "pending": approval is not None and approval.is_pending,
        "approval": None if approval is None else approval.record(),
    }


@dataclass(frozen=True)
class WriteResult:
    """The outcome of a write: DSM's response, and the approval if the write needed one.

    While the approval is pending, nothing has been changed and there is no response.
    """

    answer: Any = None
    approval: Approval | None = None

    @property
    def is_pending(self) -> bool:
        return self.approval is not None and self.approval.is_pending


@dataclass(frozen=True)
class Checks:
    """What a caller reads around an approved request.

    Attributes:
        still_due: raises a TaskError if the operation is not to be carried out any more. Called after a wait for the
            approval, before the result is requested: DSM may carry the operation out only then.
        undone: whether the change that this response shows is not there any more. Called for a request that was
            approved before this task: DSM may have carried it out at that time, and somebody has changed it back since.
    """

    still_due: Callable[[ApprovalRequest], None] = lambda _request: None
    undone: Callable[[Any], bool] = lambda _answer: False


_NO_CHECKS = Checks()


def carry_out(
    dsm: DsmClient,
    operation: GuardedOperation,
    asking: Asking,
    *,
    guarded: bool = False,
    checks: Checks = _NO_CHECKS,
) -> WriteResult:
    """Carry out the operation, or file an approval request for it.

    Args:
        guarded: whether the object has an approval policy. If so, an existing request is searched before anything is
            sent; otherwise only after DSM has refused.
        checks: what is read around an approved request.

    Raises:
        DsmError: DSM refused, or requires an approval and the options forbid to request it.
        OutcomeUnknown: a write was sent and no response arrived.
        TaskError: the request was denied, has failed or expired, or conflicts with another request.
    """
    searched = guarded and asking.files
    if searched:
        settled = _found(dsm, operation, asking, checks)
        if settled is not None:
            return settled
    try:
        answer = dsm.call(
            operation.method,
            operation.route,
            path=operation.path,
            body=operation.body,
            obj=operation.label,
            timeout=operation.timeout,
        )
        return WriteResult(answer)
    except ApprovalRequired as error:
        refused = error
    if not asking.files:
        raise refused.advising(
            "set approval: request to have the task file an approval request: a policy guards this operation"
        )
    settled = None if searched else _found(dsm, operation, asking, checks)
    if settled is not None:
        return settled
    request = _file(dsm, operation, refused)
    first = _filed_before(dsm, operation, request)
    return _settled(dsm, operation, first or request, asking, checks, filed=first is None)


def _found(dsm: DsmClient, operation: GuardedOperation, asking: Asking, checks: Checks) -> WriteResult | None:
    """The outcome of the existing request for the operation; None if there is none, or its change is undone."""
    found = find(dsm, operation)
    if found is None:
        return None
    settled = _settled(dsm, operation, found, asking, checks)
    is_earlier = found.status == APPROVED
    return None if is_earlier and checks.undone(settled.answer) else settled


def settle(dsm: DsmClient, operation: GuardedOperation, asking: Asking) -> WriteResult:
    """Continue with the request for this operation. The operation itself is never sent.

    Raises:
        TaskError: the request no longer exists, was denied, has failed, or conflicts with another one.
    """
    found = find(dsm, operation)
    if found is None:
        raise TaskError(
            "the approval request has expired or was withdrawn",
            plane="DSM",
            obj=operation.label,
            next_step="run the task again to file a new request",
        )
    return _settled(dsm, operation, found, asking, _NO_CHECKS)


def predict(dsm: DsmClient, operation: GuardedOperation, asking: Asking) -> Approval:
    """The approval that the operation would need, for an object with an approval policy. Reads only.

    Raises:
        TaskError: it would fail, because its request was denied or conflicts with another one.
    """
    if not asking.files:
        return Approval("needed")
    found = find(dsm, operation)
    if found is None:
        return Approval("needed")
    if found.status == DENIED:
        raise _denied(operation, found)
    return Approval.of(found, "pending" if found.status == PENDING else "approved")


def find(dsm: DsmClient, operation: GuardedOperation) -> ApprovalRequest | None:
    """The request for this operation, whoever has filed it; None if one may be filed.

    Raises:
        TaskError: another request for the same object is pending. DSM would carry out one after the other, and the
            second would undo part of the first, because DSM replaces a link completely, or create a second version.
    """
    requests = _visible(dsm, operation.label, operation.path.get("group_id"))
    now = dsm.clock.now("DSM")
    found = choose(operation, requests, now)
    other = crossing(operation, requests, now)
    if other is None or (found is not None and found.status == PENDING):
        return found
    raise _crossed(operation, other)


def _crossed(operation: GuardedOperation, other: ApprovalRequest) -> TaskError:
    harm = "the later of two such changes would undo the earlier one"
    if operation.key is not None and other.creates_key:
        harm = "the other one would create a version of the key"
        if operation.creates_key:
            harm = "each of them would create a version of the key"
    elif operation.creates_key:
        harm = "DSM would carry out one after the other, on another version than its approvers know"
    unmarked = "" if other.mark else "; it was not filed by this collection and may even be for the same change"
    return NotDone(
        f"another change of this object waits for approval: {other.label}{unmarked}",
        plane="DSM",
        obj=operation.label,
        next_step="have that request decided, or withdraw it in DSM, and run the task again; no request was filed for "
        f"this change, because {harm}",
        approval={"id": other.request_id, "requester": other.requester},
    )


def waiting(dsm: DsmClient, obj: str) -> list[ApprovalRequest] | None:
    """All pending requests that this DSM identity sees; None if it has no permission to list them."""
    try:
        listed = items(dsm.call("GET", routes.APPROVALS, query={"status": PENDING}, obj=obj), "approval requests")
    except DsmError as error:
        if not error.proves_refusal:
            raise
        return None
    now = dsm.clock.now("DSM")
    found = [ApprovalRequest.from_stored(stored) for stored in listed]
    return [one for one in found if one.status == PENDING and not one.has_expired(now)]


def open_creations(dsm: DsmClient, key: VaultKey, label: str) -> list[ApprovalRequest]:
    """Requests that would still create a version of the key: pending, or approved and not reported yet."""
    now = dsm.clock.now("DSM")
    return [
        one
        for one in _visible(dsm, label)
        if one.creates_key
        and one.is_about(key)
        and not one.has_expired(now)
        and (one.status == PENDING or (one.status == APPROVED and not one.result_viewed))
    ]


def _visible(dsm: DsmClient, label: str, group_id: str | None = None) -> list[ApprovalRequest]:
    """The DSM identity's own requests of any status, and the pending ones of others, as far as it sees them.

    Those of one group are selected by DSM. Those of one key are not: a copy from any key may become its next version,
    and whether DSM names the group as a subject of that request, or the copied key alone, is not public (Q67).
    """
    own = dsm.identity().entity_id
    others: dict[str, str] = {"status": PENDING}
    if group_id is not None:
        others["subject"] = group_id
    found: dict[str, ApprovalRequest] = {}
    for query in [{"requester": own}, others] if own else [{}]:
        listed = dsm.call("GET", routes.APPROVALS, query=query, obj=label)
        for stored in items(listed, "approval requests"):
            request = ApprovalRequest.from_stored(stored)
            # Servers that ignore filters also return decided requests of others: their results are not ours to request.
            if request.status == PENDING or own is None or own in request.requester:
                found[request.request_id] = request
    return list(found.values())


def _file(dsm: DsmClient, operation: GuardedOperation, refused: ApprovalRequired) -> ApprovalRequest:
    body: dict[str, Any] = {
        "method": operation.method,
        "operation": operation.operation,
        "description": operation.description,
    }
    if operation.body is not None:
        body["body"] = dict(operation.body)
    try:
        return ApprovalRequest.from_stored(dsm.call("POST", routes.APPROVALS, body=body, obj=operation.label))
    except DsmError as error:
        if not error.proves_refusal:
            # The request may have been filed.
            raise
        words = error.words
    raise NotDone(
        f"DSM requires an approval for this operation ({refused.words}), but accepts no approval request for it",
        plane="DSM",
        obj=operation.label,
        server_words=words,
        next_step="make this change in DSM's user interface, which requests the approval, and run the task again",
    )


def _filed_before(dsm: DsmClient, operation: GuardedOperation, ours: ApprovalRequest) -> ApprovalRequest | None:
    """The request for this operation that somebody else has filed just before; ours is withdrawn in its favor.

    Of two tasks that file at the same time, neither saw the request of the other one before. The later one withdraws
    its own. DSM's times are in seconds: within one, either may be the later one, and both withdraw at worst.

    Raises:
        TaskError: that request is for another change of the object.
    """
    requests = _visible(dsm, operation.label, operation.path.get("group_id"))
    earlier = [one for one in requests if one.request_id != ours.request_id and one.created <= ours.created]
    now = dsm.clock.now("DSM")
    first = next((one for one in earlier if one.status == PENDING and operation.is_asked_by(one)), None)
    other = first or crossing(operation, earlier, now)
    if other is None:
        return None
    dsm.call("DELETE", routes.APPROVAL, path={"req_id": ours.request_id}, obj=operation.label)
    if first is None:
        raise _crossed(operation, other)
    return first


def _settled(
    dsm: DsmClient,
    operation: GuardedOperation,
    request: ApprovalRequest,
    asking: Asking,
    checks: Checks,
    *,
    filed: bool = False,
) -> WriteResult:
    """Wait as long as the options allow; then return DSM's response, or the pending approval."""
    foreign = not _is_ours(dsm, request)
    left, pause = 0.0 if foreign else float(asking.wait), 1.0
    waited = False
    while True:
        if request.status == DENIED:
            raise _denied(operation, request)
        if request.status == APPROVED and waited:
            checks.still_due(request)
        if request.status in (APPROVED, FAILED):
            return WriteResult(_result(dsm, operation, request), Approval.of(request, "approved", filed=filed))
        if request.status != PENDING or request.has_expired(dsm.clock.now("DSM")):
            raise _ended(operation, request)
        if left <= 0:
            return WriteResult(approval=Approval.of(request, "pending", filed=filed))
        dsm.pause(min(pause, left))
        waited = True
        left, pause = left - pause, min(pause * 2, _LONGEST_PAUSE)
        request = _read_again(dsm, operation, request)


def _is_ours(dsm: DsmClient, request: ApprovalRequest) -> bool:
    own = dsm.identity().entity_id
    return own is None or own in request.requester


def _read_again(dsm: DsmClient, operation: GuardedOperation, request: ApprovalRequest) -> ApprovalRequest:
    try:
        stored = dsm.call("GET", routes.APPROVAL, path={"req_id": request.request_id}, obj=operation.label)
        return ApprovalRequest.from_stored(stored)
    except DsmError as error:
        if error.status != NOT_FOUND:
            raise
    raise _ended(operation, request)


def _ended(operation: GuardedOperation, request: ApprovalRequest) -> TaskError:
    """The failure after a request that nobody can decide any more."""
    state = "" if request.status == PENDING else f" (its status is {request.status})"
    return TaskError(
        f"{request.label} has expired or was withdrawn before it was decided{state}",
        plane="DSM",
        obj=operation.label,
        next_step="run the task again to file a new request",
        approval={"id": request.request_id, "status": "expired"},
    )


def _result(dsm: DsmClient, operation: GuardedOperation, request: ApprovalRequest) -> Any:
    """The response to the operation. DSM may carry it out only now, so this request counts as a write."""
    path = {"req_id": request.request_id}

    def note(outcome: str) -> None:
        # An operation that has failed before is not carried out now.
        if request.status == APPROVED:
            dsm.journal.note("DSM", operation.label, f"{operation.method} {operation.route}, approved", outcome)

    try:
        result = dsm.call("POST", routes.APPROVAL_RESULT, path=path, obj=operation.label, timeout=operation.timeout)
    except TaskError as error:
        if outcome_is_open(error):
            note(UNKNOWN)
        raise
    status, body = int(result["status"]), result.get("body")
    if request.status == APPROVED and 200 <= status < 300:
        note(DONE)
        return body
    if not proves_refusal(status):
        note(UNKNOWN)
    words = body if isinstance(body, str) else ""
    fix = "fix the cause in the error text, then " if words.strip() else ""
    raise TaskError(
        f"{request.label} was approved, but DSM failed to carry it out (HTTP status {status})",
        plane="DSM",
        obj=operation.label,
        server_words=words,
        next_step=f"{fix}run the task again; that files a new request, which must be approved again",
        status=status,
        approval={"id": request.request_id, "status": "failed"},
    )


def _denied(operation: GuardedOperation, request: ApprovalRequest) -> TaskError:
    reason = f": {request.denial_reason}" if request.denial_reason else ", without a reason"
    return NotDone(
        f"{request.label} was denied by {request.denier or 'an approver whom DSM does not name'}{reason}",
        plane="DSM",
        obj=operation.label,
        next_step="contact the approver who denied it; to request the same change again, delete the denied request in "
        "DSM first",
        approval={
            "id": request.request_id,
            "status": "denied",
            "denier": request.denier,
            "reason": request.denial_reason,
        },
    )
