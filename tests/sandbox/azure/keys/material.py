# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public members of a new key's JWK, by its type."""

from __future__ import annotations

import secrets

from ...custody.public_keys import encoded, random_ec, random_rsa

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
