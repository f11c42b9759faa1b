# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The TLS options of guide 4.4, validated and applied to the settings of a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..._certificates import loading
from ..._certificates.loading import Certificate, Pair, PrivateKey
from ..._errors import InvalidInput
from ..._timestamps import day
from .tls import SAFE_SETTINGS, TlsSettings

NAMES = ("validate_host", "ca_certificates", "client_certificate", "client_key", "client_key_passphrase")


@dataclass(frozen=True)
class TlsOptions:
    """None: not set, so the stored value is kept. ``key`` alone is the key of the stored client certificate.

    ``expected``: a client certificate without its key, for comparison only.
    """

    prefix: str = field(default="", compare=False)
    validate_host: bool | None = None
    authorities: tuple[Certificate, ...] | None = None
    client: Pair | None = None
    remove_client: bool = False
    key: PrivateKey | None = field(default=None, repr=False)
    expected: Certificate | None = None

    @classmethod
    def from_params(cls, params: Mapping[str, Any] | None, prefix: str = "") -> TlsOptions:
        """From the options of :data:`NAMES`. ``prefix``: the prefix of their names in messages, such as ``tls.``.

        Raises:
            InvalidInput: a certificate or key that cannot be used.
        """
        given = {name: (params or {}).get(name) for name in NAMES}
        certificate, key, passphrase = (given[name] for name in NAMES[2:])
        if passphrase and key is None and not certificate:
            raise InvalidInput(f"{prefix}client_key_passphrase", "it is set without client_key", "set both or neither")
        if certificate == "" and key is not None:
            raise InvalidInput(
                f"{prefix}client_key",
                "it is set, but client_certificate is empty, which removes both",
                f"omit {prefix}client_key",
            )
        options = cls(
            prefix=prefix,
            validate_host=given["validate_host"],
            authorities=_authorities(f"{prefix}ca_certificates", given["ca_certificates"]),
            remove_client=certificate == "",
        )
        names = f"{prefix}client_certificate", f"{prefix}client_key"
        if certificate:
            return replace(options, client=loading.load_pair(names[0], certificate, names[1], key, passphrase))
        if key is not None:
            return replace(options, key=loading.load_key(names[1], key, passphrase, f"{names[1]}_passphrase"))
        return options

    def over(self, base: TlsSettings) -> TlsSettings:
        """The settings with these options applied. The result always has the mode ``required``."""
        if self.is_empty:
            return base
        settings = base
        if self.validate_host is not None:
            settings = replace(settings, validate_host=self.validate_host)
        if self.authorities is not None:
            settings = settings.with_pinned([authority.encoded for authority in self.authorities])
        certificate = self.client.certificate if self.client is not None else self.expected
        if certificate is not None:
            settings = settings.with_client(certificate.encoded)
        if self.remove_client:
            settings = settings.with_client(None)
        if settings == base and base.mode == "required":
            return base
        # TLS options make sense only if TLS is verified, so they also replace a weaker stored mode.
        return replace(settings, mode="required", ca=settings.ca or SAFE_SETTINGS.ca)

    @property
    def is_empty(self) -> bool:
        """Whether the options change no setting; a key alone changes none."""
        wanted = (self.validate_host, self.authorities, self.client, self.expected)
        return wanted == (None,) * len(wanted) and not self.remove_client

    def key_for(self, settings: TlsSettings) -> str | None:
        """The client key to send with these settings: base64 of PKCS#8 DER; None if there is none or none was set.

        Raises:
            InvalidInput: the key does not belong to the stored client certificate.
        """
        if self.client is not None:
            return self.client.key.encoded
        if self.key is None or settings.client_certificate is None:
            return None
        expected = loading.public_key_of(settings.client_certificate)
        if expected is not None and expected != self.key.public_key:
            raise InvalidInput(
                f"{self.prefix}client_key",
                "it is not the key of the client certificate that the link has",
                f"set the key of that certificate, or also set {self.prefix}client_certificate",
            )
        return self.key.encoded

    def check_expiry(self, warn: Callable[[str], None], now: datetime) -> None:
        """Refuse certificates that are not valid, and warn of those that expire within 30 days.

        ``now``: by the services' clocks.

        Raises:
            InvalidInput: a certificate has expired or is not valid yet.
        """
        given = [("ca_certificates", one) for one in self.authorities or ()]
        given += [("client_certificate", self.client.certificate)] if self.client else []
        for option, certificate in given:
            loading.check_validity(f"{self.prefix}{option}", certificate, now)
            if loading.expires_soon(certificate, now):
                warn(f"The TLS certificate {certificate.subject} expires on {day(certificate.not_after)}.")


NO_TLS_OPTIONS = TlsOptions()


def _authorities(option: str, sources: list[str] | None) -> tuple[Certificate, ...] | None:
    """None if the option is not set; an empty list selects the global root CAs."""
    if sources is None:
        return None
    found = {one.sha256: one for source in sources for one in loading.load_authorities(option, source)}
    return tuple(found.values())
