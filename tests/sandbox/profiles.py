# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles: one switch for each thing about the real services that is not public.

The names Q1, Q3 ... are the open questions of DSM contract §7. A client is right when it works under every setting.
PROFILES.md, beside this file, goes through all questions. The first value of each field is the default. The switches of
Azure are in `azure.profile`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args, get_type_hints

from .azure.profile import AzureProfile


@dataclass(frozen=True)
class Profile(AzureProfile):
    """A plausible server. The defaults are what the sources of DSM contract §7 make most likely."""

    generation: Literal["modern", "legacy"] = "modern"
    """`legacy` is a DSM of the time before `auth_config`, `endpoints`, paging and managed HSMs: sets the fields of
    `LEGACY`, whatever else they were given."""

    version: str = "5.8.2410"
    """What `GET /sys/v1/version` tells; with `generation="legacy"` it is 4.5.0 unless given."""

    # The link as it is written and read -------------------------------------------------------------------------------

    kind_spelling: Literal["modern", "legacy"] = "modern"
    """Q1: `AzureKeyVault` or `AZUREKEYVAULT` in answers."""

    kind_accepted: Literal["both", "legacy"] = "both"
    """Q1: which spelling of the kind is taken in requests."""

    credential_form: Literal["both", "auth_config", "secret_key"] = "both"
    """Q2: the member of a link in which the credential is taken. `secret_key` knows no certificates."""

    secrets_on_get: Literal["blank", "echo", "omit", "mask"] = "blank"
    """Q3: credential secrets come back as `""`, as stored, not at all (no `auth_config`), or as `***`."""

    tls_key_on_get: Literal["as_secrets", "omit", "blank", "echo", "mask"] = "as_secrets"
    """Q40: `tls.client_key` in answers; `as_secrets` follows Q3, where `blank` means that it is left out."""

    certificate_blobs: Literal["both", "der", "pem"] = "both"
    """Q4: what is taken inside the base64 of certificates and keys."""

    vault_type_accepted: Literal["any_case", "upper"] = "any_case"
    """Q8: which letter case of `key_vault_type` is taken."""

    vault_type_shown: Literal["upper", "capital"] = "upper"
    """Q8: `PREMIUM` or `Premium` in answers."""

    managed_hsm: Literal["known", "unknown"] = "known"
    """Whether DSM knows the vault type MANAGED (from 4.6 on)."""

    endpoints: Literal["known", "ignored"] = "known"
    """Whether DSM knows `endpoints`; one that does not takes every link for one of global Azure."""

    empty_url: Literal["accepted", "refused"] = "accepted"
    """Q18: a link for which no vault has been chosen yet."""

    url_shown: Literal["as_sent", "normalised", "without_slash"] = "as_sent"
    """Q29: `url` in answers: as it was sent, with lower-case host and one slash at the end, or with none."""

    url_host: Literal["unchecked", "checked"] = "unchecked"
    """Q42: whether a vault url outside the link's cloud is refused when the link is saved."""

    mod_hmg_without_secret: Literal["refuse", "keep"] = "refuse"
    """Q23 and Q40: `mod_hmg` with a blank or missing secret (or TLS client key) is refused, or the stored one stays."""

    # Groups -----------------------------------------------------------------------------------------------------------

    create_status: Literal[201, 200] = 201
    """Q5: the status of a successful `POST /sys/v1/groups`."""

    error_body: Literal["text", "json", "json_string", "json_errors"] = "text"
    """Q6: a bare line of text, `{"message": ...}`, a JSON string, or `{"errors": [{"message": ...}]}`."""

    approval_answer: Literal["exact", "sentence"] = "exact"
    """Q9: 403 with exactly the known text, or with a sentence that contains it."""

    delete_not_empty: Literal[400, 409] = 400
    """Q10: the status of the deletion of a group that holds keys."""

    group_paging: Literal["modern", "middle", "none"] = "modern"
    """Q11: `middle` knows limit, offset and `sort` with `start`; `none` no query parameter at all. Both ignore what
    they do not know, `filter` and `continuation_token` included, and answer a bare array."""

    blank_description: Literal["omitted", "empty"] = "omitted"
    """Q17: how a group without description is shown."""

    duplicate_name: Literal[409, 400] = 409
    """Q21: the status for a group name that is taken."""

    hidden_group: Literal[403, 404] = 403
    """Q22: what a principal gets for a group that exists but is not his to see. An unknown group is 404."""

    delete_linked: Literal["allowed", "refused"] = "allowed"
    """Q25: the deletion of a group that has a link but no keys."""

    group_filter: Literal["honoured", "ignored"] = "honoured"
    """Q28: whether `filter` on groups has an effect."""

    link_edits_gated: Literal["gated", "free"] = "gated"
    """Q32: whether a quorum policy covers changes of the link alone; other changes are always covered."""

    scan_gated: Literal["free", "gated"] = "free"
    """Q32: whether a group's quorum policy covers SYNC KEYS."""

    approvable: Literal["create_update", "all"] = "create_update"
    """Q32: which operations on groups an approval request takes; `all` includes deletion and SYNC KEYS."""

    approval_execution: Literal["on_approval", "on_result"] = "on_approval"
    """Q9: an approved operation is carried out at once, or when the requester asks for its result."""

    approval_body: Literal["masked", "echo", "omitted"] = "masked"
    """Q9: an approval request's body in answers: with `***` for secrets, as it was sent, or not at all."""

    approval_description: Literal["kept", "dropped"] = "kept"
    """Q9: whether an approval request's description comes back."""

    approval_operation: Literal["as_sent", "without_slash"] = "as_sent"
    """Q9: the path of an approval request's operation in answers."""

    approval_filter: Literal["honoured", "ignored"] = "honoured"
    """Q9: whether the list of approval requests heeds its filters."""

    approval_expired: Literal["dropped", "kept"] = "dropped"
    """Q31: whether approval requests that have expired are still shown, with the status that they had."""

    sort_by_alone: Literal["accepted", "refused"] = "accepted"
    """Q33: `sort_by` without `previous_id` or `previous_sort_value`."""

    metadata: Literal["accepted", "refused", "limited"] = "accepted"
    """Q43: `custom_metadata` on a group with a link; `limited` takes 8 entries with values of 64 characters."""

    relink_with_keys: Literal["accepted", "refused"] = "accepted"
    """Q45: `add_hmg`, or another `url`, on a group that holds security objects."""

    # Sessions, users, apps --------------------------------------------------------------------------------------------

    expired_token: Literal[401, 403] = 401
    """Q7: the status for a token that has expired or is not known."""

    user_groups: Literal["map", "null", "omitted"] = "map"
    """Q16: `groups` of a user who is a member of none: `{}`, `null`, or left out."""

    group_role_spelling: Literal["upper", "pascal"] = "upper"
    """Q16: `GROUPADMINISTRATOR` or `GroupAdministrator`."""

    administrator_groups: Literal["explicit", "all"] = "explicit"
    """Q16: whether `groups` of an account administrator lists all groups, or those only that name him."""

    select_account_body: Literal["object", "cookie", "empty"] = "object"
    """Q19: the answer to select_account: `{}`, `{"cookie": null}`, or no body."""

    account_switch: Literal["immediate", "unselected", "stale"] = "immediate"
    """Q19: for `account_switch_calls` requests after select_account a session has no account yet (401), or the one
    selected before (401 if there was none)."""

    account_switch_calls: int = 2
    """How many requests it takes until a selected account is in force (Q19)."""

    app_groups: Literal["map", "on_request", "list"] = "map"
    """`groups` of an app: id -> permissions; that with `group_permissions=true` only; or always a list of ids (old)."""

    app_permissions: Literal["refused", "answered"] = "refused"
    """Whether `GET /sys/v1/users/permissions` has an answer for apps too."""

    # Check, list, scan ------------------------------------------------------------------------------------------------

    check_body: Literal["optional", "required"] = "optional"
    """Q20: whether a group's check may come without a body."""

    azure_failure_status: Literal[400, 401, 403, 404, 424, 500, 502, 503] = 400
    """Q24: DSM's status when Azure, or the way to Azure, refuses."""

    azure_failure_text: Literal["codes", "message_only"] = "codes"
    """Q24: what DSM passes on of Azure's refusal: service, status, codes and message, or the message alone, with its
    line breaks."""

    check_config_secret: Literal["required", "merged"] = "required"
    """Q34: whether `config` in a group's check, without its secret, is completed from the group's stored link."""

    tls_scope: Literal["all", "vault+arm", "vault"] = "all"
    """Q35: the connections to which the link's `tls` block applies; the others use the global roots."""

    check_depth: Literal["keys_list", "vault_get", "arm_list", "token"] = "keys_list"
    """Q36: how far a check goes. Each step includes those before it; without a vault url it ends at `arm_list`."""

    partial_rights: Literal["filtered", "403"] = "filtered"
    """Q37: ARM's list for a principal that may read only some vaults of the subscription."""

    no_rights: Literal["empty", "403"] = "empty"
    """Q37: ARM's list for a principal that may read none."""

    hsm_list_denied: Literal["omitted", "fails"] = "omitted"
    """Q37: ARM's list of managed HSMs for a principal that may read none, Key Vault Contributor say: empty or 403."""

    client_assertion: Literal["PS256", "RS256"] = "PS256"
    """Q38: the form of DSM's client assertion: PS256 with a SHA-256 thumbprint, or RS256 with a SHA-1 one (`x5t`)."""

    dsm_token_cache: Literal["none", "until_expiry"] = "none"
    """Q39: whether DSM asks Entra anew for each check and scan, or keeps a token until it expires."""

    check_right: Literal["reader", "administrator"] = "reader"
    """Q41: who may check a group's link: all who may read the group, or its administrators."""

    admin_app: Literal["unlimited", "no_keys", "no_scan", "no_links"] = "unlimited"
    """Q41: what an app of the role `admin` may not do: list keys; that and scan; that, check and list vaults."""

    scan_answer: Literal["new", "all"] = "new"
    """Q30: a scan's answer holds the new virtual keys, or all keys that it has seen."""

    key_state_words: Literal["lower", "capital", "enabled"] = "lower"
    """Q13: `azure-key-state`: created/deleted/purged, Created/Deleted/Purged, or Enabled/Deleted/Purged."""

    scan_versions: Literal["current", "all"] = "current"
    """Q44: a scan makes a virtual key of each Azure key's current version only, or of every version."""

    scan_skips: Literal["none", "disabled", "managed", "expired", "all"] = "none"
    """Q44: which keys a scan makes no virtual key of; `managed` are those behind a certificate of the vault."""

    scan_other_types: Literal["skipped", "fails"] = "skipped"
    """Q44: a scan passes over keys that are neither RSA nor EC, or fails at them."""

    scan_failure: Literal["nothing", "partial", "skip"] = "nothing"
    """Q46: what a scan leaves that fails at one key: no new keys, those before it, or (answered 200) all others."""

    scan_history: Literal["recorded", "empty", "refused"] = "recorded"
    """Q47: `GET .../hmg/scans` of an Azure group: its scans, an empty list, or 400."""

    # Keys -------------------------------------------------------------------------------------------------------------

    copy_rotates_by: Literal["dsm_name", "azure_name", "either", "never"] = "dsm_name"
    """Q48: what makes a copy into an Azure group a rotation: a virtual key with the name in DSM, one with the name in
    Azure, either of them, or nothing. A name in DSM that is taken otherwise is 409."""

    deletion_routes: Literal["served", "404"] = "served"
    """Whether `schedule_deletion` and `delete_key_material`, which the API does not describe, are served."""

    recover_route: Literal["served", "404", "405", "400"] = "served"
    """Q50: whether `cancel_deletion` is served for keys of Azure, or how it is refused."""

    restore_route: Literal["served", "404", "405", "400"] = "served"
    """Q50: whether `restore` is served for keys of Azure, or how it is refused."""

    pushes: Literal["enabled+dates", "none", "enabled", "all"] = "enabled+dates"
    """Q53: which attributes DSM hands on to Azure, with a new key and with a change of one; `all` includes operations
    that are changed, and tags. The operations of a new key are always handed on."""

    copy_wrapped_only: Literal["refused", "allowed"] = "refused"
    """Q54: a copy into an Azure group of a source whose export policy demands wrapping."""

    delete_when: Literal["destroyed", "deleted", "any"] = "destroyed"
    """Q56: when the record of an Azure key can be deleted: in the state Destroyed, once Azure's key is deleted, or
    always."""

    delete_early: Literal[400, 409] = 400
    """Q56: the status of a deletion before that."""

    metadata_patch: Literal["replace", "merge"] = "replace"
    """Q58: what `custom_metadata` in a change does to entries that it does not name: they go, or they stay."""

    create_on_existing: Literal["version", "409"] = "version"
    """Q66: native creation on a name that Azure has: Azure adds a version to that key, or DSM looks first and refuses
    it."""

    rotates_inactive: Literal["refused", "allowed"] = "refused"
    """Whether a key that is deactivated or compromised can be rotated, by rekey or by a copy."""

    native_rekey: Literal["create", "rotate"] = "create"
    """How DSM lets Azure make the version of a rotation: by `create`, or by `rotate`, which is none of the permissions
    that the guide asks for (DSM contract §4.8)."""

    lifecycle_gated: Literal["free", "gated"] = "free"
    """Q67: whether a quorum policy covers the operations on Azure keys that the API does not describe."""

    approval_subjects: Literal["key+group", "key"] = "key+group"
    """Q67: what a request for an operation on a key names as its subjects: the key and the groups whose policies it is
    under, or the key alone."""

    admin_app_keys: Literal["no_wrap", "none"] = "no_wrap"
    """Q68: whether an administrative app may generate, copy and rekey. Wrapping is not simulated yet."""

    crypto_app_scan: Literal["refused", "allowed"] = "refused"
    """Q68: whether a crypto app may scan the groups that it is a member of."""

    scan_recognises: Literal["by_version", "by_name", "doubles"] = "by_version"
    """Q51: what a scan makes of a key whose virtual key an operation of DSM made: it knows that version; no version of
    that name gets another virtual key; or that version gets a second one."""

    siblings_after_delete: Literal["all", "only_this"] = "all"
    """Q52: which virtual keys of a key show that DSM has soft-deleted it, before the next scan."""

    pulls: Literal["enabled", "none", "enabled+dates", "all"] = "enabled"
    """Q53: which attributes of a known key a scan takes over from Azure; `all` includes operations and tags."""

    azure_backup: Literal["absent", "set_at_delete"] = "absent"
    """Q55: whether the metadata of a deleted key holds `azure-backup`."""

    virtual_pub_key: Literal["present", "absent"] = "present"
    """Q59: whether a virtual key has a `pub_key`."""

    state_after_delete: Literal["at_once", "after_scan"] = "at_once"
    """Q60: when `azure-key-state` tells that DSM has soft-deleted a key."""

    pub_key_after_write: Literal["present", "absent"] = "present"
    """Whether the answer to a creation, copy, rotation or change shows the public key, for which reads have to ask."""

    key_by_path: Literal["served", "404"] = "served"
    """Q61: `GET /crypto/v1/keys/{kid}`."""

    # Circumstances, no questions of the contract ----------------------------------------------------------------------

    azure_timeout: float = 30.0
    """Seconds after which DSM gives up a request to Azure."""

    dsm_clock_skew: float = 0.0
    """Seconds by which DSM's clock is ahead of the world's; it shows in client assertions and in its `Date` header."""

    def __post_init__(self) -> None:
        """Refuse a value that no code path would honour: a typing mistake must not test the default twice."""
        for name, allowed in self.settings().items():
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name}={value!r}: one of {allowed} is wanted")
        if self.generation == "legacy":
            if self.version == type(self).version:
                object.__setattr__(self, "version", "4.5.0")
            for name, value in LEGACY.items():
                object.__setattr__(self, name, value)

    @classmethod
    @cache
    def settings(cls) -> dict[str, tuple[Any, ...]]:
        """Each switch with its values, the default first: what a test-suite has to go through."""
        hints = get_type_hints(cls)
        return {field.name: values for field in fields(cls) if (values := get_args(hints[field.name]))}


LEGACY: dict[str, Any] = {
    "kind_spelling": "legacy",
    "kind_accepted": "legacy",
    "credential_form": "secret_key",
    "managed_hsm": "unknown",
    "endpoints": "ignored",
    "group_paging": "none",
    "app_groups": "list",
    "group_role_spelling": "pascal",
    "deletion_routes": "404",
    "recover_route": "404",
    "restore_route": "404",
}
"""What `generation="legacy"` means."""
