# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/migration.md: a group that Fortanix's Terraform provider created is adopted without a write, then improved."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
import urllib3

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group
from sandbox import Sandbox
from support.operate import Operator

DESCRIPTION = "created by Terraform"


@pytest.fixture
def declared(sandbox: Sandbox) -> dict[str, Any]:
    """The options of a group that the request of terraform-provider-dsm 0.5.36 has created
    (dsm/resource_azure_group.go).
    """
    azure = sandbox.world.public
    name = f"akv-terraform-{uuid4()}"
    link = {
        "url": azure.vaults["akv-sandbox-prem"].uri,
        "kind": "AZUREKEYVAULT",
        "client_id": azure.client_id,
        "tenant_id": azure.tenant_id,
        "subscription_id": azure.subscription_id,
        "secret_key": azure.client_secret,
        "key_vault_type": "Premium",
        "hsm_order": 0,
        "tls": {"mode": "required", "validate_hostname": False, "ca": {"ca_set": "global_roots"}},
    }
    body = {"name": name, "description": DESCRIPTION, "hmg_redundancy": "PriorityFailover", "add_hmg": [link]}
    headers = {"Authorization": f"Basic {sandbox.world.admin_app.api_key}"}
    with urllib3.ProxyManager(sandbox.proxy_url, ca_certs=str(sandbox.ca_bundle)) as pool:
        answer = pool.request("POST", f"{sandbox.world.dsm_endpoint}/sys/v1/groups", headers=headers, json=body)
    assert answer.status == 201
    return {
        "name": name,
        "description": DESCRIPTION,
        "link_tenant_id": azure.tenant_id,
        "link_client_id": azure.client_id,
        "link_subscription_id": azure.subscription_id,
        "vault": {"uri": azure.vaults["akv-sandbox-prem"].uri, "type": "premium"},
    }


def test_a_group_of_terraform_is_adopted_without_a_credential_and_without_a_write(
    sandbox: Sandbox, operate: Operator, declared: dict[str, Any]
) -> None:
    mark = sandbox.journal.mark()

    result = operate(cdc_group, **declared)

    assert (result["changed"], result["plan"], sandbox.journal.writes(since=mark)) == (False, [], [])
    group = result["group"]
    assert (group["link"]["credential_match"], group["link"]["tls"]["validate_host"]) == ("unknown", False)
    assert any("host validation is off" in warning for warning in operate.warnings)


def test_its_secret_is_left_alone_while_it_connects_and_recorded_on_request(
    sandbox: Sandbox, operate: Operator, declared: dict[str, Any]
) -> None:
    secret = sandbox.world.public.client_secret

    left = operate(cdc_group, **declared, link_client_secret=secret)
    written = operate(cdc_group, **declared, link_client_secret=secret, update_credential="always")
    again = operate(cdc_group, **declared, link_client_secret=secret)

    found = [(result["changed"], result["group"]["link"]["credential_match"]) for result in (left, written, again)]
    assert found == [(False, "unknown"), (True, "recorded"), (False, "recorded")]


def test_a_wrong_secret_is_rejected_before_it_is_written(
    sandbox: Sandbox, operate: Operator, declared: dict[str, Any]
) -> None:
    mark = sandbox.journal.mark()

    with pytest.raises(TaskError, match="AADSTS7000215"):
        operate(cdc_group, **declared, link_client_secret="wrong", update_credential="always")

    assert sandbox.journal.writes(since=mark) == []


def test_host_validation_is_turned_on_in_one_write(
    sandbox: Sandbox, operate: Operator, declared: dict[str, Any]
) -> None:
    mark = sandbox.journal.mark()

    changes = {"link_client_secret": sandbox.world.public.client_secret, "tls": {"validate_host": True}}
    results = [operate(cdc_group, **declared, **changes) for _run in range(2)]

    assert [result["changed"] for result in results] == [True, False]
    assert results[-1]["group"]["link"]["credential_match"] == "recorded"
    assert len(sandbox.journal.writes(since=mark)) == 1
