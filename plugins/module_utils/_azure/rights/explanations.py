# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What is said about a verdict: one sentence on the cause and one on the remedy for each note. Pure.

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
        "purge protection of the store refuses every purge until the retention time is over",
        "Expect that deleted keys stay in the store until their retention time is over.",
    ),
    "role-assignment-expires": ("it ends at {detail}", "Have the role assigned without an end, or renew it in time."),
    "role-assignment-recent": (
        "it was assigned within the last ten minutes and may not have reached every server",
        "Wait some minutes and check again.",
    ),
    "app-can-administer-hsm": (
        "Managed HSM Crypto Officer also lets the application give roles to itself",
        "Use Managed HSM Crypto User and a custom role for recover and purge.",
    ),
    "app-may-use-keys": (
        "Key Vault Crypto Officer also allows every cryptographic operation",
        "Use a custom role with exactly the data actions that are needed.",
    ),
    "equivalent-role": (
        "it is not the role Key Vault Contributor that the guide names, though it allows the same here",
        "Nothing has to be done; assign Key Vault Contributor where the letter of the guide matters.",
    ),
    "wider-than-needed": ("it gives more than is needed", "Replace it by a narrower grant where this matters."),
}
# What a right gives too much, the plainest word for it first. The other warnings are about when it counts.
_WIDTHS: tuple[Note, ...] = ("app-can-administer-hsm", "app-may-use-keys", "equivalent-role", "wider-than-needed")
_UNKNOWNS: _Texts = {
    "right-unreadable": (
        "{detail} could not be read",
        "Let the operator read what could not be read, and check again.",
    ),
    "role-under-condition": (
        "a role gives it under a condition, which only Azure can evaluate: {detail}",
        "Assign the role without a condition, or prove the right by using it.",
    ),
    "group-membership-unknown": (
        "it is given to another object, possibly a group, and the groups of the application are not known",
        "Let the operator read the application's groups (Graph GroupMember.Read.All), and check again.",
    ),
    "deny-uncertain": (
        "the deny assignment {detail} may take it away",
        "Find out whether the deny assignment applies to the application.",
    ),
    "hsm-activation-unknown": (
        "it is not known whether the managed HSM is activated",
        "Let the operator read the activation status of the pool, and check again.",
    ),
    "no-such-permission": ("no action is known for this permission here", "Check the name of the permission."),
}
_INERT: _Texts = {
    "vault-in-foreign-tenant": (
        "the store belongs to another tenant than the application, whose tokens it refuses (AKV10032)",
        "Use an application of the store's tenant.",
    ),
    "hsm-not-activated": (
        "the managed HSM is not activated",
        "Download the security domain of the pool, which activates it.",
    ),
    "right-denied": (
        "the deny assignment {detail} takes it away, whatever roles give",
        "Have the owner of the managed application or deployment stack change the deny assignment.",
    ),
    "policy-inert-in-rbac-mode": (
        "an access policy lists it, but the vault uses Azure RBAC, where access policies have no effect",
        "Assign a role with the data action, as azure_kv_prereqs does.",
    ),
    "data-role-inert-in-policy-mode": (
        "a role gives the data action, but the vault uses access policies, where data roles have no effect",
        "Add the permission to the application's access policy, or set the vault to Azure RBAC.",
    ),
    "data-role-inert-on-hsm": (
        "an Azure role gives the data action of vaults, which has no effect in a managed HSM",
        "Assign a local role of the managed HSM.",
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
        "the access policy is for the application on behalf of a user, and DSM logs in as the application alone",
        "Add the permission in an entry without an application ID.",
    ),
}
_ABSENT: _Texts = {
    "permission-model-differs": (
        "the vault uses another permission model than was asked for",
        "Change the permission model of the vault on purpose, or accept the one that it has.",
    ),
    "all-without-purge": (
        "the access policy lists `all`, which does not include purge",
        "Add the permission purge to the access policy.",
    ),
    "contributor-excludes-hsm": (
        "Key Vault Contributor excludes managed HSMs",
        "Assign Reader or Managed HSM contributor on the pool.",
    ),
    "role-eligible-only": (
        "the role is only eligible, and a service principal cannot activate it",
        "Assign the role actively.",
    ),
    "role-assignment-expired": ("the assignment of the role ended at {detail}", "Assign the role again."),
    "role-for-single-keys": (
        "the local role is for single keys only",
        "Assign the local role at /keys or at /.",
    ),
    "role-assignment-orphaned": (
        "the assignment belongs to a principal that was deleted",
        "Remove the orphaned assignment and assign the role to the service principal as it is now.",
    ),
    "listing-only": (
        "the application may list the vault, which is enough for DSM's fetch but below the role that the guide demands",
        "Assign Key Vault Contributor at the vault, or check with a profile of least privilege.",
    ),
}
# A denial and a foreign tenant also belong to what is missing besides.
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
    """Reason and remedy. ``details``: what a note is about, by note. ``remedy``: where no note knows a better one."""
    known = [(note, *texts) for note, texts in _TABLES[verdict].items() if note in notes]
    causes = "; ".join(cause.format(detail=details.get(note, "")) for note, cause, _remedy in known)
    best = known[0][2] if known else remedy
    if verdict == OK:
        return f"Given by {describe(sources)}.", ""
    if verdict == OK_WITH_WARNING:
        return f"Given by {describe(sources)}, but {causes}.", best
    return (f"{causes[:1].upper()}{causes[1:]}." if causes else "Nothing gives this right."), best


def leading_note(verdict: str, notes: Sequence[Note]) -> Note | None:
    """The most important of the notes that led to the verdict; None where none did."""
    return next((note for note in _TABLES[verdict] if note in notes), None)


def told_notes(verdict: str, notes: Sequence[Note]) -> tuple[Note | None, ...]:
    """The notes that are findings of their own: that an assignment is young must not hide that it is too wide."""
    if verdict != OK_WITH_WARNING:
        return (leading_note(verdict, notes),)
    width = next((note for note in _WIDTHS if note in notes), None)
    return tuple(note for note in _WARNINGS if note in notes and (note == width or note not in _WIDTHS)) or (None,)


def remedy_for(verdict: str, note: Note | None) -> str:
    """What to do about one note; empty where there is none."""
    return "" if note is None else _TABLES[verdict].get(note, ("", ""))[1]


def describe(sources: Sequence[Source]) -> str:
    return " and ".join(dict.fromkeys(map(_describe, sources))) or "the store"


def _describe(source: Source) -> str:
    name = {"access_policy": "an access policy"}.get(source.kind, f"the role {source.name}")
    group = f" through the group {source.via_group}" if source.via_group else ""
    place = f" at {source.origin.replace('_', ' ')} scope" if source.kind != "access_policy" else ""
    return f"{name}{place}{group}"
