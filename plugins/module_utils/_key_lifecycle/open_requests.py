# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Approval requests to create a key, if the vault has one of that name from somebody else by the time of the approval.

Azure adds a version to that key, and those who use it without naming a version use the new one at once.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from .._azure.keys.key_records import KeyVersion
from .._dsm.account import approvals
from .._dsm.account.approval_requests import ApprovalRequest
from .._dsm.account.guarded_keys import GuardedKey
from .._errors import TaskError
from .._keys.key_decisions import SeenKey
from .._timestamps import parse_iso
from .observed_key import ObservedKey

# The longest time that DSM is known to keep a request, from its last approval on (DSM contract Q31).
_KEPT = timedelta(days=90)


def refuse_creations(key: ObservedKey, seen: SeenKey, dsm_name: str) -> None:
    """Raises TaskError: a request to create the key is open. ``seen``: a key that no such request has created."""
    found = approvals.open_creations(key.dsm, _sought(key, dsm_name), key.label)
    if found:
        raise _occupied(key, found[0], seen)


def refuse_occupied(key: ObservedKey, request: ApprovalRequest) -> None:
    """Look again before the result of an approved creation is requested: DSM may carry it out only then.

    Raises:
        TaskError: somebody else has created a key of this name meanwhile.
    """
    if key.vault is None:
        # As before the request was filed: without a look in Azure, only a sync shows such a key.
        key.sync()
    else:
        key.read_records()
    seen = key.look()
    if seen.key is not None:
        raise _occupied(key, request, seen)


def refuse_added_version(key: ObservedKey, seen: SeenKey, dsm_name: str) -> None:
    """Look for what DSM has carried out on the approval, before this task could look.

    Args:
        seen: a key that such a request has created.

    Raises:
        TaskError: somebody else had created a key of this name between the request and its approval.
    """
    if key.vault is None or seen.key is None or seen.key.azure is None or not _is_recent(key, seen):
        return
    approved = [one for one in approvals.open_creations(key.dsm, _sought(key, dsm_name), key.label) if one.is_approved]
    if not approved:
        return
    found = key.read_versions(seen.key) or ()
    ours = {one.key.azure_version for one in key.records if one.recorded_origin is not None}
    for request in approved:
        theirs = _added_to(found, ours, parse_iso(request.created))
        if theirs:
            raise TaskError(
                f"somebody else has created a key of this name in the vault before {request.label} was approved: the "
                f"key of this task is a version of it, and these versions are not from this task: {', '.join(theirs)}",
                plane="Azure",
                obj=key.label,
                next_step="find out who uses that key: whoever names no version uses the current one, and can name "
                "another version instead; then choose another name for the new key, or delete that request in DSM to "
                "keep the key as it is",
                unchanged=True,
                key=key.shown(seen.key),
                older_versions=theirs,
            )


def _added_to(found: Iterable[KeyVersion], ours: Container[str | None], filed: datetime | None) -> list[str]:
    """The versions that somebody else has created since the request was filed, before DSM created ours."""
    since = [
        (one.attributes.created, one.id)
        for one in found
        if filed is not None and one.attributes.created is not None and one.attributes.created >= filed
    ]
    own = [created for created, version in since if version in ours]
    return sorted(version for created, version in since if version not in ours and own and created <= min(own))


def _is_recent(key: ObservedKey, seen: SeenKey) -> bool:
    """Whether DSM may still have the request that the key was created for. Saves requests for all older keys."""
    newest = None if seen.key is None else seen.key.newest
    created = None if newest is None else newest.created
    return created is None or key.dsm.clock.now("DSM") - created < _KEPT


def _sought(key: ObservedKey, dsm_name: str) -> GuardedKey:
    return replace(key.guarded_key, name=dsm_name)


def _occupied(key: ObservedKey, request: ApprovalRequest, seen: SeenKey) -> TaskError:
    return TaskError(
        f"there is a key of this name by now that this task has not created, and {request.label} would add a version "
        "to it",
        plane="Azure" if seen.with_azure else "DSM",
        obj=key.label,
        next_step="have that request denied, or withdraw it in DSM; then choose another name, or run the task again to "
        "manage the key that exists",
        unchanged=True,
        key=key.shown(seen.key),
        approval={"id": request.request_id, "requester": request.requester},
    )
