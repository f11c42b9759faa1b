# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Certificates and API permissions of an application, which Graph replaces whole (Azure contract §3).

A service principal has a list of certificates of its own, to which the same applies.

A certificate is identified by its SHA-1 thumbprint, which is computed from the public part where Graph shows that and
is ``customKeyIdentifier`` elsewhere; its key ID changes when it is registered again. An API permission is identified by
API, ID and type.
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
from ..wire.errors import AzureError, may_have_worked, status_of
from .application_plan import Application, Permission
from .entra_objects import credential_of
from .registrations import batch

CERTIFICATES, PERMISSIONS = "keyCredentials", "requiredResourceAccess"
_KIND = {"type": "AsymmetricX509Cert", "usage": "Verify"}
Entry = Mapping[str, Any]
# The entries of one identity: somebody may have registered a certificate twice, and keeps both.
Entries = tuple[Entry, ...]


@dataclass(frozen=True)
class ListEdit:
    """What is to change. ``add``: entries with ``key`` (base64 of DER) and ``displayName``; ``remove``: certificates.

    ``required``: a certificate that must stay. ``while_disabled``: an entry that somebody else has removed is put back
    also where the application is disabled, as one is that was cut off in an emergency. ``place``: whose certificates
    these are; ``permission`` is the registration's alone.
    """

    add: Sequence[Entry] = ()
    remove: Sequence[EntraCredential] = ()
    permission: Permission | None = None
    required: EntraCredential | None = None
    while_disabled: bool = False
    place: str = REGISTRATION


@dataclass(frozen=True)
class Changed:
    """``certificates``: all that the application has, None where only permissions were changed.

    ``put_back``: what others have lost by a write of a third party, and has again.
    """

    certificates: tuple[EntraCredential, ...] | None
    wrote: bool
    put_back: tuple[str, ...]


def change(graph: Channel, application: Application, edit: ListEdit, patience: Patience) -> Changed:
    """Carry out an edit, and read back that it is there and nothing of others is gone.

    Raises:
        TaskError: the list cannot be read in full, the write is refused, or it is not to be seen in time.
    """
    return _Lists(graph, application, edit, patience).change()


def identity_of(certificate: EntraCredential) -> str:
    """What tells one certificate from another, whatever its key ID."""
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
            lag=lambda error: status_of(error) == NOT_FOUND,
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
        # With a key ID of ours, a list that has to be sent again has the same entry in it.
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
        """The certificates as they are to be sent again."""
        entries = [{name: value for name, value in entry.items() if value is not None} for entry in listed]
        lost = [str(entry.get("keyId")) for entry in entries if not entry.get("key")]
        if any(str(entry.get("usage")).lower() == "sign" for entry in entries if not entry.get("key")):
            gone = ", ".join(one.key_id for one in self._edit.remove) or "none"
            raise TaskError(
                "it has a signing key of SAML sign-on, which Graph never shows and which would be lost when the list "
                "of certificates is changed; the list was left as it is",
                plane="Entra",
                obj=self._obj,
                next_step="change the list in the portal or with `az ad sp credential`, which keep signing keys (to be "
                f"removed: {gone}), or use an application of its own for DSM",
            )
        if lost:
            raise Incomplete(
                f"Graph does not show the public part of the credentials {', '.join(lost)}, which would be lost when "
                "the list of certificates is changed",
                plane="Entra",
                obj=self._obj,
                otherwise="change the certificates in the portal, or use an application of its own for DSM",
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
            "somebody else has removed what this task has written, and the application is disabled: it may have been "
            "cut off in an emergency, so that nothing is put back"
            if disabled_of(registration, principal)
            else "somebody else has removed what this task has written, and it cannot be read whether the application "
            "is disabled, as one is that was cut off in an emergency: nothing is put back",
            plane="Entra",
            obj=self._obj,
            next_step="see who has disabled the application and why; run the task again when it is enabled",
            retryable=True,
        )


# Entries by their identity ------------------------------------------------------------------------------------------


def _identity(entry: Entry) -> str:
    return identity_of(credential_of("certificate", {"keyId": "", **entry}))


def _permissions(access: Iterable[Entry]) -> dict[str, Entries]:
    """Each API, and each of its permissions, in the form of a list that holds nothing else."""
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
    """Permissions of one API in one entry, as Graph wants them."""
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
