# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the sandbox does not show of a vault's life: another tenant's spelling, other rights, failures of Azure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import MANAGED_HSM, VAULT
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults import holders, lifecycle
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults.vault_lookup import VaultAddress
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.channel import Channel
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.cloud import PUBLIC
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.credential import Operator
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import AzureError
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.session import Azure
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._rest.replacement import Incomplete
from ansible_collections.fortanix.dsm.plugins.module_utils._waiter import NO_PATIENCE, Patience
from unit.azure.builders import HOME, STRANGER, VAULT_ID, saying

SUBSCRIPTION = "99999999-1111-4111-8111-999999999999"
BASE = f"/subscriptions/{SUBSCRIPTION}"
PROVIDER = f"{BASE}/providers/Microsoft.KeyVault"
PLACE = VaultAddress(SUBSCRIPTION, "rg-keys", VAULT, "kv-one")
POOL = VaultAddress(SUBSCRIPTION, "rg-keys", MANAGED_HSM, "hsm-one")
FOREVER = Patience(float("inf"), 0)


def refused(status: int, code: str = "") -> AzureError:
    return AzureError("refused", plane="Azure", obj="x", next_step="y", status=status, code=code)


def azure(tenant: str | None, answers: Mapping[str, Any]) -> Azure:
    operator = Operator(PUBLIC, None, None, tenant, SUBSCRIPTION, {})
    channel = saying(answers)
    return Azure(operator, channel, channel, True)


@pytest.mark.parametrize("tenant", [None, "contoso.onmicrosoft.com"])
def test_a_tenant_without_an_id_is_looked_up(tenant: str | None) -> None:
    assert lifecycle.tenant_of(azure(tenant, {BASE: {"tenantId": HOME}}), PLACE) == HOME


def test_a_tenant_with_an_id_costs_no_request() -> None:
    assert lifecycle.tenant_of(azure(HOME.upper(), {}), PLACE) == HOME


# Looking and waiting --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tenant", [None, "", "contoso"])
def test_an_answer_without_a_tenant_is_no_tenant(tenant: Any) -> None:
    with pytest.raises(Incomplete, match="tenantId"):
        lifecycle.tenant_of(azure(None, {BASE: {"tenantId": tenant}}), PLACE)


@pytest.mark.parametrize("code", ["ResourceNotFound", "NotFound", ""])
def test_a_vault_that_is_not_found_is_not_there(code: str) -> None:
    assert lifecycle.look(saying({PLACE.resource_id: refused(404, code)}), PLACE) is None


@pytest.mark.parametrize(
    ("status", "code"), [(404, "ResourceGroupNotFound"), (404, "SubscriptionNotFound"), (403, "AuthorizationFailed")]
)
def test_what_is_more_than_a_missing_vault_is_an_error(status: int, code: str) -> None:
    with pytest.raises(AzureError):
        lifecycle.look(saying({PLACE.resource_id: refused(status, code)}), PLACE)


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
        ("Canceled", "failed"),
        ("Cancelled", "failed"),
    ],
)
def test_states_of_provisioning(state: str | None, expected: str) -> None:
    assert lifecycle.is_settled({"properties": {"provisioningState": state}}) == expected


class Answering:
    """A service that gives one answer after the other, the last one again and again."""

    def __init__(self, *answers: Any) -> None:
        self.left, self.asked = list(answers), 0

    def get(self, _path: str, **_request: Any) -> Any:
        self.asked += 1
        answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def arm(self) -> Channel:
        return cast(Channel, self)


def shown(place: VaultAddress = PLACE, *, tags: Any = (), **properties: Any) -> dict[str, Any]:
    """A vault or pool as Azure shows it; None takes a property out."""
    facts = {
        "tenantId": HOME,
        "sku": {"family": "A", "name": "premium"},
        "vaultUri": "https://kv-one.vault.azure.net/",
        "hsmUri": "https://hsm-one.managedhsm.azure.net/",
        "accessPolicies": [],
        "enableRbacAuthorization": False,
        "softDeleteRetentionInDays": 90,
        "enablePurgeProtection": True,
        "publicNetworkAccess": "Enabled",
        "networkAcls": {"bypass": "None", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []},
        "securityDomainProperties": {"activationStatus": "Active"},
        "provisioningState": "Succeeded",
        **properties,
    }
    body = {"id": place.resource_id, "name": place.name, "location": "westeurope", "tags": dict(tags)}
    return {**body, "properties": {name: value for name, value in facts.items() if value is not None}}


def settled(service: Answering, *, seen: bool = True, patience: Patience = FOREVER, place: VaultAddress = PLACE) -> Any:
    """What is written are the tags."""
    return lifecycle.settle(
        service.arm, place, lambda body: {} if body["tags"] == {"a": "b"} else {"tags": "x"}, patience, seen=seen
    )


def test_one_complete_answer_is_enough() -> None:
    service = Answering(shown())

    assert (lifecycle.look(service.arm, PLACE), service.asked) == (shown(), 1)


@pytest.mark.parametrize("member", ["networkAcls", "enableRbacAuthorization", "enablePurgeProtection"])
def test_what_a_single_answer_lacks_is_read_again(member: str) -> None:
    service = Answering(shown(**{member: None}), shown())

    assert (lifecycle.look(service.arm, PLACE), service.asked) == (shown(), 2)


def test_what_two_answers_lack_is_not_there() -> None:
    short = shown(networkAcls=None)
    service = Answering(short)

    assert (lifecycle.look(service.arm, PLACE), service.asked) == (short, 2)


