# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The texts of a verdict: one clause on the cause and one sentence on the remedy for each note. Pure.

The order in a table is the order of importance: the first note that applies gives the remedy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from .candidates import INEFFECTIVE, MISSING, OK, OK_WITH_WARNING, UNKNOWN, Source
from .notes import Note

_Texts: TypeAlias = Mapping[Note, tuple[str, str]]

_WARNINGS: _Texts = {
    "purge-refused-by-protection": (
        "purge protection rejects every purge until the retention period has ended",
        "Expect deleted keys to stay in the vault until their retention period has ended.",
    ),
    "role-assignment-expires": (
        "it expires at {detail}",
        "Assign the role permanently, or renew the assignment in time.",
    ),
    "role-assignment-recent": (
        "it was assigned within the last ten minutes and might not be effective everywhere yet",
        "Wait a few minutes and check again.",
    ),
    "app-can-administer-hsm": (
        "Managed HSM Crypto Officer also lets the application assign roles to itself",
        "Use Managed HSM Crypto User and a custom role for recover and purge.",
    ),
    "app-may-use-keys": (
        "Key Vault Crypto Officer also allows every cryptographic operation",
        "Use a custom role with exactly the required data actions.",
    ),
    "equivalent-role": (
        "it is not the guide's role Key Vault Contributor, although it has the same permissions here",
        "No action is required. Assign Key Vault Contributor if you must follow the guide exactly.",
    ),
    "wider-than-needed": ("it grants more than needed", "Replace it with a narrower role or policy if this matters."),
}
# Notes on excess permissions, the most specific first. The other warnings are about when a permission is effective.
_WIDTHS: tuple[Note, ...] = ("app-can-administer-hsm", "app-may-use-keys", "equivalent-role", "wider-than-needed")
_UNKNOWNS: _Texts = {
    "right-unreadable": (
        "{detail} could not be read",
        "If the operator has no permission to read this data, grant it; otherwise check again later.",
    ),
    "role-under-condition": (
        "a role grants it under a condition that only Azure can evaluate: {detail}",
        "Assign the role without a condition, or test the permission by using it.",
    ),
    "group-membership-unknown": (
        "it is granted to another object, possibly a group, and the groups of the application are unknown",
        "Grant the operator GroupMember.Read.All in Microsoft Graph, and check again.",
    ),
    "deny-uncertain": (
        "the deny assignment {detail} might block it",
        "Check whether the deny assignment applies to the application.",
    ),
    "hsm-activation-unknown": (
        "the activation status of the Managed HSM is unknown",
        "Grant the operator permission to read the activation status of the Managed HSM, and check again.",
    ),
    "no-such-permission": ("Azure has no known action for this permission", "Check the name of the permission."),
    "wildcard-read-uncertain": (
        "a role has only a wildcard for what is below the vault, such as Microsoft.KeyVault/vaults/*/read, and public "
        "sources disagree whether Azure applies it to the vault itself",
        "Assign a role that names the action, as azure_kv_prereqs does, or prove the permission by a sync.",
    ),
}
_INERT: _Texts = {
    "vault-in-foreign-tenant": (
        "the vault belongs to another tenant than the application and rejects its tokens (AKV10032)",
        "Use an application in the tenant of the vault.",
    ),
    "hsm-not-activated": (
        "the Managed HSM is not activated",
        "Activate the Managed HSM by downloading its security domain.",
    ),
    "right-denied": (
        "the deny assignment {detail} blocks it, whatever roles are assigned",
        "Ask the owner of the deny assignment (a managed application, a deployment stack or an administrator) to "
        "change it.",
    ),
    "policy-inert-in-rbac-mode": (
        "an access policy lists it, but the vault uses Azure RBAC, where access policies have no effect",
        "Assign a role with the data action, as azure_kv_prereqs does.",
    ),
    "data-role-inert-in-policy-mode": (
        "a role grants the data action, but the vault uses access policies, where data roles have no effect",
        "Add the permission to the application's access policy, or switch the vault to Azure RBAC.",
    ),
    "data-role-inert-on-hsm": (
        "an Azure role grants the data action for vaults, which has no effect in a Managed HSM",
        "Assign a local role of the Managed HSM.",
    ),
    "application-object-id-in-policy": (
        "the access policy names the object ID of the app registration instead of the service principal's",
        "Add the permission for the object ID of the service principal (enterprise application).",
    ),
    "client-id-in-policy": (
        "the access policy names the client ID instead of the service principal's object ID",
        "Add the permission for the object ID of the service principal (enterprise application).",
    ),
    "foreign-tenant-in-policy": (
        "the access policy names another tenant than the vault's",
        "Add the permission with the tenant ID of the vault.",
    ),
    "compound-identity-in-policy": (
        "the access policy applies to the application on behalf of a user, but DSM authenticates without a user",
        "Add the permission in an entry without an application ID.",
    ),
}
_ABSENT: _Texts = {
    "permission-model-differs": (
        "the vault does not use the requested permission model",
        "Change the permission model of the vault deliberately, or request the model that it uses.",
    ),
    "all-without-purge": (
        "the access policy lists `all`, which does not include purge",
        "Add the permission purge to the access policy.",
    ),
    "contributor-excludes-hsm": (
        "Key Vault Contributor excludes Managed HSMs",
        "Assign Reader or Managed HSM contributor at the Managed HSM.",
    ),
    "role-eligible-only": (
        "the role is only eligible, and a service principal cannot activate it",
        "Create an active assignment of the role.",
    ),
    "role-assignment-expired": ("the role assignment expired at {detail}", "Assign the role again."),
    "role-for-single-keys": (
        "the local role is assigned for single keys only",
        "Assign the local role at /keys or at /.",
    ),
    "role-assignment-orphaned": (
        "the role assignment belongs to a deleted principal",
        "Remove the orphaned assignment and assign the role to the current service principal.",
    ),
    "listing-only": (
        "the application can list the vault, which is enough for DSM to find it, but lacks the guide's role",
        "Assign Key Vault Contributor at the vault, or set rights_profile to least_privilege.",
    ),
}
# A deny assignment also explains a missing permission.
_TABLES: Mapping[str, _Texts] = {
    OK: {},
    OK_WITH_WARNING: _WARNINGS,
    UNKNOWN: _UNKNOWNS,
    INEFFECTIVE: _INERT,
    MISSING: {**_ABSENT, "right-denied": _INERT["right-denied"]},
}


