# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When an application counts as cut off, and what is kept and reported of an emergency."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.diagnosis_classes import CLASSES
from ansible_collections.fortanix.dsm.plugins.plugin_utils import _break_glass
from ansible_collections.fortanix.dsm.plugins.plugin_utils._break_glass import (
    ApprovalState,
    ConnectionProof,
    CutVerdict,
    Sync,
)

CUT, STILL, UNKNOWN = CutVerdict.CUT_OFF, CutVerdict.STILL_CONNECTED, CutVerdict.UNKNOWN
# (connection, sync) -> the verdict without an approval, while one is pending, and with one that was given.
TABLE = {
    (ConnectionProof.CONNECTED, Sync.WORKED): (STILL, STILL, STILL),
    (ConnectionProof.CONNECTED, Sync.REFUSED): (STILL, STILL, STILL),
    (ConnectionProof.CONNECTED, Sync.UNCLEAR): (STILL, STILL, STILL),
    (ConnectionProof.CONNECTED, Sync.NOT_RUN): (STILL, STILL, STILL),
    (ConnectionProof.REFUSED, Sync.WORKED): (STILL, UNKNOWN, UNKNOWN),
    (ConnectionProof.REFUSED, Sync.REFUSED): (CUT, UNKNOWN, CUT),
    (ConnectionProof.REFUSED, Sync.UNCLEAR): (UNKNOWN, UNKNOWN, UNKNOWN),
    (ConnectionProof.REFUSED, Sync.NOT_RUN): (UNKNOWN, UNKNOWN, UNKNOWN),
    (ConnectionProof.UNCLEAR, Sync.WORKED): (STILL, UNKNOWN, UNKNOWN),
    (ConnectionProof.UNCLEAR, Sync.REFUSED): (UNKNOWN, UNKNOWN, UNKNOWN),
    (ConnectionProof.UNCLEAR, Sync.UNCLEAR): (UNKNOWN, UNKNOWN, UNKNOWN),
    (ConnectionProof.UNCLEAR, Sync.NOT_RUN): (UNKNOWN, UNKNOWN, UNKNOWN),
}
APPROVALS = (ApprovalState.NONE, ApprovalState.PENDING, ApprovalState.GIVEN)
ROWS = [
    (connection, sync, approval, wanted)
    for (connection, sync), verdicts in TABLE.items()
    for approval, wanted in zip(APPROVALS, verdicts, strict=True)
]


@pytest.mark.parametrize(("connection", "sync", "approval", "wanted"), ROWS)
def test_verdict(connection: ConnectionProof, sync: Sync, approval: ApprovalState, wanted: CutVerdict) -> None:
    assert _break_glass.verdict(connection, sync, approval) is wanted


def test_the_table_has_every_case() -> None:
    assert set(itertools.product(ConnectionProof, Sync, ApprovalState)) == {row[:3] for row in ROWS}


# What a result says ---------------------------------------------------------------------------------------------------

DISABLED = "AADSTS7000112: Application 'x' (x) is disabled."
GONE_ROLE = "Caller is not authorized to perform action on resource. (Code: Forbidden, Inner: ForbiddenByRbac)"


def failed(words: str, status: Any = 400, **more: Any) -> dict[str, Any]:
    return {"failed": False, "msg": "The sync failed.", "failure": {"server_words": words, "status": status, **more}}


def a_test(name: str | None, connected: Any = False) -> dict[str, Any]:
    return {"connected": connected, "message": "no", "diagnosis": name and {"class": name, "leg": "vault"}}


def test_a_connection_that_works_is_connected() -> None:
    assert _break_glass.connection_of(a_test(None, connected=True)) is ConnectionProof.CONNECTED


@pytest.mark.parametrize("entry", CLASSES, ids=lambda entry: entry.id)
def test_only_a_refusal_of_the_application_is_a_refusal(entry: Any) -> None:
    network = entry.id.startswith("tls_") or entry.leg in ("dsm", "unknown")

    found = _break_glass.connection_of(a_test(entry.id))

    assert found is (ConnectionProof.REFUSED if entry.id in _break_glass.REFUSALS else ConnectionProof.UNCLEAR)
    assert not (network and found is ConnectionProof.REFUSED)


def test_the_refusals_are_classes_of_the_diagnosis() -> None:
    assert {entry.id for entry in CLASSES} >= _break_glass.REFUSALS


NOTHING: list[dict[str, Any]] = [
    {},
    {"failed": True, "msg": "MODULE FAILURE"},
    {"skipped": True},
    {"connected": None, "diagnosis": None},
    {"connected": False, "diagnosis": None},
    {"connected": "false", "diagnosis": {"class": "application-disabled"}},
    {"connected": False, "diagnosis": {"class": "dns-failure", "leg": "vault"}},
    {"connected": False, "diagnosis": "application-disabled"},
]


@pytest.mark.parametrize("result", NOTHING)
def test_what_a_test_does_not_tell_is_unclear(result: dict[str, Any]) -> None:
    assert _break_glass.connection_of(result) is ConnectionProof.UNCLEAR


def test_a_sync_that_was_carried_out_works() -> None:
    assert _break_glass.sync_of({"prediction": None, "key_count": 0, "pending": False}) is Sync.WORKED


def test_a_sync_that_has_stopped_midway_has_worked_until_then() -> None:
    assert _break_glass.sync_of(failed(DISABLED, synced={"new": 1})) is Sync.WORKED


@pytest.mark.parametrize("words", [DISABLED, GONE_ROLE])
def test_a_sync_that_azure_refuses_is_refused(words: str) -> None:
    assert _break_glass.sync_of(failed(words)) is Sync.REFUSED


UNCLEAR: list[dict[str, Any]] = [
    {},
    {"failed": True, "msg": "MODULE FAILURE"},
    {"skipped": True},
    # The number of keys comes with every result, of a sync that was not tried, too.
    {"key_count": 3},
    failed("", 503),
    failed("You have no permission for this group", 403),
    failed("getaddrinfo failed: akv.vault.azure.net", 400),
    failed(DISABLED, None),
    {"failure": {"problem": "DSM cannot be reached"}, "msg": "no"},
]


@pytest.mark.parametrize("result", UNCLEAR)
def test_what_a_sync_does_not_tell_is_unclear(result: dict[str, Any]) -> None:
    assert _break_glass.sync_of(result) is Sync.UNCLEAR


def test_a_sync_that_waits_for_its_approval_was_not_run() -> None:
    waiting = {"prediction": "unknown", "key_count": 2, "pending": True, "approval": {"id": "r", "status": "pending"}}

    assert (_break_glass.sync_of(waiting), _break_glass.approval_of(waiting)) == (Sync.NOT_RUN, ApprovalState.PENDING)


def test_an_approval_is_known_of_a_sync_that_failed_with_it() -> None:
    assert _break_glass.approval_of(failed(DISABLED, approval={"id": "r", "status": "failed"})) is ApprovalState.GIVEN


def test_a_denied_request_is_no_approval() -> None:
    assert _break_glass.approval_of(failed("", 403, approval={"id": "r", "status": "denied"})) is ApprovalState.NONE


# Evidence and summary -------------------------------------------------------------------------------------------------

GROUP = {"name": "akv", "group_id": "g"}
RECORD = {"version": 1}
SEEN: dict[str, Any] = {
    "record": RECORD,
    "groups": [GROUP],
    "operator": {"client_id": "o"},
    "application": {"client_id": "c"},
    "diff": {"before": {"enabled": True}, "after": {"enabled": False}},
    "findings": [],
    "planned": True,
}
STEP = {"state": "done", "plane": "Entra", "object": "application", "action": "disable", "message": ""}
DONE: dict[str, Any] = {
    **SEEN,
    "planned": False,
    "complete": True,
    "record": {"version": 1, "disabled_at": "now"},
    "steps": [STEP],
    "still_valid_until": "2026-01-01T00:00:00Z",
}
REFUSED = a_test("application-disabled")
SYNC_REFUSED = failed(DISABLED)
PENDING = {"prediction": "unknown", "key_count": 2, "pending": True, "approval": {"id": "r-1", "status": "pending"}}


def told(cut: dict[str, Any], connections: list[Any], syncs: list[Any], seen: Any = None) -> dict[str, Any]:
    return _break_glass.evidence(cut, seen or SEEN, connections, syncs, {"record_file": "/r.json"})


