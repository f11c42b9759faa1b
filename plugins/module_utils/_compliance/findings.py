# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Compliance findings of a link, its credential and its keys. Pure: evaluates data that was read before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .._azure.rights.facts import EntraCredential, KeyStore
from .._azure.wire.cloud import CLOUDS, cloud_of_uri
from .._dsm.account.apps import App
from .._dsm.groups.stored_groups import CREDENTIAL_EXPIRES, Group
from .._dsm.link.azure_link import ENDPOINTS, shown_address
from .._findings import catalog
from .._findings.finding import FAILED, OK, UNKNOWN, WARNING, Finding, Kind, ranked
from .._rest.private_link import public_uri, remedy_for
from .._rotation.plan import CERTIFICATE_FACT, MODES, only_candidate, use_of
from .._timestamps import day, iso_or_none, parse_iso_or_none

# The evidence contains at most this many entries of a list, and its length.
_MOST_IN_EVIDENCE = 50


@dataclass(frozen=True)
class Validity:
    """Validity of a certificate that DSM returns. ``begins`` and ``ends``: None if it could not be parsed."""

    sha256: str
    begins: datetime | None
    ends: datetime | None


@dataclass(frozen=True)
class Clock:
    """``now``: the time of the run, UTC. ``soon``: whatever expires before this time expires soon."""

    now: datetime
    soon: datetime

    @classmethod
    def at(cls, now: datetime, renew_before_days: int) -> Clock:
        return cls(now, now + timedelta(days=renew_before_days))


def of_link(group: Group, cas: Sequence[Validity], client: Validity | None, clock: Clock) -> Iterator[Finding]:
    """TLS, cloud and vault of the link, and the certificates in it (guide 4.3, 4.4).

    Args:
        client: of the TLS client certificate; None where the link has none.
    """
    link = group.azure_link

    def found(
        kind: Kind, status: str, expected: str, actual: str, remedy: str, evidence: Mapping[str, Any] | None = None
    ) -> Finding:
        return Finding(kind, status, "DSM", f"link of {group.label}", expected, actual, remedy, evidence or {})

    tls_remedy = "set it with fortanix.dsm.cdc_tls; its defaults are secure"
    shown = (link.stored or {}).get("tls") or {}
    if not link.tls.mode:
        yield found(catalog.TLS_NOT_REQUIRED, UNKNOWN, "TLS mode: required", "DSM does not return it", tls_remedy)
    elif link.tls.mode != "required":
        yield found(catalog.TLS_NOT_REQUIRED, FAILED, "TLS mode: required", f"TLS mode: {link.tls.mode}", tls_remedy)
    elif not isinstance(shown.get("validate_hostname"), bool):
        yield found(
            catalog.HOST_VALIDATION_OFF, UNKNOWN, "the host name is validated", "DSM does not return it", tls_remedy
        )
    elif not link.tls.validate_host:
        actual = "the host name is not validated"
        yield found(catalog.HOST_VALIDATION_OFF, FAILED, "the host name is validated", actual, tls_remedy)
    if link.tls.ca == "custom" and not cas:
        expected, actual = "DSM returns the pinned CA certificates", "DSM does not return them"
        remedy = "check the pinned CA certificates in DSM"
        yield found(catalog.PINNED_CA_UNREADABLE, UNKNOWN, expected, actual, remedy)
    kinds = (catalog.PINNED_CA_NOT_VALID, catalog.PINNED_CA_EXPIRES_SOON, catalog.PINNED_CA_UNREADABLE)
    for ca in cas:
        yield from _of_certificate(found, kinds, ca, clock, "pin the CA's new certificate with fortanix.dsm.cdc_tls")
    if client is not None:
        kinds = (
            catalog.TLS_CLIENT_CERTIFICATE_NOT_VALID,
            catalog.TLS_CLIENT_CERTIFICATE_EXPIRES_SOON,
            catalog.TLS_CLIENT_CERTIFICATE_UNREADABLE,
        )
        remedy = "set a new certificate and its key with fortanix.dsm.cdc_tls"
        yield from _of_certificate(found, kinds, client, clock, remedy)
    cloud = cloud_of_uri(link.vault_uri) if link.vault_uri else None
    if link.azure_service not in ENDPOINTS:
        known = " or ".join(one.azure_service for one in CLOUDS)
        remedy = "set azure_service with fortanix.dsm.cdc_group"
        yield found(catalog.ENDPOINTS_NOT_RECOGNIZED, FAILED, f"endpoints of {known}", "other endpoints", remedy)
    elif (public := public_uri(link.vault_uri)) is not None:
        yield found(
            catalog.VAULT_NAME_IN_PRIVATE_ZONE, FAILED, public, shown_address(link.vault_uri), remedy_for(public)
        )
    elif link.vault_uri and (cloud is None or cloud.azure_service != link.azure_service):
        yield found(
            catalog.VAULT_IN_OTHER_CLOUD,
            FAILED,
            f"a vault in {link.azure_service}",
            shown_address(link.vault_uri),
            "correct azure_service or the vault with fortanix.dsm.cdc_group",
        )
    if not link.vault_uri:
        yield found(
            catalog.VAULT_NOT_CHOSEN, WARNING, "a vault", "none", "select one with fortanix.dsm.cdc_vault_select"
        )


