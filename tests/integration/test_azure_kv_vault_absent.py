# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vault goes by soft deletion only, when it is empty or named once more; a soft-deleted one comes back when asked."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group_info
from sandbox import Fault
from support.azure_rights import AzureRights
from support.azure_vaults import NEW, NEW_POOL, Vaults
from support.operate import Operator
from support.wrong_answers import REFUSAL

ABSENT = {"state": "absent"}
NAMED = {"name": "kv-new", "resource_group": "rg-keys"}
NAMED_POOL = {"name": "hsm-new", "resource_group": "rg-hsm", "type": "managed_hsm"}


@pytest.fixture
def vaults(azure: AzureRights) -> Vaults:
    return Vaults(azure)


def make(vaults: Vaults, kind: str) -> dict[str, Any]:
    """A fresh vault or pool; its names as options."""
    vaults(NEW if kind == "vault" else NEW_POOL)
    return NAMED if kind == "vault" else NAMED_POOL


each_kind = pytest.mark.parametrize("kind", ["vault", "pool"])


# Soft deletion ------------------------------------------------------------------------------------------------------


@each_kind
def test_an_empty_vault_is_soft_deleted(vaults: Vaults, kind: str) -> None:
    named = make(vaults, kind)
    mark = vaults.mark()

    result = vaults({**named, **ABSENT})

    assert (result["changed"], result["vault"]["exists"], vaults.writes(mark)) == (
        True,
        False,
        [f"DELETE {named['name']}"],
    )


@each_kind
def test_check_mode_predicts_the_deletion(vaults: Vaults, kind: str) -> None:
    named = make(vaults, kind)

    predicted = vaults({**named, **ABSENT}, check_mode=True)

    assert predicted == vaults({**named, **ABSENT})


@each_kind
def test_what_is_not_there_needs_no_deletion(vaults: Vaults, kind: str) -> None:
    named = make(vaults, kind)
    vaults({**named, **ABSENT})
    mark = vaults.mark()

    result = vaults({**named, **ABSENT})

    assert (result["changed"], result["vault"]["exists"], vaults.writes(mark)) == (False, False, [])


def test_where_there_is_no_resource_group_there_is_no_vault(vaults: Vaults) -> None:
    assert vaults({**NAMED, **ABSENT}, resource_group="rg-nowhere")["changed"] is False


def fill_with_a_key(state: Any, name: str) -> None:
    state.add_key(name, "k1", kty="RSA-HSM")


def fill_with_a_secret(state: Any, name: str) -> None:
    state.keep_secret(name, "s1")


@pytest.mark.parametrize(
    ("kind", "fill", "what"),
    [("vault", fill_with_a_key, "keys"), ("vault", fill_with_a_secret, "secrets"), ("pool", fill_with_a_key, "keys")],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_vault_that_is_not_empty_stays(vaults: Vaults, kind: str, fill: Any, what: str, check_mode: bool) -> None:
    named = make(vaults, kind)
    vaults.azure.do(lambda state: fill(state, named["name"]))

    with pytest.raises(TaskError, match=f"it was not deleted, because it contains {what}"):
        vaults({**named, **ABSENT}, check_mode=check_mode)

    assert vaults.stored(named["name"]).name == named["name"]


@each_kind
def test_its_name_said_once_more_deletes_it_with_what_is_in_it(vaults: Vaults, kind: str) -> None:
    named = make(vaults, kind)
    vaults.azure.do(lambda state: fill_with_a_key(state, named["name"]))

    assert vaults({**named, **ABSENT}, delete_vault_named=named["name"])["vault"]["exists"] is False


def test_a_vault_whose_keys_cannot_be_listed_stays(vaults: Vaults) -> None:
    named = make(vaults, "vault")
    route = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}/keys"
    vaults.azure.sandbox.faults.add(Fault("arm", "GET", route, status=403, body=REFUSAL))

    with pytest.raises(TaskError, match="it was not deleted, because its contents could not be read"):
        vaults({**named, **ABSENT})


