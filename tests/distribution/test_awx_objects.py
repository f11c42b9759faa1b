# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbooks/awx.yml makes in AWX: run for real, with modules that take what awx.awx documents and ask no AWX."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from distribution.awx_data import PATTERN, settings
from distribution.awx_modules import AWX, modules, write_collection
from distribution.installation import plain_environment, said

# What a call makes, and where its other options name what has to be there before.
REFERENCES = {
    "credential": {"credential_type": "credential_type"},
    "project": {"default_environment": "execution_environment"},
    "inventory_source": {
        "inventory": "inventory",
        "source_project": "project",
        "credential": "credential",
        "execution_environment": "execution_environment",
    },
    "job_template": {
        "inventory": "inventory",
        "project": "project",
        "execution_environment": "execution_environment",
        "credentials": "credential",
        "labels": "label",
    },
    "schedule": {"unified_job_template": "template"},
}

Call = Mapping[str, Any]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("awx-modules")
    write_collection(target, modules())
    return target


@pytest.fixture(scope="module")
def calls(
    bare_ansible: Path,
    collections: Path,
    stand_in: Path,
    once_for_all_workers: Callable[[str, Callable[[], list[Call]]], list[Call]],
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Call]:
    """What the modules were given, in order."""
    scratch = tmp_path_factory.mktemp("awx-calls")
    return once_for_all_workers("awx-calls", lambda: called(bare_ansible, [stand_in, collections], scratch))


def called(ansible: Path, collections: list[Path], scratch: Path) -> list[Call]:
    variables = {
        "awx_project_scm_url": "https://git.example.com/fortanix-dsm.git",
        "awx_execution_environment_image": "registry.example.com/fortanix-dsm-ee:0.1.0",
        "awx_dsm_inputs": {"dsm_endpoint": "https://dsm.example.com", "dsm_api_key": "canary"},
        "awx_compliance_policy": {"fail_on": "high"},
        "awx_rotation": {"cdc_rotate_renew_before_days": 45},
    }
    output = play(ansible, collections, scratch, "fortanix.dsm.awx", variables)
    assert "canary" not in output
    return [json.loads(line) for line in (scratch / "calls").read_text(encoding="utf-8").splitlines()]


def play(ansible: Path, collections: list[Path], scratch: Path, playbook: str | Path, variables: Call) -> str:
    environment = {
        **plain_environment(),
        "ANSIBLE_COLLECTIONS_PATH": ":".join(map(str, collections)),
        "ANSIBLE_HOME": str(scratch / "home"),
        "AWX_CALLS": str(scratch / "calls"),
    }
    command = [ansible / "ansible-playbook", playbook, "-vvv", "-e", json.dumps(variables)]
    return said(command, cwd=scratch, env=environment)


def made(calls: list[Call], *kinds: str) -> Iterator[Call]:
    return (call["options"] for call in calls if call["module"] in kinds)


def named(calls: list[Call], kind: str, name: str) -> Call:
    (only,) = [one for one in made(calls, kind) if one["name"] == name]
    return only


def test_what_an_object_names_was_made_before(calls: list[Call]) -> None:
    defaults = settings()
    # That of the operator is of a type which AWX has, with secrets that are nobody else's matter.
    there = {("credential", defaults["awx_azure_credential"])}
    for call in calls:
        kind, options = call["module"], call["options"]
        for option, wanted in REFERENCES.get(kind, {}).items():
            names = options[option] if isinstance(options[option], list) else [options[option]]
            assert [name for name in names if (wanted, name) not in there] == [], f"{kind} {options['name']}: {option}"
        for node in options.get("workflow_nodes") or []:
            job = node["unified_job_template"]
            assert job["type"] == "workflow_approval" or ("template", job["name"]) in there, node
        there |= {(kind, options["name"])}
        if kind in ("job_template", "workflow_job_template"):
            there |= {("template", options["name"])}


def test_job_templates_and_sources_name_files_of_the_project(calls: list[Call], collections: Path) -> None:
    project = collections / "ansible_collections" / "fortanix" / "dsm"

    files = [one["playbook"] for one in made(calls, "job_template")]
    files += [one["source_path"] for one in made(calls, "inventory_source")]

    assert len(files) == 6
    assert [name for name in files if not (project / name).is_file()] == []
    assert {str(Path(name).parent) for name in files} <= {PATTERN, f"{PATTERN}/playbooks"}


