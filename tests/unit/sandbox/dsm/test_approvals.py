# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approval requests of the simulated DSM (DSM contract §2.10, §7 Q9, Q31, Q32)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from sandbox import Profile, Sandbox

GROUPS, REQUESTS = "/sys/v1/groups", "/sys/v1/approval_requests"


@pytest.fixture
def guarded(sb: Sandbox, names: Any) -> str:
    """A group whose changes the administrator has to approve; its path."""
    policy = {"quorum": {"n": 1, "members": [{"user": sb.world.administrator.user_id}]}}
    group = sb.do(lambda state: state.dsm.add_group(names.new(), approval_policy=policy))
    return f"{GROUPS}/{group.group_id}"


@pytest.fixture
def guarded_account(sb: Sandbox) -> Iterator[None]:
    policy = {"policy": {"user": sb.world.administrator.user_id}, "manage_groups": True}
    sb.do(lambda state: setattr(state.dsm.default_account, "approval_policy", policy))
    yield
    sb.do(lambda state: setattr(state.dsm.default_account, "approval_policy", None))


def file(client: Any, operation: str, body: Any = None, method: str = "PATCH") -> Any:
    return client("POST", REQUESTS, {"method": method, "operation": operation, "body": body, "description": "why"})


def change(client: Any, path: str) -> str:
    answer = file(client, path, {"description": "approved"})
    assert answer.status == 201, answer.text
    return str(answer.json["request_id"])


def description(client: Any, path: str) -> str:
    return str(client("GET", path).json.get("description", ""))


def test_an_approved_change_is_carried_out_as_the_direct_call_would_be(
    admin: Any, administrator: Any, guarded: str
) -> None:
    request_id = change(admin, guarded)
    assert description(admin, guarded) == ""

    approved = administrator("POST", f"{REQUESTS}/{request_id}/approve", {}).json

    assert approved["status"] == "APPROVED"
    assert description(admin, guarded) == "approved"
    result = admin("POST", f"{REQUESTS}/{request_id}/result").json
    assert (result["status"], result["body"]["description"]) == (200, "approved")


def test_q9_execution_may_wait_for_the_result(sb: Sandbox, admin: Any, administrator: Any, guarded: str) -> None:
    sb.profile = Profile(approval_execution="on_result")
    request_id = change(admin, guarded)
    administrator("POST", f"{REQUESTS}/{request_id}/approve", {})
    assert description(admin, guarded) == ""

    for _again in range(2):
        assert admin("POST", f"{REQUESTS}/{request_id}/result").json["status"] == 200

    assert description(admin, guarded) == "approved"
    assert admin("GET", f"{REQUESTS}/{request_id}").json["result_viewed"] is True


def test_a_change_that_dsm_refuses_fails_after_its_approval(admin: Any, administrator: Any, guarded: str) -> None:
    request_id = file(admin, guarded, {"name": "two\nlines"}).json["request_id"]

    assert administrator("POST", f"{REQUESTS}/{request_id}/approve", {}).json["status"] == "FAILED"

    result = admin("POST", f"{REQUESTS}/{request_id}/result").json
    assert result["status"] == 400
    assert "one line" in result["body"]


def test_a_denial_names_who_and_why(sb: Sandbox, admin: Any, administrator: Any, guarded: str) -> None:
    request_id = change(admin, guarded)

    denied = administrator("POST", f"{REQUESTS}/{request_id}/deny", {"reason": "not now"}).json

    assert (denied["status"], denied["denial_reason"]) == ("DENIED", "not now")
    assert denied["denier"] == {"user": sb.world.administrator.user_id}
    assert administrator("POST", f"{REQUESTS}/{request_id}/approve", {}).status == 400
    assert admin("POST", f"{REQUESTS}/{request_id}/result").status == 400
    assert description(admin, guarded) == ""


def test_only_reviewers_decide_and_only_the_requester_sees_the_result(
    sb: Sandbox, admin: Any, administrator: Any, auditor: Any, crypto: Any, guarded: str
) -> None:
    request_id = change(admin, guarded)

    assert admin("POST", f"{REQUESTS}/{request_id}/approve", {}).status == 403
    assert auditor("POST", f"{REQUESTS}/{request_id}/approve", {}).status == 403
    assert crypto("GET", f"{REQUESTS}/{request_id}").status == 403
    administrator("POST", f"{REQUESTS}/{request_id}/approve", {})
    assert administrator("POST", f"{REQUESTS}/{request_id}/result").status == 403


def test_nested_quorums_count_each_member_once(
    sb: Sandbox, admin: Any, administrator: Any, crypto: Any, names: Any
) -> None:
    inner = {"quorum": {"n": 1, "members": [{"app": sb.world.crypto_app.app_id}, {"user": sb.world.auditor.user_id}]}}
    policy = {"quorum": {"n": 2, "members": [{"user": sb.world.administrator.user_id}, inner]}}
    group = sb.do(lambda state: state.dsm.add_group(names.new(), approval_policy=policy))
    request_id = change(admin, f"{GROUPS}/{group.group_id}")

    statuses = [
        client("POST", f"{REQUESTS}/{request_id}/approve", {}).json["status"]
        for client in (administrator, administrator, crypto)
    ]

    assert statuses == ["PENDING", "PENDING", "APPROVED"]


