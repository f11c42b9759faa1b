# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Finds and restores applications in the recycle bin of Entra (Microsoft Graph, directory/deletedItems).

A deleted application keeps its unique name for thirty days. Its service principal is deleted with it, and restoring
the application does not restore it: this takes a separate request. A new service principal would not have the roles of
the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..._errors import TaskError
from ..._names import same_name
from ..._plan import Change
from ..._rest.replacement import text_in
from ..._rest.statuses import NOT_FOUND
from ..._waiter import Patience
from ..rights.facts import PRINCIPAL, REGISTRATION
from ..rights.sign_in import disabled_of
from ..wire.channel import Channel
from ..wire.errors import AzureError, status_of
from ..wire.not_known_yet import Reference, until_known
from ..wire.optional_reads import Unread, optional
from .application_lookup import ApplicationSelector, application_of
from .application_plan import Application
from .entra_objects import credentials_of, signing_of
from .graph_writes import allowed

_BIN = "/v1.0/directory/deletedItems"
FAIL, RECOVER = "fail", "recover"


@dataclass(frozen=True)
class DeletedApplication:
    """An application in the recycle bin, as it was. ``deleted``: ISO 8601.

    ``is_registration``: False if only the service principal was deleted. ``application.principal_id``: None when the
    service principal cannot be restored.
    """

    application: Application
    deleted: str
    is_registration: bool = True

    @property
    def label(self) -> str:
        what = "application" if self.is_registration else "service principal of"
        return f"{what} {self.application.display_name}"

    def change(self) -> Change:
        found = self.application
        before = {"client_id": found.client_id, "deleted": self.deleted, "unique_name": found.unique_name}
        return Change("Entra", self.label, RECOVER, before, {"exists": True}, "on_soft_deleted: recover")

    def refusal(self) -> TaskError:
        """The error if restoring it is not requested."""
        found = self.application
        return TaskError(
            f"it was deleted at {self.deleted} and stays in the recycle bin for 30 days, where it keeps its unique name"
            if found.unique_name
            else f"it was deleted at {self.deleted} and stays in the recycle bin for 30 days",
            plane="Entra",
            obj=f"application {found.display_name} ({found.client_id})",
            next_step="set on_soft_deleted: recover to restore it with its credentials and roles, choose another "
            "app_unique_name, or delete it permanently in Entra (App registrations, Deleted applications)",
            unchanged=True,
            deleted={"client_id": found.client_id, "object_id": found.object_id, "deleted": self.deleted},
        )


def find(graph: Channel, selector: ApplicationSelector) -> DeletedApplication | None:
    """The deleted application with this client ID or unique name. Display names are not unique, so they are not used.

    Raises:
        TaskError: the recycle bin cannot be read.
    """
    if selector.by == "display_name":
        return None
    query = {"$filter": f"appId eq '{selector.value}'"} if selector.by == "client_id" else {"$top": "999"}
    # Graph does not filter by unique names.
    member = "appId" if selector.by == "client_id" else "uniqueName"
    with allowed("read deleted applications", "Application.Read.All", str(selector)):
        listed = list(graph.pages(f"{_BIN}/microsoft.graph.application", obj=str(selector), query=query))
    hits = (one for one in listed if same_name(one.get(member), selector.value))
    body = next(hits, None)
    if body is None:
        return None
    principal = _principal(graph, text_in(body, "appId", plane="Entra", obj=str(selector)), str(selector))
    return DeletedApplication(_application(body, principal, str(selector)), str(body.get("deletedDateTime")))


def find_principal(graph: Channel, found: Application) -> DeletedApplication | None:
    """The deleted service principal of an application that has none.

    Raises:
        TaskError: the recycle bin cannot be read.
    """
    obj = f"application {found.display_name}"
    principal = _principal(graph, found.client_id, obj)
    if principal is None:
        return None
    restored = replace(
        found,
        disabled=(*found.disabled, *disabled_of(None, principal)),
        principal_id=text_in(principal, "id", plane="Entra", obj=obj),
        credentials=(*found.credentials, *credentials_of(principal, obj, PRINCIPAL)),
        signing=signing_of(principal, obj),
    )
    return DeletedApplication(restored, str(principal.get("deletedDateTime")), is_registration=False)


def restore(graph: Channel, deleted: DeletedApplication, patience: Patience) -> None:
    """Restore both. A restore by another client counts as well.

    Raises:
        TaskError: it is refused, or one of them was deleted permanently in the meantime.
    """
    found = deleted.application
    if deleted.is_registration:
        _restore(graph, found.path_at(REGISTRATION), f"application {found.display_name}", patience, found.object_id)
    if found.principal_id is not None:
        # Some servers do not know an application yet that was just restored.
        obj, path = f"service principal of {found.display_name}", found.path_at(PRINCIPAL)
        _restore(graph, path, obj, patience, found.principal_id, Reference.RESTORED_APPLICATION)


def _restore(graph: Channel, path: str, obj: str, patience: Patience, object_id: str, *references: Reference) -> None:
    """``path``: of the object outside of the recycle bin."""

    def send() -> None:
        try:
            graph.send("POST", f"{_BIN}/{object_id}/restore", obj=obj)
        except AzureError as error:
            # Another client has restored it.
            if status_of(error) != NOT_FOUND or isinstance(optional(partial(graph.get, path, obj=obj)), Unread):
                raise

    purged = None
    with allowed("restore deleted applications", "Application.ReadWrite.OwnedBy", obj):
        try:
            until_known(send, patience, Reference.DIRECTORY_OBJECT, *references)
        except AzureError as error:
            if status_of(error) != NOT_FOUND:
                raise
            purged = error
    if purged is not None:
        raise AzureError(
            "it is no longer in the recycle bin and was not restored, so it was probably deleted permanently",
            plane="Entra",
            obj=obj,
            words=purged.words,
            next_step="check the Entra audit log, and run the task again to create a new one",
            status=NOT_FOUND,
            code=purged.code,
        )


def _principal(graph: Channel, client_id: str, obj: str) -> Mapping[str, Any] | None:
    query = {"$filter": f"appId eq '{client_id}'"}
    with allowed("read deleted service principals", "Application.Read.All", obj):
        listed = list(graph.pages(f"{_BIN}/microsoft.graph.servicePrincipal", obj=obj, query=query))
    hits = (one for one in listed if same_name(one.get("appId"), client_id))
    return next(hits, None)


def _application(body: Mapping[str, Any], principal: Mapping[str, Any] | None, obj: str) -> Application:
    credentials, signing = credentials_of(body, obj), signing_of(body, obj)
    if principal is not None:
        credentials += credentials_of(principal, obj, PRINCIPAL)
        signing = signing_of(principal, obj)
    return application_of(body, principal, credentials, signing, obj)
