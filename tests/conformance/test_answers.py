# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the simulated DSM answers is what DSM's published API says, on every route that it serves."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import urllib3
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

import sandbox as package
from conformance.wire import ROUTES, Exchange, validator
from sandbox import Profile, Sandbox
from sandbox.authorities import self_signed
from support.matrix import combined

# Settings under which a DSM deviates from the published document on purpose: those of an older one, or one that is
# named in a report. All others must answer as published.
DEVIATIONS = (
    ("generation", "legacy"),
    ("kind_spelling", "legacy"),
    ("vault_type_shown", "capital"),
    ("secrets_on_get", "omit"),  # no auth_config at all
    ("secrets_on_get", "mask"),  # a key that is no base64
    ("tls_key_on_get", "mask"),
    ("group_role_spelling", "pascal"),
    ("select_account_body", "empty"),
)


class Caller:
    """Requests to the simulated DSM by a principal, without the collection's client."""

    def __init__(self, sandbox: Sandbox, pool: urllib3.ProxyManager, authorization: str) -> None:
        self._sandbox = sandbox
        self._pool = pool
        self._authorization = authorization

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        response = self._pool.urlopen(
            method,
            self._sandbox.world.dsm_endpoint + path,
            body=None if body is None else json.dumps(body),
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
            retries=False,
            redirect=False,
        )
        told = response.status < 300 and response.data[:1] in (b"{", b"[")
        return json.loads(response.data) if told else None

    def as_(self, authorization: str) -> Caller:
        return Caller(self._sandbox, self._pool, authorization)


@pytest.fixture
def app(sandbox: Sandbox) -> Iterator[Caller]:
    with urllib3.ProxyManager(sandbox.proxy_url, ca_certs=str(sandbox.ca_bundle)) as pool:
        yield Caller(sandbox, pool, f"Basic {sandbox.world.admin_app.api_key}")


def encoded(der: bytes) -> str:
    return base64.b64encode(der).decode()


def link_of(sandbox: Sandbox) -> dict[str, Any]:
    """A link with all that it can have."""
    azure, client = sandbox.world.public, self_signed("client")
    key = load_pem_private_key(client.key_pem.encode(), None)
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return {
        "kind": "AzureKeyVault",
        "url": azure.vaults["akv-sandbox-prem"].uri,
        "tls": {
            "mode": "required",
            "validate_hostname": True,
            "ca": {"ca_set": "global_roots"},
            "client_cert": encoded(client.certificate.public_bytes(Encoding.DER)),
            "client_key": encoded(pkcs8),
        },
        "auth_config": {"mode": "client_secret", "client_secret": azure.client_secret},
        "tenant_id": azure.tenant_id,
        "client_id": azure.client_id,
        "subscription_id": azure.subscription_id,
        "key_vault_type": "PREMIUM",
    }


def walk(sandbox: Sandbox, app: Caller) -> None:
    """Call every route, each where it succeeds if it ever does."""
    world, link = sandbox.world, link_of(sandbox)
    apps = [f"apps/{one.app_id}" for one in (world.admin_app, world.crypto_app, world.cert_app)]
    for path in ("version", "info", "health", "accounts", f"accounts/{world.account_id}", *apps):
        app("GET", f"/sys/v1/{path}")
    app("POST", "/sys/v1/session/reauth")
    walk_as_a_user(sandbox, app)
    app("POST", "/sys/v1/groups/hmg/check", link)
    app("POST", "/sys/v1/groups/hmg/azure_vaults", link)
    local = f"/sys/v1/groups/{id_of('group_id', app('POST', '/sys/v1/groups', {'name': f'local-{uuid4()}'}))}"
    app("PATCH", local, {"description": "another", "custom_metadata": {"a": "b"}})
    walk_over_a_link(app, id_of("group_id", app("POST", "/sys/v1/groups", {"name": f"l-{uuid4()}", "add_hmg": [link]})))
    walk_over_approvals(sandbox, app, link)
    walk_over_keys(sandbox, app, local.rsplit("/", 1)[1], link)
    for path in (local, "/sys/v1/groups", "/sys/v1/groups?limit=1&continuation_token="):
        app("GET", path)
    app("DELETE", local)
    app.as_("Basic d3Jvbmc6d3Jvbmc=")("GET", "/sys/v1/groups")


def walk_over_a_link(app: Caller, group_id: str) -> None:
    group = f"/sys/v1/groups/{group_id}"
    app("GET", group)
    app("POST", f"{group}/hmg/check", {})
    app("POST", f"{group}/hmg/scan", {})
    app("POST", f"{group}/hmg/scans")
    scans = app("GET", f"{group}/hmg/scans")
    app("GET", f"{group}/hmg/scans/{id_of('scan_id', scans and scans['items'])}")
    app("GET", f"/crypto/v1/keys?group_id={group_id}&with_metadata=true")
    kid = id_of("kid", app("GET", f"/crypto/v1/keys?group_id={group_id}"))
    app("GET", f"/crypto/v1/keys/{kid}")
    app("POST", "/crypto/v1/keys/info", {"kid": kid})


