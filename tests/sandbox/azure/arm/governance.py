# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Resource Manager obeys locks and Azure Policy, and what it lists of locks.

`CanNotDelete` forbids deletions at its scope and below, those of role assignments included; `ReadOnly` forbids every
write there as well. The planes behind Resource Manager, such as the roles of a managed HSM, know no locks. Sources:
learn.microsoft.com, "Lock your resources to protect your infrastructure" and "Resolve errors for request disallowed by
policy"; the words of a locked scope are those that users report (Azure/azure-cli issue 20232, MicrosoftDocs/azure-docs
issue 110791); that a list of locks has those of the scopes above is in the reference of Get-AzResourceLock.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from ..rights.governance import DENY, MODIFY, READ_ONLY, Lock, PolicyAssignment
from ..rights.values import is_within
from ..service import AzureError, Service
from .scopes import ANY_SCOPE, PROVIDER, Filter, ScopePlane

_READ = f"{PROVIDER}/locks/read"


def add_lock_routes(app: web.Application, service: Service) -> None:
    app.router.add_get(ANY_SCOPE + "/locks", Locks(service).list_at)


class Locks(ScopePlane):
    async def list_at(self, request: web.Request) -> web.Response:
        """The locks at the scope and above it; with no `atScope()`, those below it too."""
        caller = self._caller(request)
        scope = self._scope(request, caller)
        self._require(caller, _READ, scope)
        self._require_existing(scope)
        wanted = Filter.of(request)
        found = [lock for lock in self._state.locks if self._matches(wanted, scope, lock.scope, [])]
        return self._page(found, request, _json)


def _json(lock: Lock) -> dict[str, Any]:
    return {
        "id": f"{lock.scope}/providers/{PROVIDER}/locks/{lock.name}",
        "type": f"{PROVIDER}/locks",
        "name": lock.name,
        "properties": {"level": lock.level, **({"notes": lock.notes} if lock.notes else {})},
    }


def refuse_locked(locks: Iterable[Lock], scope: str, *, deletes: bool) -> None:
    """Refuse a write or a deletion at a scope that a lock covers."""
    in_force = [lock for lock in locks if is_within(scope, lock.scope) and (deletes or lock.level == READ_ONLY)]
    if in_force:
        listed = ",".join(sorted({lock.scope for lock in in_force}))
        verb = "delete" if deletes else "write"
        raise AzureError(
            409,
            "ScopeLocked",
            f"The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: '{listed}'. "
            "Please remove the lock and try again.",
        )


def obeying_policy(
    policies: Iterable[PolicyAssignment],
    resource_type: str,
    resource_id: str,
    body: Mapping[str, Any],
    stored: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of a PUT or PATCH as the resource provider gets it. `stored`: the resource as it is, for a PATCH.

    Azure Policy judges what the resource would be after the write.
    """
    concerned = [one for one in policies if one.resource_type == resource_type and is_within(resource_id, one.scope)]
    asked: dict[str, Any] = copy.deepcopy(dict(body))
    for policy in concerned:
        if policy.effect == MODIFY and policy.member is not None:
            _set(asked, policy.member.split("."), policy.value, stored or {})
    for policy in concerned:
        if policy.effect == DENY and _denies(policy, asked, stored or {}):
            raise _disallowed(policy, resource_id)
    return asked


def _denies(policy: PolicyAssignment, asked: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    if policy.member is None:
        return True
    path = policy.member.split(".")
    found = _at(asked, path)
    found = _at(stored, path) if found is None else found
    return str(found).lower() == str(policy.value).lower()


def _at(body: Mapping[str, Any], path: list[str]) -> Any:
    found: Any = body
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _set(body: dict[str, Any], path: list[str], value: Any, stored: Mapping[str, Any]) -> None:
    """Set one member. Those around it that a request replaces as a whole start from what is stored."""
    target, known = body, stored
    for name in path[:-1]:
        known = known.get(name) or {}
        if not isinstance(target.get(name), dict):
            target[name] = {} if name == "properties" else copy.deepcopy(dict(known))
        target = target[name]
    target[path[-1]] = value


def _disallowed(policy: PolicyAssignment, resource_id: str) -> AzureError:
    name = resource_id.rpartition("/")[2]
    identifiers = [
        {
            "policyAssignment": {"name": policy.display_name, "id": policy.assignment_id},
            "policyDefinition": {"name": policy.display_name, "id": policy.definition_id},
        }
    ]
    error = AzureError(
        403,
        "RequestDisallowedByPolicy",
        f"Resource '{name}' was disallowed by policy. Policy identifiers: '{json.dumps(identifiers)}'.",
    )
    info = {
        "policyDefinitionDisplayName": policy.display_name,
        "policyDefinitionId": policy.definition_id,
        "policyDefinitionName": policy.definition_id.rpartition("/")[2],
        "policyDefinitionEffect": policy.effect,
        "policyAssignmentId": policy.assignment_id,
        "policyAssignmentName": policy.name,
        "policyAssignmentDisplayName": policy.display_name,
        "policyAssignmentScope": policy.scope,
        "policyAssignmentParameters": {},
        "policyExemptionIds": [],
    }
    error.body["error"] |= {"target": name, "additionalInfo": [{"type": "PolicyViolation", "info": info}]}
    return error
