# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One certificate with its key in each form in which a user may have them, as the content of a file."""

from __future__ import annotations

import base64
from collections.abc import Callable
from enum import Enum
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from sandbox.authorities import Pair, self_signed

DER = serialization.Encoding.DER
PKCS8, PLAIN = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
PASSPHRASE = "open sesame"
LOCKED = serialization.BestAvailableEncryption(PASSPHRASE.encode())
AUTHORITY = self_signed("authority")


def issued(name: str) -> Pair:
    """A pair with an RSA key, whose certificate AUTHORITY has issued."""
    asked = self_signed(name, algorithm="rsa")
    one = asked.certificate
    builder = x509.CertificateBuilder().subject_name(one.subject).issuer_name(AUTHORITY.certificate.subject)
    builder = builder.public_key(one.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(one.not_valid_before_utc).not_valid_after(one.not_valid_after_utc)
    certificate = builder.sign(_key(AUTHORITY), hashes.SHA256())
    return Pair(certificate.public_bytes(serialization.Encoding.PEM).decode(), asked.key_pem)


def _key(pair: Pair) -> Any:
    return serialization.load_pem_private_key(pair.key_pem.encode(), None)


def _combined(pair: Pair) -> bytes:
    return (pair.certificate_pem + pair.key_pem).encode()


def _packed(pair: Pair, encryption: Any = PLAIN) -> bytes:
    chain = [AUTHORITY.certificate]
    return pkcs12.serialize_key_and_certificates(b"one", _key(pair), pair.certificate, chain, encryption)


class Form(Enum):
    """The name of each form, and what makes it of a pair."""

    PEM = "combined PEM"
    KEY_FIRST = "combined PEM, key first"
    DER = "certificate in DER"
    DER_KEY = "key in DER"
    PACKED = "PKCS#12"
    PACKED_BASE64 = "base64 of PKCS#12"
    PACKED_LOCKED = "PKCS#12 with a passphrase"
    COMBINED_BASE64 = "base64 of PEM"
    WRITTEN_OUT = "line breaks written out"
    WINDOWS = "CRLF and BOM"
    ONE_LINE = "line breaks lost"
    CHAIN = "chain"
    CHAIN_REVERSED = "chain, authority first"
    LOCKED = "encrypted key"
    OLDER_LABEL = "older label"

    def of(self, pair: Pair) -> bytes:
        return _MAKERS[self](pair)


_MAKERS: dict[Form, Callable[[Pair], bytes]] = {
    Form.PEM: _combined,
    Form.KEY_FIRST: lambda pair: (pair.key_pem + pair.certificate_pem).encode(),
    Form.DER: lambda pair: pair.certificate.public_bytes(DER),
    Form.DER_KEY: lambda pair: _key(pair).private_bytes(DER, PKCS8, PLAIN),
    Form.PACKED: _packed,
    Form.PACKED_BASE64: lambda pair: base64.b64encode(_packed(pair)),
    Form.PACKED_LOCKED: lambda pair: _packed(pair, LOCKED),
    Form.COMBINED_BASE64: lambda pair: base64.encodebytes(_combined(pair)),
    Form.WRITTEN_OUT: lambda pair: _combined(pair).replace(b"\n", b"\\n"),
    Form.WINDOWS: lambda pair: b"\xef\xbb\xbf" + _combined(pair).replace(b"\n", b"\r\n"),
    Form.ONE_LINE: lambda pair: _combined(pair).replace(b"\n", b" "),
    Form.CHAIN: lambda pair: _combined(pair) + AUTHORITY.certificate_pem.encode(),
    Form.CHAIN_REVERSED: lambda pair: AUTHORITY.certificate_pem.encode() + _combined(pair),
    Form.LOCKED: lambda pair: (pair.certificate_pem + pair.encrypted_key_pem(PASSPHRASE)).encode(),
    Form.OLDER_LABEL: lambda pair: _combined(pair).replace(b" CERTIFICATE", b" X509 CERTIFICATE"),
}
