# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Creates and changes virtual keys (DSM contract §4.6). No request is sent twice: a lost answer is looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..._errors import TaskError
from ..._journal import DONE
from ..._rest.statuses import CONFLICT, NOT_FOUND
from ..account import approvals
from ..account.approval_requests import ApprovalRequest, GuardedOperation
from ..account.approvals import Asking, Checks, WriteResult
from ..link.azure_link import Link
from ..link.handed_on import explained
from ..wire.client import DsmClient
from ..wire.errors import DsmError, outcome_is_open
from . import key_reading, key_writes
from .key_records import DsmKey

# How often a key is searched for after a lost response, and seconds before each search: DSM may still create it.
_LOOKS, _PAUSE = 3, 2.0


def create(
    dsm: DsmClient,
    operation: GuardedOperation,
    asking: Asking,
    link: Link,
    *,
    guarded: bool,
    looked_up: Callable[[], Iterable[DsmKey]],
    still_free: Callable[[ApprovalRequest], None],
) -> WriteResult:
    """Create a key, or file an approval request for it. Each such request creates a version, so none is repeated.

    Args:
        operation: of :mod:`.key_writes`.
        link: for the diagnosis of a failure in Azure.
        guarded: whether the group has an approval policy.
        looked_up: reads the keys that may be the result, and were not there before.
        still_free: raises a TaskError if somebody else has created a key of this name. Called after a wait for an
            approval.

    Raises:
        TaskError: DSM or Azure refused; or no answer arrived, and the key does not exist.
    """
    try:
        with explained("create the key", link):
            checks = Checks(still_due=still_free)
            return approvals.carry_out(dsm, operation, asking, guarded=guarded, checks=checks)
    except TaskError as error:
        return _found_after(error, dsm, operation, looked_up)


def _found_after(
    lost: TaskError, dsm: DsmClient, operation: GuardedOperation, looked_up: Callable[[], Iterable[DsmKey]]
) -> WriteResult:
    """The key that a creation has left behind in spite of its failure; raises the failure if there is none."""
    advised = _advised(lost, operation.name)
    is_open = outcome_is_open(lost)
    # The check of the name, just before, has the response 404 as well: a proxy may have returned that one.
    is_of_check = isinstance(lost, DsmError) and lost.status == NOT_FOUND
    found: list[DsmKey] = []
    for _look in range(_LOOKS if is_open else int(is_of_check)):
        dsm.pause(_PAUSE if is_open else 0)
        found = list(looked_up())
        if len(found) == 1:
            dsm.journal.note("DSM", operation.label, f"{operation.method} {operation.operation}", DONE)
            return WriteResult()
    if not is_open:
        raise advised
    again = "run the task again: it first checks whether the key exists"
    raise lost.reworded(
        f"{lost.problem}; {_in_words(found)}, and the request was not sent again, because each one creates a version",
        # If it is Azure's refusal, another run does not help.
        next_step=advised.next_step if _is_azures(lost) else again,
        retryable=True,
    )


def change(
    dsm: DsmClient, operation: GuardedOperation, asking: Asking, link: Link, *, guarded: bool
) -> tuple[WriteResult, TaskError | None]:
    """Change a key, or file an approval request for it; and the failure after which it is unknown whether DSM did so.

    The caller reads the key again, and only then raises that failure.

    Raises:
        TaskError: DSM or Azure refused.
    """
    try:
        with explained("change the key", link):
            checks = Checks(undone=lambda answer: _is_undone(dsm, operation, answer))
            return approvals.carry_out(dsm, operation, asking, guarded=guarded, checks=checks), None
    except TaskError as error:
        if not outcome_is_open(error):
            raise
        return WriteResult(), error


def _is_undone(dsm: DsmClient, operation: GuardedOperation, answer: object) -> bool:
    """Whether DSM has once changed the key so, as its response shows, and the key is not so any more."""
    requested = operation.body or {}
    if not isinstance(answer, dict) or "kid" not in answer:
        return False
    if not requested or key_writes.shown(DsmKey.from_stored(answer), requested) != requested:
        return False
    now = key_reading.read_one(dsm, {"kid": operation.path["kid"]}, operation.label)
    return now is not None and key_writes.shown(now, requested) != requested


def _is_azures(error: TaskError) -> bool:
    """Whether it is a response of Azure that DSM has passed on."""
    # Imported here, as in `handed_on`.
    from ..link.diagnosis import names_azure

    return "diagnosis" in error.details or (isinstance(error, DsmError) and names_azure(error.words))


def _advised(error: TaskError, name: str | None) -> TaskError:
    """The failure of a creation; with the remedy for a name that is taken in the vault or in DSM."""
    if not isinstance(error, DsmError) or "diagnosis" in error.details:
        return error
    if _is_azures(error):
        return error.advising(
            "correct what Azure names; if that is a deleted key, recover it in Azure and sync the keys with "
            "fortanix.dsm.cdc_sync, or choose another name"
        )
    if error.status != CONFLICT:
        return error
    return error.advising(
        f'check whether DSM has another object with the name "{name}", which this DSM identity may not see: names are '
        "unique in an account. If so, set dsm_name to another name"
    )


def _in_words(found: list[DsmKey]) -> str:
    if not found:
        return "the key was not found afterwards"
    return f"{len(found)} new records of it were found afterwards ({', '.join(one.key.kid for one in found)})"
