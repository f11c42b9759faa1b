# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input and failures: one clear message that names plane, object, the server's words and the next step."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_group_info
from sandbox import Fault, Sandbox
from support.playbook import Ansible
from support.shell import Shell, expect_clear_failure

Given = Callable[..., dict[str, Any]]
GROUPS = "/sys/v1/groups"
GROUP = "/sys/v1/groups/{group_id}"


@pytest.fixture
def shell(sandbox: Sandbox) -> Shell:
    return Shell(sandbox.environment())


# The options that are wrong, and what is said of them.
BAD_INPUT: list[tuple[dict[str, Any], str]] = [
    ({"name": "   "}, "Option name: it is blank."),
    ({"name": "x" * 5000}, "Option name: it has 5000 characters."),
    ({"name": "two\nlines"}, "Option name: it contains a line break."),
    ({"link_tenant_id": "contoso"}, "Option link_tenant_id: it is not a UUID (it has 7 characters, a UUID has 36)."),
    ({"link_client_secret": str(uuid.uuid4())}, "Option link_client_secret: it is the secret's ID, not its Value."),
    ({"link_client_secret": " "}, "Option link_client_secret: it is empty."),
    (
        {"vault": {"uri": "http://akv.vault.azure.net"}},
        "Option vault.uri: 'http://akv.vault.azure.net' is not a vault URI.",
    ),
    ({"vault": {"resource_id": "/subscriptions/x"}}, "Option vault.resource_id:"),
    ({"vault": {"name": ""}}, "Option vault.name: it is empty."),
    ({"custom_metadata": {"fortanix-dsm-ansible-x": "1"}}, "are reserved."),
    ({"custom_metadata": {"a": ["b"]}}, "Option custom_metadata.a: it is not a string."),
    ({"dsm_endpoint": "http://dsm.sandbox.example"}, "Option dsm_endpoint: it does not begin with https://"),
    (
        {"dsm_endpoint": "https://dsm.sandbox.example/sys/v1"},
        "Option dsm_endpoint: it contains a path, a query or a fragment after the host name.",
    ),
    ({"dsm_timeout": 0}, "Option dsm_timeout: it is not a number from 1 to 86400."),
    ({"dsm_api_key": "a b"}, "Option dsm_api_key: it is empty, or contains white space"),
    ({"dsm_username": "someone@example.com"}, "Option dsm_password: it is missing or empty."),
    ({"dsm_ca_path": "/nowhere/ca.pem"}, "Option dsm_ca_path:"),
]


@pytest.mark.every_core
def test_bad_input_is_refused_before_the_first_request(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    tasks = [{"cdc_group": {"name": name, **link, **wrong}, "ignore_errors": True} for wrong, _words in BAD_INPUT]
    wrong_choice = {"cdc_group": {"name": name, "azure_service": "china"}, "ignore_errors": True}
    mark = sandbox.journal.mark()

    run = ansible.tasks(*tasks, wrong_choice, verbosity=2)

    *messages, of_the_choice = [outcome["msg"] for outcome in run.outcomes]
    assert "azure_service must be one of: global, us_government" in of_the_choice
    assert sandbox.journal.since(mark) == []
    assert len(messages) == len(BAD_INPUT)
    assert [told for told, (_wrong, words) in zip(messages, BAD_INPUT, strict=True) if words not in told] == []
    assert [told for told in messages if "Next: " not in told or "unexpected error" in told] == []
    assert "Traceback" not in run.output


def test_no_login_at_all_says_which_options_there_are(shell: Shell, name: str) -> None:
    result = shell(cdc_group_info, name=name, environment={"DSM_API_KEY": None})
    expect_clear_failure(result, "Option dsm_api_key: no DSM credentials are set.", "DSM_API_KEY")


@pytest.mark.usefixtures("passing")
def test_unreachable_dsm(shell: Shell, name: str) -> None:
    direct = {"HTTPS_PROXY": None, "https_proxy": None}
    result = shell(cdc_group, name=name, dsm_endpoint="https://127.0.0.1:9", state="absent", environment=direct)
    expect_clear_failure(result, "DSM, ", "https://127.0.0.1:9 cannot be reached", "Connection refused")


@pytest.mark.usefixtures("passing")
def test_a_host_that_the_proxy_refuses(shell: Shell, name: str) -> None:
    result = shell(cdc_group_info, name=name, dsm_endpoint="https://dsm.elsewhere.example")
    expect_clear_failure(result, "https://dsm.elsewhere.example cannot be reached", "HTTPS_PROXY")


def test_an_unknown_certificate_authority(shell: Shell, sandbox: Sandbox, name: str) -> None:
    mark = sandbox.journal.mark()
    environment = {"REQUESTS_CA_BUNDLE": None, "SSL_CERT_FILE": None, "SSL_CERT_DIR": None}
    result = shell(cdc_group_info, name=name, environment=environment)
    expect_clear_failure(result, "CERTIFICATE_VERIFY_FAILED", "dsm_ca_path")
    assert sandbox.journal.since(mark) == []


def test_wrong_api_key(shell: Shell, name: str) -> None:
    result = shell(cdc_group, name=name, dsm_api_key="bm90OmFuLWFwaS1rZXk=")
    expect_clear_failure(result, "DSM, ", "HTTP status 401", "The server returned: ", "check dsm_api_key")


def test_wrong_password(shell: Shell, sandbox: Sandbox, name: str) -> None:
    login = {"dsm_username": sandbox.world.administrator.email, "dsm_password": "not-the-password"}
    result = shell(cdc_group, name=name, **login)
    expect_clear_failure(result, "DSM, authentication: ", "HTTP status 401", "dsm_username and dsm_password")


def test_a_user_with_two_accounts_has_to_name_one(shell: Shell, sandbox: Sandbox, name: str) -> None:
    user = sandbox.world.two_account_user
    login = {"dsm_username": user.email, "dsm_password": user.password}
    result = shell(cdc_group_info, name=name, **login)
    expect_clear_failure(result, "dsm_account is not set", sandbox.world.account_name)
    assert shell(cdc_group_info, name=name, **login, dsm_account=sandbox.world.account_name)["groups"] == []


@pytest.mark.parametrize("who", ["crypto_app", "auditor"])
def test_no_permission(shell: Shell, sandbox: Sandbox, name: str, link: Mapping[str, str], who: str) -> None:
    principal = getattr(sandbox.world, who)
    login = (
        {"dsm_api_key": principal.api_key}
        if who == "crypto_app"
        else {"dsm_username": principal.email, "dsm_password": principal.password}
    )
    result = shell(cdc_group, name=name, **link, **login)
    expect_clear_failure(
        result, f'DSM, group "{name}": ', "HTTP status 403", "use a DSM identity that has permission for this"
    )


def test_html_instead_of_json(shell: Shell, sandbox: Sandbox, name: str) -> None:
    page = "<html><head><title>Sign in</title></head><body>Please <b>sign in</b></body></html>"
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, status=200, body=page, content_type="text/html"))
    result = shell(cdc_group, name=name)
    expect_clear_failure(result, "is not JSON but text/html", "Sign in", "check that dsm_endpoint is DSM's REST API")


BLOCKED = "<html><head><title>Blocked</title></head><body>You have no permission to see this site</body></html>"


@pytest.mark.parametrize("status", [401, 403, 404, 511])
def test_a_page_of_a_proxy_is_no_refusal_of_dsm(shell: Shell, sandbox: Sandbox, name: str, status: int) -> None:
    fault = Fault("dsm", status=status, body=BLOCKED, content_type="text/html", times=None)
    sandbox.faults.add(fault)

    result = shell(cdc_group, name=name)

    expect_clear_failure(result, "is not from DSM", "Blocked", "HTTPS_PROXY")
    assert "use a DSM identity" not in result["msg"]
    assert "check dsm_api_key" not in result["msg"]


