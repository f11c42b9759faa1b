# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public material of keys that compute nothing: each its own, and at no cost.

A key pair of 4096 bits takes up to a second to generate. Nobody signs or decrypts with the keys of the sandbox, so an
RSA modulus is a random odd number of the right size: it parses, compares and hashes as a real one does.
"""

from __future__ import annotations

import base64
import secrets

from cryptography.hazmat.primitives.asymmetric import ec

from ..entra.tokens import encode_number

CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "P-256K": ec.SECP256K1(),
}
_SIGNATURE_SIZES = {"ML-DSA-44": 1312, "ML-DSA-65": 1952, "ML-DSA-87": 2592}
"""Bytes of a public key of a lattice scheme (FIPS 204, table 2)."""


def public_material(kty: str, size: int, curve: str) -> dict[str, str]:
    """The public members of a new key's JWK. A symmetric key has none."""
    kind = kty.removesuffix("-HSM")
    if kind == "RSA":
        return {"n": encode_number(random_modulus(size)), "e": encode_number(65537)}
    if kind == "EC":
        return _point(curve)
    if kind == "AKP":
        return {"alg": "ML-DSA-65", "pub": _encoded(secrets.token_bytes(_SIGNATURE_SIZES["ML-DSA-65"]))}
    return {}


def random_modulus(size: int) -> int:
    """An odd number of exactly this many bits."""
    return secrets.randbits(size) | 1 << size - 1 | 1


def _point(curve: str) -> dict[str, str]:
    numbers = ec.generate_private_key(CURVES[curve]).public_key().public_numbers()
    size = (CURVES[curve].key_size + 7) // 8
    return {"crv": curve, "x": _fixed(numbers.x, size), "y": _fixed(numbers.y, size)}


def _fixed(number: int, size: int) -> str:
    """Coordinates have the width of the field, leading zeros included (RFC 7518 §6.2.1.2)."""
    return _encoded(number.to_bytes(size, "big"))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
