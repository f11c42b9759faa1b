# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Vaults and managed HSMs in Resource Manager: how they are named, found and read (Azure contract §1.2, §1.6)."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import (
    MANAGED_HSM,
    VAULT,
    Firewall,
    KeyStore,
    PolicyEntry,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults.vault_lookup import (
    Locator,
    VaultAddress,
    find,
    gaps,
    read,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.cloud import PUBLIC
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.credential import Operator
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from unit.azure.builders import APP, CLIENT, HOME, POOL_ID, RESOURCE_GROUP, SUBSCRIPTION, VAULT_ID, saying

SUBSCRIPTION_ID = SUBSCRIPTION.rpartition("/")[2]
VAULTS = f"{SUBSCRIPTION}/providers/Microsoft.KeyVault/vaults"
POOLS = f"{SUBSCRIPTION}/providers/Microsoft.KeyVault/managedHSMs"
POLICY = {"tenantId": HOME, "objectId": APP, "permissions": {"keys": ["get"]}}
# What Azure may leave out of a vault.
COMPLETE: dict[str, Any] = {
    "enableRbacAuthorization": False,
    "softDeleteRetentionInDays": 90,
    "enablePurgeProtection": True,
    "publicNetworkAccess": "Enabled",
    "provisioningState": "Succeeded",
    "networkAcls": {"bypass": "None", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []},
}
OPERATOR = Operator(PUBLIC, None, CLIENT, HOME, SUBSCRIPTION_ID, {})


def located(**option: Any) -> Locator:
    return Locator.from_option(option, PUBLIC)


def stored(resource_id: str = VAULT_ID, *, tags: Any = None, sku: Any = None, **properties: Any) -> dict[str, Any]:
    """A vault, or pool, as Resource Manager shows it."""
    name = resource_id.rpartition("/")[2]
    facts = {
        "tenantId": HOME,
        "sku": {"family": "A", "name": "Premium"},
        "vaultUri": f"https://{name}.vault.azure.net/",
        "accessPolicies": [],
        **properties,
    }
    return {"id": resource_id, "name": name, "location": "westeurope", "tags": tags, "sku": sku, "properties": facts}


def store_from(**properties: Any) -> KeyStore:
    return read(saying({VAULT_ID: stored(**properties)}), VAULT_ID)


def pool_from(**properties: Any) -> KeyStore:
    return read(saying({POOL_ID: stored(POOL_ID, **properties)}), POOL_ID)


# --- Places -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource_id", "kind"),
    [
        (VAULT_ID, VAULT),
        (VAULT_ID.upper(), VAULT),
        (VAULT_ID.lower() + "/", VAULT),
        (f" {VAULT_ID} ", VAULT),
        (POOL_ID, MANAGED_HSM),
        (POOL_ID.lower(), MANAGED_HSM),
    ],
)
def test_the_resource_id_tells_the_kind_in_any_letter_case(resource_id: str, kind: str) -> None:
    place = VaultAddress.parse(resource_id)

    assert place is not None
    assert (place.kind, place.subscription_id, place.resource_group.lower()) == (kind, SUBSCRIPTION_ID, "rg-keys")


@pytest.mark.parametrize(
    "resource_id",
    [
        "",
        "kv-one",
        RESOURCE_GROUP,
        VAULTS,
        f"{VAULT_ID}/keys/one",
        VAULT_ID.lstrip("/"),
        VAULT_ID.replace("vaults", "s"),
    ],
)
def test_other_resources_are_no_place(resource_id: str) -> None:
    assert VaultAddress.parse(resource_id) is None


@pytest.mark.parametrize(("resource_id", "label"), [(VAULT_ID, "vault kv-one"), (POOL_ID, "managed HSM hsm-one")])
def test_a_place_is_called_by_its_kind_and_name(resource_id: str, label: str) -> None:
    place = VaultAddress.parse(resource_id)

    assert place is not None
    assert place.label == label


# --- How the user names it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "part"),
    [
        ({"name": ""}, "name"),
        ({"name": "kv"}, "name"),
        ({"name": "a" * 25}, "name"),
        ({"name": "1kv"}, "name"),
        ({"name": "kv-"}, "name"),
        ({"name": "kv_one"}, "name"),
        ({"name": "kv-one/x"}, "name"),
        ({"name": "kv-one", "resource_group": ""}, "resource_group"),
        ({"name": "kv-one", "resource_group": "rg/one"}, "resource_group"),
        ({"name": "kv-one", "resource_group": "rg."}, "resource_group"),
        ({"name": "kv-one", "resource_group": "r" * 91}, "resource_group"),
        ({"resource_id": ""}, "resource_id"),
        ({"resource_id": RESOURCE_GROUP}, "resource_id"),
        ({"uri": ""}, "uri"),
        ({"uri": "https://kv-one.vault.usgovcloudapi.net"}, "uri"),
        ({"uri": "http://kv-one.vault.azure.net"}, "uri"),
        ({"tags": {}}, "tags"),
        ({"tags": {"env": "a", "Env": "a"}}, "tags"),
        ({"resource_id": VAULT_ID, "type": "managed_hsm"}, "type"),
        ({"resource_id": POOL_ID, "type": "premium"}, "type"),
        ({"uri": "https://hsm-one.managedhsm.azure.net", "type": "standard"}, "type"),
        ({"uri": "https://kv-one.vault.azure.net", "type": "managed_hsm"}, "type"),
    ],
)
def test_what_can_be_no_vault_is_refused_by_the_name_of_its_option(option: dict[str, Any], part: str) -> None:
    with pytest.raises(InvalidInput, match=f"vault.{part}"):
        located(**option)


@pytest.mark.parametrize("name", ["rg", "RG_1.(test)-x", "Schlüssel", "r" * 90])
def test_a_resource_group_may_have_letters_of_any_script_and_some_signs(name: str) -> None:
    assert located(name="kv-one", resource_group=name).resource_group == name


@pytest.mark.parametrize("name", ["kv1", "KV-One", "a" * 24])
def test_a_name_may_have_three_to_24_characters(name: str) -> None:
    assert located(name=name).name == name


@pytest.mark.parametrize(
    ("option", "kind"),
    [
        ({"name": "kv-one"}, None),
        ({"name": "kv-one", "type": "premium"}, VAULT),
        ({"name": "kv-one", "type": "managed_hsm"}, MANAGED_HSM),
        ({"uri": "https://kv-one.vault.azure.net/"}, VAULT),
        ({"uri": "https://hsm-one.managedhsm.azure.net"}, MANAGED_HSM),
        ({"resource_id": POOL_ID, "type": "managed_hsm"}, MANAGED_HSM),
        ({"resource_id": VAULT_ID, "type": None}, VAULT),
        ({"tags": {"env": "prod"}}, None),
    ],
)
def test_the_kind_is_known_as_far_as_it_follows(option: dict[str, Any], kind: str | None) -> None:
    assert located(**option).kind == kind


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        ({"name": "kv-one"}, "kv-one"),
        ({"resource_id": VAULT_ID}, VAULT_ID),
        ({"uri": "https://kv-one.vault.azure.net"}, "https://kv-one.vault.azure.net"),
        ({"tags": {"team": "blue", "env": "prod"}}, "tags env=prod, team=blue"),
    ],
)
def test_a_vault_is_called_as_the_user_names_it(option: dict[str, Any], shown: str) -> None:
    assert str(located(**option)) == shown


# --- Which one is meant -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        {"name": "KV-One"},
        {"name": "kv-one", "resource_group": "RG-Keys"},
        {"uri": "HTTPS://KV-ONE.vault.azure.net"},
        {"tags": {"ENV": "prod"}},
        {"tags": {"cost": 7}},
    ],
)
def test_the_vault_that_is_meant_fits(option: dict[str, Any]) -> None:
    one = stored(tags={"env": "prod", "cost": "7"}, vaultUri="https://kv-one.vault.azure.net/")

    assert located(**option).fits(one)


@pytest.mark.parametrize(
    "option",
    [
        {"name": "kv-on"},
        {"name": "kv-one", "resource_group": "keys"},
        {"uri": "https://kv-two.vault.azure.net"},
        {"tags": {"env": "test"}},
        {"tags": {"env": "Prod"}},
        {"tags": {"env": "prod", "team": "blue"}},
    ],
)
def test_another_vault_does_not_fit(option: dict[str, Any]) -> None:
    one = stored(tags={"env": "prod"}, vaultUri="https://kv-one.vault.azure.net/")

    assert not located(**option).fits(one)


def test_a_pool_is_found_by_its_own_uri() -> None:
    one = stored(POOL_ID, vaultUri=None, hsmUri="https://hsm-one.managedhsm.azure.net/")

    assert located(uri="https://hsm-one.managedhsm.azure.net").fits(one)


SPELLED_OTHERWISE = VAULT_ID.replace("resourceGroups", "ResourceGroups").replace("Microsoft", "microsoft")


@pytest.mark.parametrize("resource_id", [VAULT_ID, VAULT_ID + "/", f" {VAULT_ID}\n", SPELLED_OTHERWISE])
def test_a_resource_id_is_read_without_a_list(resource_id: str) -> None:
    asked: list[str] = []
    find(
        saying({VAULT_ID: stored(**COMPLETE, accessPolicies=[POLICY])}, asked),
        located(resource_id=resource_id),
        OPERATOR,
    )

    assert asked == [f"GET {VAULT_ID}"]


@pytest.mark.parametrize(
    ("option", "resource_id"),
    [
        ({"name": "kv-one"}, VAULT_ID),
        ({"name": "hsm-one", "type": "managed_hsm"}, POOL_ID),
    ],
)
def test_a_name_and_a_resource_group_are_read_without_a_list(option: dict[str, Any], resource_id: str) -> None:
    asked: list[str] = []
    arm = saying({resource_id: stored(resource_id, **COMPLETE, accessPolicies=[POLICY])}, asked)
    find(arm, located(**option, resource_group="rg-keys"), OPERATOR)

    assert asked == [f"GET {resource_id}"]


def test_a_name_alone_is_looked_for_among_vaults_and_pools_and_read_then() -> None:
    asked: list[str] = []
    arm = saying({VAULTS: [], POOLS: [stored(POOL_ID)], POOL_ID: stored(POOL_ID)}, asked)
    found = find(arm, located(name="hsm-one"), OPERATOR)

    assert (found.kind, asked) == (MANAGED_HSM, [f"GET {VAULTS}", f"GET {POOLS}", f"GET {POOL_ID}"])


def test_only_the_list_of_the_kind_is_read_when_that_is_known() -> None:
    asked: list[str] = []
    arm = saying({VAULTS: [stored()], VAULT_ID: stored(**COMPLETE, accessPolicies=[POLICY])}, asked)
    find(arm, located(name="kv-one", type="standard"), OPERATOR)

    assert asked == [f"GET {VAULTS}", f"GET {VAULT_ID}"]


def test_a_vault_that_is_not_there_is_a_matter_of_name_subscription_or_right() -> None:
    with pytest.raises(TaskError, match=r"no vault that is visible to the operator matches") as refused:
        find(saying({VAULTS: [], POOLS: []}), located(name="kv-one"), OPERATOR)
    assert SUBSCRIPTION_ID in refused.value.next_step


def test_several_vaults_that_fit_are_listed() -> None:
    two = VAULT_ID.replace("kv-one", "kv-two")
    arm = saying({VAULTS: [stored(two, tags={"a": "b"}), stored(tags={"a": "b"})], POOLS: []})

    with pytest.raises(TaskError, match=f"{VAULT_ID}, {two}"):
        find(arm, located(tags={"a": "b"}), OPERATOR)


