# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.4: the TLS configuration, for an enterprise proxy between DSM and Azure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    cdc_connection,
    cdc_group,
    cdc_tls,
    cdc_vault_select,
)
from sandbox import Profile, Sandbox
from support.operate import Operator
from support.playbook import Ansible

from .conftest import link_options

Given = Callable[..., dict[str, Any]]


@pytest.fixture
def secret(link: dict[str, str]) -> dict[str, str]:
    return {"link_client_secret": link["link_client_secret"]}


@pytest.mark.every_core
def test_a_play_pins_a_ca_as_planned_alone_and_once_unless_it_would_disconnect(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Given, secret: dict[str, str]
) -> None:
    before = given_group(vault={"name": "akv-sandbox-prem"}, description="Kept")
    wanted = {"group_name": name, "ca_certificates": [sandbox.fronts.ca_pem]}
    pinned = {**wanted, "allow_disconnect": True}
    mark = sandbox.journal.mark()

    run = ansible.tasks(
        {"cdc_tls": {**wanted, **secret}, "ignore_errors": True},
        {"cdc_tls": {**pinned, **secret}, "check_mode": True},
        {"cdc_tls": {**pinned, **secret}},
        {"cdc_tls": pinned},
    )

    refused, planned, made, again = run.outcomes
    assert "the link connects now, but would not connect with this change" in refused["msg"]
    assert [made.changed, again.changed] == [True, False]
    assert made["diff"] == planned["diff"]
    assert set(made["plan"][0]["after"]) == {"link.credential", "link.tls.ca", "link.tls.ca_sha256"}
    after = made["group"]
    assert (after["description"], after["link"]["vault"]) == ("Kept", before["link"]["vault"])
    assert after["link"]["tls"]["mode"] == "required"
    # Neither the refusal nor the plan has written anything.
    assert len(sandbox.journal.writes(since=mark)) == 1


def test_absent_goes_back_to_the_safe_default(
    operate: Operator, sandbox: Sandbox, name: str, given_group: Given, secret: dict[str, str]
) -> None:
    pair = sandbox.fronts.client_pair
    tls = {
        "validate_host": False,
        "ca_certificates": [sandbox.fronts.ca_pem],
        "client_certificate": pair.certificate_pem,
        "client_key": pair.key_pem,
    }
    made = given_group(tls=tls)
    assert made["link"]["tls"]["client_certificate_sha256"]
    first, second = (operate(cdc_tls, group_name=name, state="absent", **secret) for _again in range(2))
    assert [first["changed"], second["changed"]] == [True, False]
    assert first["group"]["link"]["tls"] == {
        "mode": "required",
        "validate_host": True,
        "ca": "global_roots",
        "ca_sha256": [],
        "client_certificate_sha256": None,
        "ca_certificates": [],
        "client_certificate": None,
    }


def test_a_weaker_mode_that_is_stored_is_told_and_made_good(
    operate: Operator, sandbox: Sandbox, name: str, link: dict[str, str], secret: dict[str, str]
) -> None:
    config = {
        "kind": "AzureKeyVault",
        "url": "",
        "tls": {"mode": "opportunistic"},
        "auth_config": {"mode": "client_secret", "client_secret": link["link_client_secret"]},
        **{key: link[f"link_{key}"] for key in ("tenant_id", "client_id", "subscription_id")},
    }
    sandbox.do(lambda state: state.dsm.add_group(name, hmg=config))
    assert not operate(cdc_group, name=name)["changed"]
    assert "TLS mode is opportunistic" in operate.warnings.pop()
    made = operate(cdc_tls, group_name=name, validate_host=True, **secret)
    assert made["group"]["link"]["tls"]["mode"] == "required"
    assert operate.warnings == []


@pytest.fixture(params=["vault", "vault+arm", "all"])
def enterprise(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, Operator]]:
    """A sandbox with fronts before everything that the link's TLS block covers, whatever that is (DSM contract Q35)."""
    with Sandbox.start(profile=Profile(tls_scope=request.param)) as sandbox:
        sandbox.covered = {"vault": ("vault",), "vault+arm": ("vault", "arm"), "all": ("all",)}[request.param]
        yield sandbox, Operator(sandbox.environment())
        assert sandbox.crashes == []


def make(sandbox: Sandbox, operate: Operator, **options: Any) -> dict[str, Any]:
    vault = {"name": "akv-sandbox-prem", "type": "premium"}
    result: dict[str, Any] = operate(cdc_group, name="akv", **link_options(sandbox), vault=vault, **options)
    return result


