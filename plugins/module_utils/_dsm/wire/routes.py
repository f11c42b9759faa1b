# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""DSM's routes, and which of them are reads. A read-only client raises on all others.

Many of DSM's reads are POSTs (DSM contract §1.4, §3.1, §3.2, §4.1), so the method does not decide. A route that is not
listed counts as a write. Three reads send a credential to DSM but change nothing there: authentication, ``hmg/check``
with a configuration, and ``azure_vaults``.
"""

from __future__ import annotations

VERSION = "/sys/v1/version"
AUTH = "/sys/v1/session/auth"
SELECT_ACCOUNT = "/sys/v1/session/select_account"
TERMINATE = "/sys/v1/session/terminate"
ACCOUNTS = "/sys/v1/accounts"
ACCOUNT = "/sys/v1/accounts/{acct_id}"
USERS = "/sys/v1/users"
USER = "/sys/v1/users/{user_id}"
USER_PERMISSIONS = "/sys/v1/users/permissions"
APPS = "/sys/v1/apps"
APP = "/sys/v1/apps/{app_id}"
GROUPS = "/sys/v1/groups"
GROUP = "/sys/v1/groups/{group_id}"
CHECK_CONFIG = "/sys/v1/groups/hmg/check"
CHECK_GROUP = "/sys/v1/groups/{group_id}/hmg/check"
AZURE_VAULTS = "/sys/v1/groups/hmg/azure_vaults"
SCAN = "/sys/v1/groups/{group_id}/hmg/scan"
APPROVALS = "/sys/v1/approval_requests"
APPROVAL = "/sys/v1/approval_requests/{req_id}"
# Not a read, although it only requests a result: DSM may carry out the operation at this request (DSM contract §2.10).
APPROVAL_RESULT = "/sys/v1/approval_requests/{req_id}/result"
KEYS = "/crypto/v1/keys"
KEY_INFO = "/crypto/v1/keys/info"
# No route that transfers key material is here: neither export, nor import of a value (`PUT /crypto/v1/keys`).
KEY = "/crypto/v1/keys/{kid}"
KEYS_COPY = "/crypto/v1/keys/copy"
# The API does not describe these three (DSM contract §4.4): a server may not have them.
KEY_DELETION = "/crypto/v1/keys/{kid}/schedule_deletion"
KEY_PURGE = "/crypto/v1/keys/{kid}/delete_key_material"
KEY_RECOVERY = "/crypto/v1/keys/{kid}/cancel_deletion"

READS = frozenset(
    {
        ("GET", VERSION),
        ("POST", AUTH),
        ("POST", SELECT_ACCOUNT),
        ("POST", TERMINATE),
        ("GET", ACCOUNTS),
        ("GET", ACCOUNT),
        ("GET", USERS),
        ("GET", USER),
        ("GET", USER_PERMISSIONS),
        ("GET", APPS),
        ("GET", APP),
        ("GET", GROUPS),
        ("GET", GROUP),
        ("POST", CHECK_CONFIG),
        ("POST", CHECK_GROUP),
        ("POST", AZURE_VAULTS),
        ("GET", APPROVALS),
        ("GET", APPROVAL),
        ("GET", KEYS),
        ("POST", KEY_INFO),
    }
)


def is_read(method: str, route: str) -> bool:
    """Whether this call changes nothing in DSM."""
    return (method, route) in READS