def test_an_operator_without_the_right_is_refused_before_the_deletion(vaults: Vaults) -> None:
    named = make(vaults, "vault")
    mark = vaults.mark()

    with pytest.raises(TaskError, match=r"lacks permissions .*vaults/delete"):
        vaults({**named, **ABSENT}, **vaults.azure.another_operator("Reader"))

    assert vaults.writes(mark) == []


def test_a_pool_that_is_deleted_goes_on_to_cost_money(vaults: Vaults) -> None:
    named = make(vaults, "pool")

    vaults({**named, **ABSENT})

    assert any("is billed until Azure purges it" in warning for warning in vaults.warnings)


# A vault that groups in DSM use --------------------------------------------------------------------------------------


def linked(vaults: Vaults, named: dict[str, Any], **changes: Any) -> str:
    """A group in DSM with a link to the new vault; its name."""
    uri = vaults.stored(named["name"]).uri
    return vaults.azure.group(**{"url": uri, **changes})


def id_of(vaults: Vaults, name: str) -> str:
    operate = Operator(vaults.azure.sandbox.environment())
    return str(operate(cdc_group_info, name=name)["groups"][0]["group_id"])


@each_kind
@pytest.mark.parametrize("check_mode", [True, False])
def test_an_empty_vault_that_a_group_uses_stays(vaults: Vaults, kind: str, check_mode: bool) -> None:
    named = make(vaults, kind)
    group = linked(vaults, named)
    mark = vaults.mark()

    with pytest.raises(TaskError, match=f'would lose their keys: "{group}"') as refused:
        vaults({**named, **ABSENT}, check_mode=check_mode, **vaults.azure.dsm_login)

    assert (refused.value.details["groups"], vaults.writes(mark)) == ([f'"{group}"'], [])


def test_a_vault_that_a_group_uses_stays_though_its_name_is_said_once_more(vaults: Vaults) -> None:
    named = make(vaults, "vault")
    linked(vaults, named)

    with pytest.raises(TaskError, match="would lose their keys"):
        vaults({**named, **ABSENT}, delete_vault_named=named["name"], **vaults.azure.dsm_login)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("KV-New", None),
        ("kv-new", "https://KV-NEW.vault.azure.net"),
        ("KV-NEW", "HTTPS://kv-new.Vault.Azure.net/"),
    ],
)
def test_letter_case_and_a_slash_hide_no_group(vaults: Vaults, name: str, url: str | None) -> None:
    named = make(vaults, "vault")
    linked(vaults, named, **({} if url is None else {"url": url}))

    with pytest.raises(TaskError, match="would lose their keys"):
        vaults({**named, **ABSENT, "name": name}, **vaults.azure.dsm_login)


def test_a_group_with_another_vault_does_not_keep_this_one(vaults: Vaults) -> None:
    named = make(vaults, "vault")
    vaults.azure.group()

    assert vaults({**named, **ABSENT}, **vaults.azure.dsm_login)["changed"] is True


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_group_that_goes_with_the_vault_does_not_keep_it(vaults: Vaults, check_mode: bool) -> None:
    named = make(vaults, "vault")
    group_id = id_of(vaults, linked(vaults, named))
    going = {"group_id": group_id, "exists": False, "planned": True}

    removed = vaults({**named, **ABSENT}, check_mode=check_mode, group=going, **vaults.azure.dsm_login)

    assert removed["changed"] is True


@pytest.mark.parametrize("record", [{"exists": True}, {"exists": False, "planned": False}])
def test_a_group_that_is_there_keeps_the_vault_whatever_its_record(vaults: Vaults, record: dict[str, Any]) -> None:
    named = make(vaults, "vault")
    group_id = id_of(vaults, linked(vaults, named))

    with pytest.raises(TaskError, match="would lose their keys"):
        vaults({**named, **ABSENT}, group={"group_id": group_id, **record}, **vaults.azure.dsm_login)


def test_without_a_login_to_dsm_a_deletion_warns(vaults: Vaults) -> None:
    named = make(vaults, "vault")

    vaults({**named, **ABSENT})

    assert [line for line in vaults.warnings if "not checked whether a group in DSM uses the vault kv-new" in line]


