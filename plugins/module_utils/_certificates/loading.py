# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads and checks certificates and private keys of the user, and converts them to the form that is sent.

A source is a path or a text, in any format of :mod:`.formats`. Problems are reported before any request, with the name
of the option. DSM accepts base64 of DER, keys as PKCS#8 (DSM contract §2.7).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime
import hashlib
import os
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import _deps, _time
from .._errors import InvalidInput
from .._secrets.secrets import holds_private_key
from .._timestamps import day
from . import formats

EXPIRES_SOON = datetime.timedelta(days=30)
# Tolerance for the control node's clock: by it alone, only what clearly expired is rejected.
CLOCK_DOUBT = datetime.timedelta(days=1)
_PEM_MARK = b"-----BEGIN"
# A longer value cannot be opened in any file system that control nodes use.
_LONGEST_PATH = 4095


@dataclass(frozen=True)
class Certificate:
    """An X.509 certificate. ``encoded``: base64 of DER. ``sha1``, ``sha256``: of the DER form, hex. Times are UTC.

    ``sha1`` is the thumbprint in Entra, in upper case.
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


def load_certificates(
    option: str, source: str, passphrase: str | None = None, passphrase_option: str | None = None
) -> list[Certificate]:
    """All certificates in a source, in their order. The passphrase opens PKCS#12.

    Raises:
        InvalidInput: it cannot be read, or contains no certificate.
    """
    found = formats.certificates_in(formats.read(option, source), passphrase or None, passphrase_option)
    return [_certificate(option, one) for one in found]


def load_certificate(
    option: str, source: str, passphrase: str | None = None, passphrase_option: str | None = None
) -> Certificate:
    """The certificate of a source: alone, with its key, or at the end of a chain in any order.

    Raises:
        InvalidInput: it cannot be read, contains no certificate, or several that are not a chain.
    """
    passphrase = passphrase or None
    read = formats.read(option, source)
    found = formats.certificates_in(read, passphrase, passphrase_option)
    own: list[Any] = []
    if read.holds_key(passphrase, passphrase_option):
        # A key that cannot be decrypted is not needed: the chain shows the same.
        with contextlib.suppress(InvalidInput):
            key = _private_key(formats.key_in(read, passphrase, passphrase_option))
            own = [one for one in found if _public_key_of(one) == key.public_key][:1]
    own = own or _ends_of_chains(found)
    if len(own) == 1:
        return _certificate(option, own[0])
    raise InvalidInput(
        option,
        f"its {len(found)} certificates do not form one chain",
        "set one certificate, alone or with the CA certificates that issued it",
    )


def load_key(option: str, source: str, passphrase: str | None, passphrase_option: str) -> PrivateKey:
    """The private key in a source. An empty passphrase counts as none.

    Raises:
        InvalidInput: it cannot be read, contains no private key, or the passphrase is wrong.
    """
    return _private_key(formats.key_in(formats.read(option, source), passphrase or None, passphrase_option))


def load_pair(
    certificate_option: str,
    certificate_source: str,
    key_option: str,
    key_source: str | None,
    passphrase: str | None,
) -> Pair:
    """A certificate with its key. In a chain, the certificate to which the key belongs.

    ``key_source``: None when the key is in the source of the certificate.

    Raises:
        InvalidInput: either cannot be read, they do not belong together, or the certificate is not valid today.
    """
    passphrase, passphrase_option = passphrase or None, f"{key_option}_passphrase"
    pair, _others = load_chain(
        certificate_option, certificate_source, key_option, key_source, passphrase, passphrase_option
    )
    check_validity(certificate_option, pair.certificate)
    return pair


def load_chain(
    certificate_option: str,
    certificate_source: str,
    key_option: str,
    key_source: str | None,
    passphrase: str | None,
    passphrase_option: str | None,
) -> tuple[Pair, list[Certificate]]:
    """As :func:`load_pair`, valid or not, with the other certificates, each followed by its issuer.

    ``passphrase_option``: None when there is no such option.

    Raises:
        InvalidInput: either cannot be read, or they do not belong together.
    """
    read = formats.read(certificate_option, certificate_source)
    found = formats.certificates_in(read, passphrase, passphrase_option)
    if key_source is not None:
        read = formats.read(key_option, key_source)
    elif not read.holds_key(passphrase, passphrase_option):
        raise InvalidInput(
            key_option,
            f"it is missing, and {certificate_option} contains no private key",
            "set it, or set both certificate and key in one file or text",
        )
    key = _private_key(formats.key_in(read, passphrase, passphrase_option))
    own = next((one for one in found if _public_key_of(one) == key.public_key), None)
    if own is None:
        raise InvalidInput(
            key_option,
            f"it is not the key of the certificate in {certificate_option}",
            "set the private key that belongs to the certificate",
        )
    others = [_certificate(certificate_option, one) for one in _issuers_of(own, found)]
    return Pair(_certificate(certificate_option, own), key), others


def load_authorities(option: str, source: str) -> list[Certificate]:
    """The CA certificates in a source, each valid today.

    Raises:
        InvalidInput: it cannot be read, or contains no certificate, an expired one, or a private key.
    """
    if formats.read(option, source).holds_key(None, None):
        raise InvalidInput(
            option,
            "it contains a private key",
            "set only the certificate of the CA; its private key must not leave the CA",
        )
    authorities = load_certificates(option, source)
    for authority in authorities:
        check_validity(option, authority)
    return authorities


def is_text(source: str) -> bool:
    """Whether a source is the content itself, not a path."""
    return formats.is_content(source)


def is_path(source: str) -> bool:
    """Whether a source is certainly a path. Anything else may be a secret, also a damaged or truncated one."""
    if is_text(source) or "\n" in source or len(source) > _LONGEST_PATH:
        return False
    return source.startswith(("/", "./", "../", "~")) or os.path.exists(source)


def shown(source: str) -> str:
    """A source for a message: the path, or nothing of anything else."""
    if is_path(source):
        return repr(source)
    return "the text" if is_text(source) else "the value"


def public_part(option: str, source: str, passphrase: str | None = None) -> str:
    """A source without its private key: PEM of its certificates if it contains one, otherwise unchanged.

    Raises:
        InvalidInput: it contains a key, and its certificates cannot be read.
    """
    if not holds_private_key(source):
        return source
    found = load_certificates(option, source, passphrase)
    return "".join(ssl.DER_cert_to_PEM_cert(base64.b64decode(one.encoded)) for one in found)


def pem_of(pair: Pair, others: Iterable[Certificate] = ()) -> tuple[str, str]:
    """Certificate and key in PEM, the certificate followed by others; the key is not encrypted."""
    chain = (pair.certificate, *others)
    certificates = "".join(ssl.DER_cert_to_PEM_cert(base64.b64decode(one.encoded)) for one in chain)
    lines = "\n".join(pair.key.encoded[start : start + 64] for start in range(0, len(pair.key.encoded), 64))
    return certificates, f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n"


def check_validity(option: str, certificate: Certificate, now: datetime.datetime | None = None) -> None:
    """Reject a certificate that is not valid.

    Args:
        option: Its option.
        certificate: The certificate.
        now: The time by the services' clocks. None before any has answered: then a certificate that expired less than
            a day ago passes, as the control node's clock may be wrong; check it again when a service has answered.

    Raises:
        InvalidInput: it has expired, or is not valid yet.
    """
    earliest, latest = (now, now) if now else (_time.utc_now() - CLOCK_DOUBT, _time.utc_now() + CLOCK_DOUBT)
    if certificate.not_after <= earliest:
        raise InvalidInput(option, f"the certificate expired on {day(certificate.not_after)}", "set a valid one")
    if certificate.not_before > latest:
        raise InvalidInput(
            option,
            f"the certificate is not valid before {certificate.not_before:%Y-%m-%d %H:%M} UTC",
            "set a valid one, or check the clock of this host",
        )


def expires_soon(certificate: Certificate, now: datetime.datetime) -> bool:
    """Whether less than 30 days are left. ``now``: by the services' clocks."""
    return certificate.not_after - now < EXPIRES_SOON


