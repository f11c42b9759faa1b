# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses of something between this machine and Azure, over the real wire: pages, portals, and empty refusals.

Their status is a verdict about permissions or absence only if the service itself has sent it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.applications.registrations import batch
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.authorization import managed_hsm
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire import channel
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.channel import Channel
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.credential import Operator, operator_of
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import AzureError, may_have_worked
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.foreign import foreign, is_refusal
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.shapes import KEYS
from ansible_collections.fortanix.dsm.plugins.module_utils._journal import UNKNOWN
from ansible_collections.fortanix.dsm.plugins.module_utils._options import AZURE
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task
from sandbox import Fault, Sandbox
from sandbox.authorities import self_signed
from unit.azure.builders import ROLE_READS, ROLE_WRITES

API = {"api-version": "2026-02-01"}
PAGE = (
    "<!DOCTYPE html><html><head><title>Blocked</title><style>p{}</style></head><body><p>Blocked &amp; logged</p></body>"
)
PORTAL = {"Location": "https://portal.corp.example/login?from=azure"}
# What a proxy, a gateway or a captive portal sends: status, content type, body, headers.
ANSWERS: dict[str, tuple[int, str, str, dict[str, str]]] = {
    "page 200": (200, "text/html", PAGE, {}),
    "page 400": (400, "text/html; charset=utf-8", PAGE, {}),
    "page 401": (401, "text/html", PAGE, {}),
    "page 403": (403, "text/html", PAGE, {}),
    "page 403 without a type": (403, "", PAGE, {}),
    "page 403 as JSON": (403, "application/json", PAGE, {}),
    "page 404": (404, "text/html", PAGE, {}),
    "page 409": (409, "text/html", PAGE, {}),
    "page 412": (412, "text/html", PAGE, {}),
    "page 511": (511, "text/html", PAGE, {}),
    "text 403": (403, "text/plain", "RBAC: access denied", {}),
    "text 404": (404, "text/plain", "404 page not found", {}),
    "JSON 403": (403, "application/json", '{"message": "blocked by policy", "ticket": 7}', {}),
    "JSON 404": (404, "application/json", '{"error": "not found"}', {}),
    "list 404": (404, "application/json", "[]", {}),
    "empty 403": (403, "text/plain", "", {}),
    "empty 404": (404, "text/plain", "", {}),
    "redirect": (302, "text/html", "", PORTAL),
}


@pytest.fixture
def operator(sandbox: Sandbox) -> Operator:
    view = sandbox.world.public
    given = {
        "tenant": view.tenant_id,
        "client_id": view.client_id,
        "secret": view.client_secret,
        "subscription_id": view.subscription_id,
    }
    params = {name: given.get(name, option.get("default")) for name, option in AZURE.argument_spec.items()}
    return operator_of(Task(params=params, check_mode=True, proxy=None, warn=pytest.fail))


def answer(sandbox: Sandbox, plane: str, name: str, **more: Any) -> None:
    status, kind, body, headers = ANSWERS[name]
    sandbox.faults.add(Fault(plane, status=status, content_type=kind, body=body, headers=headers, times=None, **more))


def refused(action: Callable[[], Any]) -> AzureError:
    with pytest.raises(AzureError) as caught:
        action()
    return caught.value


def assert_no_verdict(failure: AzureError) -> None:
    """Neither the problem nor what callers compare says anything about permissions or absence."""
    text = f"{failure.problem} {failure.next_step}"
    assert (failure.status, failure.code) == (None, "")
    assert "is not from" in failure.problem
    assert re.search(r"let [a-z.-]+ pass.*HTTPS_PROXY", failure.next_step)
    for verdict in ("has no permission", "does not exist", "not accepted", "rejects", "check tenant", "grant the"):
        assert verdict not in text


