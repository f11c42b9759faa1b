# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single parts of a batch of Microsoft Graph that are throttled or fail: repeated as whole requests are."""

from __future__ import annotations

import re

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils import _time
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault
from support.azure_rights import TEN, AzureRights, granted, ids
from unit.builders import ROOT

PRINCIPAL = "/v1.0/servicePrincipals(appId='{app_id}')"
BATCH = "/v1.0/$batch"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the task waited, without the waiting."""
    found: list[float] = []
    monkeypatch.setattr(_time, "sleep", found.append)
    return found


def batches(azure: AzureRights, mark: int) -> int:
    return [entry.route for entry in azure.sandbox.journal.requests(mark, "graph")].count(BATCH)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_part_that_fails_once_is_asked_again(azure: AzureRights, pauses: list[float], status: int) -> None:
    azure.sandbox.faults.add(Fault("graph", "GET", PRINCIPAL, status=status))
    mark = azure.sandbox.journal.mark()

    result = azure.judge()

    assert (granted(result), "application-unreadable" in ids(result)) == (set(TEN), False)
    assert (batches(azure, mark), pauses) == (2, [1.0])


def test_only_that_part_is_asked_again(azure: AzureRights, pauses: list[float]) -> None:
    """A second fault for another part would strike if that part were sent again."""
    other = "/v1.0/applications(appId='{app_id}')"
    azure.sandbox.faults.add(Fault("graph", "GET", PRINCIPAL, status=503))
    azure.sandbox.faults.add(Fault("graph", "GET", other, skip=2, status=400, times=None))

    assert "application-unreadable" not in ids(azure.judge())


def test_retry_after_is_honoured(azure: AzureRights, pauses: list[float]) -> None:
    azure.sandbox.faults.add(Fault("graph", "GET", PRINCIPAL, status=429, retry_after=17))

    azure.judge()

    assert pauses == [17.0]


def test_a_pause_that_is_too_long_is_not_made(azure: AzureRights, pauses: list[float]) -> None:
    azure.sandbox.faults.add(Fault("graph", "GET", PRINCIPAL, status=429, retry_after=3600, times=None))

    with pytest.raises(TaskError, match=r"limits the rate of requests.*Retry-After 3600") as refused:
        azure.judge()

    assert (pauses, refused.value.details["retryable"]) == ([], True)


@pytest.mark.parametrize(("status", "words"), [(429, "limits the rate"), (503, "is failing"), (500, "is failing")])
def test_a_part_that_keeps_failing_is_told_as_that_and_not_as_a_missing_permission(
    azure: AzureRights, pauses: list[float], status: int, words: str
) -> None:
    azure.sandbox.faults.add(Fault("graph", "GET", PRINCIPAL, status=status, times=None))
    mark = azure.sandbox.journal.mark()

    with pytest.raises(TaskError, match=words) as refused:
        azure.judge()

    assert "Application.Read.All" not in str(refused.value)
    # The first request and three more, as for a single request.
    assert (batches(azure, mark), pauses) == (4, [1.0, 2.0, 4.0])


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_an_answer_that_is_final_is_not_asked_for_again(azure: AzureRights, pauses: list[float], status: int) -> None:
    consents = f"{PRINCIPAL}/oauth2PermissionGrants"
    azure.sandbox.faults.add(Fault("graph", "GET", consents, status=status, times=None))
    mark = azure.sandbox.journal.mark()

    azure.judge()

    assert (batches(azure, mark), pauses) == (1, [])


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 502}, {"reset": "before"}])
def test_a_batch_that_fails_as_a_whole_is_repeated_like_a_get(azure: AzureRights, fault: dict[str, object]) -> None:
    """By default the SDK repeats a POST after some statuses only, and a batch of reads changes nothing."""
    azure.sandbox.faults.add(Fault("graph", "POST", BATCH, **fault))  # type: ignore[arg-type]

    assert granted(azure.judge()) == set(TEN)


def test_batches_are_sent_from_one_place_that_only_reads() -> None:
    """A write whose answer is lost within a batch would have to be read again before it is repeated."""
    senders = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "plugins").rglob("*.py")
        if '"/v1.0/$batch"' in path.read_text(encoding="utf-8")
    }

    assert senders == {"plugins/module_utils/_azure/wire/graph_batch.py"}
    text = (ROOT / "plugins/module_utils/_azure/wire/graph_batch.py").read_text(encoding="utf-8")
    assert re.findall(r'"method": "(\w+)"', text) == ["GET"]
