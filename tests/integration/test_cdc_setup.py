# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role cdc_setup and the playbooks: the guide's sections 4.3 to 4.7 in their order.

What ansible-playbook does is in the first tests; the others run the same tasks in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group
from sandbox import Fault, Sandbox
from support.operate import Operator
from support.playbook import ROOT, Ansible, Run, local_play
from support.set_ups import SetUp

SETUP = ROOT / "playbooks" / "setup.yml"
STEP_BY_STEP = ROOT / "playbooks" / "step_by_step.yml"
VAULT = {"name": "akv-sandbox-prem", "type": "premium"}
RESULTS = "cdc_setup_results"
SCAN = "/sys/v1/groups/{group_id}/hmg/scan"


@pytest.fixture
def variables(name: str, link: Mapping[str, str]) -> dict[str, Any]:
    return {"cdc_setup_name": name, "cdc_setup_vault": VAULT, **{f"cdc_setup_{key}": link[key] for key in link}}


@pytest.fixture
def set_up(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, variables: dict[str, Any]) -> SetUp:
    return SetUp(sandbox, monkeypatch, variables)


def results(run: Run) -> Any:
    """The fact that the role leaves, as the summaries task by task."""
    summaries = [outcome for outcome in run.outcomes if outcome.task.endswith("Keep the summary")]
    return summaries[-1]["ansible_facts"]["cdc_setup_results"] if summaries else None


def end_state(operate: Operator, name: str) -> dict[str, Any]:
    view: dict[str, Any] = operate(cdc_group, name=name)["diff"]["after"]
    return {**view, "name": ""}


def test_plans_sets_up_and_is_then_done(
    ansible: Ansible, sandbox: Sandbox, name: str, variables: dict[str, Any], set_up: SetUp
) -> None:
    mark = sandbox.journal.mark()
    planned = ansible.playbook(SETUP, variables=variables, check=True)
    assert planned.code == 0
    assert sandbox.journal.writes(since=mark) == []
    # Although nothing exists yet, the link that is going to be written has been tried.
    assert results(planned)[0] == {
        "name": name,
        "group_id": None,
        "status": "connected",
        "vault": "akv-sandbox-prem",
        "key_count": "unknown",
        "changed": True,
        "planned": True,
        "pending": False,
    }

    mark = sandbox.journal.mark()
    # The login comes from the environment, here by the names of Fortanix's own tools.
    environment = {
        "DSM_ENDPOINT": None,
        "DSM_API_KEY": None,
        "FORTANIX_API_ENDPOINT": sandbox.world.dsm_endpoint,
        "FORTANIX_API_KEY": sandbox.world.admin_app.api_key,
    }
    first = ansible.playbook(SETUP, variables=variables, environment=environment)
    assert [entry.route for entry in sandbox.journal.writes(since=mark)] == ["/sys/v1/groups", SCAN]
    assert results(first)[0]["status"] == "connected"
    assert results(first)[0]["key_count"] > 0

    mark = sandbox.journal.mark()
    second = set_up()
    assert (second.failure, second.changed) == (None, [])
    assert sandbox.journal.writes(since=mark) == []
    assert second.facts[RESULTS][0]["key_count"] == results(first)[0]["key_count"]


@pytest.mark.every_core
def test_the_steps_are_planned_and_made(
    ansible: Ansible, operate: Operator, sandbox: Sandbox, name: str, variables: dict[str, Any]
) -> None:
    mark = sandbox.journal.mark()
    planned = ansible.playbook(STEP_BY_STEP, variables=variables, check=True)
    assert planned.code == 0
    assert sandbox.journal.writes(since=mark) == []
    assert ansible.playbook(STEP_BY_STEP, variables=variables).code == 0
    assert operate(cdc_group, name=name)["group"]["link"]["vault"]["name"] == VAULT["name"]


@pytest.mark.every_core
def test_inherits_the_login_from_the_plays_module_defaults(
    ansible: Ansible, sandbox: Sandbox, variables: dict[str, Any]
) -> None:
    """The role has no connection options; the environment has none either here."""
    login = {
        "dsm_endpoint": sandbox.world.dsm_endpoint,
        "dsm_username": sandbox.world.administrator.email,
        "dsm_password": sandbox.world.administrator.password,
    }
    play = local_play(module_defaults={"group/fortanix.dsm.cdc": login}, roles=["fortanix.dsm.cdc_setup"])
    mark = sandbox.journal.mark()
    run = ansible.playbook([play], variables=variables, environment={"DSM_ENDPOINT": None, "DSM_API_KEY": None})
    assert run.code == 0
    assert {entry.principal for entry in sandbox.journal.writes(since=mark)} == {
        f"user:{sandbox.world.administrator.email}"
    }


