# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Lists that a PATCH of a vault replaces completely: tags and network rules (Azure contract §1.2). Pure.

Each entry has an identity: the name of a tag, the address of an IP rule, the subnet of a virtual network rule. Settings
with one value are not entries: if a task does not set them, the last answer counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..._names import name_key, tag_keys
from .vault_settings import DesiredVault, spelled

TAGS, RULES = "tags", "networkAcls"
_MEMBERS: Mapping[str, str] = {"tags": TAGS, "default_action": RULES, "ip_rules": RULES}

# (member, kind, identity) -> what Azure stores.
Entries = dict[tuple[str, str, str], Any]


def replaced(found: Iterable[str]) -> frozenset[str]:
    """The members that a PATCH for these changes replaces completely. ``found``: names of options."""
    return frozenset(_MEMBERS[name] for name in found if name in _MEMBERS)


def kept(body: Mapping[str, Any], wanted: DesiredVault) -> Entries:
    """The entries of a vault that the task does not set; every write must keep them."""
    own = tag_keys(wanted.tags)
    entries: Entries = {
        (TAGS, "tag", name_key(name)): (name, value)
        for name, value in (body.get("tags") or {}).items()
        if name_key(name) not in own
    }
    rules = body["properties"].get(RULES) or {}
    entries |= {
        (RULES, "virtual network rule", name_key(rule["id"])): rule for rule in rules.get("virtualNetworkRules") or []
    }
    if wanted.ip_rules is None:
        entries |= {(RULES, "IP rule", spelled(str(rule["value"]))): rule for rule in rules.get("ipRules") or []}
    return entries


def missing(known: Entries, there: Entries, members: Collection[str]) -> Entries:
    """The known entries of these members that no longer exist."""
    return {one: value for one, value in known.items() if one[0] in members and one not in there}


def with_entries(body: Mapping[str, Any], entries: Entries) -> dict[str, Any]:
    """The body with these entries added."""
    tags, rules = dict(body.get("tags") or {}), dict(body["properties"].get(RULES) or {})
    for (_member, kind, _identity), value in entries.items():
        if kind == "tag":
            tags[value[0]] = value[1]
        else:
            name = "ipRules" if kind == "IP rule" else "virtualNetworkRules"
            rules[name] = [*(rules.get(name) or []), value]
    members = {member for member, _kind, _identity in entries}
    properties = {**body["properties"], **({RULES: rules} if RULES in members else {})}
    return {**body, **({"tags": tags} if TAGS in members else {}), "properties": properties}


def named(entries: Iterable[tuple[str, str, str]]) -> list[str]:
    """The entries as a message names them."""
    return sorted(f"{kind} {identity}" for _member, kind, identity in entries)
