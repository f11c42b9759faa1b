# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys in groups of DSM's own: generation, changes, rotation, states, deletion (DSM contract §4.6, §4.7)."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Profile

DAY = 86400


def stamp(keys: Any, days: float) -> str:
    return str(keys.sb.do(lambda state: state.dsm.clock.dsm_stamp_of(state.dsm.clock.now() + days * DAY)))


# Generation -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"obj_type": "RSA", "key_size": 3072}, {"obj_type": "RSA", "key_size": 3072}),
        ({"obj_type": "RSA", "key_size": None, "rsa": {"key_size": 2048}}, {"obj_type": "RSA", "key_size": 2048}),
        (
            {"obj_type": "EC", "key_size": None, "elliptic_curve": "NistP384"},
            {"obj_type": "EC", "elliptic_curve": "NistP384"},
        ),
        ({"obj_type": "AES", "key_size": 256}, {"obj_type": "AES", "key_size": 256}),
    ],
)
def test_a_generated_key_is_what_was_asked_for(keys: Any, asked: dict[str, Any], shown: dict[str, Any]) -> None:
    made = keys.created(**asked)

    assert {name: made[name] for name in shown} == shown
    assert (made["state"], made["enabled"], made["origin"]) == ("Active", True, "FortanixHSM")
    assert made["key_creation_method"] == {"method": "Generate"}
    assert made["creator"] == {"app": keys.sb.world.admin_app.app_id}
    assert keys.info(made["kid"]) == made


def test_all_operations_but_export_are_enabled_unless_some_are_named(keys: Any) -> None:
    default, named = keys.created(), keys.created(key_ops=["SIGN", "EXPORT"])

    assert {"SIGN", "WRAPKEY", "APPMANAGEABLE"} < set(default["key_ops"])
    assert not {"EXPORT", "HIGHVOLUME"} & set(default["key_ops"])
    assert default["never_exportable"] is True
    assert (named["key_ops"], named["never_exportable"]) == (["SIGN", "EXPORT"], False)
    assert named["original_key_ops"] == ["SIGN", "EXPORT"]


def test_each_generated_key_has_material_of_its_own_and_shows_the_public_half_only(keys: Any) -> None:
    first, second = keys.created(), keys.created()

    assert first["pub_key"] != second["pub_key"]
    assert "value" not in first


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"obj_type": "DES3"}, "DES3"),
        ({"obj_type": None}, "obj_type"),
        ({"key_size": 1000}, "1000"),
        ({"key_size": "2048"}, "key_size"),
        ({"key_size": None}, "key_size"),
        ({"obj_type": "EC", "elliptic_curve": "X25519"}, "X25519"),
        ({"obj_type": "EC", "elliptic_curve": "NistP256", "key_ops": ["WRAPKEY"]}, "WRAPKEY"),
        ({"key_ops": ["FLY"]}, "key_ops"),
        ({"key_ops": "SIGN"}, "key_ops"),
        ({"enabled": "yes"}, "enabled"),
        ({"name": "two\nlines"}, "name"),
        ({"name": None}, "name"),
        ({"group_id": None}, "group_id"),
        ({"group_id": "none"}, "group_id"),
        ({"value": "AAAA"}, "value"),
        ({"transient": True}, "ransient"),
        ({"custom_metadata": {"a": 1}}, "custom_metadata"),
        ({"deactivation_date": "tomorrow"}, "deactivation_date"),
        ({"deactivation_date": "20200101T000000Z"}, "future"),
        ({"activation_date": "20400101T000000Z", "deactivation_date": "20390101T000000Z"}, "after"),
        ({"rotation_policy": {"interval_days": 1, "interval_months": 1}}, "rotation_policy"),
        ({"rotation_policy": {"effective_at": "20400101T000000Z"}}, "rotation_policy"),
        ({"rotation_policy": {"interval_days": 9, "rotate_copied_keys": "some"}}, "rotate_copied_keys"),
        ({"export_policy": {"$type": "Wrapped", "allow_weakening": True}}, "export_policy"),
    ],
)
def test_what_cannot_be_made_is_refused_and_makes_nothing(keys: Any, members: dict[str, Any], word: str) -> None:
    before = keys.sb.do(lambda state: len(state.dsm.keys_in(keys.local)))

    answer = keys.create(**members)

    assert (answer.status, word in answer.text) == (400, True), answer.text
    assert keys.sb.do(lambda state: len(state.dsm.keys_in(keys.local))) == before


