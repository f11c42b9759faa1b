# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw calls of the data plane of one simulated vault or managed HSM."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from .azure_callers import bearer

NOW = "2025-07-01"


class Store:
    """The data plane of a vault or pool, as the estate's application sees it."""

    def __init__(self, client: Any, estate: Any, name: str, uri: str, audience: str) -> None:
        self.estate, self.name, self.uri = estate, name, uri
        self._there = type(client)(client.pool, uri.rstrip("/"), bearer(client.pool, estate, f"https://{audience}"))

    def __call__(self, path: str, version: str = NOW) -> Any:
        return self.send("GET", path, version=version)

    def send(self, method: str, path: str, body: Any = None, version: str = NOW) -> Any:
        return self._there(method, f"{path}?api-version={version}", body)

    def do(self, deed: str, *args: Any, **members: Any) -> Any:
        """A deed of a stranger on the keys."""
        return self.estate.do(lambda azure: getattr(azure, deed)(self.name, *args, **members))

    def allow(self, *permissions: str) -> None:
        """Give the application these key permissions by access policy, and no others."""
        self.do("set_access_policy", self.estate.client_id, list(permissions))

    def change(self, **members: Any) -> None:
        """Set members of the store itself."""
        self.estate.do(lambda azure: vars(azure.store(self.name)).update(members))


def refusal(answer: Any) -> tuple[int, str, str | None]:
    """Status, code and inner code of a refusal."""
    error = answer.json["error"]
    return answer.status, error["code"], error.get("innererror", {}).get("code")


def private_jwk() -> dict[str, str]:
    """A real RSA key of 2048 bits with its private members, as a JWK (RFC 7518 §6.3)."""
    numbers = rsa.generate_private_key(65537, 2048).private_numbers()
    found = {
        "n": numbers.public_numbers.n,
        "e": numbers.public_numbers.e,
        "d": numbers.d,
        "p": numbers.p,
        "q": numbers.q,
        "dp": numbers.dmp1,
        "dq": numbers.dmq1,
        "qi": numbers.iqmp,
    }
    return {"kty": "RSA", **{name: _base64url(value) for name, value in found.items()}}


def _base64url(value: int) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
