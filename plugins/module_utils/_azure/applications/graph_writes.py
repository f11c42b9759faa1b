# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""App registrations in Microsoft Graph, made, completed and taken back (Azure contract §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from ..._certificates.loading import Certificate
from ..._errors import TaskError
from ..._names import same_name
from ..._rest.replacement import EQUAL_READS, check_id, list_in, text_in
from ..._rest.statuses import BAD_REQUEST, CONFLICT, NOT_FOUND
from ..._timestamps import iso
from ..._waiter import Patience
from ..rights.facts import PRINCIPAL, REGISTRATION, EntraCredential
from ..wire import writes
from ..wire.channel import Channel
from ..wire.errors import GRAPH_DENIED, AzureError, code_of, denied, may_have_worked, status_of
from . import consent, lists
from .application_plan import MARK, Application, Permission
from .entra_objects import credential_of
from .lists import Changed, ListEdit
from .registrations import quoted

T = TypeVar("T")

_MAY_WRITE = (
    "Application.ReadWrite.OwnedBy, which is for applications that the operator made or owns, or "
    "Application.ReadWrite.All"
)
_MAY_CONSENT = "DelegatedPermissionGrant.ReadWrite.All"


def until_known(request: Callable[[], T], patience: Patience, *, unknown: Sequence[int] = (NOT_FOUND,)) -> T:
    """Send a request about a fresh object again while Graph does not know the object everywhere.

    ``unknown``: the statuses that say so.
    """
    while True:
        try:
            return request()
        except AzureError as error:
            if status_of(error) not in unknown or not patience.pause():
                raise


def create(graph: Channel, display_name: str, unique_name: str | None) -> str | None:
    """Make an application; its client ID, None when there turned out to be one with this unique name.

    The mark comes with the creation, so that a run which is stopped right after it leaves nothing unmarked. With a
    unique name, Graph never makes a second application. The body then is a change of one that is there and was not
    seen, which is why it has as little as possible: lists of credentials and permissions would be replaced.
    """
    obj = f"application {display_name}"
    body: dict[str, Any] = {"displayName": display_name, "signInAudience": "AzureADMyOrg", "tags": [MARK]}
    with allowed("make applications", _MAY_WRITE, obj):
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
        f"another application has the unique name {unique_name}, and Graph does not show it: most likely one that was "
        "deleted, which keeps its name for 30 days",
        plane=taken.plane,
        obj=obj,
        words=taken.words,
        next_step="run the task again with on_soft_deleted: recover, by an operator with Application.Read.All, to have "
        "it back; or choose another app_unique_name, or delete it for good in Entra (App registrations, Deleted "
        "applications)",
        status=taken.status,
        code=taken.code,
        retryable=False,
    )


def create_principal(graph: Channel, client_id: str, patience: Patience) -> None:
    """Make the service principal of an application, unless it is there and was not seen."""
    obj = f"service principal of {client_id}"

    def send() -> None:
        try:
            graph.send("POST", "/v1.0/servicePrincipals", obj=obj, body={"appId": client_id})
        except AzureError as error:
            if status_of(error) != CONFLICT:
                raise

    with allowed("make service principals", _MAY_WRITE, obj):
        until_known(send, patience, unknown=(BAD_REQUEST, NOT_FOUND))


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
    """Consent for everybody, by a further grant or the one that is there, extended; whether this run has done it."""
    with allowed("give consent", _MAY_CONSENT, f"admin consent for {application.display_name}"):
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
    """A new client secret: its value, which Graph shows this once, and the credential as it is listed.

    ``when_lost``: the next step where no answer came, so that there may be a secret which nobody knows; None where
    somebody has to remove it.
    """
    obj, path = f"application {application.display_name}", f"/v1.0/applications/{application.object_id}/addPassword"
    body = {"passwordCredential": {"displayName": name, "endDateTime": iso(ends)}}
    lost = None
    try:
        with allowed("add secrets to this application", _MAY_WRITE, obj):
            made = _new_secret(until_known(lambda: graph.send("POST", path, obj=obj, body=body), patience), obj)
    except AzureError as error:
        if not may_have_worked(error):
            raise
        lost = error
    if lost is not None:
        failure = AzureError(
            f"{lost.problem}; a secret may have been made, whose value is lost then",
            plane=lost.plane,
            obj=obj,
            words=lost.words,
            next_step=when_lost or _advice_on_lost_secret(graph, application, name),
            status=lost.status,
            # Without that step, another run would take it for the one that it is to make.
            retryable=when_lost is not None,
        )
        failure.tells_unknown = lost.tells_unknown
        raise failure
    secret = credential_of("secret", made)
    if secret.ends is None:
        # Until when it is valid goes on record, and Entra may have another end than the one that was asked for.
        listed = [one for one in _listed_secrets(graph, application) if same_name(one.get("keyId"), secret.key_id)]
        secret = credential_of("secret", listed[0]) if listed else secret
    return str(made["secretText"]), secret