def test_a_name_is_unique_in_the_account_whatever_the_group(keys: Any) -> None:
    made = keys.created()

    answer = keys.create(name=made["name"], group_id=keys.linked)

    assert (answer.status, answer.text) == (409, "sobject already exists")


def test_an_unknown_group_is_not_found(keys: Any) -> None:
    assert keys.create(group_id="00000000-0000-4000-8000-000000000000").status == 404


def test_material_is_never_imported_over_the_wire(keys: Any) -> None:
    assert keys.caller("PUT", "/crypto/v1/keys", {"name": "x", "value": "AAAA"}).status == 405


# Changes --------------------------------------------------------------------------------------------------------------


def test_members_are_changed_and_all_others_stay(keys: Any) -> None:
    made, date = keys.created(description="old", custom_metadata={"a": "1"}), stamp(keys, 30)
    new = {"name": keys.names.new("k"), "description": "new", "enabled": False, "key_ops": ["SIGN"]}

    shown = keys.succeeded(keys.change(made["kid"], **new, deactivation_date=date), 200)

    assert shown == {**made, **new, "deactivation_date": date}
    assert keys.info(made["kid"]) == shown


@pytest.mark.parametrize(("setting", "left"), [("replace", {"b": "2"}), ("merge", {"a": "1", "b": "2"})])
def test_q58_metadata_that_a_change_does_not_name(keys: Any, setting: Any, left: dict[str, str]) -> None:
    keys.sb.profile = Profile(metadata_patch=setting)
    made = keys.created(custom_metadata={"a": "1"})

    keys.succeeded(keys.change(made["kid"], custom_metadata={"b": "2"}), 200)

    assert keys.info(made["kid"])["custom_metadata"] == left


def test_a_taken_name_is_not_given_again(keys: Any) -> None:
    first, second = keys.created(), keys.created()

    assert keys.change(second["kid"], name=first["name"]).status == 409
    assert keys.change(second["kid"], name=second["name"]).status == 200


def test_a_key_that_was_made_without_export_cannot_become_exportable(keys: Any) -> None:
    closed, opened = keys.created(key_ops=["SIGN"]), keys.created(key_ops=["SIGN", "EXPORT"])

    assert keys.change(closed["kid"], key_ops=["SIGN", "EXPORT"]).status == 400
    assert keys.change(opened["kid"], key_ops=["SIGN"]).status == 200
    assert keys.change(opened["kid"], key_ops=["SIGN", "EXPORT"]).status == 200


@pytest.mark.parametrize(
    ("stored", "wanted", "status"),
    [
        ({"$type": "Unrestricted", "allow_weakening": True}, {"$type": "Unrestricted", "allow_weakening": False}, 200),
        (
            {"$type": "Wrapped", "by": {"$type": "Any"}, "allow_weakening": False},
            {"$type": "Unrestricted", "allow_weakening": True},
            400,
        ),
        (
            {"$type": "Wrapped", "by": {"$type": "Only", "keys": ["a", "b"]}, "allow_weakening": False},
            {"$type": "Wrapped", "by": {"$type": "Only", "keys": ["a"]}, "allow_weakening": False},
            200,
        ),
        (
            {"$type": "Wrapped", "by": {"$type": "Only", "keys": ["a"]}, "allow_weakening": False},
            {"$type": "Wrapped", "by": {"$type": "Any"}, "allow_weakening": False},
            400,
        ),
    ],
)
def test_an_export_policy_that_may_not_be_weakened_is_made_stricter_only(
    keys: Any, stored: Any, wanted: Any, status: int
) -> None:
    made = keys.created(key_ops=["SIGN", "EXPORT"], export_policy=stored)

    assert keys.change(made["kid"], export_policy=wanted).status == status
    assert keys.info(made["kid"])["export_policy"] == (wanted if status == 200 else stored)


