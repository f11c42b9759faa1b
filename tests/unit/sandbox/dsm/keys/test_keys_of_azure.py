# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that DSM makes in a vault: generation, copies, rotation, changes, over the link (DSM contract §4.8)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox import Fault, Profile
from sandbox.custody.public_keys import jwk_of


def seconds(text: str) -> int:
    return int(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp())


@pytest.fixture
def name(keys: Any) -> str:
    """A name that the vault does not have."""
    return str(keys.names.new("azure"))


# Native creation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "kty"),
    [
        ({"key_size": 3072}, "RSA"),
        ({"key_size": 4096, "custom_metadata": {"azure-key-type": "hardware"}}, "RSA-HSM"),
        ({"obj_type": "EC", "key_size": None, "elliptic_curve": "SecP256K1"}, "EC"),
    ],
)
def test_a_native_key_is_made_in_azure_and_recorded_in_dsm(keys: Any, name: str, asked: Any, kty: str) -> None:
    made = keys.succeeded(keys.native(name, key_ops=["SIGN", "VERIFY"], **asked), 201)

    (version,) = keys.versions(name)
    assert (version.kty, version.key_ops) == (kty, ["sign", "verify"])
    assert made["external"]["id"]["label"] == name
    assert made["external"]["id"]["version"].replace("-", "") == version.version
    assert (made["origin"], made["state"], made["key_ops"]) == ("External", "Active", ["SIGN", "VERIFY"])
    assert made["custom_metadata"]["azure-key-state"] == "created"
    assert made["custom_metadata"].get("azure-key-type") == ("hardware" if kty.endswith("-HSM") else None)
    assert jwk_of(made["pub_key"]).items() <= version.material.items()
    assert "links" not in made


def test_azures_own_refusal_is_handed_on(keys: Any, name: str) -> None:
    keys.estate.do(lambda cloud: setattr(cloud.vault(keys.estate.vault), "sku", "standard"))

    answer = keys.native(name, custom_metadata={"azure-key-type": "hardware"})

    assert answer.status == 400
    assert "BadParameter: Hardware key operation not allowed on standard vault" in answer.text
    assert keys.records(name) == []


@pytest.mark.parametrize(("members", "word"), [({"obj_type": "AES", "key_size": 256}, "AES"), ({"key_size": 8192}, "")])
def test_what_azure_does_not_hold_is_not_made(keys: Any, name: str, members: Any, word: str) -> None:
    answer = keys.native(name, **members)

    assert (answer.status, word in answer.text) == (400, True)
    assert keys.versions(name) == []


def test_a_key_without_a_name_for_azure_is_refused(keys: Any) -> None:
    answer = keys.create(group_id=keys.linked)

    assert (answer.status, "azure-key-name" in answer.text) == (400, True)


@pytest.mark.parametrize(("setting", "status", "versions"), [("version", 201, 2), ("409", 409, 1)])
def test_q66_native_creation_on_a_name_that_azure_has(keys: Any, setting: Any, status: int, versions: int) -> None:
    keys.sb.profile = Profile(create_on_existing=setting)

    assert keys.native("one").status == status

    assert len(keys.versions("one")) == versions


def test_a_group_without_a_vault_takes_no_keys(keys: Any, admin: Any, name: str) -> None:
    body = {"name": keys.names.new(), "add_hmg": [keys.estate.link(url="")]}
    group = admin("POST", "/sys/v1/groups", body).json["group_id"]

    answer = keys.native(name, group_id=group)

    assert (answer.status, "No key vault has been chosen" in answer.text) == (400, True)


# Copies ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked", [{"key_size": 2048}, {"obj_type": "EC", "key_size": None, "elliptic_curve": "NistP521"}]
)
@pytest.mark.parametrize(("metadata", "suffix"), [({}, ""), ({"azure-key-type": "hardware"}, "-HSM")])
def test_a_copy_has_the_public_key_of_its_source_on_both_planes(
    keys: Any, name: str, asked: Any, metadata: Any, suffix: str
) -> None:
    operations = ["SIGN", "VERIFY", "EXPORT", "APPMANAGEABLE"]
    source = keys.source(**asked, key_ops=operations)

    copy = keys.copied(source, name, custom_metadata=metadata)

    (version,) = keys.versions(name)
    assert version.kty == source["obj_type"] + suffix
    assert version.material == jwk_of(source["pub_key"])
    assert version.key_ops == ["sign", "verify"]
    assert copy["pub_key"] == source["pub_key"]
    assert copy["key_ops"] == ["SIGN", "VERIFY", "APPMANAGEABLE"]
    assert copy["links"] == {"copiedFrom": source["kid"]}
    assert keys.info(source["kid"])["links"] == {"copiedTo": [copy["kid"]]}
    keys.scan()
    assert keys.records(name) == [keys.info(copy["kid"])]


