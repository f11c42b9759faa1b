# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists that are replaced whole: read, merged, written and read back, whatever others write in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._rest import replacement
from ansible_collections.fortanix.dsm.plugins.module_utils._rest.replacement import (
    EQUAL_READS,
    DesiredEntries,
    Incomplete,
    ReplacedList,
    ReplacementResult,
    list_in,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._waiter import Patience


class Refused(TaskError):
    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind, plane="Entra")


def fail(error: TaskError) -> None:
    raise error


@dataclass
class Server:
    """A list of names. ``reads`` and ``writes``: what happens instead of the next ones; None lets one pass."""

    names: set[str] = field(default_factory=set)
    reads: list[object] = field(default_factory=list)
    writes: list[object] = field(default_factory=list)
    sent: list[set[str]] = field(default_factory=list)
    # Called after a write was carried out: what somebody else does then.
    then: list[Callable[[], None]] = field(default_factory=list)

    def read(self) -> dict[str, str]:
        instead = self.reads.pop(0) if self.reads else None
        if isinstance(instead, TaskError):
            fail(instead)
        return {name: name for name in sorted(instead if isinstance(instead, set) else self.names)}

    def write(self, _read: dict[str, str], target: dict[str, str]) -> None:
        instead = self.writes.pop(0) if self.writes else None
        if isinstance(instead, Refused) and instead.kind != "lost answer":
            fail(instead)
        self.sent.append(set(target))
        self.names = set(target)
        if self.then:
            self.then.pop(0)()
        if isinstance(instead, Refused):
            fail(instead)

    def change(self, wish: DesiredEntries[str]) -> ReplacementResult[str]:
        whole = ReplacedList(
            "Entra",
            "application byok",
            self.read,
            self.write,
            uncertain=lambda error: isinstance(error, Refused) and error.kind in ("lost answer", "trouble"),
            throttled=lambda error: 0.0 if isinstance(error, Refused) and error.kind == "throttled" else None,
        )
        return replacement.change(whole, wish, Patience.of(20, 0))


def add(*names: str, **others: object) -> DesiredEntries[str]:
    return DesiredEntries(add={name: name for name in names}, **others)  # type: ignore[arg-type]


def test_an_entry_is_added_and_all_others_stay() -> None:
    server = Server({"theirs"})

    outcome = server.change(add("ours"))

    assert (server.names, outcome.wrote, outcome.put_back) == ({"theirs", "ours"}, True, ())


def test_what_is_there_already_is_not_written() -> None:
    server = Server({"theirs", "ours"})

    assert (server.change(add("ours")).wrote, server.sent) == (False, [])


@pytest.mark.parametrize("answer", [set(), {"other"}, Incomplete("short", plane="Entra", obj="")])
def test_an_answer_without_what_was_seen_is_waited_out(answer: object) -> None:
    server = Server({"theirs"}, reads=[answer] * 2)

    server.change(add("ours", known={"theirs"}))

    assert server.names == {"theirs", "ours"}


@pytest.mark.parametrize("answer", [set(), Incomplete("short", plane="Entra", obj="")])
def test_an_answer_that_stays_short_is_a_failure_and_nothing_is_written(answer: object) -> None:
    server = Server({"theirs"}, reads=[answer] * EQUAL_READS)

    with pytest.raises(TaskError) as failed:
        server.change(add("ours", known={"theirs"}))

    assert (failed.value.details["retryable"], server.sent, server.names) == (True, [], {"theirs"})


def test_what_must_stay_is_in_the_list_that_is_sent() -> None:
    """A lagging answer without the new certificate of a rotation must not remove it together with the old one."""
    server = Server({"old", "new"}, reads=[{"old"}] * EQUAL_READS)

    with pytest.raises(TaskError, match="new is no longer in the response"):
        server.change(DesiredEntries(remove={"old"}, required={"new"}))

    assert server.sent == []


def test_a_throttled_write_is_built_anew() -> None:
    """What somebody else adds during the pause is in the next list."""
    server = Server({"theirs"}, reads=[{"theirs"}], writes=[Refused("throttled")])
    server.names = {"theirs", "added meanwhile"}

    server.change(add("ours"))

    assert server.sent == [{"theirs", "added meanwhile", "ours"}]


def test_a_write_whose_answer_is_lost_is_looked_for_and_not_repeated() -> None:
    server = Server({"theirs"}, writes=[Refused("lost answer")])

    outcome = server.change(add("ours"))

    assert (outcome.wrote, len(server.sent)) == (True, 1)


def test_a_write_that_was_not_done_is_built_anew() -> None:
    server = Server({"theirs"}, writes=[Refused("trouble")])

    assert server.change(add("ours")).wrote is True
    assert server.names == {"theirs", "ours"}


def test_a_write_that_fails_again_and_again_is_not_said_to_be_done() -> None:
    server = Server({"theirs"}, writes=[Refused("trouble")] * 100)

    with pytest.raises(Refused, match="trouble"):
        server.change(add("ours"))


def test_what_a_stale_write_of_somebody_else_takes_out_is_put_back() -> None:
    server = Server({"theirs", "another's"})
    server.then = [lambda: setattr(server, "names", {"theirs", "overwriter's"})]

    outcome = server.change(add("ours"))

    assert server.names == {"theirs", "another's", "overwriter's", "ours"}
    assert outcome.put_back == ("another's",)


def test_what_somebody_removes_who_knows_of_our_change_stays_removed() -> None:
    server = Server({"theirs", "another's"})
    server.then = [lambda: server.names.discard("another's")]

    outcome = server.change(add("ours"))

    assert (server.names, outcome.put_back) == ({"theirs", "ours"}, ())


def test_nothing_is_put_back_where_that_must_not_be() -> None:
    server = Server({"theirs"})
    server.then = [lambda: setattr(server, "names", set())]

    def refuse() -> None:
        raise Refused("cut off in an emergency")

    with pytest.raises(Refused, match="emergency"):
        server.change(add("ours", before_put_back=refuse))

    assert server.names == set()


def test_a_removal_that_is_overwritten_is_made_again() -> None:
    server = Server({"old", "stays"})
    server.then = [lambda: setattr(server, "names", {"old", "stays", "overwriter's"})]

    server.change(DesiredEntries(remove={"old"}, known={"stays"}))

    assert server.names == {"stays", "overwriter's"}


def test_what_is_to_be_removed_and_is_gone_is_done_once_several_answers_say_so() -> None:
    server = Server({"stays", "old"}, reads=[{"stays"}] * (EQUAL_READS - 1))

    server.change(DesiredEntries(remove={"old"}, known={"stays"}))

    assert server.names == {"stays"}
    assert server.change(DesiredEntries(remove={"old"}, known={"stays"})).wrote is False


def test_somebody_who_does_not_stop_ends_in_a_failure_that_says_so() -> None:
    server = Server({"theirs"})
    server.then = [lambda: setattr(server, "names", {"theirs"})] * 100

    with pytest.raises(TaskError, match="the same list") as failed:
        server.change(add("ours"))

    assert failed.value.details["retryable"] is True


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": {}}, {"value": "x"}])
def test_a_list_that_is_not_shown_is_not_empty(body: dict[str, object]) -> None:
    with pytest.raises(Incomplete, match="value"):
        list_in(body, "value", plane="Entra", obj="x")


def test_an_empty_list_is_one() -> None:
    assert list_in({"value": []}, "value", plane="Entra", obj="x") == []
