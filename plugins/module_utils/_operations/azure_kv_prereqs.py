# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Grants and removes the permissions of an application at one vault (guide 4.2 of *Fortanix DSM - Azure Key Vault CDC
Group Setup*, https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .._argspec import ArgumentSpec
from .._azure.authorization import role_assignments
from .._azure.prerequisites import grants
from .._azure.prerequisites.assessment import Assessment, Question, assess, judged, reassess
from .._azure.prerequisites.results import READS_IN_A_ROW, patience_of, result_of, stopped, tell_unknown
from .._azure.rights import repair
from .._azure.rights.evaluation import INEFFECTIVE, MISSING, UNKNOWN
from .._azure.rights.facts import RoleDefinition
from .._azure.rights.repair import CUSTOM, OFFICER, AddToPolicy, DefineRole, Step
from .._azure.wire.credential import Operator, operator_of
from .._azure.wire.errors import AzureError
from .._azure.wire.session import Azure, connect, retryable
from .._dsm.account.approvals import FAIL
from .._dsm.groups.selection import Selection, resolve
from .._dsm.groups.stored_groups import Group
from .._dsm.keys import virtual_keys
from .._dsm.wire.client import DsmClient
from .._dsm.wire.client import connect as connect_dsm
from .._dsm.wire.errors import DsmError
from .._errors import InvalidInput, TaskError
from .._names import last_segment, name_key
from .._options import APP_RIGHTS, AZURE, GROUP_SELECTION, OPTIONAL_DSM, RIGHTS_PROFILES
from .._plan import Change, Plan
from .._removal.rights import take_back
from .._rest.statuses import NOT_FOUND
from .._task import Task
from .._waiter import Patience

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

_MISSES_IN_A_ROW = 2
EFFECTIVE, NOT_YET_EFFECTIVE = "effective", "granted_not_yet_effective"
_GROUP_OPTIONS = ("group_name", "group_id", "group")


def run(task: Task) -> dict[str, Any]:
    return run_with(task, options_of(task), operator_of(task))


def options_of(task: Task) -> Question:
    """The options, checked without any request.

    Raises:
        InvalidInput: one of them is invalid.
    """
    question = Question.from_params(task.params, check_mode=task.check_mode)
    _check(task)
    return question


def run_with(task: Task, question: Question, operator: Operator) -> dict[str, Any]:
    """Like :func:`run`, with checked options and this operator."""
    with connect(operator, read_only=task.check_mode) as azure, retryable():
        if task.params["state"] == "absent":
            return take_back(task, azure, question)
        return _grant(task, azure, question, assess(azure, question))


def _check(task: Task) -> None:
    if _wants_proof(task) and task.params["state"] == "present" and task.params["dsm_endpoint"] is None:
        raise InvalidInput(
            "dsm_endpoint",
            "it is missing, but a group is set, whose sync tests the permissions",
            "set dsm_endpoint and the DSM credentials, or omit the group",
        )


def _wants_proof(task: Task) -> bool:
    return any(task.params[option] is not None for option in _GROUP_OPTIONS)


# Granting -----------------------------------------------------------------------------------------------------------


def _grant(task: Task, azure: Azure, question: Question, before: Assessment) -> dict[str, Any]:
    steps = _steps(task, azure, question, before)
    plan = Plan(tuple(repair.change_of(step, before.access) for step in steps))
    unknown = [
        verdict.requirement
        for verdict in before.verdicts
        if verdict.verdict == UNKNOWN and not repair.is_granted_by_repair(verdict)
    ]
    if unknown:
        task.warn(
            "It is unknown whether the application has these permissions, so they are not granted: "
            f"{', '.join(unknown)}."
        )
    if not steps:
        return result_of(plan, before, before, effect="unchanged", proof=None)
    there = grants.preflight(azure, before.access, grants.actions_of(before.access, steps), task.warn)
    tell_unknown(task, there)
    if task.check_mode:
        predicted = repair.predicted(before.access, steps)
        after = judged(question, azure, predicted, before.registration)
        return result_of(plan, before, after, effect="planned", proof=None, there=there)
    granting = _Granting(task, azure, question, before, patience_of(task))
    granting.carry_out(before, steps)
    after, effect = granting.wait()
    proof = "reads" if effect == EFFECTIVE else None
    if effect == EFFECTIVE and _wants_proof(task):
        proof = _proof_by_sync(task, granting.patience)
        # A proof takes time, and a sync only proves what it uses: all permissions must still exist.
        after = granting.look()
        effect = EFFECTIVE if proof and not _lacking(after) else NOT_YET_EFFECTIVE
        proof = proof if effect == EFFECTIVE else None
    if effect == NOT_YET_EFFECTIVE:
        lacking = _lacking(after)
        task.warn(
            "The permissions were granted but are not effective everywhere yet"
            + (f" ({', '.join(sorted(lacking))}: not visible when last read)" if lacking else "")
            + ". Azure needs up to ten minutes. Run azure_kv_prereqs_info or the sync again before you rely on them."
        )
    elif effect == UNKNOWN:
        task.warn("The permissions were granted. Whether they are effective cannot be read; see the findings.")
    return result_of(Plan(tuple(granting.changes)), before, after, effect=effect, proof=proof, there=there)


def _lacking(assessment: Assessment) -> set[str]:
    """The requirements that are not met."""
    return {one.requirement for one in assessment.verdicts if one.verdict in (MISSING, INEFFECTIVE)}


