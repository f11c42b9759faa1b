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
from dataclasses import dataclass, field, replace
from typing import Any

GLOBAL_ROOTS = "global_roots"
_LABELS = {"client_cert": "CERTIFICATE", "pinned": "CERTIFICATE", "client_key": "PRIVATE KEY"}
_PEM_IN_BASE64 = "LS0tLS1CRUdJTi"
_BODIES = ("ca_certificates", "client_certificate")
_KNOWN = frozenset({"mode", "validate_hostname", "ca", "client_cert", "client_key"})


@dataclass(frozen=True)
class TlsSettings:
    """The TLS settings of a link. Certificates are compared by the SHA-256 of their DER form.

    ``pinned`` and ``client_certificate`` are base64 of DER or PEM, as stored or as sent. If only the SHA-256 of a
    client certificate is known, DSM holds the certificate and does not return it.
    """

    mode: str
    validate_host: bool
    ca: str | None
    ca_sha256: tuple[str, ...] = ()
    client_certificate_sha256: str | None = None
    pinned: tuple[str, ...] = field(default=(), repr=False, compare=False)
    client_certificate: str | None = field(default=None, repr=False, compare=False)
    foreign: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any] | None) -> TlsSettings:
        stored = stored or {}
        ca = stored.get("ca") or {}
        settings = cls(
            mode=str(stored.get("mode") or "").lower(),
            validate_host=bool(stored.get("validate_hostname")),
            ca=str(ca["ca_set"]) if ca.get("ca_set") else None,
            foreign={name: value for name, value in stored.items() if name not in _KNOWN},
        )
        settings = settings.with_pinned(ca["pinned"]) if ca.get("pinned") else settings
        return settings.with_client(stored["client_cert"]) if stored.get("client_cert") else settings

    def with_pinned(self, pinned: list[str] | tuple[str, ...]) -> TlsSettings:
        """The settings with these CAs instead; with the global root CAs if the list is empty."""
        fingerprints = tuple(sorted({sha256_of(entry) for entry in pinned}))
        return replace(self, ca="custom" if pinned else GLOBAL_ROOTS, pinned=tuple(pinned), ca_sha256=fingerprints)

    def with_client(self, certificate: str | None) -> TlsSettings:
        """The settings with this client certificate instead; None for none."""
        fingerprint = sha256_of(certificate) if certificate else None
        return replace(self, client_certificate=certificate, client_certificate_sha256=fingerprint)

    def block(self, client_key: str | None, *, pem: bool = False) -> dict[str, Any]:
        """What is sent.

        Args:
            client_key: base64 of PKCS#8 DER, required if there is a client certificate.
            pem: for a server that expects certificates and keys as PEM.
        """
        block: dict[str, Any] = {**self.foreign, "mode": self.mode}
        if self.mode != "required":
            return block
        block["validate_hostname"] = self.validate_host
        pinned = [blob(entry, "pinned", pem=pem) for entry in self.pinned]
        block["ca"] = {"pinned": pinned} if pinned else {"ca_set": self.ca or GLOBAL_ROOTS}
        if self.client_certificate is not None:
            block["client_cert"] = blob(self.client_certificate, "client_cert", pem=pem)
            if client_key is not None:
                block["client_key"] = blob(client_key, "client_key", pem=pem)
        return block

    def weaknesses(self) -> list[str]:
        """The insecure settings, as texts for a warning."""
        if self.mode != "required":
            return [f"TLS mode is {self.mode or 'not set'}, so DSM may connect to Azure without verified TLS"]
        if not self.validate_host:
            return ["host validation is off, so DSM accepts any certificate of a trusted CA as Azure's"]
        return []

    def record(self) -> dict[str, Any]:
        return {
            "mode": self.mode or None,
            "validate_host": self.validate_host,
            "ca": self.ca,
            "ca_sha256": list(self.ca_sha256),
            "client_certificate_sha256": self.client_certificate_sha256,
            "ca_certificates": [pem_of(entry) for entry in self.pinned],
            "client_certificate": pem_of(self.client_certificate) if self.client_certificate else None,
        }

    def view(self) -> dict[str, Any]:
        """The record with the SHA-256 of the certificates, without the certificates themselves."""
        return {name: value for name, value in self.record().items() if name not in _BODIES}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> TlsSettings:
        """The settings that a record shows, complete except for the key of the client certificate."""
        settings = cls(str(record["mode"] or ""), bool(record["validate_host"]), record["ca"])
        pinned = [_encoded(pem) for pem in record["ca_certificates"]]
        settings = settings.with_pinned(pinned) if pinned else settings
        certificate = record["client_certificate"]
        return settings.with_client(_encoded(certificate)) if certificate else settings


# The settings of a new link: the server's certificate and its name are always verified.
SAFE_SETTINGS = TlsSettings(mode="required", validate_host=True, ca=GLOBAL_ROOTS)


def sha256_of(encoded: str) -> str:
    """SHA-256 (hex) of a certificate that DSM holds as base64 of DER or of PEM (DSM contract §2.7)."""
    return hashlib.sha256(_der(encoded)).hexdigest()


def blob(encoded: str, name: str, *, pem: bool) -> str:
    """A certificate or key in the form that is sent: base64 of DER or of PEM. Other texts are passed on."""
    if not pem or name not in _LABELS or is_pem(encoded):
        return encoded
    lines = [encoded[start : start + 64] for start in range(0, len(encoded), 64)]
    text = "\n".join((f"-----BEGIN {_LABELS[name]}-----", *lines, f"-----END {_LABELS[name]}-----", ""))
    return base64.b64encode(text.encode("ascii")).decode("ascii")


def is_pem(encoded: str | None) -> bool:
    """Whether this is base64 of PEM."""
    return bool(encoded) and str(encoded).startswith(_PEM_IN_BASE64)


def pem_of(encoded: str) -> str:
    """The PEM form of such a certificate."""
    return ssl.DER_cert_to_PEM_cert(_der(encoded))


def _der(encoded: str) -> bytes:
    try:
        content = base64.b64decode(encoded, validate=False)
        if content.startswith(b"-----BEGIN"):
            content = ssl.PEM_cert_to_DER_cert(content.decode("ascii").strip())
    except (binascii.Error, ValueError):
        # Not as the contract describes. It can still be compared and shown as it is.
        content = encoded.encode()
    return content


def _encoded(pem: str) -> str:
    return base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode("ascii")
