# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a key in Azure through DSM, its return, and the end of its record (DSM contract §4.4, §7)."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Profile
from sandbox.custody.public_keys import jwk_of

DELETE, PURGE, RECOVER, RESTORE = "schedule_deletion", "delete_key_material", "cancel_deletion", "restore"
AT_WORK = 30
"""Seconds for which Azure may be at work on a key that it has just deleted."""


class Ending:
    """A copied key with two versions and its source; what is told of it on both planes."""

    def __init__(self, keys: Any, let_pass: Any) -> None:
        self.keys, self._let_pass = keys, let_pass
        self.name = keys.names.new("azure")
        self.source = keys.source()
        self.old = keys.copied(self.source, self.name)
        successor = keys.succeeded(keys.rekey(self.source["name"]), 201)
        self.source = successor
        self.new = keys.copied(successor, self.name, name=self.old["name"])

    def __call__(self, deed: str, key: Any = None) -> Any:
        """Carry a deed out on a key, the newer version unless told otherwise, when Azure is ready for it."""
        answer = self.keys.deed((key or self.new)["kid"], deed)
        self._let_pass(AT_WORK)
        return answer

    def done(self, *deeds: str) -> dict[str, Any]:
        for deed in deeds:
            shown = self.keys.succeeded(self(deed), 200)
        return dict(shown)

    @property
    def told(self) -> list[str]:
        """`azure-key-state` of both records, the older one first."""
        return [self.keys.info(key["kid"])["custom_metadata"]["azure-key-state"] for key in (self.old, self.new)]

    @property
    def in_azure(self) -> str:
        def look(cloud: Any) -> str:
            store = cloud.vault(self.keys.estate.vault)
            if store.key(self.name):
                return "there"
            return "deleted" if self.name.lower() in store.still_deleted(cloud.clock.now()) else "gone"

        return str(self.keys.estate.do(look))

    def protect(self) -> None:
        self.keys.estate.do(lambda cloud: setattr(cloud.vault(self.keys.estate.vault), "purge_protection", True))


@pytest.fixture
def end(keys: Any, let_pass: Any) -> Ending:
    return Ending(keys, let_pass)


# Deletion, purge ------------------------------------------------------------------------------------------------------


def test_a_deletion_is_of_the_whole_key_with_all_versions(end: Ending) -> None:
    shown = end.done(DELETE)

    assert (shown["custom_metadata"]["azure-key-state"], shown["enabled"], shown["state"]) == (
        "deleted",
        False,
        "Active",
    )
    assert end.in_azure == "deleted"
    assert end.told == ["deleted", "deleted"]


def test_after_a_deletion_nothing_is_changed_rotated_or_deleted_again(end: Ending) -> None:
    end.done(DELETE)

    assert end.keys.change(end.new["kid"], description="late").status == 400
    assert end.keys.rekey(end.new["name"]).status == 400
    assert end.keys.copy(end.source, end.name, name=end.new["name"]).status == 400
    assert end(DELETE).status == 400


def test_a_name_that_is_deleted_in_azure_is_not_free(end: Ending) -> None:
    end.done(DELETE)

    answer = end.keys.native(end.name)

    assert answer.status == 400
    assert "ObjectIsDeletedButRecoverable" in answer.text


@pytest.mark.parametrize(
    ("setting", "siblings", "told"),
    [
        ("at_once", "all", ["deleted", "deleted"]),
        ("at_once", "only_this", ["created", "deleted"]),
        ("after_scan", "all", ["created", "created"]),
    ],
)
def test_q52_and_q60_what_records_tell_before_the_next_scan(
    end: Ending, setting: Any, siblings: Any, told: list[str]
) -> None:
    end.keys.sb.profile = Profile(state_after_delete=setting, siblings_after_delete=siblings)

    end.done(DELETE)

    assert end.told == told
    end.keys.scan()
    assert end.told == ["deleted", "deleted"]


def test_a_key_is_purged_after_its_deletion_and_destroyed_by_the_next_scan(end: Ending) -> None:
    assert end(PURGE).status == 400
    assert end.in_azure == "there"

    shown = end.done(DELETE, PURGE)

    assert (shown["custom_metadata"]["azure-key-state"], end.in_azure) == ("purged", "gone")
    assert end.keys.info(end.new["kid"])["state"] == "Active"
    end.keys.scan()
    assert [end.keys.info(key["kid"])["state"] for key in (end.old, end.new)] == ["Destroyed", "Destroyed"]


def test_purge_protection_refuses_with_azures_words(end: Ending) -> None:
    end.protect()
    end.done(DELETE)

    answer = end(PURGE)

    assert answer.status == 400
    assert "HTTP 403 Forbidden" in answer.text
    assert end.told == ["deleted", "deleted"]
    assert end.in_azure == "deleted"


def test_a_purge_that_comes_too_early_fails_and_may_be_tried_again(keys: Any, let_pass: Any) -> None:
    end = Ending(keys, lambda _seconds: None)
    end.done(DELETE)

    early = end(PURGE)
    let_pass(AT_WORK)

    assert (early.status, "409" in early.text) == (400, True), early.text
    assert end.done(PURGE)["custom_metadata"]["azure-key-state"] == "purged"


