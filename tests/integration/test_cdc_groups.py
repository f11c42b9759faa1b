# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module cdc_groups: the complete set-up of a list of groups in one task."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups import desired
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_groups
from sandbox import Fault, Profile, Sandbox
from sandbox.authorities import self_signed
from support.approver import REQUESTS, logged_in
from support.azure_rights import AzureRights
from support.chain import REFUSED, WRITES, Chain
from support.challenges import forget_challenges
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
    return {(one["plane"], one["object"], one["action"]) for one in result["plan"]}


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


def test_a_group_of_which_only_permissions_are_repaired_is_reported_as_changed(
    azure: AzureRights, operate: Operator
) -> None:
    granted = {"check_prerequisites": True, "repair_prerequisites": True, "wait_interval": 0}
    groups = declarations(azure.sandbox, 1, **granted)
    operate(cdc_groups, groups=groups, **azure.operator)
    azure.do(
        lambda state: state.rights.revoke(
            [one for one in state.rights.assignments if one.principal_id == azure.view.service_principal_id]
        )
    )

    repaired = operate(cdc_groups, groups=groups, **azure.operator)
    again = operate(cdc_groups, groups=groups, **azure.operator)

    assert {plane for plane, _object, _action in changes(repaired)} == {"Azure"}
    assert [one["changed"] for one in repaired["groups"]] == [True]
    assert [one["changed"] for one in again["groups"]] == [False]


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
    return {(one["plane"], OF_A_WORLD.sub("ID", one["object"]), one["action"]) for one in plan}


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
                status = run.named("Test the connection")["status"]
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
    forget_challenges()


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


IN_BOTH = [pytest.param(True, id="in-process"), pytest.param(False, id="module", marks=pytest.mark.long)]


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


@pytest.mark.parametrize("in_process", IN_BOTH)
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
    assert f'{first} and {third} both declare the group "akv-fleet-0".' in str(failure)
    assert requests(azure.sandbox) == {}


@pytest.mark.parametrize("on_error", ["stop", "continue"])
def test_a_group_that_cannot_be_a_target_is_seen_before_the_first_write(
    azure: AzureRights, operate: Operator, on_error: str
) -> None:
    azure.sandbox.do(lambda state: state.dsm.add_group("akv-fleet-1"))

    failure = fails(operate, declarations(azure.sandbox, 3), on_error=on_error)

    assert "the group is a local group, not linked to Azure Key Vault" in str(failure)
    others = {"stop": "unfinished", "continue": "connected"}[on_error]
    assert statuses(failure.returned) == [others, "failed", others]
    assert (azure.sandbox.journal.writes() == []) is (on_error == "stop")


def test_a_missing_group_that_its_declaration_cannot_create_is_refused_before_the_first_write(
    azure: AzureRights, operate: Operator
) -> None:
    groups = declarations(azure.sandbox, 2)
    del groups[1]["link_client_secret"]

    failure = fails(operate, groups)

    assert 'group "akv-fleet-1" does not exist, and these options are required to create it: link_client_secret' in str(
        failure
    )
    assert azure.sandbox.journal.writes() == []


def test_what_is_set_up_needs_no_secret(azure: AzureRights, operate: Operator) -> None:
    groups = declarations(azure.sandbox, 2)
    operate(cdc_groups, groups=groups)
    for one in groups:
        del one["link_client_secret"]

    again = [operate(cdc_groups, groups=deepcopy(some)) for some in (groups, groups[:1])]

    assert [(found["changed"], set(statuses(found))) for found in again] == [(False, {"connected"})] * 2


# Failures -------------------------------------------------------------------------------------------------------------


def statuses(result: Mapping[str, Any]) -> list[str]:
    return [one["status"] for one in result["groups"]]


def refuse_creation(sandbox: Sandbox, number: int) -> None:
    """The creation with this number."""
    sandbox.faults.add(Fault("dsm", "POST", "/sys/v1/groups", skip=number, status=403, body="stopped by the test"))


