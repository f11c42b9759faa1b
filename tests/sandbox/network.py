# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host name leads to which loopback listener: the sandbox's stand-in for DNS and routing.

Both ways into the simulated world use such a table: the CONNECT proxy (clients) and the egress of the simulated DSM.
The latter has a table of its own that falls back to the common one, so that a test can put something between DSM and
Azure (an enterprise TLS front, say) without touching what the clients see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Address:
    host: str
    port: int


@dataclass(frozen=True)
class _Zone:
    suffix: str
    address: Address
    exists: Callable[[str], bool]


class Network:
    """A name table. Only port 443 is served; names that nobody published do not resolve."""

    def __init__(self, parent: Network | None = None) -> None:
        self._parent = parent
        self._hosts: dict[str, Address] = {}
        self._zones: list[_Zone] = []
        self._blocked: set[str] = set()

    def publish(self, host: str, address: Address) -> None:
        """Let one exact name, or every name below a suffix (`*.suffix`) that the parent knows, lead to `address`."""
        self._hosts[host.lower()] = address

    def withdraw(self, host: str) -> None:
        """Undo `publish` or `block`."""
        self._hosts.pop(host.lower(), None)
        self._blocked.discard(host.lower())

    def block(self, host: str) -> None:
        """Let a name, or all below a suffix (`*.suffix`), not resolve here although the parent knows it."""
        self._blocked.add(host.lower())

    def publish_zone(self, suffix: str, address: Address, exists: Callable[[str], bool]) -> None:
        """Let every name below `suffix` (with its leading dot) lead to `address` as long as `exists(label)` holds."""
        self._zones.append(_Zone(suffix.lower(), address, exists))

    def resolve(self, host: str, port: int = 443) -> Address | None:
        """The listener behind host and port, or None when there is no such name or nobody listens there."""
        host = host.lower().rstrip(".")
        patterns = (host, f"*.{host.partition('.')[2]}")
        if port != 443 or any(pattern in self._blocked for pattern in patterns):
            return None
        for pattern in patterns:
            known = pattern == host or (self._parent is not None and self._parent.knows(host))
            if pattern in self._hosts and known:
                return self._hosts[pattern]
        for zone in self._zones:
            if host.endswith(zone.suffix) and zone.exists(host[: -len(zone.suffix)]):
                return zone.address
        return self._parent.resolve(host, port) if self._parent else None

    def knows(self, host: str) -> bool:
        return self.resolve(host) is not None


class Origins:
    """Which party opened a connection, told by its source port: `client` (through the proxy) or `dsm`."""

    def __init__(self) -> None:
        self._by_port: dict[int, str] = {}
        self.addresses = {"client": "203.0.113.9", "dsm": "198.51.100.7"}
        """The public address with which each party is seen, of the ranges for documentation (RFC 5737)."""

    def record(self, port: int, origin: str) -> None:
        self._by_port[port] = origin

    def of(self, port: int) -> str:
        return self._by_port.get(port, "")

    def address_of(self, port: int) -> str:
        """The public address of the party; who came neither from DSM nor by the proxy counts as a client."""
        return self.addresses.get(self.of(port), self.addresses["client"])
