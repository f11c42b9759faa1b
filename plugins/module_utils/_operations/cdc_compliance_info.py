# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Everything that can be seen of CDC groups, judged (guide 4.1 to 4.7). Both ways out are for reading only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .. import _certificates
from .. import _compliance_catalog as catalog
from .._argspec import ArgumentSpec
from .._azure import vaults
from .._azure.credential import Operator, operator_of
from .._azure.prerequisites import Assessment, checked_address, wanted_of
from .._azure.session import connect as connect_azure
from .._certificates import Certificate
from .._compliance_findings import (
    Clock,
    Validity,
    completed,
    end_of_credential,
    moment,
    not_seen,
    of_credential,
    of_keys,
    of_link,
    of_network,
)
from .._dsm import account, connection, groups, keys
from .._dsm.client import DsmClient, connect
from .._dsm.diagnosis import diagnose
from .._dsm.errors import DsmError
from .._dsm.external_kms import KIND, Link, vault_name_of
from .._dsm.groups import Group
from .._dsm.selection import checked_name
from .._dsm.tls import pem_of, sha256_of
from .._errors import InvalidInput, TaskError
from .._findings import FAILED, UNKNOWN, Finding, Kind, ranked, worst
from .._ids import checked_uuid
from .._inventory import readable
from .._options import APP_RIGHTS, AZURE, DSM, RIGHTS_PROFILES
from .._task import Task
from ._compliance_sources import AzureSources, Standard

_SHARED = ("key_permissions", "permission_model", "dsm_egress_addresses", "renew_before_days")
SPEC = AZURE.merge(
    DSM,
    ArgumentSpec(
        argument_spec={
            "group_names": {"type": "list", "elements": "str", "default": []},
            "group_ids": {"type": "list", "elements": "str", "default": []},
            "look_in_azure": {"type": "bool", "default": True},
            "check_connections": {"type": "bool", "default": True},
            # How many; no keys.
            "max_keys": {"type": "int", "default": 500, "no_log": False},
            "rights_profile": {"type": "str", "choices": RIGHTS_PROFILES, "default": "guide"},
            **{name: APP_RIGHTS.argument_spec[name] for name in _SHARED},
        },
        required_if=APP_RIGHTS.required_if,
    ),
)


@dataclass(frozen=True)
class _Run:
    """What the checks of all groups share. ``azure``: None where the user does not want it to be looked at."""

    dsm: DsmClient
    azure: AzureSources | None
    operator_client_id: str | None
    clock: Clock
    tests: bool


@dataclass(frozen=True)
class _Wanted:
    """The groups that are asked for; all with a link to Azure when there is none."""

    names: tuple[str, ...]
    ids: tuple[str, ...]

    @property
    def every(self) -> bool:
        return not self.names and not self.ids


def run(task: Task) -> dict[str, Any]:
    params = task.params
    wanted, standard = _wanted(params), _standard(params)
    operator = operator_of(task) if params["look_in_azure"] else None
    now = datetime.now(timezone.utc).replace(microsecond=0)
    with ExitStack() as stack:
        dsm = stack.enter_context(connect(task, read_only=True))
        # A login that DSM refuses is an error, and not "unknown" at each group.
        dsm.identity()
        sources = None
        if operator is not None:
            sources = AzureSources(stack.enter_context(connect_azure(operator, read_only=True)), standard)
        everything = _Run(
            dsm=dsm,
            azure=sources,
            operator_client_id=operator.client_id if operator else None,
            clock=Clock.at(now, standard.renew_before_days),
            tests=params["check_connections"],
        )
        version = account.get_version(dsm)
        checked = sorted(_checked(everything, wanted), key=lambda one: (str(one["name"]), str(one["group_id"])))
    of_run = [] if checked else [_nothing()]
    return {
        "changed": False,
        "checked_at": moment(now),
        "dsm": {
            "endpoint": params["dsm_endpoint"],
            "version": None if isinstance(version, DsmError) else version.text,
        },
        "operator": _operator_record(operator),
        "options": {
            "all_groups": wanted.every,
            **{name: params[name] for name in ("look_in_azure", "check_connections", "max_keys", "rights_profile")},
            **{name: params[name] for name in _SHARED},
        },
        "groups": readable(checked),
        "findings": [finding.record() for finding in of_run],
    }


def _wanted(params: Mapping[str, Any]) -> _Wanted:
    return _Wanted(
        names=tuple(dict.fromkeys(checked_name("group_names", name) for name in params["group_names"])),
        ids=tuple(dict.fromkeys(checked_uuid("group_ids", group_id) for group_id in params["group_ids"])),
    )


def _standard(params: Mapping[str, Any]) -> Standard:
    for option in ("renew_before_days", "max_keys"):
        if params[option] < 0:
            raise InvalidInput(option, "it is negative", "set a number that is not")
    return Standard(
        wanted=wanted_of(params),
        egress=tuple(checked_address(address) for address in params["dsm_egress_addresses"]),
        renew_before_days=params["renew_before_days"],
        most_keys=params["max_keys"],
    )


