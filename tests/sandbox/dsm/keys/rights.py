# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what with security objects, by kind of login, and what needs a quorum (DSM contract §1.6, §2.10).

Permissions go by their names in a group; an app's list of permissions spells some of them otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...profiles import Profile
from .. import quorum
from ..context import require_uuid
from ..errors import bad_request, forbidden, not_found
from ..permissions import Principal, require_usable
from ..state import Account, App
from ..values import Group, SecurityObject

_OF_APPS = {"EXPORT_SOBJECTS": "EXPORT"}
_NOT_MANAGING = frozenset({"EXPORT_SOBJECTS"})
"""What the older permission `MANAGE` of an app does not stand for."""
MATERIAL = frozenset({"CREATE_SOBJECTS", "COPY_SOBJECTS", "EXPORT_SOBJECTS", "ROTATE_SOBJECTS"})
"""What an administrative app may perhaps not do (Q68)."""


@dataclass(frozen=True)
class Need:
    """What an operation needs in one group."""

    group: Group
    permissions: frozenset[str]
    exports: bool = False
    """Whether the material leaves the group, which a quorum may guard as a cryptographic operation."""
    undocumented: bool = False
    """Whether the API does not describe the operation, so that it is not public whether a quorum guards it (Q67)."""


def need(group: Group, *permissions: str, exports: bool = False, undocumented: bool = False) -> Need:
    return Need(group, frozenset(permissions), exports, undocumented)


def require(principal: Principal, needs: Iterable[Need], profile: Profile) -> None:
    """Refuse whoever lacks a permission; each of them implies that of reading keys."""
    require_usable(principal, "GET_SOBJECTS", profile)
    for one in needs:
        for permission in sorted(one.permissions):
            if not _may(principal, one.group, permission, profile):
                raise forbidden(f"The operation needs the permission {permission} in the group {one.group.name}")


def _may(principal: Principal, group: Group, permission: str, profile: Profile) -> bool:
    subject = principal.subject
    if isinstance(subject, App) and subject.role == "admin":
        return profile.admin_app_keys != "none" or permission not in MATERIAL
    if isinstance(subject, App):
        held = subject.groups.get(group.group_id, [])
        return _OF_APPS.get(permission, permission) in held or ("MANAGE" in held and permission not in _NOT_MANAGING)
    held = principal.groups.get(group.group_id, [])
    return principal.is_administrator or "GROUPADMINISTRATOR" in held or permission in held


def require_manageable(principal: Principal, key: SecurityObject) -> None:
    """A crypto app may change those objects only that allow it."""
    subject = principal.subject
    if isinstance(subject, App) and subject.role != "admin" and "APPMANAGEABLE" not in key.key_ops:
        raise forbidden("sobject is not APPMANAGEABLE: apps cannot manage it")


def permit(
    principal: Principal,
    needs: Sequence[Need],
    profile: Profile,
    *,
    approved: bool,
    changed: SecurityObject | None = None,
) -> None:
    """Refuse whoever lacks a permission or may not manage the key, and what needs a quorum and is not `approved`."""
    require(principal, needs, profile)
    if changed is not None:
        require_manageable(principal, changed)
    if not approved:
        gate(needs, profile)


# Finding --------------------------------------------------------------------------------------------------------------


def key_of(principal: Principal, kid: object) -> SecurityObject:
    return visible(principal, principal.account.keys.get(require_uuid(kid, "kid")))


def visible(principal: Principal, key: SecurityObject | None) -> SecurityObject:
    """The object, if there is one and the principal may see it."""
    if key is None or key.state == "Deleted":
        raise not_found("sobject does not exist")
    if not (principal.sees_all_groups or key.group_id in principal.groups):
        raise forbidden("The operation needs the permission GET_SOBJECTS in the key's group")
    return key


def described(principal: Principal, descriptor: object) -> SecurityObject:
    """The object that `{"kid": ...}` or `{"name": ...}` stands for."""
    if isinstance(descriptor, dict) and "kid" in descriptor:
        return key_of(principal, descriptor["kid"])
    if isinstance(descriptor, dict) and isinstance(descriptor.get("name"), str):
        return visible(principal, principal.account.keys.named(descriptor["name"]))
    raise bad_request("key takes kid or name")


def group_of(account: Account, key: SecurityObject) -> Group:
    group = account.groups.get(key.group_id)
    assert group is not None
    return group


# Quorum ---------------------------------------------------------------------------------------------------------------


def guarding(needs: Iterable[Need], profile: Profile) -> list[Group]:
    """The groups whose policy wants a quorum for the operation."""
    return [one.group for one in needs if _is_guarded(one, profile)]


def _is_guarded(one: Need, profile: Profile) -> bool:
    policy = one.group.approval_policy
    if not policy or (one.undocumented and profile.lifecycle_gated == "free"):
        return False
    if one.exports and policy.get("protect_crypto_operations"):
        return True
    managing = one.permissions - {"COPY_SOBJECTS", "EXPORT_SOBJECTS"}
    if policy.get("protect_manage_operations") and managing:
        return True
    return bool(managing & set(policy.get("protect_permissions") or ()))


def gate(needs: Iterable[Need], profile: Profile) -> None:
    """Refuse a direct call of what needs a quorum."""
    for group in guarding(needs, profile):
        raise quorum.refusal(profile, f"the group {group.name}")


def policy_of(groups: list[Group]) -> dict[str, Any]:
    """The policy of a request: that of the group, or those of all groups together."""
    policies = [group.approval_policy or {} for group in groups]
    return policies[0] if len(policies) == 1 else {"quorum": {"n": len(policies), "members": policies}}
