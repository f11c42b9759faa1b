# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What a compliance run reads in Azure: each vault and each application once, whichever groups use them.

A failed read is stored as a value: its error. It becomes `unknown` at each group that it concerns.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from .._azure.applications import application_lookup, registrations
from .._azure.applications.application_lookup import ApplicationSelector, ObservedApplication
from .._azure.applications.registrations import Registration
from .._azure.keys.vault_reading import VaultContents, read_vault, with_details
from .._azure.prerequisites.assessment import Assessment, Question, application_evidence, assess_known, vault_evidence
from .._azure.rights import findings as rights_findings
from .._azure.rights.evaluation import RequiredRights, Verdict, judge
from .._azure.rights.facts import MANAGED_HSM, VAULT, KeyStore
from .._azure.rights.network import Reach
from .._azure.vaults import lifecycle, vault_lookup
from .._azure.vaults.vault_lookup import Locator, VaultAddress
from .._azure.wire import channel
from .._azure.wire.cloud import Cloud, check_uri
from .._azure.wire.errors import AzureError
from .._azure.wire.session import Azure, understood
from .._certificates.loading import Certificate
from .._dsm.link.azure_link import Link, shown_address
from .._errors import TaskError
from .._findings.finding import Finding
from .._ids import checked_uuid
from .._names import path_key

T = TypeVar("T")


@dataclass(frozen=True)
class Standard:
    """Requirements for every group. ``most_keys``: for how many keys of each vault the versions are read."""

    wanted: RequiredRights
    egress: tuple[str, ...]
    renew_before_days: int
    most_keys: int