def _new_secret(answer: Mapping[str, Any], obj: str) -> Mapping[str, Any]:
    """The answer to ``addPassword``, which alone has the value.

    Raises:
        AzureError: it lacks value or ID, so that the secret is lost. Without a status, as after no answer.
    """
    lacking = [name for name in ("keyId", "secretText") if not isinstance(answer.get(name), str) or not answer[name]]
    if lacking:
        problem = f"the answer lacks {' and '.join(lacking)}"
        raise AzureError(problem, plane="Entra", obj=obj, next_step="run the task again")
    return answer


def _listed_secrets(graph: Channel, application: Application) -> list[dict[str, Any]]:
    """The secrets as Graph lists them; none where it does not, as what depends on them is done without."""
    obj, path = f"application {application.display_name}", f"/v1.0/applications/{application.object_id}"
    try:
        body = graph.get(path, obj=obj, query={"$select": "id,passwordCredentials"})
        return list_in(body, "passwordCredentials", plane="Entra", obj=obj)
    except TaskError:
        return []


def _advice_on_lost_secret(graph: Channel, application: Application, name: str) -> str:
    """How to remove a secret that nobody has the value of, with its ID where Graph shows it."""
    known = {one.key_id for one in application.credentials}
    listed = _listed_secrets(graph, application)
    new = [str(one.get("keyId")) for one in listed if one.get("displayName") == name and one.get("keyId") not in known]
    named = f"the secret {' or '.join(new)}" if new else f'a secret named "{name}" that was created just now'
    return (
        f"remove {named}, which nobody has the value of (az ad app credential delete --id {application.client_id} "
        f"--key-id {new[0] if len(new) == 1 else 'ID'}), and run the task again after that"
    )


@dataclass(frozen=True)
class Removed:
    """``wrote``: False when all was gone already. ``put_back``: what others had lost by a write of a third party."""

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
    """Take these secrets and certificates away, wherever they are, and no other.

    The same thing done by somebody else is as good.

    Args:
        graph: The way to Microsoft Graph.
        application: As it was seen last.
        credentials: What is to go.
        patience: How long to wait until it is seen to be gone.
        required: A credential that must be among those that stay.

    Raises:
        TaskError: one of them is still there, or it cannot be seen whether it is.
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
    """Remove it and make sure that it is gone; False when somebody else has removed it."""
    removed = _remove_secret(graph, application, secret)
    return removed or _see_secret_gone(graph, application, secret, patience, in_doubt=removed is None)


def _remove_secret(graph: Channel, application: Application, secret: EntraCredential) -> bool | None:
    """Remove it by its ID.

    Returns:
        False where Graph does not know it: it is gone already, or not known there yet. None where no answer tells.
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
    """Whether a secret is gone cannot be seen, and this run has not removed it."""


def _see_secret_gone(
    graph: Channel, application: Application, secret: EntraCredential, patience: Patience, *, in_doubt: bool
) -> bool:
    """Look for a secret whose removal was not confirmed, and remove it when it shows; whether this has removed it.

    One that this run has seen listed, and that is not listed any more, was removed by somebody else. One that was never
    listed may still come up, as Graph answers from several places.

    Raises:
        TaskError: it is there still, or may be.
    """
    key_id, obj, path = secret.key_id, application.label_at(secret.place), application.path_at(secret.place)
    object_id = str(application.principal_id if secret.place == PRINCIPAL else application.object_id)
    was_listed = any(one.key_id == key_id for one in application.credentials)
    in_a_row, waits = 0, True
    while waits and in_a_row < EQUAL_READS:
        body = graph.get(path, obj=obj, query={"$select": "id,passwordCredentials"})
        check_id(body, object_id, plane="Entra", obj=obj)
        listed = {str(one.get("keyId")) for one in list_in(body, "passwordCredentials", plane="Entra", obj=obj)}
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
            f"it cannot be verified that the secret {key_id} is removed",
            plane="Entra",
            obj=obj,
            next_step="run the task again, which removes it if it is there",
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
    """Register further certificates: ``key`` is base64 of DER, ``displayName`` says whose they are. None goes.

    ``while_disabled``: also where the application is disabled, as in the way back from an emergency. ``place``: whether
    with the registration, or with the service principal, where they have been before.
    """
    return _changed(graph, application, ListEdit(add=entries, while_disabled=while_disabled, place=place), patience)


def set_enabled(graph: Channel, object_id: str, patience: Patience, *, enabled: bool) -> None:
    """Switch a service principal on or off: for one that is off, Entra issues no token (AADSTS7000112, T36)."""
    obj, path = f"service principal {object_id}", f"/v1.0/servicePrincipals/{object_id}"
    with allowed("change this service principal", _MAY_WRITE, obj):
        writes.repeated(lambda: graph.send("PATCH", path, obj=obj, body={"accountEnabled": enabled}), patience)


def remove(graph: Channel, application: Application) -> None:
    """Delete the registration; its service principal goes with it."""
    obj = f"application {application.display_name}"
    with allowed("remove this application", _MAY_WRITE, obj):
        graph.send("DELETE", f"/v1.0/applications/{application.object_id}", obj=obj)


@contextmanager
def allowed(deed: str, permission: str, obj: str) -> Iterator[None]:
    """Names the permission of Graph that a refused request needs."""
    refused = None
    try:
        yield
    except AzureError as error:
        if code_of(error) != GRAPH_DENIED:
            raise
        refused = error
    if refused is not None:
        raise denied(deed, permission, obj, refused.words)
