# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What prevents an application from authenticating. Pure.

Registration and service principal are disabled separately (Azure contract, T36). The tenant and Microsoft can each
disable both. `isDisabled` does not exist in the Graph of every cloud.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .facts import PRINCIPAL, REGISTRATION

LABELS = {REGISTRATION: "registration", PRINCIPAL: "service principal"}
_NOT_DISABLED = (None, "", "NotDisabled")


def disabled_of(registration: Mapping[str, Any] | None, principal: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What prevents the application from authenticating (Azure contract, T36); empty if nothing was found."""
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
    """The next step for each reason that prevents an application from authenticating."""
    steps = {
        "accountEnabled": "enable the service principal in Entra (Enterprise applications, Properties)",
        "isDisabled": "activate the registration in Entra (App registrations)",
        "disabledByMicrosoftStatus": "ask Microsoft support why the application is disabled; only Microsoft can enable "
        "it",
    }
    needed = [step for member, step in steps.items() if any(member in one for one in disabled)]
    return "; ".join(needed) or "enable the application in Entra"
