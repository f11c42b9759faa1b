# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Evaluates the effective permissions of an application at a vault or Managed HSM against its requirements. Pure.

The rules are those of the Azure contract §2 (traps T1-T19, T25, T28, T29, T31, T38, T39).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from ..._names import name_key, same_name
from ..._timestamps import iso
from .candidates import (
    EFFECTIVE,
    INEFFECTIVE,
    MISSING,
    OK,
    OK_WITH_WARNING,
    UNKNOWN,
    CandidateGrant,
    HeldRole,
    Source,
    best,
    denied,
    held_local_roles,
    held_roles,
    policy_entries,
    worst,
)
from .explanations import explain
from .facts import Access
from .key_permissions import COVERED_BY_ALL, GUIDE_PERMISSIONS, VAULT_DATA_ACTIONS, data_action
from .notes import Note
from .over_privilege import OverPrivilege, over_privileges
from .roles import (
    BEYOND_CONTRIBUTOR,
    BEYOND_KEY_VAULT,
    BEYOND_READING,
    CONTRIBUTOR_ACTIONS,
    CRYPTO_OFFICER,
    HSM_CRYPTO_OFFICER,
    HSM_SELF_ADMINISTRATION,
    HSMS_READ,
    KEY_VAULT_CONTRIBUTOR,
    VAULT_OTHER_DATA,
    VAULTS_READ,
    grants,
    grants_any,
    is_disputed,
)
from .verdicts import ACCESS_POLICY_MODEL, ANY_MODEL, CONTRIBUTOR, RBAC_MODEL, RequiredRights, Verdict

__all__ = [
    "GUIDE_PERMISSIONS",
    "INEFFECTIVE",
    "MISSING",
    "OK",
    "OK_WITH_WARNING",
    "UNKNOWN",
    "OverPrivilege",
    "RequiredRights",
    "Source",
    "Verdict",
    "grants",
    "judge",
    "missing_permissions",
    "over_privileges",
]

# Reported even if a better source exists (T4).
_ALWAYS_NOTED: tuple[Note, ...] = ("compound-identity-in-policy",)
_GIVE_PERMISSION = "Grant the permission to the service principal at this vault."

Width = Callable[[HeldRole], tuple[Note, ...]]
"""The notes on a role that grants more than required; none for one that fits."""


@dataclass(frozen=True)
class _Right:
    """An evaluated permission without its texts. ``notes``: those of no single candidate, with their details."""

    verdict: str
    candidates: tuple[CandidateGrant, ...] = ()
    notes: dict[Note, str] = field(default_factory=dict)

    def shown(self) -> tuple[CandidateGrant, ...]:
        """The relevant candidates: those that grant the permission, otherwise all that might."""
        giving = tuple(one for one in self.candidates if one.verdict in EFFECTIVE)
        # A missing permission may have candidates that grant a part of it.
        return self.candidates if self.verdict == MISSING else giving or self.candidates


def judge(access: Access, wanted: RequiredRights) -> tuple[Verdict, ...]:
    """The verdicts on management, on the key permissions in the requested order, and on a requested model."""
    required = replace(wanted, key_permissions=tuple(dict.fromkeys(name_key(name) for name in wanted.key_permissions)))
    verdicts = [_judge_management(access, required)]
    verdicts += [_judge_permission(access, required, permission) for permission in required.key_permissions]
    if required.permission_model != ANY_MODEL:
        verdicts.append(_judge_model(access, required.permission_model))
    return tuple(verdicts)


