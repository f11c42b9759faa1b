# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification of client assertions: the proof of an application that authenticates with a certificate.

Both forms of DSM contract Q38 are taken: PS256 with a SHA-256 thumbprint, RS256 with the older SHA-1 one.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from ..clouds import Cloud
from .directory import Application, RegisteredCertificate
from .errors import EntraError
from .tokens import SIGNATURE_ONLY

_SKEW = 300


def verify(application: Application, assertion: str, cloud: Cloud, now: float, expired: int = 700027) -> None:
    """Accept the assertion or raise the AADSTS error of the first thing that is wrong with it.

    `expired` is the code for a certificate outside its validity.
    """
    registered = _certificate(application, assertion)
    public = registered.certificate.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise _refused(700027, "The certificate's key is not an RSA key.")
    try:
        claims = jwt.decode(assertion, public, algorithms=["PS256", "RS256"], options=SIGNATURE_ONLY)
    except jwt.PyJWTError as error:
        words = "The key was found, but use of the key to verify the signature failed."
        raise _refused(700027, f"Client assertion failed signature validation. {_reason(words, registered)}") from error
    _check_claims(application, claims, cloud, now)
    begins, ends = registered.certificate.not_valid_before_utc, registered.certificate.not_valid_after_utc
    if not begins.timestamp() <= now < ends.timestamp():
        words = "The provided certificate is not within its specified validity time window."
        if expired == 700027:
            words = (
                "The certificate with identifier used to sign the client assertion is expired on application. "
                + _reason("The key used is expired.", registered)
            )
        raise _refused(expired, words)


def _certificate(application: Application, assertion: str) -> RegisteredCertificate:
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.PyJWTError as error:
        raise _refused(50027, "JWT token is invalid or malformed.") from error
    sha256, sha1 = _thumbprint(header.get("x5t#S256")), _thumbprint(header.get("x5t"))
    for registered in application.login_certificates:
        if (sha256 == registered.sha256 or sha1 == registered.sha1) and not registered.is_missed():
            return registered
    raise _refused(
        700027,
        "The certificate with identifier used to sign the client assertion is not registered on application. "
        f"[Reason - The key was not found., Please visit the Azure Portal, Graph Explorer or directly use MS Graph to "
        f"see configured keys for app Id '{application.client_id}'.]",
    )


def _reason(words: str, registered: RegisteredCertificate) -> str:
    """How Entra describes the registered key that it has compared."""
    begins, ends = registered.certificate.not_valid_before_utc, registered.certificate.not_valid_after_utc
    thumbprint = registered.sha1.hex().upper()
    return (
        f"[Reason - {words}, Thumbprint of key used by client: '{thumbprint}', Found key "
        f"'Start={begins:%m/%d/%Y %H:%M:%S}, End={ends:%m/%d/%Y %H:%M:%S}']"
    )


def _thumbprint(text: Any) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None


def _check_claims(application: Application, claims: dict[str, Any], cloud: Cloud, now: float) -> None:
    tenant = f"https://{cloud.login_host}/{application.tenant_id}"
    if claims.get("aud") not in (f"{tenant}/oauth2/v2.0/token", f"{tenant}/v2.0"):
        raise _refused(700023, "Client assertion audience claim does not match Realm issuer.")
    if claims.get("iss") != application.client_id or claims.get("sub") != application.client_id:
        raise _refused(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
    if not _within(claims, now):
        raise _refused(700024, "Client assertion is not within its valid time range.")


def _within(claims: dict[str, Any], now: float) -> bool:
    # A time of a token may have a fraction (RFC 7519 §2, NumericDate); those of Microsoft's own library have one.
    begins, ends = claims.get("nbf", 0), claims.get("exp")
    return isinstance(ends, (int, float)) and isinstance(begins, (int, float)) and begins - _SKEW <= now < ends + _SKEW


def _refused(code: int, message: str) -> EntraError:
    return EntraError(code, "invalid_client", message)
