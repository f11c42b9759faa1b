# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One running sandbox for the whole folder, clients that go over the real wire, and fresh estates in Azure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import urllib3

from sandbox import Profile, Sandbox, State
from sandbox.azure.rights.effective import GUIDE_PERMISSIONS
from support.arm_lab import ArmLab


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Client:
    """A client behind the sandbox's proxy: base URL, and the Authorization header that it sends."""

    pool: urllib3.ProxyManager
    base: str
    authorization: str | None = None

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        headers = {"Authorization": self.authorization} if self.authorization else {}
        options: dict[str, Any] = {"headers": headers, "retries": False, "redirect": False}
        if body is not None:
            options["body"] = body if isinstance(body, bytes) else json.dumps(body)
            headers["Content-Type"] = "application/json"
        elif query:
            options["fields"] = query
        response = self.pool.request(method, self.base + path, **options)
        return Answer(response.status, response.data, dict(response.headers))

    def as_(self, authorization: str | None) -> Client:
        return Client(self.pool, self.base, authorization)


@dataclass(frozen=True)
class Estate:
    """An application with a secret, and a vault on which it has what the guide wants; made for one test."""

    sandbox: Sandbox
    cloud: str
    tenant_id: str
    client_id: str
    client_secret: str
    subscription_id: str
    vault: str
    url: str

    def link(self, **changes: Any) -> dict[str, Any]:
        config = {
            "kind": "AzureKeyVault",
            "url": self.url,
            "tls": {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots"}},
            "auth_config": {"mode": "client_secret", "client_secret": self.client_secret},
            "tenant_id": self.tenant_id,
            "client_id": self.client_id,
            "subscription_id": self.subscription_id,
            "key_vault_type": "PREMIUM",
        }
        return {name: value for name, value in {**config, **changes}.items() if value is not None}

    def do(self, action: Callable[[Any], Any]) -> Any:
        """Run an administrator's deed on this estate's cloud."""
        return self.sandbox.do(lambda state: action(getattr(state.azure, self.cloud)))


@dataclass
class Names:
    used: int = 0
    prefix: str = field(default_factory=lambda: uuid4().hex[:6])

    def new(self, kind: str = "g") -> str:
        self.used += 1
        return f"{kind}-{self.prefix}-{self.used}"


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture
def sb(running: Sandbox) -> Iterator[Sandbox]:
    """The shared sandbox; profile and faults are as at the start for each test."""
    yield running
    running.profile = Profile()
    running.faults.clear()
    running.fronts.clear()


@pytest.fixture(scope="session")
def pool(running: Sandbox) -> Iterator[urllib3.ProxyManager]:
    with urllib3.ProxyManager(running.proxy_url, ca_certs=str(running.ca_bundle)) as manager:
        yield manager


@pytest.fixture
def anonymous(sb: Sandbox, pool: urllib3.ProxyManager) -> Client:
    return Client(pool, sb.world.dsm_endpoint)


@pytest.fixture
def admin(sb: Sandbox, anonymous: Client) -> Client:
    return anonymous.as_(f"Basic {sb.world.admin_app.api_key}")


@pytest.fixture
def crypto(sb: Sandbox, anonymous: Client) -> Client:
    return anonymous.as_(f"Basic {sb.world.crypto_app.api_key}")


def basic(email: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{email}:{password}".encode()).decode()


@pytest.fixture
def log_in(anonymous: Client) -> Callable[..., Client]:
    """Log a user in, and select an account if one is given."""

    def log_in(user: Any, acct_id: str | None = None) -> Client:
        answer = anonymous.as_(basic(user.email, user.password))("POST", "/sys/v1/session/auth")
        assert answer.status == 200
        client = anonymous.as_(f"Bearer {answer.json['access_token']}")
        if acct_id:
            assert client("POST", "/sys/v1/session/select_account", {"acct_id": acct_id}).status == 200
        return client

    return log_in


@pytest.fixture
def administrator(sb: Sandbox, log_in: Callable[..., Client]) -> Client:
    return log_in(sb.world.administrator, sb.world.account_id)


@pytest.fixture
def auditor(sb: Sandbox, log_in: Callable[..., Client]) -> Client:
    return log_in(sb.world.auditor, sb.world.account_id)


@pytest.fixture(scope="session")
def names() -> Names:
    return Names()


@pytest.fixture
def make_estate(sb: Sandbox, names: Names) -> Callable[..., Estate]:
    def make(cloud: str = "public", rbac: bool = False) -> Estate:
        vault_name = names.new("kv")

        def build(state: State) -> Estate:
            azure = getattr(state.azure, cloud)
            tenant_id = azure.add_tenant(f"{vault_name}.example")
            subscription = azure.add_subscription(tenant_id)
            app = azure.add_application(tenant_id, f"app-{vault_name}")
            secret = azure.add_secret(app)
            vault = azure.add_vault(vault_name, "premium", subscription_id=subscription.subscription_id, rbac=rbac)
            azure.assign_role(app, vault)
            azure.set_access_policy(vault, app, GUIDE_PERMISSIONS)
            azure.add_key(vault, "one")
            azure.add_key(vault, "two", kty="EC-HSM", curve="P-384")
            ids = (tenant_id, app.client_id, secret.value, subscription.subscription_id)
            return Estate(sb, cloud, *ids, vault_name, vault.uri)

        return sb.do(build)

    return make


@pytest.fixture
def estate(make_estate: Callable[..., Estate]) -> Estate:
    return make_estate()


@pytest.fixture
def group(admin: Client, names: Names) -> dict[str, Any]:
    """A local group."""
    answer = admin("POST", "/sys/v1/groups", {"name": names.new()})
    return dict(answer.json)


@pytest.fixture
def linked(admin: Client, names: Names, estate: Estate) -> dict[str, Any]:
    """A group linked to the estate's vault."""
    answer = admin("POST", "/sys/v1/groups", {"name": names.new(), "add_hmg": [estate.link()]})
    assert answer.status == 201, answer.text
    return dict(answer.json)


@pytest.fixture
def lab(anonymous: Client, make_estate: Callable[..., Estate]) -> Callable[..., ArmLab]:
    """Make an estate with an operator, to be seen through Resource Manager."""
    return lambda **options: ArmLab(anonymous, make_estate(**options))


@pytest.fixture
def arm(lab: Callable[..., ArmLab]) -> ArmLab:
    return lab()
