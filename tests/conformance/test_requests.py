# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the client sends is what DSM's published API takes, whichever way a user goes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire import routes
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    cdc_account_info,
    cdc_compliance_info,
    cdc_connection,
    cdc_group,
    cdc_group_info,
    cdc_key,
    cdc_key_info,
    cdc_sync,
    cdc_tls,
    cdc_user_info,
    cdc_vault_info,
    cdc_vault_select,
)
from conformance.wire import ROUTES, Exchange
from sandbox import Profile, Sandbox
from sandbox.authorities import self_signed
from sandbox.custody.seeds import copy_to_azure
from support.matrix import diagonal
from support.operate import Operator

PREMIUM = {"name": "akv-sandbox-prem", "type": "premium"}
STANDARD = {"name": "akv-sandbox-std", "type": "standard"}
GROUP = "/sys/v1/groups/{group_id}"


def link_to(cloud: Any) -> dict[str, str]:
    return {
        "link_tenant_id": cloud.tenant_id,
        "link_client_id": cloud.client_id,
        "link_subscription_id": cloud.subscription_id,
        "link_client_secret": cloud.client_secret,
    }


def by_secret(operate: Operator, sandbox: Sandbox) -> None:
    """The guide's way from section 4.3 to 4.8 and back: plan, create, test, choose, sync, edit, list, remove."""
    link, name = link_to(sandbox.world.public), f"secret-{uuid4()}"
    operate(cdc_group, name=name, **link, check_mode=True)
    operate(cdc_connection, **link)
    operate(cdc_group, name=name, description="made by a test", custom_metadata={"team": "keys"}, **link)
    operate(cdc_connection, group_name=name)
    operate(cdc_vault_info, group_name=name, **link)
    operate(cdc_vault_select, group_name=name, vault=STANDARD, link_client_secret=link["link_client_secret"])
    operate(cdc_vault_select, group_name=name, vault=PREMIUM, link_client_secret=link["link_client_secret"])
    operate(cdc_sync, group_name=name)
    operate(cdc_group, name=name, description="", custom_metadata={"team": "vaults"})
    operate(cdc_group, name=name, update_credential="always", **link)
    operate(cdc_group_info)
    empty = f"empty-{uuid4()}"
    operate(cdc_group, name=empty, **link)
    operate(cdc_group, name=empty, state="absent")


def by_certificate(operate: Operator, sandbox: Sandbox) -> None:
    """The link authenticates with a certificate."""
    azure, pair, name = sandbox.world.public, self_signed("link", algorithm="rsa"), f"certificate-{uuid4()}"
    sandbox.do(lambda state: state.azure.public.add_certificate(azure.client_id, pair.certificate))
    link = {key: value for key, value in link_to(azure).items() if key != "link_client_secret"}
    credential = {"link_certificate": pair.certificate_pem, "link_private_key": pair.key_pem}
    operate(cdc_connection, **link, **credential)
    operate(cdc_group, name=name, vault=STANDARD, **link, **credential)
    operate(cdc_vault_select, group_name=name, vault=PREMIUM, **credential)


def with_tls(operate: Operator, sandbox: Sandbox) -> None:
    """The link has a TLS configuration of its own, with custom CAs and a client certificate, and loses it again."""
    link, name = link_to(sandbox.world.public), f"tls-{uuid4()}"
    roots, client = sandbox.authorities.global_roots_pem(), self_signed("client")
    secret = {"link_client_secret": link["link_client_secret"]}
    operate(cdc_group, name=name, vault=PREMIUM, tls={"validate_host": True, "ca_certificates": [roots]}, **link)
    presented = {"client_certificate": client.certificate_pem, "client_key": client.key_pem}
    operate(cdc_tls, group_name=name, ca_certificates=[roots], **presented, **secret)
    operate(cdc_tls, group_name=name, state="absent", **secret)


def for_the_government(operate: Operator, sandbox: Sandbox) -> None:
    """The link goes to Azure for US Government, and stays there when it is edited."""
    link, name = link_to(sandbox.world.government), f"government-{uuid4()}"
    operate(cdc_group, name=name, azure_service="us_government", vault={"name": "akv-sandbox-gov-std"}, **link)
    vault = {"name": "akv-sandbox-gov-prem"}
    operate(cdc_vault_select, group_name=name, vault=vault, link_client_secret=link["link_client_secret"])


