# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a profile is about Azure: what is not public, or varies (Azure contract, "Sandbox switches")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class AzureProfile:
    """A plausible Azure. The first value of each field is the default."""

    condition_holds: Literal[True, False] = True
    """Whether the condition of a role assignment is fulfilled, whatever it says (Azure contract §2 T14)."""

    wildcard_read: Literal["below", "itself"] = "below"
    """Whether `Microsoft.KeyVault/vaults/*/read`, which Key Vault Reader and Crypto Officer have, grants the reading of
    a vault `itself` (`Microsoft.KeyVault/vaults/read`), or only of what is `below` it. Public sources disagree."""

    key_item_shows: Literal["current", "first"] = "current"
    """Whose attributes and tags a vault's list shows beside a key's name without version: those of the current version,
    or of the first one."""

    key_version_order: Literal["creation", "id"] = "creation"
    """The order in which a vault lists the versions of a key. None is documented."""

    rotation_policy_unset: Literal["notify", "null"] = "notify"
    """What a vault answers for a key without rotation policy: a notification 30 days before expiry, or null members."""

    hsm_rotation: Literal["served", "400"] = "served"
    """Q63: whether managed HSMs have rotation policies."""

    hsm_software_kty: Literal["refused", "hardened"] = "refused"
    """Whether a managed HSM refuses to create a key of the type RSA or EC, or makes an HSM-protected one of it."""

    import_limit: Literal["create", "other"] = "create"
    """Q65: whether a vault counts imports with the keys that it makes, of which it takes few, or with all else."""

    key_hsm_form: Literal["both", "base64url", "base64"] = "both"
    """Q64: in which encodings a transfer blob is taken: Base64url without padding, Base64 with padding, or both."""

    throttled_retry_after: Literal["sent", "omitted"] = "sent"
    """Whether a vault's 429 says after how many seconds to come back."""

    key_transition: Literal[2, 20, 0] = 2
    """For how many seconds a vault is still at work on a deleted, recovered or purged key after it has answered: until
    then its name is 409 (Azure contract §1.11)."""

    rotated_tags: Literal["kept", "dropped"] = "kept"
    """Whether the version that Azure's own rotation makes has the tags of the one before."""

    pim: Literal["licensed", "unlicensed", "absent"] = "licensed"
    """Whether tenants have Privileged Identity Management; without, its lists are 400 `AadPremiumLicenseRequired`.
    Where it is `absent`, the cloud does not know its lists: 404 `InvalidResourceType`."""

    pim_filters: Literal["combined", "single"] = "combined"
    """Whether the lists of Privileged Identity Management take `atScope() and assignedTo(...)`. Documented is each
    alone; with `single`, both together are 400."""

    sql_key_id: Literal["shown", "absent"] = "shown"
    """Whether an SQL server's own properties, and so Resource Graph, name the key of its encryption protector."""

    resource_graph_denied: Literal["400", "403"] = "400"
    """How Resource Graph refuses a caller who can read no subscription at all, and names none."""

    new_application: Literal["no_object", "local_tenant", "not_found"] = "no_object"
    """What Graph answers to who makes a service principal of an application that the server does not know yet: 400
    `does not reference a valid application object`, 403 `must in the local tenant`, or 404 (Azure contract §3.1)."""

    new_principal_consent: Literal["not_found", "bad_request"] = "not_found"
    """What Graph answers to a consent of a service principal that the server does not know yet: 404 or 400."""

    new_role: Literal[400, 404] = 400
    """The status for an assignment of a custom role that the server does not know yet."""

    deny_effect: Literal["known", "unknown"] = "known"
    """Whether the cloud serves the api-version in which deny assignments have an effect (Azure contract §1.7)."""

    audit_denials: Literal["listed", "omitted"] = "listed"
    """Whether older api-versions list deny assignments that only audit; they show no effect (Azure contract §1.7)."""

    graph_is_disabled: Literal["known", "unknown"] = "known"
    """Whether applications have `isDisabled` in Microsoft Graph, which not each cloud's Graph knows. Where it is
    unknown, to select it is 400."""

    expired_certificate: Literal["700027", "1000502"] = "700027"
    """The code with which Entra refuses a registered certificate that has expired, or is not valid yet (Azure contract
    §2 T20): both are observed."""

    name_check: Literal["knows", "all_free"] = "knows"
    """Whether Azure's check of a vault's name knows the taken ones; it has called taken ones free (Azure contract
    §2 T26)."""

    deleted_name: Literal["conflict_error", "vault_already_exists"] = "conflict_error"
    """How Azure refuses the name of a soft-deleted vault of the same subscription: 409 `ConflictError`, which is also a
    parallel change, or the code of any name that is taken."""
