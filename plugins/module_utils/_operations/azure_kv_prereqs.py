# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The rights of an application at one vault, granted and taken back (guide 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _time
from .._argspec import ArgumentSpec
from .._azure import authorization, grants, repair
from .._azure.access import INEFFECTIVE, MISSING, UNKNOWN
from .._azure.credential import operator_of
from .._azure.errors import AzureError
from .._azure.facts import RoleDefinition
from .._azure.prerequisites import Assessment, Question, assess, judged, reassess
from .._azure.repair import CUSTOM, OFFICER, Removal, Step
from .._azure.session import Azure, connect
from .._dsm import keys
from .._dsm.approvals import FAIL
from .._dsm.client import DsmClient
from .._dsm.client import connect as connect_dsm
from .._dsm.errors import DsmError
from .._dsm.groups import Group
from .._dsm.in_use import refuse_while_in_use
from .._dsm.selection import Selection, resolve
from .._errors import InvalidInput, TaskError
from .._options import APP_RIGHTS, AZURE, GROUP_SELECTION, OPTIONAL_DSM, RIGHTS_PROFILES
from .._plan import Plan
from .._task import Task

SPEC = AZURE.merge(
    APP_RIGHTS,
    OPTIONAL_DSM,
    GROUP_SELECTION,
    ArgumentSpec(
        argument_spec={
            "rights_profile": {"type": "str", "choices": RIGHTS_PROFILES, "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "data_role": {"type": "str", "default": CUSTOM},
            "confirm_remove_policy": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 300},
            "wait_interval": {"type": "int", "default": 5},
        },
    ),
)

# Azure answers from several places that learn of a change one after the other (style: azurerm's several reads).
_READS_IN_A_ROW = 3
EFFECTIVE, NOT_YET_EFFECTIVE = "effective", "granted_not_yet_effective"
_GROUP_OPTIONS = ("group_name", "group_id", "group")


def run(task: Task) -> dict[str, Any]:
    question = Question.from_params(task.params, check_mode=task.check_mode)
    _check(task)
    with connect(operator_of(task), read_only=task.check_mode) as azure:
        before = assess(azure, question)
        if task.params["state"] == "absent":
            return _take_back(task, azure, question, before)
        return _grant(task, azure, question, before)


def _check(task: Task) -> None:
    for option, least in (("wait_timeout", 0), ("wait_interval", 0)):
        if task.params[option] < least:
            raise InvalidInput(option, "it is negative", "set a number of seconds")
    if _wants_proof(task) and task.params["state"] == "present" and task.params["dsm_endpoint"] is None:
        raise InvalidInput(
            "dsm_endpoint",
            "it is missing, and the group in DSM is to prove the rights",
            "set it and the login to DSM, or leave the group out",
        )


def _wants_proof(task: Task) -> bool:
    return any(task.params[option] is not None for option in _GROUP_OPTIONS)


# Granting -----------------------------------------------------------------------------------------------------------


def _grant(task: Task, azure: Azure, question: Question, before: Assessment) -> dict[str, Any]:
    steps = _steps(task, azure, question, before)
    plan = Plan(tuple(repair.change_of(step, before.access) for step in steps))
    unknown = [verdict.requirement for verdict in before.verdicts if verdict.verdict == UNKNOWN]
    if unknown:
        task.warn(f"It is unknown whether these rights are there, so they are not granted: {', '.join(unknown)}.")
    if not steps:
        return _result(plan, before, before, effect="unchanged", proof=None)
    grants.preflight(azure, before.access, grants.actions_of(before.access, steps))
    if task.check_mode:
        predicted = repair.predicted(before.access, steps)
        after = judged(question, azure, predicted, before.registration)
        return _result(plan, before, after, effect="planned", proof=None)
    deadline = _time.monotonic() + task.params["wait_timeout"]
    interval = task.params["wait_interval"]
    done: list[Step] = []
    for step in steps:
        try:
            grants.apply(azure, before.access, step, deadline=deadline, interval=interval)
        except AzureError as error:
            raise _stopped(before, done, error) from None
        done.append(step)
    lacking = {verdict.requirement for verdict in before.verdicts if verdict.verdict in (MISSING, INEFFECTIVE)}
    after, effect = _wait(azure, question, before, lacking, deadline, interval)
    proof = "reads" if effect == EFFECTIVE else None
    if effect == EFFECTIVE and _wants_proof(task):
        proof = _proof_by_sync(task, deadline, interval)
        effect = EFFECTIVE if proof else NOT_YET_EFFECTIVE
    if effect == NOT_YET_EFFECTIVE:
        task.warn(
            "The rights were granted, and are not effective everywhere yet. Azure needs up to ten minutes. Run "
            "azure_kv_prereqs_info or the sync again before you rely on them."
        )
    elif effect == UNKNOWN:
        task.warn("The rights were granted, and it cannot be read whether they are effective; the findings say why.")
    return _result(plan, before, after, effect=effect, proof=proof)


