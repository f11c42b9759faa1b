# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 2.0 and 3.0: DSM, the account and the login, asked before anything is done."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_account_info, cdc_sync
from sandbox import Fault, Profile, Sandbox
from support.operate import Operator
from support.playbook import Ansible
from support.set_ups import SetUp

VERSION = "/sys/v1/version"
ACCOUNTS = "/sys/v1/accounts"
ACCOUNT = "/sys/v1/accounts/{acct_id}"
APP = "/sys/v1/apps/{app_id}"
USER = "/sys/v1/users/{user_id}"
PERMISSIONS = "/sys/v1/users/permissions"


def login_of(principal: Any) -> dict[str, str]:
    if hasattr(principal, "api_key"):
        return {"dsm_api_key": principal.api_key}
    if hasattr(principal, "certificate_path"):
        return {"dsm_client_cert": str(principal.certificate_path), "dsm_client_key": str(principal.key_path)}
    return {"dsm_username": principal.email, "dsm_password": principal.password}


def verdicts(result: Mapping[str, Any]) -> dict[str, str]:
    return {job: told["verdict"] for job, told in result["permissions"].items()}


@pytest.fixture
def without_feature(sandbox: Sandbox) -> Iterator[None]:
    """An account whose subscription has no AZUREBYOK."""
    features = sandbox.do(lambda state: state.dsm.default_account.features)
    sandbox.do(lambda state: setattr(state.dsm.default_account, "features", features - {"AZUREBYOK"}))
    yield
    sandbox.do(lambda state: setattr(state.dsm.default_account, "features", features))


# --- What there is ----------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_a_play_gets_version_account_and_login_and_stops_at_a_need_that_is_not_met(
    ansible: Ansible, sandbox: Sandbox, without_feature: None
) -> None:
    run = ansible.tasks(
        {"cdc_account_info": {"needs": ["managed_hsm", "sync"]}},
        {"cdc_account_info": {"needs": ["azure_link"]}},
        verbosity=3,
    )
    assert [outcome.status for outcome in run.outcomes] == ["ok", "failed"]
    assert (run[0]["version"]["text"], run[0]["principal"]["id"]) == ("5.8.2410", sandbox.world.admin_app.app_id)
    assert run.changed == []
    assert run.message.startswith(
        "DSM, account and DSM identity: a requirement is not met: the subscription of account Sandbox lacks"
    )
    assert "AZUREBYOK" in run.message
    assert "Next: have Fortanix add the missing features" in run.message
    secret = base64.b64decode(sandbox.world.admin_app.api_key).decode().partition(":")[2]
    assert secret not in run.output


def test_tells_version_account_and_login(operate: Operator, sandbox: Sandbox) -> None:
    mark = sandbox.journal.mark()
    result = operate(cdc_account_info)
    assert (result["version"]["text"], result["version"]["major"], result["version"]["minor"]) == ("5.8.2410", 5, 8)
    assert result["account"]["account_id"] == sandbox.world.account_id
    assert result["account"]["features"] == {"HMG": "present", "AZUREBYOK": "present"}
    assert result["principal"]["kind"] == "app"
    assert result["principal"]["id"] == sandbox.world.admin_app.app_id
    assert result["principal"]["name"] == sandbox.world.admin_app.name
    assert result["capabilities"]["azure_link"]["verdict"] == "granted"
    assert result["capabilities"]["managed_hsm"]["verdict"] == "granted"
    assert result["changed"] is False
    assert [entry.route for entry in sandbox.journal.since(mark)] == [VERSION, APP, ACCOUNT, PERMISSIONS]


@pytest.mark.parametrize("who", ["admin_app", "crypto_app", "cert_app", "administrator", "auditor"])
def test_tells_who_is_logged_in(operate: Operator, sandbox: Sandbox, who: str) -> None:
    principal = getattr(sandbox.world, who)
    told = operate(cdc_account_info, **login_of(principal))["principal"]
    kind = "user" if hasattr(principal, "email") else "app"
    assert (told["kind"], told["id"]) == (kind, principal.user_id if kind == "user" else principal.app_id)
    assert told["name"] == (principal.email if kind == "user" else principal.name)


def test_tells_the_account_that_a_user_with_several_has_selected(operate: Operator, sandbox: Sandbox) -> None:
    both = login_of(sandbox.world.two_account_user)
    told = operate(cdc_account_info, **both, dsm_account=sandbox.world.second_account_name)
    assert told["account"]["account_id"] == sandbox.world.second_account_id
    assert told["principal"]["account_roles"] == ["administrator"]


