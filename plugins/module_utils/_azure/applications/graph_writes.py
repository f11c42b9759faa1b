# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Creates, updates and removes app registrations in Microsoft Graph (Azure contract §3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from ..._certificates.loading import Certificate
from ..._errors import TaskError
from ..._names import name_key, same_name
from ..._rest.replacement import EQUAL_READS, check_id, list_in, text_in
from ..._rest.statuses import BAD_REQUEST, CONFLICT, NOT_FOUND
from ..._timestamps import iso
from ..._waiter import Patience
from ..rights.facts import PRINCIPAL, REGISTRATION, EntraCredential
from ..wire import writes
from ..wire.channel import Channel
from ..wire.errors import AzureError, code_of, denied, may_have_worked, status_of
from ..wire.meanings import DIRECTORY_BUSY, GRAPH_DENIED
from ..wire.not_known_yet import Reference, is_not_yet, until_known
from . import consent, lists
from .application_plan import MARK, Application, Permission
from .entra_objects import credential_of
from .lists import Changed, ListEdit
from .registrations import quoted

_MAY_WRITE = (
    "Application.ReadWrite.OwnedBy (for applications that the operator created or owns) or Application.ReadWrite.All"
)
_MAY_CONSENT = "DelegatedPermissionGrant.ReadWrite.All"


def create(graph: Channel, display_name: str, unique_name: str | None) -> str | None:
    """Create an application; return its client ID, or None if one with this unique name turned out to exist.

    The creation sets the mark, so a run that stops right after it leaves nothing unmarked. With a unique name, Graph
    never creates a second application. The body then updates an existing one that was not listed, so it is minimal:
    lists of credentials and permissions would be replaced.
    """
    obj = f"application {display_name}"
    body: dict[str, Any] = {"displayName": display_name, "signInAudience": "AzureADMyOrg", "tags": [MARK]}
    with allowed("create applications", _MAY_WRITE, obj):
        if unique_name is None:
            made: Mapping[str, Any] = graph.send("POST", "/v1.0/applications", obj=obj, body=body)
        else:
            made = _upserted(graph, unique_name, body, obj)
    return text_in(made, "appId", plane="Entra", obj=obj) if made else None


def _upserted(graph: Channel, unique_name: str, body: Mapping[str, Any], obj: str) -> Mapping[str, Any]:
    path = f"/v1.0/applications(uniqueName='{quoted(unique_name)}')"
    taken = None
    try:
        return graph.send("PATCH", path, obj=obj, body=body, headers={"Prefer": "create-if-missing"})
    except AzureError as error:
        if status_of(error) != BAD_REQUEST or "uniquename" not in error.words.lower():
            raise
        taken = error
    raise AzureError(
        f"another application has the unique name {unique_name}, but Graph does not list it to this operator. It was "
        "probably deleted: a deleted application keeps its name for 30 days",
        plane=taken.plane,
        obj=obj,
        words=taken.words,
        next_step="to restore it, run the task again with on_soft_deleted: recover, as an operator with "
        "Application.Read.All. To create another application, set another app_unique_name. To use this name for a new "
        "application, first delete the old one permanently in Entra (App registrations, Deleted applications)",
        status=taken.status,
        code=taken.code,
        retryable=False,
    )


def create_principal(graph: Channel, client_id: str, patience: Patience) -> None:
    """Create the service principal of an application, unless it exists and was not listed."""
    obj = f"service principal of {client_id}"

    def send() -> None:
        try:
            graph.send("POST", "/v1.0/servicePrincipals", obj=obj, body={"appId": client_id})
        except AzureError as error:
            # It exists. A conflict with another write in the tenant has the same status.
            if status_of(error) != CONFLICT or error.code == DIRECTORY_BUSY:
                raise

    with allowed("create service principals", _MAY_WRITE, obj):
        until_known(send, patience, Reference.PRINCIPAL)


def update(
    graph: Channel,
    application: Application,
    *,
    certificates: Sequence[Certificate],
    permission: Permission | None,
    patience: Patience,
) -> Changed | None:
    """Add certificates and the API permission in one request; None when there is nothing to add."""
    entries = [{"key": one.encoded, "displayName": MARK} for one in certificates]
    if not entries and permission is None:
        return None
    return _changed(graph, application, ListEdit(add=entries, permission=permission), patience)


def _changed(graph: Channel, application: Application, edit: ListEdit, patience: Patience) -> Changed:
    what = "service principal" if edit.place == PRINCIPAL else "application"
    with allowed(f"change this {what}", _MAY_WRITE, application.label_at(edit.place)):
        return lists.change(graph, application, edit, patience)


def set_consent(
    graph: Channel,
    application: Application,
    permission: Permission,
    patience: Patience,
) -> bool:
    """Consent for all users with a new grant, or by extending the existing one; return whether this run did it."""
    with allowed("grant admin consent", _MAY_CONSENT, f"admin consent for {application.display_name}"):
        return consent.give(graph, application, permission, patience)


