# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Revokes the permissions of an application at one vault. What no longer exists counts as revoked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._azure.authorization import locks
from .._azure.prerequisites import grants
from .._azure.prerequisites.assessment import Assessment, Question, assess, judged, reassess
from .._azure.prerequisites.results import READS_IN_A_ROW, patience_of, result_of, stopped, tell_unknown
from .._azure.rights import repair
from .._azure.rights.evaluation import UNKNOWN
from .._azure.rights.repair import RightsRemoval
from .._azure.vaults import existence
from .._azure.wire.errors import LOGIN, AzureError
from .._azure.wire.session import Azure
from .._dsm.groups.in_use import refuse_while_in_use
from .._errors import TaskError
from .._names import path_key
from .._plan import Change, Plan
from .._rest.statuses import NOT_FOUND
from .._task import Task

REMOVED, NOT_YET_REMOVED = "removed", "removed_not_yet_effective"


def take_back(task: Task, azure: Azure, question: Question) -> dict[str, Any]:
    """Revoke what this collection granted. If the vault or the application no longer exists, there is nothing to do.

    Raises:
        TaskError: a group uses the permissions, or some could not be revoked. It names all that failed.
    """
    try:
        return _remove_all(task, azure, question, assess(azure, question))
    except TaskError as error:
        failure = error
    if failure.details.get("status") != NOT_FOUND:
        raise failure
    if failure.plane == "Entra":
        return _without_application(task, azure, question, failure)
    if not existence.is_gone(azure, question.locator):
        raise failure
    # Access policies and role assignments at a vault are deleted with it (Azure contract §1.2, §1.7).
    return _nothing_left(existence.record(azure, question.locator), question, failure.details.get("done", []))


def _without_application(task: Task, azure: Azure, question: Question, failure: TaskError) -> dict[str, Any]:
    """Nothing to revoke for a deleted application. A second answer must confirm that it no longer exists."""
    try:
        before = assess(azure, question)
    except TaskError as error:
        if error.details.get("status") != NOT_FOUND or error.plane != failure.plane:
            raise
    else:
        return _remove_all(task, azure, question, before)
    task.warn(
        f"The service principal of application {question.client_id} no longer exists, so its permissions cannot be "
        "used. Entries with an unknown identity may remain at the vault (the portal shows them as unknown). Without "
        "the object ID, the task cannot identify the entries of this application."
    )
    return _nothing_left(None, question, [])


