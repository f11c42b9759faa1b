# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups, Azure's own rotation, and release (Azure contract §1.11)."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Profile, Sandbox
from sandbox.azure.rights.effective import DATA_ACTIONS, FURTHER_ACTIONS
from support.azure_keys import Store, refusal

DAY = 86400
EVERYTHING = (*DATA_ACTIONS, *FURTHER_ACTIONS)
ROTATE = {"lifetimeActions": [{"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "rotate"}}]}
BLANK: dict[str, Any] = {"lifetimeActions": [], "attributes": {}}


# Backups ------------------------------------------------------------------------------------------------------------


def test_a_restored_key_has_its_versions_with_their_ids_and_its_policy(vault: Store) -> None:
    vault.allow(*EVERYTHING)
    vault.send("PUT", "/keys/one/rotationpolicy", ROTATE)
    vault.do("rotate_key", "one", tags={"a": "b"})
    before = vault("/keys/one/versions").json, vault("/keys/one/rotationpolicy").json
    backup = vault.send("POST", "/keys/one/backup").json["value"]
    vault.do("delete_key", "one")
    vault.do("purge_key", "one")

    restored = vault.send("POST", "/keys/restore", {"value": backup}).json

    assert restored == vault("/keys/one").json
    assert (vault("/keys/one/versions").json, vault("/keys/one/rotationpolicy").json) == before


def test_a_backup_is_of_its_time_and_says_nothing(vault: Store) -> None:
    backup = vault.send("POST", "/keys/one/backup").json["value"]
    number = vault("/keys/one").json["key"]["n"]
    vault.do("rotate_key", "one")
    vault.do("delete_key", "one")
    vault.do("purge_key", "one")

    restored = vault.send("POST", "/keys/restore", {"value": backup}).json

    assert number not in backup
    assert restored["key"]["n"] == number
    assert len(vault("/keys/one/versions").json["value"]) == 1


@pytest.mark.parametrize(("deed", "inner"), [(None, None), ("delete_key", "ObjectIsDeletedButRecoverable")])
def test_a_backup_needs_a_free_name(vault: Store, deed: str | None, inner: str | None) -> None:
    backup = vault.send("POST", "/keys/one/backup").json["value"]
    if deed:
        vault.do(deed, "one")

    assert refusal(vault.send("POST", "/keys/restore", {"value": backup})) == (409, "Conflict", inner)


def test_the_name_of_a_key_that_was_just_purged_is_not_free_yet(sb: Sandbox, vault: Store) -> None:
    backup = vault.send("POST", "/keys/one/backup").json["value"]
    vault.do("delete_key", "one")
    vault.send("DELETE", "/deletedkeys/one")

    refused = vault.send("POST", "/keys/restore", {"value": backup})
    sb.clock.advance(2)

    assert refusal(refused) == (409, "Conflict", "ObjectIsBeingDeleted")
    assert vault.send("POST", "/keys/restore", {"value": backup}).status == 200


@pytest.mark.parametrize(("location", "status"), [("northeurope", 200), ("eastus", 400)])
def test_a_backup_is_restored_in_the_same_geography_only(vault: Store, location: str, status: int) -> None:
    backup = vault.send("POST", "/keys/one/backup").json["value"]
    vault.do("delete_key", "one")
    vault.do("purge_key", "one")
    vault.change(location=location)

    answer = vault.send("POST", "/keys/restore", {"value": backup})

    assert answer.status == status
    if status == 400:
        assert answer.json["error"]["message"] == "Cannot decrypt backup blob."


def test_hsm_keys_are_not_restored_in_a_standard_vault(vault: Store) -> None:
    backup = vault.send("POST", "/keys/two/backup").json["value"]
    vault.do("delete_key", "two")
    vault.do("purge_key", "two")
    vault.change(sku="standard")

    answer = vault.send("POST", "/keys/restore", {"value": backup})

    assert answer.json["error"]["message"] == "Hardware key operation not allowed on standard vault"


def test_a_backup_of_a_vault_is_not_restored_in_a_pool(vault: Store, hsm: Store) -> None:
    backup = vault.send("POST", "/keys/one/backup").json["value"]

    assert refusal(hsm.send("POST", "/keys/restore", {"value": backup})) == (400, "BadParameter", None)


@pytest.mark.parametrize("value", ["AAAA", "no base64!", "x" * 5, "ümlaut"])
def test_what_is_no_backup_is_malformed(vault: Store, value: str) -> None:
    assert refusal(vault.send("POST", "/keys/restore", {"value": value})) == (400, "Malformed backup blob", None)


def test_a_restore_without_value_and_a_backup_of_nothing_are_refused(vault: Store) -> None:
    assert vault.send("POST", "/keys/restore", {}).status == 400
    assert refusal(vault.send("POST", "/keys/none/backup")) == (404, "KeyNotFound", None)


def test_a_key_with_too_many_versions_is_not_backed_up(vault: Store) -> None:
    vault.estate.do(lambda azure: [azure.rotate_key(vault.name, "two") for _number in range(500)])

    answer = vault.send("POST", "/keys/two/backup")

    assert refusal(answer) == (400, "BadParameter", None)
    assert "500 versions" in answer.text


# Rotation policies --------------------------------------------------------------------------------------------------


def test_a_vault_adds_a_notification_to_a_rotation_policy_and_keeps_the_date_on_which_it_was_made(
    sb: Sandbox, vault: Store
) -> None:
    vault.allow(*EVERYTHING)
    first = vault.send("PUT", "/keys/one/rotationpolicy", {**ROTATE, "attributes": {"expiryTime": "P1Y"}}).json
    sb.clock.advance(5)

    second = vault.send("PUT", "/keys/one/rotationpolicy", BLANK).json

    assert [action["action"]["type"] for action in first["lifetimeActions"]] == ["Rotate", "Notify"]
    assert (first["id"], first["attributes"]["expiryTime"]) == (f"{vault.uri}keys/one/rotationpolicy", "P1Y")
    assert [action["action"]["type"] for action in second["lifetimeActions"]] == ["Notify"]
    assert second["attributes"]["created"] == first["attributes"]["created"]
    assert second["attributes"]["updated"] >= first["attributes"]["updated"] + 5
    assert vault("/keys/one/rotationpolicy").json == second


def action(kind: str = "Rotate", **trigger: str) -> dict[str, Any]:
    return {"trigger": trigger, "action": {"type": kind}}


@pytest.mark.parametrize(
    ("actions", "expiry"),
    [
        ([action(timeAfterCreate="P6D")], None),
        ([action(timeAfterCreate="P90D")], "P27D"),
        ([action(timeAfterCreate="P90D")], "P93D"),
        ([action(timeBeforeExpiry="P30D")], None),
        ([action(timeBeforeExpiry="P6D")], "P90D"),
        ([action(timeBeforeExpiry="P30D", timeAfterCreate="P30D")], "P90D"),
        ([action()], None),
        ([action("Notify", timeAfterCreate="P30D")], "P90D"),
        ([action("Delete", timeAfterCreate="P30D")], None),
        ([action(timeAfterCreate="30 days")], None),
        ([action(timeAfterCreate="P")], None),
        ([action(timeAfterCreate="P90D"), action(timeAfterCreate="P91D")], None),
        ([{"action": {"type": "Rotate"}}], None),
    ],
)
def test_what_a_rotation_policy_of_a_vault_may_not_say(vault: Store, actions: list[Any], expiry: str | None) -> None:
    vault.allow(*EVERYTHING)
    policy = {"lifetimeActions": actions, "attributes": {"expiryTime": expiry}}

    answer = vault.send("PUT", "/keys/one/rotationpolicy", policy)

    assert refusal(answer) == (400, "BadParameter", None)
    assert "id" not in vault("/keys/one/rotationpolicy").json


@pytest.mark.parametrize("actions", [[action(timeAfterCreate="P27D")], [action("Notify", timeBeforeExpiry="P30D")]])
def test_a_pool_rotates_every_28_days_at_most_and_notifies_nobody(hsm: Store, actions: list[Any]) -> None:
    policy = {"lifetimeActions": actions, "attributes": {"expiryTime": "P1Y"}}

    assert refusal(hsm.send("PUT", "/keys/seal/rotationpolicy", policy)) == (400, "BadParameter", None)


def test_a_blank_policy_removes_the_policy_of_a_pool(hsm: Store) -> None:
    made = hsm.send("PUT", "/keys/seal/rotationpolicy", ROTATE).json

    removed = hsm.send("PUT", "/keys/seal/rotationpolicy", BLANK).json

    assert [action["action"]["type"] for action in made["lifetimeActions"]] == ["rotate"]
    assert "id" not in removed
    assert "id" not in hsm("/keys/seal/rotationpolicy").json


# Rotation -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "tags"), [("kept", {"a": "b"}), ("dropped", None)])
def test_a_rotation_makes_a_version_of_the_same_kind_that_expires_as_the_policy_says(
    sb: Sandbox, vault: Store, setting: Any, tags: Any
) -> None:
    sb.profile = Profile(rotated_tags=setting)
    vault.allow(*EVERYTHING)
    vault.do("add_key", "big", "RSA-HSM", 3072, tags={"a": "b"}, key_ops=["wrapKey"], enabled=False, hsm_platform="1")
    vault.send("PUT", "/keys/big/rotationpolicy", {**ROTATE, "attributes": {"expiryTime": "P180D"}})
    before = vault("/keys/big").json

    made = vault.send("POST", "/keys/big/rotate").json

    assert made["key"]["n"] != before["key"]["n"]
    assert len(made["key"]["n"]) == len(before["key"]["n"])
    assert (made["key"]["key_ops"], made["key"]["kty"], made.get("tags")) == (["wrapKey"], "RSA-HSM", tags)
    assert made["attributes"]["exp"] - made["attributes"]["created"] == 180 * DAY
    assert (made["attributes"]["enabled"], made["attributes"]["hsmPlatform"]) == (True, "2")
    assert vault("/keys/big").json == made
    old = vault(f"/keys/big/{before['key']['kid'].rpartition('/')[2]}").json
    assert old["attributes"]["hsmPlatform"] == "1"


def test_a_vault_rotates_a_key_without_policy_and_counts_it_as_a_new_one(vault: Store) -> None:
    vault.allow(*EVERYTHING)

    statuses = [vault.send("POST", "/keys/two/rotate").status for _number in range(11)]

    assert statuses == [200] * 10 + [429]
    assert "exp" not in vault("/keys/two").json["attributes"]


def test_a_pool_rotates_no_key_without_policy(hsm: Store) -> None:
    refused = hsm.send("POST", "/keys/seal/rotate")
    hsm.send("PUT", "/keys/seal/rotationpolicy", ROTATE)

    assert refusal(refused) == (400, "BadParameter", None)
    assert hsm.send("POST", "/keys/seal/rotate").status == 200
    assert len(hsm("/keys/seal/versions").json["value"]) == 2


@pytest.mark.parametrize("request_of", [("POST", "/keys/seal/rotate"), ("PUT", "/keys/seal/rotationpolicy")])
def test_q63_a_pool_may_not_know_rotation(sb: Sandbox, hsm: Store, request_of: tuple[str, str]) -> None:
    sb.profile = Profile(hsm_rotation="400")

    assert refusal(hsm.send(*request_of, ROTATE)) == (400, "NotSupported", None)


def test_before_there_were_rotations_nothing_is_at_their_paths(vault: Store) -> None:
    vault.allow(*EVERYTHING)

    assert vault.send("POST", "/keys/one/rotate", version="7.2").status == 404
    assert vault.send("PUT", "/keys/one/rotationpolicy", ROTATE, version="7.2").status == 404


# Release ------------------------------------------------------------------------------------------------------------


def test_nobody_gets_a_key_released(vault: Store) -> None:
    vault.allow(*EVERYTHING)
    vault.do("rotate_key", "two", exportable=True)
    versions = [item["kid"].rpartition("/")[2] for item in vault("/keys/two/versions").json["value"]]

    answers = [vault.send("POST", f"/keys/two/{version}/release", {"target": "x"}) for version in versions]

    assert [answer.status for answer in answers] == [400, 403]


# Who may ------------------------------------------------------------------------------------------------------------

REQUESTS = {
    "backup": ("POST", "/keys/one/backup", None),
    "restore": ("POST", "/keys/restore", {"value": "AAAA"}),
    "rotate": ("POST", "/keys/one/rotate", None),
    "setrotationpolicy": ("PUT", "/keys/one/rotationpolicy", ROTATE),
    "release": ("POST", "/keys/one/0123456789abcdef0123456789abcdef/release", {}),
}


@pytest.mark.parametrize("permission", REQUESTS)
def test_each_copy_and_rotation_needs_its_own_permission(vault: Store, permission: str) -> None:
    vault.allow(*(set(EVERYTHING) - {permission}))
    refused = vault.send(*REQUESTS[permission])
    vault.allow(permission)

    inner = "ForbiddenByPolicy" if permission in FURTHER_ACTIONS else "AccessDenied"
    assert refusal(refused) == (403, "Forbidden", inner)
    assert f"does not have keys {permission} permission" in refused.text
    assert vault.send(*REQUESTS[permission]).status != 403


def test_neither_the_guides_ten_nor_all_include_rotation(vault: Store) -> None:
    vault.allow(*DATA_ACTIONS)
    ten = vault.send("POST", "/keys/one/rotate").status
    vault.allow("all")

    assert (ten, vault.send("POST", "/keys/one/rotate").status) == (403, 403)


@pytest.mark.parametrize(
    ("role", "statuses"), [("Key Vault Crypto User", (403, 403)), ("Key Vault Crypto Officer", (200, 200))]
)
def test_in_an_rbac_vault_the_crypto_officer_rotates(
    vault_of: Any, make_estate: Any, role: str, statuses: tuple[int, int]
) -> None:
    estate = make_estate(rbac=True)
    estate.do(lambda azure: azure.assign_role(estate.client_id, estate.vault, role))
    vault = vault_of(estate)

    found = (
        vault.send("POST", "/keys/one/rotate").status,
        vault.send("PUT", "/keys/one/rotationpolicy", ROTATE).status,
    )

    assert found == statuses