# Which groups -------------------------------------------------------------------------------------------------------


def _checked(everything: _Run, wanted: _Wanted) -> Iterator[dict[str, Any]]:
    """The record of each group, each once."""
    seen: set[str] = set()
    for asked, stored in _stored(everything.dsm, wanted):
        everything.dsm.begin_anew()
        if isinstance(stored, TaskError):
            yield _record(asked, None, [_of_group(catalog.NOT_FOUND, UNKNOWN, asked, _why(stored))])
            continue
        group = Group.as_shown(stored)
        if str(group.group_id) in seen:
            continue
        seen.add(str(group.group_id))
        if group.problem is not None:
            findings = [_of_group(catalog.NOT_MANAGEABLE, UNKNOWN, group.label, group.problem)]
        elif group.link is None:
            findings = [_of_group(catalog.NOT_LINKED, FAILED, group.label, group.external_kms or "a local group")]
        else:
            findings = list(_findings(everything, group))
        yield _record(group.name, group, findings)


def _stored(dsm: DsmClient, wanted: _Wanted) -> Iterator[tuple[str, dict[str, Any] | TaskError]]:
    if wanted.every:
        # First all of them: while one is looked at, the next page would get old.
        for stored in list(groups.list_all(dsm)):
            group = Group.as_shown(stored)
            if group.link is not None or group.problem is not None or KIND in (group.external_kms or ""):
                yield group.name, stored
    for name in wanted.names:
        yield name, _asked(lambda name=name: groups.find_by_name(dsm, name))
    for group_id in wanted.ids:
        yield group_id, _asked(lambda group_id=group_id: groups.get(dsm, group_id))


def _asked(read: Any) -> dict[str, Any] | TaskError:
    absent = TaskError("there is none that the login sees", plane="DSM")
    try:
        found: dict[str, Any] | None = read()
    except TaskError as error:
        return error
    return absent if found is None else found


# One group ----------------------------------------------------------------------------------------------------------


def _findings(everything: _Run, group: Group) -> tuple[Finding, ...]:
    """All findings of a group with one link: each check has at least one, of status ok where nothing is wrong."""
    link, clock, azure = group.azure_link, everything.clock, everything.azure
    certificate = _auth_certificate(link)
    registration = _not_wanted() if azure is None else azure.application(link)
    registered = None if isinstance(registration, TaskError) else registration.identity.credentials
    assessment = _not_wanted() if azure is None else _assessment(azure, link, certificate)
    ends, source, _problem = end_of_credential(group, registered, clock)
    evidence: dict[str, Any] = {
        catalog.GROUP: {"group_id": group.group_id, "hmg_id": link.hmg_id},
        catalog.LINK: {"tls": link.tls.view(), "azure_service": link.azure_service},
        catalog.CREDENTIAL: {"source": source, "ends": moment(ends), "match": group.credential_match},
    }
    found = [
        *of_link(group, [_validity(ca) for ca in link.tls.pinned], _client_validity(link), clock),
        *of_credential(group, registered, everything.operator_client_id, clock),
        *_of_connection(everything, group, evidence),
        *_of_azure(assessment, group, evidence),
        *_of_keys(everything, group, evidence),
    ]
    return completed(found, group.label, evidence)


def _of_connection(everything: _Run, group: Group, evidence: dict[str, Any]) -> Iterator[Finding]:
    label = f"link of {group.label}"

    def found(kind: Kind, status: str, actual: str, remedy: str, facts: Mapping[str, Any]) -> Finding:
        return Finding(kind, status, "DSM", label, "DSM's test connects", actual, remedy, facts)

    if not everything.tests:
        yield found(catalog.NOT_TESTED, UNKNOWN, "check_connections is false", "let DSM test it", {})
        return
    try:
        test = connection.check_stored(everything.dsm, str(group.group_id), label)
    except TaskError as error:
        remedy = "let the login test connections, and look at what DSM says"
        yield found(catalog.NOT_TESTED, UNKNOWN, _why(error), remedy, {})
        return
    # What DSM tries in its test is not public (DSM contract §7, Q36), so this is all that can be said.
    evidence[catalog.CONNECTION] = {"proves": ["dsm_check"]}
    if not test.connected:
        told = diagnose(test.answer, test.http_status, group.azure_link)
        facts = {"class": told.id, "leg": told.leg, "host": told.host}
        yield found(catalog.NOT_CONNECTED, FAILED, test.words or told.entry.title, told.entry.remedy, facts)


