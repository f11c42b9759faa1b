# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads app registrations and service principals from Microsoft Graph (Azure contract §3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ..._errors import TaskError
from ..._names import same_name
from ..._rest.replacement import Incomplete, list_in, text_in
from ..._rest.statuses import NOT_FOUND
from ..._timestamps import parse_iso
from ..rights.facts import PRINCIPAL, REGISTRATION, EntraCredential
from ..rights.sign_in import disabled_of
from ..wire.channel import Channel
from ..wire.cloud import Cloud
from ..wire.graph_batch import Answer, batch
from ..wire.optional_reads import Unread, optional
from ..wire.session import understood
from . import app_policies
from .application_plan import SCOPE, Application, Consent, Permission
from .consent import grant_for, words_of
from .entra_objects import KEYS, credentials_of, signing_of, with_keys
from .registrations import quoted

_MAY_READ = "Application.Read.All"
_MAY_READ_CONSENT = "DelegatedPermissionGrant.Read.All"


@dataclass(frozen=True)
class ApplicationSelector:
    """How the user selects the application. ``by``: client_id, unique_name or display_name."""

    by: str
    value: str

    def __str__(self) -> str:
        return f"application {self.value}"


@dataclass(frozen=True)
class ObservedApplication:
    """``application``: None when it does not exist. ``key_vault``: None when it was not requested.

    ``policy``: the tenant's app management policy (T37); None when the operator cannot read it.
    """

    application: Application | None
    key_vault: Permission | None
    policy: Mapping[str, Any] | None


# Reading ------------------------------------------------------------------------------------------------------------


def look(
    graph: Channel, cloud: Cloud, selector: ApplicationSelector, *, key_vault: bool, consent: bool
) -> ObservedApplication:
    """The application and what belongs to it: one request by client ID, two by name.

    Args:
        graph: The connection to Microsoft Graph.
        cloud: The cloud, which defines the client ID of Azure Key Vault.
        selector: Which application.
        key_vault: Whether to read the permission of Azure Key Vault.
        consent: Whether to read the consent to it, too.

    Raises:
        TaskError: several applications have the name, the application belongs to another tenant, Azure Key Vault is
            not known in the tenant, or the operator has no read permission.
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
        application = _read(answers["application"], "read applications", _MAY_READ, str(selector))
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
    """Reject an answer about another application than the requested one."""
    member = {"client_id": "appId", "unique_name": "uniqueName", "display_name": "displayName"}[selector.by]
    if not same_name(application.get(member), selector.value):
        raise Incomplete("the response is about another application", plane="Entra", obj=str(selector))


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
    told = "; ".join(f"{one['client_id']}, created {one['created']}" for one in described)
    raise TaskError(
        f"{len(hits)} applications have this display name: {told}",
        plane="Entra",
        obj=str(selector),
        next_step="select one of them with app_client_id",
        hits=described,
    )


def _refuse_a_foreign_one(principal: Answer | None, selector: ApplicationSelector) -> None:
    if principal is not None and principal.body is not None:
        raise TaskError(
            "the application is registered in another tenant; this tenant has only its service principal",
            plane="Entra",
            obj=str(selector),
            next_step="use an operator of the application's home tenant, or an application of this tenant",
        )


def _read(answer: Answer, deed: str, permission: str, obj: str) -> Mapping[str, Any] | None:
    """The body of an answer; None when the object does not exist."""
    if answer.body is not None or answer.status == NOT_FOUND:
        return answer.body
    raise answer.failure(deed, permission, obj)


def _permission(answer: Answer, cloud: Cloud) -> Permission:
    """The permission by its name: its ID differs from cloud to cloud."""
    obj = f"Azure Key Vault ({cloud.key_vault_app_id})"
    body = _read(answer, "read service principals", _MAY_READ, obj)
    if body is None:
        raise TaskError(
            "the service Azure Key Vault is not registered in this tenant, as no vault was ever created in it",
            plane="Entra",
            obj=obj,
            next_step=f"run `az ad sp create --id {cloud.key_vault_app_id}` once, or set api_permission to false",
        )
    for scope in body.get("oauth2PermissionScopes") or []:
        if scope.get("value") == SCOPE and scope.get("isEnabled") is not False:
            app_id = text_in(body, "appId", plane="Entra", obj=obj)
            if not same_name(app_id, cloud.key_vault_app_id):
                raise Incomplete("the response is about another application", plane="Entra", obj=obj)
            principal_id = text_in(body, "id", plane="Entra", obj=obj)
            return Permission(app_id, principal_id, text_in(scope, "id", plane="Entra", obj=f"{obj}, {SCOPE}"))
    raise TaskError(
        f"it does not offer the permission {SCOPE}",
        plane="Entra",
        obj=obj,
        next_step="check cloud_environment, or set api_permission to false",
    )


def _application(
    body: Mapping[str, Any], answers: Mapping[str, Answer], permission: Permission | None, obj: str
) -> Application:
    principal = _read(answers["principal"], "read service principals", _MAY_READ, obj)
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
    """The credentials for sign-in, and those of SAML sign-on.

    Raises:
        Incomplete: Graph does not return the public parts of certificates, so they cannot be distinguished.
    """
    shown = _read(keys, "read credentials", _MAY_READ, obj)
    if shown is None and body.get("keyCredentials"):
        raise Incomplete("Graph does not return the public parts of its certificates", plane="Entra", obj=obj)
    whole = with_keys(body, shown, obj)
    return credentials_of(whole, obj, place), signing_of(whole, obj, place)


def _consent(answer: Answer | None, permission: Permission | None, obj: str) -> Consent | None:
    if answer is None or permission is None:
        return None
    body = _read(answer, "read consents", _MAY_READ_CONSENT, obj)
    listed = [] if body is None else list_in(body, "value", plane="Entra", obj=obj)
    grant = grant_for(listed, permission.resource_principal_id)
    return None if grant is None else Consent(text_in(grant, "id", plane="Entra", obj=obj), words_of(grant, obj=obj))


def tenants_restrictions(policy: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The restrictions for applications of the tenant's policy; empty if it cannot be read."""
    if policy is None or policy.get("isEnabled") is not True:
        return {}
    restrictions: Mapping[str, Any] = policy.get("applicationRestrictions") or {}
    return restrictions


