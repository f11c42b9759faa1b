# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads an application's access from Entra and Azure, and carries out the steps that revoke or restore it.

One request each. Access policies are changed by the operations that add or remove permissions of one identity, so that
other entries stay unchanged (Azure contract §1.3). These requests, and those of assignments, which have fixed names,
are therefore repeated if Azure throttles them or their response is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..._errors import TaskError, quoted
from ..._names import is_within, last_segment, path_key, same_name
from ..._rest.replacement import Incomplete, text_in
from ..._timestamps import iso_or_none
from ..._waiter import Patience
from ..applications import graph_writes
from ..applications.application_plan import Application
from ..applications.entra_objects import credentials_of
from ..applications.registrations import Registration
from ..authorization import locks, operator, role_assignments
from ..authorization.locks import Action, Locks
from ..authorization.role_assignments import PROVIDER
from ..prerequisites import observation
from ..rights.facts import PRINCIPAL, REGISTRATION, Access, EntraCredential, KeyStore
from ..rights.sign_in import LABELS
from ..vaults import vault_lookup
from ..vaults.vault_lookup import VaultAddress
from ..wire import writes
from ..wire.errors import AzureError
from ..wire.graph_batch import Answer, batch
from ..wire.meanings import ROLE_ASSIGNMENT_EXISTS
from ..wire.not_known_yet import Reference, until_known
from ..wire.session import Azure, understood
from .access_steps import CertificatesStep, EnabledStep, PolicyStep, RoleStep, SecretStep, Step
from .record import KINDS, Assignment, CertificateEntry, RecordedApplication, RecordedPolicy, SecretEntry, StoreRights

_POLICIES_WRITE = "Microsoft.KeyVault/vaults/accessPolicies/write"
_ASSIGN = "Microsoft.Authorization/roleAssignments/write"
_UNASSIGN = "Microsoft.Authorization/roleAssignments/delete"


@dataclass(frozen=True)
class RightsReading:
    """What was read from one vault or Managed HSM. ``unread``: what the operator cannot read, with the error text."""

    rights: StoreRights
    access: Access
    unread: Mapping[str, str]


# Reading ------------------------------------------------------------------------------------------------------------


def principal(azure: Azure, registration: Registration) -> tuple[RecordedApplication, dict[str, TaskError]]:
    """The application with what a restore needs: the public part of its certificates, and whether it is enabled.

    Also the errors by place (:mod:`facts`) whose credentials could not be read; the credentials read before are kept.

    Raises:
        TaskError: Graph does not answer.
    """
    identity = registration.identity
    # Graph returns the public part only for a single object, and only if it is selected (Azure contract §3).
    select = "id,keyCredentials,passwordCredentials"
    reads = {PRINCIPAL: f"/servicePrincipals/{identity.object_id}?$select={select},accountEnabled"}
    if identity.application_object_id is not None:
        reads[REGISTRATION] = f"/applications/{identity.application_object_id}?$select={select}"
    answers = batch(azure.graph, reads, obj=f"application {identity.client_id}")
    troubles: dict[str, TaskError] = {}
    credentials: list[EntraCredential] = []
    for place in (REGISTRATION, PRINCIPAL):
        if place in answers:
            read, trouble = _credentials(answers[place], registration, place)
            if trouble is not None:
                troubles[place] = trouble
            before = [one for one in identity.credentials or () if one.place == place]
            credentials += before if read is None else read
    switch = answers[PRINCIPAL].body
    enabled = None if switch is None else switch.get("accountEnabled")
    found = RecordedApplication(
        client_id=identity.client_id,
        object_id=identity.object_id,
        display_name=identity.display_name,
        application_object_id=identity.application_object_id,
        account_enabled=enabled if isinstance(enabled, bool) else None,
        certificates=tuple(
            CertificateEntry(
                key_id=one.key_id,
                display_name=one.name,
                thumbprint=one.thumbprint or "",
                starts=iso_or_none(one.starts),
                ends=iso_or_none(one.ends),
                key=one.encoded or "",
                place=one.place,
            )
            for one in credentials
            if one.kind == "certificate"
        ),
        secrets=tuple(
            SecretEntry(key_id=one.key_id, display_name=one.name, ends=iso_or_none(one.ends), place=one.place)
            for one in credentials
            if one.kind == "secret"
        ),
    )
    return found, troubles


def _credentials(
    answer: Answer, registration: Registration, place: str
) -> tuple[tuple[EntraCredential, ...] | None, TaskError | None]:
    """The credentials of one place. A list that is missing in the response does not count as empty."""
    obj, words = f"application {registration.identity.client_id}", answer.words
    if answer.body is not None:
        try:
            with understood(obj, plane="Entra"):
                return credentials_of(answer.body, obj, place), None
        except Incomplete as error:
            words = error.problem
    return None, TaskError(
        f"the credentials of the {LABELS[place]} cannot be read",
        plane="Entra",
        obj=obj,
        server_words=words,
        next_step="run the task again; if the problem persists, grant the operator Application.Read.All in Microsoft "
        "Graph",
        retryable=True,
    )


def rights_at(azure: Azure, store: KeyStore, registration: Registration) -> RightsReading:
    """The permissions of the service principal at the vault and below it, and those that apply from elsewhere.

    Raises:
        TaskError: the vault does not respond, or does not exist.
    """
    identity = registration.identity
    with understood(f"vault {store.name}"):
        # Read again: a result from a list, or from before a change, may be outdated.
        place, body = vault_lookup.body_at(azure.arm, store.resource_id)
        store = vault_lookup.store_of(place.kind, body)
        access = observation.observe(azure, store, identity)
        unread = {name: words for name, words in access.unreadable.items() if name in ("assignments", "local")}
        policies = () if store.is_hsm else _policies(body, identity.object_id)
        direct: tuple[Assignment, ...] = ()
        if access.assignments is not None:
            direct = _direct(azure, store, access)
        local = tuple(
            Assignment(
                name=one.id,
                scope=one.scope,
                definition_id=f"Microsoft.KeyVault/{PROVIDER}/roleDefinitions/{one.role_guid}",
                principal_id=one.principal_id,
                role_name=_role_name(access.local_roles, one.role_guid),
                local=True,
            )
            for one in access.local or ()
            if same_name(one.principal_id, identity.object_id)
        )
    kind = "managed_hsm" if store.is_hsm else "vault"
    rights = StoreRights(store.resource_id, store.name, store.uri, kind, policies, (*direct, *local))
    return RightsReading(rights, access, unread)


def _policies(body: Mapping[str, Any], object_id: str) -> tuple[RecordedPolicy, ...]:
    """The entries that name the service principal, compound ones included, with all kinds of permissions.

    Raises:
        TaskError: the response lacks the list of access policies although the vault uses them.
    """
    listed = body["properties"].get("accessPolicies")
    if listed is None and body["properties"].get("enableRbacAuthorization") is not True:
        raise TaskError(
            "the response does not contain the list of access policies",
            plane="Azure",
            obj=f"vault {body.get('name')}",
            next_step="run the task again; if the problem persists, check whether a proxy or gateway responds "
            "instead of Azure",
            retryable=True,
        )
    entries = [
        RecordedPolicy(
            tenant_id=str(entry["tenantId"]),
            object_id=str(entry["objectId"]),
            application_id=entry.get("applicationId"),
            **{kind: tuple((entry.get("permissions") or {}).get(kind) or ()) for kind in KINDS},
        )
        for entry in listed or []
        if same_name(entry["objectId"], object_id)
    ]
    return tuple(entry for entry in entries if entry)


