# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading keys: attributes of versions, api-versions, rotation policies, soft-delete (Azure contract §1.9)."""

from __future__ import annotations

from typing import Any

import pytest
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient

from sandbox import Profile, Sandbox
from sandbox.azure.rights import local_roles
from sandbox.azure.rights.effective import GUIDE_PERMISSIONS
from support.azure_callers import VAULT
from support.azure_keys import NOW, Store

DAY = 86400


# Versions with attributes of their own ------------------------------------------------------------------------------


def test_a_strangers_rotation_leaves_the_older_version_with_its_own_attributes_and_tags(vault: Store) -> None:
    vault.do("update_key", "one", tags={"owner": "dsm"}, expires=2_000_000_000, not_before=1_000_000_000)
    old = vault("/keys/one").json
    vault.do("rotate_key", "one", tags={}, exportable=True)

    new = vault("/keys/one").json

    assert new["key"]["kid"] != old["key"]["kid"]
    assert new["key"]["n"] != old["key"]["n"]
    assert ("tags" in new, "exp" in new["attributes"], new["attributes"]["exportable"]) == (False, False, True)
    kept = vault(f"/keys/one/{old['key']['kid'].rpartition('/')[2]}").json
    assert (kept["tags"], kept["attributes"]["exp"], kept["attributes"]["nbf"]) == (
        {"owner": "dsm"},
        2_000_000_000,
        1_000_000_000,
    )


def test_disabling_one_version_changes_when_it_was_updated_and_no_other_version(sb: Sandbox, vault: Store) -> None:
    first = vault.do("add_key", "aged", days_ago=10)
    vault.do("rotate_key", "aged", days_ago=1)
    vault.do("disable_key", "aged", first)

    shown = {item["kid"].rpartition("/")[2]: item["attributes"] for item in vault("/keys/aged/versions").json["value"]}

    assert shown.pop(first.version)["enabled"] is False
    (current,) = shown.values()
    assert current["enabled"] is True
    assert first.updated - first.created == pytest.approx(10 * DAY, abs=5)


@pytest.mark.parametrize(("setting", "shown"), [("current", "new"), ("first", "old")])
def test_whose_attributes_stand_beside_a_name_without_version_is_a_setting(
    sb: Sandbox, vault: Store, setting: Any, shown: str
) -> None:
    sb.profile = Profile(key_item_shows=setting)
    vault.do("update_key", "one", tags={"is": "old"})
    vault.do("rotate_key", "one", tags={"is": "new"})

    item = next(item for item in vault("/keys").json["value"] if item["kid"].endswith("/one"))

    assert item["tags"] == {"is": shown}


def test_versions_may_be_listed_in_another_order_than_they_were_created(sb: Sandbox, vault: Store) -> None:
    for _number in range(6):
        vault.do("rotate_key", "one")

    def listed() -> list[str]:
        return [item["kid"] for item in vault("/keys/one/versions").json["value"]]

    created = listed()
    sb.profile = Profile(key_version_order="id")

    assert listed() == sorted(created)


@pytest.mark.parametrize(
    ("members", "level", "days"),
    [
        ({}, "Recoverable+Purgeable", 90),
        ({"purge_protection": True}, "Recoverable", 90),
        ({"protected_subscription": True}, "Recoverable+ProtectedSubscription", 90),
        ({"retention_days": 7}, "CustomizedRecoverable+Purgeable", 7),
        ({"retention_days": 89, "purge_protection": True}, "CustomizedRecoverable", 89),
        ({"retention_days": 7, "protected_subscription": True}, "CustomizedRecoverable+ProtectedSubscription", 7),
        ({"soft_delete": False}, "Purgeable", 0),
    ],
)
def test_the_recovery_level_has_seven_values(vault: Store, members: dict[str, Any], level: str, days: int) -> None:
    vault.estate.do(lambda azure: vars(azure.vault(vault.name)).update(members))

    attributes = vault("/keys/one").json["attributes"]

    assert (attributes["recoveryLevel"], attributes["recoverableDays"]) == (level, days)


# Api-versions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "shown"), [("7.4", None), ("7.5-preview.1", "2"), (NOW, "2")])
def test_the_hsm_platform_is_shown_since_7_5(vault: Store, version: str, shown: str | None) -> None:
    assert vault("/keys/two", version).json["attributes"].get("hsmPlatform") == shown


