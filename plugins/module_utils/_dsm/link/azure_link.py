# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The Azure link of a group: read, compare, build, redact. No I/O.

DSM calls the link an ``hmg`` of kind AzureKeyVault (DSM contract §2.5 to §2.9). Two rules shape this module: a link
that is sent replaces the stored one completely, and its credential is write-only. So an edit starts from the stored
link, changes what the options set, and sends the credential again.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..._errors import InvalidInput, quoted
from ..._names import name_key, path_key
from ..._rest.private_link import refuse_private_name
from ..wire.kinds import KIND, LEGACY_KIND
from .fingerprints import fingerprint
from .tls import SAFE_SETTINGS, TlsSettings, blob, is_pem

# azure_service (guide 4.3, "Choose Service") -> the endpoints that DSM uses; the only two sets that it accepts.
ENDPOINTS: Mapping[str, Mapping[str, str]] = {
    "global": {
        "management": "management.azure.com",
        "key_vault": "vault.azure.net",
        "key_vault_managed_hsm": "managedhsm.azure.net",
        "iam": "login.microsoftonline.com",
    },
    "us_government": {
        "management": "management.usgovcloudapi.net",
        "key_vault": "vault.usgovcloudapi.net",
        "key_vault_managed_hsm": "managedhsm.usgovcloudapi.net",
        "iam": "login.microsoftonline.us",
    },
}
# DSM's key_vault_type <-> ours
VAULT_TYPES: Mapping[str, str] = {"STANDARD": "standard", "PREMIUM": "premium", "MANAGED": "managed_hsm"}
_DSM_VAULT_TYPES = {ours: theirs for theirs, ours in VAULT_TYPES.items()}

_KNOWN = frozenset(
    {
        "kind",
        "tls",
        "url",
        "endpoints",
        "tenant_id",
        "client_id",
        "subscription_id",
        "auth_config",
        "secret_key",
        "key_vault_type",
    }
)
_AUTH_MODES = {"client_secret": "client_secret", "token_auth_config": "certificate"}


@dataclass(frozen=True)
class LinkCredential:
    """The credential with which DSM authenticates to Azure, and what may be disclosed about it.

    ``fact_of``: returns the fact, which distinguishes credentials without revealing them. ``expires``: a date (UTC),
    None if unknown. ``tls_key``, the key of the TLS client certificate, is sent with it: a link that is sent contains
    all its secrets.
    """

    auth_config: Mapping[str, str] = field(repr=False)
    # Called only if needed: computing the fact of a client secret takes longer than most tasks.
    fact_of: Callable[[], str] = field(repr=False, compare=False)
    expires: str | None = None
    tls_key: str | None = field(default=None, repr=False)

    @property
    def fact(self) -> str:
        return self.fact_of()

    @property
    def auth_mode(self) -> str | None:
        return _AUTH_MODES.get(self.auth_config["mode"])


@dataclass(frozen=True)
class Dialect:
    """The formats that the server supports (DSM contract §7, Q1, Q2, Q4).

    ``legacy``: a DSM that knows neither ``auth_config`` nor ``endpoints``. ``pem``: certificates and keys are base64 of
    PEM instead of DER.
    """

    legacy: bool = False
    pem: bool = False


MODERN = Dialect()


