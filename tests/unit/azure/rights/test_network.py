# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall of a vault, judged for the addresses from which DSM comes (Azure contract §1.5)."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import Firewall
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.network import (
    ALLOWED,
    BLOCKED,
    UNKNOWN,
    reachable,
)

RULES = ("203.0.113.0/28", "198.51.100.7", "198.51.100.8/31")


def closed(**changes: Any) -> Firewall:
    return Firewall(**{"default_allow": False, "ip_rules": RULES, **changes})


def test_t24_a_firewall_that_is_open_to_all_lets_every_address_through() -> None:
    assert reachable(Firewall(), ["192.0.2.1", "2001:db8::1"]).verdict == ALLOWED


@pytest.mark.parametrize("firewall", [closed(), Firewall(public_access=False), Firewall(has_perimeter=True)])
def test_t24_without_addresses_nothing_is_known_of_a_vault_with_network_rules(firewall: Firewall) -> None:
    assert reachable(firewall, []).verdict == UNKNOWN


@pytest.mark.parametrize(
    "address", ["203.0.113.0", "203.0.113.15", "198.51.100.7", "198.51.100.9", "203.0.113.4/30", " 198.51.100.7 "]
)
def test_t24_an_address_inside_a_rule_is_let_through(address: str) -> None:
    assert reachable(closed(), [address]).verdict == ALLOWED


@pytest.mark.parametrize("address", ["203.0.113.16", "198.51.100.6", "192.0.2.1", "10.0.0.1"])
def test_t24_an_address_outside_every_rule_is_blocked(address: str) -> None:
    assert reachable(closed(), [address]).verdict == BLOCKED


def test_t24_a_block_may_be_covered_by_several_rules_together() -> None:
    firewall = closed(ip_rules=("203.0.113.0/29", "203.0.113.8/29"))

    assert reachable(firewall, ["203.0.113.0/28"]).verdict == ALLOWED


def test_t24_a_block_that_is_covered_in_part_is_blocked_and_the_words_say_so() -> None:
    found = reachable(closed(), ["203.0.113.0/24"])

    assert (found.verdict, "only part" in found.reason) == (BLOCKED, True)


def test_t24_ip_rules_know_no_ipv6() -> None:
    found = reachable(closed(ip_rules=("0.0.0.0/0",)), ["2001:db8::1"])

    assert (found.verdict, "IPv4" in found.reason) == (BLOCKED, True)


def test_t24_disabled_public_access_overrides_the_rules() -> None:
    assert reachable(closed(public_access=False), ["203.0.113.1"]).verdict == BLOCKED


def test_t24_disabled_public_access_overrides_an_open_default() -> None:
    assert reachable(Firewall(public_access=False), ["203.0.113.1"]).verdict == BLOCKED


@pytest.mark.parametrize("address", ["10.1.2.3", "172.16.0.0/16", "192.168.9.9", "fd00::1"])
@pytest.mark.parametrize("firewall", [Firewall(public_access=False, private_endpoints=1), closed(private_endpoints=1)])
def test_t24_an_internal_address_may_come_through_a_private_endpoint(firewall: Firewall, address: str) -> None:
    assert reachable(firewall, [address]).verdict == UNKNOWN


def test_t24_an_open_firewall_lets_an_internal_address_through_whichever_way_it_takes() -> None:
    assert reachable(Firewall(private_endpoints=1), ["10.1.2.3"]).verdict == ALLOWED


@pytest.mark.parametrize("address", ["203.0.113.1", "172.32.0.1", "2001:db8::1"])
def test_t24_a_public_address_does_not_come_through_a_private_endpoint(address: str) -> None:
    assert reachable(Firewall(public_access=False, private_endpoints=1), [address]).verdict == BLOCKED


def test_t24_without_a_private_endpoint_an_internal_address_is_blocked() -> None:
    assert reachable(Firewall(public_access=False), ["10.1.2.3"]).verdict == BLOCKED


@pytest.mark.parametrize(("address", "verdict"), [("10.1.2.3", UNKNOWN), ("192.0.2.1", BLOCKED)])
def test_t24_an_internal_address_may_come_from_an_allowed_subnet(address: str, verdict: str) -> None:
    assert reachable(closed(subnet_rules=1), [address]).verdict == verdict


@pytest.mark.parametrize("addresses", [[], ["203.0.113.1"], ["203.0.113.1", "10.1.2.3"]])
def test_t24_a_perimeter_leaves_everything_unknown_and_is_named(addresses: list[str]) -> None:
    found = reachable(closed(has_perimeter=True), addresses)

    assert (found.verdict, "network security perimeter" in found.reason) == (UNKNOWN, True)


@pytest.mark.parametrize("address", ["", "dsm.example.com", "203.0.113.1-9", "300.1.1.1"])
def test_t24_what_is_no_address_is_unknown(address: str) -> None:
    assert reachable(Firewall(), [address]).verdict == UNKNOWN


def test_t24_a_rule_that_cannot_be_read_covers_nothing() -> None:
    assert reachable(closed(ip_rules=("AzureCloud", "203.0.113.1")), ["203.0.113.1"]).verdict == ALLOWED


@pytest.mark.parametrize(
    ("addresses", "verdict"),
    [
        (["203.0.113.1", "192.0.2.1"], BLOCKED),
        (["nonsense", "192.0.2.1"], BLOCKED),
        (["nonsense", "203.0.113.1"], UNKNOWN),
        (["203.0.113.1", "203.0.113.2"], ALLOWED),
    ],
)
def test_t24_the_worst_address_decides(addresses: list[str], verdict: str) -> None:
    assert reachable(closed(), addresses).verdict == verdict


def test_t24_every_address_has_its_own_verdict_in_the_result() -> None:
    shown = reachable(closed(), ["203.0.113.1", "192.0.2.1"]).as_result()

    assert [(one["address"], one["verdict"]) for one in shown["addresses"]] == [
        ("203.0.113.1", ALLOWED),
        ("192.0.2.1", BLOCKED),
    ]


def test_t24_an_open_firewall_lets_in_whatever_the_addresses_are() -> None:
    assert reachable(Firewall(), []).verdict == ALLOWED
