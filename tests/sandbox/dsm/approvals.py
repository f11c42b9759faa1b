# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quorum approval: so far the refusal only (DSM contract §2.10); approval requests are not simulated yet."""

from __future__ import annotations

from collections.abc import Iterable

from ..profiles import Profile
from .errors import APPROVAL_TEXT, forbidden
from .state import Group

_LINK_MEMBERS = frozenset({"add_hmg", "mod_hmg", "del_hmg"})


def gate(group: Group, profile: Profile, members: Iterable[str] = ()) -> None:
    """Refuse a direct change of a group that has an approval policy; `members` are what the request names.

    Whether a change of the link alone is covered is not public (Q32).
    """
    named = {name for name in members if name != "group_id"}
    free = profile.link_edits_gated == "free" and named and named <= _LINK_MEMBERS
    if group.approval_policy and not free:
        exact = profile.approval_answer == "exact"
        raise forbidden(APPROVAL_TEXT if exact else f"{APPROVAL_TEXT} by the quorum of the group {group.name}.")
