# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""IDs of findings before version 1.0, for policies that still use them. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

# Old ID -> current ID of the same fact.
RENAMED: Mapping[str, str] = {
    "application-not-seen": "application-not-checked",
    "application-still-disabled": "application-disabled",
    "apps-not-seen": "apps-not-checked",
    "certificate-ends-soon": "link-credential-expires-soon",
    "certificate-not-registered": "link-credential-not-in-entra",
    "certificate-not-valid": "link-credential-not-valid",
    "credential-ends-soon": "credentials-expire-soon",
    "crypto-officer-wider-than-guide": "app-may-use-keys",
    "drift-not-seen": "drift-not-checked",
    "endpoints-unknown": "endpoints-not-recognized",
    "hsm-crypto-officer": "app-can-administer-hsm",
    "keys-in-step": "keys-in-sync",
    "keys-not-seen": "keys-not-checked",
    "link-credential-end-unknown": "link-credential-expiry-unknown",
    "link-credential-not-registered": "link-credential-not-in-entra",
    "link-credential-ends-soon": "link-credential-expires-soon",
    "link-credential-expired": "link-credential-not-valid",
    "no_vault_visible": "no-vault-visible",
    "operator-credential-in-dsm": "operator-is-the-application",
    "pinned-ca-ends-soon": "pinned-ca-expires-soon",
    "rights-not-seen": "rights-not-checked",
    "role-assignment-ended": "role-assignment-expired",
    "role-assignment-ends": "role-assignment-expires",
    "role-ends-unreadable": "role-expiry-unreadable",
    "tls-client-certificate-ends-soon": "tls-client-certificate-expires-soon",
    "vault-not-seen": "vault-not-checked",
    "vault_not_in_subscription": "vault-not-in-subscription",
    "vault_type_mismatch": "vault-type-differs",
    "vaults_not_listed": "vaults-not-listed",
    "wrong_cloud": "vault-in-other-cloud",
}
