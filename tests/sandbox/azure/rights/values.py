# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who was given what, where, as values: assignments, denials, entries of access policies, scopes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Literal

from .roles import PermissionSet

EVERYONE = "00000000-0000-0000-0000-000000000000"
"""The principal of a deny assignment that stands for all."""


@dataclass(frozen=True)
class RoleAssignment:
    """A role for a principal at a scope and below. In the list of the eligible, it grants nothing."""

    scope: str
    principal_id: str
    role_guid: str
    name: str = field(default_factory=lambda: str(uuid.uuid4()))
    principal_type: str = "ServicePrincipal"
    condition: str | None = None
    description: str | None = None
    created: float = 0.0
    ends: float | None = None
    """When Privileged Identity Management takes it back, in seconds since the epoch."""


@dataclass(frozen=True)
class DenyAssignment:
    """Takes what roles grant. Made by Azure itself, or by a user (``system_protected=False``).

    With the effect `audit` it blocks nothing, and is only logged (learn.microsoft.com, DenyAssignmentEffect).
    """

    scope: str
    permissions: tuple[PermissionSet, ...]
    principals: tuple[str, ...] = (EVERYONE,)
    exclude_principals: tuple[str, ...] = ()
    do_not_apply_to_child_scopes: bool = False
    display_name: str = "Deny assignment of the system"
    effect: Literal["enforced", "audit"] = "enforced"
    system_protected: bool = True
    name: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class AccessPolicy:
    """One entry of a vault's list. An entry with an application id is a compound identity."""

    tenant_id: str
    object_id: str
    key_permissions: list[str]
    application_id: str | None = None
    secret_permissions: list[str] = field(default_factory=list)
    certificate_permissions: list[str] = field(default_factory=list)
    storage_permissions: list[str] = field(default_factory=list)


def is_within(scope: str, ancestor: str) -> bool:
    """Whether a resource scope is the ancestor itself or lies below it, by their paths alone."""
    inner, outer = scope.lower().rstrip("/"), ancestor.lower().rstrip("/")
    return inner == outer or inner.startswith(f"{outer}/")
