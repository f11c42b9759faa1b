# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Certificates and private keys that a user gives: read, checked and brought into the one form that is sent.

A source is a path, PEM text, or base64 text of DER. What is wrong with it is told before any request, with the name of
the option. DSM takes base64 of DER, keys as PKCS#8 (DSM contract §2.7).
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import os
from dataclasses import dataclass, field
from typing import Any

from . import _deps, _time
from ._errors import InvalidInput

EXPIRES_SOON = datetime.timedelta(days=30)
# How far the control node's clock is trusted: by it alone, only what is clearly over is refused.
CLOCK_DOUBT = datetime.timedelta(days=1)
_PEM_MARK = b"-----BEGIN"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LARGEST_FILE = 1_000_000


@dataclass(frozen=True)
class Certificate:
    """An X.509 certificate. ``encoded``: base64 of DER. ``sha1``, ``sha256``: of the DER form, hex. Times are UTC.

    ``sha1`` is what Entra calls the thumbprint, in upper case.
    """

    encoded: str
    sha1: str
    sha256: str
    subject: str
    not_before: datetime.datetime
    not_after: datetime.datetime
    public_key: bytes = field(repr=False)
    is_rsa: bool


@dataclass(frozen=True)
class PrivateKey:
    """``encoded``: base64 of unencrypted PKCS#8 DER. ``public_key``: the public half, to find the certificate."""

    encoded: str = field(repr=False)
    public_key: bytes = field(repr=False)


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key."""

    certificate: Certificate
    key: PrivateKey


def load_certificates(option: str, source: str) -> list[Certificate]:
    """All certificates in a source, in their order.

    Raises:
        InvalidInput: it cannot be read, or holds no certificate.
    """
    content = _content(option, source)
    x509 = _deps.load("cryptography.x509")
    try:
        if _PEM_MARK in content:
            found = x509.load_pem_x509_certificates(content)
        else:
            found = [x509.load_der_x509_certificate(content)]
    except ValueError:
        found = []
    if not found:
        raise InvalidInput(
            option,
            f"{_kind(content)} holds no certificate",
            "give an X.509 certificate in PEM or DER form (.pem, .crt, .cer)",
        )
    return [_certificate(option, one) for one in found]


def load_key(option: str, source: str, passphrase: str | None, passphrase_option: str) -> PrivateKey:
    """The private key in a source.

    Raises:
        InvalidInput: it cannot be read, holds no private key, or the passphrase does not fit.
    """
    content = _content(option, source)
    serialization = _deps.load("cryptography.hazmat.primitives.serialization")
    load = serialization.load_pem_private_key if _PEM_MARK in content else serialization.load_der_private_key
    encrypted = _is_encrypted(content)
    if encrypted and passphrase is None:
        raise InvalidInput(
            passphrase_option, "it is missing, and the private key is encrypted", "set it to the passphrase"
        )
    if not encrypted and passphrase is not None and _PEM_MARK in content:
        raise InvalidInput(passphrase_option, "it is set, and the private key is not encrypted", "leave it out")
    try:
        key = load(content, None if passphrase is None else passphrase.encode())
    except TypeError:
        # DER does not tell beforehand whether it is encrypted.
        if passphrase is None:
            problem, remedy = "it is missing, and the private key is encrypted", "set it to the passphrase"
        else:
            problem, remedy = "it is set, and the private key is not encrypted", "leave it out"
        raise InvalidInput(passphrase_option, problem, remedy) from None
    except _deps.load("cryptography.exceptions").UnsupportedAlgorithm:
        raise InvalidInput(option, "it is of a kind that cannot be read here", "give the key in PKCS#8 form") from None
    except ValueError:
        if encrypted or passphrase is not None:
            raise InvalidInput(
                passphrase_option, "it does not open the private key", "correct the passphrase"
            ) from None
        raise InvalidInput(
            option,
            f"{_kind(content)} holds no private key",
            "give a private key in PEM or DER form, PKCS#8 or traditional",
        ) from None
    formats = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    encoded = base64.b64encode(key.private_bytes(serialization.Encoding.DER, *formats)).decode("ascii")
    return PrivateKey(encoded=encoded, public_key=_public_bytes(key.public_key()))


def load_pair(
    certificate_option: str, certificate_source: str, key_option: str, key_source: str, passphrase: str | None
) -> Pair:
    """A certificate with its key. Of several certificates (a chain) it is the one that the key belongs to.

    Raises:
        InvalidInput: either cannot be read, they do not belong together, or the certificate is not valid today.
    """
    certificates = load_certificates(certificate_option, certificate_source)
    key = load_key(key_option, key_source, passphrase, f"{key_option}_passphrase")
    for certificate in certificates:
        if certificate.public_key == key.public_key:
            check_validity(certificate_option, certificate)
            return Pair(certificate, key)
    raise InvalidInput(
        key_option,
        f"it is not the key of the certificate in {certificate_option}",
        "give the private key that belongs to the certificate",
    )


def load_authorities(option: str, source: str) -> list[Certificate]:
    """The CA certificates in a source, each valid today.

    Raises:
        InvalidInput: it cannot be read, holds no certificate, an expired one, or a private key.
    """
    if b"PRIVATE KEY-----" in _content(option, source):
        raise InvalidInput(
            option, "it holds a private key", "give the CA's certificate alone; its private key must not leave the CA"
        )
    authorities = load_certificates(option, source)
    for authority in authorities:
        check_validity(option, authority)
    return authorities


def check_validity(option: str, certificate: Certificate, now: datetime.datetime | None = None) -> None:
    """Refuse a certificate that is not valid.

    Args:
        option: What it was given in.
        certificate: What was given.
        now: The time by the services' clocks. None before any has answered: then what has expired less than a day ago
            passes, as the control node's clock may be wrong; check it again when a service has answered.

    Raises:
        InvalidInput: it has expired, or is not valid yet.
    """
    earliest, latest = (now, now) if now else (_time.utc_now() - CLOCK_DOUBT, _time.utc_now() + CLOCK_DOUBT)
    if certificate.not_after <= earliest:
        raise InvalidInput(option, f"the certificate expired on {certificate.not_after:%Y-%m-%d}", "give a valid one")
    if certificate.not_before > latest:
        raise InvalidInput(
            option,
            f"the certificate is not valid before {certificate.not_before:%Y-%m-%d %H:%M} UTC",
            "give one that is valid, or check the clock of this host",
        )


def expires_soon(certificate: Certificate, now: datetime.datetime) -> bool:
    """Whether less than 30 days are left. ``now``: by the services' clocks."""
    return certificate.not_after - now < EXPIRES_SOON


