# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""App registrations and service principals in Microsoft Graph, looked up (Azure contract §3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ..._errors import TaskError
from ..._names import same_name
from ..._rest.replacement import Incomplete, list_in, text_in
from ..._rest.statuses import FORBIDDEN, NOT_FOUND, SERVICE_UNAVAILABLE
from ..._timestamps import parse_iso
from ..rights.facts import PRINCIPAL, REGISTRATION, EntraCredential
from ..rights.sign_in import disabled_of
from ..wire.channel import Channel
from ..wire.cloud import Cloud
from ..wire.errors import denied, refusal
from ..wire.session import understood
from . import app_policies
from .application_plan import SCOPE, Application, Consent, Permission
from .consent import grant_for, words_of
from .entra_objects import KEYS, credentials_of, signing_of, with_keys
from .registrations import Answer, batch, quoted

_MAY_READ = "Application.Read.All"
_MAY_READ_CONSENT = "DelegatedPermissionGrant.Read.All"


@dataclass(frozen=True)
class ApplicationSelector:
    """How the user names the application. ``by``: client_id, unique_name or display_name."""

    by: str
    value: str

    def __str__(self) -> str:
        return f"application {self.value}"


@dataclass(frozen=True)
class ObservedApplication:
    """``application``: None when there is none. ``key_vault``: None when it was not asked for.

    ``policy``: the tenant's app management policy (T37); None when the operator may not read it.
    """

    application: Application | None
    key_vault: Permission | None
    policy: Mapping[str, Any] | None


# Looking ------------------------------------------------------------------------------------------------------------


def look(
    graph: Channel, cloud: Cloud, selector: ApplicationSelector, *, key_vault: bool, consent: bool
) -> ObservedApplication:
    """The application and what belongs to it, in one request, in two where it is not named by its client ID.

    Args:
        graph: The way to Microsoft Graph.
        cloud: Where the client ID of Azure Key Vault comes from.
        selector: Which application.
        key_vault: Whether the permission of Azure Key Vault is wanted.
        consent: Whether the consent to it is wanted too.

    Raises:
        TaskError: the name is that of several applications, the application is another tenant's, Azure Key Vault is
            not known in the tenant, or the operator may not look.
    """
    reads = {"policy": "/policies/defaultAppManagementPolicy", "application": _path_of(selector)}
    if key_vault:
        select = "$select=id,appId,oauth2PermissionScopes"
        reads["key_vault"] = f"/servicePrincipals(appId='{cloud.key_vault_app_id}')?{select}"
    if selector.by == "client_id":
        reads |= _belongings(selector.value, consent)
    with understood(str(selector), plane="Entra"):
        answers = batch(graph, reads, obj=str(selector))
        permission = _permission(answers["key_vault"], cloud) if key_vault else None
        application = _read(answers["application"], "look at applications", _MAY_READ, str(selector))
        if application is not None and selector.by == "display_name":
            hits = list_in(application, "value", plane="Entra", obj=str(selector))
            application = _the_one(hits, selector)
        if application is None:
            _refuse_a_foreign_one(answers.get("principal"), selector)
        else:
            _check_named(application, selector)
        if application is not None and selector.by != "client_id":
            client_id = text_in(application, "appId", plane="Entra", obj=str(selector))
            answers |= batch(graph, _belongings(client_id, consent), obj=str(selector))
        found = None if application is None else _application(application, answers, permission, str(selector))
        return ObservedApplication(found, permission, answers["policy"].body)


def _check_named(application: Mapping[str, Any], selector: ApplicationSelector) -> None:
    """Refuse an answer about another application than the one that was asked for."""
    member = {"client_id": "appId", "unique_name": "uniqueName", "display_name": "displayName"}[selector.by]
    if not same_name(application.get(member), selector.value):
        raise Incomplete("the answer is about another application", plane="Entra", obj=str(selector))


def _path_of(selector: ApplicationSelector) -> str:
    if selector.by == "client_id":
        return f"/applications(appId='{selector.value}')"
    if selector.by == "unique_name":
        return f"/applications(uniqueName='{quoted(selector.value)}')"
    return f"/applications?$filter=displayName%20eq%20'{quoted(selector.value)}'"


