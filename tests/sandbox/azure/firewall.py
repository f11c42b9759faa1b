# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network rules of vaults and pools. They guard the data plane only, never Resource Manager (Azure contract §1.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Literal


@dataclass(frozen=True)
class Refusal:
    """What keeps a caller out: Key Vault's inner code, if the text has one, and the text."""

    code: str | None
    reason: str


@dataclass
class Firewall:
    """Who may come near. Nobody in the sandbox is a trusted Microsoft service, so `bypass` helps nobody.

    A network security perimeter in the mode Enforced overrides the other rules, and so does
    `publicNetworkAccess: SecuredByPerimeter`; in the mode Learning it only adds to what they let in
    (learn.microsoft.com, "Network security for Azure Key Vault" and "What is a network security perimeter?").
    """

    public_access: bool = True
    default_action: Literal["Allow", "Deny"] = "Allow"
    ip_rules: list[str] = field(default_factory=list)
    """Public IPv4 addresses and ranges in CIDR form."""
    virtual_network_rules: list[str] = field(default_factory=list)
    """Resource ids of subnets, in none of which the sandbox's parties are."""
    private_endpoints: int = 0
    """How many private endpoints are approved; the sandbox's parties come through none of them."""
    bypass: Literal["AzureServices", "None"] = "AzureServices"
    secured_by_perimeter: bool = False
    """`publicNetworkAccess` is SecuredByPerimeter, with or without a perimeter."""
    perimeter: Literal["Learning", "Enforced"] | None = None
    perimeter_rules: list[str] = field(default_factory=list)
    """The inbound rules of the perimeter, as ranges in CIDR form."""

    def refusal(self, address: str) -> Refusal | None:
        """Why a caller from this public address is kept out, None if he may pass."""
        if self.perimeter is not None and _within(address, self.perimeter_rules):
            return None
        seen_as = f"\r\nClient address: {address}"
        if self.secured_by_perimeter or self.perimeter == "Enforced":
            return Refusal(None, f"{_BY_PERIMETER}{seen_as}")
        if not self.public_access:
            return Refusal("ForbiddenByConnection", _NO_PUBLIC_ACCESS)
        if self.default_action == "Allow" or _within(address, self.ip_rules):
            return None
        reason = _UNKNOWN_ADDRESS if self.bypass == "AzureServices" else _NO_BYPASS
        return Refusal("ForbiddenByFirewall", f"{reason}{seen_as}")


def _within(address: str, rules: list[str]) -> bool:
    return any(ip_address(address) in ip_network(rule, strict=False) for rule in rules)


# The parts of these texts are separated by line breaks.
_UNKNOWN_ADDRESS = "Client address is not authorized and caller is not a trusted service."
_BY_PERIMETER = (
    "Request was not allowed by NSP rules and the client address is not authorized and caller is not a trusted service."
)
_NO_BYPASS = "Client address is not authorized and caller was ignored because bypass is set to None"
_NO_PUBLIC_ACCESS = (
    "Public network access is disabled and request is not from a trusted service nor via an approved private link."
)
