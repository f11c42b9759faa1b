# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox with a synced group, and Fortanix's own clients in an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from sandbox import Sandbox
from support.environments import lines_of, made_once

GROUP = "akv-of-the-clients"


@pytest.fixture(scope="session")
def clients() -> Path:
    """The Python of the environment with Fortanix's clients."""
    return made_once("clients", lines_of("requirements-clients.txt"))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture(scope="session")
def link(sandbox: Sandbox) -> dict[str, Any]:
    """A link in the form that older clients know too."""
    azure = sandbox.world.public
    return {
        "kind": "AZUREKEYVAULT",
        "url": azure.vaults["akv-sandbox-prem"].uri,
        "tls": {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots"}},
        "secret_key": azure.client_secret,
        "tenant_id": azure.tenant_id,
        "client_id": azure.client_id,
        "subscription_id": azure.subscription_id,
        "key_vault_type": "PREMIUM",
    }


@pytest.fixture(scope="session")
def group_id(sandbox: Sandbox, link: dict[str, Any]) -> str:
    """A group that is linked to a vault, with the keys of the vault."""
    headers = {"Authorization": f"Basic {sandbox.world.admin_app.api_key}"}
    with urllib3.ProxyManager(sandbox.proxy_url, ca_certs=str(sandbox.ca_bundle)) as pool:
        body = {"name": GROUP, "add_hmg": [link]}
        group = pool.request("POST", f"{sandbox.world.dsm_endpoint}/sys/v1/groups", headers=headers, json=body).json()
        scan = f"{sandbox.world.dsm_endpoint}/sys/v1/groups/{group['group_id']}/hmg/scan"
        assert pool.request("POST", scan, headers=headers, json={}).status == 200
    return str(group["group_id"])


@pytest.fixture
def sdkms(sandbox: Sandbox, clients: Path, group_id: str, link: dict[str, Any]) -> Callable[..., Any]:
    """Runs a few lines with an API client of the SDK, configured and logged in; what they print, read as JSON."""

    def run(lines: str, login: str) -> Any:
        variables = {**sandbox.environment(), "LOGIN": login, "GROUP_ID": group_id, "LINK": json.dumps(link)}
        done = subprocess.run(
            [clients, "-c", _PRELUDE + lines],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


_PRELUDE = """
import json, os
from sdkms import v1

settings = v1.configuration.Configuration()
settings.host = os.environ["DSM_ENDPOINT"]
settings.proxy = os.environ["HTTPS_PROXY"]
settings.ssl_ca_cert = os.environ["REQUESTS_CA_BUNDLE"]
name, _separator, secret = os.environ["LOGIN"].partition(" ")
if secret:
    settings.username, settings.password = name, secret
else:
    settings.app_api_key = name
client = v1.ApiClient(configuration=settings)
auth = v1.AuthenticationApi(api_client=client)
session = auth.authorize()
settings.api_key["Authorization"] = session.access_token
settings.api_key_prefix["Authorization"] = "Bearer"
groups, keys = v1.GroupsApi(api_client=client), v1.SecurityObjectsApi(api_client=client)
group_id = os.environ["GROUP_ID"]
"""


@pytest.fixture
def cli(sandbox: Sandbox, clients: Path, group_id: str, tmp_path: Path) -> Callable[..., str]:
    """Runs the command line client; what it prints."""

    def run(*arguments: str) -> str:
        variables = {
            **os.environ,
            **sandbox.environment(),
            "FORTANIX_API_ENDPOINT": sandbox.world.dsm_endpoint,
            "FORTANIX_API_KEY": sandbox.world.admin_app.api_key,
            "SDKMS_CLI_TOKEN_FILE": str(tmp_path / "token"),
        }
        options = ["--proxy", sandbox.proxy_url, "--ssl-ca-cert", str(sandbox.ca_bundle)]
        done = subprocess.run(
            [clients.with_name("sdkms-cli"), *options, *arguments],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
