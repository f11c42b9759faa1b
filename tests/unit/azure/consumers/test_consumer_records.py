# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a search says of a key: found, none found, unknown, and never that it is not in use."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.consumers.consumer_records import (
    ALL,
    BLIND_SPOTS,
    PART,
    UNKNOWN,
    Consumer,
    ConsumerSearch,
    Mention,
    Subscription,
    type_of,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.consumers.key_references import Host
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.consumers.service_settings import consumers_of

ONE, TWO = "0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f", "1c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f"
AKV = Host("akv-prod.vault.azure.net")
GROUP = "/subscriptions/s/resourceGroups/RG/providers"
STORAGE = f"{GROUP}/Microsoft.Storage/storageAccounts/st"
DISKS = f"{GROUP}/microsoft.compute/diskencryptionsets/des"
COMPLETE = {"consumers": (), "searched": (Subscription("s", "prod", ALL),)}


def searched(**members: Any) -> ConsumerSearch:
    return ConsumerSearch(**{**COMPLETE, **members})


def settings_of(resource_id: str, properties: Any) -> list[Consumer]:
    return [one for one in consumers_of(resource_id, properties, AKV, "service") if isinstance(one, Consumer)]


# The verdict ----------------------------------------------------------------------------------------------------------


def test_a_complete_search_that_found_nothing_says_so_and_no_more() -> None:
    found = searched()

    assert (found.is_complete, found.status("Payments")) == (True, "none_found")
    assert set(BLIND_SPOTS) < set(found.blind_spots)


@pytest.mark.parametrize(
    ("members", "gap"),
    [
        ({"searched": ()}, "subscriptions"),
        ({"requested": ("s", "t")}, "subscriptions"),
        ({"searched": (Subscription("s", "", PART),)}, "resources"),
        ({"searched": (Subscription("s", "", UNKNOWN),)}, "resources"),
        ({"mentions": (Mention(STORAGE, ("properties.x",)),)}, "mentions"),
        ({"unread": {"sql_servers": "refused"}}, "sql_servers"),
    ],
)
def test_nothing_found_in_a_search_with_a_gap_is_unknown(members: dict[str, Any], gap: str) -> None:
    found = searched(**members)

    assert (list(found.gaps), found.is_complete, found.status("payments")) == ([gap], False, "unknown")


def test_what_was_found_is_found_whatever_was_not_read() -> None:
    found = searched(consumers=(Consumer(STORAGE, "payments"),), unread={"sql_servers": "refused"})

    assert (found.status("PAYMENTS"), found.status("other"), found.keys) == ("found", "unknown", ("payments",))


@pytest.mark.parametrize("read_services", [False, True])
def test_the_delay_of_resource_graph_is_a_blind_spot_of_every_search(read_services: bool) -> None:
    assert "minutes late" in searched(read_services=read_services).blind_spots[-1]


def test_the_type_of_a_resource_is_known_however_its_id_is_spelled() -> None:
    assert type_of(STORAGE.upper()) == "MICROSOFT.STORAGE/STORAGEACCOUNTS"
    assert Consumer(STORAGE.upper(), "payments").record()["service"] == "storage_account"


# Settings of services -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "follows"), [("", True), (None, True), (ONE, False)])
def test_a_storage_account_follows_if_its_settings_name_no_version(version: str | None, follows: bool) -> None:
    settings = {
        "KeyVaultUri": "https://akv-prod.vault.azure.net",
        "keyName": "A",
        "keyVersion": version,
        "currentVersionedKeyIdentifier": f"https://akv-prod.vault.azure.net/keys/a/{ONE}",
        "lastKeyRotationTimestamp": "no time",
    }

    (found,) = settings_of(STORAGE, {"encryption": {"keyVaultProperties": settings}})

    assert (found.follows, found.versions, found.last_rotation) == (follows, (ONE,), None)


@pytest.mark.parametrize(("setting", "follows"), [(True, True), (False, False), (None, False), ("true", False)])
def test_a_disk_encryption_set_follows_if_it_says_so(setting: Any, follows: bool) -> None:
    key = "https://akv-prod.vault.azure.net/keys"
    properties = {
        "activeKey": {"keyUrl": f"{key}/a/{TWO}"},
        "previousKeys": [{"keyUrl": f"{key}/a/{ONE}"}, {"keyUrl": f"{key}/b/{ONE}"}],
        "rotationToLatestKeyVersionEnabled": setting,
        "autoKeyRotationError": {"code": "KeyVaultKeyNotFound"},
    }

    first, second = settings_of(DISKS, properties)

    assert (first.key, first.versions, first.previous_versions, first.follows) == ("a", (TWO,), (ONE,), follows)
    assert (second.key, second.versions, second.previous_versions) == ("b", (), (ONE,))
    assert first.problem == "KeyVaultKeyNotFound"


@pytest.mark.parametrize("setting", [True, False, None])
def test_a_switch_of_another_service_says_whether_it_follows(setting: bool | None) -> None:
    key = f"https://akv-prod.vault.azure.net/keys/a/{ONE}"
    database = {"encryptionProtector": key, "encryptionProtectorAutoRotation": setting}
    registry = {"encryption": {"keyVaultProperties": {"keyIdentifier": key, "keyRotationEnabled": setting}}}

    found = [
        *settings_of(f"{GROUP}/Microsoft.Sql/servers/one/databases/two", database),
        *settings_of(f"{GROUP}/Microsoft.ContainerRegistry/registries/one", registry),
        *settings_of(f"{GROUP}/Microsoft.Other/registries/one", registry),
    ]

    assert [one.follows for one in found] == [setting, setting, None]


@pytest.mark.parametrize("properties", [None, [], "x", {"encryption": 5}, {"encryption": {"keyvaultproperties": []}}])
@pytest.mark.parametrize("resource_id", [STORAGE, DISKS, "", "/", "x"])
def test_no_shape_of_a_resource_is_a_crash(resource_id: str, properties: Any) -> None:
    assert settings_of(resource_id, properties) == []


def test_a_record_has_the_parts_of_the_id() -> None:
    nested = f"{GROUP}/Microsoft.Sql/servers/one/databases/two"

    record = Consumer(nested, "a").record()

    assert (record["type"], record["name"]) == ("Microsoft.Sql/servers/databases", "two")
    assert (record["subscription_id"], record["resource_group"], record["service"]) == ("s", "RG", "other")
    assert type_of("/subscriptions/s/providers/Microsoft.A/b/c/providers/Microsoft.D/e/f") == "Microsoft.D/e"
    assert Consumer(DISKS, "a").record()["service"] == "disk_encryption_set"