def test_a_rotation_policy_tells_when_the_next_rotation_is_due(keys: Any) -> None:
    later = stamp(keys, 400)
    made = keys.created(rotation_policy={"interval_days": 90})
    due = made["scheduled_rotation"]

    monthly = keys.succeeded(keys.change(made["kid"], rotation_policy={"interval_months": 12}), 200)
    started = {"interval_days": 90, "effective_at": later}
    from_then = keys.succeeded(keys.change(made["kid"], rotation_policy=started), 200)
    removed = keys.succeeded(keys.change(made["kid"], rotation_policy={}), 200)

    assert stamp(keys, 89.9) < due <= stamp(keys, 90.1)
    assert stamp(keys, 364) < monthly["scheduled_rotation"] < stamp(keys, 367)
    assert from_then["scheduled_rotation"] == later
    assert not {"rotation_policy", "scheduled_rotation"} & set(removed)


@pytest.mark.parametrize("interval", [{"interval_days": 4294967295}, {"interval_months": 4294967295}])
def test_a_rotation_is_due_in_the_year_9999_at_the_latest(keys: Any, interval: dict[str, int]) -> None:
    assert keys.created(rotation_policy=interval)["scheduled_rotation"] == "99991231T235959Z"


def test_a_key_moves_to_another_group(keys: Any, admin: Any) -> None:
    made = keys.created()
    other = admin("POST", "/sys/v1/groups", {"name": keys.names.new()}).json["group_id"]

    assert keys.change(made["kid"], group_id=other).json["group_id"] == other
    assert [key["kid"] for key in admin("GET", "/crypto/v1/keys", group_id=other).json] == [made["kid"]]
    assert keys.sb.do(lambda state: state.dsm.keys_in(keys.local)) == []


def test_a_key_does_not_move_into_a_vault(keys: Any) -> None:
    made = keys.created()

    answer = keys.change(made["kid"], group_id=keys.linked)

    assert (answer.status, "linked to an external KMS" in answer.text) == (400, True)


@pytest.mark.parametrize(("setting", "shown"), [("present", True), ("absent", False)])
def test_the_public_key_in_the_answer_to_a_write(keys: Any, setting: Any, shown: bool) -> None:
    keys.sb.profile = Profile(pub_key_after_write=setting)

    made = keys.created()

    assert ("pub_key" in made) is shown
    assert "pub_key" in keys.info(made["kid"])


# Rotation -------------------------------------------------------------------------------------------------------------


def test_the_successor_takes_the_name_and_both_are_linked(keys: Any) -> None:
    old = keys.source(description="payments", custom_metadata={"team": "a"})

    new = keys.succeeded(keys.rekey(old["name"]), 201)
    was = keys.info(old["kid"])

    assert (new["name"], new["links"]) == (old["name"], {"replaced": old["kid"]})
    assert was["name"].startswith(f"{old['name']} (rotated at 20")
    assert was["links"] == {"replacement": new["kid"]}
    assert was["state"] == "Active"
    assert new["pub_key"] != old["pub_key"]
    kept = ("key_ops", "key_size", "description", "custom_metadata", "enabled", "export_policy", "group_id")
    assert {name: new[name] for name in kept} == {name: old[name] for name in kept}


def test_a_rotation_changes_what_it_names_and_carries_the_policy_over(keys: Any) -> None:
    old = keys.created(rotation_policy={"interval_days": 10})

    new = keys.succeeded(keys.rekey(old["name"], key_size=3072, description="bigger", deactivate_rotated_key=True), 201)
    was = keys.info(old["kid"])

    assert (new["key_size"], new["description"]) == (3072, "bigger")
    assert new["rotation_policy"] == {"interval_days": 10}
    assert (was["state"], "rotation_policy" in was) == ("Deactivated", False)