def test_answers_that_lack_something_else_each_time_are_not_believed() -> None:
    one, other = shown(networkAcls=None), shown(provisioningState=None)

    with pytest.raises(Incomplete, match="contradict each other"):
        lifecycle.look(Answering(one, other, one, other, one, other).arm, PLACE)


def test_an_answer_about_another_vault_is_read_again() -> None:
    assert lifecycle.look(Answering(shown(POOL), shown()).arm, PLACE) == shown()


def test_answers_about_another_vault_are_an_error() -> None:
    with pytest.raises(Incomplete, match="not about this object"):
        lifecycle.look(Answering(shown(POOL)).arm, PLACE)


def test_that_there_is_none_is_confirmed_where_something_hangs_on_it() -> None:
    service = Answering(refused(404), shown())

    assert lifecycle.look(service.arm, PLACE, confirm=True) == shown()


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
def test_what_azure_gives_up_is_an_error_with_its_words(state: str) -> None:
    given_up = Answering(shown(POOL, provisioningState=state, statusMessage="no capacity"))

    with pytest.raises(TaskError, match=rf"operation on it has ended with the state {state}.*no capacity"):
        settled(given_up, place=POOL)

    assert given_up.asked == 1


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
def test_a_deletion_that_azure_gives_up_is_not_waited_for(state: str) -> None:
    given_up = Answering(shown(POOL, provisioningState=state, statusMessage="in use"))

    with pytest.raises(TaskError, match=rf"the deletion, but it has ended with the state {state}.*in use"):
        lifecycle.wait_until_gone(given_up.arm, POOL, FOREVER)

    assert given_up.asked == 1


def test_what_is_written_may_be_shown_later() -> None:
    body, differs = settled(Answering(shown(), shown(), shown(tags={"a": "b"})))

    assert (body["tags"], differs) == ({"a": "b"}, {})


@pytest.mark.parametrize(("place", "reads"), [(PLACE, 5), (POOL, 12)])
def test_a_settled_body_that_stays_different_ends_the_wait(place: VaultAddress, reads: int) -> None:
    service = Answering(shown(place))

    assert settled(service, place=place) == (shown(place), {"tags": "x"})
    assert service.asked == reads


def test_a_body_that_is_not_settled_is_waited_for() -> None:
    moving = shown(provisioningState="RegisteringDns")

    assert settled(Answering(*[moving] * 9, shown(tags={"a": "b"})))[1] == {}


@pytest.mark.parametrize(
    ("place", "state", "told"),
    [
        (PLACE, "Succeeded", "does not show the change yet"),
        (PLACE, "RegisteringDns", r"not finished \(provisioningState RegisteringDns\)"),
        (POOL, "Provisioning", "creating a managed HSM takes half an hour or more"),
    ],
)
def test_what_is_not_finished_in_time_is_retryable(place: VaultAddress, state: str, told: str) -> None:
    with pytest.raises(TaskError, match=told) as raised:
        settled(Answering(shown(place, provisioningState=state)), place=place, patience=NO_PATIENCE)

    assert raised.value.details["retryable"] is True


def test_a_vault_does_not_take_as_long_as_a_pool() -> None:
    with pytest.raises(TaskError) as raised:
        settled(Answering(shown(provisioningState="RegisteringDns")), patience=NO_PATIENCE)

    assert "HSM" not in str(raised.value)


def test_a_vault_that_was_there_and_is_gone_is_not_waited_for() -> None:
    with pytest.raises(TaskError, match="was deleted while") as raised:
        settled(Answering(refused(404)))

    assert raised.value.details["retryable"] is True


def test_a_vault_that_was_not_seen_yet_is_waited_for() -> None:
    assert settled(Answering(*[refused(404)] * 9, shown(tags={"a": "b"})), seen=False)[1] == {}


def test_a_deleted_vault_that_is_shown_as_before_is_told() -> None:
    with pytest.raises(TaskError, match="recovered or created again"):
        lifecycle.wait_until_gone(Answering(shown()).arm, PLACE, FOREVER)


def test_a_pool_that_is_being_deleted_is_waited_for() -> None:
    service = Answering(*[shown(POOL, provisioningState="Deleting")] * 20, refused(404))

    assert lifecycle.wait_until_gone(service.arm, POOL, FOREVER) is True


# Who holds what -------------------------------------------------------------------------------------------------------


def leaving(roles: Any, **properties: Any) -> Any:
    answers = {f"{VAULT_ID}/providers/Microsoft.Authorization/roleAssignments": roles, "/v1.0/$batch": refused(403)}
    return holders.leaving(azure(HOME, answers), {"id": VAULT_ID, "properties": properties}, "rbac")


def test_who_has_secrets_only_loses_access_too() -> None:
    entry = {"tenantId": HOME, "objectId": STRANGER, "permissions": {"keys": [], "secrets": ["Get"]}}

    assert [one["through"] for one in leaving([], accessPolicies=[entry])] == [["secrets/get"]]


def test_an_entry_without_permissions_loses_nothing() -> None:
    entry = {"tenantId": HOME, "objectId": STRANGER, "permissions": {"keys": []}}

    assert leaving([], accessPolicies=[entry]) == []


def test_policies_that_are_not_shown_are_unknown_and_not_none() -> None:
    assert leaving([], accessPolicies=None) is None


def test_roles_that_cannot_be_read_are_unknown_and_not_none() -> None:
    assert leaving(refused(403), accessPolicies=[]) is None


def test_an_outage_is_no_answer_about_roles() -> None:
    with pytest.raises(AzureError):
        leaving(refused(503), accessPolicies=[])
