# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each HTTP status of DSM means, and what follows from it (DSM contract §1.7)."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.errors import (
    MEANINGS,
    DsmError,
    Meaning,
    NotFromDsm,
    OutcomeUnknown,
    UnreadableAnswer,
    meaning_of,
    outcome_is_open,
    proves_refusal,
    refusal,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError


def error(status: int) -> DsmError:
    failure = refusal(status, "text/plain", b"no", method="PUT", route="/sys/v1/groups", obj="group x")
    assert isinstance(failure, DsmError)
    return failure


@pytest.mark.parametrize("status", MEANINGS)
def test_every_row_is_well_formed(status: int) -> None:
    meaning = MEANINGS[status]

    assert 400 <= status < 600
    assert (meaning.next_step, meaning.next_step[-1:]) == (meaning.next_step.strip(), meaning.next_step[-1:].strip("."))
    # What proves a refusal is final; a read is sent again only where another run may help, too.
    assert not (meaning.proves_refusal and meaning.retryable)
    assert meaning.retryable or not meaning.read_again
    # No answer of a server in trouble proves anything.
    assert not (meaning.proves_refusal and status >= 500)


@pytest.mark.parametrize("status", [500, 501, 505, 520, 599])
def test_a_server_error_without_a_row_means_what_500_means(status: int) -> None:
    assert meaning_of(status) == meaning_of(500)


@pytest.mark.parametrize("status", [402, 405, 410, 418, 422, 499])
def test_another_refusal_proves_itself_and_no_more(status: int) -> None:
    assert meaning_of(status) == Meaning(proves_refusal=True)


@pytest.mark.parametrize("status", [300, 302, 307, 399])
def test_a_redirection_proves_nothing(status: int) -> None:
    assert meaning_of(status) == Meaning()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422, 423])
def test_after_a_refusal_nothing_has_changed(status: int) -> None:
    assert (proves_refusal(status), outcome_is_open(error(status))) == (True, False)
    assert error(status).problem == f"PUT /sys/v1/groups was rejected with HTTP status {status}"


@pytest.mark.parametrize("status", [408, 429, 500, 501, 502, 503, 504])
def test_after_an_answer_of_a_gateway_the_outcome_is_open(status: int) -> None:
    assert (proves_refusal(status), outcome_is_open(error(status))) == (False, True)
    assert error(status).problem == f"PUT /sys/v1/groups was answered with HTTP status {status}"


@pytest.mark.parametrize(
    ("failure", "is_open"),
    [
        (OutcomeUnknown("the connection broke", plane="DSM"), True),
        (UnreadableAnswer("not JSON", plane="DSM"), True),
        (TaskError("not sent", plane="DSM"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_without_an_answer_it_depends_on_what_was_sent(failure: TaskError, is_open: bool) -> None:
    assert outcome_is_open(failure) is is_open


def test_the_flags_of_each_status() -> None:
    """Read by the transport, by the test of a link, and by whoever repeats a task."""
    rows = {*MEANINGS, 300, 405, 501}

    assert {status for status in rows if meaning_of(status).retryable} == {429, 500, 501, 502, 503, 504}
    assert {status for status in rows if meaning_of(status).read_again} == {429, 502, 503, 504}
    assert {status for status in rows if meaning_of(status).about_caller} == {401, 403, 404, 429}


@pytest.mark.parametrize("status", [400, 403, 408, 429, 500, 503])
def test_a_failure_says_what_its_row_says(status: int) -> None:
    failure, meaning = error(status), meaning_of(status)

    assert failure.next_step == meaning.next_step
    assert failure.details == {"status": status, **({"retryable": True} if meaning.retryable else {})}
    assert (failure.is_about_caller, failure.proves_refusal) == (meaning.about_caller, meaning.proves_refusal)


PAGE = (
    b"<!DOCTYPE html><html><head><title>403</title></head><body>You have no permission. Request approval</body></html>"
)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 423, 511])
@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "text/plain", "application/json", ""])
def test_a_page_is_no_verdict_of_dsm(status: int, content_type: str) -> None:
    failure = refusal(status, content_type, PAGE, method="GET", route="/sys/v1/groups", obj="group g")

    assert isinstance(failure, NotFromDsm)
    assert failure.problem == (
        f"the response to GET /sys/v1/groups is not from DSM: HTTP status {status} with an HTML page"
    )
    assert "HTTPS_PROXY" in failure.next_step
    assert "DSM identity" not in failure.next_step
    assert "status" not in failure.details
    assert outcome_is_open(failure)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_page_of_a_gateway_in_trouble_is_judged_by_its_status(status: int) -> None:
    failure = refusal(status, "text/html", PAGE, method="GET", route="/sys/v1/groups")

    assert isinstance(failure, DsmError)
    assert failure.status == status


@pytest.mark.parametrize("body", [b"No permission", b'{"message": "no"}', b""])
def test_a_text_may_be_dsms(body: bytes) -> None:
    assert isinstance(refusal(403, "text/plain", body, method="GET", route="/sys/v1/groups"), DsmError)


def test_a_gateway_that_wants_a_certificate_is_told() -> None:
    body = b"<html><body>400 Bad Request: No required SSL certificate was sent</body></html>"

    assert "dsm_client_cert" in refusal(400, "text/html", body, method="GET", route="/x").next_step


def test_a_conflict_is_about_a_name_only_where_something_is_created() -> None:
    advice = {
        method: DsmError(409, "no", method=method, route="/sys/v1/groups").next_step
        for method in ("POST", "PATCH", "DELETE")
    }

    assert "an object with this name already exists" in advice["POST"]
    assert advice["PATCH"] == advice["DELETE"]
    assert "another client may have changed the object" in advice["DELETE"]