def add_secret(
    graph: Channel,
    application: Application,
    ends: datetime,
    patience: Patience,
    *,
    name: str = MARK,
    when_lost: str | None = None,
) -> tuple[str, EntraCredential]:
    """A new client secret: its value, which Graph returns only once, and the credential as listed.

    ``when_lost``: the next step after a missing answer, when a secret with an unknown value may exist; None if a person
    must remove it.
    """
    obj, path = f"application {application.display_name}", f"/v1.0/applications/{application.object_id}/addPassword"
    body = {"passwordCredential": {"displayName": name, "endDateTime": iso(ends)}}
    lost = None
    try:
        with allowed("add secrets to this application", _MAY_WRITE, obj):
            send = partial(graph.send, "POST", path, obj=obj, body=body)
            made = _new_secret(until_known(send, patience, Reference.DIRECTORY_OBJECT), obj)
    except AzureError as error:
        if not may_have_worked(error):
            raise
        lost = error
    if lost is not None:
        failure = AzureError(
            f"{lost.problem}; a secret may have been created whose value is lost",
            plane=lost.plane,
            obj=obj,
            words=lost.words,
            next_step=when_lost or _advice_on_lost_secret(graph, application, name),
            status=lost.status,
            # Without that step, another run would use it instead of creating one.
            retryable=when_lost is not None,
        )
        failure.tells_unknown = lost.tells_unknown
        raise failure
    secret = credential_of("secret", made)
    if secret.ends is None:
        # The expiry is recorded, and Entra may set another one than requested.
        listed = [one for one in _listed_secrets(graph, application) if same_name(one.get("keyId"), secret.key_id)]
        secret = credential_of("secret", listed[0]) if listed else secret
    return str(made["secretText"]), secret


def _new_secret(answer: Mapping[str, Any], obj: str) -> Mapping[str, Any]:
    """The answer to ``addPassword``, the only one with the value.

    Raises:
        AzureError: it lacks value or ID, so the secret is lost. Without a status, like a missing answer.
    """
    lacking = [name for name in ("keyId", "secretText") if not isinstance(answer.get(name), str) or not answer[name]]
    if lacking:
        problem = f"the response lacks {' and '.join(lacking)}"
        raise AzureError(problem, plane="Entra", obj=obj, next_step="run the task again")
    return answer


def _listed_secrets(graph: Channel, application: Application) -> list[dict[str, Any]]:
    """The secrets as Graph lists them; none if it does not, as they are optional for the caller."""
    obj, path = f"application {application.display_name}", f"/v1.0/applications/{application.object_id}"
    try:
        body = graph.get(path, obj=obj, query={"$select": "id,passwordCredentials"})
        return list_in(body, "passwordCredentials", plane="Entra", obj=obj)
    except TaskError:
        return []


def _advice_on_lost_secret(graph: Channel, application: Application, name: str) -> str:
    """How to remove a secret whose value is lost, with its ID if Graph lists it."""
    known = {one.key_id for one in application.credentials}
    listed = _listed_secrets(graph, application)
    new = [
        str(one.get("keyId"))
        for one in listed
        if one.get("displayName") == name and name_key(one.get("keyId")) not in known
    ]
    named = f"the secret {' or '.join(new)}" if new else f'the secret named "{name}" that was just created'
    return (
        f"remove {named}, as its value is lost (az ad app credential delete --id {application.client_id} "
        f"--key-id {new[0] if len(new) == 1 else 'ID'}), then run the task again"
    )


@dataclass(frozen=True)
class Removed:
    """``wrote``: False if all had been removed already. ``put_back``: entries of others that were restored."""

    wrote: bool
    put_back: tuple[str, ...] = ()


def remove_credentials(
    graph: Channel,
    application: Application,
    credentials: Sequence[EntraCredential],
    patience: Patience,
    *,
    required: EntraCredential | None = None,
) -> Removed:
    """Remove these secrets and certificates, wherever they are, and no others.

    A removal by another client counts as well.

    Args:
        graph: The connection to Microsoft Graph.
        application: As it was last read.
        credentials: What to remove.
        patience: How long to wait until the removal is visible.
        required: A credential that must be among the remaining ones.

    Raises:
        TaskError: one of them still exists, or its removal cannot be verified.
    """
    wrote = False
    put_back: tuple[str, ...] = ()
    for place in (REGISTRATION, PRINCIPAL):
        certificates = [one for one in credentials if one.kind == "certificate" and one.place == place]
        if not certificates:
            continue
        needed = required is not None and required.kind == "certificate" and required.place == place
        edit = ListEdit(remove=certificates, required=required if needed else None, place=place)
        changed = _changed(graph, application, edit, patience)
        wrote, put_back = wrote or changed.wrote, (*put_back, *changed.put_back)
    for one in credentials:
        if one.kind == "secret":
            wrote = _take_secret(graph, application, one, patience) or wrote
    return Removed(wrote, put_back)


