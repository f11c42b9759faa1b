# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access tokens: real RS256 JWTs, signed with a key per cloud, verified by the services that take them."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.types import Options

from ...clock import Clock
from ..clouds import Cloud
from .directory import Application

LIFETIME = 3599

# Times and audience are judged here, by the sandbox's clock; the library looks at the signature.
SIGNATURE_ONLY: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}


class TokenRefused(Exception):
    """Why a service does not accept a token: `missing`, `expired`, `audience`, `issuer` or `invalid`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Caller:
    """Who a token speaks for."""

    tenant_id: str
    client_id: str
    object_id: str
    name: str
    roles: frozenset[str] = frozenset()
    """Application permissions of the API that the token is for."""


@cache
def _signing_key(_cloud: str) -> rsa.RSAPrivateKey:
    """One for each cloud, for all sandboxes of a process: to generate it takes longer than their start."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@lru_cache(maxsize=256)
def _signed_claims(cloud: str, token: str) -> Mapping[str, Any]:
    """What a token says, once its signature fits. A client shows the same token with each of its requests."""
    return jwt.decode(token, _signing_key(cloud).public_key(), algorithms=["RS256"], options=SIGNATURE_ONLY)


class TokenService:
    """Signs and verifies the tokens of one cloud."""

    def __init__(self, cloud: Cloud, clock: Clock) -> None:
        self._cloud = cloud
        self._clock = clock

    @property
    def _key(self) -> rsa.RSAPrivateKey:
        return _signing_key(self._cloud.name)

    @cached_property
    def _key_id(self) -> str:
        spki = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.urlsafe_b64encode(hashlib.sha256(spki).digest()[:20]).rstrip(b"=").decode()

    def issue(self, application: Application, audience: str, roles: Iterable[str] = ()) -> str:
        """A token; `roles` are the application permissions that the audience knows."""
        now = int(self._clock.now())
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": self._cloud.issuer(application.tenant_id),
            "iat": now,
            "nbf": now - 300,
            "exp": now + LIFETIME,
            "appid": application.client_id,
            "app_displayname": application.name,
            "appidacr": "1",
            "idtyp": "app",
            "oid": application.service_principal_id,
            "sub": application.service_principal_id,
            "tid": application.tenant_id,
            "uti": uuid.uuid4().hex,
            "ver": "1.0",
        }
        if permissions := sorted(roles):
            claims["roles"] = permissions
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id, "x5t": self._key_id})

    def key_set(self) -> dict[str, Any]:
        """The public signing key as JWKS."""
        numbers = self._key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "kid": self._key_id,
            "x5t": self._key_id,
            "n": encode_number(numbers.n),
            "e": encode_number(numbers.e),
        }
        return {"keys": [key]}

    def verify(self, authorization: str, audiences: tuple[str, ...]) -> Caller:
        """The caller behind an `Authorization` header, by signature, audience, issuer and the sandbox's clock."""
        scheme, _separator, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenRefused("missing")
        try:
            claims = _signed_claims(self._cloud.name, token.strip())
        except jwt.PyJWTError as error:
            raise TokenRefused("invalid") from error
        if claims["aud"].rstrip("/") not in audiences:
            raise TokenRefused("audience")
        if claims["iss"] != self._cloud.issuer(claims["tid"]):
            raise TokenRefused("issuer")
        if claims["exp"] <= self._clock.now():
            raise TokenRefused("expired")
        roles = frozenset(claims.get("roles", ()))
        return Caller(claims["tid"], claims["appid"], claims["oid"], claims["app_displayname"], roles)


def encode_number(number: int) -> str:
    """A JWK's base64url form of an integer."""
    size = (number.bit_length() + 7) // 8
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).rstrip(b"=").decode()
