# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""App management policies of the sandbox: who reads them, and what they refuse (Azure contract §2 T37)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.authorities import self_signed
from sandbox.azure.entra.app_policies import Restriction
from support.azure_callers import graph_client

POLICY = "/v1.0/policies/defaultAppManagementPolicy"
TOO_LONG, NOT_ALLOWED = "CredentialInvalidLifetimeAsPerAppPolicy", "CredentialTypeNotAllowedAsPerAppPolicy"


@pytest.fixture
def graph(anonymous: Any, estate: Any) -> Any:
    return graph_client(anonymous, estate, "Application.ReadWrite.All", "Policy.Read.All")


@pytest.fixture
def app(estate: Any) -> Any:
    return estate.do(lambda azure: azure.add_application(estate.tenant_id, "restricted"))


def restrict(estate: Any, *restrictions: Restriction, **details: Any) -> None:
    estate.do(lambda azure: azure.restrict_credentials(estate.tenant_id, *restrictions, **details))


def add_secret(graph: Any, app: Any, days: int = 100) -> str:
    """The code of Graph's refusal; empty when the secret was made."""
    ends = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    answer = graph(
        "POST", f"/v1.0/applications/{app.object_id}/addPassword", {"passwordCredential": {"endDateTime": ends}}
    )
    return "" if answer.status == 200 else answer.json["error"]["code"]


def add_certificate(graph: Any, app: Any) -> str:
    """The same of a certificate that is valid for 160 days."""
    der = self_signed("dsm", days=100).certificate.public_bytes(Encoding.DER)
    entry = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.b64encode(der).decode()}
    answer = graph("PATCH", f"/v1.0/applications/{app.object_id}", {"keyCredentials": [entry]})
    return "" if answer.status == 204 else answer.json["error"]["code"]


def test_nothing_is_restricted_unless_somebody_has_said_so(graph: Any) -> None:
    policy = graph("GET", POLICY).json

    assert (policy["isEnabled"], policy["applicationRestrictions"]["passwordCredentials"]) == (False, [])


def test_a_policy_is_not_for_everybody_to_read(anonymous: Any, estate: Any) -> None:
    assert graph_client(anonymous, estate, "Application.ReadWrite.All")("GET", POLICY).status == 403


def test_a_policy_is_shown_by_kind_of_credential(graph: Any, estate: Any) -> None:
    restrict(estate, Restriction("passwordLifetime", 90), Restriction("asymmetricKeyLifetime", 180))

    shown = graph("GET", POLICY).json["applicationRestrictions"]

    assert [one["maxLifetime"] for one in shown["passwordCredentials"]] == ["P90D"]
    assert [one["restrictionType"] for one in shown["keyCredentials"]] == ["asymmetricKeyLifetime"]


@pytest.mark.parametrize(
    ("restriction", "of_a_secret", "of_a_certificate"),
    [
        (Restriction("passwordAddition"), NOT_ALLOWED, ""),
        (Restriction("passwordLifetime", 90), TOO_LONG, ""),
        (Restriction("passwordLifetime", 101), "", ""),
        (Restriction("asymmetricKeyLifetime", 159), "", TOO_LONG),
        (Restriction("asymmetricKeyLifetime", 160), "", ""),
        (Restriction("trustedCertificateAuthority"), "", NOT_ALLOWED),
        (Restriction("passwordAddition", enabled=False), "", ""),
        (Restriction("passwordAddition", created_after=datetime(2999, 1, 1, tzinfo=UTC)), "", ""),
    ],
)
def test_what_a_policy_refuses(
    graph: Any, estate: Any, app: Any, restriction: Restriction, of_a_secret: str, of_a_certificate: str
) -> None:
    restrict(estate, restriction)

    assert (add_secret(graph, app), add_certificate(graph, app)) == (of_a_secret, of_a_certificate)


def test_a_policy_of_its_own_takes_the_place_of_the_tenants(graph: Any, estate: Any, app: Any) -> None:
    restrict(estate, Restriction("passwordAddition"))
    restrict(estate, Restriction("passwordLifetime", 365), only_for=app)

    own = graph("GET", f"/v1.0/applications/{app.object_id}/appManagementPolicies").json["value"]
    assert (add_secret(graph, app), len(own)) == ("", 1)


def test_what_is_registered_already_is_not_judged_again(graph: Any, estate: Any, app: Any) -> None:
    estate.do(lambda azure: azure.add_certificate(app, self_signed("old").certificate))
    restrict(estate, Restriction("asymmetricKeyLifetime", 1))
    path = f"/v1.0/applications/{app.object_id}"
    known = graph("GET", f"{path}?$select=keyCredentials").json["keyCredentials"]

    assert graph("PATCH", path, {"keyCredentials": known}).status == 204