def walk_over_keys(sandbox: Sandbox, app: Caller, local: str, link: dict[str, Any]) -> None:
    """The life of a source, of its copy in a vault and of a native key, to the end of each."""
    keys = "/crypto/v1/keys"
    linked = id_of("group_id", app("POST", "/sys/v1/groups", {"name": f"k-{uuid4()}", "add_hmg": [link]}))
    operations = ["SIGN", "VERIFY", "EXPORT", "APPMANAGEABLE"]
    wanted = {"name": f"source-{uuid4()}", "group_id": local, "obj_type": "RSA", "key_size": 2048}
    policy = {"interval_days": 90, "rotate_copied_keys": "all_external"}
    source = app("POST", keys, {**wanted, "key_ops": operations, "rotation_policy": policy})
    metadata = {"azure-key-name": f"walk-{uuid4()}", "azure-key-type": "hardware"}
    asked = {"name": f"copy-{uuid4()}", "group_id": linked, "custom_metadata": metadata}
    copy = id_of("kid", app("POST", f"{keys}/copy", {**asked, "key": {"kid": id_of("kid", source)}}))
    successor = id_of("kid", app("POST", f"{keys}/rekey", {"name": wanted["name"], "deactivate_rotated_key": True}))
    app("POST", f"{keys}/copy", {**asked, "key": {"kid": successor}})
    native = {"obj_type": "EC", "elliptic_curve": "NistP256", "custom_metadata": {"azure-key-name": f"n-{uuid4()}"}}
    app("POST", keys, {**native, "name": f"native-{uuid4()}", "group_id": linked})
    app("PATCH", f"{keys}/{copy}", {"enabled": False, "deactivation_date": "20400101T000000Z", "description": "x"})
    for deed in ("schedule_deletion", "cancel_deletion", "schedule_deletion", "delete_key_material", "restore"):
        app("POST", f"{keys}/{copy}/{deed}", {} if deed == "schedule_deletion" else None)
        sandbox.clock.advance(20)
    later = id_of("kid", app("POST", keys, {**wanted, "name": f"later-{uuid4()}", "state": "PreActive"}))
    app("POST", f"{keys}/{later}/activate")
    app("POST", f"{keys}/{later}/revoke", {"code": "KeyCompromise", "message": "lost"})
    app("POST", f"{keys}/{later}/destroy")
    app("GET", f"{keys}?show_destroyed=true&show_deleted=true&show_pub_key=true")
    for kid in (later, successor, id_of("kid", source)):
        app("DELETE", f"{keys}/{kid}")


def walk_over_approvals(sandbox: Sandbox, app: Caller, link: dict[str, Any]) -> None:
    person = sandbox.world.administrator
    policy = {"quorum": {"n": 1, "members": [{"user": person.user_id}], "require_password": True}}
    body = {"method": "password", "email": person.email, "password": person.password}
    user = app.as_(f"Bearer {app.as_('')('POST', '/sys/v1/session/auth', body)['access_token']}")
    user("POST", "/sys/v1/session/select_account", {"acct_id": sandbox.world.account_id})
    guarded = {"name": f"guarded-{uuid4()}", "add_hmg": [link], "approval_policy": policy}
    group_id = id_of("group_id", app("POST", "/sys/v1/groups", guarded))
    operation = {"method": "PATCH", "operation": f"/sys/v1/groups/{group_id}", "description": "why"}
    requests = "/sys/v1/approval_requests"
    filed = [id_of("request_id", app("POST", requests, {**operation, "body": {"description": t}})) for t in "abc"]
    app("GET", f"{requests}?status=PENDING")
    app("GET", f"{requests}/{filed[0]}")
    user("POST", f"{requests}/{filed[0]}/approve", {"password": person.password})
    user("POST", f"{requests}/{filed[1]}/deny", {"reason": "not now"})
    app("POST", f"{requests}/{filed[0]}/result")
    app("DELETE", f"{requests}/{filed[2]}")
    app("GET", requests)


def walk_as_a_user(sandbox: Sandbox, app: Caller) -> None:
    person, member = sandbox.world.administrator, sandbox.world.two_account_user
    app.as_(f"Basic {encoded(f'{person.email}:{person.password}'.encode())}")("POST", "/sys/v1/session/auth")
    body = {"method": "password", "email": person.email, "password": person.password}
    user = app.as_(f"Bearer {app.as_('')('POST', '/sys/v1/session/auth', body)['access_token']}")
    user("POST", "/sys/v1/session/select_account", {"acct_id": sandbox.world.account_id})
    user("POST", "/sys/v1/session/refresh")
    for path in ("users", "users/accounts", "users/permissions", f"users/{person.user_id}", "apps"):
        user("GET", f"/sys/v1/{path}")
    user("POST", "/sys/v1/session/terminate")
    basic = encoded(f"{member.email}:{member.password}".encode())
    own = app.as_(f"Bearer {app.as_(f'Basic {basic}')('POST', '/sys/v1/session/auth')['access_token']}")
    own("POST", "/sys/v1/session/select_account", {"acct_id": sandbox.world.account_id})
    own("POST", "/sys/v1/groups", {"name": f"own-{uuid4()}"})
    own("GET", f"/sys/v1/users/{member.user_id}")