# --- What is read of a vault ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "expected"),
    [({}, (False, False)), ({"enableRbacAuthorization": None}, (False, False))]
    + [({"enableRbacAuthorization": flag}, (flag, True)) for flag in (False, True)],
)
def test_a_model_that_is_not_stated_is_access_policies(stated: dict[str, Any], expected: tuple[bool, bool]) -> None:
    store = store_from(**stated)

    assert (store.rbac, store.states_model) == expected


@pytest.mark.parametrize(("stated", "on"), [({}, True), ({"enableSoftDelete": None}, True)])
def test_soft_delete_that_is_not_stated_is_on(stated: dict[str, Any], on: bool) -> None:
    assert store_from(**stated).soft_delete is on


@pytest.mark.parametrize("flag", [True, False])
def test_soft_delete_is_read_as_it_is_stated(flag: bool) -> None:
    assert store_from(enableSoftDelete=flag).soft_delete is flag


@pytest.mark.parametrize(("flag", "on"), [(True, True), (False, False), (None, False)])
def test_purge_protection_is_on_only_where_it_is_stated(flag: bool | None, on: bool) -> None:
    assert (store_from(enablePurgeProtection=flag).purge_protection, pool_from().purge_protection) == (on, False)


def test_the_sku_is_in_lower_case() -> None:
    assert (store_from().sku, pool_from(sku={"name": "Standard_B1"}).sku) == ("premium", "standard_b1")


@pytest.mark.parametrize(("rbac", "policies"), [(False, []), (True, []), (True, None)])
def test_a_vault_may_have_no_policies(rbac: bool, policies: Any) -> None:
    assert store_from(enableRbacAuthorization=rbac, accessPolicies=policies).policies == ()


@pytest.mark.parametrize("policies", [None, {}, ""])
def test_an_answer_without_the_policies_that_decide_does_not_say_that_nobody_has_access(policies: Any) -> None:
    with pytest.raises(TaskError, match="accessPolicies"):
        store_from(accessPolicies=policies)


# --- Answers that are not about this vault, or short ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": POOL_ID}, "not about this object"),
        ({"id": None}, "not about this object"),
        ({"name": "kv-two"}, "name"),
        ({"name": None}, "name"),
        ({"location": ""}, "location"),
        ({"properties": None}, "properties"),
        ({"properties": []}, "properties"),
        ({"tags": ["team"]}, "tags"),
        ({"tags": {"team": None}}, "tags"),
        ({"tenantId": None}, "properties.tenantId"),
        ({"sku": {}}, "properties.sku.name"),
        ({"vaultUri": None}, "properties.vaultUri"),
        ({"networkAcls": []}, "properties.networkAcls"),
        ({"networkAcls": {"ipRules": [{}]}}, "properties.networkAcls.ipRules"),
        ({"networkAcls": {"ipRules": {}}}, "properties.networkAcls.ipRules"),
        ({"networkAcls": {"virtualNetworkRules": [{"id": None}]}}, "properties.networkAcls.virtualNetworkRules"),
    ],
)
def test_nothing_is_built_on_an_answer_that_is_not_usable(change: dict[str, Any], named: str) -> None:
    body = stored()
    for name, value in change.items():
        (body if name in {"id", "name", "location", "properties", "tags"} else body["properties"])[name] = value

    with pytest.raises(TaskError, match=named) as raised:
        read(saying({VAULT_ID: body}), VAULT_ID)

    assert raised.value.details["retryable"] is True


def test_an_answer_in_other_letter_case_is_about_this_vault() -> None:
    assert read(saying({VAULT_ID: stored(VAULT_ID.upper())}), VAULT_ID).name == "KV-ONE"


@pytest.mark.parametrize(
    ("stated", "reads"),
    [
        ({**COMPLETE, "accessPolicies": [POLICY]}, 1),
        ({**COMPLETE, "accessPolicies": []}, 2),
        ({**COMPLETE, "enableRbacAuthorization": None, "accessPolicies": [POLICY]}, 2),
    ],
)
def test_a_single_answer_without_model_or_policies_is_read_again(stated: dict[str, Any], reads: int) -> None:
    asked: list[str] = []

    read(saying({VAULT_ID: stored(**stated)}, asked), VAULT_ID)

    assert len(asked) == reads


