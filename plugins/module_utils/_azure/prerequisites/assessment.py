# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The prerequisites of guide 4.2: what is required, what was observed, and how it is assessed."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..._certificates import loading
from ..._certificates.loading import Certificate
from ..._errors import InvalidInput
from ..._findings.finding import Finding, worst
from ..._ids import checked_uuid
from ..._plan import NOT_YET_KNOWN, refuse_planned
from ..applications import registrations
from ..applications.registrations import Registration
from ..rights.evaluation import INEFFECTIVE, MISSING, OverPrivilege, RequiredRights, Verdict, judge, over_privileges
from ..rights.facts import Access, ApplicationIdentity, KeyStore
from ..rights.findings import ApplicationEvidence, Evidence, VaultEvidence, findings_of
from ..rights.network import Reach, reachable
from ..rights.verdicts import ACCESS_POLICY_MODEL
from ..vaults import vault_lookup
from ..vaults.vault_lookup import Locator
from ..wire.cloud import cloud_of
from ..wire.session import Azure, understood
from . import observation


@dataclass(frozen=True)
class Question:
    """What the user requests. ``certificate``: the one that DSM authenticates with, if it is set."""

    locator: Locator
    client_id: str
    object_id: str | None
    wanted: RequiredRights
    egress: tuple[str, ...]
    certificate: Certificate | None
    renew_before_days: int
    credential_planned: bool = False

    @classmethod
    def from_params(cls, params: Mapping[str, Any], *, check_mode: bool) -> Question:
        """From validated options, with all checks that need no request.

        Objects that an earlier task has only planned are accepted only in check mode.

        Raises:
            InvalidInput: an option is wrong.
        """
        certificate = None
        if params["app_certificate"] is not None:
            certificate = loading.load_certificate("app_certificate", params["app_certificate"])
        if not check_mode:
            refuse_planned("vault.planned", params["vault"]["planned"], "the vault", "creates the vault")
            refuse_planned(
                "credential_planned",
                params["credential_planned"],
                "the credential of the application",
                "registers the credential",
            )
        if not check_mode and params["app_client_id"].strip() == NOT_YET_KNOWN:
            raise InvalidInput(
                "app_client_id",
                "it is the placeholder for an application that does not exist yet",
                "run the task that creates the application first, and set the ID that it returns",
            )
        object_id = params["app_object_id"]
        return cls(
            locator=Locator.from_option(params["vault"], cloud_of(params["cloud_environment"])),
            client_id=checked_uuid("app_client_id", params["app_client_id"]),
            object_id=None if object_id is None else checked_uuid("app_object_id", object_id),
            wanted=wanted_of(params),
            egress=tuple(checked_address(address) for address in params["dsm_egress_addresses"]),
            certificate=certificate,
            renew_before_days=params["renew_before_days"],
            credential_planned=params["credential_planned"],
        )


def wanted_of(params: Mapping[str, Any]) -> RequiredRights:
    """The permissions that rights_profile, key_permissions and permission_model request.

    Raises:
        InvalidInput: key permissions with a profile that has its own.
    """
    profile, model = params["rights_profile"], params["permission_model"]
    given = tuple(params["key_permissions"] or ())
    if profile == "guide":
        if given:
            raise InvalidInput(
                "key_permissions",
                "the profile guide already includes all ten key permissions",
                "omit it, or set rights_profile to least_privilege or explicit",
            )
        return RequiredRights.guide(model)
    if profile == "least_privilege":
        return RequiredRights.least_privilege(given, model)
    return RequiredRights.explicit(given, model)


def checked_address(address: str) -> str:
    """An entry of dsm_egress_addresses.

    Raises:
        InvalidInput: it is not an address.
    """
    try:
        ipaddress.ip_network(address.strip(), strict=False)
    except ValueError:
        raise InvalidInput(
            "dsm_egress_addresses",
            f'"{address}" is neither an IP address nor a CIDR block',
            "set an address such as 198.51.100.7 or a block such as 198.51.100.0/24",
        ) from None
    return address.strip()


