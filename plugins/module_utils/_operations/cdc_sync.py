# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""SYNC KEYS (guide 4.7)."""

from __future__ import annotations

from typing import Any

from .._argspec import ArgumentSpec
from .._dsm.account.approvals import Approval, Asking, as_result
from .._dsm.groups.selection import Selection, resolve
from .._dsm.groups.stored_groups import Group
from .._dsm.keys import virtual_keys
from .._dsm.keys.virtual_keys import KeyChanges, VirtualKey
from .._dsm.wire.client import DsmClient, connect
from .._dsm.wire.errors import DsmError
from .._errors import TaskError
from .._options import APPROVAL, DSM, ONE_GROUP
from .._plan import Change, Plan
from .._task import Task

# Reads of a list that is out of date, and seconds between two of them.
_MOST_READS, _PAUSE = 3, 1.0

SPEC = DSM.merge(
    ONE_GROUP,
    ArgumentSpec(
        argument_spec={
            "sync_timeout": {"type": "int", "default": 600},
            "only_when_empty": {"type": "bool", "default": False},
        },
    ),
    APPROVAL,
)


def run(task: Task) -> dict[str, Any]:
    wanted = options_of(task)
    with connect(task, read_only=task.check_mode) as dsm:
        return run_with(task, wanted, dsm)


def options_of(task: Task) -> tuple[Selection, Asking]:
    """The options, checked without any request.

    Raises:
        InvalidInput: one of them is not valid.
    """
    selection = Selection.from_params(task.params)
    return selection, Asking.from_params(task.params)


def run_with(
    task: Task, wanted: tuple[Selection, Asking], dsm: DsmClient, known: Group | None = None
) -> dict[str, Any]:
    """The work of :func:`run`, with options that were checked and this client.

    Args:
        known: the group as the caller has just read it.
    """
    selection, asking = wanted
    group = known or resolve(dsm, selection, check_mode=task.check_mode)
    before: list[VirtualKey] = []
    if group.group_id is not None:
        before = list(virtual_keys.list_keys(dsm, group.group_id, group.label))
    skipped = task.params["only_when_empty"] and bool(before)
    if skipped or task.check_mode or group.group_id is None:
        return _result(group, before, before, "no_sync" if skipped else "unknown")
    try:
        outcome = virtual_keys.scan(dsm, group.synced, task.params["sync_timeout"], asking)
    except DsmError as error:
        raise _partial_failure(dsm, group, before, error) from None
    if outcome.is_pending:
        return _result(group, before, before, "unknown", outcome.approval)
    after, lacking = _keys_after(dsm, group, before, outcome.answer)
    if lacking:
        task.warn(
            f"DSM's list of the keys of {group.label} does not contain {lacking} of the keys that the sync created: "
            "it is out of date. The result does not contain them."
        )
    result = _result(group, before, after, None, outcome.approval)
    return {**result, "changed": result["changed"] or bool(lacking)}


def _keys_after(dsm: DsmClient, group: Group, before: list[VirtualKey], answer: Any) -> tuple[list[VirtualKey], int]:
    """The keys after the sync, and how many of those that it has returned as new are not among them.

    A list without them is out of date, and is read again. Whether the response has all new keys is not public (DSM
    contract §7, Q30): it proves what is missing, and nothing else.
    """
    returned = {str(key.get("kid")) for key in answer if isinstance(key, dict)} if isinstance(answer, list) else set()
    returned -= {"None", *(key.kid for key in before)}
    for reads in range(1, _MOST_READS + 1):
        after = list(virtual_keys.list_keys(dsm, str(group.group_id), group.label))
        lacking = returned - {key.kid for key in after}
        if not lacking or reads == _MOST_READS:
            break
        dsm.pause(_PAUSE)
    return after, len(lacking)


def _partial_failure(dsm: DsmClient, group: Group, before: list[VirtualKey], error: DsmError) -> TaskError:
    """A sync may fail midway (DSM contract §7, Q46): the failure reports which keys it has changed before."""
    changes = virtual_keys.compare(before, virtual_keys.list_keys(dsm, str(group.group_id), group.label))
    if not changes:
        return error
    dsm.journal.note("DSM", group.label, "sync of keys, in part")
    counts = {"new": len(changes.new), "updated": len(changes.updated), "vanished": len(changes.vanished)}
    words = {"new": "created", "updated": "updated", "vanished": "deleted or destroyed"}
    done = ", ".join(f"{count} {words[name]}" for name, count in counts.items() if count)
    found = error.details.get("diagnosis")
    first = "fix the cause in the error text" if found is None else error.next_step
    return TaskError(
        f"the sync failed with HTTP status {error.status} after it had changed virtual keys in DSM: {done}"
        + ("" if found is None else f"; {error.problem}"),
        plane=error.plane,
        obj=group.label,
        server_words=error.words,
        next_step=f"{first}, and run the task again, which syncs all keys of the group",
        status=error.status,
        synced=counts,
        **({} if found is None else {"diagnosis": found}),
    )


def _result(
    group: Group,
    before: list[VirtualKey],
    after: list[VirtualKey],
    prediction: str | None,
    approval: Approval | None = None,
) -> dict[str, Any]:
    changes = virtual_keys.compare(before, after)
    return {
        "changed": bool(changes) or (approval is not None and approval.filed),
        "prediction": prediction,
        "new": [key.record() for key in changes.new],
        "updated": [key.record() for key in changes.updated],
        "vanished": [key.record() for key in changes.vanished],
        "key_count": len([key for key in after if not key.gone]),
        "waits_for": None if group.group_id else f"{group.label}, which a previous step has only planned",
        "group": group.record(exists=group.group_id is not None),
        "plan": _plan(group, changes, prediction).as_result(),
        "diff": {"before": {"keys": _names(before)}, "after": {"keys": _names(after)}},
        **as_result(approval),
    }


def _plan(group: Group, changes: KeyChanges, prediction: str | None) -> Plan:
    """The sync itself. Its results are not known in advance: DSM has no dry run (DSM contract §3.3)."""
    if prediction == "no_sync":
        return Plan()
    counts = {"new": len(changes.new), "updated": len(changes.updated), "vanished": len(changes.vanished)}
    after = {"keys": "unknown"} if prediction == "unknown" else counts
    return Plan((Change("DSM", group.label, "sync", {}, after, "keys are synced with the vault"),))


def _names(listed: list[VirtualKey]) -> list[str]:
    return sorted(
        " ".join(filter(None, (key.name, key.azure_version, key.state, "" if key.enabled else "disabled")))
        for key in listed
    )
