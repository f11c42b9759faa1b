# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What is to be said when an application is cut off or brought back: what remains, what does not come back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..._findings import catalog
from ..._findings.finding import FAILED, UNKNOWN, WARNING, Finding, Kind
from ..._names import last_segment, name_key
from ..authorization.locks import Action, Locks, in_words, records
from ..rights.candidates import EFFECTIVE, Source
from ..rights.evaluation import UNKNOWN as NOT_KNOWN
from ..rights.evaluation import judge
from ..rights.facts import Access, EntraCredential
from ..rights.sign_in import how_to_enable
from ..rights.verdicts import RequiredRights
from .access_steps import Step, action_of, is_over, object_of
from .record import Record, StoreRights, each_once


def remaining_findings(access: Access, cut: StoreRights) -> list[Finding]:
    """What would reach the keys of this vault with all that is given at it gone."""
    verdicts = judge(_without(access, cut), RequiredRights.guide())
    keys = [one for one in verdicts if one.requirement.startswith("keys/")]
    held = [one for one in keys if one.verdict in EFFECTIVE]
    management = [one for one in verdicts if not one.requirement.startswith("keys/") and one.verdict in EFFECTIVE]
    unknown = [one for one in verdicts if one.verdict == NOT_KNOWN]
    found = []
    if held or management:
        rights = [*held, *management]
        sources = dict.fromkeys(source for one in rights for source in one.sources)
        found.append(
            _finding(
                catalog.ACCESS_REMAINS,
                WARNING,
                cut.label,
                "nothing at the vault gives the application a right",
                f"it keeps {', '.join(one.requirement for one in rights)} by {'; '.join(map(_told, sources))}",
                "a role at this place, or membership in this group, gives rights elsewhere, or to others, too, so that "
                "it is not touched; the disabled service principal is what stops it: remove the assignment or the "
                "membership yourself if tokens that are out must not use it",
                rights=[one.requirement for one in rights],
                sources=[source.as_result() for source in sources],
            )
        )
    if unknown:
        found.append(
            _finding(
                catalog.ACCESS_REMAINS_UNKNOWN,
                UNKNOWN,
                cut.label,
                "all that reaches the application can be read",
                "; ".join(dict.fromkeys(one.reason for one in unknown)),
                "count on the disabled service principal alone, and look with an operator who may read role "
                "assignments and groups",
                rights=[one.requirement for one in unknown],
            )
        )
    return found


def _told(source: Source) -> str:
    group = f" through the group {source.via_group}" if source.via_group else ""
    return f"{source.name} at {source.scope}{group}"


def _without(access: Access, cut: StoreRights) -> Access:
    gone = {name_key(one.name) for one in cut.assignments}
    entries = {entry.identity for entry in cut.policies}
    policies = tuple(
        entry
        for entry in access.store.policies
        if (name_key(entry.tenant_id), name_key(entry.object_id), name_key(entry.application_id)) not in entries
    )

    def left(assignments: Any) -> Any:
        if assignments is None:
            return None
        return tuple(one for one in assignments if last_segment(one.id) not in gone)

    return replace(
        access,
        store=replace(access.store, policies=policies),
        assignments=left(access.assignments),
        local=left(access.local),
    )


def lacking_finding(store: StoreRights, actions: Iterable[str]) -> Finding:
    listed = ", ".join(actions)
    return _finding(
        catalog.OPERATOR_LACKS_RIGHTS,
        FAILED,
        store.label,
        "the operator may do what has to be done",
        f"it lacks {listed} at {store.resource_id}",
        "use an operator with these actions (docs/permissions.md); what is possible without them is done all the same",
    )


def locked_finding(store: StoreRights, locks: Locks, needed: Iterable[Action]) -> Finding | None:
    """Azure refuses what a lock covers, whatever the roles allow; None where no lock is in the way."""
    expected = "no lock covers what has to be done"
    if locks.warning is not None:
        remedy = (
            "give the operator Microsoft.Authorization/locks/read; what a lock does not forbid is done all the same"
        )
        return _finding(catalog.LOCKS_UNKNOWN, UNKNOWN, store.label, expected, locks.warning, remedy)
    forbidden = locks.forbidden(needed)
    if not forbidden:
        return None
    return _finding(
        catalog.CHANGE_LOCKED,
        FAILED,
        store.label,
        expected,
        in_words(forbidden),
        "have those who own the locks remove them for the time of the change; the disabled service principal and what "
        "no lock covers do not wait for that",
        locks=records(forbidden),
    )


