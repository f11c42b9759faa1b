# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads everything that affects the permissions of an application at one vault, in as few requests as possible.

What the operator cannot read becomes None with a reason, never an empty list. An outage is an error, not a verdict.
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
from ..wire.errors import WITHOUT_PIM, AzureError
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
    unreadable: dict[str, str] = {}
    scope, principal = store.scope, identity.object_id

    def seen(name: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except AzureError as error:
            if error.status != FORBIDDEN:
                raise
            unreadable[name] = error.server_words or error.problem
            return None

    assignments = seen("assignments", lambda: role_assignments.assignments(azure.arm, scope, principal))
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
                local=seen("local", lambda: managed_hsm.assignments(pool)),
                local_roles=seen("local_roles", lambda: managed_hsm.roles(pool)) or {},
            )
    return replace(access, unreadable=unreadable)


def with_eligible(azure: Azure, access: Access) -> Access:
    """The observation with eligible roles: they only matter as the reason for a missing permission (T15)."""
    scope, principal = access.store.scope, access.identity.object_id
    if principal == NOT_YET_KNOWN:
        return access
    try:
        eligible = _without_pim(lambda: role_assignments.eligible(azure.arm, scope, principal))
    except AzureError as error:
        if error.status != FORBIDDEN:
            raise
        return replace(access, eligible=None, unreadable={**access.unreadable, "eligible": error.server_words})
    eligible = eligible or ()
    roles = {**_definitions(azure, scope, eligible, access.roles), **access.roles}
    return replace(access, eligible=tuple(eligible), roles=roles)


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
