# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets are nowhere: not in what a run prints at -vvv, not in results, not in files that it leaves."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox import Fault, Profile, Sandbox
from sandbox.authorities import Pair, self_signed
from support.playbook import ROOT, Ansible, Run

SETUP = ROOT / "playbooks" / "setup.yml"
PASSPHRASE = "Canary, open sesame!"
VAULT = {"name": "akv-sandbox-prem"}


@dataclass(frozen=True)
class Keys:
    """Keys as text: one for the link, encrypted, and one for its TLS, plain."""

    of_link: Pair
    encrypted: str
    of_tls: Pair

    @property
    def link(self) -> dict[str, str]:
        return {
            "link_certificate": self.of_link.certificate_pem,
            "link_private_key": self.encrypted,
            "link_private_key_passphrase": PASSPHRASE,
        }

    @property
    def tls(self) -> dict[str, str]:
        return {"client_certificate": self.of_tls.certificate_pem, "client_key": self.of_tls.key_pem}

    @property
    def secrets(self) -> list[str]:
        found = [PASSPHRASE]
        for pem in (self.of_link.key_pem, self.encrypted, self.of_tls.key_pem):
            lines = pem.splitlines()[1:-1]
            found += [lines[0], lines[-2] if len(lines) > 1 else lines[0]]
        return found


@pytest.fixture
def keys(sandbox: Sandbox, link: Mapping[str, str]) -> Keys:
    pair = self_signed("canary", algorithm="rsa")
    sandbox.do(lambda state: state.azure.public.add_certificate(link["link_client_id"], pair.certificate))
    return Keys(pair, pair.encrypted_key_pem(PASSPHRASE), sandbox.fronts.client_pair)


@pytest.fixture
def secrets(sandbox: Sandbox, link: Mapping[str, str], keys: Keys) -> list[str]:
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
        *keys.secrets,
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


# Set-ups --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def variables(name: str, link: Mapping[str, str], keys: Keys) -> dict[str, Any]:
    """Two groups: one with a client secret, and one with keys."""
    ids = {key: value for key, value in link.items() if key != "link_client_secret"}
    return {
        **{f"cdc_setup_{key}": value for key, value in ids.items()},
        "cdc_setup_groups": [
            {"name": f"{name}-secret", "vault": VAULT, **link},
            {"name": f"{name}-keys", "vault": VAULT, **keys.link, "tls": keys.tls},
        ],
    }


def assert_set_up_shows_none(run: Run, secrets: list[str]) -> None:
    assert run.code == 0, run.output
    assert run.output.count("TASK") > 5
    assert_none_in(run, secrets)


# A server that returns the secret as it is. What other servers return holds less.
@pytest.mark.every_core
def test_not_in_a_set_up(ansible: Ansible, sandbox: Sandbox, variables: Mapping[str, Any], secrets: list[str]) -> None:
    sandbox.profile = Profile(secrets_on_get="echo")

    run = ansible.playbook(SETUP, variables=variables, verbosity=4, diff=True)

    assert_set_up_shows_none(run, secrets)


@pytest.mark.long
def test_not_in_a_set_up_that_is_planned_made_by_modules_and_run_again(
    ansible: Ansible, sandbox: Sandbox, variables: Mapping[str, Any], secrets: list[str]
) -> None:
    sandbox.profile = Profile(secrets_on_get="echo")
    for in_process, options in (("true", {"check": True, "diff": True}), ("false", {"diff": True}), ("true", {})):
        environment = {"FORTANIX_DSM_IN_PROCESS": in_process}
        run = ansible.playbook(SETUP, variables=variables, verbosity=4, environment=environment, **options)
        assert_set_up_shows_none(run, secrets)


# Failures -------------------------------------------------------------------------------------------------------------


def failing(sandbox: Sandbox, link: Mapping[str, str], keys: Keys) -> dict[str, tuple[dict[str, Any], str]]:
    """Options of cdc_group, and what is said of them."""
    user = {"dsm_username": sandbox.world.administrator.email, "dsm_password": sandbox.world.administrator.password}
    ids = {key: value for key, value in link.items() if key != "link_client_secret"}
    return {
        "bad input": ({"name": " ", **link}, "it is blank"),
        "not connected": (
            {"name": "canary", **link, "link_tenant_id": link["link_client_id"], "vault": VAULT},
            "AADSTS",
        ),
        "server repeats the request": ({"name": "canary", **link}, "cannot parse"),
        "user": ({"name": "canary", **link, **user}, "cannot parse"),
        "wrong choice": ({"name": "canary", **link, "state": "maybe"}, "value of state must be one of"),
        "wrong passphrase": (
            {"name": "canary", **ids, **keys.link, "link_private_key_passphrase": "not it", "tls": keys.tls},
            "link_private_key_passphrase",
        ),
    }


@pytest.mark.every_core
def test_not_in_plans_and_failures_and_nothing_is_left_of_them(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str], keys: Keys, secrets: list[str]
) -> None:
    """In the control process and by modules, whose arguments Ansible writes to a file until the task ends."""
    world = sandbox.world
    # What a server repeats is of the task: one refusal for each way of the two cases.
    for login in (world.admin_app.api_key, world.administrator.password):
        words = f"cannot parse {link['link_client_secret']} {login}"
        sandbox.faults.add(Fault(plane="dsm", method="POST", route="/sys/v1/groups", status=400, body=words, times=2))
    ways = {"here": True, "away": False}
    switch = "ansible_fortanix_dsm_in_process"
    cases = failing(sandbox, link, keys)

    ids = {key: value for key, value in link.items() if key != "link_client_secret"}
    planned = {"name": f"{name}-planned", **ids, **keys.link, "tls": keys.tls}

    run = ansible.tasks(
        {"name": "planned", "cdc_group": planned, "check_mode": True},
        *(
            {"name": f"{case}, {way}", "cdc_group": options, "vars": {switch: here}, "ignore_errors": True}
            for case, (options, _words) in cases.items()
            for way, here in ways.items()
        ),
        {"name": "made", "cdc_group": {"name": name, **link}, "vars": {switch: False}},
        diff=True,
        verbosity=4,
    )

    plan, *failed, made = run.outcomes
    assert (run.code, plan.changed, made.changed) == (0, True, True), run.output
    assert [(outcome.task, outcome.status) for outcome in failed] == [
        (f"{case}, {way}", "failed") for case in cases for way in ways
    ]
    assert [
        outcome.task for outcome in failed if cases[outcome.task.partition(",")[0]][1] not in outcome["msg"]
    ] == [], run.output
    assert run.output.count("Using module file") == 1 + len(cases)
    assert [path for path in (run.directory / "tmp").rglob("*") if path.is_file()] == []
    assert_none_in(run, secrets)