# --- Each plane -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ANSWERS)
class TestAnAnswerThatIsNotAzures:
    def test_to_a_read_of_resource_manager_is_no_verdict(self, sandbox: Sandbox, operator: Operator, name: str) -> None:
        answer(sandbox, "arm", name)
        path = f"/subscriptions/{operator.subscription}/providers/Microsoft.KeyVault/vaults"

        with channel.arm(operator, read_only=True) as arm:
            failure = refused(lambda: arm.get(path, obj="vaults", query=API))

        assert_no_verdict(failure)
        assert "management.azure.com" in failure.next_step
        # Its clock is not Azure's.
        assert operator.clock.skew("Azure") is None

    def test_to_a_call_of_the_sdk_is_no_verdict(self, sandbox: Sandbox, operator: Operator, name: str) -> None:
        answer(sandbox, "arm", name)

        def get(arm: Channel) -> None:
            with arm.explained("vault kv-other"):
                arm.sdk.vaults.get("rg-keys", "kv-other")

        with channel.arm(operator, read_only=True) as arm:
            assert_no_verdict(refused(lambda: get(arm)))

    @pytest.mark.parametrize("read", ROLE_READS)
    def test_to_a_read_of_roles_is_no_verdict(
        self, sandbox: Sandbox, operator: Operator, name: str, read: Callable[[Channel, str], object]
    ) -> None:
        answer(sandbox, "arm", name)

        with channel.arm(operator, read_only=True) as arm:
            assert_no_verdict(refused(lambda: read(arm, f"/subscriptions/{operator.subscription}")))

    @pytest.mark.parametrize("write", ROLE_WRITES)
    def test_to_a_write_of_roles_leaves_its_outcome_open(
        self, sandbox: Sandbox, operator: Operator, name: str, write: Callable[[Channel, str], object]
    ) -> None:
        answer(sandbox, "arm", name)

        with channel.arm(operator, read_only=False) as arm:
            failure = refused(lambda: write(arm, f"/subscriptions/{operator.subscription}"))

        assert_no_verdict(failure)
        assert (failure.tells_unknown, may_have_worked(failure)) == (True, True)
        assert [one.outcome for one in operator.journal.writes] == [UNKNOWN]

    def test_to_a_write_leaves_its_outcome_open(self, sandbox: Sandbox, operator: Operator, name: str) -> None:
        answer(sandbox, "arm", name)

        with channel.arm(operator, read_only=False) as arm:
            failure = refused(lambda: arm.send("PATCH", "/subscriptions/s/x", obj="x", query=API, body={}))

        assert_no_verdict(failure)
        assert (failure.tells_unknown, may_have_worked(failure)) == (True, True)
        assert [write.outcome for write in operator.journal.writes] == [UNKNOWN]

    def test_to_a_read_of_graph_is_no_verdict(self, sandbox: Sandbox, operator: Operator, name: str) -> None:
        answer(sandbox, "graph", name)

        with channel.graph(operator, read_only=True) as graph:
            failure = refused(lambda: graph.get("/v1.0/applications", obj="applications"))

        assert_no_verdict(failure)
        assert failure.plane == "Entra"

    def test_to_a_read_of_a_vault_is_no_verdict(self, sandbox: Sandbox, operator: Operator, name: str) -> None:
        answer(sandbox, "vault", name)
        uri = next(iter(sandbox.world.public.vaults.values())).uri

        with channel.keys(operator, uri) as keys:
            assert_no_verdict(refused(lambda: keys.get("/keys", obj="keys", query={"api-version": "7.6"})))
            assert_no_verdict(refused(lambda: keys.listed(keys.sdk.list_properties_of_keys, KEYS, obj="keys")))

    def test_to_a_read_of_a_managed_hsm_is_no_verdict(self, sandbox: Sandbox, operator: Operator, name: str) -> None:
        answer(sandbox, "vault", name)
        uri = next(iter(sandbox.world.public.managed_hsms.values())).uri

        def read(pool: Channel) -> None:
            with pool.explained("roles"):
                list(pool.sdk.list_role_assignments("/"))

        with channel.hsm_access(operator, uri, read_only=True) as pool:
            assert_no_verdict(refused(lambda: read(pool)))
            assert_no_verdict(refused(lambda: managed_hsm.assignments(pool)))

    @pytest.mark.parametrize(
        "route", ["/{tenant}/v2.0/.well-known/openid-configuration", "/{tenant}/oauth2/v2.0/token"]
    )
    def test_to_entra_is_no_wrong_tenant_and_no_wrong_secret(
        self, sandbox: Sandbox, operator: Operator, name: str, route: str
    ) -> None:
        answer(sandbox, "entra", name, route=route)

        with channel.arm(operator, read_only=True) as arm:
            failure = refused(lambda: arm.get("/subscriptions", obj="vaults", query=API))

        assert_no_verdict(failure)
        assert (failure.plane, failure.obj) == ("Entra", "operator")
        assert "login.microsoftonline.com" in failure.next_step


