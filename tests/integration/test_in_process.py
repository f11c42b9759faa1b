# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task in the control process returns what the module returns, and its neighbours do not notice it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible.release import __version__

from sandbox import Sandbox
from sandbox.azure.rights.effective import GUIDE_PERMISSIONS
from support.playbook import CALLBACKS, ROOT, Ansible, Run, local_play

SWITCH = "ansible_fortanix_dsm_in_process"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))
# Each way has objects of its own. They have names of the same length, and are called WAY when results are compared.
WAYS = {"here": True, "away": False}
CHECK = {"check_mode": True, "diff": True}
VAULT = "akv-sandbox-prem"
CANARY = "Canary-8f3a2c"
# Whether results contain the arguments of their task on request only.
ON_REQUEST = tuple(map(int, __version__.split(".")[:2])) >= (2, 21)

# What differs, and may: an error of ansible-core 2.19 says whether an action or a module has failed.
ALLOWED_TO_DIFFER = {"exception"}

_UUID = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)
# The sandbox tells keys of the same name apart: what a second group finds in a vault has its ID behind its name.
_AGAIN = re.compile(rf" \({_UUID.pattern}\)", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?")
_FINGERPRINT = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9A-F]{40}\b|(?:[0-9A-F]{2}:){19,31}[0-9A-F]{2}")


@dataclass(frozen=True)
class Case:
    """One task. ``WAY`` in its options is the name of the way; ``keywords`` are those of tasks."""

    label: str
    module: str
    options: Mapping[str, Any]
    keywords: Mapping[str, Any] = field(default_factory=dict)

    def tasks(self) -> list[dict[str, Any]]:
        found = []
        for way, here in WAYS.items():
            options = json.loads(json.dumps(self.options).replace("WAY", way))
            keywords = json.loads(json.dumps(self.keywords).replace("WAY", way))
            task = {"name": f"{self.label} {self.module} {way}", self.module: options, "ignore_errors": True}
            # From ansible-core 2.21 on, results contain the arguments on request only. Plans do without.
            variables = {SWITCH: here, "ansible_inject_invocation": not self.label.startswith("plan")}
            found.append({**task, "vars": variables, **keywords})
        return found