def test_no_private_number_is_kept_or_told(keys: Any, name: str) -> None:
    source = keys.source()

    copy = keys.copied(source, name)

    assert not {"d", "dp", "dq", "qi", "p", "q"} & set(keys.versions(name)[0].material)
    assert "value" not in copy
    assert "value" not in keys.info(copy["kid"])


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"key_ops": ["SIGN", "VERIFY"]}, "not exportable"),
        ({"obj_type": "AES", "key_size": 256, "key_ops": ["ENCRYPT", "EXPORT"]}, "AES"),
        ({"key_size": 1024}, "size or curve"),
        ({"state": "PreActive"}, "PreActive"),
        ({"enabled": False}, "disabled"),
    ],
)
def test_a_source_that_cannot_leave_dsm_is_not_copied(keys: Any, name: str, members: Any, word: str) -> None:
    answer = keys.copy(keys.source(**members), name)

    assert (answer.status, word in answer.text) == (400, True), answer.text
    assert keys.versions(name) == []


def test_a_virtual_key_is_no_source(keys: Any, name: str) -> None:
    answer = keys.copy(keys.succeeded(keys.native(name), 201), name + "-2")

    assert (answer.status, "virtual key" in answer.text) == (400, True)


@pytest.mark.parametrize(("setting", "status"), [("refused", 400), ("allowed", 201)])
def test_q54_a_source_that_may_leave_wrapped_only(keys: Any, name: str, setting: Any, status: int) -> None:
    keys.sb.profile = Profile(copy_wrapped_only=setting)
    policy = {"$type": "Wrapped", "by": {"$type": "Any"}, "allow_weakening": False}

    assert keys.copy(keys.source(export_policy=policy), name).status == status


def test_a_source_is_found_by_its_name_too(keys: Any, name: str) -> None:
    source = keys.source()

    copy = keys.copied(source, name, key={"name": source["name"]})

    assert copy["links"] == {"copiedFrom": source["kid"]}


@pytest.mark.parametrize(("store", "kty"), [("vault", "RSA"), ("pool", "RSA-HSM")])
def test_in_each_cloud_a_copy_reaches_the_vault_and_the_managed_hsm(
    elsewhere: Any, name: str, store: str, kty: str
) -> None:
    keys = elsewhere(store)
    source = keys.source()

    copy = keys.copied(source, name)
    native = keys.succeeded(keys.native(f"{name}-native"), 201)

    (version,) = keys.versions(name)
    assert (version.kty, version.material) == (kty, jwk_of(source["pub_key"]))
    assert [version.kty for version in keys.versions(f"{name}-native")] == [kty]
    for made in (copy, native):
        assert made["custom_metadata"].get("azure-key-type") == ("hardware" if kty == "RSA-HSM" else None)


@pytest.mark.parametrize(("setting", "records"), [("by_version", 1), ("by_name", 1), ("doubles", 2)])
def test_q51_the_scan_after_a_copy(keys: Any, name: str, setting: Any, records: int) -> None:
    keys.sb.profile = Profile(scan_recognises=setting)
    copy = keys.copied(keys.source(), name)

    for _twice in range(2):
        keys.scan()

    found = keys.records(name)
    assert len(found) == records
    assert {key["external"]["id"]["version"] for key in found} == {copy["external"]["id"]["version"]}


@pytest.mark.parametrize(("setting", "shown"), [("present", True), ("absent", False)])
def test_q59_the_public_key_of_a_copy(keys: Any, name: str, setting: Any, shown: bool) -> None:
    keys.sb.profile = Profile(virtual_pub_key=setting)
    source = keys.source()

    copy = keys.copied(source, name)

    assert "pub_key" in source
    assert ["pub_key" in found for found in (copy, keys.info(copy["kid"]))] == [shown, shown]


