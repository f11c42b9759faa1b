# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login to DSM: what the options say, and what the environment may add (DSM contract §1.3)."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.login import ApiKey, UserPassword, login_from
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._task import complete_login
from unit.builders import CANARY, present_or_not

OPTIONS = ("dsm_api_key", "dsm_username", "dsm_password")
VARIABLES = ("DSM_API_KEY", "FORTANIX_API_KEY", "DSM_USERNAME", "DSM_PASSWORD")
in_play = st.fixed_dictionaries({name: st.sampled_from([None, "", f"play {name}"]) for name in OPTIONS})
in_environment = present_or_not(**{name: st.sampled_from(["", f"environment {name}"]) for name in VARIABLES})


# --- Options ----------------------------------------------------------------------------------------------------------


def test_an_api_key_is_sent_as_dsm_shows_it() -> None:
    assert login_from({"dsm_api_key": " YXBwOnNlY3JldA==\n"}).authorization() == "Basic YXBwOnNlY3JldA=="


def test_a_user_logs_in_with_name_and_password() -> None:
    login = login_from({"dsm_username": "ann@example.com", "dsm_password": "pä:ss", "dsm_account": "Blue"})

    expected = "Basic " + base64.b64encode("ann@example.com:pä:ss".encode()).decode()
    assert (login.authorization(), login) == (expected, UserPassword("ann@example.com", "pä:ss", "Blue"))


@pytest.mark.parametrize(
    ("params", "option"),
    [
        ({}, "dsm_api_key"),
        ({"dsm_api_key": " "}, "dsm_api_key"),
        ({"dsm_api_key": f"{CANARY} {CANARY}"}, "dsm_api_key"),
        ({"dsm_api_key": f"{CANARY}ä"}, "dsm_api_key"),
        ({"dsm_api_key": CANARY, "dsm_username": "ann"}, "dsm_api_key"),
        ({"dsm_api_key": CANARY, "dsm_password": CANARY}, "dsm_api_key"),
        ({"dsm_username": "ann"}, "dsm_password"),
        ({"dsm_username": "ann", "dsm_password": ""}, "dsm_password"),
        ({"dsm_password": CANARY}, "dsm_username"),
        ({"dsm_username": "ann:x", "dsm_password": CANARY}, "dsm_username"),
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

    assert [name for name in OPTIONS if params[name]] in ([], ["dsm_api_key"], ["dsm_username", "dsm_password"])


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
    ],
)
def test_the_environment_is_read_in_the_documented_order(environ: dict[str, str], login: Any) -> None:
    params: dict[str, Any] = dict.fromkeys(OPTIONS)

    complete_login(params, environ)

    assert login_from(params) == login
