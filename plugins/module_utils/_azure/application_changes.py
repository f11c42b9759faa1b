# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""App registrations in Microsoft Graph, made, completed and taken back (Azure contract §3)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from .. import _time
from .._certificates import Certificate
from .._errors import TaskError
from .application_plan import MARK, Application, Permission
from .errors import GRAPH_DENIED, AzureError, code_of, denied, status_of
from .facts import Credential
from .graph import credentials_of, quoted
from .pipeline import Channel

T = TypeVar("T")

_KIND = {"type": "AsymmetricX509Cert", "usage": "Verify"}
_MAY_WRITE = (
    "Application.ReadWrite.OwnedBy, which is for applications that the operator made or owns, or "
    "Application.ReadWrite.All"
)
_MAY_CONSENT = "DelegatedPermissionGrant.ReadWrite.All"
_REMOVE_LOST_SECRET = (
    "run the task with state=absent, which removes it together with other credentials of this collection, or remove it "
    "by hand"
)


@dataclass(frozen=True)
class Patience:
    """Until when (``_time.monotonic()``) and how often to look for what was just made. Seconds."""

    deadline: float
    interval: float

    def pause(self) -> bool:
        """Wait for the next look; False when the time would be over by then."""
        if _time.monotonic() + self.interval > self.deadline:
            return False
        _time.sleep(self.interval)
        return True

    def until_known(self, request: Callable[[], T], *, unknown: Sequence[int] = (404,)) -> T:
        """Send a request about a fresh object again while Graph does not know the object everywhere.

        ``unknown``: the statuses that say so.
        """
        while True:
            try:
                return request()
            except AzureError as error:
                if status_of(error) not in unknown or not self.pause():
                    raise


NO_PATIENCE = Patience(0, 0)


def create(graph: Channel, display_name: str, unique_name: str | None) -> str | None:
    """Make an application; its client ID, None when there turned out to be one with this unique name.

    The mark comes with the creation, so that a run which is stopped right after it leaves nothing unmarked. With a
    unique name, Graph never makes a second application. The body then is a change of one that is there and was not
    seen, which is why it has as little as possible: lists of credentials and permissions would be replaced.
    """
    obj = f"application {display_name}"
    body: dict[str, Any] = {"displayName": display_name, "signInAudience": "AzureADMyOrg", "tags": [MARK]}
    with _explained("make applications", _MAY_WRITE, obj):
        if unique_name is None:
            made = graph.send("POST", "/v1.0/applications", obj=obj, body=body)
        else:
            path = f"/v1.0/applications(uniqueName='{quoted(unique_name)}')"
            made = graph.send("PATCH", path, obj=obj, body=body, headers={"Prefer": "create-if-missing"})
    return str(made["appId"]) if made else None


def create_principal(graph: Channel, client_id: str, patience: Patience) -> None:
    """Make the service principal of an application, unless it is there and was not seen."""
    obj = f"service principal of {client_id}"

    def send() -> None:
        try:
            graph.send("POST", "/v1.0/servicePrincipals", obj=obj, body={"appId": client_id})
        except AzureError as error:
            if status_of(error) != 409:
                raise

    with _explained("make service principals", _MAY_WRITE, obj):
        patience.until_known(send, unknown=(400, 404))


def update(
    graph: Channel,
    application: Application,
    *,
    certificates: Sequence[Certificate],
    permission: Permission | None,
    patience: Patience,
) -> None:
    """Add certificates and the API permission in one request. Nothing is taken from the lists."""
    obj, path = f"application {application.display_name}", f"/v1.0/applications/{application.object_id}"
    body: dict[str, Any] = {}
    if certificates:
        body["keyCredentials"] = [
            *_registered(graph, application, patience),
            *(_entry(one, MARK) for one in certificates),
        ]
    if permission is not None:
        body["requiredResourceAccess"] = permission.merged_into(application.access)
    if body:
        with _explained("change this application", _MAY_WRITE, obj):
            patience.until_known(lambda: graph.send("PATCH", path, obj=obj, body=body))


def _registered(graph: Channel, application: Application, patience: Patience) -> list[dict[str, Any]]:
    """The certificates as they are to be sent again: the request replaces the list, and forgets what is not in it."""
    obj, path = f"application {application.display_name}", f"/v1.0/applications/{application.object_id}"
    found = patience.until_known(lambda: graph.get(path, obj=obj, query={"$select": "id,keyCredentials"}))
    entries = found.get("keyCredentials") or []
    lost = [str(entry.get("keyId")) for entry in entries if not entry.get("key")]
    if lost:
        raise TaskError(
            f"Graph does not show the public part of the credentials {', '.join(lost)}, which would be lost when a "
            "certificate is added",
            plane="Entra",
            obj=obj,
            next_step="add the certificate in the portal, or use an application of its own for DSM",
        )
    return [{name: value for name, value in entry.items() if value is not None} for entry in entries]


def _entry(certificate: Certificate, name: str) -> dict[str, str]:
    return {**_KIND, "key": certificate.encoded, "displayName": name}


