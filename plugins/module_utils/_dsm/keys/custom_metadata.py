# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Which entries of a key's custom metadata are the user's (DSM contract §4.6). Pure."""

from __future__ import annotations

from ..._names import name_key

# Beginnings of entries that are not: what this collection records, and what DSM does. Never shown, and never accepted
# from a user.
RESERVED_ENTRIES = ("fortanix-dsm-ansible-", "azure-")


def is_reserved(entry: str) -> bool:
    """Whether an entry is not the user's, by its name."""
    return name_key(entry).startswith(RESERVED_ENTRIES)
