# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that a quorum has to approve: filed once, applied and verified when approved (DSM contract §2.10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils import _time
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.errors import OutcomeUnknown
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    cdc_group,
    cdc_sync,
    cdc_tls,
    cdc_vault_select,
)
from sandbox import Fault, Profile, Sandbox
from support.approver import REQUESTS, Approver, logged_in
from support.operate import Operator
from support.passing import Passing
from support.playbook import ROOT, Ansible, local_play
from support.role_in_process import RolePlayer, RoleRun

RESULT = "/sys/v1/approval_requests/{req_id}/result"
GROUP = "/sys/v1/groups/{group_id}"
PREMIUM, STANDARD = {"name": "akv-sandbox-prem"}, {"name": "akv-sandbox-std"}
Given = Callable[..., dict[str, Any]]


@pytest.fixture
def approver(sandbox: Sandbox) -> Iterator[Approver]:
    with logged_in(sandbox) as approver:
        yield approver
    sandbox.do(lambda state: state.dsm.default_account.approvals.clear())
    sandbox.do(lambda state: setattr(state.dsm.default_account, "approval_policy", None))


@pytest.fixture
def guard(sandbox: Sandbox, approver: Approver) -> Callable[[str], None]:
    """Put an existing group under the administrator's approval."""

    def put(group_id: str) -> None:
        policy = {"quorum": {"n": 1, "members": [{"user": sandbox.world.administrator.user_id}]}}
        sandbox.do(lambda state: setattr(state.dsm.group(group_id), "approval_policy", policy))

    return put


@pytest.fixture
def guarded(given_group: Given, guard: Callable[[str], None]) -> dict[str, Any]:
    group = given_group(vault=PREMIUM)
    guard(group["group_id"])
    return group


@pytest.fixture
def guarded_account(sandbox: Sandbox, approver: Approver) -> None:
    policy = {"policy": {"user": sandbox.world.administrator.user_id}, "manage_groups": True}
    sandbox.do(lambda state: setattr(state.dsm.default_account, "approval_policy", policy))


@pytest.fixture
def secret(link: Mapping[str, str]) -> dict[str, str]:
    return {"link_client_secret": link["link_client_secret"]}


SETTINGS = [
    {},
    {"approval_execution": "on_result"},
    {"approval_body": "echo"},
    {"approval_body": "omitted"},
    {"approval_operation": "without_slash"},
    {"approval_filter": "ignored"},
    {"approval_answer": "sentence"},
    {"secrets_on_get": "echo"},
    {"approval_execution": "on_result", "approval_body": "omitted", "approval_filter": "ignored"},
]
each_setting = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: "+".join(setting.values()) or "default")


@each_setting
def test_a_change_is_filed_once_and_found_applied(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str, link: Any, setting: Any
) -> None:
    sandbox.profile = Profile(**setting)
    wanted = {"name": name, **link, "vault": STANDARD}

    first = operate(cdc_group, **wanted)
    second = operate(cdc_group, **wanted)

    assert (first["changed"], first["pending"], first["approval"]["filed"]) == (True, True, True)
    assert (second["changed"], second["pending"], second["approval"]["filed"]) == (False, True, False)
    assert first["approval"]["id"] == second["approval"]["id"]
    assert first["group"]["link"]["vault"]["name"] == "akv-sandbox-prem"
    assert len(approver.pending()) == 1
    approver.decide()
    third = operate(cdc_group, **wanted)
    assert third["pending"] is False
    assert third["group"]["link"]["vault"]["name"] == "akv-sandbox-std"
    assert third["changed"] is (sandbox.profile.approval_execution == "on_result")
    assert operate(cdc_group, **wanted)["changed"] is False
    assert approver.pending() == []


def test_the_second_run_writes_nothing(operate: Operator, sandbox: Sandbox, guarded: Any, name: str, link: Any) -> None:
    wanted = {"name": name, **link, "vault": STANDARD}
    operate(cdc_group, **wanted)
    mark = sandbox.journal.mark()

    operate(cdc_group, **wanted)

    assert sandbox.journal.writes(since=mark) == []


@each_setting
@pytest.mark.usefixtures("guarded_account")
def test_a_new_group_is_filed_once_and_found_made(
    operate: Operator, sandbox: Sandbox, approver: Approver, name: str, link: Any, setting: Any
) -> None:
    sandbox.profile = Profile(**setting)
    wanted = {"name": name, **link, "vault": PREMIUM}

    first, second = operate(cdc_group, **wanted), operate(cdc_group, **wanted)

    assert (first["changed"], first["pending"]) == (True, True)
    assert (second["changed"], second["pending"]) == (False, True)
    assert (second["group"]["exists"], second["group"]["group_id"]) == (False, None)
    approver.decide()
    third = operate(cdc_group, **wanted)
    assert (third["pending"], third["group"]["exists"]) == (False, True)
    assert operate(cdc_group, **wanted)["changed"] is False


