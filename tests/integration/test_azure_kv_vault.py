# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.1, step 5: a vault is made, found as it is, and removed; what a vault that is not there is refused for."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from sandbox import Sandbox
from support.azure_rights import AzureRights
from support.azure_vaults import ADMINISTRATOR, NEW, NEW_POOL, Vaults
from support.playbook import Ansible


@pytest.fixture
def vaults(azure: AzureRights) -> Vaults:
    return Vaults(azure)


each_kind = pytest.mark.parametrize("new", [NEW, NEW_POOL], ids=["vault", "pool"])


# In playbooks -------------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_a_vault_is_planned_made_and_found_by_playbooks(ansible: Ansible, sandbox: Sandbox) -> None:
    azure = sandbox.world.public
    options = {
        **NEW,
        "name": "kv-playbook",
        "tenant": azure.tenant_id,
        "client_id": azure.operator_client_id,
        "secret": azure.operator_client_secret,
        "subscription_id": azure.subscription_id,
    }

    task = {"azure_kv_vault": options}

    planned, made, again = ansible.tasks({**task, "check_mode": True}, task, task, diff=True).outcomes

    assert [one.changed for one in (planned, made, again)] == [True, True, False]
    assert (planned["plan"], planned["diff"]) == (made["plan"], made["diff"])
    assert made["vault"] == again["vault"]


# Making -------------------------------------------------------------------------------------------------------------


@each_kind
def test_check_mode_predicts_a_new_vault_exactly(vaults: Vaults, new: dict[str, Any]) -> None:
    predicted = vaults(new, check_mode=True)

    made = vaults(new)

    differing = {"planned": False, "exists": True, "activation": made["vault"]["activation"]}
    assert {**predicted["vault"], **differing} == made["vault"]
    assert (predicted["plan"], predicted["diff"]) == (made["plan"], made["diff"])


@each_kind
def test_a_planned_vault_does_not_exist(vaults: Vaults, new: dict[str, Any]) -> None:
    vault = vaults(new, check_mode=True)["vault"]

    assert (vault["planned"], vault["exists"]) == (True, False)


@each_kind
def test_check_mode_writes_nothing(vaults: Vaults, new: dict[str, Any]) -> None:
    mark = vaults.mark()

    vaults(new, check_mode=True)

    assert vaults.writes(mark) == []


@each_kind
def test_a_new_vault_is_one_write(vaults: Vaults, new: dict[str, Any]) -> None:
    mark = vaults.mark()

    vaults(new)

    assert vaults.writes(mark) == [f"PUT {new['name']}"]


@each_kind
def test_a_second_run_changes_and_writes_nothing(vaults: Vaults, new: dict[str, Any]) -> None:
    vaults(new)
    mark = vaults.mark()

    result = vaults(new)

    assert (result["changed"], result["plan"], vaults.writes(mark)) == (False, [], [])


def test_a_vault_that_is_right_costs_three_requests(vaults: Vaults) -> None:
    """Discovery, token, and the vault."""
    vaults(NEW)
    mark = vaults.mark()

    vaults(NEW)

    assert vaults.requests(mark) == 3


def test_a_new_vault_is_as_the_options_say(vaults: Vaults) -> None:
    rules = {"public_network_access": "enabled", "default_action": "deny", "ip_rules": ["198.51.100.7/32"]}

    vaults(NEW, retention_days=30, tags={"team": "keys"}, **rules)

    stored = vaults.stored("kv-new")
    assert (stored.sku, stored.retention_days, stored.tags, stored.access_policies) == (
        "premium",
        30,
        {"team": "keys"},
        [],
    )
    assert (stored.firewall.default_action, stored.firewall.ip_rules) == ("Deny", ["198.51.100.7"])


@pytest.mark.parametrize(("model", "rbac"), [("access_policy", False), ("rbac", True)])
def test_the_permission_model_of_a_new_vault_is_always_said(vaults: Vaults, model: str, rbac: bool) -> None:
    """Azure's default is RBAC, where the guide's permissions do nothing."""
    vaults(NEW, permission_model=model)

    assert vaults.stored("kv-new").rbac is rbac


@pytest.mark.parametrize(("wanted", "expected"), [(None, True), (True, True), (False, False)])
def test_a_new_vault_has_purge_protection_unless_it_is_not_wanted(
    vaults: Vaults, wanted: bool | None, expected: bool
) -> None:
    vaults(NEW, purge_protection=wanted)

    assert vaults.stored("kv-new").purge_protection is expected


@pytest.mark.parametrize("missing", ["location", "type", "permission_model"])
def test_what_is_made_has_to_be_described_in_full(vaults: Vaults, missing: str) -> None:
    with pytest.raises(InvalidInput, match=f"Option {missing}: the vault does not exist"):
        vaults(NEW, **{missing: None})


@each_kind
def test_it_is_waited_for_until_azure_has_made_it(vaults: Vaults, new: dict[str, Any]) -> None:
    vaults.azure.do(lambda state: setattr(state, "provisioning_reads", 3))
    mark = vaults.mark()

    vaults(new)

    reads = [entry for entry in vaults.azure.sandbox.journal.since(mark) if entry.path.endswith(f"/{new['name']}")]
    assert [entry.method for entry in reads] == ["GET", "GET", "PUT", "GET", "GET", "GET", "GET"]


def test_a_wait_that_was_too_short_goes_on_with_the_next_run(vaults: Vaults) -> None:
    vaults.azure.do(lambda state: setattr(state, "provisioning_reads", 3))
    with pytest.raises(TaskError, match=r"not finished .*wait_timeout has expired"):
        vaults(NEW, wait_timeout=0, wait_interval=1)

    result = vaults(NEW)

    assert (result["changed"], result["vault"]["exists"]) == (False, True)


