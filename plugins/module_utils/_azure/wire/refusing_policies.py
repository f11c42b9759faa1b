# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Which Azure Policy rejected a request, according to the response. Pure.

Not to be confused with the access policies of a vault. Source: learn.microsoft.com, "Resolve errors for request
disallowed by policy".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..._names import last_segment

# Of `additionalInfo`, the best name first.
_NAMES = ("policyAssignmentDisplayName", "policyDefinitionDisplayName", "policyAssignmentName", "policyDefinitionName")
# Older responses name the assignment only in their message.
_IN_WORDS = re.compile(r'"policyAssignment"\s*:\s*\{\s*"name"\s*:\s*"([^"]+)"')
# The built-in policy against vaults with access policies (Azure contract §1.4).
_NO_ACCESS_POLICIES = "12d4fa5e-1f9f-4c21-97a9-b99b3c6611b5"


def named_in(body: Any, words: str) -> list[dict[str, str]]:
    """The policies that a rejection names: each with `name`, `assignment` and `definition` (IDs), and `effect`.

    What the response does not contain is empty. ``words``: the message of the response.
    """
    error = body.get("error") if isinstance(body, Mapping) else None
    details = error.get("additionalInfo") if isinstance(error, Mapping) else None
    entries = [one.get("info") for one in details if isinstance(one, Mapping)] if isinstance(details, list) else []
    found = [_policy(info) for info in entries if isinstance(info, Mapping)]
    return found or [
        {"name": one, "assignment": "", "definition": "", "effect": ""} for one in _IN_WORDS.findall(words)
    ]


def _policy(info: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": next((str(info[name]) for name in _NAMES if info.get(name)), ""),
        "assignment": str(info.get("policyAssignmentId") or ""),
        "definition": str(info.get("policyDefinitionId") or ""),
        "effect": str(info.get("policyDefinitionEffect") or ""),
    }


def listed(policies: Sequence[Mapping[str, str]]) -> str:
    """The policies as the end of a sentence; empty without policies."""
    return ": " + "; ".join(map(_shown, policies)) if policies else ""


def _shown(policy: Mapping[str, str]) -> str:
    facts = [fact for fact in (policy["effect"], policy["assignment"]) if fact]
    return f'"{policy["name"]}"' + (f" ({', '.join(facts)})" if facts else "")


def advice(policies: Sequence[Mapping[str, str]]) -> str:
    """The advice about the most common policy, unless the response certainly names another one."""
    definitions = [policy["definition"] for policy in policies]
    if definitions and all(one and last_segment(one) != _NO_ACCESS_POLICIES for one in definitions):
        return ""
    return (
        f"; the built-in policy {_NO_ACCESS_POLICIES} denies vaults with access policies and allows the permission "
        "model rbac"
    )