def test_a_page_is_quoted_as_a_reader_sees_it(sandbox: Sandbox, operator: Operator) -> None:
    answer(sandbox, "arm", "page 403")

    with channel.arm(operator, read_only=True) as arm:
        failure = refused(lambda: arm.get("/subscriptions/s", obj="vaults", query=API))

    assert failure.server_words == "Blocked Blocked & logged"
    assert "HTTP status 403 with an HTML page" in failure.problem


# --- Parts of a batch -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, answer in ANSWERS.items() if answer[0] not in (200, 302, 511)])
def test_a_part_of_a_batch_that_is_not_graphs_is_not_answered(sandbox: Sandbox, operator: Operator, name: str) -> None:
    status, kind, body, _headers = ANSWERS[name]
    sandbox.faults.add(Fault("graph", "GET", status=status, content_type=kind, body=body, times=None))
    url = f"/applications(appId='{operator.client_id}')"

    with channel.graph(operator, read_only=True) as graph:
        found = batch(graph, {"application": url}, obj="application")["application"]

    assert (found.status, found.body) == (0, None)
    assert found.words


# --- Pure -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_trouble_of_a_gateway_is_judged_by_its_status(status: int) -> None:
    assert foreign(status, {"Content-Type": "text/html"}, PAGE) is None


@pytest.mark.parametrize("header", ["x-ms-request-id", "Request-Id"])
def test_an_empty_refusal_is_believed_with_azures_number(header: str) -> None:
    assert foreign(404, {header: "1"}, "") is None
    assert foreign(404, {"Server": "proxy"}, "") is not None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"code": "AuthorizationFailed", "message": "m"}}, True),
        ({"error": {"code": "", "message": ""}}, True),
        ({"error": "invalid_client", "error_description": "AADSTS7000215: x"}, True),
        ({"error": "blocked"}, False),
        ({"error": {}}, False),
        ({"error": None}, False),
        ([], False),
        ("text", False),
        (None, False),
    ],
)
def test_a_refusal_of_these_services_has_one_shape(body: Any, expected: bool) -> None:
    assert is_refusal(body) is expected


# --- Certificates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bundle", ["missing", "of others"])
@pytest.mark.parametrize("service", ["entra", "arm"])
def test_a_ca_that_is_not_trusted_is_no_wrong_tenant(
    sandbox: Sandbox, operator: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bundle: str, service: str
) -> None:
    """As behind a proxy that intercepts TLS."""
    file = tmp_path / "ca.pem"
    if bundle == "of others":
        file.write_text(self_signed("other").certificate_pem, encoding="ascii")
    with channel.arm(operator, read_only=True) as arm:
        if service == "arm":
            path = f"/subscriptions/{operator.subscription}/providers/Microsoft.KeyVault/vaults"
            arm.get(path, obj="vaults", query=API)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
        failure = refused(lambda: arm.get("/subscriptions/s", obj="vaults", query=API))

    assert "REQUESTS_CA_BUNDLE" in failure.next_step
    assert "cannot be reached" in failure.problem
    assert failure.status is None