# Rotation -------------------------------------------------------------------------------------------------------------


def test_a_native_rotation_makes_a_version_with_other_material(keys: Any, name: str) -> None:
    old = keys.succeeded(keys.native(name, key_ops=["SIGN"]), 201)

    new = keys.succeeded(keys.rekey(old["name"]), 201)

    before, after = keys.versions(name)
    assert new["external"]["id"]["version"].replace("-", "") == after.version
    assert (new["name"], new["links"]) == (old["name"], {"replaced": old["kid"]})
    assert keys.info(old["kid"])["links"] == {"replacement": new["kid"]}
    assert before.material != after.material
    assert (after.key_ops, before.enabled) == (["sign"], True)


@pytest.mark.parametrize(("setting", "status"), [("refused", 400), ("allowed", 201)])
@pytest.mark.parametrize("way", ["rekey", "copy"])
def test_the_rotation_of_a_key_that_is_no_longer_active(
    keys: Any, name: str, way: str, setting: Any, status: int
) -> None:
    keys.sb.profile = Profile(rotates_inactive=setting)
    source = keys.source()
    old = keys.copied(source, name)
    keys.deed(old["kid"], "revoke", {"code": "KeyCompromise"})

    answer = keys.rekey(old["name"]) if way == "rekey" else keys.copy(source, name, name=old["name"])

    assert answer.status == status, answer.text
    assert len(keys.versions(name)) == (2 if status == 201 else 1)


def test_a_rotation_by_azures_own_operation_needs_a_permission_that_the_guide_does_not_ask_for(
    keys: Any, name: str
) -> None:
    keys.sb.profile = Profile(native_rekey="rotate")
    old = keys.succeeded(keys.native(name), 201)

    refused = keys.rekey(old["name"])
    keys.revoke(adding=("rotate",))
    new = keys.succeeded(keys.rekey(old["name"]), 201)

    assert (refused.status, "does not have keys rotate permission" in refused.text) == (400, True)
    assert new["external"]["id"]["version"].replace("-", "") == keys.versions(name)[-1].version
    assert len(keys.versions(name)) == 2


@pytest.mark.parametrize(
    ("setting", "same", "status", "rotates"),
    [
        ("dsm_name", "both", 201, True),
        ("dsm_name", "azure", 201, False),
        ("azure_name", "both", 201, True),
        ("azure_name", "azure", 201, True),
        ("either", "both", 201, True),
        ("either", "azure", 201, True),
        ("never", "both", 409, False),
        ("never", "azure", 201, False),
    ],
)
def test_q48_a_copy_onto_a_key_that_is_there(
    keys: Any, name: str, setting: Any, same: str, status: int, rotates: bool
) -> None:
    keys.sb.profile = Profile(copy_rotates_by=setting)
    source = keys.source()
    first = keys.copied(source, name)
    successor = keys.succeeded(keys.rekey(source["name"]), 201)

    answer = keys.copy(successor, name, name=first["name"] if same == "both" else keys.names.new("c"))

    assert answer.status == status, answer.text
    was = keys.info(first["kid"])
    assert ("replacement" in was["links"]) is rotates
    assert was["name"].startswith(f"{first['name']} (rotated at") is (rotates and same == "both")
    assert len(keys.versions(name)) == (2 if status == 201 else 1)
    if status == 201:
        assert answer.json["links"].get("replaced") == (first["kid"] if rotates else None)
        assert answer.json["pub_key"] == successor["pub_key"]


@pytest.mark.parametrize("setting", ["dsm_name", "azure_name", "either", "never"])
def test_q48_a_foreign_key_of_the_same_azure_name_gets_a_version(keys: Any, setting: Any) -> None:
    keys.sb.profile = Profile(copy_rotates_by=setting)

    copy = keys.copied(keys.source(), "one")

    assert copy["links"].get("replaced") is None
    assert keys.versions("one")[-1].material == jwk_of(copy["pub_key"])


def test_a_name_that_belongs_to_another_key_is_never_taken(keys: Any, name: str) -> None:
    source = keys.source()

    assert keys.copy(source, name, name=source["name"]).status == 409
    assert keys.versions(name) == []


