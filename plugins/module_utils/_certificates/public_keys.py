# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Digests of public keys, which are equal for the same key on both planes.

The digest is SHA-256 of the SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7), in lower-case hexadecimal:
``openssl pkey -pubin -in key.pem -outform DER | sha256sum``. DSM returns this structure, Azure the numbers in it
(RFC 7518 §6.2 and RFC 7518 §6.3). One library writes it for both: another encoding of the same key is no difference.
"""

from __future__ import annotations

import hashlib
from typing import Any

from .. import _deps

_PRIMITIVES = "cryptography.hazmat.primitives"
# Azure's names of curves (RFC 7518 §6.2.1.1, RFC 8812 §3.1; Key Vault writes P-256K for secp256k1), and the library's.
_CURVES = {
    "P-256": "SECP256R1",
    "P-384": "SECP384R1",
    "P-521": "SECP521R1",
    "P-256K": "SECP256K1",
    "SECP256K1": "SECP256K1",
}


def sha256_of_der(der: bytes) -> str | None:
    """The digest of a SubjectPublicKeyInfo; None if it is none that the library can read."""
    try:
        key = _deps.load(f"{_PRIMITIVES}.serialization").load_der_public_key(der)
    except (ValueError, TypeError, _deps.load("cryptography.exceptions").UnsupportedAlgorithm):
        return None
    return _digest(key)


def sha256_of_rsa(modulus: int, exponent: int) -> str | None:
    """The digest of an RSA key; None if the numbers are not those of one."""
    try:
        key = _deps.load(f"{_PRIMITIVES}.asymmetric.rsa").RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        return None
    return _digest(key)


def sha256_of_ec(curve: str, x: int, y: int) -> str | None:
    """The digest of an EC key; None if the curve is not known, or the point is not on it."""
    ec = _deps.load(f"{_PRIMITIVES}.asymmetric.ec")
    name = _CURVES.get(curve.upper())
    if name is None:
        return None
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, getattr(ec, name)()).public_key()
    except ValueError:
        return None
    return _digest(key)


def _digest(key: Any) -> str:
    forms = _deps.load(f"{_PRIMITIVES}.serialization")
    der = key.public_bytes(forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()
