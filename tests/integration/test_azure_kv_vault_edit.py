# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vault that is there: only what is set changes, and what disrupts only by its name."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault
from support.azure_rights import STRANGER, AzureRights
from support.azure_vaults import Vaults


@pytest.fixture
def vaults(azure: AzureRights) -> Vaults:
    return Vaults(azure)


@pytest.fixture
def vault(vaults: Vaults) -> Any:
    """What is stored of the vault that is there."""
    return vaults.stored(vaults.azure.vault)


DISRUPTIVE = [
    ("permission_model", "rbac"),
    ("purge_protection", True),
    ("type", "standard"),
    ("default_action", "deny"),
    ("public_network_access", "disabled"),
]
each_disruptive = pytest.mark.parametrize(("option", "value"), DISRUPTIVE)


def everything(vault: Any) -> tuple[Any, ...]:
    rules = vault.firewall
    return (
        vault.rbac,
        vault.purge_protection,
        vault.sku,
        rules.default_action,
        rules.public_access,
        tuple(rules.ip_rules),
        tuple(rules.virtual_network_rules),
        rules.bypass,
        dict(vault.tags),
        [(entry.object_id, list(entry.key_permissions)) for entry in vault.access_policies],
        vault.retention_days,
    )


# What disrupts ------------------------------------------------------------------------------------------------------


@each_disruptive
@pytest.mark.parametrize("check_mode", [True, False])
def test_what_disrupts_is_refused_before_any_write(vaults: Vaults, option: str, value: Any, check_mode: bool) -> None:
    mark = vaults.mark()

    with pytest.raises(TaskError, match=rf"Next: omit {option}, or allow it with allow_disruptive: \[{option}\]"):
        vaults(vaults.there, **{option: value}, check_mode=check_mode)

    assert vaults.writes(mark) == []


@each_disruptive
def test_the_name_of_another_option_does_not_allow_it(vaults: Vaults, option: str, value: Any) -> None:
    others = [name for name, _value in DISRUPTIVE if name != option]

    with pytest.raises(TaskError, match=rf"Next: omit {option}, or allow it with allow_disruptive: \[{option}\]"):
        vaults(vaults.there, **{option: value}, allow_disruptive=others)


@each_disruptive
def test_what_is_allowed_by_its_name_changes_that_alone(vaults: Vaults, vault: Any, option: str, value: Any) -> None:
    before = everything(vault)

    vaults(vaults.there, **{option: value}, allow_disruptive=[option])

    after = everything(vaults.stored(vault.name))
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


@each_disruptive
def test_check_mode_predicts_the_change(vaults: Vaults, option: str, value: Any) -> None:
    options = {**vaults.there, option: value, "allow_disruptive": [option]}

    predicted = vaults(options, check_mode=True)

    assert predicted == vaults(options)


@each_disruptive
def test_the_change_is_one_patch(vaults: Vaults, vault: Any, option: str, value: Any) -> None:
    """A PUT would replace the access policies."""
    mark = vaults.mark()

    vaults(vaults.there, **{option: value}, allow_disruptive=[option])

    assert vaults.writes(mark) == [f"PATCH {vault.name}"]


@each_disruptive
def test_after_the_change_nothing_has_to_be_allowed(vaults: Vaults, option: str, value: Any) -> None:
    vaults(vaults.there, **{option: value}, allow_disruptive=[option])

    assert vaults(vaults.there, **{option: value})["changed"] is False


def test_several_are_refused_together(vaults: Vaults) -> None:
    with pytest.raises(
        TaskError,
        match=r"omit purge_protection and default_action, .*allow_disruptive: \[purge_protection, default_action\]",
    ):
        vaults(vaults.there, purge_protection=True, default_action="deny")


# What does not disrupt ----------------------------------------------------------------------------------------------


