# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The possible sources of one identity's permissions: roles and access policy entries. Pure.

A *candidate* is one source with the verdict that it would justify alone. The best candidate decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ..._names import name_key, path_key, same_name
from ..._timestamps import iso_or_none
from .facts import Access, PolicyEntry, RoleAssignment, RoleDefinition
from .notes import Note
from .roles import BUILT_IN, BUILT_IN_LOCAL

OK, OK_WITH_WARNING, MISSING, INEFFECTIVE, UNKNOWN = "ok", "ok_with_warning", "missing", "ineffective", "unknown"
# From best to worst. "Ineffective" before "missing": a grant exists and may become effective.
ORDER = (OK, OK_WITH_WARNING, UNKNOWN, INEFFECTIVE, MISSING)
EFFECTIVE = (OK, OK_WITH_WARNING)

ACCESS_POLICY, ROLE, LOCAL_ROLE = "access_policy", "role", "local_role"
# Azure's limit for the replication of an assignment (Azure contract §1.7, T18).
SPREADING = timedelta(minutes=10)
_EVERYONE = "00000000-0000-0000-0000-000000000000"
# The query of the reader (`assignedTo`) returns the assignments of a group only to its members (T13).
_GROUP_TYPES = ("group", "foreigngroup", "")
_GROUP_NOTES: frozenset[Note] = frozenset({"through-group", "group-membership-unknown"})


@dataclass(frozen=True)
class Source:
    """An actual or possible source of a permission.

    ``kind``: access_policy | role | local_role. ``origin``: vault | resource_group | subscription | management_group |
    root, or of a Managed HSM: pool | keys | key. ``via_group``: object ID of the group. ``id``: of the
    assignment, empty for a policy. ``ends``: of an activation. ``condition``: as stored in the assignment.
    """

    kind: str
    name: str
    scope: str
    origin: str
    via_group: str | None = None
    id: str = ""
    ends: datetime | None = None
    condition: str | None = None

    def as_result(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "scope": self.scope,
            "origin": self.origin,
            "via_group": self.via_group,
            "id": self.id,
            "ends": iso_or_none(self.ends),
            "condition": self.condition,
        }


@dataclass(frozen=True)
class CandidateGrant:
    """One source, the verdict that it justifies alone, and the relevant circumstances."""

    source: Source
    verdict: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class HeldRole:
    """An Azure or local role that the identity has, or could have, with its definition (None: not readable)."""

    role_guid: str
    definition: RoleDefinition | None
    candidate: CandidateGrant


def best(verdicts: list[str]) -> str:
    return min(verdicts, key=ORDER.index)


def worst(verdicts: list[str]) -> str:
    return max(verdicts, key=ORDER.index)


def is_identity(access: Access, object_id: str) -> bool | None:
    """Whether an object ID is the identity or one of its groups; None if that depends on unknown groups (T7)."""
    if same_name(object_id, access.identity.object_id):
        return True
    groups = access.identity.groups
    if groups is None:
        return None
    return any(same_name(object_id, group) for group in groups)


def scope_reaches(scope: str, resource_id: str) -> bool:
    """Whether a scope is the resource or above it. Management groups: the reader's query returns only those above."""
    above, below = _segments(scope), _segments(resource_id)
    return below[: len(above)] == above or _is_management_group(above)


def held_roles(access: Access) -> Iterator[HeldRole]:
    """Azure roles that apply to the vault, including eligible ones of PIM (T11-T16, T18, T19)."""
    for assignment in access.assignments or ():
        ours = _by_query(access, assignment)
        if ours and scope_reaches(assignment.scope, access.store.resource_id):
            verdict, notes = _circumstances(access, assignment)
            yield _held(access, assignment, verdict, notes)
    for assignment in access.eligible or ():
        if _by_query(access, assignment) and scope_reaches(assignment.scope, access.store.resource_id):
            yield _held(access, assignment, MISSING, ("role-eligible-only",))


def held_local_roles(access: Access) -> Iterator[HeldRole]:
    """Local roles of a Managed HSM, which does not return the type of a principal (Azure contract §1.8)."""
    definitions = {**BUILT_IN_LOCAL, **access.local_roles}
    for assignment in access.local or ():
        ours = is_identity(access, assignment.principal_id)
        if ours is False:
            continue
        verdict, notes = _circumstances(access, assignment)
        origin = _local_origin(assignment.scope)
        if origin == "key":
            verdict, notes = worst([verdict, MISSING]), (*notes, "role-for-single-keys")
        elif ours is None:
            verdict, notes = worst([verdict, UNKNOWN]), (*notes, "group-membership-unknown")
        definition = definitions.get(name_key(assignment.role_guid))
        direct = same_name(assignment.principal_id, access.identity.object_id)
        source = Source(
            kind=LOCAL_ROLE,
            name=definition.name if definition else assignment.role_guid,
            scope=assignment.scope,
            origin=origin,
            via_group=None if direct else assignment.principal_id,
            id=assignment.id,
            ends=assignment.ends,
        )
        yield HeldRole(name_key(assignment.role_guid), definition, CandidateGrant(source, verdict, notes))


