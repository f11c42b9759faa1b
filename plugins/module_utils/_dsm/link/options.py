# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The options ``azure_service``, ``link_*`` and ``tls`` of a task: read, checked, and applied to a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..._certificates import loading
from ..._certificates.loading import Pair
from ..._errors import InvalidInput
from ..._ids import checked_uuid
from ..._secrets import inputs
from ..._timestamps import day, iso
from .azure_link import Dialect, Link, LinkCredential, client_secret
from .tls_options import NO_TLS_OPTIONS, TlsOptions


@dataclass(frozen=True)
class LinkOptions:
    """The options ``azure_service`` and ``link_*`` of a task, validated. None: not set, so the stored value is kept.

    At most one of ``secret``, ``pair`` and ``made`` is set. ``made``: a credential that this collection created for the
    link, with its own record.
    """

    azure_service: str | None = None
    tenant_id: str | None = None
    client_id: str | None = None
    subscription_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    pair: Pair | None = None
    made: LinkCredential | None = field(default=None, repr=False)
    tls: TlsOptions = NO_TLS_OPTIONS
    legacy: bool | None = None
    pem: bool | None = None

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> LinkOptions:
        """From the module's parameters; those that the module does not have count as not set.

        Raises:
            InvalidInput: a value is not valid.
        """
        ids: dict[str, Any] = {
            name: checked_uuid(f"link_{name}", params[f"link_{name}"])
            for name in ("tenant_id", "client_id", "subscription_id")
            if params.get(f"link_{name}") is not None
        }
        secret = params.get("link_client_secret")
        legacy = params.get("link_format") == "legacy"
        if legacy and (params.get("link_certificate") is not None or params.get("azure_service") == "us_government"):
            raise InvalidInput(
                "link_format",
                "the legacy format supports neither certificates as credentials nor Azure for US Government",
                "use a newer DSM and the modern format, or a client secret and global Azure",
            )
        return cls(
            legacy=legacy if params.get("link_format") else None,
            pem=params["link_certificate_format"] == "pem" if params.get("link_certificate_format") else None,
            azure_service=params.get("azure_service"),
            secret=inputs.checked_client_secret("link_client_secret", secret) if secret is not None else None,
            pair=_checked_pair(params),
            tls=_tls_options(params),
            **ids,
        )

    @property
    def has_credential(self) -> bool:
        return self.secret is not None or self.pair is not None or self.made is not None

    def over(self, base: Link) -> Link:
        """The link with these options applied."""
        return replace(
            base,
            azure_service=self.azure_service or base.azure_service,
            tenant_id=self.tenant_id or base.tenant_id,
            client_id=self.client_id or base.client_id,
            subscription_id=self.subscription_id or base.subscription_id,
            tls=self.tls.over(base.tls),
            dialect=Dialect(
                legacy=base.dialect.legacy if self.legacy is None else self.legacy,
                pem=base.dialect.pem if self.pem is None else self.pem,
            ),
        )

    def credential_for(self, link: Link) -> LinkCredential | None:
        """The credential in the options, for this link's application, with the TLS key; None if there is none.

        Raises:
            InvalidInput: the TLS key does not belong to the link's TLS client certificate.
        """
        tls_key = self.tls.key_for(link.tls)
        if self.made is not None:
            return replace(self.made, tls_key=tls_key)
        if self.pair is not None:
            return replace(client_certificate(self.pair), tls_key=tls_key)
        if self.secret is not None:
            return replace(client_secret(link.tenant_id, link.client_id, self.secret), tls_key=tls_key)
        return None

    def check_expiry(self, warn: Callable[[str], None], now: datetime) -> None:
        """Refuse certificates that are not valid, and warn of those that expire within 30 days.

        ``now``: by the services' clocks.

        Raises:
            InvalidInput: a certificate has expired or is not valid yet.
        """
        self.tls.check_expiry(warn, now)
        if self.pair is None:
            return
        loading.check_validity("link_certificate", self.pair.certificate, now)
        if loading.expires_soon(self.pair.certificate, now):
            warn(f"The certificate of the link credential expires on {day(self.pair.certificate.not_after)}.")


def certificate_fact(sha256: str) -> str:
    """The record of a certificate: 160 bits, enough to distinguish them, and short enough for custom metadata."""
    return f"certificate:{sha256[:40]}"


def client_certificate(pair: Pair) -> LinkCredential:
    """The credential of a link that authenticates with a certificate."""
    return LinkCredential(
        auth_config={
            "mode": "token_auth_config",
            "client_cert": pair.certificate.encoded,
            "client_key": pair.key.encoded,
        },
        fact_of=lambda: certificate_fact(pair.certificate.sha256),
        expires=iso(pair.certificate.not_after),
    )


def _tls_options(params: Mapping[str, Any]) -> TlsOptions:
    """The ``tls`` option, or ``tls_client_key`` of modules that only send the key of a stored certificate again."""
    if params.get("tls_client_key") is not None or params.get("tls_client_key_passphrase") is not None:
        carried = {name: params.get(f"tls_{name}") for name in ("client_key", "client_key_passphrase")}
        return TlsOptions.from_params(carried, "tls_")
    return TlsOptions.from_params(params.get("tls"), "tls.")


def _checked_pair(params: Mapping[str, Any]) -> Pair | None:
    certificate, key, passphrase = (
        params.get(f"link_{name}") for name in ("certificate", "private_key", "private_key_passphrase")
    )
    if certificate is None:
        if key is None and not passphrase:
            return None
        if key is None:
            raise InvalidInput(
                "link_private_key_passphrase", "it is set without link_private_key", "set both or neither"
            )
        raise InvalidInput(
            "link_certificate",
            "it is missing, but link_private_key is set",
            "set both: a private key is used together with its certificate",
        )
    if params.get("link_client_secret") is not None:
        raise InvalidInput(
            "link_client_secret",
            "it is set together with link_certificate",
            "set one of them: a link has one credential",
        )
    pair = loading.load_pair("link_certificate", certificate, "link_private_key", key, passphrase)
    if not pair.certificate.is_rsa:
        raise InvalidInput(
            "link_certificate",
            "its key is not RSA, and Entra accepts only assertions that are signed with RSA",
            "create a certificate with an RSA key of at least 2048 bits and register it with the application",
        )
    return pair