def status(operate: Operator) -> tuple[str, str]:
    result = operate(cdc_connection, group_name="akv", on_not_connected="ignore")
    return result["status"], result["message"]


def test_a_front_with_an_unknown_ca_is_passed_once_its_ca_is_pinned(enterprise: tuple[Sandbox, Operator]) -> None:
    sandbox, operate = enterprise
    sandbox.fronts.put(*sandbox.covered)
    make(sandbox, operate)
    assert status(operate)[0] == "not_connected"
    secret = link_options(sandbox)["link_client_secret"]
    operate(cdc_tls, group_name="akv", ca_certificates=[sandbox.fronts.ca_pem], link_client_secret=secret)
    assert status(operate)[0] == "connected"


def test_a_wrong_host_name_is_noticed_unless_validation_is_off(enterprise: tuple[Sandbox, Operator]) -> None:
    sandbox, operate = enterprise
    sandbox.fronts.put(*sandbox.covered, certificate="wrong_host")
    make(sandbox, operate, tls={"ca_certificates": [sandbox.fronts.ca_pem]})
    assert status(operate)[0] == "not_connected"
    secret = link_options(sandbox)["link_client_secret"]
    operate(cdc_tls, group_name="akv", validate_host=False, link_client_secret=secret)
    assert status(operate)[0] == "connected"
    assert any("host validation is off" in warning for warning in operate.warnings)


def test_a_front_that_demands_a_client_certificate_gets_it(enterprise: tuple[Sandbox, Operator]) -> None:
    sandbox, operate = enterprise
    sandbox.fronts.put(*sandbox.covered, client_certificate=True)
    pair = sandbox.fronts.client_pair
    make(sandbox, operate, tls={"ca_certificates": [sandbox.fronts.ca_pem]})
    assert status(operate)[0] == "not_connected"
    operate(
        cdc_tls,
        group_name="akv",
        client_certificate=pair.certificate_pem,
        client_key=pair.encrypted_key_pem("open sesame"),
        client_key_passphrase="open sesame",
        link_client_secret=link_options(sandbox)["link_client_secret"],
    )
    assert status(operate)[0] == "connected"


@pytest.mark.parametrize("secrets_on_get", ["blank", "echo", "omit", "mask"])
def test_the_client_key_is_carried_by_every_change_or_the_change_is_refused(secrets_on_get: Any) -> None:
    """Design fact 1: the link has two write-only parts."""
    with Sandbox.start(profile=Profile(secrets_on_get=secrets_on_get)) as sandbox:
        operate = Operator(sandbox.environment())
        sandbox.fronts.put("all", client_certificate=True)
        pair = sandbox.fronts.client_pair
        made = make(
            sandbox,
            operate,
            tls={
                "ca_certificates": [sandbox.fronts.ca_pem],
                "client_certificate": pair.certificate_pem,
                "client_key": pair.key_pem,
            },
        )
        assert made["group"]["link"]["tls"]["client_certificate_sha256"]
        change = {
            "group_name": "akv",
            "vault": {"name": "akv-sandbox-std"},
            "link_client_secret": link_options(sandbox)["link_client_secret"],
        }
        mark = sandbox.journal.mark()
        with pytest.raises(InvalidInput, match="tls"):
            operate(cdc_vault_select, **change)
        assert sandbox.journal.writes(since=mark) == []
        with pytest.raises(InvalidInput, match="not the key of the client certificate"):
            operate(cdc_vault_select, **change, tls_client_key=sandbox.fronts.stranger_pair.key_pem)
        operate(cdc_vault_select, **change, tls_client_key=pair.key_pem)
        assert status(operate)[0] == "connected"
        assert sandbox.crashes == []


def test_a_planned_group_is_tried_with_the_tls_settings_that_it_will_have(
    operate: Operator, sandbox: Sandbox, name: str, link: dict[str, str], secret: dict[str, str]
) -> None:
    tls = {"ca_certificates": [sandbox.fronts.ca_pem]}
    group = operate(cdc_group, check_mode=True, name=name, **link, tls=tls)["group"]
    set_ = operate(cdc_tls, check_mode=True, group=group, **tls)
    tested = operate(cdc_connection, check_mode=True, group=group, **secret, on_not_connected="ignore")
    assert not set_["changed"]
    # There is no front here, so the pinned CA is the wrong one, and the plan knows it.
    assert tested["status"] == "not_connected"
