# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to Azure over the real wire: logins, the guard against writes, the version gate, paging, failures."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.authorization import managed_hsm, role_assignments
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire import channel, credential
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.channel import (
    Channel,
    WriteRefused,
    arm,
    graph,
    hsm_access,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.credential import Operator, operator_of
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import (
    AzureError,
    code_of,
    may_have_worked,
    status_of,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._options import AZURE
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task
from sandbox import Fault, Sandbox
from sandbox.authorities import self_signed
from unit.azure.builders import ROLE_READS, ROLE_WRITES

API = {"api-version": "2026-02-01"}
VAULTS = "/subscriptions/{}/providers/Microsoft.KeyVault/vaults"
CLOUD_OF = {"public": "AzureCloud", "government": "AzureUSGovernment"}
TOKEN = "/{tenant}/oauth2/v2.0/token"


Login = Callable[..., Operator]


@pytest.fixture
def login(sandbox: Sandbox) -> Login:
    """An operator with the login of the world's application in a cloud."""

    def make(cloud: str = "public", **changes: str | None) -> Operator:
        view = getattr(sandbox.world, cloud)
        given = {
            "cloud_environment": CLOUD_OF[cloud],
            "tenant": view.tenant_id,
            "client_id": view.client_id,
            "secret": view.client_secret,
            "subscription_id": view.subscription_id,
            **changes,
        }
        params = {name: given.get(name, option.get("default")) for name, option in AZURE.argument_spec.items()}
        return operator_of(Task(params=params, check_mode=True, proxy=None, warn=pytest.fail))

    return make


@pytest.fixture
def reader(login: Login) -> Iterator[Channel]:
    with arm(login(), read_only=True) as channel:
        yield channel


@pytest.fixture
def vaults(sandbox: Sandbox) -> str:
    """The path of the vault list of the public cloud's subscription."""
    return VAULTS.format(sandbox.world.public.subscription_id)


def refused(action: Callable[[], Any]) -> AzureError:
    with pytest.raises(AzureError) as caught:
        action()
    return caught.value


def listed(channel: Channel, path: str) -> list[str]:
    return sorted(vault["name"] for vault in channel.pages(path, obj="vaults", query=API))


# --- Logins -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cloud", CLOUD_OF)
class TestAnOperator:
    def test_lists_vaults_with_a_secret(self, sandbox: Sandbox, login: Login, cloud: str) -> None:
        view = getattr(sandbox.world, cloud)
        with arm(login(cloud), read_only=True) as channel:
            found = listed(channel, VAULTS.format(view.subscription_id))

        assert found == sorted(name for name in view.vaults if "other" not in name)

    def test_lists_vaults_with_a_certificate(self, sandbox: Sandbox, login: Login, tmp_path: Path, cloud: str) -> None:
        view, pair, file = getattr(sandbox.world, cloud), self_signed("operator", algorithm="rsa"), tmp_path / "op.pem"
        file.write_text(pair.key_pem + pair.certificate_pem, encoding="ascii")
        sandbox.do(lambda state: getattr(state.azure, cloud).add_certificate(view.client_id, pair.certificate))
        operator = login(cloud, secret=None, x509_certificate_path=str(file))

        with arm(operator, read_only=True) as channel:
            found = listed(channel, VAULTS.format(view.subscription_id))

        assert found == sorted(name for name in view.vaults if "other" not in name)

    def test_sends_three_requests_for_the_first_answer(self, sandbox: Sandbox, login: Login, cloud: str) -> None:
        view, mark = getattr(sandbox.world, cloud), sandbox.journal.mark()
        with arm(login(cloud), read_only=True) as channel:
            listed(channel, VAULTS.format(view.subscription_id))

        assert [entry.plane for entry in sandbox.journal.since(mark)] == ["entra", "entra", "arm"]


def test_nothing_is_sent_before_it_is_asked_for(sandbox: Sandbox, login: Login) -> None:
    mark = sandbox.journal.mark()

    with arm(login(), read_only=True), graph(login(), read_only=True):
        pass

    assert sandbox.journal.since(mark) == []


@pytest.mark.parametrize(
    ("changes", "code", "advice"),
    [
        ({"secret": "wrong"}, "AADSTS7000215", "not the secret's ID"),
        ({"client_id": "22222222-2222-4222-8222-bbbbbbbbbbbb"}, "AADSTS700016", "check client_id, tenant"),
        ({"tenant": "11111111-1111-4111-8111-aaaaaaaaaaaa"}, "", "check tenant and cloud_environment"),
    ],
)
def test_t20_a_login_that_entra_refuses_is_explained(
    login: Login, vaults: str, changes: dict[str, str], code: str, advice: str
) -> None:
    with arm(login(**changes), read_only=True) as channel:
        failure = refused(lambda: channel.get(vaults, obj="vaults", query=API))

    assert (failure.plane, failure.code) == ("Entra", code)
    assert advice in failure.next_step


def test_t36_a_disabled_application_is_told(sandbox: Sandbox, login: Login, vaults: str) -> None:
    client_id = sandbox.world.public.client_id
    sandbox.do(lambda state: state.azure.public.disable_application(client_id))
    try:
        with arm(login(), read_only=True) as channel:
            failure = refused(lambda: channel.get(vaults, obj="vaults", query=API))
    finally:
        sandbox.do(lambda state: state.azure.public.enable_application(client_id))

    assert failure.code == "AADSTS7000112"


# --- Reading only -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
@pytest.mark.parametrize("way", ["arm", "graph", "hsm"])
def test_no_way_for_reading_sends_a_write(sandbox: Sandbox, login: Login, way: str, method: str) -> None:
    mark, tunnels, operator = sandbox.journal.mark(), len(sandbox.proxy_log), login()
    pool = next(iter(sandbox.world.public.managed_hsms.values()))
    ways = {
        "arm": lambda: arm(operator, read_only=True),
        "graph": lambda: graph(operator, read_only=True),
        "hsm": lambda: hsm_access(operator, pool.uri, read_only=True),
    }

    with ways[way]() as channel, pytest.raises(WriteRefused):
        channel.send(method, "/anything", obj="anything", body={})

    assert (sandbox.journal.since(mark), len(sandbox.proxy_log)) == ([], tunnels)


def test_an_operation_of_the_sdk_cannot_write_on_a_way_for_reading(reader: Channel) -> None:
    with pytest.raises(WriteRefused):
        reader.sdk.vaults.update("rg-keys", "akv-sandbox-std", {"tags": {}})


def test_an_operation_of_the_sdk_cannot_change_roles_on_a_way_for_reading(sandbox: Sandbox, login: Login) -> None:
    pool = next(iter(sandbox.world.public.managed_hsms.values()))

    with hsm_access(login(), pool.uri, read_only=True) as channel, pytest.raises(WriteRefused):
        channel.sdk.create_role_assignment("/", "role", "principal")


@pytest.mark.parametrize("write", ROLE_WRITES)
def test_no_operation_for_azure_roles_writes_on_a_way_for_reading(
    sandbox: Sandbox, reader: Channel, write: Callable[[Channel, str], object]
) -> None:
    mark, tunnels = sandbox.journal.mark(), len(sandbox.proxy_log)

    with pytest.raises(WriteRefused):
        write(reader, f"/subscriptions/{sandbox.world.public.subscription_id}")

    assert (sandbox.journal.since(mark), len(sandbox.proxy_log)) == ([], tunnels)


@pytest.mark.parametrize("read_only", [True, False])
def test_t34_a_provider_that_is_not_registered_is_reported_and_never_registered(
    sandbox: Sandbox, login: Login, vaults: str, read_only: bool
) -> None:
    body = {"error": {"code": "MissingSubscriptionRegistration", "message": "Microsoft.KeyVault is not registered"}}
    sandbox.faults.add(Fault("arm", status=409, body=json.dumps(body), content_type="application/json", times=None))
    mark = sandbox.journal.mark()

    with arm(login(), read_only=read_only) as channel:
        failure = refused(lambda: channel.get(vaults, obj="vaults", query=API))

    assert failure.code == "MissingSubscriptionRegistration"
    assert "az provider register" in failure.next_step
    assert [entry.method for entry in sandbox.journal.requests(mark, "arm")] == ["GET"]


@pytest.mark.parametrize("read", ROLE_READS)
def test_t34_a_read_of_roles_registers_no_provider_either(
    sandbox: Sandbox, login: Login, read: Callable[[Channel, str], object]
) -> None:
    body = {"error": {"code": "MissingSubscriptionRegistration", "message": "Microsoft.KeyVault is not registered"}}
    sandbox.faults.add(Fault("arm", status=409, body=json.dumps(body), content_type="application/json", times=None))
    mark = sandbox.journal.mark()

    with arm(login(), read_only=False) as channel:
        failure = refused(lambda: read(channel, f"/subscriptions/{sandbox.world.public.subscription_id}"))

    assert (failure.status, failure.code) == (409, "MissingSubscriptionRegistration")
    assert [entry.method for entry in sandbox.journal.requests(mark, "arm")] == ["GET"]


# --- Roles of Azure, through a library of their own -------------------------------------------------------------------


@pytest.mark.parametrize("cloud", CLOUD_OF)
def test_roles_are_read_with_the_token_and_the_connection_of_the_vaults(
    sandbox: Sandbox, login: Login, cloud: str
) -> None:
    view = getattr(sandbox.world, cloud)
    operator = login(cloud, client_id=view.operator_client_id, secret=view.operator_client_secret)
    scope = f"/subscriptions/{view.subscription_id}"
    mark, tunnels = sandbox.journal.mark(), len(sandbox.proxy_log)

    with arm(operator, read_only=True) as channel:
        listed(channel, VAULTS.format(view.subscription_id))
        found = role_assignments.assignments(channel, scope)
        role_assignments.activations(channel, scope, view.client_id)

    assert found
    assert [one.plane for one in sandbox.journal.since(mark)] == ["entra", "entra", "arm", "arm", "arm"]
    hosts = [one.host for one in sandbox.proxy_log[tunnels:]]
    assert len([host for host in hosts if host.startswith("management.")]) == 1


@pytest.mark.parametrize("read", ROLE_READS)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_that_passes_is_waited_for_when_roles_are_read(
    sandbox: Sandbox, login: Login, monkeypatch: pytest.MonkeyPatch, read: Callable[[Channel, str], object], status: int
) -> None:
    view, slept = sandbox.world.public, list[float]()
    monkeypatch.setattr(time, "sleep", slept.append)
    operator = login(client_id=view.operator_client_id, secret=view.operator_client_secret)
    sandbox.faults.add(Fault("arm", status=status, retry_after=7))
    mark = sandbox.journal.mark()

    with arm(operator, read_only=True) as channel:
        # The role that is asked for is known; nothing else is.
        read(channel, f"/subscriptions/{view.subscription_id}")

    assert [one.status for one in sandbox.journal.requests(mark, "arm")] == [status, 200]
    assert 7 in slept


@pytest.mark.parametrize("write", ROLE_WRITES)
@pytest.mark.parametrize("body", ["", "<html>Busy</html>", '{"error": {"code": "Busy", "message": "Later."}}'])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_write_of_roles_is_sent_once_and_tells_how_long_to_wait(
    sandbox: Sandbox, login: Login, write: Callable[[Channel, str], object], status: int, body: str
) -> None:
    sandbox.faults.add(Fault("arm", status=status, retry_after=7, body=body, times=None))
    mark = sandbox.journal.mark()

    with arm(login(), read_only=False) as channel:
        failure = refused(lambda: write(channel, f"/subscriptions/{sandbox.world.public.subscription_id}"))

    assert len(sandbox.journal.requests(mark, "arm")) == 1
    assert (failure.status, failure.retry_after, failure.details["retryable"]) == (status, 7, True)
    assert "does not match" not in failure.problem


JSON_TYPE = "application/json"
ODD_REFUSALS = [
    {
        "code": "AuthorizationFailed",
        "message": "does not have authorization to perform action 'a/read' over scope '/s'",
    },
    {"code": "ScopeLocked", "message": "The scope(s) are locked: '/s'."},
    {"code": "BadRequest", "message": "AADSTS7000215: quoted."},
    {"code": "Odd", "message": 5},
    {"code": None, "message": "m"},
    {"code": "Odd", "message": "m", "details": "d", "additionalInfo": 7, "innererror": []},
    {"code": "Odd", "message": "m", "details": [5, {"code": 5}], "target": {}, "innererror": {"code": {}}},
]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 418, 429, 500])
@pytest.mark.parametrize("error", ODD_REFUSALS, ids=lambda error: str(error["message"])[:20])
def test_an_operation_of_the_sdk_fails_in_the_words_of_a_request_of_ours(
    sandbox: Sandbox, login: Login, status: int, error: dict[str, Any]
) -> None:
    body = json.dumps({"error": error})
    sandbox.faults.add(Fault("arm", status=status, body=body, content_type=JSON_TYPE, retry_after=3600, times=None))
    scope = f"/subscriptions/{sandbox.world.public.subscription_id}"
    path, query = f"{scope}/{role_assignments.PROVIDER}/roleAssignments", {"api-version": "2022-04-01"}

    with arm(login(), read_only=True) as channel:
        ours = refused(lambda: channel.get(path, obj=f"role assignments at {scope}", query=query))
        of_the_sdk = refused(lambda: role_assignments.assignments(channel, scope))

    assert str(of_the_sdk) == str(ours)
    assert (of_the_sdk.details, of_the_sdk.retry_after) == (ours.details, ours.retry_after)


@pytest.mark.parametrize("status", [401, 403, 404, 409])
def test_an_operation_of_the_sdk_knows_a_refusal_without_a_body(sandbox: Sandbox, login: Login, status: int) -> None:
    """As of an assignment that is gone: its removal is then done."""
    sandbox.faults.add(Fault("arm", status=status, headers={"x-ms-request-id": "1"}))
    path = f"/subscriptions/{sandbox.world.public.subscription_id}/{role_assignments.PROVIDER}/roleAssignments/x"
    operator = login()

    with arm(operator, read_only=False) as channel:
        failure = refused(lambda: role_assignments.unassign(channel, path))

    assert (failure.status, failure.plane) == (status, "Azure")
    assert (may_have_worked(failure), operator.journal.writes) == (False, [])


@pytest.mark.parametrize("write", ROLE_WRITES)
@pytest.mark.parametrize(
    "fault",
    [
        Fault("arm", reset="after"),
        Fault("arm", status=201, body='{"id": ', content_type=JSON_TYPE),
        Fault("arm", status=200, body="[]", content_type=JSON_TYPE),
        Fault("arm", status=201, body="5", content_type=JSON_TYPE),
        Fault("arm", status=202, body="{}", content_type=JSON_TYPE),
    ],
)
def test_the_outcome_of_a_write_of_roles_with_a_lost_answer_is_unknown(
    sandbox: Sandbox, login: Login, write: Callable[[Channel, str], object], fault: Fault
) -> None:
    view = sandbox.world.public
    operator = login(client_id=view.operator_client_id, secret=view.operator_client_secret)
    sandbox.faults.add(fault)
    mark = sandbox.journal.mark()

    with arm(operator, read_only=False) as channel:
        failure = refused(lambda: write(channel, f"/subscriptions/{view.subscription_id}"))

    assert may_have_worked(failure)
    assert [one.outcome for one in operator.journal.writes] == ["unknown"]
    assert len(sandbox.journal.requests(mark, "arm")) == 1


@pytest.mark.parametrize("write", ROLE_WRITES)
@pytest.mark.parametrize("body", ["", "{}", '{"properties": {"createdOn": "yesterday"}}'])
def test_a_write_of_roles_that_azure_accepts_is_done_whatever_the_sdk_expects(
    sandbox: Sandbox, login: Login, write: Callable[[Channel, str], object], body: str
) -> None:
    """The SDK expects 201 for a role definition, and members of certain types."""
    view = sandbox.world.public
    operator = login(client_id=view.operator_client_id, secret=view.operator_client_secret)
    sandbox.faults.add(Fault("arm", status=200, body=body, content_type=JSON_TYPE))
    mark = sandbox.journal.mark()

    with arm(operator, read_only=False) as channel:
        write(channel, f"/subscriptions/{view.subscription_id}")

    assert [one.outcome for one in operator.journal.writes] == ["done"]
    assert len(sandbox.journal.requests(mark, "arm")) == 1


@pytest.mark.parametrize("connected", [False, True], ids=["first request", "later request"])
def test_a_connection_that_breaks_behind_the_proxy_is_not_blamed_on_the_proxy(
    sandbox: Sandbox, login: Login, vaults: str, connected: bool
) -> None:
    """urllib3 does that; then the write counted as not sent."""
    operator = login()
    with arm(operator, read_only=False) as channel:
        if connected:
            listed(channel, vaults)
        sandbox.faults.add(Fault("arm", reset="after"))
        failure = refused(lambda: channel.send("PATCH", f"{vaults}/x", obj="x", query=API, body={}))

    assert ("the connection failed" in failure.problem, "proxy" in failure.problem) == (True, False)
    assert [one.outcome for one in operator.journal.writes] == ["unknown"]


# --- Versions of the SDK ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["10.3.1", "13.0.0", "13.99"])
def test_an_sdk_that_is_too_old_is_refused_before_any_import(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(importlib.metadata, "version", {"azure-mgmt-keyvault": version}.__getitem__)

    with pytest.raises(
        TaskError, match=f"azure-mgmt-keyvault {version} .*27 February 2027.*ansible_python_interpreter"
    ):
        channel.check_key_vault_sdk()


@pytest.mark.parametrize("version", ["14.0.0", "14.1.0", "15.0.0b1", "100.0"])
def test_a_newer_sdk_is_accepted(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """It raises no error."""
    monkeypatch.setattr(importlib.metadata, "version", {"azure-mgmt-keyvault": version}.__getitem__)

    channel.check_key_vault_sdk()


def test_a_missing_sdk_is_named_with_its_lower_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)

    with pytest.raises(TaskError, match="azure-mgmt-keyvault >= 14"):
        channel.check_key_vault_sdk()


def test_the_gate_is_closed_before_the_way_is_built(monkeypatch: pytest.MonkeyPatch, login: Login) -> None:
    operator = login()
    monkeypatch.setattr(importlib.metadata, "version", {"azure-mgmt-keyvault": "10.3.1"}.__getitem__)

    with pytest.raises(TaskError, match=r"10\.3\.1"):
        arm(operator, read_only=True)


def test_a_library_for_roles_that_is_missing_or_of_another_release_is_named_with_its_bounds(
    monkeypatch: pytest.MonkeyPatch, reader: Channel
) -> None:
    """The betas of 5.0 can be imported, and lack the client for a single version."""
    monkeypatch.setitem(sys.modules, "azure.mgmt.authorization.v2022_04_01", None)

    with pytest.raises(TaskError, match=r"azure-mgmt-authorization >= 4, < 5.*Next: install the collection's req"):
        role_assignments.assignments(reader, "/subscriptions/x")


# --- Failures ---------------------------------------------------------------------------------------------------------


def test_a_right_that_is_lacking_is_told_with_action_and_scope(reader: Channel, vaults: str) -> None:
    scope = f"{vaults.replace('/providers', '/resourceGroups/rg-keys/providers')}/kv-other"

    failure = refused(lambda: reader.get(scope, obj="vault kv-other", query=API))

    assert (status_of(failure), code_of(failure)) == (403, "AuthorizationFailed")
    assert str(failure).startswith(
        "Azure, vault kv-other: the operator has no permission for Microsoft.KeyVault/vaults/read."
    )
    assert f"Microsoft.KeyVault/vaults/read at {scope};" in failure.next_step


def test_the_sdks_own_failures_are_told_in_the_same_way(reader: Channel) -> None:
    def get() -> None:
        with reader.explained("vault kv-other"):
            reader.sdk.vaults.get("rg-keys", "kv-other")

    failure = refused(get)

    assert (failure.status, failure.code) == (403, "AuthorizationFailed")


def test_trouble_that_passes_is_waited_for(sandbox: Sandbox, reader: Channel, vaults: str) -> None:
    sandbox.faults.add(Fault("arm", status=503, times=2))

    assert listed(reader, vaults) != []


def test_a_write_that_may_have_been_done_is_not_sent_again(sandbox: Sandbox, login: Login) -> None:
    sandbox.faults.add(Fault("arm", status=503, times=None))
    mark = sandbox.journal.mark()

    with arm(login(), read_only=False) as channel:
        refused(lambda: channel.send("POST", "/subscriptions/s/anything", obj="anything", query=API, body={}))

    assert [entry.method for entry in sandbox.journal.requests(mark, "arm")] == ["POST"]


def test_a_pause_that_is_too_long_ends_the_task_and_is_told(sandbox: Sandbox, reader: Channel, vaults: str) -> None:
    sandbox.faults.add(Fault("arm", status=429, retry_after=3600, times=None))
    mark = sandbox.journal.mark()

    failure = refused(lambda: reader.get(vaults, obj="vaults", query=API))

    assert "Retry-After 3600" in failure.next_step
    assert len(sandbox.journal.requests(mark, "arm")) == 1


def test_a_body_that_is_no_json_is_told(sandbox: Sandbox, reader: Channel, vaults: str) -> None:
    sandbox.faults.add(Fault("arm", status=200, body="<html>Log in</html>", content_type="text/html", times=None))

    assert "have the proxy" in refused(lambda: reader.get(vaults, obj="vaults", query=API)).next_step


@pytest.mark.parametrize("body", ["", "  ", "[]", "null", '"x"'])
def test_a_read_that_is_empty_or_no_object_is_a_failure_that_may_pass(
    sandbox: Sandbox, reader: Channel, vaults: str, body: str
) -> None:
    sandbox.faults.add(Fault(plane="arm", status=200, body=body, content_type="application/json"))

    error = refused(lambda: reader.get(vaults, obj="vaults", query=API))

    assert error.details["retryable"] is True


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
def test_a_write_is_sent_once(sandbox: Sandbox, login: Login, method: str, status: int) -> None:
    """By the time that it is sent again, its body may be built on an old answer."""
    sandbox.faults.add(Fault(plane="arm", status=status, retry_after=0, times=None))
    mark = sandbox.journal.mark()

    with arm(login(), read_only=False) as channel:
        refused(lambda: channel.send(method, "/subscriptions/x", obj="x", query=API, body={}))

    assert [entry.method for entry in sandbox.journal.since(mark) if entry.plane == "arm"] == [method]


@pytest.mark.parametrize("fault", [Fault("arm", status=429), Fault("arm", status=502), Fault("arm", reset="before")])
def test_a_question_that_is_asked_with_post_is_repeated_as_other_reads(
    sandbox: Sandbox, reader: Channel, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    path = f"/subscriptions/{sandbox.world.public.subscription_id}/providers/Microsoft.KeyVault/checkNameAvailability"
    sandbox.faults.add(fault)
    mark, body = sandbox.journal.mark(), {"name": "kv-one", "type": "Microsoft.KeyVault/vaults"}

    # The second time it is answered by the service, which knows this login as one without permission.
    assert (
        code_of(refused(lambda: reader.send("POST", path, obj="name", query=API, body=body))) == "AuthorizationFailed"
    )

    assert len(sandbox.journal.requests(mark, "arm")) == 2


def test_json_that_breaks_off_is_told(sandbox: Sandbox, reader: Channel, vaults: str) -> None:
    sandbox.faults.add(Fault("arm", status=200, body='{"value": [', content_type="application/json", times=None))

    assert "proxy or gateway" in refused(lambda: reader.get(vaults, obj="vaults", query=API)).next_step


TOKEN_ANSWER = {"token_type": "Bearer", "expires_in": 3599, "access_token": "a.b.c"}


def wrong_tokens() -> Iterator[str]:
    """Answers to a token request that are not Entra's."""
    yield from (
        "[]",
        "null",
        "5",
        '"text"',
        "{}",
        "<html>",
        '{"access_token": ',
        '{"error": [], "error_description": 5}',
    )
    yield from ('{"error": {"code": 5}}', '{"error": null}')
    for name in TOKEN_ANSWER:
        for value in (None, 5, True, "text", [], {}):
            yield json.dumps({**TOKEN_ANSWER, name: value})


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("body", list(wrong_tokens()))
def test_a_token_answer_of_another_shape_is_a_failure_that_names_its_plane(
    sandbox: Sandbox, reader: Channel, vaults: str, body: str, status: int
) -> None:
    sandbox.faults.add(
        Fault("entra", "POST", TOKEN, status=status, body=body, content_type="application/json", times=None)
    )

    error = refused(lambda: reader.get(vaults, obj="vaults", query=API))

    # A token that is none is refused by Resource Manager.
    assert error.plane == "Entra" or error.status == 401


@pytest.mark.parametrize("body", ["[]", "null", "5", "{}", '{"tenant_discovery_endpoint": 5}', "<html>", '{"a": '])
@pytest.mark.parametrize("route", ["/{tenant}/v2.0/.well-known/openid-configuration", "/common/discovery/instance"])
def test_a_discovery_of_another_shape_is_about_entra(
    sandbox: Sandbox, reader: Channel, vaults: str, route: str, body: str
) -> None:
    fault = Fault("entra", "GET", route, status=200, body=body, content_type="application/json", times=None)
    sandbox.faults.add(fault)

    failure = None
    try:
        listed(reader, vaults)
    except AzureError as error:
        failure = error

    assert failure is None or failure.plane == "Entra"


POOL_ANSWERS = [
    "[]",
    "null",
    '"text"',
    "",
    "<html>",
    '{"value": ',
    "{}",
    '{"value": null}',
    '{"value": {}}',
    '{"value": [{"id": 5, "name": 5}]}',
    '{"value": [{"id": "i", "name": "n", "properties": null}]}',
    '{"value": [], "nextLink": "https://elsewhere.example/list"}',
]


@pytest.mark.parametrize("body", POOL_ANSWERS)
@pytest.mark.parametrize("read", [managed_hsm.roles, managed_hsm.assignments])
def test_roles_of_a_pool_that_are_none_are_not_taken_for_no_roles(
    sandbox: Sandbox, login: Login, body: str, read: Callable[[Channel], Any]
) -> None:
    """The SDK takes a list that is missing for an empty one, and follows a next page to any host."""
    uri = sandbox.world.public.managed_hsms["hsm-sandbox"].uri
    with hsm_access(login(), uri, read_only=True) as pool:
        # The pool's challenge comes before the answer that is replaced.
        assert read(pool)
        fault = Fault("vault", "GET", status=200, body=body, content_type="application/json", times=None)
        sandbox.faults.add(fault)
        error = refused(lambda: read(pool))

    assert (error.plane, error.obj.partition(" ")[0]) == ("Azure", "local")


def test_a_redirect_is_not_followed(sandbox: Sandbox, reader: Channel, vaults: str) -> None:
    there = {"Location": "https://management.usgovcloudapi.net/elsewhere"}
    sandbox.faults.add(Fault("arm", status=307, headers=there, times=None))
    mark = sandbox.journal.mark()

    failure = refused(lambda: reader.get(vaults, obj="vaults", query=API))

    assert (failure.status, "HTTP status 307 with a redirect" in failure.problem) == (None, True)
    assert len(sandbox.journal.requests(mark, "arm")) == 1


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("HTTPS_PROXY", "http://127.0.0.1:9", "check HTTPS_PROXY"),
        ("REQUESTS_CA_BUNDLE", "", "set REQUESTS_CA_BUNDLE to a file"),
    ],
)
def test_a_way_that_is_blocked_is_told_by_its_cause(
    monkeypatch: pytest.MonkeyPatch, login: Login, vaults: str, variable: str, value: str, advice: str
) -> None:
    monkeypatch.setattr(credential, "NETWORK", {**credential.NETWORK, "retry_total": 0})
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv(variable.lower(), value)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if variable == "REQUESTS_CA_BUNDLE":
            monkeypatch.delenv(name)
    with arm(login(), read_only=True) as channel:
        failure = refused(lambda: channel.get(vaults, obj="vaults", query=API))

    assert (failure.status, advice in failure.next_step) == (None, True), str(failure)