def to_a_managed_hsm(operate: Operator, sandbox: Sandbox) -> None:
    """The vault is a Managed HSM."""
    link = link_to(sandbox.world.public)
    operate(cdc_group, name=f"pool-{uuid4()}", vault={"name": "hsm-sandbox", "type": "managed_hsm"}, **link)


def with_approvals(operate: Operator, sandbox: Sandbox) -> None:
    """A quorum of the login's own app approves a new group and a change of it."""
    link, name, app = link_to(sandbox.world.public), f"approved-{uuid4()}", {"app": sandbox.world.admin_app.app_id}

    def put(policy: Any) -> None:
        sandbox.do(lambda state: setattr(state.dsm.default_account, "approval_policy", policy))

    put({"policy": app, "manage_groups": True})
    operate(cdc_group, name=name, vault=PREMIUM, **link)
    put(None)
    group_id = operate(cdc_group, name=name, vault=PREMIUM, **link)["group"]["group_id"]
    sandbox.do(lambda state: setattr(state.dsm.group(group_id), "approval_policy", app))
    change = {"group_name": name, "vault": STANDARD, "link_client_secret": link["link_client_secret"]}
    operate(cdc_vault_select, **change)
    operate(cdc_vault_select, **change, approval_wait=1)
    sandbox.profile = replace(sandbox.profile, approval_execution="on_result")
    sandbox.do(approve_all)
    assert operate(cdc_vault_select, **change)["approval"]["status"] == "approved"


def approve_all(state: Any) -> None:
    """As if the quorum had agreed; what was approved is carried out when the result is asked for."""
    for one in state.dsm.default_account.approvals.values():
        one.status = "APPROVED"


def to_be_judged(operate: Operator, sandbox: Sandbox) -> None:
    """All groups of the account, looked at."""
    operate(cdc_group, name=f"judged-{uuid4()}", vault=PREMIUM, **link_to(sandbox.world.public))
    operate(cdc_compliance_info, look_in_azure=False)


def with_keys(operate: Operator, sandbox: Sandbox) -> None:
    """The keys of a group are looked at, one of which was copied from another group."""
    link, name = link_to(sandbox.world.public), f"keys-{uuid4()}"
    group_id = operate(cdc_group, name=name, vault=PREMIUM, **link)["group"]["group_id"]

    def copy(state: Any) -> None:
        dsm, cloud = state.dsm, state.azure.public
        source = dsm.add_source_key(dsm.add_group(f"sources-{uuid4()}").group_id, f"source-{uuid4()}")
        copy_to_azure(dsm, cloud, group_id, PREMIUM["name"], f"copy-{uuid4()}", source)

    sandbox.do(copy)
    assert operate(cdc_key_info, group_name=name, look_in_azure=False)["groups"][0]["keys"]


def with_new_keys(operate: Operator, sandbox: Sandbox) -> None:
    """Keys are copied from DSM and generated by Azure, and changed."""
    link, name, source = link_to(sandbox.world.public), f"new-keys-{uuid4()}", f"source-{uuid4()}"
    operate(cdc_group, name=name, vault=PREMIUM, **link)
    sandbox.do(lambda state: state.dsm.add_source_key(state.dsm.add_group(f"sources-{uuid4()}").group_id, source))
    dates = {"not_before": "2026-01-01T00:00:00Z", "expires": "2031-01-01T00:00:00Z"}
    usual = {"group_name": name, "look_in_azure": False, "protection": "hsm", **dates}
    operate(cdc_key, name=f"copy-{uuid4()}", origin="copy", source={"name": source}, enabled=False, **usual)
    made = f"native-{uuid4()}"
    operate(cdc_key, name=made, origin="azure", type="EC", curve="P-256K", operations=["sign"], **usual)
    told = {"description": "Signs", "metadata": {"owner": "us"}, "rotation_policy": {"interval_days": 90}}
    operate(cdc_key, name=made, **{**usual, "enabled": False, "operations": ["sign", "verify"]}, **told)
    operate(cdc_key, name=f"rsa-{uuid4()}", origin="azure", type="RSA", size=2048, **usual)


