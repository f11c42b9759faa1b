# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make an object, then refer to it: servers that do not know it yet are waited for, final answers are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._rest.replacement import EQUAL_READS
from sandbox import Fault, Profile
from support.app_registrations import Apps
from support.azure_rights import AzureRights, assignments, key_policies

MISSES = 3
SERVICE_PRINCIPALS = "/v1.0/servicePrincipals"


@pytest.fixture
def apps(azure: AzureRights, tmp_path: Path) -> Apps:
    azure.do(lambda state: state.allow_graph(azure.view.operator_client_id, "DelegatedPermissionGrant.ReadWrite.All"))
    return Apps(azure, tmp_path)


def lag(azure: AzureRights, *references: str, misses: int = MISSES) -> None:
    """From now on so many requests that refer to an object find a server that does not know it."""

    def deed(state: Any) -> None:
        state.fresh.misses, state.fresh.only = misses, frozenset(references)

    azure.do(deed)


def requests(azure: AzureRights, since: int, method: str, route: str) -> int:
    found = azure.sandbox.journal.since(since)
    return sum((entry.method, entry.route) == (method, route) for entry in found)


# --- Application, service principal, secret, consent ------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["no_object", "local_tenant", "not_found"])
def test_a_service_principal_of_a_new_application(azure: AzureRights, apps: Apps, answer: Any) -> None:
    azure.sandbox.profile = Profile(new_application=answer)
    lag(azure, "service_principal")
    mark = apps.mark()

    result = apps(app_unique_name="cdc-new")

    assert result["application"]["object_id"] == apps.all()["cdc-new"].service_principal_id
    assert requests(azure, mark, "POST", SERVICE_PRINCIPALS) == MISSES + 1


def test_the_local_tenant_answer_that_stays_names_both_causes(azure: AzureRights, apps: Apps) -> None:
    """It is also what an operator gets who may not create service principals."""
    azure.sandbox.profile = Profile(new_application="local_tenant")
    lag(azure, "service_principal", misses=1000)

    with pytest.raises(
        TaskError, match=r"no permission to create service principals.*not known to every server"
    ) as got:
        apps(app_unique_name="cdc-new", wait_timeout=0)

    assert "run the task again in a few minutes" in got.value.next_step
    assert "Application.ReadWrite" in got.value.next_step
    assert got.value.details["retryable"] is True


@pytest.mark.parametrize("status", [400, 403])
def test_a_final_refusal_of_a_service_principal_is_not_waited_for(azure: AzureRights, apps: Apps, status: int) -> None:
    body = '{"error": {"code": "Request_BadRequest", "message": "The appId is not valid."}}'
    fault = Fault("graph", "POST", SERVICE_PRINCIPALS, status=status, body=body, times=None)
    azure.sandbox.faults.add(fault)
    mark = apps.mark()

    with pytest.raises(TaskError, match="The appId is not valid"):
        apps(app_unique_name="cdc-new")

    assert requests(azure, mark, "POST", SERVICE_PRINCIPALS) == 1


def test_a_secret_of_a_new_application_is_created_once(azure: AzureRights, apps: Apps) -> None:
    lag(azure, "secret")

    apps(app_unique_name="cdc-new", return_secret=True, no_log=True)

    assert len(apps.all()["cdc-new"].secrets) == 1


@pytest.mark.parametrize("answer", ["not_found", "bad_request"])
def test_a_consent_of_a_new_service_principal(azure: AzureRights, apps: Apps, answer: Any) -> None:
    azure.sandbox.profile = Profile(new_principal_consent=answer)
    lag(azure, "consent")

    apps(app_unique_name="cdc-new", admin_consent=True)

    assert apps.scopes(apps.all()["cdc-new"]) == ["user_impersonation"]


# --- Role definition, assignment, access policy, vault ----------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404])
def test_an_assignment_of_a_new_role_to_a_new_service_principal(rbac: AzureRights, status: Any) -> None:
    """Both the role and the principal are new; each of them is missed."""
    rbac.sandbox.profile = Profile(new_role=status)
    lag(rbac, "role_assignment")

    result = rbac.repair()

    assert (result["effect"], bool(assignments(rbac))) == ("effective", True)


def test_a_new_role_definition_that_is_not_readable_yet_is_not_taken_for_the_end(rbac: AzureRights) -> None:
    """Its permissions are unknown then, which is no final result."""
    lag(rbac, "role_definition", misses=6)

    result = rbac.repair()

    assert result["effect"] == "effective"


@pytest.mark.parametrize("reference", ["policy", "policy_vault"])
def test_an_access_policy_for_a_new_service_principal_or_at_a_new_vault(policies: AzureRights, reference: str) -> None:
    lag(policies, reference)

    result = policies.repair()

    assert result["effect"] == "effective"
    assert policies.view.service_principal_id in key_policies(policies)


def test_a_vault_that_was_deleted_is_not_waited_for(policies: AzureRights) -> None:
    """Unlike one that a server does not know yet, it is missing in reads as well."""
    public = policies.sandbox._state.azure.public
    locks = "/{scope}providers/Microsoft.Authorization/locks"
    policies.sandbox.faults.add(Fault("arm", "GET", locks, then=lambda: public.delete_vault(policies.vault)))
    mark = policies.sandbox.journal.mark()

    with pytest.raises(TaskError, match="does not exist"):
        policies.repair(wait_timeout=600)

    assert [one.method for one in policies.sandbox.journal.since(mark)].count("PUT") == EQUAL_READS


def test_without_patience_the_failure_is_retryable(policies: AzureRights) -> None:
    lag(policies, "policy_vault")

    with pytest.raises(TaskError) as refused:
        policies.repair(wait_timeout=0)

    assert refused.value.details["retryable"] is True