def id_of(member: str, answer: Any) -> str:
    """An ID from an answer, of the first item of a list; where DSM has refused, one that nobody has."""
    item = answer[0] if isinstance(answer, list) and answer else answer
    return str(item[member]) if item else str(uuid4())


def served() -> set[tuple[str, str]]:
    """The routes that the simulated DSM registers."""
    source = (Path(package.__file__).parent / "dsm" / "app.py").read_text(encoding="utf-8")
    found = re.findall(r'router\.add_([a-z]+)\(\s*"([^"]+)"', source)
    return {(method.upper(), route) for method, route in found}


def test_every_route_has_a_schema() -> None:
    assert len(served()) > 25
    assert served() - ROUTES.keys() == set()


def test_all_answers_are_as_published(sandbox: Sandbox, app: Caller, exchanges: list[Exchange]) -> None:
    walk(sandbox, app)

    complaints = [exchange.complaint_about_the_answer() for exchange in exchanges]
    assert [complaint for complaint in complaints if complaint] == []
    assert served() - {(exchange.method, exchange.route) for exchange in exchanges} == set()
    succeeded = {(exchange.method, exchange.route) for exchange in exchanges if exchange.status < 300}
    assert served() - succeeded == {("POST", "/sys/v1/groups/{group_id}/hmg/scans")}, "no answer but refusals was seen"


def settings() -> list[tuple[str, Any]]:
    every = [(field, value) for field, values in Profile.settings().items() for value in values]
    return [(field, value) for field, value in every if (field, value) not in DEVIATIONS]


COMBINED = combined(settings())
# A setting that turns an answer into a refusal hides what others make of that answer: here it hides few of them.
FEW = combined(settings(), lambda chosen: len(chosen) <= 4)


def expect_published_answers(
    sandbox: Sandbox, app: Caller, exchanges: list[Exchange], settings: Mapping[str, Any]
) -> None:
    """A setting may turn an answer into a refusal; whatever is answered has the published form."""
    sandbox.profile = Profile(**settings)

    walk(sandbox, app)

    complaints = [exchange.complaint_about_the_answer() for exchange in exchanges]
    assert [complaint for complaint in complaints if complaint] == []


@pytest.mark.parametrize("number", range(len(COMBINED)))
def test_all_answers_are_as_published_under_settings_together(
    sandbox: Sandbox, app: Caller, exchanges: list[Exchange], number: int
) -> None:
    expect_published_answers(sandbox, app, exchanges, COMBINED[number])


@pytest.mark.long
@pytest.mark.parametrize("number", range(len(FEW)))
def test_all_answers_are_as_published_under_few_settings_together(
    sandbox: Sandbox, app: Caller, exchanges: list[Exchange], number: int
) -> None:
    expect_published_answers(sandbox, app, exchanges, FEW[number])


@pytest.mark.parametrize(("field", "value"), DEVIATIONS)
def test_a_deviation_is_one(sandbox: Sandbox, app: Caller, exchanges: list[Exchange], field: str, value: Any) -> None:
    sandbox.profile = Profile(**{field: value})

    walk(sandbox, app)

    assert any(exchange.complaint_about_the_answer() for exchange in exchanges)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ("group-request", {"name": "a", "invented": 1}),
        ("group-request", {"name": "two\nlines"}),
        ("scan-request", {"invented": 1}),
        ("tls", {"mode": "required", "validate_hostname": True}),
        ("tls", {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots", "pinned": []}}),
        ("azure-auth", {"mode": "token_auth_config", "client_cert": "AAAA"}),
        ("azure-auth", {"mode": "client_secret", "client_secret": "a", "client_key": "AAAA"}),
        ("azure-vault-type", "premium"),
        ("version", {"version": "5", "api_version": "v1", "server_mode": "Sgx"}),
        ("select-account-request", {"acct_id": "NO-UUID"}),
        ("key-request", {"name": "a", "key": {"kid": "0b2f1c9e-0000-4000-8000-000000000000"}}),
        ("key-request", {"rotation_policy": {"interval_days": 1, "interval_months": 1}}),
        ("key-request", {"key_ops": ["FLY"]}),
        ("copy-request", {"name": "a"}),
        ("rekey-request", {"name": "a", "kid": "0b2f1c9e-0000-4000-8000-000000000000"}),
        ("revoke-request", {"code": "Whim"}),
    ],
)
def test_the_schemas_refuse_what_is_not_published(schema: str, value: Any) -> None:
    assert not validator(schema).is_valid(value)
