# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""App management policies: which credentials a tenant forbids its applications (Azure contract §2 T37). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..._certificates.loading import Certificate
from ..._timestamps import parse_iso

# Days, weeks, months and years of an ISO 8601 duration. Months and years count with their shortest length.
_NUMBER = r"(\d{1,12})"
_DURATION = re.compile(r"P(?:#Y)?(?:#M)?(?:#W)?(?:#D)?(?:T(?:#H)?(?:#M)?(?:#S)?)?".replace("#", _NUMBER))
_DAYS = (365, 28, 7, 1)


@dataclass(frozen=True)
class Violation:
    """Why a policy would reject a credential. ``restriction``: as Graph names it. ``longest``: in days, if set."""

    restriction: str
    credential: str
    longest: int | None = None

    @property
    def problem(self) -> str:
        if self.longest is None:
            return f"an app management policy of the tenant forbids {self.credential} ({self.restriction})"
        return (
            f"an app management policy of the tenant does not allow {self.credential} that is valid for more than "
            f"{self.longest} days ({self.restriction})"
        )


def violation(
    restrictions: Mapping[str, Any],
    created: datetime,
    certificates: Sequence[tuple[timedelta, bool]],
    secret: timedelta | None,
) -> Violation | None:
    """The first restriction that forbids a new credential; None if no known one does.

    Args:
        restrictions: ``passwordCredentials`` and ``keyCredentials`` of a policy that is switched on.
        created: When the application was created; now for one that does not exist yet.
        certificates: For each, its lifetime and whether it is self-signed (which no trusted authority issues).
        secret: Lifetime of a new secret; None if none is requested.
    """
    if secret is not None:
        for kind, longest in _in_force(restrictions.get("passwordCredentials"), created):
            if kind == "passwordAddition":
                return Violation(kind, "client secrets")
            if kind == "passwordLifetime" and longest is not None and secret > longest:
                return Violation(kind, "a client secret", longest.days)
    for kind, longest in _in_force(restrictions.get("keyCredentials"), created):
        if kind == "trustedCertificateAuthority" and any(self_signed for _lifetime, self_signed in certificates):
            return Violation(kind, "self-signed certificates")
        if kind == "asymmetricKeyLifetime" and longest and any(lifetime > longest for lifetime, _own in certificates):
            return Violation(kind, "a certificate", longest.days)
    return None


def lifetime_of(certificate: Certificate) -> timedelta:
    return certificate.not_after - certificate.not_before


def _in_force(entries: Any, created: datetime) -> Iterator[tuple[str, timedelta | None]]:
    """Kind and longest lifetime of the restrictions that apply to an application of that age."""
    for entry in entries or []:
        since = parse_iso(entry.get("restrictForAppsCreatedAfterDateTime"))
        if entry.get("state") != "disabled" and (since is None or created >= since):
            yield str(entry.get("restrictionType")), _duration(entry.get("maxLifetime"))


def _duration(text: Any) -> timedelta | None:
    found = _DURATION.fullmatch(str(text or ""))
    if found is None:
        return None
    numbers = [int(number or 0) for number in found.groups()]
    days = sum(number * days for number, days in zip(numbers[:4], _DAYS, strict=True))
    hours, minutes, seconds = numbers[4:]
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return timedelta.max
