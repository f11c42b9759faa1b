# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Changes lists that a service replaces completely, without losing entries of others.

These lists have no conditional write: the request contains the complete list, and missing entries are deleted. So a
list is never sent that is based on an answer that may be stale or incomplete, it is never sent twice without reading
again, and it is read again after the write. Entries have their own identity (a thumbprint, an object ID), since the
services assign new IDs to entries that are sent again.

What remains is a gap of one round trip: an entry that another client adds between our read and our write is lost, if
that client does not read again. An entry that this run has seen is restored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .._errors import TaskError
from .._names import same_path
from .._waiter import Patience

E = TypeVar("E")

# That many equal answers in a row are final, and not from a replica that lags.
EQUAL_READS = 5
# After that many overwritten writes, the other client does not stop.
_MOST_WRITES = 5
_AGAIN = "run the task again; it continues from the current state"


class Incomplete(TaskError):
    """An answer that lacks a required member, so that nothing can be based on it."""

    def __init__(
        self,
        problem: str,
        *,
        plane: str,
        obj: str,
        otherwise: str = "check whether a proxy or gateway changes the responses",
    ) -> None:
        """``otherwise``: what to do if the problem persists."""
        next_step = f"{_AGAIN}; if the problem persists, {otherwise}"
        super().__init__(problem, plane=plane, obj=obj, next_step=next_step, retryable=True)


def list_in(body: Mapping[str, Any], member: str, *, plane: str, obj: str) -> list[Any]:
    """A list that must be in an answer. Absent or null does not mean that it is empty.

    Raises:
        Incomplete: it is missing, or not a list.
    """
    found = body.get(member)
    if not isinstance(found, list):
        raise Incomplete(f"the response has no list {member}", plane=plane, obj=obj)
    return found


def text_in(body: Mapping[str, Any], member: str, *, plane: str, obj: str) -> str:
    """A text that must be in an answer, such as an ID: null would be written as a name.

    Raises:
        Incomplete: it is missing, empty, or not a text.
    """
    found = body.get(member)
    if not isinstance(found, str) or not found:
        raise Incomplete(f"the response has no {member}", plane=plane, obj=obj)
    return found


def check_id(body: Mapping[str, Any], wanted: str, *, plane: str, obj: str) -> None:
    """Reject an answer about another object.

    Raises:
        Incomplete: its ID is another one, or missing.
    """
    if not same_path(body.get("id"), wanted):
        raise Incomplete("the response is not about this object", plane=plane, obj=obj)


@dataclass(frozen=True)
class ReplacedList(Generic[E]):
    """A list that is replaced completely: entries by their identity.

    ``write`` gets the entries that were read and the target. ``lag``: failures of a read or write which mean that some
    replicas do not know the object yet. ``uncertain``: failures after which a write may have been carried out.
    ``throttled``: failures after which it was not, and can be repeated; with the seconds that the service requests.
    """

    plane: str
    obj: str
    read: Callable[[], dict[str, E]]
    write: Callable[[dict[str, E], dict[str, E]], None]
    lag: Callable[[TaskError], bool] = lambda _error: False
    uncertain: Callable[[TaskError], bool] = lambda _error: True
    throttled: Callable[[TaskError], float | None] = lambda _error: None


@dataclass(frozen=True)
class DesiredEntries(Generic[E]):
    """The change. ``known``: identities that this run has seen; an answer without them is not used.

    ``required``: identities that must be in the request. ``before_put_back``: called before restoring an entry that
    another client removed; it raises if that is not allowed.
    """

    add: Mapping[str, E] = field(default_factory=dict)
    remove: Collection[str] = ()
    known: Collection[str] = ()
    required: Collection[str] = ()
    before_put_back: Callable[[], None] = lambda: None

    def is_in(self, entries: Collection[str]) -> bool:
        return self.add.keys() <= set(entries) and not set(self.remove) & set(entries)

    def over(self, entries: Mapping[str, E]) -> dict[str, E]:
        added = {name: entry for name, entry in self.add.items() if name not in entries}
        return {name: entry for name, entry in {**entries, **added}.items() if name not in self.remove}


@dataclass(frozen=True)
class ReplacementResult(Generic[E]):
    """``entries``: as read back. ``put_back``: identities of others that were lost after a write, and restored."""

    entries: dict[str, E]
    wrote: bool
    put_back: tuple[str, ...] = ()


def change(whole: ReplacedList[E], wish: DesiredEntries[E], patience: Patience) -> ReplacementResult[E]:
    """Read, merge, write and read back, until the change is visible and no entry of others is missing.

    Raises:
        TaskError: an answer stays incomplete, the write is refused, or the change is not visible in time. The message
            states whether something was written.
    """
    return _Change(whole, wish, patience).carry_out()