@pytest.mark.parametrize("execution", ["on_approval", "on_result"])
@pytest.mark.parametrize("module", ["cdc_group", "cdc_tls", "cdc_vault_select"])
def test_a_task_that_waits_applies_and_verifies(
    operate: Operator,
    sandbox: Sandbox,
    approver: Approver,
    guarded: Any,
    name: str,
    secret: Any,
    passing: Passing,
    module: str,
    execution: Any,
) -> None:
    sandbox.profile = Profile(approval_execution=execution)
    operation, options = {
        "cdc_group": (cdc_group, {"name": name, "description": "approved"}),
        "cdc_tls": (cdc_tls, {"group_name": name, "validate_host": False, **secret}),
        "cdc_vault_select": (cdc_vault_select, {"group_name": name, "vault": STANDARD, **secret}),
    }[module]
    operate(operation, **options)
    passing.meanwhile = approver.decide

    result = operate(operation, **options, approval_wait=30)

    assert (result["changed"], result["pending"], result["approval"]["status"]) == (True, False, "approved")
    assert operate(operation, **options)["changed"] is False


def test_waiting_ends_with_the_request_pending(operate: Operator, guarded: Any, name: str, passing: Passing) -> None:
    result = operate(cdc_group, name=name, description="x", approval_wait=10)

    assert (result["changed"], result["pending"]) == (True, True)
    assert 0 < sum(passing.slept) <= 10


@pytest.mark.parametrize("wait", [0, 5])
def test_a_denial_names_who_and_why_until_the_request_is_gone(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str, wait: int
) -> None:
    operate(cdc_group, name=name, description="x")
    approver.decide("deny", {"reason": "not before Monday"})

    for _again in range(2):
        with pytest.raises(TaskError, match=r"denied by user .*: not before Monday") as failure:
            operate(cdc_group, name=name, description="x", approval_wait=wait)
        assert failure.value.details["approval"]["denier"] == f"user {sandbox.world.administrator.user_id}"
    with pytest.raises(TaskError, match="denied by"):
        operate(cdc_group, name=name, description="x", check_mode=True)
    assert operate(cdc_group, name=name, description="another")["pending"] is True


@pytest.mark.parametrize("execution", ["on_approval", "on_result"])
def test_a_change_that_fails_after_its_approval_says_the_servers_words_once(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str, secret: Any, execution: Any
) -> None:
    sandbox.profile = Profile(approval_execution=execution, relink_with_keys="refused")
    change = {"group_name": name, "vault": STANDARD, **secret, "allow_move": True}
    operate(cdc_vault_select, **change)
    sandbox.do(lambda state: state.dsm.add_key(guarded["group_id"]))
    approver.decide()

    with pytest.raises(TaskError, match=r"HTTP status 400.*cannot be linked to another key vault"):
        operate(cdc_vault_select, **change)

    assert operate(cdc_vault_select, **change)["approval"]["filed"] is True


@pytest.mark.parametrize("expired", ["dropped", "kept"])
def test_an_expired_request_is_asked_for_anew(
    operate: Operator, sandbox: Sandbox, guarded: Any, name: str, expired: Any
) -> None:
    sandbox.profile = Profile(approval_expired=expired)
    # Filed 31 days ago.
    sandbox.clock.advance(-31 * 86400)
    try:
        first = operate(cdc_group, name=name, description="x")
    finally:
        sandbox.clock.advance(31 * 86400)

    second = operate(cdc_group, name=name, description="x")

    assert second["approval"]["filed"] is True
    assert second["approval"]["id"] != first["approval"]["id"]


