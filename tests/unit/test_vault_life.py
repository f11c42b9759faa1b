# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the sandbox does not show of a vault's life: another tenant's spelling, other rights, failures of Azure."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure import vault_holders, vault_life
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.cloud import PUBLIC
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.credential import Operator
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.errors import AzureError
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.facts import MANAGED_HSM, VAULT
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.session import Azure
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults import Place
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from unit.azure_builders import HOME, STRANGER, VAULT_ID, saying

SUBSCRIPTION = "99999999-1111-4111-8111-999999999999"
BASE = f"/subscriptions/{SUBSCRIPTION}"
PROVIDER = f"{BASE}/providers/Microsoft.KeyVault"
PLACE = Place(SUBSCRIPTION, "rg-keys", VAULT, "kv-one")
POOL = Place(SUBSCRIPTION, "rg-keys", MANAGED_HSM, "hsm-one")


def refused(status: int, code: str = "") -> AzureError:
    return AzureError("refused", plane="Azure", obj="x", next_step="y", status=status, code=code)


def azure(tenant: str | None, answers: Mapping[str, Any]) -> Azure:
    operator = Operator(PUBLIC, None, None, tenant, SUBSCRIPTION, {})
    channel = saying(answers)
    return Azure(operator, channel, channel, True)


@pytest.mark.parametrize("tenant", [None, "contoso.onmicrosoft.com"])
def test_a_tenant_without_an_id_is_looked_up(tenant: str | None) -> None:
    assert vault_life.tenant_of(azure(tenant, {BASE: {"tenantId": HOME}}), PLACE) == HOME


def test_a_tenant_with_an_id_costs_no_request() -> None:
    assert vault_life.tenant_of(azure(HOME.upper(), {}), PLACE) == HOME


# Names ----------------------------------------------------------------------------------------------------------------


def test_who_may_not_ask_for_names_looks_among_the_deleted() -> None:
    gone = {"mhsmId": POOL.resource_id, "location": "westeurope", "purgeProtectionEnabled": True}
    arm = saying(
        {
            f"{PROVIDER}/checkMhsmNameAvailability": refused(403),
            f"{PROVIDER}/deletedManagedHSMs": [{"name": "HSM-One", "properties": gone}],
        }
    )

    found = vault_life.namesake(arm, POOL)

    assert found is not None
    assert (found.resource_id, found.purge_protection) == (POOL.resource_id, True)


def test_who_may_see_nothing_of_names_hears_of_it_from_the_creation() -> None:
    arm = saying({f"{PROVIDER}/checkNameAvailability": refused(403), f"{PROVIDER}/deletedVaults": refused(403)})

    assert vault_life.namesake(arm, PLACE) is None


def test_a_name_that_is_taken_is_told_also_where_the_deleted_cannot_be_seen() -> None:
    taken = {"nameAvailable": False, "message": "already in use"}
    arm = saying({f"{PROVIDER}/checkNameAvailability": taken, f"{PROVIDER}/deletedVaults": refused(403)})

    with pytest.raises(TaskError, match=r"the name is taken.*already in use"):
        vault_life.namesake(arm, PLACE)


def test_an_outage_is_no_free_name() -> None:
    with pytest.raises(AzureError):
        vault_life.namesake(saying({f"{PROVIDER}/checkNameAvailability": refused(503)}), PLACE)


# Looking and waiting --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["ResourceNotFound", "NotFound", ""])
def test_a_vault_that_is_not_found_is_not_there(code: str) -> None:
    assert vault_life.look(saying({PLACE.resource_id: refused(404, code)}), PLACE) is None


@pytest.mark.parametrize(
    ("status", "code"), [(404, "ResourceGroupNotFound"), (404, "SubscriptionNotFound"), (403, "AuthorizationFailed")]
)
def test_what_is_more_than_a_missing_vault_is_an_error(status: int, code: str) -> None:
    with pytest.raises(AzureError):
        vault_life.look(saying({PLACE.resource_id: refused(status, code)}), PLACE)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("Succeeded", "settled"),
        ("Activated", "settled"),
        ("SecurityDomainRestore", "settled"),
        (None, "settled"),
        ("RegisteringDns", "moving"),
        ("Provisioning", "moving"),
        ("Deleting", "moving"),
        ("Failed", "failed"),
    ],
)
def test_states_of_provisioning(state: str | None, expected: str) -> None:
    assert vault_life.is_settled({"properties": {"provisioningState": state}}) == expected


def test_what_azure_gives_up_is_an_error_with_its_words() -> None:
    failed = {"properties": {"provisioningState": "Failed", "statusMessage": "no capacity"}}

    with pytest.raises(TaskError, match=r"it has failed.*no capacity"):
        vault_life.settle(saying({POOL.resource_id: failed}), POOL, bool, deadline=float("inf"), interval=0)


def test_what_is_not_shown_in_time_is_an_error() -> None:
    ready = {"properties": {"provisioningState": "Succeeded"}}

    with pytest.raises(TaskError, match="does not show what was written"):
        vault_life.settle(saying({PLACE.resource_id: ready}), PLACE, operator.not_, deadline=0, interval=0)


# Who holds what -------------------------------------------------------------------------------------------------------


def leaving(roles: Any, **properties: Any) -> Any:
    answers = {f"{VAULT_ID}/providers/Microsoft.Authorization/roleAssignments": roles, "/v1.0/$batch": refused(403)}
    return vault_holders.leaving(azure(HOME, answers), {"id": VAULT_ID, "properties": properties}, "rbac")


def test_who_has_secrets_only_loses_access_too() -> None:
    entry = {"tenantId": HOME, "objectId": STRANGER, "permissions": {"keys": [], "secrets": ["Get"]}}

    assert [one["through"] for one in leaving([], accessPolicies=[entry])] == [["secrets/get"]]


def test_an_entry_without_permissions_loses_nothing() -> None:
    entry = {"tenantId": HOME, "objectId": STRANGER, "permissions": {"keys": []}}

    assert leaving([], accessPolicies=[entry]) == []


def test_roles_that_cannot_be_read_are_unknown_and_not_none() -> None:
    assert leaving(refused(403), accessPolicies=[]) is None


def test_an_outage_is_no_answer_about_roles() -> None:
    with pytest.raises(AzureError):
        leaving(refused(503), accessPolicies=[])
