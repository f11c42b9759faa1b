# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS block and the certificate credential of a link, over real handshakes (DSM contract §2.7, §2.8)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox import Profile, Sandbox
from sandbox.azure.clouds import PUBLIC
from sandbox.azure.entra.client_assertions import verify
from sandbox.azure.entra.directory import Application, RegisteredCertificate, new_application
from sandbox.azure.entra.errors import EntraError

CHECK = "/sys/v1/groups/hmg/check"


def tls(**changes: Any) -> dict[str, Any]:
    return {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots"}, **changes}


def pinned(certificate: x509.Certificate) -> dict[str, Any]:
    der = certificate.public_bytes(serialization.Encoding.DER)
    return tls(ca={"pinned": [base64.b64encode(der).decode()]})


def pem_certificate(authority: trustme.CA) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.cert_pem.bytes())


# TLS ----------------------------------------------------------------------------------------------------------------


def test_the_right_pinned_authority_connects(sb: Sandbox, admin: Any, estate: Any) -> None:
    root = pem_certificate(sb.authorities.global_root)

    assert admin("POST", CHECK, estate.link(tls=pinned(root))).status == 204


def test_a_wrong_pinned_authority_fails_with_the_tls_text(sb: Sandbox, admin: Any, estate: Any) -> None:
    answer = admin("POST", CHECK, estate.link(tls=pinned(pem_certificate(sb.authorities.dsm_root))))

    assert answer.status == 400
    assert "TLS: " in answer.text
    assert "unable to get local issuer certificate" in answer.text


def test_tls_scope_vault_leaves_the_other_connections_with_the_global_roots(
    sb: Sandbox, admin: Any, estate: Any
) -> None:
    sb.profile = Profile(tls_scope="vault")

    answer = admin("POST", CHECK, estate.link(tls=pinned(pem_certificate(sb.authorities.dsm_root))))

    assert answer.text.startswith(f"Azure Key Vault ({estate.vault}.vault.azure.net): TLS: ")


# A certificate as the credential -----------------------------------------------------------------------------------


def self_signed(days: int = 30) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dsm-credential")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=60))
    return builder.not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256()), key


def certificate_auth(certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> dict[str, str]:
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    encoded = certificate.public_bytes(serialization.Encoding.DER)
    pair = {"client_cert": base64.b64encode(encoded).decode(), "client_key": base64.b64encode(der).decode()}
    return {"mode": "token_auth_config", **pair}


@pytest.mark.parametrize(
    ("registered", "days", "words"),
    [(True, 30, ""), (False, 30, "AADSTS700027"), (True, -1, "The key used is expired")],
    ids=["registered", "unregistered", "expired"],
)
def test_a_certificate_counts_if_entra_knows_it_and_it_is_valid(
    admin: Any, estate: Any, registered: bool, days: int, words: str
) -> None:
    certificate, key = self_signed(days)
    if registered:
        estate.do(lambda azure: azure.add_certificate(estate.client_id, certificate))

    answer = admin("POST", CHECK, estate.link(auth_config=certificate_auth(certificate, key)))

    assert answer.status == (400 if words else 204)
    assert words in answer.text


def assertion(certificate: x509.Certificate, key: rsa.RSAPrivateKey, app: Application, **changes: Any) -> str:
    """A client assertion of the older form: RS256 and a SHA-1 thumbprint."""
    now = int(datetime.now(UTC).timestamp())
    audience = f"https://{PUBLIC.login_host}/{app.tenant_id}/oauth2/v2.0/token"
    claims = {"aud": audience, "iss": app.client_id, "sub": app.client_id, "nbf": now, "exp": now + 600, **changes}
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA1())).rstrip(b"=").decode()
    return jwt.encode(claims, key, algorithm="RS256", headers={"x5t": thumbprint})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"aud": "https://elsewhere.example"}, 700023),
        ({"iss": "somebody else"}, 700021),
        ({"sub": "somebody else"}, 700021),
        ({"exp": 1}, 700024),
        ({"nbf": 2**40}, 700024),
    ],
)
def test_each_claim_of_an_assertion_counts(changes: dict[str, Any], code: int | None) -> None:
    certificate, key = self_signed()
    app = new_application(str(uuid4()), "app")
    app.certificates.append(RegisteredCertificate("1", certificate))
    found = None

    try:
        verify(app, assertion(certificate, key, app, **changes), PUBLIC, datetime.now(UTC).timestamp())
    except EntraError as error:
        found = error.code

    assert found == code


def test_an_assertion_signed_with_another_key_is_refused() -> None:
    certificate, _key = self_signed()
    app = new_application(str(uuid4()), "app")
    app.certificates.append(RegisteredCertificate("1", certificate))

    with pytest.raises(EntraError, match="signature"):
        verify(app, assertion(certificate, self_signed()[1], app), PUBLIC, datetime.now(UTC).timestamp())


@pytest.mark.parametrize(
    ("setting", "expected"), [("blank", None), ("omit", None), ("mask", "***"), ("echo", "the key")]
)
def test_the_tls_client_key_comes_back_as_the_profile_says(
    sb: Sandbox, admin: Any, estate: Any, names: Any, setting: Any, expected: str | None
) -> None:
    pair = certificate_auth(*self_signed())
    block = tls(client_cert=pair["client_cert"], client_key=pair["client_key"])
    sb.profile = Profile(secrets_on_get=setting)

    group = admin("POST", "/sys/v1/groups", {"name": names.new(), "add_hmg": [estate.link(tls=block)]}).json

    (link,) = group["hmg"].values()
    assert link["tls"]["client_cert"] == pair["client_cert"]
    assert link["tls"].get("client_key") == (pair["client_key"] if expected == "the key" else expected)


def test_certificate_and_key_must_belong_together(admin: Any, estate: Any) -> None:
    auth = certificate_auth(self_signed()[0], self_signed()[1])

    answer = admin("POST", CHECK, estate.link(auth_config=auth))

    assert "do not belong together" in answer.text
