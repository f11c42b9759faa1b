# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login to DSM: what the options say, and what the environment may add (DSM contract §1.3)."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible.module_utils.common.parameters import AnsibleFallbackNotFound
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.login import (
    ApiKey,
    AppCertificate,
    UserPassword,
    login_from,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._environment import complete_login, not_empty
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from unit.builders import CANARY, present_or_not

OPTIONS = ("dsm_api_key", "dsm_username", "dsm_password", "dsm_client_cert", "dsm_client_key", "dsm_app_id")
VARIABLES = (
    "DSM_API_KEY",
    "FORTANIX_API_KEY",
    "DSM_USERNAME",
    "DSM_PASSWORD",
    "DSM_CLIENT_CERT",
    "DSM_CLIENT_KEY",
    "DSM_APP_ID",
)
APP = "66666666-6666-4666-8666-ffffffffffff"
in_play = st.fixed_dictionaries({name: st.sampled_from([None, "", f"play {name}"]) for name in OPTIONS})
in_environment = present_or_not(**{name: st.sampled_from(["", f"environment {name}"]) for name in VARIABLES})


# --- Options ----------------------------------------------------------------------------------------------------------


def test_an_api_key_is_sent_as_dsm_shows_it() -> None:
    assert login_from({"dsm_api_key": " YXBwOnNlY3JldA==\n"}).authorization() == "Basic YXBwOnNlY3JldA=="


def test_a_user_logs_in_with_name_and_password() -> None:
    login = login_from({"dsm_username": "ann@example.com", "dsm_password": "pä:ss", "dsm_account": "Blue"})

    expected = "Basic " + base64.b64encode("ann@example.com:pä:ss".encode()).decode()
    assert (login.authorization(), login) == (expected, UserPassword("ann@example.com", "pä:ss", "Blue"))


def test_an_app_logs_in_with_its_id_and_no_password_beside_its_certificate() -> None:
    login = login_from({"dsm_client_cert": "app.pem", "dsm_client_key": "app.key", "dsm_app_id": APP.upper()})

    expected = "Basic " + base64.b64encode(f"{APP}:".encode()).decode()
    assert (login.authorization(), login) == (expected, AppCertificate("app.pem", "app.key", APP))


def test_an_app_without_id_is_told_by_its_certificate_alone() -> None:
    assert login_from({"dsm_client_cert": "app.pem"}).authorization() is None


def test_an_api_key_holds_the_id_of_its_app() -> None:
    assert ApiKey(base64.b64encode(f"{APP}:{CANARY}".encode()).decode()).app_id == APP


@given(st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_a_key_of_another_form_holds_no_id(key: str) -> None:
    assert ApiKey(key).app_id is None


@pytest.mark.parametrize(
    ("params", "option"),
    [
        ({}, "dsm_api_key"),
        ({"dsm_api_key": CANARY, "dsm_client_cert": "app.pem"}, "dsm_api_key"),
        ({"dsm_username": "ann", "dsm_password": CANARY, "dsm_client_cert": "app.pem"}, "dsm_username"),
        ({"dsm_client_key": "app.key"}, "dsm_client_cert"),
        ({"dsm_app_id": APP}, "dsm_client_cert"),
        ({"dsm_client_cert": ""}, "dsm_client_cert"),
        ({"dsm_client_cert": "app.pem", "dsm_client_key": ""}, "dsm_client_key"),
        ({"dsm_client_cert": "app.pem", "dsm_app_id": "my-app"}, "dsm_app_id"),
        ({"dsm_api_key": " "}, "dsm_api_key"),
        ({"dsm_api_key": f"{CANARY} {CANARY}"}, "dsm_api_key"),
        ({"dsm_api_key": f"{CANARY}ä"}, "dsm_api_key"),
        ({"dsm_api_key": CANARY, "dsm_username": "ann"}, "dsm_api_key"),
        ({"dsm_api_key": CANARY, "dsm_password": CANARY}, "dsm_api_key"),
        ({"dsm_username": "ann"}, "dsm_password"),
        ({"dsm_username": "ann", "dsm_password": ""}, "dsm_password"),
        ({"dsm_password": CANARY}, "dsm_username"),
        ({"dsm_username": "ann:x", "dsm_password": CANARY}, "dsm_username"),
        ({"dsm_username": "ann\n", "dsm_password": CANARY}, "dsm_username"),
        ({"dsm_username": "ann", "dsm_password": f"{CANARY}\n"}, "dsm_password"),
        ({"dsm_username": "ann", "dsm_password": f"{CANARY}\r\n"}, "dsm_password"),
        ({"dsm_username": "ann", "dsm_password": f"\ufeff{CANARY}"}, "dsm_password"),
    ],
)
class TestALoginThatCannotBeRight:
    def test_is_refused_by_the_name_of_the_option(self, params: dict[str, str], option: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            login_from(params)

        assert refused.value.details["option"] == option

    def test_is_not_quoted(self, params: dict[str, str], option: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            login_from(params)

        assert CANARY not in str(refused.value.to_fail_json())


# --- Environment ------------------------------------------------------------------------------------------------------


@given(in_play.filter(lambda params: any(value is not None for value in params.values())), in_environment)
def test_a_login_that_the_play_names_is_never_mixed_with_the_environment(
    params: dict[str, Any], environ: dict[str, str]
) -> None:
    completed = dict(params)

    complete_login(completed, environ)

    assert completed == params


@given(in_environment)
def test_the_environment_gives_one_whole_login_or_none(environ: dict[str, str]) -> None:
    params: dict[str, Any] = dict.fromkeys(OPTIONS)

    complete_login(params, environ)

    taken = {name for name in OPTIONS if params[name]}
    assert taken in (set(), {"dsm_api_key"}, {"dsm_username", "dsm_password"}) or (
        {"dsm_client_cert"} <= taken <= {"dsm_client_cert", "dsm_client_key", "dsm_app_id"}
    )


@given(in_environment)
def test_every_secret_that_is_taken_from_the_environment_is_reported_for_scrubbing(environ: dict[str, str]) -> None:
    params: dict[str, Any] = dict.fromkeys(OPTIONS)

    secrets = complete_login(params, environ)

    assert secrets == {params[name] for name in ("dsm_api_key", "dsm_password") if params[name]}


@pytest.mark.parametrize(
    ("environ", "login"),
    [
        ({"DSM_API_KEY": "one", "FORTANIX_API_KEY": "two"}, ApiKey("one")),
        ({"FORTANIX_API_KEY": "two"}, ApiKey("two")),
        ({"DSM_API_KEY": "", "DSM_USERNAME": "ann", "DSM_PASSWORD": "pw"}, UserPassword("ann", "pw", None)),
        ({"DSM_API_KEY": "one", "DSM_USERNAME": "ann", "DSM_PASSWORD": "pw"}, ApiKey("one")),
        ({"DSM_API_KEY": "one", "DSM_CLIENT_CERT": "app.pem"}, ApiKey("one")),
        (
            {"DSM_USERNAME": "ann", "DSM_CLIENT_CERT": "app.pem", "DSM_CLIENT_KEY": "app.key", "DSM_APP_ID": APP},
            AppCertificate("app.pem", "app.key", APP),
        ),
    ],
)
def test_the_environment_is_read_in_the_documented_order(environ: dict[str, str], login: Any) -> None:
    params: dict[str, Any] = dict.fromkeys(OPTIONS)

    complete_login(params, environ)

    assert login_from(params) == login


# --- Single options ---------------------------------------------------------------------------------------------------


def test_a_variable_that_is_empty_is_no_value_of_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWX sets the variables of a credential to nothing where a field was left empty."""
    monkeypatch.setenv("DSM_CA_PATH", "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ca.pem")
    monkeypatch.setenv("DSM_ACCT_ID", "")

    assert not_empty("DSM_CA_PATH", "REQUESTS_CA_BUNDLE") == "/etc/ca.pem"
    with pytest.raises(AnsibleFallbackNotFound):
        not_empty("DSM_ACCT_ID", "NO_SUCH_VARIABLE")


@pytest.mark.parametrize("added", ["{}\n", " {} ", "\ufeff{}\r\n"])
def test_what_a_file_added_to_an_api_key_is_left_out(added: str) -> None:
    assert login_from({"dsm_api_key": added.format(CANARY)}) == ApiKey(CANARY)


def test_blanks_are_a_part_of_a_password() -> None:
    login = login_from({"dsm_username": "ann", "dsm_password": " two words "})

    assert isinstance(login, UserPassword)
    assert login.password == " two words "