@pytest.mark.parametrize(
    ("version", "number", "managed_hsm"),
    [("4.5.0", (4, 5), "lacking"), ("4.6.7", (4, 6), "granted"), ("nightly", (None, None), "unknown")],
)
def test_versions_in_any_form(
    operate: Operator, sandbox: Sandbox, version: str, number: tuple[Any, Any], managed_hsm: str
) -> None:
    sandbox.profile = Profile(version=version)
    told = operate(cdc_account_info)
    assert (told["version"]["major"], told["version"]["minor"]) == number
    assert told["capabilities"]["managed_hsm"]["verdict"] == managed_hsm


# --- Permissions ------------------------------------------------------------------------------------------------------

NOTHING = dict.fromkeys(("create_group", "read_group", "edit_group", "edit_link", "sync", "delete_group"), "unknown")
EVERYTHING = dict.fromkeys(NOTHING, "granted")
# Documented of administrative apps, if DSM lists no permissions. Their limits with keys and links are not public.
MANAGING = {**dict.fromkeys(NOTHING, "granted"), "read_group": "unknown", "sync": "unknown"}
READING = {**dict.fromkeys(NOTHING, "lacking"), "read_group": "granted"}


@pytest.mark.parametrize(
    ("who", "app_permissions", "expected"),
    [
        ("administrator", "refused", EVERYTHING),
        ("auditor", "refused", READING),
        ("admin_app", "answered", EVERYTHING),
        ("admin_app", "refused", MANAGING),
        ("cert_app", "answered", EVERYTHING),
    ],
)
def test_tells_what_the_login_may_do_as_far_as_dsm_says(
    operate: Operator, sandbox: Sandbox, who: str, app_permissions: str, expected: dict[str, str]
) -> None:
    sandbox.profile = Profile(app_permissions=app_permissions)
    assert verdicts(operate(cdc_account_info, **login_of(getattr(sandbox.world, who)))) == expected


def test_names_the_groups_in_which_a_job_is_granted(own_sandbox: Sandbox) -> None:
    group = own_sandbox.do(lambda state: state.dsm.add_group("mine"))
    own_sandbox.do(lambda state: state.dsm.add_group("not mine"))
    user = own_sandbox.world.two_account_user
    own_sandbox.do(lambda state: state.dsm.grant(state.dsm.users[user.user_id], group))
    login = {**login_of(user), "dsm_account": own_sandbox.world.account_name}
    told = Operator(own_sandbox.environment())(cdc_account_info, **login)["permissions"]
    assert told["edit_link"]["verdict"] == "granted"
    assert told["edit_link"]["group_ids"] == [group.group_id]
    assert told["create_group"]["group_ids"] is None


def test_an_old_crypto_app_is_known_not_to_manage_groups(operate: Operator, sandbox: Sandbox) -> None:
    app = sandbox.world.crypto_app
    old = f'{{"app_id": "{app.app_id}", "acct_id": "{sandbox.world.account_id}", "name": "x", "role": "crypto"}}'
    sandbox.faults.add(Fault(plane="dsm", route=APP, status=200, body=old, content_type="application/json"))
    told = verdicts(operate(cdc_account_info, dsm_api_key=app.api_key))
    assert (told["create_group"], told["edit_link"]) == ("lacking", "lacking")
    assert told["read_group"] == "unknown"


def test_an_account_administrator_is_administrator_of_groups_that_dsm_does_not_list(
    operate: Operator, sandbox: Sandbox
) -> None:
    nothing = {"account": ["CREATE_EXTERNAL_GROUPS"], "groups": {}}
    sandbox.faults.add(
        Fault(plane="dsm", route=PERMISSIONS, status=200, body=json.dumps(nothing), content_type="application/json")
    )
    assert verdicts(operate(cdc_account_info, **login_of(sandbox.world.administrator))) == EVERYTHING


# --- What DSM does not tell -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("route", [VERSION, ACCOUNTS, ACCOUNT, APP, PERMISSIONS])
def test_what_dsm_refuses_is_unknown_and_no_failure(
    operate: Operator, sandbox: Sandbox, route: str, status: int
) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=route, status=status, body="no", times=None))
    told = operate(cdc_account_info, needs=["azure_link", "managed_hsm", "create_group"])
    assert told["lacking"] == []


def test_a_dsm_that_tells_nothing_is_unknown_in_everything(operate: Operator, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="GET", status=404, body="no", times=None))
    told = operate(cdc_account_info)
    assert (told["version"], told["account"]) == (None, None)
    assert told["principal"]["id"] == sandbox.world.admin_app.app_id
    assert {one["id"] for one in told["unknown"]} == {"azure_link", "managed_hsm", *NOTHING}
    assert all("HTTP status 404" in one["reason"] for one in told["unknown"])


