# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approval policies: what they guard, who reviews, when a quorum is reached (DSM contract §2.10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..profiles import Profile
from .errors import APPROVAL_TEXT, DsmError, forbidden
from .state import Account
from .values import Group

_LINK_MEMBERS = frozenset({"add_hmg", "mod_hmg", "del_hmg"})


def gate(group: Group, profile: Profile, members: Iterable[str] = ()) -> None:
    """Refuse a direct change of a group that has an approval policy; `members` are what the request names.

    Whether a change of the link alone is covered is not public (Q32).
    """
    named = {name for name in members if name != "group_id"}
    free = profile.link_edits_gated == "free" and named and named <= _LINK_MEMBERS
    if group.approval_policy and not free:
        raise refusal(profile, f"the group {group.name}")


def gate_scan(group: Group, profile: Profile) -> None:
    """Whether a group's policy covers SYNC KEYS is not public (Q32)."""
    if group.approval_policy and profile.scan_gated == "gated":
        raise refusal(profile, f"the group {group.name}")


def gate_new_group(account: Account, profile: Profile) -> None:
    """An account's policy may cover the creation of groups."""
    if for_new_groups(account):
        raise refusal(profile, f"the account {account.name}")


def for_new_groups(account: Account) -> dict[str, Any] | None:
    """The part of the account's policy that decides on new groups, if it covers them."""
    policy = account.approval_policy or {}
    return policy.get("policy") if policy.get("manage_groups") else None


def reviewers(policy: Mapping[str, Any]) -> list[tuple[str, str]]:
    """All who may approve, nested quorums included: kind (`user`, `app`) and id."""
    if policy.get("quorum"):
        nested = [pair for member in policy["quorum"]["members"] for pair in reviewers(member)]
        return list(dict.fromkeys(nested))
    return [(kind, str(policy[kind])) for kind in ("user", "app") if policy.get(kind)]


def is_reached(policy: Mapping[str, Any], approvers: Iterable[Mapping[str, str]]) -> bool:
    given = {pair for approver in approvers for pair in approver.items()}
    return _reached(policy, given)


def _reached(policy: Mapping[str, Any], given: set[tuple[str, str]]) -> bool:
    if policy.get("quorum"):
        members = policy["quorum"]["members"]
        return sum(_reached(member, given) for member in members) >= int(policy["quorum"]["n"])
    return any((kind, policy.get(kind)) in given for kind in ("user", "app"))


def demands_password(policy: Mapping[str, Any]) -> bool:
    return bool((policy.get("quorum") or {}).get("require_password"))


def refusal(profile: Profile, place: str) -> DsmError:
    exact = profile.approval_answer == "exact"
    return forbidden(APPROVAL_TEXT if exact else f"{APPROVAL_TEXT} by the quorum of {place}.")
