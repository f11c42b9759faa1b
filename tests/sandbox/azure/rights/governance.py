# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator puts above all rights: management locks, and assignments of Azure Policy.

Azure Policy is not to be confused with the access policies of a vault.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

CAN_NOT_DELETE, READ_ONLY = "CanNotDelete", "ReadOnly"
DENY, MODIFY = "deny", "modify"
VAULTS, POOLS = "Microsoft.KeyVault/vaults", "Microsoft.KeyVault/managedHSMs"
ROLE_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
_AUTHORIZATION = "/providers/Microsoft.Authorization"
_NO_ACCESS_POLICIES = f"{_AUTHORIZATION}/policyDefinitions/12d4fa5e-1f9f-4c21-97a9-b99b3c6611b5"


@dataclass(frozen=True)
class Lock:
    """A lock at a subscription, a resource group or a resource."""

    scope: str
    name: str
    level: str = CAN_NOT_DELETE
    notes: str = ""


@dataclass(frozen=True)
class PolicyAssignment:
    """One assignment of a definition at a scope.

    `member`: a path in the body of the resource, such as `properties.publicNetworkAccess` or `tags.environment`. With
    `deny`, a resource where it has the value is refused; without a member, every resource of the type is. With
    `modify`, it gets the value in each request.
    """

    scope: str
    display_name: str
    effect: str
    resource_type: str = VAULTS
    member: str | None = None
    value: Any = None
    definition_id: str = f"{_AUTHORIZATION}/policyDefinitions/11111111-2222-4333-8444-555555555555"
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:24])

    @property
    def assignment_id(self) -> str:
        return f"{self.scope}{_AUTHORIZATION}/policyAssignments/{self.name}"


class GovernanceAdmin:
    """The deeds of an administrator of locks and of Azure Policy, in a cloud's state."""

    def __init__(self) -> None:
        super().__init__()
        self.locks: list[Lock] = []
        self.policy_assignments: list[PolicyAssignment] = []

    def lock(self, scope: str, name: str = "do-not-touch", level: str = CAN_NOT_DELETE, notes: str = "") -> Lock:
        """Put a lock at the ID of a subscription, a resource group or a resource."""
        made = Lock(scope, name, level, notes)
        self.locks.append(made)
        return made

    def unlock(self, lock: Lock) -> None:
        self.locks.remove(lock)

    def assign_policy(self, scope: str, display_name: str, effect: str, **members: Any) -> PolicyAssignment:
        """Assign an Azure Policy at a scope. `members` are those of PolicyAssignment."""
        made = PolicyAssignment(scope, display_name, effect, **members)
        self.policy_assignments.append(made)
        return made

    def deny_access_policies(self, subscription_id: str) -> PolicyAssignment:
        """Assign the built-in Azure Policy against vaults that use access policies, with the effect Deny."""
        return self.assign_policy(
            f"/subscriptions/{subscription_id}",
            "Vaults should use RBAC",
            DENY,
            member="properties.enableRbacAuthorization",
            value=False,
            definition_id=_NO_ACCESS_POLICIES,
        )
