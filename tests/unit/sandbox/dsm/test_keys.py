# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading security objects: members, states, links, and what a scan takes over (DSM contract §4.1, §4.5, §7)."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from sandbox import Profile, Sandbox
from sandbox.custody.public_keys import jwk_of
from sandbox.custody.seeds import copy_to_azure, generate_in_azure, soft_delete_through_dsm

KEYS, INFO = "/crypto/v1/keys", "/crypto/v1/keys/info"
EVERYTHING = {"show_destroyed": "true", "show_deleted": "true", "show_pub_key": "true"}


class Custody:
    """A linked group with its vault, and a source key in another group."""

    def __init__(self, sb: Sandbox, admin: Any, estate: Any, group: Any, linked: Any, name: str) -> None:
        self.sb, self.admin, self.estate, self.linked = sb, admin, estate, linked
        self.name = name
        self.source = sb.do(lambda state: state.dsm.add_source_key(group["group_id"], f"{name}-source"))

    def copied(self, source: Any = None, **members: Any) -> Any:
        def copy(state: Any) -> Any:
            place = (self.linked["group_id"], self.estate.vault, self.name)
            return copy_to_azure(state.dsm, state.azure.public, *place, source or self.source, **members)

        return self.sb.do(copy)

    def rekeyed(self) -> Any:
        return self.sb.do(lambda state: state.dsm.rekey(self.source.kid))

    def scan(self) -> list[dict[str, Any]]:
        answer = self.admin("POST", f"/sys/v1/groups/{self.linked['group_id']}/hmg/scan", {})
        assert answer.status == 200, answer.text
        return list(answer.json)

    def records(self, name: str | None = None) -> list[dict[str, Any]]:
        """The virtual keys of one Azure name."""
        found = self.admin("GET", KEYS, group_id=self.linked["group_id"], **EVERYTHING).json
        return [key for key in found if key["external"]["id"]["label"] == (name or self.name)]

    def info(self, kid: str, **query: str) -> dict[str, Any]:
        there = "&".join(f"{name}={value}" for name, value in query.items())
        answer = self.admin("POST", f"{INFO}?{there}", {"kid": kid})
        assert answer.status == 200, answer.text
        return dict(answer.json)


@pytest.fixture
def custody(sb: Sandbox, admin: Any, estate: Any, group: Any, linked: Any, names: Any) -> Custody:
    return Custody(sb, admin, estate, group, linked, names.new("k"))


# Members ------------------------------------------------------------------------------------------------------------


def test_a_source_shows_what_may_be_done_with_it_and_how_it_came_to_be(custody: Custody) -> None:
    shown = custody.info(custody.source.kid)

    assert "EXPORT" in shown["key_ops"]
    assert shown["key_creation_method"] == {"method": "Generate"}
    assert shown["export_policy"] == {"$type": "Unrestricted", "allow_weakening": True}
    assert shown["never_exportable"] is False
    assert "external" not in shown


@pytest.mark.parametrize("place", ["info by kid", "info by name", "path", "list"])
@pytest.mark.parametrize(("query", "shown"), [({}, False), ({"show_pub_key": "true"}, True)])
def test_the_public_key_is_shown_on_request_only(
    custody: Custody, place: str, query: dict[str, str], shown: bool
) -> None:
    admin, source = custody.admin, custody.source
    there = "&".join(f"{name}={value}" for name, value in query.items())
    found = {
        "info by kid": lambda: admin("POST", f"{INFO}?{there}", {"kid": source.kid}).json,
        "info by name": lambda: admin("POST", f"{INFO}?{there}", {"name": source.name}).json,
        "path": lambda: admin("GET", f"{KEYS}/{source.kid}?{there}").json,
        "list": lambda: admin("GET", f"{KEYS}?{there}&name={source.name}").json[0],
    }[place]()

    assert found["kid"] == source.kid
    assert found.get("pub_key") == (source.pub_key if shown else None)


def test_all_that_is_set_is_shown_in_the_words_of_the_api(sb: Sandbox, admin: Any, group: Any, names: Any) -> None:
    dates = {
        name: f"2027010{number}T000000Z"
        for number, name in enumerate(
            ("activation_date", "deactivation_date", "compromise_date", "destruction_date", "scheduled_rotation"), 1
        )
    }
    policy = {"interval_days": 90, "effective_at": "20270101T000000Z", "rotate_copied_keys": "all_external"}

    def build(state: Any) -> Any:
        return state.dsm.add_source_key(
            group["group_id"],
            names.new("k"),
            "EC",
            curve="P-384",
            state="Compromised",
            rotation_policy=policy,
            revocation_reason={"code": "KeyCompromise"},
            key_ops=["SIGN", "HIGHVOLUME"],
            description="payments",
            **dates,
        )

    made = sb.do(build)
    shown = admin("POST", INFO, {"kid": made.kid}).json

    assert {name: shown[name] for name in dates} == dates
    assert (shown["rotation_policy"], shown["state"], shown["elliptic_curve"]) == (policy, "Compromised", "NistP384")
    assert (shown["key_ops"], shown["description"]) == (["SIGN", "HIGHVOLUME"], "payments")
    assert shown["revocation_reason"] == {"code": "KeyCompromise"}
    assert "key_size" not in shown