def _of_certificate(
    found: Any, kinds: tuple[Kind, Kind, Kind], certificate: Validity, clock: Clock, remedy: str
) -> Iterator[Finding]:
    invalid, soon, unreadable = kinds
    evidence = {
        "sha256": certificate.sha256,
        "begins": iso_or_none(certificate.begins),
        "ends": iso_or_none(certificate.ends),
    }
    expected = f"valid now, expires after {day(clock.soon)}"
    if certificate.begins is None or certificate.ends is None:
        actual, remedy = "its validity could not be read", "check the certificate where it is stored"
        yield found(unreadable, UNKNOWN, expected, actual, remedy, evidence)
        return
    actual = f"{day(certificate.begins)} to {day(certificate.ends)}"
    if not certificate.begins <= clock.now < certificate.ends:
        yield found(invalid, FAILED, expected, actual, remedy, evidence)
    elif certificate.ends < clock.soon:
        yield found(soon, WARNING, expected, actual, remedy, evidence)


def of_credential(
    group: Group,
    registered: Sequence[EntraCredential] | None,
    operator_client_id: str | None,
    clock: Clock,
    certificate: Validity | None = None,
) -> Iterator[Finding]:
    """The credential that DSM holds, and its expiry by our record and Entra (guide 4.1).

    Args:
        registered: credentials of the application in Entra; None if they could not be read.
        certificate: the certificate of the link, if DSM returns it.
    """
    link = group.azure_link
    if operator_client_id is not None and operator_client_id == link.client_id:
        yield Finding(
            catalog.OPERATOR_IS_THE_APPLICATION,
            FAILED,
            "DSM",
            f"link of {group.label}",
            "a separate application for the link",
            f"the operator's client ID {operator_client_id}",
            "use a separate application for the link, with only the permissions that guide 4.2 lists",
            {"client_id": operator_client_id},
        )
    yield from _of_end(group, registered, clock, certificate)


def _of_end(
    group: Group, registered: Sequence[EntraCredential] | None, clock: Clock, certificate: Validity | None
) -> Iterator[Finding]:
    def found(kind: Kind, status: str, actual: str, remedy: str, source: str, ends: datetime | None) -> Finding:
        evidence = {"source": source, "ends": iso_or_none(ends), "auth_mode": group.azure_link.auth_mode}
        return Finding(
            kind,
            status,
            "Entra",
            f"credential of the link of {group.label}",
            f"expires after {day(clock.soon)}",
            actual,
            remedy,
            evidence,
        )

    renew = "renew it with fortanix.dsm.cdc_credential or the role cdc_rotate"
    ends, source, problem = end_of_credential(group, registered, clock, certificate)
    if problem is not None:
        kind, status = (
            (catalog.LINK_CREDENTIAL_NOT_IN_ENTRA, FAILED)
            if source == "entra"
            else (catalog.LINK_CREDENTIAL_EXPIRY_UNKNOWN, UNKNOWN)
        )
        yield found(kind, status, problem, renew, source, None)
    elif ends is not None and ends <= clock.now:
        yield found(catalog.LINK_CREDENTIAL_NOT_VALID, FAILED, f"it expired at {day(ends)}", renew, source, ends)
    elif ends is not None and ends < clock.soon:
        yield found(catalog.LINK_CREDENTIAL_EXPIRES_SOON, WARNING, f"it expires at {day(ends)}", renew, source, ends)


def end_of_credential(
    group: Group,
    registered: Sequence[EntraCredential] | None,
    clock: Clock,
    certificate: Validity | None = None,
) -> tuple[datetime | None, str, str | None]:
    """Expiry, source and problem. Source ``entra`` with a problem means that the credential was removed in Entra.

    A certificate that DSM returns is the one that it holds. The record contains what was written last; it does not
    prove what DSM holds. Entra knows expiry dates, but not which credential DSM holds.
    """
    shown = None if certificate is None else certificate.ends
    recorded = parse_iso_or_none(group.custom_metadata.get(CREDENTIAL_EXPIRES))
    fact, superseded = group.credential_facts
    if registered is not None:
        use = use_of(group.name, group.azure_link.auth_mode, fact, superseded, registered)
        named = next((one for one in registered if one.key_id == use.key_id), None)
        if named is None and shown is not None:
            return shown, "certificate", None
        if use.key_id is not None and named is None:
            return None, "entra", "the recorded credential is no longer registered in Entra"
        if use.key_id is None and (fact or "").startswith(CERTIFICATE_FACT):
            return None, "none", "Entra does not return the certificates to compare with the recorded one"
        candidate = named or only_candidate(use, registered, clock.now)
        if candidate is not None:
            source = "entra and record" if named else "entra, the only one that is valid"
            return candidate.ends, source, None if candidate.ends else _NO_END
        # An expired credential is not in use if DSM connects; if DSM does not connect, that is a separate finding.
        valid = [one for one in registered if one.ends is None or one.ends > clock.now]
        fitting = [one for one in valid if use.auth_mode in (None, MODES.get(one.kind))]
        ends = [one.ends for one in fitting if one.ends is not None]
        # An expiry that Entra does not return cannot count as late enough.
        if fitting and len(ends) == len(fitting) and min(ends) >= clock.soon:
            return min(ends), "entra, the one that ends first", None
    if shown is not None:
        return shown, "certificate", None
    if recorded is not None:
        return recorded, "record", None
    why = "Entra was not read" if registered is None else "it is unknown which registered credential DSM holds"
    return None, "none", f"no expiry is recorded, and {why}"


