# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Certificates and API permissions of an application: lists that Graph replaces completely (Azure contract §3).

The same applies to the list of certificates of a service principal.

A certificate is identified by its SHA-1 thumbprint: computed from the public part if Graph returns it, otherwise taken
from ``customKeyIdentifier``. Its key ID changes when it is registered again. An API permission is identified by API, ID
and type.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._errors import TaskError
from ..._names import name_key
from ..._rest import replacement
from ..._rest.replacement import DesiredEntries, Incomplete, ReplacedList, check_id, list_in
from ..._rest.statuses import NOT_FOUND, TOO_MANY_REQUESTS
from ..._waiter import Patience
from ..rights.facts import PRINCIPAL, REGISTRATION, EntraCredential
from ..rights.sign_in import disabled_of
from ..wire.channel import Channel
from ..wire.errors import DIRECTORY_BUSY, AzureError, code_of, may_have_worked, status_of
from .application_plan import Application, Permission
from .entra_objects import credential_of
from .registrations import batch

CERTIFICATES, PERMISSIONS = "keyCredentials", "requiredResourceAccess"
_KIND = {"type": "AsymmetricX509Cert", "usage": "Verify"}
Entry = Mapping[str, Any]
# The entries of one identity: a certificate may be registered twice, and both entries are kept.
Entries = tuple[Entry, ...]


@dataclass(frozen=True)
class ListEdit:
    """The requested changes. ``add``: entries with ``key`` (base64 of DER), ``displayName``; ``remove``: certificates.

    ``required``: a certificate that must stay. ``while_disabled``: restore an entry that another client removed even if
    the application is disabled (as it is after an emergency cutoff). ``place``: the object with these certificates;
    ``permission`` is only at the registration.
    """

    add: Sequence[Entry] = ()
    remove: Sequence[EntraCredential] = ()
    permission: Permission | None = None
    required: EntraCredential | None = None
    while_disabled: bool = False
    place: str = REGISTRATION


@dataclass(frozen=True)
class Changed:
    """``certificates``: all of the application, None if only permissions were changed.

    ``put_back``: entries of others that a write of a third party had removed and that were restored.
    """

    certificates: tuple[EntraCredential, ...] | None
    wrote: bool
    put_back: tuple[str, ...]


def change(graph: Channel, application: Application, edit: ListEdit, patience: Patience) -> Changed:
    """Carry out an edit, and verify that it is visible and that no entry of others was lost.

    Raises:
        TaskError: the list cannot be read completely, the write is refused, or it is not visible in time.
    """
    return _Lists(graph, application, edit, patience).change()


def identity_of(certificate: EntraCredential) -> str:
    """What identifies a certificate, whatever its key ID."""
    return f"certificate {certificate.thumbprint or certificate.key_id}"