def policy_entries(access: Access) -> Iterator[tuple[frozenset[str], CandidateGrant]]:
    """Access policy entries that concern the identity, with their key permissions in lower case (T4-T9)."""
    for entry in access.store.policies:
        judged = _judge_entry(access, entry)
        if judged is not None:
            verdict, notes = judged
            group = entry.object_id if _GROUP_NOTES.intersection(notes) else None
            source = Source(
                kind=ACCESS_POLICY,
                name="access policy",
                scope=access.store.resource_id,
                origin="vault",
                via_group=group,
            )
            yield frozenset(name_key(name) for name in entry.keys), CandidateGrant(source, verdict, notes)


def denied(access: Access) -> Iterator[tuple[bool, str, RoleDefinition]]:
    """Deny assignments that apply to the vault: whether certainly, their name, and what they deny (T17)."""
    for deny in access.denies or ():
        if not scope_reaches(deny.scope, access.store.resource_id):
            continue
        if deny.spares_child_scopes and _segments(deny.scope) != _segments(access.store.resource_id):
            continue
        named = [True if same_name(one, _EVERYONE) else is_identity(access, one) for one in deny.principals]
        excluded = [is_identity(access, one) for one in deny.excluded]
        if True in excluded or not (True in named or None in named):
            continue
        certain = True in named and None not in excluded and not deny.condition
        yield certain, deny.name or deny.id, RoleDefinition(deny.id, deny.name, deny.permissions)


def _judge_entry(access: Access, entry: PolicyEntry) -> tuple[str, tuple[Note, ...]] | None:
    identity = access.identity
    ours = is_identity(access, entry.object_id)
    if entry.application_id:
        if ours or same_name(entry.application_id, identity.client_id):
            return INEFFECTIVE, ("compound-identity-in-policy",)
        return None
    if not ours:
        if same_name(entry.object_id, identity.application_object_id):
            return INEFFECTIVE, ("application-object-id-in-policy",)
        if same_name(entry.object_id, identity.client_id):
            return INEFFECTIVE, ("client-id-in-policy",)
        if ours is False:
            return None
    if not same_name(entry.tenant_id, access.store.tenant_id):
        return (INEFFECTIVE, ("foreign-tenant-in-policy",)) if ours else None
    if ours is None:
        return UNKNOWN, ("group-membership-unknown",)
    return OK, () if same_name(entry.object_id, identity.object_id) else ("through-group",)


def _by_query(access: Access, assignment: RoleAssignment) -> bool:
    """Whether an assignment from a list requested for this identity belongs to it."""
    ours = is_identity(access, assignment.principal_id)
    if ours is None:
        return name_key(assignment.principal_type) in _GROUP_TYPES
    return ours


def _held(access: Access, assignment: RoleAssignment, verdict: str, notes: tuple[Note, ...]) -> HeldRole:
    guid = name_key(assignment.role_guid)
    definition = access.roles.get(guid) or BUILT_IN.get(guid)
    direct = same_name(assignment.principal_id, access.identity.object_id)
    origin = _origin(assignment.scope, access)
    if origin not in ("vault", "pool"):
        notes = (*notes, "inherited")
    if not direct:
        notes = (*notes, "through-group")
    source = Source(
        kind=ROLE,
        name=definition.name if definition else assignment.role_guid,
        scope=assignment.scope,
        origin=origin,
        via_group=None if direct else assignment.principal_id,
        id=assignment.id,
        ends=assignment.ends,
        condition=assignment.condition or None,
    )
    return HeldRole(guid, definition, CandidateGrant(source, verdict, notes))


def _circumstances(access: Access, assignment: RoleAssignment) -> tuple[str, tuple[Note, ...]]:
    """The best verdict that an assignment can justify, regardless of its role (T14, T16, T18, T19)."""
    verdicts = [OK]
    notes: list[Note] = []
    if _is_orphan(assignment):
        verdicts.append(MISSING)
        notes.append("role-assignment-orphaned")
    if assignment.ends is not None:
        over = _utc(assignment.ends) <= _utc(access.now)
        verdicts.append(MISSING if over else OK_WITH_WARNING)
        notes.append("role-assignment-expired" if over else "role-assignment-expires")
    if assignment.condition:
        verdicts.append(UNKNOWN)
        notes.append("role-under-condition")
    if assignment.created is not None and _utc(access.now) - _utc(assignment.created) < SPREADING:
        verdicts.append(OK_WITH_WARNING)
        notes.append("role-assignment-recent")
    return worst(verdicts), tuple(notes)


def _is_orphan(assignment: RoleAssignment) -> bool:
    return same_name(assignment.principal_type, "Unknown")


def _origin(scope: str, access: Access) -> str:
    segments = _segments(scope)
    if not segments:
        return "root"
    if _is_management_group(segments):
        return "management_group"
    if segments == _segments(access.store.resource_id):
        return "pool" if access.store.is_hsm else "vault"
    return "subscription" if len(segments) == 2 else "resource_group"


def _local_origin(scope: str) -> str:
    segments = _segments(scope)
    if not segments:
        return "pool"
    return "keys" if segments == ["keys"] else "key"


def _segments(scope: str) -> list[str]:
    return [part for part in path_key(scope).split("/") if part]


def _is_management_group(segments: list[str]) -> bool:
    return segments[:3] == ["providers", "microsoft.management", "managementgroups"]


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment
