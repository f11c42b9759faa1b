# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The EXAMPLES of every module run as they are, one after the other, and do what they say."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_credential, cdc_key
from sandbox import Profile, Sandbox
from support.azure_rights import TEN
from support.certificate_forms import issued
from unit.builders import MODULES

from . import world
from .blocks import examples_of
from .reader import Reader

Given = Callable[[Reader], Mapping[str, Any]]


def nothing(_reader: Reader) -> Mapping[str, Any]:
    return {}


def a_vault(reader: Reader) -> Mapping[str, Any]:
    world.add_vaults(reader.sandbox, world.VAULT)
    return {"vault_resource_id": world.vault_resource_id(reader.sandbox)}


def a_group(reader: Reader) -> Mapping[str, Any]:
    found = a_vault(reader)
    world.add_group(reader.sandbox, vault={"name": world.VAULT})
    return found


def a_group_and_a_source(reader: Reader) -> Mapping[str, Any]:
    """A key of DSM in a group of its own, and an operator who may read the keys of the vault."""
    found = a_group(reader)
    world.add_source_key(reader.sandbox, "orders-master")
    world.let_operator_read_keys(reader.sandbox, world.VAULT)
    # A live key, and a deleted one.
    made = {"group_name": world.GROUP, "origin": "azure", "type": "RSA", "size": 2048, "protection": "hsm"}
    for name in ("old-orders", "retired"):
        world.operate(reader.sandbox, cdc_key, name=name, look_in_azure=False, **made)
    reader.sandbox.profile = Profile(key_transition=0)
    ended = {"group_name": world.GROUP, "name": "retired", "look_in_azure": False}
    world.operate(reader.sandbox, cdc_key, state="deleted", consumers="skip", wait=0, **ended)
    return found


def an_application_with_a_group(reader: Reader) -> Mapping[str, Any]:
    """The application of production, whose client secret a first group has."""
    sandbox, view = reader.sandbox, reader.sandbox.world.public
    world.add_vaults(sandbox, world.VAULT)
    client_id = world.add_application(sandbox)
    sandbox.do(lambda state: state.azure.public.assign_role(client_id, world.VAULT))
    sandbox.do(lambda state: state.azure.public.set_access_policy(world.VAULT, client_id, TEN))
    link = {"link_tenant_id": view.tenant_id, "link_subscription_id": view.subscription_id}
    groups = [{"name": "akv-first", **link, "vault": {"name": world.VAULT}}]
    options = {"app_unique_name": world.APPLICATION, "type": "secret", "new_groups": groups}
    world.operate(sandbox, cdc_credential, **options)
    # A credential that is so new may be one that another run is still at work on.
    sandbox.clock.advance(150)
    return {"link_client_id": client_id}


def an_issued_certificate(reader: Reader) -> Mapping[str, Any]:
    reader.save("issued.crt", issued("fortanix-dsm").certificate_pem)
    return {**a_vault(reader), "private_dir": str(reader.home)}


def a_vault_and_a_pool(reader: Reader) -> Mapping[str, Any]:
    world.add_pool(reader.sandbox)
    return {}


def a_group_of_an_inventory(reader: Reader) -> Mapping[str, Any]:
    declared = {"cdc_setup_name": world.GROUP, "cdc_setup_vault": {"name": world.VAULT}}
    reader.save("hosts.yml", yaml.safe_dump({"cdc": {"hosts": {world.GROUP: declared}}}))
    return a_group(reader)


def two_declarations(reader: Reader) -> Mapping[str, Any]:
    """The variable that the examples take the groups from: those of the first example, for this host."""
    world.add_vaults(reader.sandbox, world.VAULT, "akv-staging")
    first, *_others = yaml.safe_load(examples_of("modules")["cdc_groups"])
    groups = first["fortanix.dsm.cdc_groups"]["groups"]
    return {"cdc_groups": [{**group, "host": "localhost"} for group in groups]}


def a_proxy_with_a_ca(reader: Reader) -> Mapping[str, Any]:
    fronts = reader.sandbox.fronts
    for name, content in (("proxy-ca.pem", fronts.ca_pem), ("dsm.crt", fronts.client_pair.certificate_pem)):
        reader.place(f"/etc/pki/{name}").write_text(content, encoding="utf-8")
    return {**a_group(reader), "vaulted_client_key": fronts.client_pair.key_pem}


def a_colleague(reader: Reader) -> Mapping[str, Any]:
    account = reader.sandbox.world.account_id
    reader.sandbox.do(lambda state: state.dsm.add_user("ann@example.com", {account: ["AccountMember"]}))
    return a_group(reader)


def the_group_of_an_earlier_task(reader: Reader) -> Mapping[str, Any]:
    world.add_vaults(reader.sandbox, world.VAULT)
    return {"cdc": {"group": world.add_group(reader.sandbox)}}


# What exists before the examples of a module run. All others find a vault, and a group that is linked to it.
GIVEN: dict[str, Given] = {
    "azure_kv_app": an_issued_certificate,
    "azure_kv_vault": a_vault_and_a_pool,
    "cdc_compliance_info": a_group_of_an_inventory,
    "cdc_credential": an_application_with_a_group,
    "cdc_group": a_vault,
    "cdc_groups": two_declarations,
    "cdc_key": a_group_and_a_source,
    "cdc_groups_report": two_declarations,
    "cdc_tls": a_proxy_with_a_ca,
    "cdc_user_info": a_colleague,
    "cdc_vault_select": the_group_of_an_earlier_task,
}


def the_group_is_removed(reader: Reader) -> None:
    reader.sandbox.do(lambda state: state.dsm.remove_group(state.dsm.find_group(world.GROUP)))


# What others do before the example with this number.
MEANWHILE: dict[str, dict[int, Callable[[Reader], object]]] = {
    "azure_kv_prereqs": {2: the_group_is_removed},
    "cdc_tls": {
        0: lambda reader: reader.sandbox.fronts.put("all"),
        1: lambda reader: reader.sandbox.fronts.put("all", client_certificate=True),
        2: lambda reader: reader.sandbox.fronts.clear(),
    },
}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with Sandbox.start() as sandbox:
        yield Reader(sandbox, tmp_path)
        assert sandbox.crashes == []


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_run(module: str, reader: Reader) -> None:
    reader.variables = {**world.variables(reader.sandbox), **GIVEN.get(module, a_group)(reader)}
    tasks = yaml.safe_load(examples_of("modules")[module])
    inventory = ["-i", "hosts.yml"] if (reader.home / "hosts.yml").exists() else []

    meanwhile = MEANWHILE.get(module, {})
    starts = [*sorted({0, *meanwhile}), len(tasks)]
    for start, end in itertools.pairwise(starts):
        if start in meanwhile:
            meanwhile[start](reader)
        done = reader.play(tasks[start:end], *inventory)

        assert done.code == 0, done.output
