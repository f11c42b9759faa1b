# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`accessPolicies/add`, `replace` and `remove` of the sandbox's Resource Manager (Azure contract §1.3)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from sandbox.azure.rights.roles import PermissionSet
from support.arm_lab import code_of

VERSION = "2026-02-01"
STRANGER = str(uuid4())


def entry(arm: Any, keys: list[str], **changes: Any) -> dict[str, Any]:
    return {"tenantId": arm.estate.tenant_id, "objectId": arm.app_oid, "permissions": {"keys": keys}, **changes}


def write(arm: Any, operation: str, *entries: dict[str, Any], caller: Any = None) -> Any:
    body = {"properties": {"accessPolicies": list(entries)}}
    return (caller or arm.operator)("PUT", f"{arm.vault}/accessPolicies/{operation}", body, VERSION)


def held(arm: Any) -> dict[str, list[str]]:
    """Object id -> key permissions, of all entries of the vault."""
    shown = arm.operator("GET", arm.vault, version=VERSION).json["properties"]["accessPolicies"]
    return {policy["objectId"]: policy["permissions"]["keys"] for policy in shown}


@pytest.fixture
def shared(arm: Any) -> Any:
    """The lab whose vault has entries of the application (get, List) and of a stranger (all)."""

    def build(azure: Any) -> None:
        azure.set_access_policy(arm.estate.vault, arm.estate.client_id, ["get", "List"])
        azure.add_access_policy(arm.estate.vault, STRANGER, ["all"])

    arm.do(build)
    return arm


@pytest.mark.parametrize(
    ("operation", "keys", "expected"),
    [
        ("add", ["list", "Purge"], ["get", "List", "Purge"]),
        ("replace", ["purge"], ["purge"]),
        ("remove", ["GET"], ["List"]),
        ("remove", ["purge"], ["get", "List"]),
        ("remove", ["get", "list"], None),
    ],
)
def test_an_operation_changes_the_named_identity_only(
    shared: Any, operation: str, keys: list[str], expected: list[str] | None
) -> None:
    write(shared, operation, entry(shared, keys, objectId=shared.app_oid.upper()))

    by_id = {oid.lower(): names for oid, names in held(shared).items()}
    assert by_id == {STRANGER: ["all"], **({shared.app_oid: expected} if expected else {})}


def test_adding_keeps_permissions_to_other_objects(shared: Any) -> None:
    secrets = {"keys": [], "secrets": ["get"], "certificates": ["list"], "storage": ["set"]}
    write(shared, "add", entry(shared, [], permissions=secrets))

    (shown,) = [
        policy
        for policy in write(shared, "add", entry(shared, ["purge"])).json["properties"]["accessPolicies"]
        if policy["objectId"] == shared.app_oid
    ]

    assert shown["permissions"] == {**secrets, "keys": ["get", "List", "purge"]}


def test_a_compound_identity_is_another_one(shared: Any) -> None:
    write(shared, "add", entry(shared, ["purge"], applicationId=str(uuid4())))

    shown = shared.operator("GET", shared.vault, version=VERSION).json["properties"]["accessPolicies"]
    assert [policy["permissions"]["keys"] for policy in shown if policy["objectId"] == shared.app_oid] == [
        ["get", "List"],
        ["purge"],
    ]


@pytest.mark.parametrize(("other", "status"), [(False, 200), (True, 201)])
def test_the_status_tells_whether_an_entry_is_new(shared: Any, other: bool, status: int) -> None:
    changes = {"objectId": str(uuid4())} if other else {}

    assert write(shared, "add", entry(shared, ["get"], **changes)).status == status


def test_what_was_added_is_in_force(arm: Any) -> None:
    arm.do(lambda azure: azure.set_access_policy(arm.estate.vault, arm.estate.client_id, []))
    before = arm.refused()

    write(arm, "add", entry(arm, ["LIST"]))

    assert (before, arm.refused()) == ("AccessDenied", None)


def test_what_was_added_to_an_rbac_vault_is_not(lab: Any) -> None:
    arm = lab(rbac=True)

    assert write(arm, "add", entry(arm, ["list"])).status == 200
    assert arm.refused() == "ForbiddenByRbac"


def test_a_key_vault_contributor_can_grant_itself_everything(arm: Any) -> None:
    assert write(arm, "add", entry(arm, ["all", "purge"]), caller=arm.app).status == 200


def test_writing_policies_needs_the_right(arm: Any) -> None:
    _oid, reader = arm.another("Reader")

    assert code_of(write(arm, "add", entry(arm, ["get"]), caller=reader)) == (403, "AuthorizationFailed")


def test_the_narrow_action_suffices(arm: Any) -> None:
    action = PermissionSet(actions=("Microsoft.KeyVault/vaults/accessPolicies/write",))
    guid = arm.do(
        lambda azure: azure.add_custom_role(arm.estate.tenant_id, f"r-{uuid4()}", action, scopes=[arm.subscription])
    )
    _oid, caller = arm.another(guid)

    assert write(arm, "add", entry(arm, ["get"]), caller=caller).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"permissions": {"keys": ["fly"]}},
        {"permissions": {"secrets": ["wrapKey"]}},
        {"permissions": None},
        {"objectId": "no-guid"},
        {"tenantId": None},
    ],
)
def test_an_entry_is_refused_for_what_is_wrong(arm: Any, changes: dict[str, Any]) -> None:
    assert code_of(write(arm, "add", entry(arm, ["get"], **changes))) == (400, "BadRequest")


def test_an_unknown_operation_is_refused(arm: Any) -> None:
    assert code_of(write(arm, "append", entry(arm, ["get"]))) == (400, "BadRequest")


def test_a_vault_that_is_not_there_has_no_policies(arm: Any) -> None:
    path = f"{arm.vault}x/accessPolicies/add"

    answer = arm.operator("PUT", path, {"properties": {"accessPolicies": [entry(arm, ["get"])]}}, VERSION)

    assert code_of(answer) == (404, "ResourceNotFound")
