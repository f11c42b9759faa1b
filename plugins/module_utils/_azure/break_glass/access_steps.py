# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The steps that revoke and restore an application's access to keys, in their order. Pure.

Permissions are removed first, because tokens that were already issued can use them. Then the service principal is
disabled, so that no new token is issued. Credentials are removed last, because they might be impossible to restore.
A restore takes the same steps in reverse order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from ..._names import name_key, path_key, same_name, same_path
from ..._plan import Change, View
from ..._timestamps import parse_iso
from ..rights.facts import PRINCIPAL, REGISTRATION
from .record import (
    Assignment,
    CertificateEntry,
    Record,
    RecordedApplication,
    RecordedPolicy,
    SecretEntry,
    StoreRights,
    each_once,
)


@dataclass(frozen=True)
class PolicyStep:
    """Permissions of the application's entry at a vault that are removed, or added."""

    store: StoreRights
    entry: RecordedPolicy


@dataclass(frozen=True)
class RoleStep:
    """A role assignment at a vault or Managed HSM that is deleted or created."""

    store: StoreRights
    assignment: Assignment


@dataclass(frozen=True)
class EnabledStep:
    """The service principal is enabled or disabled. ``before``: None if it could not be read."""

    application: RecordedApplication
    before: bool | None
    after: bool


@dataclass(frozen=True)
class CertificatesStep:
    """Certificates that are removed from, or restored to, one place. One request: Graph replaces the complete list."""

    application: RecordedApplication
    entries: tuple[CertificateEntry, ...]

    @property
    def place(self) -> str:
        return self.entries[0].place


@dataclass(frozen=True)
class SecretStep:
    """A client secret that is removed."""

    application: RecordedApplication
    entry: SecretEntry

    @property
    def place(self) -> str:
        return self.entry.place


Step: TypeAlias = "PolicyStep | RoleStep | EnabledStep | CertificatesStep | SecretStep"


def cut_steps(seen: Record, *, credentials: bool) -> tuple[Step, ...]:
    """The remaining steps of revoking access."""
    steps: list[Step] = []
    for store in seen.stores:
        steps += [PolicyStep(store, entry) for entry in store.policies]
        steps += [RoleStep(store, entry) for entry in store.assignments]
    application = seen.application
    if application.account_enabled is not False:
        steps.append(EnabledStep(application, application.account_enabled, after=False))
    if credentials:
        steps += _by_place(application, application.certificates)
        steps += [SecretStep(application, entry) for entry in application.secrets]
    return tuple(steps)


def _by_place(application: RecordedApplication, entries: Iterable[CertificateEntry]) -> list[CertificatesStep]:
    """Registration and service principal each have their own list."""
    found: dict[str, list[CertificateEntry]] = {}
    for entry in entries:
        found.setdefault(entry.place, []).append(entry)
    return [CertificatesStep(application, tuple(here)) for _place_of, here in sorted(found.items())]


def is_recorded(record: Record, step: Step) -> bool:
    """Whether the record contains what the step removes, so that it can be restored."""
    application = record.application
    if isinstance(step, CertificatesStep):
        return all(one.is_among(_restorable(record)) for one in step.entries)
    if isinstance(step, SecretStep):
        return name_key(step.entry.key_id) in {name_key(one.key_id) for one in application.secrets}
    if isinstance(step, EnabledStep):
        return True
    store = record.store(step.store.resource_id)
    if store is None:
        return False
    if isinstance(step, RoleStep):
        return step.assignment.grant in {one.grant for one in store.assignments}
    return not step.entry.without(store.policy(step.entry.identity))


def _restorable(record: Record) -> list[CertificateEntry]:
    return [one for one in record.application.certificates if one.key]