def still_listed(steps: Iterable[Step], *, cut: bool) -> list[Finding]:
    """Reads lag behind writes (Azure contract §1.3, §1.7): what was accepted and does not show is said."""
    state = "gone" if cut else "there"
    return [
        _finding(
            catalog.ACCESS_STILL_LISTED,
            WARNING,
            object_of(step),
            f"{action_of(step, cut=cut)}: {state}",
            "the change was accepted, and reading it back does not show it: Azure's answers lag behind, or somebody "
            "else has undone it",
            "run the same task again in some minutes: it changes nothing when everything is as it should be",
        )
        for step in steps
    ]


def not_restorable(record: Record, seen: Record, now: datetime) -> list[Finding]:
    """What is in the record and does not come back, each with what to do instead."""
    was, application, found = record.application, seen.application, []
    there = {entry.key_id for entry in application.secrets}
    lost = [entry.key_id for entry in was.secrets if entry.key_id not in there]
    label = f"application {was.display_name or was.client_id}"
    if lost:
        found.append(
            _finding(
                catalog.ACCESS_NOT_RESTORABLE,
                WARNING,
                label,
                "the client secrets of the record",
                f"removed, and nobody can bring them back: {', '.join(lost)}",
                "make a new credential and give it to the group in DSM (cdc_group, update_credential: always), and "
                "then test the connection",
                key_ids=lost,
            )
        )
    gone = [entry for entry in each_once(was.certificates) if not entry.is_among(application.certificates)]
    over = [entry.sha1 or entry.key_id for entry in gone if not entry.key or is_over(entry.ends, now)]
    if over:
        found.append(
            _finding(
                catalog.ACCESS_NOT_RESTORABLE,
                WARNING,
                label,
                "the certificates of the record",
                f"expired by now, or without their public part, and hence not registered again: {', '.join(over)}",
                "register a new certificate (azure_kv_app), and give it to the group in DSM",
            )
        )
    if was.account_enabled is None:
        found.append(
            _finding(
                catalog.PRINCIPAL_STATE_UNKNOWN,
                UNKNOWN,
                label,
                "whether the service principal was enabled",
                "it could not be read when the record was taken, so it is not switched on",
                "enable it in Entra (Enterprise applications) if it is to work",
            )
        )
    for store in record.stores:
        for one in store.assignments:
            if one.ends is not None:
                found.append(
                    _finding(
                        catalog.ACCESS_NOT_RESTORABLE,
                        WARNING,
                        store.label,
                        f"the role {one.role_name or one.role_guid}, which was active until {one.ends}",
                        "assigning it again would make it permanent, so it is not assigned",
                        "activate it in Privileged Identity Management",
                    )
                )
    return found


def credentials_stay(seen: Record) -> list[Finding]:
    application = seen.application
    count = len(application.certificates) + len(application.secrets)
    if not count:
        return []
    return [
        _finding(
            catalog.CREDENTIALS_STAY,
            WARNING,
            f"application {application.display_name or application.client_id}",
            "nothing of the credential is needed while the service principal is disabled",
            f"{count} credential(s) stay registered, and work again when the service principal is enabled",
            "set cut_credentials when a credential may be in wrong hands; rotate it before access is restored",
        )
    ]


def signing_stays(seen: Record, signing: Sequence[EntraCredential]) -> list[Finding]:
    """What SAML sign-on has put on the service principal: the sign-on of others hangs on it, so it is never touched."""
    if not signing:
        return []
    application = seen.application
    return [
        _finding(
            catalog.SAML_SIGNING_STAYS,
            WARNING,
            f"service principal of {application.display_name or application.client_id}",
            "nothing but the credentials of the application",
            f"signing entries of SAML sign-on, which stay: {', '.join(sorted({one.key_id for one in signing}))}",
            "the disabled service principal stops them, too; whoever has the private key may sign tokens for the "
            "services that trust it, so replace it in Entra (Enterprise applications, Single sign-on) if it may be in "
            "wrong hands",
            key_ids=sorted({one.key_id for one in signing}),
        )
    ]


def still_disabled(seen: Record, disabled: Sequence[str]) -> list[Finding]:
    """What keeps the application out that no cut of this collection has done, so that no return undoes it."""
    others = [one for one in disabled if "accountEnabled" not in one]
    if not others:
        return []
    application = seen.application
    return [
        _finding(
            catalog.APPLICATION_DISABLED,
            FAILED,
            f"application {application.display_name or application.client_id}",
            "enabled, once its access is back",
            "; ".join(others),
            how_to_enable(others),
        )
    ]


def _finding(kind: Kind, status: str, obj: str, expected: str, actual: str, remedy: str, **evidence: Any) -> Finding:
    plane = "Entra" if obj.startswith(("application", "service")) else "Azure"
    return Finding(kind, status, plane, obj, expected, actual, remedy, evidence)