def test_a_new_vault_is_found_in_the_us_governments_cloud(government: AzureRights) -> None:
    vaults = Vaults(government)

    planned = vaults(NEW, check_mode=True)["vault"]["uri"]

    assert planned == vaults(NEW)["vault"]["uri"] == "https://kv-new.vault.usgovcloudapi.net/"


# What a new vault is refused for ------------------------------------------------------------------------------------


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_missing_resource_group_is_said(vaults: Vaults, check_mode: bool) -> None:
    with pytest.raises(TaskError, match="the resource group does not exist"):
        vaults(NEW, resource_group="rg-nowhere", check_mode=check_mode)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_provider_that_is_not_registered_is_said_and_left(vaults: Vaults, check_mode: bool) -> None:
    subscription = vaults.azure.view.subscription_id
    vaults.azure.do(lambda state: state.unregister_provider(subscription))
    mark = vaults.mark()

    with pytest.raises(TaskError, match="az provider register"):
        vaults(NEW, check_mode=check_mode)

    assert vaults.writes(mark) == []


def test_an_operator_who_may_not_look_at_providers_hears_of_it_at_the_write(vaults: Vaults) -> None:
    subscription = vaults.azure.view.subscription_id
    vaults.azure.do(lambda state: state.unregister_provider(subscription))

    with pytest.raises(TaskError, match="az provider register"):
        vaults(NEW, **vaults.azure.another_operator("Key Vault Contributor"))


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_operator_without_the_right_is_refused_before_the_write(vaults: Vaults, check_mode: bool) -> None:
    mark = vaults.mark()

    with pytest.raises(TaskError, match=r"lacks permissions .*Microsoft.KeyVault/vaults/write at .*/rg-keys"):
        vaults(NEW, check_mode=check_mode, **vaults.azure.another_operator("Reader", "Key Vault Crypto Officer"))

    assert vaults.writes(mark) == []


def test_t33_an_azure_policy_against_access_policies_is_explained(vaults: Vaults) -> None:
    subscription = vaults.azure.view.subscription_id
    vaults.azure.do(lambda state: state.deny_access_policies(subscription))

    with pytest.raises(TaskError, match=r"12d4fa5e-1f9f-4c21-97a9-b99b3c6611b5 .* allows the permission model rbac"):
        vaults(NEW)


def test_t33_an_azure_policy_against_access_policies_lets_rbac_pass(vaults: Vaults) -> None:
    subscription = vaults.azure.view.subscription_id
    vaults.azure.do(lambda state: state.deny_access_policies(subscription))

    assert vaults(NEW, permission_model="rbac")["vault"]["exists"] is True


def test_a_name_that_another_subscription_holds_is_said(vaults: Vaults) -> None:
    def deed(state: Any) -> None:
        other = state.add_subscription(vaults.azure.view.tenant_id)
        state.add_vault("kv-new", subscription_id=other.subscription_id)
        state.delete_vault("kv-new")

    vaults.azure.do(deed)

    with pytest.raises(TaskError, match="the name is taken"):
        vaults(NEW, check_mode=True, on_soft_deleted="recover")


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"name": "1st-vault"}, "name"),
        ({"name": "kv--two"}, "name"),
        ({"retention_days": 6}, "retention_days"),
        ({"ip_rules": ["2001:db8::1"]}, "ip_rules"),
        ({"initial_admin_object_ids": [ADMINISTRATOR]}, "initial_admin_object_ids"),
        ({"type": "managed_hsm"}, "permission_model"),
        ({"wait_timeout": -1}, "wait_timeout"),
        ({"delete_vault_named": "kv-other"}, "delete_vault_named"),
    ],
)
def test_what_cannot_be_right_is_refused_offline(vaults: Vaults, options: dict[str, Any], option: str) -> None:
    mark = vaults.mark()

    with pytest.raises(InvalidInput, match=f"Option {option}:"):
        vaults(NEW, **options)

    assert vaults.requests(mark) == 0


# Managed HSM --------------------------------------------------------------------------------------------------------


def test_a_pool_that_is_there_is_adopted(pool: AzureRights) -> None:
    vaults = Vaults(pool)

    result = vaults(vaults.there)

    assert (result["changed"], result["vault"]["activation"], vaults.warnings) == (False, "Active", [])


def test_a_pool_that_is_not_activated_is_told(pool: AzureRights) -> None:
    vaults = Vaults(pool)
    pool.do(lambda state: setattr(state.managed_hsm(pool.vault), "activated", False))

    result = vaults(vaults.there)

    assert result["vault"]["activation"] == "NotActivated"
    assert "security domain" in vaults.warnings[0]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_pool_is_made_only_when_its_cost_is_accepted(vaults: Vaults, check_mode: bool) -> None:
    with pytest.raises(InvalidInput, match="i_accept_hourly_cost"):
        vaults(NEW_POOL, i_accept_hourly_cost=False, check_mode=check_mode)


def test_a_pool_needs_administrators(vaults: Vaults) -> None:
    with pytest.raises(InvalidInput, match="initial_admin_object_ids"):
        vaults(NEW_POOL, initial_admin_object_ids=None)


def test_a_managed_hsm_contributor_can_make_a_pool(vaults: Vaults) -> None:
    """That role may not ask whether a name is free."""
    operator = vaults.azure.another_operator("Managed HSM contributor", "Reader")

    assert vaults(NEW_POOL, **operator)["vault"]["type"] == "managed_hsm"
