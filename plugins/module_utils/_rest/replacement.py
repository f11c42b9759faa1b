# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Lists that a service replaces whole, changed without losing an entry of anybody.

There is no conditional write on these lists: the request carries the complete list, and what is not in it is gone. So
a list is never sent that was built on an answer which may be old or short, it is never sent twice without reading
again, and it is read again after the write. Entries have an identity of their own (a thumbprint, an object ID), since
the services give new IDs to what is sent again.

What remains is a gap of one round trip: an entry that somebody else adds between our read and our write is lost, if
whoever added it does not read again. An entry that this run has seen is put back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .._errors import TaskError
from .._names import same_path
from .._waiter import Patience

E = TypeVar("E")

# So many equal answers in a row are what the service has, and not one of its places that is behind.
EQUAL_READS = 5
# So many writes that are overwritten are somebody else who does not stop.
_MOST_WRITES = 5
_AGAIN = "run the task again, which goes by what is there then"


class Incomplete(TaskError):
    """An answer that lacks what must be in it, so that nothing may be built on it."""

    def __init__(
        self,
        problem: str,
        *,
        plane: str,
        obj: str,
        otherwise: str = "see whether a proxy or gateway changes the answers",
    ) -> None:
        """``otherwise``: what to do if it stays so."""
        next_step = f"{_AGAIN}; if it stays so, {otherwise}"
        super().__init__(problem, plane=plane, obj=obj, next_step=next_step, retryable=True)


def list_in(body: Mapping[str, Any], member: str, *, plane: str, obj: str) -> list[Any]:
    """A list that must be in an answer. Absent or null does not mean that there is nothing.

    Raises:
        Incomplete: it is not there, or is no list.
    """
    found = body.get(member)
    if not isinstance(found, list):
        raise Incomplete(f"the answer has no list {member}", plane=plane, obj=obj)
    return found


def text_in(body: Mapping[str, Any], member: str, *, plane: str, obj: str) -> str:
    """A text that must be in an answer, as IDs are: null would become a name of its own in what is written.

    Raises:
        Incomplete: it is not there, is empty, or is no text.
    """
    found = body.get(member)
    if not isinstance(found, str) or not found:
        raise Incomplete(f"the answer has no {member}", plane=plane, obj=obj)
    return found


def check_id(body: Mapping[str, Any], wanted: str, *, plane: str, obj: str) -> None:
    """Refuse an answer about another object.

    Raises:
        Incomplete: its ID is another one, or missing.
    """
    if not same_path(body.get("id"), wanted):
        raise Incomplete("the answer is not about this object", plane=plane, obj=obj)


@dataclass(frozen=True)
class ReplacedList(Generic[E]):
    """What is replaced whole: entries by their identity.

    ``write`` gets what was read and what is to be there. ``lag``: the failures of a read or write that say that the
    object is not known everywhere yet. ``uncertain``: those after which a write may have been carried out.
    ``throttled``: those after which it has not, and may be tried again; with the seconds that the service asks for.
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
    """The change. ``known``: identities that this run has seen, which must be in an answer to build on.

    ``required``: identities that must be in what is sent. ``before_put_back``: called before an entry is sent again
    that a write of somebody else has taken out; it raises where that must not be.
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
    """``entries``: as read back. ``put_back``: identities of others that were lost after a write, and sent again."""

    entries: dict[str, E]
    wrote: bool
    put_back: tuple[str, ...] = ()


def change(whole: ReplacedList[E], wish: DesiredEntries[E], patience: Patience) -> ReplacementResult[E]:
    """Read, merge, write and read back, until the change is there and nothing of others is gone.

    Raises:
        TaskError: an answer stays incomplete, the write is refused, or the change is not to be seen in time. It says
            whether something was written.
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
                # Nothing was written: build on a new answer.
                entries = self._complete()
                continue
            last = failure
            entries, is_there = self._read_back(failure)
            if is_there:
                return self._outcome(entries)
            if failure is None:
                # Something else was written over it. After a failure, nothing was written at all.
                self._note_loss(target, entries)
        raise last or self._unseen()

    def _outcome(self, entries: dict[str, E]) -> ReplacementResult[E]:
        return ReplacementResult(entries, self._wrote, tuple(name for name in self._lost if name not in self._wish.add))

    # Reading ---------------------------------------------------------------------------------------------------------

    def _complete(self) -> dict[str, E]:
        """An answer that has all that this run has seen. What is to be removed may be gone, if several say so."""
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
            f"{', '.join(missing)} was there and is not in the answer: somebody else has removed it, or the answer is "
            f"old; {self._told()}",
            plane=self._whole.plane,
            obj=self._whole.obj,
            next_step=_AGAIN,
            retryable=True,
        )

    def _told(self) -> str:
        return "an earlier request of this task has changed the list" if self._wrote else "the list was left as it is"

    # Writing ---------------------------------------------------------------------------------------------------------

    def _refuse_lacking(self, target: Mapping[str, E]) -> None:
        lacking = sorted(set(self._wish.required) - target.keys())
        if lacking:
            raise self._lacks(lacking)

    def _write(self, entries: dict[str, E], target: dict[str, E]) -> TaskError | None:
        """The failure after which it has to be read again; None after a success."""
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
        """What is there, and whether it shows the change. If not, something else was written over it."""
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
        """A list without our change was built on an old answer: what else it lacks has gone by accident, too.

        One with our change was not: whoever has removed something since, meant it.
        """
        lost = {name: entry for name, entry in target.items() if name not in entries}
        if lost:
            self._wish.before_put_back()
        self._lost.update(lost)

    def _unseen(self) -> TaskError:
        return TaskError(
            "the change was sent, and is not to be seen yet; somebody else may be changing the same list",
            plane=self._whole.plane,
            obj=self._whole.obj,
            next_step=_AGAIN + ", or set a longer wait_timeout",
            retryable=True,
        )
