# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pure parts of the HTTP client: addresses, proxies, routes, libraries."""

from __future__ import annotations

import importlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils import _deps
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire import routes
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.client import checked_endpoint
from ansible_collections.fortanix.dsm.plugins.module_utils._environment import proxy_for
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_account_info
from ansible_collections.fortanix.dsm.plugins.plugin_utils._in_process import Invocation

# --- Endpoint ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://dsm.example.com", "https://dsm.example.com"),
        (" HTTPS://DSM.example.com/ \n", "https://dsm.example.com"),
        ("https://dsm.example.com:8443/", "https://dsm.example.com:8443"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_an_endpoint_has_one_form(url: str, endpoint: str) -> None:
    assert checked_endpoint(url) == endpoint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "dsm.example.com",
        "http://dsm.example.com",
        "https://",
        "https://user:pw@dsm.example.com",
        "https://dsm.example.com/api",
        "https://dsm.example.com?x=1",
        "https://dsm.example.com#x",
        "https://dsm.example.com:port",
        "https://dsm.example.com:99999",
        "https://[2001:db8::1",
    ],
)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"(?i)option dsm_endpoint: .*example https://dsm\.example\.com"):
        checked_endpoint(url)


@pytest.mark.parametrize(
    ("url", "problem"),
    [("https://", "it has no host name"), ("https://user:pw@", "it contains a user name or a password")],
)
def test_host_and_user_name_are_two_problems(url: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=f"Option dsm_endpoint: {problem}\\. Next: "):
        checked_endpoint(url)


def test_a_password_in_the_endpoint_is_not_quoted() -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_endpoint("https://user:hunter2@dsm.example.com")

    assert "hunter2" not in str(refused.value.to_fail_json())


@pytest.mark.parametrize("given", ["option", "environment"])
@pytest.mark.parametrize("mark", ["?key=", "#", "/?api_key=a&secret="])
def test_a_key_in_the_query_of_the_endpoint_is_refused_and_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch, mark: str, given: str
) -> None:
    address = f"https://dsm.example.com{mark}hunter2-hunter2"
    monkeypatch.setenv("DSM_ENDPOINT", address)
    monkeypatch.setenv("DSM_API_KEY", "a2V5")
    arguments = {"dsm_endpoint": address} if given == "option" else {}

    result = Invocation(cdc_account_info, arguments, check_mode=False, verbosity=3).outcome()

    assert "Option dsm_endpoint: it contains a query or a fragment after the host name." in result["msg"]
    assert "hunter2" not in str(result)


# --- Proxy ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies, to be filled."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_the_proxy_comes_from_the_environment(environ: pytest.MonkeyPatch, variable: str) -> None:
    environ.setenv(variable, "http://proxy.example.com:3128")

    assert proxy_for("https://dsm.example.com") == "http://proxy.example.com:3128"


def test_without_a_proxy_in_the_environment_there_is_none(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("HTTP_PROXY", "http://for-plain-http.example.com")

    assert proxy_for("https://dsm.example.com") is None


@pytest.mark.parametrize("exception", ["dsm.example.com", ".example.com", "*"])
def test_a_host_that_the_environment_excepts_has_no_proxy(environ: pytest.MonkeyPatch, exception: str) -> None:
    environ.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    environ.setenv("NO_PROXY", exception)

    assert proxy_for("https://dsm.example.com") is None


@pytest.mark.parametrize("url", ["", "dsm", "https://[2001:db8::1"])
def test_an_address_that_cannot_be_right_is_left_to_the_check_of_the_endpoint(
    environ: pytest.MonkeyPatch, url: str
) -> None:
    # It is looked at before the operation runs, where an exception would reach the user as a traceback.
    assert proxy_for(url) is None


# --- Routes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("POST", "/sys/v1/groups"),
        ("PATCH", "/sys/v1/groups/{group_id}"),
        ("DELETE", "/sys/v1/groups/{group_id}"),
        ("POST", "/sys/v1/groups/{group_id}/hmg/scan"),
    ],
)
def test_what_changes_dsm_is_a_write(method: str, route: str) -> None:
    assert not routes.is_read(method, route)


@given(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "get"]), st.text(max_size=10))
@example("GET", "/sys/v1/plugins")
@example("post", routes.AUTH)
def test_a_route_that_is_not_listed_is_a_write(method: str, route: str) -> None:
    assert not routes.is_read(method, route)


def test_no_read_changes_by_its_method_but_the_posts_that_are_known() -> None:
    posts = {route for method, route in routes.READS if method != "GET"}

    assert posts == {
        "/sys/v1/session/auth",
        "/sys/v1/session/select_account",
        "/sys/v1/session/terminate",
        "/sys/v1/groups/hmg/check",
        "/sys/v1/groups/{group_id}/hmg/check",
        "/sys/v1/groups/hmg/azure_vaults",
        "/crypto/v1/keys/info",
    }


# --- Libraries --------------------------------------------------------------------------------------------------------


def test_a_library_is_loaded_when_it_is_asked_for() -> None:
    assert _deps.load("urllib3").__name__ == "urllib3"


def test_a_missing_library_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", fail)

    with pytest.raises(
        TaskError, match=r"Failed to import the required Python library \(urllib3 >= 2\.0\.2\).*requirements\.txt"
    ) as failure:
        _deps.load("urllib3.util")
    assert "Python reports: No module named 'urllib3.util'" in str(failure.value)
    # There was no server.
    assert "server" not in str(failure.value)