def set_consent(
    graph: Channel,
    application: Application,
    permission: Permission,
    scopes: Sequence[str],
    patience: Patience,
) -> None:
    """Consent for everybody, with these words in its scope: a further grant, or the one that is there extended."""
    obj = f"admin consent for {application.display_name}"
    with _explained("give consent", _MAY_CONSENT, obj):
        if application.consent is not None:
            path = f"/v1.0/oauth2PermissionGrants/{application.consent.grant_id}"
            graph.send("PATCH", path, obj=obj, body={"scope": " ".join(scopes)})
            return
        body = {
            "clientId": application.principal_id,
            "consentType": "AllPrincipals",
            "resourceId": permission.resource_principal_id,
            "scope": " ".join(scopes),
        }
        patience.until_known(lambda: graph.send("POST", "/v1.0/oauth2PermissionGrants", obj=obj, body=body))


def add_secret(
    graph: Channel,
    application: Application,
    ends: datetime,
    patience: Patience,
    *,
    name: str = MARK,
    when_lost: str = _REMOVE_LOST_SECRET,
) -> tuple[str, Credential]:
    """A new client secret: its value, which Graph shows this once, and the credential as it is listed.

    ``when_lost``: the next step where no answer came, so that there may be a secret which nobody knows.
    """
    obj, path = f"application {application.display_name}", f"/v1.0/applications/{application.object_id}/addPassword"
    body = {"passwordCredential": {"displayName": name, "endDateTime": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}}
    lost = None
    try:
        with _explained("add secrets to this application", _MAY_WRITE, obj):
            made = patience.until_known(lambda: graph.send("POST", path, obj=obj, body=body))
    except AzureError as error:
        status = status_of(error)
        if status is not None and status < 500:
            raise
        lost = error
    if lost is not None:
        raise AzureError(
            f"{lost.problem}; a secret may have been made, whose value is lost then",
            plane=lost.plane,
            obj=obj,
            words=lost.words,
            next_step=when_lost,
            status=status,
        )
    return str(made["secretText"]), credentials_of({"passwordCredentials": [made]})[0]


def remove_credentials(
    graph: Channel, application: Application, credentials: Sequence[Credential], patience: Patience = NO_PATIENCE
) -> None:
    """Take these secrets and certificates away, and no other. A certificate that is gone already counts as taken."""
    obj, path = f"application {application.display_name}", f"/v1.0/applications/{application.object_id}"
    with _explained("change this application", _MAY_WRITE, obj):
        if any(one.kind == "certificate" for one in credentials):
            there = _registered(graph, application, patience)
            stay = [entry for entry in there if not any(_is_of(entry, one) for one in credentials)]
            if len(stay) < len(there):
                graph.send("PATCH", path, obj=obj, body={"keyCredentials": stay})
        for one in credentials:
            if one.kind == "secret":
                graph.send("POST", f"{path}/removePassword", obj=obj, body={"keyId": one.key_id})


def add_certificates(
    graph: Channel,
    application: Application,
    entries: Sequence[Mapping[str, str]],
    patience: Patience = NO_PATIENCE,
) -> None:
    """Register further certificates: ``key`` is base64 of DER, ``displayName`` says whose they are. None goes.

    One that is registered already, under whatever key ID, is not registered twice.
    """
    obj, path = f"application {application.display_name}", f"/v1.0/applications/{application.object_id}"
    with _explained("change this application", _MAY_WRITE, obj):
        stay = _registered(graph, application, patience)
        there = {_digest(entry) for entry in stay}
        new = [{**_KIND, **entry} for entry in entries if _digest(entry) not in there]
        if new:
            body = {"keyCredentials": [*stay, *new]}
            patience.until_known(lambda: graph.send("PATCH", path, obj=obj, body=body))


def _digest(entry: Mapping[str, Any]) -> str:
    """SHA-256 of the certificate of a list entry, which has its public part."""
    return hashlib.sha256(base64.b64decode(entry["key"])).hexdigest()


def _is_of(entry: Mapping[str, Any], credential: Credential) -> bool:
    """Whether the list entry is this certificate, which has another key ID when it was registered again meanwhile."""
    if credential.kind != "certificate":
        return False
    shown = credentials_of({"keyCredentials": [entry]})[0]
    if credential.sha256 is not None:
        return shown.sha256 == credential.sha256
    return shown.key_id == credential.key_id or (
        credential.thumbprint is not None and shown.thumbprint == credential.thumbprint
    )


def set_enabled(graph: Channel, object_id: str, *, enabled: bool) -> None:
    """Switch a service principal on or off: for one that is off, Entra issues no token (AADSTS7000112, T36)."""
    obj = f"service principal {object_id}"
    with _explained("change this service principal", _MAY_WRITE, obj):
        graph.send("PATCH", f"/v1.0/servicePrincipals/{object_id}", obj=obj, body={"accountEnabled": enabled})


def remove(graph: Channel, application: Application) -> None:
    """Delete the registration; its service principal goes with it."""
    obj = f"application {application.display_name}"
    with _explained("remove this application", _MAY_WRITE, obj):
        graph.send("DELETE", f"/v1.0/applications/{application.object_id}", obj=obj)


@contextmanager
def _explained(deed: str, permission: str, obj: str) -> Iterator[None]:
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
