# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles: one switch for each thing about the real services that is not public.

The names Q1, Q3 ... are the open questions of DSM contract §7. A client is right when it works under every setting.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints


@dataclass(frozen=True)
class Profile:
    """A plausible server. The defaults are the reference's choice for a simulator."""

    kind_spelling: Literal["modern", "legacy"] = "modern"
    """Q1: `AzureKeyVault` or `AZUREKEYVAULT` in answers. Both are accepted in requests."""

    secrets_on_get: Literal["blank", "echo", "omit", "mask"] = "blank"
    """Q3 and Q40: credential secrets come back as `""`, as stored, not at all (no `auth_config`), or as `***`."""

    create_status: Literal[201, 200] = 201
    """Q5: the status of a successful `POST /sys/v1/groups`."""

    error_body: Literal["text", "json"] = "text"
    """Q6: a bare line of text, or `{"message": ...}`."""

    group_paging: Literal["modern", "none"] = "modern"
    """Q11: `none` is an old server that knows no query parameter on groups and answers a bare array of all."""

    hidden_group: Literal[403, 404] = 403
    """Q22: what a principal gets for a group that exists but is not his to see. An unknown group is 404."""

    mod_hmg_without_secret: Literal["refuse", "keep"] = "refuse"
    """Q23 and Q40: `mod_hmg` with a blank or missing secret (or TLS client key) is refused, or the stored one stays."""

    azure_failure_status: int = 400
    """Q24: DSM's status when Azure, or the way to Azure, refuses."""

    group_filter: Literal["honoured", "ignored"] = "honoured"
    """Q28: whether `filter` on groups has an effect."""

    tls_scope: Literal["vault", "vault+arm", "all"] = "all"
    """Q35: the connections to which the link's `tls` block applies; the others use the global roots."""

    check_depth: Literal["token", "arm_list", "vault_get", "keys_list"] = "keys_list"
    """Q36: how far a check goes. Each step includes those before it; without a vault url it ends at `arm_list`."""

    partial_rights: Literal["filtered", "403"] = "filtered"
    """Q37: ARM's list for a principal that may read only some vaults of the subscription."""

    no_rights: Literal["empty", "403"] = "empty"
    """Q37: ARM's list for a principal that may read none."""

    dsm_token_cache: Literal["none", "until_expiry"] = "none"
    """Q39: whether DSM asks Entra anew for each check and scan, or keeps a token until it expires."""

    url_host: Literal["unchecked", "checked"] = "unchecked"
    """Q42: whether a vault url outside the link's cloud is refused when the link is saved."""

    relink_with_keys: Literal["accepted", "refused"] = "accepted"
    """Q45: `add_hmg`, or another `url`, on a group that holds security objects."""

    metadata: Literal["accepted", "refused"] = "accepted"
    """Q43: `custom_metadata` on a group that is linked to an external KMS."""

    scan_versions: Literal["current", "all"] = "current"
    """Q44: a scan makes a virtual key of each Azure key's current version only, or of every version."""

    def __post_init__(self) -> None:
        """Refuse a value that no code path would honour: a typing mistake must not test the default twice."""
        hints = get_type_hints(type(self))
        for field in fields(self):
            allowed = get_args(hints[field.name])
            value = getattr(self, field.name)
            if allowed and value not in allowed:
                raise ValueError(f"{field.name}={value!r}: one of {allowed} is wanted")
