# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The EXAMPLES of every filter, lookup and inventory plugin run on real results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_sync
from sandbox import Sandbox
from support.operate import Operator
from unit.builders import ROOT

from . import world
from .blocks import examples_of
from .reader import Reader

GIVEN = Path(__file__).with_name("given_results.yml")
# Variables of single examples, where two of them have different values in mind.
OWN: dict[str, dict[str, Any]] = {
    "application_selector": {"my_application": {"unique_name": "fortanix-dsm-production"}},
    "planned_parts": {"my_application": {}},
}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with Sandbox.start() as sandbox:
        world.add_vaults(sandbox, world.VAULT)
        world.add_group(sandbox, vault={"name": world.VAULT})
        reader = Reader(sandbox, tmp_path, world.variables(sandbox))
        view = sandbox.world.public
        # So that a compliance run knows all of the group.
        operator = view.operator_client_id
        sandbox.do(lambda state: state.azure.public.set_access_policy(world.VAULT, operator, ["get", "list"]))
        Operator(sandbox.environment())(cdc_sync, group_name=world.GROUP)
        declared = {
            **yaml.safe_load((ROOT / "roles/cdc_setup/defaults/main.yml").read_text(encoding="utf-8")),
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "cdc_setup_name": world.GROUP,
            "cdc_setup_link_tenant_id": view.tenant_id,
            "cdc_setup_link_client_id": view.client_id,
            "cdc_setup_link_subscription_id": view.subscription_id,
            "cdc_setup_vault": {"name": world.VAULT},
        }
        reader.save("hosts.yml", yaml.safe_dump({"cdc": {"hosts": {"localhost": declared}}}))
        yield reader
        assert sandbox.crashes == []


def steps(kind: str) -> list[Any]:
    """The examples of each plugin as a block with the plugin's name."""
    return [
        {"name": f"{kind} {name}", "vars": OWN.get(name, {}), "block": yaml.safe_load(examples)}
        for name, examples in examples_of(kind).items()
    ]


def test_the_examples_of_every_filter_run(reader: Reader) -> None:
    given = yaml.safe_load(GIVEN.read_text(encoding="utf-8"))

    done = reader.play([*given, *steps("filter")], "-i", "hosts.yml")

    assert done.code == 0, done.output
    assert len(steps("filter")) >= 30


def test_the_examples_of_every_lookup_run(reader: Reader) -> None:
    """In the order of a setup: the result of the one task is what the last lookup reads."""
    found = {step["name"].removeprefix("lookup "): step for step in steps("lookup")}
    of_host, setup, results = (found.pop(f"setup_{name}") for name in ("host_groups", "play_groups", "host_results"))
    setup["block"][-1]["register"] = "cdc_setup_all"

    shared = [task for task in yaml.safe_load(GIVEN.read_text(encoding="utf-8")) if "cdc_setup" in task["name"]]

    done = reader.play([*shared, *found.values(), of_host, setup, results], "-i", "hosts.yml")

    assert done.code == 0, done.output


def test_the_example_of_the_inventory_plugin_lists_the_group_by_its_vault(reader: Reader) -> None:
    example = examples_of("inventory")["cdc"]
    reader.save("my.fortanix_dsm.yml", example)

    done = reader.run("ansible-inventory -i my.fortanix_dsm.yml --graph")

    assert done.code == 0, done.output
    assert "@vault_akv_production:" in done.output