def comparable(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result in which what is new in each run has a number instead: equal where it was equal."""
    text = json.dumps({key: value for key, value in result.items() if key not in ALLOWED_TO_DIFFER}, sort_keys=True)
    for way in WAYS:
        text = text.replace(f"-{way}", "-WAY")
    text = _AGAIN.sub("", text)
    for kind, pattern in (("time", _TIME), ("id", _UUID), ("fingerprint", _FINGERPRINT)):
        numbers = {value: f"<{kind} {number}>" for number, value in enumerate(dict.fromkeys(pattern.findall(text)))}
        text = pattern.sub(partial(_numbered, numbers), text)
    compared: dict[str, Any] = json.loads(text)
    return compared


def _numbered(numbers: Mapping[str, str], found: re.Match[str]) -> str:
    return numbers[found[0]]


def differences(run: Run, cases: Sequence[Case]) -> list[str]:
    """Each key of each result that is not the same both ways."""
    found = []
    for case in cases:
        here, away = (comparable(run.named(f"{case.label} {case.module} {way}").result) for way in WAYS)
        found += [
            f"{case.label} {case.module}: {key}: {here.get(key, '(missing)')} != {away.get(key, '(missing)')}"
            for key in sorted({*here, *away})
            if here.get(key, "(missing)") != away.get(key, "(missing)")
        ]
    return found


def link_of(sandbox: Sandbox) -> dict[str, str]:
    view = sandbox.world.public
    return {
        "link_tenant_id": view.tenant_id,
        "link_client_id": view.client_id,
        "link_subscription_id": view.subscription_id,
        "link_client_secret": view.client_secret,
    }


def kinds(sandbox: Sandbox) -> list[Case]:
    """Each kind of result, of one module of each plane: the shell is the same for all."""
    group = {"name": "kind-WAY", **link_of(sandbox)}
    view = sandbox.world.public
    return [
        Case("plan", "cdc_group", group, CHECK),
        Case("change", "cdc_group", {**group, "custom_metadata": {"team": "keys"}}),
        Case("hidden", "cdc_group", {**group, "description": "Keys"}, {"no_log": True, "register": "hidden_WAY"}),
        Case("refused login", "cdc_group", {**group, "dsm_api_key": "bm90OmFuLWFwaS1rZXk="}),
        Case("bad suboption", "cdc_group", {**group, "tls": {"client_password": CANARY}}),
        # The name of the option says that its value is secret.
        Case("no such option", "cdc_group", {"dsm_apikey": CANARY}),
        Case("no such option", "azure_kv_prereqs_info", {"dsm_apikey": CANARY}),
        Case("found", "azure_kv_prereqs_info", {"vault": {"name": VAULT}, "app_client_id": view.client_id}),
    ]


def add_vaults(sandbox: Sandbox) -> None:
    """A vault for each way, whose keys the link may manage: the second way must not find the key of the first one."""
    app = sandbox.world.public.client_id
    for way in WAYS:
        vault = f"akv-both-{way}"
        sandbox.do(lambda state, name=vault: state.azure.public.add_vault(name, "premium"))
        sandbox.do(lambda state, name=vault: state.azure.public.assign_role(app, name))
        sandbox.do(lambda state, name=vault: state.azure.public.set_access_policy(name, app, GUIDE_PERMISSIONS))
        sandbox.do(lambda state, name=vault: state.azure.public.add_key(name, "payments"))


def cases_of_dsm(sandbox: Sandbox) -> list[Case]:
    link, secret = link_of(sandbox), {"link_client_secret": sandbox.world.public.client_secret}
    group = {"name": "both-WAY", **link}
    select = {"group_name": "both-WAY"}
    edit = {**select, **secret}
    key = {**select, "name": "both-WAY", "origin": "azure", "type": "EC", "curve": "P-256", "look_in_azure": False}
    key["protection"] = "software"
    fleet = [{**group, "name": f"fleet-{number}-WAY"} for number in range(2)]
    return [
        Case("change", "cdc_group", group),
        Case("bad value", "cdc_group", {**group, "vault": {"uri": "http://akv.vault.azure.net"}}),
        Case("bad choice", "cdc_group", {**group, "azure_service": "china"}),
        Case("plan", "cdc_tls", {**edit, "validate_host": False}, CHECK),
        Case("change", "cdc_tls", {**edit, "validate_host": False}),
        Case("plan", "cdc_vault_select", {**edit, "vault": {"name": "akv-both-WAY"}}, CHECK),
        Case("change", "cdc_vault_select", {**edit, "vault": {"name": "akv-both-WAY"}}),
        Case("found", "cdc_sync", select, CHECK),
        Case("change", "cdc_sync", {**select, "sync_timeout": 30}),
        Case("found", "cdc_connection", select),
        Case("found", "cdc_group_info", {"name": "both-WAY"}),
        Case("refused login", "cdc_group_info", {"dsm_api_key": "bm90OmFuLWFwaS1rZXk="}),
        Case("found", "cdc_compliance_info", {"group_names": ["both-WAY"], "look_in_azure": False}),
        Case("found", "cdc_key_info", {**select, "look_in_azure": False}),
        Case("bad value", "cdc_key", {**key, "operations": ["HIGHVOLUME"]}),
        Case("bad tag", "cdc_key", {**key, "tags": {"team": "us"}}),
        Case("bad suboption", "cdc_key", {**key, "rotation_policy": {"effective_at": "2031-01-01T00:00:00Z"}}),
        Case("plan", "cdc_key", key, CHECK),
        Case("change", "cdc_key", {**key, "description": "both", "metadata": {"owner": "us"}, "valid_days": 90}),
        Case(
            "plan of the end",
            "cdc_key",
            {**select, "name": "both-WAY", "state": "deleted", "look_in_azure": False},
            CHECK,
        ),
        Case("bad end", "cdc_key", {**select, "name": "both-WAY", "state": "purged"}),
        Case("found", "cdc_account_info", {}),
        Case("found", "cdc_user_info", {}),
        Case("found", "cdc_vault_info", link),
        Case("plan", "cdc_groups", {"groups": fleet}, CHECK),
        Case("change", "cdc_groups", {"groups": fleet}),
        Case("bad suboption", "cdc_groups", {"groups": [{**fleet[0], "tls": {"client_password": CANARY}}]}),
        Case("report", "cdc_groups_report", {"groups": [RECORD]}),
    ]


# Of a group that has failed, as cdc_groups returns it.
RECORD = {
    "name": "akv",
    "host": None,
    "group_id": None,
    "status": "failed",
    "changed": True,
    "planned": False,
    "pending": False,
    "vault": None,
    "key_count": "unknown",
    "failed": True,
    "msg": "DSM: no. Next: try again.",
    "failure": {"plane": "DSM"},
    "steps": {
        "group": {
            "changed": True,
            "plan": [
                {
                    "plane": "DSM",
                    "object": 'group "akv"',
                    "action": "create",
                    "before": {},
                    "after": {"name": "akv"},
                    "reason": "",
                }
            ],
        }
    },
}


def cases_of_azure(sandbox: Sandbox) -> list[Case]:
    view = sandbox.world.public
    vault = {"name": "kv-both-WAY", "resource_group": "rg-keys", "location": "westeurope", "wait_interval": 0}
    made = {**vault, "type": "premium", "permission_model": "access_policy"}
    rights = {"vault": {"name": "kv-both-WAY"}, "app_client_id": view.client_id}
    repair = {**rights, "rights_profile": "guide", "wait_interval": 0}
    cut = {
        "state": "revoked",
        "app_client_id": view.client_id,
        "confirm_client_id": view.client_id,
        "vaults": [{"resource_id": view.vaults[VAULT].resource_id}],
    }
    app = {"app_unique_name": "app-both-WAY", "wait_interval": 0}
    ids = {"link_tenant_id": view.tenant_id, "link_subscription_id": view.subscription_id}
    group = {"name": "made-WAY", **ids, "azure_service": "global", "vault": {"name": VAULT}}
    renewed = {"app_client_id": view.client_id, "new_groups": [group], "key_size": 2048}
    return [
        Case("plan", "azure_kv_app", app, CHECK),
        Case("change", "azure_kv_app", app),
        Case("hidden", "azure_kv_app", {**app, "return_secret": True}, {"no_log": True, "register": "made_WAY"}),
        Case("plan", "azure_kv_vault", made, CHECK),
        Case("change", "azure_kv_vault", made),
        Case(
            "refused login",
            "azure_kv_vault",
            {**made, "secret": CANARY, "client_id": view.operator_client_id, "tenant": view.tenant_id},
        ),
        Case("plan", "azure_kv_prereqs", repair, CHECK),
        Case("change", "azure_kv_prereqs", repair),
        Case("found", "azure_kv_prereqs_info", rights),
        Case("found", "cdc_compliance_info", {"check_connections": False}),
        Case("found", "cdc_key_consumers_info", {"vault_uri": view.vaults[VAULT].uri, "names": ["payments"]}),
        Case("bad option", "cdc_key_consumers_info", {"vault_uri": view.vaults[VAULT].uri, "names": ["no name"]}),
        Case("plan", "azure_kv_access", cut, CHECK),
        Case("refused", "azure_kv_access", cut),
        Case("plan", "cdc_credential", renewed, CHECK),
        Case("refused", "cdc_credential", {**renewed, "valid_days": -1}),
    ]


def of_this_core(cases: Sequence[Case]) -> list[Case]:
    """All cases, with another ansible-core one of each module: what a core decides of a result is in `kinds`.

    A plan needs no other case to be there, and a change may be what later cases need.
    """
    if "EXPECTED_ANSIBLE_CORE" not in os.environ:
        return list(cases)
    labels = ("plan", "found", "report", "change")
    last_of = {case.module: case for label in labels for case in cases if case.label == label}
    return [case for case in cases if case is last_of[case.module]]


def compare(sandbox: Sandbox, directory: Path, cases: Sequence[Case]) -> Run:
    tasks = [task for case in cases for task in case.tasks()]

    run = Ansible(sandbox.environment(), directory).tasks(*tasks, verbosity=3)

    assert differences(run, cases) == []
    assert len(run.outcomes) == len(tasks), run.output
    by_outcome = {
        word: {outcome.task for outcome in run.outcomes if outcome.task.startswith(word)}
        for word in ("plan", "change", "bad", "no such option", "refused")
    }
    assert {one.task for one in run.outcomes if one.changed} >= by_outcome["plan"] | by_outcome["change"]
    assert {one.task for one in run.outcomes if one.status == "failed"} == (
        by_outcome["bad"] | by_outcome["no such option"] | by_outcome["refused"]
    )
    without_arguments = {one.task for one in run.outcomes if not {"invocation", "censored"} & one.result.keys()}
    assert without_arguments == (by_outcome["plan"] if ON_REQUEST else set())
    assert run.output.count("Using module file") == len(cases)
    assert CANARY not in run.output
    assert [path for path in (run.directory / "tmp").rglob("*") if path.is_file()] == []
    return run


@pytest.mark.every_core
def test_each_kind_of_result_is_the_same_both_ways(own_sandbox: Sandbox, tmp_path: Path) -> None:
    assert compare(own_sandbox, tmp_path, kinds(own_sandbox)).outcomes


@pytest.mark.long
@pytest.mark.every_core
def test_what_concerns_dsm_is_the_same_both_ways(own_sandbox: Sandbox, tmp_path: Path) -> None:
    add_vaults(own_sandbox)

    assert compare(own_sandbox, tmp_path, of_this_core(cases_of_dsm(own_sandbox))).outcomes


@pytest.mark.long
@pytest.mark.every_core
def test_what_concerns_azure_is_the_same_both_ways(own_sandbox: Sandbox, tmp_path: Path) -> None:
    assert compare(own_sandbox, tmp_path, of_this_core(cases_of_azure(own_sandbox))).outcomes


def test_each_module_is_among_the_cases(own_sandbox: Sandbox) -> None:
    cases = (*cases_of_dsm(own_sandbox), *cases_of_azure(own_sandbox))

    assert sorted({case.module for case in cases}) == MODULES


@pytest.mark.parametrize("cases_of", [kinds, cases_of_dsm, cases_of_azure])
def test_no_two_cases_have_one_name(own_sandbox: Sandbox, cases_of: Callable[[Sandbox], list[Case]]) -> None:
    names = [f"{case.label} {case.module}" for case in cases_of(own_sandbox)]

    assert sorted(names) == sorted(set(names))


# --- What hands over to the module ------------------------------------------------------------------------------------


def test_a_task_that_the_control_process_cannot_run_is_run_by_the_module(
    ansible: Ansible, sandbox: Sandbox, tmp_path: Path
) -> None:
    """What each condition is about takes effect: the module sees it."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="ascii")
    python.chmod(0o700)
    elsewhere = {"DSM_ENDPOINT": "https://127.0.0.1:9", "HTTPS_PROXY": "", "https_proxy": ""}
    task: dict[str, Any] = {"fortanix.dsm.cdc_group_info": {"name": "nobody"}}
    tasks: list[dict[str, Any]] = [
        {**task, "name": "here"},
        {**task, "name": "async", "async": 600, "poll": 1},
        {**task, "name": "environment", "environment": elsewhere, "ignore_errors": True},
        {**task, "name": "interpreter", "vars": {"ansible_python_interpreter": str(python)}},
        {**task, "name": "switch", "vars": {SWITCH: "{{ not true }}"}},
        {"name": "path", "fortanix.dsm.cdc_group_info": {"name": "nobody", "dsm_ca_path": "ca.pem"}},
        {"name": "typo", **task, "vars": {SWITCH: "flase"}, "ignore_errors": True},
    ]
    # A relative path counts from the directory of the playbook, not from the one in which Ansible was started.
    playbook = tmp_path / "plays" / "play.yml"
    playbook.parent.mkdir()
    playbook.with_name("ca.pem").write_bytes(sandbox.ca_bundle.read_bytes())
    playbook.write_text(json.dumps([local_play(tasks=tasks)]), encoding="utf-8")

    run = ansible.playbook(playbook, verbosity=3)

    assert run.code == 0, run.output
    statuses = {outcome.task: outcome.status for outcome in run.outcomes}
    assert statuses.pop("environment") == statuses.pop("typo") == "failed"
    assert set(statuses.values()) == {"ok"}, run.output
    assert "https://127.0.0.1:9 cannot be reached" in run.named("environment")["msg"]
    assert f"{SWITCH} or FORTANIX_DSM_IN_PROCESS is neither true nor false" in run.named("typo")["msg"]
    reasons = re.findall(r"runs in a separate process: (.*)", run.output)
    assert [reason.partition(" is ")[0] for reason in reasons] == [
        "async",
        "environment",
        "ansible_python_interpreter",
        f"{SWITCH} or FORTANIX_DSM_IN_PROCESS",
        "an option names a relative path, and the current directory",
    ]


@pytest.mark.long
def test_the_environment_switches_the_control_process_off(ansible: Ansible) -> None:
    for environment in ({"FORTANIX_DSM_IN_PROCESS": "no"}, {"ANSIBLE_KEEP_REMOTE_FILES": "1"}):
        run = ansible.tasks({"cdc_group_info": {}}, environment=environment, verbosity=3)

        assert (run.code, run.output.count("Using module file")) == (0, 1), run.output


# --- What a neighbour could notice ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Neighbours:
    """A run with tasks that could notice each other, the play, or Ansible's log."""

    run: Run
    log: str
    hostile: str
    executed: Path


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    folder = tmp_path_factory.mktemp("neighbours")
    executed, log = folder / "executed", folder / "ansible.log"
    hostile = f"{{{{ lookup('ansible.builtin.pipe', 'touch {executed}') }}}}"
    with Sandbox.start() as sandbox:
        sandbox.do(lambda state: state.dsm.add_group(hostile))
        world, view = sandbox.world, sandbox.world.public
        keys = [world.admin_app.api_key, "bm90OmFuLWFwaS1rZXk=", world.crypto_app.api_key, world.admin_app.api_key]
        operator = {"tenant": view.tenant_id, "client_id": view.operator_client_id, "secret": "{{ item }}"}
        secrets = [view.operator_client_secret, "not-the-secret", view.operator_client_secret]
        rights = {"vault": {"name": VAULT}, "app_client_id": view.client_id, "subscription_id": view.subscription_id}

        run = Ansible(sandbox.environment(), folder).tasks(
            {"cdc_group_info": {"kind": "all"}, "register": "found"},
            {"ansible.builtin.set_fact": {"names": "{{ found.groups | map(attribute='name') }}"}},
            {"ansible.builtin.debug": {"msg": "{{ names }}"}, "name": "names"},
            {"cdc_group_info": {"name": "{{ item.name }}"}, "loop": "{{ found.groups }}", "name": "again"},
            {"cdc_account_info": {"dsm_api_key": "{{ item }}"}, "loop": keys, "ignore_errors": True, "name": "logins"},
            {
                "azure_kv_prereqs_info": {**rights, **operator},
                "loop": secrets,
                "ignore_errors": True,
                "name": "operators",
            },
            {"azure_kv_prereqs_info": {**rights, **operator, "secret": CANARY}, "ignore_errors": True, "name": "wrong"},
            {"cdc_group_info": {"dsm_validate_certs": False}, "name": "insecure"},
            environment={"ANSIBLE_LOG_PATH": str(log)},
        )

        assert run.code == 0, run.output
        yield Neighbours(run, log.read_text(encoding="utf-8"), hostile, executed)
        assert sandbox.crashes == []


@pytest.mark.every_core
def test_a_name_that_looks_like_a_template_stays_text(neighbours: Neighbours) -> None:
    assert neighbours.hostile in neighbours.run.named("names")["msg"]
    assert [one["item"]["name"] for one in neighbours.run.named("again")["results"]].count(neighbours.hostile) == 1
    assert not neighbours.executed.exists()


@pytest.mark.every_core
def test_items_of_a_loop_keep_their_credentials_for_themselves(neighbours: Neighbours) -> None:
    dsm, azure = (neighbours.run.named(name)["results"] for name in ("logins", "operators"))

    assert ["failure" in one for one in dsm] == [False, True, False, False]
    assert dsm[0]["principal"] == dsm[3]["principal"] != dsm[2]["principal"]
    assert ["failure" in one for one in azure] == [False, True, False]


_PARENT = """
import os, sys
from ansible.plugins.callback import CallbackBase
DOCUMENTATION = "name: parent\\ntype: notification\\nshort_description: x\\ndescription: x\\noptions: {}"
class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "notification", "parent"
    def v2_playbook_on_stats(self, stats):
        with open(os.environ["LOADED_IN_PARENT"], "w") as file:
            file.write("\\n".join(sys.modules))
"""


def test_the_operation_is_imported_before_the_task_is_forked(ansible: Ansible, tmp_path: Path) -> None:
    """What a task imports is lost at its end; the control process keeps what it has imported itself."""
    (tmp_path / "callbacks").mkdir()
    (tmp_path / "callbacks" / "parent.py").write_text(_PARENT.replace("\\\\", "\\"), encoding="utf-8")
    loaded = tmp_path / "loaded"
    callbacks = f"{CALLBACKS}:{tmp_path / 'callbacks'}"
    environment = {
        "ANSIBLE_CALLBACK_PLUGINS": callbacks,
        "ANSIBLE_CALLBACKS_ENABLED": "recorder,parent",
        "LOADED_IN_PARENT": str(loaded),
    }

    run = ansible.tasks({"cdc_group_info": {}}, environment=environment)

    names = set(loaded.read_text(encoding="utf-8").splitlines())
    assert run.code == 0, run.output
    plugins = "ansible_collections.fortanix.dsm.plugins"
    filters = {f"{plugins}.filter.{path.stem}" for path in (ROOT / "plugins" / "filter").glob("*.py")}
    assert {f"{plugins}.module_utils._operations.cdc_group_info", "urllib3", *filters} <= names
    assert {name for name in names if name.startswith("azure")} == set()


@pytest.mark.every_core
def test_what_libraries_log_and_warn_of_is_not_shown(neighbours: Neighbours) -> None:
    """Ansible's log takes what any library in its process logs; the SDK of Azure logs each of its requests."""
    assert "PLAY RECAP" in neighbours.log
    assert (neighbours.run.named("wrong").status, neighbours.run.named("insecure").status) == ("failed", "ok")
    for unwanted in ("errantly", "InsecureRequestWarning", "n=azure", "n=msal", "n=urllib3", CANARY):
        assert unwanted not in neighbours.log + neighbours.run.output, neighbours.log
