# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flows of the guide in a playbook, from a set-up group to an ended key: flows 1, 2, 4, and keys that Azure makes.

Each step is planned, carried out, and done a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from support.azure_rights import AzureRights
from support.playbook import Ansible, Run

SOURCE = "orders-master"
# Vaults of the flows, by their places in the world: Standard, Premium, Managed HSM.
VAULTS = {
    "azure": ("akv-sandbox-std", "akv-sandbox-prem", "hsm-sandbox"),
    "government": ("akv-sandbox-gov-std", "akv-sandbox-gov-prem", "hsm-sandbox-gov"),
}
COPY: Mapping[str, Any] = {"origin": "copy", "source": {"name": SOURCE}}
# Flow -> the place of its vault, and the options of its key.
FLOWS: Mapping[str, tuple[int, Mapping[str, Any]]] = {
    "flow-1": (0, {**COPY, "protection": "software"}),
    "flow-2": (1, {**COPY, "protection": "hsm", "expires": "2031-01-01T00:00:00Z"}),
    "flow-4": (2, {**COPY, "operations": ["wrap_key", "unwrap_key"]}),
    "cnkms": (1, {"origin": "azure", "type": "EC", "curve": "P-256", "protection": "hsm"}),
}
HSM = 2
KINDS = ("standard", "premium", "managed_hsm")
ENDS = ("deleted", "purged", "absent")


def set_up(azure: AzureRights, place: int) -> dict[str, Any]:
    """The role for one group, whose keys are managed afterwards."""
    view, vault = azure.view, VAULTS["azure" if azure.cloud == "public" else "government"][place]
    return {
        "name": f"Set up the group of {vault}",
        "ansible.builtin.include_role": {"name": "fortanix.dsm.cdc_setup"},
        "vars": {
            "cdc_setup_name": vault,
            "cdc_setup_azure_service": "global" if azure.cloud == "public" else "us_government",
            "cdc_setup_link_tenant_id": view.tenant_id,
            "cdc_setup_link_client_id": view.client_id,
            "cdc_setup_link_subscription_id": view.subscription_id,
            "cdc_setup_link_client_secret": view.client_secret,
            "cdc_setup_vault": {"name": vault, "type": KINDS[place]},
        },
    }


