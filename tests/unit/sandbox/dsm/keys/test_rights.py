# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what with keys, by kind of login, and what needs a quorum (DSM contract §1.6, §2.10; Q67, Q68)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox import Profile, Sandbox

REQUESTS = "/sys/v1/approval_requests"
MANAGED = ["SIGN", "VERIFY", "EXPORT", "APPMANAGEABLE"]


class Target:
    """A source in the local group, and a virtual key in the linked one, both made by an administrator."""

    def __init__(self, keys: Any, operations: list[str]) -> None:
        self.source = keys.source(key_ops=operations)
        self.virtual = keys.succeeded(keys.native(keys.names.new("azure"), key_ops=operations), 201)
        self.azure_name = keys.names.new("azure")


CALLS: dict[str, tuple[Callable[[Any, Target], Any], set[str]]] = {
    "create": (lambda keys, _target: keys.create(), {"CREATE_SOBJECTS"}),
    "create natively": (lambda keys, target: keys.native(target.azure_name), {"CREATE_SOBJECTS"}),
    "copy": (
        lambda keys, target: keys.copy(target.source, target.azure_name),
        {"COPY_SOBJECTS", "EXPORT", "CREATE_SOBJECTS"},
    ),
    "copy within DSM": (
        lambda keys, target: keys.copy(target.source, "", group_id=keys.local),
        {"COPY_SOBJECTS", "CREATE_SOBJECTS"},
    ),
    "rekey": (lambda keys, target: keys.rekey(target.virtual["name"]), {"ROTATE_SOBJECTS"}),
    "rename": (lambda keys, target: keys.change(target.virtual["kid"], description="a"), {"UPDATE_SOBJECTS_PROFILE"}),
    "disable": (
        lambda keys, target: keys.change(target.virtual["kid"], enabled=False),
        {"UPDATE_SOBJECTS_ENABLED_STATE"},
    ),
    "operations": (lambda keys, target: keys.change(target.virtual["kid"], key_ops=MANAGED), {"UPDATE_KEY_OPS"}),
    "policy": (
        lambda keys, target: keys.change(target.source["kid"], rotation_policy={"interval_days": 9}),
        {"UPDATE_SOBJECT_POLICIES"},
    ),
    "soft-delete": (
        lambda keys, target: keys.deed(target.virtual["kid"], "schedule_deletion"),
        {"DELETE_KEY_MATERIAL"},
    ),
    "revoke": (
        lambda keys, target: keys.deed(target.source["kid"], "revoke", {"code": "Superseded"}),
        {"REVOKE_SOBJECTS"},
    ),
    "destroy": (lambda keys, target: keys.deed(target.source["kid"], "destroy"), {"DESTROY_SOBJECTS"}),
    "delete": (lambda keys, target: keys.delete(target.source["kid"]), {"DELETE_SOBJECTS"}),
}
OF_MATERIAL = ("create", "create natively", "copy", "copy within DSM", "rekey")


# Kinds of login -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS)
def test_an_administrative_app_manages_keys(keys: Any, call: str) -> None:
    act, _permissions = CALLS[call]

    assert act(keys, Target(keys, MANAGED)).status < 300


def test_q41_an_administrative_app_that_may_not_read_keys_cannot_write_them(keys: Any) -> None:
    source = keys.source()
    keys.sb.profile = Profile(admin_app="no_keys")

    assert keys.create().status == 403
    assert keys.change(source["kid"], enabled=False).status == 403


@pytest.mark.parametrize("call", CALLS)
def test_q68_an_administrative_app_may_be_kept_from_making_keys(keys: Any, call: str) -> None:
    target = Target(keys, MANAGED)
    keys.sb.profile = Profile(admin_app_keys="none")

    answer = CALLS[call][0](keys, target)

    assert (answer.status == 403) is (call in OF_MATERIAL), answer.text


