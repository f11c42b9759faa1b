# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that use keys: their own calls, following and pinning of versions (Azure contract §1.10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox import Profile, Sandbox
from sandbox.azure.rights.roles import PermissionSet
from support.arm_lab import code_of

STORAGE, DISKS, SQL = "2024-01-01", "2024-03-02", "2023-08-01"
HOUR = 3600


@pytest.fixture
def add(arm: Any) -> Callable[..., str]:
    """Seed a service that uses the key `one` of the estate's vault; its resource id."""

    def add(deed: str, name: str, **options: Any) -> str:
        made = arm.do(lambda azure: getattr(azure, deed)(name, arm.estate.vault, "one", **options))
        return str(made.resource_id)

    return add


def age_key(arm: Any, hours: float) -> str:
    """Let a stranger have rotated the key so many hours ago; the new version."""

    def build(azure: Any) -> str:
        key = azure.key(arm.estate.vault, "one")
        key.current.created -= 30 * 24 * HOUR
        return str(azure.rotate_key(arm.estate.vault, "one", days_ago=hours / 24).version)

    return str(arm.do(build))


def make_older(arm: Any, seconds: int) -> None:
    def build(azure: Any) -> None:
        azure.key(arm.estate.vault, "one").current.created -= seconds

    arm.do(build)


def properties(arm: Any, path: str, version: str) -> dict[str, Any]:
    answer = arm.operator("GET", path, version=version)
    assert answer.status == 200, answer.text
    return dict(answer.json["properties"])


# Following and pinning ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "version", "read", "hours"),
    [
        (
            "add_storage_account",
            STORAGE,
            lambda shown: shown["encryption"]["keyvaultproperties"]["currentVersionedKeyIdentifier"],
            24,
        ),
        ("add_disk_encryption_set", DISKS, lambda shown: shown["activeKey"]["keyUrl"], 1),
        ("add_sql_server", SQL, lambda shown: shown["keyId"], 24),
    ],
)
@pytest.mark.parametrize("follows", [True, False])
def test_a_service_that_follows_takes_a_new_version_after_some_time(
    arm: Any, add: Any, names: Any, deed: str, version: str, read: Any, hours: int, follows: bool
) -> None:
    early, late = (add(deed, names.new("svc"), follows=follows) for _number in range(2))

    new = age_key(arm, hours - 0.5)
    before = read(properties(arm, early, version))
    make_older(arm, HOUR)
    after = read(properties(arm, late, version))

    assert not before.endswith(new)
    assert after.endswith(new) is follows


def test_a_storage_account_that_pins_names_its_version(arm: Any, add: Any, names: Any) -> None:
    version = arm.do(lambda azure: azure.key(arm.estate.vault, "one").current.version)
    pinning = add("add_storage_account", names.new("st"), follows=False)
    following = add("add_storage_account", names.new("st"))

    pinned = properties(arm, pinning, STORAGE)["encryption"]
    followed = properties(arm, following, STORAGE)["encryption"]

    assert pinned["keySource"] == "Microsoft.Keyvault"
    assert pinned["keyvaultproperties"]["keyversion"] == version
    assert followed["keyvaultproperties"]["keyversion"] == ""
    assert followed["keyvaultproperties"]["keyvaulturi"] == arm.estate.url.rstrip("/")
    assert followed["keyvaultproperties"]["currentVersionedKeyIdentifier"] == f"{arm.estate.url}keys/one/{version}"


def test_a_storage_account_tells_when_its_key_expires(arm: Any, add: Any, names: Any) -> None:
    arm.do(lambda azure: azure.update_key(arm.estate.vault, "one", expires=1_900_000_000))
    place = add("add_storage_account", names.new("st"))

    shown = properties(arm, place, STORAGE)["encryption"]["keyvaultproperties"]

    assert shown["currentVersionedKeyExpirationTimestamp"].startswith("2030-03-17T17:46:40")


def test_a_storage_account_with_keys_of_microsoft_names_none(arm: Any, names: Any) -> None:
    subscription = arm.estate.subscription_id
    made = arm.do(lambda azure: azure.add_storage_account(names.new("st"), subscription_id=subscription))

    assert "keyvaultproperties" not in properties(arm, made.resource_id, STORAGE)["encryption"]


def test_a_disk_encryption_set_keeps_the_versions_before(arm: Any, add: Any, names: Any) -> None:
    place = add("add_disk_encryption_set", names.new("des"))
    old = properties(arm, place, DISKS)["activeKey"]["keyUrl"]
    age_key(arm, 2)

    shown = properties(arm, place, DISKS)

    assert shown["rotationToLatestKeyVersionEnabled"] is True
    assert [key["keyUrl"] for key in shown["previousKeys"]] == [old]
    assert shown["activeKey"]["sourceVault"]["id"] == arm.vault


