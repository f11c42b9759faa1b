# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.9: the user's view; and the overview for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_user_info
from sandbox import Fault, Profile, Sandbox
from support.matrix import diagonal
from support.operate import Operator
from support.playbook import ROOT, Ansible, Run

from .conftest import link_options

OVERVIEW = ROOT / "playbooks" / "overview.yml"
CHECK = "/sys/v1/groups/{group_id}/hmg/check"


class Account:
    """Two groups in Azure, one that is local, and a member of one of each."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.operate = Operator(sandbox.environment())
        self.environment = sandbox.environment()
        link = link_options(sandbox)
        self.azure = self.operate(cdc_group, name="akv-one", **link, vault={"name": "akv-sandbox-prem"})["group"]
        self.other = self.operate(cdc_group, name="akv-two", **link)["group"]
        self.local = sandbox.do(lambda state: state.dsm.add_group("local")).group_id
        self.member = sandbox.world.two_account_user
        self.login = {
            "dsm_username": self.member.email,
            "dsm_password": self.member.password,
            "dsm_account": sandbox.world.account_name,
        }
        for group_id in (self.azure["group_id"], self.local):
            self.grant(group_id)

    def grant(self, group_id: str, role: str = "GROUPADMINISTRATOR") -> None:
        def act(state: Any) -> None:
            state.dsm.grant(state.dsm.users[self.member.user_id], state.dsm.group(group_id), [role])

        self.sandbox.do(act)


@pytest.fixture
def account(own_sandbox: Sandbox) -> Account:
    return Account(own_sandbox)


def view(result: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [(group["name"], group["azure"], group["roles"], group["connection"]) for group in result["groups"]]


@pytest.mark.every_core
def test_shows_the_users_groups_and_which_are_mapped_to_azure(account: Account, tmp_path: Any) -> None:
    mark = account.sandbox.journal.mark()
    ansible = Ansible(account.environment, tmp_path)
    run = ansible.tasks({"cdc_user_info": account.login}, environment={"DSM_API_KEY": None})
    assert view(run[0].result) == [
        ("akv-one", True, ["administrator"], "not_checked"),
        ("local", False, ["administrator"], None),
    ]
    assert run[0]["user"]["name"] == account.member.email
    assert (run[0]["group_count"], run[0]["azure_count"], run[0]["not_checked"]) == (2, 1, 1)
    assert run[0]["groups"][0]["vault"] == "akv-sandbox-prem"
    assert run.changed == []
    assert account.sandbox.journal.writes(since=mark) == []


@pytest.mark.parametrize(
    ("user_groups", "spelling", "shown"),
    diagonal(["map", "null", "omitted"], ["upper", "pascal"], ["explicit", "all"]),
)
def test_reads_users_as_any_server_tells_them(account: Account, user_groups: str, spelling: str, shown: str) -> None:
    account.sandbox.profile = Profile(user_groups=user_groups, group_role_spelling=spelling, administrator_groups=shown)
    assert [group["name"] for group in account.operate(cdc_user_info, **account.login)["groups"]] == [
        "akv-one",
        "local",
    ]
    administrator = account.sandbox.world.administrator
    told = account.operate(cdc_user_info, dsm_username=administrator.email, dsm_password=administrator.password)
    assert [(group["name"], group["roles"]) for group in told["groups"]] == [
        (name, ["administrator"]) for name in ("akv-one", "akv-two", "local")
    ]


@pytest.mark.parametrize("user_groups", ["map", "null"])
def test_a_user_without_groups_has_an_empty_view(account: Account, user_groups: str) -> None:
    account.sandbox.profile = Profile(user_groups=user_groups)
    user = account.sandbox.world.two_account_user
    login = {**account.login, "dsm_account": account.sandbox.world.second_account_name}
    told = account.operate(cdc_user_info, **login)
    assert (told["groups"], told["complete"]) == ([], True)
    assert told["user"]["id"] == user.user_id


@pytest.mark.parametrize("kind", ["azure", "external", "all"])
def test_shows_only_the_kind_that_is_asked_for(account: Account, kind: str) -> None:
    names = [group["name"] for group in account.operate(cdc_user_info, kind=kind, **account.login)["groups"]]
    assert names == (["akv-one", "local"] if kind == "all" else ["akv-one"])


# --- Apps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("app_groups", "permissions"), [("map", ["SIGN"]), ("on_request", ["SIGN"]), ("list", [])])
def test_shows_the_groups_of_an_app(account: Account, app_groups: str, permissions: list[str]) -> None:
    app = account.sandbox.world.crypto_app

    def act(state: Any) -> None:
        state.dsm.grant(state.dsm.apps[app.app_id], state.dsm.group(account.azure["group_id"]), ["SIGN"])

    account.sandbox.do(act)
    account.sandbox.profile = Profile(app_groups=app_groups)
    told = account.operate(cdc_user_info, dsm_api_key=app.api_key)
    assert [(group["name"], group["permissions"]) for group in told["groups"]] == [("akv-one", permissions)]
    assert told["user"]["kind"] == "app"


def test_an_app_that_dsm_does_not_show_to_itself_has_an_incomplete_view(account: Account) -> None:
    account.sandbox.faults.add(Fault(plane="dsm", route="/sys/v1/apps/{app_id}", status=403, body="no"))
    told = account.operate(cdc_user_info)
    assert (told["groups"], told["complete"]) == ([], False)
    assert "HTTP status 403" in told["incomplete_reason"]


# --- Connections ------------------------------------------------------------------------------------------------------


def test_tests_the_connections_when_asked_to(account: Account) -> None:
    account.sandbox.faults.add(
        Fault(plane="dsm", route=CHECK, status=400, body="AADSTS7000222: The provided client secret keys are expired")
    )
    told = account.operate(cdc_user_info, kind="azure", check_connections=True)
    assert [(group["name"], group["connection"]) for group in told["groups"]] == [
        ("akv-one", "not_connected"),
        ("akv-two", "connected"),
    ]
    assert "AADSTS7000222" in told["groups"][0]["message"]
    assert told["not_checked"] == 0


def test_tests_no_more_connections_than_allowed_and_says_how_many_are_left(account: Account) -> None:
    mark = account.sandbox.journal.mark()
    told = account.operate(cdc_user_info, check_connections=True, max_checks=1)
    assert [group["connection"] for group in told["groups"]] == ["connected", "not_checked", None]
    assert told["not_checked"] == 1
    assert len(account.sandbox.journal.requests(since=mark, route=CHECK)) == 1


def test_what_is_left_when_the_time_is_used_up_counts_as_not_checked(account: Account) -> None:
    account.sandbox.faults.add(Fault(plane="dsm", route=CHECK, delay=8, times=None))
    told = account.operate(cdc_user_info, kind="azure", check_connections=True, dsm_timeout=4)
    assert [group["connection"] for group in told["groups"]] == ["not_checked", "not_checked"]
    assert "dsm_timeout" in told["groups"][0]["message"]


def test_a_connection_that_the_login_may_not_test_is_unknown(account: Account) -> None:
    account.sandbox.profile = Profile(check_right="administrator")
    auditor = account.sandbox.world.auditor
    told = account.operate(
        cdc_user_info, kind="azure", check_connections=True, dsm_username=auditor.email, dsm_password=auditor.password
    )
    assert {group["connection"] for group in told["groups"]} == {"unknown"}
    assert all(group["message"] for group in told["groups"])


# --- Other users ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["email", "user_id"])
def test_shows_another_user_to_those_who_may_look(account: Account, by: str) -> None:
    told = account.operate(cdc_user_info, **{by: getattr(account.member, by)})
    assert told["user"]["id"] == account.member.user_id
    assert [group["name"] for group in told["groups"]] == ["akv-one", "local"]


def test_an_e_mail_address_is_found_in_any_letter_case(account: Account) -> None:
    told = account.operate(cdc_user_info, email=account.member.email.upper())
    assert told["user"]["id"] == account.member.user_id


def test_a_group_that_the_login_may_not_read_has_an_id_and_no_name(account: Account) -> None:
    """An app that administers the account sees all groups; what it does not see comes from a server that hides it."""
    account.sandbox.faults.add(
        Fault(plane="dsm", route="/sys/v1/groups", status=200, body="[]", content_type="application/json", times=None)
    )
    told = account.operate(cdc_user_info, user_id=account.member.user_id)
    assert {group["group_id"] for group in told["groups"]} == {account.azure["group_id"], account.local}
    assert {(group["name"], group["azure"], group["connection"]) for group in told["groups"]} == {(None, None, None)}


def test_an_unknown_user_is_named(account: Account) -> None:
    with pytest.raises(TaskError, match=r"DSM, user nobody@sandbox\.example: no users of the account"):
        account.operate(cdc_user_info, email="nobody@sandbox.example")


def test_who_may_not_look_is_told_so(account: Account) -> None:
    with pytest.raises(TaskError, match="HTTP status 403"):
        account.operate(cdc_user_info, email=account.sandbox.world.auditor.email, **account.login)


@pytest.mark.parametrize(
    ("option", "value"), [("email", "nobody"), ("user_id", "nobody"), ("max_checks", -1)], ids=["mail", "id", "checks"]
)
def test_bad_input_is_refused_before_the_first_request(
    operate: Operator, sandbox: Sandbox, option: str, value: Any
) -> None:
    mark = sandbox.journal.mark()
    with pytest.raises(InvalidInput, match=f"Option {option}:"):
        operate(cdc_user_info, **{option: value})
    assert sandbox.journal.since(mark) == []


# --- Overview ---------------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_the_overview_shows_both_tables_and_changes_nothing(account: Account, tmp_path: Any) -> None:
    mark = account.sandbox.journal.mark()
    run = Ansible(account.environment, tmp_path).playbook(OVERVIEW, variables={"overview_check": True})
    assert run.code == 0
    assert run.changed == []
    assert account.sandbox.journal.writes(since=mark) == []
    told = run.named("Show DSM, the account and the DSM identity")["msg"]
    # An administrative app, whose permissions DSM does not list.
    assert [line.split() for line in told if line.endswith("granted")] == [
        [job, "granted"] for job in ("create_group", "edit_group", "edit_link", "delete_group")
    ]
    # Unknown alone would help nobody.
    reason = "is not public, so try it"
    assert [line.split(":")[0].split() for line in told if line.endswith(reason)] == [
        [job, "unknown"] for job in ("read_group", "sync")
    ]
    assert_table(run, "connected")
    assert run.named("guide 4.9")["msg"][-1] == "3 groups, 2 linked to Azure, 0 not checked"
    assert account.sandbox.journal.requests(since=mark, route=CHECK) != []


def assert_table(run: Run, state: str) -> None:
    table = run.named("guide 4.8")["msg"]
    assert table[0].split() == ["KIND", "GROUP", "VAULT", "CONNECTION"]
    assert table[1].split() == ["*", "AzureKeyVault", "akv-one", "akv-sandbox-prem", state]
    assert table[3].split() == ["local", "local", "-", "-"]


def test_the_overview_tests_no_connection_unasked_and_says_what_a_user_lacks(account: Account, tmp_path: Any) -> None:
    auditor = account.sandbox.world.auditor
    login = {"DSM_API_KEY": None, "DSM_USERNAME": auditor.email, "DSM_PASSWORD": auditor.password}
    mark = account.sandbox.journal.mark()
    run = Ansible(account.environment, tmp_path).playbook(OVERVIEW, environment=login)
    lines = run.named("Show DSM, the account and the DSM identity")["msg"]
    assert f"Identity user {auditor.email}" in lines
    assert any(line.startswith("Missing: DSM does not list CREATE_EXTERNAL_GROUPS") for line in lines)
    assert_table(run, "not_checked")
    assert run.named("guide 4.9")["msg"][-1] == "3 groups, 2 linked to Azure, 2 not checked"
    assert account.sandbox.journal.requests(since=mark, route=CHECK) == []


def test_the_overview_stays_readable_where_dsm_tells_nothing(account: Account, tmp_path: Any) -> None:
    for route in ("/sys/v1/version", "/sys/v1/accounts", "/sys/v1/apps/{app_id}", "/sys/v1/users/permissions"):
        account.sandbox.faults.add(Fault(plane="dsm", route=route, status=403, body="no", times=None))
    run = Ansible(account.environment, tmp_path).playbook(OVERVIEW)
    assert run.code == 0
    assert "DSM      version not reported" in run.named("Show DSM, the account and the DSM identity")["msg"]
    assert run.named("guide 4.9")["msg"][-1].startswith("Not complete: ")