# Changes --------------------------------------------------------------------------------------------------------------

LATER = "20400101T000000Z"


@pytest.mark.parametrize(
    ("setting", "enabled", "expiry", "operations"),
    [
        ("none", True, None, 2),
        ("enabled", False, None, 2),
        ("enabled+dates", False, LATER, 2),
        ("all", False, LATER, 1),
    ],
)
def test_q53_what_a_change_hands_on_to_azure(
    keys: Any, name: str, setting: Any, enabled: bool, expiry: str | None, operations: int
) -> None:
    keys.sb.profile = Profile(pushes=setting)
    made = keys.succeeded(keys.native(name, key_ops=["SIGN", "VERIFY"]), 201)
    metadata = {**made["custom_metadata"], "azure-tag-team": "payments"}
    wanted = {"enabled": False, "deactivation_date": LATER, "key_ops": ["SIGN"], "custom_metadata": metadata}

    shown = keys.succeeded(keys.change(made["kid"], **wanted), 200)

    (version,) = keys.versions(name)
    assert {member: shown[member] for member in wanted} == wanted
    assert (version.enabled, version.expires) == (enabled, seconds(expiry) if expiry else None)
    assert (len(version.key_ops), version.tags) == (operations, {"team": "payments"} if setting == "all" else {})


@pytest.mark.parametrize(
    ("setting", "enabled", "expiry"), [("none", True, None), ("enabled", False, None), ("enabled+dates", False, LATER)]
)
def test_q53_what_a_new_key_takes_to_azure(
    keys: Any, name: str, setting: Any, enabled: bool, expiry: str | None
) -> None:
    keys.sb.profile = Profile(pushes=setting)

    copy = keys.copied(keys.source(), name, enabled=False, deactivation_date=LATER)

    (version,) = keys.versions(name)
    assert (copy["enabled"], copy["deactivation_date"]) == (False, LATER)
    assert (version.enabled, version.expires) == (enabled, seconds(expiry) if expiry else None)


def test_a_change_is_of_the_version_that_the_record_stands_for(keys: Any, name: str) -> None:
    old = keys.succeeded(keys.native(name), 201)
    keys.rekey(old["name"])

    keys.succeeded(keys.change(old["kid"], enabled=False), 200)

    assert [version.enabled for version in keys.versions(name)] == [False, True]


def test_what_azure_tells_of_a_key_is_not_for_requests_to_say(keys: Any, name: str) -> None:
    lies = {"azure-key-state": "purged", "azure-backup": "AAAA"}
    made = keys.succeeded(keys.native(name, custom_metadata=lies), 201)

    changed = keys.succeeded(keys.change(made["kid"], custom_metadata={"team": "a", **lies}), 200)

    for shown in (made, changed):
        assert shown["custom_metadata"]["azure-key-state"] == "created"
        assert "azure-backup" not in shown["custom_metadata"]


def test_a_change_that_azure_refuses_changes_nothing(keys: Any, name: str) -> None:
    made = keys.succeeded(keys.native(name), 201)
    keys.revoke("update")

    answer = keys.change(made["kid"], enabled=False, description="new")

    assert answer.status == 400
    assert keys.info(made["kid"]) == made


@pytest.mark.parametrize(
    "call",
    [
        lambda keys, key: keys.rekey(key["name"]),
        lambda keys, key: keys.change(key["kid"], enabled=False),
        lambda keys, key: keys.deed(key["kid"], "schedule_deletion"),
    ],
)
def test_a_record_whose_group_has_lost_its_link_leads_nowhere(keys: Any, name: str, call: Any) -> None:
    made = keys.succeeded(keys.native(name), 201)
    keys.do(lambda state: state.dsm.group(keys.linked).hmg.clear())

    answer = call(keys, made)

    assert (answer.status, answer.text) == (400, "The group is not linked to an external KMS")


def test_a_virtual_key_stays_in_its_group(keys: Any, name: str) -> None:
    made = keys.succeeded(keys.native(name), 201)

    assert keys.change(made["kid"], group_id=keys.local).status == 400


