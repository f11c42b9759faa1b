# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The group and its Azure link as one object (guide 4.3, 4.6, 4.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._argspec import ArgumentSpec
from .._dsm.account import approvals
from .._dsm.account.approvals import Approval, Asking
from .._dsm.groups import group_writes, link_edit, stored_groups
from .._dsm.groups.desired import OPTIONS, DesiredGroup, find, make, target_of, wanted_from
from .._dsm.groups.stored_groups import CREDENTIAL_FACT, Group
from .._dsm.wire.client import DsmClient, connect
from .._dsm.wire.errors import DsmError
from .._errors import InvalidInput, TaskError
from .._options import APPROVAL, DSM, LINK_EDIT
from .._plan import Change, Plan, refuse_planned
from .._rest.statuses import BAD_REQUEST, CONFLICT, NOT_FOUND
from .._task import Task

SPEC = DSM.merge(
    ArgumentSpec(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    ),
    OPTIONS,
    LINK_EDIT,
    APPROVAL,
)

_NEEDED_TO_CREATE = ("name", "link_tenant_id", "link_client_id", "link_subscription_id")


def run(task: Task) -> dict[str, Any]:
    wanted = options_of(task)
    with connect(task, read_only=task.check_mode) as dsm:
        return run_with(task, wanted, dsm)


def options_of(task: Task) -> DesiredGroup:
    """The options, checked without any request.

    Raises:
        InvalidInput: one of them is not valid.
    """
    wanted = wanted_from(task.params)
    Asking.from_params(task.params)
    if wanted.vault is not None:
        wanted.vault.refuse_planned(check_mode=task.check_mode)
    if not task.check_mode:
        credential, step = "the credential of the link", "registers the credential"
        refuse_planned("credential_planned", wanted.credential_planned, credential, step)
    if wanted.is_pending and not task.check_mode:
        raise InvalidInput(
            "link_client_id",
            "it is the placeholder of an application that does not exist yet, which only check mode accepts",
            "run the task that creates the application first, and set the client ID that it returns",
        )
    return wanted


def run_with(task: Task, wanted: DesiredGroup, dsm: DsmClient, known: Group | None = None) -> dict[str, Any]:
    """The work of :func:`run`, with options that were checked and this client.

    Args:
        known: the group as the caller has just read it. It is read again before anything is written.
    """
    asking = Asking.from_params(task.params)
    if known is not None and _is_settled(known, wanted):
        return make(dsm, task, known, wanted, asking)
    if task.params["state"] == "absent":
        return _remove(dsm, task, find(dsm, wanted, thorough=False), asking)
    missing = missing_to_create(task.params, wanted)
    current = find(dsm, wanted, thorough=True, creates=not missing and not task.check_mode)
    if current is None and missing:
        raise incomplete(wanted, missing)
    return make(dsm, task, current, wanted, asking)


def incomplete(wanted: DesiredGroup, missing: list[str]) -> InvalidInput:
    """Why a group cannot be created. ``missing``: of :func:`missing_to_create`."""
    return InvalidInput(
        missing[0],
        f"{wanted.label} does not exist, and these options are required to create it: {', '.join(missing)}",
        "set them, or correct the name if the group should already exist",
    )


def _is_settled(current: Group, wanted: DesiredGroup) -> bool:
    """Whether there is certainly nothing to write, decided without any request."""
    target = target_of(current, wanted)
    link, vault = target.azure_link, wanted.vault
    if wanted.is_pending or (vault is not None and (vault.planned or not vault.is_stored_in(link))):
        return False
    if not link.same_as(current.azure_link) or target.view() != current.view():
        return False
    credential = wanted.link.credential_for(link)
    if credential is None or wanted.update_credential == "on_create":
        return True
    recorded = current.custom_metadata.get(CREDENTIAL_FACT)
    return wanted.update_credential == "on_change" and recorded is not None and recorded == credential.fact


def missing_to_create(params: Mapping[str, Any], wanted: DesiredGroup) -> list[str]:
    """The names of the missing options that are required to create the group."""
    missing = [option for option in _NEEDED_TO_CREATE if params[option] is None]
    return missing + (
        [] if wanted.link.has_credential or wanted.is_pending else ["link_client_secret or link_certificate"]
    )


def _remove(dsm: DsmClient, task: Task, current: Group | None, asking: Asking) -> dict[str, Any]:
    if current is None:
        name, group_id = task.params["name"], task.params["group_id"]
        record = Group(name=name or "", group_id=group_id).record(exists=False)
        return {
            "changed": False,
            "group": record,
            "plan": [],
            "diff": {"before": {}, "after": {}},
            **approvals.as_result(None),
        }
    _refuse_full(current, link_edit.count_keys(dsm, current))
    plan = Plan((Change("DSM", current.label, "delete", current.view(), {}, "state is absent"),))
    approval, changed = _delete(dsm, current, asking, check_mode=task.check_mode)
    waits = approval is not None and approval.is_pending
    return {
        "changed": changed,
        "group": replace(current, planned=task.check_mode and not waits).record(exists=waits),
        "plan": plan.as_result(),
        "diff": {"before": current.view(), "after": {} if changed else current.view()},
        **approvals.as_result(approval),
    }


def _refuse_full(current: Group, count: int | None, words: str = "") -> None:
    """Refuse to delete a group that has keys, or whose keys cannot be counted (None). ``words``: DSM's refusal."""
    if count == 0:
        return
    one_or_more = f"it contains {count} key{'' if count == 1 else 's'}"
    why = "this DSM identity cannot list its keys" if count is None else one_or_more
    raise TaskError(
        f"the group was not deleted, because {why}; deleted and destroyed keys count",
        plane="DSM",
        obj=f"{current.label} ({current.group_id})",
        server_words=words,
        next_step="delete the keys individually first; this module never purges keys",
        keys=count,
    )


def _delete(dsm: DsmClient, current: Group, asking: Asking, *, check_mode: bool) -> tuple[Approval | None, bool]:
    """Delete the group and check the deletion; the approval, if any, and whether this task changed something."""
    operation = group_writes.deletion(current)
    if check_mode:
        approval = approvals.predict(dsm, operation, asking) if current.guarded else None
        return approval, approval is None or not approval.is_pending
    try:
        outcome = approvals.carry_out(dsm, operation, asking, guarded=current.guarded)
    except DsmError as error:
        if error.status in (BAD_REQUEST, CONFLICT):
            # Keys may have been created since they were counted (DSM contract §7, Q10).
            _refuse_full(current, link_edit.count_keys(dsm, current), error.words)
        if error.status != NOT_FOUND:
            raise
        # Somebody else has already deleted the group.
        return None, False
    if not outcome.is_pending and stored_groups.get(dsm, str(current.group_id)) is not None:
        raise TaskError(
            "DSM accepted the deletion, but still returns the group",
            plane="DSM",
            obj=current.label,
            next_step="run the task again",
        )
    return outcome.approval, not outcome.is_pending or (outcome.approval is not None and outcome.approval.filed)