def explain(
    verdict: str, notes: Sequence[Note], sources: Sequence[Source], details: Mapping[Note, str], remedy: str
) -> tuple[str, str]:
    """Reason and remedy. ``details``: the detail of each note. ``remedy``: used where no note has one of its own."""
    known = [(note, *texts) for note, texts in _TABLES[verdict].items() if note in notes]
    causes = "; ".join(cause.format(detail=details.get(note, "")) for note, cause, _remedy in known)
    best = known[0][2] if known else remedy
    if verdict == OK:
        return f"Granted by {describe(sources)}.", ""
    if verdict == OK_WITH_WARNING:
        return f"Granted by {describe(sources)}, but {causes}.", best
    return (f"{causes[:1].upper()}{causes[1:]}." if causes else "Nothing grants this permission."), best


def leading_note(verdict: str, notes: Sequence[Note]) -> Note | None:
    """The most important note that led to the verdict; None without one."""
    return next((note for note in _TABLES[verdict] if note in notes), None)


def told_notes(verdict: str, notes: Sequence[Note]) -> tuple[Note | None, ...]:
    """The notes to report as findings: a recent assignment must not hide that it grants too much."""
    if verdict != OK_WITH_WARNING:
        return (leading_note(verdict, notes),)
    width = next((note for note in _WIDTHS if note in notes), None)
    return tuple(note for note in _WARNINGS if note in notes and (note == width or note not in _WIDTHS)) or (None,)


def remedy_for(verdict: str, note: Note | None) -> str:
    """The remedy of one note; empty without a note."""
    return "" if note is None else _TABLES[verdict].get(note, ("", ""))[1]


def describe(sources: Sequence[Source]) -> str:
    return " and ".join(dict.fromkeys(map(_describe, sources))) or "the vault"


def _describe(source: Source) -> str:
    name = {"access_policy": "an access policy"}.get(source.kind, f"the role {source.name}")
    group = f" through the group {source.via_group}" if source.via_group else ""
    place = f" at {source.origin.replace('_', ' ')} scope" if source.kind != "access_policy" else ""
    return f"{name}{place}{group}"