def missing_permissions(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """The key permissions that the application certainly lacks."""
    return tuple(
        verdict.requirement.removeprefix("keys/")
        for verdict in verdicts
        if verdict.requirement.startswith("keys/") and verdict.verdict in (MISSING, INEFFECTIVE)
    )


# --- Management -------------------------------------------------------------------------------------------------------


def _judge_management(access: Access, wanted: RequiredRights) -> Verdict:
    if access.store.is_hsm:
        beyond = BEYOND_KEY_VAULT if wanted.management == CONTRIBUTOR else BEYOND_READING
        right = _azure_right(access, HSMS_READ, _beyond(beyond), data=False)
        if right.verdict not in EFFECTIVE and _has_contributor(access):
            right.notes["contributor-excludes-hsm"] = ""
        remedy = "Assign Reader or Managed HSM contributor at the Managed HSM."
        return _worded(access, "managedHSMs/read", HSMS_READ, right, remedy)
    if wanted.management != CONTRIBUTOR:
        right = _azure_right(access, VAULTS_READ, _beyond(BEYOND_READING), data=False)
        return _worded(access, "vaults/read", VAULTS_READ, right, "Assign a role with this action at the vault.")
    right = _contributor_right(access)
    if right.verdict == MISSING:
        right = _at_least_listing(access, right)
    remedy = "Assign Key Vault Contributor at the vault."
    return _worded(access, "Key Vault Contributor", ", ".join(CONTRIBUTOR_ACTIONS), right, remedy)


def _contributor_right(access: Access) -> _Right:
    """All that Key Vault Contributor permits on a vault, from one role or from several together (T11)."""
    rights = [_azure_right(access, action, _beyond_contributor, data=False) for action in CONTRIBUTOR_ACTIONS]
    candidates = tuple(dict.fromkeys(one for right in rights for one in right.shown()))
    complete = tuple(one for one in candidates if all(one in right.candidates for right in rights))
    notes = {note: detail for right in rights for note, detail in right.notes.items()}
    return _Right(worst([right.verdict for right in rights]), complete or candidates, notes)


def _at_least_listing(access: Access, lacking: _Right) -> _Right:
    """Without the guide's role, the application may still list the vault, which DSM needs to find it."""
    reading = _azure_right(access, VAULTS_READ, _beyond(()), data=False)
    # Roles that grant only a part are not sources of the complete permission.
    rest = tuple(one for one in lacking.candidates if one.verdict not in EFFECTIVE)
    if reading.verdict not in EFFECTIVE:
        return replace(lacking, candidates=rest)
    return _Right(MISSING, (*reading.shown(), *rest), {**lacking.notes, "listing-only": ""})


def _beyond_contributor(held: HeldRole) -> tuple[Note, ...]:
    if same_name(held.role_guid, KEY_VAULT_CONTRIBUTOR.guid):
        return ()
    return ("equivalent-role", *_beyond(BEYOND_CONTRIBUTOR)(held))


def _beyond(actions: Iterable[str]) -> Width:
    def width(held: HeldRole) -> tuple[Note, ...]:
        wide = held.definition is not None and grants_any(held.definition, actions, data=False)
        return ("wider-than-needed",) if wide else ()

    return width


def _has_contributor(access: Access) -> bool:
    return any(
        same_name(held.role_guid, KEY_VAULT_CONTRIBUTOR.guid) and held.candidate.verdict != MISSING
        for held in held_roles(access)
    )


def _judge_model(access: Access, model: str) -> Verdict:
    actual = RBAC_MODEL if access.store.rbac else ACCESS_POLICY_MODEL
    right = _Right(OK) if actual == model else _Right(MISSING, notes={"permission-model-differs": actual})
    verdict = _worded(access, "permission_model", model, right, "")
    return replace(verdict, reason=f"The permission model is {actual}.") if right.verdict == OK else verdict


# --- Key permissions --------------------------------------------------------------------------------------------------


def _judge_permission(access: Access, wanted: RequiredRights, permission: str) -> Verdict:
    store = access.store
    by_policy = not store.is_hsm and not store.rbac
    action = permission if by_policy else data_action(permission, hsm=store.is_hsm)
    if action is None:
        right = _Right(UNKNOWN, notes={"no-such-permission": permission})
    elif store.is_hsm:
        right = _activated(access, _hsm_right(access, permission, action))
    elif store.rbac:
        inert = _inert_policies(access, permission)
        right = _azure_right(access, action, _beyond_wanted(wanted), data=True, inert=inert)
    else:
        right = _policy_right(access, wanted, permission)
    if permission == "purge" and store.purge_protection and right.verdict in EFFECTIVE:
        right = replace(right, verdict=OK_WITH_WARNING, notes={**right.notes, "purge-refused-by-protection": ""})
    return _worded(access, f"keys/{permission}", action or permission, right, _GIVE_PERMISSION)


def _policy_right(access: Access, wanted: RequiredRights, permission: str) -> _Right:
    found = []
    for names, candidate in policy_entries(access):
        if permission in names or ("all" in names and permission in COVERED_BY_ALL):
            wide = not names.issubset(wanted.key_permissions)
            found.append(_noting(candidate, ("wider-than-needed",) if wide else ()))
        elif "all" in names and permission == "purge" and candidate.verdict in EFFECTIVE:
            found.append(_spoilt(candidate, MISSING, "all-without-purge"))
    found += _inert_roles(access, permission, "data-role-inert-in-policy-mode")
    return _Right(best([MISSING, *(one.verdict for one in found)]), tuple(found))


def _hsm_right(access: Access, permission: str, action: str) -> _Right:
    found = _candidates(held_local_roles(access), action, _self_administration, data=True)
    found += _inert_roles(access, permission, "data-role-inert-on-hsm")
    verdicts = [MISSING, *(one.verdict for one in found)]
    notes: dict[Note, str] = {}
    if access.local is None:
        verdicts.append(UNKNOWN)
        notes["right-unreadable"] = _unreadable(access, "local")
    return _Right(best(verdicts), tuple(found), notes)


def _activated(access: Access, right: _Right) -> _Right:
    """A Managed HSM that is not activated rejects every request for keys (T28)."""
    activation = access.store.activation
    if same_name(activation, "Active"):
        return right
    if activation and not same_name(activation, "Unknown"):
        return replace(right, verdict=INEFFECTIVE, notes={**right.notes, "hsm-not-activated": activation})
    if right.verdict not in EFFECTIVE:
        return right
    return replace(right, verdict=UNKNOWN, notes={**right.notes, "hsm-activation-unknown": ""})


def _self_administration(held: HeldRole) -> tuple[Note, ...]:
    if same_name(held.role_guid, HSM_CRYPTO_OFFICER):
        return "wider-than-needed", "app-can-administer-hsm"
    wide = held.definition is not None and grants_any(held.definition, HSM_SELF_ADMINISTRATION, data=True)
    return ("wider-than-needed",) if wide else ()


def _beyond_wanted(wanted: RequiredRights) -> Width:
    needed = {VAULT_DATA_ACTIONS.get(name) for name in wanted.key_permissions}
    beyond = [action for action in (*VAULT_DATA_ACTIONS.values(), *VAULT_OTHER_DATA) if action not in needed]

    def width(held: HeldRole) -> tuple[Note, ...]:
        if held.definition is None or not grants_any(held.definition, beyond, data=True):
            return ()
        officer = same_name(held.role_guid, CRYPTO_OFFICER.guid)
        return ("wider-than-needed", "app-may-use-keys") if officer else ("wider-than-needed",)

    return width


def _inert_policies(access: Access, permission: str) -> list[CandidateGrant]:
    return [
        _spoilt(candidate, INEFFECTIVE, "policy-inert-in-rbac-mode")
        for names, candidate in policy_entries(access)
        if candidate.verdict in EFFECTIVE and (permission in names or ("all" in names and permission in COVERED_BY_ALL))
    ]


def _inert_roles(access: Access, permission: str, note: Note) -> list[CandidateGrant]:
    """Azure roles with the data action, at a vault where they have no effect."""
    action = VAULT_DATA_ACTIONS.get(permission)
    return [
        _spoilt(held.candidate, INEFFECTIVE, note)
        for held in held_roles(access)
        if action
        and held.definition
        and held.candidate.verdict != MISSING
        and grants(held.definition, action, data=True)
    ]


# --- Permissions by Azure roles ---------------------------------------------------------------------------------------


def _azure_right(
    access: Access, action: str, width: Width, *, data: bool, inert: Iterable[CandidateGrant] = ()
) -> _Right:
    """A permission by Azure roles and deny assignments, which override them (T17). ``inert``: ineffective grants."""
    found = [*_candidates(held_roles(access), action, width, data=data), *inert]
    verdicts = [MISSING, *(one.verdict for one in found)]
    notes: dict[Note, str] = {}
    if access.assignments is None:
        verdicts.append(UNKNOWN)
        notes["right-unreadable"] = _unreadable(access, "assignments")
    verdict = best(verdicts)
    denies = [
        (certain and not is_disputed(what, action, data=data), name)
        for certain, name, what in denied(access)
        if grants(what, action, data=data) or is_disputed(what, action, data=data)
    ]
    for name in (name for certain, name in denies if certain):
        verdict = worst([verdict, INEFFECTIVE])
        notes["right-denied"] = name
    for name in (name for certain, name in denies if not certain and verdict in EFFECTIVE):
        verdict = UNKNOWN
        notes["deny-uncertain"] = name
    if access.denies is None and verdict in EFFECTIVE:
        verdict = UNKNOWN
        notes["right-unreadable"] = _unreadable(access, "denies")
    return _Right(verdict, tuple(found), notes)


def _candidates(held: Iterable[HeldRole], action: str, width: Width, *, data: bool) -> list[CandidateGrant]:
    found = []
    for one in held:
        if one.definition is None:
            # The role may or may not grant the permission. An ineffective assignment stays ineffective.
            found.append(_spoilt(one.candidate, UNKNOWN, "right-unreadable"))
        elif is_disputed(one.definition, action, data=data):
            found.append(_spoilt(one.candidate, UNKNOWN, "wildcard-read-uncertain"))
        elif grants(one.definition, action, data=data):
            found.append(_noting(one.candidate, width(one)))
    return found


def _noting(candidate: CandidateGrant, notes: tuple[Note, ...]) -> CandidateGrant:
    """The candidate with warnings, if it is effective."""
    if not notes or candidate.verdict not in EFFECTIVE:
        return candidate
    return _spoilt(candidate, OK_WITH_WARNING, *notes)


def _spoilt(candidate: CandidateGrant, verdict: str, *notes: Note) -> CandidateGrant:
    return replace(candidate, verdict=worst([candidate.verdict, verdict]), notes=(*candidate.notes, *notes))


# --- Texts ------------------------------------------------------------------------------------------------------------


def _worded(access: Access, requirement: str, action: str, right: _Right, remedy: str) -> Verdict:
    home = access.identity.home_tenant_id
    # The tenant of a planned vault may be unknown.
    there = access.store.tenant_id
    if home and there and not same_name(home, there) and requirement != "permission_model":
        right = replace(right, verdict=INEFFECTIVE, notes={**right.notes, "vault-in-foreign-tenant": home})
    notes = _notes(right)
    sources = tuple(dict.fromkeys(one.source for one in right.shown()))
    reason, what_to_do = explain(right.verdict, tuple(notes), sources, notes, remedy)
    return Verdict(requirement, action, right.verdict, sources, reason, what_to_do, tuple(notes))


def _notes(right: _Right) -> dict[Note, str]:
    """All notes of a permission, with their details."""
    notes = dict(right.notes)
    for one in right.shown():
        for note in one.notes:
            notes.setdefault(note, _detail(note, one.source))
    for one in right.candidates:
        notes.update({note: "" for note in one.notes if note in _ALWAYS_NOTED})
    return notes


def _detail(note: Note, source: Source) -> str:
    if note in ("role-assignment-expires", "role-assignment-expired") and source.ends is not None:
        return iso(source.ends)
    if note == "role-under-condition":
        return source.condition or ""
    return f"the definition of the role {source.name}" if note == "right-unreadable" else ""


def _unreadable(access: Access, member: str) -> str:
    names = {"assignments": "role assignments", "denies": "deny assignments", "local": "local role assignments"}
    why = access.unreadable.get(member)
    return names[member] + (f" ({why})" if why else "")