def test_an_old_version_has_no_platform_and_a_pool_tells_none(vault: Store, hsm: Store) -> None:
    vault.do("update_key", "two", hsm_platform=None)

    assert "hsmPlatform" not in vault("/keys/two").json["attributes"]
    assert "hsmPlatform" not in hsm("/keys/seal").json["attributes"]


def test_an_external_key_is_recognizable_in_previews_only(hsm: Store) -> None:
    hsm.do("add_key", "outside", "oct-HSM", 256, external_key="dsm-key-1")

    shown = hsm("/keys/outside", "2026-01-01-preview").json["attributes"]

    assert (shown["external_key"], shown["key_size"]) == ({"id": "dsm-key-1"}, 256)
    assert not {"external_key", "key_size"} & set(hsm("/keys/outside").json["attributes"])


def test_keys_of_unknown_types_stand_in_the_list_like_all_others(vault: Store, hsm: Store) -> None:
    vault.do("add_key", "lattice", "AKP")
    hsm.do("add_key", "symmetric", "oct-HSM", 256)

    assert f"{vault.estate.url}keys/lattice" in [item["kid"] for item in vault("/keys").json["value"]]
    assert set(vault("/keys/lattice").json["key"]) == {"kid", "kty", "key_ops"}
    assert set(vault("/keys/lattice", "2026-05-01-preview").json["key"]) == {"kid", "kty", "key_ops", "alg", "pub"}
    assert hsm("/keys/symmetric").json["key"]["kty"] == "oct-HSM"


# Rotation policies --------------------------------------------------------------------------------------------------


def allow_policies(store: Store) -> None:
    permissions = [*GUIDE_PERMISSIONS, "GetRotationPolicy"]
    store.estate.do(lambda azure: azure.set_access_policy(store.name, store.estate.client_id, permissions))


def test_a_rotation_policy_is_shown_with_its_actions(vault: Store) -> None:
    allow_policies(vault)
    vault.do("set_rotation_policy", "one", rotate_after="P90D", expiry="P120D")

    policy = vault("/keys/one/rotationpolicy").json

    assert policy["id"] == f"{vault.estate.url}keys/one/rotationpolicy"
    assert [action["action"]["type"] for action in policy["lifetimeActions"]] == ["Rotate", "Notify"]
    assert policy["lifetimeActions"][0]["trigger"] == {"timeAfterCreate": "P90D"}
    assert policy["attributes"]["expiryTime"] == "P120D"


@pytest.mark.parametrize(("setting", "actions"), [("notify", ["Notify"]), ("null", None)])
def test_what_is_said_of_a_key_without_policy_is_a_setting(
    sb: Sandbox, vault: Store, setting: Any, actions: list[str] | None
) -> None:
    sb.profile = Profile(rotation_policy_unset=setting)
    allow_policies(vault)

    policy = vault("/keys/one/rotationpolicy").json

    shown = policy["lifetimeActions"]
    assert "id" not in policy
    assert (None if shown is None else [action["action"]["type"] for action in shown]) == actions


def test_the_guides_ten_permissions_do_not_read_rotation_policies(vault: Store) -> None:
    refused = vault("/keys/one/rotationpolicy")

    assert (refused.status, refused.json["error"]["innererror"]["code"]) == (403, "ForbiddenByPolicy")
    assert "does not have keys getrotationpolicy permission" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("role", "status"), [("Key Vault Crypto User", 403), ("Key Vault Crypto Officer", 200), ("Key Vault Reader", 200)]
)
def test_in_an_rbac_vault_a_data_action_of_its_own_reads_rotation_policies(
    anonymous: Any, make_estate: Any, role: str, status: int
) -> None:
    estate = make_estate(rbac=True)
    estate.do(lambda azure: azure.assign_role(estate.client_id, estate.vault, role))
    vault = Store(anonymous, estate, estate.vault, estate.url, VAULT[estate.cloud])

    answer = vault("/keys/one/rotationpolicy")

    assert answer.status == status
    assert ("keyrotationpolicies/read" in answer.text) is (status == 403)


@pytest.mark.parametrize(("path", "version"), [("/keys/none/rotationpolicy", NOW), ("/keys/one/rotationpolicy", "7.2")])
def test_no_policy_is_found_without_a_key_or_before_there_were_policies(vault: Store, path: str, version: str) -> None:
    allow_policies(vault)

    answer = vault(path, version)

    assert (answer.status, answer.json["error"]["code"]) == (404, "KeyNotFound")