@pytest.mark.parametrize(("on_error", "expected"), [("stop", "unfinished"), ("continue", "connected")])
def test_after_a_failure_the_list_ends_or_goes_on_and_a_second_run_completes_it(
    azure: AzureRights, operate: Operator, on_error: str, expected: str
) -> None:
    groups = declarations(azure.sandbox, 4)
    refuse_creation(azure.sandbox, 1)

    failure = fails(operate, groups, on_error=on_error, concurrency=1)

    assert str(failure).startswith('DSM: 1 of 4 groups failed. groups[1] "akv-fleet-1": DSM, group "akv-fleet-1": ')
    assert "stopped by the test" in str(failure)
    assert statuses(failure.returned) == ["connected", "failed", expected, expected]
    assert failure.returned["unfinished"] == ["akv-fleet-2", "akv-fleet-3"] * (on_error == "stop")
    assert failure.returned["groups"][1]["failure"]["plane"] == "DSM"
    assert failure.to_fail_json()["changed"]

    resumed = operate(cdc_groups, groups=groups)

    assert statuses(resumed) == ["connected"] * 4
    assert [one["changed"] for one in resumed["groups"]] == [False, True, on_error == "stop", on_error == "stop"]


def test_what_is_not_begun_in_time_is_named_and_done_by_a_second_run(azure: AzureRights, operate: Operator) -> None:
    groups = declarations(azure.sandbox, 3)
    azure.sandbox.faults.add(Fault("dsm", "POST", "/sys/v1/groups", delay=3.5))

    first = operate(cdc_groups, groups=groups, time_budget=3, concurrency=1)
    second = operate(cdc_groups, groups=groups)

    assert statuses(first) == ["connected", "unfinished", "unfinished"]
    assert first["unfinished"] == ["akv-fleet-1", "akv-fleet-2"]
    assert any("2 of 3 groups are unfinished" in one for one in operate.warnings)
    assert (statuses(second), second["unfinished"]) == (["connected"] * 3, [])