def split(record: Record | None, steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps, with recorded certificates in a separate step, so that others do not prevent their removal."""
    found: list[Step] = []
    for step in steps:
        if record is not None and isinstance(step, CertificatesStep):
            known = tuple(one for one in step.entries if one.is_among(_restorable(record)))
            others = tuple(one for one in step.entries if one not in known)
            found += [CertificatesStep(step.application, entries) for entries in (known, others) if entries]
        else:
            found.append(step)
    return tuple(found)


def has_certificates_to_bring_back(record: Record, now: datetime) -> bool:
    """Whether the record has certificates of the registration that can be registered again."""
    certificates = record.application.certificates
    return any(one.place == REGISTRATION and one.key and not is_over(one.ends, now) for one in certificates)


def restore_steps(record: Record, seen: Record, now: datetime) -> tuple[Step, ...]:
    """What is in the record but does not exist. Nothing is removed, even if it was added since."""
    steps: list[Step] = []
    was, application = record.application, seen.application
    back = tuple(
        entry
        for entry in each_once(was.certificates)
        if entry.key and not entry.is_among(application.certificates) and not is_over(entry.ends, now)
    )
    for step in _by_place(application, back):
        if step.place == PRINCIPAL or application.application_object_id is not None:
            steps.append(step)
    if was.account_enabled and application.account_enabled is not True:
        steps.append(EnabledStep(application, application.account_enabled, after=True))
    for store in record.stores:
        found = seen.store(store.resource_id)
        if found is None:
            continue
        for entry in store.policies:
            lacking = entry.without(found.policy(entry.identity))
            if lacking:
                steps.append(PolicyStep(store, lacking))
        given = {one.grant for one in found.assignments}
        steps += [RoleStep(store, one) for one in store.assignments if one.grant not in given and one.ends is None]
    return tuple(steps)


def after_cut(seen: Record, steps: Iterable[Step]) -> Record:
    """The record as it will be after these steps have taken effect."""
    for step in steps:
        application = seen.application
        if isinstance(step, EnabledStep):
            seen = replace(seen, application=replace(application, account_enabled=step.after))
        elif isinstance(step, CertificatesStep):
            left = tuple(one for one in application.certificates if not one.is_among(step.entries))
            seen = replace(seen, application=replace(application, certificates=left))
        elif isinstance(step, SecretStep):
            others = tuple(one for one in application.secrets if not same_name(one.key_id, step.entry.key_id))
            seen = replace(seen, application=replace(application, secrets=others))
        else:
            seen = _with_store(seen, _store_after_cut(seen, step))
    return seen


def after_restore(seen: Record, steps: Iterable[Step]) -> Record:
    """The record as it will be after these steps have taken effect."""
    for step in steps:
        application = seen.application
        if isinstance(step, EnabledStep):
            seen = replace(seen, application=replace(application, account_enabled=step.after))
        elif isinstance(step, CertificatesStep):
            both = each_once((*application.certificates, *step.entries))
            seen = replace(seen, application=replace(application, certificates=both))
        elif isinstance(step, (PolicyStep, RoleStep)):
            seen = _with_store(seen, _store_after_restore(seen, step))
    return seen


def is_open(step: Step, left: Iterable[Step]) -> bool:
    """Whether a part of this step is among the remaining steps. Names and key IDs may have changed since."""
    return any(_overlap(step, other) for other in left)


def _overlap(one: Step, other: Step) -> bool:
    if isinstance(one, EnabledStep) and isinstance(other, EnabledStep):
        return True
    if isinstance(one, CertificatesStep) and isinstance(other, CertificatesStep):
        return any(entry.is_among(other.entries) for entry in one.entries)
    if isinstance(one, SecretStep) and isinstance(other, SecretStep):
        return same_name(one.entry.key_id, other.entry.key_id)
    if isinstance(one, RoleStep) and isinstance(other, RoleStep):
        return _place(one) == _place(other) and one.assignment.grant == other.assignment.grant
    if isinstance(one, PolicyStep) and isinstance(other, PolicyStep):
        of_one = one.entry.identity == other.entry.identity and _place(one) == _place(other)
        return of_one and one.entry.without(other.entry) != one.entry
    return False


def _place(step: PolicyStep | RoleStep) -> str:
    return path_key(step.store.resource_id)


def _store_after_cut(seen: Record, step: PolicyStep | RoleStep) -> StoreRights:
    store = seen.store(step.store.resource_id) or step.store
    if isinstance(step, RoleStep):
        gone = step.assignment.grant
        return replace(store, assignments=tuple(one for one in store.assignments if one.grant != gone))
    left = [one.without(step.entry) if one.identity == step.entry.identity else one for one in store.policies]
    return replace(store, policies=tuple(entry for entry in left if entry))


def _store_after_restore(seen: Record, step: PolicyStep | RoleStep) -> StoreRights:
    store = seen.store(step.store.resource_id) or step.store
    if isinstance(step, RoleStep):
        return replace(store, assignments=(*store.assignments, step.assignment))
    found = store.policy(step.entry.identity)
    if found is None:
        return replace(store, policies=(*store.policies, step.entry))
    return replace(
        store,
        policies=tuple(one.united(step.entry) if one is found else one for one in store.policies),
    )


def _with_store(seen: Record, changed: StoreRights) -> Record:
    others = [store for store in seen.stores if not same_path(store.resource_id, changed.resource_id)]
    return replace(seen, stores=(*others, changed))


# Shown --------------------------------------------------------------------------------------------------------------


def plane_of(step: Step) -> str:
    return "Azure" if isinstance(step, (PolicyStep, RoleStep)) else "Entra"


def object_of(step: Step) -> str:
    if isinstance(step, (PolicyStep, RoleStep)):
        return step.store.label
    name = step.application.display_name or step.application.client_id
    is_principal = isinstance(step, EnabledStep) or step.place == PRINCIPAL
    return f"service principal of {name}" if is_principal else f"application {name}"


def change_of(step: Step, *, cut: bool) -> Change:
    """The step as the plan shows it."""
    what, action = _content(step), action_of(step, cut=cut)
    before, after = (what, {}) if cut else ({}, what)
    if isinstance(step, EnabledStep):
        before, after = {"account_enabled": step.before}, {"account_enabled": step.after}
    reason = "the access of the application is revoked" if cut else "it is in the record but not in effect"
    return Change(plane_of(step), object_of(step), action, before, after, reason)


def action_of(step: Step, *, cut: bool) -> str:
    if isinstance(step, PolicyStep):
        return "remove from access policy" if cut else "add to access policy"
    if isinstance(step, RoleStep):
        return "remove role assignment" if cut else "assign role"
    if isinstance(step, EnabledStep):
        return "enable service principal" if step.after else "disable service principal"
    if isinstance(step, CertificatesStep):
        return "remove certificates" if cut else "register certificates"
    return "remove client secret"


def _content(step: Step) -> dict[str, Any]:
    if isinstance(step, PolicyStep):
        compound = {"application_id": step.entry.application_id} if step.entry.application_id else {}
        return {"permissions": step.entry.shown(), **compound}
    if isinstance(step, RoleStep):
        one = step.assignment
        return {"role": one.role_name or one.role_guid, "scope": one.scope, "name": one.name, "local": one.local}
    if isinstance(step, CertificatesStep):
        return {"certificates": [one.thumbprint for one in step.entries]}
    if isinstance(step, SecretStep):
        return {"key_id": step.entry.key_id, "name": step.entry.display_name}
    return {}


def view(seen: Record) -> View:
    """The state that the module manages, for the diff."""
    application = seen.application
    return {
        "service_principal": {"account_enabled": application.account_enabled},
        "certificates": sorted(one.thumbprint for one in application.certificates),
        "secrets": sorted(one.key_id for one in application.secrets),
        "vaults": {
            store.name: {
                "access_policy": [name for entry in store.policies for name in entry.shown()],
                "roles": sorted(f"{one.role_name or one.role_guid} at {one.scope}" for one in store.assignments),
            }
            for store in sorted(seen.stores, key=lambda one: one.name)
        },
    }


def is_over(ends: str | None, now: datetime) -> bool:
    """Whether a recorded time has passed."""
    end = parse_iso(ends)
    return end is not None and end <= now