@pytest.mark.parametrize("member", [*COMPLETE, "accessPolicies", "tags"])
@pytest.mark.parametrize("how", ["absent", "null"])
def test_what_azure_may_leave_out_is_a_gap(member: str, how: str) -> None:
    body = stored(tags={}, **COMPLETE)
    assert gaps(VAULT, body) == frozenset()
    place = body if member == "tags" else body["properties"]
    place[member] = None
    if how == "absent":
        del place[member]

    assert member in gaps(VAULT, body)


@pytest.mark.parametrize("member", ["bypass", "defaultAction", "ipRules", "virtualNetworkRules"])
def test_a_part_of_the_network_rules_is_a_gap(member: str) -> None:
    rules = {name: value for name, value in COMPLETE["networkAcls"].items() if name != member}

    assert gaps(VAULT, stored(tags={}, **{**COMPLETE, "networkAcls": rules})) == {member}


def test_policies_are_read_in_the_spelling_of_the_vault() -> None:
    entries = [
        {"tenantId": HOME, "objectId": APP, "permissions": {"keys": ["Get", "WrapKey"], "secrets": ["all"]}},
        {"tenantId": HOME, "objectId": APP, "applicationId": CLIENT, "permissions": {"keys": None}},
        {"tenantId": HOME, "objectId": APP, "permissions": None},
    ]

    assert store_from(accessPolicies=entries).policies == (
        PolicyEntry(HOME, APP, ("Get", "WrapKey")),
        PolicyEntry(HOME, APP, (), CLIENT),
        PolicyEntry(HOME, APP, ()),
    )


def test_a_pool_has_local_roles_and_its_own_address() -> None:
    store = pool_from(hsmUri="https://hsm-one.managedhsm.azure.net/", enableRbacAuthorization=False)

    assert (store.rbac, store.uri, store.policies) == (True, "https://hsm-one.managedhsm.azure.net/", ())


@pytest.mark.parametrize(
    ("stated", "activation"),
    [
        ({"securityDomainProperties": {"activationStatus": "Active"}}, "Active"),
        ({"securityDomainProperties": None}, None),
        ({}, None),
    ],
)
def test_t28_the_activation_of_a_pool_is_read_as_it_is_spelt(stated: dict[str, Any], activation: str | None) -> None:
    assert pool_from(**stated).activation == activation


def test_tags_that_are_null_are_none() -> None:
    assert store_from().tags == {}


def test_what_is_no_vault_is_never_asked_for() -> None:
    with pytest.raises(AssertionError):
        read(saying({}), RESOURCE_GROUP)


# --- Firewalls --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, Firewall()),
        ({"networkAcls": None, "publicNetworkAccess": None}, Firewall()),
        ({"publicNetworkAccess": "ENABLED", "networkAcls": {"defaultAction": "allow"}}, Firewall()),
        ({"publicNetworkAccess": "disabled"}, Firewall(public_access=False)),
        ({"publicNetworkAccess": "SecuredByPerimeter"}, Firewall(has_perimeter=True)),
        ({"networkAcls": {"defaultAction": "DENY"}}, Firewall(default_allow=False)),
        ({"networkAcls": {"ipRules": [{"value": "198.51.100.7/32"}]}}, Firewall(ip_rules=("198.51.100.7/32",))),
        ({"networkAcls": {"ipRules": None, "virtualNetworkRules": [{"id": "x"}]}}, Firewall(subnet_rules=1)),
        ({"privateEndpointConnections": [{"id": "x"}, {"id": "y"}]}, Firewall(private_endpoints=2)),
    ],
)
def test_network_rules_are_read_in_any_shape(stated: dict[str, Any], expected: Firewall) -> None:
    assert (store_from(**stated).firewall, pool_from(**stated).firewall) == (expected, expected)