def thrice(title: str, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A step: planned, carried out, and again."""
    step = {"cdc_key": dict(options), "diff": True}
    return [
        {"name": f"plan {title}", **step, "check_mode": True},
        {"name": f"do {title}", **step},
        {"name": f"again {title}", **step},
    ]


def life_of(flow: str, group: str, options: Mapping[str, Any], ends: tuple[str, ...]) -> list[dict[str, Any]]:
    key = {"group_name": group, "name": flow}
    tasks = thrice(f"{flow} present", {**key, **options})
    for state in ends:
        confirmed = {"confirm_purge": flow} if state == "purged" else {}
        tasks += thrice(f"{flow} {state}", {**key, "state": state, **confirmed})
    return tasks


def open_vaults(azure: AzureRights, names: tuple[str, ...]) -> None:
    """The operator may read keys, and nobody has keys yet; the source is in a group of its own."""

    def deed(cloud: Any) -> None:
        for name in names:
            cloud.store(name).keys.clear()
            if name.startswith("hsm-"):
                # Crypto Users cannot recover and purge keys, which the guide wants.
                for holder in (azure.view.client_id, azure.view.operator_client_id):
                    cloud.assign_local_role(name, holder, "Managed HSM Crypto Officer")
                cloud.assign_local_role(name, azure.view.operator_client_id, "Managed HSM Crypto User")
            else:
                cloud.set_access_policy(name, azure.view.operator_client_id, ["get", "list"])

    azure.do(deed)
    azure.sandbox.do(lambda state: state.dsm.add_source_key(state.dsm.add_group("sources").group_id, SOURCE))


def run(azure: AzureRights, ansible: Ansible, *tasks: Mapping[str, Any], **options: Any) -> Run:
    login = {"group/fortanix.dsm.azure": azure.operator}
    return ansible.tasks(*tasks, defaults=login, **options)


@pytest.mark.parametrize(
    ("cloud", "flows"),
    [
        ("azure", ("flow-2", "cnkms")),
        pytest.param("azure", ("flow-1", "flow-4"), marks=pytest.mark.long),
        pytest.param("government", tuple(FLOWS), marks=pytest.mark.long),
    ],
)
def test_each_flow_leads_from_a_set_up_group_to_an_ended_key(
    cloud: str, flows: tuple[str, ...], request: pytest.FixtureRequest, ansible_of: Ansible
) -> None:
    azure: AzureRights = request.getfixturevalue(cloud)
    open_vaults(azure, VAULTS[cloud])
    places = sorted({FLOWS[flow][0] for flow in flows})
    tasks = []
    for flow in flows:
        place, options = FLOWS[flow]
        # Purge protection holds the keys of a Managed HSM.
        tasks += life_of(flow, VAULTS[cloud][place], options, ENDS[:1] if place == HSM else ENDS)

    done = run(azure, ansible_of, *(set_up(azure, place) for place in places), *tasks)

    assert done.code == 0, done.output
    steps = [task["name"].removeprefix("plan ") for task in tasks if task["name"].startswith("plan ")]
    assert len(steps) == sum(2 if FLOWS[flow][0] == HSM else 4 for flow in flows)
    for step in steps:
        planned, first, second = (done.named(f"{when} {step}") for when in ("plan", "do", "again"))
        assert (planned.changed, first.changed, second.changed) == (True, True, False), step
        assert [change["action"] for change in planned["plan"]] == [change["action"] for change in first["plan"]], step
        assert planned["diff"] == first["diff"], step
        assert second["plan"] == [], step
    assert left_in(azure, VAULTS[cloud]) == ({"flow-4": "soft-deleted"} if "flow-4" in flows else {})
    protections = {flow: done.named(f"do {flow} present")["key"]["protection"] for flow in flows}
    assert protections == {flow: "software" if flow == "flow-1" else "hsm" for flow in flows}


def left_in(azure: AzureRights, names: tuple[str, ...]) -> dict[str, str]:
    def look(cloud: Any) -> dict[str, str]:
        stores = [cloud.store(name) for name in names]
        live = {key: "live" for store in stores for key in store.keys}
        return live | {key: "soft-deleted" for store in stores for key in store.deleted_keys}

    return azure.do(look)


def test_from_nothing_everything_is_planned_in_one_run(azure: AzureRights, ansible_of: Ansible) -> None:
    """The key of a group that is only planned waits for it."""
    open_vaults(azure, VAULTS["azure"])
    mark = azure.sandbox.journal.mark()
    place, options = FLOWS["flow-2"]
    link = {name.removeprefix("cdc_setup_"): value for name, value in set_up(azure, place)["vars"].items()}
    secret = link["link_client_secret"]
    vault, name = link.pop("vault"), link.pop("name")
    selected = {"group": "{{ made.group }}", "vault": vault, "link_client_secret": secret}
    key = {"group": "{{ selected.group }}", "name": "orders", **options}

    planned = run(
        azure,
        ansible_of,
        {"name": "Create the group", "cdc_group": {"name": name, **link}, "register": "made"},
        {"name": "Select the vault", "cdc_vault_select": selected, "register": "selected"},
        {"name": "Create the key", "cdc_key": key},
        {"name": "Delete the key", "cdc_key": {"group": key["group"], "name": "orders", "state": "deleted"}},
        check=True,
    )

    assert planned.code == 0, planned.output
    assert azure.sandbox.journal.writes(since=mark) == []
    found = planned.named("Create the key")
    assert found["plan"][-1]["action"] == "create"
    assert "which a previous step has only planned" in found["waits_for"]
    assert (found["key"]["state"], found["key"]["protection"]) == ("planned", "hsm")
    assert planned.named("Delete the key")["plan"] == []


@pytest.fixture
def ansible_of(azure: AzureRights, tmp_path: Any) -> Ansible:
    return Ansible(azure.sandbox.environment(), tmp_path)