def _belongings(client_id: str, consent: bool) -> dict[str, str]:
    key = f"/servicePrincipals(appId='{client_id}')"
    reads = {
        "application_keys": f"/applications(appId='{client_id}')?{KEYS}",
        "principal": key,
        "principal_keys": f"{key}?{KEYS}",
    }
    return {**reads, "consents": f"{key}/oauth2PermissionGrants"} if consent else reads


def _the_one(hits: Sequence[Mapping[str, Any]], selector: ApplicationSelector) -> Mapping[str, Any] | None:
    if len(hits) < 2:
        return hits[0] if hits else None
    described = [
        {"client_id": str(hit["appId"]), "unique_name": hit.get("uniqueName"), "created": hit.get("createdDateTime")}
        for hit in hits
    ]
    told = "; ".join(f"{one['client_id']}, made {one['created']}" for one in described)
    raise TaskError(
        f"{len(hits)} applications have this display name: {told}",
        plane="Entra",
        obj=str(selector),
        next_step="name the one that is meant by app_client_id",
        hits=described,
    )


def _refuse_a_foreign_one(principal: Answer | None, selector: ApplicationSelector) -> None:
    if principal is not None and principal.body is not None:
        raise TaskError(
            "the application is registered in another tenant, and only its service principal is in this one",
            plane="Entra",
            obj=str(selector),
            next_step="log in to the application's home tenant, or use an application of this one",
        )


def _read(answer: Answer, deed: str, permission: str, obj: str) -> Mapping[str, Any] | None:
    """The body of an answer; None when there is no such object."""
    if answer.body is not None or answer.status == NOT_FOUND:
        return answer.body
    if answer.status == FORBIDDEN:
        raise denied(deed, permission, obj, answer.words)
    raise refusal(answer.status or SERVICE_UNAVAILABLE, {"error": {"message": answer.words}}, plane="Entra", obj=obj)


def _permission(answer: Answer, cloud: Cloud) -> Permission:
    """The permission by its name: its ID differs from cloud to cloud."""
    obj = f"Azure Key Vault ({cloud.key_vault_app_id})"
    body = _read(answer, "look at service principals", _MAY_READ, obj)
    if body is None:
        raise TaskError(
            "the tenant does not know the service Azure Key Vault, which no vault has been made in yet",
            plane="Entra",
            obj=obj,
            next_step=f"run `az ad sp create --id {cloud.key_vault_app_id}` once, or set api_permission to false",
        )
    for scope in body.get("oauth2PermissionScopes") or []:
        if scope.get("value") == SCOPE and scope.get("isEnabled") is not False:
            app_id = text_in(body, "appId", plane="Entra", obj=obj)
            if not same_name(app_id, cloud.key_vault_app_id):
                raise Incomplete("the answer is about another application", plane="Entra", obj=obj)
            principal_id = text_in(body, "id", plane="Entra", obj=obj)
            return Permission(app_id, principal_id, text_in(scope, "id", plane="Entra", obj=f"{obj}, {SCOPE}"))
    raise TaskError(
        f"it offers no permission {SCOPE}",
        plane="Entra",
        obj=obj,
        next_step="check cloud_environment, or set api_permission to false",
    )


def _application(
    body: Mapping[str, Any], answers: Mapping[str, Answer], permission: Permission | None, obj: str
) -> Application:
    principal = _read(answers["principal"], "look at service principals", _MAY_READ, obj)
    credentials, signing = _credentials(body, answers["application_keys"], REGISTRATION, obj)
    if principal is not None:
        of_principal, signing = _credentials(principal, answers["principal_keys"], PRINCIPAL, obj)
        credentials += of_principal
    found = application_of(body, principal, credentials, signing, obj)
    return replace(found, consent=_consent(answers.get("consents"), permission, obj))