def _direct(azure: Azure, store: KeyStore, access: Access) -> tuple[Assignment, ...]:
    """Assignments to the service principal itself, at the vault and at single keys below it."""
    object_id = access.identity.object_id
    ends = {path_key(one.id): one.ends for one in access.assignments or ()}
    found = []
    for entry in role_assignments.listed(azure.arm, store.resource_id, f"principalId eq '{object_id}'"):
        properties = entry["properties"]
        scope = str(properties["scope"])
        if not is_within(scope, store.resource_id) or not same_name(properties["principalId"], object_id):
            continue
        definition = str(properties["roleDefinitionId"])
        found.append(
            Assignment(
                name=text_in(entry, "name", plane="Azure", obj=f"role assignments at {scope}"),
                scope=scope,
                definition_id=definition,
                principal_id=str(properties["principalId"]),
                role_name=_role_name(access.roles, last_segment(definition))
                or _looked_up_name(azure, scope, last_segment(definition)),
                condition=properties.get("condition") or None,
                condition_version=properties.get("conditionVersion") or None,
                description=properties.get("description") or None,
                ends=iso_or_none(ends.get(path_key(entry["id"]))),
            )
        )
    return tuple(found)


def _role_name(roles: Mapping[str, Any], guid: str) -> str:
    return roles[guid].name if guid in roles else ""


def _looked_up_name(azure: Azure, scope: str, guid: str) -> str:
    """For a role that is assigned only below the vault. The name is for display only."""
    try:
        return role_assignments.role(azure.arm, scope, guid).name
    except AzureError:
        return ""


# Writing ------------------------------------------------------------------------------------------------------------


def cut(azure: Azure, step: Step, patience: Patience) -> bool:
    """Remove one grant or credential. One that no longer exists counts as removed.

    Returns:
        False if it is known that another client removed it.

    Raises:
        TaskError: it is refused.
    """
    if isinstance(step, PolicyStep):
        writes.repeated(lambda: _change_policy(azure, "remove", step), patience)
    elif isinstance(step, RoleStep):
        writes.repeated(lambda: _unassign(azure, step), patience)
    elif isinstance(step, EnabledStep):
        graph_writes.set_enabled(azure.graph, step.application.object_id, patience, enabled=False)
    else:
        if isinstance(step, SecretStep):
            entry = step.entry
            credentials = [EntraCredential("secret", entry.key_id, entry.display_name, None, None, place=entry.place)]
        else:
            credentials = [one.credential() for one in step.entries]
        application = _application(step.application, step.place)
        return graph_writes.remove_credentials(azure.graph, application, credentials, patience).wrote
    return True


def restore(azure: Azure, step: Step, patience: Patience) -> bool:
    """Restore one grant or credential.

    Returns:
        False if it is known that another client restored it.

    Raises:
        TaskError: it is refused.
    """
    if isinstance(step, PolicyStep):
        add = partial(_change_policy, azure, "add", step)
        until_known(lambda: writes.repeated(add, patience), patience, Reference.ACCESS_POLICY)
    elif isinstance(step, RoleStep):
        # The service principal may just have been restored from the recycle bin.
        assign = partial(_assign, azure, step)
        until_known(lambda: writes.repeated(assign, patience), patience, Reference.ROLE_ASSIGNMENT)
    elif isinstance(step, EnabledStep):
        graph_writes.set_enabled(azure.graph, step.application.object_id, patience, enabled=True)
    elif isinstance(step, CertificatesStep):
        entries = [{"key": one.key, "displayName": one.display_name} for one in step.entries]
        application = _application(step.application, step.place)
        added = graph_writes.add_certificates(
            azure.graph, application, entries, patience, while_disabled=True, place=step.place
        )
        return added.wrote
    else:
        raise AssertionError("a secret cannot be restored")
    return True


def _change_policy(azure: Azure, kind: str, step: PolicyStep) -> None:
    entry = step.entry
    body: dict[str, Any] = {
        "tenantId": entry.tenant_id,
        "objectId": entry.object_id,
        "permissions": {one: list(getattr(entry, one)) for one in KINDS if getattr(entry, one)},
    }
    if entry.application_id is not None:
        body["applicationId"] = entry.application_id
    azure.arm.send(
        "PUT",
        f"{step.store.resource_id}/accessPolicies/{kind}",
        obj=f"access policies of {step.store.label}",
        query=vault_lookup.API,
        body={"properties": {"accessPolicies": [body]}},
    )