def test_what_is_not_there_is_no_question_to_dsm(vaults: Vaults) -> None:
    mark = vaults.mark()

    vaults({**NAMED, **ABSENT}, **vaults.azure.dsm_login)

    assert [entry.plane for entry in vaults.azure.sandbox.journal.since(mark) if entry.plane == "dsm"] == []


# A soft-deleted namesake --------------------------------------------------------------------------------------------


def make_and_delete(vaults: Vaults, kind: str, **options: Any) -> dict[str, Any]:
    named = make(vaults, kind)
    vaults({**named, **ABSENT})
    return {**(NEW if kind == "vault" else NEW_POOL), **options}


@each_kind
@pytest.mark.parametrize("check_mode", [True, False])
def test_t26_a_soft_deleted_namesake_is_told_with_its_purge(vaults: Vaults, kind: str, check_mode: bool) -> None:
    new = make_and_delete(vaults, kind)

    held = r"Azure purges it on 20.*purge protection prevents an earlier purge.*on_soft_deleted: recover"
    with pytest.raises(TaskError, match=held):
        vaults(new, check_mode=check_mode)


def test_without_purge_protection_the_message_says_so(vaults: Vaults) -> None:
    vaults(NEW, purge_protection=False)
    vaults({**NAMED, **ABSENT})

    with pytest.raises(TaskError, match="it can be purged manually"):
        vaults(NEW)


@each_kind
def test_t26_a_soft_deleted_namesake_is_recovered_when_asked(vaults: Vaults, kind: str) -> None:
    new = make_and_delete(vaults, kind, on_soft_deleted="recover")
    mark = vaults.mark()

    result = vaults(new)

    assert (result["changed"], result["vault"]["exists"]) == (True, True)
    assert vaults.writes(mark) == [f"PUT {new['name']}"]


@each_kind
def test_check_mode_predicts_the_recovery(vaults: Vaults, kind: str) -> None:
    new = make_and_delete(vaults, kind, on_soft_deleted="recover")
    mark = vaults.mark()

    predicted = vaults(new, check_mode=True)

    assert vaults.writes(mark) == []
    assert (predicted["vault"]["planned"], predicted["plan"]) == (True, vaults(new)["plan"])


def test_a_vault_comes_back_with_what_was_in_it(vaults: Vaults) -> None:
    make(vaults, "vault")
    vaults.azure.do(lambda state: fill_with_a_key(state, "kv-new"))
    vaults({**NAMED, **ABSENT}, delete_vault_named="kv-new")

    vaults({**NAMED, "on_soft_deleted": "recover"})

    assert list(vaults.stored("kv-new").keys) == ["k1"]


def test_what_is_set_besides_is_changed_after_the_recovery(vaults: Vaults) -> None:
    new = make_and_delete(vaults, "vault", on_soft_deleted="recover", tags={"team": "keys"})

    result = vaults(new)

    assert [change["action"] for change in result["plan"]] == ["recover", "update"]
    assert vaults.stored("kv-new").tags == {"team": "keys"}


def test_what_disrupts_is_refused_after_a_recovery_too(vaults: Vaults) -> None:
    new = make_and_delete(vaults, "vault", on_soft_deleted="recover", permission_model="rbac")

    with pytest.raises(TaskError, match="This task had recovered the vault before the failure") as raised:
        vaults(new)

    assert [change["action"] for change in raised.value.details["done"]] == ["recover"]
    assert vaults.stored("kv-new").rbac is False


def test_a_vault_is_recovered_in_its_own_resource_group_only(vaults: Vaults) -> None:
    new = make_and_delete(vaults, "vault", on_soft_deleted="recover", resource_group="rg-hsm")

    with pytest.raises(TaskError, match="can only be recovered there"):
        vaults(new, check_mode=True)


def test_nothing_is_ever_purged(vaults: Vaults) -> None:
    new = make_and_delete(vaults, "vault", on_soft_deleted="recover")

    vaults(new)

    assert [entry for entry in vaults.azure.sandbox.journal.since(0) if "/purge" in entry.path] == []
