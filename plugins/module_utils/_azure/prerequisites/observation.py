# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads everything that affects the permissions of an application at one vault, in as few requests as possible.

What the operator cannot read becomes None with a reason, never an empty list. Role assignments and definitions, and the
local roles of a Managed HSM, are required: there, an outage is an error, not a verdict. Everything else is optional:
deny assignments and PIM are not served in every cloud, and what they would change is reported as unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from ..._names import path_key, same_name
from ..._plan import NOT_YET_KNOWN
from ..._rest.statuses import FORBIDDEN, NOT_FOUND
from ..authorization import managed_hsm, role_assignments
from ..rights.facts import Access, ApplicationIdentity, KeyStore, RoleAssignment, RoleDefinition
from ..wire.errors import AzureError
from ..wire.meanings import WITHOUT_PIM
from ..wire.optional_reads import Unread, optional
from ..wire.session import Azure

T = TypeVar("T")


def observe(
    azure: Azure, store: KeyStore, identity: ApplicationIdentity, known: Mapping[str, RoleDefinition] | None = None
) -> Access:
    """The permissions of the identity at the vault. ``known``: definitions that need not be read again.

    Raises:
        TaskError: a service does not respond, or the local roles of the Managed HSM cannot be requested.
    """
    if identity.object_id == NOT_YET_KNOWN:
        return Access(store=store, identity=identity, now=azure.now(), roles=dict(known or {}))
    unread: dict[str, Unread] = {}
    scope, principal = store.scope, identity.object_id

    def required(name: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except AzureError as error:
            if error.status != FORBIDDEN:
                raise
            unread[name] = Unread(error.server_words or error.problem, error.status)
            return None

    def seen(name: str, read: Callable[[], T]) -> T | None:
        found = optional(read)
        if not isinstance(found, Unread):
            return found
        unread[name] = found
        return None

    assignments = required("assignments", lambda: role_assignments.assignments(azure.arm, scope, principal))
    denies = seen("denies", lambda: role_assignments.denies(azure.arm, scope))
    ends = seen("activations", lambda: _without_pim(lambda: role_assignments.activations(azure.arm, scope, principal)))
    access = Access(
        store=store,
        identity=identity,
        now=azure.now(),
        assignments=_with_ends(assignments, ends or {}),
        roles={**(known or {}), **_definitions(azure, scope, assignments or (), known)},
        denies=denies,
        # Read by with_eligible(), only if a permission is missing.
        eligible=(),
    )
    if store.is_hsm and not store.planned and (store.activation is None or same_name(store.activation, "Active")):
        with azure.pool(store.uri) as pool:
            access = replace(
                access,
                local=required("local", lambda: managed_hsm.assignments(pool)),
                local_roles=required("local_roles", lambda: managed_hsm.roles(pool)) or {},
            )
    return _with_unread(access, unread)


def with_eligible(azure: Azure, access: Access) -> Access:
    """The observation with eligible roles: they only matter as the reason for a missing permission (T15)."""
    scope, principal = access.store.scope, access.identity.object_id
    if principal == NOT_YET_KNOWN:
        return access
    eligible = optional(lambda: _without_pim(lambda: role_assignments.eligible(azure.arm, scope, principal)) or ())
    if isinstance(eligible, Unread):
        return _with_unread(replace(access, eligible=None), {"eligible": eligible})
    roles = {**_definitions(azure, scope, eligible, access.roles), **access.roles}
    return replace(access, eligible=eligible, roles=roles)


def _with_unread(access: Access, unread: Mapping[str, Unread]) -> Access:
    """The observation with what could not be read."""
    return replace(
        access,
        unreadable={**access.unreadable, **{name: one.why for name, one in unread.items()}},
        refused=access.refused | {name for name, one in unread.items() if one.refused},
    )


def _without_pim(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except AzureError as error:
        if error.code.lower() in WITHOUT_PIM:
            return None
        raise


def _with_ends(
    assignments: Sequence[RoleAssignment] | None, ends: Mapping[str, datetime]
) -> tuple[RoleAssignment, ...] | None:
    if assignments is None:
        return None
    return tuple(replace(entry, ends=ends.get(path_key(entry.id))) for entry in assignments)


def _definitions(
    azure: Azure,
    scope: str,
    assignments: Sequence[RoleAssignment],
    known: Mapping[str, RoleDefinition] | None = None,
) -> dict[str, RoleDefinition]:
    guids = dict.fromkeys(entry.role_guid for entry in assignments)
    found = {guid: _definition(azure, scope, guid) for guid in guids if guid not in (known or {})}
    return {guid: definition for guid, definition in found.items() if definition is not None}


def _definition(azure: Azure, scope: str, guid: str) -> RoleDefinition | None:
    """None if the operator cannot read it, or it was removed meanwhile: its permissions are then unknown."""
    try:
        return role_assignments.role(azure.arm, scope, guid)
    except AzureError as error:
        if error.status not in (FORBIDDEN, NOT_FOUND):
            raise
        return None