@pytest.mark.parametrize("call", CALLS)
def test_a_crypto_app_needs_the_permission_for_each_operation(keys: Any, crypto: Any, call: str) -> None:
    act, permissions = CALLS[call]
    target = Target(keys, MANAGED)

    for missing in sorted(permissions):
        keys.grant("crypto_app", "SIGN", *(permissions - {missing}))
        answer = act(keys.as_(crypto), target)
        assert answer.status == 403
        assert ("EXPORT_SOBJECTS" if missing == "EXPORT" else missing) in answer.text
    keys.grant("crypto_app", *permissions)
    assert act(keys.as_(crypto), target).status < 300


@pytest.mark.parametrize("call", CALLS)
def test_the_older_permission_of_apps_stands_for_all_management_but_export(keys: Any, crypto: Any, call: str) -> None:
    target = Target(keys, MANAGED)
    keys.grant("crypto_app", "MANAGE")

    assert (CALLS[call][0](keys.as_(crypto), target).status < 300) is (call != "copy")


@pytest.mark.parametrize("call", [name for name in CALLS if not name.startswith(("create", "copy"))])
def test_a_crypto_app_manages_those_keys_only_that_allow_it(keys: Any, crypto: Any, call: str) -> None:
    act, permissions = CALLS[call]
    target = Target(keys, ["SIGN", "VERIFY", "EXPORT"])
    keys.grant("crypto_app", *permissions)

    answer = act(keys.as_(crypto), target)

    assert (answer.status, "APPMANAGEABLE" in answer.text) == (403, True)
    assert act(keys, target).status < 300


def test_a_key_of_a_group_that_is_not_the_apps_is_out_of_reach(keys: Any, crypto: Any) -> None:
    target = Target(keys, MANAGED)
    keys.grant("crypto_app", "MANAGE", "EXPORT", "CREATE_SOBJECTS", group=keys.local)

    assert keys.as_(crypto).change(target.virtual["kid"], enabled=False).status == 403
    assert keys.as_(crypto).copy(target.source, target.azure_name).status == 403


@pytest.mark.parametrize(("setting", "status"), [("refused", 403), ("allowed", 200)])
def test_q68_a_crypto_app_and_the_scan(keys: Any, crypto: Any, setting: Any, status: int) -> None:
    keys.sb.profile = Profile(crypto_app_scan=setting)
    keys.grant("crypto_app", "MANAGE")

    assert crypto("POST", f"/sys/v1/groups/{keys.linked}/hmg/scan", {}).status == status


@pytest.mark.parametrize(("roles", "status"), [(["GROUPADMINISTRATOR"], 201), (["GROUPAUDITOR"], 403)])
def test_a_user_acts_by_the_role_in_the_group(
    keys: Any, sb: Sandbox, log_in: Any, roles: list[str], status: int
) -> None:
    def make(state: Any) -> Any:
        user = state.dsm.add_user(f"{keys.names.new('u')}@example.com", {sb.world.account_id: ["ACCOUNTMEMBER"]})
        state.dsm.grant(user, state.dsm.group(keys.local), roles)
        return user

    user = log_in(sb.do(make), sb.world.account_id)

    assert keys.as_(user).create().status == status


def test_an_auditor_reads_and_writes_nothing(keys: Any, auditor: Any) -> None:
    source = keys.source()

    assert keys.as_(auditor).info(source["kid"])["kid"] == source["kid"]
    assert keys.as_(auditor).change(source["kid"], enabled=False).status == 403


# Quorum ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def guard(keys: Any) -> Callable[..., None]:
    """Put a group under a policy that the administrator alone approves, and that covers what is named."""

    def put(group_id: str, **covered: Any) -> None:
        policy = {"user": keys.sb.world.administrator.user_id, **covered}
        keys.do(lambda state: setattr(state.dsm.group(group_id), "approval_policy", policy))

    return put


def file(client: Any, method: str, operation: str, body: Any = None) -> Any:
    return client("POST", REQUESTS, {"method": method, "operation": operation, "body": body})


GUARDED = {name: permissions for name, (_act, permissions) in CALLS.items() if name not in ("copy", "soft-delete")}


