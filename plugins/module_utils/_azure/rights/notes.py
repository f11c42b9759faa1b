# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The circumstances of a permission that decide its verdict or justify a warning. Pure."""

from __future__ import annotations

from typing import Literal

# A note is the ID of the finding about the same fact (``_findings.catalog``). The first two are not findings: they only
# describe the source of a permission.
Note = Literal[
    "inherited",
    "through-group",
    "all-without-purge",
    "app-can-administer-hsm",
    "app-may-use-keys",
    "application-object-id-in-policy",
    "client-id-in-policy",
    "compound-identity-in-policy",
    "contributor-excludes-hsm",
    "data-role-inert-in-policy-mode",
    "data-role-inert-on-hsm",
    "deny-uncertain",
    "equivalent-role",
    "foreign-tenant-in-policy",
    "group-membership-unknown",
    "hsm-activation-unknown",
    "hsm-not-activated",
    "listing-only",
    "no-such-permission",
    "permission-model-differs",
    "policy-inert-in-rbac-mode",
    "purge-refused-by-protection",
    "right-denied",
    "right-unreadable",
    "role-assignment-expired",
    "role-assignment-expires",
    "role-assignment-orphaned",
    "role-assignment-recent",
    "role-eligible-only",
    "role-for-single-keys",
    "role-under-condition",
    "vault-in-foreign-tenant",
    "wider-than-needed",
    "wildcard-read-uncertain",
]