@pytest.mark.parametrize(("setting", "status"), [("served", 200), ("400", 400)])
def test_q63_rotation_policies_of_managed_hsms(sb: Sandbox, hsm: Store, setting: Any, status: int) -> None:
    sb.profile = Profile(hsm_rotation=setting)
    hsm.do("set_rotation_policy", "seal", rotate_after="P28D", spelling="rotate")

    answer = hsm("/keys/seal/rotationpolicy")

    assert answer.status == status
    if status == 200:
        assert [action["action"]["type"] for action in answer.json["lifetimeActions"]] == ["rotate"]


# Deleted keys -------------------------------------------------------------------------------------------------------


def test_a_deleted_key_tells_when_it_will_be_purged_and_is_gone_then(sb: Sandbox, vault: Store) -> None:
    vault.estate.do(lambda azure: setattr(azure.vault(vault.name), "retention_days", 7))
    vault.do("delete_key", "one", days_ago=6)
    vault.do("delete_key", "two", days_ago=7)

    (item,) = vault("/deletedkeys").json["value"]

    assert item["recoveryId"].endswith("/deletedkeys/one")
    assert item["scheduledPurgeDate"] - item["deletedDate"] == 7 * DAY
    assert vault("/deletedkeys/one").json["key"]["n"]
    assert vault("/deletedkeys/two").status == 404
    assert vault("/keys/one").status == 404


def test_a_recovered_key_has_its_versions_again(vault: Store) -> None:
    vault.do("rotate_key", "one")
    before = vault("/keys/one/versions").json
    vault.do("delete_key", "one")
    vault.do("recover_key", "one")

    assert vault("/keys/one/versions").json == before
    assert vault("/deletedkeys").json["value"] == []


def test_a_store_without_soft_delete_keeps_nothing(vault: Store) -> None:
    vault.estate.do(lambda azure: setattr(azure.vault(vault.name), "soft_delete", False))
    vault.do("delete_key", "one")

    assert vault("/deletedkeys").json["value"] == []


@pytest.mark.parametrize(("role", "status"), [(local_roles.CRYPTO_USER, 403), (local_roles.CRYPTO_OFFICER, 200)])
def test_deleted_keys_of_a_pool_are_listed_for_the_crypto_officer(hsm: Store, role: str, status: int) -> None:
    def give(azure: Any) -> None:
        azure.revoke_local_roles(hsm.name, hsm.estate.client_id)
        azure.assign_local_role(hsm.name, hsm.estate.client_id, role)

    hsm.estate.do(give)
    hsm.do("delete_key", "seal")

    assert hsm("/deletedkeys").status == status


def test_ten_thousand_keys_are_listed_without_sorting_them_for_long(anonymous: Any, vault: Store) -> None:
    vault.estate.do(lambda azure: [azure.add_key(vault.name, f"k{number:05d}") for number in range(10_000)])

    page = vault("/keys").json

    assert len(page["value"]) == 25
    assert page["value"][0]["kid"].endswith("/k00000")


# The vendor's client ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["notify", "null"])
def test_the_vendors_client_reads_keys_versions_policies_and_deleted_keys(
    sb: Sandbox, vault: Store, monkeypatch: pytest.MonkeyPatch, setting: Any
) -> None:
    sb.profile = Profile(rotation_policy_unset=setting)
    for name, value in sb.environment().items():
        monkeypatch.setenv(name, value)
    allow_policies(vault)
    vault.do("rotate_key", "two", tags={"a": "b"}, expires=2_000_000_000)
    vault.do("add_key", "lattice", "AKP")
    vault.do("add_key", "gone")
    vault.do("delete_key", "gone")
    estate = vault.estate
    client = KeyClient(estate.url, ClientSecretCredential(estate.tenant_id, estate.client_id, estate.client_secret))

    listed = {key.name: key for key in client.list_properties_of_keys()}
    policy = client.get_key_rotation_policy("two")

    assert sorted(listed) == ["lattice", "one", "two"]
    assert (listed["two"].tags, listed["two"].hsm_platform, listed["two"].exportable) == ({"a": "b"}, "2", False)
    assert len(list(client.list_properties_of_key_versions("two"))) == 2
    assert client.get_key("lattice").key_type == "AKP"
    assert (policy.id, len(policy.lifetime_actions or [])) == (None, 1 if setting == "notify" else 0)
    (deleted,) = client.list_deleted_keys()
    assert (deleted.scheduled_purge_date - deleted.deleted_date).days == 90
