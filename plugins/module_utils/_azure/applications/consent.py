# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Admin consent: the scope of a grant for all users, which Graph replaces completely (Azure contract §3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._names import same_name
from ..._rest import replacement
from ..._rest.replacement import DesiredEntries, Incomplete, ReplacedList, list_in, text_in
from ..._rest.statuses import CONFLICT, TOO_MANY_REQUESTS
from ..._waiter import Patience
from ..wire.channel import Channel
from ..wire.errors import AzureError, may_have_worked, status_of
from ..wire.not_known_yet import Reference, is_not_yet
from .application_plan import SCOPE, Application, Permission

_EVERYBODY = "AllPrincipals"


def words_of(grant: Mapping[str, Any], *, obj: str) -> tuple[str, ...]:
    """The scope of a grant as single words.

    Raises:
        Incomplete: the answer does not contain it, which does not mean that it is empty.
    """
    scope = grant.get("scope")
    if not isinstance(scope, str):
        raise Incomplete("the response does not contain the scope of the consent", plane="Entra", obj=obj)
    return tuple(scope.split())


def grant_for(listed: list[Any], resource_principal_id: str) -> Mapping[str, Any] | None:
    """The grant for all users to this API, among the grants of an application."""
    for grant in listed:
        is_about = same_name(grant.get("resourceId"), resource_principal_id)
        if is_about and grant.get("consentType") == _EVERYBODY:
            found: Mapping[str, Any] = grant
            return found
    return None


def give(graph: Channel, application: Application, permission: Permission, patience: Patience) -> bool:
    """Consent to the permission for all users, in addition to earlier consents; return whether this run did it.

    Raises:
        TaskError: the consent cannot be read completely, the write is refused, or it is not visible in time.
    """
    consent = _Consent(graph, application, permission)
    whole = ReplacedList(
        plane="Entra",
        obj=consent.obj,
        read=consent.read,
        write=consent.write,
        # After a conflict with a grant that another client created, read again.
        lag=lambda error: is_not_yet(error, Reference.CONSENT) or status_of(error) == CONFLICT,
        uncertain=may_have_worked,
        throttled=lambda error: (
            (error.retry_after or 0.0) if isinstance(error, AzureError) and error.status == TOO_MANY_REQUESTS else None
        ),
    )
    known = application.consent.scopes if application.consent is not None else ()
    return replacement.change(whole, DesiredEntries(add={SCOPE: SCOPE}, known=known), patience).wrote


class _Consent:
    """``grant_id``: as last read; None if there is no grant yet."""

    def __init__(self, graph: Channel, application: Application, permission: Permission) -> None:
        self._graph, self._application, self._permission = graph, application, permission
        self._grant_id: str | None = None
        self.obj = f"admin consent for {application.display_name}"

    def read(self) -> dict[str, str]:
        path = f"/v1.0/servicePrincipals(appId='{self._application.client_id}')/oauth2PermissionGrants"
        listed = list_in(self._graph.get(path, obj=self.obj), "value", plane="Entra", obj=self.obj)
        grant = grant_for(listed, self._permission.resource_principal_id)
        self._grant_id = None if grant is None else text_in(grant, "id", plane="Entra", obj=self.obj)
        return {} if grant is None else {word: word for word in words_of(grant, obj=self.obj)}

    def write(self, _read: Mapping[str, str], target: Mapping[str, str]) -> None:
        scope = " ".join(target)
        if self._grant_id is not None:
            path = f"/v1.0/oauth2PermissionGrants/{self._grant_id}"
            self._graph.send("PATCH", path, obj=self.obj, body={"scope": scope})
            return
        body = {
            "clientId": self._application.principal_id,
            "consentType": _EVERYBODY,
            "resourceId": self._permission.resource_principal_id,
            "scope": scope,
        }
        self._graph.send("POST", "/v1.0/oauth2PermissionGrants", obj=self.obj, body=body)
