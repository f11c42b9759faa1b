# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Creates, recovers, updates and deletes a vault without losing the changes of other runs.

Resource Manager has no conditional write for vaults. A PUT replaces everything, including the access policies, and a
PATCH replaces tags and network rules completely. So each write is sent once, immediately after a read. After a failure
with an unknown outcome, the vault is read before anything is sent again. What remains is a gap of one round trip
between that read and the write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..._errors import TaskError, quoted
from ..._rest.replacement import EQUAL_READS
from ..._rest.statuses import CONFLICT, NOT_FOUND
from ..._waiter import Patience
from ..wire import writes
from ..wire.channel import Channel
from ..wire.errors import AzureError, may_have_worked
from ..wire.meanings import NAME_TAKEN
from . import lifecycle, merge, soft_deleted, vault_settings
from .lifecycle import AGAIN
from .merge import Entries
from .policy_modifications import Rewritten, refuse_rewritten
from .soft_deleted import DeletedVault
from .vault_lookup import VaultAddress, store_of
from .vault_settings import Changes, DesiredVault

# After that many overwritten writes, the other client does not stop.
_MOST_WRITES = 5
_MOST_READS = 20
_CREATED = "created"


@dataclass(frozen=True)
class TargetVault:
    """One vault, and how long to wait for it."""

    arm: Channel
    place: VaultAddress
    patience: Patience

    def look(self, *, confirm: bool = False) -> dict[str, Any] | None:
        return lifecycle.look(self.arm, self.place, confirm=confirm)

    def error(self, problem: str, next_step: str = AGAIN, *, unchanged: bool = False, **details: Any) -> TaskError:
        return TaskError(
            problem,
            plane="Azure",
            obj=self.place.label,
            next_step=next_step,
            unchanged=unchanged,
            **{"retryable": True, **details},
        )


# Creating -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Created:
    """``by_others``: the vault that another run created. ``answer``: Azure's; empty if none was received."""

    by_others: dict[str, Any] | None
    answer: Mapping[str, Any]


def create(target: TargetVault, sent: Mapping[str, Any], shown: Mapping[str, Any]) -> Created:
    """Create the vault, unless it has appeared since the task started.

    Args:
        target: The vault.
        sent: The body of the request.
        shown: How Azure shows a vault that was created with it.

    Raises:
        TaskError: Azure refuses it, or its outcome is unknown.
        HeldByDeleted: a soft-deleted vault holds the name, which no check before had shown.
    """

    def is_ours(body: Mapping[str, Any]) -> bool:
        kind = target.place.kind
        return vault_settings.same_settings(store_of(kind, body), store_of(kind, shown))

    answers: list[Mapping[str, Any]] = [{}]

    def put() -> None:
        answers.append(lifecycle.create(target.arm, target.place, sent))

    there = _put(target, put, _CREATED, is_ours, partial(soft_deleted.refuse_held, target.arm, target.place))
    return Created(there, answers[-1])


def recover(target: TargetVault, gone: DeletedVault, tenant_id: str) -> dict[str, Any] | None:
    """Recover the soft-deleted vault, unless another client has done so.

    Returns:
        None if this run recovered it; otherwise the body of the existing vault.

    Raises:
        TaskError: Azure refuses it, or its outcome is unknown.
    """
    recover = partial(soft_deleted.recover, target.arm, target.place, gone, tenant_id)
    return _put(target, recover, "recovered", lambda _body: True)


def _put(
    target: TargetVault,
    put: Callable[[], None],
    done: str,
    is_ours: Callable[[Mapping[str, Any]], bool],
    explain: Callable[[AzureError], None] = lambda _refusal: None,
) -> dict[str, Any] | None:
    """The vault that another client made; None if this one did.

    Args:
        target: The vault.
        put: Sends the request once.
        done: What it does.
        is_ours: Whether a vault that exists after a request with an unknown outcome is the result of it.
        explain: Raises if a refusal has another reason than its code tells.
    """
    is_open = False
    failures = 0
    while True:
        there = _stays_absent(target) if is_open else target.look()
        if there is not None:
            return None if is_open and is_ours(there) else there
        failure: AzureError | None = None
        refusal: AzureError | None = None
        try:
            failure = writes.attempt(put)
        except AzureError as error:
            refusal = error
        if refusal is None:
            if failure is None:
                return None
            is_open = is_open or may_have_worked(failure)
            if failure.status == CONFLICT and target.look() is None:
                explain(failure)
            failures += not writes.is_throttled(failure)
            if failures < writes.MOST_FAILURES and target.patience.pause(writes.pause_after(failure)):
                continue
            raise target.error(
                f"{failure.problem}" + (f"; it is unknown whether it was {done}" if is_open else ""),
                server_words=failure.server_words,
                **_facts(failure),
            )
        if refusal.code == NAME_TAKEN or refusal.status == NOT_FOUND:
            # Another client was faster: it exists, or will be shown soon. Or the answer is not that to this request: no
            # service answers that an object which it is to create does not exist. What it is to recover may be gone.
            is_open = is_open or (refusal.status == NOT_FOUND and done == _CREATED)
            there = _stays_absent(target)
            if there is not None:
                return None if is_open and is_ours(there) else there
        explain(refusal)
        raise refusal


def _stays_absent(target: TargetVault) -> dict[str, Any] | None:
    """The vault, if one of several answers shows it."""
    for _look in range(EQUAL_READS):
        body = target.look()
        if body is not None or not target.patience.pause():
            return body
    return None


def _facts(error: TaskError) -> dict[str, Any]:
    return {name: error.details[name] for name in ("status", "code") if name in error.details}


# Changing -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Updated:
    """``before``: the body on which the first write is based. ``found``: what it changed; empty without a write."""

    before: dict[str, Any]
    after: dict[str, Any]
    found: Changes


def agreed(target: TargetVault, first: dict[str, Any], wanted: DesiredVault, known: Entries) -> dict[str, Any]:
    """A body that two answers in a row agree on, with every entry that this run has seen. Adds to ``known``.

    Only entries count that a PATCH would replace and the task does not set.

    Raises:
        TaskError: the answers do not agree, or an entry was removed.
    """
    last, equal, reads = first, 1, 0
    while reads < _MOST_READS:
        body = target.look(confirm=True)
        if body is None:
            raise lifecycle.deleted_meanwhile(target.place)
        # Wait while another client is changing it.
        is_settled = lifecycle.is_settled(body) != "moving"
        same = lifecycle.shown_settings(body) == lifecycle.shown_settings(last)
        equal, last, reads = equal + 1 if same else 1, body, reads + is_settled
        members = merge.replaced(vault_settings.changes(store_of(target.place.kind, body), wanted))
        there = merge.kept(body, wanted)
        gone = merge.missing(known, there, members)
        if same and not gone and is_settled:
            known.update(there)
            return body
        if gone and equal >= EQUAL_READS:
            raise _gone(target, gone, "existed when the task started, and no longer exists")
        if not target.patience.pause():
            break
    raise target.error("its settings change while the task reads them", unchanged=True)


def _gone(target: TargetVault, gone: Entries, what: str) -> TaskError:
    names = merge.named(gone)
    cause = "another client removed it, or Azure's answer is stale"
    return target.error(f"{', '.join(names)} {what}: {cause}", missing=names, unchanged=True)


def update(
    target: TargetVault, first: dict[str, Any], wanted: DesiredVault, plan: Callable[[dict[str, Any]], Changes]
) -> Updated:
    """Change what ``plan`` finds, and verify that it is visible and that nothing else was lost.

    Args:
        target: The vault.
        first: Its body as this task has read it.
        wanted: The options.
        plan: What to change in a body; it raises if that is not allowed.

    Raises:
        TaskError: it is refused, or is not visible.
    """
    work = _Update(target, wanted, plan)
    try:
        return work.carry_out(first)
    except Rewritten:
        raise
    except TaskError as error:
        failure = error
    if work.sent:
        failure.details["retryable"] = True
    raise failure


def noted(error: TaskError, note: str, **details: Any) -> TaskError:
    """The same failure with an additional sentence, such as what this task wrote before."""
    return error.reworded(f"{error.problem}. {note}", **details)


class _Update:
    def __init__(self, target: TargetVault, wanted: DesiredVault, plan: Callable[[dict[str, Any]], Changes]) -> None:
        self._site, self._wanted, self._plan = target, wanted, plan
        # Entries of others: those that were seen, and those that a write of a third party removed.
        self._known: Entries = {}
        self._lost: Entries = {}
        self.sent = False

    def carry_out(self, first: dict[str, Any]) -> Updated:
        target, wanted = self._site, self._wanted
        self._known = merge.kept(first, wanted)
        base: Updated | None = None
        body, count = first, 0
        while True:
            body = agreed(target, body, wanted, self._known)
            found = self._plan(body)
            if not found:
                return Updated(base.before, body, base.found) if base and self.sent else Updated(body, body, {})
            base = base or Updated(body, body, found)
            lost = merge.missing(self._lost, {}, merge.replaced(found))
            sent = vault_settings.patch(merge.with_entries(body, lost), found, wanted)
            failure = self._send(body, sent)
            count += failure is None or not writes.is_throttled(failure)
            if failure is None or may_have_worked(failure):
                expected = {**merge.kept(body, wanted), **lost}
                after, differs = self._read_back(expected, merge.replaced(found))
                if not differs:
                    return Updated(base.before, after, base.found)
                if failure is None:
                    self._refuse_hopeless(body, after, expected, differs)
                    self._note_loss(expected, after)
                body = after
            if count >= _MOST_WRITES:
                raise failure or target.error("another client reverted each change of the vault at the same time")

    def _send(self, before: Mapping[str, Any], sent: Mapping[str, Any]) -> AzureError | None:
        """The failure after which the vault must be read again; None after a success."""
        answers: list[Mapping[str, Any]] = [{}]
        target = self._site
        failure = writes.attempt(lambda: answers.append(lifecycle.update(target.arm, target.place, sent)))
        if failure is None or may_have_worked(failure):
            self.sent = True
        refuse_rewritten(target.place, before, answers[-1], self._wanted)
        if failure is not None and not self._site.patience.pause(writes.pause_after(failure)):
            raise failure
        return failure

    def _read_back(self, expected: Entries, members: frozenset[str]) -> tuple[dict[str, Any], Mapping[str, Any]]:
        def differing(body: Mapping[str, Any]) -> Mapping[str, Any]:
            found = vault_settings.changes(store_of(self._site.place.kind, body), self._wanted)
            gone = merge.missing(expected, merge.kept(body, self._wanted), members)
            return {
                **{name: {"written": wanted, "shown": shown} for name, (shown, wanted) in found.items()},
                **{name: {"written": "present", "shown": "absent"} for name in merge.named(gone)},
            }

        return lifecycle.settle(self._site.arm, self._site.place, differing, self._site.patience, seen=True)

    def _refuse_hopeless(
        self, before: Mapping[str, Any], after: Mapping[str, Any], expected: Entries, differs: Mapping[str, Any]
    ) -> None:
        """Raise if writing again would not help, or would undo an intended change of another client."""
        if lifecycle.shown_settings(after) == lifecycle.shown_settings(before):
            raise different(self._site, differs)
        found = vault_settings.changes(store_of(self._site.place.kind, after), self._wanted)
        there = merge.kept(after, self._wanted)
        # A list with our change is based on it: whoever removed something since then did it intentionally.
        members = {member for member, _kind, _identity in expected} - merge.replaced(found)
        gone = merge.missing(expected, there, members)
        if gone and not found:
            raise _gone(self._site, gone, "existed before the change, and no longer exists")

    def _note_loss(self, expected: Entries, after: Mapping[str, Any]) -> None:
        """A list without our change is based on a stale answer: what else it lacks was lost unintentionally, too."""
        found = vault_settings.changes(store_of(self._site.place.kind, after), self._wanted)
        gone = merge.missing(expected, merge.kept(after, self._wanted), merge.replaced(found))
        self._lost.update(gone)
        for one in gone:
            self._known.pop(one, None)


def different(target: TargetVault, differs: Mapping[str, Any]) -> TaskError:
    """Azure has finished, and shows other values than were written."""
    told = "; ".join(
        f"{name}: {quoted(one['shown'])} instead of {quoted(one['written'])}" for name, one in sorted(differs.items())
    )
    return target.error(
        f"Azure has finished, but shows other values than were written ({told})",
        "check whether an Azure Policy with the effect modify, or other automation, sets them. If so, set the option "
        "to that value, or have an exemption created. If another run was active at the same time, run the task again",
        differing=dict(differs),
    )


# Deleting -------------------------------------------------------------------------------------------------------------


def delete(target: TargetVault, refuse_full: Callable[[], None]) -> bool:
    """Soft-delete the vault, after another read; False if another client deleted it.

    Args:
        target: The vault.
        refuse_full: Called immediately before the request; it raises if the vault must be kept.

    Raises:
        TaskError: it must be kept, the deletion is refused, or its outcome is unknown.
    """
    is_open = False
    failures = 0
    while True:
        if target.look(confirm=True) is None:
            return is_open
        refuse_full()
        failure = writes.attempt(lambda: lifecycle.delete(target.arm, target.place))
        if failure is None:
            return True
        is_open = is_open or may_have_worked(failure)
        failures += not writes.is_throttled(failure)
        if failures < writes.MOST_FAILURES and target.patience.pause(writes.pause_after(failure)):
            continue
        raise target.error(
            failure.problem + ("; it is unknown whether it was deleted" if is_open else "; it was not deleted"),
            server_words=failure.server_words,
            **_facts(failure),
        )