@pytest.mark.parametrize(("state", "flag"), [("Destroyed", "show_destroyed"), ("Deleted", "show_deleted")])
def test_an_object_at_its_end_is_shown_on_request_only(custody: Custody, state: str, flag: str) -> None:
    custody.sb.do(lambda _state: setattr(custody.source, "state", state))

    assert custody.admin("POST", INFO, {"kid": custody.source.kid}).status == 404
    assert custody.info(custody.source.kid, **{flag: "true"})["state"] == state


def test_a_key_of_another_group_is_not_shown(custody: Custody, crypto: Any) -> None:
    assert crypto("POST", INFO, {"kid": custody.source.kid}).status == 403


@pytest.mark.parametrize(("setting", "status"), [("served", 200), ("404", 404)])
def test_q61_reading_by_path(sb: Sandbox, custody: Custody, setting: Any, status: int) -> None:
    sb.profile = Profile(key_by_path=setting)

    assert custody.admin("GET", f"{KEYS}/{custody.source.kid}").status == status
    assert custody.info(custody.source.kid)["kid"] == custody.source.kid


# Rotation and copies ------------------------------------------------------------------------------------------------


def test_a_rekeyed_source_gives_its_name_to_its_successor(custody: Custody) -> None:
    new = custody.rekeyed()

    old = custody.info(custody.source.kid, show_pub_key="true")
    shown = custody.info(new.kid, show_pub_key="true")
    assert old["name"].startswith(f"{shown['name']} (rotated at 20")
    assert (old["links"]["replacement"], shown["links"]["replaced"]) == (shown["kid"], old["kid"])
    assert old["pub_key"] != shown["pub_key"]
    assert custody.admin("POST", INFO, {"name": shown["name"]}).json["kid"] == new.kid


def test_a_copy_has_the_sources_public_key_on_both_planes(custody: Custody) -> None:
    pair = custody.copied(hardware=True, expires=2_000_000_000)

    (record,) = custody.records()

    source = custody.info(custody.source.kid, show_pub_key="true")
    assert record["pub_key"] == source["pub_key"]
    assert pair.version.material == jwk_of(source["pub_key"])
    assert pair.version.kty == "RSA-HSM"
    assert record["custom_metadata"]["azure-key-type"] == "hardware"
    assert (record["links"]["copiedFrom"], source["links"]["copiedTo"]) == (source["kid"], [record["kid"]])
    load_der_public_key(base64.b64decode(record["pub_key"]))


def test_a_copy_of_the_successor_is_a_new_version_of_the_same_key(custody: Custody) -> None:
    first = custody.copied()
    second = custody.copied(custody.rekeyed())

    old, new = custody.info(first.record.kid), custody.info(second.record.kid)

    assert old["links"]["replacement"] == new["kid"]
    assert new["name"] == custody.name
    assert old["external"]["id"]["label"] == new["external"]["id"]["label"]
    assert first.version.material != second.version.material


def test_a_scratch_key_may_be_wrapped_by_one_key_only(custody: Custody) -> None:
    def build(state: Any) -> Any:
        return state.dsm.add_scratch_key(custody.source.group_id, f"{custody.name}-scratch", custody.source.kid)

    shown = custody.info(custody.sb.do(build).kid)

    assert shown["export_policy"]["by"] == {"$type": "Only", "keys": [custody.source.kid]}
    assert (shown["obj_type"], shown["key_size"]) == ("AES", 256)


# Scans and what is not public ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "after_copy", "after_stranger"), [("by_version", 1, 2), ("by_name", 1, 1), ("doubles", 2, 3)]
)
def test_q51_a_scan_after_a_copy(
    sb: Sandbox, custody: Custody, setting: Any, after_copy: int, after_stranger: int
) -> None:
    sb.profile = Profile(scan_recognises=setting)
    custody.copied()

    counts = []
    for _number in range(2):
        custody.scan()
        counts.append(len(custody.records()))
    custody.estate.do(lambda azure: azure.rotate_key(custody.estate.vault, custody.name))
    custody.scan()

    assert counts == [after_copy, after_copy]
    assert len(custody.records()) == after_stranger