@dataclass(frozen=True)
class Assessment:
    """The result: what was observed, and what follows from it."""

    access: Access
    registration: Registration
    verdicts: tuple[Verdict, ...]
    beyond: tuple[OverPrivilege, ...]
    reach: Reach
    findings: tuple[Finding, ...]

    def result(self) -> dict[str, Any]:
        return {
            "verdict": worst(self.findings),
            "rights": [verdict.as_result() for verdict in self.verdicts],
            "findings": [finding.record() for finding in self.findings],
            "over_privileges": [one.as_result() for one in self.beyond],
            "vault": {**vault_lookup.record(self.access.store), "reachable_for_dsm": self.reach.as_result()},
            "application": _application_record(self.registration),
        }

    def rights_view(self) -> dict[str, Any]:
        """The permissions as one flat view, for the diff."""
        return {verdict.requirement: verdict.verdict for verdict in self.verdicts}


def assess(azure: Azure, question: Question) -> Assessment:
    """Read and assess.

    Raises:
        TaskError: the vault or the application is not found, or a service does not respond.
    """
    with understood(f"vault ({question.locator})"):
        store = _store(azure, question)
        registration = _registration(azure, question)
    return assess_known(azure, question, store, registration)


def assess_known(azure: Azure, question: Question, store: KeyStore, registration: Registration) -> Assessment:
    """The same for a vault and an application that were already read: reads only the permissions.

    Raises:
        TaskError: a service does not respond.
    """
    with understood(f"vault ({question.locator})"):
        access = observation.observe(azure, store, registration.identity)
    return _assessed(azure, question, access, registration)


def _store(azure: Azure, question: Question) -> KeyStore:
    if not question.locator.planned:
        return vault_lookup.find(azure.arm, question.locator, azure.operator)
    # Azure's default if no model is specified.
    is_rbac = question.wanted.permission_model != ACCESS_POLICY_MODEL
    return vault_lookup.planned(question.locator, azure.operator, rbac=is_rbac)


def _registration(azure: Azure, question: Question) -> Registration:
    if question.client_id == NOT_YET_KNOWN:
        return Registration(ApplicationIdentity(client_id=NOT_YET_KNOWN, object_id=NOT_YET_KNOWN))
    return registrations.registration(azure.graph, question.client_id, question.object_id)


def reassess(azure: Azure, question: Question, before: Assessment) -> Assessment:
    """Read again what grants change: policies and roles. Built-in definitions are not read again."""
    known = {guid: role for guid, role in before.access.roles.items() if not role.is_custom}
    with understood(f"vault ({question.locator})"):
        store = vault_lookup.read(azure.arm, before.access.store.resource_id)
        access = observation.observe(azure, store, before.registration.identity, known)
    return _assessed(azure, question, access, before.registration)


def _assessed(azure: Azure, question: Question, access: Access, registration: Registration) -> Assessment:
    verdicts = judge(access, question.wanted)
    if any(verdict.verdict in (MISSING, INEFFECTIVE) for verdict in verdicts):
        access = observation.with_eligible(azure, access)
    return judged(question, azure, access, registration)


def judged(question: Question, azure: Azure, access: Access, registration: Registration) -> Assessment:
    """The assessment of an observation, which may be a predicted one."""
    verdicts = judge(access, question.wanted)
    beyond = over_privileges(access)
    vault = vault_evidence(question, access.store)
    application = application_evidence(question, azure, registration, access.now)
    findings = findings_of(Evidence(access, verdicts, beyond, application, vault))
    return Assessment(access, registration, verdicts, beyond, vault.reach, findings)


def application_evidence(
    question: Question, azure: Azure, registration: Registration, now: datetime
) -> ApplicationEvidence:
    """The part about the application; needs no vault."""
    return ApplicationEvidence(
        identity=registration.identity,
        resources=registration.resources,
        consented_for_all=registration.consented_for_all,
        unreadable=registration.unreadable,
        cloud=azure.operator.cloud,
        operator_client_id=azure.operator.client_id,
        certificate=question.certificate,
        renew_before_days=question.renew_before_days,
        now=now,
        credential_planned=question.credential_planned,
    )


def vault_evidence(question: Question, store: KeyStore) -> VaultEvidence:
    """The part about the vault; needs no application."""
    return VaultEvidence(store, reachable(store.firewall, question.egress), question.locator.type)


def _application_record(registration: Registration) -> dict[str, Any]:
    identity = registration.identity
    credentials = identity.credentials
    return {
        "client_id": identity.client_id,
        "object_id": identity.object_id,
        "name": identity.display_name or None,
        "enabled": identity.enabled,
        "disabled": list(identity.disabled),
        "home_tenant_id": identity.home_tenant_id,
        "credentials": None if credentials is None else [one.record() for one in credentials],
    }