class AzureReader:
    """Azure and Entra as the operator can read them, for one run and all its threads."""

    def __init__(self, azure: Azure, standard: Standard) -> None:
        self.azure = azure
        self._standard = standard
        self._known: dict[Hashable, Any] = {}
        self._reading: dict[Hashable, Lock] = {}
        self._guard = Lock()

    def application(self, link: Link) -> Registration | TaskError:
        """The application of the link."""
        return self._once(("application", link.client_id), lambda: self._application(link))

    def vault(self, link: Link) -> KeyStore | TaskError:
        """The vault of the link."""
        return self._once(("vault", link.vault_uri, link.subscription_id), lambda: self._vault(link))

    def assessment(self, link: Link, certificate: Certificate | None) -> Assessment | TaskError:
        """The prerequisites at the link's vault. ``certificate``: the link credential, if DSM returns it."""
        seen = certificate.sha256 if certificate else None
        key = ("assessment", link.vault_uri, link.subscription_id, link.client_id, link.vault_type, seen)
        return self._once(key, lambda: self._assessment(link, certificate))

    def of_application(
        self, link: Link, registration: Registration, certificate: Certificate | None, now: datetime
    ) -> tuple[Finding, ...]:
        """Findings of an application that was read, whether or not the vault of the link was read."""
        evidence = application_evidence(self._question(link, certificate), self.azure, registration, now)
        return tuple(rights_findings.of_application(evidence))

    def of_vault(self, link: Link, store: KeyStore) -> tuple[Reach, tuple[Finding, ...]]:
        """Whether DSM can reach a vault, and findings of the vault, whether or not the application was read."""
        evidence = vault_evidence(self._question(link, None), store)
        return evidence.reach, tuple(rights_findings.of_vault(evidence))

    def keys(self, store: KeyStore) -> VaultContents | TaskError:
        """The keys of a vault, with what is read of keys whichever group is checked."""
        return self._once(("keys", store.resource_id), lambda: self._keys(store))

    def key_details(
        self, store: KeyStore, contents: VaultContents, copies: frozenset[str], rotating: frozenset[str]
    ) -> VaultContents | TaskError:
        """The same with public keys and rotation policies, for keys of these names, which differ between groups."""
        key = ("key details", store.resource_id, copies, rotating)
        return self._once(key, lambda: self._details(store, contents, copies, rotating))

    # For the comparison with declarations. A failed read is raised and ends the comparison of that part.

    @property
    def cloud(self) -> Cloud:
        return self.azure.operator.cloud

    def registered(
        self, selector: ApplicationSelector, *, key_vault: bool, consent: bool = False
    ) -> ObservedApplication:
        """The application that the selector identifies, as the module azure_kv_app reads it."""
        key = ("registered", selector, key_vault, consent)
        return _or_raise(self._once(key, lambda: self._registered(selector, key_vault, consent)))

    def at(self, place: VaultAddress) -> Mapping[str, Any] | None:
        """The body of the vault at a place; None if the vault or its resource group does not exist."""
        return _or_raise(self._once(("at", place), lambda: self._at(place)))

    def named(self, locator: Locator, subscription: str) -> KeyStore:
        """The vault that a locator identifies, in the subscription of the link."""
        named = ("named", str(locator), locator.resource_group, locator.type, subscription)
        return _or_raise(self._once(named, lambda: self._named(locator, subscription)))

    def rights(self, link: Link, certificate: Certificate | None, wanted: RequiredRights) -> tuple[Verdict, ...]:
        """The verdicts on other permissions than those of the standard, from the same observation."""
        return judge(_or_raise(self.assessment(link, certificate)).access, wanted)

    def _registered(self, selector: ApplicationSelector, key_vault: bool, consent: bool) -> ObservedApplication:
        with understood(str(selector)):
            return application_lookup.look(self.azure.graph, self.cloud, selector, key_vault=key_vault, consent=consent)

    def _at(self, place: VaultAddress) -> Mapping[str, Any] | None:
        with understood(place.label):
            try:
                return lifecycle.look(self.azure.arm, place)
            except AzureError as error:
                if error.code not in lifecycle.NOWHERE:
                    raise
                return None

    def _once(self, key: Hashable, read: Callable[[], T]) -> T | TaskError:
        with self._guard:
            reading = self._reading.setdefault(key, Lock())
        # Threads that need the same value wait for it. An assessment takes the locks of its parts, never the reverse.
        with reading:
            if key not in self._known:
                self._known[key] = asked(read)
            found: T | TaskError = self._known[key]
        return found

    def _application(self, link: Link) -> Registration:
        client_id = checked_uuid("client_id of the link", link.client_id)
        with understood(f"application {client_id}"):
            return registrations.registration(self.azure.graph, client_id, None)

    def _vault(self, link: Link) -> KeyStore:
        check_uri("vault of the link", shown_address(link.vault_uri), self.azure.operator.cloud)
        subscription = checked_uuid("subscription of the link", link.subscription_id)
        return self._named(Locator(uri=link.vault_uri), subscription)

    def _named(self, locator: Locator, subscription: str) -> KeyStore:
        """A list is only used to find the resource ID, because lists may lag (Azure contract §1.2)."""
        found = [locator.resource_id] if locator.resource_id is not None else self._fitting(locator, subscription)
        if len(found) != 1:
            raise TaskError(
                f"several vaults match: {', '.join(sorted(found))}"
                if found
                else "the operator cannot see this vault in the link's subscription",
                plane="Azure",
                obj=f"vault {locator}",
                next_step="assign the role Reader at the vault to the operator, or correct the vault of the link",
            )
        (resource_id,) = found
        return _or_raise(self._once(("store", path_key(resource_id)), lambda: self._read(resource_id)))

    def _fitting(self, locator: Locator, subscription: str) -> list[str]:
        kinds = (VAULT, MANAGED_HSM) if locator.kind is None else (locator.kind,)
        lists = [self._once(("list", subscription, kind), partial(self._list, kind, subscription)) for kind in kinds]
        return [str(entry["id"]) for listed in map(_or_raise, lists) for entry in listed if locator.fits(entry)]

    def _read(self, resource_id: str) -> KeyStore:
        with understood(f"vault {resource_id}"):
            return vault_lookup.read(self.azure.arm, resource_id)

    def _list(self, kind: str, subscription: str) -> list[Mapping[str, Any]]:
        with understood(f"vaults of subscription {subscription}"):
            return list(vault_lookup.list_all(self.azure.arm, kind, subscription))

    def _assessment(self, link: Link, certificate: Certificate | None) -> Assessment:
        store, registration = _or_raise(self.vault(link)), _or_raise(self.application(link))
        return assess_known(self.azure, self._question(link, certificate), store, registration)

    def _question(self, link: Link, certificate: Certificate | None) -> Question:
        return Question(
            locator=Locator(uri=link.vault_uri, type=link.vault_type),
            client_id=link.client_id,
            object_id=None,
            wanted=self._standard.wanted,
            egress=self._standard.egress,
            certificate=certificate,
            renew_before_days=self._standard.renew_before_days,
        )

    def _keys(self, store: KeyStore) -> VaultContents:
        label = _label(store)
        with channel.keys(self.azure.operator, store.uri) as data_plane, understood(f"keys of {label}"):
            contents = read_vault(data_plane, label, most=self._standard.most_keys)
            return with_details(data_plane, label, contents, copies=(), rotating=())

    def _details(
        self, store: KeyStore, contents: VaultContents, copies: frozenset[str], rotating: frozenset[str]
    ) -> VaultContents:
        label = _label(store)
        with channel.keys(self.azure.operator, store.uri) as data_plane, understood(f"keys of {label}"):
            return with_details(data_plane, label, contents, copies=copies, rotating=rotating)


def _label(store: KeyStore) -> str:
    return f"{'managed HSM' if store.is_hsm else 'vault'} {store.name}"


def asked(read: Callable[[], T]) -> T | TaskError:
    """The value that was read, or the error."""
    try:
        return read()
    except TaskError as error:
        return error


def why(error: TaskError) -> str:
    """The text of a finding about this error."""
    return f"{error.problem}: {error.server_words}" if error.server_words else error.problem


def _or_raise(found: T | TaskError) -> T:
    if isinstance(found, TaskError):
        raise found
    return found
