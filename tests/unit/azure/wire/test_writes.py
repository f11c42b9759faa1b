# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes that may be sent again: after which failures, how often, and until when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils import _time
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire import writes
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import LOGIN, AzureError
from ansible_collections.fortanix.dsm.plugins.module_utils._waiter import Patience

FOREVER = Patience(float("inf"), 0)


def failure(status: int | None, code: str = "", *, obj: str = "x", retry_after: float | None = 0.0) -> AzureError:
    return AzureError(
        "refused", plane="Azure", obj=obj, next_step="y", status=status, code=code, retry_after=retry_after
    )


class Sending:
    def __init__(self, *failures: AzureError) -> None:
        self.failures, self.sent = list(failures), 0

    def __call__(self) -> None:
        self.sent += 1
        if self.failures:
            raise self.failures.pop(0)


passing = pytest.mark.parametrize(
    ("status", "code"), [(429, ""), (408, ""), (500, ""), (503, ""), (504, ""), (None, ""), (409, "ConflictError")]
)
refusals = pytest.mark.parametrize(
    "error",
    [failure(400), failure(403, "AuthorizationFailed"), failure(404), failure(409), failure(None, obj=LOGIN)],
    ids=lambda error: f"{error.obj}-{error.status}",
)


@passing
def test_a_failure_that_passes_is_tried_again(status: int | None, code: str) -> None:
    send = Sending(failure(status, code))

    writes.repeated(send, FOREVER)

    assert send.sent == 2


@refusals
def test_a_refusal_is_not(error: AzureError) -> None:
    send = Sending(error)

    with pytest.raises(AzureError):
        writes.repeated(send, FOREVER)

    assert send.sent == 1


def test_trouble_that_stays_ends_the_attempts() -> None:
    send = Sending(*[failure(503)] * 99)

    with pytest.raises(AzureError):
        writes.repeated(send, FOREVER)

    assert send.sent == writes.MOST_FAILURES


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[float]]:
    """A clock that waiting moves; what was waited."""
    seconds: list[float] = []
    monkeypatch.setattr(_time, "monotonic", lambda: sum(seconds))
    monkeypatch.setattr(_time, "sleep", seconds.append)
    return lambda: seconds


def test_a_server_that_asks_to_wait_is_obeyed_until_the_deadline(paused: Any) -> None:
    send = Sending(*[failure(429, retry_after=30)] * 99)

    with pytest.raises(AzureError):
        writes.repeated(send, Patience(100, 5))

    assert (paused(), send.sent) == ([30, 30, 30], 4)


def test_a_server_that_names_no_time_gets_a_pause_still(paused: Any) -> None:
    writes.repeated(Sending(failure(429, retry_after=None)), Patience(100, 0))

    assert paused() == [1]


def test_a_step_without_a_deadline_has_one_here(paused: Any) -> None:
    with pytest.raises(AzureError):
        writes.repeated(Sending(*[failure(429, retry_after=50)] * 99))

    assert paused() == [50, 50]
