# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Microsoft Graph: the application, its service principal, credentials and groups (Azure contract §3)."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._errors import TaskError
from ..._names import name_key, same_name
from ..._rest.replacement import Incomplete, list_in, text_in
from ..._rest.statuses import FORBIDDEN, NOT_FOUND
from ..rights.facts import PRINCIPAL, REGISTRATION, ApplicationIdentity, EntraCredential
from ..rights.sign_in import disabled_of
from ..wire.channel import Channel
from ..wire.graph_batch import Answer, batch
from .entra_objects import KEYS, credentials_of, signing_of, with_keys


@dataclass(frozen=True)
class Registration:
    """What Graph returns about an application. ``consented_for_all``: scopes of ``AllPrincipals`` grants (T40).

    ``resources``: app IDs of the APIs of its listed permissions (T30). None: not readable; ``unreadable`` has the
    reason, by the names ``service_principal``, ``application``, ``groups``, ``consents``. ``refused``: those that the
    operator has no permission to read.
    """

    identity: ApplicationIdentity
    resources: frozenset[str] | None = None
    consented_for_all: frozenset[str] | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()


def registration(graph: Channel, client_id: str, object_id: str | None) -> Registration:
    """All that the assessment needs, in one request. ``object_id``: of the service principal, if the user sets it.

    Raises:
        TaskError: the application has no service principal in the operator's tenant, or it cannot be read and
            ``object_id`` was not set.
    """
    key = f"(appId='{client_id}')"
    answers = batch(
        graph,
        {
            "service_principal": f"/servicePrincipals{key}",
            "service_principal_keys": f"/servicePrincipals{key}?{KEYS}",
            "application": f"/applications{key}",
            "application_keys": f"/applications{key}?{KEYS}",
            "groups": f"/servicePrincipals{key}/transitiveMemberOf?$select=id&$top=999",
            "consents": f"/servicePrincipals{key}/oauth2PermissionGrants",
        },
        obj=f"application {client_id}",
    )
    principal = answers["service_principal"]
    if principal.status == NOT_FOUND:
        raise _no_service_principal(graph, client_id, answers["application"].status)
    if principal.body is None and object_id is None and principal.status != FORBIDDEN:
        raise principal.failure("read service principals", "Application.Read.All", f"application {client_id}")
    if principal.body is None and object_id is None:
        raise TaskError(
            "the service principal of the application cannot be read",
            plane="Entra",
            obj=f"application {client_id}",
            server_words=principal.words,
            next_step="grant the operator Application.Read.All in Microsoft Graph, or set app_object_id to the object "
            "ID of the service principal (Enterprise applications, not App registrations)",
        )
    unreadable = {
        name: answer.words for name, answer in answers.items() if answer.body is None and not name.endswith("_keys")
    }
    application, of_principal = answers["application"].body, principal.body
    if application is not None and not isinstance(application.get("id"), str):
        raise Incomplete("the response has no ID", plane="Entra", obj=f"application {client_id}")
    credentials: list[EntraCredential] = []
    signing: list[EntraCredential] = []
    for name, place in (("application", REGISTRATION), ("service_principal", PRINCIPAL)):
        try:
            body = _with_keys(answers, name, client_id)
            if body is not None:
                credentials += credentials_of(body, f"application {client_id}", place)
                signing += signing_of(body, f"application {client_id}", place)
        except Incomplete as error:
            # Use nothing from such an answer.
            unreadable[name] = error.problem
    if "application" in unreadable:
        application = None
    known = not {"application", "service_principal"} & set(unreadable)
    resources = None
    if application is not None:
        try:
            resources = _resources(application, f"application {client_id}")
        except Incomplete as error:
            unreadable["application"] = error.problem
    if (answers["consents"].body or {}).get("@odata.nextLink"):
        unreadable["consents"] = "the list has more pages, which the task does not read"
    for name in ("groups", "consents"):
        listed = answers[name].body
        if listed is not None and listed.get("value") is None:
            unreadable[name] = "the response has no list"
    if known and of_principal is not None and not isinstance(of_principal.get("accountEnabled"), bool):
        unreadable["service_principal"] = "the response does not state whether it is enabled"
    disabled = disabled_of(application, of_principal)
    identity = ApplicationIdentity(
        client_id=client_id,
        object_id=_object_id(of_principal, object_id, client_id),
        application_object_id=None if application is None else str(application["id"]),
        home_tenant_id=None if of_principal is None else of_principal.get("appOwnerOrganizationId"),
        display_name=str((of_principal or application or {}).get("displayName") or ""),
        enabled=False if disabled else _enabled(of_principal, application),
        groups=_groups(answers["groups"].body),
        credentials=tuple(credentials) if known else None,
        disabled=disabled,
        signing=tuple(signing),
    )
    refused = frozenset(name for name in unreadable if answers[name].status == FORBIDDEN)
    return Registration(identity, resources, _consents(answers["consents"].body), unreadable, refused)