_NO_END = "Entra does not return its expiry"


def of_vault(store: KeyStore) -> Iterator[Finding]:
    """Whether the vault accepts requests from all networks, and what changes for it on 27 February 2027."""
    rules = store.firewall
    if not store.is_hsm and not store.rbac and store.states_model:
        yield Finding(
            catalog.VAULT_USES_ACCESS_POLICIES,
            WARNING,
            "Azure",
            f"vault {store.name}",
            "Azure RBAC, or access policies with tools that set the permission model when they create a vault",
            "access policies",
            "set the permission model in every template that creates vaults, and plan the change to RBAC; this vault "
            "keeps working (fortanix.dsm.azure_kv_vault reports who would lose access)",
            {"api_versions_end": "2027-02-27", "first_version_after": "2026-02-01"},
        )
    if rules.public_access and rules.default_allow and not rules.has_perimeter:
        yield Finding(
            catalog.VAULT_OPEN_TO_ALL_NETWORKS,
            WARNING,
            "Azure",
            f"{'managed HSM' if store.is_hsm else 'vault'} {store.name}",
            "network rules that allow only DSM",
            "public network access without rules",
            "set network rules when the addresses of DSM are known; requests without permission are always rejected",
        )


def of_apps(label: str, found: Sequence[App]) -> Iterator[Finding]:
    """Whether the apps of a group authenticate to DSM only by certificate or trusted CA (guide 4.4)."""
    counted = (
        (
            catalog.APP_WITHOUT_CERTIFICATE,
            WARNING,
            [one for one in found if one.by_certificate is False],
            "other methods",
        ),
        (catalog.APP_LOGIN_UNKNOWN, UNKNOWN, [one for one in found if one.by_certificate is None], "unknown methods"),
    )
    for kind, status, apps, actual in counted:
        if apps:
            yield Finding(
                kind,
                status,
                "DSM",
                f"apps of {label}",
                "apps authenticate only by certificate or trusted CA",
                f"{len(apps)} app(s) with {actual}",
                "set a certificate or a trusted CA as the authentication method of these apps in DSM",
                {
                    "count": len(apps),
                    "apps": [
                        {"app_id": one.app_id, "name": one.name, "auth_types": list(one.auth_types)}
                        for one in sorted(apps, key=lambda one: (one.name, one.app_id))[:_MOST_IN_EVIDENCE]
                    ],
                },
            )


# All together -------------------------------------------------------------------------------------------------------


def not_seen(check: str, obj: str, plane: str, why: str, remedy: str) -> Finding:
    """The finding that a check could not be run."""
    return Finding(catalog.NOT_CHECKED[check], UNKNOWN, plane, obj, "it can be checked", why, remedy)


def completed(
    found: Iterable[Finding], label: str, evidence: Mapping[str, Mapping[str, Any]], *, left_out: Collection[str] = ()
) -> tuple[Finding, ...]:
    """The findings, and one of status ok for each check without findings.

    Args:
        evidence: check -> what was read. A check without findings and evidence was not run: a KeyError, not a pass.
        left_out: checks that the user did not request.
    """
    kept = _each_once(found)
    said = {finding.kind.area for finding in kept}
    silent = [(check, kind) for check, kind in catalog.CHECKS.items() if check not in {*said, *left_out}]
    fine = [
        Finding(kind, OK, "DSM" if check in _OF_DSM else "Azure", label, kind.title, kind.title, "", evidence[check])
        for check, kind in silent
    ]
    return (*kept, *fine)


def _each_once(found: Iterable[Finding]) -> list[Finding]:
    """A link has one credential: its record, its certificate and Entra lead to one finding, the worst."""
    kept: list[Finding] = []
    by_kind: dict[Kind, Finding] = {}
    for finding in ranked(found):
        if finding.kind.area == catalog.CREDENTIAL:
            by_kind.setdefault(finding.kind, finding)
        else:
            kept.append(finding)
    return [*by_kind.values(), *kept]


_OF_DSM = (catalog.GROUP, catalog.LINK, catalog.CONNECTION, catalog.KEYS, catalog.APPS, catalog.DRIFT)