def _of_azure(assessment: Assessment | TaskError, group: Group, evidence: dict[str, Any]) -> Iterator[Finding]:
    if isinstance(assessment, TaskError):
        planes = {catalog.RIGHTS: "Azure", catalog.APPLICATION: "Entra", catalog.VAULT: "Azure"}
        for check, plane in planes.items():
            yield not_seen(check, group.label, plane, _why(assessment), assessment.next_step)
        return
    shown = assessment.result()
    evidence[catalog.RIGHTS] = {"rights": assessment.rights_view()}
    application, store = shown["application"], vaults.record(assessment.access.store)
    evidence[catalog.APPLICATION] = {name: application[name] for name in ("client_id", "object_id", "enabled")}
    evidence[catalog.VAULT] = {**store, "reachable_for_dsm": assessment.reach.as_result()}
    yield from assessment.findings
    yield from of_network(assessment.access.store)


def _of_keys(everything: _Run, group: Group, evidence: dict[str, Any]) -> Iterator[Finding]:
    in_azure = _keys_in_azure(everything, group)
    in_dsm = _keys_in_dsm(everything.dsm, group)
    for unseen, plane in ((in_azure, "Azure"), (in_dsm, "DSM")):
        if isinstance(unseen, TaskError):
            yield not_seen(catalog.KEYS, f"keys of {group.label}", plane, _why(unseen), unseen.next_step)
    if not isinstance(in_azure, TaskError) and not isinstance(in_dsm, TaskError):
        found, evidence[catalog.KEYS] = of_keys(group.label, in_dsm, in_azure, everything.clock.now)
        yield from found


def _keys_in_azure(everything: _Run, group: Group) -> Any:
    azure, link = everything.azure, group.azure_link
    if azure is None:
        return _not_wanted()
    store = azure.vault(link) if link.vault_uri else _no_vault()
    return store if isinstance(store, TaskError) else azure.keys(store)


def _keys_in_dsm(dsm: DsmClient, group: Group) -> list[keys.VirtualKey] | TaskError:
    try:
        return list(keys.list_keys(dsm, str(group.group_id), group.label))
    except TaskError as error:
        return error


def _assessment(azure: AzureSources, link: Link, certificate: Certificate | None) -> Assessment | TaskError:
    return azure.assessment(link, certificate) if link.vault_uri else _no_vault()


def _not_wanted() -> TaskError:
    return TaskError(
        "look_in_azure is false", plane="Azure", next_step="run it with a login of an operator, and look_in_azure: true"
    )


def _no_vault() -> TaskError:
    return TaskError("no vault is chosen", plane="Azure", next_step="choose one with fortanix.dsm.cdc_vault_select")


def _why(error: TaskError) -> str:
    return f"{error.problem}: {error.server_words}" if error.server_words else error.problem


# Certificates -------------------------------------------------------------------------------------------------------


def _read(encoded: str) -> Certificate | None:
    """The certificate that DSM shows; None when it is none that can be read."""
    try:
        return _certificates.load_certificates("certificate", pem_of(encoded))[0]
    except InvalidInput:
        return None


def _auth_certificate(link: Link) -> Certificate | None:
    encoded = ((link.stored or {}).get("auth_config") or {}).get("client_cert")
    return _read(str(encoded)) if encoded else None


def _validity(encoded: str) -> Validity:
    found = _read(encoded)
    return Validity(sha256_of(encoded), found.not_before if found else None, found.not_after if found else None)


def _client_validity(link: Link) -> Validity | None:
    if link.tls.client_certificate is not None:
        return _validity(link.tls.client_certificate)
    # Recorded when it was written, and not shown by DSM.
    sha256 = link.tls.client_certificate_sha256
    return None if sha256 is None else Validity(sha256, None, None)


# Records: allow-lists -----------------------------------------------------------------------------------------------


def _record(name: str, group: Group | None, findings: list[Finding]) -> dict[str, Any]:
    link = group.link if group else None
    return {
        "group_id": group.group_id if group else None,
        "name": name,
        "link": None
        if link is None
        else {
            "azure_service": link.azure_service,
            "tenant_id": link.tenant_id,
            "client_id": link.client_id,
            "subscription_id": link.subscription_id,
            "auth_mode": link.auth_mode,
            "vault": vault_name_of(link.vault_uri),
            "vault_type": link.vault_type,
        },
        "status": worst(findings),
        "findings": [{"check": catalog.CHECK_OF[one.kind.id], **one.record()} for one in ranked(findings)],
    }


def _of_group(kind: Kind, status: str, label: str, actual: str) -> Finding:
    remedy = "name a group with one link to Azure, and let the login see it"
    return Finding(kind, status, "DSM", label, "a group with one link to Azure Key Vault", actual, remedy)


def _nothing() -> Finding:
    return Finding(
        catalog.NOTHING,
        UNKNOWN,
        "DSM",
        "account",
        "at least one group with a link to Azure Key Vault",
        "none that the login sees",
        "check the account, and that the login sees its groups",
    )


def _operator_record(operator: Operator | None) -> dict[str, Any] | None:
    if operator is None:
        return None
    return {"client_id": operator.client_id, "tenant_id": operator.tenant_id, "cloud": operator.cloud.name}
