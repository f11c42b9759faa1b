# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The TLS part of a link, as data (DSM contract §2.8, guide 4.4). No I/O."""

from __future__ import annotations

import base64
import binascii
import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What a link is created with: the server's certificate and its name are always verified.
SAFE_DEFAULT: Mapping[str, Any] = {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots"}}


@dataclass(frozen=True)
class TlsSettings:
    """How DSM makes TLS connections for a link. Certificates are told by the SHA-256 of their DER form."""

    mode: str
    validate_host: bool
    ca: str | None
    ca_sha256: tuple[str, ...] = ()
    client_certificate_sha256: str | None = None

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any] | None) -> TlsSettings:
        stored = stored or {}
        ca = stored.get("ca") or {}
        pinned = ca.get("pinned") or []
        certificate = stored.get("client_cert")
        return cls(
            mode=str(stored.get("mode", "")).lower(),
            validate_host=bool(stored.get("validate_hostname")),
            ca="custom" if pinned else str(ca["ca_set"]) if ca.get("ca_set") else None,
            ca_sha256=tuple(sorted(sha256_of(entry) for entry in pinned)),
            client_certificate_sha256=sha256_of(certificate) if certificate else None,
        )

    def weaknesses(self) -> list[str]:
        """What is less safe than it could be, in words for a warning."""
        if self.mode != "required":
            return [f"TLS mode is {self.mode or 'not set'}, so DSM may talk to Azure without verified encryption"]
        if not self.validate_host:
            return ["host validation is off, so any certificate of a trusted CA passes for Azure's"]
        return []

    def record(self) -> dict[str, Any]:
        return {
            "mode": self.mode or None,
            "validate_host": self.validate_host,
            "ca": self.ca,
            "ca_sha256": list(self.ca_sha256),
            "client_certificate_sha256": self.client_certificate_sha256,
        }


SAFE_SETTINGS = TlsSettings(mode="required", validate_host=True, ca="global_roots")


def sha256_of(encoded: str) -> str:
    """SHA-256 (hex) of a certificate that DSM holds as base64 of DER or of PEM (DSM contract §2.7)."""
    try:
        content = base64.b64decode(encoded, validate=False)
        if content.startswith(b"-----BEGIN"):
            content = ssl.PEM_cert_to_DER_cert(content.decode("ascii").strip())
    except (binascii.Error, ValueError):
        content = encoded.encode()
    return hashlib.sha256(content).hexdigest()
