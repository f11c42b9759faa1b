# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, IDs and tags that are given in another letter case than Azure has them in name the same things."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from sandbox import Fault, Sandbox
from support.azure_rights import AzureRights, assignments, finding, writes
from support.azure_vaults import NEW, NEW_POOL, Vaults
from support.cutoff import POLICY_VAULT, Cutoff
from support.playbook import Ansible

_ROUTE = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"


@pytest.fixture
def vaults(azure: AzureRights) -> Vaults:
    return Vaults(azure)


def otherwise(new: dict[str, Any]) -> dict[str, Any]:
    """The same vault in other spellings."""
    names = {name: new[name].upper() for name in ("name", "resource_group")}
    return {**new, **names, "location": "West Europe", "tags": {"ENV": "prod"}}


# Vaults ---------------------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_a_play_that_spells_a_vault_otherwise_changes_nothing(ansible: Ansible, sandbox: Sandbox) -> None:
    azure = sandbox.world.public
    operator = {
        "tenant": azure.tenant_id.upper(),
        "client_id": azure.operator_client_id.upper(),
        "secret": azure.operator_client_secret,
        "subscription_id": azure.subscription_id.upper(),
    }
    new = {**NEW, "name": "kv-spelled", "tags": {"Env": "prod"}, **operator}

    made, again = ansible.tasks(
        {"azure_kv_vault": new}, {"azure_kv_vault": {**otherwise(new), **operator}}, diff=True
    ).outcomes

    assert [one.changed for one in (made, again)] == [True, False]
    assert (again["plan"], again["diff"]) == ([], {"before": {}, "after": {}})
    assert again["vault"] == made["vault"]


@pytest.mark.parametrize("new", [NEW, NEW_POOL], ids=["vault", "pool"])
def test_a_second_run_in_other_spellings_writes_nothing(vaults: Vaults, new: dict[str, Any]) -> None:
    vaults(new, tags={"Env": "prod"})
    mark = vaults.mark()

    result = vaults(otherwise(new))

    assert (result["changed"], result["plan"], vaults.writes(mark)) == (False, [], [])
    assert vaults.stored(new["name"]).tags == {"Env": "prod"}


def test_a_tag_that_is_there_gets_its_value_and_keeps_its_spelling(vaults: Vaults) -> None:
    vaults(NEW, tags={"Env": "test", "cost": "42"})

    result = vaults(NEW, tags={"env": "prod"})

    (change,) = result["plan"]
    assert (change["before"], change["after"]) == ({"tags.Env": "test"}, {"tags.Env": "prod"})
    assert vaults.stored("kv-new").tags == {"Env": "prod", "cost": "42"}


def test_tags_that_differ_in_letter_case_only_are_refused_before_any_request(vaults: Vaults) -> None:
    mark = vaults.mark()

    with pytest.raises(InvalidInput, match='Option tags: it contains the tag "Env" twice'):
        vaults(NEW, tags={"Env": "a", "env": "b"})

    assert vaults.requests(mark) == 0


def test_a_vault_whose_creation_was_not_answered_is_known_in_the_spelling_of_azure(vaults: Vaults) -> None:
    vaults.azure.sandbox.faults.add(Fault("arm", "PUT", _ROUTE, status=503, after_work=True))

    result = vaults(NEW, location="West Europe")

    assert (result["changed"], result["plan"][0]["action"]) == (True, "create")


# What names a vault ---------------------------------------------------------------------------------------------------


def spelled_otherwise(resource_id: str) -> str:
    """As the portal and older tools have it."""
    head, _slash, name = resource_id.rpartition("/")
    lower = head.replace("resourceGroups", "resourcegroups").replace("Microsoft.KeyVault", "microsoft.keyvault")
    return f"{lower}/{name.upper()}/"


def test_a_vault_is_found_by_the_name_of_a_tag_in_any_letter_case(azure: AzureRights) -> None:
    found = azure.judge(vault={"tags": {"TIER": "premium", "Env": "sandbox"}})

    assert found["vault"]["resource_id"] == azure.resource_id


def test_a_vault_is_found_by_its_resource_id_in_any_letter_case(azure: AzureRights) -> None:
    found = azure.judge(vault={"resource_id": spelled_otherwise(azure.resource_id)})

    assert found["vault"]["resource_id"] == azure.resource_id


def test_tags_that_name_a_vault_twice_are_refused_before_any_request(azure: AzureRights) -> None:
    mark = azure.sandbox.journal.mark()

    with pytest.raises(InvalidInput, match=r'Option vault\.tags: it contains the tag "env" twice'):
        azure.judge(vault={"tags": {"env": "sandbox", "Env": "sandbox"}})

    assert azure.sandbox.journal.since(mark) == []


def test_a_repair_in_other_spellings_assigns_no_role_again(bare: AzureRights) -> None:
    bare.repair()
    before, mark = assignments(bare), bare.sandbox.journal.mark()

    result = bare.repair(vault={"resource_id": spelled_otherwise(bare.resource_id)}, app_client_id=bare.app.upper())

    assert (result["changed"], writes(bare, mark), assignments(bare)) == (False, [], before)


def test_what_was_granted_is_taken_back_in_other_spellings(policies: AzureRights) -> None:
    policies.repair()

    result = policies.repair(
        state="absent",
        vault={"resource_id": spelled_otherwise(policies.resource_id)},
        confirm_remove_policy=True,
    )

    assert (result["changed"], result["effect"]) == (True, "removed")


# Records of break-glass -----------------------------------------------------------------------------------------------


def test_a_record_that_spells_its_vault_otherwise_is_of_that_vault(azure: AzureRights) -> None:
    """What the operator may not do there is told in check mode."""
    cutoff = Cutoff(azure)
    cutoff.prepare()
    cutoff.names = (POLICY_VAULT,)
    cutoff.cut()
    record = json.loads(cutoff.record)
    (store,) = record["stores"]
    store["name"], store["resource_id"] = store["name"].upper(), spelled_otherwise(store["resource_id"])
    cutoff.record = json.dumps(record)
    reader = azure.another_operator("Reader", graph=("Application.Read.All", "GroupMember.Read.All"))

    planned = cutoff("restored", check_mode=True, **reader)

    assert "accessPolicies/write" in finding(planned, "operator-lacks-rights")["actual"]
