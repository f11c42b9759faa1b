# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cut and restore where another run, a lagging answer or an earlier stop comes between: what is done, what is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.break_glass import access_requests, execution
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault
from support.azure_rights import AzureRights, finding, ids
from support.cutoff import OFFICER, POLICY_VAULT, RBAC_VAULT, Cutoff
from support.wrong_answers import REFUSAL

_VAULT = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
_ROLES = "/{scope}providers/Microsoft.Authorization/roleAssignments"
_APPLICATION = "/v1.0/applications/{id}"
_PRINCIPAL = "/v1.0/servicePrincipals/{id}"


@pytest.fixture
def cutoff(azure: AzureRights) -> Cutoff:
    made = Cutoff(azure)
    made.prepare()
    made.names = (RBAC_VAULT,)
    return made


@pytest.fixture
def policies(cutoff: Cutoff) -> Cutoff:
    cutoff.names = (POLICY_VAULT,)
    return cutoff


def another(cutoff: Cutoff) -> Cutoff:
    """Another run, with a file of its own that begins as a copy."""
    return Cutoff(cutoff.azure, cutoff.names, cutoff.record)


@contextmanager
def before_the_first(monkeypatch: pytest.MonkeyPatch, name: str, meanwhile: Callable[[], Any]) -> Iterator[None]:
    """Another run does all of its work between the look and the first write (``cut`` or ``restore``) of this one."""
    _come_between(monkeypatch, access_requests, name, meanwhile)
    yield
    monkeypatch.undo()


@contextmanager
def after_the_last(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], Any]) -> Iterator[None]:
    """Another run does all of its work between the last write of this one and its reading back."""
    _come_between(monkeypatch, execution.StepRun, "_read_back", meanwhile)
    yield
    monkeypatch.undo()


def _come_between(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, meanwhile: Callable[[], Any]) -> None:
    original, pending = getattr(owner, name), [meanwhile]

    def call(*given: Any) -> Any:
        # Taken out first, as the other run passes here, too.
        if pending:
            pending.pop()()
        return original(*given)

    monkeypatch.setattr(owner, name, call)


def rewritten(member: str, value: Any) -> Callable[[bytes], bytes]:
    """An answer in which a member has this value; None stands for an answer without it."""

    def rewrite(body: bytes) -> bytes:
        document = json.loads(body)
        if value is None:
            document.pop(member, None)
        else:
            document[member] = value
        return json.dumps(document).encode()

    return rewrite


def states(result: Any) -> set[str]:
    return {step["state"] for step in result["steps"]}


def certificates(cutoff: Cutoff) -> list[str]:
    return cutoff.credentials()[0]


# Certificates are told by thumbprint --------------------------------------------------------------------------------


def test_a_restore_that_was_stopped_and_another_cut_register_no_certificate_twice(cutoff: Cutoff) -> None:
    """The restored certificate has another key ID than the one in the record."""
    before = certificates(cutoff)
    cutoff.cut(cut_credentials=True)
    cutoff.azure.sandbox.faults.add(Fault("arm", "PUT", f"{_ROLES}/{{name}}", times=None, status=403, body=REFUSAL))
    with pytest.raises(TaskError):
        cutoff.restore()
    cutoff.azure.sandbox.faults.clear()

    cutoff.cut(cut_credentials=True)
    recorded = json.loads(cutoff.record)["application"]["certificates"]
    result = cutoff.restore()

    assert ([one["thumbprint"] for one in recorded], certificates(cutoff)) == (before, before)
    assert (result["complete"], result["application"]["certificates"]) == (True, before)


def test_a_record_that_has_a_certificate_twice_registers_it_once(cutoff: Cutoff) -> None:
    """As earlier versions wrote it."""
    before = certificates(cutoff)
    cutoff.cut(cut_credentials=True)
    record = json.loads(cutoff.record)
    (entry,) = record["application"]["certificates"]
    record["application"]["certificates"].append({**entry, "key_id": "11111111-2222-4333-8444-555555555555"})

    cutoff.restore(record=record)

    assert certificates(cutoff) == before


def test_a_cut_with_the_record_of_before_the_restore_removes_its_certificate(cutoff: Cutoff) -> None:
    cutoff.cut(cut_credentials=True)
    record = json.loads(cutoff.record)
    cutoff.restore()

    result = cutoff("revoked", cut_credentials=True, record=record)

    assert (result["complete"], certificates(cutoff), states(result)) == (True, [], {"done"})