# --- Managed HSM ------------------------------------------------------------------------------------------------------


def test_t32_a_pool_of_another_cloud_is_refused_before_any_request(sandbox: Sandbox, login: Login) -> None:
    mark, pool = sandbox.journal.mark(), next(iter(sandbox.world.government.managed_hsms.values()))

    with pytest.raises(InvalidInput, match="AzureUSGovernment"):
        hsm_access(login("public"), pool.uri, read_only=True)

    assert sandbox.journal.since(mark) == []


def test_the_roles_of_a_pool_are_read(sandbox: Sandbox, login: Login) -> None:
    view = sandbox.world.public
    pool = next(iter(view.managed_hsms.values()))
    operator = login(client_id=view.operator_client_id, secret=view.operator_client_secret)

    with hsm_access(operator, pool.uri, read_only=True) as channel:
        found = list(channel.pages("/providers/Microsoft.Authorization/roleDefinitions", obj="pool"))

    assert "Managed HSM Crypto User" in {role["properties"]["roleName"] for role in found}


# --- Graph ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cloud", CLOUD_OF)
def test_a_batch_of_reads_passes_a_way_for_reading(sandbox: Sandbox, login: Login, cloud: str) -> None:
    view = getattr(sandbox.world, cloud)
    asked = {"id": "1", "method": "GET", "url": f"/servicePrincipals(appId='{view.client_id}')"}
    with graph(login(cloud), read_only=True) as channel:
        answer = channel.send("POST", "/v1.0/$batch", obj="application", body={"requests": [asked]})

    assert [part["id"] for part in answer["responses"]] == ["1"]