def _take_secret(graph: Channel, application: Application, secret: EntraCredential, patience: Patience) -> bool:
    """Remove it and verify the removal; False if another client removed it."""
    removed = _remove_secret(graph, application, secret)
    return removed or _see_secret_gone(graph, application, secret, patience, in_doubt=removed is None)


def _remove_secret(graph: Channel, application: Application, secret: EntraCredential) -> bool | None:
    """Remove it by its ID.

    Returns:
        False if Graph does not know it: it was removed already, or that replica does not know it yet. None if the
        outcome is unknown.
    """
    obj, path = application.label_at(secret.place), f"{application.path_at(secret.place)}/removePassword"
    what = "service principal" if secret.place == PRINCIPAL else "application"
    try:
        with allowed(f"change this {what}", _MAY_WRITE, obj):
            graph.send("POST", path, obj=obj, body={"keyId": secret.key_id}, repeatable=True)
    except AzureError as error:
        if may_have_worked(error):
            return None
        if status_of(error) not in (BAD_REQUEST, NOT_FOUND):
            raise
        return False
    return True


class Unverified(TaskError):
    """The removal of a secret cannot be verified, and this run has not removed it."""


def _see_secret_gone(
    graph: Channel, application: Application, secret: EntraCredential, patience: Patience, *, in_doubt: bool
) -> bool:
    """Search a secret whose removal was not confirmed, and remove it if it is listed; return whether this removed it.

    A secret that this run saw in a list, and that is no longer listed, was removed by another client. One that was
    never listed may still appear, as the replicas of Graph lag.

    Raises:
        TaskError: it still exists, or may exist.
    """
    key_id, obj, path = name_key(secret.key_id), application.label_at(secret.place), application.path_at(secret.place)
    object_id = str(application.principal_id if secret.place == PRINCIPAL else application.object_id)
    was_listed = any(one.key_id == key_id for one in application.credentials)
    in_a_row, waits = 0, True
    while waits and in_a_row < EQUAL_READS:
        body = graph.get(path, obj=obj, query={"$select": "id,passwordCredentials"})
        check_id(body, object_id, plane="Entra", obj=obj)
        listed = {name_key(one.get("keyId")) for one in list_in(body, "passwordCredentials", plane="Entra", obj=obj)}
        if key_id in listed:
            removed = _remove_secret(graph, application, secret)
            if removed:
                return True
            in_doubt = in_doubt or removed is None
        in_a_row = 0 if key_id in listed else in_a_row + 1
        was_listed = was_listed or key_id in listed
        waits = patience.pause()
    if in_a_row < EQUAL_READS or not was_listed:
        raise (TaskError if in_doubt else Unverified)(
            f"the removal of the secret {key_id} could not be verified",
            plane="Entra",
            obj=obj,
            next_step="run the task again; it removes the secret if it still exists",
            retryable=True,
        )
    return in_doubt


def add_certificates(
    graph: Channel,
    application: Application,
    entries: Sequence[Mapping[str, str]],
    patience: Patience,
    *,
    while_disabled: bool = False,
    place: str = REGISTRATION,
) -> Changed:
    """Register further certificates: ``key`` is base64 of DER, ``displayName`` names the owner. None is removed.

    ``while_disabled``: also while the application is disabled, as during the restore after an emergency. ``place``: at
    the registration or at the service principal, where they were before.
    """
    return _changed(graph, application, ListEdit(add=entries, while_disabled=while_disabled, place=place), patience)


def set_enabled(graph: Channel, object_id: str, patience: Patience, *, enabled: bool) -> None:
    """Enable or disable a service principal: Entra issues no token for a disabled one (AADSTS7000112, T36)."""
    obj, path = f"service principal {object_id}", f"/v1.0/servicePrincipals/{object_id}"
    with allowed("change this service principal", _MAY_WRITE, obj):
        writes.repeated(lambda: graph.send("PATCH", path, obj=obj, body={"accountEnabled": enabled}), patience)


def remove(graph: Channel, application: Application) -> None:
    """Delete the registration; Entra deletes its service principal, too."""
    obj = f"application {application.display_name}"
    with allowed("delete this application", _MAY_WRITE, obj):
        graph.send("DELETE", f"/v1.0/applications/{application.object_id}", obj=obj)


@contextmanager
def allowed(deed: str, permission: str, obj: str) -> Iterator[None]:
    """Name the permission of Graph that a refused request needs."""
    refused = None
    try:
        yield
    except AzureError as error:
        if code_of(error) != GRAPH_DENIED:
            raise
        refused = error
    if refused is not None:
        failure = denied(deed, permission, obj, refused.words)
        if is_not_yet(refused, *Reference):
            # The same answer is given for an application that is not replicated yet.
            failure = AzureError(
                f"{failure.problem}, or the application is not known to every server of Entra yet",
                plane=failure.plane,
                obj=obj,
                words=refused.words,
                next_step="run the task again in a few minutes if the application is new; otherwise "
                f"{failure.next_step}",
                status=failure.status,
                code=failure.code,
                retryable=True,
            )
        raise failure
