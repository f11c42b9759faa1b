# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Whether the firewall of a vault allows requests from DSM for keys (Azure contract §1.5, T24). Pure.

The firewall does not cover Resource Manager: listing vaults can work although every request for keys is rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from .facts import Firewall

ALLOWED, BLOCKED, UNKNOWN = "allowed", "blocked", "unknown"

_BY_PERIMETER = "The rules of a network security perimeter decide, and this check does not evaluate them."
# RFC 1918 and RFC 4193. Not `is_private`, which also includes blocks for documentation and for carriers.
_INTERNAL = tuple(ip_network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))


@dataclass(frozen=True)
class AddressReach:
    """How the firewall treats one address or block of DSM. ``verdict``: allowed | blocked | unknown."""

    address: str
    verdict: str
    reason: str

    def as_result(self) -> dict[str, Any]:
        return {"address": self.address, "verdict": self.verdict, "reason": self.reason}


@dataclass(frozen=True)
class Reach:
    """The worst result of all addresses: one blocked address is enough to make a sync fail intermittently."""

    verdict: str
    reason: str
    addresses: tuple[AddressReach, ...] = ()

    def as_result(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "addresses": [one.as_result() for one in self.addresses],
        }


def reachable(firewall: Firewall, addresses: Sequence[str]) -> Reach:
    """Evaluate the addresses from which DSM connects: IPv4 or IPv6, single or as CIDR blocks."""
    if not addresses:
        return _without_addresses(firewall)
    judged = tuple(AddressReach(address, *_judge(firewall, address)) for address in addresses)
    for verdict in (BLOCKED, UNKNOWN):
        for one in judged:
            if one.verdict == verdict:
                return Reach(verdict, f"{one.address}: {one.reason}", judged)
    return Reach(ALLOWED, "The vault's firewall allows every address of DSM.", judged)


def _without_addresses(firewall: Firewall) -> Reach:
    """A vault that is open to all networks needs no addresses to compare."""
    if firewall.has_perimeter:
        return Reach(UNKNOWN, _BY_PERIMETER)
    if not firewall.public_access or not firewall.default_allow:
        return Reach(UNKNOWN, "The vault restricts network access, and the addresses of DSM were not specified.")
    return Reach(ALLOWED, "The vault's firewall is open to all networks.")


def _judge(firewall: Firewall, address: str) -> tuple[str, str]:
    source = _network(address)
    if source is None:
        return UNKNOWN, "This is neither an IP address nor a CIDR block."
    if firewall.has_perimeter:
        return UNKNOWN, _BY_PERIMETER
    internal = any(source.version == block.version and _within(source, block) for block in _INTERNAL)
    if internal and firewall.private_endpoints and not (firewall.public_access and firewall.default_allow):
        return UNKNOWN, "This internal address might use a private endpoint, which this check cannot determine."
    if not firewall.public_access:
        return BLOCKED, "Public network access is disabled. Only private endpoints can connect."
    if firewall.default_allow:
        return ALLOWED, "The vault's firewall is open to all networks."
    if source.version == 6:
        return BLOCKED, "The vault's firewall denies by default, and its rules support only IPv4 addresses."
    if internal and firewall.subnet_rules:
        return UNKNOWN, "This internal address might be in an allowed subnet, which this check cannot determine."
    rules = [rule for rule in map(_network, firewall.ip_rules) if isinstance(rule, IPv4Network)]
    if any(_within(source, rule) for rule in collapse_addresses(rules)):
        return ALLOWED, "An IP rule of the vault's firewall allows this address."
    if any(source.overlaps(rule) for rule in rules):
        return BLOCKED, "The IP rules of the vault's firewall allow only part of this block."
    return BLOCKED, "The vault's firewall denies by default, and no IP rule allows this address."


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        # Azure, too, ignores host bits that are set in such a rule.
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def _within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)
