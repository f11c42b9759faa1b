# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Microsoft Graph: the application, its service principal, credentials and groups (Azure contract §3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._errors import TaskError, quotable
from .._replacement import Incomplete, list_in
from .authorization import moment
from .facts import Credential, Identity
from .pipeline import Channel

_SERVICE_PRINCIPAL = "id,appId,displayName,accountEnabled,appOwnerOrganizationId"
_NOT_FOUND = 404
_MANY_PAGES = "the list has more pages, which are not read"


@dataclass(frozen=True)
class Registration:
    """What Graph tells of an application. ``consented_for_all``: scopes that an ``AllPrincipals`` grant gives (T40).

    ``resources``: app IDs of the APIs that it has listed a permission of (T30). None: not readable, ``unreadable``
    says why, by the names ``service_principal``, ``application``, ``groups``, ``consents``. A certificate whose public
    key is not shown has no ``sha256``: whoever compares certificates says that these cannot be compared.
    """

    identity: Identity
    resources: frozenset[str] | None = None
    consented_for_all: frozenset[str] | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)


def registration(graph: Channel, client_id: str, object_id: str | None) -> Registration:
    """All that the judgement needs, in one request. ``object_id``: of the service principal, when the user gives it.

    Raises:
        TaskError: the application has no service principal in the operator's tenant, or it cannot be looked up and
            ``object_id`` was not given.
    """
    key = f"(appId='{client_id}')"
    answers = batch(
        graph,
        {
            "service_principal": f"/servicePrincipals{key}?$select={_SERVICE_PRINCIPAL}",
            # Without $select: not every Graph knows isDisabled, and one that does not refuses to select it.
            "application": f"/applications{key}",
            # The public keys come with $select alone (Azure contract §3).
            "certificates": f"/applications{key}?$select=id,keyCredentials",
            "groups": f"/servicePrincipals{key}/transitiveMemberOf?$select=id&$top=999",
            "consents": f"/servicePrincipals{key}/oauth2PermissionGrants",
        },
        obj=f"application {client_id}",
    )
    principal = answers["service_principal"]
    if principal.status == _NOT_FOUND:
        raise _no_service_principal(client_id, answers["application"].status)
    if principal.body is None and object_id is None:
        raise TaskError(
            "the service principal of the application cannot be looked up",
            plane="Entra",
            obj=f"application {client_id}",
            server_words=principal.words,
            next_step="give the operator Application.Read.All in Microsoft Graph, or set app_object_id to the object "
            "ID of the service principal (Enterprise applications, not App registrations)",
        )
    unreadable = {
        name: answer.words for name, answer in answers.items() if answer.body is None and name != "certificates"
    }
    if (answers["consents"].body or {}).get("@odata.nextLink"):
        unreadable["consents"] = _MANY_PAGES
    if principal.body is not None and not isinstance(principal.body.get("accountEnabled"), bool):
        unreadable["service_principal"] = "the answer does not say whether it is enabled"
    application = answers["application"].body
    credentials = resources = None
    if application is not None:
        if not isinstance(application.get("id"), str):
            raise Incomplete("the answer has no ID", plane="Entra", obj=f"application {client_id}")
        obj = f"application {client_id}"
        try:
            credentials = credentials_of(with_public_keys(application, answers["certificates"].body), obj)
        except Incomplete as error:
            # Of such an answer nothing is believed.
            application, unreadable["application"] = None, error.problem
    if application is not None:
        try:
            resources = _resources(application, f"application {client_id}")
        except Incomplete as error:
            unreadable["application"] = error.problem
    identity = Identity(
        client_id=client_id,
        object_id=_object_id(principal.body, object_id, client_id),
        application_object_id=None if application is None else str(application["id"]),
        home_tenant_id=None if principal.body is None else principal.body.get("appOwnerOrganizationId"),
        display_name=str((principal.body or application or {}).get("displayName") or ""),
        enabled=_enabled(principal.body, application),
        groups=_groups(answers["groups"].body),
        credentials=credentials,
    )
    return Registration(identity, resources, _consents(answers["consents"].body), unreadable)


@dataclass(frozen=True)
class Answer:
    """One answer out of a batch: ``body`` is None for a refusal, ``words`` are then the server's."""

    status: int
    body: Mapping[str, Any] | None
    words: str = ""


def batch(graph: Channel, reads: Mapping[str, str], *, obj: str) -> dict[str, Answer]:
    """Several GETs in one request, by name. At most twenty. A refusal of one does not touch the others.

    Raises:
        AzureError: the batch itself is refused.
    """
    requests = [{"id": name, "method": "GET", "url": url} for name, url in reads.items()]
    answered = graph.send("POST", "/v1.0/$batch", obj=obj, body={"requests": requests})
    found = {str(one["id"]): _answer(one) for one in answered.get("responses") or []}
    missing = Answer(0, None, "Graph left it unanswered")
    return {name: found.get(name, missing) for name in reads}