def test_an_error_that_nobody_expected_fails_its_group_alone(
    azure: AzureRights, operate: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desired.make

    def broken(dsm: Any, task: Any, current: Any, wanted: Any, *others: Any) -> Any:
        if wanted.name == "akv-fleet-1":
            raise ZeroDivisionError("a value that nobody may see")
        return made(dsm, task, current, wanted, *others)

    monkeypatch.setattr(cdc_group, "make", broken)
    failure = fails(operate, declarations(azure.sandbox, 3), on_error="continue")

    assert statuses(failure.returned) == ["connected", "failed", "connected"]
    assert "ZeroDivisionError" in str(failure)
    assert "nobody may see" not in str(failure)
    # For the traceback that the message promises with -vvv.
    assert isinstance(failure.__cause__, ZeroDivisionError)


# Approvals ------------------------------------------------------------------------------------------------------------


def test_groups_that_wait_for_an_approval_wait_together(azure: AzureRights, operate: Operator) -> None:
    sandbox, groups = azure.sandbox, declarations(azure.sandbox, 3)
    operate(cdc_groups, groups=groups)
    for one in groups:
        one["description"] = "changed"
    with logged_in(sandbox) as approver:
        for name in ("akv-fleet-0", "akv-fleet-2"):
            approver.guard(name)

        filed = operate(cdc_groups, groups=groups)
        again = operate(cdc_groups, groups=groups)
        waiting = approver.pending()
        for one in waiting:
            approver("POST", f"{REQUESTS}/{one['request_id']}/approve", {})
        applied = operate(cdc_groups, groups=groups, approval_wait=30)

    assert statuses(filed) == ["pending approval", "connected", "pending approval"]
    assert (filed["changed"], filed["pending"]) == (True, ["akv-fleet-0", "akv-fleet-2"])
    assert ([one["changed"] for one in again["groups"]], len(waiting)) == ([False] * 3, 2)
    assert (statuses(applied), applied["pending"]) == (["connected"] * 3, [])
    listed = azure.sandbox.do(lambda state: [state.dsm.find_group(one["name"]).description for one in groups])
    assert listed == ["changed"] * 3


def test_one_wait_is_for_all_groups_and_ends_when_the_approvers_have_decided(
    azure: AzureRights, operate: Operator
) -> None:
    sandbox, groups = azure.sandbox, declarations(azure.sandbox, 2)
    operate(cdc_groups, groups=groups)
    for one in groups:
        one["description"] = "changed"
    with logged_in(sandbox) as approver, ThreadPoolExecutor(1) as pool:
        for one in groups:
            approver.guard(one["name"])
        running = pool.submit(operate, cdc_groups, groups=groups, approval_wait=60, concurrency=1)
        while len(waiting := approver.pending()) < len(groups):
            assert not running.done()
        for one in waiting:
            approver("POST", f"{REQUESTS}/{one['request_id']}/approve", {})
        result = running.result()

    assert (statuses(result), result["pending"], result["changed"]) == (["connected"] * 2, [], True)


# What they share ------------------------------------------------------------------------------------------------------


def test_what_groups_share_is_created_once(azure: AzureRights, tmp_path: Path) -> None:
    chain = Chain(azure.sandbox, tmp_path, "public", "rbac", "certificate")
    groups = [{**declared(chain), "name": f"akv-{number}", "wait_interval": 0} for number in range(3)]
    operate = Operator(chain.sandbox.environment())
    planned = operate(cdc_groups, groups=deepcopy(groups), check_mode=True, **azure.operator)
    assert chain.writes() == []

    made = operate(cdc_groups, groups=deepcopy(groups), **azure.operator)

    shared = [write for write in WRITES if write[0] != "dsm"]
    assert [one for one in chain.done() if one[0] != "dsm"] == shared
    assert changes(made) == changes(planned)
    assert statuses(made) == ["connected"] * 3
    assert [(one["kind"], one["changed"], one["failed"]) for one in made["shared"]] == [
        ("application", True, False),
        ("vault", True, False),
        ("rights", True, False),
    ]


def test_a_credential_is_created_once_for_all_groups_of_its_application(azure: AzureRights, tmp_path: Path) -> None:
    chain = Chain(azure.sandbox, tmp_path, "public", "rbac", "made")
    groups = [{**declared(chain), "name": f"akv-{number}", "wait_interval": 0} for number in range(3)]
    operate = Operator(chain.sandbox.environment())

    planned = operate(cdc_groups, groups=deepcopy(groups), check_mode=True, **azure.operator)
    made = operate(cdc_groups, groups=deepcopy(groups), **azure.operator)
    chain.add_key(sync=False)
    operate(cdc_groups, groups=deepcopy([{**one, "sync": "always"} for one in groups]), **azure.operator)
    mark = chain.sandbox.journal.mark()
    again = operate(cdc_groups, groups=deepcopy(groups), **azure.operator)

    assert statuses(planned) == ["unknown"] * 3
    assert statuses(made) == ["connected"] * 3
    secrets = [one for one in made["plan"] if one["action"] == "create" and one["object"].startswith("secret of ")]
    assert len(secrets) == 1
    assert [(one["kind"], one["changed"]) for one in made["shared"]][-1] == ("credential", True)
    assert (again["changed"], chain.writes(mark)) == (False, [])


def test_what_is_shared_and_fails_stops_the_groups_that_need_it(azure: AzureRights, tmp_path: Path) -> None:
    chain = Chain(azure.sandbox, tmp_path, "public", "rbac", "certificate")
    needs = {**declared(chain), "wait_interval": 0}
    groups = [needs, *declarations(azure.sandbox, 1)]
    chain.sandbox.faults.add(Fault(*WRITES[0], status=403, body=REFUSED))

    failure = fails(Operator(chain.sandbox.environment()), groups, on_error="continue", **azure.operator)

    assert statuses(failure.returned) == ["failed", "connected"]
    assert "stopped by the test" in failure.returned["groups"][0]["msg"]
    records = {one["kind"]: one for one in failure.returned["shared"]}
    assert (records["application"]["failed"], records["vault"]["changed"], records["rights"]["skipped"]) == (True,) * 3


@pytest.mark.parametrize("in_process", IN_BOTH)
def test_no_secret_of_the_list_is_printed_at_any_depth(own_sandbox: Sandbox, tmp_path: Path, in_process: bool) -> None:
    own_sandbox.profile = Profile(secrets_on_get="echo")
    ansible = Ansible({**own_sandbox.environment(), "FORTANIX_DSM_IN_PROCESS": str(in_process)}, tmp_path)
    pair = self_signed("proxy-client", algorithm="rsa")
    tls = {
        "client_certificate": pair.certificate_pem,
        "client_key": pair.encrypted_key_pem("openSesame77"),
        "client_key_passphrase": "openSesame77",
    }
    good = declarations(own_sandbox, 2, tls=tls)
    wrong = [*good[:1], {**good[1], "link_client_id": good[1]["link_client_secret"]}]
    refused = [*good[:1], {**good[1], "vault": {**VAULT, "type": good[1]["link_client_secret"]}}]

    runs = [
        ansible.tasks({"cdc_groups": {"groups": groups}}, verbosity=4, check=check, diff=True)
        for groups, check in ((good, True), (good, False), (wrong, False), (refused, False))
    ]

    assert [run[0].status for run in runs] == ["ok", "ok", "failed", "failed"]
    secrets = [good[0]["link_client_secret"], "openSesame77", *good[0]["tls"]["client_key"].splitlines()[1:-1]]
    assert [secret for run in runs for secret in secrets if secret in run.output] == []
