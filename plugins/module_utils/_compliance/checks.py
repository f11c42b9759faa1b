# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""All checks of one group with one link: what each reads, and how it is evaluated (guide 4.1 to 4.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._azure.keys.vault_reading import VaultContents
from .._azure.rights.facts import KeyStore
from .._azure.vaults import vault_lookup
from .._azure.wire.cloud import is_hsm_uri
from .._certificates import loading
from .._certificates.loading import Certificate
from .._dsm.account.apps import App
from .._dsm.groups.stored_groups import Group
from .._dsm.keys.key_reading import list_keys, read_sources
from .._dsm.keys.key_records import DsmKey, copies_in, rotating_in
from .._dsm.link import connection
from .._dsm.link.azure_link import Link
from .._dsm.link.diagnosis import diagnose
from .._dsm.link.diagnosis_classes import DSM
from .._dsm.link.tls import pem_of, sha256_of
from .._dsm.wire.client import DsmClient
from .._dsm.wire.errors import UnreadableAnswer
from .._errors import InvalidInput, TaskError
from .._findings import catalog
from .._findings.finding import FAILED, OK, UNKNOWN, Finding, Kind
from .._keys.key_findings import KeyRequirements, counts_of, findings_about_keys
from .._keys.reconciliation import ObservedKeys
from .._timestamps import iso_or_none
from .azure_reader import AzureReader, asked, no_vault, not_wanted, why
from .drift import Declared, drift_of
from .findings import (
    Clock,
    Validity,
    completed,
    end_of_credential,
    not_seen,
    of_apps,
    of_credential,
    of_link,
    of_vault,
)
from .shared_tests import SharedTests, record_of


@dataclass(frozen=True)
class ComplianceContext:
    """Data that the checks of all groups share. ``azure``: None if the user turned off reading Azure.

    ``declared``: by name of the group; None if nothing is to be compared.
    """

    apps: Sequence[App] | TaskError
    azure: AzureReader | None
    operator_client_id: str | None
    clock: Clock
    tests: bool
    declared: Mapping[str, Declared] | None = None
    # Set if the user allows that groups with the same link share a test.
    shared_tests: SharedTests | None = None

    def drift(
        self, name: str, group: Group | TaskError | None, certificate: Certificate | None = None
    ) -> Iterator[Finding]:
        """Differences from the inventory; empty if the comparison was not requested.

        Args:
            group: the group, or why it could not be read; None if it does not exist.
        """
        if self.declared is None:
            return
        if isinstance(group, TaskError):
            yield not_seen(catalog.DRIFT, f'group "{name}"', "DSM", why(group), group.next_step)
            return
        azure = not_wanted() if self.azure is None else self.azure
        yield from drift_of(self.declared.get(name), azure, name, group, certificate)


def findings_of(context: ComplianceContext, dsm: DsmClient, group: Group) -> tuple[Finding, ...]:
    """All findings of a group with one link. Each check has at least one; it has status ok if nothing is wrong."""
    link, clock, azure = group.azure_link, context.clock, context.azure
    registration = not_wanted() if azure is None else azure.application(link)
    registered = None if isinstance(registration, TaskError) else registration.identity.credentials
    certificate = _auth_certificate(link)
    shown = None if certificate is None else _validity_of(certificate)
    ends, source, _problem = end_of_credential(group, registered, clock, shown)
    declared = (context.declared or {}).get(group.name)
    evidence: dict[str, Any] = {
        catalog.DRIFT: {"declared_by": declared["host"] if declared else None},
        catalog.GROUP: {"group_id": group.group_id, "hmg_id": link.hmg_id},
        catalog.LINK: {"tls": link.tls.view(), "azure_service": link.azure_service},
        catalog.CREDENTIAL: {
            "source": source,
            "ends": iso_or_none(ends),
            "match": group.credential_match,
            # Unknown for an operator that uses the Azure CLI or a managed identity, and without an operator.
            "is_not_the_operators": None if context.operator_client_id is None else True,
        },
    }
    found = [
        *of_link(group, [_validity(ca) for ca in link.tls.pinned], _client_validity(link), clock),
        *of_credential(group, registered, context.operator_client_id, clock, shown),
        *_of_connection(context, dsm, group, evidence),
        *_of_azure(context, group, certificate, evidence),
        *_of_keys(context, dsm, group, evidence),
        *_of_apps(context.apps, group, evidence),
        *context.drift(group.name, group, certificate),
    ]
    return completed(found, group.label, evidence, left_out=() if context.declared is not None else [catalog.DRIFT])