def test_options_that_are_not_set_leave_everything_as_it_is(vaults: Vaults, vault: Any) -> None:
    """Defaults are for creation: the vault has no purge protection."""
    before = everything(vault)

    result = vaults(vaults.there)

    assert (result["changed"], result["vault"]["purge_protection"]) == (False, False)
    assert everything(vaults.stored(vault.name)) == before


def test_tags_are_merged(vaults: Vaults, vault: Any) -> None:
    vault.tags = {"Team": "old", "cost": "42"}

    vaults(vaults.there, tags={"team": "keys", "stage": "prod"})

    assert vaults.stored(vault.name).tags == {"Team": "keys", "cost": "42", "stage": "prod"}


def test_network_rules_that_are_not_named_stay(vaults: Vaults, vault: Any) -> None:
    subnet = "/subscriptions/x/resourceGroups/y/providers/Microsoft.Network/virtualNetworks/z/subnets/keys"
    vaults.azure.do(
        lambda state: state.set_firewall(
            vault.name, default_action="Deny", ip_rules=["203.0.113.9"], virtual_network_rules=[subnet], bypass="None"
        )
    )

    vaults(vaults.there, ip_rules=["203.0.113.9", "198.51.100.7"])

    rules = vaults.stored(vault.name).firewall
    assert (rules.default_action, rules.ip_rules) == ("Deny", ["203.0.113.9", "198.51.100.7"])
    assert (rules.virtual_network_rules, rules.bypass) == ([subnet], "None")


def test_to_take_an_address_away_from_a_closed_vault_has_to_be_allowed(vaults: Vaults, vault: Any) -> None:
    vaults.azure.do(
        lambda state: state.set_firewall(
            vault.name, default_action="Deny", ip_rules=["203.0.113.9/32", "198.51.100.0/24"]
        )
    )

    with pytest.raises(TaskError, match=r"no longer allowed: 203\.0\.113\.9\).* Next: omit ip_rules, or allow"):
        vaults(vaults.there, ip_rules=["198.51.100.0/24"])


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("retention_days", 30, "fixed at creation"),
        ("location", "northeurope", "a vault cannot be moved"),
    ],
)
def test_what_cannot_be_changed_any_more_is_refused(vaults: Vaults, option: str, value: Any, why: str) -> None:
    with pytest.raises(TaskError, match=f"{option}: it is .*{why}"):
        vaults(vaults.there, **{option: value})


def test_purge_protection_cannot_be_switched_off(vaults: Vaults, vault: Any) -> None:
    vault.purge_protection = True

    with pytest.raises(TaskError, match="purge_protection: it is True, and it cannot be disabled again"):
        vaults(vaults.there, purge_protection=False, allow_disruptive=["purge_protection"])


def test_a_location_is_compared_as_azure_does(vaults: Vaults) -> None:
    assert vaults(vaults.there, location="West Europe")["changed"] is False


def test_a_pool_is_changed_as_a_vault_is(pool: AzureRights) -> None:
    vaults = Vaults(pool)
    before = vaults.stored(pool.vault).sku

    result = vaults(vaults.there, default_action="deny", tags={"a": "b"}, allow_disruptive=["default_action"])

    stored = vaults.stored(pool.vault)
    assert (result["changed"], stored.firewall.default_action, stored.tags["a"]) == (True, "Deny", "b")
    assert stored.sku == before


def test_a_change_that_something_else_is_making_is_told(vaults: Vaults) -> None:
    body = '{"error": {"code": "ConflictError", "message": "A conflict occurred."}}'
    route = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
    vaults.azure.sandbox.faults.add(Fault("arm", "PATCH", route, status=409, body=body, times=None))

    with pytest.raises(TaskError, match="another operation is changing the same object"):
        vaults(vaults.there, tags={"a": "b"})


def test_an_operator_without_the_right_is_refused_before_the_write(vaults: Vaults) -> None:
    operator = vaults.azure.another_operator("Reader")
    mark = vaults.mark()

    with pytest.raises(TaskError, match=r"lacks permissions .*vaults/write"):
        vaults(vaults.there, tags={"a": "b"}, **operator)

    assert vaults.writes(mark) == []


