# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys that compute nothing: each its own, and at no cost. As a JWK (Azure), and as SubjectPublicKeyInfo (DSM).

A key pair of 4096 bits takes up to a second to generate. Nobody signs or decrypts with the keys of the sandbox, so an
RSA modulus is a random odd number of the right size: it parses, compares and hashes as a real one does.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "P-256K": ec.SECP256K1(),
}
DSM_CURVES = {"P-256": "NistP256", "P-384": "NistP384", "P-521": "NistP521", "P-256K": "SecP256K1"}
"""Azure's name of a curve -> DSM's; the same for operations."""
AZURE_CURVES = {dsm: azure for azure, dsm in DSM_CURVES.items()}
DSM_OPERATIONS = {
    "sign": "SIGN",
    "verify": "VERIFY",
    "encrypt": "ENCRYPT",
    "decrypt": "DECRYPT",
    "wrapKey": "WRAPKEY",
    "unwrapKey": "UNWRAPKEY",
}
_EXPONENT = 65537


def random_rsa(size: int) -> dict[str, str]:
    modulus = secrets.randbits(size) | 1 << size - 1 | 1
    return {"n": _number(modulus), "e": _number(_EXPONENT)}


def random_ec(curve: str) -> dict[str, str]:
    return _point(ec.generate_private_key(CURVES[curve]).public_key())


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def public_number(text: str) -> int:
    """The integer behind a JWK's base64url member."""
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def spki_of(jwk: Mapping[str, Any]) -> str:
    """DSM's `pub_key`: base64 of SubjectPublicKeyInfo."""
    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    if "n" in jwk:
        public = rsa.RSAPublicNumbers(public_number(jwk["e"]), public_number(jwk["n"])).public_key()
    else:
        x, y = public_number(jwk["x"]), public_number(jwk["y"])
        public = ec.EllipticCurvePublicNumbers(x, y, CURVES[jwk["crv"]]).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def in_dsms_terms(jwk: Mapping[str, Any], operations: Iterable[str]) -> dict[str, Any]:
    """The members with which DSM describes a public key of Azure and what may be done with it."""
    is_rsa = "n" in jwk
    return {
        "obj_type": "RSA" if is_rsa else "EC",
        "key_size": public_number(jwk["n"]).bit_length() if is_rsa else None,
        "elliptic_curve": None if is_rsa else DSM_CURVES[jwk["crv"]],
        "key_ops": [DSM_OPERATIONS[name] for name in operations if name in DSM_OPERATIONS],
        "pub_key": spki_of(jwk),
    }


def jwk_of(spki: str) -> dict[str, str]:
    """The public members of the JWK of a `pub_key`."""
    public = load_der_public_key(base64.b64decode(spki))
    assert isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    return jwk_of_public(public)


def jwk_of_public(public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> dict[str, str]:
    if isinstance(public, ec.EllipticCurvePublicKey):
        return _point(public)
    numbers = public.public_numbers()
    return {"n": _number(numbers.n), "e": _number(numbers.e)}


def _point(public: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """Coordinates have the width of the field, leading zeros included (RFC 7518 §6.2.1.2)."""
    numbers, width = public.public_numbers(), (public.curve.key_size + 7) // 8
    name = next(name for name, curve in CURVES.items() if curve.name == public.curve.name)
    return {
        "crv": name,
        "x": encoded(numbers.x.to_bytes(width, "big")),
        "y": encoded(numbers.y.to_bytes(width, "big")),
    }


def _number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))