class _Change(Generic[E]):
    def __init__(self, whole: ReplacedList[E], wish: DesiredEntries[E], patience: Patience) -> None:
        self._whole, self._wish, self._patience = whole, wish, patience
        self._lost: dict[str, E] = {}
        self._wrote = False

    def carry_out(self) -> ReplacementResult[E]:
        entries, last = self._complete(), None
        for _write in range(_MOST_WRITES):
            target = self._wish.over({**entries, **self._lost})
            if target.keys() == entries.keys():
                return self._outcome(entries)
            self._refuse_lacking(target)
            failure = self._write(entries, target)
            if failure is not None and not self._whole.uncertain(failure):
                # Nothing was written: start from a new answer.
                entries = self._complete()
                continue
            last = failure
            entries, is_there = self._read_back(failure)
            if is_there:
                return self._outcome(entries)
            if failure is None:
                # Another client overwrote it. After a failure, nothing was written at all.
                self._note_loss(target, entries)
        raise last or self._unseen()

    def _outcome(self, entries: dict[str, E]) -> ReplacementResult[E]:
        return ReplacementResult(entries, self._wrote, tuple(name for name in self._lost if name not in self._wish.add))

    # Reading ---------------------------------------------------------------------------------------------------------

    def _complete(self) -> dict[str, E]:
        """An answer with all entries that this run has seen; without the entries to remove only if several agree."""
        known, remove = set(self._wish.known) | self._lost.keys(), set(self._wish.remove)
        gone, equal, last = 0, 0, None
        while True:
            problem: TaskError
            try:
                entries = self._whole.read()
            except Incomplete as error:
                problem, equal, last = error, equal + 1, None
            except TaskError as error:
                if not self._whole.lag(error):
                    raise
                problem, equal, last = error, 0, None
            else:
                missing = sorted(known - entries.keys() - remove)
                if not missing:
                    gone += 1
                    if remove <= entries.keys() or gone == EQUAL_READS or self._wrote:
                        return entries
                equal = equal + 1 if last == entries.keys() else 1
                last = entries.keys()
                problem = self._lacks(missing or sorted(remove - entries.keys()))
            if equal >= EQUAL_READS or not self._patience.pause():
                raise problem

    def _lacks(self, missing: Iterable[str]) -> TaskError:
        return TaskError(
            f"{', '.join(missing)} is no longer in the response: another client removed it, or the response is stale; "
            f"{self._told()}",
            plane=self._whole.plane,
            obj=self._whole.obj,
            next_step=_AGAIN,
            retryable=True,
        )

    def _told(self) -> str:
        return "an earlier request of this task changed the list" if self._wrote else "the list was not changed"

    # Writing ---------------------------------------------------------------------------------------------------------

    def _refuse_lacking(self, target: Mapping[str, E]) -> None:
        lacking = sorted(set(self._wish.required) - target.keys())
        if lacking:
            raise self._lacks(lacking)

    def _write(self, entries: dict[str, E], target: dict[str, E]) -> TaskError | None:
        """The failure after which the list must be read again; None after a success."""
        try:
            self._whole.write(entries, target)
        except TaskError as error:
            failure = error
        else:
            self._wrote = True
            return None
        pause = self._whole.throttled(failure)
        waits = pause is not None or self._whole.lag(failure)
        if waits and self._patience.pause(pause or 0.0):
            return failure
        if waits or not self._whole.uncertain(failure):
            raise failure
        return failure

    def _read_back(self, failure: TaskError | None) -> tuple[dict[str, E], bool]:
        """The current entries, and whether they show the change. If not, another client overwrote it."""
        equal, last = 0, None
        while True:
            try:
                entries = self._whole.read()
            except TaskError as error:
                if not isinstance(error, Incomplete) and not self._whole.lag(error):
                    raise
                equal, last = 0, None
            else:
                if self._wish.is_in(entries.keys()) and self._lost.keys() <= entries.keys():
                    self._wrote = True
                    self._refuse_lacking(entries)
                    return entries, True
                equal = equal + 1 if last == entries.keys() else 1
                last = entries.keys()
                if equal >= EQUAL_READS:
                    return entries, False
            if not self._patience.pause():
                raise failure or self._unseen()

    def _note_loss(self, target: Mapping[str, E], entries: Mapping[str, E]) -> None:
        """A list without our change is based on a stale answer: what else it lacks was lost unintentionally, too.

        A list with our change is not: whoever removed something since then did it intentionally.
        """
        lost = {name: entry for name, entry in target.items() if name not in entries}
        if lost:
            self._wish.before_put_back()
        self._lost.update(lost)

    def _unseen(self) -> TaskError:
        return TaskError(
            "the change was sent, but is not visible yet; another client may be changing the same list",
            plane=self._whole.plane,
            obj=self._whole.obj,
            next_step=_AGAIN + ", or increase wait_timeout",
            retryable=True,
        )
