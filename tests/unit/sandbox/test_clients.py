# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Third-party clients with default settings, the command line, and the size of the world."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import urllib3

import sandbox as package
from sandbox import Sandbox

TESTS = Path(package.__file__).parent.parent

_SDK = """
import os
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.mgmt.keyvault import KeyVaultManagementClient

government = os.environ["CLOUD"] == "government"
credential = ClientSecretCredential(
    os.environ["TENANT"], os.environ["CLIENT"], os.environ["SECRET"],
    **({"authority": "login.microsoftonline.us"} if government else {}),
)
arm = {"base_url": "https://management.usgovcloudapi.net",
       "credential_scopes": ["https://management.core.usgovcloudapi.net/.default"]} if government else {}
manager = KeyVaultManagementClient(credential, os.environ["SUBSCRIPTION"], **arm)
print(sorted(vault.name for vault in manager.vaults.list_by_subscription()))
keys = KeyClient(os.environ["VAULT"], credential)
print(sorted(key.name for key in keys.list_properties_of_keys()))
print(keys.create_rsa_key("made-by-the-sdk").key_type.value, keys.get_key("made-by-the-sdk").name)
(pool,) = manager.managed_hsms.list_by_subscription()
print(pool.properties.hsm_uri, pool.properties.provisioning_state.value)
print([key.name for key in KeyClient(pool.properties.hsm_uri, credential).list_properties_of_keys()])
"""