def quoted(value: str) -> str:
    """A text inside of the quotes of an address."""
    return urllib.parse.quote(value.replace("'", "''"), safe="")


def _answer(one: Mapping[str, Any]) -> Answer:
    status, body = int(one["status"]), one.get("body")
    if status == 200 and isinstance(body, Mapping):
        return Answer(status, body)
    if status == 200:
        return Answer(0, None, "an answer without a body")
    error = (body or {}).get("error") if isinstance(body, Mapping) else None
    return Answer(status, None, quotable(str((error or {}).get("message") or f"HTTP status {status}")))


def _no_service_principal(client_id: str, application_status: int) -> TaskError:
    if application_status == _NOT_FOUND:
        problem = "there is no such application in the operator's tenant"
        step = "check app_client_id (Application (client) ID) and the tenant"
    else:
        problem = "the application has no service principal in the operator's tenant"
        step = "make one (the portal makes it with the registration; otherwise: az ad sp create), or check the tenant"
    return TaskError(problem, plane="Entra", obj=f"application {client_id}", next_step=step)


def _object_id(principal: Mapping[str, Any] | None, given: str | None, client_id: str) -> str:
    if principal is None:
        return str(given)
    found = str(principal["id"])
    if given is not None and given.lower() != found.lower():
        raise TaskError(
            f"app_object_id is {given}, and the service principal of app_client_id is {found}",
            plane="Entra",
            obj=f"application {client_id}",
            next_step="leave app_object_id out, or correct it: it is the object ID of the service principal, not that "
            "of the app registration",
        )
    return found


def _enabled(principal: Mapping[str, Any] | None, application: Mapping[str, Any] | None) -> bool | None:
    """Registration and service principal are switched off apart, and either keeps the application out (T36)."""
    if (application or {}).get("isDisabled") is True:
        return False
    return None if principal is None else principal.get("accountEnabled")


def _groups(body: Mapping[str, Any] | None) -> frozenset[str] | None:
    """Object IDs of the groups. Directory roles and administrative units are listed, too, and give no right here."""
    if body is None or body.get("@odata.nextLink"):
        # More than 999 groups: not followed, hence not known.
        return None
    kinds = (None, "#microsoft.graph.group")
    return frozenset(str(entry["id"]).lower() for entry in body["value"] if entry.get("@odata.type") in kinds)


def credentials_of(application: Mapping[str, Any], obj: str) -> tuple[Credential, ...]:
    """Secrets and certificates of an application as Graph shows it.

    Raises:
        Incomplete: one of the lists is missing or null, which does not mean that there are none.
    """
    return tuple(
        credential_of(kind, entry)
        for kind, member in (("secret", "passwordCredentials"), ("certificate", "keyCredentials"))
        for entry in list_in(application, member, plane="Entra", obj=obj)
    )


def with_public_keys(application: Mapping[str, Any], selected: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The application with the public keys that another answer shows of its certificates.

    Args:
        selected: the same application, read by itself with ``$select=keyCredentials``; None where that failed.
    """
    entries = application.get("keyCredentials")
    if selected is None or not isinstance(entries, list):
        return application
    keys = {entry.get("keyId"): entry.get("key") for entry in selected.get("keyCredentials") or []}
    merged = [{**entry, "key": entry.get("key") or keys.get(entry.get("keyId"))} for entry in entries]
    return {**application, "keyCredentials": merged}


def credential_of(kind: str, entry: Mapping[str, Any]) -> Credential:
    return Credential(
        kind=kind,
        key_id=str(entry["keyId"]),
        name=str(entry.get("displayName") or ""),
        starts=moment(entry.get("startDateTime")),
        ends=moment(entry.get("endDateTime")),
        thumbprint=_thumbprint(entry) if kind == "certificate" else None,
        sha256=hashlib.sha256(base64.b64decode(entry["key"])).hexdigest() if entry.get("key") else None,
        encoded=entry.get("key") or None,
    )


def _thumbprint(entry: Mapping[str, Any]) -> str | None:
    """SHA-1 in upper-case hex. Graph writes it in hex or as base64 of the twenty bytes; others write what they like."""
    if entry.get("key"):
        return hashlib.sha1(base64.b64decode(entry["key"]), usedforsecurity=False).hexdigest().upper()
    text = str(entry.get("customKeyIdentifier") or "")
    if len(text) == 40 and all(character in "0123456789abcdefABCDEF" for character in text):
        return text.upper()
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex().upper() if len(raw) == 20 else None


def _resources(application: Mapping[str, Any], obj: str) -> frozenset[str]:
    listed = list_in(application, "requiredResourceAccess", plane="Entra", obj=obj)
    return frozenset(str(entry["resourceAppId"]).lower() for entry in listed)


def _consents(body: Mapping[str, Any] | None) -> frozenset[str] | None:
    if body is None or body.get("@odata.nextLink"):
        return None
    granted = [entry for entry in body["value"] if entry.get("consentType") == "AllPrincipals"]
    return frozenset(scope for entry in granted for scope in str(entry.get("scope") or "").split())