def _of_connection(
    context: ComplianceContext, dsm: DsmClient, group: Group, evidence: dict[str, Any]
) -> Iterator[Finding]:
    label = f"link of {group.label}"

    def found(kind: Kind, status: str, actual: str, remedy: str, facts: Mapping[str, Any]) -> Finding:
        return Finding(kind, status, "DSM", label, "DSM's connection test succeeds", actual, remedy, facts)

    if not context.tests:
        remedy = "set check_connections: true"
        yield found(catalog.CONNECTION_NOT_TESTED, UNKNOWN, "check_connections is false", remedy, {})
        return

    def tested() -> connection.ConnectionTest:
        # The wait for the test of another group does not count.
        dsm.begin_anew()
        return connection.check_stored(dsm, str(group.group_id), label)

    try:
        test, whose = (tested(), group) if context.shared_tests is None else context.shared_tests.result(group, tested)
    except TaskError as error:
        remedy = "check the response of DSM, and grant the DSM identity permission to test connections"
        if isinstance(error, UnreadableAnswer):
            remedy = error.next_step
        yield found(catalog.CONNECTION_NOT_TESTED, UNKNOWN, why(error), remedy, {})
        return
    # What DSM's test covers is not public (DSM contract §7, Q36), so nothing more can be stated.
    evidence[catalog.CONNECTION] = {"proves": ["dsm_check"]}
    if not test.connected:
        told = diagnose(test.answer, test.http_status, group.azure_link)
        if told.leg == DSM:
            # Something in front of DSM has answered: whether the link connects is unknown.
            yield found(catalog.CONNECTION_NOT_TESTED, UNKNOWN, test.words, told.entry.remedy, {})
            return
        facts: dict[str, Any] = {"class": told.id, "leg": told.leg, "host": told.host}
        yield found(catalog.NOT_CONNECTED, FAILED, test.words or told.entry.title, told.entry.remedy, facts)
    elif whose is not group:
        shared = {"proves": ["dsm_check_of_same_link"], "tested_group": record_of(whose), "credential": "recorded"}
        actual = f"not tested itself; DSM's connection test of {whose.label}, which has the same link, succeeded"
        yield found(catalog.CONNECTED_BY_SHARED_TEST, OK, actual, "", shared)


def _of_azure(
    context: ComplianceContext, group: Group, certificate: Certificate | None, evidence: dict[str, Any]
) -> Iterator[Finding]:
    """Application, vault and permissions: each is evaluated if it was read, even if the others were not."""
    azure, link, label = context.azure, group.azure_link, group.label
    if azure is None:
        for check, plane in ((catalog.APPLICATION, "Entra"), (catalog.VAULT, "Azure"), (catalog.RIGHTS, "Azure")):
            yield _unseen(check, label, plane, not_wanted())
        return
    registration, store = azure.application(link), _store(azure, link)
    if isinstance(registration, TaskError):
        yield _unseen(catalog.APPLICATION, label, "Entra", registration)
    else:
        known = registration.identity
        evidence[catalog.APPLICATION] = {name: getattr(known, name) for name in ("client_id", "object_id", "enabled")}
        yield from azure.of_application(link, registration, certificate, context.clock.now)
    if isinstance(store, TaskError):
        yield _unseen(catalog.VAULT, label, "Azure", store)
    else:
        reach, found = azure.of_vault(link, store)
        evidence[catalog.VAULT] = {**vault_lookup.record(store), "reachable_for_dsm": reach.as_result()}
        yield from found
        yield from of_vault(store)
    assessment = store if isinstance(store, TaskError) else azure.assessment(link, certificate)
    if isinstance(assessment, TaskError):
        yield _unseen(catalog.RIGHTS, label, "Azure", assessment)
    else:
        evidence[catalog.RIGHTS] = {"rights": assessment.rights_view()}
        yield from (one for one in assessment.findings if one.kind.area == catalog.RIGHTS)