def _steps(task: Task, azure: Azure, question: Question, before: Assessment) -> tuple[Step, ...]:
    need = repair.needs(before.access, question.wanted, before.verdicts)
    data_role = _data_role(task, azure, before)
    own = repair.custom_role_for(before.access, need, data_role)
    stored = None
    if own is not None:
        stored = grants.stored_role(azure, repair.subscription_of(before.access), own.guid)
    return repair.plan(before.access, need, data_role, stored)


def _data_role(task: Task, azure: Azure, before: Assessment) -> str | RoleDefinition:
    given = str(task.params["data_role"]).strip()
    if given.lower() in (CUSTOM, OFFICER):
        return given.lower()
    try:
        return authorization.role(azure.arm, before.access.store.resource_id, authorization.guid_of(given))
    except AzureError as error:
        if error.status != 404:
            raise
        cause = error.server_words
    raise InvalidInput(
        "data_role",
        f'there is no role definition "{given}" at this vault ({cause})',
        "set it to custom, to crypto_officer, or to the GUID of a role that can be assigned there",
    )


def _stopped(before: Assessment, done: Sequence[Step], error: AzureError) -> TaskError:
    """A grant that fails midway: what has been granted stays, and the next run goes on from there."""
    if not done:
        return error
    made = [repair.change_of(step, before.access).as_result() for step in done]
    return TaskError(
        f"{error.problem}, after {len(done)} of the grants had been made",
        plane=error.plane,
        obj=error.obj,
        server_words=error.server_words,
        next_step=f"{error.next_step or 'correct the cause'}; run the task again, which goes on where this one stopped",
        done=made,
    )


def _wait(
    azure: Azure, question: Question, before: Assessment, lacking: set[str], deadline: float, interval: float
) -> tuple[Assessment, str]:
    """Look until the rights have been there several times in a row, or until the time is over."""
    in_a_row = 0
    while True:
        after = reassess(azure, question, before)
        words = {verdict.verdict for verdict in after.verdicts if verdict.requirement in lacking}
        in_a_row = 0 if words & {MISSING, INEFFECTIVE} else in_a_row + 1
        if in_a_row >= _READS_IN_A_ROW:
            return after, UNKNOWN if UNKNOWN in words else EFFECTIVE
        if _time.monotonic() + interval > deadline:
            return after, NOT_YET_EFFECTIVE
        _time.sleep(interval)


def _proof_by_sync(task: Task, deadline: float, interval: float) -> str | None:
    """DSM's own access to the keys is the only proof of effect: what Azure shows may run ahead of what it does."""
    with connect_dsm(task, read_only=False) as dsm:
        group = resolve(dsm, Selection.from_params(task.params), check_mode=False)
        if group.group_id is None:
            return "reads"
        while not _syncs(task, dsm, group, deadline):
            if _time.monotonic() + interval > deadline:
                return None
            _time.sleep(interval)
    return "sync"


def _syncs(task: Task, dsm: DsmClient, group: Group, deadline: float) -> bool:
    """Whether a sync works now. The last one may take ten seconds longer than the user waits."""
    try:
        keys.scan(dsm, str(group.group_id), group.label, max(deadline - _time.monotonic(), 10), FAIL)
    except DsmError as error:
        task.warn(f"The sync of {group.label} does not work yet: {error.server_words}")
        return False
    return True


# Taking back --------------------------------------------------------------------------------------------------------


def _take_back(task: Task, azure: Azure, question: Question, before: Assessment) -> dict[str, Any]:
    removal = repair.removal(before.access, question.wanted)
    left = []
    if removal.permissions and not task.params["confirm_remove_policy"]:
        left.append(
            {
                "what": "key permissions in the access policy",
                "permissions": list(removal.permissions),
                "reason": "nothing shows who set them; confirm_remove_policy removes them",
            }
        )
        removal = Removal(removal.assignments, removal.local, ())
    plan = Plan(repair.changes_of_removal(before.access, removal))
    if not plan:
        return {**_result(plan, before, before, effect="unchanged", proof=None), "left": left}
    access = before.access
    refuse_while_in_use(task, access.identity.client_id, what="these rights", vault_uri=access.store.uri)
    grants.preflight(azure, before.access, grants.actions_of_removal(before.access, removal))
    predicted = repair.without(before.access, removal)
    after = judged(question, azure, predicted, before.registration)
    if not task.check_mode:
        grants.take_back(azure, before.access, removal)
    effect = "planned" if task.check_mode else "removed"
    return {**_result(plan, before, after, effect=effect, proof=None), "left": left}


def _result(plan: Plan, before: Assessment, after: Assessment, *, effect: str, proof: str | None) -> dict[str, Any]:
    views = {"before": _view(before), "after": _view(after)} if plan else {"before": {}, "after": {}}
    return {
        "changed": bool(plan),
        "plan": plan.as_result(),
        "diff": views,
        "effect": effect,
        "proof": proof,
        **after.result(),
    }


def _view(assessment: Assessment) -> dict[str, Any]:
    return {
        "vault": assessment.access.store.name,
        "application": assessment.access.identity.client_id,
        "rights": assessment.rights_view(),
    }