@pytest.mark.parametrize("call", GUARDED)
def test_an_operation_needs_approval_where_the_policy_names_its_permission(keys: Any, guard: Any, call: str) -> None:
    target, act = Target(keys, MANAGED), CALLS[call][0]
    covering = sorted(GUARDED[call] - {"COPY_SOBJECTS", "EXPORT"})
    others = sorted({"ROTATE_SOBJECTS", "CREATE_SOBJECTS", "DESTROY_SOBJECTS", "GET_SOBJECTS"} - GUARDED[call])

    for group_id in (keys.local, keys.linked):
        guard(group_id, protect_permissions=covering)
    answer = act(keys, target)
    assert (answer.status, answer.text) == (403, "This operation requires approval")

    for group_id in (keys.local, keys.linked):
        guard(group_id, protect_permissions=others)
    assert act(keys, target).status < 300


def test_the_older_member_covers_all_management(keys: Any, guard: Any) -> None:
    target = Target(keys, MANAGED)
    guard(keys.linked, protect_manage_operations=True)

    assert keys.rekey(target.virtual["name"]).text == "This operation requires approval"
    assert keys.native(target.azure_name).text == "This operation requires approval"
    assert keys.create().status == 201


def test_a_policy_that_covers_no_keys_leaves_them_free(keys: Any, guard: Any) -> None:
    guard(keys.local)

    assert keys.create().status == 201


@pytest.mark.parametrize(
    ("of_source", "of_target", "wanted"),
    [
        ({"protect_crypto_operations": True}, {}, 1),
        ({}, {"protect_permissions": ["CREATE_SOBJECTS"]}, 1),
        ({"protect_crypto_operations": True}, {"protect_permissions": ["CREATE_SOBJECTS"]}, 2),
        ({"protect_manage_operations": True}, {"protect_crypto_operations": True}, 0),
    ],
)
def test_a_copy_may_need_the_approval_of_both_groups(
    keys: Any, guard: Any, of_source: Any, of_target: Any, wanted: int
) -> None:
    target = Target(keys, MANAGED)
    guard(keys.local, **of_source)
    guard(keys.linked, **of_target)

    answer = keys.copy(target.source, target.azure_name)

    assert (answer.status == 403) is (wanted > 0)
    body = {"key": {"kid": target.source["kid"]}, "group_id": keys.linked}
    filed = file(keys.caller, "POST", "/crypto/v1/keys/copy", body)
    assert filed.status == (201 if wanted else 400)
    if wanted:
        groups = {one["group"] for one in filed.json["subjects"] if "group" in one}
        assert len(groups) == wanted


def test_an_approved_copy_is_carried_out_as_the_direct_call_would_be(keys: Any, guard: Any, administrator: Any) -> None:
    target = Target(keys, MANAGED)
    guard(keys.linked, protect_permissions=["CREATE_SOBJECTS"])
    body = {
        "name": keys.names.new("c"),
        "group_id": keys.linked,
        "key": {"kid": target.source["kid"]},
        "custom_metadata": {"azure-key-name": target.azure_name},
    }
    request_id = file(keys.caller, "POST", "/crypto/v1/keys/copy", body).json["request_id"]
    assert keys.versions(target.azure_name) == []

    administrator("POST", f"{REQUESTS}/{request_id}/approve", {})

    result = keys.caller("POST", f"{REQUESTS}/{request_id}/result").json
    assert (result["status"], result["body"]["name"]) == (201, body["name"])
    assert len(keys.versions(target.azure_name)) == 1


def test_an_approved_operation_that_azure_refuses_has_failed(keys: Any, guard: Any, administrator: Any) -> None:
    target = Target(keys, MANAGED)
    guard(keys.linked, protect_permissions=["ROTATE_SOBJECTS"])
    keys.revoke("create")
    filed = file(keys.caller, "POST", "/crypto/v1/keys/rekey", {"name": target.virtual["name"]}).json

    administrator("POST", f"{REQUESTS}/{filed['request_id']}/approve", {})

    result = keys.caller("POST", f"{REQUESTS}/{filed['request_id']}/result").json
    assert result["status"] == 400
    assert "does not have keys create permission" in result["body"]


