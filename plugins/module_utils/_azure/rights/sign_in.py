# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What keeps an application from logging in. Pure.

Registration and service principal are disabled apart (Azure contract, T36). Each has a switch of the tenant's and one
of Microsoft's. Not each cloud's Graph knows `isDisabled`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .facts import PRINCIPAL, REGISTRATION

LABELS = {REGISTRATION: "registration", PRINCIPAL: "service principal"}
_NOT_DISABLED = (None, "", "NotDisabled")


def disabled_of(registration: Mapping[str, Any] | None, principal: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What keeps the application from logging in (Azure contract, T36), in words; empty when nothing read does."""
    found = []
    if (principal or {}).get("accountEnabled") is False:
        found.append("the service principal is disabled (accountEnabled)")
    for place, body in ((REGISTRATION, registration), (PRINCIPAL, principal)):
        if (body or {}).get("isDisabled") is True:
            found.append(f"the {LABELS[place]} is deactivated (isDisabled)")
        status = (body or {}).get("disabledByMicrosoftStatus")
        if status not in _NOT_DISABLED:
            found.append(f"Microsoft has disabled the {LABELS[place]} (disabledByMicrosoftStatus: {status})")
    return tuple(found)


def how_to_enable(disabled: Iterable[str]) -> str:
    """The next step for each thing that keeps an application from logging in."""
    steps = {
        "accountEnabled": "enable the service principal in Entra (Enterprise applications, Properties)",
        "isDisabled": "activate the registration in Entra (App registrations)",
        "disabledByMicrosoftStatus": "ask Microsoft support why the application is disabled; nobody in the tenant can "
        "enable it",
    }
    told = [step for member, step in steps.items() if any(member in one for one in disabled)]
    return "; ".join(told) or "have it enabled in Entra"
