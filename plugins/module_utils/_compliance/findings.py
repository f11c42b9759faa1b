# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What a compliance run finds at a link, at its credential and at its keys. Pure: it judges what was read before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .._azure.rights.facts import EntraCredential, KeyStore
from .._azure.vaults.vault_keys import KeyVersion, VaultKey
from .._azure.wire.cloud import CLOUDS, cloud_of_uri
from .._dsm.account.apps import App
from .._dsm.groups.stored_groups import CREDENTIAL_EXPIRES, Group
from .._dsm.groups.virtual_keys import VirtualKey
from .._dsm.link.azure_link import ENDPOINTS, shown_address
from .._findings import catalog
from .._findings.finding import FAILED, OK, UNKNOWN, WARNING, Finding, Kind, ranked
from .._names import name_key
from .._rotation.plan import CERTIFICATE_FACT, MODES, only_candidate, use_of
from .._timestamps import day, iso_or_none, parse_iso_or_none

# Of longer lists the evidence has the beginning, and how long they are.
_MOST_IN_EVIDENCE = 50


@dataclass(frozen=True)
class Validity:
    """Of a certificate that DSM shows. ``begins`` and ``ends``: None when it could not be read."""

    sha256: str
    begins: datetime | None
    ends: datetime | None


@dataclass(frozen=True)
class Clock:
    """``now``: the time of the run, UTC. ``soon``: what ends before this ends soon."""

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

    tls_remedy = "set it with fortanix.dsm.cdc_tls, whose defaults are safe"
    shown = (link.stored or {}).get("tls") or {}
    if not link.tls.mode:
        yield found(catalog.TLS_NOT_REQUIRED, UNKNOWN, "mode required", "DSM does not show it", tls_remedy)
    elif link.tls.mode != "required":
        yield found(catalog.TLS_NOT_REQUIRED, FAILED, "mode required", f"mode {link.tls.mode}", tls_remedy)
    elif not isinstance(shown.get("validate_hostname"), bool):
        yield found(
            catalog.HOST_VALIDATION_OFF, UNKNOWN, "the host name is validated", "DSM does not show it", tls_remedy
        )
    elif not link.tls.validate_host:
        yield found(catalog.HOST_VALIDATION_OFF, FAILED, "the host name is validated", "it is not", tls_remedy)
    if link.tls.ca == "custom" and not cas:
        yield found(
            catalog.PINNED_CA_UNREADABLE, UNKNOWN, "the pinned CA certificates", "DSM does not show them", "none"
        )
    kinds = (catalog.PINNED_CA_NOT_VALID, catalog.PINNED_CA_EXPIRES_SOON, catalog.PINNED_CA_UNREADABLE)
    for ca in cas:
        yield from _of_certificate(found, kinds, ca, clock, "pin the CA's new certificate with fortanix.dsm.cdc_tls")
    if client is not None:
        kinds = (
            catalog.TLS_CLIENT_CERTIFICATE_NOT_VALID,
            catalog.TLS_CLIENT_CERTIFICATE_EXPIRES_SOON,
            catalog.TLS_CLIENT_CERTIFICATE_UNREADABLE,
        )
        remedy = "set a new one, and its key, with fortanix.dsm.cdc_tls"
        yield from _of_certificate(found, kinds, client, clock, remedy)
    cloud = cloud_of_uri(link.vault_uri) if link.vault_uri else None
    if link.azure_service not in ENDPOINTS:
        known = " or ".join(one.azure_service for one in CLOUDS)
        yield found(
            catalog.ENDPOINTS_NOT_RECOGNIZED, FAILED, f"those of {known}", "others", "set azure_service with cdc_group"
        )
    elif link.vault_uri and (cloud is None or cloud.azure_service != link.azure_service):
        yield found(
            catalog.VAULT_IN_OTHER_CLOUD,
            FAILED,
            f"a vault of {link.azure_service}",
            shown_address(link.vault_uri),
            "correct azure_service or the vault with cdc_group",
        )
    if not link.vault_uri:
        yield found(
            catalog.VAULT_NOT_CHOSEN, WARNING, "a vault", "none", "choose one with fortanix.dsm.cdc_vault_select"
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
    expected = f"valid until after {day(clock.soon)}"
    if certificate.begins is None or certificate.ends is None:
        yield found(
            unreadable, UNKNOWN, expected, "it cannot be told", "look at the certificate where it is kept", evidence
        )
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
    """The credential that DSM holds: what our record and Entra say of its end (guide 4.1).

    Args:
        registered: of the application in Entra; None when they could not be read.
        certificate: the one of the link, where DSM shows it.
    """
    link = group.azure_link
    if operator_client_id is not None and operator_client_id == link.client_id:
        yield Finding(
            catalog.OPERATOR_IS_THE_APPLICATION,
            FAILED,
            "DSM",
            f"link of {group.label}",
            "an application of its own",
            f"the operator's client ID {operator_client_id}",
            "give the link an application that may do what guide 4.2 asks for, and no more",
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
            f"valid until after {day(clock.soon)}",
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
        yield found(catalog.LINK_CREDENTIAL_NOT_VALID, FAILED, f"it ended at {day(ends)}", renew, source, ends)
    elif ends is not None and ends < clock.soon:
        yield found(catalog.LINK_CREDENTIAL_EXPIRES_SOON, WARNING, f"it ends at {day(ends)}", renew, source, ends)


def end_of_credential(
    group: Group,
    registered: Sequence[EntraCredential] | None,
    clock: Clock,
    certificate: Validity | None = None,
) -> tuple[datetime | None, str, str | None]:
    """End, source, and the problem: a source of ``entra`` with one means that it is gone from there.

    The certificate that DSM shows is the one that it holds. The record is what was written last, not proof of what DSM
    holds; Entra knows ends, not which one DSM holds.
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
            return None, "entra", "it is on record, and Entra does not list it any more"
        if use.key_id is None and (fact or "").startswith(CERTIFICATE_FACT):
            return None, "none", "Entra does not show the certificates that the one on record would be compared with"
        candidate = named or only_candidate(use, registered, clock.now)
        if candidate is not None:
            source = "entra and record" if named else "entra, the only one that is valid"
            return candidate.ends, source, None if candidate.ends else _NO_END
        # One that has ended is not in use where DSM connects, and where it does not, that is a finding.
        valid = [one for one in registered if one.ends is None or one.ends > clock.now]
        fitting = [one for one in valid if use.auth_mode in (None, MODES.get(one.kind))]
        ends = [one.ends for one in fitting if one.ends is not None]
        # An end that Entra does not show is none that has been seen to be late enough.
        if fitting and len(ends) == len(fitting) and min(ends) >= clock.soon:
            return min(ends), "entra, the one that ends first", None
    if shown is not None:
        return shown, "certificate", None
    if recorded is not None:
        return recorded, "record", None
    why = "Entra was not read" if registered is None else "which of the registered ones DSM holds is not known"
    return None, "none", f"there is no record of it, and {why}"


_NO_END = "Entra does not show when it ends"


def of_vault(store: KeyStore) -> Iterator[Finding]:
    """Whether the vault takes requests from everywhere, and what changes for it on 27 February 2027."""
    rules = store.firewall
    if not store.is_hsm and not store.rbac and store.states_model:
        yield Finding(
            catalog.VAULT_USES_ACCESS_POLICIES,
            WARNING,
            "Azure",
            f"vault {store.name}",
            "Azure RBAC, or access policies with tools that name the model when they make a vault",
            "access policies",
            "nothing breaks here; let every template that makes vaults name the permission model, and plan the change "
            "(fortanix.dsm.azure_kv_vault tells who would lose access)",
            {"api_versions_end": "2027-02-27", "first_version_after": "2026-02-01"},
        )
    if rules.public_access and rules.default_allow and not rules.has_perimeter:
        yield Finding(
            catalog.VAULT_OPEN_TO_ALL_NETWORKS,
            WARNING,
            "Azure",
            f"{'managed HSM' if store.is_hsm else 'vault'} {store.name}",
            "network rules that let DSM in, and no one else",
            "public network access without rules",
            "set network rules once the addresses of DSM are known; requests without a right are refused either way",
        )


def of_apps(label: str, found: Sequence[App]) -> Iterator[Finding]:
    """Whether the apps of a group log in to DSM by certificate or trusted CA, and no other way (guide 4.4)."""
    counted = (
        (
            catalog.APP_WITHOUT_CERTIFICATE,
            WARNING,
            [one for one in found if one.by_certificate is False],
            "others, too",
        ),
        (catalog.APP_LOGIN_UNKNOWN, UNKNOWN, [one for one in found if one.by_certificate is None], "DSM does not tell"),
    )
    for kind, status, apps, actual in counted:
        if apps:
            yield Finding(
                kind,
                status,
                "DSM",
                f"apps of {label}",
                "a certificate, or a trusted CA, is the only way to log in",
                f"{len(apps)} app(s): {actual}",
                "give the app a certificate or a trusted CA in DSM",
                {
                    "count": len(apps),
                    "apps": [
                        {"app_id": one.app_id, "name": one.name, "auth_types": list(one.auth_types)}
                        for one in sorted(apps, key=lambda one: (one.name, one.app_id))[:_MOST_IN_EVIDENCE]
                    ],
                },
            )


# Keys ---------------------------------------------------------------------------------------------------------------


def of_keys(
    label: str, in_dsm: Iterable[VirtualKey], in_azure: Sequence[VaultKey], now: datetime
) -> tuple[tuple[Finding, ...], dict[str, Any]]:
    """The comparison by name and version, and the numbers of what was compared.

    Whether DSM keeps one key for each Azure key or for each version is not public (DSM contract §7, Q44). So only the
    current version of each key has to be in DSM, and each version in DSM has to be in the vault.
    """
    present = [key for key in in_dsm if not key.gone]
    named = [key for key in present if key.azure_name]
    azure = {name_key(key.name): key for key in in_azure}
    in_dsm_by_name: dict[str, list[VirtualKey]] = {}
    for key in named:
        in_dsm_by_name.setdefault(name_key(key.azure_name), []).append(key)
    # A key that backs a certificate is no key of the user's (Azure contract §1.9).
    missing = [key.name for name, key in azure.items() if name not in in_dsm_by_name and not key.managed]
    absent, disabled, ended = [], [], []
    lacking = [
        f"{key.name}/{key.current[0].id}"
        for name, key in azure.items()
        if key.current and name in in_dsm_by_name and not _has_one_of(in_dsm_by_name[name], key.current)
    ]
    unread = [key.name for key in in_azure if key.versions is None]
    # One of these may be what seems to be missing.
    unidentified = [key.kid for key in present if not key.azure_name]

    def unless_unidentified(keys: Sequence[str]) -> str:
        return FAILED if len(keys) > len(unidentified) else UNKNOWN

    for key in named:
        there = azure.get(name_key(key.azure_name))
        version = _version_of(key, there)
        shown = f"{key.azure_name}/{key.azure_version or '-'}"
        if there is None or (there.versions is not None and version is None):
            absent.append(shown)
        elif version is not None:
            disabled += [shown] if version.enabled != key.enabled else []
            ended += [shown] if version.ends is not None and version.ends <= now and key.enabled else []
    sync = "sync the keys with fortanix.dsm.cdc_sync"
    counted = (
        (
            catalog.KEYS_ONLY_IN_DSM,
            FAILED,
            absent,
            "in the vault, too",
            "find out who removed them; recover them while they are soft-deleted, or sync the keys",
        ),
        (catalog.KEYS_ONLY_IN_AZURE, unless_unidentified(missing), missing, "in DSM, too", sync),
        (catalog.KEY_VERSIONS_ONLY_IN_AZURE, unless_unidentified(lacking), lacking, "in DSM, too", sync),
        (
            catalog.KEYS_ENABLED_DIFFERS,
            WARNING,
            disabled,
            "the same on both sides",
            "enable or disable them on one side, and sync",
        ),
        (catalog.KEYS_EXPIRED_IN_AZURE, WARNING, ended, "valid", "rotate them, or disable them in DSM"),
        (
            catalog.KEYS_NOT_IDENTIFIED,
            UNKNOWN,
            unidentified,
            "name of the Azure key",
            "look at these keys in DSM",
        ),
        (catalog.KEY_VERSIONS_NOT_READ, UNKNOWN, unread, "all versions are compared", "raise max_keys"),
    )
    findings = tuple(
        Finding(
            kind,
            status,
            "DSM",
            f"keys of {label}",
            expected,
            f"{len(keys)} key(s)",
            remedy,
            {"count": len(keys), "keys": sorted(keys)[:_MOST_IN_EVIDENCE]},
        )
        for kind, status, keys, expected, remedy in counted
        if keys
    )
    return findings, {
        "in_dsm": len(present),
        "in_azure": sum(not key.managed for key in in_azure),
        "hsm_platforms": _platforms(in_azure),
    }


def _platforms(in_azure: Sequence[VaultKey]) -> dict[str, int]:
    """How many keys are on each platform, as Azure reports it of the current version; no level follows from a SKU."""
    told = [key.current[0].hsm_platform or "not told" if key.current else "not read" for key in in_azure]
    return {name: told.count(name) for name in sorted(set(told))}


def _has_one_of(keys: Sequence[VirtualKey], versions: Sequence[KeyVersion]) -> bool:
    """Whether one of these keys is of one of these versions. A key without a version stands for all of them."""
    wanted = {None, *(version.id for version in versions)}
    return any(key.azure_version in wanted for key in keys)


def _version_of(key: VirtualKey, there: VaultKey | None) -> KeyVersion | None:
    if there is None or there.versions is None:
        return None
    if key.azure_version is None:
        return there.current[0] if there.current else None
    return next((version for version in there.versions if version.id == key.azure_version), None)


# All together -------------------------------------------------------------------------------------------------------


def not_seen(check: str, obj: str, plane: str, why: str, remedy: str) -> Finding:
    """The finding that a check could not be made."""
    return Finding(catalog.NOT_CHECKED[check], UNKNOWN, plane, obj, "it can be looked at", why, remedy)


def completed(
    found: Iterable[Finding], label: str, evidence: Mapping[str, Mapping[str, Any]], *, left_out: Collection[str] = ()
) -> tuple[Finding, ...]:
    """The findings with one of status ok for each check that has nothing to say.

    Args:
        evidence: check -> what was seen. A silent check without it was not made: a KeyError, and never a pass.
        left_out: checks that the user did not ask for.
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
    """A link has one credential: what its record, its certificate and Entra say of it is one finding, the worst."""
    kept: list[Finding] = []
    of_credential: dict[Kind, Finding] = {}
    for finding in ranked(found):
        if finding.kind.area == catalog.CREDENTIAL:
            of_credential.setdefault(finding.kind, finding)
        else:
            kept.append(finding)
    return [*of_credential.values(), *kept]


_OF_DSM = (catalog.GROUP, catalog.LINK, catalog.CONNECTION, catalog.KEYS, catalog.APPS, catalog.DRIFT)
