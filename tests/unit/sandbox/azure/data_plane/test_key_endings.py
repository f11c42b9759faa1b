# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of keys: soft delete with its clock, recovery, purge, what is refused meanwhile (Azure contract §1.11)."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Profile, Sandbox
from sandbox.azure.rights import local_roles
from sandbox.azure.rights.effective import DATA_ACTIONS
from support.azure_keys import Store, refusal

DAY = 86400
OFFICER = local_roles.CRYPTO_OFFICER


@pytest.fixture
def patient(sb: Sandbox) -> Any:
    """Wait, by the sandbox's clock, until the vault is done."""
    return lambda seconds=2.0: sb.clock.advance(seconds)


# Deleted and recovered ----------------------------------------------------------------------------------------------


def test_a_deleted_key_tells_its_dates_and_all_versions_are_gone(vault: Store, patient: Any) -> None:
    vault.change(retention_days=7)
    vault.do("rotate_key", "one")

    answer = vault.send("DELETE", "/keys/one").json
    patient()

    assert answer["scheduledPurgeDate"] - answer["deletedDate"] == 7 * DAY
    assert answer["recoveryId"] == f"{vault.uri}deletedkeys/one"
    assert answer["attributes"]["recoveryLevel"] == "CustomizedRecoverable+Purgeable"
    assert vault("/deletedkeys/one").json == answer
    assert vault("/keys/one").status == vault("/keys/one/versions").status == 404
    assert [item["recoveryId"] for item in vault("/deletedkeys").json["value"]] == [answer["recoveryId"]]


def test_a_recovered_key_is_what_it_was(vault: Store, patient: Any) -> None:
    vault.do("rotate_key", "one", tags={"a": "b"})
    before = vault("/keys/one/versions").json, vault("/keys/one").json
    vault.send("DELETE", "/keys/one")
    patient()

    answer = vault.send("POST", "/deletedkeys/one/recover").json
    patient()

    assert answer == before[1]
    assert (vault("/keys/one/versions").json, vault("/keys/one").json) == before
    assert vault("/deletedkeys/one").status == 404


def test_a_deleted_key_is_purged_by_itself_when_its_date_has_passed(sb: Sandbox, vault: Store) -> None:
    vault.change(purge_protection=True)
    due = vault.send("DELETE", "/keys/one").json["scheduledPurgeDate"] - 90 * DAY + 5
    vault.estate.do(lambda azure: setattr(azure.store(vault.name).deleted_keys["one"], "purge_due", due))
    sb.clock.advance(3)
    assert vault("/deletedkeys/one").json["scheduledPurgeDate"] == due

    sb.clock.advance(3)

    assert vault("/deletedkeys/one").status == 404
    assert refusal(vault.send("POST", "/deletedkeys/one/recover")) == (404, "KeyNotFound", None)
    assert vault.send("POST", "/keys/one/create", {"kty": "RSA"}).status == 200


def test_a_vault_without_soft_delete_removes_a_key_for_good(vault: Store) -> None:
    vault.change(soft_delete=False)

    answer = vault.send("DELETE", "/keys/one")

    assert (answer.status, "recoveryId" in answer.json) == (200, False)
    assert refusal(vault.send("POST", "/deletedkeys/one/recover")) == (400, "NotSupported", None)
    assert refusal(vault.send("DELETE", "/deletedkeys/one")) == (400, "NotSupported", None)
    assert vault.send("POST", "/keys/one/create", {"kty": "RSA"}).status == 200


