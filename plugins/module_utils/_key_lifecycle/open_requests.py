# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Approval requests that would still create a key, of which the vault has one from somebody else by now.

Azure would add a version to that key, and those who use it without naming a version would use the new one at once.
"""

from __future__ import annotations

from .._dsm.account import approvals
from .._dsm.account.approval_requests import ApprovalRequest
from .._dsm.account.guarded_keys import VaultKey, place_of
from .._errors import TaskError
from .._keys.key_decisions import SeenKey
from .observed_key import ObservedKey


def refuse_creations(key: ObservedKey, seen: SeenKey, dsm_name: str) -> None:
    """Raises TaskError: a request to create the key is open. ``seen``: a key that no such request has created."""
    kids = frozenset(one.key.kid for one in key.records)
    sought = VaultKey(place_of(key.group.group_id, key.name), kids, dsm_name)
    found = approvals.open_creations(key.dsm, sought, key.label)
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


def _occupied(key: ObservedKey, request: ApprovalRequest, seen: SeenKey) -> TaskError:
    return TaskError(
        f"there is a key of this name by now that this task has not created, and {request.label} would add a version "
        "to it",
        plane="Azure" if seen.with_azure else "DSM",
        obj=key.label,
        next_step="have that request denied, or withdraw it in DSM; then choose another name, or run the task again to "
        "manage the key that exists",
        unchanged=True,
        key=key.shown(seen),
        approval={"id": request.request_id, "requester": request.requester},
    )
