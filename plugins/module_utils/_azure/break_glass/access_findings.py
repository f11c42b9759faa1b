# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Findings about revoking and restoring access: what remains, and what cannot be restored. Pure."""

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
    """The access to keys of this vault that remains after everything granted at the vault is removed."""
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
                "the application has no permission at the vault",
                f"it keeps {', '.join(one.requirement for one in rights)} through {'; '.join(map(_text_of, sources))}",
                "these assignments or memberships also apply elsewhere or to others, so the task does not change them; "
                "the disabled service principal prevents new tokens. Remove the assignment or membership manually if "
                "tokens that were issued before must not be usable",
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
                "all permissions of the application can be read",
                "; ".join(dict.fromkeys(one.reason for one in unknown)),
                "rely on the disabled service principal only, and check with an operator that has permission to read "
                "role assignments and groups",
                rights=[one.requirement for one in unknown],
            )
        )
    return found


def _text_of(source: Source) -> str:
    group = f" through the group {source.via_group}" if source.via_group else ""
    return f"{source.name} at {source.scope}{group}"


def _without(access: Access, cut: StoreRights) -> Access:
    removed = {name_key(one.name) for one in cut.assignments}
    entries = {entry.identity for entry in cut.policies}
    policies = tuple(
        entry
        for entry in access.store.policies
        if (name_key(entry.tenant_id), name_key(entry.object_id), name_key(entry.application_id)) not in entries
    )

    def left(assignments: Any) -> Any:
        if assignments is None:
            return None
        return tuple(one for one in assignments if last_segment(one.id) not in removed)

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
        "the operator has the required permissions",
        f"it lacks {listed} at {store.resource_id}",
        "use an operator with these actions (docs/permissions.md); the task still does what is possible without them",
    )


def locked_finding(store: StoreRights, locks: Locks, needed: Iterable[Action]) -> Finding | None:
    """Azure rejects what a lock covers, whatever the roles allow; None if no lock forbids a step."""
    expected = "no lock forbids the required changes"
    if locks.warning is not None:
        told = "the task still does what no lock forbids"
        refused = locks.unread is not None and locks.unread.refused
        remedy = f"grant the operator Microsoft.Authorization/locks/read; {told}" if refused else told
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
        "have the owners of the locks remove them for the duration of the change; the task disables the service "
        "principal and makes all other changes without waiting for that",
        locks=records(forbidden),
    )


def still_listed(steps: Iterable[Step], *, cut: bool) -> list[Finding]:
    """Reads lag behind writes (Azure contract §1.3, §1.7): reports accepted changes that are not yet visible."""
    return [
        _finding(
            catalog.ACCESS_STILL_LISTED,
            WARNING,
            object_of(step),
            f"{action_of(step, cut=cut)}: visible when read back",
            "the change was accepted but is not visible when read back: Azure's responses lag behind, or another "
            "client has reverted it",
            "run the same task again in a few minutes; it changes nothing if the state is correct",
        )
        for step in steps
    ]


def not_restorable(record: Record, seen: Record, now: datetime) -> list[Finding]:
    """What the record contains but the task cannot restore, each with what to do instead."""
    was, application, found = record.application, seen.application, []
    there = {name_key(entry.key_id) for entry in application.secrets}
    lost = [entry.key_id for entry in was.secrets if name_key(entry.key_id) not in there]
    label = f"application {was.display_name or was.client_id}"
    if lost:
        found.append(
            _finding(
                catalog.ACCESS_NOT_RESTORABLE,
                WARNING,
                label,
                "the client secrets in the record",
                f"removed, and cannot be restored: {', '.join(lost)}",
                "create a new credential, set it in the group in DSM (cdc_group, update_credential: always), and test "
                "the connection",
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
                "the certificates in the record",
                f"expired, or recorded without their public part, so they are not registered again: {', '.join(over)}",
                "register a new certificate (azure_kv_app), and set it in the group in DSM",
            )
        )
    if was.account_enabled is None:
        found.append(
            _finding(
                catalog.PRINCIPAL_STATE_UNKNOWN,
                UNKNOWN,
                label,
                "the recorded state of the service principal (enabled or disabled)",
                "it could not be read when the record was created, so the task does not enable the service principal",
                "enable it in Entra (Enterprise applications) if the application is needed",
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
                        f"the role {one.role_name or one.role_guid}, active until {one.ends}",
                        "a new assignment would be permanent, so the task does not assign the role",
                        "activate the role in Privileged Identity Management",
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
            "no registered credentials",
            f"{count} credential{'' if count == 1 else 's'} remain{'s' if count == 1 else ''} registered and can be "
            "used again as soon as the service principal is enabled",
            "set cut_credentials if a credential might be compromised; rotate it before access is restored",
        )
    ]


def signing_stays(seen: Record, signing: Sequence[EntraCredential]) -> list[Finding]:
    """SAML signing credentials on the service principal. Users sign on with them, so they are never changed."""
    if not signing:
        return []
    application = seen.application
    return [
        _finding(
            catalog.SAML_SIGNING_STAYS,
            WARNING,
            f"service principal of {application.display_name or application.client_id}",
            "only credentials of the application",
            f"SAML signing credentials, which are not removed: {', '.join(sorted({one.key_id for one in signing}))}",
            "the disabled service principal also prevents SAML sign-on, but anyone with the private key can sign "
            "tokens for the services that trust it: replace it in Entra (Enterprise applications, Single sign-on) if "
            "it might be compromised",
            key_ids=sorted({one.key_id for one in signing}),
        )
    ]


def still_disabled(seen: Record, disabled: Sequence[str]) -> list[Finding]:
    """Reasons why the application stays disabled that this collection neither causes nor removes."""
    others = [one for one in disabled if "accountEnabled" not in one]
    if not others:
        return []
    application = seen.application
    return [
        _finding(
            catalog.APPLICATION_DISABLED,
            FAILED,
            f"application {application.display_name or application.client_id}",
            "enabled, after its access is restored",
            "; ".join(others),
            how_to_enable(others),
        )
    ]


def _finding(kind: Kind, status: str, obj: str, expected: str, actual: str, remedy: str, **evidence: Any) -> Finding:
    plane = "Entra" if obj.startswith(("application", "service")) else "Azure"
    return Finding(kind, status, plane, obj, expected, actual, remedy, evidence)