@pytest.mark.parametrize(
    "request_of",
    [("POST", "/keys/one/create", {"kty": "RSA"}), ("PUT", "/keys/ONE", {"key": {"kty": "RSA"}})],
)
def test_the_name_of_a_deleted_key_is_taken(vault: Store, patient: Any, request_of: tuple[str, str, Any]) -> None:
    method, path, body = request_of
    if method == "PUT":
        body = {"key": {**vault("/keys/one").json["key"], "d": "AQ"}}
    vault.send("DELETE", "/keys/one")
    patient()

    answer = vault.send(method, path, body)

    assert refusal(answer) == (409, "Conflict", "ObjectIsDeletedButRecoverable")
    assert "the key can only be recovered or purged" in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/keys/none"), ("DELETE", "/deletedkeys/none"), ("POST", "/deletedkeys/none/recover")],
)
def test_what_does_not_exist_is_not_found(vault: Store, method: str, path: str) -> None:
    assert refusal(vault.send(method, path)) == (404, "KeyNotFound", None)


# Purged -------------------------------------------------------------------------------------------------------------


def test_a_purged_key_is_gone_and_its_name_is_free(vault: Store, patient: Any) -> None:
    vault.send("DELETE", "/keys/one")
    patient()

    answer = vault.send("DELETE", "/deletedkeys/one")
    patient()

    assert (answer.status, answer.body) == (204, b"")
    assert vault("/deletedkeys").json["value"] == []
    made = vault.send("POST", "/keys/one/create", {"kty": "EC"}).json
    assert len(vault("/keys/one/versions").json["value"]) == 1
    assert made["key"]["kty"] == "EC"


@pytest.mark.parametrize("member", ["purge_protection", "protected_subscription"])
def test_a_protected_key_is_not_purged_before_its_date(vault: Store, patient: Any, member: str) -> None:
    vault.change(**{member: True})
    vault.send("DELETE", "/keys/one")
    patient()

    answer = vault.send("DELETE", "/deletedkeys/one")

    assert refusal(answer) == (403, "Forbidden", None)
    assert 'Operation "purge" is not allowed because purge protection is enabled' in answer.json["error"]["message"]
    assert "Purgeable" not in vault("/deletedkeys/one").json["attributes"]["recoveryLevel"]


def test_keys_of_a_pool_are_protected_as_the_pool_is(hsm: Store, patient: Any) -> None:
    hsm.estate.do(lambda azure: azure.assign_local_role(hsm.name, hsm.estate.client_id, OFFICER))
    hsm.send("DELETE", "/keys/seal")
    patient()
    refused = hsm.send("DELETE", "/deletedkeys/seal")
    hsm.change(purge_protection=False)

    assert refusal(refused) == (403, "Forbidden", None)
    assert hsm.send("DELETE", "/deletedkeys/seal").status == 204


# Meanwhile ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [2, 20])
def test_a_key_that_is_being_deleted_is_in_neither_list_and_nothing_can_be_done_with_it(
    sb: Sandbox, vault: Store, seconds: Any
) -> None:
    sb.profile = Profile(key_transition=seconds)
    vault.send("DELETE", "/keys/one")
    sb.clock.advance(seconds - 1)

    assert vault("/keys/one").status == vault("/deletedkeys/one").status == 404
    assert vault("/deletedkeys").json["value"] == []
    for method, path in (("DELETE", "/deletedkeys/one"), ("POST", "/deletedkeys/one/recover")):
        busy = vault.send(method, path)
        assert refusal(busy) == (409, "Conflict", "ObjectIsBeingDeleted")
        assert busy.json["error"]["message"] == "Key is currently being deleted."
    taken = vault.send("POST", "/keys/one/create", {"kty": "RSA"})
    assert refusal(taken) == (409, "Conflict", "ObjectIsBeingDeleted")
    assert "is currently being deleted and cannot be re-created; retry later." in taken.text
    sb.clock.advance(1)
    assert vault.send("DELETE", "/deletedkeys/one").status == 204