def failure(*arguments: Any) -> str:
    return str(_break_glass.summary(told(*arguments), None, None)["failure"])


def test_what_is_cut_and_proven_is_no_failure() -> None:
    assert failure(DONE, [REFUSED], [SYNC_REFUSED]) == ""


def test_a_pending_approval_is_no_access_and_no_proof() -> None:
    (proof,) = told(DONE, [REFUSED], [PENDING])["proofs"]

    assert (proof["verdict"], proof["sync"]) == ("unknown", "not run: pending approval (r-1)")


def test_a_group_without_results_is_not_proven() -> None:
    (proof,) = told(DONE, [], [])["proofs"]

    assert (proof["verdict"], proof["connection"], proof["sync"]) == (
        "unknown",
        "not tested",
        "not tested",
    )


def test_each_group_that_is_not_proven_is_in_the_failure() -> None:
    message = failure(DONE, [a_test(None, connected=True)], [PENDING])

    assert "Group akv: still connected: DSM may use its current token until 2026-01-01T00:00:00Z." in message
    assert message.endswith("Run the playbook again after 2026-01-01T00:00:00Z.")


def test_there_is_one_next_step_whatever_the_proofs_have_failed_with() -> None:
    stopped = {"failed": True, "msg": "It failed. Next: run the same again.", "failure": {**DONE, "complete": False}}
    unreachable = {"failed": True, "msg": "DSM cannot be reached. Next: check dsm_endpoint.", "failure": {}}

    message = failure(stopped, [unreachable], [unreachable])

    assert message.count("Next:") == 1
    assert "(connection: DSM cannot be reached; sync: DSM cannot be reached)" in message


def test_a_cut_that_failed_tells_its_steps_and_record_and_fails() -> None:
    stopped = {"failed": True, "msg": "1 of 2 steps failed.", "failure": {**DONE, "complete": False}}

    evidence = told(stopped, [REFUSED], [SYNC_REFUSED])

    assert (evidence["steps"], evidence["complete"]) == ([STEP], False)
    assert _break_glass.record(stopped, SEEN) == DONE["record"]
    assert failure(stopped, [REFUSED], [SYNC_REFUSED]).startswith("1 of 2 steps failed.")


@pytest.mark.parametrize("crash", [{"failed": True, "msg": "MODULE FAILURE", "rc": 137}, {"failed": True}, {}])
def test_a_cut_that_tells_nothing_is_a_failure_with_unknown_steps(crash: dict[str, Any]) -> None:
    evidence = told(crash, [REFUSED], [SYNC_REFUSED])
    summary = _break_glass.summary(evidence, None, None)

    assert (evidence["steps"], evidence["complete"], _break_glass.record(crash, SEEN)) == (None, False, RECORD)
    assert "It is unknown which steps were done." in summary["lines"]
    assert summary["failure"] != ""


def test_a_cut_that_cannot_be_read_back_is_a_failure() -> None:
    assert "Reading back did not confirm every step" in failure({**DONE, "complete": False}, [REFUSED], [SYNC_REFUSED])


def test_a_plan_has_no_verdict_and_no_failure() -> None:
    planned = {**DONE, "planned": True}
    evidence = told(planned, [a_test(None, connected=True)], [{"prediction": "unknown", "key_count": 3}])
    summary = _break_glass.summary(evidence, "/e.json", "0" * 64)

    assert (evidence["proofs"], summary["failure"]) == ([], "")
    assert "Not tested in check mode." in summary["lines"]
    assert not any("Evidence" in line for line in summary["lines"])


def test_without_a_group_it_is_told_that_nothing_is_proven() -> None:
    evidence = told(DONE, [], [], {**SEEN, "groups": []})

    assert (
        "No group in DSM was tested: the cut is not proven there."
        in _break_glass.summary(evidence, None, None)["lines"]
    )


def test_what_was_brought_back_is_told_of_a_failure_too() -> None:
    lines = _break_glass.restored({"failed": True, "failure": {"steps": [STEP], "findings": []}, "msg": "no"})

    assert lines[0] == "1 step(s)."


def test_a_way_back_that_tells_nothing_says_so() -> None:
    assert _break_glass.restored({"failed": True, "msg": "MODULE FAILURE"}) == ["It is unknown which steps were done."]