def _nothing_left(
    vault: dict[str, Any] | None, question: Question, done: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The result if vault or application no longer exists: nothing to revoke, nothing to assess.

    ``done``: the changes of this run before the vault was deleted.
    """
    return {
        "changed": bool(done),
        "plan": list(done),
        "diff": {"before": {}, "after": {}},
        "effect": REMOVED if done else "unchanged",
        "proof": None,
        "locks": [],
        "left": [],
        "verdict": UNKNOWN,
        "rights": [],
        "findings": [],
        "over_privileges": [],
        # With the same keys as where they exist: what cannot be read any more is None.
        "vault": None if vault is None else {**vault, "reachable_for_dsm": None},
        "application": {
            "client_id": question.client_id,
            "object_id": question.object_id,
            **dict.fromkeys(("name", "enabled", "home_tenant_id", "credentials")),
            "disabled": [],
        },
    }


def _remove_all(task: Task, azure: Azure, question: Question, before: Assessment) -> dict[str, Any]:
    removal = repair.removal(before.access, question.wanted)
    if not before.access.store.planned:
        # One answer without a permission may be from before it was granted.
        again = reassess(azure, question, before)
        before, removal = _with_more(before, removal, again, repair.removal(again.access, question.wanted))
    left = []
    if removal.permissions and not task.params["confirm_remove_policy"]:
        left.append(
            {
                "what": "key permissions in the access policy",
                "permissions": list(removal.permissions),
                "reason": "it is unknown who set them; confirm_remove_policy removes them",
            }
        )
        removal = RightsRemoval(removal.assignments, removal.local, ())
    plan = Plan(repair.changes_of_removal(before.access, removal))
    if not plan:
        return {**result_of(plan, before, before, effect="unchanged", proof=None), "left": left}
    access = before.access
    refuse_while_in_use(task, access.identity.client_id, what="these permissions", vault_uri=access.store.uri)
    needed = grants.actions_of_removal(access, removal)
    grants.require_permitted(azure, access, needed, task.warn)
    there = locks.in_the_way_of(azure.arm, needed)
    tell_unknown(task, there)
    forbidden = there.forbidden(needed)
    possible = grants.permitted_part(removal, {action for (action, _scope), _lock in forbidden})
    refused = _refused(before, forbidden, possible, check_mode=task.check_mode)
    if refused is not None and (task.check_mode or not repair.changes_of_removal(access, possible)):
        raise refused
    if task.check_mode:
        predicted = judged(question, azure, repair.without(before.access, removal), before.registration)
        return {**result_of(plan, before, predicted, effect="planned", proof=None, there=there), "left": left}
    made: list[Change] = []
    _remove(azure, before, possible, made, [] if refused is None else [refused])
    try:
        after, effect = _wait_until_gone(task, azure, question, before, removal, made)
    except TaskError as error:
        raise stopped(made, "removal", error) from None
    if effect == NOT_YET_REMOVED:
        task.warn(
            "Azure accepted the removal, but still shows some of the permissions: it needs up to ten minutes, or "
            "another client has granted them again. Run the task again."
        )
    return {**result_of(plan, before, after, effect=effect, proof=None, there=there), "left": left}


def _refused(
    before: Assessment,
    forbidden: Sequence[tuple[locks.Action, locks.Lock]],
    possible: RightsRemoval,
    *,
    check_mode: bool,
) -> TaskError | None:
    """The failure for what locks forbid; None if they forbid nothing. The rest is removed anyway."""
    if not forbidden:
        return None
    rest = [change.as_result() for change in repair.changes_of_removal(before.access, possible)]
    told = ""
    if rest:
        told = "The other entries are removed anyway" + (" in a run without check mode" if check_mode else "")
    error = locks.forbidden_by(forbidden, obj=f"vault {before.access.store.name}", told=told)
    if check_mode:
        error.details["plan"] = rest
    return error


def _with_more(
    first: Assessment, seen: RightsRemoval, second: Assessment, seen_again: RightsRemoval
) -> tuple[Assessment, RightsRemoval]:
    """The later of two answers, unless it shows fewer of our entries than the earlier one."""
    sizes = [sum(map(len, (one.assignments, one.local, one.permissions))) for one in (seen, seen_again)]
    return (first, seen) if sizes[0] > sizes[1] else (second, seen_again)


def _remove(
    azure: Azure, before: Assessment, removal: RightsRemoval, made: list[Change], refused: Sequence[TaskError]
) -> None:
    """Remove one after the other. A failure does not stop the others.

    Raises:
        TaskError: names all that failed, including ``refused``, and what was removed already.
    """
    single = [RightsRemoval((one,), (), ()) for one in removal.assignments]
    single += [RightsRemoval((), (one,), ()) for one in removal.local]
    single += [RightsRemoval((), (), removal.permissions)] if removal.permissions else []
    failures = list(refused)
    for one in single:
        try:
            grants.take_back(azure, before.access, one)
        except AzureError as error:
            failures.append(error)
            if error.obj == LOGIN:
                # If the sign-in fails, nothing else will work.
                break
        else:
            made.extend(repair.changes_of_removal(before.access, one))
    if failures:
        raise stopped(made, "removal", _together(failures))


def _together(failures: Sequence[TaskError]) -> TaskError:
    """One failure for all of them."""
    first, *others = failures
    if not others:
        return first
    named = "; ".join(
        f"{one.obj}: {one.problem}" + (f" ({one.server_words})" if one.server_words else "") for one in others
    )
    return TaskError(
        f"{first.problem}; also failed: {named}",
        plane=first.plane,
        obj=first.obj,
        server_words=first.server_words,
        next_step=first.next_step,
        **first.details,
    )


def _wait_until_gone(
    task: Task, azure: Azure, question: Question, before: Assessment, removal: RightsRemoval, made: list[Change]
) -> tuple[Assessment, str]:
    """Read until several answers in a row show none of our entries, or until the time is over.

    Entries that appear only now are removed, too: a stale answer had hidden them.
    """
    patience, in_a_row = patience_of(task), 0
    while True:
        after = reassess(azure, question, before)
        found = repair.removal(after.access, question.wanted)
        if not task.params["confirm_remove_policy"]:
            found = RightsRemoval(found.assignments, found.local, ())
        came_up = _besides(found, removal)
        if repair.changes_of_removal(after.access, came_up):
            _remove(azure, after, came_up, made, [])
            removal = found
        in_a_row = 0 if repair.changes_of_removal(after.access, found) else in_a_row + 1
        if in_a_row >= READS_IN_A_ROW:
            return after, REMOVED
        if not patience.pause():
            return after, NOT_YET_REMOVED


def _besides(found: RightsRemoval, removal: RightsRemoval) -> RightsRemoval:
    """The part of the first that is not in the second."""
    known = {path_key(one.id) for one in (*removal.assignments, *removal.local)}
    return RightsRemoval(
        tuple(one for one in found.assignments if path_key(one.id) not in known),
        tuple(one for one in found.local if path_key(one.id) not in known),
        tuple(one for one in found.permissions if one not in removal.permissions),
    )
