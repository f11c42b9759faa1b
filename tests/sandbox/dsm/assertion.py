# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client assertion that DSM signs where the link's credential is a certificate (Q38)."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from .errors import bad_request
from .external_kms import certificate_of, key_of

_LIFETIME = 600


def client_assertion(auth: Mapping[str, Any], client_id: str, audience: str, now: float) -> str:
    """A PS256 assertion with the certificate's SHA-256 thumbprint, the form that Microsoft documents."""
    certificate = certificate_of(auth["client_cert"], "auth_config.client_cert")
    key = key_of(auth["client_key"], "auth_config.client_key")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise bad_request("auth_config.client_key: Microsoft Entra ID takes RSA keys only")
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
    claims = {
        "aud": audience,
        "iss": client_id,
        "sub": client_id,
        "jti": str(uuid.uuid4()),
        "nbf": int(now),
        "exp": int(now) + _LIFETIME,
    }
    return jwt.encode(claims, key, algorithm="PS256", headers={"x5t#S256": thumbprint})
