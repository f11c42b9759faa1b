# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fortanix's own clients from PyPI work against the simulated DSM as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox import Sandbox

from .conftest import GROUP

PREMIUM_KEYS = ["archive", "code-signing", "customer-data", "payments"]


@pytest.fixture
def api_key(sandbox: Sandbox) -> str:
    return sandbox.world.admin_app.api_key


# The SDK --------------------------------------------------------------------------------------------------------------


def test_the_sdk_logs_in_with_an_api_key(sdkms: Callable[..., Any], sandbox: Sandbox, api_key: str) -> None:
    said = sdkms("print(json.dumps([session.token_type, session.entity_id]))", api_key)

    assert said == ["Bearer", sandbox.world.admin_app.app_id]


def test_the_sdk_logs_in_with_a_password_and_selects_an_account(sdkms: Callable[..., Any], sandbox: Sandbox) -> None:
    person = sandbox.world.administrator
    lines = f"""
auth.select_account(v1.SelectAccountRequest(acct_id="{sandbox.world.account_id}"))
print(json.dumps([group.name for group in groups.get_groups()]))
"""
    assert GROUP in sdkms(lines, f"{person.email} {person.password}")


def test_the_sdk_reads_the_link_of_a_group(sdkms: Callable[..., Any], sandbox: Sandbox, api_key: str) -> None:
    lines = """
(link,) = groups.get_group(group_id).hmg.values()
print(json.dumps([link.tenant_id, link.url, link.key_vault_type.value, link.tls.ca.ca_set]))
"""
    azure = sandbox.world.public
    expected = [azure.tenant_id, azure.vaults["akv-sandbox-prem"].uri, "PREMIUM", "global_roots"]
    assert sdkms(lines, api_key) == expected


def test_the_sdk_lists_the_virtual_keys_of_a_group(sdkms: Callable[..., Any], api_key: str) -> None:
    lines = "print(json.dumps(sorted(key.name for key in keys.get_security_objects(group_id=group_id))))"

    assert sdkms(lines, api_key) == PREMIUM_KEYS


def test_the_sdk_checks_the_connection_of_a_group(
    sdkms: Callable[..., Any], sandbox: Sandbox, group_id: str, api_key: str
) -> None:
    mark = sandbox.journal.mark()

    sdkms("groups.check_group_hmg(group_id); print('null')", api_key)

    (checked,) = sandbox.journal.requests(since=mark, route="/sys/v1/groups/{group_id}/hmg/check")
    assert (checked.path, checked.status) == (f"/sys/v1/groups/{group_id}/hmg/check", 204)


def test_the_sdk_checks_a_link_before_it_is_saved(sdkms: Callable[..., Any], sandbox: Sandbox, api_key: str) -> None:
    """Its answer to a link with a secret that is not in force is the other half of the proof."""
    lines = """
link = json.loads(os.environ["LINK"])
groups.check_hmg(v1.HmgConfig(**link))
try:
    groups.check_hmg(v1.HmgConfig(**{**link, "secret_key": "wrong"}))
except v1.rest.ApiException as error:
    print(json.dumps([error.status, error.body]))
"""
    status, words = sdkms(lines, api_key)

    assert status == sandbox.profile.azure_failure_status
    assert "AADSTS7000215" in words


def test_the_sdk_syncs_a_group(sdkms: Callable[..., Any], api_key: str) -> None:
    lines = "print(json.dumps(len(groups.scan_hmg(group_id))))"

    assert sdkms(lines, api_key) == 0  # nothing is new


# The command line client ----------------------------------------------------------------------------------------------


def test_the_command_line_client_asks_for_version_and_health(cli: Callable[..., str], sandbox: Sandbox) -> None:
    assert sandbox.profile.version in cli("server-version")
    assert "Healthy" in cli("server-health")


def test_the_command_line_client_lists_keys_as_an_app(cli: Callable[..., str]) -> None:
    cli("app-login")

    listed = cli("list-keys")

    assert sorted(line.split('"')[1] for line in listed.splitlines()) == PREMIUM_KEYS
    cli("app-logout")


def test_the_command_line_client_works_with_groups_as_a_user(
    cli: Callable[..., str], sandbox: Sandbox, group_id: str
) -> None:
    person = sandbox.world.administrator
    # In one argument: a password may begin with a hyphen.
    cli("user-login", "--username", person.email, f"--password={person.password}")

    assert f'{group_id} "{GROUP}"' in cli("list-groups")
    assert sandbox.world.public.tenant_id in cli("show-group", "--group-id", group_id)
    assert person.email in cli("list-users")
    cli("create-group", "--name", "made-by-the-command-line")
    cli("delete-group", "--name", "made-by-the-command-line")
    cli("user-logout")


def test_the_command_line_client_logs_in_with_a_certificate(cli: Callable[..., str], sandbox: Sandbox) -> None:
    app, mark = sandbox.world.cert_app, sandbox.journal.mark()
    paths = ["--certificate-path", str(app.certificate_path), "--key-path", str(app.key_path)]

    cli("app-certificate-login", "--app-id", app.app_id, *paths)

    (login,) = sandbox.journal.requests(since=mark, route="/sys/v1/session/auth")
    assert (login.principal, login.status) == (f"app:{app.name}", 200)
