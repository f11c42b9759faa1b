# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a failed task reports of its writes: ``changed``, ``done`` and ``unknown``, and one next step."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import is_in_doubt
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError, defect
from ansible_collections.fortanix.dsm.plugins.module_utils._journal import UNKNOWN, Journal


def refused(**details: object) -> TaskError:
    return TaskError("it is refused", plane="Azure", obj="vault akv", next_step="ask", **details)


def after(error: TaskError, *notes: Callable[[Journal], None]) -> TaskError:
    journal = Journal()
    for note in notes:
        note(journal)
    error.after(journal)
    return error


def created(journal: Journal) -> None:
    journal.note("DSM", 'group "akv"', "POST /sys/v1/groups")


def lost(journal: Journal) -> None:
    journal.note("Azure", "vault akv", "PUT Microsoft.KeyVault/vaults/akv", UNKNOWN)


def test_a_failure_before_the_first_write_has_changed_nothing() -> None:
    failure = after(refused(unchanged=True))

    assert str(failure) == "Azure, vault akv: it is refused. Nothing was changed. Next: ask."
    told = failure.to_fail_json()
    assert (told["changed"], told["failure"]["done"], told["failure"]["unknown"]) == (False, [], [])


def test_a_failure_after_a_write_names_it_and_is_a_change() -> None:
    failure = after(refused(unchanged=True), created)

    assert str(failure) == (
        'Azure, vault akv: it is refused. Already done: DSM, group "akv" (POST /sys/v1/groups). Next: ask.'
    )
    told = failure.to_fail_json()
    assert told["changed"]
    assert told["failure"]["done"] == [
        {"plane": "DSM", "object": 'group "akv"', "action": "POST /sys/v1/groups", "outcome": "done"}
    ]


def test_writes_that_the_failure_of_a_step_names_are_named_once() -> None:
    step = after(refused(), lost)
    failure = after(TaskError(f"a step has failed: {step.cause} {step._told()[0]}", plane="Groups"), lost)

    assert str(failure).count("It is unknown whether this was carried out") == 1
    assert failure.to_fail_json()["failure"]["unknown"]


def test_a_write_without_a_known_outcome_is_named_and_counts_as_a_change() -> None:
    failure = after(refused(), lost)

    assert "It is unknown whether this was carried out: Azure, vault akv (PUT Microsoft.KeyVault" in str(failure)
    told = failure.to_fail_json()
    assert (told["changed"], told["failure"]["done"], len(told["failure"]["unknown"])) == (True, [], 1)


def test_a_write_that_is_sent_again_and_answered_is_known() -> None:
    def again(journal: Journal) -> None:
        journal.note("Azure", "vault akv", "PUT Microsoft.KeyVault/vaults/akv")

    told = after(refused(), lost, again).to_fail_json()

    assert (len(told["failure"]["done"]), told["failure"]["unknown"]) == (1, [])


def test_what_an_operation_tells_itself_is_not_told_twice() -> None:
    failure = after(refused(done=["application created"]), created)

    assert "Already done" not in str(failure)
    assert (failure.to_fail_json()["changed"], failure.details["done"]) == (True, ["application created"])


def test_an_option_that_is_refused_late_names_what_was_written() -> None:
    failure = after(InvalidInput("name", "it is taken", "choose another"), created)

    assert str(failure) == (
        'Option name: it is taken. Already done: DSM, group "akv" (POST /sys/v1/groups). Next: choose another.'
    )


def test_many_writes_are_counted_in_the_message_and_listed_in_the_result() -> None:
    def many(journal: Journal) -> None:
        for number in (1, 1, 1, 2, 3, 4, 5, 6, 7):
            journal.note("DSM", f"group {number}", "PATCH")

    failure = after(refused(), many)

    assert "DSM, group 1 (PATCH), 3 times; DSM, group 2 (PATCH);" in str(failure)
    assert "and 2 more." in str(failure)
    assert len(failure.to_fail_json()["failure"]["done"]) == 9


def test_a_defect_of_the_collection_tells_what_was_written_all_the_same() -> None:
    journal = Journal()
    created(journal)

    failure = defect(KeyError("a secret"))
    failure.after(journal)

    told = failure.to_fail_json()
    assert (told["changed"], len(told["failure"]["done"])) == (True, 1)
    assert told["msg"].startswith("fortanix.dsm: unexpected error in the collection (KeyError). Already done: DSM")
    assert (told["msg"].count("Next:"), "a secret" in told["msg"]) == (1, False)


@pytest.mark.parametrize(("status", "doubt"), [(403, False), (404, False), (429, False), (408, True), (500, True)])
def test_an_answer_of_a_gateway_leaves_the_outcome_open(status: int, doubt: bool) -> None:
    assert is_in_doubt(status) is doubt
