# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set-up in both clouds, with either credential, with and without an enterprise proxy: made once, then done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.authorities import self_signed
from support.playbook import ROOT, Ansible

pytestmark = pytest.mark.long

SETUP = ROOT / "playbooks" / "setup.yml"
VAULTS = {"public": "akv-sandbox-prem", "government": "akv-sandbox-gov-prem"}
NAMES = {
    "public": ("microsoftonline.com", "management.azure.com", ".vault.azure.net", ".managedhsm.azure.net"),
    "government": ("microsoftonline.us", ".usgovcloudapi.net", "graph.microsoft.us"),
}


def variables(sandbox: Sandbox, cloud: str, credential: str, way: str) -> dict[str, Any]:
    azure = getattr(sandbox.world, cloud)
    given: dict[str, Any] = {
        "cdc_setup_name": "akv",
        "cdc_setup_link_tenant_id": azure.tenant_id,
        "cdc_setup_link_client_id": azure.client_id,
        "cdc_setup_link_subscription_id": azure.subscription_id,
        "cdc_setup_vault": {"name": VAULTS[cloud], "type": "premium"},
    }
    if cloud == "government":
        given["cdc_setup_azure_service"] = "us_government"
    if credential == "secret":
        given["cdc_setup_link_client_secret"] = azure.client_secret
    else:
        pair = self_signed("fortanix-dsm-cdc", algorithm="rsa")
        sandbox.do(lambda state: getattr(state.azure, cloud).add_certificate(azure.client_id, pair.certificate))
        given["cdc_setup_link_certificate"] = pair.certificate_pem
        given["cdc_setup_link_private_key"] = pair.encrypted_key_pem("open sesame")
        given["cdc_setup_link_private_key_passphrase"] = "open sesame"
    if way == "proxy":
        sandbox.fronts.put("all", client_certificate=True)
        client = sandbox.fronts.client_pair
        given["cdc_setup_tls"] = {
            "ca_certificates": [sandbox.fronts.ca_pem],
            "client_certificate": client.certificate_pem,
            "client_key": client.key_pem,
        }
    return given


def environment(sandbox: Sandbox, cloud: str) -> dict[str, str]:
    """With the login of the operator of that cloud."""
    return {**sandbox.environment(), **sandbox.operator_environment(getattr(sandbox.world, cloud))}


# Each two of these together: the endpoints, the login and the TLS of a link know nothing of each other.
@pytest.mark.parametrize(
    ("cloud", "credential", "way"),
    [
        ("public", "secret", "plain"),
        ("public", "certificate", "proxy"),
        ("government", "secret", "proxy"),
        ("government", "certificate", "plain"),
    ],
)
def test_is_planned_set_up_and_done_without_a_word_to_the_other_cloud(
    own_sandbox: Sandbox, tmp_path: Path, cloud: str, credential: str, way: str
) -> None:
    given = variables(own_sandbox, cloud, credential, way)
    ansible = Ansible(environment(own_sandbox, cloud), tmp_path)

    mark = own_sandbox.journal.mark()
    planned = ansible.playbook(SETUP, variables=given, check=True)
    assert own_sandbox.journal.writes(since=mark) == []
    assert planned.named("Test of the connection")["status"] == "connected"

    made = ansible.playbook(SETUP, variables=given)
    assert made.named("Test of the connection")["status"] == "connected"
    assert made.named("Sync of the keys")["key_count"] > 0
    assert made.named("The group and its link")["diff"] == planned.named("The group and its link")["diff"]

    mark = own_sandbox.journal.mark()
    again = ansible.playbook(SETUP, variables=given)
    assert again.changed == []
    assert own_sandbox.journal.writes(since=mark) == []

    hosts = {entry.host for entry in own_sandbox.journal.since(0)} | {entry.host for entry in own_sandbox.proxy_log}
    (other,) = NAMES.keys() - {cloud}
    assert any(host.startswith(f"{VAULTS[cloud]}.") and host.endswith(NAMES[cloud]) for host in hosts)
    assert [host for host in hosts if host.endswith(NAMES[other])] == []
