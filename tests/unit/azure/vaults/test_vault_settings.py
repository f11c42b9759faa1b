# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be changed at a vault, and what that would do: decided without a wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import MANAGED_HSM, VAULT
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults import vault_settings
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults.vault_lookup import store_of
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults.vault_settings import GUARDED, DesiredVault
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from unit.azure.builders import HOME, VAULT_ID

OPTIONS: Mapping[str, Any] = {
    "type": None,
    "location": None,
    "permission_model": None,
    "purge_protection": None,
    "retention_days": None,
    "public_network_access": None,
    "default_action": None,
    "ip_rules": None,
    "tags": None,
    "initial_admin_object_ids": None,
}
ADMINISTRATOR = "77777777-2222-4333-8444-555555555555"


def wanted(**options: Any) -> DesiredVault:
    return DesiredVault.from_params({**OPTIONS, **options})


def body(**properties: Any) -> dict[str, Any]:
    """A vault as Azure shows one; None takes a property out."""
    stored = {
        "tenantId": HOME,
        "sku": {"family": "A", "name": "Premium"},
        "accessPolicies": [{"tenantId": HOME, "objectId": ADMINISTRATOR, "permissions": {"keys": ["get"]}}],
        "enableRbacAuthorization": False,
        "softDeleteRetentionInDays": 90,
        "publicNetworkAccess": "Enabled",
        "networkAcls": {
            "bypass": "AzureServices",
            "defaultAction": "Allow",
            "ipRules": [],
            "virtualNetworkRules": [{"id": "/subnet"}],
        },
        **properties,
    }
    return {
        "id": VAULT_ID,
        "name": "kv-one",
        "location": "westeurope",
        "tags": {"Team": "keys"},
        "properties": {name: value for name, value in stored.items() if value is not None},
    }


def changed(stored: dict[str, Any], **options: Any) -> dict[str, Any]:
    return vault_settings.changes(store_of(VAULT, stored), wanted(**options))


def sent(stored: dict[str, Any], **options: Any) -> dict[str, Any]:
    return vault_settings.patch(stored, changed(stored, **options), wanted(**options))


def consequences(stored: dict[str, Any], **options: Any) -> dict[str, str]:
    return vault_settings.guarded(store_of(VAULT, stored), changed(stored, **options))


# Options --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [7, 90])
def test_the_ends_of_the_range_of_the_retention_are_in_it(days: int) -> None:
    assert wanted(retention_days=days).retention_days == days


def test_a_rule_has_one_spelling() -> None:
    assert wanted(ip_rules=["198.51.100.7/32", " 198.51.100.7", "203.0.113.5/24"]).ip_rules == (
        "198.51.100.7",
        "203.0.113.0/24",
    )


def test_an_administrator_is_an_object_id() -> None:
    with pytest.raises(InvalidInput, match="initial_admin_object_ids"):
        wanted(type="managed_hsm", initial_admin_object_ids=["root@example.com"])


def test_tags_that_differ_in_letter_case_only_are_refused() -> None:
    with pytest.raises(InvalidInput, match='Option tags: it contains the tag "Team" twice'):
        wanted(tags={"Team": "a", "team": "b"})


# Creation -------------------------------------------------------------------------------------------------------------


def new(**options: Any) -> dict[str, Any]:
    defaults = {"location": "westeurope", "type": "standard", "permission_model": "access_policy"}
    return vault_settings.creation(wanted(**{**defaults, **options}), HOME)


@pytest.mark.parametrize(("model", "flag"), [("access_policy", False), ("rbac", True)])
def test_a_new_vault_says_its_model_and_has_no_policies(model: str, flag: bool) -> None:
    properties = new(permission_model=model)["properties"]

    assert (properties["enableRbacAuthorization"], properties["accessPolicies"]) == (flag, [])


def test_purge_protection_is_never_sent_as_false() -> None:
    assert "enablePurgeProtection" not in new(purge_protection=False)["properties"]