def _unassign(azure: Azure, step: RoleStep) -> None:
    one = step.assignment
    if one.local:
        with azure.pool(step.store.uri) as pool, pool.explained(f"local role assignment {one.name}", writes=True):
            pool.sdk.delete_role_assignment(one.scope, one.name)
    else:
        role_assignments.unassign(azure.arm, f"{one.scope}/{PROVIDER}/roleAssignments/{one.name}")


def _assign(azure: Azure, step: RoleStep) -> None:
    """Uses the recorded name. An equal assignment that another client created meanwhile is accepted."""
    one = step.assignment
    obj = f'assignment of "{one.role_name or one.role_guid}" at {step.store.label}'
    if not one.local:
        properties = {
            "role_definition_id": one.definition_id,
            "principal_id": one.principal_id,
            "principal_type": one.principal_type,
            "condition": one.condition,
            "condition_version": one.condition_version,
            "description": one.description,
        }
        role_assignments.assign(azure.arm, one.scope, one.name, properties, obj=obj)
        return
    try:
        with azure.pool(step.store.uri) as pool, pool.explained(obj, writes=True):
            pool.sdk.create_role_assignment(one.scope, one.definition_id, one.principal_id, name=one.name)
    except AzureError as error:
        if error.code != ROLE_ASSIGNMENT_EXISTS:
            raise


def _application(found: RecordedApplication, place: str) -> Application:
    if place == REGISTRATION and found.application_object_id is None:
        raise TaskError(
            "the app registration cannot be read, so its credentials cannot be changed",
            plane="Entra",
            obj=f"application {found.client_id}",
            next_step="grant the operator Application.ReadWrite.All in Microsoft Graph, or have the credentials "
            "changed in the tenant where the application is registered",
        )
    # The known certificates: a later response that lacks some of them must not be used as the list.
    certificates = tuple(one.credential() for one in found.certificates)
    return Application(
        client_id=found.client_id,
        object_id=found.application_object_id or "",
        display_name=found.display_name or found.client_id,
        principal_id=found.object_id,
        credentials=certificates,
    )


# Permissions of the operator -----------------------------------------------------------------------------------------


def lacking_actions(
    azure: Azure, store: StoreRights, steps: Sequence[PolicyStep | RoleStep], *, cut: bool
) -> list[str]:
    """The actions that these steps require at a vault and the operator's Azure roles are known not to permit."""
    needed = [_POLICIES_WRITE] if any(isinstance(step, PolicyStep) for step in steps) else []
    if any(isinstance(step, RoleStep) and not step.assignment.local for step in steps):
        needed.append(_UNASSIGN if cut else _ASSIGN)
    if not needed:
        return []
    # If they cannot be read, a real run tries all the same.
    held = operator.held_at(azure, store.resource_id)
    return [action for action in needed if operator.lacks(held, action)]


def locks_at(azure: Azure, steps: Sequence[PolicyStep | RoleStep], *, cut: bool) -> tuple[Locks, list[Action]]:
    """The locks that forbid these steps at one vault, and the actions that the steps take in Resource Manager.

    Locks do not cover the content of a Managed HSM. A vault that no longer exists is reported when it is read.
    """
    needed: list[Action] = [(_POLICIES_WRITE, step.store.resource_id) for step in steps if isinstance(step, PolicyStep)]
    roles = [step.assignment for step in steps if isinstance(step, RoleStep) and not step.assignment.local]
    needed += [(_UNASSIGN if cut else _ASSIGN, one.scope) for one in roles]
    there = locks.in_the_way_of(azure.arm, needed)
    return locks.NONE_READ if there.unread is not None and there.unread.absent else there, needed


def found_at(azure: Azure, resource_id: str) -> KeyStore:
    """The vault of a record.

    Raises:
        TaskError: it does not exist, or the operator cannot read it.
    """
    place = VaultAddress.parse(resource_id)
    if place is None:
        raise TaskError(
            f"{quoted(resource_id)} is not the resource ID of a vault or a Managed HSM",
            plane="Option",
            obj="record",
            next_step="set record to the record exactly as it was returned",
        )
    return vault_lookup.read(azure.arm, place.resource_id)