def test_approval_is_required(shell: Shell, sandbox: Sandbox, name: str, given_group: Given) -> None:
    given_group()
    sandbox.faults.add(
        Fault(plane="dsm", method="PATCH", route=GROUP, status=403, body="This operation requires approval")
    )
    result = shell(cdc_group, name=name, description="New")
    expect_clear_failure(result, "This operation requires approval", "user interface, which requests the approval")


def test_a_name_that_an_invisible_group_has(shell: Shell, sandbox: Sandbox, name: str, link: Mapping[str, str]) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="POST", route=GROUPS, status=409, body="group name already in use"))
    result = shell(cdc_group, name=name, **link)
    expect_clear_failure(result, "HTTP status 409", "possibly one that this DSM identity does not see")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_broken_connection_while_creating_is_repaired_by_the_next_run(
    shell: Shell, sandbox: Sandbox, name: str, link: Mapping[str, str], when: str
) -> None:
    """A create is never repeated blindly (design fact 11); the next run looks first."""
    sandbox.faults.add(Fault(plane="dsm", method="POST", route=GROUPS, reset=when))
    broken = shell(cdc_group, name=name, **link)
    expect_clear_failure(broken, "it is unknown whether DSM carried it out", "run the task again")
    (unknown,) = broken["failure"]["unknown"]
    assert (broken["changed"], unknown["plane"], unknown["object"]) == (True, "DSM", f'group "{name}"')
    assert shell(cdc_group, name=name, **link)["changed"] == (when == "before")
    assert not shell(cdc_group, name=name, **link)["changed"]


@pytest.mark.usefixtures("passing")
def test_passing_trouble_of_a_read_is_waited_out(shell: Shell, sandbox: Sandbox, name: str) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, times=1, status=429, body="slow", retry_after=1))
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, times=1, status=503, body="busy"))
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, times=1, reset="before"))
    assert shell(cdc_group_info, name=name)["groups"] == []


def test_a_server_that_holds_something_else_than_was_written_is_told(
    shell: Shell, sandbox: Sandbox, name: str, given_group: Given
) -> None:
    given_group(description="Old")
    sandbox.faults.add(
        Fault(plane="dsm", method="PATCH", route=GROUP, status=200, body="{}", content_type="application/json")
    )
    result = shell(cdc_group, name=name, description="New")
    expect_clear_failure(
        result, "DSM accepted the write, but these fields have other values: description", "Already done: DSM"
    )
    assert (result["changed"], [one["outcome"] for one in result["failure"]["done"]]) == (True, ["done"])


@pytest.mark.every_core
def test_a_defect_of_our_own_shows_its_traceback_only_on_request(ansible: Ansible, name: str, tmp_path: Path) -> None:
    """A broken library makes the code stumble where nobody expects it; the user gets a message all the same."""
    (tmp_path / "urllib3.py").write_text("raise ZeroDivisionError('broken')", encoding="ascii")
    environment = {"PYTHONPATH": str(tmp_path)}
    tasks = [
        {
            "cdc_group_info": {"name": name},
            "vars": {"ansible_fortanix_dsm_in_process": in_process},
            "ignore_errors": True,
        }
        for in_process in (True, False)
    ]

    quiet = ansible.tasks(*tasks, environment=environment, verbosity=2)
    talkative = ansible.tasks(*tasks, environment=environment, verbosity=3)

    expected = "unexpected error in the collection (ZeroDivisionError)"
    assert [expected in outcome["msg"] for outcome in quiet.outcomes] == [True, True]
    assert "Traceback" not in quiet.output
    assert ["Traceback" in str(outcome["traceback"]) for outcome in talkative.outcomes] == [True, True]
    assert "Traceback" in talkative.output
