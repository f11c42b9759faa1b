# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Excess permissions of the application, above all to grant itself more. Pure (Azure contract §1.8, T38, T39).

Assignments with a condition count here: the condition may narrow them, but only Azure can evaluate it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..._findings import catalog
from ..._findings.finding import HIGH, INFO, LOW, MEDIUM, Kind
from ..._plan import NOT_YET_KNOWN
from .candidates import INEFFECTIVE, MISSING, HeldRole, Source, denied, held_local_roles, held_roles
from .facts import Access, RoleDefinition
from .key_permissions import VAULT_DATA_ACTIONS
from .roles import (
    CONTRIBUTOR,
    HSM_ADMINISTRATOR,
    HSM_CRYPTO_OFFICER,
    HSM_POLICY_ADMINISTRATOR,
    HSM_SELF_ADMINISTRATION,
    OWNER,
    POLICIES_WRITE,
    ROLE_ASSIGNMENTS_WRITE,
    VAULTS_WRITE,
    grants,
    grants_any,
)

_HSM_ADMINISTRATORS = (HSM_ADMINISTRATOR, HSM_CRYPTO_OFFICER, HSM_POLICY_ADMINISTRATOR)
_CRYPTOGRAPHY = tuple(
    VAULT_DATA_ACTIONS[name] for name in ("encrypt", "decrypt", "wrapkey", "unwrapkey", "sign", "verify")
)


@dataclass(frozen=True)
class OverPrivilege:
    """An excess permission of the application."""

    kind: Kind
    text: str
    sources: tuple[Source, ...]

    def as_result(self) -> dict[str, Any]:
        return {
            "id": self.kind.id,
            "severity": self.kind.severity,
            "text": self.text,
            "sources": [source.as_result() for source in self.sources],
        }


def over_privileges(access: Access) -> tuple[OverPrivilege, ...]:
    """The excess permissions, the most severe first; each once, with all roles that grant it."""
    store = access.store
    found = [_role_assignments(access), _broad_roles(access)]
    if store.is_hsm:
        found.append(_hsm_administration(access))
    elif store.rbac:
        found.append(_cryptography(access))
    else:
        found.append(_own_policy(access))
    rank = (HIGH, MEDIUM, LOW, INFO)
    return tuple(sorted((one for one in found if one.sources), key=lambda one: rank.index(one.kind.severity)))


def unread_powers(access: Access) -> tuple[str, ...]:
    """What could not be read and might grant more than :func:`over_privileges` reports."""
    if access.identity.object_id == NOT_YET_KNOWN:
        return ()
    unread = [] if access.assignments is not None else ["role assignments"]
    unread += [] if access.local is not None or not access.store.is_hsm else ["local role assignments"]
    held = [*held_roles(access), *(held_local_roles(access) if access.store.is_hsm else ())]
    # These are recognized by their GUID, without their definition.
    recognized = (OWNER, CONTRIBUTOR, *_HSM_ADMINISTRATORS)
    nameless = [one for one in _active(held) if one.definition is None and one.role_guid not in recognized]
    return (*unread, *dict.fromkeys(f"definition of the role {one.role_guid}" for one in nameless))


def _role_assignments(access: Access) -> OverPrivilege:
    return OverPrivilege(
        catalog.APP_CAN_ASSIGN_ROLES,
        "The application can assign roles at or above this vault and can thereby grant itself any permission on it.",
        _giving(access, (ROLE_ASSIGNMENTS_WRITE,), data=False),
    )


def _broad_roles(access: Access) -> OverPrivilege:
    return OverPrivilege(
        catalog.APP_IS_OWNER_OR_CONTRIBUTOR,
        "The application is Owner or Contributor, which goes far beyond key management.",
        tuple(held.candidate.source for held in _active(held_roles(access)) if held.role_guid in (OWNER, CONTRIBUTOR)),
    )


def _own_policy(access: Access) -> OverPrivilege:
    return OverPrivilege(
        catalog.APP_CAN_CHANGE_ACCESS_POLICIES,
        "The application can change the access policies of this vault and can thereby grant itself every permission on "
        "its keys, secrets and certificates. The guide's own role, Key Vault Contributor, has this effect.",
        _giving(access, (VAULTS_WRITE, POLICIES_WRITE), data=False),
    )


def _cryptography(access: Access) -> OverPrivilege:
    return OverPrivilege(
        catalog.APP_MAY_USE_KEYS,
        "The application can use keys for cryptographic operations, which the guide does not require.",
        _giving(access, _CRYPTOGRAPHY, data=True),
    )


def _hsm_administration(access: Access) -> OverPrivilege:
    return OverPrivilege(
        catalog.APP_CAN_ADMINISTER_HSM,
        "The application can write role assignments or role definitions of this Managed HSM and can thereby make "
        "itself its administrator.",
        tuple(
            held.candidate.source
            for held in _active(held_local_roles(access))
            if held.role_guid in _HSM_ADMINISTRATORS
            or (held.definition is not None and grants_any(held.definition, HSM_SELF_ADMINISTRATION, data=True))
        ),
    )


def _giving(access: Access, actions: Iterable[str], *, data: bool) -> tuple[Source, ...]:
    denials = [what for certain, _name, what in denied(access) if certain]
    allowed = [action for action in actions if not _denied(denials, action, data=data)]
    return tuple(
        held.candidate.source
        for held in _active(held_roles(access))
        if held.definition is not None and grants_any(held.definition, allowed, data=data)
    )


def _active(held: Iterable[HeldRole]) -> Iterable[HeldRole]:
    return (one for one in held if one.candidate.verdict not in (MISSING, INEFFECTIVE))


def _denied(denials: Iterable[RoleDefinition], action: str, *, data: bool) -> bool:
    return any(grants(what, action, data=data) for what in denials)
