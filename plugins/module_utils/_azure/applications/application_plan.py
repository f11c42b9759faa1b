# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What an application lacks for section 4.1 of the guide, and which parts of it the collection created. Pure.

Lists of an application (certificates, API permissions) are replaced completely on the wire (Azure contract §3). The
plan contains only the entries that are added or removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ..._certificates.loading import Certificate
from ..._names import same_name
from ..._plan import NOT_YET_KNOWN, Change, View
from ..rights.facts import PRINCIPAL, EntraCredential

# The tag of applications, and the display name of credentials, that the collection created.
MARK = "fortanix-dsm-ansible"
SCOPE = "user_impersonation"


@dataclass(frozen=True)
class Consent:
    """A grant for all users (``AllPrincipals``), with the words of its ``scope``."""

    grant_id: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Application:
    """An app registration and its service principal (``principal_id``, None when it does not exist).

    ``credentials``: of both, each with its place. ``disabled``: what prevents it from signing in, as text. ``signing``:
    credentials of SAML sign-on on the service principal, which are never changed. ``access``:
    ``requiredResourceAccess`` as Graph returns it. ``consent``: for Key Vault; None when there is none, or it was not
    read.
    """

    client_id: str
    object_id: str
    display_name: str
    unique_name: str | None = None
    created: datetime | None = None
    tags: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    principal_id: str | None = None
    credentials: tuple[EntraCredential, ...] = ()
    signing: tuple[EntraCredential, ...] = ()
    access: tuple[Mapping[str, Any], ...] = ()
    consent: Consent | None = None

    @property
    def enabled(self) -> bool:
        return not self.disabled

    def label_at(self, place: str) -> str:
        """The name, in messages, of the object that has the credentials of this place."""
        return f"{'service principal of' if place == PRINCIPAL else 'application'} {self.display_name}"

    def path_at(self, place: str) -> str:
        """The path of that object in Microsoft Graph.

        Raises:
            ValueError: it has no service principal.
        """
        if place != PRINCIPAL:
            return f"/v1.0/applications/{self.object_id}"
        if self.principal_id is None:
            raise ValueError(f"{self.display_name} has no service principal")
        return f"/v1.0/servicePrincipals/{self.principal_id}"

    @property
    def is_ours(self) -> bool:
        """Whether the collection created it."""
        return MARK in self.tags