def test_a_certificate_that_the_record_lacks_does_not_hold_the_others_back(cutoff: Cutoff) -> None:
    (known,) = certificates(cutoff)
    cutoff.keep(cutoff("revoked", check_mode=True, cut_credentials=True))
    added = cutoff.azure.do(_add_certificate(cutoff.azure.app))

    with pytest.raises(TaskError, match="because the record does not contain it"):
        cutoff("revoked", cut_credentials=True)

    assert known not in certificates(cutoff)
    assert certificates(cutoff) == [added]


def _add_certificate(app: str) -> Callable[[Any], str]:
    from sandbox.authorities import self_signed

    def deed(state: Any) -> str:
        registered = state.add_certificate(app, self_signed("somebody-else").certificate)
        return str(registered.sha1.hex().upper())

    return deed


def test_a_restore_beside_a_restore_registers_a_certificate_once(
    cutoff: Cutoff, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, before = cutoff.held(), certificates(cutoff)
    cutoff.cut(cut_credentials=True)
    other = another(cutoff)

    with before_the_first(monkeypatch, "restore", other.restore):
        result = cutoff.restore()

    assert (cutoff.held(), certificates(cutoff)) == (held, before)
    assert (result["complete"], states(result)) == (True, {"done"})
    assert json.loads(other.record)["restored_at"] is not None


# Cut beside cut, cut beside restore ---------------------------------------------------------------------------------


def test_a_cut_beside_a_cut_finds_done_what_the_other_has_done(cutoff: Cutoff, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret is gone: Graph refuses to remove it again."""
    cutoff.keep(cutoff("revoked", check_mode=True, cut_credentials=True))
    other = another(cutoff)

    with before_the_first(monkeypatch, "cut", lambda: other("revoked", cut_credentials=True)):
        result = cutoff("revoked", cut_credentials=True)

    assert (result["complete"], states(result), cutoff.credentials()) == (True, {"done"}, ([], []))
    assert result["record"]["disabled_at"] is not None


def test_a_restore_that_undoes_a_cut_is_seen_by_the_cut(cutoff: Cutoff, monkeypatch: pytest.MonkeyPatch) -> None:
    cutoff.keep(cutoff("revoked", check_mode=True))
    other = another(cutoff)

    with after_the_last(monkeypatch, other.restore):
        result = cutoff("revoked", wait_timeout=0)

    assert cutoff.held()["enabled"] is True
    assert (result["complete"], result["application"]["account_enabled"]) == (False, True)
    assert (result["still_valid_until"], result["record"]["disabled_at"]) == (None, None)
    assert states(result) == {"accepted"}
    assert "another client has reverted it" in finding_of_all(result, "access-still-listed")


def finding_of_all(result: Any, kind: str) -> str:
    return " ".join(str(one["actual"]) for one in result["findings"] if one["id"] == kind)


def test_a_cut_that_undoes_a_restore_is_seen_by_the_restore(cutoff: Cutoff, monkeypatch: pytest.MonkeyPatch) -> None:
    cutoff.cut()
    other = another(cutoff)

    with after_the_last(monkeypatch, lambda: other("revoked")):
        result = cutoff("restored", wait_timeout=0)

    assert cutoff.held()["enabled"] is False
    assert (result["complete"], result["application"]["account_enabled"]) == (False, False)
    assert result["record"]["restored_at"] is None


def test_rights_that_are_given_during_a_cut_make_it_fail(cutoff: Cutoff, monkeypatch: pytest.MonkeyPatch) -> None:
    azure = cutoff.azure
    cutoff.keep(cutoff("revoked", check_mode=True))

    def give() -> None:
        azure.do(lambda state: state.assign_role(azure.app, RBAC_VAULT, "Key Vault Reader"))

    with after_the_last(monkeypatch, give), pytest.raises(TaskError) as failure:
        cutoff("revoked")

    details = failure.value.details
    assert (details["complete"], details["retryable"]) == (False, True)
    assert "because another client granted this access after this task started" in str(failure.value)


# Answers that lag behind, or are short ------------------------------------------------------------------------------


def test_a_first_look_that_shows_no_role_does_not_leave_the_role(cutoff: Cutoff) -> None:
    """Azure answers as it would have before the role was assigned: it is in the record, so that it is removed."""
    cutoff.keep(cutoff("revoked", check_mode=True))
    # Two reads a look.
    nothing = Fault("arm", "GET", _ROLES, times=2, rewrite=rewritten("value", []))
    cutoff.azure.sandbox.faults.add(nothing)

    result = cutoff("revoked")

    assert (cutoff.held()["roles"], result["complete"]) == ([], True)
    assert "remove role assignment" in [step["action"] for step in result["steps"]]


def test_a_first_look_that_shows_all_gone_is_not_believed(cutoff: Cutoff) -> None:
    cutoff.cut()
    record = json.loads(cutoff.record)
    cutoff.restore()
    faults = cutoff.azure.sandbox.faults
    faults.add(Fault("arm", "GET", _ROLES, times=2, rewrite=rewritten("value", [])))
    faults.add(Fault("graph", "GET", _PRINCIPAL, times=1, rewrite=rewritten("accountEnabled", False)))

    result = cutoff("revoked", record=record)

    assert (cutoff.held()["enabled"], cutoff.held()["roles"]) == (False, [])
    assert (result["complete"], result["changed"]) == (True, True)


@pytest.mark.parametrize(
    ("plane", "route", "member", "value"),
    [("graph", _PRINCIPAL, "accountEnabled", True), ("graph", _PRINCIPAL, "accountEnabled", None)],
)
def test_an_answer_from_before_the_cut_is_no_proof_of_it(
    cutoff: Cutoff, plane: str, route: str, member: str, value: Any
) -> None:
    cutoff.keep(cutoff("revoked", check_mode=True))
    cutoff.azure.sandbox.faults.add(Fault(plane, "GET", route, times=None, rewrite=rewritten(member, value)))

    result = cutoff("revoked", wait_timeout=0)

    assert (result["complete"], result["still_valid_until"], result["record"]["disabled_at"]) == (False, None, None)
    assert [step["state"] for step in result["steps"] if step["plane"] == "Entra"] == ["accepted"]


def test_an_answer_that_lags_for_a_moment_is_waited_for(cutoff: Cutoff) -> None:
    cutoff.keep(cutoff("revoked", check_mode=True))
    enabled = rewritten("accountEnabled", True)
    cutoff.azure.sandbox.faults.add(Fault("graph", "GET", _PRINCIPAL, times=3, rewrite=enabled))

    result = cutoff("revoked")

    assert (result["complete"], states(result)) == (True, {"done"})


def test_what_cannot_be_read_back_is_not_said_to_be_gone(cutoff: Cutoff, monkeypatch: pytest.MonkeyPatch) -> None:
    """Role assignments that may not be read are no empty list."""
    denied = json.dumps({"error": {"code": "AuthorizationFailed", "message": "not for you"}})
    cutoff.keep(cutoff("revoked", check_mode=True))

    def deny() -> None:
        cutoff.azure.sandbox.faults.add(Fault("arm", "GET", _ROLES, times=None, status=403, body=denied))

    with after_the_last(monkeypatch, deny), pytest.raises(TaskError) as failure:
        cutoff("revoked", wait_timeout=0)

    told = {step["action"]: step["state"] for step in failure.value.details["steps"]}
    assert told["remove role assignment"] == "accepted"
    assert told["disable service principal"] == "done"
    assert failure.value.details["complete"] is False


def test_a_service_that_fails_after_the_cut_leaves_it_unproven(cutoff: Cutoff, monkeypatch: pytest.MonkeyPatch) -> None:
    cutoff.keep(cutoff("revoked", check_mode=True))

    def fail() -> None:
        cutoff.azure.sandbox.faults.add(Fault("graph", status=503, times=None))

    with after_the_last(monkeypatch, fail), pytest.raises(TaskError) as failure:
        cutoff("revoked", wait_timeout=0)

    details = failure.value.details
    assert {step["state"] for step in details["steps"]} == {"accepted", "unreadable"}
    assert (details["application"]["account_enabled"], details["still_valid_until"]) == (None, None)
    assert (details["complete"], details["retryable"]) == (False, True)
    assert "all others were completed" not in str(failure.value)


@pytest.mark.parametrize("member", ["keyCredentials", "passwordCredentials"])
def test_an_answer_without_a_list_is_no_empty_list(
    cutoff: Cutoff, monkeypatch: pytest.MonkeyPatch, member: str
) -> None:
    cutoff.keep(cutoff("revoked", check_mode=True, cut_credentials=True))

    def shorten() -> None:
        cutoff.azure.sandbox.faults.add(
            Fault("graph", "GET", _APPLICATION, times=None, rewrite=rewritten(member, None))
        )

    with after_the_last(monkeypatch, shorten), pytest.raises(TaskError) as failure:
        cutoff("revoked", cut_credentials=True, wait_timeout=0)

    told = {step["action"]: step["state"] for step in failure.value.details["steps"]}
    assert (told["remove certificates"], told["remove client secret"]) == ("accepted", "accepted")
    assert (failure.value.details["complete"], failure.value.details["retryable"]) == (False, True)


@pytest.mark.parametrize(
    ("plane", "route"), [("arm", _VAULT), ("graph", _PRINCIPAL), ("graph", "/v1.0/applications(appId='{app_id}')")]
)
def test_an_empty_object_is_a_failure_that_says_so(cutoff: Cutoff, plane: str, route: str) -> None:
    cutoff.keep(cutoff("revoked", check_mode=True))
    cutoff.azure.sandbox.faults.add(Fault(plane, "GET", route, times=None, rewrite=lambda _body: b"{}"))

    try:
        told = cutoff("revoked", wait_timeout=0)
    except TaskError as error:
        told = {"complete": False, **error.details}

    assert told["complete"] is False


def test_a_record_is_not_closed_by_an_answer_that_lags(cutoff: Cutoff) -> None:
    cutoff.cut()
    disabled = rewritten("accountEnabled", False)
    cutoff.azure.sandbox.faults.add(Fault("graph", "GET", _PRINCIPAL, times=None, rewrite=disabled))

    result = cutoff.restore(wait_timeout=0)

    assert (result["complete"], result["record"]["restored_at"]) == (False, None)


# Losers -------------------------------------------------------------------------------------------------------------


def test_a_conflict_with_another_change_is_retryable(policies: Cutoff) -> None:
    body = json.dumps({"error": {"code": "ConflictError", "message": "A conflict occurred."}})
    policies.keep(policies("revoked", check_mode=True))
    route = f"{_VAULT}/accessPolicies/{{operation}}"
    policies.azure.sandbox.faults.add(Fault("arm", "PUT", route, status=409, body=body, times=None))

    with pytest.raises(TaskError) as failure:
        policies("revoked")

    assert failure.value.details["retryable"] is True
    assert failure.value.next_step == "run the same task again to do the remaining steps"


def test_a_refusal_that_stays_is_not_retryable(policies: Cutoff) -> None:
    policies.keep(policies("revoked", check_mode=True))
    route = f"{_VAULT}/accessPolicies/{{operation}}"
    policies.azure.sandbox.faults.add(Fault("arm", "PUT", route, status=403, body=REFUSAL))

    with pytest.raises(TaskError) as failure:
        policies("revoked")

    assert "retryable" not in failure.value.details


def test_a_write_whose_answer_is_lost_counts_by_what_is_there(policies: Cutoff) -> None:
    policies.keep(policies("revoked", check_mode=True))
    route = f"{_VAULT}/accessPolicies/{{operation}}"
    policies.azure.sandbox.faults.add(Fault("arm", "PUT", route, status=403, body=REFUSAL, after_work=True))

    result = policies("revoked")

    assert (result["complete"], states(result), result["changed"]) == (True, {"done"}, True)
    assert [step["message"] for step in result["steps"] if step["message"]] != []


def test_what_was_seen_last_is_in_the_finding(cutoff: Cutoff) -> None:
    cutoff.keep(cutoff("revoked", check_mode=True))
    cutoff.azure.do(lambda state: state.slow_rights(read_lag=600))

    result = cutoff("revoked", wait_timeout=0)

    assert "access-still-listed" in ids(result)
    assert (result["complete"], states(result)) == (False, {"done", "accepted"})
    assert OFFICER in json.dumps(result["diff"]["after"])
    assert finding(result, "credentials-stay")["status"] == "warning"


@pytest.mark.parametrize(
    "answer", [{"status": 429, "retry_after": 0}, {"status": 503}, {"status": 503, "after_work": True}]
)
def test_trouble_that_passes_does_not_leave_the_principal_enabled(policies: Cutoff, answer: dict[str, Any]) -> None:
    policies.azure.sandbox.faults.add(Fault("graph", "PATCH", "/v1.0/servicePrincipals/{id}", **answer))

    result = policies.cut()

    assert (result["complete"], result["application"]["account_enabled"]) == (True, False)