def quoted(value: str) -> str:
    """A text inside of the quotes of an address."""
    return urllib.parse.quote(value.replace("'", "''"), safe="")


def _no_service_principal(graph: Channel, client_id: str, application_status: int) -> TaskError:
    if application_status == NOT_FOUND:
        problem = "this application does not exist in the operator's tenant"
        step = "check app_client_id (Application (client) ID) and the tenant"
    else:
        problem = "the application has no service principal in the operator's tenant"
        step = "create it (the portal does so with the registration; otherwise: az ad sp create), or check the tenant"
    deleted = deleted_at(graph, client_id, principal=application_status != NOT_FOUND)
    if deleted is not None:
        problem += f": it was deleted at {deleted} and stays in the recycle bin of Entra for 30 days"
        step = (
            "restore it with fortanix.dsm.azure_kv_app (app_client_id, on_soft_deleted: recover) to use it again; "
            "it cannot sign in while it is in the recycle bin"
        )
    return TaskError(problem, plane="Entra", obj=f"application {client_id}", next_step=step, status=NOT_FOUND)


def deleted_at(graph: Channel, client_id: str, *, principal: bool = False) -> str | None:
    """When an application, or its service principal, was deleted; None if it is not found in the recycle bin.

    Raises:
        AzureError: Graph does not answer.
    """
    kind = "servicePrincipal" if principal else "application"
    path = f"/directory/deletedItems/microsoft.graph.{kind}?$filter=appId%20eq%20'{client_id}'"
    answer = batch(graph, {"deleted": path}, obj=f"application {client_id}")["deleted"]
    listed = (answer.body or {}).get("value") or []
    # Without permission to read the recycle bin, report the rest.
    hits = (one for one in listed if same_name(one.get("appId"), client_id))
    found = next(hits, None)
    return None if found is None else str(found.get("deletedDateTime"))


def _object_id(principal: Mapping[str, Any] | None, given: str | None, client_id: str) -> str:
    if principal is None:
        return str(given)
    found = text_in(principal, "id", plane="Entra", obj=f"application {client_id}")
    if given is not None and not same_name(given, found):
        raise TaskError(
            f"app_object_id is {given}, but the service principal of app_client_id is {found}",
            plane="Entra",
            obj=f"application {client_id}",
            next_step="omit app_object_id, or correct it: it is the object ID of the service principal, not of the app "
            "registration",
        )
    return found


def _with_keys(answers: Mapping[str, Answer], name: str, client_id: str) -> Mapping[str, Any] | None:
    """An object with the public parts of its certificates, if Graph returns them.

    Graph limits such requests per tenant and minute. Without the public parts, thumbprints still identify the
    certificates.
    """
    body = answers[name].body
    return None if body is None else with_keys(body, answers[f"{name}_keys"].body, f"application {client_id}")


def _enabled(principal: Mapping[str, Any] | None, application: Mapping[str, Any] | None) -> bool | None:
    """Registration and service principal are disabled separately; one proves nothing about the other (T36)."""
    if principal is None or application is None or principal.get("accountEnabled") is not True:
        return None
    return True


def _groups(body: Mapping[str, Any] | None) -> frozenset[str] | None:
    """Object IDs of the groups. Directory roles and administrative units are listed, too, but grant nothing here."""
    if body is None or body.get("value") is None or body.get("@odata.nextLink"):
        # More than 999 groups: not followed, hence not known.
        return None
    kinds = (None, "#microsoft.graph.group")
    return frozenset(name_key(entry["id"]) for entry in body["value"] if entry.get("@odata.type") in kinds)


def _resources(application: Mapping[str, Any], obj: str) -> frozenset[str]:
    listed = list_in(application, "requiredResourceAccess", plane="Entra", obj=obj)
    return frozenset(name_key(entry["resourceAppId"]) for entry in listed)


def _consents(body: Mapping[str, Any] | None) -> frozenset[str] | None:
    if body is None or body.get("value") is None or body.get("@odata.nextLink"):
        return None
    granted = [entry for entry in body["value"] if entry.get("consentType") == "AllPrincipals"]
    return frozenset(scope for entry in granted for scope in str(entry.get("scope") or "").split())
