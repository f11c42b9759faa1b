# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Key Vault refuses, in its own words where they are known (Azure contract §1.1, §1.11)."""

from __future__ import annotations

from ..entra.tokens import Caller
from ..firewall import Refusal
from ..rights.effective import DATA_ACTIONS, FURTHER_ACTIONS
from ..service import AzureError
from ..vaults import KeyStore, Vault


def not_found(name: str) -> AzureError:
    message = (
        f"A key with (name/id) {name} was not found in this key vault. If you recently deleted this key you may be "
        "able to recover it using the correct recovery command."
    )
    return AzureError(404, "KeyNotFound", message)


def forbidden(caller: Caller, vault: Vault, permission: str, inner: str, name: str | None) -> AzureError:
    who = _who(caller)
    if inner == "ForbiddenByRbac":
        action = (DATA_ACTIONS | FURTHER_ACTIONS)[permission]
        resource = f"{vault.resource_id}/keys/{name}" if name else vault.resource_id
        message = (
            "Caller is not authorized to perform action on resource. If role assignments, deny assignments or role "
            "definitions were changed recently, please observe propagation time. "
            f"Caller: {who} Action: '{action}' Resource: '{resource}' Assignment: (not "
            f"found) Vault: {vault.name};location={vault.location}"
        )
    else:
        message = (
            f"The user, group or application '{who}' does not have keys {permission} permission on key vault "
            f"'{vault.name};location={vault.location}'."
        )
    return AzureError(403, "Forbidden", message, inner)


def kept_out(caller: Caller, store: KeyStore, refusal: Refusal) -> AzureError:
    """The firewall's refusal. Key Vault separates the parts of this message by line breaks."""
    message = f"{refusal.reason}\r\nCaller: {_who(caller)}\r\nVault: {store.name};location={store.location}"
    return AzureError(403, "Forbidden", message, refusal.code)


def _who(caller: Caller) -> str:
    return f"appid={caller.client_id};oid={caller.object_id};iss=https://sts.windows.net/{caller.tenant_id}/"


# A name that is not free ---------------------------------------------------------------------------------------------


def name_taken(name: str, state: str) -> AzureError:
    """Why no key can be made under a name, by what is under way with it, or because a deleted key has it."""
    if state == "deleted":
        return AzureError(
            409,
            "Conflict",
            f"Key {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this "
            "state, the key can only be recovered or purged.",
            "ObjectIsDeletedButRecoverable",
        )
    verb, inner = _STATES[state]
    message = f"Key {name} is currently being {verb} and cannot be re-created; retry later."
    return AzureError(409, "Conflict", message, inner)


def busy(state: str) -> AzureError:
    """Why nothing else can be done with a key now."""
    verb, inner = _STATES[state]
    return AzureError(409, "Conflict", f"Key is currently being {verb}.", inner)


_STATES = {
    "deleting": ("deleted", "ObjectIsBeingDeleted"),
    "purging": ("deleted", "ObjectIsBeingDeleted"),
    "recovering": ("recovered", "ObjectIsBeingRecovered"),
}


def of_a_certificate(name: str) -> AzureError:
    """The key behind a certificate of the vault changes with that (Azure contract §1.11; the words are made up)."""
    message = f"The key {name} is managed by a certificate of the same name. Use the operations of certificates."
    return AzureError(403, "Forbidden", message)


def cannot_purge(store: KeyStore) -> AzureError:
    """The words: microsoft/AzureTRE issue 1760. How its lines are separated is inferred from the firewall's."""
    message = (
        'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service will '
        "automatically purge it after the retention period has passed."
        f"\r\nVault: {store.name};location={store.location}"
    )
    return AzureError(403, "Forbidden", message)


def already_there() -> AzureError:
    """A backup of a key whose name is in use. The words: Azure/azure-sdk-for-python issue 17630."""
    message = (
        "There was a conflict restoring the key. This can happen if either: a second key with the same name was "
        "created after the first key was deleted; thus trying to restore a key whose name is already in use. To fix "
        "this, rename the second key to something else so that the restore works. The second probable cause of this "
        "exception is when multiple operations are performed in parallel against the key. To avoid this error, perform "
        "operations against a key in a sequential manner."
    )
    return AzureError(409, "Conflict", message)


def malformed_backup() -> AzureError:
    """A recording of Azure/azure-sdk-for-js (Azure contract §1.11)."""
    return AzureError(400, "Malformed backup blob", "Backup blob contains invalid or corrupt version.")


def throttled(retry_after: int | None) -> AzureError:
    message = "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached"
    headers = None if retry_after is None else {"Retry-After": str(retry_after)}
    return AzureError(429, "Throttled", message, headers=headers)