class _Lists:
    def __init__(self, graph: Channel, application: Application, edit: ListEdit, patience: Patience) -> None:
        self._graph, self._application, self._edit, self._patience = graph, application, edit, patience
        self._obj, self._path = application.label_at(edit.place), application.path_at(edit.place)
        self._id = str(application.principal_id if edit.place == PRINCIPAL else application.object_id)
        with_certificates = bool(edit.add or edit.remove)
        self._members = [CERTIFICATES] * with_certificates + [PERMISSIONS] * (edit.permission is not None)

    def change(self) -> Changed:
        whole = ReplacedList(
            plane="Entra",
            obj=self._obj,
            read=self._read,
            write=self._write,
            lag=lambda error: status_of(error) == NOT_FOUND or code_of(error) == DIRECTORY_BUSY,
            uncertain=may_have_worked,
            throttled=_throttled,
        )
        outcome = replacement.change(whole, self._wish(), self._patience)
        certificates = None
        if CERTIFICATES in self._members:
            listed = _of(CERTIFICATES, outcome.entries)
            certificates = tuple(credential_of("certificate", one, self._edit.place) for one in listed)
        return Changed(certificates, outcome.wrote, outcome.put_back)

    def _wish(self) -> DesiredEntries[Entries]:
        edit, found = self._edit, self._application
        known: list[str] = []
        if CERTIFICATES in self._members:
            here = [one for one in found.credentials if one.place == edit.place]
            known += [identity_of(one) for one in here if one.kind == "certificate"]
        if PERMISSIONS in self._members:
            known += _permissions(found.access)
        # With our own key ID, a list that is sent again contains the same entry.
        add: dict[str, Entries] = {
            _identity(entry): ({**_KIND, "keyId": str(uuid.uuid4()), **entry},) for entry in edit.add
        }
        if edit.permission is not None:
            add.update(_permissions(edit.permission.merged_into(())))
        return DesiredEntries(
            add=add,
            remove={identity_of(one) for one in edit.remove},
            known=known,
            required=() if edit.required is None else (identity_of(edit.required),),
            before_put_back=self._refuse_disabled,
        )

    # Requests --------------------------------------------------------------------------------------------------------

    def _read(self) -> dict[str, Entries]:
        body = self._graph.get(self._path, obj=self._obj, query={"$select": ",".join(["id", *self._members])})
        check_id(body, self._id, plane="Entra", obj=self._obj)
        found: dict[str, Entries] = {}
        for member in self._members:
            listed = list_in(body, member, plane="Entra", obj=self._obj)
            found.update(_permissions(listed) if member == PERMISSIONS else self._certificates(listed))
        return found

    def _certificates(self, listed: Iterable[Entry]) -> dict[str, Entries]:
        """The certificates as they must be sent again."""
        entries = [{name: value for name, value in entry.items() if value is not None} for entry in listed]
        lost = [str(entry.get("keyId")) for entry in entries if not entry.get("key")]
        if any(str(entry.get("usage")).lower() == "sign" for entry in entries if not entry.get("key")):
            gone = ", ".join(one.key_id for one in self._edit.remove) or "none"
            raise TaskError(
                "it has a signing key of SAML sign-on. Graph never returns it, so changing the list of certificates "
                "would delete it; the list was not changed",
                plane="Entra",
                obj=self._obj,
                next_step="change the list in the portal or with `az ad sp credential`, which keep signing keys "
                f"(remove: {gone}), or use a separate application for DSM",
            )
        if lost:
            raise Incomplete(
                f"Graph does not return the public part of the credentials {', '.join(lost)}, so changing the "
                "list of certificates would delete them",
                plane="Entra",
                obj=self._obj,
                otherwise="change the certificates in the portal, or use a separate application for DSM",
            )
        found: dict[str, Entries] = {}
        for entry in entries:
            name = _identity(entry)
            found[name] = (*found.get(name, ()), entry)
        return found

    def _write(self, read: Mapping[str, Entries], target: Mapping[str, Entries]) -> None:
        body = {}
        for member in self._members:
            before, after = _of(member, read), _of(member, target)
            if before != after:
                body[member] = _joined(after) if member == PERMISSIONS else after
        self._graph.send("PATCH", self._path, obj=self._obj, body=body)

    def _refuse_disabled(self) -> None:
        if self._edit.while_disabled:
            return
        application = self._application
        reads = {
            "registration": f"/applications/{application.object_id}",
            "principal": f"/servicePrincipals(appId='{application.client_id}')",
        }
        answers = batch(self._graph, reads, obj=self._obj)
        registration, principal = answers["registration"].body, answers["principal"].body
        is_known = registration is not None and (principal or {}).get("accountEnabled") is True
        if is_known and not disabled_of(registration, principal):
            return
        raise TaskError(
            "another client removed what this task had written, and the application is disabled, possibly by an "
            "emergency cutoff. The task restores nothing"
            if disabled_of(registration, principal)
            else "another client removed what this task had written, and it cannot be read whether the application is "
            "disabled, as after an emergency cutoff. The task restores nothing",
            plane="Entra",
            obj=self._obj,
            next_step="find out who disabled the application and why; run the task again when it is enabled",
            retryable=True,
        )


# Entries by their identity ------------------------------------------------------------------------------------------


def _identity(entry: Entry) -> str:
    return identity_of(credential_of("certificate", {"keyId": "", **entry}))


def _permissions(access: Iterable[Entry]) -> dict[str, Entries]:
    """Each API, and each of its permissions, as a list that contains nothing else."""
    found: dict[str, Entries] = {}
    for entry in access:
        resource = entry["resourceAppId"]
        found.setdefault(name_key(f"API {resource}"), ({"resourceAppId": resource, "resourceAccess": []},))
        for one in entry.get("resourceAccess") or []:
            name = name_key(f"API permission {resource} {one.get('type')} {one.get('id')}")
            found.setdefault(name, ({"resourceAppId": resource, "resourceAccess": [one]},))
    return found


def _of(member: str, entries: Mapping[str, Entries]) -> list[Entry]:
    listed = [entry for same in entries.values() for entry in same]
    return [entry for entry in listed if ("resourceAppId" in entry) == (member == PERMISSIONS)]


def _joined(permissions: Iterable[Entry]) -> list[dict[str, Any]]:
    """Permissions of one API in one entry, as Graph requires."""
    joined: dict[str, dict[str, Any]] = {}
    for entry in permissions:
        resource = entry["resourceAppId"]
        one = joined.setdefault(name_key(resource), {"resourceAppId": resource, "resourceAccess": []})
        one["resourceAccess"].extend(entry["resourceAccess"])
    return list(joined.values())


def _throttled(error: TaskError) -> float | None:
    if not isinstance(error, AzureError) or error.status != TOO_MANY_REQUESTS:
        return None
    return error.retry_after or 0.0
