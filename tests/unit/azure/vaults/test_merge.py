# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a PATCH of a vault replaces whole: its entries by identity, and those that must not get lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import VAULT
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults import merge, vault_settings
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults.merge import RULES, TAGS
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults.vault_lookup import store_of
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults.vault_settings import DesiredVault
from unit.azure.builders import HOME, VAULT_ID

BOTH = frozenset({TAGS, RULES})
SUBNET, OTHER_SUBNET = {"id": "/Subnet/one", "ignoreMissingVnetServiceEndpoint": True}, {"id": "/subnet/two"}


def body(tags: Any = None, rules: Any = None) -> dict[str, Any]:
    facts = {
        "tenantId": HOME,
        "sku": {"name": "premium"},
        "accessPolicies": [],
        "networkAcls": rules,
    }
    return {"id": VAULT_ID, "name": "kv-one", "location": "westeurope", "tags": tags, "properties": facts}


def test_names_of_tags_and_ids_of_subnets_compare_without_letter_case() -> None:
    one = merge.kept(body({"Team": "a"}, {"virtualNetworkRules": [SUBNET]}), DesiredVault(VAULT))
    other = merge.kept(body({"team": "b"}, {"virtualNetworkRules": [{"id": "/subnet/ONE"}]}), DesiredVault(VAULT))

    assert merge.missing(one, other, BOTH) == {}


def test_an_address_has_one_identity_in_both_spellings() -> None:
    one = merge.kept(body(rules={"ipRules": [{"value": "198.51.100.7/32"}]}), DesiredVault(VAULT))
    other = merge.kept(body(rules={"ipRules": [{"value": "198.51.100.7"}]}), DesiredVault(VAULT))

    assert one.keys() == other.keys()


def test_what_the_task_sets_is_not_kept_as_it_is() -> None:
    there = body({"Team": "a", "cost": "1"}, {"ipRules": [{"value": "198.51.100.7"}]})

    found = merge.kept(there, DesiredVault(VAULT, tags={"team": "b"}, ip_rules=()))

    assert merge.named(found) == ["tag cost"]


@pytest.mark.parametrize(
    ("options", "members"),
    [
        ({"tags"}, {TAGS}),
        ({"default_action"}, {RULES}),
        ({"ip_rules", "tags"}, BOTH),
        ({"type", "permission_model", "purge_protection", "public_network_access"}, set()),
    ],
)
def test_what_is_replaced_follows_from_the_options(options: set[str], members: set[str]) -> None:
    assert merge.replaced(options) == members


def test_only_members_that_are_replaced_can_lose_something() -> None:
    known = merge.kept(body({"cost": "1"}, {"virtualNetworkRules": [SUBNET]}), DesiredVault(VAULT))

    assert merge.named(merge.missing(known, {}, {RULES})) == ["virtual network rule /subnet/one"]


entries = st.fixed_dictionaries(
    {
        "tags": st.dictionaries(st.sampled_from(["team", "Cost", "stage"]), st.sampled_from(["a", "b"])),
        "rules": st.fixed_dictionaries(
            {},
            optional={
                "defaultAction": st.sampled_from(["Allow", "Deny"]),
                "ipRules": st.lists(
                    st.sampled_from([{"value": "198.51.100.7"}, {"value": "203.0.113.0/24"}]), unique_by=str
                ),
                "virtualNetworkRules": st.lists(st.sampled_from([SUBNET, OTHER_SUBNET]), unique_by=str),
            },
        ),
    }
)
options = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.dictionaries(st.sampled_from(["team", "mine"]), st.just("x"), min_size=1),
        "default_action": st.sampled_from(["allow", "deny"]),
        "ip_rules": st.lists(st.sampled_from(["198.51.100.9", "203.0.113.0/24"]), unique=True).map(tuple),
    },
)


@given(entries, entries, options)
def test_what_was_lost_is_in_the_next_body(before: Any, after: Any, wish: dict[str, Any]) -> None:
    """A body from which somebody has taken entries out is sent with them, and with what the task sets."""
    wanted = DesiredVault(VAULT, **wish)
    now = body(**after)
    found = vault_settings.changes(store_of(VAULT, now), wanted)
    members = merge.replaced(found)
    known = merge.kept(body(**before), wanted)
    lost = merge.missing(known, merge.kept(now, wanted), members)

    sent = vault_settings.patch(merge.with_entries(now, lost), found, wanted)

    result = vault_settings.patched(now, sent)
    assert vault_settings.changes(store_of(VAULT, result), wanted) == {}
    assert merge.missing(known, merge.kept(result, wanted), members) == {}
    assert merge.missing(merge.kept(now, wanted), merge.kept(result, wanted), BOTH) == {}