def test_a_request_expires_by_the_clock_of_dsm(
    operate: Operator, guarded: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = operate(cdc_group, name=name, description="x")
    monkeypatch.setattr(_time, "utc_now", lambda: datetime.now(timezone.utc) + timedelta(days=31))

    second = operate(cdc_group, name=name, description="x")

    assert (second["approval"]["id"], second["approval"]["filed"]) == (first["approval"]["id"], False)


def test_a_request_that_is_withdrawn_while_a_task_waits(
    operate: Operator, approver: Approver, guarded: Any, name: str, passing: Passing
) -> None:
    request_id = operate(cdc_group, name=name, description="x")["approval"]["id"]
    passing.meanwhile = partial(approver, "DELETE", f"{REQUESTS}/{request_id}")

    with pytest.raises(TaskError, match="expired or was withdrawn"):
        operate(cdc_group, name=name, description="x", approval_wait=30)

    assert passing.meanwhile is None


@pytest.mark.parametrize("expired", ["dropped", "kept"])
def test_a_request_that_expires_while_a_task_waits_ends_the_wait(
    operate: Operator, sandbox: Sandbox, guarded: Any, name: str, passing: Passing, expired: Any
) -> None:
    """A server that still shows it as pending says nothing about whether it can be decided."""
    sandbox.profile = Profile(approval_expired=expired)
    began = sandbox.clock.now()
    passing.meanwhile = partial(sandbox.clock.advance, 31 * 86_400)
    try:
        with pytest.raises(TaskError, match="expired or was withdrawn"):
            operate(cdc_group, name=name, description="x", approval_wait=60)
    finally:
        # Other tests use this sandbox, too.
        sandbox.clock.advance(0 if sandbox.clock.now() - began < 86_400 else -31 * 86_400)

    assert passing.meanwhile is None


# Others' requests ---------------------------------------------------------------------------------------------------


def test_another_change_of_ours_that_waits_is_neither_doubled_nor_withdrawn(
    operate: Operator, approver: Approver, guarded: Any, name: str
) -> None:
    first = operate(cdc_group, name=name, description="one")["approval"]["id"]

    with pytest.raises(TaskError, match=f"another change of this object waits for approval: request {first}"):
        operate(cdc_group, name=name, description="two")
    with pytest.raises(TaskError, match="another change of this object waits"):
        operate(cdc_group, name=name, description="two", check_mode=True)

    assert [one["request_id"] for one in approver.pending()] == [first]


def test_a_change_that_somebody_else_has_filed_is_said(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str
) -> None:
    body = {"method": "PATCH", "operation": f"/sys/v1/groups/{guarded['group_id']}", "body": {"description": "theirs"}}
    approver("POST", REQUESTS, body)

    with pytest.raises(
        TaskError, match=rf"filed by user {sandbox.world.administrator.user_id}.*was not filed by this collection"
    ):
        operate(cdc_group, name=name, description="ours")

    assert len(approver.pending()) == 1


def test_the_same_change_filed_by_another_login_is_not_filed_again(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str, passing: Passing
) -> None:
    certificate = sandbox.world.cert_app
    login = {"dsm_client_cert": str(certificate.certificate_path), "dsm_client_key": str(certificate.key_path)}
    operate(cdc_group, name=name, description="x", **login)

    result = operate(cdc_group, name=name, description="x", approval_wait=5)

    assert (result["changed"], result["pending"]) == (False, True)
    assert result["approval"]["requester"] == f"app {certificate.app_id}"


def test_without_its_description_our_own_request_is_not_filed_again(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str
) -> None:
    sandbox.profile = Profile(approval_description="dropped")
    operate(cdc_group, name=name, description="x")

    with pytest.raises(TaskError, match="may even be for the same change"):
        operate(cdc_group, name=name, description="x")

    assert len(approver.pending()) == 1


def test_another_credential_is_another_change(
    operate: Operator, approver: Approver, guarded: Any, name: str, link: Any
) -> None:
    wanted = {"name": name, "vault": {**STANDARD, "type": "standard"}, "allow_disconnect": True}
    operate(cdc_group, **wanted, **link)

    with pytest.raises(TaskError, match="another change of this object waits"):
        operate(cdc_group, **wanted, **{**link, "link_client_secret": "another~secret"})

    assert len(approver.pending()) == 1


# Deletion, sync, refusals -------------------------------------------------------------------------------------------


def test_a_deletion_is_approved(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str
) -> None:
    sandbox.profile = Profile(approvable="all")

    assert operate(cdc_group, name=name, state="absent", check_mode=True)["approval"]["status"] == "needed"
    results = [operate(cdc_group, name=name, state="absent") for _again in range(2)]

    assert [(one["changed"], one["pending"], one["group"]["exists"]) for one in results] == [
        (True, True, True),
        (False, True, True),
    ]
    approver.decide()
    assert operate(cdc_group, name=name, state="absent")["group"]["exists"] is False


@pytest.mark.parametrize("execution", ["on_approval", "on_result"])
def test_a_sync_is_approved(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str, execution: Any
) -> None:
    sandbox.profile = Profile(approvable="all", scan_gated="gated", approval_execution=execution)

    results = [operate(cdc_sync, group_name=name) for _again in range(2)]
    assert [(one["changed"], one["pending"]) for one in results] == [(True, True), (False, True)]
    assert results[1]["prediction"] == "unknown"
    approver.decide()

    done = operate(cdc_sync, group_name=name)

    assert (done["pending"], done["key_count"], done["approval"]["status"]) == (False, 4, "approved")
    assert operate(cdc_sync, group_name=name)["approval"]["filed"] is True


@pytest.mark.parametrize("module", ["cdc_group", "cdc_sync"])
def test_a_request_that_dsm_does_not_take(
    operate: Operator, sandbox: Sandbox, guarded: Any, name: str, module: str
) -> None:
    sandbox.profile = Profile(scan_gated="gated")
    operation, options = {
        "cdc_group": (cdc_group, {"name": name, "state": "absent"}),
        "cdc_sync": (cdc_sync, {"group_name": name}),
    }[module]

    with pytest.raises(TaskError, match=r"accepts no approval request for it.*user interface"):
        operate(operation, **options)


def test_to_fail_instead_of_asking(operate: Operator, approver: Approver, guarded: Any, name: str) -> None:
    with pytest.raises(TaskError, match="set approval: request"):
        operate(cdc_group, name=name, description="x", approval="fail")

    assert approver.pending() == []


def test_link_edits_that_are_free_are_made_at_once(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str, secret: Any
) -> None:
    sandbox.profile = Profile(link_edits_gated="free")
    wanted = {"group_name": name, "vault": STANDARD, **secret}

    result = operate(cdc_vault_select, **wanted)

    assert (result["changed"], result["approval"]) == (True, None)
    assert approver.pending() == []


def test_a_time_to_wait_below_zero(operate: Operator, name: str) -> None:
    with pytest.raises(InvalidInput, match="approval_wait"):
        operate(cdc_group, name=name, approval_wait=-1)


@pytest.mark.parametrize(("method", "route"), [("POST", REQUESTS), ("POST", RESULT)])
def test_an_answer_that_is_lost_is_looked_up_and_nothing_is_sent_twice(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str, method: str, route: str
) -> None:
    sandbox.profile = Profile(approval_execution="on_result")
    if route == RESULT:
        operate(cdc_group, name=name, description="x")
        approver.decide()
    sandbox.faults.add(Fault(plane="dsm", method=method, route=route, reset="after"))
    mark = sandbox.journal.mark()

    with pytest.raises(OutcomeUnknown):
        operate(cdc_group, name=name, description="x")
    operate(cdc_group, name=name, description="x")

    assert len([entry for entry in sandbox.journal.since(mark) if (entry.method, entry.route) == (method, route)]) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"reset": "after"},
        {"status": 502, "body": "<p>Bad gateway", "after_work": True},
        {"status": 200, "body": "<p>Please sign in", "after_work": True},
        {"status": 200, "body": "{}", "after_work": True},
        {"status": 200, "body": '{"status": 500, "body": "internal error"}', "after_work": True},
    ],
    ids=lambda answer: str(answer.get("body", "reset")),
)
def test_a_result_that_does_not_say_what_became_of_the_change_leaves_it_unknown(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str, answer: Mapping[str, Any]
) -> None:
    sandbox.profile = Profile(approval_execution="on_result")
    operate(cdc_group, name=name, description="x")
    approver.decide()
    sandbox.faults.add(Fault(plane="dsm", method="POST", route=RESULT, **answer))

    with pytest.raises(TaskError) as failure:
        operate(cdc_group, name=name, description="x")

    told = failure.value.to_fail_json()
    assert (told["changed"], told["failure"]["done"]) == (True, [])
    assert [one["action"] for one in told["failure"]["unknown"]] == [f"PATCH {GROUP}, approved"]


