# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module cdc_groups: the complete set-up of a list of groups in one task."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from azure.keyvault.administration._internal import http_challenge_cache

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_groups
from sandbox import Fault, Sandbox
from support.azure_rights import AzureRights
from support.chain import REFUSED, WRITES, Chain
from support.operate import Operator
from support.playbook import Ansible

from .conftest import link_options

VAULT = {"name": "akv-sandbox-prem", "type": "premium"}


@pytest.fixture
def operate(azure: AzureRights) -> Operator:
    """In a sandbox of its own, whose requests are counted."""
    return Operator(azure.sandbox.environment())


def declarations(sandbox: Sandbox, count: int, **more: Any) -> list[dict[str, Any]]:
    """Groups with an application and a vault that are there, of which only DSM is asked."""
    link = {**link_options(sandbox), "vault": VAULT, "check_prerequisites": False}
    return [deepcopy({"name": f"akv-fleet-{index}", **link, **more}) for index in range(count)]


def requests(sandbox: Sandbox, mark: int = 0) -> Counter[str]:
    """Those to DSM, which itself asks Azure."""
    entries = [entry for entry in sandbox.journal.since(mark) if entry.plane == "dsm"]
    return Counter(f"{entry.method} {entry.route}" for entry in entries)


def changes(result: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    return {(one["plane"].lower(), one["object"], one["action"]) for one in result["plan"]}


def test_a_list_is_planned_set_up_and_done(azure: AzureRights, operate: Operator) -> None:
    sandbox, groups = azure.sandbox, declarations(azure.sandbox, 3)

    planned = operate(cdc_groups, groups=groups, check_mode=True)
    assert sandbox.journal.writes() == []
    made = operate(cdc_groups, groups=groups)
    mark = sandbox.journal.mark()
    again = operate(cdc_groups, groups=groups)

    assert [(one["status"], one["changed"], one["planned"]) for one in planned["groups"]] == [
        ("connected", True, True)
    ] * len(groups)
    assert changes(made) == changes(planned)
    assert [one["status"] for one in made["groups"]] == ["connected"] * len(groups)
    assert (again["changed"], again["plan"], again["diff"]) == (False, [], {"before": {}, "after": {}})
    # Of each group the test of its connection and its keys; once the account and all groups. A list ends with a page
    # that has nothing new.
    assert requests(sandbox, mark) == {
        "GET /sys/v1/accounts": 1,
        "GET /sys/v1/groups": 2,
        "POST /sys/v1/groups/{group_id}/hmg/check": len(groups),
        "GET /crypto/v1/keys": 2 * len(groups),
    }


# The same as the chain ------------------------------------------------------------------------------------------------


def declared(chain: Chain) -> dict[str, Any]:
    """The variables of the role, as an element of the list."""
    return deepcopy({name.removeprefix("cdc_setup_"): value for name, value in chain.variables.items()})


class Fleet:
    """The declaration of a chain, by the module."""

    def __init__(self, chain: Chain) -> None:
        azure = AzureRights(chain.sandbox, chain.cloud)
        self._operate = Operator(chain.sandbox.environment())
        self._login = azure.operator
        self.chain = chain

    def __call__(self, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        groups = [{**declared(self.chain), "wait_interval": 0}]
        return self._operate(cdc_groups, check_mode=check_mode, groups=groups, **self._login, **options)

    def fails(self, **options: Any) -> TaskError:
        with pytest.raises(TaskError) as failure:
            self(**options)
        return failure.value


def two_of(directory: Path, cloud: str, model: str, form: str, way: str) -> Iterator[Chain]:
    """The same chain twice, each in a world of its own."""
    for name in ("chain", "fleet"):
        with Sandbox.start() as sandbox:
            (directory / name).mkdir()
            chain = Chain(sandbox, directory / name, cloud, model, form)
            if way == "proxy":
                chain.lead_through_proxy()
            yield chain


FORMS = [
    ("public", "rbac", "certificate", "plain"),
    ("public", "access_policy", "made", "proxy"),
    ("government", "rbac", "made", "plain"),
    ("government", "access_policy", "certificate", "proxy"),
]


# What differs between two worlds: IDs, what is derived from them, and folders.
OF_A_WORLD = re.compile(r"[0-9a-f-]{36}|[0-9A-F]{40}|\b[0-9a-f]{8}\b|/\S*/(?=app\.)")


def without_ids(plan: Iterable[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    return {(one["plane"].lower(), OF_A_WORLD.sub("ID", one["object"]), one["action"]) for one in plan}


@pytest.mark.parametrize(("cloud", "model", "form", "way"), FORMS)
def test_a_list_is_planned_and_set_up_as_by_the_role(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: str, model: str, form: str, way: str
) -> None:
    seen: list[Any] = []
    for number, chain in enumerate(two_of(tmp_path, cloud, model, form, way)):
        use(chain.sandbox, monkeypatch)
        plans, changed = [], []
        for check_mode in (True, False, False):
            if number == 0:
                run = chain.in_process(check_mode=check_mode)
                assert run.failure is None
                plans.append(without_ids(change for step in run.steps for change in step.result.get("plan") or []))
                changed.append(bool(run.changed))
                status = run.named("Test of the connection")["status"]
            else:
                result = Fleet(chain)(check_mode=check_mode)
                plans.append(without_ids(result["plan"]))
                changed.append(result["changed"])
                status = result["groups"][0]["status"]
            if changed == [True, True]:
                # A group without any key is synced in every run.
                chain.add_key()
        seen.append((plans, changed, status, chain.done()))

    by_chain, by_fleet = seen
    assert by_fleet == by_chain
    assert by_fleet[1] == [True, True, False]


def use(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way to the sandbox, for operations in this process: the SDK reads the environment."""
    for variable, value in sandbox.environment().items():
        if not variable.startswith(("DSM_", "AZURE_")):
            monkeypatch.setenv(variable, value)
    http_challenge_cache.clear()


def test_a_list_that_stopped_at_each_of_its_writes_resumes_there(azure: AzureRights, tmp_path: Path) -> None:
    chain = Chain(azure.sandbox, tmp_path, "public", "rbac", "certificate")
    fleet = Fleet(chain)
    for position in range(len(WRITES)):
        passing = WRITES[max(position - 1, 0) : position]
        for write in WRITES[position:]:
            chain.sandbox.faults.add(Fault(*write, skip=passing.count(write), times=None, status=403, body=REFUSED))

        failure = fleet.fails()

        chain.sandbox.faults.clear()
        assert "stopped by the test" in str(failure)
        assert failure.returned["groups"][0]["failed"]
        # What was done before has been done once, and is not done again.
        assert chain.done() == WRITES[:position]

    resumed = fleet()

    assert resumed["groups"][0]["status"] == "connected"
    assert chain.done() == WRITES


# Playbooks ------------------------------------------------------------------------------------------------------------


def test_a_playbook_plans_sets_up_and_leaves_a_list(own_sandbox: Sandbox, tmp_path: Path) -> None:
    ansible = Ansible(own_sandbox.environment(), tmp_path)
    task = {"cdc_groups": {"groups": declarations(own_sandbox, 2, host="control")}}

    planned = ansible.tasks(task, check=True, diff=True)
    assert own_sandbox.journal.writes() == []
    made = ansible.tasks(task)
    again = ansible.tasks(task)

    assert changes(made[0]) == changes(planned[0])
    assert set(planned[0]["diff"]["after"]) == {'group "akv-fleet-0"', 'group "akv-fleet-1"'}
    assert [(one["name"], one["host"], one["status"]) for one in made[0]["groups"]] == [
        ("akv-fleet-0", "control", "connected"),
        ("akv-fleet-1", "control", "connected"),
    ]
    assert not again[0].changed


@pytest.mark.parametrize("in_process", [True, False], ids=["in-process", "module"])
def test_a_wrong_option_is_refused_with_index_group_and_option(
    own_sandbox: Sandbox, tmp_path: Path, in_process: bool
) -> None:
    ansible = Ansible({**own_sandbox.environment(), "FORTANIX_DSM_IN_PROCESS": str(in_process)}, tmp_path)
    groups = declarations(own_sandbox, 3)
    groups[2]["sync"] = "sometimes"

    refused = ansible.tasks({"cdc_groups": {"groups": groups}})

    assert refused[0]["msg"] == (
        'groups[2].sync must be one of on_change, always, never (group "akv-fleet-2"). Nothing was changed.'
    )
    assert requests(own_sandbox) == {}
    assert groups[0]["link_client_secret"] not in refused.output


# What is refused ------------------------------------------------------------------------------------------------------


def fails(operate: Operator, groups: list[dict[str, Any]], **options: Any) -> TaskError:
    with pytest.raises(TaskError) as failure:
        operate(cdc_groups, groups=groups, **options)
    return failure.value


WRONG = [
    ({"link_client_secret": "1c1f1a9e-4d1e-4b9d-8c53-2f6ea4b6a3aa"}, "link_client_secret"),
    ({"link_client_id": "no-uuid"}, "link_client_id"),
    ({"name": "a\nb"}, "name"),
    ({"sync_timeout": 0}, "sync_timeout"),
    ({"tls": {"client_certificate": "/no/such/file"}}, "tls.client_certificate"),
    ({"vault": {"name": "a"}}, "vault.name"),
    ({"custom_metadata": {"fortanix-dsm-ansible-x": "y"}}, "custom_metadata.fortanix-dsm-ansible-x"),
    ({"check_prerequisites": True, "rights_profile": "explicit"}, ""),
    ({"check_prerequisites": True, "dsm_egress_addresses": ["nowhere"]}, "dsm_egress_addresses"),
    ({"application": {"display_name": " "}}, "application.display_name"),
    ({"application": {"unique_name": "a", "credential": {"valid_days": 1}}}, "application.credential.valid_days"),
    ({"azure_vault": {"name": "a b", "resource_group": "rg"}}, "azure_vault.name"),
]


@pytest.mark.parametrize(("wrong", "option"), WRONG, ids=[option or "key_permissions" for _wrong, option in WRONG])
def test_one_wrong_group_of_a_list_is_named_before_any_request(
    azure: AzureRights, operate: Operator, wrong: dict[str, Any], option: str
) -> None:
    groups = declarations(azure.sandbox, 3)
    groups[1] |= wrong

    failure = fails(operate, groups)

    assert str(failure).startswith(f"Option groups[1]{'.' if option else ''}{option}: groups[1] ")
    assert requests(azure.sandbox) == {}


def test_contradictions_name_both_places_before_any_request(azure: AzureRights, operate: Operator) -> None:
    groups = declarations(azure.sandbox, 3, host="web")
    for one, location in zip(groups, ("westeurope", "northeurope", "westeurope"), strict=True):
        one |= {"azure_vault": {"name": "akv-shared", "resource_group": "rg-keys", "location": location}}
    groups[2]["name"] = groups[0]["name"]

    failure = fails(operate, groups)

    first, second, third = (f'groups[{index}] "{one["name"]}" of host web' for index, one in enumerate(groups))
    assert f'{first} and {second} declare the vault "akv-shared" differently: location' in str(failure)
    assert f'{first} and {third} set up one and the same group, "akv-fleet-0".' in str(failure)
    assert requests(azure.sandbox) == {}


def test_a_group_that_cannot_be_a_target_is_refused_before_the_first_write(
    azure: AzureRights, operate: Operator
) -> None:
    azure.sandbox.do(lambda state: state.dsm.add_group("akv-fleet-1") if hasattr(state.dsm, "add_group") else None)
