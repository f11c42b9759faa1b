# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets are nowhere: not in what a run prints at -vvv, not in results, not in files that it leaves."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox import Fault, Profile, Sandbox
from sandbox.authorities import self_signed
from support.playbook import ROOT, Ansible, Run

SETUP = ROOT / "playbooks" / "setup.yml"


@pytest.fixture
def secrets(sandbox: Sandbox, link: Mapping[str, str]) -> list[str]:
    """Every secret that a run is given, in the forms in which it may travel."""
    world = sandbox.world
    api_key = world.admin_app.api_key
    user = world.administrator
    pair = f"{user.email}:{user.password}"
    plain = [api_key, link["link_client_secret"], user.password, base64.b64decode(api_key).decode().partition(":")[2]]
    return [
        *plain,
        base64.b64encode(pair.encode()).decode(),
        *(base64.b64encode(one.encode()).decode() for one in plain),
    ]


def texts(run: Run) -> Iterator[tuple[str, str]]:
    yield "output", run.output
    for path in run.directory.rglob("*"):
        # The variables are what the user gave; everything else is ours.
        if path.is_file() and path.name not in ("variables.json", "playbook.yml"):
            yield str(path), path.read_text(encoding="utf-8", errors="replace")
    for path in run.directory.rglob("*"):
        yield "file name", str(path)


def assert_none_in(run: Run, secrets: list[str]) -> None:
    for where, text in texts(run):
        for number, secret in enumerate(secrets):
            assert secret not in text, f"secret {number} is in {where}"


# A server that returns the secret as it is, and both ways to run a module. What other servers return holds less.
@pytest.mark.parametrize("in_process", ["true", "false"])
def test_not_in_a_successful_set_up(
    ansible: Ansible,
    sandbox: Sandbox,
    name: str,
    link: Mapping[str, str],
    secrets: list[str],
    in_process: str,
) -> None:
    sandbox.profile = Profile(secrets_on_get="echo")
    variables = {
        **{f"cdc_setup_{key}": value for key, value in link.items()},
        "cdc_setup_groups": [{"name": name, "vault": {"name": "akv-sandbox-prem"}, **link}],
    }
    for options in ({"check": True, "diff": True}, {"diff": True}, {}):
        environment = {"FORTANIX_DSM_IN_PROCESS": in_process}
        run = ansible.playbook(SETUP, variables=variables, verbosity=4, environment=environment, **options)
        assert run.code == 0
        assert run.output.count("TASK") > 5
        assert_none_in(run, secrets)


@pytest.mark.every_core
def test_not_in_a_set_up_with_certificates_and_keys(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    """Keys as text, encrypted and plain, for the link and for its TLS, in a run that works and in one that does not."""
    pair, client, passphrase = (
        self_signed("canary", algorithm="rsa"),
        sandbox.fronts.client_pair,
        "Canary, open sesame!",
    )
    sandbox.do(lambda state: state.azure.public.add_certificate(link["link_client_id"], pair.certificate))
    encrypted = pair.encrypted_key_pem(passphrase)
    ids = {key: value for key, value in link.items() if key != "link_client_secret"}
    variables = {
        **{f"cdc_setup_{key}": value for key, value in ids.items()},
        "cdc_setup_name": name,
        "cdc_setup_link_certificate": pair.certificate_pem,
        "cdc_setup_link_private_key": encrypted,
        "cdc_setup_link_private_key_passphrase": passphrase,
        "cdc_setup_vault": {"name": "akv-sandbox-prem"},
        "cdc_setup_tls": {"client_certificate": client.certificate_pem, "client_key": client.key_pem},
    }
    secrets = [passphrase]
    for pem in (pair.key_pem, encrypted, client.key_pem):
        lines = pem.splitlines()[1:-1]
        secrets += [lines[0], lines[-2] if len(lines) > 1 else lines[0]]
    for given in (variables, {**variables, "cdc_setup_link_private_key_passphrase": "not it"}):
        run = ansible.playbook(SETUP, variables=given, verbosity=3, diff=True)
        assert (run.code == 0) == (given is variables)
        assert_none_in(run, secrets)


def failing(sandbox: Sandbox, link: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    user = {"dsm_username": sandbox.world.administrator.email, "dsm_password": sandbox.world.administrator.password}
    return {
        "bad input": {"name": " ", **link},
        "not connected": {"name": "canary", **link, "link_tenant_id": link["link_client_id"], "vault": {"name": "x"}},
        "server repeats the request": {"name": "canary", **link},
        "user": {"name": "canary", **link, **user},
        "wrong choice": {"name": "canary", **link, "state": "maybe"},
    }


@pytest.mark.every_core
@pytest.mark.parametrize("in_process", ["true", "false"])
@pytest.mark.parametrize("case", ["bad input", "not connected", "server repeats the request", "user", "wrong choice"])
def test_not_in_a_failure(
    ansible: Ansible, sandbox: Sandbox, link: Mapping[str, str], secrets: list[str], case: str, in_process: str
) -> None:
    if case in ("server repeats the request", "user"):
        world = sandbox.world
        login = world.administrator.password if case == "user" else world.admin_app.api_key
        words = f"cannot parse {link['link_client_secret']} {login}"
        sandbox.faults.add(Fault(plane="dsm", method="POST", route="/sys/v1/groups", status=400, body=words))
    environment = {"FORTANIX_DSM_IN_PROCESS": in_process}
    run = ansible.tasks({"cdc_group": failing(sandbox, link)[case]}, verbosity=4, environment=environment)
    assert run.code != 0
    assert_none_in(run, secrets)


@pytest.mark.every_core
def test_not_in_the_arguments_of_processes_or_in_the_temporary_directory(
    ansible: Ansible, tmp_path: Path, name: str, link: Mapping[str, str], secrets: list[str]
) -> None:
    # Ansible writes the arguments of a module to a file until the task ends.
    environment = {"FORTANIX_DSM_IN_PROCESS": "false"}
    run = ansible.tasks({"cdc_group": {"name": name, **link}}, environment=environment)
    left = [path for path in (run.directory / "tmp").rglob("*") if path.is_file()]
    assert left == []
    assert_none_in(run, secrets)