@dataclass(frozen=True)
class Permission:
    """Azure Key Vault's delegated permission: the API's client ID, its service principal, the ID of the scope."""

    resource_app_id: str
    resource_principal_id: str
    scope_id: str

    def is_in(self, access: Iterable[Mapping[str, Any]]) -> bool:
        return any(
            same_name(wish.get("id"), self.scope_id) and wish.get("type") == "Scope"
            for entry in access
            if self._is_about(entry)
            for wish in entry.get("resourceAccess") or []
        )

    def merged_into(self, access: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The list with this permission added, and everything that was in it before."""
        mine = {"id": self.scope_id, "type": "Scope"}
        merged = [dict(entry) for entry in access]
        for entry in merged:
            if self._is_about(entry):
                entry["resourceAccess"] = [*(entry.get("resourceAccess") or []), mine]
                return merged
        return [*merged, {"resourceAppId": self.resource_app_id, "resourceAccess": [mine]}]

    def _is_about(self, entry: Mapping[str, Any]) -> bool:
        return same_name(entry.get("resourceAppId"), self.resource_app_id)


@dataclass(frozen=True)
class DesiredApplication:
    """The requested application. ``display_name``: for its creation.

    ``certificates``: to register. ``pair_at``: file of a pair to generate and register. ``permission``: None when it is
    not requested; ``consent_to`` likewise. ``secret``: lifetime of a secret.
    """

    display_name: str
    unique_name: str | None = None
    certificates: tuple[Certificate, ...] = ()
    pair_at: str | None = None
    permission: Permission | None = None
    consent_to: Permission | None = None
    secret: timedelta | None = None


@dataclass(frozen=True)
class Steps:
    """The steps, in this order. ``consent``: the words of the grant's scope afterwards; empty for no change."""

    recover: bool = False
    create: bool = False
    create_principal: bool = False
    pair_at: str | None = None
    certificates: tuple[Certificate, ...] = ()
    permission: Permission | None = None
    consent: tuple[str, ...] = ()
    secret: timedelta | None = field(default=None)

    def __bool__(self) -> bool:
        return self != Steps()

    @property
    def creates(self) -> bool:
        """Whether an object is created that takes a while to be visible everywhere (Azure contract §3)."""
        return self.recover or self.create or self.create_principal


def steps_for(wanted: DesiredApplication, found: Application | None, now: datetime) -> Steps:
    """What is missing. Nothing is ever removed, and nothing that exists is renewed."""
    there = {one.thumbprint for one in found.credentials if one.thumbprint} if found else set()
    new = {one.sha1: one for one in wanted.certificates if one.sha1 not in there}
    permission = wanted.permission
    if permission is not None and found is not None and permission.is_in(found.access):
        permission = None
    return Steps(
        create=found is None,
        create_principal=found is None or found.principal_id is None,
        pair_at=wanted.pair_at,
        certificates=tuple(new.values()),
        permission=permission,
        consent=_consent(wanted, found),
        secret=None if found is not None and _has_our_secret(found, now) else wanted.secret,
    )


def _consent(wanted: DesiredApplication, found: Application | None) -> tuple[str, ...]:
    if wanted.consent_to is None:
        return ()
    given = found.consent.scopes if found is not None and found.consent is not None else ()
    return () if SCOPE in given else (*given, SCOPE)


def _has_our_secret(found: Application, now: datetime) -> bool:
    ours = [one for one in found.credentials if one.kind == "secret" and one.name == MARK]
    return any(one.ends is None or one.ends > now for one in ours)


def predicted(wanted: DesiredApplication, found: Application | None, steps: Steps, now: datetime) -> Application:
    """The application as it is after the steps, with the nil UUID for each ID that only Azure can give."""
    base = found or Application(
        NOT_YET_KNOWN, NOT_YET_KNOWN, wanted.display_name, wanted.unique_name, created=now, tags=(MARK,)
    )
    certificates = [
        EntraCredential("certificate", NOT_YET_KNOWN, MARK, one.not_before, one.not_after, one.sha1)
        for one in steps.certificates
    ]
    # Of a pair that is not generated yet, nothing else is known.
    pair = [EntraCredential("certificate", NOT_YET_KNOWN, MARK, None, None)] * (steps.pair_at is not None)
    secret = [] if steps.secret is None else [EntraCredential("secret", NOT_YET_KNOWN, MARK, now, now + steps.secret)]
    grant_id = base.consent.grant_id if base.consent else NOT_YET_KNOWN
    return replace(
        base,
        principal_id=NOT_YET_KNOWN if steps.create_principal else base.principal_id,
        credentials=(*base.credentials, *certificates, *pair, *secret),
        access=tuple(steps.permission.merged_into(base.access)) if steps.permission else base.access,
        consent=Consent(grant_id, steps.consent) if steps.consent else base.consent,
    )


def changes_of(wanted: DesiredApplication, found: Application | None, steps: Steps) -> tuple[Change, ...]:
    """The steps, as plan entries."""
    name = found.display_name if found else wanted.display_name
    changes = []

    def change(obj: str, before: View, after: View, reason: str, plane: str = "Entra") -> None:
        changes.append(Change(plane, obj, "update" if before else "create", before, after, reason))

    if steps.pair_at is not None:
        made = {"certificate_path": steps.pair_at}
        change(f"file {steps.pair_at}", {}, made, "the pair does not exist yet", plane="Controller")
    if steps.create:
        made_of = {"display_name": wanted.display_name, "unique_name": wanted.unique_name}
        change(f"application {name}", {}, made_of, "the application does not exist")
    if steps.create_principal:
        reason = "without it, the application cannot sign in or receive permissions"
        change(f"service principal of {name}", {}, {"exists": True}, reason)
    if steps.certificates or steps.pair_at is not None:
        new = [one.sha1 for one in steps.certificates] + [f"of {steps.pair_at}"] * (steps.pair_at is not None)
        old = certificates_in(found)
        reason = "the link signs in with it"
        change(f"application {name}", {"certificates": old}, {"certificates": [*old, *new]}, reason)
    if steps.permission:
        reason = "guide 4.1: the application's API permissions"
        change(f"application {name}", {"api_permission": False}, {"api_permission": True}, reason)
    if steps.consent:
        given = {"scope": " ".join(found.consent.scopes)} if found and found.consent else {}
        change(f"admin consent for {name}", given, {"scope": " ".join(steps.consent)}, "admin_consent is set")
    if steps.secret is not None:
        change(f"client secret of {name}", {}, {"valid_days": steps.secret.days}, "return_secret is set")
    return tuple(changes)


def certificates_in(found: Application | None) -> list[str]:
    """The thumbprints of its certificates, or the key IDs of those without one."""
    credentials = found.credentials if found else ()
    return [one.thumbprint or one.key_id for one in credentials if one.kind == "certificate"]


# Removing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ApplicationRemoval:
    """What ``absent`` removes: the complete application, or the credentials that the collection created."""

    application: bool = False
    credentials: tuple[EntraCredential, ...] = ()

    def __bool__(self) -> bool:
        return self.application or bool(self.credentials)


def removal_of(found: Application, *, remove_application: bool) -> ApplicationRemoval:
    """What is removed. The caller checks whether the application can be removed at all (`is_ours`)."""
    if remove_application:
        return ApplicationRemoval(application=True)
    return ApplicationRemoval(credentials=tuple(one for one in found.credentials if is_our_credential(one)))


def is_our_credential(credential: EntraCredential) -> bool:
    return credential.name.startswith(MARK)


def without(found: Application, removal: ApplicationRemoval) -> Application:
    """The application after the removal of credentials."""
    gone = {one.key_id for one in removal.credentials}
    return replace(found, credentials=tuple(one for one in found.credentials if one.key_id not in gone))


def changes_of_removal(found: Application, removal: ApplicationRemoval) -> tuple[Change, ...]:
    name = found.display_name
    if removal.application:
        gone = {"client_id": found.client_id, "display_name": name, "certificates": certificates_in(found)}
        reason = "remove_application is set, and the collection created it"
        return (Change("Entra", f"application {name}", "delete", gone, {}, reason),)
    return tuple(
        Change(
            "Entra",
            f"{one.kind} {one.thumbprint or one.key_id} of {name}",
            "delete",
            {"key_id": one.key_id, "name": one.name},
            {},
            "the collection created it",
        )
        for one in removal.credentials
    )


def what_is_left(found: Application, removal: ApplicationRemoval) -> list[dict[str, Any]]:
    """What is kept of an application that is not removed, and why."""
    if removal.application:
        return []
    gone = {one.key_id for one in removal.credentials}
    others = [one for one in found.credentials if one.key_id not in gone]
    asked = "only removed with remove_application" if found.is_ours else "this collection did not create it"
    left: list[dict[str, Any]] = [{"what": "application", "reason": asked}]
    if others:
        reason = "this collection did not create them"
        left.append({"what": "credentials", "key_ids": [one.key_id for one in others], "reason": reason})
    return left
