# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""T26: what holds a vault's name is found whatever Azure's check of the name and the code of its refusal say."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault, Profile
from support.azure_rights import AzureRights
from support.azure_vaults import NEW, NEW_POOL, Vaults

ABSENT = {"state": "absent"}
PROVIDER = "/subscriptions/{subscription}/providers/Microsoft.KeyVault"
LISTS = {"vault": f"{PROVIDER}/deletedVaults", "pool": f"{PROVIDER}/deletedManagedHSMs"}
ACTIONS = {"vault": "Microsoft.KeyVault/deletedVaults/read", "pool": "Microsoft.KeyVault/deletedManagedHsms/read"}
NEW_OF: dict[str, dict[str, Any]] = {"vault": NEW, "pool": NEW_POOL}
DENIED = '{"error": {"code": "AuthorizationFailed", "message": "no"}}'

each_kind = pytest.mark.parametrize("kind", ["vault", "pool"])
each_code = pytest.mark.parametrize("code", ["conflict_error", "vault_already_exists"])


@pytest.fixture
def vaults(azure: AzureRights) -> Vaults:
    return Vaults(azure)


@pytest.fixture
def deleted(vaults: Vaults, kind: str) -> dict[str, Any]:
    """A vault or pool was made and soft-deleted, and Azure calls its name free. The options to make it."""
    new = NEW_OF[kind]
    vaults(new)
    vaults({"name": new["name"], "resource_group": new["resource_group"], "type": new["type"], **ABSENT})
    vaults.azure.sandbox.profile = Profile(name_check="all_free")
    return new


def hide(vaults: Vaults, kind: str, times: int | None = None) -> None:
    """The operator may not list the deleted ones."""
    vaults.azure.sandbox.faults.add(Fault("arm", "GET", LISTS[kind], status=403, body=DENIED, times=times))


def show_none(vaults: Vaults, kind: str) -> None:
    """The list lags once."""
    vaults.azure.sandbox.faults.add(Fault("arm", "GET", LISTS[kind], status=200, body='{"value": []}', times=1))


@each_kind
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_soft_deleted_namesake_is_found_although_its_name_is_called_free(
    vaults: Vaults, deleted: dict[str, Any], kind: str, check_mode: bool
) -> None:
    mark = vaults.mark()

    held = r"a soft-deleted (vault|managed HSM) in westeurope holds the name.*on_soft_deleted: recover"
    with pytest.raises(TaskError, match=held):
        vaults(deleted, check_mode=check_mode)

    assert vaults.writes(mark) == []


@each_kind
def test_a_namesake_whose_name_is_called_free_is_recovered_when_asked(
    vaults: Vaults, deleted: dict[str, Any], kind: str
) -> None:
    mark = vaults.mark()

    result = vaults(deleted, on_soft_deleted="recover")

    assert ([one["action"] for one in result["plan"]], vaults.writes(mark)) == (["recover"], [f"PUT {deleted['name']}"])


@each_kind
@each_code
@pytest.mark.parametrize("on_soft_deleted", ["fail", "recover"])
def test_a_namesake_that_only_the_refusal_shows_is_treated_alike(
    vaults: Vaults, deleted: dict[str, Any], kind: str, code: Any, on_soft_deleted: str
) -> None:
    vaults.azure.sandbox.profile = Profile(name_check="all_free", deleted_name=code)
    show_none(vaults, kind)
    mark = vaults.mark()

    if on_soft_deleted == "recover":
        assert vaults(deleted, on_soft_deleted="recover")["vault"]["exists"] is True
        assert vaults.writes(mark) == [f"PUT {deleted['name']}"] * 2
    else:
        with pytest.raises(TaskError, match=r"a soft-deleted (vault|managed HSM) in westeurope holds the name"):
            vaults(deleted)
        assert vaults.writes(mark) == [f"PUT {deleted['name']}"]