def test_copies_stay_with_the_source_that_they_come_from(keys: Any) -> None:
    old = keys.source()
    copy = keys.copied(old, "unused", group_id=keys.local)

    new = keys.succeeded(keys.rekey(old["name"]), 201)

    assert keys.info(copy["kid"])["links"] == {"copiedFrom": old["kid"]}
    assert keys.info(old["kid"])["links"] == {"copiedTo": [copy["kid"]], "replacement": new["kid"]}
    assert copy["pub_key"] == old["pub_key"]


def test_a_key_is_rotated_once(keys: Any) -> None:
    old = keys.created()
    keys.rekey(old["name"])

    answer = keys.rekey(keys.info(old["kid"])["name"])

    assert answer.status == 400
    assert "rotated already" in answer.text


@pytest.mark.parametrize(("body", "status"), [({"name": "nobody"}, 404), ({}, 400), ({"name": 1}, 400)])
def test_a_rotation_names_a_key_that_is_there(keys: Any, body: Any, status: int) -> None:
    assert keys.caller("POST", "/crypto/v1/keys/rekey", body).status == status


# States ---------------------------------------------------------------------------------------------------------------


def test_dates_have_their_effect_when_their_time_has_come(keys: Any, let_pass: Any) -> None:
    made = keys.created(activation_date=stamp(keys, 1), deactivation_date=stamp(keys, 3))
    seen = [made["state"]]

    for _times in range(2):
        let_pass(2 * DAY)
        seen.append(keys.info(made["kid"])["state"])

    assert seen == ["PreActive", "Active", "Deactivated"]
    assert keys.change(made["kid"], description="late").status == 400


def test_a_key_is_activated_once(keys: Any) -> None:
    made = keys.created(state="PreActive")

    assert [keys.deed(made["kid"], "activate").status for _twice in range(2)] == [204, 400]
    assert keys.info(made["kid"])["state"] == "Active"


@pytest.mark.parametrize(
    ("code", "state", "date"),
    [
        ("KeyCompromise", "Compromised", "compromise_date"),
        ("CACompromise", "Compromised", "compromise_date"),
        ("Superseded", "Deactivated", "deactivation_date"),
    ],
)
def test_a_revoked_key_is_compromised_or_deactivated_for_good(keys: Any, code: str, state: str, date: str) -> None:
    made = keys.created()
    reason = {"code": code, "message": "why"}

    assert keys.deed(made["kid"], "revoke", reason).status == 204

    shown = keys.info(made["kid"])
    assert (shown["state"], shown["revocation_reason"], date in shown) == (state, reason, True)
    assert keys.change(made["kid"], enabled=True).status == 400
    assert keys.rekey(made["name"]).status == 400
    assert keys.deed(made["kid"], "activate").status == 400


def test_a_reason_has_to_be_one(keys: Any) -> None:
    assert keys.deed(keys.created()["kid"], "revoke", {"code": "Whim"}).status == 400


def test_a_destroyed_key_keeps_its_metadata_until_it_is_deleted(keys: Any) -> None:
    made = keys.created()

    assert keys.deed(made["kid"], "destroy").status == 204
    shown = keys.info(made["kid"])
    assert (shown["state"], "destruction_date" in shown) == ("Destroyed", True)
    assert keys.caller("POST", "/crypto/v1/keys/info", {"kid": made["kid"]}).status == 404
    assert keys.deed(made["kid"], "destroy").status == 400

    assert [keys.delete(made["kid"]).status for _twice in range(2)] == [204, 404]
    assert keys.create(name=made["name"]).status == 201


@pytest.mark.parametrize("deed", ["schedule_deletion", "delete_key_material", "cancel_deletion", "restore"])
def test_a_key_of_dsms_own_has_no_deletion_in_azure(keys: Any, deed: str) -> None:
    answer = keys.deed(keys.created()["kid"], deed)

    assert (answer.status, "external KMS" in answer.text) == (400, True)


@pytest.mark.parametrize("deed", ["destroy", "activate", "schedule_deletion"])
def test_an_unknown_key_is_not_found(keys: Any, deed: str) -> None:
    assert keys.deed("00000000-0000-4000-8000-000000000000", deed).status == 404
