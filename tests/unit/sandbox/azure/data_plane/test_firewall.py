# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network rules of vaults and pools, enforced against the address of the caller (Azure contract §1.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox import Profile, Sandbox
from sandbox.azure.firewall import Firewall
from support.azure_callers import GRAPH, POOL, VAULT, bearer

CLIENT, DSM = "203.0.113.9", "198.51.100.7"
VERSION = "api-version=2025-07-01"
CLOSED = Firewall(default_action="Deny")
PRIVATE = Firewall(public_access=False, private_endpoints=1)


def put(estate: Any, firewall: Firewall) -> None:
    """Give a copy of the rules to the estate's vault or pool."""
    estate.do(lambda azure: setattr(azure.store(estate.vault), "firewall", replace(firewall)))


def keys(anonymous: Any, estate: Any, suffixes: dict[str, str] = VAULT) -> Any:
    """List the keys as a client behind the proxy."""
    token = bearer(anonymous.pool, estate, f"https://{suffixes[estate.cloud]}")
    return type(anonymous)(anonymous.pool, estate.url.rstrip("/"), token)("GET", f"/keys?{VERSION}")


def test_the_parties_have_addresses_of_their_own(sb: Sandbox) -> None:
    assert (sb.client_address, sb.dsm_egress_address) == (CLIENT, DSM)


@pytest.mark.parametrize(
    ("firewall", "inner"),
    [
        (Firewall(), None),
        (Firewall(virtual_network_rules=["/subscriptions/x/subnets/y"]), None),
        (CLOSED, "ForbiddenByFirewall"),
        (replace(CLOSED, ip_rules=[CLIENT]), None),
        (replace(CLOSED, ip_rules=["203.0.113.0/24"]), None),
        (replace(CLOSED, ip_rules=["203.0.113.8/32", DSM]), "ForbiddenByFirewall"),
        (replace(CLOSED, bypass="None"), "ForbiddenByFirewall"),
        (PRIVATE, "ForbiddenByConnection"),
        (replace(PRIVATE, ip_rules=[CLIENT]), "ForbiddenByConnection"),
    ],
)
def test_rules_decide_by_the_clients_address(
    anonymous: Any, estate: Any, firewall: Firewall, inner: str | None
) -> None:
    put(estate, firewall)

    answer = keys(anonymous, estate)

    assert answer.json.get("error", {}).get("innererror", {}).get("code") == inner
    assert answer.status == (403 if inner else 200)


def test_the_firewalls_refusal_names_the_address_and_the_caller(anonymous: Any, estate: Any) -> None:
    put(estate, CLOSED)

    error = keys(anonymous, estate).json["error"]

    assert error["code"] == "Forbidden"
    assert error["message"].startswith(
        "Client address is not authorized and caller is not a trusted service.\r\n"
        f"Client address: {CLIENT}\r\nCaller: appid={estate.client_id};"
    )


PERIMETER = replace(CLOSED, ip_rules=[CLIENT], perimeter="Enforced")


@pytest.mark.parametrize(
    ("firewall", "passes"),
    [
        (PERIMETER, False),
        (replace(PERIMETER, perimeter_rules=["203.0.113.0/24"]), True),
        (replace(PERIMETER, perimeter="Learning"), True),
        (replace(CLOSED, perimeter="Learning"), False),
        (replace(CLOSED, perimeter="Learning", perimeter_rules=["203.0.113.0/24"]), True),
        (Firewall(secured_by_perimeter=True), False),
        (Firewall(secured_by_perimeter=True, perimeter="Learning", perimeter_rules=["203.0.113.0/24"]), True),
    ],
)
def test_a_perimeter_overrides_the_rules_when_it_is_enforced(
    anonymous: Any, estate: Any, firewall: Firewall, passes: bool
) -> None:
    put(estate, firewall)

    assert keys(anonymous, estate).status == (200 if passes else 403)


@pytest.mark.parametrize(
    ("firewall", "words"),
    [
        (PERIMETER, "Request was not allowed by NSP rules and the client address is not authorized"),
        (
            replace(CLOSED, bypass="None"),
            "Client address is not authorized and caller was ignored because bypass is set to",
        ),
    ],
)
def test_perimeter_and_missing_bypass_have_texts_of_their_own(
    anonymous: Any, estate: Any, firewall: Firewall, words: str
) -> None:
    put(estate, firewall)

    error = keys(anonymous, estate).json["error"]

    assert error["message"].startswith(words)
    assert f"\r\nClient address: {CLIENT}\r\nCaller: " in error["message"]
    assert ("innererror" in error) == (firewall.perimeter is None)


def test_resource_manager_shows_and_sets_the_perimeter(arm: Any) -> None:
    body = {"properties": {"publicNetworkAccess": "securedByPerimeter"}}

    answer = arm.operator("PATCH", arm.vault, body, version="2026-02-01")

    assert answer.json["properties"]["publicNetworkAccess"] == "SecuredByPerimeter"
    assert arm.do(lambda azure: azure.vault(arm.estate.vault).firewall.secured_by_perimeter) is True


