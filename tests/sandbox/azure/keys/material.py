# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public members of a new key's JWK, by its type."""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ...custody.public_keys import encoded, jwk_of_public, random_ec, random_rsa

_LATTICE, _LATTICE_BYTES = "ML-DSA-65", 1952
"""A public key of that scheme has so many bytes (FIPS 204, table 2)."""


def public_material(kty: str, size: int, curve: str) -> dict[str, str]:
    """A symmetric key has no public members."""
    kind = kty.removesuffix("-HSM")
    if kind == "RSA":
        return random_rsa(size)
    if kind == "EC":
        return random_ec(curve)
    if kind == "AKP":
        return {"alg": _LATTICE, "pub": encoded(secrets.token_bytes(_LATTICE_BYTES))}
    return {}


def exchange_pair(size: int) -> tuple[dict[str, str], bytes]:
    """A key that really unwraps: its public members, and its private half in PKCS #8."""
    pair = rsa.generate_private_key(65537, size)
    return jwk_of_public(pair.public_key()), pair.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