def test_network_rules_are_sent_only_where_one_is_wanted() -> None:
    assert "networkAcls" not in new()["properties"]


def test_rules_of_a_new_vault_are_complete() -> None:
    assert new(default_action="deny")["properties"]["networkAcls"] == {
        "bypass": "AzureServices",
        "defaultAction": "Deny",
        "ipRules": [],
        "virtualNetworkRules": [],
    }


def test_a_pool_has_administrators_and_neither_model_nor_policies() -> None:
    made = vault_settings.creation(
        wanted(location="westeurope", type="managed_hsm", initial_admin_object_ids=[ADMINISTRATOR]), HOME
    )

    assert made["properties"]["initialAdminObjectIds"] == [ADMINISTRATOR]
    assert made["properties"].keys() & {"accessPolicies", "enableRbacAuthorization", "sku"} == set()


def test_what_is_missing_is_named_together() -> None:
    with pytest.raises(InvalidInput, match="location, type, permission_model"):
        vault_settings.refuse_incomplete(wanted(), accepts_cost=False)


# Changes --------------------------------------------------------------------------------------------------------------


def test_what_is_not_set_is_no_change() -> None:
    assert changed(body()) == {}


@pytest.mark.parametrize(
    "options",
    [
        {"type": "premium"},
        {"permission_model": "access_policy"},
        {"purge_protection": False},
        {"retention_days": 90},
        {"public_network_access": "enabled"},
        {"default_action": "allow"},
        {"ip_rules": []},
        {"tags": {"team": "keys"}},
        {"location": "West Europe"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_is_so_already_is_no_change(options: dict[str, Any]) -> None:
    assert changed(body(), **options) == {}


@pytest.mark.parametrize("flag", [None, False])
def test_a_vault_without_a_stated_model_has_policies(flag: bool | None) -> None:
    assert changed(body(enableRbacAuthorization=flag), permission_model="rbac") == {
        "permission_model": ("access_policy", "rbac")
    }


def test_a_perimeter_is_neither_enabled_nor_disabled() -> None:
    stored = body(publicNetworkAccess="SecuredByPerimeter")

    assert changed(stored, public_network_access="enabled") == {
        "public_network_access": ("secured_by_perimeter", "enabled")
    }


def test_rules_that_azure_spells_otherwise_are_the_same() -> None:
    stored = body(networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "198.51.100.7/32"}]})

    assert changed(stored, ip_rules=["198.51.100.7"]) == {}


def test_all_that_cannot_be_had_is_named_together() -> None:
    with pytest.raises(TaskError, match=r"retention_days: .*purge_protection: .*location: "):
        changed(body(enablePurgeProtection=True), retention_days=7, purge_protection=False, location="eastus")


def test_a_vault_is_the_one_that_was_sent_in_the_spelling_of_azure() -> None:
    """As the read after a lost answer shows it."""
    asked, shown = body(), {**body(), "location": "West Europe", "tags": {"TEAM": "keys"}}

    assert vault_settings.same_settings(store_of(VAULT, asked), store_of(VAULT, shown))


@pytest.mark.parametrize("changes", [{"location": "eastus"}, {"tags": {"Team": "Keys"}}, {"tags": {}}])
def test_a_vault_with_other_settings_is_another_one(changes: dict[str, Any]) -> None:
    assert not vault_settings.same_settings(store_of(VAULT, body()), store_of(VAULT, {**body(), **changes}))


# What is sent ---------------------------------------------------------------------------------------------------------


def test_tags_are_sent_with_those_that_stay() -> None:
    assert sent(body(), tags={"team": "hsm", "cost": "42"}) == {"tags": {"Team": "hsm", "cost": "42"}}


def test_network_rules_are_sent_with_those_that_stay() -> None:
    assert sent(body(), default_action="deny")["properties"]["networkAcls"] == {
        "bypass": "AzureServices",
        "defaultAction": "Deny",
        "ipRules": [],
        "virtualNetworkRules": [{"id": "/subnet"}],
    }


any_options = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["standard", "premium"]),
        "permission_model": st.sampled_from(["access_policy", "rbac"]),
        "purge_protection": st.just(True),
        "public_network_access": st.sampled_from(["enabled", "disabled"]),
        "default_action": st.sampled_from(["allow", "deny"]),
        "ip_rules": st.lists(st.sampled_from(["198.51.100.7", "203.0.113.0/24"]), unique=True),
        "tags": st.dictionaries(st.sampled_from(["TEAM", "cost"]), st.sampled_from(["keys", "x"])),
    },
)


@given(any_options)
def test_what_is_sent_leaves_nothing_to_change(options: dict[str, Any]) -> None:
    after = vault_settings.patched(body(), sent(body(), **options))

    assert changed(after, **options) == {}


@given(any_options)
def test_policies_are_never_sent(options: dict[str, Any]) -> None:
    assert "accessPolicies" not in sent(body(), **options).get("properties", {})


@given(any_options)
def test_options_that_are_not_set_are_not_touched(options: dict[str, Any]) -> None:
    before = vault_settings.settings(store_of(VAULT, body()))

    after = vault_settings.settings(store_of(VAULT, vault_settings.patched(body(), sent(body(), **options))))

    assert {name for name, value in after.items() if value != before[name]} <= options.keys()


# What disrupts --------------------------------------------------------------------------------------------------------


@given(any_options)
def test_what_can_be_guarded_is_what_the_option_offers(options: dict[str, Any]) -> None:
    assert set(consequences(body(), **options)) == set(changed(body(), **options)) & set(GUARDED)


def test_a_rule_more_cuts_nobody_off() -> None:
    stored = body(networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.9"}]})

    assert consequences(stored, ip_rules=["203.0.113.9", "198.51.100.7"]) == {}


def test_a_rule_less_cuts_off_where_the_default_is_to_deny() -> None:
    stored = body(networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.9"}]})

    assert "203.0.113.9" in consequences(stored, ip_rules=[])["default_action"]


def test_a_rule_less_cuts_nobody_off_where_the_default_is_to_allow() -> None:
    stored = body(networkAcls={"defaultAction": "Allow", "ipRules": [{"value": "203.0.113.9"}]})

    assert consequences(stored, ip_rules=[]) == {}


def test_nothing_is_refused_that_is_allowed_by_name() -> None:
    texts = {"type": "x", "default_action": "y"}

    with pytest.raises(TaskError) as raised:
        vault_settings.refuse_disruptive(store_of(VAULT, body()), texts, ["type"], [])

    assert [one["option"] for one in raised.value.details["disruptive"]] == ["default_action"]


def test_a_pool_has_no_permission_model() -> None:
    pool = {"id": "/x", "name": "hsm-one", "location": "westeurope", "sku": {"name": "Standard_B1"}}

    assert "permission_model" not in vault_settings.settings(
        store_of(MANAGED_HSM, {**pool, "properties": {"tenantId": HOME}})
    )


# Who loses access -----------------------------------------------------------------------------------------------------


def holder(name: str | None, *, also: bool) -> dict[str, Any]:
    return {"object_id": ADMINISTRATOR, "name": name, "through": ["keys/get"], "has_rights_in_new_model": also}


@pytest.mark.parametrize(
    ("losers", "sentence"),
    [
        (None, "It cannot be read who would lose access"),
        ([], "No identity has permissions under the current model"),
        ([holder("dsm", also=False)], f"These identities would lose access: dsm ({ADMINISTRATOR})"),
        ([holder(None, also=False)], f"These identities would lose access: {ADMINISTRATOR}"),
        (
            [holder("dsm", also=True)],
            "These identities would lose access: none; 1 more have permissions under both models, which may differ",
        ),
    ],
)
def test_one_sentence_says_who_loses_access(losers: list[dict[str, Any]] | None, sentence: str) -> None:
    assert vault_settings.who_loses(losers) == sentence