def public_key_of(encoded_certificate: str) -> bytes | None:
    """The public key of a certificate that DSM returned; None if it is not a certificate."""
    x509 = _deps.load("cryptography.x509")
    try:
        content = base64.b64decode(encoded_certificate, validate=False)
        load = x509.load_pem_x509_certificate if _PEM_MARK in content else x509.load_der_x509_certificate
        return _public_bytes(load(content).public_key())
    except (binascii.Error, ValueError):
        return None


def _ends_of_chains(found: Sequence[Any]) -> list[Any]:
    """The certificates that did not issue any of the others, each once."""
    distinct = list(dict.fromkeys(found))
    return [one for one in distinct if not any(other != one and other.issuer == one.subject for other in distinct)]


def _issuers_of(own: Any, found: Sequence[Any]) -> list[Any]:
    """The chain of a certificate without itself, as far as it is available."""
    chain = [own]
    left = [one for one in dict.fromkeys(found) if one != own]
    while issuer := next((one for one in left if one.subject == chain[-1].issuer), None):
        chain.append(issuer)
        left.remove(issuer)
    return chain[1:]


def _private_key(key: Any) -> PrivateKey:
    serialization = _deps.load("cryptography.hazmat.primitives.serialization")
    formats = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    encoded = base64.b64encode(key.private_bytes(serialization.Encoding.DER, *formats)).decode("ascii")
    return PrivateKey(encoded=encoded, public_key=_public_bytes(key.public_key()))


def _public_key_of(certificate: Any) -> bytes | None:
    try:
        return _public_bytes(certificate.public_key())
    except (ValueError, _deps.load("cryptography.exceptions").UnsupportedAlgorithm):
        return None


def _certificate(option: str, found: Any) -> Certificate:
    serialization = _deps.load("cryptography.hazmat.primitives.serialization")
    rsa = _deps.load("cryptography.hazmat.primitives.asymmetric.rsa")
    der = found.public_bytes(serialization.Encoding.DER)
    public_bytes = _public_key_of(found)
    if public_bytes is None:
        raise InvalidInput(option, "the key type of the certificate is not supported", "set another certificate")
    return Certificate(
        encoded=base64.b64encode(der).decode("ascii"),
        sha1=hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
        sha256=hashlib.sha256(der).hexdigest(),
        subject=found.subject.rfc4514_string(),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        public_key=public_bytes,
        is_rsa=isinstance(found.public_key(), rsa.RSAPublicKey),
    )


def _public_bytes(public_key: Any) -> bytes:
    serialization = _deps.load("cryptography.hazmat.primitives.serialization")
    encoded: bytes = public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded
