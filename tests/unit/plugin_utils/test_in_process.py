# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shell of operations in the control process: when it runs one, and what it makes of options and results."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.fortanix.dsm.plugins.action.cdc_group_info import ActionModule
from ansible_collections.fortanix.dsm.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task
from ansible_collections.fortanix.dsm.plugins.plugin_utils import _in_process
from ansible_collections.fortanix.dsm.plugins.plugin_utils._in_process import Invocation
from unit.builders import MODULES, ROOT

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
SWITCH = "ansible_fortanix_dsm_in_process"
# What logs in to Azure in every run of it. Compliance does so only when it is asked to look there.
OF_AZURE = {name for name in MODULES if name.startswith("azure_kv_")} | {"cdc_credential", "cdc_key_consumers_info"}


# --- Which way --------------------------------------------------------------------------------------------------------


def reason(task: dict[str, Any] | None = None, variables: dict[str, Any] | None = None, **others: Any) -> str | None:
    """Why the module runs; None when the control process does."""
    given = {"ansible_python_interpreter": sys.executable, **(variables or {})}
    action = ActionModule(
        SimpleNamespace(**{"async_val": 0, "environment": {}, "delegate_to": None, **(task or {})}),
        SimpleNamespace(**{"ansible_name": "ansible.builtin.local", "become": None, **others}),
        SimpleNamespace(become=others.get("become") is not None),
        DataLoader(),
        Templar(DataLoader(), variables=given),
        None,
    )
    return action.reason_for_the_module(given)


def test_the_control_process_runs_a_local_task_with_its_own_python() -> None:
    assert reason() is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"ansible_name": "ansible.builtin.ssh"}, "the connection is ansible.builtin.ssh"),
        ({"become": "sudo"}, "become is set"),
        ({"task": {"async_val": 5}}, "async is set"),
        ({"task": {"environment": {"A": "b"}}}, "environment is set"),
        ({"variables": {"ansible_python_interpreter": "/usr/bin/other"}}, "/usr/bin/other"),
        ({"variables": {"ansible_python_interpreter": "auto_silent"}}, "auto_silent"),
        ({"variables": {"ansible_python_interpreter": ""}}, "auto"),
        ({"task": {"delegate_to": "other"}}, "ansible_python_interpreter is auto"),
        ({"variables": {SWITCH: False}}, "is false"),
        ({"variables": {SWITCH: "no"}}, "is false"),
    ],
    ids=str,
)
def test_the_module_runs_wherever_it_could_make_a_difference(arguments: dict[str, Any], expected: str) -> None:
    assert expected in str(reason(**arguments))


def test_an_interpreter_that_ansible_discovered_counts() -> None:
    found = {"ansible_python_interpreter": "auto", "ansible_facts": {"discovered_interpreter_python": sys.executable}}

    assert reason(variables=found) is None


def test_a_delegated_task_has_the_interpreter_of_the_other_host() -> None:
    other = {"ansible_delegated_vars": {"other": {"ansible_python_interpreter": sys.executable}}}

    assert reason({"delegate_to": "other"}, {**other, "ansible_python_interpreter": "/usr/bin/other"}) is None


def test_on_macos_the_module_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_in_process.sys, "platform", "darwin")

    assert "macOS" in str(reason())


def test_the_files_of_a_module_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_KEEP_REMOTE_FILES", True)

    assert "files" in str(reason())


def test_a_variable_overrules_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORTANIX_DSM_IN_PROCESS", "false")

    assert (reason(variables={SWITCH: True}), "is false" in str(reason())) == (None, True)


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_variable_leaves_it_to_the_environment(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.setenv("FORTANIX_DSM_IN_PROCESS", "false")

    assert "is false" in str(reason(variables={SWITCH: value}))


# --- What is imported before the fork ---------------------------------------------------------------------------------


OF_ROLES = {"azure_kv_prereqs", "azure_kv_prereqs_info", "azure_kv_access"}


@pytest.mark.parametrize("kind", ["without Azure", "with Azure", "with roles in Azure"])
def test_loading_an_action_imports_what_each_of_its_runs_needs_and_no_more(kind: str) -> None:
    """Loaded as Ansible's strategies do before they fork. Each library is looked up under the name that it has."""
    of_azure, of_roles = kind != "without Azure", kind == "with roles in Azure"
    names = [name for name in MODULES if (name in OF_AZURE, name in OF_ROLES) == (of_azure, of_roles)]
    code = (
        "import sys; from ansible.plugins.loader import action_loader, init_plugin_loader; init_plugin_loader()\n"
        f"for name in {names}: assert action_loader.get(f'fortanix.dsm.{{name}}', class_only=True)\n"
        "print(*sys.modules)"
    )
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections")}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)

    loaded = set(run.stdout.split())
    package = "ansible_collections.fortanix.dsm.plugins.module_utils._operations"
    assert {f"{package}.{name}" for name in names} <= loaded, run.stderr
    assert set(_in_process.AZURE if of_azure else _in_process.DSM) <= loaded
    assert ("azure" in loaded) == of_azure
    assert (set(_in_process.ROLES) <= loaded, "azure.mgmt.authorization" in loaded) == (of_roles, of_roles)


# --- Options, results, errors -----------------------------------------------------------------------------------------


def invocation(
    run: Callable[[Task], dict[str, Any]], arguments: dict[str, Any], spec: dict[str, Any] | None = None, **more: Any
) -> Invocation:
    options = {"name": {"type": "str"}, "key": {"type": "str", "no_log": True}, **(spec or {})}
    operation = SimpleNamespace(SPEC=ArgumentSpec(argument_spec=options), run=run)
    return Invocation(operation, arguments, **{"check_mode": False, "name": "fortanix.dsm.x", **more})


def failing(error: BaseException) -> Callable[[Task], dict[str, Any]]:
    def run(task: Task) -> dict[str, Any]:
        raise error

    return run


def test_a_result_has_the_arguments_and_no_secret() -> None:
    result = invocation(
        lambda task: {"changed": True, "said": f"it is {task.params['key']}", "key": task.params["key"]},
        {"name": "a", "key": "open sesame"},
    ).outcome()

    arguments = {"name": "a", "key": HIDDEN}
    assert result == {
        "changed": True,
        "said": "it is ********",
        "key": HIDDEN,
        "invocation": {"module_args": arguments},
    }


def test_the_arguments_are_left_out_where_ansible_leaves_them_out() -> None:
    """ansible-core 2.21 adds them to results on request only."""
    assert invocation(lambda task: {"key": task.params["key"]}, {"key": "a"}, shows_arguments=False).outcome() == {
        "key": HIDDEN
    }


def test_a_secret_is_censored_in_warnings_and_in_what_a_failure_says() -> None:
    def run(task: Task) -> dict[str, Any]:
        task.warn("with sesame\x1b[2J")
        raise TaskError("sesame is wrong", plane="DSM")

    result = invocation(run, {"key": "sesame"}).outcome()

    assert (result["failed"], result["warnings"]) == (True, ["with ******** [2J"])
    assert "sesame" not in str(result)


def test_progress_is_shown_without_secrets_and_only_where_it_may_be() -> None:
    def run(task: Task) -> dict[str, Any]:
        task.progress("half of sesame\x1b[2J")
        return {"changed": False}

    lines: list[str] = []
    invocation(run, {"key": "sesame"}, show=lines.append).outcome()
    invocation(run, {"key": "sesame"}, show=None).outcome()

    assert lines == ["half of ******** [2J"]


@pytest.mark.parametrize(("verbosity", "shown"), [(2, False), (3, True)])
def test_an_unexpected_error_shows_its_traceback_on_request(verbosity: int, shown: bool) -> None:
    result = invocation(failing(ZeroDivisionError("sesame")), {"key": "sesame"}, verbosity=verbosity).outcome()

    assert "unexpected error in the collection (ZeroDivisionError)" in result["msg"]
    assert ("traceback" in result) == shown
    assert "sesame" not in str(result)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()], ids=repr)
def test_an_interruption_is_no_failure(interruption: BaseException) -> None:
    with pytest.raises(type(interruption)):
        invocation(failing(interruption), {}).outcome()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_operation_with_what_it_has_done(number: signal.Signals) -> None:
    """In the process of Ansible as well, whose own handlers are back afterwards."""
    seen = []

    def run(task: Task) -> dict[str, Any]:
        task.journal.note("DSM", 'group "a"', "PATCH /x")
        seen.append(task.is_abandoned())
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        finally:
            seen.append(task.is_abandoned())
        return {}

    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    result = invocation(run, {}).outcome()

    assert result["msg"] == (
        f'Controller, task: the task was stopped by the signal {number.name}. Already done: DSM, group "a" (PATCH /x). '
        "Next: run the task again: it reads the current state before it changes anything."
    )
    assert (result["failed"], result["changed"], seen) == (True, True, [False, True])
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_signal_that_the_process_ignores_stays_ignored() -> None:
    def run(_task: Task) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        return {"changed": False}

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert invocation(run, {}).outcome()["changed"] is False
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_an_operation_does_to_its_options_is_not_seen_by_the_next_one() -> None:
    """A default is the specification's own object, and the items of a loop share the specification."""
    spec = {"names": {"type": "list", "elements": "str", "default": []}}

    def run(task: Task) -> dict[str, Any]:
        task.params["names"].append("left")
        return {"names": list(task.params["names"])}

    assert [invocation(run, {}, spec).outcome()["names"] for _item in range(2)] == [["left"], ["left"]]


def test_the_process_is_afterwards_as_it_was_before() -> None:
    def run(task: Task) -> dict[str, Any]:
        warnings.warn("unseen", stacklevel=1)
        logging.getLogger("urllib3.connectionpool").warning("unseen")
        return {}

    def state() -> Any:
        loggers = [logging.getLogger(name) for name in ("azure", "msal", "requests", "urllib3")]
        kept = [(list(logger.handlers), logger.propagate, logger.level) for logger in loggers]
        return kept, list(warnings.filters), dict(os.environ), os.getcwd(), os.umask(os.umask(0o022))

    before = state()
    invocation(run, {}).outcome()

    assert state() == before


def test_aliases_and_deprecated_options_are_reported_as_by_a_module() -> None:
    spec = {
        "group": {"type": "str", "aliases": ["team"]},
        "old": {"type": "str", "removed_in_version": "2.0.0", "removed_from_collection": "fortanix.dsm"},
    }
    result = invocation(lambda task: {"group": task.params["group"]}, {"group": "a", "team": "b", "old": "x"}, spec)

    found = result.outcome()
    assert "Both option group and its alias team are set." in found["warnings"]
    assert found["deprecations"] == [
        {
            "msg": "Param 'old' is deprecated. See the module docs for more information",
            "version": "2.0.0",
            "collection_name": "fortanix.dsm",
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"name": "ca.pem"}, True),
        ({"name": "elsewhere.pem"}, True),
        ({"name": " ca.pem\n"}, True),
        ({"name": "-----BEGIN\nCERTIFICATE-----\n"}, False),
        ({"name": "neither.pem"}, False),
        ({"name": "/tmp"}, False),
        ({"name": ""}, False),
        ({"file": "new.pem"}, True),
        ({"pairs": [{"file": "~/new.pem"}, {"file": "new.pem"}]}, True),
        ({"pairs": [{"file": "/tmp/new.pem"}]}, False),
    ],
    ids=str,
)
def test_a_path_that_depends_on_the_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], expected: bool
) -> None:
    here, of_playbook = tmp_path / "here", tmp_path / "playbook"
    for folder, name in ((here, "elsewhere.pem"), (of_playbook, "ca.pem")):
        folder.mkdir()
        (folder / name).touch()
    monkeypatch.chdir(here)
    file = {"file": {"type": "path"}}
    spec = {**file, "pairs": {"type": "list", "elements": "dict", "options": file}}
    run = invocation(failing(AssertionError()), arguments, spec)

    assert run.problem is None
    assert (run.depends_on_directory(str(of_playbook)), run.depends_on_directory(str(here))) == (expected, False)


VAULT = {"type": "dict", "options": {"name": {"type": "str"}}}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"group": "akv-production"},
            "Option group: it is not a dictionary. Next: set group_name to the name of the group, or group to the",
        ),
        ({"group": ["akv"]}, "Option group: it is not a dictionary. Next: set group_name"),
        ({"vault": "akv"}, "Option vault: it is not a dictionary. Next: write vault: {name: ...}."),
        ({"vaults": ["akv"]}, "Option vaults[0]: it is not a dictionary. Next: write each element as {name: ...}."),
        (
            {"new": [{"vault": {"name": "a"}}, {"vault": "akv"}]},
            "Option new[1].vault: it is not a dictionary. Next: write vault: {name: ...}.",
        ),
        ({"new": [{"vault": [None]}]}, "Option new[0].vault: it is not a dictionary. Next: write vault: {name: ...}."),
        ({"new": [None]}, "Option new[0]: it is not a dictionary. Next: write each element as {vault: ...}."),
        ({"tags": "production"}, "Option tags: it is not a dictionary. Next: write tags: {key: ...}."),
    ],
)
def test_what_is_no_dictionary_is_answered_with_what_to_write(given: dict[str, Any], message: str) -> None:
    spec = {
        "group": {"type": "dict"},
        "group_name": {"type": "str"},
        "vault": VAULT,
        "vaults": {**VAULT, "type": "list", "elements": "dict"},
        "new": {"type": "list", "elements": "dict", "options": {"vault": VAULT}},
        "tags": {"type": "dict"},
    }

    assert invocation(lambda _task: {}, given, spec).outcome()["msg"].startswith(message)


@pytest.mark.parametrize("text", ['{"name": "akv"}', "name=akv", "name=akv type=premium"])
def test_a_dictionary_as_text_stays_one(text: str) -> None:
    vault = {**VAULT, "options": {"name": {"type": "str"}, "type": {"type": "str"}}}

    assert invocation(lambda task: task.params["vault"], {"vault": text}, {"vault": vault}).outcome()["name"] == "akv"