# The permission model -----------------------------------------------------------------------------------------------


def who(result_or_error: Any) -> dict[str, tuple[Any, bool]]:
    """Object ID -> name, and whether there are rights in the new model."""
    return {one["object_id"]: (one["name"], one["has_rights_in_new_model"]) for one in result_or_error}


TO_RBAC = {"permission_model": "rbac", "allow_disruptive": ["permission_model"]}
TO_POLICIES = {"permission_model": "access_policy", "allow_disruptive": ["permission_model"]}


def test_a_change_to_roles_lists_who_has_policies(vaults: Vaults) -> None:
    app = vaults.azure.view.service_principal_id
    vaults.azure.do(lambda state: state.add_access_policy(vaults.azure.vault, STRANGER, ["get"]))

    losing = who(vaults(vaults.there, check_mode=True, **TO_RBAC)["loses_access"])

    assert losing.keys() == {app, STRANGER}
    assert (losing[STRANGER], losing[app][1]) == ((None, False), False)
    assert losing[app][0]


def test_who_has_a_role_already_is_marked(vaults: Vaults) -> None:
    app = vaults.azure.view.service_principal_id
    vaults.azure.do(lambda state: state.assign_role(vaults.azure.app, vaults.azure.vault, "Key Vault Crypto Officer"))

    assert who(vaults(vaults.there, check_mode=True, **TO_RBAC)["loses_access"])[app][1] is True


def test_a_change_to_policies_lists_who_has_roles_on_data(vaults: Vaults, vault: Any) -> None:
    """A role for management, such as the operator's, gives nothing in the vault."""
    app = vaults.azure.view.service_principal_id

    def deed(state: Any) -> None:
        state.vault(vault.name).rbac = True
        state.set_access_policy(vault.name, vaults.azure.app, [])
        state.assign_role(vaults.azure.app, vault.name, "Key Vault Crypto Officer")

    vaults.azure.do(deed)

    (losing,) = vaults(vaults.there, check_mode=True, **TO_POLICIES)["loses_access"]

    assert (losing["object_id"], losing["through"]) == (app, ["Key Vault Crypto Officer"])


def test_the_refusal_names_them(vaults: Vaults) -> None:
    vaults.azure.do(lambda state: state.add_access_policy(vaults.azure.vault, STRANGER, ["get"]))

    with pytest.raises(TaskError, match=f"would lose access: .*{STRANGER}") as raised:
        vaults(vaults.there, permission_model="rbac")

    assert STRANGER in who(raised.value.details["loses_access"])


def test_names_are_left_out_where_graph_may_not_be_read(vaults: Vaults) -> None:
    operator = vaults.azure.another_operator("Owner")

    losing = who(vaults(vaults.there, check_mode=True, **TO_RBAC, **operator)["loses_access"])

    assert {name for name, _has in losing.values()} == {None}


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_change_of_the_model_needs_the_right_to_give_roles(vaults: Vaults, check_mode: bool) -> None:
    operator = vaults.azure.another_operator("Key Vault Contributor")
    mark = vaults.mark()

    with pytest.raises(TaskError, match=r"lacks permissions .*roleAssignments/write"):
        vaults(vaults.there, check_mode=check_mode, **TO_RBAC, **operator)

    assert vaults.writes(mark) == []


def test_a_right_under_a_condition_is_refused_by_azure_and_explained(vaults: Vaults) -> None:
    """The conditions on the operator's own roles do not show beforehand."""
    operator = vaults.azure.another_operator("Key Vault Contributor", "Key Vault Data Access Administrator")

    with pytest.raises(
        TaskError, match=r"has no permission to change the permission model .*assign roles without a condition"
    ):
        vaults(vaults.there, **TO_RBAC, **operator)


def test_a_vault_that_states_no_model_has_policies(vaults: Vaults, vault: Any) -> None:
    vault.rbac = None

    assert vaults(vaults.there, permission_model="access_policy")["changed"] is False