def test_a_policy_may_demand_the_password(sb: Sandbox, admin: Any, administrator: Any, names: Any) -> None:
    person = sb.world.administrator
    policy = {"quorum": {"n": 1, "members": [{"user": person.user_id}], "require_password": True}}
    group = sb.do(lambda state: state.dsm.add_group(names.new(), approval_policy=policy))
    path = f"{REQUESTS}/{change(admin, f'{GROUPS}/{group.group_id}')}/approve"

    assert administrator("POST", path, {"password": "wrong"}).status == 403
    assert administrator("POST", path, {"password": person.password}).json["status"] == "APPROVED"


@pytest.mark.usefixtures("guarded_account")
def test_an_accounts_policy_may_guard_new_groups(admin: Any, administrator: Any, names: Any) -> None:
    body = {"name": names.new()}
    assert admin("POST", GROUPS, body).text == "This operation requires approval"

    request_id = file(admin, GROUPS, body, "POST").json["request_id"]
    administrator("POST", f"{REQUESTS}/{request_id}/approve", {})

    assert admin("POST", f"{REQUESTS}/{request_id}/result").json["body"]["name"] == body["name"]


def test_the_list_heeds_its_filters(sb: Sandbox, admin: Any, administrator: Any, guarded: str) -> None:
    first, second = change(admin, guarded), change(admin, guarded)
    administrator("POST", f"{REQUESTS}/{second}/deny", {})
    group_id = guarded.rpartition("/")[2]

    def listed(**query: str) -> set[str]:
        return {one["request_id"] for one in admin("GET", REQUESTS, **query).json} & {first, second}

    assert listed(status="PENDING") == {first}
    assert listed(subject=group_id) == {first, second}
    assert listed(requester=sb.world.admin_app.app_id) == {first, second}
    assert listed(requester=str(uuid4())) == set()
    assert listed(reviewer=sb.world.administrator.user_id) == {first, second}
    sb.profile = Profile(approval_filter="ignored")
    assert listed(status="DENIED") == {first, second}


def test_a_withdrawn_request_is_gone(admin: Any, administrator: Any, guarded: str) -> None:
    request_id = change(admin, guarded)

    assert admin("DELETE", f"{REQUESTS}/{request_id}").status == 204

    assert administrator("POST", f"{REQUESTS}/{request_id}/approve", {}).status == 404


@pytest.mark.parametrize(("setting", "status"), [("dropped", 404), ("kept", 400)])
def test_q31_an_expired_request_cannot_be_approved(
    sb: Sandbox, admin: Any, anonymous: Any, log_in: Any, guarded: str, setting: Any, status: int
) -> None:
    sb.profile = Profile(approval_expired=setting)
    request_id = change(admin, guarded)
    sb.clock.advance(31 * 86400)
    try:
        later = log_in(sb.world.administrator, sb.world.account_id)
        assert later("POST", f"{REQUESTS}/{request_id}/approve", {}).status == status
    finally:
        sb.clock.advance(-31 * 86400)


@pytest.mark.parametrize(("setting", "status"), [("create_update", 400), ("all", 201)])
def test_q32_what_can_be_approved(sb: Sandbox, admin: Any, guarded: str, setting: Any, status: int) -> None:
    sb.profile = Profile(approvable=setting)

    assert file(admin, guarded, method="DELETE").status == status
    assert file(admin, f"{guarded}/hmg/scan", {}, "POST").status == status
    assert file(admin, f"{guarded}/hmg/check", {}, "POST").status == 400


@pytest.mark.parametrize(("setting", "status"), [("free", 200), ("gated", 403)])
def test_q32_sync_under_a_quorum(sb: Sandbox, admin: Any, linked: Any, setting: Any, status: int) -> None:
    sb.profile = Profile(scan_gated=setting)
    policy = {"user": sb.world.administrator.user_id}
    sb.do(lambda state: setattr(state.dsm.group(linked["group_id"]), "approval_policy", policy))

    assert admin("POST", f"{GROUPS}/{linked['group_id']}/hmg/scan", {}).status == status


@pytest.mark.parametrize(
    ("field", "setting", "shown"),
    [
        ("approval_body", "masked", {"mod_hmg": {"x": {"auth_config": {"client_secret": "***", "mode": "m"}}}}),
        ("approval_body", "echo", {"mod_hmg": {"x": {"auth_config": {"client_secret": "s3", "mode": "m"}}}}),
        ("approval_body", "omitted", None),
    ],
)
def test_q9_how_the_body_comes_back(
    sb: Sandbox, admin: Any, guarded: str, field: str, setting: str, shown: Any
) -> None:
    sb.profile = Profile(**{field: setting})
    body = {"mod_hmg": {"x": {"auth_config": {"client_secret": "s3", "mode": "m"}}}}

    assert file(admin, guarded, body).json.get("body") == shown


def test_q9_description_and_path_may_come_back_otherwise(sb: Sandbox, admin: Any, guarded: str) -> None:
    sb.profile = Profile(approval_description="dropped", approval_operation="without_slash")

    filed = file(admin, guarded, {}).json

    assert "description" not in filed
    assert filed["operation"] == guarded[1:]


def test_what_needs_no_approval_takes_none(admin: Any, group: Any) -> None:
    assert file(admin, f"{GROUPS}/{group['group_id']}", {}).status == 400
