# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Findings about the prerequisites: permissions, credentials of the application, the vault (guide 4.1, 4.2). Pure.

The guide is *Fortanix DSM - Azure Key Vault CDC Group Setup*,
https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup. Comments such as T16 refer to the traps
of the Azure contract §2 (docs/contracts/azure.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..._certificates.loading import Certificate
from ..._findings import catalog
from ..._findings.finding import FAILED, UNKNOWN, WARNING, Finding, Kind, ranked
from ..._names import same_name
from ..._timestamps import day
from ..wire.cloud import Cloud
from . import network
from .candidates import INEFFECTIVE, MISSING, OK, OK_WITH_WARNING
from .candidates import UNKNOWN as UNKNOWN_RIGHT
from .explanations import remedy_for, told_notes
from .facts import PRINCIPAL, Access, ApplicationIdentity, EntraCredential, KeyStore
from .notes import Note
from .over_privilege import OverPrivilege, unread_powers
from .sign_in import how_to_enable
from .verdicts import Verdict

_STATUS = {MISSING: FAILED, INEFFECTIVE: FAILED, UNKNOWN_RIGHT: UNKNOWN, OK_WITH_WARNING: WARNING}

_CONSENT = "user_impersonation"
# Microsoft Graph permission for reading each part of an application (Azure contract §3).
_GRAPH_PERMISSIONS = {
    "service_principal": "Application.Read.All",
    "application": "Application.Read.All",
    "groups": "GroupMember.Read.All",
    "consents": "DelegatedPermissionGrant.Read.All",
}
_CHECK_AGAIN = "check again later; if the problem persists, fix the cause in the error text"
_READY = ("succeeded", "activated")
_OF_WIDE_ROLES = (catalog.APP_CAN_ADMINISTER_HSM, catalog.APP_MAY_USE_KEYS)


@dataclass(frozen=True)
class ApplicationEvidence:
    """What is known about an application, even if its vault could not be read. ``now``: time of the reading, UTC.

    ``resources``: app IDs of the APIs whose permissions it lists. ``unreadable``: parts that Graph did not return,
    name -> reason; ``refused``: those that the operator has no permission to read. ``certificate``: the one that DSM
    authenticates with, if known. ``credential_planned``: whether an earlier task in check mode planned a credential; it
    counts as registered.
    """

    identity: ApplicationIdentity
    resources: frozenset[str] | None
    consented_for_all: frozenset[str] | None
    unreadable: Mapping[str, str]
    cloud: Cloud
    operator_client_id: str | None
    certificate: Certificate | None
    renew_before_days: int
    now: datetime
    credential_planned: bool = False
    refused: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        return f"application {self.identity.display_name or self.identity.client_id}"


@dataclass(frozen=True)
class VaultEvidence:
    """What is known about a vault, even if its application could not be read. ``wanted_type``: standard | premium |
    managed_hsm."""

    store: KeyStore
    reach: network.Reach
    wanted_type: str | None

    @property
    def label(self) -> str:
        return f"{'managed HSM' if self.store.is_hsm else 'vault'} {self.store.name}"


@dataclass(frozen=True)
class Evidence:
    """The input of the findings."""

    access: Access
    verdicts: Sequence[Verdict]
    beyond: Sequence[OverPrivilege]
    application: ApplicationEvidence
    vault: VaultEvidence


def findings_of(evidence: Evidence) -> tuple[Finding, ...]:
    """All findings, the most severe first."""
    return ranked((*of_rights(evidence), *of_application(evidence.application), *of_vault(evidence.vault)))


def of_rights(evidence: Evidence) -> Iterator[Finding]:
    """Findings about the permissions of the application at the vault."""
    yield from _rights(evidence)
    yield from _ends(evidence)
    yield from _powers(evidence)


def of_application(evidence: ApplicationEvidence) -> Iterator[Finding]:
    """Findings about the application, its credentials, and the certificate that DSM authenticates with."""
    yield from _application(evidence)
    yield from _credentials(evidence)
    yield from _certificate(evidence)


def of_vault(evidence: VaultEvidence) -> Iterator[Finding]:
    """Findings about the vault and its network rules."""
    yield from _vault(evidence)
    yield from _network(evidence)


def _rights(evidence: Evidence) -> Iterator[Finding]:
    """One finding per cause, with all permissions it affects. Causes that an over-privilege reports are omitted."""
    causes: dict[tuple[str, Note | None], list[Verdict]] = {}
    powers = {power.kind for power in evidence.beyond}
    for verdict in evidence.verdicts:
        if verdict.verdict != OK:
            for note in told_notes(verdict.verdict, verdict.notes):
                causes.setdefault((verdict.verdict, note), []).append(verdict)
        elif "compound-identity-in-policy" in verdict.notes:
            causes.setdefault((OK_WITH_WARNING, "compound-identity-in-policy"), []).append(verdict)
    for (word, note), verdicts in causes.items():
        first, kind = verdicts[0], _kind_of(word, note)
        if kind in powers:
            continue
        if kind in _OF_WIDE_ROLES:
            # The role would grant the power, but a deny assignment blocks it.
            kind = catalog.WIDER_THAN_NEEDED
        yield Finding(
            kind=kind,
            status=_STATUS[word],
            plane="Azure",
            obj=evidence.vault.label,
            expected=", ".join(verdict.requirement for verdict in verdicts),
            actual=first.reason,
            remedy=remedy_for(word, note) or first.remedy or "No action is required.",
            evidence={
                "verdict": word,
                "principal_id": evidence.access.identity.object_id,
                "requirements": [verdict.requirement for verdict in verdicts],
                "sources": [source.as_result() for source in first.sources],
            },
        )


def _kind_of(word: str, note: Note | None) -> Kind:
    """A compound entry is harmless next to an effective grant, but not if it is the only entry."""
    if note is None or (note == "compound-identity-in-policy" and word in (MISSING, INEFFECTIVE)):
        return catalog.RIGHT_MISSING
    return catalog.CATALOG[note]


def _ends(evidence: Evidence) -> Iterator[Finding]:
    """T15, T16: an assignment that is active for a few hours only looks like any other, and an eligible one is none."""
    parts = (
        ("activations", catalog.ROLE_EXPIRY_UNREADABLE, "roleAssignmentScheduleInstances"),
        ("eligible", catalog.ROLE_ELIGIBILITY_UNREADABLE, "roleEligibilityScheduleInstances"),
    )
    for name, kind, collection in parts:
        why = evidence.access.unreadable.get(name)
        if why is not None:
            refused = name in evidence.access.refused
            remedy = "assign the operator the role Reader at the vault" if refused else _CHECK_AGAIN
            yield _of_vault(evidence.vault, kind, UNKNOWN, f"{collection} are readable", why, remedy)


def _powers(evidence: Evidence) -> Iterator[Finding]:
    for power in evidence.beyond:
        yield Finding(
            kind=power.kind,
            status=WARNING,
            plane="Azure",
            obj=evidence.vault.label,
            expected="only the required permissions",
            actual=power.text,
            remedy="use a custom role with exactly the required permissions (docs/permissions.md), if this matters",
            evidence={"sources": [source.as_result() for source in power.sources]},
        )
    unread = unread_powers(evidence.access)
    # If a permission is unknown, the result is unknown already.
    if unread and not any(verdict.verdict == UNKNOWN_RIGHT for verdict in evidence.verdicts):
        yield _of_vault(
            evidence.vault,
            catalog.APP_POWERS_UNREADABLE,
            UNKNOWN,
            "all roles of the application are readable",
            f"not readable: {'; '.join(unread)}",
            "assign the operator the role Reader at the vault, and check the named roles",
        )


def _application(evidence: ApplicationEvidence) -> Iterator[Finding]:
    identity = evidence.identity
    if identity.enabled is False:
        yield _of_application(
            evidence,
            catalog.APPLICATION_DISABLED,
            FAILED,
            "enabled",
            "; ".join(identity.disabled) or "disabled",
            how_to_enable(identity.disabled),
        )
    if evidence.unreadable:
        parts = "; ".join(f"{name}: {why}" for name, why in sorted(evidence.unreadable.items()))
        permissions = sorted({_GRAPH_PERMISSIONS[name] for name in evidence.refused})
        yield _of_application(
            evidence,
            catalog.APPLICATION_UNREADABLE,
            UNKNOWN,
            "readable in Microsoft Graph",
            parts,
            f"grant the operator {' and '.join(permissions)} in Microsoft Graph" if permissions else _CHECK_AGAIN,
        )
    if evidence.resources is not None and evidence.cloud.key_vault_app_id not in evidence.resources:
        # T30: the guide requires it, but the token that DSM uses does not contain it.
        yield _of_application(
            evidence,
            catalog.API_PERMISSION_MISSING,
            WARNING,
            "Azure Key Vault, user_impersonation",
            "not listed",
            "add it if you must follow the guide exactly; DSM's access does not depend on it",
        )
    if _CONSENT in (evidence.consented_for_all or ()):
        yield _of_application(
            evidence,
            catalog.CONSENT_FOR_ALL_USERS,
            WARNING,
            "no admin consent for all users",
            "an AllPrincipals grant for user_impersonation",
            "revoke the consent: DSM authenticates as the application and does not need it",
        )
    if same_name(evidence.operator_client_id, identity.client_id):
        yield _of_application(
            evidence,
            catalog.OPERATOR_IS_THE_APPLICATION,
            WARNING,
            "a separate identity for the operator",
            "operator and application have the same client ID",
            "use another identity as operator: whoever has the link credential has all permissions of the operator",
        )


def _credentials(evidence: ApplicationEvidence) -> Iterator[Finding]:
    credentials, now = evidence.identity.credentials, evidence.now
    if credentials is None or evidence.credential_planned:
        return
    hidden = [one for one in credentials if one.place == PRINCIPAL]
    if hidden:
        yield _of_application(
            evidence,
            catalog.CREDENTIAL_ON_SERVICE_PRINCIPAL,
            WARNING,
            "credentials on the app registration only, where the portal lists them",
            ", ".join(f"{one.kind} {one.key_id} ({one.name or 'unnamed'})" for one in hidden),
            "keep credentials that are intended and in use: Entra accepts them like those of the registration, but the "
            "portal does not list them; delete the others with `az ad sp credential delete`",
        )
    valid = [one for one in credentials if _is_valid(one, now)]
    last = max((one.ends for one in valid if one.ends is not None), default=None)
    lasting = any(one.ends is None for one in valid)
    if not credentials:
        yield _of_application(
            evidence,
            catalog.NO_CREDENTIAL,
            FAILED,
            "a certificate or a client secret",
            "none",
            "add a certificate or a client secret",
        )
    elif not valid:
        expired = max((one.ends for one in credentials if one.ends is not None and one.ends <= now), default=None)
        actual = "none is valid yet" if expired is None else f"the last one expired on {day(expired)}"
        yield _of_application(
            evidence, catalog.CREDENTIALS_EXPIRED, FAILED, "a valid credential", actual, "add a new credential"
        )
    elif last is not None and not lasting and last - now < timedelta(days=evidence.renew_before_days):
        yield _of_application(
            evidence,
            catalog.CREDENTIALS_EXPIRE_SOON,
            WARNING,
            f"a credential that is valid for at least {evidence.renew_before_days} more days",
            f"the last one expires on {day(last)}",
            "add a new credential, set it in the link, then remove the old one",
        )
    elif lasting and (last is None or last - now < timedelta(days=evidence.renew_before_days)):
        yield _of_application(
            evidence,
            catalog.CREDENTIALS_EXPIRE_SOON,
            UNKNOWN,
            f"a credential that is valid for at least {evidence.renew_before_days} more days",
            "Entra does not return when the last one expires",
            "check the application in Entra, under Certificates & secrets",
        )


def _is_valid(credential: EntraCredential, now: datetime) -> bool:
    starts, ends = credential.starts, credential.ends
    return (starts is None or starts <= now) and (ends is None or ends > now)


def _certificate(evidence: ApplicationEvidence) -> Iterator[Finding]:
    """T21, T22: the SDK notices neither an expired certificate nor one that is not registered."""
    certificate, now = evidence.certificate, evidence.now
    if certificate is None:
        return
    shown = f"{day(certificate.not_before)} to {day(certificate.not_after)}"
    if not certificate.not_before <= now < certificate.not_after:
        yield _of_application(
            evidence,
            catalog.LINK_CREDENTIAL_NOT_VALID,
            FAILED,
            "valid today",
            shown,
            "create and register a new certificate",
        )
    elif certificate.not_after - now < timedelta(days=evidence.renew_before_days):
        yield _of_application(
            evidence,
            catalog.LINK_CREDENTIAL_EXPIRES_SOON,
            WARNING,
            "valid for longer",
            shown,
            "create and register a new certificate in time",
        )
    registered = None if evidence.credential_planned else evidence.identity.credentials
    if registered is not None and certificate.sha1 not in {one.thumbprint for one in registered}:
        # A certificate whose thumbprint Graph does not return might be this one.
        is_known = all(one.thumbprint for one in registered if one.kind == "certificate")
        yield _of_application(
            evidence,
            catalog.LINK_CREDENTIAL_NOT_IN_ENTRA,
            FAILED if is_known else UNKNOWN,
            f"thumbprint {certificate.sha1}",
            ", ".join(sorted(one.thumbprint or one.key_id for one in registered if one.kind == "certificate"))
            or "no certificate is registered",
            "upload the certificate to the application, or set the registered certificate in DSM",
        )


def _vault(evidence: VaultEvidence) -> Iterator[Finding]:
    store = evidence.store
    if store.planned:
        return
    actual_type = "managed_hsm" if store.is_hsm else store.sku
    if evidence.wanted_type is not None and evidence.wanted_type != actual_type:
        yield _of_vault(
            evidence,
            catalog.VAULT_TYPE_DIFFERS,
            FAILED,
            evidence.wanted_type,
            actual_type,
            "select another vault, or correct vault.type; a standard vault cannot hold HSM-protected keys",
        )
    if not store.soft_delete:
        yield _of_vault(
            evidence, catalog.NO_SOFT_DELETE, FAILED, "soft delete enabled", "disabled", "enable soft delete"
        )
    if not store.purge_protection:
        yield _of_vault(
            evidence,
            catalog.NO_PURGE_PROTECTION,
            WARNING,
            "purge protection enabled",
            "disabled",
            "enable purge protection; this cannot be undone, and deleted keys then stay until their retention "
            "period ends",
        )
    if not store.states_model:
        yield _of_vault(
            evidence,
            catalog.PERMISSION_MODEL_NOT_STATED,
            WARNING,
            "enableRbacAuthorization set to true or false",
            "not set, which means access policies",
            "set enableRbacAuthorization in the template that creates the vault: from API version 2026-02-01 on (and "
            "with every version from 27 February 2027 on), a new vault without it uses RBAC, where access policies "
            "have no effect",
        )
    if store.provisioning and store.provisioning.lower() not in _READY:
        yield _of_vault(
            evidence,
            catalog.VAULT_NOT_READY,
            FAILED,
            "Succeeded",
            store.provisioning,
            "wait until Azure has finished provisioning the vault",
        )


def _network(evidence: VaultEvidence) -> Iterator[Finding]:
    """T24: listing vaults bypasses these rules, so DSM's test can pass although its sync fails."""
    reach = evidence.reach
    if reach.verdict == network.ALLOWED:
        return
    blocked = reach.verdict == network.BLOCKED
    yield Finding(
        kind=catalog.FIREWALL_BLOCKS_DSM if blocked else catalog.FIREWALL_UNKNOWN,
        status=FAILED if blocked else UNKNOWN,
        plane="Azure",
        obj=evidence.label,
        expected="requests from DSM reach the keys",
        actual=reach.reason,
        remedy=_network_remedy(evidence),
        evidence=reach.as_result(),
    )


def _network_remedy(evidence: VaultEvidence) -> str:
    if evidence.reach.verdict == network.BLOCKED:
        return (
            "allow the addresses of DSM in the network rules, or connect DSM through a private endpoint. In an "
            "enforced network security perimeter, only the perimeter's inbound rules count"
        )
    if evidence.store.firewall.has_perimeter:
        return (
            "allow the addresses of DSM in the perimeter's inbound rules, which replace the vault's own, or connect "
            "DSM through a private endpoint; a sync with fortanix.dsm.cdc_sync proves the access"
        )
    if evidence.reach.addresses:
        return "find out by a sync with fortanix.dsm.cdc_sync, which only works if requests from DSM reach the keys"
    return "set dsm_egress_addresses to the addresses from which DSM connects"


def _of_application(
    evidence: ApplicationEvidence, kind: Kind, status: str, expected: str, actual: str, remedy: str
) -> Finding:
    return Finding(kind, status, "Entra", evidence.label, expected, actual, remedy)


def _of_vault(evidence: VaultEvidence, kind: Kind, status: str, expected: str, actual: str, remedy: str) -> Finding:
    return Finding(kind, status, "Azure", evidence.label, expected, actual, remedy)
