# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""App management policies: what a tenant forbids for credentials of its applications (Azure contract §2 T37)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from cryptography import x509

Kind = Literal["passwordAddition", "passwordLifetime", "asymmetricKeyLifetime", "trustedCertificateAuthority"]
Refusal = Literal["type", "lifetime"]
"""What is wrong with a credential: that there is one of its kind at all, or how long it would be valid."""
_OF_SECRETS = ("passwordAddition", "passwordLifetime")


@dataclass(frozen=True)
class Restriction:
    """One restriction. `days`: the longest lifetime, of the kinds that have one."""

    kind: Kind
    days: int | None = None
    created_after: datetime | None = None
    """Applications that are older are spared."""
    enabled: bool = True

    def holds_for(self, created: datetime) -> bool:
        return self.enabled and (self.created_after is None or created >= self.created_after)

    def as_json(self) -> dict[str, Any]:
        return {
            "restrictionType": self.kind,
            "maxLifetime": None if self.days is None else f"P{self.days}D",
            "restrictForAppsCreatedAfterDateTime": self.created_after and self.created_after.isoformat(),
            "state": "enabled" if self.enabled else "disabled",
        }


@dataclass(frozen=True)
class AppPolicy:
    policy_id: str
    enabled: bool
    restrictions: tuple[Restriction, ...] = ()

    def refuses_secret(self, created: datetime, lifetime: timedelta) -> Refusal | None:
        """What speaks against a new secret for an application of that age."""
        return self._refusal(created, lifetime, "passwordAddition", "passwordLifetime")

    def refuses_certificate(self, created: datetime, certificate: x509.Certificate) -> Refusal | None:
        """The same of a certificate. No authority is trusted here, so that each certificate is a stranger's."""
        lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        return self._refusal(created, lifetime, "trustedCertificateAuthority", "asymmetricKeyLifetime")

    def _refusal(self, created: datetime, lifetime: timedelta, never: Kind, for_so_long: Kind) -> Refusal | None:
        in_force = [one for one in self.restrictions if self.enabled and one.holds_for(created)]
        if any(one.kind == never for one in in_force):
            return "type"
        longest = [one.days for one in in_force if one.kind == for_so_long and one.days is not None]
        return "lifetime" if any(lifetime > timedelta(days=days) for days in longest) else None

    def as_default_json(self) -> dict[str, Any]:
        """As the policy of the tenant."""
        none: dict[str, list[Any]] = {"passwordCredentials": [], "keyCredentials": []}
        return {
            "id": self.policy_id,
            "displayName": "Default app management tenant policy",
            "isEnabled": self.enabled,
            "applicationRestrictions": self._restrictions_json(),
            "servicePrincipalRestrictions": none,
        }

    def as_own_json(self) -> dict[str, Any]:
        """As the policy of one application."""
        return {
            "id": self.policy_id,
            "displayName": "Policy of one application",
            "isEnabled": self.enabled,
            "restrictions": self._restrictions_json(),
        }

    def _restrictions_json(self) -> dict[str, Any]:
        return {
            "passwordCredentials": [one.as_json() for one in self.restrictions if one.kind in _OF_SECRETS],
            "keyCredentials": [one.as_json() for one in self.restrictions if one.kind not in _OF_SECRETS],
        }


NOTHING_RESTRICTED = AppPolicy("00000000-0000-0000-0000-000000000000", False)