def own_restrictions(graph: Channel, application: Application) -> Mapping[str, Any] | None:
    """The restrictions of the application's own policy, which replaces the tenant's; None without one.

    Empty if it cannot be read: it may allow what the tenant's forbids.
    """
    reads = {"own": f"/applications/{application.object_id}/appManagementPolicies"}
    answers = optional(lambda: batch(graph, reads, obj=f"application {application.display_name}"))
    answer = None if isinstance(answers, Unread) else answers["own"]
    if answer is None or answer.body is None:
        return {}
    own = next(iter(answer.body.get("value") or []), None)
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
    """Check T37, if the policies can be read. Otherwise the server rejects the credential.

    Args:
        graph: The connection to Microsoft Graph.
        observed: The application, if it exists, and the tenant's policy.
        display_name: The name of an application that does not exist yet.
        certificates: As :func:`policies.violation` takes them.
        secret: Likewise.
        options: The options that set the lifetime of a new credential.
        now: The time by the services' clocks.

    Raises:
        TaskError: a policy forbids one of the new credentials. Nothing has been changed.
    """
    found = observed.application
    created = (found.created if found else None) or now
    forbidden = app_policies.violation(tenants_restrictions(observed.policy), created, certificates, secret)
    if forbidden is not None and found is not None:
        # Read only here: most applications have no policy of their own.
        own = own_restrictions(graph, found)
        if own is not None:
            forbidden = app_policies.violation(own, created, certificates, secret)
    if forbidden is not None:
        raise TaskError(
            forbidden.problem,
            plane="Entra",
            obj=f"application {found.display_name if found else display_name}",
            next_step=f"use a credential that the policy allows (set its lifetime with {options}), or have the "
            "application exempted",
            unchanged=True,
            restriction=forbidden.restriction,
            longest_days=forbidden.longest,
        )
