# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quorum approval: so far the refusal only (DSM contract §2.10); approval requests are not simulated yet."""

from __future__ import annotations

from .errors import APPROVAL_TEXT, forbidden
from .state import Group


def gate(group: Group) -> None:
    """Refuse a direct change of a group that has an approval policy."""
    if group.approval_policy:
        raise forbidden(APPROVAL_TEXT)