def test_dsm_can_pass_on_the_message_alone(admin: Any, estate: Any, sb: Sandbox) -> None:
    put(estate, CLOSED)
    sb.profile = Profile(azure_failure_text="message_only", azure_failure_status=403)

    answer = admin("POST", "/sys/v1/groups/hmg/check", estate.link())

    assert answer.status == 403
    assert answer.text.startswith("Client address is not authorized and caller is not a trusted service.\r\nClient")
    assert "Azure Key Vault" not in answer.text


def test_disabled_public_access_is_told_without_an_address(anonymous: Any, estate: Any) -> None:
    put(estate, PRIVATE)

    message = keys(anonymous, estate).json["error"]["message"]

    assert message.startswith("Public network access is disabled")
    assert CLIENT not in message


def test_who_has_no_token_gets_the_challenge_and_not_the_firewall(anonymous: Any, estate: Any) -> None:
    put(estate, CLOSED)

    assert type(anonymous)(anonymous.pool, estate.url.rstrip("/"))("GET", f"/keys?{VERSION}").status == 401


def test_the_firewall_speaks_before_the_rights(anonymous: Any, estate: Any) -> None:
    put(estate, CLOSED)
    estate.do(lambda azure: azure.set_access_policy(estate.vault, estate.client_id, []))

    assert keys(anonymous, estate).json["error"]["innererror"]["code"] == "ForbiddenByFirewall"


@pytest.mark.parametrize("firewall", [CLOSED, PRIVATE])
def test_resource_manager_knows_no_firewall(anonymous: Any, estate: Any, firewall: Firewall) -> None:
    put(estate, firewall)
    path = estate.do(lambda azure: azure.vault(estate.vault).resource_id)
    token = bearer(anonymous.pool, estate, "https://management.azure.com")
    arm = type(anonymous)(anonymous.pool, "https://management.azure.com", token)

    assert arm("GET", f"{path}?api-version=2026-02-01").status == 200


@pytest.mark.parametrize("path", ["/keys", "/providers/Microsoft.Authorization/roleAssignments"])
def test_a_pool_guards_keys_and_roles(anonymous: Any, estate: Any, path: str) -> None:
    def build(azure: Any) -> Any:
        pool = azure.add_managed_hsm(f"{estate.vault}-hsm", subscription_id=estate.subscription_id)
        azure.assign_local_role(pool, estate.client_id)
        pool.firewall = replace(CLOSED)
        return replace(estate, vault=pool.name, url=pool.uri)

    pool_estate = estate.do(build)
    token = bearer(anonymous.pool, estate, f"https://{POOL[estate.cloud]}")
    pool = type(anonymous)(anonymous.pool, pool_estate.url.rstrip("/"), token)

    assert pool("GET", f"{path}?{VERSION}").json["error"]["innererror"]["code"] == "ForbiddenByFirewall"


def test_graph_knows_no_firewall_of_vaults(anonymous: Any, estate: Any) -> None:
    put(estate, PRIVATE)
    estate.do(lambda azure: azure.allow_graph(estate.client_id, "Application.Read.All"))
    host = f"https://{GRAPH[estate.cloud]}"
    graph = type(anonymous)(anonymous.pool, host, bearer(anonymous.pool, estate, host))

    assert graph("GET", "/v1.0/applications").status == 200


# DSM ------------------------------------------------------------------------------------------------------------------


def test_dsm_comes_with_its_own_address(anonymous: Any, admin: Any, estate: Any, linked: Any) -> None:
    put(estate, replace(CLOSED, ip_rules=[DSM]))

    assert admin("POST", f"/sys/v1/groups/{linked['group_id']}/hmg/scan", {}).status == 200
    assert keys(anonymous, estate).status == 403


@pytest.mark.parametrize(
    ("firewall", "words"),
    [
        (replace(CLOSED, ip_rules=[CLIENT]), ("Forbidden/ForbiddenByFirewall", f"Client address: {DSM}")),
        (PRIVATE, ("Forbidden/ForbiddenByConnection", "Public network access is disabled")),
    ],
)
def test_a_scan_hands_the_firewalls_words_through(
    admin: Any, estate: Any, linked: Any, firewall: Firewall, words: tuple[str, str]
) -> None:
    put(estate, firewall)

    answer = admin("POST", f"/sys/v1/groups/{linked['group_id']}/hmg/scan", {})

    assert answer.status == 400
    assert [word for word in words if word not in answer.text] == []


def test_a_check_that_ends_at_resource_manager_passes_while_the_scan_fails(
    sb: Sandbox, admin: Any, estate: Any, linked: Any
) -> None:
    sb.profile = Profile(check_depth="arm_list")
    put(estate, CLOSED)
    path = f"/sys/v1/groups/{linked['group_id']}/hmg"

    assert (admin("POST", f"{path}/check", {}).status, admin("POST", f"{path}/scan", {}).status) == (204, 400)


def test_an_enterprise_front_keeps_dsms_address(sb: Sandbox, admin: Any, estate: Any) -> None:
    sb.fronts.put("vault", authority="global")
    put(estate, replace(CLOSED, ip_rules=[DSM]))

    assert admin("POST", "/sys/v1/groups/hmg/check", estate.link()).status == 204