def test_a_refused_login_is_a_failure(operate: Operator, sandbox: Sandbox) -> None:
    for route, status in ((VERSION, 401), ("/sys/v1/session/auth", 403)):
        sandbox.faults.add(Fault(plane="dsm", route=route, status=status, body="no"))
    with pytest.raises(TaskError, match="HTTP status 401"):
        operate(cdc_account_info)
    with pytest.raises(TaskError, match=r"DSM, authentication: .*HTTP status 403"):
        operate(cdc_account_info, **login_of(sandbox.world.administrator))


def test_an_api_key_of_another_form_leaves_the_app_unknown(operate: Operator, sandbox: Sandbox) -> None:
    sandbox.faults.add(
        Fault(plane="dsm", route="*", status=200, body='{"version": "5.8.1"}', content_type="application/json")
    )
    told = operate(cdc_account_info, gather=["version", "principal"], dsm_api_key="anOpaqueKey")
    assert (told["principal"]["kind"], told["principal"]["id"]) == ("app", None)


# --- Needs ------------------------------------------------------------------------------------------------------------


def test_a_need_that_is_met_passes(operate: Operator) -> None:
    assert operate(cdc_account_info, needs=["azure_link", "managed_hsm", "sync"])["lacking"] == []


def test_only_what_is_needed_is_asked_for(operate: Operator, sandbox: Sandbox) -> None:
    mark = sandbox.journal.mark()
    operate(cdc_account_info, gather=[], needs=["azure_link"])
    assert [entry.route for entry in sandbox.journal.since(mark)] == [ACCOUNTS]


def test_a_missing_permission_stops_the_task_that_needs_it(operate: Operator, sandbox: Sandbox) -> None:
    with pytest.raises(
        TaskError, match=r"DSM does not list CREATE_EXTERNAL_GROUPS.*have CREATE_EXTERNAL_GROUPS granted"
    ):
        operate(cdc_account_info, needs=["create_group"], **login_of(sandbox.world.auditor))


# --- The role asks first ----------------------------------------------------------------------------------------------


@pytest.fixture
def variables(name: str, link: Mapping[str, str]) -> dict[str, Any]:
    return {
        "cdc_setup_name": name,
        "cdc_setup_vault": {"name": "akv-sandbox-prem"},
        **{f"cdc_setup_{key}": link[key] for key in link},
    }


@pytest.fixture
def set_up(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, variables: dict[str, Any]) -> SetUp:
    return SetUp(sandbox, monkeypatch, variables)


@pytest.mark.parametrize("check", [False, True])
def test_the_role_stops_before_its_first_change_without_a_licence(
    set_up: SetUp, sandbox: Sandbox, without_feature: None, check: bool
) -> None:
    mark = sandbox.journal.mark()
    run = set_up(check_mode=check)
    assert "AZUREBYOK" in str(run.failure)
    assert [entry.route for entry in sandbox.journal.since(mark)] == [ACCOUNTS]


@pytest.mark.parametrize("place", ["variable", "list"])
def test_the_role_stops_when_dsm_is_too_old_for_a_managed_hsm(set_up: SetUp, sandbox: Sandbox, place: str) -> None:
    sandbox.profile = Profile(version="4.5.9")
    pool = {"name": "hsm-sandbox", "type": "managed_hsm"}
    chosen = {"cdc_setup_vault": pool} if place == "variable" else {"cdc_setup_groups": [{"name": "a", "vault": pool}]}
    mark = sandbox.journal.mark()
    run = set_up(**chosen)
    assert "require DSM 4.6 or later; this is DSM 4.5.9" in str(run.failure)
    assert sandbox.journal.writes(since=mark) == []


def test_the_role_goes_on_when_nothing_is_told(set_up: SetUp, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=ACCOUNTS, status=403, body="no", times=None))
    run = set_up()
    assert (run.failure, run.warnings) == (None, [])


def test_the_question_costs_the_role_one_request(
    set_up: SetUp,
    operate: Operator,
    sandbox: Sandbox,
    name: str,
    given_group: Callable[..., dict[str, Any]],
    variables: dict[str, Any],
) -> None:
    given_group(vault=variables["cdc_setup_vault"])
    operate(cdc_sync, group_name=name)
    mark = sandbox.journal.mark()
    again = set_up()
    assert (again.failure, again.changed) == (None, [])
    asked = [entry.route for entry in sandbox.journal.requests(since=mark, plane="dsm")]
    assert asked[0] == ACCOUNTS
    assert len(asked) == 8
