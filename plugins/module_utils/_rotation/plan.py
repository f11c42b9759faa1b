# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Whether the credential that groups share has to be renewed, and which old ones may go then. Pure.

What a run needs to know stands in Entra (the list of credentials) and in DSM (which one was written to a group last).
Nothing is remembered elsewhere, so a run that was killed leaves nothing behind that the next one could miss.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .._azure.applications.application_plan import MARK, is_our_credential
from .._azure.rights.facts import EntraCredential
from .._timestamps import day

# The name, in Entra, of credentials whose value nobody but DSM has: made in the process that wrote them to the groups.
NAME = f"{MARK} cdc_credential"
SECRET, CERTIFICATE = "secret", "certificate"
# What a group's record begins with when the credential is told by the ID that Entra gave it.
KEY_ID_FACT = "key-id:"
CERTIFICATE_FACT = "certificate:"

RECORDED, INFERRED, UNKNOWN = "recorded", "inferred", "unknown"
MODES = {SECRET: "client_secret", CERTIFICATE: "certificate"}
# A certificate that is made here begins this much before it is made (_certificates/maker.py).
_BEGINS_EARLIER = {SECRET: timedelta(0), CERTIFICATE: timedelta(minutes=5)}


@dataclass(frozen=True)
class CredentialUse:
    """What is known of the credential that one group has. ``key_id``: in Entra; None when it is not known.

    ``superseded``: the ID of the one that it had before, where a run of this collection has replaced it.
    """

    group: str
    auth_mode: str | None
    key_id: str | None
    known: str
    superseded: str | None = None


@dataclass(frozen=True)
class RenewalPolicy:
    """What the user wants. ``kind``: secret or certificate; None for the kind that the links have.

    ``sha256``: of the certificate that the user gives, None when the credential is made here. ``takeover_after``: how
    old what another run has made must be to count as given up.
    """

    kind: str | None
    renew_before: timedelta
    always: bool = False
    remove_old: bool = True
    sha256: str | None = None
    takeover_after: timedelta = timedelta(minutes=2)


@dataclass(frozen=True)
class KeptCredential:
    """A credential that stays at the application beside the one in use, and why."""

    credential: EntraCredential
    reason: str


@dataclass(frozen=True)
class Decision:
    """``reason``: why a new credential is needed; None when ``current`` serves. ``kind``: of a new one."""

    current: EntraCredential | None
    reason: str | None
    kind: str


def use_of(
    group: str,
    auth_mode: str | None,
    fact: str | None,
    superseded: str | None,
    credentials: Sequence[EntraCredential],
) -> CredentialUse:
    """What the record of a group says. A secret that was given by hand has no ID in it, and is `unknown`.

    A certificate that is not registered any more has the record itself in the place of an ID. Where Graph does not show
    the public part of one, that cannot be told.
    """
    if fact is not None and fact.startswith(KEY_ID_FACT):
        return CredentialUse(group, auth_mode, fact.removeprefix(KEY_ID_FACT), RECORDED, superseded)
    if fact is not None and fact.startswith(CERTIFICATE_FACT):
        beginning = fact.removeprefix(CERTIFICATE_FACT)
        hit = next((one for one in credentials if one.sha256 and one.sha256.startswith(beginning)), None)
        if hit is None and any(one.kind == CERTIFICATE and not one.sha256 for one in credentials):
            return CredentialUse(group, auth_mode, None, UNKNOWN, superseded)
        return CredentialUse(group, auth_mode, fact if hit is None else hit.key_id, RECORDED, superseded)
    return CredentialUse(group, auth_mode, None, UNKNOWN, superseded)


def only_candidate(use: CredentialUse, credentials: Iterable[EntraCredential], now: datetime) -> EntraCredential | None:
    """The one credential that a connected group can only have; None when several would do."""
    valid = [
        one
        for one in credentials
        if (one.ends is None or one.ends > now) and use.auth_mode in (None, MODES.get(one.kind))
    ]
    return valid[0] if len(valid) == 1 else None


def decide(
    credentials: Sequence[EntraCredential], uses: Sequence[CredentialUse], wish: RenewalPolicy, now: datetime
) -> Decision:
    """Whether all groups share one credential that will do for a while."""
    shared = {use.key_id for use in uses}
    by_id = {one.key_id: one for one in credentials}
    current = by_id.get(next(iter(shared)) or "") if len(shared) == 1 else None
    return Decision(current, _reason(current, uses, wish, now), wish.kind or _kind_of(uses))