def test_what_only_looks_is_a_check(calls: list[Call]) -> None:
    kinds = {one["name"]: (one["job_type"], one["ask_job_type_on_launch"]) for one in made(calls, "job_template")}

    assert kinds == {
        "CDC setup": ("run", True),
        "CDC compliance": ("check", False),
        "CDC compliance in slices": ("check", False),
        "CDC rotation: what is due": ("check", False),
        "CDC rotation": ("run", False),
    }


def test_the_sliced_check_takes_the_inventory_of_the_plugin(calls: list[Call]) -> None:
    sliced, whole = (named(calls, "job_template", f"CDC compliance{end}") for end in (" in slices", ""))

    (source,) = [one for one in made(calls, "inventory_source") if one["inventory"] == sliced["inventory"]]
    assert source["update_on_launch"]
    assert sliced["job_slice_count"] > 1
    assert whole["job_slice_count"] is None
    assert whole["inventory"] != sliced["inventory"]


def test_settings_reach_the_jobs_that_they_are_for(calls: list[Call]) -> None:
    given = {one["name"]: one["extra_vars"] for one in made(calls, "job_template")}

    policy, rotation = {"cdc_compliance_policy": {"fail_on": "high"}}, {"cdc_rotate_renew_before_days": 45}
    assert given == {
        "CDC setup": {},
        "CDC compliance": policy,
        "CDC compliance in slices": policy,
        "CDC rotation: what is due": rotation,
        "CDC rotation": rotation,
    }


def test_nothing_is_renewed_without_an_approval(calls: list[Call]) -> None:
    (workflow,) = made(calls, "workflow_job_template")
    nodes = {one["identifier"]: one for one in workflow["workflow_nodes"]}
    # (from, how it ended, to)
    ways = [
        (name, kind.removesuffix("_nodes"), following["identifier"])
        for name, node in nodes.items()
        for kind, all_following in (node["related"] or {}).items()
        for following in all_following or []
    ]
    kinds = {name: node["unified_job_template"]["type"] for name, node in nodes.items()}
    renews = [name for name, node in nodes.items() if node["unified_job_template"]["name"] == "CDC rotation"]
    ends = {end for *_start, end in ways}
    begins = set(nodes) - ends

    assert begins == {"due"}
    assert len(renews) == 1
    assert [(kinds[start], ended) for start, ended, end in ways if end in renews] == [("workflow_approval", "success")]
    assert ends | begins == set(nodes)


def test_schedules_answer_the_survey_of_what_they_start(calls: list[Call]) -> None:
    schedules = {one["unified_job_template"]: one for one in made(calls, "schedule")}

    assert set(schedules) == {"CDC compliance", "CDC rotation with approval"}
    assert all(one["rrule"].startswith("DTSTART:") and "FREQ=" in one["rrule"] for one in schedules.values())
    (workflow,) = made(calls, "workflow_job_template")
    starts = [(name, one["extra_data"] or {}) for name, one in schedules.items()]
    starts += [(one["unified_job_template"]["name"], one["extra_data"] or {}) for one in workflow["workflow_nodes"]]
    for name, answers in starts:
        survey = next((one["survey_spec"] for one in made(calls, "job_template") if one["name"] == name), None)
        asked = [one["variable"] for one in survey["spec"] if one["required"]] if survey else []
        assert sorted(answers) == sorted(asked), name


def test_the_templates_of_the_injectors_are_left_to_awx(calls: list[Call]) -> None:
    (kind,) = made(calls, "credential_type")

    assert kind["injectors"]["env"]["DSM_API_KEY"] == "{{ dsm_api_key }}"


def test_what_a_module_of_awx_does_not_take_is_refused(bare_ansible: Path, stand_in: Path, tmp_path: Path) -> None:
    refused = {
        "job_kind. Supported parameters include": {"name": "x", "job_kind": "check"},
        "value of job_type must be one of": {"name": "x", "job_type": "dry"},
        "missing required arguments: name": {},
        "missing required arguments: identifier found in workflow_nodes": {"name": "x", "workflow_nodes": [{}]},
    }
    tasks = [
        {f"{AWX}{'workflow_' if 'workflow_nodes' in options else ''}job_template": options, "ignore_errors": True}
        for options in refused.values()
    ]
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(
        yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8"
    )

    output = play(bare_ansible, [stand_in], tmp_path, playbook, {})

    assert "ok=4 " in output
    assert "ignored=4 " in output
    assert [complaint for complaint in refused if complaint not in output] == []
    assert not (tmp_path / "calls").exists()