@pytest.mark.parametrize("seconds", [2, 20])
def test_a_key_that_is_being_recovered_can_be_read_before_its_name_is_free(
    sb: Sandbox, vault: Store, seconds: Any
) -> None:
    vault.do("delete_key", "one")
    sb.profile = Profile(key_transition=seconds)
    vault.send("POST", "/deletedkeys/one/recover")

    assert vault("/keys/one").status == vault("/deletedkeys/one").status == 404
    assert [item["kid"] for item in vault("/keys").json["value"]] == [f"{vault.uri}keys/two"]
    sb.clock.advance(seconds - 0.9)
    assert vault("/keys/one").status == 200
    assert refusal(vault.send("DELETE", "/keys/one")) == (409, "Conflict", "ObjectIsBeingRecovered")
    taken = vault.send("POST", "/keys/one/create", {"kty": "RSA"})
    assert refusal(taken) == (409, "Conflict", "ObjectIsBeingRecovered")
    assert "is currently being recovered and cannot be re-created; retry later." in taken.text
    sb.clock.advance(1)
    assert vault.send("POST", "/keys/one/create", {"kty": "RSA"}).status == 200


@pytest.mark.parametrize(("setting", "lasts"), [(2, 2), (20, 5)])
def test_the_name_of_a_purged_key_is_taken_a_little_longer(sb: Sandbox, vault: Store, setting: Any, lasts: int) -> None:
    vault.do("delete_key", "one")
    sb.profile = Profile(key_transition=setting)
    vault.send("DELETE", "/deletedkeys/one")
    sb.clock.advance(lasts - 1)

    taken = vault.send("POST", "/keys/one/create", {"kty": "RSA"})

    assert refusal(taken) == (409, "Conflict", "ObjectIsBeingDeleted")
    assert vault("/deletedkeys/one").status == 404
    sb.clock.advance(1)
    assert vault.send("POST", "/keys/one/create", {"kty": "RSA"}).status == 200


def test_what_a_stranger_does_is_done_at_once(vault: Store) -> None:
    vault.send("DELETE", "/keys/one")
    vault.do("purge_key", "one")
    vault.do("add_key", "one")
    vault.send("DELETE", "/keys/two")
    vault.do("recover_key", "two")

    assert vault("/keys/one").status == vault("/keys/two").status == 200


def test_a_vault_may_be_done_at_once(sb: Sandbox, vault: Store) -> None:
    sb.profile = Profile(key_transition=0)
    steps = [("DELETE", "/keys/one"), ("POST", "/deletedkeys/one/recover"), ("DELETE", "/keys/one")]

    statuses = [vault.send(method, path).status for method, path in [*steps, ("DELETE", "/deletedkeys/one")]]

    assert statuses == [200, 200, 200, 204]


# Who may ------------------------------------------------------------------------------------------------------------

ENDINGS = {
    "delete": ("DELETE", "/keys/one", 200),
    "recover": ("POST", "/deletedkeys/gone/recover", 200),
    "purge": ("DELETE", "/deletedkeys/gone", 204),
}


@pytest.mark.parametrize("permission", ENDINGS)
def test_each_end_needs_its_own_permission(vault: Store, permission: str) -> None:
    method, path, status = ENDINGS[permission]
    vault.do("add_key", "gone")
    vault.do("delete_key", "gone")
    vault.allow(*(set(DATA_ACTIONS) - {permission}))
    refused = vault.send(method, path)
    vault.allow(permission)

    assert refusal(refused) == (403, "Forbidden", "AccessDenied")
    assert vault.send(method, path).status == status


def test_all_does_not_include_purge(vault: Store) -> None:
    vault.do("delete_key", "one")
    vault.allow("all")

    assert vault.send("DELETE", "/deletedkeys/one").status == 403
    assert vault.send("POST", "/deletedkeys/one/recover").status == 200


def test_the_crypto_user_of_a_pool_deletes_and_only_the_officer_recovers(hsm: Store, patient: Any) -> None:
    deleted = hsm.send("DELETE", "/keys/seal")
    patient()
    refused = hsm.send("POST", "/deletedkeys/seal/recover")
    hsm.estate.do(lambda azure: azure.assign_local_role(hsm.name, hsm.estate.client_id, OFFICER))

    assert (deleted.status, refusal(refused)) == (200, (403, "AccessDenied", None))
    assert "deletedKeys/recover/action" in refused.text
    assert hsm.send("POST", "/deletedkeys/seal/recover").status == 200