@pytest.mark.parametrize(
    ("setting", "taken"),
    [
        ("none", set()),
        ("enabled", {"enabled"}),
        ("enabled+dates", {"enabled", "activation_date", "deactivation_date"}),
        ("all", {"enabled", "activation_date", "deactivation_date", "key_ops", "custom_metadata"}),
    ],
)
def test_q53_what_a_scan_takes_over_from_azure(sb: Sandbox, custody: Custody, setting: Any, taken: set[str]) -> None:
    custody.copied()
    custody.scan()
    (before,) = custody.records()
    sb.profile = Profile(pulls=setting)
    changes = {
        "enabled": False,
        "expires": 2_000_000_000,
        "not_before": 1_000_000_000,
        "key_ops": ["sign"],
        "tags": {"owner": "app"},
    }
    custody.estate.do(lambda azure: azure.update_key(custody.estate.vault, custody.name, **changes))

    custody.scan()

    (after,) = custody.records()
    assert {name for name in before | after if before.get(name) != after.get(name)} == taken
    if setting == "all":
        assert after["custom_metadata"]["azure-tag-owner"] == "app"


def test_a_scan_does_not_bring_a_compromised_key_back(custody: Custody) -> None:
    pair = custody.copied(custody.source)
    custody.sb.do(lambda _state: setattr(pair.record, "state", "Compromised"))

    custody.scan()

    assert custody.records()[0]["state"] == "Compromised"


@pytest.mark.parametrize(("setting", "status", "found"), [("skipped", 200, {"one", "two"}), ("fails", 400, set())])
def test_q44_a_key_of_a_type_that_dsm_does_not_know(
    sb: Sandbox, custody: Custody, setting: Any, status: int, found: set[str]
) -> None:
    sb.profile = Profile(scan_other_types=setting)
    custody.estate.do(lambda azure: azure.add_key(custody.estate.vault, "lattice", "AKP"))

    answer = custody.admin("POST", f"/sys/v1/groups/{custody.linked['group_id']}/hmg/scan", {})

    assert answer.status == status
    assert {key["external"]["id"]["label"] for key in (answer.json if status == 200 else [])} == found
    assert ("unknown type AKP" in answer.text) is (status == 400)


@pytest.mark.parametrize(("setting", "kept"), [("absent", False), ("set_at_delete", True)])
def test_q55_a_backup_in_the_metadata(sb: Sandbox, custody: Custody, setting: Any, kept: bool) -> None:
    sb.profile = Profile(azure_backup=setting)
    custody.copied()
    custody.estate.do(lambda azure: azure.delete_key(custody.estate.vault, custody.name))
    custody.scan()

    assert ("azure-backup" in custody.records()[0]["custom_metadata"]) is kept


@pytest.mark.parametrize(("setting", "shown"), [("present", True), ("absent", False)])
def test_q59_the_public_key_of_a_virtual_key(sb: Sandbox, custody: Custody, setting: Any, shown: bool) -> None:
    sb.profile = Profile(virtual_pub_key=setting)
    custody.copied()

    assert ("pub_key" in custody.records()[0]) is shown
    assert "pub_key" in custody.info(custody.source.kid, show_pub_key="true")


@pytest.mark.parametrize(
    ("settings", "states"),
    [
        ({}, ["deleted", "deleted"]),
        ({"siblings_after_delete": "only_this"}, ["created", "deleted"]),
        ({"state_after_delete": "after_scan"}, ["created", "created"]),
    ],
)
def test_q52_and_q60_what_records_show_before_the_scan_after_a_deletion(
    sb: Sandbox, custody: Custody, settings: dict[str, Any], states: list[str]
) -> None:
    sb.profile = Profile(**settings)
    custody.copied()
    newest = custody.copied(custody.rekeyed())
    sb.do(lambda state: soft_delete_through_dsm(state.dsm, state.azure.public, custody.estate.vault, newest.record))

    def shown() -> list[str]:
        return sorted(record["custom_metadata"]["azure-key-state"] for record in custody.records())

    assert shown() == states
    custody.scan()
    assert shown() == ["deleted", "deleted"]


def test_a_key_that_azure_generated_for_dsm_has_no_source(sb: Sandbox, custody: Custody) -> None:
    def build(state: Any) -> Any:
        place = (custody.linked["group_id"], custody.estate.vault, "native")
        return generate_in_azure(state.dsm, state.azure.public, *place, "EC-HSM", curve="P-256K")

    pair = sb.do(build)

    (record,) = custody.records("native")
    assert "links" not in record
    assert record["elliptic_curve"] == "SecP256K1"
    assert jwk_of(record["pub_key"]) == pair.version.material
