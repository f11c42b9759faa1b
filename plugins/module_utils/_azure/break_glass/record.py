# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The access record: an application's access before it was revoked, as a document from which it is restored. Pure.

The document is JSON and contains no secret. The user keeps it between two runs that may be days apart, so everything in
it is checked when it is read.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

from ..._errors import InvalidInput, quoted
from ..._ids import is_uuid
from ..._names import is_within, last_segment, name_key, path_key, same_name, same_path
from ..rights.facts import PRINCIPAL, REGISTRATION, EntraCredential

T = TypeVar("T")
# Version 1 has no places: all its credentials belong to the registration.
FORMAT, VERSION = "fortanix.dsm.access-record", 2
_READABLE = (1, 2)
KINDS = ("keys", "secrets", "certificates", "storage")
_OPTION = "record"
_TEXTS = ("taken_at", "disabled_at", "restored_at", "cloud", "tenant_id")
_REMEDY = "set record to the record exactly as the module returned it or break_glass.yml wrote it"


@dataclass(frozen=True)
class RecordedPolicy:
    """An entry of a vault's access policies with all its permissions, in the spelling of the vault."""

    tenant_id: str
    object_id: str
    application_id: str | None = None
    keys: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    storage: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[str, str, str]:
        return name_key(self.tenant_id), name_key(self.object_id), name_key(self.application_id)

    def __bool__(self) -> bool:
        return any(getattr(self, kind) for kind in KINDS)

    def united(self, other: RecordedPolicy) -> RecordedPolicy:
        """With the permissions of both; the spelling of this one is kept."""
        return self._with({kind: _united(getattr(self, kind), getattr(other, kind)) for kind in KINDS})

    def without(self, other: RecordedPolicy | None) -> RecordedPolicy:
        """The permissions of this entry that the other one lacks."""
        if other is None:
            return self
        return self._with({kind: _minus(getattr(self, kind), getattr(other, kind)) for kind in KINDS})

    def _with(self, permissions: Mapping[str, tuple[str, ...]]) -> RecordedPolicy:
        return RecordedPolicy(self.tenant_id, self.object_id, self.application_id, **permissions)

    def shown(self) -> list[str]:
        """Such as ``keys/get``, lower case and sorted."""
        return sorted(f"{kind}/{name_key(name)}" for kind in KINDS for name in getattr(self, kind))


@dataclass(frozen=True)
class Assignment:
    """A role assignment at the vault or below, or a local one of a Managed HSM (``local``; ``scope`` is local then).

    ``name``: its GUID. ``definition_id``: as the service returns it. ``ends``: end of a temporary
    activation (PIM), ISO 8601.
    """

    name: str
    scope: str
    definition_id: str
    principal_id: str
    role_name: str = ""
    principal_type: str = "ServicePrincipal"
    condition: str | None = None
    condition_version: str | None = None
    description: str | None = None
    ends: str | None = None
    local: bool = False

    @property
    def role_guid(self) -> str:
        return last_segment(self.definition_id)

    @property
    def grant(self) -> tuple[bool, str, str, str]:
        """What makes two assignments equal for Azure: only one of them can exist."""
        return self.local, path_key(self.scope), self.role_guid, name_key(self.principal_id)


@dataclass(frozen=True)
class StoreRights:
    """The permissions granted to the service principal at one vault or Managed HSM."""

    resource_id: str
    name: str
    uri: str
    kind: str
    policies: tuple[RecordedPolicy, ...] = ()
    assignments: tuple[Assignment, ...] = ()

    @property
    def label(self) -> str:
        return f"{'vault' if self.kind == 'vault' else 'managed HSM'} {self.name}"

    def policy(self, identity: tuple[str, str, str]) -> RecordedPolicy | None:
        return next((entry for entry in self.policies if entry.identity == identity), None)