def test_a_result_that_is_refused_has_changed_nothing(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str
) -> None:
    sandbox.profile = Profile(approval_execution="on_result")
    operate(cdc_group, name=name, description="x")
    approver.decide()
    answer = {"status": 200, "body": '{"status": 400, "body": "wrong"}'}
    sandbox.faults.add(Fault(plane="dsm", method="POST", route=RESULT, **answer))

    with pytest.raises(TaskError) as failure:
        operate(cdc_group, name=name, description="x")

    assert failure.value.to_fail_json()["changed"] is False


# Check mode ---------------------------------------------------------------------------------------------------------


def test_check_mode_files_nothing_and_tells_of_the_approval(
    operate: Operator, sandbox: Sandbox, approver: Approver, guarded: Any, name: str
) -> None:
    mark = sandbox.journal.mark()
    before = operate(cdc_group, name=name, description="x", check_mode=True)
    assert sandbox.journal.writes(since=mark) == []
    assert (before["changed"], before["pending"], before["approval"]["status"]) == (True, False, "needed")

    operate(cdc_group, name=name, description="x")
    mark = sandbox.journal.mark()
    after = operate(cdc_group, name=name, description="x", check_mode=True)

    assert sandbox.journal.writes(since=mark) == []
    assert (after["changed"], after["pending"], after["approval"]["status"]) == (False, True, "pending")
    assert len(approver.pending()) == 1


