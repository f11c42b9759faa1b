# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network rules of vaults and pools. They guard the data plane only, never Resource Manager (Azure contract §1.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Literal


@dataclass
class Firewall:
    """Who may come near. Nobody in the sandbox is a trusted Microsoft service, so `bypass` helps nobody."""

    public_access: bool = True
    default_action: Literal["Allow", "Deny"] = "Allow"
    ip_rules: list[str] = field(default_factory=list)
    """Public IPv4 addresses and ranges in CIDR form."""
    virtual_network_rules: list[str] = field(default_factory=list)
    """Resource ids of subnets, in none of which the sandbox's parties are."""
    private_endpoints: int = 0
    """How many private endpoints are approved; the sandbox's parties come through none of them."""
    bypass: Literal["AzureServices", "None"] = "AzureServices"

    def refusal(self, address: str) -> str | None:
        """Key Vault's inner code for a caller from this public address, None if he may pass."""
        if not self.public_access:
            return "ForbiddenByConnection"
        known = any(ip_address(address) in ip_network(rule, strict=False) for rule in self.ip_rules)
        return None if known or self.default_action == "Allow" else "ForbiddenByFirewall"