@dataclass(frozen=True)
class Link:
    """A link in normal form: lower-case UUIDs, one spelling of each value. ``stored``: the original, if any."""

    azure_service: str
    tenant_id: str
    client_id: str
    subscription_id: str
    # None: DSM does not report it, or there is no credential yet.
    auth_mode: str | None = "client_secret"
    vault_uri: str = ""
    vault_type: str | None = None
    tls: TlsSettings = SAFE_SETTINGS
    hmg_id: str | None = None
    dialect: Dialect = field(default=MODERN, compare=False)
    stored: Mapping[str, Any] | None = field(default=None, repr=False)

    @classmethod
    def from_stored(cls, hmg_id: str, stored: Mapping[str, Any]) -> Link:
        auth = stored.get("auth_config") or {}
        tls = TlsSettings.from_stored(stored.get("tls"))
        blobs = (auth.get("client_cert"), tls.client_certificate, *tls.pinned)
        legacy = stored.get("secret_key") is not None and not auth
        return cls(
            azure_service=azure_service_of(stored.get("endpoints")),
            tenant_id=name_key(stored.get("tenant_id")),
            client_id=name_key(stored.get("client_id")),
            subscription_id=name_key(stored.get("subscription_id")),
            auth_mode="client_secret" if legacy else _AUTH_MODES.get(str(auth.get("mode"))),
            vault_uri=normal_uri(str(stored.get("url") or "")),
            vault_type=vault_type_of(stored.get("key_vault_type")),
            tls=tls,
            hmg_id=hmg_id,
            dialect=Dialect(legacy=legacy, pem=any(map(is_pem, blobs))),
            stored=stored,
        )

    def build(self, credential: LinkCredential) -> dict[str, Any]:
        """The complete configuration to send, with secrets. Unknown fields of the stored link are kept."""
        kept = {name: value for name, value in (self.stored or {}).items() if value is not None}
        for name in ("secret_key", "auth_config", "key_vault_type", "tls"):
            kept.pop(name, None)
        if azure_service_of(kept.get("endpoints")) != self.azure_service or self.azure_service == "us_government":
            # Without endpoints, DSM uses global Azure, on updates too (DSM contract §2.5).
            kept["endpoints"] = dict(ENDPOINTS[self.azure_service])
        config = {
            **kept,
            "kind": LEGACY_KIND if self.dialect.legacy else kept.get("kind", KIND),
            "tls": (self.tls if self.tls.mode else SAFE_SETTINGS).block(credential.tls_key, pem=self.dialect.pem),
            "url": self.vault_uri,
            "tenant_id": self.tenant_id,
            "client_id": self.client_id,
            "subscription_id": self.subscription_id,
        }
        if self.dialect.legacy and "client_secret" in credential.auth_config:
            config["secret_key"] = credential.auth_config["client_secret"]
        else:
            config["auth_config"] = {
                name: blob(value, name, pem=self.dialect.pem) for name, value in credential.auth_config.items()
            }
        if self.vault_type is not None:
            config["key_vault_type"] = _DSM_VAULT_TYPES.get(self.vault_type, self.vault_type.upper())
        return config

    @property
    def foreign(self) -> dict[str, Any]:
        """The stored members that this collection does not know, by dotted name. They are sent again unchanged."""
        own = {name: value for name, value in (self.stored or {}).items() if name not in _KNOWN and value is not None}
        return {**own, **{f"tls.{name}": value for name, value in self.tls.foreign.items()}}

    def same_as(self, other: Link) -> bool:
        """Whether both are equal, apart from the credential."""
        return replace(self, stored=None, hmg_id=None) == replace(other, stored=None, hmg_id=None)

    def moves_from(self, old: Link) -> list[str]:
        """The fields in which this link points to other keys than ``old``. Choosing the first vault is not a move."""
        places = {
            "Azure service": (old.azure_service, self.azure_service),
            "tenant": (old.tenant_id, self.tenant_id),
            "subscription": (old.subscription_id, self.subscription_id),
            "vault": (old.vault_uri, self.vault_uri),
            "vault type": (old.vault_type or "", self.vault_type or ""),
        }
        return [name for name, (before, after) in places.items() if before and before != after]


# The base of a link that is not stored yet.
NEW_LINK = Link(azure_service="global", tenant_id="", client_id="", subscription_id="", auth_mode=None)


def azure_service_of(endpoints: Mapping[str, str] | None) -> str:
    """``global``, ``us_government``, or ``unknown`` for other endpoints."""
    if not endpoints:
        return "global"
    names = {key: name_key(value).rstrip(".") for key, value in endpoints.items() if value}
    return next((service for service, known in ENDPOINTS.items() if names == known), "unknown")


def vault_type_of(stored: Any) -> str | None:
    """Our name of a ``key_vault_type``; a value of a newer DSM is returned in lower case."""
    return VAULT_TYPES.get(str(stored).upper(), str(stored).lower()) if stored else None


def normal_uri(uri: str) -> str:
    """A vault URI in lower case with one trailing slash; empty stays empty."""
    return f"{path_key(uri)}/" if uri.strip() else ""


def vault_name_of(uri: str) -> str | None:
    """The vault's name: the first label of the URI's host."""
    return _host_of(uri).partition(".")[0] or None


def _host_of(uri: str) -> str:
    try:
        return urllib.parse.urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def shown_address(uri: str) -> str:
    """The stored URI of a vault as a report may show it: scheme, host and port only."""
    try:
        parts = urllib.parse.urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host:
        return "no address"
    return f"{parts.scheme}://{host}/" if port is None else f"{parts.scheme}://{host}:{port}/"


def is_vault_name(name: str) -> bool:
    """Whether Azure accepts this as the name of a vault or a Managed HSM (Azure contract §1.2, VaultNameNotValid)."""
    return re.fullmatch(r"[a-z][a-z0-9-]{2,23}", name, re.IGNORECASE) is not None


def checked_vault_uri(option: str, value: str, azure_service: str) -> str:
    """The normal form of a vault URI that belongs to this Azure service.

    Raises:
        InvalidInput: it is not a vault URI, or belongs to another cloud.
    """
    refuse_private_name(option, value)
    uri = normal_uri(value)
    host = _host_of(uri)
    label, _dot, domain = host.partition(".")
    if uri != f"https://{host}/" or not is_vault_name(label):
        raise InvalidInput(
            option, f"{quoted(value)} is not a vault URI", "set it to a URI like https://my-vault.vault.azure.net/"
        )
    if azure_service in ENDPOINTS:
        known = ENDPOINTS[azure_service]
        allowed = (known["key_vault"], known["key_vault_managed_hsm"])
        if domain not in allowed:
            raise InvalidInput(
                option,
                f"{quoted(value)} does not belong to azure_service {azure_service}",
                f"correct it or azure_service; hosts there end in {' or '.join('.' + suffix for suffix in allowed)}",
            )
    return uri


def client_secret(tenant_id: str, client_id: str, secret: str) -> LinkCredential:
    """The credential of a link that authenticates with a client secret."""
    return LinkCredential(
        auth_config={"mode": "client_secret", "client_secret": secret},
        fact_of=lambda: f"client-secret:{fingerprint(tenant_id, client_id, secret)}",
    )
