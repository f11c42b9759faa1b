# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throw-away certificate authorities and the TLS contexts of the simulated servers."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

_KEY = trustme.KeyType.ECDSA


class Authorities:
    """Two roots: the world's "global root", which signs Azure's certificates, and the one that signs DSM's own.

    A client of the sandbox trusts both. The simulated DSM trusts the global root only, as its `global_roots`.
    """

    def __init__(self) -> None:
        self.global_root = trustme.CA(organization_name="Sandbox Global Root", key_type=_KEY)
        self.dsm_root = trustme.CA(organization_name="Sandbox DSM Root", key_type=_KEY)

    def global_roots_pem(self) -> str:
        return str(self.global_root.cert_pem.bytes().decode("ascii"))

    def azure_context(self, *names: str) -> ssl.SSLContext:
        return server_context(self.global_root, *names)

    def dsm_context(self, *names: str) -> ssl.SSLContext:
        return server_context(self.dsm_root, *names)

    def write_bundle(self, path: Path) -> None:
        """Write the CA file that clients of the sandbox are to trust."""
        path.write_bytes(self.global_root.cert_pem.bytes() + self.dsm_root.cert_pem.bytes())


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """A server's TLS context with a fresh certificate for the names (wildcards allowed)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, key_type=_KEY).configure_cert(context)
    return context
