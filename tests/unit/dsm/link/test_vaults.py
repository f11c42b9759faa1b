# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The choice of a vault (guide 4.5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.azure_link import ENDPOINTS, checked_vault_uri
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.vaults import (
    Vault,
    VaultSelector,
    choose,
    list_vaults,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from unit.dsm.builders import CLIENT, SUBSCRIPTION, TENANT, answering, link

GOVERNMENT = dict(ENDPOINTS["us_government"])


def resource_id(name: str, kind: str = "vaults", subscription: str = SUBSCRIPTION) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/rg/providers/Microsoft.KeyVault/{kind}/{name}"


def vault(name: str, vault_type: str = "PREMIUM", **changes: Any) -> Vault:
    return Vault.from_stored(
        {
            "id": resource_id(name),
            "name": name,
            "vault_type": vault_type,
            "uri": f"https://{name}.vault.azure.net",
            **changes,
        }
    )


ONE = vault("kv-one", tags={"env": "prod", "team": "blue"})
TWO = vault("kv-two", "Standard", tags={"env": "prod"})


# --- What was asked for -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "part"),
    [
        ({"name": " "}, "name"),
        ({"uri": ""}, "uri"),
        ({"uri": "kv-one"}, "uri"),
        ({"resource_id": "\t"}, "resource_id"),
        ({"resource_id": "kv-one"}, "resource_id"),
        ({"resource_id": resource_id("kv-one", kind="secrets")}, "resource_id"),
        ({"resource_id": resource_id("")}, "resource_id"),
        ({"tags": {}}, "tags"),
        ({"tags": {"env": "a", "Env": "a"}}, "tags"),
    ],
)
def test_what_names_no_vault_is_refused_by_the_name_of_its_option(option: dict[str, Any], part: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        VaultSelector.from_option(option)

    assert refused.value.details["option"] == f"vault.{part}"


@pytest.mark.parametrize(
    "option",
    [
        {"name": "KV-One"},
        {"uri": "https://KV-one.vault.azure.net"},
        {"resource_id": resource_id("kv-one").upper() + "/"},
        {"tags": {"TEAM": "blue"}},
        {"tags": {"team": "blue", "env": "prod"}},
    ],
)
class TestOneVault:
    def test_fits_in_whatever_way_it_is_named(self, option: dict[str, Any]) -> None:
        assert VaultSelector.from_option(option).fits(ONE)

    def test_is_told_from_another(self, option: dict[str, Any]) -> None:
        assert not VaultSelector.from_option(option).fits(TWO)


def test_values_of_tags_do_not_ignore_letter_case() -> None:
    assert not VaultSelector.from_option({"tags": {"team": "Blue"}}).fits(ONE)


def test_tags_are_compared_as_texts() -> None:
    assert VaultSelector.from_option({"tags": {"cost": 7}}).fits(vault("kv", tags={"cost": "7"}))


# --- Stored already? --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        {"name": "KV-One"},
        {"name": "kv-one", "type": "premium"},
        {"uri": "https://kv-one.vault.azure.net"},
        {"resource_id": resource_id("KV-One")},
        {"resource_id": resource_id("kv-one", subscription=SUBSCRIPTION.upper())},
    ],
)
def test_a_vault_that_the_link_has_already_needs_no_listing(option: dict[str, Any]) -> None:
    assert VaultSelector.from_option(option).is_stored_in(link())


@pytest.mark.parametrize(
    "option",
    [
        {"name": "kv-two"},
        {"name": "kv-one", "type": "standard"},
        {"uri": "https://kv-one.vault.usgovcloudapi.net/"},
        {"resource_id": resource_id("kv-one", subscription=CLIENT)},
        {"resource_id": resource_id("kv-one", kind="managedHSMs")},
        {"tags": {"env": "prod"}},
    ],
)
def test_another_vault_or_one_that_cannot_be_told_does(option: dict[str, Any]) -> None:
    assert not VaultSelector.from_option(option).is_stored_in(link())


def test_a_link_without_a_vault_has_no_vault_stored() -> None:
    assert not VaultSelector.from_option({"name": "kv-one"}).is_stored_in(link(url="", key_vault_type=None))


# --- Without a listing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "known"),
    [
        ({"name": "KV-One", "type": "premium"}, ("https://kv-one.vault.azure.net/", "premium")),
        (
            {"uri": "https://kv-one.vault.azure.net", "type": "standard"},
            ("https://kv-one.vault.azure.net/", "standard"),
        ),
        ({"resource_id": resource_id("kv-one"), "type": "premium"}, ("https://kv-one.vault.azure.net/", "premium")),
        ({"name": "kv-one"}, None),
        ({"tags": {"env": "prod"}, "type": "premium"}, None),
    ],
)
def test_a_vault_is_known_without_a_listing_when_uri_and_type_follow(option: dict[str, Any], known: Any) -> None:
    assert VaultSelector.from_option(option).without_listing(link()) == known


def test_a_vault_that_is_known_by_its_name_is_in_the_links_cloud() -> None:
    known = VaultSelector.from_option({"name": "kv-one", "type": "premium"}).without_listing(link(endpoints=GOVERNMENT))

    assert known == ("https://kv-one.vault.usgovcloudapi.net/", "premium")


@given(st.text(min_size=1, max_size=12))
@example("example.com/x")
@example("my vault")
def test_a_name_never_leads_to_a_uri_outside_of_the_links_cloud(name: str) -> None:
    try:
        known = VaultSelector.from_option({"name": name, "type": "premium"}).without_listing(link())
    except InvalidInput:
        return  # refused: as good

    assert known is None or checked_vault_uri("vault.name", known[0], "global") == known[0]


# --- The choice -------------------------------------------------------------------------------------------------------


def choice(option: dict[str, Any], *vaults: Vault) -> Vault:
    return choose(VaultSelector.from_option(option), vaults, 'group "x"')


def test_the_one_vault_that_fits_is_chosen() -> None:
    assert choice({"name": "kv-two"}, ONE, TWO) == TWO


def test_the_type_decides_between_vaults_that_fit_otherwise() -> None:
    assert choice({"tags": {"env": "prod"}, "type": "standard"}, ONE, TWO) == TWO


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"name": "kv-three"}, r"no vault matches \(name kv-three\); the application sees: kv-one.*kv-two"),
        ({"tags": {"env": "prod"}}, "several vaults match.*: kv-one.*kv-two"),
        ({"name": "kv-one", "type": "standard"}, r"type of the vault is not standard: kv-one \(premium"),
    ],
)
def test_a_choice_that_cannot_be_made_lists_the_candidates(option: dict[str, Any], words: str) -> None:
    with pytest.raises(TaskError, match=words):
        choice(option, ONE, TWO)


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ({"name": "kv-three"}, ["kv-one", "kv-two"]),
        ({"tags": {"env": "prod"}}, ["kv-one", "kv-two"]),
        ({"name": "kv-one", "type": "standard"}, ["kv-one"]),
    ],
)
def test_the_candidates_are_part_of_the_failure(option: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(TaskError) as failed:
        choice(option, ONE, TWO)

    assert [candidate["name"] for candidate in failed.value.to_fail_json()["failure"]["candidates"]] == names


def test_an_empty_list_is_not_taken_for_no_vault_but_for_a_missing_right() -> None:
    with pytest.raises(TaskError, match=r"the application sees no vault.*Microsoft\.KeyVault/vaults/read"):
        choice({"name": "kv-one"})


@pytest.mark.parametrize("answer", [None, []])
def test_no_answer_and_an_empty_one_list_no_vaults(answer: Any) -> None:
    assert list_vaults(answering(answer), {}, link(), "g") == []


def test_a_resource_id_of_another_subscription_is_not_taken_unseen() -> None:
    other = resource_id("kv-one").replace(SUBSCRIPTION, TENANT)

    assert VaultSelector.from_option({"resource_id": other, "type": "premium"}).without_listing(link()) is None