def application_of(
    body: Mapping[str, Any],
    principal: Mapping[str, Any] | None,
    credentials: tuple[EntraCredential, ...],
    signing: tuple[EntraCredential, ...],
    obj: str,
) -> Application:
    """A registration and its service principal, without consent. ``principal``: None when there is none.

    Raises:
        Incomplete: an ID or a list is missing.
    """
    return Application(
        client_id=text_in(body, "appId", plane="Entra", obj=obj),
        object_id=text_in(body, "id", plane="Entra", obj=obj),
        display_name=str(body.get("displayName") or ""),
        unique_name=body.get("uniqueName") or None,
        created=parse_iso(body.get("createdDateTime")),
        tags=tuple(list_in(body, "tags", plane="Entra", obj=obj)),
        disabled=disabled_of(body, principal),
        principal_id=None if principal is None else text_in(principal, "id", plane="Entra", obj=obj),
        credentials=credentials,
        signing=signing,
        access=tuple(list_in(body, "requiredResourceAccess", plane="Entra", obj=obj)),
    )


def _credentials(
    body: Mapping[str, Any], keys: Answer, place: str, obj: str
) -> tuple[tuple[EntraCredential, ...], tuple[EntraCredential, ...]]:
    """Those by which somebody logs in, and those of SAML sign-on.

    Raises:
        Incomplete: the public parts of certificates are not to be seen, without which none can be told from another.
    """
    shown = _read(keys, "look at credentials", _MAY_READ, obj)
    if shown is None and body.get("keyCredentials"):
        raise Incomplete("Graph does not show the public parts of its certificates", plane="Entra", obj=obj)
    whole = with_keys(body, shown, obj)
    return credentials_of(whole, obj, place), signing_of(whole, obj, place)


def _consent(answer: Answer | None, permission: Permission | None, obj: str) -> Consent | None:
    if answer is None or permission is None:
        return None
    body = _read(answer, "look at consents", _MAY_READ_CONSENT, obj)
    listed = [] if body is None else list_in(body, "value", plane="Entra", obj=obj)
    grant = grant_for(listed, permission.resource_principal_id)
    return None if grant is None else Consent(text_in(grant, "id", plane="Entra", obj=obj), words_of(grant, obj=obj))


def tenants_restrictions(policy: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What the tenant's policy restricts for applications, as far as it can be read."""
    if policy is None or policy.get("isEnabled") is not True:
        return {}
    restrictions: Mapping[str, Any] = policy.get("applicationRestrictions") or {}
    return restrictions


def own_restrictions(graph: Channel, application: Application) -> Mapping[str, Any] | None:
    """What a policy of the application's own restricts, which takes the place of the tenant's; None without one."""
    path = f"/applications/{application.object_id}/appManagementPolicies"
    answer = batch(graph, {"own": path}, obj=f"application {application.display_name}")["own"]
    own = next(iter((answer.body or {}).get("value") or []), None)
    if own is None:
        return None
    restrictions: Mapping[str, Any] = (own.get("restrictions") or {}) if own.get("isEnabled") is True else {}
    return restrictions


def refuse_what_a_policy_forbids(
    graph: Channel,
    observed: ObservedApplication,
    display_name: str,
    certificates: Sequence[tuple[timedelta, bool]],
    secret: timedelta | None,
    options: str,
    now: datetime,
) -> None:
    """T37, as far as policies can be read. What cannot is refused by the server, in its own words.

    Args:
        graph: The way to Microsoft Graph.
        observed: The application, if there is one, and the tenant's policy.
        display_name: What the application is called where it is still to be made.
        certificates: As :func:`policies.violation` takes them.
        secret: Likewise.
        options: Which options say how long a new credential is valid.
        now: The time by the services' clocks.

    Raises:
        TaskError: a policy forbids one of the new credentials. Nothing has been changed.
    """
    found = observed.application
    created = (found.created if found else None) or now
    forbidden = app_policies.violation(tenants_restrictions(observed.policy), created, certificates, secret)
    if forbidden is not None and found is not None:
        # Looked at only here: most applications have no policy of their own.
        own = own_restrictions(graph, found)
        if own is not None:
            forbidden = app_policies.violation(own, created, certificates, secret)
    if forbidden is not None:
        raise TaskError(
            forbidden.problem,
            plane="Entra",
            obj=f"application {found.display_name if found else display_name}",
            next_step=f"use a credential that the policy allows ({options} set how long a new one is valid), or have "
            "the application exempted",
            unchanged=True,
            restriction=forbidden.restriction,
            longest_days=forbidden.longest,
        )