def public_key_of(encoded_certificate: str) -> bytes | None:
    """The public key of a certificate that DSM returned; None when that is none."""
    x509 = _deps.load("cryptography.x509")
    try:
        content = base64.b64decode(encoded_certificate, validate=False)
        load = x509.load_pem_x509_certificate if _PEM_MARK in content else x509.load_der_x509_certificate
        return _public_bytes(load(content).public_key())
    except (binascii.Error, ValueError):
        return None


def _content(option: str, source: str) -> bytes:
    """What the source holds: PEM text itself, the file at a path, or DER from base64 text."""
    if _PEM_MARK.decode() in source:
        return source.encode()
    path = os.path.expanduser(source.strip())
    problem = ""
    if os.path.isfile(path):
        try:
            with open(path, "rb") as file:
                content = file.read(_LARGEST_FILE)
        except OSError as error:
            problem = f"the file cannot be read: {error.strerror}"
        else:
            if not content.startswith(_UTF16_MARKS):
                return content
            problem = "the file is in UTF-16, which Windows makes"
    if problem:
        raise InvalidInput(option, problem, "give a readable file in PEM or DER form, saved as plain ASCII or binary")
    try:
        decoded = base64.b64decode("".join(source.split()), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if decoded[:1] == b"\x30":
        return decoded
    raise InvalidInput(
        option, "it is neither PEM text nor an existing file", "give the path of the file, or its content"
    )


def _is_encrypted(content: bytes) -> bool:
    return b"ENCRYPTED" in content and _PEM_MARK in content


def _kind(content: bytes) -> str:
    return "it is PEM, but" if _PEM_MARK in content else "it is neither PEM nor DER, or"


def _certificate(option: str, found: Any) -> Certificate:
    serialization = _deps.load("cryptography.hazmat.primitives.serialization")
    rsa = _deps.load("cryptography.hazmat.primitives.asymmetric.rsa")
    der = found.public_bytes(serialization.Encoding.DER)
    try:
        public_key = found.public_key()
    except (ValueError, _deps.load("cryptography.exceptions").UnsupportedAlgorithm):
        public_key = None
    if public_key is None:
        raise InvalidInput(
            option, "the key in the certificate is of a kind that cannot be used", "give another certificate"
        )
    return Certificate(
        encoded=base64.b64encode(der).decode("ascii"),
        sha1=hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
        sha256=hashlib.sha256(der).hexdigest(),
        subject=found.subject.rfc4514_string(),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        public_key=_public_bytes(public_key),
        is_rsa=isinstance(public_key, rsa.RSAPublicKey),
    )


def _public_bytes(public_key: Any) -> bytes:
    serialization = _deps.load("cryptography.hazmat.primitives.serialization")
    encoded: bytes = public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded
