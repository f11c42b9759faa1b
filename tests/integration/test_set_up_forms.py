# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role cdc_setup in each form that it takes: planned, made, and then done. Stopped at each write, it resumes there.

The role's own tasks run in this process; test_chain.py and test_cdc_setup.py run the same as playbooks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox import Fault
from sandbox.authorities import self_signed
from support.azure_rights import AzureRights
from support.chain import DISPLAY_NAME, REFUSED, VAULT, WRITES, Chain
from support.role_in_process import RoleRun

VAULTS = {"public": "akv-sandbox-prem", "government": "akv-sandbox-gov-prem"}
NAMES = {
    "public": ("microsoftonline.com", "management.azure.com", ".vault.azure.net", ".managedhsm.azure.net"),
    "government": ("microsoftonline.us", ".usgovcloudapi.net", "graph.microsoft.us"),
}


def planned_made_and_done(chain: Chain, vault: str) -> RoleRun:
    """Check mode writes nothing and says what the run does; a second run writes nothing. The run is returned."""
    planned = chain.in_process(check_mode=True)
    assert planned.failure is None
    assert chain.writes() == []

    made = chain.in_process()
    assert made.failure is None
    assert made.plan == {
        # A credential is planned for an application that has no name yet: it is named by its client ID.
        (plane, thing.replace("that is only planned", DISPLAY_NAME), action)
        for plane, thing, action in planned.plan
    }
    assert made.named("Test the connection")["status"] == "connected"
    # One write makes the group with link, vault and TLS; the other is the sync.
    assert chain.writes().count("dsm") == 2

    chain.add_key(vault=vault)
    mark = chain.sandbox.journal.mark()
    again = chain.in_process()
    assert (again.failure, again.changed, chain.writes(mark)) == (None, [], [])
    return made


def assert_not_a_word_to_the_other_cloud(chain: Chain, vault: str) -> None:
    sandbox = chain.sandbox
    hosts = {entry.host for entry in sandbox.journal.since(0)} | {entry.host for entry in sandbox.proxy_log}
    (other,) = NAMES.keys() - {chain.cloud}
    assert any(host.startswith(f"{vault}.") and host.endswith(NAMES[chain.cloud]) for host in hosts)
    assert [host for host in hosts if host.endswith(NAMES[other])] == []


# Each two of these together: what depends on more of them at once there is nowhere in the role.
FORMS = [
    ("public", "rbac", "certificate", "plain"),
    ("public", "access_policy", "made", "proxy"),
    ("public", "rbac", "made", "proxy"),
    ("government", "rbac", "made", "plain"),
    ("government", "access_policy", "certificate", "proxy"),
    ("government", "access_policy", "certificate", "plain"),
]
GIVEN = [
    ("public", "secret", "plain"),
    ("public", "certificate", "proxy"),
    ("government", "secret", "proxy"),
    ("government", "certificate", "plain"),
]


@pytest.mark.parametrize(("cloud", "model", "form", "way"), FORMS)
def test_an_empty_subscription_is_planned_set_up_and_done(
    azure: AzureRights, tmp_path: Path, cloud: str, model: str, form: str, way: str
) -> None:
    chain = Chain(azure.sandbox, tmp_path, cloud, model, form)
    if way == "proxy":
        chain.lead_through_proxy()

    made = planned_made_and_done(chain, VAULT)

    link = made.named("Create or update the group and its link")["group"]["link"]
    assert link["auth_mode"] == {"certificate": "certificate", "made": "client_secret"}[form]
    assert (link["tls"]["mode"], link["vault"]["name"]) == ("required", VAULT)
    assert_not_a_word_to_the_other_cloud(chain, VAULT)


@pytest.mark.parametrize(("cloud", "credential", "way"), GIVEN)
def test_an_application_and_a_vault_that_are_there_are_used(
    azure: AzureRights, tmp_path: Path, cloud: str, credential: str, way: str
) -> None:
    chain = Chain(azure.sandbox, tmp_path, cloud, "rbac", "certificate")
    del chain.variables["cdc_setup_application"], chain.variables["cdc_setup_azure_vault"]
    chain.variables |= {"cdc_setup_vault": {"name": VAULTS[cloud], "type": "premium"}, **given(chain, credential)}
    if way == "proxy":
        chain.lead_through_proxy()

    made = planned_made_and_done(chain, VAULTS[cloud])

    assert made.named("Sync the keys")["key_count"] > 0
    assert_not_a_word_to_the_other_cloud(chain, VAULTS[cloud])


def given(chain: Chain, credential: str) -> dict[str, Any]:
    """The credential of an application that is there, as variables of the role."""
    view = getattr(chain.sandbox.world, chain.cloud)
    if credential == "secret":
        return {"cdc_setup_link_client_id": view.client_id, "cdc_setup_link_client_secret": view.client_secret}
    pair = self_signed("fortanix-dsm-cdc", algorithm="rsa")
    chain.sandbox.do(lambda state: getattr(state.azure, chain.cloud).add_certificate(view.client_id, pair.certificate))
    return {
        "cdc_setup_link_client_id": view.client_id,
        "cdc_setup_link_certificate": pair.certificate_pem,
        "cdc_setup_link_private_key": pair.encrypted_key_pem("open sesame"),
        "cdc_setup_link_private_key_passphrase": "open sesame",
    }


# Stopped ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def chain(azure: AzureRights, tmp_path: Path) -> Chain:
    return Chain(azure.sandbox, tmp_path, "public", "rbac", "certificate")


def test_a_chain_that_stopped_at_each_of_its_writes_resumes_there_to_the_same_end(chain: Chain) -> None:
    for position in range(len(WRITES)):
        # The write that the run before stopped at passes; this one and all that come after it are refused.
        passing = WRITES[max(position - 1, 0) : position]
        for write in WRITES[position:]:
            refusal = Fault(*write, skip=passing.count(write), times=None, status=403, body=REFUSED)
            chain.sandbox.faults.add(refusal)

        stopped = chain.in_process()

        chain.sandbox.faults.clear()
        assert stopped.failure is not None
        # What was done before has been done once, and is not done again.
        assert chain.done() == WRITES[:position]

    resumed = chain.in_process()

    assert resumed.failure is None
    assert resumed.named("Test the connection")["status"] == "connected"
    assert chain.done() == WRITES


def test_a_chain_that_went_on_beside_what_stopped_resumes_to_the_same_end(chain: Chain) -> None:
    """The vault does not wait for the application."""
    chain.sandbox.faults.add(Fault(*WRITES[0], status=403, body=REFUSED))
    stopped = chain.in_process()

    resumed = chain.in_process()

    assert (stopped.failure is not None, resumed.failure) == (True, None)
    assert resumed.named("Test the connection")["status"] == "connected"
    assert sorted(chain.done()) == sorted(WRITES)