def test_a_disk_encryption_set_tells_that_its_key_is_gone(arm: Any, add: Any, names: Any) -> None:
    place = add("add_disk_encryption_set", names.new("des"))
    arm.do(lambda azure: azure.delete_key(arm.estate.vault, "one"))

    shown = properties(arm, place, DISKS)

    assert shown["autoKeyRotationError"]["code"] == "KeyVaultKeyNotFound"
    assert shown["activeKey"]["keyUrl"].startswith(f"{arm.estate.url}keys/one/")


def test_disks_of_a_set_are_listed_over_pages(arm: Any, add: Any, names: Any) -> None:
    place = add("add_disk_encryption_set", names.new("des"), disks=250)

    listed: Any = arm.operator.all_of(f"{place}/associatedResources", DISKS)

    assert len(listed) == 250
    assert "/Microsoft.Compute/disks/" in listed[0]


@pytest.mark.parametrize("instance", [False, True])
def test_an_sql_server_has_a_protector_and_keys(arm: Any, add: Any, names: Any, instance: bool) -> None:
    place = add("add_sql_server", names.new("sql"), instance=instance)
    version = arm.do(lambda azure: azure.key(arm.estate.vault, "one").current.version)

    protector = properties(arm, f"{place}/encryptionProtector/current", SQL)
    keys = arm.operator.all_of(f"{place}/keys", SQL)

    assert protector["serverKeyName"] == f"{arm.estate.vault}_one_{version}"
    assert (protector["serverKeyType"], protector["autoRotationEnabled"]) == ("AzureKeyVault", True)
    assert protector["uri"] == f"{arm.estate.url}keys/one/{version}"
    assert [key["name"] for key in keys] == ["ServiceManaged", protector["serverKeyName"]]


def test_an_sql_server_with_microsofts_key_says_so(arm: Any, names: Any) -> None:
    subscription = arm.estate.subscription_id
    made = arm.do(lambda azure: azure.add_sql_server(names.new("sql"), subscription_id=subscription))

    protector = properties(arm, f"{made.resource_id}/encryptionProtector/current", SQL)

    assert protector == {"serverKeyType": "ServiceManaged", "serverKeyName": "ServiceManaged"}


@pytest.mark.parametrize(("setting", "shown"), [("shown", True), ("absent", False)])
def test_whether_the_server_itself_names_the_key_is_a_setting(
    sb: Sandbox, arm: Any, add: Any, names: Any, setting: Any, shown: bool
) -> None:
    place = add("add_sql_server", names.new("sql"))
    sb.profile = Profile(sql_key_id=setting)

    assert ("keyId" in properties(arm, place, SQL)) is shown


# Rights, lists, versions --------------------------------------------------------------------------------------------


def test_a_reader_reads_and_others_do_not(arm: Any, add: Any, names: Any) -> None:
    place = add("add_storage_account", names.new("st"))
    _oid, reader = arm.another("Reader")

    assert reader("GET", place, version=STORAGE).status == 200
    refused = arm.app("GET", place, version=STORAGE)
    assert code_of(refused) == (403, "AuthorizationFailed")
    assert "'Microsoft.Storage/storageAccounts/read'" in refused.text


def test_the_protector_is_a_right_of_its_own(arm: Any, add: Any, names: Any) -> None:
    place = add("add_sql_server", names.new("sql"))
    name = names.new("role")
    permissions = PermissionSet(actions=("Microsoft.Sql/servers/read",))
    arm.do(lambda azure: azure.add_custom_role(arm.estate.tenant_id, name, permissions, scopes=[arm.subscription]))
    _oid, caller = arm.another(name)

    assert caller("GET", place, version=SQL).status == 200
    assert caller("GET", f"{place}/encryptionProtector/current", version=SQL).status == 403


def test_lists_hold_what_the_caller_may_read(arm: Any, add: Any, names: Any) -> None:
    place = add("add_disk_encryption_set", names.new("des"))
    add("add_disk_encryption_set", names.new("des"), resource_group="rg-others")
    _oid, reader = arm.another("Reader", place)
    everywhere = f"{arm.subscription}/providers/Microsoft.Compute/diskEncryptionSets"

    assert [item["id"] for item in reader.all_of(everywhere, DISKS)] == [place]
    assert len(arm.operator.all_of(everywhere, DISKS)) == 2
    assert len(arm.operator.all_of(place.rpartition("/")[0], DISKS)) == 1


def test_a_service_that_is_not_there_is_not_found(arm: Any, add: Any, names: Any) -> None:
    place = add("add_storage_account", names.new("st")) + "x"

    assert code_of(arm.operator("GET", place, version=STORAGE)) == (404, "ResourceNotFound")


def test_an_api_version_of_another_provider_is_refused(arm: Any, add: Any, names: Any) -> None:
    place = add("add_disk_encryption_set", names.new("des"))

    refused = arm.operator("GET", place, version=STORAGE)

    assert code_of(refused) == (404, "InvalidResourceType")
    assert "'diskEncryptionSets' could not be found in the namespace 'Microsoft.Compute'" in refused.text
