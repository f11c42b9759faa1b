# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Grants whose answer is lost or that Azure asks to send later: sent again, and nothing of others changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire import writes
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault
from support.azure_rights import STRANGER, TEN, AzureRights, assignments, key_policies, roles_at_the_vault
from support.azure_rights import writes as writes_since
from support.cutoff import Cutoff
from support.matrix import diagonal, thinned

POLICY = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
    "/accessPolicies/{operation}"
)
ROLE = "/{scope}providers/Microsoft.Authorization/roleAssignments/{name}"
DEFINITION = "/{scope}providers/Microsoft.Authorization/roleDefinitions/{name}"
ANOTHER = "88888888-2222-4333-8444-555555555555"
TROUBLE: list[dict[str, Any]] = [
    {"status": 429, "retry_after": 0},
    {"status": 503},
    {"status": 503, "after_work": True},
    {"reset": "before"},
    {"reset": "after"},
    {"status": 409, "body": '{"error": {"code": "ConflictError", "message": "A conflict occurred."}}'},
]
NAMES = ["throttled", "503", "503-after", "reset", "reset-after", "conflict"]
each_trouble = pytest.mark.parametrize("trouble", thinned(TROUBLE, TROUBLE[0], TROUBLE[4]), ids=NAMES)
each_trouble_at_each_store = pytest.mark.parametrize(
    ("trouble", "bare"), diagonal(TROUBLE, ["policies", "rbac", "bare_pool"]), indirect=["bare"]
)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "_INTERVAL", 0)


def disturb(azure: AzureRights, method: str, trouble: dict[str, Any], times: int | None = 1) -> None:
    """Each kind of grant meets the trouble once."""
    for plane in ("arm", "vault"):
        for route in (POLICY, ROLE, DEFINITION):
            azure.sandbox.faults.add(Fault(plane, method, route, times=times, **trouble))


@each_trouble_at_each_store
def test_a_grant_is_made_all_the_same(bare: AzureRights, trouble: dict[str, Any]) -> None:
    disturb(bare, "PUT", trouble)

    result = bare.repair(wait_timeout=30)

    assert (result["changed"], result["effect"]) == (True, "effective")
    assert bare.usable() >= set(TEN) - {"purge"}
    assert len(assignments(bare)) == len(set(assignments(bare)))


@each_trouble_at_each_store
def test_a_removal_is_made_all_the_same(bare: AzureRights, trouble: dict[str, Any]) -> None:
    bare.repair()
    for method in ("PUT", "DELETE"):
        disturb(bare, method, trouble)

    bare.repair(state="absent", confirm_remove_policy=True, **bare.dsm_login)

    assert (bare.usable(), roles_at_the_vault(bare)) == (set(), [])


def test_policies_of_others_stay_whatever_is_repeated(policies: AzureRights) -> None:
    """Somebody else gets a permission while the request waits."""
    state = policies.do(lambda state: state)

    def grant_another() -> None:
        state.add_access_policy(policies.vault, ANOTHER, ["list"])

    for status in (429, 503):
        fault = Fault("arm", "PUT", POLICY, status=status, retry_after=0, then=grant_another)
        policies.sandbox.faults.add(fault)

    policies.repair()

    assert key_policies(policies)[STRANGER] == ["Get", "sign"]
    assert key_policies(policies)[ANOTHER] == ["list"]
    assert set(key_policies(policies)[policies.view.service_principal_id]) >= {"get", "list", "create"}


def test_a_grant_that_is_throttled_for_ever_ends_with_the_deadline(policies: AzureRights) -> None:
    disturb(policies, "PUT", {"status": 429, "retry_after": 40}, times=None)
    mark = policies.sandbox.journal.mark()

    with pytest.raises(TaskError, match="limits the rate") as raised:
        policies.repair(wait_timeout=30)

    assert raised.value.details["retryable"] is True
    assert len(writes_since(policies, mark)) == 1


def test_a_refused_grant_is_sent_once(policies: AzureRights) -> None:
    body = '{"error": {"code": "AuthorizationFailed", "message": "no"}}'
    disturb(policies, "PUT", {"status": 403, "body": body}, times=None)
    mark = policies.sandbox.journal.mark()

    with pytest.raises(TaskError, match="has no permission for this request"):
        policies.repair()

    assert len(writes_since(policies, mark)) == 1


@each_trouble
def test_a_cut_and_its_return_are_complete_all_the_same(azure: AzureRights, trouble: dict[str, Any]) -> None:
    cutoff = Cutoff(azure)
    cutoff.prepare()
    before, others = cutoff.held(), cutoff.of_others()
    for method in ("PUT", "DELETE"):
        disturb(azure, method, trouble)
    cutoff.cut()
    assert cutoff.held() == {"policies": [], "roles": [], "local": [], "enabled": False}

    azure.sandbox.faults.clear()
    for method in ("PUT", "DELETE"):
        disturb(azure, method, trouble)
    cutoff.restore()

    assert (cutoff.held(), cutoff.of_others()) == (before, others)


# Short answers ------------------------------------------------------------------------------------------------------

VAULT = POLICY.partition("/accessPolicies")[0]


def without_policies(body: bytes) -> bytes:
    value = json.loads(body)
    value["properties"]["accessPolicies"] = []
    return json.dumps(value).encode()


@pytest.mark.parametrize("position", range(4))
def test_a_single_answer_without_policies_removes_nothing_from_a_cut(azure: AzureRights, position: int) -> None:
    cutoff = Cutoff(azure, ("akv-sandbox-prem",))
    cutoff.prepare()
    azure.sandbox.faults.add(Fault("arm", "GET", VAULT, skip=position, rewrite=without_policies))

    cutoff.cut()

    assert cutoff.held()["policies"] == []


def test_a_single_answer_without_policies_is_no_removal(policies: AzureRights) -> None:
    policies.repair()
    policies.sandbox.faults.add(Fault("arm", "GET", VAULT, rewrite=without_policies))

    result = policies.repair(state="absent", confirm_remove_policy=True, **policies.dsm_login)

    assert (result["changed"], policies.usable()) == (True, set())
