# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys as Resource Manager lists them: names and attributes, without a right in the vault (Azure contract §1.2)."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.azure.rights.roles import PermissionSet
from support.arm_lab import code_of

NEW = "2026-02-01"


@pytest.mark.parametrize("version", ["2023-07-01", "2025-05-01", NEW])
def test_keys_are_listed_with_their_attributes(arm: Any, version: str) -> None:
    arm.do(lambda azure: azure.update_key(arm.estate.vault, "one", enabled=False, expires=2_000_000_000))

    listed = {item["name"]: item for item in arm.operator.all_of(f"{arm.vault}/keys", version)}

    one = listed["one"]
    assert sorted(listed) == ["one", "two"]
    assert one["id"] == f"{arm.vault}/keys/one"
    assert one["type"] == "Microsoft.KeyVault/vaults/keys"
    assert set(one["properties"]) == {"attributes", "keyUri"}
    assert one["properties"]["keyUri"] == f"{arm.estate.url.rstrip('/')}:443/keys/one"
    attributes = one["properties"]["attributes"]
    assert (attributes["enabled"], attributes["exp"]) == (False, 2_000_000_000)


def test_the_list_goes_over_pages(arm: Any) -> None:
    arm.do(lambda azure: [azure.add_key(arm.estate.vault, f"k{number:03d}") for number in range(120)])

    assert len(arm.operator.all_of(f"{arm.vault}/keys", NEW)) == 122


def test_one_key_shows_its_type_and_current_version_and_no_material(arm: Any) -> None:
    version = arm.do(lambda azure: azure.rotate_key(arm.estate.vault, "two"))
    arm.do(lambda azure: azure.set_rotation_policy(arm.estate.vault, "two", rotate_after="P90D"))

    properties = arm.operator("GET", f"{arm.vault}/keys/two", version=NEW).json["properties"]

    assert properties["keyUriWithVersion"].endswith(f"/keys/two/{version.version}")
    assert (properties["kty"], properties["curveName"]) == ("EC-HSM", "P-384")
    assert properties["rotationPolicy"]["lifetimeActions"][0]["action"] == {"type": "rotate"}
    assert not {"x", "y", "n", "key"} & set(properties)


def test_versions_are_listed_and_read(arm: Any) -> None:
    new = arm.do(lambda azure: azure.rotate_key(arm.estate.vault, "one"))

    listed = arm.operator.all_of(f"{arm.vault}/keys/one/versions", NEW)
    one = arm.operator("GET", f"{arm.vault}/keys/one/versions/{new.version}", version=NEW).json

    assert new.version in [item["name"] for item in listed]
    assert len(listed) == 2
    assert (one["type"], one["properties"]["keySize"]) == ("Microsoft.KeyVault/vaults/keys/versions", 2048)


@pytest.mark.parametrize(
    ("actions", "key", "versions"),
    [
        (("Microsoft.KeyVault/vaults/keys/read",), 200, 403),
        (("Microsoft.KeyVault/vaults/keys/versions/read",), 403, 200),
        (("Microsoft.KeyVault/vaults/read",), 403, 403),
    ],
)
def test_actions_and_no_data_actions_decide(
    arm: Any, names: Any, actions: tuple[str, ...], key: int, versions: int
) -> None:
    estate = arm.estate

    def build(azure: Any) -> None:
        name = names.new("role")
        scope = f"/subscriptions/{estate.subscription_id}"
        azure.add_custom_role(estate.tenant_id, name, PermissionSet(actions=actions), scopes=[scope])
        azure.revoke_role(estate.client_id, estate.vault)
        azure.assign_role(estate.client_id, estate.vault, name)

    arm.do(build)

    assert arm.app("GET", f"{arm.vault}/keys", version=NEW).status == key
    assert arm.app("GET", f"{arm.vault}/keys/one", version=NEW).status == key
    assert arm.app("GET", f"{arm.vault}/keys/one/versions", version=NEW).status == versions


@pytest.mark.parametrize("path", ["keys/none", "keys/none/versions", "keys/one/versions/" + "0" * 32])
def test_a_key_that_is_not_there_is_not_found(arm: Any, path: str) -> None:
    assert code_of(arm.operator("GET", f"{arm.vault}/{path}", version=NEW)) == (404, "KeyNotFound")


def test_keys_of_a_pool_are_listed_in_the_same_way(arm: Any) -> None:
    def build(azure: Any) -> str:
        pool = azure.add_managed_hsm(f"{arm.estate.vault}-hsm", subscription_id=arm.estate.subscription_id)
        azure.add_key(pool, "seal", "RSA-HSM")
        return str(pool.resource_id)

    (item,) = arm.operator.all_of(f"{arm.do(build)}/keys", NEW)

    assert (item["name"], item["type"]) == ("seal", "Microsoft.KeyVault/managedHSMs/keys")


@pytest.mark.parametrize("kept", [True, False])
def test_a_vault_tells_whether_it_keeps_what_is_deleted(arm: Any, kept: bool) -> None:
    arm.do(lambda azure: setattr(azure.vault(arm.estate.vault), "soft_delete", kept))

    assert arm.operator("GET", arm.vault, version=NEW).json["properties"]["enableSoftDelete"] is kept