@each_kind
@each_code
def test_without_permission_to_list_the_deleted_the_permission_is_named(
    vaults: Vaults, deleted: dict[str, Any], kind: str, code: Any
) -> None:
    vaults.azure.sandbox.profile = Profile(name_check="all_free", deleted_name=code)
    hide(vaults, kind)
    mark = vaults.mark()

    with pytest.raises(TaskError) as raised:
        vaults(deleted, on_soft_deleted="recover")

    said = str(raised.value)
    assert f"the operator lacks {ACTIONS[kind]} at /subscriptions/{vaults.azure.view.subscription_id}" in said
    assert "The server returned:" in said
    assert "another operation is changing" not in said
    assert vaults.writes(mark) == [f"PUT {deleted['name']}"]


@each_kind
def test_a_name_that_the_check_calls_taken_names_the_permission_too(vaults: Vaults, kind: str) -> None:
    new = NEW_OF[kind]
    vaults(new)
    vaults({"name": new["name"], "resource_group": new["resource_group"], "type": new["type"], **ABSENT})
    hide(vaults, kind)

    with pytest.raises(TaskError, match=f"the name is taken.*lacks {ACTIONS[kind]}"):
        vaults(new, on_soft_deleted="recover", check_mode=True)


def test_a_name_of_another_subscription_is_told_where_it_is_called_free(vaults: Vaults) -> None:
    def deed(state: Any) -> None:
        other = state.add_subscription(vaults.azure.view.tenant_id)
        state.add_vault("kv-new", subscription_id=other.subscription_id)
        state.delete_vault("kv-new")

    vaults.azure.do(deed)
    vaults.azure.sandbox.profile = Profile(name_check="all_free")

    with pytest.raises(TaskError, match="another subscription or tenant also holds its name") as raised:
        vaults(NEW, on_soft_deleted="recover")

    assert raised.value.details["code"] == "VaultAlreadyExists"


def test_a_conflict_with_a_parallel_change_is_still_repeated(vaults: Vaults) -> None:
    text = (
        "A conflict occurred that prevented the operation from completing. The operation failed because the Key Vault "
        "'kv-new' changed from the point the operation began."
    )
    route = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
    body = f'{{"error": {{"code": "ConflictError", "message": "{text}"}}}}'
    vaults.azure.sandbox.faults.add(Fault("arm", "PUT", route, status=409, body=body, times=2))

    assert vaults(NEW)["changed"] is True


def test_a_name_that_azure_does_not_accept_is_not_called_taken(vaults: Vaults) -> None:
    answer = '{"nameAvailable": false, "reason": "AccountNameInvalid", "message": "The name is reserved."}'
    vaults.azure.sandbox.faults.add(
        Fault("arm", "POST", f"{PROVIDER}/checkNameAvailability", status=200, body=answer, times=None)
    )

    with pytest.raises(TaskError, match=r"Azure does not accept the name.*The name is reserved") as raised:
        vaults(NEW)

    assert "taken" not in str(raised.value)


@each_kind
@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("options", "named"), [({"location": "northeurope"}, "location"), ({"purge_protection": False}, "purge_protection")]
)
def test_a_namesake_that_cannot_become_as_requested_is_not_recovered(
    vaults: Vaults, deleted: dict[str, Any], kind: str, options: dict[str, Any], named: str, check_mode: bool
) -> None:
    mark = vaults.mark()

    with pytest.raises(TaskError, match=rf"cannot become as requested \({named}: .*omit these options"):
        vaults({**deleted, **options}, on_soft_deleted="recover", check_mode=check_mode)

    assert vaults.writes(mark) == []


@each_kind
def test_settings_of_a_vault_that_was_absent_are_not_told_as_if_seen(vaults: Vaults, kind: str) -> None:
    new = NEW_OF[kind]
    wanted = {"name": new["name"], "resource_group": new["resource_group"], "type": new["type"]}

    record = vaults({**wanted, **ABSENT})["vault"]

    known = {"resource_id", "name", "uri", "exists", "planned", *(["type"] if kind == "pool" else [])}
    assert {name for name, value in record.items() if value is not None} == known
    assert (record["name"], record["exists"], record["planned"]) == (new["name"], False, False)
