# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Checks whether the operator has the permissions that a task needs. Read-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from ..._errors import TaskError
from ..rights.evaluation import grants
from ..rights.facts import RoleDefinition
from ..wire.optional_reads import Unread, optional
from ..wire.session import Azure
from . import role_assignments


def refuse_lacking(azure: Azure, needed: Sequence[tuple[str, str]], *, obj: str, remedy: str) -> dict[str, Unread]:
    """Fail before the first write if the operator lacks permissions. ``needed``: actions and scopes.

    Returns:
        The scopes where the operator's permissions cannot be read. Azure itself enforces them.

    Raises:
        TaskError: names the actions and the scopes.
    """
    # The response does not contain conditions on the operator's roles.
    read = {scope: held_at(azure, scope) for scope in {at for _action, at in needed}}
    lacking = [(action, scope) for action, scope in needed if lacks(read[scope], action)]
    if lacking:
        listed = "; ".join(f"{action} at {scope}" for action, scope in lacking)
        raise TaskError(
            f"the operator lacks permissions for the required changes: {listed}",
            plane="Azure",
            obj=obj,
            next_step=remedy,
            unchanged=True,
            lacking=[{"action": action, "scope": scope} for action, scope in lacking],
        )
    return {scope: held for scope, held in read.items() if isinstance(held, Unread)}


def held_at(azure: Azure, scope: str) -> RoleDefinition | Unread:
    """The operator's own permissions at a scope, as one role."""
    held = optional(partial(role_assignments.callers_permissions, azure.arm, scope))
    return held if isinstance(held, Unread) else RoleDefinition("", "", held)


def lacks(held: RoleDefinition | Unread, action: str) -> bool:
    """Whether the operator is known to lack an action."""
    return not isinstance(held, Unread) and not grants(held, action, data=False)


def warning_about(unread: Mapping[str, Unread]) -> str | None:
    """The warning for the user about permissions that are unknown; None without any."""
    if not unread:
        return None
    listed = "; ".join(f"{scope} ({one.why})" for scope, one in unread.items())
    return (
        f"The operator's own permissions cannot be read at {listed}, so they are not checked before the first write. "
        "Azure rejects what they do not permit."
    )
