# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.3, "Choose Service": Azure for US Government."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    cdc_connection,
    cdc_group,
    cdc_vault_info,
    cdc_vault_select,
)
from sandbox import Sandbox
from support.operate import Operator


@pytest.fixture
def link(sandbox: Sandbox) -> dict[str, str]:
    azure = sandbox.world.government
    return {
        "azure_service": "us_government",
        "link_tenant_id": azure.tenant_id,
        "link_client_id": azure.client_id,
        "link_subscription_id": azure.subscription_id,
        "link_client_secret": azure.client_secret,
    }


def test_government_endpoints_stay_when_only_the_secret_or_the_vault_changes(
    operate: Operator, sandbox: Sandbox, name: str, link: dict[str, str]
) -> None:
    """Design fact 3: endpoints that are left out of an update move the group to global Azure."""
    secret = {"link_client_secret": link["link_client_secret"]}
    operate(cdc_group, name=name, **link)
    operate(cdc_group, name=name, update_credential="always", **secret)
    operate(cdc_vault_select, group_name=name, vault={"name": "akv-sandbox-gov-prem"}, **secret)
    group = operate(cdc_group, name=name)["group"]
    assert group["link"]["azure_service"] == "us_government"
    assert group["link"]["vault"]["uri"] == "https://akv-sandbox-gov-prem.vault.usgovcloudapi.net/"
    assert operate(cdc_connection, group_name=name)["connected"]


def test_lists_only_government_vaults(operate: Operator, link: dict[str, str]) -> None:
    found = operate(cdc_vault_info, **link)["vaults"]
    assert found
    assert all(".usgovcloudapi.net/" in vault["uri"] for vault in found)


@pytest.mark.parametrize(
    ("service", "uri"),
    [
        ("us_government", "https://akv-sandbox-prem.vault.azure.net/"),
        ("global", "https://akv-sandbox-gov-prem.vault.usgovcloudapi.net/"),
    ],
)
def test_a_vault_of_the_other_cloud_is_refused_before_anything_is_sent_there(
    operate: Operator, sandbox: Sandbox, name: str, link: dict[str, str], service: str, uri: str
) -> None:
    mark = sandbox.journal.mark()
    with pytest.raises(InvalidInput, match="does not belong to azure_service"):
        operate(cdc_group, name=name, **{**link, "azure_service": service}, vault={"uri": uri})
    assert {entry.plane for entry in sandbox.journal.since(mark)} <= {"dsm"}
    assert sandbox.journal.writes(since=mark) == []


def test_a_public_tenant_on_a_government_link_is_told_by_entra(
    operate: Operator, sandbox: Sandbox, name: str, link: dict[str, str]
) -> None:
    public = sandbox.world.public
    operate(cdc_group, name=name, **{**link, "link_tenant_id": public.tenant_id, "link_client_id": public.client_id})
    with pytest.raises(TaskError, match="AADSTS90002"):
        operate(cdc_connection, group_name=name)


def test_moving_a_group_with_keys_to_another_cloud_is_refused(
    operate: Operator, sandbox: Sandbox, name: str, link: dict[str, str]
) -> None:
    group_id = operate(cdc_group, name=name, **link)["group"]["group_id"]
    sandbox.do(lambda state: state.dsm.add_key(group_id, name=name))
    with pytest.raises(TaskError, match="would separate the group from its keys"):
        operate(cdc_group, name=name, azure_service="global", link_client_secret=link["link_client_secret"])
