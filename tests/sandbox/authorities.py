# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throw-away certificate authorities and the TLS contexts of the simulated servers."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Literal

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

_KEY = trustme.KeyType.ECDSA


class Authorities:
    """The roots of the world: the "global root", which signs Azure's certificates, and the one that signs DSM's own.

    A client of the sandbox trusts both. The simulated DSM trusts the global root only, as its `global_roots`. The
    enterprise's root signs its TLS fronts, its client root the certificates that those may demand; nobody knows them.
    """

    def __init__(self) -> None:
        self.global_root = trustme.CA(organization_name="Sandbox Global Root", key_type=_KEY)
        self.dsm_root = trustme.CA(organization_name="Sandbox DSM Root", key_type=_KEY)
        self.enterprise_root = trustme.CA(organization_name="Sandbox Enterprise Root", key_type=_KEY)
        self.enterprise_client_root = trustme.CA(organization_name="Sandbox Enterprise Clients", key_type=_KEY)
        self.enterprise_client: Pair = issued(self.enterprise_client_root, "dsm.enterprise.example")
        self.stranger: Pair = issued(self.dsm_root, "dsm.elsewhere.example")
        self._azure: dict[str, ssl.SSLContext] = {}
        self._certificates: dict[str, trustme.LeafCert] = {}

    def global_roots_pem(self) -> str:
        return str(self.global_root.cert_pem.bytes().decode("ascii"))

    def azure_context(self, name: str) -> ssl.SSLContext:
        """Nobody changes it, so that all sandboxes use the same one."""
        if name not in self._azure:
            self._azure[name] = server_context(self.global_root, name)
        return self._azure[name]

    def dsm_context(self, name: str) -> ssl.SSLContext:
        """DSM asks for a client certificate and does without one: apps may log in with theirs.

        The ssl module offers no way to take an unknown certificate and judge it later. So the context trusts exactly
        the certificates that DSM has been told of, each as an anchor of its own (hence the partial chain: a certificate
        issued by some CA counts without that CA). A stranger's certificate fails in the handshake.
        """
        if name not in self._certificates:
            self._certificates[name] = self.dsm_root.issue_cert(name, key_type=_KEY)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._certificates[name].configure_cert(context)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    def write_bundle(self, path: Path) -> None:
        """Write the CA file that clients of the sandbox are to trust."""
        path.write_bytes(self.global_root.cert_pem.bytes() + self.dsm_root.cert_pem.bytes())


@cache
def authorities() -> Authorities:
    """Those of all sandboxes of a process: to make them, and certificates, takes longer than all else of a start."""
    return Authorities()


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, PEM."""

    certificate_pem: str
    key_pem: str

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate_pem.encode())

    def encrypted_key_pem(self, passphrase: str) -> str:
        """The key as PKCS#8 under a passphrase."""
        key = serialization.load_pem_private_key(self.key_pem.encode(), None)
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
        form = serialization.PrivateFormat.PKCS8
        return key.private_bytes(serialization.Encoding.PEM, form, encryption).decode()


def issued(authority: trustme.CA, name: str) -> Pair:
    """A certificate of an authority with its key."""
    made = authority.issue_cert(name, key_type=_KEY)
    return Pair(made.cert_chain_pems[0].bytes().decode(), made.private_key_pem.bytes().decode())


# To generate an RSA key takes longer than all else of a certificate. A process has a few, in turn: neighbours differ.
_RSA_KEYS = 8
_turns = count()


@cache
def _rsa_key(_turn: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def self_signed(common_name: str, days: float = 365, algorithm: Literal["ec", "rsa"] = "ec") -> Pair:
    """A self-signed certificate, as DSM's apps (either algorithm) and Entra's applications (RSA only) use them."""
    key = _rsa_key(next(_turns) % _RSA_KEYS) if algorithm == "rsa" else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=60))
    certificate = builder.not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(serialization.Encoding.PEM, form, plain).decode(),
    )


def server_context(authority: trustme.CA, *names: str, expired: bool = False) -> ssl.SSLContext:
    """A server's TLS context with a fresh certificate for the names (wildcards allowed)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ends = datetime.now(UTC) - timedelta(days=1) if expired else None
    authority.issue_cert(*names, key_type=_KEY, not_after=ends).configure_cert(context)
    return context


def write_privately(path: Path, text: str) -> None:
    """For files with a secret: nobody else may read them, not even between creation and chmod."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