def _unseen(check: str, obj: str, plane: str, why_not: TaskError) -> Finding:
    return not_seen(check, obj, plane, why(why_not), why_not.next_step)


def _of_keys(context: ComplianceContext, dsm: DsmClient, group: Group, evidence: dict[str, Any]) -> Iterator[Finding]:
    in_dsm = asked(lambda: list_keys(dsm, str(group.group_id), group.label))
    in_azure = _keys_in_azure(context, group, () if isinstance(in_dsm, TaskError) else in_dsm)
    for unseen, plane in ((in_azure, "Azure"), (in_dsm, "DSM")):
        if isinstance(unseen, TaskError):
            yield _unseen(catalog.KEYS, f"keys of {group.label}", plane, unseen)
    if isinstance(in_azure, TaskError) or isinstance(in_dsm, TaskError):
        return
    sources = asked(lambda: read_sources(dsm, in_dsm))
    if isinstance(sources, TaskError):
        yield _unseen(catalog.KEYS, f"source keys of {group.label}", "DSM", sources)
        return
    required = KeyRequirements(
        context.clock.now,
        renew_before=context.clock.soon - context.clock.now,
        in_managed_hsm=is_hsm_uri(group.azure_link.vault_uri),
    )
    observed = ObservedKeys(in_dsm, sources, in_azure.keys, in_azure.deleted, dsm.clock.apart("DSM"))
    found, _facts, keys = findings_about_keys(group.label, observed, required)
    evidence[catalog.KEYS] = {**counts_of(keys), "not_read": sorted(in_azure.unread)}
    yield from found


def _keys_in_azure(context: ComplianceContext, group: Group, in_dsm: Sequence[DsmKey]) -> VaultContents | TaskError:
    azure = context.azure
    if azure is None:
        return not_wanted()
    store = _store(azure, group.azure_link)
    if isinstance(store, TaskError):
        return store
    contents = azure.keys(store)
    if isinstance(contents, TaskError):
        return contents
    return azure.key_details(store, contents, copies_in(in_dsm), rotating_in(in_dsm))


def _of_apps(found: Sequence[App] | TaskError, group: Group, evidence: dict[str, Any]) -> Iterator[Finding]:
    if isinstance(found, TaskError):
        yield _unseen(catalog.APPS, f"apps of {group.label}", "DSM", found)
        return
    in_use = [one for one in found if one.enabled and group.group_id in one.groups]
    evidence[catalog.APPS] = {"enabled": len(in_use)}
    yield from of_apps(group.label, in_use)


def _store(azure: AzureReader, link: Link) -> KeyStore | TaskError:
    return azure.vault(link) if link.vault_uri else no_vault()


# Certificates -------------------------------------------------------------------------------------------------------


def _read(encoded: str) -> Certificate | None:
    """The certificate that DSM returns; None if it cannot be parsed."""
    try:
        return loading.load_certificates("certificate", pem_of(encoded))[0]
    except InvalidInput:
        return None


def _auth_certificate(link: Link) -> Certificate | None:
    encoded = ((link.stored or {}).get("auth_config") or {}).get("client_cert")
    return _read(str(encoded)) if encoded else None


def _validity_of(certificate: Certificate) -> Validity:
    return Validity(certificate.sha256, certificate.not_before, certificate.not_after)


def _validity(encoded: str) -> Validity:
    found = _read(encoded)
    return Validity(sha256_of(encoded), found.not_before if found else None, found.not_after if found else None)


def _client_validity(link: Link) -> Validity | None:
    if link.tls.client_certificate is not None:
        return _validity(link.tls.client_certificate)
    # Recorded when it was written; DSM does not return it.
    sha256 = link.tls.client_certificate_sha256
    return None if sha256 is None else Validity(sha256, None, None)