@dataclass(frozen=True)
class CertificateEntry:
    """A registered certificate: its public part, ``key``, is base64 of DER. Times: ISO 8601.

    ``key_id`` belongs to one registration: a certificate that is registered again has another key ID. ``place``:
    whether it belongs to the registration or the service principal (:mod:`facts`); it is restored there.
    """

    key_id: str
    display_name: str
    thumbprint: str
    starts: str | None
    ends: str | None
    key: str
    place: str = REGISTRATION

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the certificate, lower-case hex; None if Graph did not return its public part."""
        return hashlib.sha256(base64.b64decode(self.key)).hexdigest() if self.key else None

    @property
    def sha1(self) -> str:
        """SHA-1 of the certificate, upper-case hex; empty when neither public part nor thumbprint is known."""
        if self.key:
            return hashlib.sha1(base64.b64decode(self.key), usedforsecurity=False).hexdigest().upper()
        return self.thumbprint.upper()

    def is_same(self, other: CertificateEntry) -> bool:
        """Whether both are one certificate in one place, whatever its key ID."""
        if self.place != other.place:
            return False
        if self.key and other.key:
            return self.sha256 == other.sha256
        if self.sha1 and other.sha1:
            return self.sha1 == other.sha1
        return same_name(self.key_id, other.key_id)

    def is_among(self, entries: Iterable[CertificateEntry]) -> bool:
        return any(self.is_same(one) for one in entries)

    def credential(self) -> EntraCredential:
        """As the functions that change a registration expect it."""
        return EntraCredential(
            kind="certificate",
            key_id=self.key_id,
            name=self.display_name,
            starts=None,
            ends=None,
            thumbprint=self.sha1 or None,
            sha256=self.sha256,
            encoded=self.key or None,
            place=self.place,
        )


def each_once(entries: Iterable[CertificateEntry]) -> tuple[CertificateEntry, ...]:
    """Each certificate once, even if a record or a registration lists it twice."""
    found: list[CertificateEntry] = []
    for entry in entries:
        twin = next((number for number, one in enumerate(found) if one.is_same(entry)), None)
        if twin is None:
            found.append(entry)
        elif entry.key and not found[twin].key:
            # A restore needs the public part.
            found[twin] = entry
    return tuple(found)


@dataclass(frozen=True)
class SecretEntry:
    """A client secret, without its value, which cannot be read."""

    key_id: str
    display_name: str
    ends: str | None
    place: str = REGISTRATION


@dataclass(frozen=True)
class RecordedApplication:
    """``account_enabled``: None when it could not be read. ``object_id``: of the service principal."""

    client_id: str
    object_id: str
    display_name: str = ""
    application_object_id: str | None = None
    account_enabled: bool | None = None
    certificates: tuple[CertificateEntry, ...] = ()
    secrets: tuple[SecretEntry, ...] = ()


@dataclass(frozen=True)
class Record:
    """The document. Times are ISO 8601, UTC. ``disabled_at``: when this collection disabled the service principal.

    ``restored_at``: everything in it was restored; the next revocation starts a new record.
    """

    application: RecordedApplication
    cloud: str
    tenant_id: str | None
    taken_at: str
    stores: tuple[StoreRights, ...] = field(default=())
    disabled_at: str | None = None
    restored_at: str | None = None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"format": FORMAT, "version": VERSION, **asdict(self)}

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Record:
        """From JSON.

        Raises:
            InvalidInput: it is not an access record, has another version, or is damaged.
        """
        if document.get("format") != FORMAT:
            raise InvalidInput(_OPTION, "it is not an access record of this collection", _REMEDY)
        if document.get("version") not in _READABLE:
            raise InvalidInput(
                _OPTION,
                f"it has version {quoted(document.get('version'))}, but this collection supports version {VERSION}",
                "use the version of the collection that created the record",
            )
        try:
            application = _principal(document["application"])
            return cls(
                application=application,
                stores=tuple(_store(entry, application.object_id) for entry in document["stores"]),
                **{name: _text(document[name]) for name in _TEXTS},
            )
        except (KeyError, TypeError, ValueError) as error:
            cause = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InvalidInput(_OPTION, f"it is damaged ({cause})", _REMEDY)

    def store(self, resource_id: str) -> StoreRights | None:
        return next((entry for entry in self.stores if same_path(entry.resource_id, resource_id)), None)


def merged(old: Record | None, seen: Record) -> Record:
    """The old record plus what is new. Recorded entries stay, even if they no longer exist in Azure."""
    if old is None or old.restored_at is not None:
        return seen
    before, now = old.application, seen.application
    if not same_name(before.object_id, now.object_id):
        # The service principal was recreated; the entries of the old one are useless.
        return seen
    application = replace(
        before,
        application_object_id=before.application_object_id or now.application_object_id,
        account_enabled=now.account_enabled if before.account_enabled is None else before.account_enabled,
        certificates=each_once((*before.certificates, *now.certificates)),
        secrets=_union(before.secrets, now.secrets, lambda one: name_key(one.key_id)),
    )
    others = [entry for entry in seen.stores if old.store(entry.resource_id) is None]
    return replace(
        old,
        application=application,
        tenant_id=old.tenant_id or seen.tenant_id,
        stores=(*(_merged_store(entry, seen.store(entry.resource_id)) for entry in old.stores), *others),
    )


def _merged_store(old: StoreRights, seen: StoreRights | None) -> StoreRights:
    if seen is None:
        return old
    policies = [entry if (now := seen.policy(entry.identity)) is None else entry.united(now) for entry in old.policies]
    policies += [entry for entry in seen.policies if old.policy(entry.identity) is None]
    return replace(
        old, policies=tuple(policies), assignments=_union(old.assignments, seen.assignments, lambda one: one.grant)
    )


def _union(old: Iterable[T], new: Iterable[T], key: Any) -> tuple[T, ...]:
    known = {key(one): one for one in old}
    return (*known.values(), *(one for one in new if key(one) not in known))


def _united(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    return (*old, *_minus(new, old))


def _minus(names: tuple[str, ...], gone: tuple[str, ...]) -> tuple[str, ...]:
    known = {name_key(name) for name in gone}
    return tuple(name for name in names if name_key(name) not in known)


# Parsing ------------------------------------------------------------------------------------------------------------


def _principal(given: Mapping[str, Any]) -> RecordedApplication:
    known = {entry.name for entry in fields(RecordedApplication)} - {"certificates", "secrets"}
    if not is_uuid(given["client_id"]) or not is_uuid(given["object_id"]):
        raise ValueError("the IDs of the application are not UUIDs")
    if given["account_enabled"] not in (True, False, None):
        raise ValueError("account_enabled is neither true, false nor null")
    certificates = tuple(CertificateEntry(**entry) for entry in given["certificates"])
    for entry in certificates:
        if not all(isinstance(text, str) for text in (entry.key_id, entry.thumbprint, entry.key)):
            raise ValueError("a certificate of the application has no key ID, thumbprint or public part")
        # Raises if the public part is not base64.
        base64.b64decode(entry.key)
    secrets = tuple(SecretEntry(**entry) for entry in given["secrets"])
    places = {one.place for one in certificates} | {one.place for one in secrets}
    if places - {REGISTRATION, PRINCIPAL}:
        raise ValueError("the place of a credential is neither the application nor the service principal")
    return RecordedApplication(**{name: given[name] for name in known}, certificates=certificates, secrets=secrets)


def _store(given: Mapping[str, Any], object_id: str) -> StoreRights:
    """The permissions of this service principal at this vault. Other entries are rejected: they would widen access."""
    store = StoreRights(
        **{name: str(given[name]) for name in ("resource_id", "name", "uri", "kind")},
        policies=tuple(_policy(entry) for entry in given["policies"]),
        assignments=tuple(_assignment(entry) for entry in given["assignments"]),
    )
    holders = {name_key(entry.object_id) for entry in store.policies}
    holders |= {name_key(entry.principal_id) for entry in store.assignments}
    if holders - {name_key(object_id)}:
        raise ValueError(f"an entry at {store.name} does not belong to the application")
    elsewhere = [
        one.scope for one in store.assignments if not one.local and not is_within(one.scope, store.resource_id)
    ]
    if elsewhere:
        raise ValueError(f"the scope {elsewhere[0]} is outside {store.name}")
    return store


def _assignment(given: Mapping[str, Any]) -> Assignment:
    found = Assignment(**given)
    required = (found.name, found.scope, found.definition_id, found.principal_id, found.role_name, found.principal_type)
    optional = (found.condition, found.condition_version, found.description, found.ends)
    if not all(isinstance(value, str) for value in required) or not isinstance(found.local, bool):
        raise ValueError("a member of an assignment has another type")
    for value in optional:
        _text(value)
    # HTTP resolves these parts of an address: the request would be about another object than the one that is checked.
    if not found.name or "/" in found.name or not {".", ".."}.isdisjoint(f"{found.scope}/{found.name}".split("/")):
        raise ValueError(f"{quoted(found.name)} at {quoted(found.scope)} is not the address of an assignment")
    return found


def _policy(given: Mapping[str, Any]) -> RecordedPolicy:
    permissions = {kind: tuple(str(name) for name in given[kind]) for kind in KINDS}
    return RecordedPolicy(given["tenant_id"], given["object_id"], given["application_id"], **permissions)


def _text(value: Any) -> Any:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{quoted(value)} is not text")
    return value