def test_in_a_managed_hsm_the_crypto_user_deletes_and_the_crypto_officer_recovers(
    elsewhere: Any, let_pass: Any
) -> None:
    end = Ending(elsewhere("pool"), let_pass)
    end.done(DELETE)

    refused = end(RECOVER)
    place = end.keys.estate
    place.do(
        lambda cloud: cloud.assign_local_role(
            cloud.managed_hsm(place.vault), place.client_id, "Managed HSM Crypto Officer"
        )
    )
    protected = end(PURGE)

    assert (refused.status, protected.status) == (400, 400)
    assert end.done(RECOVER)["custom_metadata"]["azure-key-state"] == "created"


# Return ---------------------------------------------------------------------------------------------------------------


def test_q50_a_deleted_key_is_recovered_as_it_was(end: Ending) -> None:
    end.keys.change(end.old["kid"], enabled=False)

    end.done(DELETE, RECOVER)

    assert (end.in_azure, end.told) == ("there", ["created", "created"])
    assert [end.keys.info(key["kid"])["enabled"] for key in (end.old, end.new)] == [False, True]
    assert end.keys.change(end.new["kid"], description="back").status == 200


def test_q50_what_is_not_deleted_is_not_recovered(end: Ending) -> None:
    assert end(RECOVER).status == 400
    assert end(RESTORE).status == 400


@pytest.mark.parametrize(("setting", "status"), [("404", 404), ("405", 405), ("400", 400)])
@pytest.mark.parametrize("deed", [RECOVER, RESTORE])
def test_q50_the_routes_may_not_be_there(end: Ending, deed: str, setting: Any, status: int) -> None:
    end.done(DELETE)
    end.keys.sb.profile = Profile(recover_route=setting, restore_route=setting)

    assert end(deed).status == status
    assert end.in_azure == "deleted"


def test_q50_purged_material_comes_back_from_the_source_as_a_new_version(end: Ending) -> None:
    end.done(DELETE, PURGE)

    shown = end.done(RESTORE)

    (version,) = end.keys.versions(end.name)
    assert (shown["kid"], shown["state"], shown["enabled"]) == (end.new["kid"], "Active", True)
    assert shown["external"]["id"]["version"].replace("-", "") == version.version
    assert shown["external"] != end.new["external"]
    assert version.material == jwk_of(end.source["pub_key"])
    end.keys.scan()
    assert [key["kid"] for key in end.keys.records(end.name) if key["state"] == "Active"] == [end.new["kid"]]


def test_q55_with_a_backup_all_versions_come_back_as_they_were(end: Ending) -> None:
    end.keys.sb.profile = Profile(azure_backup="set_at_delete")
    before = end.keys.versions(end.name)

    gone = end.done(DELETE, PURGE)
    back = end.done(RESTORE)

    assert len(gone["custom_metadata"]["azure-backup"]) > 20
    assert [version.version for version in end.keys.versions(end.name)] == [version.version for version in before]
    assert back["external"] == end.new["external"]
    assert end.told == ["created", "created"]


def test_q55_without_the_permission_to_back_up_nothing_is_deleted(end: Ending) -> None:
    end.keys.sb.profile = Profile(azure_backup="set_at_delete")
    end.keys.revoke("backup")

    answer = end(DELETE)

    assert (answer.status, "does not have keys backup permission" in answer.text) == (400, True)
    assert end.in_azure == "there"


def test_q50_a_native_key_has_nothing_to_be_restored_from(keys: Any, let_pass: Any) -> None:
    name = keys.names.new("azure")
    made = keys.succeeded(keys.native(name), 201)
    for deed in (DELETE, PURGE):
        keys.succeeded(keys.deed(made["kid"], deed), 200)
        let_pass(AT_WORK)

    answer = keys.deed(made["kid"], RESTORE)

    assert (answer.status, "neither a backup" in answer.text) == (400, True)


@pytest.mark.parametrize("deed", [DELETE, PURGE, RECOVER, RESTORE])
def test_an_old_server_has_none_of_these_operations(end: Ending, deed: str) -> None:
    end.keys.sb.profile = Profile(generation="legacy")

    assert end(deed).status == 404
    assert end.in_azure == "there"


# The record -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize(
    ("setting", "possible_after"), [("destroyed", "scan"), ("deleted", "deletion"), ("any", "creation")]
)
def test_q56_when_a_record_can_be_deleted(end: Ending, setting: Any, possible_after: str, status: Any) -> None:
    end.keys.sb.profile = Profile(delete_when=setting, delete_early=status)
    steps = {
        "creation": lambda: None,
        "deletion": lambda: end.done(DELETE),
        "purge": lambda: end.done(PURGE),
        "scan": end.keys.scan,
    }
    for step, take in steps.items():
        take()
        if step == possible_after:
            break
        assert end.keys.delete(end.new["kid"]).status == status

    assert end.keys.delete(end.new["kid"]).status == 204
    assert end.keys.delete(end.new["kid"]).status == 404


def test_a_record_that_is_deleted_too_early_comes_back_with_the_next_scan(end: Ending) -> None:
    end.keys.sb.profile = Profile(delete_when="any")
    end.keys.delete(end.new["kid"])

    end.keys.scan()

    (record,) = [key for key in end.keys.records(end.name) if key["kid"] != end.old["kid"]]
    assert (record["external"], "links" in record) == (end.new["external"], False)
