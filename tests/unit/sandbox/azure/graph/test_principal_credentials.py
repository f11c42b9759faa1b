# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials and switches of service principals, besides those of the registration (Azure contract §3)."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox import Profile, Sandbox
from sandbox.authorities import self_signed
from sandbox.azure.clouds import PUBLIC
from support.azure_callers import ask_token, graph_client

PRINCIPALS, APPLICATIONS = "/v1.0/servicePrincipals", "/v1.0/applications"


@pytest.fixture
def graph(anonymous: Any, estate: Any) -> Any:
    return graph_client(anonymous, estate, "Application.ReadWrite.All")


@pytest.fixture
def app(estate: Any) -> Any:
    """Another application than the caller's, with a secret of its registration."""

    def make(azure: Any) -> Any:
        made = azure.add_application(estate.tenant_id, "with two places")
        azure.add_secret(made)
        return made

    return estate.do(make)


def token(anonymous: Any, estate: Any, app: Any, secret: str) -> tuple[int, str]:
    changes = {"client_id": app.client_id, "client_secret": secret}
    status, body = ask_token(anonymous.pool, estate, PUBLIC.management_audiences[0], **changes)
    return status, str(body.get("error_description"))


def key_credential(certificate: Any) -> dict[str, str]:
    der = certificate.public_bytes(Encoding.DER)
    return {"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.b64encode(der).decode()}


# Secrets --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["id", "appId"])
def test_a_secret_of_the_service_principal_logs_in_until_it_is_removed(
    graph: Any, anonymous: Any, estate: Any, app: Any, by: str
) -> None:
    path = f"{PRINCIPALS}/{app.service_principal_id}" if by == "id" else f"{PRINCIPALS}(appId='{app.client_id}')"
    made = graph("POST", f"{path}/addPassword", {"passwordCredential": {"displayName": "terraform"}}).json

    before = token(anonymous, estate, app, made["secretText"])[0]
    removed = graph("POST", f"{path}/removePassword", {"keyId": made["keyId"]}).status
    after = token(anonymous, estate, app, made["secretText"])

    assert (before, removed, after[0]) == (200, 204, 401)
    assert "AADSTS7000215" in after[1]


def test_a_secret_is_listed_where_it_is_and_its_text_never_again(graph: Any, app: Any) -> None:
    path = f"{PRINCIPALS}/{app.service_principal_id}"
    made = graph("POST", f"{path}/addPassword", {"passwordCredential": {}}).json

    (listed,) = graph("GET", path).json["passwordCredentials"]
    of_registration = graph("GET", f"{APPLICATIONS}/{app.object_id}").json["passwordCredentials"]

    assert (listed["keyId"], listed["secretText"], listed["hint"]) == (made["keyId"], None, made["secretText"][:3])
    assert made["keyId"] not in {one["keyId"] for one in of_registration}


def test_a_secret_of_the_registration_is_none_of_the_service_principal(graph: Any, app: Any) -> None:
    answer = graph("POST", f"{PRINCIPALS}/{app.service_principal_id}/removePassword", {"keyId": app.secrets[0].key_id})

    assert answer.status == 400


@pytest.mark.parametrize(
    ("permission", "status"), [("Application.ReadWrite.OwnedBy", 403), ("Application.Read.All", 403)]
)
def test_who_may_not_change_the_application_may_not_change_its_service_principal(
    anonymous: Any, estate: Any, app: Any, permission: str, status: int
) -> None:
    graph = graph_client(anonymous, estate, permission)

    assert graph("POST", f"{PRINCIPALS}/{app.service_principal_id}/addPassword", {}).status == status


# Certificates ---------------------------------------------------------------------------------------------------------


def test_certificates_are_replaced_as_a_list_and_shown_with_their_key_on_request(graph: Any, app: Any) -> None:
    path = f"{PRINCIPALS}/{app.service_principal_id}"
    certificate = key_credential(self_signed("dsm").certificate)

    status = graph("PATCH", path, {"keyCredentials": [certificate]}).status

    shown = [graph("GET", path + query).json["keyCredentials"][0]["key"] for query in ("", "?$select=keyCredentials")]
    assert (status, shown) == (204, [None, certificate["key"]])


def test_saml_sign_on_has_three_entries_of_one_identifier(graph: Any, estate: Any, app: Any) -> None:
    estate.do(lambda azure: azure.add_token_signing(app.client_id, self_signed("CN=saml").certificate))

    body = graph("GET", f"{PRINCIPALS}/{app.service_principal_id}?$select=keyCredentials,passwordCredentials").json

    keys, (password,) = body["keyCredentials"], body["passwordCredentials"]
    assert {(one["usage"], one["type"], bool(one["key"])) for one in keys} == {
        ("Sign", "X509CertAndPassword", False),
        ("Verify", "AsymmetricX509Cert", True),
    }
    assert {one["customKeyIdentifier"] for one in keys} == {password["customKeyIdentifier"]}
    assert password["keyId"] == next(one["keyId"] for one in keys if one["usage"] == "Sign")


def test_a_list_without_the_signing_entries_ends_saml_sign_on(graph: Any, estate: Any, app: Any) -> None:
    estate.do(lambda azure: azure.add_token_signing(app.client_id, self_signed("CN=saml").certificate))

    graph("PATCH", f"{PRINCIPALS}/{app.service_principal_id}", {"keyCredentials": []})

    assert estate.do(lambda azure: azure.application(app.client_id).signing) == []


# Switches -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("principal", [False, True])
def test_what_microsoft_has_disabled_gets_no_token(anonymous: Any, estate: Any, app: Any, principal: bool) -> None:
    estate.do(lambda azure: azure.disable_by_microsoft(app.client_id, principal=principal))

    status, text = token(anonymous, estate, app, app.secrets[0].value)

    assert (status, "AADSTS7000112" in text) == (400, True)


@pytest.mark.parametrize(("setting", "status"), [("known", 200), ("unknown", 400)])
def test_to_select_what_this_graph_does_not_know_is_refused(
    graph: Any, sb: Sandbox, app: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(graph_is_disabled=setting)

    path = f"{APPLICATIONS}/{app.object_id}"

    assert graph("GET", f"{path}?$select=isDisabled").status == status
    assert ("isDisabled" in graph("GET", path).json) is (setting == "known")