# The link's own identity ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("permission", "call"),
    [
        ("create", lambda keys, name: keys.native(name)),
        ("import", lambda keys, name: keys.copy(keys.source(), name)),
        ("get", lambda keys, name: keys.copy(keys.source(), name)),
        ("create", lambda keys, _name: keys.rekey(recorded(keys)["name"])),
        ("update", lambda keys, _name: keys.change(recorded(keys)["kid"], enabled=False)),
        ("delete", lambda keys, _name: keys.deed(recorded(keys)["kid"], "schedule_deletion")),
        ("purge", lambda keys, _name: keys.deed(recorded(keys)["kid"], "delete_key_material")),
        ("recover", lambda keys, _name: keys.deed(recorded(keys)["kid"], "cancel_deletion")),
    ],
)
def test_without_the_permission_in_the_vault_dsm_tells_what_azure_says(
    keys: Any, name: str, permission: str, call: Any
) -> None:
    keys.scan()
    if permission in ("purge", "recover"):
        keys.succeeded(keys.deed(recorded(keys)["kid"], "schedule_deletion"), 200)
    keys.revoke(permission)

    answer = call(keys, name)

    assert answer.status == 400
    assert "Azure Key Vault" in answer.text
    assert f"does not have keys {permission} permission" in answer.text


def recorded(keys: Any) -> dict[str, Any]:
    return dict(keys.records("one")[0])


def test_a_write_goes_to_azure_as_the_links_application(keys: Any, name: str) -> None:
    mark = keys.sb.journal.mark()

    keys.copied(keys.source(), name)

    asked = [(entry.method, entry.route, entry.origin) for entry in keys.sb.journal.requests(mark, "vault")]
    assert asked == [("PUT", "/keys/{name}", "dsm"), ("GET", "/keys/{name}/{version}", "dsm")]
    assert {entry.principal for entry in keys.sb.journal.requests(mark, "vault")} == {f"app:app-{keys.estate.vault}"}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("method", "route", "call"),
    [
        ("PUT", "/keys/{name}", lambda keys, name: keys.copy(keys.source(), name)),
        ("POST", "/keys/{name}/create", lambda keys, name: keys.native(name)),
        ("PATCH", "/keys/{name}/{version}", lambda keys, _name: keys.change(recorded(keys)["kid"], enabled=False)),
        ("DELETE", "/keys/{name}", lambda keys, _name: keys.deed(recorded(keys)["kid"], "schedule_deletion")),
    ],
)
def test_a_write_whose_answer_is_lost_is_never_repeated(
    keys: Any, name: str, method: str, route: str, call: Any, moment: Any
) -> None:
    keys.scan()
    mark = keys.sb.journal.mark()
    keys.sb.faults.add(Fault("vault", method, route, reset=moment))

    answer = call(keys, name)

    assert (answer.status, "connection failed" in answer.text) == (400, True), answer.text
    asked = [entry for entry in keys.sb.journal.requests(mark, "vault") if entry.method == method]
    assert len(asked) == 1


def test_a_version_that_dsm_never_heard_of_is_found_by_the_next_scan(keys: Any, name: str) -> None:
    keys.sb.faults.add(Fault("vault", "PUT", "/keys/{name}", reset="after"))
    assert keys.copy(keys.source(), name).status == 400
    assert keys.records(name) == []

    keys.scan()

    (record,) = keys.records(name)
    assert "links" not in record


def test_a_copy_that_cannot_be_read_back_is_in_azure_and_not_in_dsm(keys: Any, name: str) -> None:
    keys.revoke("get")

    assert keys.copy(keys.source(), name).status == 400

    assert (len(keys.versions(name)), keys.records(name)) == (1, [])


def test_a_name_that_is_taken_while_azure_is_at_work_is_refused_too_late(keys: Any, name: str) -> None:
    wanted, source = keys.names.new("c"), keys.source()
    dsm = keys.do(lambda state: state.dsm)
    keys.sb.faults.add(Fault("vault", "PUT", "/keys/{name}", then=lambda: dsm.add_key(keys.local, wanted)))

    answer = keys.copy(source, name, name=wanted)

    assert (answer.status, answer.text) == (409, "sobject already exists")
    assert (len(keys.versions(name)), keys.records(name)) == (1, [])
    assert "links" not in keys.info(source["kid"])