@pytest.mark.parametrize(
    ("method", "tail", "body", "permission"),
    [
        ("PATCH", "", {"enabled": False}, "UPDATE_SOBJECTS_ENABLED_STATE"),
        ("DELETE", "", None, "DELETE_SOBJECTS"),
        ("POST", "/destroy", None, "DESTROY_SOBJECTS"),
        ("POST", "/revoke", {"code": "KeyCompromise"}, "REVOKE_SOBJECTS"),
    ],
)
def test_each_operation_on_a_key_can_be_filed_and_approved(
    keys: Any, guard: Any, administrator: Any, method: str, tail: str, body: Any, permission: str
) -> None:
    source = keys.source()
    guard(keys.local, protect_permissions=[permission])

    filed = file(keys.caller, method, f"/crypto/v1/keys/{source['kid']}{tail}", body)

    assert filed.status == 201, filed.text
    found = keys.caller("GET", REQUESTS, subject=source["kid"]).json
    assert [one["request_id"] for one in found] == [filed.json["request_id"]]
    done = administrator("POST", f"{REQUESTS}/{filed.json['request_id']}/approve", {}).json
    assert done["status"] == "APPROVED"


@pytest.mark.parametrize(("setting", "kinds"), [("key+group", ["sobject", "group"]), ("key", ["sobject"])])
def test_q67_a_request_names_the_key_that_it_is_about(keys: Any, guard: Any, setting: Any, kinds: list[str]) -> None:
    source = keys.source()
    keys.sb.profile = Profile(approval_subjects=setting)
    guard(keys.local, protect_permissions=["DELETE_SOBJECTS"])

    filed = file(keys.caller, "DELETE", f"/crypto/v1/keys/{source['kid']}")

    assert [kind for subject in filed.json["subjects"] for kind in subject] == kinds
    assert filed.json["subjects"][0]["sobject"] == source["kid"]


@pytest.mark.parametrize("deed", ["schedule_deletion", "delete_key_material", "cancel_deletion"])
@pytest.mark.parametrize(("setting", "gated"), [("free", False), ("gated", True)])
def test_q67_approval_of_what_the_api_does_not_describe(
    keys: Any, guard: Any, let_pass: Any, deed: str, setting: Any, gated: bool
) -> None:
    target = Target(keys, MANAGED)
    kid = target.virtual["kid"]
    if deed != "schedule_deletion":
        keys.deed(kid, "schedule_deletion")
        let_pass(30)
    guard(keys.linked, protect_permissions=["DELETE_KEY_MATERIAL"])
    keys.sb.profile = Profile(lifecycle_gated=setting)

    filed = file(keys.caller, "POST", f"/crypto/v1/keys/{kid}/{deed}")
    answer = keys.deed(kid, deed)

    assert (filed.status, answer.status) == ((201, 403) if gated else (400, 200))


@pytest.mark.parametrize(
    ("method", "operation", "body", "status"),
    [
        ("POST", "/crypto/v1/keys/00000000-0000-4000-8000-000000000000/destroy", None, 404),
        ("POST", "/crypto/v1/keys/rekey", {"name": "nobody"}, 404),
        ("POST", "/crypto/v1/keys/rekey", [], 400),
        ("POST", "/crypto/v1/keys", {"group_id": "none"}, 400),
        ("POST", "/crypto/v1/keys/copy", {"key": {"kid": 5}}, 404),
        ("PUT", "/crypto/v1/keys", {}, 400),
        ("POST", "/crypto/v1/keys/export", {}, 400),
    ],
)
def test_a_request_for_what_is_not_there_is_refused(
    keys: Any, method: str, operation: str, body: Any, status: int
) -> None:
    assert file(keys.caller, method, operation, body).status == status