# By the same tasks in this process ------------------------------------------------------------------------------------


def test_step_by_step_ends_in_the_same_state(operate: Operator, name: str, set_up: SetUp) -> None:
    set_up()
    made, again = (set_up(playbook="step_by_step", cdc_setup_name=name + "-steps") for _time in range(2))
    assert (made.failure, again.failure, again.changed) == (None, None, [])
    assert end_state(operate, name) == end_state(operate, name + "-steps")


def test_sets_up_a_list_of_groups_which_share_what_they_do_not_set(set_up: SetUp, name: str) -> None:
    groups = [{"name": name + "-1"}, {"name": name + "-2", "vault": {"name": "akv-sandbox-std"}, "sync": "never"}]
    run = set_up(cdc_setup_groups=groups)
    assert [(one["name"], one["vault"], one["key_count"] != "unknown") for one in run.facts[RESULTS]] == [
        (name + "-1", "akv-sandbox-prem", True),
        (name + "-2", "akv-sandbox-std", False),
    ]


def test_syncs_when_it_is_asked_to(set_up: SetUp, operate: Operator, sandbox: Sandbox, name: str) -> None:
    # The first takes what the role is told, the others say it themselves.
    groups = [
        {"name": f"{name}-always"},
        *({"name": f"{name}-{sync}", "sync": sync} for sync in ("on_change", "never")),
    ]
    mark = sandbox.journal.mark()
    for _run in range(2):
        assert set_up(cdc_setup_groups=groups, cdc_setup_sync="always").failure is None

    ids = [operate(cdc_group, name=group["name"])["group"]["group_id"] for group in groups]
    asked = [entry.path for entry in sandbox.journal.requests(since=mark, route=SCAN)]
    assert [sum(group_id in path for path in asked) for group_id in ids] == [2, 1, 0]


def test_a_set_up_that_stopped_before_its_sync_is_completed_by_the_next_run(set_up: SetUp, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="POST", route=SCAN, status=500, body="internal error"))
    broken = set_up()
    assert broken.failure is not None
    repaired = set_up()
    assert repaired.facts[RESULTS][0]["key_count"] > 0


def test_a_group_that_does_not_connect_is_saved_not_synced_and_fails_the_play(
    set_up: SetUp, sandbox: Sandbox, operate: Operator, name: str
) -> None:
    wrong = {"cdc_setup_link_client_secret": "wrong~Value.that_nobody-gave-out-0123456789"}
    assert "AADSTS7000215" in str(set_up(**wrong).failure)
    assert operate(cdc_group, name=name)["group"]["exists"]

    mark = sandbox.journal.mark()
    tolerant = set_up(**wrong, cdc_setup_on_not_connected="warn")
    assert tolerant.failure is None
    assert tolerant.facts[RESULTS][0]["status"] == "not_connected"
    assert sandbox.journal.requests(since=mark, route=SCAN) == []

    right = set_up()
    assert right.facts[RESULTS][0]["status"] == "connected"
    assert right.facts[RESULTS][0]["key_count"] > 0


def test_check_mode_of_a_vault_change_predicts_the_real_run(
    set_up: SetUp, given_group: Callable[..., dict[str, Any]]
) -> None:
    given_group(vault={"name": "akv-sandbox-std"})
    planned = set_up(check_mode=True, cdc_setup_sync="never")
    made = set_up(cdc_setup_sync="never")
    assert (planned.failure, planned.changed) == (None, made.changed)
    assert (
        planned.named("Create or update the group and its link")["diff"]
        == made.named("Create or update the group and its link")["diff"]
    )


def test_the_example_variables_name_only_what_the_role_takes() -> None:
    import yaml

    specs = yaml.safe_load((ROOT / "roles/cdc_setup/meta/argument_specs.yml").read_text(encoding="utf-8"))
    example = Path(ROOT / "playbooks/vars/setup.example.yml").read_text(encoding="utf-8")
    named = {line.removeprefix("# ").partition(":")[0] for line in example.splitlines() if "cdc_setup_" in line}
    assert {one for one in named if one.startswith("cdc_setup_")} <= specs["argument_specs"]["main"]["options"].keys()


def test_a_role_names_its_variables_in_the_next_step(ansible: Ansible, variables: dict[str, Any]) -> None:
    wrong = {**variables, "cdc_setup_link_client_secret": "wrong~Value.that_nobody-gave-out-0123456789"}

    run = ansible.playbook([local_play(roles=["fortanix.dsm.cdc_setup"])], variables=wrong)

    assert run.code != 0
    assert "set cdc_setup_link_client_secret to its Value" in run.message
    assert "set cdc_setup_on_not_connected: warn" in run.message