def _reason(
    current: EntraCredential | None, uses: Sequence[CredentialUse], wish: RenewalPolicy, now: datetime
) -> str | None:
    if not uses:
        return "the group is to be made with it"
    if wish.always:
        return "renew is always"
    unknown = [use.group for use in uses if use.key_id is None]
    if unknown:
        return f"which credential of the application they have is not known: {', '.join(sorted(unknown))}"
    if current is None:
        ids = {use.key_id for use in uses}
        return (
            "the groups do not share one credential"
            if len(ids) > 1
            else "the credential that the groups have is not registered at the application any more"
        )
    if wish.kind is not None and current.kind != wish.kind:
        return f"the groups have a {current.kind}, and type is {wish.kind}"
    if wish.sha256 is not None and current.sha256 != wish.sha256:
        return "another certificate is given than the groups have"
    if current.ends is not None and current.ends - now < wish.renew_before:
        return f"it ends on {day(current.ends)}, in less than {wish.renew_before.days} days"
    return None


def _kind_of(uses: Sequence[CredentialUse]) -> str:
    """That of the links. A certificate where they differ or there are none: its key cannot be read anywhere."""
    modes = {use.auth_mode for use in uses}
    return SECRET if modes == {MODES[SECRET]} else CERTIFICATE


@dataclass(frozen=True)
class OldCredentials:
    """The credentials beside the one in use: those that go once every group has that one, and those that stay."""

    gone: tuple[EntraCredential, ...] = ()
    left: tuple[KeptCredential, ...] = ()


def old_ones(
    credentials: Sequence[EntraCredential],
    current: EntraCredential | None,
    used: Collection[str],
    wish: RenewalPolicy,
    now: datetime,
) -> OldCredentials:
    """What becomes of the credentials beside the one in use.

    Args:
        credentials: All that the application has.
        current: What every group has; None while that is yet to be created.
        used: IDs of what these groups had before, whoever made it.
        wish: Whether old ones are to go at all.
        now: The time of the service that has made them.
    """
    gone, left = [], []
    for one in credentials:
        if current is not None and one.key_id == current.key_id:
            continue
        may_be_coming = _is_under_way(one, wish, now)
        reason = _stays(one, used, wish, may_be_coming=may_be_coming)
        if reason is None:
            gone.append(one)
        else:
            left.append(KeptCredential(one, reason))
    return OldCredentials(tuple(gone), tuple(left))


def _stays(one: EntraCredential, used: Collection[str], wish: RenewalPolicy, *, may_be_coming: bool) -> str | None:
    if not is_our_credential(one) and one.key_id not in used:
        return "this collection did not make it"
    if one.name != NAME and one.key_id not in used:
        return "it was handed out when it was made, and no group is known to have had it"
    if not wish.remove_old:
        return "remove_old is false"
    if may_be_coming:
        return "it was created a moment ago, so another run may be about to write it to a group"
    return None


def of_another_run(
    credentials: Sequence[EntraCredential],
    decision: Decision,
    used: Collection[str],
    wish: RenewalPolicy,
    now: datetime,
) -> EntraCredential | None:
    """What a run that is still under way may have made a moment ago; None when nothing is in the way of this one.

    That is a credential which is yet to be written to the groups, or the one that they all have got just now, while the
    old ones are still there, which that run waits to remove.
    """
    current = decision.current
    if decision.reason is not None:
        rest = (one for one in credentials if one is not current and _is_under_way(one, wish, now))
        return next(rest, None)
    if current is None or not _is_under_way(current, wish, now):
        return None
    return current if old_ones(credentials, current, used, wish, now).gone else None


def _is_under_way(one: EntraCredential, wish: RenewalPolicy, now: datetime) -> bool:
    """Whether a run may have created it to write it to the groups next: it is young.

    Whether it is older or newer than another one tells nothing: of two runs, the one that creates first may write last.
    """
    made = _made(one)
    return one.name == NAME and made is not None and now - made < wish.takeover_after


def _made(one: EntraCredential) -> datetime | None:
    """When a credential of this collection was made."""
    return None if one.starts is None else one.starts + _BEGINS_EARLIER[one.kind]