# Playbooks ----------------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_a_play_shows_the_pending_request_and_no_secret(
    ansible: Ansible, approver: Approver, guarded: Any, name: str, link: Mapping[str, str]
) -> None:
    task = {"cdc_group": {"name": name, **link, "vault": STANDARD}}

    run = ansible.tasks(task, task, verbosity=3, diff=True)

    assert run.code == 0, run.output
    assert [outcome.changed for outcome in run.outcomes] == [True, False]
    assert run[1]["pending"] is True
    assert link["link_client_secret"] not in run.output
    (request,) = approver.pending()
    assert link["link_client_secret"] not in request["description"]
    assert name in request["description"]
    assert "link.vault" in request["description"]


@pytest.mark.usefixtures("guarded_account")
def test_what_follows_a_new_group_that_waits_says_so(operate: Operator, name: str, link: Mapping[str, str]) -> None:
    made = operate(cdc_group, name=name, **link)

    with pytest.raises(TaskError, match="waits for an approval"):
        operate(cdc_sync, group=made["group"])


@pytest.fixture
def setting_up(guarded_account: None, name: str, link: Mapping[str, str]) -> dict[str, Any]:
    """Variables of the role for a group that somebody has to approve."""
    variables: dict[str, Any] = {f"cdc_setup_{key}": value for key, value in link.items()}
    return {**variables, "cdc_setup_name": name, "cdc_setup_vault": PREMIUM, "cdc_setup_check_prerequisites": False}


def assert_stopped_and_went_on(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    assert (before["status"], before["pending"], before["changed"]) == ("pending approval", True, True)
    assert (after["status"], after["pending"], after["key_count"]) == ("connected", False, 4)


def test_the_role_stops_at_a_group_that_waits_and_goes_on_after_the_approval(
    sandbox: Sandbox, approver: Approver, setting_up: dict[str, Any]
) -> None:
    environment = sandbox.environment()
    login = {
        "dsm_endpoint": environment["DSM_ENDPOINT"],
        "dsm_ca_path": environment["REQUESTS_CA_BUNDLE"],
        "dsm_api_key": environment["DSM_API_KEY"],
    }
    role = RolePlayer("cdc_setup")

    waiting = role.play(RoleRun(setting_up, login, sandbox.proxy_url))
    approver.decide()
    done = role.play(RoleRun(setting_up, login, sandbox.proxy_url))

    assert (waiting.failure, done.failure) == (None, None)
    assert_stopped_and_went_on(waiting.results[0], done.results[0])


@pytest.mark.long
def test_the_role_in_a_play_stops_at_a_group_that_waits_and_says_so(
    ansible: Ansible, approver: Approver, setting_up: dict[str, Any], name: str
) -> None:
    play = local_play(roles=["fortanix.dsm.cdc_setup"])

    waiting = ansible.playbook([play], variables=setting_up)
    approver.decide()
    done = ansible.playbook([play], variables=setting_up)

    (before,), (after,) = (
        run.named("Group | Keep the summary")["ansible_facts"]["cdc_setup_results"] for run in (waiting, done)
    )
    assert waiting.code == done.code == 0, waiting.output + done.output
    assert f"{name}: pending approval" in waiting.output
    assert_stopped_and_went_on(before, after)


def test_the_teardown_stops_until_the_group_is_gone(
    ansible: Ansible, sandbox: Sandbox, approver: Approver, guarded: Any, name: str
) -> None:
    sandbox.profile = Profile(approvable="all")
    playbook = ROOT / "playbooks" / "teardown.yml"
    mark = sandbox.journal.mark()

    run = ansible.playbook(playbook, variables={"cdc_setup_name": name, "teardown_group": name})

    assert run.code == 0, run.output
    assert "is pending approval" in run.output
    assert [entry.route for entry in sandbox.journal.writes(since=mark) if entry.status < 400] == [REQUESTS]