@dataclass
class _Granting:
    """The grants of one run. ``given``: what was granted, named as in :func:`_parts`."""

    task: Task
    azure: Azure
    question: Question
    before: Assessment
    patience: Patience
    given: set[str] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)

    def carry_out(self, seen: Assessment, steps: Sequence[Step]) -> None:
        """Carry out these steps.

        Raises:
            TaskError: one is rejected. The error lists the completed ones.
        """
        for step in steps:
            try:
                grants.apply(self.azure, seen.access, step, self.patience)
            except AzureError as error:
                raise stopped(self.changes, "grant", error) from None
            self.given |= _parts(step)
            self.changes.append(repair.change_of(step, seen.access))

    def look(self) -> Assessment:
        """The current permissions.

        Raises:
            TaskError: they cannot be read. The error lists what was granted before.
        """
        try:
            return reassess(self.azure, self.question, self.before)
        except TaskError as error:
            raise stopped(self.changes, "grant", error) from None

    def wait(self) -> tuple[Assessment, str]:
        """Read until all permissions were present several times in a row, or until the timeout.

        The first read may have shown permissions that no longer existed. Those that are then missing, and that this run
        did not grant, are granted once, after they were missing twice in a row: a read may also be outdated.
        """
        in_a_row, missed, again = 0, 0, True
        while True:
            after = self.look()
            lacking = _lacking(after)
            in_a_row = 0 if lacking or self._is_unread(after) else in_a_row + 1
            if in_a_row >= READS_IN_A_ROW:
                words = {verdict.verdict for verdict in after.verdicts}
                return after, UNKNOWN if UNKNOWN in words else EFFECTIVE
            more = self._not_given(after) if lacking and again else ()
            missed = missed + 1 if more else 0
            if missed >= _MISSES_IN_A_ROW:
                again = False
                self._refuse_lacking(after, more)
                self.carry_out(after, more)
            if not self.patience.pause():
                return after, NOT_YET_EFFECTIVE

    def _is_unread(self, after: Assessment) -> bool:
        """Whether the definition of a role that this run has assigned is not readable yet, so its effect is unknown."""
        access = after.access
        held = [*(access.assignments or ()), *(access.local or ())]
        known = {*access.roles, *access.local_roles}
        return any(_assigned(last_segment(one.id)) in self.given and one.role_guid not in known for one in held)

    def _not_given(self, after: Assessment) -> tuple[Step, ...]:
        """What a new run would grant, without what this run has granted."""
        try:
            steps = _steps(self.task, self.azure, self.question, after)
        except TaskError as error:
            raise stopped(self.changes, "grant", error) from None
        return tuple(step for step in steps if not _parts(step) <= self.given)

    def _refuse_lacking(self, after: Assessment, steps: Sequence[Step]) -> None:
        try:
            grants.preflight(self.azure, after.access, grants.actions_of(after.access, steps), self.task.warn)
        except TaskError as error:
            raise stopped(self.changes, "grant", error) from None


def _parts(step: Step) -> set[str]:
    """What a step grants, as names to compare."""
    if isinstance(step, AddToPolicy):
        return set(step.permissions)
    if isinstance(step, DefineRole):
        return {f"definition {step.definition.guid}"}
    return {_assigned(step.name)}


def _assigned(name: str) -> str:
    return f"assignment {name}"


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
    if name_key(given) in (CUSTOM, OFFICER):
        return name_key(given)
    remedy = "set data_role to custom, to crypto_officer, or to the GUID of a role that can be assigned at this vault"
    guid = last_segment(given)
    if not guid:
        # Without a GUID, the address of a role is that of the list of all roles.
        raise InvalidInput("data_role", "it names no role", remedy)
    try:
        return role_assignments.role(azure.arm, before.access.store.resource_id, guid)
    except AzureError as error:
        if error.status != NOT_FOUND:
            raise
        cause = error.server_words
    raise InvalidInput("data_role", f'the role definition "{given}" does not exist at this vault ({cause})', remedy)


def _proof_by_sync(task: Task, patience: Patience) -> str | None:
    """Only DSM's own access to the keys proves the effect: Azure may report a grant before it is enforced."""
    # Imported here: the table behind it takes tens of milliseconds to import, and few tasks need it.
    from .._dsm.link.lasting import lasts

    with connect_dsm(task, read_only=False) as dsm:
        group = resolve(dsm, Selection.from_params(task.params), check_mode=False)
        if group.group_id is None:
            return "reads"
        while True:
            refused = _refused_sync(dsm, group, patience)
            if refused is None:
                return "sync"
            final = lasts(refused.words, refused.status, about_caller=refused.is_about_caller)
            if final or not patience.pause():
                break
    told = (
        "fails, and waiting does not help. Run fortanix.dsm.cdc_connection for the cause"
        if final
        else "does not succeed yet"
    )
    task.warn(f'The sync of {group.label} {told}. The server returned: "{refused.server_words}"')
    return None


def _refused_sync(dsm: DsmClient, group: Group, patience: Patience) -> DsmError | None:
    """Why a sync fails now; None if it succeeds. The last one may exceed the user's timeout by ten seconds."""
    try:
        virtual_keys.scan(dsm, group.synced, max(patience.left, 10), FAIL)
    except DsmError as error:
        return error
    return None
