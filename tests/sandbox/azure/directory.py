# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants, applications and their credentials: the directory behind Entra ID."""

from __future__ import annotations

import secrets
import string
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes

_LETTERS = string.ascii_letters + string.digits
_TWO_YEARS = timedelta(days=730)


@dataclass
class ClientSecret:
    key_id: str
    value: str
    expires: datetime

    @property
    def hint(self) -> str:
        return self.value[:3]


@dataclass
class RegisteredCertificate:
    key_id: str
    certificate: x509.Certificate

    @property
    def sha1(self) -> bytes:
        return self.certificate.fingerprint(hashes.SHA1())

    @property
    def sha256(self) -> bytes:
        return self.certificate.fingerprint(hashes.SHA256())


@dataclass
class Application:
    """An app registration together with its service principal in the home tenant."""

    client_id: str
    object_id: str
    service_principal_id: str
    tenant_id: str
    name: str
    enabled: bool = True
    secrets: list[ClientSecret] = field(default_factory=list)
    certificates: list[RegisteredCertificate] = field(default_factory=list)


@dataclass
class Directory:
    """All tenants of one cloud."""

    tenants: dict[str, str] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)

    def application(self, tenant_id: str, client_id: str) -> Application | None:
        found = self.applications.get(client_id.lower())
        return found if found and found.tenant_id == tenant_id.lower() else None


def new_application(tenant_id: str, name: str) -> Application:
    client_id, object_id, principal_id = (str(uuid.uuid4()) for _index in range(3))
    return Application(client_id, object_id, principal_id, tenant_id, name)


def new_secret(now: datetime, expires: datetime | None = None) -> ClientSecret:
    """A client secret of the look of Entra's: forty characters, the fourth a digit and the fifth `Q~`."""
    head = "".join(secrets.choice(_LETTERS) for _index in range(3)) + secrets.choice("78") + "Q~"
    tail = "".join(secrets.choice(_LETTERS + "._-~") for _index in range(34))
    return ClientSecret(str(uuid.uuid4()), head + tail, expires or now + _TWO_YEARS)