@pytest.mark.parametrize(
    ("cloud", "vault", "held"),
    [
        ("public", "akv-sandbox-std", ["app-signing", "invoices"]),
        ("government", "akv-sandbox-gov-std", ["records"]),
    ],
)
def test_the_azure_sdks_work_with_their_default_settings(sb: Sandbox, cloud: str, vault: str, held: list[str]) -> None:
    view = getattr(sb.world, cloud)
    variables = {
        "CLOUD": cloud,
        "TENANT": view.tenant_id,
        "CLIENT": view.client_id,
        "SECRET": view.client_secret,
        "SUBSCRIPTION": view.subscription_id,
        "VAULT": view.vaults[vault].uri,
    }
    environment = {**os.environ, **sb.environment(), **variables}

    run = subprocess.run(
        [sys.executable, "-c", _SDK], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert run.returncode == 0, run.stderr
    listed, keys, made, pool, pool_keys = run.stdout.splitlines()
    assert listed == str(sorted(name for name in view.vaults if "other" not in name))
    assert keys == str(held)
    assert made == "RSA made-by-the-sdk"
    assert pool == f"{next(iter(view.managed_hsms.values())).uri} Succeeded"
    assert pool_keys == "['root-of-trust']"


_ROLES = """
import os, uuid
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient

government = os.environ["CLOUD"] == "government"
credential = ClientSecretCredential(
    os.environ["TENANT"], os.environ["CLIENT"], os.environ["SECRET"],
    **({"authority": "login.microsoftonline.us"} if government else {}),
)
arm = {"base_url": "https://management.usgovcloudapi.net",
       "credential_scopes": ["https://management.core.usgovcloudapi.net/.default"]} if government else {}
client = AuthorizationManagementClient(credential, os.environ["SUBSCRIPTION"], **arm)
scope, principal = f"/subscriptions/{os.environ['SUBSCRIPTION']}", os.environ["PRINCIPAL"]
mine = f"assignedTo('{principal}')"

definition = client.role_definitions.create_or_update(scope, str(uuid.uuid4()), {
    "role_name": "Made by the SDK", "role_type": "CustomRole", "assignable_scopes": [scope],
    "permissions": [{"actions": ["Microsoft.KeyVault/vaults/read"], "not_actions": []}]})
print(client.role_definitions.get(scope, definition.name).role_name)
name = str(uuid.uuid4())
made = client.role_assignments.create(scope, name, {
    "role_definition_id": definition.id, "principal_id": principal, "principal_type": "ServicePrincipal"})
listed = client.role_assignments.list_for_scope(scope, filter=f"atScope() and {mine}")
print(name in {one.name for one in listed}, made.scope == scope)
client.role_assignments.delete_by_id(made.id)
print(name in {one.name for one in client.role_assignments.list_for_scope(scope, filter="atScope()")})
active = client.role_assignment_schedule_instances.list_for_scope(scope, filter=mine)
print({(one.principal_id == principal, one.end_date_time) for one in active})
print(list(client.role_eligibility_schedule_instances.list_for_scope(scope, filter=mine)))
print(list(client.deny_assignments.list_for_scope(scope, filter="atScope()")))
"""


@pytest.mark.parametrize("cloud", ["public", "government"])
def test_azures_client_for_roles_works_with_its_default_settings(sb: Sandbox, cloud: str) -> None:
    """As the SDK documents it: one client for all versions of the service, and its own models."""
    view = getattr(sb.world, cloud)
    variables = {
        "CLOUD": cloud,
        "TENANT": view.tenant_id,
        "CLIENT": view.operator_client_id,
        "SECRET": view.operator_client_secret,
        "SUBSCRIPTION": view.subscription_id,
        "PRINCIPAL": view.service_principal_id,
    }
    environment = {**os.environ, **sb.environment(), **variables}

    run = subprocess.run(
        [sys.executable, "-c", _ROLES], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["Made by the SDK", "True True", "False", "{(True, None)}", "[]", "[]"]


# The command ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_told_to_stop_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    exports = tmp_path / "exports.sh"
    command = [sys.executable, "-m", "sandbox", "--groups", "3", "--export-file", str(exports)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        given = dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", exports.read_text(), re.MULTILINE))
        mode = stat.S_IMODE(exports.stat().st_mode)
        with urllib3.ProxyManager(given["HTTPS_PROXY"], ca_certs=given["REQUESTS_CA_BUNDLE"]) as pool:
            headers = {"Authorization": f"Basic {given['DSM_API_KEY']}"}
            groups = pool.request("GET", f"{given['DSM_ENDPOINT']}/sys/v1/groups", headers=headers).json()
            keys = pool.request("GET", f"{given['DSM_ENDPOINT']}/crypto/v1/keys", headers=headers).json()
        process.send_signal(number)
        code = process.wait(timeout=10)

    assert (code, len(groups), mode) == (0, 4, 0o600)
    # The key that docs/keys.md copies.
    assert [one["name"] for one in keys] == ["orders-master"]
    assert keys[0]["group_id"] in [one["group_id"] for one in groups if one["name"] == "key-sources"]
    assert not exports.exists()
    assert not Path(given["REQUESTS_CA_BUNDLE"]).exists()


def test_the_command_says_that_it_starts_with_empty_subscriptions(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox", "--empty", "--directory", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith("Ctrl-C"):
                break
        process.send_signal(signal.SIGTERM)

    assert lines.count("  no application and no vault: the subscription is empty") == 2
    shown = {line.split()[0] for line in lines if line.startswith("  ")}
    assert {"tenant", "operator", "subscription"} <= shown
    assert not {"client", "vault", "managed"} & shown


def test_an_empty_sandbox_has_the_operator_and_nothing_to_manage() -> None:
    with Sandbox.start(empty=True) as own:

        def all_there_is(state: Any) -> list[Any]:
            clouds = [
                (
                    {application.name for application in cloud.directory.applications.values()},
                    [*cloud.vaults, *cloud.managed_hsms],
                    {(entry.principal_id, entry.scope) for entry in cloud.rights.assignments},
                )
                for cloud in state.azure.clouds
            ]
            return [*clouds, [group for account in state.dsm.accounts.values() for group in account.groups]]

        *clouds, groups = own.do(all_there_is)

    for view, (names, stores, assignments) in zip((own.world.public, own.world.government), clouds, strict=True):
        assert names == {"fortanix-dsm-operator"}
        assert stores == []
        assert assignments == {(view.operator_object_id, f"/subscriptions/{view.subscription_id}")}
        assert (view.client_id, view.client_secret, dict(view.vaults)) == ("", "", {})
    assert groups == []


def test_the_environment_is_complete_and_text_only(sb: Sandbox) -> None:
    given = sb.environment()

    assert all(isinstance(value, str) for value in given.values())
    assert given["HTTPS_PROXY"] == given["https_proxy"] == sb.proxy_url
    assert Path(given["REQUESTS_CA_BUNDLE"]).read_text().count("BEGIN CERTIFICATE") == 2


def test_two_sandboxes_share_no_secret_and_no_port() -> None:
    with Sandbox.start() as one, Sandbox.start() as two:
        assert one.world.admin_app.api_key != two.world.admin_app.api_key
        assert one.proxy_url != two.proxy_url


def test_stop_may_be_called_twice_and_removes_its_directory() -> None:
    own = Sandbox.start()
    directory = own.directory

    own.stop()
    own.stop()

    assert not directory.exists()


def test_a_directory_that_was_given_is_kept(tmp_path: Path) -> None:
    with Sandbox.start(directory=tmp_path / "ca"):
        pass

    assert (tmp_path / "ca" / "ca.pem").exists()


def test_an_error_inside_do_reaches_the_caller(sb: Sandbox) -> None:
    with pytest.raises(KeyError):
        sb.do(lambda state: state.dsm.remove_group("unknown"))


# Size -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def big() -> Any:
    with Sandbox.start(groups=10_000) as own:

        def fill(state: Any) -> str:
            group = state.dsm.find_group("seeded-00000")
            for number in range(10_000):
                state.dsm.add_key(group.group_id, f"key-{number:05d}")
            return str(group.group_id)

        group_id = own.do(fill)
        with urllib3.ProxyManager(own.proxy_url, ca_certs=str(own.ca_bundle)) as pool:
            yield own, pool, group_id


def best_of(sb: Sandbox, pool: Any, path: str, runs: int = 15) -> float:
    """The smallest time that the simulated service itself took, in milliseconds."""
    headers = {"Authorization": f"Basic {sb.world.admin_app.api_key}"}
    mark = sb.journal.mark()
    for _index in range(runs):
        assert pool.request("GET", sb.world.dsm_endpoint + path, headers=headers).status == 200
    return min(entry.duration for entry in sb.journal.since(mark)) * 1000


def test_ten_thousand_groups_do_not_slow_a_look_up_by_name(big: Any) -> None:
    own, pool, _rest = big
    text = json.dumps({"name": {"$eq": "seeded-07777"}}).replace(" ", "")

    assert best_of(own, pool, f"/sys/v1/groups?filter={text}") < 3


def test_ten_thousand_keys_do_not_slow_a_page_of_keys(big: Any) -> None:
    own, pool, group_id = big

    assert best_of(own, pool, f"/crypto/v1/keys?group_id={group_id}&limit=10") < 3


def test_all_ten_thousand_groups_come_in_ten_pages(big: Any) -> None:
    own, pool, _rest = big
    headers = {"Authorization": f"Basic {own.world.admin_app.api_key}"}
    began, seen, url = time.perf_counter(), 0, f"{own.world.dsm_endpoint}/sys/v1/groups?limit=1000&offset="
    for offset in range(0, 10_000, 1000):
        seen += len(pool.request("GET", f"{url}{offset}", headers=headers).json())

    assert seen == 10_000
    assert time.perf_counter() - began < 5
