# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The relevant roles, and what a role grants.

Azure contract §1.8. Comparisons of GUIDs and actions ignore letter case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..._names import name_key
from .facts import PermissionSet, RoleDefinition
from .key_permissions import HSM_DATA_ACTIONS

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
HSM_ADMINISTRATOR = "a290e904-7015-4bba-90c8-60543313cdb4"
HSM_CRYPTO_OFFICER = "515eb02d-2335-4d2d-92f2-b1cbdf9c3778"
HSM_POLICY_ADMINISTRATOR = "4bd23610-cdcf-4971-bdee-bdc562cc28e4"


VAULTS_READ = "Microsoft.KeyVault/vaults/read"
VAULTS_WRITE = "Microsoft.KeyVault/vaults/write"
POLICIES_WRITE = "Microsoft.KeyVault/vaults/accessPolicies/write"
HSMS_READ = "Microsoft.KeyVault/managedHSMs/read"
HSMS_WRITE = "Microsoft.KeyVault/managedHSMs/write"
ROLE_ASSIGNMENTS_WRITE = "Microsoft.Authorization/roleAssignments/write"
# A role that grants these on a vault is equivalent to Key Vault Contributor there.
CONTRIBUTOR_ACTIONS = (VAULTS_READ, VAULTS_WRITE, "Microsoft.KeyVault/vaults/delete", POLICIES_WRITE)
# A role that grants one of these goes beyond the management of vaults or Managed HSMs.
BEYOND_KEY_VAULT = (ROLE_ASSIGNMENTS_WRITE, "Microsoft.Compute/virtualMachines/write")
BEYOND_CONTRIBUTOR = (
    *BEYOND_KEY_VAULT,
    HSMS_WRITE,
    "Microsoft.KeyVault/locations/deletedVaults/purge/action",
)
BEYOND_READING = (*BEYOND_KEY_VAULT, VAULTS_WRITE, POLICIES_WRITE, HSMS_WRITE)

_WILDCARD_READ = "/*/read"
_VAULT = "Microsoft.KeyVault/vaults"
# Samples of data other than keys: a role that includes one of them is wider than required for keys.
VAULT_OTHER_DATA = (
    f"{_VAULT}/secrets/getSecret/action",
    f"{_VAULT}/secrets/setSecret/action",
    f"{_VAULT}/secrets/readMetadata/action",
    f"{_VAULT}/certificates/read",
    f"{_VAULT}/certificates/create/action",
)

_HSM = "Microsoft.KeyVault/managedHsm"
# With one of these, the holder of a local role can assign itself every other one (T38).
HSM_SELF_ADMINISTRATION = (f"{_HSM}/roleAssignments/write/action", f"{_HSM}/roleDefinitions/write/action")

# Built in here, so that verdicts and repairs work even if a definition cannot be read. Contains only what concerns keys
# and vaults; definitions that were read take precedence.
KEY_VAULT_CONTRIBUTOR = RoleDefinition(
    guid="f25e0fa2-a7c8-4377-a976-54943a77a395",
    name="Key Vault Contributor",
    permissions=(
        PermissionSet(
            actions=("Microsoft.KeyVault/*", "Microsoft.Authorization/*/read"),
            not_actions=(
                "Microsoft.KeyVault/locations/deletedVaults/purge/action",
                "Microsoft.KeyVault/hsmPools/*",
                "Microsoft.KeyVault/managedHsms/*",
            ),
        ),
    ),
)
CRYPTO_OFFICER = RoleDefinition(
    guid="14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
    name="Key Vault Crypto Officer",
    permissions=(PermissionSet(data_actions=(f"{_VAULT}/keys/*", f"{_VAULT}/keyrotationpolicies/*")),),
)
HSM_CRYPTO_USER = RoleDefinition(
    guid="21dbd100-6940-42c2-9190-5d6cb909625b",
    name="Managed HSM Crypto User",
    permissions=(
        PermissionSet(
            data_actions=tuple(
                action
                for name, action in HSM_DATA_ACTIONS.items()
                if name not in ("list", "recover", "purge", "release")
            )
        ),
    ),
)
BUILT_IN = {role.guid: role for role in (KEY_VAULT_CONTRIBUTOR, CRYPTO_OFFICER)}
BUILT_IN_LOCAL = {HSM_CRYPTO_USER.guid: HSM_CRYPTO_USER}


def matches(pattern: str, action: str) -> bool:
    """Whether an action matches a pattern, in which ``*`` matches any text and nothing else is special."""
    action = name_key(action)
    first, *others = name_key(pattern).split("*")
    if not others:
        return action == first
    if not action.startswith(first):
        return False
    at = len(first)
    for part in others[:-1]:
        found = action.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(action) - at >= len(others[-1]) and action.endswith(others[-1])


def matches_widely(pattern: str, action: str) -> bool:
    """As :func:`matches`, but ``X/*/read`` also matches ``X/read``.

    Public sources disagree whether Azure reads it so (Azure contract §1.8).
    """
    folded = name_key(pattern)
    return matches(pattern, action) or (
        folded.endswith(_WILDCARD_READ) and matches(f"{folded.removesuffix(_WILDCARD_READ)}/read", action)
    )


def covers(
    permissions: Iterable[PermissionSet], action: str, *, data: bool, match: Callable[[str, str], bool] = matches
) -> bool:
    """Whether one of the sets includes the action and does not exclude it."""
    for one in permissions:
        included, subtracted = (one.data_actions, one.not_data_actions) if data else (one.actions, one.not_actions)
        if _any(included, action, match) and not _any(subtracted, action, match):
            return True
    return False


def is_disputed(definition: RoleDefinition, action: str, *, data: bool) -> bool:
    """Whether it depends on the reading of ``X/*/read`` if a role includes the action."""
    wide = covers(definition.permissions, action, data=data, match=matches_widely)
    return wide != covers(definition.permissions, action, data=data)


def grants(definition: RoleDefinition, action: str, *, data: bool) -> bool:
    """Whether a role includes an action (``data``: a data action)."""
    return covers(definition.permissions, action, data=data)


def grants_any(definition: RoleDefinition, actions: Iterable[str], *, data: bool) -> bool:
    return any(grants(definition, action, data=data) for action in actions)


def _any(patterns: Iterable[str], action: str, match: Callable[[str, str], bool]) -> bool:
    return any(match(pattern, action) for pattern in patterns)
