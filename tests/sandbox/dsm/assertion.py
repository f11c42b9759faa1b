# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client assertion that DSM signs where the link's credential is a certificate (Q38)."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from .blobs import certificate_of, key_of
from .errors import bad_request

_LIFETIME = 600


def client_assertion(
    auth: Mapping[str, Any], client_id: str, audience: str, now: float, algorithm: Literal["PS256", "RS256"]
) -> str:
    """PS256 with the certificate's SHA-256 thumbprint, as Microsoft documents it, or the older RS256 with SHA-1."""
    certificate = certificate_of(auth["client_cert"], "auth_config.client_cert")
    key = key_of(auth["client_key"], "auth_config.client_key")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise bad_request("auth_config.client_key: Microsoft Entra ID takes RSA keys only")
    header, digest = ("x5t#S256", hashes.SHA256()) if algorithm == "PS256" else ("x5t", hashes.SHA1())
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(digest)).rstrip(b"=").decode()
    claims = {
        "aud": audience,
        "iss": client_id,
        "sub": client_id,
        "jti": str(uuid.uuid4()),
        "nbf": int(now),
        "exp": int(now) + _LIFETIME,
    }
    return jwt.encode(claims, key, algorithm=algorithm, headers={header: thumbprint})