def with_ended_keys(operate: Operator, sandbox: Sandbox) -> None:
    """A key is deleted, recovered, purged, and removed from DSM."""
    link, name, made = link_to(sandbox.world.public), f"ended-keys-{uuid4()}", f"ended-{uuid4()}"
    operate(cdc_group, name=name, vault=PREMIUM, **link)
    sandbox.profile = Profile(key_transition=0)
    usual = {"group_name": name, "name": made, "look_in_azure": False, "consumers": "skip", "wait": 0}
    operate(cdc_key, origin="azure", type="EC", curve="P-256", protection="hsm", **usual)
    operate(cdc_key, state="deleted", **usual)
    operate(cdc_key, on_soft_deleted="recover", **usual)
    operate(cdc_key, state="purged", confirm_purge=made, allow_skip=True, **usual)
    operate(cdc_key, state="absent", **usual)


def as_a_user(operate: Operator, sandbox: Sandbox) -> None:
    """The login is a user's, who looks at the account and at himself."""
    administrator = sandbox.world.administrator
    login = {"dsm_username": administrator.email, "dsm_password": administrator.password}
    operate(cdc_account_info, **login)
    operate(cdc_user_info, **login)
    operate(cdc_user_info, email=sandbox.world.auditor.email, **login)


def as_an_app(operate: Operator, sandbox: Sandbox) -> None:
    """The login is an app's, by API key and by certificate."""
    app = sandbox.world.cert_app
    operate(cdc_account_info)
    operate(cdc_user_info)
    operate(cdc_account_info, dsm_client_cert=str(app.certificate_path), dsm_client_key=str(app.key_path))


WAYS: dict[str, Callable[[Operator, Sandbox], None]] = {
    way.__name__: way
    for way in (
        by_secret,
        by_certificate,
        with_tls,
        for_the_government,
        to_a_managed_hsm,
        with_approvals,
        to_be_judged,
        with_keys,
        with_new_keys,
        with_ended_keys,
        as_a_user,
        as_an_app,
    )
}


@pytest.mark.parametrize("way", WAYS)
def test_all_requests_and_answers_are_as_published(
    operate: Operator, sandbox: Sandbox, exchanges: list[Exchange], way: str
) -> None:
    WAYS[way](operate, sandbox)

    complaints = [exchange.complaint_about_the_request() for exchange in exchanges]
    complaints += [exchange.complaint_about_the_answer() for exchange in exchanges]
    assert exchanges
    assert [complaint for complaint in complaints if complaint] == []


@pytest.mark.parametrize(
    ("secrets", "way"), diagonal(["echo", "mask", "omit"], ["by_secret", "by_certificate", "with_tls"])
)
def test_requests_are_as_published_whatever_dsm_shows_of_a_secret(
    operate: Operator, sandbox: Sandbox, exchanges: list[Exchange], way: str, secrets: Any
) -> None:
    sandbox.profile = Profile(secrets_on_get=secrets)

    WAYS[way](operate, sandbox)

    complaints = [exchange.complaint_about_the_request() for exchange in exchanges]
    assert [complaint for complaint in complaints if complaint] == []


def test_a_government_link_is_always_sent_with_its_endpoints(
    operate: Operator, sandbox: Sandbox, exchanges: list[Exchange]
) -> None:
    """Left out of an update they would move a Government group to global Azure."""
    for_the_government(operate, sandbox)

    links = [exchange for exchange in exchanges if b'"kind"' in exchange.sent]
    assert len(links) > 2
    assert all(b'"iam": "login.microsoftonline.us"' in exchange.sent for exchange in links)


def test_the_ways_lead_over_every_route_that_the_client_knows(
    operate: Operator, sandbox: Sandbox, exchanges: list[Exchange]
) -> None:
    for way in WAYS.values():
        way(operate, sandbox)

    known = {
        value for name, value in inspect.getmembers(routes, lambda value: isinstance(value, str)) if name.isupper()
    }
    assert known - {route for _method, route in ROUTES} == set(), "routes without a schema"
    assert known - {exchange.route for exchange in exchanges} == set(), "routes that no test has seen"
