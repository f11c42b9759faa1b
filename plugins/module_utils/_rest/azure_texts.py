# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Error texts of Azure that decide where a code is missing or has several meanings (Azure contract §1.1). Pure.

For both planes: DSM passes on the same texts that the operator gets. Regular expressions, ignoring case.
"""

from __future__ import annotations

# Key Vault combines halves: what the address is, and why the caller does not pass all the same.
PUBLIC_ACCESS_IS_OFF = r"not an approved private link|via an approved private link|public network access is disabled"
ADDRESS_IS_REFUSED = (
    r"client address (?:\S+ )?is not authorized|caller is not a trusted service"
    r"|caller was ignored because bypass is set to none|not allowed by nsp rules|network security perimeter"
)
# Another operation on the key is not complete: the same request succeeds after it (Azure contract §1.11).
BEING_CHANGED = r"ObjectIsBeing(?:Deleted|Recovered|Purged)|currently being (?:deleted|recovered|purged)"
PURGE_PROTECTED = r"\bpurge.{0,40} is not allowed because purge protection|\bpurge protection is enabled"
DENY_ASSIGNMENT = (
    r"denied because of the deny assignment|\bdeny assignment with name\b|denyassignmentid: '?/"
    r"|decisionreason: '?deniedbydenyassignment"
)
